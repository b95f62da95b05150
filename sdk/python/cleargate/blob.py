"""Bytes behind media handles."""

from wit_world.imports import blob as host
from wit_world.imports.types import Media

from .wire import asking


@asking
def put(data: bytes, mime: str, name: str | None = None) -> Media:
    """Stores bytes and returns their handle, with `digest`, `mime`, `size` and `name`."""
    return host.put(data, mime, name)


@asking
def get(media: Media, offset: int, length: int) -> bytes:
    """At most `length` bytes from `offset`."""
    return host.get(media, offset, length)
