"""`fetch(url)`: requests to the hosts that were granted, in the words that programs know from JavaScript."""

import json as codec
from typing import Any

from cleargate import Failure, http
from toolbox import refusal


class Headers(dict[str, str]):
    """Headers by their names, in any case."""

    def __init__(self, pairs: list[tuple[str, str]]) -> None:
        super().__init__()
        for name, value in pairs:
            known = super().get(name.lower())
            self[name.lower()] = value if known is None else f"{known}, {value}"

    def __getitem__(self, name: str) -> str:
        return super().__getitem__(name.lower())

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and super().__contains__(name.lower())

    def get(self, name: str, default: Any = None) -> Any:
        return super().get(name.lower(), default)


class Response:
    """A whole answer. A status is no error: see `ok`."""

    def __init__(self, url: str, answer: http.Response) -> None:
        self.url, self.status, self.ok = url, answer.status, 200 <= answer.status < 300
        self.headers = Headers(answer.headers)
        self._body = answer.body

    def bytes(self) -> bytes:
        return self._body

    def text(self) -> str:
        return self._body.decode("utf-8", "replace")

    def json(self) -> Any:
        return codec.loads(self._body)

    def __repr__(self) -> str:
        return f"<Response {self.status} of {self.url}>"


def fetch(url: str, method: str = "GET", headers: dict[str, str] | None = None, body: Any = None) -> Response:
    """Sends a request and gives the whole answer: `status`, `ok`, `headers`, `text()`, `json()`, `bytes()`.

    `body` is text or bytes; a record or a list is sent as JSON. Raises ToolError when the host refuses it.
    """
    data = {"json": body} if isinstance(body, dict | list) else {"body": body}
    sent = {str(name): str(value) for name, value in (headers or {}).items()}
    try:
        return Response(url, http.send(method.upper(), url, headers=sent, **data))
    except Failure as failure:
        raise refusal(failure) from None
