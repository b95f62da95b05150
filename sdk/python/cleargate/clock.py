"""Time as the journal keeps it: a replay sees the same. Importing it also lends it to `time` and `datetime`."""

from wit_world.imports import clock as host


def now() -> int:
    """Milliseconds since 1970-01-01T00:00:00Z."""
    return host.now()


def elapsed() -> int:
    """Milliseconds since the call began; never goes back."""
    return host.elapsed()


def sleep(ms: int) -> None:
    """Waits, at most until the call's deadline."""
    host.sleep(ms)
