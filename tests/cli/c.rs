//! Plugins in C and C++, from a template to a flow. The compiler is installed once for each build folder, by the
//! command itself.

use std::fs;

use serde_json::json;

use crate::world::{Done, World};

/// Scaffolds and tests a plugin without touching a file.
fn untouched(world: &World, kind: &str, name: &str) {
    world.run(&["plugin", "new", "--lang", "c", "--kind", kind, name]).expect(0, &[]);
    let done = world.run(&["plugin", "test", name]);
    done.expect(0, &[&format!("✓ my:{name} 0.1.0"), "ziglang", " 0 failed"]);
    assert!(!done.err.contains("0 passed"), "{kind}: {done:?}");
    assert!(!done.err.contains("warning"), "{kind}: {done:?}");
}

#[test]
fn each_kind_passes_its_cases_in_c_and_in_cpp() {
    let world = World::empty();
    for kind in ["node", "tool", "guardrail", "filter"] {
        let name = format!("c-{kind}");
        untouched(&world, kind, &name);
        let file = |end: &str| world.path(&format!("{name}/src/plugin.{end}"));
        fs::rename(file("c"), file("cc")).unwrap();
        let done = world.run(&["plugin", "test", &name]);
        done.expect(0, &[" 0 failed"]);
        assert!(!done.err.contains("0 passed"), "{kind}: {done:?}");
    }
    world.run(&["plugin", "publish", "c-node", "c-tool"]).expect(0, &[]);
    let inspected = world.json(&["plugin", "inspect", "my:c-tool", "--output", "json"]);
    assert_eq!(inspected["imports"], json!(["cleargate:types/types@0.1.0"]), "{inspected}");
    // Built again, the same bytes.
    let again = world.run(&["plugin", "publish", "--if-new", "c-node", "c-tool"]);
    assert_eq!(again.out.matches("already there").count(), 2, "{again:?}");
    world.write(
        "flow.yaml",
        "cleargate: 1\nflow: counting\n\
         input: { text: { type: string } }\noutput: { sum: \"${add.sum}\" }\n\
         use: { words: my:c-node@^0.1, adder: my:c-tool@^0.1 }\n\
         nodes:\n  count: { type: words, with: { text: \"${input.text}\" } }\n  \
         add: { type: adder, with: { a: \"${count.words}\", b: 40 } }\n",
    );
    let run = ["run", "flow.yaml", "--input", "text=one two", "--output", "json"];
    assert_eq!(world.json(&run)["outcome"]["output"], json!({ "sum": 42 }));
}

#[test]
fn mistakes_are_found_when_the_plugin_is_built() {
    let world = World::empty();
    world.run(&["plugin", "new", "--lang", "c", "--kind", "tool", "wrong"]).expect(0, &[]);
    let source = fs::read_to_string(world.path("wrong/src/plugin.c")).unwrap();
    let now = "#include <time.h>\n#include \"cleargate.h\"";
    for (from, to, words) in [
        ("int64_t a = 0", "int64_t a = ", &["src/plugin.c:6", "error"][..]),
        ("CG_TOOLS({", "static cg_tool unused = ({", &["src/plugin.c:", "error"]),
        ("#include \"cleargate.h\"", now, &["clock_time_get: use cg_now"]),
    ] {
        let called = if to == now {
            source.replace("sum = 0;", "sum = time(NULL);")
        } else {
            source.clone()
        };
        let changed = called.replacen(from, to, 1);
        assert_ne!(changed, source, "{from}");
        world.write("wrong/src/plugin.c", &changed);
        world.run(&["plugin", "build", "wrong"]).expect(3, words);
    }
    world.write("wrong/src/plugin.c", "int unused(void) { return 1; }\n");
    world.run(&["plugin", "build", "wrong"]).expect(3, &["makes no plugin", "CG_TOOLS"]);
    fs::remove_file(world.path("wrong/src/plugin.c")).unwrap();
    world.run(&["plugin", "build", "wrong"]).expect(3, &["there is no src/plugin.c"]);
}

#[test]
fn a_machine_without_a_compiler_and_python_is_told_what_to_install() {
    let world = World::empty();
    world.run(&["plugin", "new", "--lang", "c", "--kind", "tool", "lonely"]).expect(0, &[]);
    let mut command = world.command(&["plugin", "build", "lonely"]);
    command.env("PATH", "").env("CLEARGATE_BUILD", world.path("elsewhere"));
    let done = Done::of(command.output().unwrap());
    done.expect(3, &["Python 3.10 or newer, with pip", "apt install python3 python3-pip"]);
}
