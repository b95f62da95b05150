"""Does what every plugin may do: the conformance suite in Python."""

from dataclasses import dataclass
from typing import Annotated, Any, NotRequired, TypedDict

from cleargate import (
    Batch,
    Chunk,
    Context,
    Escalate,
    Event,
    Failure,
    Finding,
    Modify,
    Pass,
    Passage,
    Reject,
    Reply,
    blob,
    cache,
    clock,
    config as settings,
    embedder,
    filter,
    guardrail,
    http,
    kv,
    log,
    model,
    node,
    provider,
    random,
    retriever,
    secret,
    summarizer,
    tokenizer,
    tool,
    tools,
    trigger,
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


def media() -> list[Any]:
    kept = blob.put(b"bytes", "text/plain")
    return [kept.size, list(blob.get(kept, 1, 3))]


QUESTION = {"messages": [{"role": "user", "content": "é"}]}


def asked() -> list[Any]:
    reply = model.complete("fast", QUESTION)
    return [reply.message["content"], reply.input_tokens, reply.output_tokens, reply.micro_usd]


def words() -> list[Any]:
    answer = model.stream("fast", QUESTION)
    return ["".join(answer), answer.reply().message["role"]]


def others() -> list[Any]:
    known = [[tool.name, tool.input["type"]] for tool in tools.list()]
    return [known, tools.call("web.search", {"q": "é"})]


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
    "blob": lambda ctx: media(),
    "model": lambda ctx: asked(),
    "words": lambda ctx: words(),
    "tools": lambda ctx: others(),
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


@provider
def complete(model: str, request: Any, config: Word) -> Reply:
    message = {"model": model, "request": request, "word": config.word}
    return Reply(message, input_tokens=1, output_tokens=2, micro_usd=(1 << 53) - 1)


@tokenizer
class Letters:
    def encode(self, text: str) -> list[int]:
        return [ord(letter) for letter in text]

    def decode(self, tokens: list[int]) -> str:
        return "".join(chr(token) for token in tokens)


@embedder
def embed(texts: list[str]) -> list[list[float]]:
    return [[len(text), 0.5] for text in texts]


@retriever
def search(query: str, limit: int, config: Word) -> list[Passage]:
    return [Passage(query, config.word, 0.25, {"limit": limit})][:limit]


@summarizer
def summarize(text: str, max_tokens: int) -> str:
    return 7 if text == "wrong" else text[:max_tokens]


@cache
class Keeps:
    def get(self, key: str) -> Any:
        return None if key == "none" else {"key": key}

    def put(self, key: str, entry: Any, ttl_ms: int | None) -> None:
        kv.set_json("notes", key, [entry, ttl_ms])


@trigger
class Brings:
    def poll(self, cursor: str | None, limit: int) -> Batch:
        if cursor is not None:
            return Batch()
        return Batch([Event("first", {"limit": limit}), Event("é", {})], "next")

    def reply(self, id: str, output: Any) -> None:
        if id == "fail":
            raise Failure("transient", "as asked")
        kv.set_json("notes", id, output)
