"""What a model answered: providers give it, and the service `model` gives it to others."""

from dataclasses import dataclass
from typing import Any

from .wire import read, returned, write


@dataclass(frozen=True)
class Reply:
    """A message with `role`, `content` and, when there are any, `tool_calls`; and what it took.

    Money is in millionths of a US dollar.
    """

    message: Any
    input_tokens: int = 0
    output_tokens: int = 0
    micro_usd: int = 0


def taken(reply: Any) -> Reply:
    """An answer of the contract, as authors see it."""
    return Reply(read("reply", reply.message), **vars(reply.usage))


def given(reply: Reply, own: Any) -> Any:
    """An answer as the contract writes it, in the types of the module `own`."""
    if not isinstance(reply, Reply):
        raise TypeError("a provider returns Reply({'role': 'assistant', 'content': ..})")
    used = ("input_tokens", "output_tokens", "micro_usd")
    usage = own.Usage(*(returned(int, f"`{name}`", getattr(reply, name)) for name in used))
    return own.Reply(write(reply.message), usage)
