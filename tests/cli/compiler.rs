//! Components that are hard on the compiler (WA-23), against the process in which the built command compiles.

use std::fmt::Write;
use std::time::{Duration, Instant};

use crate::world::World;

/// What the compiler may take here: far less than a real plugin needs at most, so that the bombs meet it.
const BOUNDS: &str = "[compile]\ntime = \"4s\"\nmemory = \"256MiB\"\n";

/// Until a bomb has to be over: its time, and what a machine that others use may add.
const OVER: Duration = Duration::from_secs(4 + 10);

/// The manifest of a bomb, in the section where a manifest lies.
const MANIFEST: &str = r#"{"plugin": {"name": "my:bomb", "version": "0.1.0", "license": "Apache-2.0",
    "description": "Takes long to compile."}}"#;

/// A node whose core module has these functions beside its own.
fn node(functions: &str) -> Vec<u8> {
    let text = format!(
        r#"(component
            (@custom "cleargate:manifest" {MANIFEST:?})
            (core module $m (func (export "f")) {functions})
            (core instance $i (instantiate $m))
            (func $f (canon lift (core func $i "f")))
            (instance $node (export "describe" (func $f)) (export "run" (func $f)))
            (export "cleargate:node/node@0.1.0" (instance $node)))"#
    );
    wat::parse_str(text).unwrap()
}

/// Names, and text of functions that are small as bytes.
fn bombs() -> Vec<(&'static str, String)> {
    // Each value lives until the end: the allocator of registers has all of them at once.
    let mut alive = "(func (param i32) (result i32)".to_owned();
    alive.push_str(&"local.get 0 i32.load8_u ".repeat(60_000));
    alive.push_str(&"i32.add ".repeat(59_999));
    alive.push_str(") (memory 1)");
    let mut blocks = "(func (param i32) ".to_owned();
    blocks.push_str(&"block ".repeat(40_000));
    blocks.push_str(&"local.get 0 br_if 0 end ".repeat(40_000));
    blocks.push(')');
    let mut table = "(func (param i32) block block local.get 0 br_table ".to_owned();
    table.push_str(&"0 1 ".repeat(400_000));
    table.push_str("end end)");
    let mut locals = "(func (local i64".to_owned();
    locals.push_str(&" i64".repeat(49_000));
    locals.push_str(") loop ");
    for local in 0..49_000 {
        let _ = write!(locals, "local.get {local} i64.const 3 i64.add local.set {} ", local + 1);
    }
    locals.push_str("br 0 end)");
    vec![
        ("many values alive", alive),
        ("blocks in blocks", blocks),
        ("a wide table", table),
        ("many locals", locals),
        ("many functions", "(func)".repeat(240_000)),
    ]
}

#[test]
fn wa_23_a_compile_bomb_ends_with_its_process() {
    let world = World::empty();
    world.write_home("cleargate.toml", BOUNDS.as_bytes());
    world.write(
        "flow.yaml",
        "cleargate: 1\nflow: f\nuse: { bomb: ./bomb.wasm }\nnodes: { x: { type: bomb } }\n",
    );
    let mut stopped = Vec::new();
    for (name, functions) in bombs() {
        std::fs::write(world.path("bomb.wasm"), node(&functions)).unwrap();
        let started = Instant::now();
        let done = world.run(&["check", "flow.yaml"]);
        assert!(started.elapsed() < OVER, "{name}: {:?}", started.elapsed());
        // One that compiles does not describe itself, and one of no use may be refused before.
        assert!([Some(3), Some(7)].contains(&done.code), "{name}: {done:?}");
        if done.code == Some(7) {
            done.expect(7, &["compiling the component takes more than", "`[compile]`"]);
            stopped.push(name);
        }
    }
    assert!(!stopped.is_empty(), "none of them is a bomb");
}

#[test]
fn what_compiling_may_take_is_the_operators_to_say() {
    let world = World::published();
    for (bound, says) in [("memory = \"2MiB\"", "2 MiB of memory"), ("time = \"1ms\"", "of time")] {
        world.write_home("cleargate.toml", format!("[compile]\n{bound}\n").as_bytes());
        world
            .run(&["run", "dependency_review", "--explain"])
            .expect(7, &[says, "raise `", "`[compile]` in cleargate.toml"]);
    }
    world.write_home("cleargate.toml", b"");
    world.run(&["run", "dependency_review", "--explain"]).expect(0, &[]);
}
