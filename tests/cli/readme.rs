//! What the READMEs show is right, and runs as it stands there.

use crate::world::{PLUGINS, World};

/// The first block of a language.
fn block<'a>(readme: &'a str, language: &str) -> &'a str {
    let (_, after) = readme.split_once(&format!("```{language}\n")).expect("there is a block");
    after.split_once("\n```").expect("the block ends").0
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
    world.write("counting/cases/first.yaml", block(readme, "yaml"));
    let done = world.run(&["plugin", "test", "counting"]);
    done.expect(0, &["1 passed, 0 failed"]);
}

#[test]
fn the_javascript_of_the_sdk_remembers() {
    let world = World::empty();
    let readme = include_str!("../../sdk/README.md");
    world.run(&["plugin", "new", "--lang", "javascript", "--kind", "tool", "notes"]).expect(0, &[]);
    world.write("notes/src/plugin.js", block(readme, "js"));
    let manifest = std::fs::read_to_string(world.path("notes/plugin.toml")).unwrap();
    world.write("notes/plugin.toml", &format!("{manifest}\n{}\n", block(readme, "toml")));
    let cases = "cases:\n\
        - { name: first, call: { tool: remember }, input: { line: a }, expect: { output: { notes: 1 } } }\n\
        - { name: empty, call: { tool: remember }, input: { line: ' ' }, \
            expect: { error: { code: invalid_input, message: is empty } } }\n";
    world.write("notes/cases/first.yaml", cases);
    world.run(&["plugin", "test", "notes"]).expect(0, &["2 passed, 0 failed"]);
}
