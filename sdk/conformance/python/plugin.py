"""Does what every plugin may do: the conformance suite in Python."""

from dataclasses import dataclass
from typing import Annotated, Any, NotRequired, TypedDict

from cleargate import (
    Chunk,
    Context,
    Escalate,
    Failure,
    Finding,
    Modify,
    Pass,
    Reject,
    blob,
    clock,
    config as settings,
    filter,
    guardrail,
    http,
    kv,
    log,
    node,
    random,
    secret,
    tool,
)


class Text(TypedDict):
    text: Annotated[str, "The text that is measured."]
    most: NotRequired[Annotated[int, "Most letters that it may have."]]


@dataclass
class Size:
    letters: int
    bytes: int


@node(effect="pure")
def measure(input: Text) -> Size:
    """Counts letters and bytes."""
    text = input["text"]
    if len(text) > input.get("most", len(text)):
        raise Failure("limit", f"more than {input['most']} letters")
    return Size(len(text), len(text.encode()))


class Value(TypedDict):
    value: Any


@tool(read_only=True)
def echo(value: Annotated[Any, "Any value of JSON."]) -> Value:
    """Gives back what it was given."""
    return {"value": value}


def stores() -> list[Any]:
    old, none = kv.get("notes", "old"), kv.get("notes", "none")
    kv.set("notes", "new", "1")
    first, second = kv.swap("notes", "new", "1", "2"), kv.swap("notes", "new", "1", "3")
    keys = kv.list("notes").keys
    kv.delete("notes", "old")
    return [old and old.decode(), none, first, second, keys, kv.get("notes", "old")]


def request() -> list[Any]:
    answer = http.post("https://api.example.com/é?q=1", json={"a": "é"}, headers={"x-part": "1"})
    return [answer.status, answer.header("x-answer"), answer.json()]


def stream() -> list[Any]:
    answer = http.stream("GET", "https://api.example.com/")
    return [answer.status, b"".join(answer).decode()]


DOES = {
    "clock": lambda ctx: [clock.sleep(1), clock.now(), clock.elapsed()][1:],
    "random": lambda ctx: list(random.bytes(8)),
    "log": lambda ctx: log.info("hello é", answer=42) or "written",
    "config": lambda ctx: settings.get(),
    "kv": lambda ctx: stores(),
    "bytes": lambda ctx: [kv.set("notes", "bytes", bytes([0, 255, 128, 10])), *kv.get("notes", "bytes")][1:],
    "http": lambda ctx: request(),
    "status": lambda ctx: http.get("https://api.example.com/").ok().status,
    "stream": lambda ctx: stream(),
    "secret": lambda ctx: secret.placeholder("KEY"),
    "blob": lambda ctx: blob.put(b"bytes", "text/plain").size,
    "context": lambda ctx: [ctx.run_id, ctx.address, ctx.attempt, ctx.deadline, ctx.idempotency_key],
}


class Got(TypedDict):
    got: Any


@tool
def service(what: Annotated[str, "The service."], ctx: Context) -> Got:
    """Uses a service of the host."""
    if what not in DOES:
        raise Failure("invalid_input", f"no service {what}")
    return {"got": DOES[what](ctx)}


def endless() -> None:
    while True:
        pass


def deep(depth: int) -> int:
    return 1 + deep(depth + 1)


WAYS = {
    "stack": lambda: deep(0),
    "trap": lambda: None.field,
    "fuel": endless,
    "memory": lambda: [bytearray(1 << 20) for _ in iter(int, 1)],
    "sleep": lambda: clock.sleep(60_000),
}


@tool
def fail(how: Annotated[str, "The code, or the way."]) -> Value:
    """Fails as it is asked."""
    if how in WAYS:
        WAYS[how]()
    raise Failure(how, "as asked", detail={"how": how})


@dataclass
class Decision:
    verdict: str


@guardrail
def judge(content: Any, config: Decision, stage: str) -> Pass | Modify | Reject | Escalate:
    """Decides as it is configured."""
    findings = [Finding("seen", "it was seen", "/was")]
    match config.verdict:
        case "pass":
            return Pass()
        case "modify":
            return Modify({"stage": stage, "was": content}, findings)
        case "reject":
            return Reject("as configured", findings)
    return Escalate("as configured", findings)


@dataclass
class Word:
    word: str


@filter
class Mark:
    """Marks what passes."""

    def before(self, request: Any, config: Word) -> Any:
        return request | {"marked": config.word}

    def after(self, response: Any, config: Word, request: Any) -> Any:
        return response | {"marked": [config.word, request["marked"]]}

    def on_chunk(self, chunk: Chunk, config: Word) -> tuple[str, int]:
        return chunk.text + (config.word if chunk.last else ""), (chunk.carry or 0) + 1
