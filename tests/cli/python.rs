//! Plugins in Python, from a template to a flow. Packing CPython takes a while, so one project holds all templates and
//! the probe: it is built once, and the result is kept in the build folder.

use std::fs;

use serde_json::{Value, json};

use crate::readme::{REMEMBERED, block};
use crate::world::{Done, World};

const KINDS: [&str; 4] = ["node", "tool", "guardrail", "filter"];

/// A tool that does what its input says.
const PROBE: &str = r#"
import dataclasses, datetime, enum, random, time, uuid
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
    "refused": lambda ctx: fail(),
    "broken": lambda ctx: None.field,
    "deep": lambda ctx: deep(0),
    "endless": lambda ctx: endless(),
    "hoard": lambda ctx: [bytearray(1 << 20) for _ in iter(int, 1)],
    "file": lambda ctx: open("/etc/passwd"),
    "late": lambda ctx: __import__("wave"),
}


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

const ASKS: &str = "\n[permissions]\nkv = [\"notes\"]\nhttp = [\"api.example.com\"]\nsecrets = [\"KEY\"]\n\
    [reasons]\nkv = \"Keeps notes\"\nhttp = \"Asks a peer\"\nsecrets = \"Signs what it asks\"\n";

/// A project that holds all templates and the probe.
fn everything(world: &World) {
    world.share_compiled();
    // The block of the README, too: it needs no build of its own.
    let readme = include_str!("../../sdk/README.md");
    let mut files = String::from("import probe\nimport remember\n");
    for kind in KINDS {
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
    let manifest = fs::read_to_string(world.path("py-node/plugin.toml")).unwrap();
    world.write("py-node/plugin.toml", &format!("{manifest}{ASKS}"));
    let done = world.run(&["plugin", "test", "py-node"]);
    done.expect(0, &["✓ my:py-node 0.1.0", "componentize-py", "37 passed, 0 failed"]);
    world.run(&["plugin", "publish", "py-node"]).expect(0, &[]);
    // Built again, the same bytes.
    let again = world.run(&["plugin", "publish", "--if-new", "py-node"]);
    assert_eq!(again.out.matches("already there").count(), 1, "{again:?}");
    world.write(
        "flow.yaml",
        "cleargate: 1\nflow: counting\n\
         input: { text: { type: string } }\noutput: { words: \"${count.words}\", all: \"${add.sum}\" }\n\
         use: { words: my:py-node@^0.1 }\n\
         nodes:\n  count: { type: words.py_node, with: { text: \"${input.text}\" } }\n  \
         add: { type: words.py_tool, with: { a: \"${count.words}\", b: 40 } }\n",
    );
    world.write(
        "allowed.toml",
        &ASKS[..ASKS.find("[reasons]").unwrap()].replace("[permissions]", ""),
    );
    world.run(&["plugin", "install", "my:py-node", "--grant"]).expect(0, &[]);
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

#[test]
fn a_machine_without_python_is_told_what_to_install() {
    let world = World::empty();
    world.run(&["plugin", "new", "--lang", "python", "--kind", "tool", "lonely"]).expect(0, &[]);
    let mut command = world.command(&["plugin", "build", "lonely"]);
    let done = Done::of(command.env("PATH", "").output().unwrap());
    done.expect(3, &["Python 3.10 or newer, with pip", "apt install python3 python3-pip"]);
}
