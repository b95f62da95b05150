//! The README's flow is a right flow, and runs as it stands there.

use crate::world::World;

/// The first YAML block of the README.
fn flow() -> String {
    let readme = include_str!("../../README.md");
    let (_, after) = readme.split_once("```yaml\n").expect("the README shows a flow");
    after.split_once("\n```").expect("the block ends").0.to_owned()
}

#[test]
fn the_flow_of_the_readme_runs() {
    let world = World::empty();
    world.write("flow.yaml", &flow());
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
}
