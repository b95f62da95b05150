"""Answers for models."""

from typing import Any, Callable

from ..reply import given
from ..wire import guarded, read
from .part import Part

PROVIDER = Part("provider", complete="model request")


def provider[F: Callable[..., Any]](function: F, /) -> F:
    """Makes a function a provider. It takes some of `model`, `request`, `config` and `ctx`, and returns a `Reply`.

    The request has `messages`, and maybe `tools`, `schema`, `max_tokens` and `temperature`.
    """
    PROVIDER.function(function)
    return function


class Export:
    """The exports of the contract."""

    ready = staticmethod(PROVIDER.ready)

    @guarded
    def complete(self, ctx: Any, model: str, request: Any, config: Any) -> Any:
        from wit_world.exports import provider as own

        data = read("request", request)
        return given(PROVIDER.call("complete", ctx, config, model=model, request=data), own)
