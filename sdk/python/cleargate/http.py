"""Requests to the hosts that were granted."""

from dataclasses import dataclass
from typing import Any, Iterator

from wit_world.imports import http as host

from .failure import Failure, foreign
from .schema import text
from .wire import asking

# Most bytes of one piece of a streamed body: a piece that fits the host's own read buffer.
PIECE = 64 * 1024


@dataclass(frozen=True)
class Response:
    """A whole answer."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes

    def header(self, name: str) -> str | None:
        """The first header of a name, in any case; nothing when there is none."""
        return next((value for own, value in self.headers if own.lower() == name.lower()), None)

    def ok(self) -> "Response":
        """Turns a status of 400 and above into a failure; 408, 429 and 5xx may be tried again."""
        if self.status < 400:
            return self
        again = self.status in (408, 429) or self.status >= 500
        code = "transient" if again else "permanent"
        raise Failure(code, f"the peer answered {self.status}", detail={"status": self.status})

    def text(self) -> str:
        """The body as text."""
        return self.body.decode()

    def json(self) -> Any:
        """The body as data."""
        return foreign("the answer", self.body)


@dataclass(frozen=True)
class Streamed:
    """An answer whose body is still on its way."""

    status: int
    headers: list[tuple[str, str]]
    _body: Any

    def __iter__(self) -> Iterator[bytes]:
        """Pieces of at most 64 KiB."""
        with self._body:
            while (piece := asking(self._body.next)(PIECE)) is not None:
                yield piece


def request(
    method: str, url: str, headers: dict[str, str] | None, body: bytes | str | None, json: Any, timeout_ms: int | None
) -> host.Request:
    """A request as the contract writes it. Data in `json` is sent as JSON."""
    named = dict(headers or {})
    if json is not None:
        named.setdefault("content-type", "application/json")
        body = text(json)
    sent = body.encode() if isinstance(body, str) else body
    return host.Request(method, url, [host.Header(*pair) for pair in named.items()], sent, timeout_ms)


def pairs(headers: list[host.Header]) -> list[tuple[str, str]]:
    """Names and values."""
    return [(header.name, header.value) for header in headers]


@asking
def send(
    method: str,
    url: str,
    *,
    headers: dict[str, str] | None = None,
    body: bytes | str | None = None,
    json: Any = None,
    timeout_ms: int | None = None,
) -> Response:
    """Sends a request and reads the whole answer. A status is no error: see `Response.ok`."""
    answer = host.send(request(method, url, headers, body, json, timeout_ms))
    return Response(answer.status, pairs(answer.headers), answer.body)


def get(url: str, **more: Any) -> Response:
    """As `send`, with GET."""
    return send("GET", url, **more)


def post(url: str, **more: Any) -> Response:
    """As `send`, with POST."""
    return send("POST", url, **more)


@asking
def stream(
    method: str,
    url: str,
    *,
    headers: dict[str, str] | None = None,
    body: bytes | str | None = None,
    json: Any = None,
    timeout_ms: int | None = None,
) -> Streamed:
    """Sends a request and returns as soon as the headers are there; iterating reads the body."""
    answer = host.open(request(method, url, headers, body, json, timeout_ms))
    return Streamed(answer.status, pairs(answer.headers), answer.body)
