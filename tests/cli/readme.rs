//! What the READMEs show is right, and runs as it stands there.

use crate::world::{PLUGINS, World};

/// The first block of a language.
pub(crate) fn block<'a>(readme: &'a str, language: &str) -> &'a str {
    let (_, after) = readme.split_once(&format!("```{language}\n")).expect("there is a block");
    after.split_once("\n```").expect("the block ends").0
}

/// The first block of a language that says something.
pub(crate) fn block_with<'a>(readme: &'a str, language: &str, words: &str) -> &'a str {
    let fence = format!("```{language}\n");
    let blocks = readme.split(&*fence).skip(1);
    let mut blocks = blocks.filter_map(|rest| rest.split("\n```").next());
    blocks.find(|block| block.contains(words)).expect("there is a block")
}

#[test]
fn the_flow_of_the_readme_runs() {
    let world = World::empty();
    world.write("flow.yaml", block(include_str!("../../README.md"), "yaml"));
    world.run(&["check", "flow.yaml"]).expect(0, &["flow.yaml is right"]);
    let done =
        world.json(&["run", "flow.yaml", "--input", r#"names=["Ada","Bo"]"#, "--output", "json"]);
    assert_eq!(done["outcome"]["output"]["text"], "- Hello Ada!\n- Hello Bo!\n");
}

#[test]
fn the_commands_of_the_readme_exist() {
    let world = World::empty();
    let readme = include_str!("../../README.md");
    let words: std::collections::BTreeSet<&str> = readme
        .split('`')
        .filter_map(|code| code.strip_prefix("cleargate "))
        .filter_map(|code| code.split_whitespace().next())
        .collect();
    assert!(words.len() > 5, "{words:?}");
    for verb in words {
        world.run(&[verb, "--help"]).expect(0, &[]);
    }
    let (_, publish) = readme.split_once("`cleargate plugin publish ").unwrap();
    let folders: Vec<_> = publish.split('`').next().unwrap().split_whitespace().collect();
    let published: Vec<_> = PLUGINS.iter().map(|name| format!("plugins/{name}")).collect();
    assert_eq!(folders, published, "what the bundled flow needs");
}

#[test]
fn the_plugin_of_the_sdk_passes_its_case() {
    let world = World::empty();
    let readme = include_str!("../../sdk/README.md");
    world.run(&["plugin", "new", "--kind", "node", "counting"]).expect(0, &[]);
    world.write("counting/src/lib.rs", block(readme, "rust"));
    world.write("counting/cases/first.yaml", block_with(readme, "yaml", "cases:"));
    let done = world.run(&["plugin", "test", "counting"]);
    done.expect(0, &["1 passed, 0 failed"]);
}

/// Replaces the source of a new project by the block of its language; what it asks for and its cases are the same in all.
fn remembers(language: &str, words: &str, file: &str) {
    let world = World::empty();
    world.share_compiled();
    let readme = include_str!("../../sdk/README.md");
    let name = &*format!("notes-{language}");
    world.run(&["plugin", "new", "--lang", language, "--kind", "tool", name]).expect(0, &[]);
    world.write(&format!("{name}/src/{file}"), block(readme, words));
    let manifest = std::fs::read_to_string(world.path(&format!("{name}/plugin.toml"))).unwrap();
    let manifest = format!("{manifest}\n{}\n", block(readme, "toml"));
    world.write(&format!("{name}/plugin.toml"), &manifest);
    world.write(&format!("{name}/cases/first.yaml"), REMEMBERED);
    world.run(&["plugin", "test", name]).expect(0, &["3 passed, 0 failed"]);
}

/// What each of them does.
pub(crate) const REMEMBERED: &str = "cases:
  - { name: first, call: { tool: remember }, input: { line: a }, expect: { output: { notes: 1 } } }
  - { name: empty, call: { tool: remember }, input: { line: '' }, expect: { error: { code: invalid_input, message: is empty } } }
  - { name: none, call: { tool: remember }, input: {}, expect: { error: { code: invalid_input, message: missing field `line` } } }
";

#[test]
fn the_javascript_of_the_sdk_remembers() {
    remembers("javascript", "js", "plugin.js");
}

#[test]
fn the_c_of_the_sdk_remembers() {
    remembers("c", "c", "plugin.c");
}

#[test]
fn the_cpp_of_the_sdk_remembers() {
    remembers("cpp", "cpp", "plugin.cc");
}

#[test]
fn the_go_of_the_sdk_remembers() {
    remembers("go", "go", "plugin.go");
}
