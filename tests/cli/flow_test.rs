//! Cases of flows as users run them: the page about testing as it stands there, plugins behind the gate, failures that say
//! where, and runs that become cases.

use serde_json::Value;

use crate::world::World;

/// The blocks of a page that name their file in the first line, written; the command lines of its `sh` blocks.
pub(crate) fn set_up(world: &World, page: &str) -> Vec<String> {
    for part in page.split("```yaml\n# ").skip(1) {
        let (name, rest) = part.split_once('\n').expect("a name");
        let (text, _) = rest.split_once("\n```").expect("the block ends");
        world.write(name, text);
    }
    let blocks = page.split("```sh\n").skip(1).filter_map(|part| part.split("\n```").next());
    blocks.flat_map(|block| block.lines().map(str::to_owned)).collect()
}

/// The commands of a page, one after the other.
pub(crate) fn each_line(world: &World, lines: &[String]) {
    for line in lines {
        let words: Vec<&str> = line.split_whitespace().skip(1).collect();
        assert!(line.starts_with("cleargate "), "{line}");
        world.run(&words).expect(0, &[]);
    }
}

#[test]
fn the_page_about_testing_is_right() {
    let world = World::empty();
    let lines = set_up(&world, include_str!("../../host/flow/TESTING.md"));
    assert_eq!(lines.len(), 2);
    let began = std::time::Instant::now();
    each_line(&world, &lines);
    assert!(began.elapsed().as_secs() < 60, "hours were waited for");
    let junit = std::fs::read_to_string(world.path("report.xml")).unwrap();
    assert!(junit.contains("tests=\"4\" failures=\"0\""), "{junit}");
    // Nothing of it is in the journal.
    assert_eq!(world.json(&["runs", "list", "--output", "json"]), serde_json::json!([]));
    // The same each time, down to the last figure.
    let report = || world.run(&["test", "--output", "json"]).out;
    assert_eq!(report(), report());
    // Each key that the page names is one, and the other way round.
    let page = include_str!("../../host/flow/TESTING.md");
    world.write(
        "keys.test.yaml",
        "flow: order.yaml\ncases: [ { name: x, expect: { nothing: 1 } } ]",
    );
    let said = world.run(&["test", "keys.test.yaml"]);
    let keys = said.err.split("there are ").nth(1).unwrap().lines().next().unwrap();
    for key in keys.split(", ") {
        assert!(page.contains(&format!("`{key}`")), "the page says nothing of `{key}`");
    }
}

const FLOW: &str = "cleargate: 1
flow: scan
input: { hosts: list<string> }
nodes:
  each:
    map: ${input.hosts}
    as: host
    do:
      page: { type: http, effect: read, with: { url: \"https://${host}/\" }, timeout: 10s }
    out: ${page.status}
  bad:
    switch:
      - when: each.exists(s, s >= 400)
        to: [alarm]
  alarm: { type: transform, with: { text: alarm } }
output: { states: \"${each}\", alarm: \"${has(alarm) ? alarm.text : null}\" }
";

fn cases(world: &World, cases: &str) -> Value {
    world.write("scan.yaml", FLOW);
    world.write("scan.test.yaml", &format!("cases:\n{cases}"));
    let done = world.run(&["test", "scan.yaml", "--output", "json"]);
    serde_json::from_str(&done.out).unwrap_or_else(|_| panic!("{done:?}"))
}

fn differences(report: &Value) -> Vec<String> {
    let cases = report["cases"].as_array().unwrap().iter();
    let all = cases.flat_map(|case| case["differences"].as_array().unwrap());
    all.map(|text| text.as_str().unwrap().to_owned()).collect()
}

/// What a case says, and what is said of it: each row is one way to be wrong.
#[test]
fn a_case_that_fails_says_what_and_where() {
    let ok =
        "mock: { http: [ { url: 'https://a.example/', response: { text: x }, always: true } ] }";
    let world = World::empty();
    for (case, said) in [
        (format!("{ok}\n    expect: {{ output: {{ states: [500], alarm: null }} }}"), "output.states[0]: expected 500, got 200"),
        (format!("{ok}\n    expect: {{ contains: {{ alarm: loud }} }}"), "output.alarm: expected \"loud\", got null"),
        (format!("{ok}\n    expect: {{ status: failed }}"), "status: expected failed, got succeeded"),
        (format!("{ok}\n    expect: {{ took: {{ bad: alarm }} }}"), "took.bad: expected alarm, got none"),
        (format!("{ok}\n    expect: {{ ran: [alarm] }}"), "ran: `alarm` did not run"),
        (format!("{ok}\n    expect: {{ skipped: [each] }}"), "skipped: `each` ran: it succeeded"),
        (format!("{ok}\n    expect: {{ skipped: [alrm] }}"), "there is no node `alrm`; did you mean `alarm`?"),
        (format!("{ok}\n    expect: {{ path: [each] }}"), "path: `each.page` ran and was not expected"),
        (format!("{ok}\n    expect: {{ attempts: {{ each.page: {{ min: 2 }} }} }}"), "attempts.each.page: expected {\"min\":2}, got 1"),
        (format!("{ok}\n    expect: {{ events: {{ call_finished: 2 }} }}"), "events.call_finished: expected 2, got 1"),
        (format!("{ok}\n    expect: {{ calls: {{ 'http GET *': 0 }} }}"), "calls.http GET *: expected 0, got 1"),
        (format!("{ok}\n    expect: {{ min_latency: 1s }}"), "latency: 0ms, at least 1s"),
        (format!("{ok}\n    expect: {{ max_host_calls: 0 }}"), "host_calls: 1, at most 0"),
        (format!("{ok}\n    expect: {{ check: 'output.states == [1]' }}"), "does not hold: output = {\"states\":[200]"),
        (format!("{ok}\n    expect: {{ check: output. }}"), "check `output.`"),
        (format!("{ok}\n    expect: {{ kv: {{ s: {{ k: v }} }} }}"), "kv.s.k: is missing"),
        (format!("{ok}\n    expect: {{ snapshot: true }}"), "there is no snapshot of this case yet"),
        ("mock: {}\n    expect: { status: succeeded }".into(), "the case has no answer for GET https://a.example/"),
        (format!("{ok}\n    fault: [ {{ crash_after: 99 }} ]\n    expect: {{ status: succeeded }}"), "the run ended before it had 99 events"),
        (format!("{ok}\n    fault: [ {{ node: each.page, attempt: 2 }} ]\n    expect: {{ status: succeeded }}"), "no attempt 2 of `each.page`"),
        ("mock: { nodes: { each.page: { value: { status: ok } } } }\n    expect: { status: succeeded }".into(), "not of its type"),
        ("mock: { nodes: { each.pag: { value: 1 } } }\n    expect: { status: succeeded }".into(), "no node `each.pag`; did you mean `each.page`?"),
        ("mock: { nodes: { each.page: { delay: 1m, value: 1 } } }\n    expect: { error: { code: limit } }".into(), "error.code: expected limit, got timeout"),
        ("input: { hots: [] }\n    expect: { status: succeeded }".into(), "does not fit `scan`"),
    ] {
        let input = if case.starts_with("input") { "" } else { "input: { hosts: [a.example] }\n    " };
        let report = cases(&world, &format!("  - name: x\n    {input}{case}\n"));
        let found = differences(&report);
        assert!(found.iter().any(|text| text.contains(said)), "{case}\n{found:#?}");
        assert_eq!(report["cases"][0]["file"], "scan.test.yaml:2");
    }
}

#[test]
fn snapshots_change_only_when_somebody_says_so() {
    let world = World::empty();
    world.write("scan.yaml", FLOW);
    let case = |status: u16| {
        world.write("scan.test.yaml", &format!(
            "name: whole\ninput: {{ hosts: [a.example] }}\nmock: {{ nodes: {{ 'type:http': {{ value: {{ status: {status}, headers: {{}}, text: '' }} }} }} }}\nexpect: {{ snapshot: true }}\n"
        ));
    };
    case(200);
    world.run(&["test"]).expect(1, &["0 passed, 1 failed"]);
    world.run(&["test", "--update"]).expect(0, &["wrote scan.test.yaml.snap"]);
    let kept = std::fs::read_to_string(world.path("scan.test.yaml.snap")).unwrap();
    world.run(&["test"]).expect(0, &[]);
    case(500);
    let done = world.run(&["test"]);
    assert!(
        done.out.contains("snapshot.nodes.alarm.status: expected \"skipped\", got \"succeeded\""),
        "{done:?}"
    );
    assert!(done.out.contains("run with --update"), "{done:?}");
    assert_eq!(std::fs::read_to_string(world.path("scan.test.yaml.snap")).unwrap(), kept);
}

#[test]
fn coverage_names_what_no_case_came_through() {
    let world = World::empty();
    world.write("scan.yaml", FLOW);
    world.write(
        "scan.test.yaml",
        "name: none\ninput: { hosts: [] }\nexpect: { status: succeeded }\n",
    );
    let done = world.run(&["test", "--coverage"]);
    done.expect(
        0,
        &[
            "scan 33%: 2 of 6 places",
            "no case: node each.page",
            "no case: body each: its body",
            "no case: case bad: each.exists",
            "no case: node alarm",
        ],
    );
    world
        .run(&["test", "--coverage-min", "34"])
        .expect(1, &["the cases of `scan` cover 33%, less than 34%"]);
    let report = world.json(&["test", "--output", "json"]);
    assert_eq!(
        report["coverage"][0]["places"][0],
        serde_json::json!({ "kind": "node", "place": "each", "cases": 1 })
    );
}

#[test]
fn what_is_no_case_and_what_has_none_is_refused() {
    let world = World::empty();
    world.write("scan.yaml", FLOW);
    world.run(&["test"]).expect(3, &["there are no cases", "review.test.yaml"]);
    world.run(&["test", "scan.yaml"]).expect(3, &["scan.test.yaml beside it"]);
    world.run(&["test", "gone"]).expect(3, &["nothing to test at"]);
    world.write("scan.test.yaml", "name: x\nexpects: { output: 1 }");
    world.run(&["test"]).expect(
        3,
        &["scan.test.yaml:2: a case has no key `expects`; did you mean `expect`?", "TESTING.md"],
    );
    world.write(
        "scan.test.yaml",
        "name: x\nflow: scan.yaml\ninput: { hosts: [] }\nexpect: { status: succeeded }",
    );
    world.run(&["test", "--filter", "other"]).expect(3, &["no case contains `other`"]);
    world.run(&["test", "--filter", "x"]).expect(0, &["1 passed"]);
    world.run(&["test", "--record", "x", "--update"]).expect(2, &[]);
    world.run(&["test", "--record", "01"]).expect(3, &["there is no run"]);
}

const ASKS: &str = "cleargate: 1
flow: asks
input: { amount: int }
nodes:
  ask:
    type: human
    title: Pay ${input.amount}?
    assignee: [ada, bo]
    form: { approve: bool }
    deadline: 2d
    on_deadline: reject
  paid: { after: [ask], wait: { event: paid, where: event.amount == input.amount, timeout: 30d, on_timeout: null } }
  rest: { after: [paid], wait: { for: 365d } }
  way:
    after: [rest]
    switch: { weighted: [ { weight: 1, do: { n: { type: transform, with: { t: left } } }, out: \"${n.t}\" },
      { weight: 1, do: { n: { type: transform, with: { t: right } } }, out: \"${n.t}\" } ] }
output: { by: \"${ask.by}\", paid: \"${has(paid.amount) ? paid.amount : 0}\", way: \"${way}\" }
";

#[test]
fn people_events_years_and_chance_are_given() {
    let world = World::empty();
    world.write("asks.yaml", ASKS);
    world.run(&["check", "asks.yaml"]).expect(0, &[]);
    let paid = "signals: [ { event: paid, payload: { amount: 7 }, after: 3d } ]";
    let cases = |fault: &str| {
        world.write(
            "asks.test.yaml",
            &format!(
                "cases:
  - name: answered, paid, and a year
    input: {{ amount: 7 }}
    mock:
      answers: {{ ask: {{ answer: {{ approve: true }}, by: ada, after: 1h }} }}
      {paid}
    {fault}
    expect: {{ contains: {{ by: ada, paid: 7 }}, min_latency: 368d, max_latency: 369d, took: {{ way: 1 }} }}
  - name: nobody answers, and nobody pays
    input: {{ amount: 7 }}
    mock:
      signals: [ {{ event: paid, payload: {{ amount: 8 }}, after: 1m }} ]
      seed: 4
    {fault}
    expect: {{ contains: {{ by: deadline, paid: 0 }}, min_latency: 397d, took: {{ way: 0 }} }}
"
            ),
        );
        world.run(&["test", "asks.yaml"])
    };
    cases("").expect(0, &["2 passed, 0 failed"]);
    for after in 1..10 {
        cases(&format!("fault: [ {{ crash_after: {after} }} ]")).expect(0, &["2 passed, 0 failed"]);
    }
    let wait = "cleargate: 1\nflow: never\nnodes:\n  w: { wait: { event: paid } }\noutput: { w: \"${w}\" }\n";
    world.write("never.yaml", wait);
    world.write(
        "never.test.yaml",
        "name: never\nmock: { answers: { v: { answer: {} } } }\nexpect: { status: succeeded }\n",
    );
    let done = world.run(&["test", "never.yaml"]);
    assert!(done.out.contains("`never` has no node `v`"), "{done:?}");
    world.write("never.test.yaml", "name: never\nexpect: { status: succeeded }\n");
    let done = world.run(&["test", "never.yaml"]);
    assert!(done.out.contains("the run waits for what nobody brings"), "{done:?}");
}

const HEARD: &str = "cleargate: 1
flow: heard
input: { amount: int }
nodes:
  ask: { type: human, title: Pay?, form: { approve: bool } }
  paid: { after: [ask], wait: { event: paid } }
  way:
    after: [paid]
    switch: { weighted: [ { weight: 1, do: { n: { type: transform, with: { t: a } } }, out: \"${n.t}\" },
      { weight: 9999, do: { n: { type: transform, with: { t: b } } }, out: \"${n.t}\" } ] }
output: { by: \"${ask.by}\", paid: \"${paid.amount}\", way: \"${way}\", run: \"${run.id}\" }
";

#[test]
fn what_people_events_and_chance_brought_is_part_of_a_recorded_run() {
    let world = World::empty();
    world.write("heard.yaml", HEARD);
    let waiting = world.run(&["run", "heard.yaml", "--input", "amount=1", "--output", "json"]);
    assert_eq!(waiting.code, Some(8), "{waiting:?}");
    let runs = world.json(&["runs", "list", "--output", "json"]);
    let id = runs[0]["id"].as_str().unwrap().to_owned();
    world.run(&["test", "--record", &id]).expect(8, &["has not ended"]);
    world
        .run(&["tasks", "answer", &format!("{id}:ask"), "--set", "approve=true", "--by", "ada"])
        .expect(0, &[]);
    world.run(&["signal", &id, "paid", "{\"amount\":7}"]).expect(0, &[]);
    world.run(&["resume", &id]).expect(0, &[]);
    let case = world.run(&["test", "--record", &id]);
    for key in ["answers: {\"ask\":[{\"by\":\"ada\"", "signals: [{\"event\":\"paid\"", "draws: ["] {
        assert!(case.out.contains(key), "no {key} in {case:?}");
    }
    world.write("heard.test.yaml", &case.out);
    let from =
        format!("name: again\nfrom-run: {id}\nexpect: {{ contains: {{ by: ada, run: {id} }} }}\n");
    world.write("cases/from.yaml", &format!("flow: ../heard.yaml\n{from}"));
    world.run(&["test"]).expect(0, &["2 passed, 0 failed"]);
    world.run(&["compare", "heard.yaml"]).expect(0, &["1 the same, 0 differ"]);
}
