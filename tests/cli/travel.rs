//! Travel in time, as users do it: replay, fork, restart, swap, diff, migrate and step, over runs of real plugins.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::review::calm_lock;
use crate::world::World;

const FLOW: &str = "cleargate: 1
flow: travelled
input: { n: int }
use: { which: ./which-1.plugin.wasm }
nodes:
  a: { type: which.which, effect: pure, with: { n: \"${input.n}\" } }
  b: { type: which.which, effect: pure, with: { n: \"${a}\" } }
  side: { type: transform, with: { n: \"${input.n * 2}\" } }
  many:
    map: ${[1, 2, 3]}
    as: x
    max: 3
    concurrency: 3
    do: { one: { type: which.which, effect: pure, with: { n: \"${x + b}\" } } }
    out: ${one}
  pay: { type: which.which, effect: once, with: { n: \"${b}\" } }
output: { b: \"${b}\", many: \"${many}\", pay: \"${pay}\", side: \"${side.n}\" }
";

/// A component that adds `add` to its input, and traps on 7.
fn plugin(world: &World, name: &str, add: i32) {
    let text = format!(
        r#"(component
            (core module $m (func (export "which") (param i32) (result i32)
                (if (i32.eq (local.get 0) (i32.const 7)) (then unreachable))
                (i32.add (local.get 0) (i32.const {add}))))
            (core instance $i (instantiate $m))
            (func (export "which") (param "n" u32) (result u32) (canon lift (core func $i "which"))))"#
    );
    let file = format!("{name}.wasm");
    std::fs::write(world.path(&file), wat::parse_str(text).unwrap()).unwrap();
    world.run(&["plugin", "wrap", &file, "--name", "acme:which"]).expect(0, &[]);
}

fn world() -> World {
    let world = World::empty();
    plugin(&world, "which-1", 10);
    plugin(&world, "which-2", 20);
    world.write("flow.yaml", FLOW);
    world
}

fn start(world: &World, n: &str) -> Value {
    let input = format!("n={n}");
    world.json(&["run", "flow.yaml", "--input", &input, "--output", "json"])
}

fn id(ran: &Value) -> &str {
    ran["run"].as_str().unwrap()
}

/// The output of a verb that starts a run.
fn again(world: &World, args: &[&str]) -> Value {
    world.json(&[args, &["--output", "json"]].concat())
}

fn diff(world: &World, left: &Value, right: &Value) -> (Option<i32>, Value) {
    let done = world.run(&["diff", id(left), id(right), "--output", "json"]);
    (done.code, serde_json::from_str(&done.out).unwrap())
}

#[test]
fn a_run_is_replayed_and_its_plugins_again() {
    let world = world();
    let ran = start(&world, "1");
    let run = id(&ran);
    let output = r#"{"b":21,"many":[32,33,34],"pay":31,"side":2}"#;
    assert_eq!(ran["outcome"]["output"].to_string(), output);
    let replay = world.run(&["replay", run]);
    assert_eq!(replay.code, Some(0), "{replay:?}");
    assert!(replay.out.contains("the same, byte for byte"), "{}", replay.out);
    let [one, two] =
        [(); 2].map(|()| world.json(&["replay", run, "--execute", "--output", "json"]));
    assert_eq!(one, two, "two replays are one");
    assert_eq!((&one["attempts"], &one["executed"]), (&7.into(), &7.into()), "{one}");
    assert_eq!(one["outcome"]["output"].to_string(), output);
    assert_eq!(one["divergences"], serde_json::json!([]));
    let runs = world.json(&["runs", "list", "--output", "json"]);
    assert_eq!(runs.as_array().unwrap().len(), 1, "a replay is no run: {runs}");
    // A run that failed is replayed too, with its failure.
    world.run(&["run", "flow.yaml", "--input", "n=7"]).expect(1, &["the flow failed at `a`"]);
    let runs = world.json(&["runs", "list", "--status", "failed", "--output", "json"]);
    let failed = runs[0]["id"].as_str().unwrap();
    let replay = world.json(&["replay", failed, "--execute", "--output", "json"]);
    assert_eq!((&replay["outcome"]["status"], &replay["executed"]), (&"failed".into(), &2.into()));
    world.run(&["replay", "nope"]).expect(3, &["there is no run"]);
}

#[test]
fn a_fork_keeps_what_does_not_depend_on_its_place() {
    let world = world();
    let ran = start(&world, "1");
    let run = id(&ran);
    let fork = again(&world, &["fork", run, "--at", "many[1].one"]);
    assert_eq!(fork["outcome"], ran["outcome"]);
    let (code, compared) = diff(&world, &ran, &fork);
    assert_eq!((code, &compared["differ"]), (Some(0), &0.into()), "{compared}");
    let shown = world.json(&["runs", "show", id(&fork), "--output", "json"]);
    assert_eq!(shown["run"]["origin"], run, "{shown}");
    let events = world.run(&["runs", "events", id(&fork), "--output", "ndjson"]);
    let forked: Vec<Value> =
        events.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let at = forked.iter().position(|event| event["event"] == "forked").unwrap();
    assert_eq!(
        (&forked[at]["from"], &forked[at]["places"][0]),
        (&run.into(), &"many[1].one".into())
    );
    let live = forked[at..].iter().filter(|event| event["event"] == "attempt_succeeded");
    assert_eq!(live.count(), 1, "only one step was performed: {events:?}");
    // A fork is replayed like any run, what it took over included; and it is forked itself.
    let replay = world.json(&["replay", id(&fork), "--execute", "--output", "json"]);
    assert_eq!((&replay["executed"], &replay["divergences"]), (&7.into(), &serde_json::json!([])));
    let second = again(&world, &["fork", id(&fork), "--at", "many.one"]);
    assert_eq!(second["outcome"], ran["outcome"]);

    // What must not be repeated is not, unless somebody says so.
    world
        .run(&["fork", run, "--at", "b"])
        .expect(5, &["`pay` has the effect `once`", "add --allow-effects"]);
    let plan = world.json(&["fork", run, "--at", "b", "--dry-run", "--output", "json"]);
    assert_eq!((&plan["kept"], &plan["again"][0]), (&2.into(), &"pay".into()), "{plan}");
    let set = again(&world, &["fork", run, "--set", "a=100", "--allow-effects"]);
    assert_eq!(set["outcome"]["output"]["b"], 110);
    let replay = world.json(&["replay", id(&set), "--execute", "--output", "json"]);
    assert_eq!(replay["not_executed"]["its value was given by hand"], 1, "{replay}");
    let other = again(&world, &["fork", run, "--input", "n=5", "--allow-effects"]);
    assert_eq!(other["outcome"], start(&world, "5")["outcome"]);

    for (args, said) in [
        (&["--at", "nope"][..], "there are a, b, many, pay, side"),
        (&["--at", "many[0].two"], "no node `two` in `many[0]`"),
        (&["--at", "many[9].one"], "did not come to `many[9].one`"),
        (&["--at", "a["], "is no address"),
        (&["--set", "a=\"x\""], "does not fit `a`"),
        (&["--set", "a=x"], "is no JSON"),
        (&["--set", "a"], "has no `=`"),
        (&["--input", "m=1"], "has no input `m`"),
    ] {
        world.run(&[&["fork", run], args].concat()).expect(3, &[said]);
    }
    world.run(&["fork", run]).expect(2, &["--at"]);
    let runs = world.json(&["runs", "list", "--output", "json"]);
    assert_eq!(runs.as_array().unwrap().len(), 6, "what was refused began nothing: {runs}");
}

#[test]
fn a_failed_run_is_restarted_where_it_failed() {
    let world = world();
    // 7 + 10 - 10: `b` traps.
    let flow = FLOW.replace("n: \"${a}\"", "n: \"${a - 10}\"");
    world.write("flow.yaml", &flow);
    world.run(&["run", "flow.yaml", "--input", "n=8"]).expect(0, &[]);
    let good = world.json(&["runs", "list", "--output", "json"])[0]["id"].to_string();
    world.run(&["restart", good.trim_matches('"')]).expect(3, &["not failed at a node", "--from"]);
    // The input trips `b` alone: `a` is kept.
    world.write("flow.yaml", &flow.replace("- 10", "- 11"));
    world.run(&["run", "flow.yaml", "--input", "n=8"]).expect(1, &["the flow failed at `b`"]);
    let runs = world.json(&["runs", "list", "--status", "failed", "--output", "json"]);
    let failed = runs[0]["id"].as_str().unwrap();
    world.run(&["restart", failed]).expect(1, &["at b: 2 step(s) kept", "the flow failed at `b`"]);
    // What failed does not depend on the place: nothing would be done.
    world.run(&["restart", failed, "--from", "side"]).expect(3, &["nothing to do", "add --at b"]);
    let whole = world.run(&["restart", failed, "--from", "a"]);
    whole.expect(1, &["at a: 1 step(s) kept", "the flow failed at `b`"]);
}

#[test]
fn another_plugin_stands_in_from_a_node_on() {
    let world = world();
    let ran = start(&world, "1");
    let swap = |more: &[&str]| {
        let args = ["replay", id(&ran), "--swap", "b=./which-2.plugin.wasm", "--from", "b"];
        world.run(&[&args[..], more].concat())
    };
    swap(&[]).expect(5, &["`pay` has the effect `once`", "--allow-effects"]);
    let done = swap(&["--allow-effects"]);
    done.expect(0, &["2 step(s) kept", "node(s) differ", "the first is b"]);
    assert!(done.out.contains("b: 31"), "{}", done.out);
    let runs = world.json(&["runs", "list", "--output", "json"]);
    let new = serde_json::json!({ "run": runs[0]["id"] });
    assert_ne!(runs[0]["hash"], runs[1]["hash"], "it is pinned to the other plugin");
    let (code, compared) = diff(&world, &ran, &new);
    assert_eq!((code, &compared["first"]), (Some(1), &"b".into()), "{compared}");
    let b = &compared["nodes"][0];
    let place = &b["value"]["found"][0];
    assert_eq!(
        (&place["pointer"], &place["left"], &place["right"]),
        (&"".into(), &21.into(), &31.into())
    );
    assert!(b.get("input").is_none(), "it was given the same: {b}");
    let side = compared["costs"].as_array().unwrap().iter().find(|row| row["path"] == "side");
    assert_eq!(side.unwrap()["left"]["attempts"], 1, "{compared}");
    let text = world.run(&["diff", id(&ran), id(&new)]);
    assert!(text.out.contains("b: succeeded") && text.out.contains("21 → 31"), "{}", text.out);
    assert!(text.out.contains("in all"), "{}", text.out);
    for (args, said) in [
        (&["--swap", "side=./which-2.plugin.wasm"][..], "is no step of a plugin"),
        (&["--swap", "b=acme:gone@1"], "acme:gone"),
        (&["--swap", "b"], "has no `=`"),
    ] {
        let refused = world.run(&[&["replay", id(&ran)], args].concat());
        assert_ne!(refused.code, Some(0), "{refused:?}");
        assert!(refused.err.contains(said), "{refused:?}");
    }
}

#[test]
fn another_plugin_stands_in_inside_of_a_sub_flow() {
    let world = world();
    world.write(
        "outer.yaml",
        "cleargate: 1\nflow: outer\nuse: { part: ./flow.yaml }\nnodes:\n  \
         before: { type: transform, with: { n: 1 } }\n  \
         sub: { type: part, with: { n: \"${before.n}\" } }\noutput: { many: \"${sub.many}\" }\n",
    );
    let ran = world.json(&["run", "outer.yaml", "--output", "json"]);
    assert_eq!(ran["outcome"]["output"]["many"].to_string(), "[32,33,34]");
    let swap = |of: &str, more: &[&str]| {
        let swap = format!("{of}=./which-2.plugin.wasm");
        world.run(&[&["replay", id(&ran), "--swap", &swap], more].concat())
    };
    let done = swap("sub/which", &["--from", "sub/many[1].one", "--output", "json"]);
    assert_eq!(done.code, Some(0), "{done:?}");
    let done: Value = serde_json::from_str(&done.out).unwrap();
    assert_eq!(done["outcome"]["output"]["many"].to_string(), "[32,43,34]");
    swap("sub/b", &["--from", "sub/b"]).expect(5, &["`sub/pay` has the effect `once`"]);
    swap("sub/b", &[]).expect(3, &["from a place on", "--from 'sub/b'"]);
    swap("before/b", &["--from", "sub/b"])
        .expect(3, &["`before` is no step of a sub-flow", "part"]);
    swap("sub/side", &["--from", "sub/b"]).expect(3, &["`side` is no step of a plugin", "which"]);
}

#[test]
fn a_run_is_stepped_through_as_data() {
    let world = world();
    let ran = start(&world, "1");
    let step = |more: &[&str]| world.run(&[&["step", id(&ran)], more].concat());
    let lines = |text: &str| -> Vec<Value> {
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    };
    let all = lines(&step(&["--output", "ndjson"]).out);
    let events = world.run(&["runs", "events", id(&ran), "--output", "ndjson"]);
    assert_eq!(all.len(), events.out.lines().count());
    assert_eq!(all[0]["event"], "run_started");
    let last = all.iter().flat_map(|step| step["changes"].as_array().unwrap());
    let many: Vec<_> = last.filter(|change| change["address"] == "many").collect();
    let value = &many.last().unwrap()["node"]["value"];
    assert_eq!(value.to_string(), "[32,33,34]", "the block's value follows from its items");
    let breaks = ["--break", "node.path == 'many.one' && value > 32", "--only-breaks"];
    let found = lines(&step(&[&breaks[..], &["--output", "ndjson"]].concat()).out);
    assert_eq!(found.len(), 2, "{found:#?}");
    assert_eq!(found[0]["breaks"], breaks[1]);
    // For people without a terminal, and as one document.
    let text = step(&["--break", "event.event == 'run_finished'"]);
    assert!(text.out.contains("●") && text.out.contains("a: running → succeeded"), "{}", text.out);
    let document: Value = serde_json::from_str(&step(&["--output", "json"]).out).unwrap();
    assert_eq!(document.as_array().unwrap().len(), all.len());
    step(&["--break", "node.nope == 1"]).expect(0, &["is true at no step"]);
    step(&["--break", "nodes.id == 1"]).expect(3, &["there is no `nodes`", "event, node, value"]);
    step(&["--break", "node.id =="]).expect(3, &["cannot be used", "write --break"]);
    step(&["--only-breaks"]).expect(2, &["--break"]);
}

/// A run of the bundled flow that was interrupted in its middle; its id.
fn parked(world: &World) -> String {
    world.run(&["new", "--example", "dependency_review", "review"]).expect(0, &[]);
    world.write("big.lock", &calm_lock(600));
    // The plugins are compiled before, so that the run is in its middle soon.
    world.write("small.lock", &calm_lock(1));
    world.run(&["run", "review", "--input", "lockfile=@small.lock"]).expect(0, &[]);
    let mut command = world.command(&["run", "review", "--input", "lockfile=@big.lock"]);
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    let mut stderr = BufReader::with_capacity(1, child.stderr.take().unwrap());
    stderr.read_line(&mut line).unwrap();
    let (_, id) = line.trim().rsplit_once("run ").unwrap();
    Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130));
    id.to_owned()
}

#[test]
fn a_run_that_was_interrupted_goes_on_with_another_version() {
    let world = World::published();
    let run = parked(&world);
    let flow = std::fs::read_to_string(world.path("review/flow.yaml")).unwrap();
    let migrate = |more: &[&str]| world.run(&[&["migrate", &run, "--to", "review"], more].concat());
    migrate(&[]).expect(0, &[]);

    // What it has begun must be as it was.
    world.write(
        "review/flow.yaml",
        &flow.replacen("  parse:", "  read:", 1).replace("parse.", "read."),
    );
    let refused = migrate(&[]);
    refused
        .expect(3, &["does not fit", "`parse`: it is not there any more", "nothing was changed"]);

    // What it has not come to may be anything.
    let other = flow.replace("output:\n", "output:\n  version: two\n");
    assert_ne!(other, flow);
    world.write("review/flow.yaml", &other);
    let dry: Value =
        serde_json::from_str(&migrate(&["--dry-run", "--output", "json"]).out).unwrap();
    assert_eq!((&dry["migrated"], &dry["misfits"]), (&false.into(), &serde_json::json!([])));
    let done = migrate(&[]);
    assert!(done.code == Some(0) && done.out.contains("belongs to"), "{done:?}");
    let resumed = world.json(&["resume", &run, "--output", "json"]);
    assert_eq!(resumed["outcome"]["output"]["version"], "two", "{resumed}");
    let replay = world.json(&["replay", &run, "--execute", "--output", "json"]);
    assert_eq!(replay["divergences"], serde_json::json!([]), "{replay}");
    migrate(&[]).expect(3, &["only a run that has not ended is migrated", "cleargate fork"]);
}

#[test]
fn the_page_about_blocks_travels_as_it_says() {
    let page = include_str!("../../host/flow/README.md");
    let world = World::empty();
    world.write("flow.yaml", crate::readme::block(page, "yaml"));
    let ran = start(&world, "27");
    let mut commands = 0;
    for line in crate::readme::block(page, "sh").lines() {
        let line = line.replace("RUN", id(&ran));
        // As a shell would read it: what stands in quotes is one word.
        let words: Vec<&str> = line.split('\'').collect();
        let words = words.iter().enumerate().flat_map(|(at, part)| match at % 2 {
            0 => part.split_whitespace().collect(),
            _ => vec![*part],
        });
        // `--set 'a=b'` and `--break '…'` stand apart from their flags.
        let words: Vec<&str> = words.skip(1).collect();
        let done = world.run(&words);
        assert_eq!(done.code, Some(0), "{words:?}: {done:?}");
        commands += 1;
    }
    assert_eq!(commands, 7);
    // The run of which the page says that it took 111 steps goes 16, 8, 4, 2, 1 after the first.
    let runs = world.json(&["runs", "list", "--limit", "2", "--output", "json"]);
    let set = serde_json::json!({ "run": runs[1]["id"] });
    let (_, set) = diff(&world, &ran, &set);
    assert_eq!(set["outcome"]["found"][0]["right"], 5, "{set}");
}
