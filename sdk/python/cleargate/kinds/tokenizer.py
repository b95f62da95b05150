"""Counts and cuts text as a model does."""

from typing import Any

from ..wire import guarded, returned
from .part import Part

TOKENIZER = Part("tokenizer", count="text", encode="text", decode="tokens")


def tokenizer[C: type](cls: C, /) -> C:
    """Makes a class a tokenizer, by its methods.

    `encode(text, config, ctx)` returns the tokens as whole numbers, and `decode(tokens, config, ctx)` their text.
    `count(text, config, ctx)` is the length of `encode` unless there is a faster way. Each takes what it wants, by name.
    """
    TOKENIZER.methods(cls, "count")
    return cls


class Export:
    """The exports of the contract."""

    ready = staticmethod(TOKENIZER.ready)

    @guarded
    def count(self, ctx: Any, text: str, config: Any) -> int:
        if TOKENIZER.has("count"):
            return returned(int, "the count", TOKENIZER.call("count", ctx, config, text=text))
        return len(TOKENIZER.call("encode", ctx, config, text=text))

    @guarded
    def encode(self, ctx: Any, text: str, config: Any) -> list[int]:
        tokens = TOKENIZER.call("encode", ctx, config, text=text)
        return [returned(int, "a token", token) for token in tokens]

    @guarded
    def decode(self, ctx: Any, tokens: list[int], config: Any) -> str:
        return returned(str, "the text", TOKENIZER.call("decode", ctx, config, tokens=tokens))
