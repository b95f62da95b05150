"""Models by the names that the flow gives them."""

from dataclasses import dataclass
from typing import Any, Iterator

from wit_world.imports import model as host

from .wire import asking, read, write


@dataclass(frozen=True)
class Reply:
    """A message with `role`, `content` and perhaps `tool_calls`, and what it cost."""

    message: Any
    input_tokens: int
    output_tokens: int
    micro_usd: int


def reply(answer: host.Reply) -> Reply:
    """A reply as authors see it."""
    used = answer.usage
    return Reply(read("reply", answer.message), used.input_tokens, used.output_tokens, used.micro_usd)


@asking
def complete(model: str, request: Any) -> Reply:
    """Asks a model. The request holds `messages`, and perhaps `tools`, `schema`, `max_tokens`, `temperature`."""
    return reply(host.complete(model, write(request)))


class Stream:
    """The text of a reply as it is made; `reply` is whole after the last piece."""

    def __init__(self, stream: host.ReplyStream):
        self._stream = stream

    def __iter__(self) -> Iterator[str]:
        while (piece := asking(self._stream.next)()) is not None:
            yield piece

    def reply(self) -> Reply:
        """The whole reply, after the last piece."""
        return reply(asking(self._stream.reply)())


@asking
def stream(model: str, request: Any) -> Stream:
    """Asks a model, and reads the text as it is made."""
    return Stream(host.open(model, write(request)))
