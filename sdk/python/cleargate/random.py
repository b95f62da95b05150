"""Random bytes as the journal keeps them: a replay sees the same. Importing it also lends them to `random`,
`secrets` and `uuid`."""

from wit_world.imports import random as host


def bytes(length: int) -> "bytes":
    """At most 65,536 bytes."""
    return host.bytes(length)
