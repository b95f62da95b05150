"""Lines for the run's journal; bounded by the host, and cut with a marker."""

from typing import Any

from wit_world.imports import log as host


def write(level: str, message: str, **fields: Any) -> None:
    """Writes a line with named fields. The level is `trace`, `debug`, `info`, `warn` or `error`."""
    host.write(host.Level[level.upper()], message, [(name, str(value)) for name, value in fields.items()])


def debug(message: str, **fields: Any) -> None:
    """Writes a line for the plugin's author."""
    write("debug", message, **fields)


def info(message: str, **fields: Any) -> None:
    """Writes a line for the operator."""
    write("info", message, **fields)


def warn(message: str, **fields: Any) -> None:
    """Says that something is odd."""
    write("warn", message, **fields)


def error(message: str, **fields: Any) -> None:
    """Says that something failed."""
    write("error", message, **fields)
