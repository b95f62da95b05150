//! The templates of all kinds, in one project of a language: a build takes seconds, and there are many kinds.
//!
//! What a template asks for is compared with its component where templates are built one by one.

use std::fs;

use crate::world::World;

/// Every kind, by its word.
pub(crate) const KINDS: [&str; 11] = [
    "node",
    "tool",
    "guardrail",
    "filter",
    "provider",
    "tokenizer",
    "embedder",
    "retriever",
    "summarizer",
    "cache",
    "trigger",
];

const ASKS: &str = "\n[permissions]\nhttp = [\"*.example.com\"]\nkv = [\"answers\"]\n\
    [reasons]\nhttp = \"Asks a peer\"\nkv = \"Keeps answers\"\n";

/// Makes the project `all` of the templates: the source of each is the file `place` with the kind in it, and `joined`
/// makes the source of the plugin.
fn joined(language: &str, source: &str, place: &str, joined: impl Fn(&str) -> String) -> World {
    let world = World::empty();
    world.share_compiled();
    let new = |kind: &str, name: &str| {
        world.run(&["plugin", "new", "--lang", language, "--kind", kind, name]).expect(0, &[]);
    };
    new("node", "all");
    let manifest = fs::read_to_string(world.path("all/plugin.toml")).unwrap();
    world.write("all/plugin.toml", &format!("{manifest}{ASKS}"));
    fs::remove_file(world.path("all/cases/first.yaml")).unwrap();
    let mut whole = String::new();
    for kind in KINDS {
        let name = format!("a-{kind}");
        new(kind, &name);
        let read = |file: &str| fs::read_to_string(world.path(&format!("{name}/{file}"))).unwrap();
        world.write(&format!("all/{}", place.replace("KIND", kind)), &read(source));
        world.write(&format!("all/cases/{kind}.yaml"), &read("cases/first.yaml"));
        whole.push_str(&joined(kind));
    }
    world.write(&format!("all/{source}"), &whole);
    world
}

/// How many cases the templates have.
const CASES: &str = "42 passed, 0 failed";

#[test]
fn every_kind_in_rust_passes_its_cases() {
    let module = |kind: &str| format!("mod a_{kind};\n");
    let world = joined("rust", "src/lib.rs", "src/a_KIND.rs", module);
    world.run(&["plugin", "test", "all"]).expect(0, &["✓ my:all 0.1.0", CASES]);
}

#[test]
fn every_kind_in_javascript_passes_its_cases() {
    let world = joined("javascript", "src/plugin.js", "src/KIND.js", |kind| {
        format!("import {kind} from \"./{kind}.js\";\n")
    });
    let imports = fs::read_to_string(world.path("all/src/plugin.js")).unwrap();
    world.write("all/src/plugin.js", &format!("{imports}export default [{}];\n", KINDS.join(", ")));
    world.run(&["plugin", "test", "all"]).expect(0, &["✓ my:all 0.1.0", CASES]);
}
