"""Turns texts into vectors whose distance says how near their meanings are."""

from typing import Any, Callable

from ..wire import guarded
from .part import Part

EMBEDDER = Part("embedder", embed="texts")


def embedder[F: Callable[..., Any]](function: F, /) -> F:
    """Makes a function an embedder. It takes some of `texts`, `config` and `ctx`, by name.

    It returns a vector for each text, in their order; all of one length.
    """
    EMBEDDER.function(function)
    return function


class Export:
    """The exports of the contract."""

    ready = staticmethod(EMBEDDER.ready)

    @guarded
    def embed(self, ctx: Any, texts: list[str], config: Any) -> list[list[float]]:
        vectors = EMBEDDER.call("embed", ctx, config, texts=texts)
        return [[float(number) for number in vector] for vector in vectors]
