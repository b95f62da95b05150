//! What happened as a measure of what is new: recorded runs become cases, versions are tried on them, plans know what runs
//! took. A flow with plugins and a model, whose server is counted: what is tried never asks it.

use serde_json::{Value, json};

use crate::models::{FLOW, Server, granted, run};
use crate::world::World;

/// One run with a real server behind it.
fn recorded(server: &Server) -> (World, String) {
    let world = granted(server);
    let done = run(&world, "flow.yaml", "ticket=The invoice is wrong");
    assert_eq!(done.code, Some(0), "{done:?}");
    let report: Value = serde_json::from_str(&done.out).unwrap();
    (world, report["run"].as_str().unwrap().to_owned())
}

fn changed(server: &Server) -> String {
    let flow = FLOW.replace("PORT", &server.port.to_string());
    flow.replace("Which team is this for?", "Which team should get this?")
}

#[test]
fn a_recorded_run_is_a_case_that_a_changed_prompt_does_not_pass() {
    let server = Server::start();
    let (world, id) = recorded(&server);
    assert_eq!(server.asked(), 1);
    let case = world.run(&["test", "--record", &id]);
    case.expect(0, &[]);
    assert!(!case.out.contains(crate::models::KEY), "a secret is in the case");
    world.write("as-it-was.test.yaml", &case.out);
    world.run(&["test"]).expect(0, &["1 passed, 0 failed"]);
    // From the store, without a file of answers.
    let from = format!(
        "name: again\nflow: flow.yaml\nfrom-run: {id}\nexpect: {{ contains: {{ team: billing }} }}\n"
    );
    world.write("from.test.yaml", &from);
    world.run(&["test", "from.test.yaml"]).expect(0, &["1 passed, 0 failed"]);
    // Whenever the process ends, the answers are the same.
    for after in [1, 2, 3, 4, 5, 6] {
        let crash = format!("{}\nfault: [ {{ crash_after: {after} }} ]\n", case.out);
        world.write("crash.test.yaml", &crash);
        world.run(&["test", "crash.test.yaml"]).expect(0, &["1 passed, 0 failed"]);
    }
    // A changed prompt asks something else: that is refused, and said.
    world.write("flow.yaml", &changed(&server));
    let done = world.run(&["test", "as-it-was.test.yaml"]);
    assert_eq!(done.code, Some(1), "{done:?}");
    assert!(done.out.contains("nor does the recorded run"), "{done:?}");
    // Without the digest of the question the words count.
    let loose: Vec<&str> = case.out.lines().filter(|line| !line.contains("digest:")).collect();
    world.write("as-it-was.test.yaml", &loose.join("\n"));
    world.run(&["test", "as-it-was.test.yaml"]).expect(0, &["1 passed, 0 failed"]);
    assert_eq!(server.asked(), 1, "a case asked the world");
}

#[test]
fn models_are_scripted_and_the_plugins_behind_them_run_against_scripted_hosts() {
    let server = Server::start();
    let world = granted(&server);
    let url = format!("http://127.0.0.1:{}/v1/chat/completions", server.port);
    world.write("flow.test.yaml", &format!(r#"
cases:
  - name: by name, in order, and what does not fit is asked again
    input: {{ ticket: It does not start }}
    mock:
      models:
        fast: [ "no idea", {{ json: {{ team: tech, urgent: false }} }} ]
    expect:
      output: {{ team: tech, urgent: false }}
      calls: {{ model fast: 2, "http *": 0 }}
  - name: by rules
    input: {{ ticket: It does not start }}
    mock:
      models:
        - {{ model: fast, contains: {{ messages: [ {{ content: invoice }} ] }}, json: {{ team: billing, urgent: true }}, always: true }}
        - {{ model: fast, contains: {{ messages: [ {{ content: start }} ] }}, json: {{ team: tech, urgent: true }} }}
    expect:
      contains: {{ team: tech }}
  - name: the plugins themselves
    input: {{ ticket: The invoice is wrong }}
    mock:
      secrets: [MODEL_KEY]
      kv: {{ answers: {{}} }}
      http:
        - method: POST
          url: {url}
          headers: {{ authorization: Bearer placeholder-MODEL_KEY }}
          response:
            json:
              choices: [ {{ message: {{ role: assistant, content: '{{"team":"billing","urgent":false}}' }}, finish_reason: stop }} ]
              usage: {{ prompt_tokens: 12, completion_tokens: 5 }}
    expect:
      output: {{ team: billing, urgent: false }}
      max_tokens: 17
      max_cost: 0
      check: usage.tokens == 17 && calls["model fast"] == 1
  - name: a guard is asked, whatever the model would say
    input: {{ ticket: "The invoice says AKIAQ3ZT7WMPL2RXKV5N" }}
    mock: {{ secrets: [] }}
    expect:
      error: {{ code: denied, message: guard `credentials` refused }}
  - name: a service fails
    input: {{ ticket: x }}
    mock:
      deny: [secrets]
    expect:
      error: {{ code: denied, node: triage }}
"#));
    let done = world.run(&["test"]);
    done.expect(0, &["5 passed, 0 failed"]);
    assert_eq!(server.asked(), 0);
    // What is let out goes out, with what the operator granted.
    world.write("live.test.yaml", "name: live\nflow: flow.yaml\ninput: { ticket: The invoice is wrong }\nmock: { nodes: { triage: { live: true } } }\nexpect: { contains: { team: billing } }\n");
    let mut command = world.command(&["test", "live.test.yaml"]);
    command.env("CLEARGATE_SECRET_MODEL_KEY", crate::models::KEY);
    crate::world::Done::of(command.output().unwrap()).expect(0, &["1 passed"]);
    assert_eq!(server.asked(), 1);
}

#[test]
fn a_new_version_is_tried_on_what_happened() {
    let server = Server::start();
    let (world, id) = recorded(&server);
    let compare = |arguments: &[&str]| {
        let done = world.run(&[&["compare"], arguments, &["--output", "json"]].concat());
        let report: Value = serde_json::from_str(&done.out).unwrap_or_else(|_| panic!("{done:?}"));
        (done.code, report)
    };
    let (code, same) = compare(&["flow.yaml"]);
    assert_eq!((code, &same["same"], &same["differ"]), (Some(0), &json!(1), &json!(0)), "{same}");
    assert_eq!(same["runs"][0]["run"], json!(id));
    assert_eq!(same["before"], same["after"], "{same}");
    world.write("next.yaml", &changed(&server));
    let (code, refused) = compare(&["next.yaml"]);
    let run = &refused["runs"][0];
    assert_eq!((code, &run["status"]), (Some(1), &json!(["succeeded", "failed"])), "{refused}");
    assert_eq!(run["asks_anew"][0], json!("triage: model fast"));
    assert_eq!(run["places"][0]["pointer"], json!("/output"));
    let (code, alike) = compare(&["next.yaml", "--new-requests", "alike"]);
    assert_eq!((code, &alike["same"]), (Some(0), &json!(1)), "{alike}");
    let mut live = world.command(&["compare", "next.yaml", "--new-requests", "live"]);
    live.env("CLEARGATE_SECRET_MODEL_KEY", crate::models::KEY);
    crate::world::Done::of(live.output().unwrap()).expect(0, &["1 the same, 0 differ"]);
    assert_eq!(
        server.asked(),
        2,
        "what is new was asked, with the secret behind its recorded placeholder"
    );
    // Another way to another outcome, on the runs of exactly the old version.
    let another = FLOW.replace("PORT", &server.port.to_string()).replace(
        "output: { team",
        "  loud: { type: transform, with: { text: \"${triage.team}!\" } }\noutput: { team: \"${loud.text}\", was",
    );
    world.write("another.yaml", &another);
    let (code, turned) = compare(&["flow.yaml", "another.yaml"]);
    let run = &turned["runs"][0];
    assert_eq!((code, &run["added"]), (Some(1), &json!(["loud"])), "{turned}");
    assert_eq!(
        run["places"][0],
        json!({ "pointer": "/output/team", "before": "billing", "after": "billing!" })
    );
    world.run(&["compare", "another.yaml", "flow.yaml"]).expect(3, &["nothing to compare with"]);
    let shown = world.run(&["compare", "another.yaml"]);
    assert!(shown.out.contains("/output/team: \"billing\" → \"billing!\""), "{shown:?}");
    assert_eq!(server.asked(), 2, "comparing asked the world");
    // A plan knows what it took.
    let plan = world.json(&["plan", "flow.yaml", "--output", "json"]);
    assert_eq!(plan["history"]["tokens"]["p50"], json!(17), "{plan}");
    assert_eq!(plan["history"]["nodes"][0]["path"], json!("triage"));
    assert_eq!(plan["effects"][0]["class"], json!("idempotent"));
    assert!(plan["effects"][0]["may"].to_string().contains("http"), "{plan}");
    assert_eq!((&plan["waves"], &plan["blocked"]), (&json!([["triage"]]), &json!([])));
}

#[test]
fn a_plan_names_what_would_be_refused() {
    let world = World::empty();
    world.write("flow.yaml", "cleargate: 1\nflow: reach\ninput: { host: string, names: list<string> }\nnodes:\n  each:\n    map: ${input.names}\n    as: name\n    max: 7\n    do:\n      page: { type: http, effect: read, with: { url: \"https://known.example/${name}\" }, retry: { transient: { max: 3, backoff: 1s..2s } } }\n    out: ${page.status}\n  any: { type: http, with: { url: \"https://${input.host}/\" } }\n  file: { type: file.read, with: { path: notes.txt } }\noutput: { n: \"${size(each)}\" }\n");
    let done = world.run(&["plan", "flow.yaml", "--output", "json"]);
    assert_eq!(done.code, Some(5), "{done:?}");
    let plan: Value = serde_json::from_str(&done.out).unwrap();
    let blocked: Vec<&str> =
        plan["blocked"].as_array().unwrap().iter().map(|b| b["path"].as_str().unwrap()).collect();
    assert_eq!(
        blocked,
        ["each.page", "file"],
        "what depends on the input is not known yet: {plan}"
    );
    let page =
        plan["effects"].as_array().unwrap().iter().find(|e| e["path"] == "each.page").unwrap();
    assert_eq!((&page["most"], &page["attempts"]), (&json!(7), &json!(3)));
    assert_eq!(plan["waves"], json!([["any", "each", "file"]]));
    world.write_home("grants.toml", b"[[grant]]\nplugin = \"built-in\"\nversion = \"0\"\ndigest = \"built-in\"\nallow = { http = [\"known.example\"], files = [\"notes.txt\"] }\n");
    let plan = world.json(&["plan", "flow.yaml", "--output", "json"]);
    assert_eq!(plan["blocked"], json!([]));
    assert_eq!(plan["history"]["runs"], json!(0));
}
