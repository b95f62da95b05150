//! Two versions of a flow at once: the page as it stands there, shares, the journal, and what becomes of a canary.

use serde_json::{Value, json};

use crate::flow_test::{each_line, set_up};
use crate::world::World;

const PAGE: &str = include_str!("../../host/flow/CANARY.md");

#[test]
fn the_page_about_canaries_is_right() {
    let world = World::empty();
    let lines = set_up(&world, PAGE);
    assert_eq!(lines.len(), 5);
    each_line(&world, &lines);
    let text = std::fs::read_to_string(world.path("support.yaml")).unwrap();
    assert!(text.contains("use:\n  review: ./next.yaml\nnodes:\n"), "{text}");
}

/// The flow of the page whose versions say who they are.
fn split(world: &World, weight: u32) {
    set_up(world, PAGE);
    let say = |name: &str| {
        format!(
            "cleargate: 1\nflow: review\ninput: {{ text: string }}\nnodes:\n  team: {{ type: transform, with: {{ name: {name} }} }}\noutput: {{ team: \"${{string(team.name)}}\" }}\n"
        )
    };
    world.write("review.yaml", &say("main"));
    world.write("next.yaml", &say("canary"));
    let text = std::fs::read_to_string(world.path("support.yaml")).unwrap();
    world.write("support.yaml", &text.replace("weight: 20", &format!("weight: {weight}")));
}

fn tickets(n: usize) -> String {
    let all: Vec<String> = (0..n).map(|n| format!("ticket {n}")).collect();
    format!("tickets={}", json!(all))
}

fn teams(done: &Value) -> Vec<String> {
    let teams = done["outcome"]["output"]["teams"].as_array().unwrap_or_else(|| panic!("{done}"));
    teams.iter().map(|team| team.as_str().unwrap().to_owned()).collect()
}

#[test]
fn the_canary_takes_its_share_and_the_journal_says_which() {
    let world = World::empty();
    split(&world, 20);
    let input = tickets(200);
    let done = world.json(&["run", "support.yaml", "--input", &input, "--output", "json"]);
    let teams = teams(&done);
    let taken = teams.iter().filter(|team| *team == "canary").count();
    assert!((20..=60).contains(&taken), "{taken} of 200 at a weight of 20");
    let said = world.printed(&done);
    assert_eq!(
        said.iter().filter(|line| line.contains("`review` is its canary ./next.yaml")).count(),
        taken
    );

    // Each run ends otherwise, which the exit code says.
    let arguments = ["canary", "status", "support.yaml", "--history", "500", "--output", "json"];
    let status = world.run(&[&arguments[..], &["--compare", "5"]].concat());
    assert_eq!(status.code, Some(1), "{status:?}");
    let status: Value = serde_json::from_str(&status.out).unwrap();
    let one = &status[0];
    assert_eq!(
        (&one["name"], &one["of"], &one["weight"]),
        (&json!("review"), &json!("alias"), &json!(20))
    );
    assert_eq!(
        (&one["main"]["history"]["runs"], &one["canary"]["history"]["runs"]),
        (&json!(200 - taken), &json!(taken)),
        "{one}"
    );
    assert_ne!(one["main"]["hash"], one["canary"]["hash"]);
    let compared = &one["comparison"];
    assert_eq!((&compared["same"], &compared["differ"]), (&json!(0), &json!(5)), "{compared}");
    assert_eq!(compared["runs"][0]["places"][0]["pointer"], json!("/output/team"));
}

#[test]
fn an_arm_is_the_same_after_a_crash_and_grows_with_its_weight() {
    let world = World::empty();
    split(&world, 30);
    let case = |fault: &str| {
        let all: Vec<String> = (0..20).map(|n| n.to_string()).collect();
        let text = format!(
            "name: split\ninput: {{ tickets: {} }}\n{fault}expect: {{ snapshot: true }}\n",
            json!(all)
        );
        world.write("support.test.yaml", &text);
    };
    case("");
    world.run(&["test", "--update"]).expect(0, &["1 passed"]);
    let kept = std::fs::read_to_string(world.path("support.test.yaml.snap")).unwrap();
    assert!(kept.contains("\"main\"") && kept.contains("\"canary\""), "{kept}");
    for after in [1, 5, 12, 23, 40] {
        case(&format!("fault: [ {{ crash_after: {after} }} ]\n"));
        world.run(&["test"]).expect(0, &["1 passed"]);
    }
    let taken = || {
        let done = std::fs::read_to_string(world.path("support.test.yaml.snap")).unwrap();
        let kept: Value = serde_json::from_str(&done).unwrap();
        let teams = kept["split"]["output"]["teams"].as_array().unwrap().clone();
        teams.iter().map(|team| team == "canary").collect::<Vec<_>>()
    };
    let few = taken();
    let text = std::fs::read_to_string(world.path("support.yaml")).unwrap();
    world.write("support.yaml", &text.replace("weight: 30", "weight: 60"));
    case("");
    world.run(&["test", "--update"]).expect(0, &["1 passed"]);
    let more = taken();
    assert!(few.iter().zip(&more).all(|(few, more)| !few || *more), "{few:?} {more:?}");
}

#[test]
fn a_canary_takes_all_or_none_from_then_on() {
    let world = World::empty();
    for (verb, team) in [("promote", "canary"), ("rollback", "main")] {
        split(&world, 50);
        let decided = world.json(&["canary", verb, "support.yaml", "--output", "json"]);
        assert!(decided["file"].as_str().unwrap().ends_with("support.yaml"), "{decided}");
        let text = std::fs::read_to_string(world.path("support.yaml")).unwrap();
        assert!(!text.contains("canary:") && text.contains("concurrency").eq(&false), "{text}");
        let done =
            world.json(&["run", "support.yaml", "--input", &tickets(20), "--output", "json"]);
        assert!(teams(&done).iter().all(|got| got == team), "{verb}: {done}");
        world
            .run(&["canary", verb, "support.yaml"])
            .expect(3, &["`support` has no canary", "weight: 10"]);
    }
    split(&world, 50);
    world
        .run(&["canary", "promote", "support.yaml", "revue"])
        .expect(3, &["no canary of `revue`; there are: review"]);
}

#[test]
fn what_cannot_take_the_place_of_the_other_version_is_found_before_a_run() {
    let world = World::empty();
    let next = |input: &str, output: &str| {
        format!(
            "cleargate: 1\nflow: review\ninput: {input}\nnodes:\n  team: {{ type: transform, with: {{ name: x }} }}\noutput: {{ team: {output} }}\n"
        )
    };
    for (canary, text, said) in [
        (
            "{ version: ./next.yaml, weight: 10 }",
            next("{ text: string, more: int }", "x"),
            "it needs the input `more`",
        ),
        (
            "{ version: ./next.yaml, weight: 10 }",
            next("{ txt: string }", "x"),
            "it has no input `text`",
        ),
        ("{ version: ./next.yaml, weight: 10 }", next("{ text: int }", "x"), "its input `text`"),
        (
            "{ version: ./next.yaml, weight: 10 }",
            next("{ text: string }", "\"${1}\""),
            "its output",
        ),
        ("{ version: ./gone.yaml, weight: 10 }", next("{ text: string }", "x"), "gone.yaml"),
        ("{ version: ./next.yaml, weight: 101 }", next("{ text: string }", "x"), "0 to 100"),
        ("{ version: ./next.yaml }", next("{ text: string }", "x"), "a canary needs `weight`"),
        (
            "{ version: 'my:plugin@^1', weight: 1 }",
            next("{ text: string }", "x"),
            "the file of a flow",
        ),
        (
            "{ version: ./next.yaml, wait: 1, weight: 1 }",
            next("{ text: string }", "x"),
            "a canary has no key",
        ),
        ("./next.yaml", next("{ text: string }", "x"), "version: ./next.yaml, weight: 10"),
    ] {
        split(&world, 10);
        world.write("next.yaml", &text);
        let flow = std::fs::read_to_string(world.path("support.yaml")).unwrap();
        world.write("support.yaml", &flow.replace("{ version: ./next.yaml, weight: 10 }", canary));
        let done = world.run(&["check", "support.yaml", "--output", "json"]);
        assert_eq!(done.code, Some(3), "{canary}\n{done:?}");
        assert!(done.out.contains(said), "{said}\n{}", done.out);
    }
    split(&world, 10);
    let flow = std::fs::read_to_string(world.path("support.yaml")).unwrap();
    world.write("support.yaml", &flow.replace("type: review,", "type: \"review@canary\","));
    world.run(&["check", "support.yaml"]).expect(3, &[]);
}
