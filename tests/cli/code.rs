//! Programs as nodes of a flow: typed, bounded, and nothing of them spliced together.

use serde_json::json;

use crate::world::{World, repository};

/// A home with the plugins of both languages, and some whose tools programs may call.
pub(crate) fn interpreters(world: &World, more: &[&str]) {
    world.share_compiled();
    for plugin in ["code-js", "code-python"].iter().chain(more) {
        let folder = repository().join("plugins").join(plugin);
        let done = world.run(&["--quiet", "plugin", "publish", folder.to_str().unwrap()]);
        assert_eq!(done.code, Some(0), "{done:?}");
    }
}

const FLOW: &str = r#"cleargate: 1
flow: figures
input: { numbers: "list<float>", formula: { type: string, default: "input.mean + 1" } }
nodes:
  mean:
    type: code
    lang: python
    source: |
      import statistics
      {"mean": statistics.mean(input["numbers"])}
    with: { numbers: "${input.numbers}" }
    out: { mean: float }
    limits: { time: 5s }
  said:
    type: code
    lang: js
    source: |
      console.log(`the mean is ${input.mean}`);
      null
    with: { mean: "${mean.mean}" }
  computed: { type: code, lang: js, source: "${input.formula}", with: { mean: "${mean.mean}" } }
  kept:
    try:
      wrong: { type: code, lang: python, file: wrong.py, out: int }
    catch: { do: { why: { type: transform, with: { text: "${error.code}: ${error.message}" } } }, out: "${why.text}" }
    out: "${wrong}"
output: { mean: "${mean.mean}", said: "${said.stdout}", computed: "${computed.result}", kept: "${kept}" }
"#;

#[test]
fn programs_are_steps_with_types_and_values_are_never_a_part_of_their_text() {
    let world = World::empty();
    interpreters(&world, &[]);
    world.write("flow.yaml", FLOW);
    world.write("wrong.py", "x = 1\nx / 0\n");
    let done = world.json(&["run", "flow.yaml", "--input", "numbers=[1,2,6]", "--output", "json"]);
    let expected = json!({
        "mean": 3.0, "said": "the mean is 3\n", "computed": 4,
        "kept": "permanent: the program failed: line 2: ZeroDivisionError: division by zero",
    });
    assert_eq!(done["outcome"]["output"], expected, "{done}");

    // What a program gives is held against its type, and says what of it does not fit.
    world.write("flow.yaml", &FLOW.replace("{\"mean\": ", "{\"means\": "));
    let misfit = world.run(&["run", "flow.yaml", "--input", "numbers=[1,2,6]"]);
    misfit.expect(1, &["the result of the program is not of `out`", "mean"]);
    let mistake = FLOW.replace("import statistics", "import statistic");
    world.write("flow.yaml", &mistake);
    let mistake = world.run(&["run", "flow.yaml", "--input", "numbers=[1]"]);
    mistake.expect(1, &["the program failed: line 1: ModuleNotFoundError"]);
    let endless = FLOW.replace("import statistics", "while True: pass").replace("5s", "100ms");
    world.write("flow.yaml", &endless);
    let stopped = world.run(&["run", "flow.yaml", "--input", "numbers=[1]"]);
    stopped.expect(7, &["took longer than 100 ms"]);

    // The interpreter is none of the plugins that a flow names.
    let named = FLOW.replace("type: code, lang: js, source", "type: code-js.run, source");
    world.write("flow.yaml", &named);
    let refused = world.run(&["check", "flow.yaml"]);
    assert!(refused.code == Some(3) && refused.out.contains("CG0301"), "{refused:?}");
}

#[test]
fn a_flow_whose_interpreter_is_not_there_says_so_before_it_runs() {
    let world = World::empty();
    world.write("flow.yaml", FLOW);
    world.write("wrong.py", "x");
    let checked = world.run(&["check", "flow.yaml"]);
    for said in ["CG0302", "programs of `python` cannot be run", "is not in the registry"] {
        assert!(checked.code == Some(3) && checked.out.contains(said), "{checked:?}");
    }
}

const SESSION: &str = r#"cleargate: 1
flow: counted
nodes:
  begin: { type: code, lang: python, session: work, source: "import random\nseen = [random.random()]\nlen(seen)" }
  go: { after: [begin], wait: { event: go, timeout: 1h } }
  more: { type: code, lang: python, session: work, after: [go], source: "seen.append(random.random())\nlen(seen)" }
  wrong: { try: { w: { type: code, lang: python, session: work, out: int, source: "seen.append(0)\n1 / 0" } }, after: [more], catch: { do: { c: { type: transform, with: { ok: true } } } } }
  end: { type: code, lang: python, session: work, after: [wrong], source: "[len(seen), len(set(seen))]" }
  other: { type: code, lang: python, session: another, after: [begin], source: "'seen' in globals()" }
output: { begin: "${begin.result}", more: "${more.result}", end: "${end.result}", other: "${other.result}" }
"#;

#[test]
fn a_session_is_what_the_journal_says_in_every_process_and_in_every_fork() {
    let world = World::empty();
    interpreters(&world, &[]);
    world.write("flow.yaml", SESSION);
    // The process that ran the first program is gone when the second one looks for what it left.
    world.run(&["run", "flow.yaml"]).expect(8, &["waits"]);
    let runs = world.json(&["runs", "list", "--output", "json"]);
    let run = runs[0]["id"].as_str().unwrap();
    world.run(&["signal", run, "go", "{}"]).expect(0, &[]);
    // What brings a session back is a part of the step that waits for it, and needs no place beside it.
    world.write_home("cleargate.toml", b"[run]\nconcurrency = 1\n");
    let done = world.json(&["resume", run, "--output", "json"]);
    let expected = json!({ "begin": 1, "more": 2, "end": [3, 3], "other": false });
    assert_eq!(done["outcome"]["output"], expected, "{done}");

    // Each program again, in whatever order: it finds what was there before it.
    let replay = world.run(&["replay", run, "--execute"]);
    assert!(replay.out.contains("the same, byte for byte"), "{replay:?}");
    // A fork has the session as it was at that place, and goes its own way.
    let fork = world.json(&["fork", run, "--at", "more", "--output", "json"]);
    assert_eq!(fork["outcome"]["output"]["more"], json!(2), "{fork}");
    assert_eq!(fork["outcome"]["output"]["end"], json!([3, 3]), "{fork}");

    // What lives in this process is not what the operator wants executed in another.
    world.write_home("cleargate.toml", b"[sandbox]\nring = \"process\"\n");
    world
        .run(&["run", "flow.yaml"])
        .expect(5, &["a session lives in this process", "cleargate.toml"]);
}

#[test]
fn the_flow_of_the_page_about_programs_gives_what_the_page_says() {
    let page = include_str!("../../host/SANDBOX.md");
    let world = World::empty();
    interpreters(&world, &["math"]);
    let (_, flow) = page.split_once("```yaml\n").unwrap();
    let (flow, after) = flow.split_once("\n```").unwrap();
    let code: Vec<&str> = after.split('`').skip(1).step_by(2).take(2).collect();
    world.write("flow.yaml", flow);
    let input = code[0].replace("\\n", "\n");
    let done = world.json(&["run", "flow.yaml", "--input", &input, "--output", "json"]);
    let expected: serde_json::Value = serde_json::from_str(code[1]).unwrap();
    assert_eq!(done["outcome"]["output"], expected, "{done}");

    // What the operator granted to nobody is not there, and the program is told which line would grant it.
    let asks = "fetch('http://127.0.0.1:9/')";
    let asking = flow.replace("tools.math.evaluate({", &format!("{asks}; tools.math.evaluate({{"));
    let asking = asking.replace("${share.result}", "${share.error}");
    world.write(
        "flow.yaml",
        &asking.replace("    tools: [ math", "    network: [ 127.0.0.1 ]\n    tools: [ math"),
    );
    let denied = world.json(&["run", "flow.yaml", "--input", &input, "--output", "json"]);
    let said = denied.to_string();
    assert!(said.contains("denied") && said.contains("127.0.0.1"), "{said}");

    // A tool that the node does not list is not there either, though the flow has its plugin.
    world.write("flow.yaml", &flow.replace("[ math.evaluate ]", "[ math.statistics ]"));
    let unlisted = world.json(&["run", "flow.yaml", "--input", &input, "--output", "json"]);
    assert_eq!(unlisted["outcome"]["output"]["share"], serde_json::Value::Null, "{unlisted}");

    // A loop of calls ends at the count of the node.
    let endless = flow.replace("tools.math.evaluate({", "for (;;) tools.math.evaluate({");
    world.write("flow.yaml", &endless.replace("4 }).result", "4 })"));
    let stopped = world.run(&["run", "flow.yaml", "--input", &input]);
    stopped.expect(7, &["more than 50 calls of tools"]);
}
