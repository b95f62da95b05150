//! Runs that wait, as people meet them: tasks, signals, exit codes, a killed process and two at once.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::world::{Done, World};

const APPROVAL: &str = "\
cleargate: 1
flow: approval
input: { amount: int }
events: { paid: { by: string } }
nodes:
  ask:
    type: human
    title: Pay ${input.amount}?
    text: It is a lot.
    assignee: [ada, bo]
    form: { approve: bool, note: opt<string>, sure: { type: int, default: 5, max: 9, doc: how sure } }
    deadline: 2d
    on_deadline: reject
  paid: { wait: { event: paid, where: event.by != '' }, after: ask }
output: { approve: \"${ask.approve}\", who: \"${ask.by}\", sure: \"${ask.sure}\", paid: \"${paid.by}\" }
";

const RUN: [&str; 4] = ["run", "flow.yaml", "--input", "amount=7"];

fn world() -> World {
    let world = World::empty();
    world.write("flow.yaml", APPROVAL);
    world
}

fn start(world: &World, args: &[&str]) -> Child {
    world.command(args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

/// The tasks that are open, once there are some.
fn tasks(world: &World) -> Vec<Value> {
    let began = Instant::now();
    loop {
        let done = world.run(&["tasks", "list", "--output", "json"]);
        let tasks: Vec<Value> = serde_json::from_str(&done.out).unwrap_or_default();
        if !tasks.is_empty() {
            return tasks;
        }
        assert!(began.elapsed() < Duration::from_secs(60), "no task: {done:?}");
    }
}

/// What people see of a run that waits.
fn looks(world: &World, run: &str) {
    let short = &run[..12];
    let listed = world.json(&["runs", "list", "--status", "waiting", "--output", "json"]);
    assert_eq!(listed[0]["id"], run);
    world.run(&["runs", "show", short]).expect(0, &[]);
    let shown = world.run(&["runs", "show", short]).out;
    assert!(shown.contains("ask waits for people: Pay 7?"), "{shown}");
    let shown = world.run(&["tasks", "show", short]).out;
    for part in
        ["Pay 7?", "It is a lot.", "approve (boolean)", "how sure", "asked: ada, bo", "until "]
    {
        assert!(shown.contains(part), "no {part:?} in {shown}");
    }
    let for_ada = world.json(&["tasks", "list", "--assignee", "ada", "--output", "json"]);
    assert_eq!(for_ada.as_array().unwrap().len(), 1);
    let for_cy = world.json(&["tasks", "list", "--assignee", "cy", "--output", "json"]);
    assert_eq!(for_cy, json!([]));
}

/// Answers that do not fit.
fn refuses(world: &World, short: &str) {
    // What does not fit is refused, and nothing is kept.
    for (set, said) in [
        ("approve=maybe", "input `approve` must be bool"),
        ("yes=true", "has no input `yes`"),
        ("note=x", "/approve: is missing"),
        ("sure=12", "more than the maximum"),
    ] {
        let more = if set.starts_with("sure") { "approve=true" } else { set };
        let refused = world.run(&["tasks", "answer", short, "--set", set, "--set", more]);
        refused.expect(3, &[said]);
    }
}

#[test]
fn a_run_that_waits_ends_with_what_it_waits_for_and_goes_on_when_it_was_told() {
    let world = world();
    let parked = world.run(&[&RUN[..], &["--output", "json"]].concat());
    assert_eq!(parked.code, Some(8), "{parked:?}");
    let said: Value = serde_json::from_str(&parked.out).unwrap();
    let (run, task) = (said["run"].as_str().unwrap(), said["waits"][0]["task"].as_str().unwrap());
    assert_eq!(task, format!("{run}:ask"));
    for part in [format!("cleargate tasks answer {task}"), format!("cleargate resume {run}")] {
        assert!(parked.err.contains(&part), "{parked:?}");
    }
    let short = &run[..12];
    looks(&world, run);
    refuses(&world, short);
    world.run(&["tasks", "answer", short]).expect(3, &["its fields are approve, note, sure"]);
    world.run(&["resume", "--due"]).expect(0, &["no run is due"]);

    world
        .run(&["tasks", "answer", short, "--json", r#"{"approve":true}"#, "--by", "bo"])
        .expect(0, &[]);
    let waits = world.run(&["resume", "--due"]);
    waits.expect(8, &[&format!("cleargate signal {run} paid")]);
    // Answered once: who comes later is told, and the journal has it when the run goes on.
    let late = world.run(&["tasks", "answer", task, "--set", "approve=false", "--by", "ada"]);
    late.expect(1, &["not open any more: bo has answered it"]);

    for (payload, code, said) in
        [(r#"{"from":"x"}"#, 3, "the event `paid` does not carry"), ("no json", 3, "is no JSON")]
    {
        world.run(&["signal", short, "paid", payload]).expect(code, &[said]);
    }
    world.run(&["signal", short, "payed"]).expect(3, &["the flow has no event `payed`"]);
    let signal = |by: &str| {
        let payload = format!("{{\"by\":\"{by}\"}}");
        let done = world.run(&[
            "signal",
            short,
            "paid",
            &payload,
            "--id",
            &format!("id-{by}"),
            "--output",
            "json",
        ]);
        assert_eq!(done.code, Some(0), "{done:?}");
        serde_json::from_str::<Value>(&done.out).unwrap()["known"].clone()
    };
    // The first one is not what the node waits for, the second comes twice.
    assert_eq!(
        [signal(""), signal("mail"), signal("mail")],
        [json!(false), json!(false), json!(true)]
    );
    let done = world.json(&["resume", short, "--output", "json"]);
    let wanted = json!({ "approve": true, "who": "bo", "sure": 5, "paid": "mail" });
    assert_eq!(done["outcome"]["output"], wanted);
    world.run(&["signal", short, "paid", r#"{"by":"x"}"#]).expect(1, &["has ended"]);
    let events = world.run(&["runs", "events", run, "--output", "ndjson"]).out;
    for (name, times) in [("task_answered", 1), ("answer_refused", 1), ("signal_received", 2)] {
        assert_eq!(
            events.matches(&format!("\"event\":\"{name}\"")).count(),
            times,
            "{name}: {events}"
        );
    }
}

#[test]
fn a_killed_process_loses_no_task_and_another_one_goes_on() {
    let world = world();
    let mut child = start(&world, &[&RUN[..], &["--wait"]].concat());
    let task = tasks(&world)[0]["task"].as_str().unwrap().to_owned();
    let killed = Command::new("kill").args(["-KILL", &child.id().to_string()]).status().unwrap();
    assert!(killed.success());
    child.wait().unwrap();
    let (run, _) = task.split_once(':').unwrap();
    world.run(&["tasks", "answer", &task, "--set", "approve=true", "--by", "ada"]).expect(0, &[]);
    world.run(&["signal", run, "paid", r#"{"by":"ada"}"#]).expect(0, &[]);
    let done = world.json(&["resume", run, "--output", "json"]);
    let wanted = json!({ "approve": true, "who": "ada", "sure": 5, "paid": "ada" });
    assert_eq!(done["outcome"]["output"], wanted);
}

#[test]
fn a_process_that_stays_takes_what_others_tell_its_run() {
    let world = world();
    let mut child = start(&world, &[&RUN[..], &["--wait", "--output", "json"]].concat());
    // It says itself how it is answered. Without a buffer that would swallow what follows.
    let mut said = BufReader::with_capacity(1, child.stderr.take().unwrap());
    let command = "cleargate tasks answer ";
    let task = loop {
        let mut line = String::new();
        assert!(said.read_line(&mut line).unwrap() > 0, "it ended without a word");
        if let Some((_, task)) = line.trim().split_once(command) {
            break task.to_owned();
        }
    };
    child.stderr = Some(said.into_inner());
    assert_eq!(tasks(&world)[0]["task"], *task);
    let (run, _) = task.split_once(':').unwrap();
    world.run(&["signal", run, "paid", r#"{"by":"early"}"#]).expect(0, &[]);
    let answered = world.run(&["tasks", "answer", &task, "--set", "approve=false", "--by", "ada"]);
    answered.expect(0, &[]);
    assert!(!answered.out.contains("cleargate resume"), "it is driven: {answered:?}");
    let done = Done::of(child.wait_with_output().unwrap());
    done.expect(0, &[]);
    let said: Value = serde_json::from_str(&done.out).unwrap();
    let wanted = json!({ "approve": false, "who": "ada", "sure": 5, "paid": "early" });
    assert_eq!(said["outcome"]["output"], wanted);
}

#[test]
fn a_task_in_a_sub_flow_of_a_map_is_answered_like_any_other() {
    let world = world();
    let outer = "\
cleargate: 1
flow: outer
use: { inner: ./inner.flow.yaml }
nodes:
  all: { map: \"[1, 2]\", concurrency: 2, do: { one: { type: inner, with: { n: \"${item}\" } } }, out: \"${one.n}\" }
output: { all: \"${all}\" }
";
    let inner = "\
cleargate: 1
flow: inner
input: { n: int }
nodes:
  ask: { type: human, title: \"${input.n}?\", form: { n: int } }
output: { n: \"${ask.n * 10 + input.n}\" }
";
    world.write("outer.flow.yaml", outer);
    world.write("inner.flow.yaml", inner);
    let parked = world.run(&["run", "outer.flow.yaml", "--output", "json"]);
    assert_eq!(parked.code, Some(8), "{parked:?}");
    let said: Value = serde_json::from_str(&parked.out).unwrap();
    let top = said["run"].as_str().unwrap();
    let waits = said["waits"].as_array().unwrap().clone();
    assert_eq!(waits.len(), 2, "{said}");
    for wait in waits.iter().rev() {
        let (task, title) = (wait["task"].as_str().unwrap(), wait["name"].as_str().unwrap());
        let set = format!("n={}", title.trim_end_matches('?'));
        let done = world.run(&["tasks", "answer", task, "--set", &set]);
        done.expect(0, &[]);
        assert!(done.out.contains(&format!("cleargate resume {top}")), "{done:?}");
    }
    let done = world.json(&["resume", top, "--output", "json"]);
    assert_eq!(done["outcome"]["output"], json!({ "all": [11, 22] }));
}
