//! Nodes that wait: a table for each rule, and every order of what comes, with a crash between any two events.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::blocks::{flow, tells};
use super::fixture::*;
use super::world::waits_of;
use crate::address::Address;
use crate::error::{ErrorCode, NodeError};
use crate::event::{Event, Outcome};
use crate::graph::Graph;
use crate::run::{Effect, Run};
use crate::value::Value;

fn json(text: &str) -> Value {
    Value::from_json(text).unwrap()
}

fn begins(address: &str, until: Option<i64>) -> Event {
    Event::WaitStarted { address: at(address), name: None, until }
}

fn opens(address: &str, until: Option<i64>) -> Event {
    Event::TaskOpened { address: at(address), task: Value::empty(), until }
}

fn over(address: &str) -> Event {
    Event::WaitOver { address: at(address) }
}

fn signal(name: &str, payload: &str) -> Event {
    let (name, id, by) = (name.into(), "1".into(), "test".into());
    Event::SignalReceived { name, id, by, payload: json(payload) }
}

fn answer(address: &str, by: &str, answer: &str) -> Event {
    let (address, id, by) = (at(address), "1".into(), by.into());
    Event::TaskAnswered { address, id, by, given: 7, answer: json(answer) }
}

#[test]
fn an_event_goes_to_the_first_node_that_wants_it_and_is_kept_until_then() {
    let nodes = r#"
  a: { wait: { event: e, where: event.n > 1, timeout: 1m, on_timeout: null } }
  b: { wait: { event: e }, after: a }"#;
    let g = flow(nodes, "[a, b]");
    let rows = [
        (begins("a", Some(9)), ""),
        (signal("e", r#"{"n":1}"#), ""),
        (signal("other", "{}"), ""),
        // Nobody can say whether it is more than one.
        (signal("e", r#"{"n":"x"}"#), ""),
        (signal("e", r#"{"n":2}"#), r#"ended a, done {"v":[{"n":2},{"n":1}]}"#),
    ];
    tells(&g, "listen e a 60000", &rows);
    let late = [
        (begins("a", Some(9)), ""),
        (over("a"), "ended a, listen e b"),
        (begins("b", None), ""),
        (signal("e", "3"), r#"ended b, done {"v":[null,3]}"#),
    ];
    tells(&g, "listen e a 60000", &late);
    let fails = flow("  a: { wait: { event: e, timeout: 1m } }", "a");
    let rows = [(begins("a", Some(9)), ""), (over("a"), "ended a, failed a timeout")];
    tells(&fails, "listen e a 60000", &rows);
}

#[test]
fn who_says_that_a_step_happened_says_what_came_of_it() {
    let mut g = Arc::unwrap_or_clone(flow("  a: { type: once, on_unknown: ask }", "a"));
    g.root.nodes[0].output = "record{n: int}".parse().unwrap();
    let mut run = run_of(&Arc::new(g));
    let go = started(run.graph(), Value::record([("n", 3.into())]));
    for event in [go, intent("a", 1), resumed(), opens("a[1].verify", None)] {
        run.apply(&event).unwrap();
    }
    let judged = |answer: &str| {
        let judged = run.judge_answer(&at("a[1].verify"), "ada", &json(answer));
        judged.map(|answer| answer.to_json()).map_err(|error| error.message)
    };
    let needed = "it happened, so its `value` is needed, a `record{n: int}`";
    for (answer, judged_as) in [
        (r#"{"happened":true,"value":{"n":1}}"#, Ok(r#"{"happened":true,"value":{"n":1}}"#)),
        (r#"{"happened":false}"#, Ok(r#"{"happened":false,"value":null}"#)),
        (r#"{"happened":true}"#, Err(needed)),
        (r#"{"happened":true,"value":{}}"#, Err(needed)),
    ] {
        match (judged(answer), judged_as) {
            (Ok(got), Ok(wanted)) => assert_eq!(got, wanted),
            (Err(got), Err(wanted)) => assert!(got.starts_with(wanted), "{got}"),
            (got, wanted) => panic!("{answer}: {got:?}, not {wanted:?}"),
        }
    }
}

#[test]
fn a_moment_is_asked_for_and_one_that_is_none_fails_the_node() {
    let g = flow("  a: { wait: { for: \"${input.n}\" } }", "a.until");
    tells(&g, "rest a 3", &[(begins("a", Some(9)), ""), (over("a"), r#"ended a, done {"v":9}"#)]);
    let error = NodeError::new(ErrorCode::InvalidInput, "there is none");
    let none = Event::WaitFailed { address: at("a"), error };
    tells(&g, "rest a 3", &[(none, "failed a invalid_input")]);
    let g = flow(
        "  a: { wait: { cron: \"0 7 * * *\" } }\n  b: { wait: { until: 2030-01-31T08:00:00Z } }",
        "1",
    );
    tells(&g, "rest a 0 7 * * *, rest b at 2030-01-31T08:00:00Z", &[]);
}

const TASK: &str = r#"
  a:
    type: human
    form: { yes: bool, n: { type: int, default: 3 } }
    assignee: ada
    deadline: 1m
    on_deadline: { escalate: { to: [bo, cy], deadline: 2m, on_deadline: reject } }"#;

#[test]
fn people_answer_or_others_are_asked_or_the_deadline_answers() {
    let g = flow(TASK, "a");
    let answered = [
        (opens("a", Some(9)), ""),
        (
            answer("a", "ada", r#"{"yes":true,"n":1}"#),
            r#"ended a, done {"v":{"yes":true,"n":1,"by":"ada","at":7}}"#,
        ),
    ];
    tells(&g, r#"ask ["ada"] a 60000"#, &answered);
    let escalated = [
        (opens("a", Some(9)), ""),
        (over("a"), r#"ask ["bo","cy"] a 120000"#),
        (opens("a", Some(19)), ""),
        (over("a"), r#"ended a, done {"v":{"yes":false,"n":3,"by":"deadline","at":19}}"#),
    ];
    tells(&g, r#"ask ["ada"] a 60000"#, &escalated);
    let fails = flow("  a: { type: human, form: { yes: bool }, deadline: 1m }", "a");
    let rows = [(opens("a", Some(9)), ""), (over("a"), "ended a, failed a timeout")];
    tells(&fails, "ask [] a 60000", &rows);
}

#[test]
fn a_quorum_is_so_many_answers_by_different_people() {
    let g = flow("  a: { type: human, form: { yes: bool }, quorum: { of: 3, need: 2 } }", "a");
    let mut run = run_of(&g);
    run.apply(&started(&g, Value::record([("n", 3.into())]))).unwrap();
    let judge = |run: &Run, address: &str, by: &str, said: &str| {
        run.judge_answer(&at(address), by, &json(said)).map_err(|error| error.message)
    };
    let refused = |judged: Result<Value, String>, part: &str| {
        let why = judged.unwrap_err();
        assert!(why.contains(part), "{why}");
    };
    let yes = r#"{"yes":true}"#;
    refused(judge(&run, "a", "ada", yes), "not open");
    run.apply(&opens("a", None)).unwrap();
    refused(judge(&run, "b", "ada", yes), "no task");
    refused(judge(&run, "a", "ada", r#"{"yes":1}"#), "does not fit");
    refused(judge(&run, "a", "ada", r#"{"yes":true,"x":1}"#), "no field `x`");
    assert_eq!(judge(&run, "a", "ada", yes), Ok(json(yes)));
    assert_eq!(lines(&run.apply(&answer("a", "ada", yes)).unwrap()), "");
    refused(judge(&run, "a", "ada", yes), "ada has answered");
    let done = run.apply(&answer("a", "bo", r#"{"yes":false}"#)).unwrap();
    let both = r#"[{"yes":true,"by":"ada","at":7},{"yes":false,"by":"bo","at":7}]"#;
    assert_eq!(lines(&done), format!(r#"ended a, done {{"v":{both}}}"#));
    refused(judge(&run, "a", "cy", yes), "not open any more");
}

#[test]
fn a_stop_withdraws_what_waits_at_once() {
    let nodes = r#"
  a:
    race:
      x: { do: { w: { wait: { event: e } } }, out: "event" }
      y: { do: { h: { type: human, form: { yes: bool } } }, out: "people" }
      z: { do: { t: { wait: { for: 1m } } }, out: "time" }"#;
    let g = flow(nodes, "a");
    let start = "listen e a[0].w, ask [] a[1].h, rest a[2].t 60000";
    let rows = [
        (begins("a[0].w", None), ""),
        (opens("a[1].h", None), ""),
        // Nobody has said yet that the third one waits.
        (signal("e", "{}"), r#"ended a[0].w, ended a[1].h, done {"v":"event"}"#),
    ];
    tells(&g, start, &rows);
    let cancel = Event::CancelRequested { by: "operator".into() };
    let rows = [
        (begins("a[0].w", None), ""),
        (opens("a[1].h", None), ""),
        (begins("a[2].t", Some(9)), ""),
        (cancel, "ended a[0].w, ended a[1].h, ended a[2].t, cancelled"),
    ];
    tells(&g, start, &rows);
}

#[test]
fn events_are_told_inside_a_run_and_to_another_one() {
    let g = flow(
        "  a: { emit: { event: e, payload: { n: \"${input.n}\" } } }\n  b: { wait: { event: e } }",
        "b.n",
    );
    tells(&g, r#"done {"v":3}"#, &[]);
    let g = flow("  a: { emit: { event: e, to: r2 } }", "a");
    let told = Event::Emitted { address: at("a") };
    tells(&g, "emit a to r2: e {}", &[(told, r#"done {"v":{}}"#)]);
    let g = flow("  a: { emit: { event: e, to: \"${input.n}\" } }", "a");
    tells(&g, "failed a invalid_input", &[]);
}

#[test]
fn chance_is_asked_and_weights_say_which_case_a_number_is() {
    let cases =
        "{ weight: 2, do: { x: { type: step } } }, { weight: 3, do: { y: { type: step } } }";
    let g = flow(&format!("  a: {{ switch: {{ weighted: [ {cases} ] }} }}"), "a");
    let drawn = |value| Event::Drawn { address: at("a"), value };
    for (value, expected) in [(0, "a[0].x#1"), (1, "a[0].x#1"), (2, "a[1].y#1"), (4, "a[1].y#1")] {
        tells(&g, "draw a below 5", &[(drawn(value), expected)]);
    }
    let mut run = run_of(&g);
    run.apply(&started(&g, Value::empty())).unwrap();
    assert!(run.apply(&drawn(5)).is_err());
}

#[test]
fn events_that_nobody_wants_are_kept_up_to_a_bound() {
    let g = flow("  a: { wait: { event: e } }", "a");
    let mut run = run_of(&g);
    run.apply(&started(&g, Value::empty())).unwrap();
    assert_eq!(run.hears(), crate::run::MAX_HEARD);
    for _ in 0..crate::run::MAX_HEARD {
        run.apply(&signal("other", "{}")).unwrap();
    }
    assert_eq!(run.hears(), 0);
}

/// What holds each task: with how many tasks there are, and what comes of it when each is answered with its `n`.
const STRUCTURES: &[(&str, &str, usize, &str)] = &[
    ("  a: H\n  b: { after: a, H }", "[a.n, b.n]", 1, "[1,1]"),
    (
        "  a: H\n  b: H\n  s: { type: step }\n  c: { type: step, after: [a, b] }",
        "[a.n, b.n]",
        2,
        "[1,1]",
    ),
    (
        "  a: { parallel: { x: { do: { h: H }, out: \"${h.n}\" }, y: { do: { h: H, s: { type: step } }, out: \"${h.n}\" } } }",
        "[a.x, a.y]",
        2,
        "[1,1]",
    ),
    (
        "  a: { map: \"[1, 2, 3]\", concurrency: 3, do: { h: H }, out: \"${h.n + item}\" }",
        "a",
        3,
        "[2,3,4]",
    ),
    (
        "  a: { map: \"[1, 2, 3]\", concurrency: 1, do: { h: H, s: { type: step, after: h } }, out: \"${h.n + item}\" }",
        "a",
        1,
        "[2,3,4]",
    ),
    (
        "  a: { loop: { max: 3 }, carry: { t: 0 }, do: { h: H }, next: { t: \"${t + h.n}\" }, out: \"${t}\" }",
        "a",
        1,
        "3",
    ),
    (
        "  a: { switch: [ { when: input.n == 3, do: { h: H }, out: \"${h.n}\" }, { else: b } ] }\n  b: { type: step }",
        "a",
        1,
        "1",
    ),
    (
        "  a: { try: { h: H, w: { type: once, after: h, with: { x: \"${int('x')}\" } } }, catch: { do: { h: H }, out: \"${h.n}\" }, finally: { f: H }, out: 0 }",
        "a",
        1,
        "1",
    ),
    ("  a: { race: { x: { do: { h: H }, out: 1 }, y: { do: { h: H }, out: 1 } } }", "a", 2, "1"),
    (
        "  a: { map: \"[1, 2]\", concurrency: 2, do: { p: { parallel: { x: { do: { l: { loop: { max: 1 }, do: { h: H }, out: \"${h.n}\" } }, out: \"${l}\" }, y: { do: { s: { type: step } }, out: 5 } } } }, out: \"${p.x}\" }",
        "a",
        2,
        "[1,1]",
    ),
    (
        "  a: { map: \"[1, 2]\", concurrency: 2, do: { h: H, s: { type: step }, t: { type: step, after: s } }, out: \"${h.n + item}\" }",
        "a",
        2,
        "[2,3]",
    ),
];

/// A task, a wait for an event and one for a moment, in the place of `H`.
const WAITS: [&str; 3] = [
    "{ type: human, form: { n: int } }",
    "{ wait: { event: e } }",
    "{ try: { w: { wait: { for: 1m } } }, out: { n: 1 } }",
];

#[test]
fn what_waits_anywhere_goes_on_in_any_order_with_a_crash_between() {
    let mut ends = 0;
    for (nodes, output, together, expected) in STRUCTURES {
        for wait in WAITS {
            let inner = wait.strip_prefix("{ ").and_then(|w| w.strip_suffix(" }")).unwrap();
            let nodes = nodes.replace(", H }", &format!(", {inner} }}")).replace('H', wait);
            let g = flow(&nodes, output);
            for crash in [false, true] {
                let mut found = Explored::default();
                explore(&g, vec![started(&g, json(r#"{"n":3}"#))], crash, &mut found);
                let wanted = BTreeSet::from([format!(r#"done {{"v":{expected}}}"#)]);
                assert_eq!(found.ends, wanted, "{nodes}\ncrash: {crash}");
                assert_eq!(found.together, *together, "{nodes}");
                ends += found.paths;
            }
        }
    }
    assert!(ends > 500, "{ends} ways to the end");
}

#[derive(Default)]
struct Explored {
    ends: BTreeSet<String>,
    paths: usize,
    /// Most nodes that waited at once.
    together: usize,
}

/// Goes every way to the end of a run. After a `crash` each event is the last one of a process.
fn explore(graph: &Arc<Graph>, mut journal: Vec<Event>, crash: bool, found: &mut Explored) {
    assert!(journal.len() < 100, "the run does not end");
    let fold = |journal: &[Event]| {
        let mut run = run_of(graph);
        journal.iter().for_each(|event| drop(run.apply(event).unwrap()));
        run
    };
    // What a process would have to do that takes the run over now.
    let effects = fold(&journal).apply(&resumed()).unwrap().effects;
    if crash {
        journal.push(resumed());
    }
    let mut ways: Vec<Event> = Vec::new();
    for effect in &effects {
        match effect {
            Effect::Perform(attempt) => {
                let address = attempt.address.to_string();
                if attempt.leaf.policy.effect.needs_intent() {
                    journal.push(intent(&address, attempt.attempt));
                }
                ways.push(ok(&address, attempt.attempt, 1));
            }
            // What a driver says at once is no choice.
            Effect::Rest(rest) if rest.task.is_some() => {
                journal.push(opens(&rest.address.to_string(), Some(9)));
                return explore(graph, journal, crash, found);
            }
            Effect::Rest(rest) => {
                journal.push(begins(&rest.address.to_string(), Some(9)));
                return explore(graph, journal, crash, found);
            }
            Effect::Ended { address } => {
                journal.push(Event::WaitEnded { address: address.clone() });
                return explore(graph, journal, crash, found);
            }
            Effect::Finish(outcome) => {
                journal.push(Event::RunFinished { outcome: outcome.clone() });
                assert_eq!(fold(&journal).outcome().map(Outcome::status), Some(outcome.status()));
                found.ends.insert(line(effect));
                found.paths += 1;
                return;
            }
            other => panic!("{other:?}"),
        }
    }
    let open = waits_of(&journal);
    found.together = found.together.max(open.len());
    ways.extend(open.into_iter().map(|address| comes(graph, &journal, address)));
    assert!(!ways.is_empty(), "nothing is outstanding and the run goes on: {journal:?}");
    for way in ways {
        let mut journal = journal.clone();
        journal.push(way);
        explore(graph, journal, crash, found);
    }
}

/// What a node waits for: a task is answered, an event told, a moment comes.
fn comes(graph: &Arc<Graph>, journal: &[Event], address: Address) -> Event {
    let task =
        |event: &Event| matches!(event, Event::TaskOpened { address: a, .. } if *a == address);
    let place = address.to_string();
    match () {
        () if journal.iter().any(task) => answer(&place, "ada", r#"{"n":1}"#),
        () if place.ends_with(".w") && format!("{:?}", graph.root).contains("Time(") => {
            over(&place)
        }
        () => signal("e", r#"{"n":1}"#),
    }
}
