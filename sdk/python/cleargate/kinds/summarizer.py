"""Makes a text shorter and keeps what matters."""

from typing import Any, Callable

from ..wire import guarded, returned
from .part import Part

SUMMARIZER = Part("summarizer", summarize="text max_tokens")


def summarizer[F: Callable[..., Any]](function: F, /) -> F:
    """Makes a function a summarizer. It takes some of `text`, `max_tokens`, `config` and `ctx`, by name.

    It returns a text of at most `max_tokens` tokens.
    """
    SUMMARIZER.function(function)
    return function


class Export:
    """The exports of the contract."""

    ready = staticmethod(SUMMARIZER.ready)

    @guarded
    def summarize(self, ctx: Any, text: str, max_tokens: int, config: Any) -> str:
        short = SUMMARIZER.call("summarize", ctx, config, text=text, max_tokens=max_tokens)
        return returned(str, "the summary", short)
