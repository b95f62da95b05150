"""Finds passages that answer a question."""

from dataclasses import dataclass, field
from typing import Any, Callable

from ..wire import guarded, returned, write
from .part import Part

RETRIEVER = Part("retriever", search="query limit")


@dataclass(frozen=True)
class Passage:
    """What is found. The same passage has the same `id` in each search; a greater score is better.

    `metadata` is a record: where it comes from, and whatever else is known.
    """

    id: str
    text: str
    score: float
    metadata: dict[str, Any] = field(default_factory=dict)


def retriever[F: Callable[..., Any]](function: F, /) -> F:
    """Makes a function a retriever. It takes some of `query`, `limit`, `config` and `ctx`, by name.

    It returns at most `limit` passages, the best first.
    """
    RETRIEVER.function(function)
    return function


class Export:
    """The exports of the contract."""

    ready = staticmethod(RETRIEVER.ready)

    @guarded
    def search(self, ctx: Any, query: str, limit: int, config: Any) -> Any:
        from wit_world.exports import retriever as own

        found = RETRIEVER.call("search", ctx, config, query=query, limit=limit)
        return [
            own.Passage(
                returned(str, "`id`", each.id),
                returned(str, "`text`", each.text),
                float(each.score),
                write(each.metadata),
            )
            for each in found
        ]
