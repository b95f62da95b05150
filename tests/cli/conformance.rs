//! One plugin in each language, and the cases that all of them pass: `sdk/conformance`.

use std::fs;

use serde_json::{Value, json};

use crate::world::{World, repository};

/// A language: its name in the command, its folder's file, the file in a project, and the cases that are not for it.
struct Row {
    language: &'static str,
    from: &'static str,
    to: &'static str,
    without: &'static str,
}

const RUST: Row =
    Row { language: "rust", from: "rust/plugin.rs", to: "src/lib.rs", without: "narrow" };
const JAVASCRIPT: Row = Row {
    language: "javascript",
    from: "javascript/plugin.js",
    to: "src/plugin.js",
    without: "wide",
};
const PYTHON: Row =
    Row { language: "python", from: "python/plugin.py", to: "src/plugin.py", without: "narrow" };
const C: Row = Row { language: "c", from: "c/plugin.c", to: "src/plugin.c", without: "narrow" };
const CPP: Row =
    Row { language: "cpp", from: "cpp/plugin.cc", to: "src/plugin.cc", without: "narrow" };
const GO: Row =
    Row { language: "go", from: "go/plugin.go", to: "src/plugin.go", without: "narrow" };

/// Bytes of the large text: as much as a plugin is asked to take in one piece.
const LARGE: usize = 1 << 20;

fn read(path: &str) -> String {
    fs::read_to_string(repository().join("sdk/conformance").join(path)).unwrap()
}

/// A project with the language's plugin and the cases of all.
fn project(row: &Row) -> World {
    let world = World::empty();
    world.share_compiled();
    let new = ["plugin", "new", "--lang", row.language, "--kind", "tool", "conformance"];
    world.run(&new).expect(0, &[]);
    let path = |file: &str| format!("conformance/{file}");
    world.write(&path(row.to), &read(row.from));
    world.write(&path("plugin.toml"), &read("plugin.toml").replace("LANGUAGE", row.language));
    fs::remove_file(world.path(&path("cases/first.yaml"))).unwrap();
    let cases = repository().join("sdk/conformance/cases");
    for entry in fs::read_dir(cases).unwrap().map(Result::unwrap) {
        let file = entry.file_name().into_string().unwrap();
        if file.trim_end_matches(".yaml") != row.without {
            world.write(&path(&format!("cases/{file}")), &read(&format!("cases/{file}")));
        }
    }
    world
}

/// Runs the whole suite for a language.
fn conforms(row: &Row) {
    let world = project(row);
    let done = world.run(&["plugin", "test", "conformance"]);
    assert_eq!(done.code, Some(0), "{}: {}\n{}", row.language, failed(&done.out), done.err);
    world.run(&["plugin", "publish", "conformance"]).expect(0, &[]);
    offers(row, &world.json(&["plugin", "inspect", "my:conformance", "--output", "json"]));
    world.run(&["plugin", "install", "my:conformance", "--grant"]).expect(0, &[]);
    typed(&world);
    large(&world);
    too_long(&world);
}

/// The ports are known before anything runs, with their types, from what the component says of itself.
fn typed(world: &World) {
    let flow = |text: &str, out: &str| {
        format!(
            "cleargate: 1\nflow: typed\noutput: {{ size: \"${{it.{out}}}\" }}\n\
             use: {{ plugin: my:conformance@^0.1 }}\n\
             nodes:\n  it: {{ type: plugin.measure, with: {{ text: {text} }} }}\n"
        )
    };
    for (text, out, code, words) in [
        ("abc", "bytes", 0, "is right"),
        ("7", "bytes", 3, "1 error"),
        ("abc", "size", 3, "1 error"),
    ] {
        world.write("typed.yaml", &flow(text, out));
        world.run(&["check", "typed.yaml"]).expect(code, &[words]);
    }
}

/// A text of 1 MiB goes through a plugin and comes back. Go's reader of JSON takes more than the fuel of an ordinary call.
fn large(world: &World) {
    let text = "aé😀 \"\\\n".repeat(LARGE / 11);
    world.write("large.txt", &text);
    world.write(
        "large.yaml",
        "cleargate: 1\nflow: large\ninput: { text: { type: string } }\noutput: { value: \"${it.value}\" }\n\
         use: { plugin: my:conformance@^0.1 }\n\
         nodes:\n  it: { type: plugin.echo, limits: { fuel: 4000000000 }, with: { value: \"${input.text}\" } }\n",
    );
    let run = ["run", "large.yaml", "--input", "text=@large.txt", "--output", "json"];
    assert_eq!(world.json(&run)["outcome"]["output"], json!({ "value": text }));
}

/// The lines about cases that failed.
fn failed(out: &str) -> String {
    let line = |line: &&str| !line.starts_with('✓');
    out.lines().filter(line).collect::<Vec<_>>().join("\n")
}

/// What a component offers and asks for is the same in all languages.
fn offers(row: &Row, inspected: &Value) {
    let mut imports: Vec<&str> =
        inspected["imports"].as_array().unwrap().iter().map(|i| i.as_str().unwrap()).collect();
    imports.sort_unstable();
    let services =
        ["blob", "clock", "config", "http", "kv", "log", "model", "random", "secret", "tools"];
    let mut wanted: Vec<String> =
        services.iter().map(|service| format!("cleargate:host/{service}@0.1.0")).collect();
    wanted.push("cleargate:types/types@0.1.0".into());
    assert_eq!(imports, wanted, "{}", row.language);
}

/// A call that outlives its step ends with `timeout`.
fn too_long(world: &World) {
    world.write(
        "flow.yaml",
        "cleargate: 1\nflow: waiting\noutput: { value: \"${wait.value}\" }\n\
         use: { it: my:conformance@^0.1 }\n\
         nodes:\n  wait: { type: it.fail, timeout: 300ms, with: { how: sleep } }\n",
    );
    let done = world.run(&["run", "flow.yaml", "--output", "json"]);
    assert_ne!(done.code, Some(0), "{done:?}");
    assert!(done.out.contains("timeout"), "{done:?}");
}

#[test]
fn rust_conforms() {
    conforms(&RUST);
}

#[test]
fn javascript_conforms() {
    conforms(&JAVASCRIPT);
}

#[test]
fn python_conforms() {
    conforms(&PYTHON);
}

#[test]
fn c_conforms() {
    conforms(&C);
}

#[test]
fn cpp_conforms() {
    conforms(&CPP);
}

#[test]
fn go_conforms() {
    conforms(&GO);
}
