//! The way of a plugin's author, and of whoever installs the result.

use std::fs;

use crate::world::World;

/// Scaffolds, builds and tests a plugin without touching a file. Names differ, because the build folder is shared.
fn untouched(kind: &str, name: &str) -> World {
    let world = World::empty();
    world.run(&["plugin", "new", "--kind", kind, name]).expect(0, &[]);
    world.run(&["plugin", "build", name]).expect(0, &[&format!("✓ my:{name} 0.1.0")]);
    let done = world.run(&["plugin", "test", name]);
    assert_eq!(done.code, Some(0), "{kind}: {done:?}");
    let said = format!("{}{}", done.out, done.err);
    assert!(said.contains("0 failed") && !said.contains("0 passed"), "{kind}: {said}");
    world
}

#[test]
fn a_new_node_is_published_once() {
    let world = untouched("node", "once");
    world.run(&["plugin", "publish", "once"]).expect(0, &[]);
    world
        .run(&["plugin", "publish", "once"])
        .expect(6, &["is published already", "raise `version`", "--if-new"]);
    let again = world.run(&["plugin", "publish", "--if-new", "once"]);
    assert_eq!(again.code, Some(0), "{again:?}");
    assert!(format!("{}{}", again.out, again.err).contains("already there"), "{again:?}");
}

#[test]
fn a_pure_node_depends_on_its_input_alone() {
    let world = World::empty();
    world.run(&["plugin", "new", "--kind", "node", "stamping"]).expect(0, &[]);
    let source = |effect: &str| {
        let text = format!(
            "#[derive(serde::Deserialize, schemars::JsonSchema)]\npub struct In {{}}\n\
             #[derive(serde::Serialize, schemars::JsonSchema)]\npub struct Out {{ pub at: u64 }}\n\
             /// Says when.\n#[cleargate::node(effect = \"{effect}\")]\n\
             pub fn stamp(_: In) -> Result<Out, cleargate::Error> {{\n    \
             Ok(Out {{ at: cleargate::clock::now() }})\n}}\n\
             cleargate::export! {{ nodes: [stamp] }}\n"
        );
        world.write("stamping/src/lib.rs", &text);
    };
    for case in fs::read_dir(world.path("stamping/cases")).unwrap() {
        fs::remove_file(case.unwrap().path()).unwrap();
    }
    let case = "cases:\n  - name: says when\n    call: { node: stamp }\n    input: {}\n    \
                world: { now: \"2026-01-01T00:00:00Z\" }\n    expect: { output: { at: 1767225600000 } }\n";
    world.write("stamping/cases/stamp.yaml", case);
    source("pure");
    let done = world.run(&["plugin", "test", "stamping"]);
    assert_eq!(done.code, Some(1), "{done:?}");
    assert!(done.out.contains("another answer") && done.out.contains("is `read`"), "{done:?}");
    source("read");
    world.run(&["plugin", "test", "stamping"]).expect(0, &["1 passed"]);
}

#[test]
fn guards_and_filters_start_green_too() {
    let world = untouched("guardrail", "guarding");
    let bench = ["plugin", "bench", "guarding", "--calls", "2"];
    world.run(&bench).expect(0, &["no budget yet"]);
    assert_eq!(world.run(&[&bench[..], &["--save"]].concat()).code, Some(0));
    let report = world.json(&[&bench[..], &["--output", "json"]].concat());
    let case = &report["cases"][0];
    assert!(case["fuel"].as_u64().unwrap() > 1_000, "{report}");
    assert_eq!(
        (&case["budget"]["fuel"], &case["budget"]["memory"]),
        (&case["fuel"], &case["peak_memory"])
    );
    // A process that begins reads code that one that runs has.
    assert!(case["cold_micros"].as_u64() > case["micros"]["p50"].as_u64(), "{report}");
    let budget = fs::read_to_string(world.path("guarding/bench.json")).unwrap();
    let mut small: serde_json::Value = serde_json::from_str(&budget).unwrap();
    let (name, _) = small["cases"].as_object().unwrap().iter().next().unwrap();
    let name = name.clone();
    small["cases"][&name]["fuel"] = 10.into();
    world.write("guarding/bench.json", &small.to_string());
    world.run(&bench).expect(1, &["fuel is", "the budget is 10"]);
    world.write("guarding/bench.json", "{");
    world.run(&bench).expect(3, &["bench.json is no budget"]);
    untouched("filter", "filtering");
}

#[test]
fn a_request_needs_a_grant() {
    let world = untouched("tool", "asking");
    let extend = |file: &str, from: &str, to: &str| {
        let text = fs::read_to_string(world.path(file)).unwrap();
        assert!(text.contains(from), "{file} has no {from:?}");
        world.write(file, &text.replacen(from, to, 1));
    };
    extend(
        "asking/src/lib.rs",
        "    match arguments",
        "    cleargate::http::Request::get(\"https://api.example.com/\").send()?;\n    match arguments",
    );
    extend(
        "asking/plugin.toml",
        "[build]",
        "[permissions]\nhttp = [\"api.example.com\"]\n\n[reasons]\nhttp = \"asks for sums\"\n\n[build]",
    );
    // A case stands in for the network.
    world.write(
        "asking/cases/net.yaml",
        "cases:\n  - name: down\n    call: { tool: asking }\n    input: { a: 1, b: 2 }\n    world:\n      http:\n        \
         - { url: \"https://api.example.com/\", fail: { code: transient, message: is down } }\n    \
         expect: { error: { code: transient, message: is down } }\n  - name: silent\n    \
         call: { tool: asking }\n    input: { a: 1, b: 2 }\n    expect: { error: { code: denied, message: no answer for GET } }\n",
    );
    let done = world.run(&["plugin", "test", "asking", "--filter", "net"]);
    assert_eq!(done.code, Some(0), "{done:?}");
    world.run(&["plugin", "publish", "asking"]).expect(0, &[]);

    let install = ["plugin", "install", "my:asking"];
    let listed = || world.json(&["plugin", "list", "--output", "json"]);
    world.run(&[&install[..], &["--dry-run"]].concat());
    assert_eq!(listed().as_array().unwrap().len(), 0);
    world.run(&install).expect(5, &["api.example.com", "--grant"]);
    for (text, code, words) in [
        ("http = [\"api.example.org\"]", 5, "http api.example.com"),
        ("htpp = [\"api.example.com\"]", 3, "unknown field `htpp`"),
        ("http = \"api.example.com\"", 3, "allowed.toml cannot be used"),
        ("http = [\"*.example.com\"]", 0, "installed my:asking"),
    ] {
        world.write("allowed.toml", text);
        world.run(&[&install[..], &["--grant=allowed.toml"]].concat()).expect(code, &[words]);
    }
    world.run(&["plugin", "remove", "my:asking"]).expect(0, &[]);
    world.run(&[&install[..], &["--grant=absent.toml"]].concat()).expect(3, &["absent.toml"]);
    world.run(&install).expect(5, &["--grant"]);
    world.run(&[&install[..], &["--grant"]].concat()).expect(0, &[]);
    assert_eq!(listed().as_array().unwrap().len(), 1);
    let list = world.run(&["plugin", "list"]);
    assert!(list.out.contains("my:asking") && list.out.contains("ready"), "{list:?}");
}

#[test]
fn what_is_no_component_is_no_plugin() {
    let world = World::empty();
    world.write("fake.wasm", "hello");
    world.run(&["plugin", "inspect", "./fake.wasm"]).expect(3, &["no WebAssembly"]);
}

/// Replaces a part of a file, which must be there.
fn edit(world: &World, file: &str, from: &str, to: &str) {
    let text = fs::read_to_string(world.path(file)).unwrap();
    assert!(text.contains(from), "{file} has no {from:?}");
    world.write(file, &text.replacen(from, to, 1));
}

#[test]
fn a_version_promises_what_changed() {
    let world = World::empty();
    world.run(&["plugin", "new", "--kind", "node", "growing"]).expect(0, &[]);
    let publish = ["plugin", "publish", "growing"];
    world.run(&publish).expect(0, &[]);

    let source = world.path("growing/src/lib.rs");
    let renamed = fs::read_to_string(&source).unwrap().replace("words: u32", "count: u32");
    fs::write(&source, renamed.replace("{ words }", "{ count: words }")).unwrap();
    edit(&world, "growing/plugin.toml", "version = \"0.1.0\"", "version = \"0.1.1\"");
    world.run(&publish).expect(
        3,
        &["my:growing 0.1.1", "output `words` is gone", "write version = \"0.2.0\" in plugin.toml"],
    );
    edit(&world, "growing/plugin.toml", "version = \"0.1.1\"", "version = \"0.2.0\"");
    world.run(&publish).expect(0, &[]);

    let toml = fs::read_to_string(world.path("growing/plugin.toml")).unwrap();
    world.write("growing/plugin.toml", &format!("{toml}\n[[node]]\nid = \"grown\"\n"));
    world.run(&["plugin", "build", "growing"]).expect(
        3,
        &["plugin.toml does not fit", "[[node]] id = \"grown\"", "the component offers growing"],
    );
}

/// Where the target is not installed, the refusal must say how to install it.
#[test]
fn a_plugin_for_wasi_passes_its_cases() {
    let world = World::empty();
    world.run(&["plugin", "new", "--kind", "tool", "wasi-tool"]).expect(0, &[]);
    let cargo = fs::read_to_string(world.path("wasi-tool/Cargo.toml")).unwrap();
    let target = "[package.metadata.cleargate]\ntarget = \"wasm32-wasip2\"\n";
    world.write("wasi-tool/Cargo.toml", &format!("{cargo}\n{target}"));
    edit(
        &world,
        "wasi-tool/src/lib.rs",
        "    match arguments",
        "    println!(\"{:?}\", std::env::vars().count());\n    match arguments",
    );
    let done = world.run(&["plugin", "test", "wasi-tool"]);
    if done.err.contains("no Rust toolchain for wasm32-wasip2") {
        done.expect(3, &["rustup target add wasm32-wasip2"]);
        return;
    }
    done.expect(0, &["2 passed, 0 failed"]);
}

#[test]
fn what_a_compiler_says_is_told_once() {
    let world = World::empty();
    let plugin = "[plugin]\nname = \"my:broken\"\nversion = \"0.1.0\"\ndescription = \"Breaks\"\n";
    world.write("its own/plugin.toml", plugin);
    let cargo = "[package]\nname = \"broken\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\
                 [lib]\ncrate-type = [\"cdylib\"]\n[workspace]\n";
    world.write("its own/Cargo.toml", cargo);
    world.write("its own/src/lib.rs", "fun x() {}\n");
    let done = world.run(&["plugin", "build", "its own"]);
    done.expect(3, &["its own cannot be built", "src/lib.rs:1"]);
    assert_eq!(done.err.matches("could not compile").count(), 1, "{done:?}");
    assert!(!done.err.contains("Compiling"), "{done:?}");

    world.write("its own/src/lib.rs", "fn unused() {}\n");
    let done = world.run(&["plugin", "build", "its own"]);
    // A warning is told; what stops the build is that nothing is exported.
    done.expect(3, &["function `unused` is never used", "cleargate::export!"]);
    let made = world.run(&["plugin", "new", "--kind", "tool", "its own/next"]);
    made.expect(0, &["cleargate plugin build 'its own/next'"]);
}
