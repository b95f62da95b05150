"""Leads Python's ordinary HTTP clients to the host: `urllib.request`, `http.client`, `requests`, `httpx`, with `https`.

All of them write a request to a socket and read the answer from it. There are no sockets here, and none are made: a
`Connection` reads the request that is written to it, sends it with `cleargate.http`, and gives back what came. So the
hosts that were granted are reached and no others, whatever library asks; the host makes the connection, with TLS, and
follows redirects. What is no HTTP cannot work, and neither can clients that wait for many sockets at once.
"""

import enum
import importlib
import io
import os
import sys
import types
from typing import Any

from .failure import Failure

# Fields of the connection: the host sets its own.
OWN = {"host", "connection", "content-length", "transfer-encoding", "accept-encoding", "keep-alive", "te"}

# Fields of an answer that tell how its bytes came: they came whole.
TOLD = {"connection", "content-length", "transfer-encoding", "content-encoding", "keep-alive"}

# Errors of Python for codes of the host; all others are a `ConnectionError`.
ERRORS: dict[str, type[OSError]] = {"denied": PermissionError, "timeout": TimeoutError}

# The list of certificates, as a path.
TRUSTED = "/certificates-of-the-host"

# Modules that clients import when they are needed first.
LATE = {"httpx": ("httpcore",), "requests": ("idna",)}


def unchunked(data: bytes) -> bytes | None:
    """A body that is sent in chunks; nothing, as long as the last one is not there."""
    body, rest = b"", data
    while True:
        size, mark, rest = rest.partition(b"\r\n")
        if not mark:
            return None
        length = int(size.split(b";")[0], 16)
        if len(rest) < length + 2:
            return None
        if length == 0:
            return body
        body, rest = body + rest[:length], rest[length + 2 :]


class Pieces(io.RawIOBase):
    """The bytes of an answer, as they come."""

    def __init__(self, head: bytes, pieces: Any):
        self._held, self._pieces = head, pieces

    def readable(self) -> bool:
        return True

    def readinto(self, into: Any) -> int:
        if not self._held:
            try:
                self._held = next(self._pieces, b"")
            except Failure as failure:
                raise error_of(failure) from failure
        part, self._held = self._held[: len(into)], self._held[len(into) :]
        into[: len(part)] = part
        return len(part)


def error_of(failure: Failure) -> OSError:
    """The error that clients of Python expect. The failure stays with it, as its cause."""
    error = ERRORS.get(failure.code, ConnectionError)(failure.message)
    error.__cause__ = failure
    return error


class Connection:
    """What clients take for a socket. `http` is the service, when the plugin asks for it."""

    http: Any = None

    def __init__(self, *_family: Any, **_named: Any):
        self._address, self._scheme, self._written, self._answer = ("", 0), "http", b"", None
        self._timeout: int | None = None
        self._refusal: OSError | None = None

    def connect(self, address: tuple[str, int]) -> None:
        if Connection.http is None:
            raise PermissionError("a plugin has no network of its own; import `cleargate.http`, and name the hosts")
        self._address = address

    def settimeout(self, timeout: Any) -> None:
        self._timeout = round(timeout * 1000) if isinstance(timeout, (int, float)) else None

    def sendall(self, data: Any, _flags: int = 0) -> None:
        self._written += bytes(data)
        request = self._request()
        if request is not None:
            self._written = b""
            self._send(*request)

    def send(self, data: Any, _flags: int = 0) -> int:
        self.sendall(data)
        return len(data)

    def recv(self, most: int, _flags: int = 0) -> bytes:
        into = bytearray(most)
        return bytes(into[: self._coming().readinto(into)])

    def _request(self) -> tuple[str, str, dict[str, str], bytes] | None:
        """The request, as soon as all of it is written."""
        head, mark, body = self._written.partition(b"\r\n\r\n")
        if not mark:
            return None
        first, *lines = head.decode("latin-1").split("\r\n")
        method, target, _ = first.split(" ", 2)
        fields = dict(line.split(":", 1) for line in lines)
        fields = {name.strip().lower(): value.strip() for name, value in fields.items()}
        if "chunked" in fields.get("transfer-encoding", ""):
            whole = unchunked(body)
            if whole is None:
                return None
            body = whole
        elif len(body) < int(fields.get("content-length", 0)):
            return None
        host, port = self._address
        named = f"[{host}]" if ":" in host else host
        url = f"{self._scheme}://{named}:{port}{target}"
        if (self._scheme, port) in (("http", 80), ("https", 443)):
            url = f"{self._scheme}://{named}{target}"
        return method, url, {name: value for name, value in fields.items() if name not in OWN}, body

    def _send(self, method: str, url: str, fields: dict[str, str], body: bytes) -> None:
        try:
            answer = Connection.http.stream(method, url, headers=fields, body=body or None, timeout_ms=self._timeout)
        except Failure as failure:
            # Some clients swallow what a write raises, and read whether there is an answer after all.
            self._refusal = error_of(failure)
            raise self._refusal from failure
        head = [f"HTTP/1.1 {answer.status} ", *(f"{n}: {v}" for n, v in answer.headers if n.lower() not in TOLD)]
        text = "\r\n".join([*head, "connection: close", "", ""])
        self._answer = Pieces(text.encode("latin-1", "replace"), iter(answer))

    def _coming(self) -> Pieces:
        if self._refusal is not None:
            raise self._refusal
        if self._answer is None:
            raise ConnectionError("the answer is read before the request is whole")
        return self._answer

    def makefile(self, _mode: str = "rb", *_more: Any, **_named: Any) -> io.BufferedReader:
        return io.BufferedReader(self._coming())

    def setsockopt(self, *_option: Any) -> None:
        pass

    def shutdown(self, _how: int) -> None:
        pass

    def close(self) -> None:
        self._written = b""


class Context:
    """What clients take for the settings of TLS. They are the host's: it checks certificates always."""

    check_hostname, post_handshake_auth, verify_mode, options, verify_flags = True, None, 2, 0, 0

    def __init__(self, *_protocol: Any):
        pass

    def wrap_socket(self, connection: Connection, server_hostname: Any = None, **_more: Any) -> Connection:
        connection._scheme = "https"
        return connection

    def nothing(self, *_args: Any, **_more: Any) -> None:
        pass

    set_alpn_protocols = set_ciphers = load_default_certs = load_verify_locations = nothing


class Wrapped:
    """What clients ask a connection whether it is: none is."""


class Version(enum.IntEnum):
    """Versions of TLS, which the host chooses."""

    MINIMUM_SUPPORTED, TLSv1_2, TLSv1_3, MAXIMUM_SUPPORTED = -2, 0x0303, 0x0304, -1


def refused(*_args: Any, **_more: Any) -> Any:
    """For what is no request."""
    raise PermissionError("a plugin has no sockets; it sends requests with `urllib.request`, `http.client` or `cleargate.http`")


def untrusting(*_args: Any, **_more: Any) -> Any:
    """For a connection to whoever answers."""
    raise PermissionError("the host checks certificates always; a plugin cannot ask it not to")


def connected(address: tuple[str, int], timeout: Any = None, *_more: Any, **_named: Any) -> Connection:
    connection = Connection()
    connection.connect(address)
    connection.settimeout(timeout)
    return connection


def sockets() -> types.ModuleType:
    """The module `socket`. Names are looked up by the host, so they are addresses here."""
    socket = types.ModuleType("socket")
    socket.socket, socket.create_connection = Connection, connected
    socket.getaddrinfo = lambda host, port, *_more, **_named: [(2, 1, 6, "", (host, port))]
    socket.error, socket.timeout = OSError, TimeoutError
    socket.gaierror = socket.herror = type("gaierror", (OSError,), {"__module__": "socket"})
    socket._GLOBAL_DEFAULT_TIMEOUT = object()
    socket.AF_UNSPEC, socket.AF_INET, socket.AF_INET6, socket.SOCK_STREAM, socket.SOL_SOCKET = 0, 2, 10, 1, 1
    socket.IPPROTO_TCP, socket.TCP_NODELAY, socket.SO_KEEPALIVE = 6, 1, 9
    socket.SHUT_RD, socket.SHUT_WR, socket.SHUT_RDWR = 0, 1, 2
    socket.has_ipv6, socket.getdefaulttimeout = False, lambda: None
    socket.socketpair = socket.gethostbyname = socket.setdefaulttimeout = refused
    socket.gethostname = socket.getfqdn = lambda *_name: "localhost"
    return socket


def tls() -> types.ModuleType:
    """The module `ssl`."""
    ssl = types.ModuleType("ssl")
    ssl.SSLError = ssl.SSLCertVerificationError = ssl.CertificateError = type("SSLError", (OSError,), {"__module__": "ssl"})
    ssl.SSLContext, ssl.SSLSocket, ssl.TLSVersion = Context, Wrapped, Version
    ssl.CERT_NONE, ssl.CERT_OPTIONAL, ssl.CERT_REQUIRED, ssl.PROTOCOL_TLS, ssl.PROTOCOL_TLS_CLIENT = 0, 1, 2, 2, 16
    ssl.OP_NO_SSLv2 = ssl.OP_NO_SSLv3 = ssl.OP_NO_COMPRESSION = ssl.OP_NO_TICKET = 0
    ssl.VERIFY_X509_PARTIAL_CHAIN = ssl.VERIFY_X509_STRICT = 0
    ssl.HAS_SNI, ssl.HAS_ALPN, ssl.HAS_NEVER_CHECK_COMMON_NAME, ssl.OPENSSL_VERSION = True, True, True, "OpenSSL of the host"
    ssl.OPENSSL_VERSION_INFO = (3, 0, 0, 0, 0)
    ssl.create_default_context = ssl._create_default_https_context = lambda *_args, **_more: Context()
    ssl._create_unverified_context = untrusting
    return ssl


def certificates() -> types.ModuleType:
    """The module `certifi`: who is trusted is the host's to know, so no list of them is carried along."""
    certifi, exists = types.ModuleType("certifi"), os.path.exists
    certifi.where, certifi.contents = lambda: TRUSTED, lambda: ""
    # Clients look whether it is there; nothing reads it.
    os.path.exists = lambda path: path == TRUSTED or exists(path)
    return certifi


def complete() -> None:
    """Imports what clients import in the middle of a request, when the build is over."""
    for client, late in LATE.items():
        if client in sys.modules:
            for name in late:
                importlib.import_module(name)


def lend(http: Any) -> None:
    """Puts the modules in place that clients import. Runs before any of them is read."""
    Connection.http = http
    sys.modules["socket"], sys.modules["ssl"], sys.modules["certifi"] = sockets(), tls(), certificates()
