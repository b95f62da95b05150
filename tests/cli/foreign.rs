//! A component that nobody wrote for ClearGate: looked at, named, installed, and a step of a flow.

use crate::world::World;

/// Two functions in an interface of somebody else, and one that passes a resource.
const CALC: &str = r#"(component
    (core module $m
        (func (export "add") (param i32 i32) (result i32) (i32.add (local.get 0) (local.get 1)))
        (func (export "root") (param f64) (result f64) (f64.sqrt (local.get 0)))
        (func (export "open") (result i32) (i32.const 0)))
    (core instance $i (instantiate $m))
    (type $file' (resource (rep i32)))
    (func $add (param "left-side" u32) (param "right" u32) (result u32)
        (canon lift (core func $i "add")))
    (func $root (param "of" f64) (result f64) (canon lift (core func $i "root")))
    (component $shape
        (import "add" (func $add (param "left-side" u32) (param "right" u32) (result u32)))
        (import "root" (func $root (param "of" f64) (result f64)))
        (export "add" (func $add))
        (export "root" (func $root)))
    (instance $math (instantiate $shape (with "add" (func $add)) (with "root" (func $root))))
    (export "acme:calc/math@2.0.0" (instance $math))
    (export $file "file" (type $file'))
    (func $open (result (own $file)) (canon lift (core func $i "open")))
    (export "open" (func $open)))"#;

const FLOW: &str = "cleargate: 1
flow: sums
input: { n: int }
output: { sum: \"${sum}\", root: \"${root}\" }
use: { calc: ./calc.plugin.wasm }
nodes:
  sum: { type: calc.math_add, with: { left_side: \"${input.n}\", right: 7 } }
  root: { type: calc.math_root, with: { of: \"${sum}\" } }
";

fn world() -> World {
    let world = World::empty();
    std::fs::write(world.path("calc.wasm"), wat::parse_str(CALC).unwrap()).unwrap();
    world
}

#[test]
fn any_component_is_looked_at_named_installed_and_run() {
    let world = world();
    let seen = world.run(&["plugin", "inspect", "./calc.wasm"]);
    assert_eq!(seen.code, Some(0), "{seen:?}");
    for words in [
        "./calc.wasm without a version (tool)",
        "acme:calc/math@2.0.0.add: func(left-side: u32, right: u32) -> u32",
        "\"left_side\":{\"type\":\"integer\",\"minimum\":0,\"maximum\":4294967295}",
        "`open` is no tool: it passes a resource",
        "cannot reach anything outside",
    ] {
        assert!(seen.out.contains(words), "no {words:?} in {}", seen.out);
    }
    let tools = world.json(&["plugin", "inspect", "./calc.wasm", "--output", "json"]);
    assert_eq!(tools["tools"][1]["name"], "math_root", "{tools}");

    world.run(&["plugin", "install", "./calc.wasm"]).expect(3, &["plugin wrap"]);
    world.run(&["plugin", "wrap", "calc.wasm", "--name", "Calc"]).expect(3, &["manifest would be"]);
    let wrap = ["plugin", "wrap", "calc.wasm", "--name", "acme:calc", "--license", "MIT"];
    let wrapped = world.run(&wrap);
    assert_eq!((wrapped.code, wrapped.out.trim()), (Some(0), "calc.plugin.wasm"), "{wrapped:?}");
    let inspection = world.json(&["plugin", "inspect", "./calc.plugin.wasm", "--output", "json"]);
    assert_eq!(inspection["plugin"], "acme:calc", "{inspection}");
    assert_eq!(inspection["license"], "MIT", "{inspection}");
    world
        .run(&["plugin", "install", "./calc.plugin.wasm"])
        .expect(0, &["installed acme:calc 0.1.0"]);

    world.write("sums.yaml", FLOW);
    let sums = world.json(&["run", "sums.yaml", "--input", "n=42", "--output", "json"]);
    assert_eq!(sums["outcome"]["output"].to_string(), "{\"sum\":49,\"root\":7.0}", "{sums}");
    // What the types say is checked before anything runs.
    world.write("sums.yaml", &FLOW.replace("right: 7", "right: seven"));
    let checked = world.run(&["check", "sums.yaml"]);
    assert_eq!(checked.code, Some(3), "{checked:?}");
    world.write("sums.yaml", &FLOW.replace("calc.math_add", "calc.math_sub"));
    let checked = world.run(&["check", "sums.yaml"]);
    let said = format!("{}{}", checked.out, checked.err);
    assert!(said.contains("calc.math_add, calc.math_root"), "{said}");
}

#[test]
fn a_component_in_a_project_is_published_like_any_other() {
    let world = world();
    world.write(
        "plugin.toml",
        "[plugin]\nname = \"acme:calc\"\nversion = \"2.0.0\"\ndescription = \"Sums\"\n\n\
         [build]\nlanguage = \"prebuilt\"\ncomponent = \"calc.wasm\"\n",
    );
    world.run(&["plugin", "publish", "."]).expect(0, &["acme:calc 2.0.0"]);
    world.write("sums.yaml", &FLOW.replace("./calc.plugin.wasm", "acme:calc@^2"));
    let sums = world.json(&["run", "sums.yaml", "--input", "n=2", "--output", "json"]);
    assert_eq!(sums["outcome"]["output"].to_string(), "{\"sum\":9,\"root\":3.0}", "{sums}");
    // A case calls a tool by its name, as in every plugin.
    world.write(
        "cases/add.yaml",
        "cases:\n  - name: adds\n    call: { tool: math_add }\n    input: { left_side: 1, right: 2 }\n    \
         expect: { output: 3 }\n",
    );
    let tested = world.run(&["plugin", "test", "."]);
    assert_eq!(tested.code, Some(0), "{tested:?}");
}

/// Gives what the host's chance gives, or imports what is not served.
fn asking(import: &str) -> Vec<u8> {
    let text = format!(
        r#"(component
            (import "{import}" (instance $system (export "get-random-u64" (func (result u64)))))
            (core func $random (canon lower (func $system "get-random-u64")))
            (core module $m
                (import "" "random" (func $random (result i64)))
                (func (export "draw") (result i64) (i64.shr_u (call $random) (i64.const 1))))
            (core instance $i
                (instantiate $m (with "" (instance (export "random" (func $random))))))
            (func (export "draw") (result u64) (canon lift (core func $i "draw"))))"#
    );
    wat::parse_str(text).unwrap()
}

#[test]
fn what_it_imports_of_the_system_is_the_hosts_or_refused() {
    let world = World::empty();
    for (name, import) in [
        ("dice", "wasi:random/random@0.2.3"),
        ("third", "wasi:random/random@0.3.0"),
        ("disk", "wasi:sockets/tcp@0.2.3"),
    ] {
        std::fs::write(world.path(&format!("{name}.wasm")), asking(import)).unwrap();
        let wrap = ["plugin", "wrap", &format!("{name}.wasm"), "--name", &format!("acme:{name}")];
        assert_eq!(world.run(&wrap).code, Some(0), "{name}");
        let flow = "cleargate: 1\nflow: drawn\noutput: { drawn: \"${draw}\" }\n";
        let flow = format!(
            "{flow}use: {{ it: ./{name}.plugin.wasm }}\nnodes:\n  draw: {{ type: it.draw }}\n"
        );
        world.write(&format!("{name}.yaml"), &flow);
    }
    for name in ["dice", "third"] {
        world.run(&["plugin", "install", &format!("./{name}.plugin.wasm")]).expect(0, &[]);
        let drawn = world.json(&["run", &format!("{name}.yaml"), "--output", "json"]);
        assert!(drawn["outcome"]["output"]["drawn"].is_i64(), "{drawn}");
        let seen = world.run(&["plugin", "inspect", &format!("./{name}.wasm")]);
        let means = ": draws random bytes, as the journal keeps them";
        assert!(seen.out.contains(means), "{seen:?}");
    }
    // Refused when it is installed, and not first when a flow would call it.
    world
        .run(&["plugin", "install", "./disk.plugin.wasm"])
        .expect(3, &["wasi:sockets/tcp@0.2.3", "a plugin has no sockets", "cleargate:host/http"]);
    let seen = world.run(&["plugin", "inspect", "./disk.wasm"]);
    assert!(seen.out.contains("✗ wasi:sockets/tcp@0.2.3: a plugin has no sockets"), "{seen:?}");
    let refused = world.run(&["run", "disk.yaml"]);
    assert_eq!(refused.code, Some(3), "{refused:?}");
    assert!(refused.err.contains("wasi:sockets/tcp@0.2.3"), "{refused:?}");
}

#[test]
fn what_needs_a_permission_needs_a_project() {
    let world = World::empty();
    let text = r#"(component
        (import "cleargate:host/secret@0.1.0" (instance))
        (core module $m (func (export "f")))
        (core instance $i (instantiate $m))
        (func (export "f") (canon lift (core func $i "f"))))"#;
    std::fs::write(world.path("x.wasm"), wat::parse_str(text).unwrap()).unwrap();
    world
        .run(&["plugin", "wrap", "x.wasm", "--name", "acme:x"])
        .expect(3, &["secrets", "language = \"prebuilt\""]);
}
