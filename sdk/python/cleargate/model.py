"""Models by the names that the flow gives them."""

from typing import Any, Iterator

from wit_world.imports import model as host

from .reply import Reply, taken
from .wire import asking, write


@asking
def complete(model: str, request: Any) -> Reply:
    """Asks a model. `request` has `messages`, and maybe `tools`, `schema`, `max_tokens` and `temperature`."""
    return taken(host.complete(model, write(request)))


class Stream:
    """The text of an answer as it is made: iterate over it, then ask for the whole `reply`."""

    def __init__(self, stream: Any):
        self._stream = stream

    def __iter__(self) -> Iterator[str]:
        while (piece := asking(self._stream.next)()) is not None:
            yield piece

    def reply(self) -> Reply:
        """The whole answer, after the last piece."""
        return taken(asking(self._stream.reply)())


@asking
def stream(model: str, request: Any) -> Stream:
    """Asks a model as `complete` does, and reads the text in pieces."""
    return Stream(host.open(model, write(request)))
