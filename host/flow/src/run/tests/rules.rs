//! One row for each rule: events on the left, the effects that they must give on the right.

use super::fixture::*;
use crate::error::ErrorCode::{self, *};
use crate::event::Event;
use crate::expr::Template;
use crate::graph::*;
use crate::signature::Effect as Class;
use crate::value::Value;
use std::sync::Arc;

/// Applies the events in order and compares the effects of each.
pub(super) fn plays(graph: &Arc<Graph>, input: Value, rows: &[(Event, &str)]) {
    let mut run = run_of(graph);
    let first = run.apply(&started(graph, input)).unwrap();
    let mut before = lines(&first);
    for (event, expected) in rows {
        // The first row repeats what the start gave, so that a table reads from the top.
        let step = match event {
            Event::RunStarted { .. } => std::mem::take(&mut before),
            event => lines(&run.apply(event).unwrap_or_else(|e| panic!("{event:?}: {e}"))),
        };
        assert_eq!(step, *expected, "after {event:?}");
    }
}

fn start(graph: &Graph) -> Event {
    started(graph, Value::Null)
}

fn cancel() -> Event {
    Event::CancelRequested { by: "operator".into() }
}

fn due(address: &str, attempt: u32) -> Event {
    Event::RetryDue { address: at(address), attempt }
}

fn deadline(address: &str) -> Event {
    Event::DeadlinePassed { address: at(address) }
}

#[test]
fn a_chain_goes_step_by_step_and_gives_the_output() {
    let b = tuned("b", vec![data(0)], |l| {
        l.with.insert("x".into(), read("a + 1"));
        l.defaults.insert("x".into(), 9.into());
        l.defaults.insert("y".into(), 7.into());
    });
    let g = graph(vec![step("a", vec![]), b], &[("out", read("b")), ("id", read("run.id"))]);
    let mut run = run_of(&g);
    assert_eq!(lines(&run.apply(&start(&g)).unwrap()), "a#1");
    let step = run.apply(&ok("a", 1, 1)).unwrap();
    let crate::run::Effect::Perform(attempt) = &step.effects[0] else { panic!("{step:?}") };
    assert_eq!(attempt.input.to_json(), r#"{"x":2,"y":7}"#);
    let end = run.apply(&ok("b", 1, 5)).unwrap();
    assert_eq!(lines(&end), r#"done {"out":5,"id":"r1"}"#);
    assert!(run.outcome().is_none(), "not stored yet");
    let crate::run::Effect::Finish(outcome) = &end.effects[0] else { panic!("{end:?}") };
    run.apply(&Event::RunFinished { outcome: outcome.clone() }).unwrap();
    assert_eq!(run.outcome().unwrap().status(), "succeeded");
}

#[test]
fn a_flow_without_nodes_ends_at_once() {
    let g = graph(vec![], &[("in", read("input"))]);
    plays(&g, 3.into(), &[(start(&g), r#"done {"in":3}"#)]);
}

#[test]
fn a_switch_takes_one_case_and_the_join_does_not_wait_for_the_other() {
    let nodes = |join: fn(GraphNode) -> GraphNode| {
        vec![
            switch("s", &["input > 0", ""], vec![]),
            step("yes", vec![case(0, 0)]),
            step("no", vec![case(0, 1)]),
            join(step("end", vec![data(1), data(2)])),
        ]
    };
    let out = [("v", read("has(end) ? 1 : 0"))];
    let g = graph(nodes(any), &out);
    plays(&g, 1.into(), &[(start(&g), "yes#1"), (ok("yes", 1, 1), "end#1")]);
    plays(&g, 0.into(), &[(start(&g), "no#1"), (ok("no", 1, 1), "end#1")]);
    // Needs both: cannot come, is skipped at once, and the flow still ends.
    let g = graph(nodes(|n| n), &[("end", read("end"))]);
    plays(&g, 1.into(), &[(start(&g), "yes#1"), (ok("yes", 1, 1), r#"done {"end":null}"#)]);
}

#[test]
fn a_case_with_a_body_runs_it_inside_and_takes_its_value() {
    let body = |id: &str| Body {
        nodes: Scope { nodes: vec![step(id, vec![])] },
        out: Some(read(&format!("{id} + 1"))),
        each: false,
    };
    let mut s = switch("s", &["input == 1", "input == 2", ""], vec![]);
    let NodeKind::Switch { cases } = &mut s.kind else { unreachable!() };
    (cases[0].body, cases[1].body) = (Some(body("x")), Some(body("x")));
    let nodes = vec![s, step("far", vec![case(0, 2)]), step("next", vec![data(0)])];
    let g = graph(nodes, &[("s", read("s"))]);
    let second = [(start(&g), "s[1].x#1"), (ok("s[1].x", 1, 4), "next#1")];
    plays(&g, 2.into(), &[&second[..], &[(ok("next", 1, 0), r#"done {"s":5}"#)]].concat());
    // Without a body for the case, the value is nothing.
    let other = [
        (start(&g), "far#1, next#1"),
        (ok("far", 1, 0), ""),
        (ok("next", 1, 0), r#"done {"s":null}"#),
    ];
    plays(&g, 3.into(), &other);
    // A failure inside is the failure of the switch; a stop reaches inside and is awaited.
    plays(
        &g,
        1.into(),
        &[(start(&g), "s[0].x#1"), (failed("s[0].x", 1, Permanent), "failed s[0].x permanent")],
    );
    plays(
        &g,
        1.into(),
        &[
            (start(&g), "s[0].x#1"),
            (cancel(), "cancel s[0].x"),
            (failed("s[0].x", 1, Cancelled), "cancelled"),
        ],
    );
    // An address of a case that was not taken is no node of the run.
    let mut run = run_of(&g);
    run.apply(&started(&g, 2.into())).unwrap();
    assert!(run.apply(&ok("s[0].x", 1, 0)).is_err());
}

#[test]
fn several_cases_of_one_switch_count_as_one() {
    let whens = ["input == 0", "input == 1", "input == 2"];
    let nodes = vec![switch("s", &whens, vec![]), step("a", vec![case(0, 0), case(0, 1)])];
    let g = graph(nodes, &[("case", read("s.case"))]);
    plays(&g, 0.into(), &[(start(&g), "a#1"), (ok("a", 1, 1), r#"done {"case":0}"#)]);
    plays(&g, 1.into(), &[(start(&g), "a#1")]);
    plays(&g, 2.into(), &[(start(&g), r#"done {"case":2}"#)]);
    plays(&g, 9.into(), &[(start(&g), r#"done {"case":null}"#)]);
}

#[test]
fn each_kind_of_edge_meets_a_skip_in_its_way() {
    for (kind, expected) in
        [(EdgeKind::Data, "done {}"), (EdgeKind::Optional, "b#1"), (EdgeKind::After, "b#1")]
    {
        let nodes = vec![
            switch("s", &["false"], vec![]),
            step("a", vec![case(0, 0)]),
            step("b", vec![edge(1, kind)]),
        ];
        let g = graph(nodes, &[]);
        plays(&g, Value::Null, &[(start(&g), expected)]);
    }
}

#[test]
fn any_starts_with_the_first_and_does_not_see_the_other() {
    let end = tuned("end", vec![edge(0, EdgeKind::Optional), data(1)], |l| {
        l.with.insert("a".into(), read("has(a) ? a : -1"));
        l.policy.retry = retry(2);
    });
    let end = any(end);
    let g = graph(vec![step("a", vec![]), step("b", vec![]), end], &[]);
    let mut run = run_of(&g);
    run.apply(&start(&g)).unwrap();
    assert_eq!(lines(&run.apply(&ok("b", 1, 1)).unwrap()), "end#1");
    assert_eq!(lines(&run.apply(&ok("a", 1, 5)).unwrap()), "");
    run.apply(&failed("end", 1, Transient)).unwrap();
    let step = run.apply(&due("end", 2)).unwrap();
    let crate::run::Effect::Perform(attempt) = &step.effects[0] else { panic!("{step:?}") };
    assert_eq!(attempt.input.to_json(), r#"{"a":-1}"#);
}

#[test]
fn any_keeps_its_winner_when_two_paths_come_at_once() {
    let end = tuned("end", vec![case(0, 0), case(1, 0)], |l| {
        l.with.insert("first".into(), read("has(s)"));
        l.with.insert("second".into(), read("has(t)"));
    });
    let g = graph(vec![switch("s", &[""], vec![]), switch("t", &[""], vec![]), any(end)], &[]);
    let step = run_of(&g).apply(&start(&g)).unwrap();
    let crate::run::Effect::Perform(attempt) = &step.effects[0] else { panic!("{step:?}") };
    assert_eq!(attempt.input.to_json(), r#"{"first":true,"second":false}"#);
}

#[test]
fn a_body_does_not_see_the_value_that_lost_the_race_into_its_map() {
    let body = tuned("x", vec![], |l| {
        l.with.insert("late".into(), read("has(b)"));
    });
    let kind = map("input", vec![body], |m| m.concurrency = 1);
    let nodes =
        vec![step("a", vec![]), step("b", vec![]), any(node("m", kind, vec![data(0), data(1)]))];
    let g = graph(nodes, &[]);
    let mut run = run_of(&g);
    run.apply(&started(&g, list(&[1, 2]))).unwrap();
    run.apply(&ok("a", 1, 1)).unwrap();
    run.apply(&ok("b", 1, 1)).unwrap();
    let second = run.apply(&ok("m[0].x", 1, 1)).unwrap();
    let crate::run::Effect::Perform(attempt) = &second.effects[0] else { panic!("{second:?}") };
    assert_eq!(attempt.input.to_json(), r#"{"late":false}"#);
}

#[test]
fn a_condition_that_is_no_truth_fails_the_switch() {
    for when in ["1", "input.missing > 0"] {
        let g = graph(vec![switch("s", &[when], vec![])], &[]);
        plays(&g, Value::empty(), &[(start(&g), "failed s invalid_input")]);
    }
}

#[test]
fn a_failure_cancels_and_awaits_the_siblings_and_the_first_one_counts() {
    let g = graph(vec![step("a", vec![]), step("b", vec![]), step("c", vec![data(0)])], &[]);
    for answer in [ok("b", 1, 1), failed("b", 1, Permanent), failed("b", 1, Cancelled)] {
        let rows = [
            (start(&g), "a#1, b#1"),
            (failed("a", 1, Denied), "cancel b"),
            (cancel(), ""),
            (answer, "failed a denied"),
            (cancel(), ""),
            (ok("b", 1, 1), ""),
        ];
        plays(&g, Value::Null, &rows);
    }
}

#[test]
fn retries_pause_longer_and_end() {
    let a = tuned("a", vec![], |l| {
        l.policy.retry = retry(3);
        l.policy.deadline = Some(99);
    });
    let g = graph(vec![a], &[]);
    let head = [
        (start(&g), "deadline a 99, a#1"),
        (failed("a", 1, Transient), "wait a#2 10"),
        (ok("a", 1, 1), ""),
        (due("a", 2), "a#2"),
        (due("a", 2), ""),
        (ok("a", 1, 1), ""),
        (failed("a", 2, Transient), "wait a#3 15"),
    ];
    let with = |tail: &[(Event, &'static str)]| {
        let rows: Vec<_> = head.iter().cloned().chain(tail.iter().cloned()).collect();
        plays(&g, Value::Null, &rows);
    };
    with(&[(due("a", 3), "a#3"), (failed("a", 3, Transient), "failed a transient")]);
    with(&[(due("a", 3), "a#3"), (failed("a", 3, Denied), "failed a denied")]);
    with(&[(due("a", 3), "a#3"), (ok("a", 3, 1), "done {}"), (deadline("a"), "")]);
    with(&[(deadline("a"), "failed a timeout"), (due("a", 3), "")]);
    with(&[
        (due("a", 3), "a#3"),
        (deadline("a"), "cancel a"),
        (deadline("a"), ""),
        (ok("a", 3, 1), "failed a timeout"),
    ]);
    with(&[(cancel(), "cancelled"), (due("a", 3), "")]);
    with(&[(resumed(), "deadline a 99, wait a#3 15"), (due("a", 3), "a#3")]);
}

#[test]
fn cancel_stops_everything_and_starts_nothing() {
    let g = graph(vec![step("a", vec![]), step("b", vec![data(0)])], &[]);
    let rows =
        [(start(&g), "a#1"), (cancel(), "cancel a"), (cancel(), ""), (ok("a", 1, 1), "cancelled")];
    plays(&g, Value::Null, &rows);
    let rows = [(start(&g), "a#1"), (cancel(), "cancel a"), (resumed(), "cancelled")];
    plays(&g, Value::Null, &rows);
}

fn list(items: &[i32]) -> Value {
    Value::list(items.iter().map(|i| Value::from(*i)))
}

fn mapped(mode: OnItemError) -> Arc<Graph> {
    let kind = map("input", vec![step("x", vec![])], |m| {
        m.on_item_error = mode;
        m.out = read("x + item + index");
    });
    graph(vec![node("m", kind, vec![]), step("s", vec![])], &[("m", read("m"))])
}

#[test]
fn a_map_keeps_its_concurrency_and_orders_by_index() {
    let g = mapped(OnItemError::Fail);
    let rows = [
        (start(&g), "s#1, m[0].x#1, m[1].x#1"),
        (ok("s", 1, 1), ""),
        (ok("m[1].x", 1, 100), "m[2].x#1"),
        (ok("m[2].x", 1, 200), ""),
        (ok("m[0].x", 1, 0), r#"done {"m":[5,107,209]}"#),
    ];
    plays(&g, list(&[5, 6, 7]), &rows);
}

#[test]
fn items_with_keys_make_a_map_and_are_told_apart_before_the_first_body() {
    let keyed = |key: &str, mode| {
        let kind = map("input", vec![step("x", vec![])], |m| {
            (m.key, m.on_item_error) = (Some(expr(key)), mode);
            m.out = read("{'x': x, 'key': key}");
        });
        graph(vec![node("m", kind, vec![])], &[("m", read("m"))])
    };
    let g = keyed("item * 10", OnItemError::Skip);
    let rows = [
        (start(&g), "m[0].x#1, m[1].x#1"),
        (ok("m[1].x", 1, 1), "m[2].x#1"),
        (failed("m[0].x", 1, ErrorCode::Denied), ""),
        (ok("m[2].x", 1, 2), r#"done {"m":{"60":{"x":1,"key":60},"70":{"x":2,"key":70}}}"#),
    ];
    plays(&g, list(&[5, 6, 7]), &rows);
    let wrong = |key: &str, items: &[i32], says: &str| {
        let g = keyed(key, OnItemError::Fail);
        plays(&g, list(items), &[(start(&g), says)]);
    };
    wrong("item % 2", &[1, 2, 3], "failed m invalid_input");
    wrong("item > 0", &[1], "failed m invalid_input");
    wrong("item > 0 ? '' : 'x'", &[1], "failed m invalid_input");
    wrong("item > 0 ? input : input", &[1], "failed m invalid_input");
    let long = |bytes: usize| format!("'{}'", "x".repeat(bytes));
    wrong(&long(MAX_KEY_BYTES), &[1], "m[0].x#1");
    wrong(&long(MAX_KEY_BYTES + 1), &[1], "failed m invalid_input");
    wrong("key", &[1], "failed m invalid_input");
}

#[test]
fn a_failed_item_does_what_the_map_says() {
    use OnItemError::*;
    let rows = |last: &'static str| {
        [
            (ok("s", 1, 1), ""),
            (failed("m[1].x", 1, ErrorCode::Denied), "m[2].x#1"),
            (ok("m[2].x", 1, 200), ""),
            (ok("m[0].x", 1, 0), last),
        ]
    };
    let kept = r#"done {"m":[5,{"error":{"code":"denied","message":"made to fail"}},209]}"#;
    plays(&mapped(Collect), list(&[5, 6, 7]), &rows(kept));
    plays(&mapped(Skip), list(&[5, 6, 7]), &rows(r#"done {"m":[5,209]}"#));
    let rows = [
        (failed("m[1].x", 1, ErrorCode::Denied), "cancel m[0].x, cancel s"),
        (failed("s", 1, Cancelled), ""),
        (ok("m[0].x", 1, 1), "failed m[1].x denied"),
    ];
    plays(&mapped(Fail), list(&[5, 6, 7]), &rows);
}

#[test]
fn a_map_checks_its_list() {
    let g = mapped(OnItemError::Collect);
    let end = [(ok("s", 1, 1), r#"done {"m":[]}"#)];
    plays(&g, list(&[]), &end);
    for (input, code) in [(list(&[0; 11]), "limit"), (1.into(), "invalid_input")] {
        // The failure is known before `s` has started, so nothing is to be cancelled.
        let mut run = run_of(&g);
        let step = run.apply(&started(&g, input)).unwrap();
        assert_eq!(lines(&step), format!("failed m {code}"));
    }
    let mut run = run_of(&g);
    assert!(lines(&run.apply(&started(&g, list(&[0; 10]))).unwrap()).contains("m[0].x#1"));
}

#[test]
fn maps_nest_and_inner_names_win() {
    let inner = map("item", vec![step("x", vec![])], |m| m.out = read("x + item + index"));
    let kind = map("input", vec![node("i", inner, vec![])], |m| {
        m.out = Template::List(vec![read("index"), read("i")]);
    });
    let g = graph(vec![node("o", kind, vec![])], &[("o", read("o"))]);
    let rows = [
        (start(&g), "o[0].i[0].x#1, o[0].i[1].x#1, o[1].i[0].x#1"),
        (ok("o[1].i[0].x", 1, 0), ""),
        (ok("o[0].i[1].x", 1, 0), ""),
        (ok("o[0].i[0].x", 1, 0), r#"done {"o":[[0,[1,3]],[1,[3]]]}"#),
    ];
    plays(&g, Value::list([list(&[1, 2]), list(&[3])]), &rows);
}

#[test]
fn resume_repeats_what_may_be_repeated_and_says_what_is_unknown() {
    for (effect, begun, expected) in [
        (Class::Pure, true, "a#1, b#1"),
        (Class::Read, true, "a#1, b#1"),
        (Class::Idempotent, true, "a#1, b#1"),
        (Class::Compensable, true, "a#1, b#1"),
        (Class::Once, false, "a#1, b#1"),
        (Class::Once, true, "failed a unknown_outcome"),
    ] {
        let a = tuned("a", vec![], |l| {
            l.policy.effect = effect;
            l.policy.retry = ErrorCode::ALL
                .map(|c| (c, Retry { max: 9, backoff_min: 0, backoff_max: 0 }))
                .into();
        });
        let g = graph(vec![a, step("b", vec![])], &[]);
        let mut rows = vec![(start(&g), "a#1, b#1")];
        rows.extend(begun.then(|| (intent("a", 1), "")));
        rows.push((resumed(), expected));
        rows.push((resumed(), expected));
        plays(&g, Value::Null, &rows);
    }
}

#[test]
fn events_that_cannot_happen_are_refused_and_change_nothing() {
    let once = tuned("o", vec![data(0)], |l| l.policy.effect = Class::Once);
    let kind = map("input", vec![step("x", vec![])], |_| {});
    let nodes = vec![step("a", vec![]), once, switch("s", &[""], vec![]), node("m", kind, vec![])];
    let g = graph(nodes, &[]);
    let mut run = run_of(&g);
    assert!(run.apply(&ok("a", 1, 1)).is_err(), "before the start");
    let mut other = start(&g);
    if let Event::RunStarted { v, .. } = &mut other {
        *v += 1;
    }
    assert!(run.apply(&other).is_err(), "of a newer version");
    run.apply(&started(&g, list(&[1]))).unwrap();
    let finished = Event::RunFinished { outcome: crate::event::Outcome::Cancelled };
    let bad = [
        start(&g),
        ok("nobody", 1, 1),
        ok("a[0].x", 1, 1),
        ok("m[1].x", 1, 1),
        ok("m[0]", 1, 1),
        ok("s", 1, 1),
        ok("m", 1, 1),
        ok("o", 1, 1),
        ok("a", 2, 1),
        ok("a", 0, 1),
        intent("a", 2),
        due("a", 1),
        due("a", 2),
        deadline("a"),
        Event::Logged { address: at("o"), level: "info".into(), message: "".into() },
        finished,
    ];
    for event in &bad {
        let before = format!("{run:?}");
        assert!(run.apply(event).is_err(), "{event:?} was taken");
        assert_eq!(format!("{run:?}"), before, "{event:?} left a trace");
    }
    run.apply(&ok("a", 1, 1)).unwrap();
    assert!(run.apply(&ok("o", 1, 1)).is_err(), "a success without its intent");
    run.apply(&intent("o", 1)).unwrap();
    assert!(run.apply(&intent("o", 1)).is_err(), "a `once` node that is performed twice");
}

#[test]
fn progress_counts_by_static_path() {
    let g = mapped(OnItemError::Skip);
    let mut run = run_of(&g);
    run.apply(&started(&g, list(&[1, 2, 3]))).unwrap();
    run.apply(&failed("m[0].x", 1, Permanent)).unwrap();
    let [m, x, s] = run.progress() else { panic!("{:?}", run.progress()) };
    assert_eq!((m.path.as_ref(), x.path.as_ref(), s.path.as_ref()), ("m", "m.x", "s"));
    assert_eq!((x.failed, x.running, x.waiting), (1, 2, 0));
    let items = m.items.unwrap();
    assert_eq!((items.done, items.total, m.running, s.running), (1, 3, 1, 1));
}

#[test]
fn du_13_a_peer_that_asks_to_be_left_alone_is_up_to_a_bound() {
    let least = retry(2)[&Transient].backoff_min;
    let most = crate::graph::MAX_ASKED_PAUSE_MS;
    for (detail, pause) in [
        ("null".to_owned(), least),
        (r#"{"retry_after_ms":2}"#.to_owned(), least),
        (r#"{"retry_after_ms":-7}"#.to_owned(), least),
        (r#"{"retry_after_ms":"soon"}"#.to_owned(), least),
        (r#"{"retry_after_ms":3000}"#.to_owned(), 3_000),
        (format!(r#"{{"retry_after_ms":{most}}}"#), most),
        (r#"{"retry_after_ms":31536000000}"#.to_owned(), most),
    ] {
        let g = graph(vec![tuned("a", vec![], |l| l.policy.retry = retry(2))], &[]);
        let mut run = run_of(&g);
        run.apply(&start(&g)).unwrap();
        let mut answer = failed("a", 1, Transient);
        if let Event::AttemptFailed { error, .. } = &mut answer {
            error.detail = Value::from_json(&detail).unwrap();
        }
        let step = run.apply(&answer).unwrap();
        let [crate::run::Effect::Wait { after_ms, .. }] = step.effects[..] else {
            panic!("{step:?}")
        };
        assert_eq!(after_ms, pause, "{detail}");
    }
}
