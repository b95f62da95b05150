"""Rewrites what goes to a model and what comes back. A filter always answers with content."""

import json
import re
from dataclasses import dataclass
from typing import Any, overload

from ..wire import context, guarded, read, returned, write
from .definition import NOTHING, Method, add, identifier, only, summary


@dataclass(frozen=True)
class Chunk:
    """A piece of streamed text; `carry` is what the call before returned, and `None` in the first."""

    text: str
    carry: Any
    last: bool


@dataclass(frozen=True)
class Filter:
    """A definition. Hooks that are left out pass everything on."""

    id: str
    summary: str
    before: Method | None
    after: Method | None
    on_chunk: Method | None

    @property
    def config(self) -> Any:
        """The schema of the configuration: one type, whichever hook names it."""
        hooks = (self.before, self.after, self.on_chunk)
        found = [hook.config for hook in hooks if hook is not None and hook.config is not None]
        if any(shape.schema != found[0].schema for shape in found):
            raise TypeError(f"the hooks of {self.id} take `config` of different types; write one")
        return found[0] if found else NOTHING


FILTERS: dict[str, Filter] = {}


@overload
def filter[C: type](cls: C, /) -> C: ...
@overload
def filter[C: type](*, id: str | None = ...) -> Any: ...
def filter(cls: Any = None, /, *, id: str | None = None) -> Any:
    """Makes a class a filter, by its methods.

    `before(request, config, ctx)` returns the request, `after(response, config, request, ctx)` the response, and
    `on_chunk(chunk, config, ctx)` the pair of text and carry. Each method takes what it wants, by name.
    """
    if cls is None:
        return lambda cls: filter_of(cls, id)
    return filter_of(cls, id)


def filter_of(cls: type, id: str | None) -> type:
    """Keeps the definition and gives the class back."""
    name = identifier(id or re.sub("(?<!^)([A-Z])", r"_\1", cls.__name__).lower())
    its = cls()

    def hook(name: str, *offer: str) -> Method | None:
        function = getattr(its, name, None)
        return None if function is None else Method(function).offered({*offer, "config", "ctx"})

    hooks = (hook("before", "request"), hook("after", "response", "request"), hook("on_chunk", "chunk"))
    if hooks == (None, None, None):
        raise TypeError(f"{cls.__name__} needs a method: before, after or on_chunk")
    kept = Filter(name, summary(cls), *hooks)
    assert kept.config
    add("filter", FILTERS, name, kept)
    return cls


class Export:
    """The exports of the contract."""

    @staticmethod
    def ready() -> None:
        """Refuses a component without one, or with two, when it is built."""
        only("filter", FILTERS)

    def describe(self) -> Any:
        from wit_world.exports import filter as own

        its = only("filter", FILTERS)
        return own.Description(its.id, its.summary, json.dumps(its.config.schema))

    @guarded
    def before(self, ctx: Any, request: Any, config: Any) -> Any:
        its = only("filter", FILTERS)
        settings, data = taken(its, config), read("request", request)
        if its.before is None:
            return write(data)
        return write(its.before.call(request=data, config=settings, ctx=context(ctx)))

    @guarded
    def after(self, ctx: Any, request: Any, response: Any, config: Any) -> Any:
        its = only("filter", FILTERS)
        settings, data = taken(its, config), read("response", response)
        if its.after is None:
            return write(data)
        offer = {"request": read("request", request), "response": data}
        return write(its.after.call(**offer, config=settings, ctx=context(ctx)))

    @guarded
    def on_chunk(self, ctx: Any, piece: Any, config: Any) -> Any:
        from wit_world.exports import filter as own

        its = only("filter", FILTERS)
        settings = taken(its, config)
        chunk = Chunk(piece.text, read("carry", piece.carry), piece.last)
        if its.on_chunk is None:
            return own.Filtered(chunk.text, write(chunk.carry))
        text, carry = its.on_chunk.call(chunk=chunk, config=settings, ctx=context(ctx))
        return own.Filtered(returned(str, "the text", text), write(carry))


def taken(its: Filter, config: Any) -> Any:
    """The configuration of a call."""
    return its.config.take("configuration", read("configuration", config))
