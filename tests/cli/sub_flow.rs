//! Flows inside flows: one lock, one check, a run of its own for each.

use std::fs;

use crate::world::World;

const GREETING: &str = "\
cleargate: 1
flow: greeting
input:
  name: string
  loud: { type: bool, default: false }
output:
  text: \"${has(shout) ? shout.text : quiet.text}\"
nodes:
  route:
    switch:
      - { when: input.loud, to: shout }
      - { else: quiet }
  shout: { type: template, text: \"HELLO ${name}\", with: { name: \"${input.name}\" } }
  quiet: { type: template, file: quiet.md, with: { name: \"${input.name}\" } }
";

const PARTY: &str = "\
cleargate: 1
flow: party
input: { names: list<string> }
output: { all: \"${greet}\" }
use: { greeting: ./inner/greeting.flow.yaml }
nodes:
  greet:
    map: input.names
    as: name
    concurrency: 3
    do:
      one: { type: greeting, with: { name: \"${name}\", loud: \"${index == 1}\" } }
    out: ${one.text}
";

fn world() -> World {
    let world = World::empty();
    world.write("party.flow.yaml", PARTY);
    world.write("inner/greeting.flow.yaml", GREETING);
    world.write("inner/quiet.md", "hello ${name}");
    world
}

#[test]
fn a_flow_runs_inside_another() {
    let world = world();
    let args = ["run", "party.flow.yaml", "--input", "names=[\"Ada\",\"Bo\",\"Cy\"]"];
    let document = world.json(&[&args[..], &["--output", "json"]].concat());
    let all = &document["outcome"]["output"]["all"];
    assert_eq!(*all, serde_json::json!(["hello Ada", "HELLO Bo", "hello Cy"]), "{document}");

    let id = document["run"].as_str().unwrap();
    let list = |more: &[&str]| {
        let args = [&["runs", "list", "--output", "json"], more].concat();
        world.json(&args).as_array().unwrap().clone()
    };
    assert_eq!(list(&[]).len(), 1, "sub-flows are not in the way");
    let with_inner = list(&["--sub-flows"]);
    assert_eq!(with_inner.len(), 4);
    assert!(with_inner.iter().filter(|run| run["parent"]["run"] == *id).count() == 3);
    let shown = world.run(&["runs", "show", id]);
    assert_eq!(shown.out.matches("greeting").count(), 3, "{}", shown.out);
    let child = with_inner.iter().find(|run| run["flow"] == "greeting").unwrap();
    let child = world.run(&["runs", "show", child["id"].as_str().unwrap()]);
    assert!(child.out.contains("the sub-flow at greet["), "{}", child.out);
    assert!(child.out.contains("quiet") || child.out.contains("shout"), "{}", child.out);

    let explained = world.run(&[&args[..], &["--explain"]].concat());
    for part in ["greet.one", "flow greeting", "greet.one/route", "greet.one/quiet"] {
        assert!(explained.out.contains(part), "no {part:?} in {}", explained.out);
    }
}

#[test]
fn what_is_wrong_inside_is_found_from_outside() {
    let rows: &[(&str, &str, &[&str])] = &[
        ("greeting", "type: template, file", &["inner/greeting.flow.yaml:14:", "CG0301"]),
        ("input.loud,", "input.lout,", &["inner/greeting.flow.yaml:11:", "lout"]),
        ("quiet.md", "gone.md", &["gone.md"]),
        ("quiet.md", "../../../etc/passwd", &["outside the flow's folder"]),
        ("nodes:", "use: { me: ./greeting.flow.yaml }\nnodes:", &["use each other", " → "]),
        ("nodes:", "use: { up: ../party.flow.yaml }\nnodes:", &["use each other", " → "]),
        ("name: string\n", "nam: string\n", &["CG0"]),
    ];
    for (from, to, said) in rows {
        let world = world();
        let broken = match *from {
            "greeting" => GREETING.replace("type: template, file", "type: tenplate, file"),
            _ => GREETING.replace(from, to),
        };
        assert_ne!(broken, GREETING);
        world.write("inner/greeting.flow.yaml", &broken);
        let done = world.run(&["check", "party.flow.yaml"]);
        assert_eq!(done.code, Some(3), "{to}: {done:?}");
        let text = format!("{}{}", done.out, done.err);
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        for part in *said {
            assert!(text.contains(part), "no {part:?} in {text}");
        }
    }
    let world = world();
    fs::remove_file(world.path("inner/greeting.flow.yaml")).unwrap();
    let done = world.run(&["run", "party.flow.yaml", "--input", "names=[]"]);
    assert_ne!(done.code, Some(0));
    assert!(!world.journal().exists() || world.run(&["runs", "list"]).out.contains("no runs"));
}

#[test]
fn flows_of_one_folder_share_a_lock() {
    let world = World::published();
    let flow = |id: &str, plugin: &str| {
        format!(
            "cleargate: 1\nflow: {id}\nuse: {{ it: \"cleargate:{plugin}@^0.1\" }}\nnodes:\n  \
             hello: {{ type: template, text: hello }}\n"
        )
    };
    world.write("a.yaml", &flow("a", "lockfile"));
    world.write("b.yaml", &flow("b", "package-risk"));
    for name in ["a.yaml", "b.yaml"] {
        assert_eq!(world.run(&["run", name]).code, Some(0));
    }
    let lock = fs::read_to_string(world.path("cleargate.lock")).unwrap();
    assert!(lock.contains("cleargate:lockfile") && lock.contains("cleargate:package-risk"));
    for name in ["a.yaml", "b.yaml"] {
        let done = world.run(&["run", name, "--locked"]);
        assert_eq!(done.code, Some(0), "{done:?}");
    }
    assert_eq!(fs::read_to_string(world.path("cleargate.lock")).unwrap(), lock);
}
