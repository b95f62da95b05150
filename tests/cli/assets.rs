//! Maps with keys and values that outlive their runs, as people see them.

use serde_json::{Value, json};

use crate::world::World;

/// What a command that goes well prints.
fn shows(world: &World, arguments: &[&str], parts: &[&str]) {
    let done = world.run(arguments);
    assert_eq!(done.code, Some(0), "{done:?}");
    parts.iter().for_each(|part| assert!(done.out.contains(part), "no {part:?} in {}", done.out));
}

const FLOW: &str = r#"cleargate: 1
flow: daily
input: { days: "list<string>", factor: { type: int, default: 2 } }
use: { twice: ./twice.yaml }
nodes:
  reports:
    map: ${input.days}
    as: day
    key: ${day}
    concurrency: 4
    on_item_error: skip
    do:
      report: { type: twice, with: { n: "${int(day) * input.factor}" }, asset: {} }
    out: ${report.n}
output: { reports: "${reports}" }
"#;

const TWICE: &str = r#"cleargate: 1
flow: twice
input: { n: int }
nodes: { m: { type: transform, with: { n: "${input.n * 2}" } } }
output: { n: "${m.n}" }
"#;

fn run(world: &World, days: &str, factor: u32) -> (String, Value) {
    let (days, factor) = (format!("days={days}"), format!("factor={factor}"));
    let arguments = ["run", "daily.yaml", "--input", &days, "--input", &factor, "--output", "json"];
    let done = world.json(&arguments);
    (done["run"].as_str().unwrap().to_owned(), done["outcome"]["output"]["reports"].clone())
}

fn used(world: &World, run: &str) -> (u64, u64) {
    let shown = world.json(&["runs", "show", run, "--output", "json"]);
    let assets = &shown["timeline"]["assets"];
    (assets["reused"].as_u64().unwrap_or(0), assets["made"].as_u64().unwrap_or(0))
}

#[test]
fn only_what_changed_is_made_again_and_it_is_said_why() {
    let world = World::empty();
    world.write("daily.yaml", FLOW);
    world.write("twice.yaml", TWICE);
    shows(&world, &["assets", "list"], &["no assets"]);
    let (first, value) = run(&world, r#"["1","x","2"]"#, 2);
    assert_eq!((used(&world, &first), value), ((0, 2), json!({ "1": 4, "2": 8 })));

    let items = world.json(&["runs", "partitions", &first, "--output", "json"]);
    let said: Vec<_> = (items.as_array().unwrap().iter())
        .map(|item| (item["key"].as_str().unwrap(), item["status"].as_str().unwrap()))
        .collect();
    assert_eq!(said, [("1", "succeeded"), ("x", "failed"), ("2", "succeeded")]);
    assert_eq!(items[1]["failed"], "reports[1].report");
    let only = |status, said: &[&str]| {
        shows(&world, &["runs", "partitions", &first, "--status", status], said);
    };
    only("failed", &["reports[1]  x    ✗ failed", "invalid_input"]);
    only("running", &["none of the 3"]);

    let (second, value) = run(&world, r#"["1","2","3"]"#, 2);
    assert_eq!((used(&world, &second), value), ((2, 1), json!({ "1": 4, "2": 8, "3": 12 })));
    let (third, _) = run(&world, r#"["3"]"#, 3);
    let parts = ["assets: 0 known before, 1 made", "daily/report#3: input `n` changed"];
    shows(&world, &["runs", "show", &third], &parts);

    // The sub-flow is what the value is made of.
    world.write("twice.yaml", &TWICE.replace("* 2", "* 20"));
    let (fourth, value) = run(&world, r#"["3"]"#, 3);
    assert_eq!((used(&world, &fourth), value), ((0, 1), json!({ "3": 180 })));
    let why = world.json(&["assets", "show", "daily/report", "--key", "3", "--output", "json"]);
    assert_eq!((&why["why"], &why["value"]), (&json!(["`twice` changed"]), &json!({ "n": 180 })));
    assert_eq!(why["before"][0]["why"], json!(["input `n` changed"]));
    assert_eq!(why["address"], "reports[0].report");

    // A replay sees what the run saw, although the asset is another now.
    shows(&world, &["replay", &second, "--execute"], &["the same, byte for byte"]);
}

#[test]
fn an_asset_is_asked_for_again_forgotten_and_not_mistaken_for_another() {
    let world = World::empty();
    world.write("daily.yaml", FLOW);
    world.write("twice.yaml", TWICE);
    run(&world, r#"["1","2"]"#, 2);
    let refresh = ["assets", "refresh", "daily/report", "--key", "1"];
    shows(&world, &refresh, &["1 part(s) of daily/report"]);
    let listed = world.json(&["assets", "list", "daily/", "--output", "json"]);
    assert_eq!((&listed[0]["status"], &listed[1]["status"]), (&json!("stale"), &json!("fresh")));
    let (again, _) = run(&world, r#"["1","2"]"#, 2);
    assert_eq!(used(&world, &again), (1, 1));
    shows(&world, &["assets", "forget", "daily/report"], &["2 part(s)"]);
    for (arguments, said) in [
        (vec!["assets", "show", "daily/report"], "there is no asset `daily/report`"),
        (vec!["assets", "forget", "daily/rep"], "there is no asset `daily/rep`"),
    ] {
        world.run(&arguments).expect(3, &[said]);
    }
    run(&world, r#"["1"]"#, 2);
    world.run(&["assets", "show", "daily/report"]).expect(3, &["has parts", "--key"]);
    world.run(&["assets", "refresh", "daily/report", "--key", "7"]).expect(3, &["no part `7`"]);
}
