//! Plugins in Python, from a template to a flow. Packing CPython takes a while, so one project holds all templates and
//! the probe: it is built once, and the result is kept in the build folder.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::process::Command;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use crate::readme::{REMEMBERED, block};
use crate::world::{Done, World, soak};

/// A tool that does what its input says.
const PROBE: &str = r#"
import dataclasses, datetime, enum, json, random, time, urllib.error, urllib.request, uuid
from http.client import HTTPSConnection
from typing import Annotated, Any, Literal, TypedDict, NotRequired

from cleargate import Bounds, Context, Failure, clock, config, http, kv, log, random as chance, secret, tool


class Colour(enum.Enum):
    RED = "red"


class Inner(TypedDict):
    number: Annotated[int, Bounds(minimum=1)]
    note: NotRequired[str]


@dataclasses.dataclass
class Outer:
    inner: list[Inner]
    colour: Colour = Colour.RED
    size: float | None = None
    any: dict[str, Any] = dataclasses.field(default_factory=dict)


@tool
def echo(outer: Outer) -> Outer:
    """Gives back what it was given, typed."""
    return outer


DOES = {
    "clock": lambda ctx: [clock.now(), clock.elapsed(), time.time(), datetime.datetime.now().isoformat()],
    "chance": lambda ctx: [len(chance.bytes(16)), 0 <= random.random() < 1, uuid.uuid4().version, random.randint(3, 3)],
    "log": lambda ctx: [log.info("hello", answer=42), print("printed")],
    "kv": lambda ctx: [
        kv.set_json("notes", "k", {"text": "añ€😀"}),
        kv.swap("notes", "k", '{"text":"añ€😀"}', "1"),
        kv.get_json("notes", "k"),
        kv.get("notes", "none"),
        kv.list("notes").keys,
    ],
    "context": lambda ctx: [ctx.attempt, ctx.run_id, ctx.deadline],
    "config": lambda ctx: config.get(),
    "secret": lambda ctx: secret.placeholder("KEY"),
    "http": lambda ctx: http.get("https://api.example.com/a").ok().json(),
    "stream": lambda ctx: b"".join(http.stream("GET", "https://api.example.com/a")).decode(),
    "urllib": lambda ctx: json.load(urllib.request.urlopen("https://api.example.com/a?b=é".replace("é", "%C3%A9"), timeout=3)),
    "absent": lambda ctx: status(),
    "client": lambda ctx: client(),
    "refused": lambda ctx: fail(),
    "broken": lambda ctx: None.field,
    "deep": lambda ctx: deep(0),
    "endless": lambda ctx: endless(),
    "hoard": lambda ctx: [bytearray(1 << 20) for _ in iter(int, 1)],
    "file": lambda ctx: open("/etc/passwd"),
    "late": lambda ctx: __import__("wave"),
}


def status():
    try:
        urllib.request.urlopen(urllib.request.Request("https://api.example.com/a", b"hi", {"X-Part": "1"}, method="PUT"))
    except urllib.error.HTTPError as error:
        return [error.code, error.headers["x-answer"], error.read().decode()]


def client():
    peer = HTTPSConnection("api.example.com", timeout=3)
    peer.request("POST", "/b", body=iter([b"h", b"i"]), headers={"X-Part": "1"})
    answer = peer.getresponse()
    return [answer.status, answer.getheader("x-answer"), answer.read().decode()]


@tool
def fetch(url: str) -> Any:
    """Reads a page as any Python does."""
    signed = {"Authorization": "Bearer " + secret.placeholder("KEY")}
    with urllib.request.urlopen(urllib.request.Request(url, headers=signed)) as page:
        return {"status": page.status, "text": page.read().decode()}


def fail():
    raise Failure("transient", "busy", detail={"line": 7})


def deep(n):
    return 1 + deep(n + 1)


def endless():
    while True:
        pass


@tool
async def probe(what: str, ctx: Context) -> Any:
    """Does what its input says."""
    if what not in DOES:
        raise Failure("invalid_input", f"no {what}")
    return {"got": DOES[what](ctx)}
"#;

/// What the probe answers to each word.
const EXPECTED: &str = r#"cases:
  - name: clock
    call: { tool: probe }
    input: { what: clock }
    world: { now: 2026-03-01T00:00:00Z }
    expect: { output: { got: [1772323200000, 0, 1772323200.0, "2026-03-01T00:00:00"] } }
  - { name: chance, call: { tool: probe }, input: { what: chance }, expect: { output: { got: [16, true, 4, 3] } } }
  - { name: log, call: { tool: probe }, input: { what: log }, expect: { output: { got: [null, null] } } }
  - { name: kv, call: { tool: probe }, input: { what: kv }, expect: { output: { got: [null, true, 1, null, [k]] } } }
  - { name: context, call: { tool: probe }, input: { what: context }, expect: { output: { got: [1, test, null] } } }
  - { name: config, call: { tool: probe }, input: { what: config }, config: { a: [1] }, expect: { output: { got: { a: [1] } } } }
  - { name: secret, call: { tool: probe }, input: { what: secret }, expect: { output: { got: placeholder-KEY } } }
  - name: http
    call: { tool: probe }
    input: { what: http }
    world: { http: [{ url: "https://api.example.com/a", response: { json: { n: 1 } } }] }
    expect: { output: { got: { n: 1 } } }
  - name: stream
    call: { tool: probe }
    input: { what: stream }
    world: { http: [{ url: "https://api.example.com/a", response: { json: { n: 1 } } }] }
    expect: { contains: { got: "\"n\"" } }
  - name: urllib
    call: { tool: probe }
    input: { what: urllib }
    world: { http: [{ url: "https://api.example.com/a?b=%C3%A9", response: { json: { n: 1 } } }] }
    expect: { output: { got: { n: 1 } } }
  - name: an answer that is an error of urllib
    call: { tool: probe }
    input: { what: absent }
    world: { http: [{ method: PUT, url: "https://api.example.com/a", headers: { x-part: "1" }, body: hi, response: { status: 404, headers: { X-Answer: "no" }, text: gone } }] }
    expect: { output: { got: [404, "no", gone] } }
  - name: http.client
    call: { tool: probe }
    input: { what: client }
    world: { http: [{ method: POST, url: "https://api.example.com/b", headers: { x-part: "1" }, body: hi, response: { status: 201, headers: { X-Answer: "yes" }, text: made } }] }
    expect: { output: { got: [201, "yes", made] } }
  - { name: urllib is refused, call: { tool: probe }, input: { what: urllib }, world: { deny: [http] }, expect: { error: { code: denied, message: no network } } }
  - name: urllib and a peer that is not there
    call: { tool: probe }
    input: { what: urllib }
    world: { http: [{ url: "https://api.example.com/a?b=%C3%A9", fail: { code: transient, message: connection refused } }] }
    expect: { error: { code: transient, message: connection refused } }
  - { name: refused, call: { tool: probe }, input: { what: refused }, expect: { error: { code: transient, message: busy } } }
  - { name: no answer, call: { tool: probe }, input: { what: http }, expect: { error: { code: denied, message: no answer } } }
  - { name: broken, call: { tool: probe }, input: { what: broken }, expect: { error: { code: bug, message: "'NoneType' object has no attribute 'field'" } } }
  - { name: deep, call: { tool: probe }, input: { what: deep }, expect: { error: { code: limit, message: the stack } } }
  - { name: endless, call: { tool: probe }, input: { what: endless }, expect: { error: { code: limit, message: fuel } } }
  - { name: hoard, call: { tool: probe }, input: { what: hoard }, expect: { error: { code: limit, message: memory } } }
  - { name: file, call: { tool: probe }, input: { what: file }, expect: { error: { code: bug, message: a plugin has no files of its own } } }
  - { name: late, call: { tool: probe }, input: { what: late }, expect: { error: { code: bug, message: import it at the top of a file } } }
  - { name: unknown, call: { tool: probe }, input: { what: nothing }, expect: { error: { code: invalid_input, message: no nothing } } }
  - { name: typed, call: { tool: echo }, input: { inner: [{ number: 1 }], any: { a: [null] } }, expect: { output: { inner: [{ number: 1 }], colour: red, size: null, any: { a: [null] } } } }
  - { name: bounds, call: { tool: echo }, input: { inner: [{ number: 0 }] }, expect: { error: { code: invalid_input, message: "/inner/0/number: expected at least 1" } } }
  - { name: choice, call: { tool: echo }, input: { inner: [], colour: blue }, expect: { error: { code: invalid_input, message: "/colour: expected one of 'red'" } } }
  - { name: extra, call: { tool: echo }, input: { inner: [], more: 1 }, expect: { error: { code: invalid_input, message: "unknown field `more`" } } }
"#;

const ASKS: &str = "\n[permissions]\nkv = [\"notes\", \"answers\"]\nhttp = [\"*.example.com\", \"PEER\"]\nsecrets = [\"KEY\"]\n\
    [reasons]\nkv = \"Keeps notes\"\nhttp = \"Asks a peer\"\nsecrets = \"Signs what it asks\"\n";

/// The value of the secret `KEY`.
const SIGNS: &str = "correct-horse-battery";

/// A project that holds all templates and the probe.
fn everything(world: &World) {
    world.share_compiled();
    // The block of the README, too: it needs no build of its own.
    let readme = include_str!("../../sdk/README.md");
    let mut files = String::from("import probe\nimport remember\n");
    for kind in crate::parts::KINDS {
        let name = format!("py-{kind}");
        world.run(&["plugin", "new", "--lang", "python", "--kind", kind, &name]).expect(0, &[]);
        let read = |file: &str| fs::read_to_string(world.path(&format!("{name}/{file}"))).unwrap();
        world.write(&format!("py-node/src/{kind}_part.py"), &read("src/plugin.py"));
        world.write(&format!("py-node/cases/{kind}.yaml"), &read("cases/first.yaml"));
        files.push_str(&format!("import {kind}_part\n"));
    }
    fs::remove_file(world.path("py-node/cases/first.yaml")).unwrap();
    world.write("py-node/src/plugin.py", &files);
    world.write("py-node/src/probe.py", PROBE);
    world.write("py-node/cases/probe.yaml", EXPECTED);
    world.write("py-node/src/remember.py", block(readme, "python"));
    world.write("py-node/cases/remember.yaml", REMEMBERED);
}

#[test]
fn every_template_passes_its_cases_and_every_service_answers() {
    let world = World::empty();
    everything(&world);
    // What is named must be asked for.
    let build = ["plugin", "build", "py-node"];
    world.run(&build).expect(3, &["imports cleargate:host/kv@0.1.0", "asks for no kv"]);
    let (port, heard) = peer();
    let asks = ASKS.replace("PEER", &format!("http://127.0.0.1:{port}"));
    let manifest = fs::read_to_string(world.path("py-node/plugin.toml")).unwrap();
    world.write("py-node/plugin.toml", &format!("{manifest}{asks}"));
    let done = world.run(&["plugin", "test", "py-node"]);
    done.expect(0, &["✓ my:py-node 0.1.0", "componentize-py", "72 passed, 0 failed"]);
    world.run(&["plugin", "publish", "py-node"]).expect(0, &[]);
    // Built again, the same bytes.
    let again = world.run(&["plugin", "publish", "--if-new", "py-node"]);
    assert_eq!(again.out.matches("already there").count(), 1, "{again:?}");
    an_ordinary_client_obeys_the_allow_list(&world, port, &heard);
    world.write(
        "flow.yaml",
        "cleargate: 1\nflow: counting\n\
         input: { text: { type: string } }\noutput: { words: \"${count.words}\", all: \"${add.sum}\" }\n\
         use: { words: my:py-node@^0.1 }\n\
         nodes:\n  count: { type: words.py_node, with: { text: \"${input.text}\" } }\n  \
         add: { type: words.py_tool, with: { a: \"${count.words}\", b: 40 } }\n",
    );
    let run = ["run", "flow.yaml", "--input", "text=one two", "--output", "json"];
    assert_eq!(world.json(&run)["outcome"]["output"], json!({ "words": 2, "all": 42 }));
    // A defect is told with the author's own lines.
    world.write(
        "broken.yaml",
        "cleargate: 1\nflow: broken\noutput: { got: \"${it.got}\" }\n\
         use: { plugin: my:py-node@^0.1 }\n\
         nodes:\n  it: { type: plugin.probe, with: { what: broken } }\n",
    );
    let done = world.run(&["run", "broken.yaml", "--output", "json"]);
    let ended: Value = serde_json::from_str(&done.out).unwrap();
    let traceback = ended["outcome"]["error"]["detail"]["traceback"].as_str().unwrap();
    let last = "\"broken\": lambda ctx: None.field,\nAttributeError";
    assert!(
        traceback.contains("File \"probe.py\", line ") && traceback.contains(last),
        "{traceback}"
    );
}

/// Answers each request with what it says of itself: its first line, and how it signs in.
fn peer() -> (u16, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let heard = Arc::new(Mutex::new(Vec::new()));
    let hears = heard.clone();
    std::thread::spawn(move || {
        for stream in listener.incoming().map(Result::unwrap) {
            let mut lines = BufReader::new(&stream).lines().map(Result::unwrap);
            let first = lines.next().unwrap();
            let fields = lines.take_while(|line| !line.is_empty());
            let mut signs = fields.filter(|line| line.to_lowercase().starts_with("authorization"));
            let body = format!("{first} {}", signs.next().unwrap_or_default());
            let head = "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length";
            let _ = write!(&stream, "{head}: {}\r\n\r\n{body}", body.len());
            hears.lock().unwrap().push(body);
        }
    });
    (port, heard)
}

/// A plugin with its ordinary HTTP client, on a real connection: where its operator allows it, and nowhere else. It
/// signs in with a secret that it never sees, not even in an answer.
fn an_ordinary_client_obeys_the_allow_list(
    world: &World,
    granted: u16,
    heard: &Mutex<Vec<String>>,
) {
    world.write_home("cleargate.toml", b"[network]\nallow_addresses = [\"127.0.0.0/8\"]\n");
    let peer = format!("http://127.0.0.1:{granted}");
    world.told(&["secret", "set", "KEY", "--host", &peer], SIGNS).expect(0, &[]);
    let flow = "cleargate: 1\nflow: reading\ninput: { url: { type: string } }\noutput: { text: \"${it.text}\" }\n\
        use: { plugin: my:py-node@^0.1 }\nnodes:\n  it: { type: plugin.fetch, with: { url: \"${input.url}\" } }\n";
    world.write("fetch.yaml", flow);
    let run = |port: u16| {
        let url = format!("url=http://127.0.0.1:{port}/a?b=c");
        world.run(&["run", "fetch.yaml", "--input", &url, "--output", "json"])
    };
    // Installed, and nothing granted: it is not even loaded.
    let asks = format!("may send requests to http://127.0.0.1:{granted}");
    world.run(&["plugin", "install", "my:py-node"]).expect(5, &[&asks]);
    run(granted).expect(5, &["cleargate plugin install my:py-node@=0.1.0 --grant"]);
    world.run(&["plugin", "install", "my:py-node", "--grant"]).expect(0, &[]);
    let done = run(granted);
    let ended: Value = serde_json::from_str(&done.out).unwrap_or_else(|_| panic!("{done:?}"));
    let answer = "GET /a?b=c HTTP/1.1 authorization: Bearer";
    assert_eq!(ended["outcome"]["output"]["text"], format!("{answer} ***"), "{ended}");
    assert_eq!(*heard.lock().unwrap(), [format!("{answer} {SIGNS}")]);
    let (other, unheard) = self::peer();
    let done = run(other);
    let ended: Value = serde_json::from_str(&done.out).unwrap_or_else(|_| panic!("{done:?}"));
    let error = &ended["outcome"]["error"];
    assert_eq!(error["code"], "denied", "{ended}");
    let line = format!("http = [\\\"http://127.0.0.1:{other}\\\"]");
    assert!(error.to_string().contains(&line), "no {line} in {error}");
    assert_eq!(unheard.lock().unwrap().len(), 0);
}

#[test]
fn mistakes_are_found_when_the_plugin_is_built() {
    let world = World::empty();
    world.run(&["plugin", "new", "--lang", "python", "--kind", "tool", "wrong"]).expect(0, &[]);
    let source = fs::read_to_string(world.path("wrong/src/plugin.py")).unwrap();
    let unreadable = source.replacen("    if not", "    if if not", 1);
    let untyped = source.replacen("-> Sum:", "-> set:", 1);
    for (text, words) in [
        (&*unreadable, &["src/plugin.py:17: invalid syntax"][..]),
        ("answer = 42\n", &["makes no plugin", "@tool, @node"]),
        (&untyped, &["File \"plugin.py\", line", "has no JSON Schema"]),
    ] {
        assert_ne!(text, source);
        world.write("wrong/src/plugin.py", text);
        world.run(&["plugin", "build", "wrong"]).expect(3, words);
    }
    fs::remove_file(world.path("wrong/src/plugin.py")).unwrap();
    world.run(&["plugin", "build", "wrong"]).expect(3, &["there is no src/plugin.py"]);
}

/// A tool that asks with packages of others.
const ASKER: &str = r#"
from typing import Any

import httpx
import requests
from cleargate import tool


@tool
def ask(url: str, body: str = "") -> Any:
    """Asks with both."""
    with requests.Session() as one, httpx.Client(timeout=3) as other:
        answers = [one.post(url, json=body, timeout=3) if body else one.get(url), other.get(url)]
    return [[answer.status_code, answer.json()] for answer in answers]
"#;

const ASKED: &str = r#"cases:
  - name: answered
    call: { tool: ask }
    input: { url: "https://api.example.com/a", body: "é" }
    world:
      http:
        - { method: POST, url: "https://api.example.com/a", body: '"\u00e9"', response: { status: 201, json: { n: 1 } } }
        - { url: "https://api.example.com/a", response: { json: { n: 2 } } }
    expect: { output: [[201, { n: 1 }], [200, { n: 2 }]] }
  - { name: refused, call: { tool: ask }, input: { url: "https://api.example.com/a" }, world: { deny: [http] }, expect: { error: { code: denied, message: no network } } }
  - name: a peer that is not there
    call: { tool: ask }
    input: { url: "http://api.example.com/a" }
    world:
      http:
        - { url: "http://api.example.com/a", response: { json: 1 } }
        - { url: "http://api.example.com/a", fail: { code: timeout, message: no answer came } }
    expect: { error: { code: timeout, message: no answer came } }
"#;

/// They come from the registry of Python, so they are asked for in `make soak` alone.
#[test]
fn requests_and_httpx_ask_the_host() {
    if !soak() {
        return;
    }
    let world = World::empty();
    world.run(&["plugin", "new", "--lang", "python", "--kind", "tool", "asker"]).expect(0, &[]);
    let mut pip = Command::new("python3");
    pip.args(["-m", "pip", "install", "-q", "--target"]).arg(world.path("asker/packages"));
    pip.args(["--platform", "any", "--only-binary", ":all:", "requests==2.34.2", "httpx==0.28.1"]);
    assert!(pip.status().unwrap().success());
    let manifest = fs::read_to_string(world.path("asker/plugin.toml")).unwrap();
    let asks = "\n[permissions]\nhttp = [\"api.example.com\"]\n[reasons]\nhttp = \"Asks a peer\"\n";
    world.write("asker/plugin.toml", &format!("{manifest}{asks}"));
    world.write("asker/src/plugin.py", ASKER);
    fs::remove_file(world.path("asker/cases/first.yaml")).unwrap();
    world.write("asker/cases/asked.yaml", ASKED);
    world.run(&["plugin", "test", "asker"]).expect(0, &["3 passed, 0 failed"]);
}

#[test]
fn a_machine_without_python_is_told_what_to_install() {
    let world = World::empty();
    world.run(&["plugin", "new", "--lang", "python", "--kind", "tool", "lonely"]).expect(0, &[]);
    let mut command = world.command(&["plugin", "build", "lonely"]);
    let done = Done::of(command.env("PATH", "").output().unwrap());
    done.expect(3, &["Python 3.10 or newer, with pip", "apt install python3 python3-pip"]);
}
