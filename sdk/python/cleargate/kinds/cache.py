"""Keeps answers of models."""

from typing import Any

from ..wire import guarded, read, write
from .part import Part

CACHE = Part("cache", get="key", put="key entry ttl_ms")


def cache[C: type](cls: C, /) -> C:
    """Makes a class a cache, by its methods.

    `get(key, config, ctx)` returns what was kept and still holds, or `None`. `put(key, entry, ttl_ms, config, ctx)`
    keeps an entry, for ever when there is no time. Each takes what it wants, by name.
    """
    CACHE.methods(cls)
    return cls


class Export:
    """The exports of the contract."""

    ready = staticmethod(CACHE.ready)

    @guarded
    def get(self, ctx: Any, key: str, config: Any) -> Any:
        entry = CACHE.call("get", ctx, config, key=key)
        return None if entry is None else write(entry)

    @guarded
    def put(self, ctx: Any, key: str, entry: Any, ttl_ms: int | None, config: Any) -> None:
        CACHE.call("put", ctx, config, key=key, entry=read("entry", entry), ttl_ms=ttl_ms)
