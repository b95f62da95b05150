//! Plugins in JavaScript, from a template to a flow. The packages that build them are installed once for each build
//! folder, by the command itself; a machine without Node.js fails these tests with the sentence that says what to
//! install.

use std::fs;

use serde_json::{Value, json};

use crate::world::World;

/// Scaffolds and tests a plugin without touching a file.
fn untouched(world: &World, kind: &str, name: &str) {
    world.run(&["plugin", "new", "--lang", "javascript", "--kind", kind, name]).expect(0, &[]);
    let done = world.run(&["plugin", "test", name]);
    done.expect(0, &[&format!("✓ my:{name} 0.1.0"), "componentize-qjs", " 0 failed"]);
    assert!(!done.err.contains("0 passed"), "{kind}: {done:?}");
}

/// The component's imports, without the types that ask for nothing.
fn imports(world: &World, plugin: &str) -> Vec<String> {
    let inspected = world.json(&["plugin", "inspect", plugin, "--output", "json"]);
    let imports = inspected["imports"].as_array().unwrap().iter();
    let names = imports.map(|name| name.as_str().unwrap().to_owned());
    names.filter(|name| name != "cleargate:types/types@0.1.0").collect()
}

#[test]
fn each_kind_passes_its_cases_and_a_flow_uses_them() {
    let world = World::empty();
    world.share_compiled();
    for kind in ["node", "tool", "guardrail", "filter"] {
        untouched(&world, kind, &format!("js-{kind}"));
    }
    world.run(&["plugin", "publish", "js-node", "js-tool"]).expect(0, &[]);
    // Built again, the same bytes.
    let again = world.run(&["plugin", "publish", "--if-new", "js-node", "js-tool"]);
    assert_eq!(again.out.matches("already there").count(), 2, "{again:?}");
    assert_eq!(imports(&world, "my:js-node"), [""; 0]);
    world.write(
        "flow.yaml",
        "cleargate: 1\nflow: counting\n\
         input: { text: { type: string } }\noutput: { sum: \"${add.sum}\" }\n\
         use: { words: my:js-node@^0.1, adder: my:js-tool@^0.1 }\n\
         nodes:\n  count: { type: words, with: { text: \"${input.text}\" } }\n  \
         add: { type: adder, with: { a: \"${count.words}\", b: 40 } }\n",
    );
    let run = ["run", "flow.yaml", "--input", "text=one two", "--output", "json"];
    assert_eq!(world.json(&run)["outcome"]["output"], json!({ "sum": 42 }));
}

/// A tool that does what its input says.
const PROBE: &str = r##"
import { Failure, tool } from "#cleargate";
import * as clock from "#cleargate/clock";
import * as kv from "#cleargate/kv";
import * as log from "#cleargate/log";
import * as random from "#cleargate/random";

const does: Record<string, (ctx: any) => unknown> = {
  clock: () => clock.now() > 0 && clock.elapsed() >= 0,
  random: () => random.bytes(16).length,
  log: () => log.info("hello", { answer: 42 }) ?? "written",
  kv: () => {
    kv.setJson("notes", "k", { text: "añ€😀" });
    const swapped = kv.swap("notes", "k", '{"text":"añ€😀"}', "1");
    return [swapped, kv.getJson("notes", "k"), kv.get("notes", "none") === undefined, kv.list("notes").keys];
  },
  foreign: () => { kv.set("notes", "k", Uint8Array.of(0xff)); return kv.getText("notes", "k"); },
  context: (ctx) => [ctx.attempt, typeof ctx.runId, ctx.deadline === undefined],
  waits: async () => { await Promise.resolve(); return "waited"; },
  date: () => new Date(0).toISOString(),
  now: () => Date.now(),
  today: () => new Date(),
  chance: () => Math.random(),
  refused: () => { throw new Failure("transient", "busy", { detail: { line: 7 } }); },
  broken: () => (undefined as any).field,
  deep: () => { const f = (n: number): number => 1 + f(n + 1); return f(0); },
  endless: () => { for (;;); },
  hoard: () => { const all = []; for (;;) all.push(new Uint8Array(1 << 20).fill(1)); },
};

export default tool({
  name: "probe",
  description: "Does what its input says.",
  input: {
    type: "object",
    properties: { what: { type: "string", enum: Object.keys(does) } },
    required: ["what"],
    additionalProperties: false,
  },
  run: async ({ what }, ctx) => ({ got: await does[what](ctx) }),
});
"##;

/// A value, or the code of a failure and a part of its message.
type Answer = Result<Value, (&'static str, &'static str)>;

/// What the probe answers to each word.
fn expected() -> Vec<(&'static str, Answer)> {
    vec![
        ("clock", Ok(json!(true))),
        ("random", Ok(json!(16))),
        ("log", Ok(json!("written"))),
        ("kv", Ok(json!([true, 1, true, ["k"]]))),
        ("foreign", Err(("invalid_input", "no UTF-8 text"))),
        ("context", Ok(json!([1, "string", true]))),
        ("waits", Ok(json!("waited"))),
        ("date", Ok(json!("1970-01-01T00:00:00.000Z"))),
        ("now", Err(("bug", "import `now` from `#cleargate/clock`"))),
        ("today", Err(("bug", "a plugin has no clock of its own"))),
        ("chance", Err(("bug", "import `bytes` from `#cleargate/random`"))),
        ("refused", Err(("transient", "busy"))),
        ("broken", Err(("bug", "TypeError"))),
        ("deep", Err(("limit", "stack"))),
        ("endless", Err(("limit", "fuel"))),
        ("hoard", Err(("limit", "memory"))),
        ("unknown", Err(("invalid_input", "/what: expected one of"))),
    ]
}

/// In TypeScript, which differs from JavaScript in nothing but the file's name.
#[test]
fn every_service_answers_and_every_failure_has_its_code() {
    let world = World::empty();
    world.share_compiled();
    world.run(&["plugin", "new", "--lang", "javascript", "--kind", "tool", "probe"]).expect(0, &[]);
    fs::remove_file(world.path("probe/src/plugin.js")).unwrap();
    world.write("probe/src/plugin.ts", PROBE);
    let build = ["plugin", "build", "probe"];
    // What is imported must be asked for.
    world.run(&build).expect(3, &["imports cleargate:host/kv@0.1.0", "asks for no kv"]);
    let manifest = fs::read_to_string(world.path("probe/plugin.toml")).unwrap();
    let asks = "[permissions]\nkv = [\"notes\"]\n[reasons]\nkv = \"Keeps notes\"\n";
    world.write("probe/plugin.toml", &format!("{manifest}\n{asks}"));
    let mut cases = String::from("cases:\n");
    for (what, answer) in expected() {
        let expect = match answer {
            Ok(got) => json!({ "output": { "got": got } }),
            Err((code, message)) => json!({ "error": { "code": code, "message": message } }),
        };
        let case = json!({
            "name": what, "call": { "tool": "probe" }, "input": { "what": what }, "expect": expect
        });
        cases.push_str(&format!("  - {case}\n"));
    }
    world.write("probe/cases/first.yaml", &cases);
    let done = world.run(&["plugin", "test", "probe"]);
    assert_eq!(done.code, Some(0), "{done:?}");
    let built = world.json(&[&build[..], &["--output", "json"]].concat());
    let path = built["path"].as_str().or_else(|| built[0]["path"].as_str()).unwrap();
    let services = ["clock", "kv", "log", "random"].map(|s| format!("cleargate:host/{s}@0.1.0"));
    let mut found = imports(&world, path);
    found.sort();
    assert_eq!(found, services, "what is not imported by the source is not imported");
}

#[test]
fn mistakes_are_found_when_the_plugin_is_built() {
    let world = World::empty();
    world.run(&["plugin", "new", "--lang", "javascript", "--kind", "tool", "wrong"]).expect(0, &[]);
    let source = fs::read_to_string(world.path("wrong/src/plugin.js")).unwrap();
    for (from, to, words) in [
        ("  name:", "  nome:", "tool({ .. }) needs `name`"),
        ("readOnly", "readonly", "tool({ .. }) has no `readonly`"),
        ("required: [\"sum\"]", "oneOf: []", "the output of wrong: `oneOf` is not checked"),
        ("type: \"integer\"", "type: \"int\"", "the input of wrong, `a`: `int` is no type"),
        ("export default tool({", "export default ({", "makes no plugin"),
        ("import {", "import { http } from \"#cleargate/htp\";\nimport {", "#cleargate/htp"),
        ("run(", "run(((", "[ERROR] Expected identifier but found \"(\" src/plugin.js:"),
    ] {
        let changed = source.replacen(from, to, 1);
        assert_ne!(changed, source, "{from}");
        world.write("wrong/src/plugin.js", &changed);
        let done = world.run(&["plugin", "build", "wrong"]);
        done.expect(3, &[words]);
        assert!(!done.err.contains("node:child_process"), "{done:?}");
    }
    fs::remove_file(world.path("wrong/src/plugin.js")).unwrap();
    world.run(&["plugin", "build", "wrong"]).expect(3, &["neither src/plugin.js nor"]);
}

#[test]
fn what_a_function_returns_is_held_to_its_type() {
    let world = World::empty();
    world.share_compiled();
    let new = ["plugin", "new", "--lang", "javascript", "--kind", "guardrail", "untyped"];
    world.run(&new).expect(0, &[]);
    let source = fs::read_to_string(world.path("untyped/src/plugin.js")).unwrap();
    world.write("untyped/src/plugin.js", &source.replacen("reason:", "reson:", 1));
    let done = world.run(&["plugin", "test", "untyped"]);
    let words = "a function returned undefined as `reason`; it must be string";
    assert!(done.code == Some(1) && done.out.contains(words), "{done:?}");
}

#[test]
fn a_machine_without_node_is_told_what_to_install() {
    let world = World::empty();
    world
        .run(&["plugin", "new", "--lang", "javascript", "--kind", "tool", "lonely"])
        .expect(0, &[]);
    let mut command = world.command(&["plugin", "build", "lonely"]);
    let done = crate::world::Done::of(command.env("PATH", "").output().unwrap());
    done.expect(3, &["Node.js 18 or newer, with npm", "apt install nodejs npm"]);
}
