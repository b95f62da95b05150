//! One table for each rule of the blocks, from flows as people write them.

use std::sync::Arc;

use indexmap::IndexMap;

use super::fixture::*;
use super::rules::plays;
use crate::check::check;
use crate::error::ErrorCode::*;
use crate::event::Event;
use crate::graph::Graph;
use crate::signature::{Effect, Signature, Signatures};
use crate::types::Kind;
use crate::value::Value;

/// `step` takes and gives anything; `once` may not be repeated.
struct Steps;

impl Signatures for Steps {
    fn find(&self, name: &str) -> Result<Option<Signature>, String> {
        let effect = if name == "once" { Effect::Once } else { Effect::Pure };
        Ok(Some(Signature {
            summary: String::new(),
            input: IndexMap::new(),
            open: true,
            output: Kind::Any.into(),
            config: IndexMap::new(),
            effect,
            requests: Default::default(),
            limits: Default::default(),
            texts: Vec::new(),
            typed_by: None,
            program: false,
            model_key: None,
            origin: "test".into(),
        }))
    }

    fn names(&self) -> Vec<String> {
        vec!["step".into(), "once".into()]
    }
}

/// The graph of `nodes:`, with an output `v`.
pub(super) fn flow(nodes: &str, v: &str) -> Arc<Graph> {
    framed("", nodes, &format!("v: \"${{{v}}}\""))
}

/// The graph of `nodes:` with more keys of a flow before them, and an output.
pub(super) fn framed(keys: &str, nodes: &str, output: &str) -> Arc<Graph> {
    let text = format!(
        "cleargate: 1\nflow: test\ninput: {{ n: any }}\n{keys}\nnodes:\n{nodes}\noutput: {{ {output} }}\n"
    );
    let checked = check(&text, "test", &Steps);
    Arc::new(checked.graph.unwrap_or_else(|| panic!("{:#?}", checked.findings)))
}

fn go(graph: &Graph) -> Event {
    started(graph, Value::record([("n", 3.into())]))
}

fn cancel() -> Event {
    Event::CancelRequested { by: "operator".into() }
}

fn late(address: &str) -> Event {
    Event::DeadlinePassed { address: at(address) }
}

/// Plays rows of an event and the effects that it must give; the first is what the start gives.
pub(super) fn tells(graph: &Arc<Graph>, start: &str, rows: &[(Event, &str)]) {
    let rows: Vec<_> = [(go(graph), start)].into_iter().chain(rows.iter().cloned()).collect();
    plays(graph, Value::record([("n", 3.into())]), &rows);
}

const LOOP: &str = r#"
  a:
    loop: { max: 3, while: "n < input.n", until: "b == 'enough'" }
    carry: { n: 0 }
    do: { b: { type: step, with: { n: "${n}", at: "${index}" } } }
    next: { n: "${n + 1}" }
    out: { n: "${n}", last: "${b}" }"#;

#[test]
fn a_loop_carries_its_variables_until_a_condition_or_its_bound_ends_it() {
    let g = flow(LOOP, "a");
    let rows = [
        (ok("a[0].b", 1, 1), "a[1].b#1"),
        (ok("a[1].b", 1, 2), "a[2].b#1"),
        (ok("a[2].b", 1, 3), r#"done {"v":{"n":3,"last":3}}"#),
    ];
    tells(&g, "a[0].b#1", &rows);
    let enough = [(ok("a[0].b", 1, "enough"), r#"done {"v":{"n":1,"last":"enough"}}"#)];
    tells(&g, "a[0].b#1", &enough);
    // Not even once; a node that never ran is nothing.
    let none = flow(&LOOP.replace("n < input.n", "n > input.n"), "a");
    tells(&none, r#"done {"v":null}"#, &[]);
    // The failure of an iteration is that of the loop.
    let fails = [
        (ok("a[0].b", 1, 1), "a[1].b#1"),
        (failed("a[1].b", 1, Permanent), "failed a[1].b permanent"),
    ];
    tells(&g, "a[0].b#1", &fails);
    let short = LOOP.replace("max: 3", "max: 1, on_max: fail");
    tells(&flow(&short, "a"), "a[0].b#1", &[(ok("a[0].b", 1, 1), "failed a limit")]);
}

const BRANCHES: &str = r#"
  a:
    FORM:
      x: { do: { b: { type: step } }, out: "${b}" }
      y: { do: { b: { type: step } }, out: "${b}" }"#;

#[test]
fn parallel_branches_give_a_record_and_fail_together() {
    let g = flow(&BRANCHES.replace("FORM", "parallel"), "a");
    let both = [(ok("a[1].b", 1, 2), ""), (ok("a[0].b", 1, 1), r#"done {"v":{"x":1,"y":2}}"#)];
    tells(&g, "a[0].b#1, a[1].b#1", &both);
    let fails = [
        (failed("a[1].b", 1, Denied), "cancel a[0].b"),
        (failed("a[0].b", 1, Cancelled), "failed a[1].b denied"),
    ];
    tells(&g, "a[0].b#1, a[1].b#1", &fails);
    let skip = BRANCHES.replace("FORM", "parallel") + "\n    on_branch_error: skip";
    let skipped =
        [(failed("a[1].b", 1, Denied), ""), (ok("a[0].b", 1, 1), r#"done {"v":{"x":1,"y":null}}"#)];
    tells(&flow(&skip, "a"), "a[0].b#1, a[1].b#1", &skipped);
}

#[test]
fn a_race_is_won_by_the_first_success_and_the_others_are_awaited() {
    let g = flow(&BRANCHES.replace("FORM", "race"), "a");
    let won = [
        (ok("a[1].b", 1, 2), "cancel a[0].b"),
        // It came in after all, and changes nothing.
        (ok("a[0].b", 1, 1), r#"done {"v":2}"#),
    ];
    tells(&g, "a[0].b#1, a[1].b#1", &won);
    let second = [(failed("a[1].b", 1, Denied), ""), (ok("a[0].b", 1, 1), r#"done {"v":1}"#)];
    tells(&g, "a[0].b#1, a[1].b#1", &second);
    let lost = [
        (failed("a[1].b", 1, Denied), ""),
        (failed("a[0].b", 1, Permanent), "failed a[1].b denied"),
    ];
    tells(&g, "a[0].b#1, a[1].b#1", &lost);
}

const BOOK: &str = r#"
  book:
    try:
      seat: { type: once, compensate: { type: step, with: { id: "${seat}" } } }
      room: { type: once, compensate: { type: step, with: { id: "${room}" } } }
      pay: { type: once, after: [seat, room] }
    catch:
      - { code: [transient, denied], do: { note: { type: step, with: { why: "${error.code}" } } }, out: "${note}" }
    finally: { bye: { type: step } }
    cleanup: 9s
    out: ${pay}"#;

/// Both steps have succeeded, `room` before `seat`.
fn booked() -> Vec<(Event, &'static str)> {
    vec![
        (intent("book[0].room", 1), ""),
        (intent("book[0].seat", 1), ""),
        (ok("book[0].room", 1, 7), ""),
        (ok("book[0].seat", 1, 8), "book[0].pay#1"),
        (intent("book[0].pay", 1), ""),
    ]
}

#[test]
fn a_try_undoes_its_steps_in_the_reverse_order_of_their_success() {
    let g = flow(BOOK, "book");
    let start = "book[0].room#1, book[0].seat#1";
    let well =
        [(ok("book[0].pay", 1, 1), "book[2].bye#1"), (ok("book[2].bye", 1, 0), r#"done {"v":1}"#)];
    tells(&g, start, &[booked(), well.to_vec()].concat());
    let caught = [
        (failed("book[0].pay", 1, Denied), "book[0].seat[0].compensate#1"),
        (ok("book[0].seat[0].compensate", 1, 0), "book[0].room[0].compensate#1"),
        (ok("book[0].room[0].compensate", 1, 0), "book[1].note#1"),
        (ok("book[1].note", 1, "later"), "book[2].bye#1"),
        (ok("book[2].bye", 1, 0), r#"done {"v":"later"}"#),
    ];
    tells(&g, start, &[booked(), caught.to_vec()].concat());
    let uncaught = [
        (failed("book[0].pay", 1, Permanent), "book[0].seat[0].compensate#1"),
        (ok("book[0].seat[0].compensate", 1, 0), "book[0].room[0].compensate#1"),
        (ok("book[0].room[0].compensate", 1, 0), "book[2].bye#1"),
        (ok("book[2].bye", 1, 0), "failed book[0].pay permanent"),
    ];
    tells(&g, start, &[booked(), uncaught.to_vec()].concat());
}

#[test]
fn a_step_that_cannot_be_undone_is_no_failure_that_a_handler_makes_good() {
    let stuck = [
        (failed("book[0].pay", 1, Denied), "book[0].seat[0].compensate#1"),
        (failed("book[0].seat[0].compensate", 1, Transient), "book[0].room[0].compensate#1"),
        (ok("book[0].room[0].compensate", 1, 0), "book[2].bye#1"),
        (ok("book[2].bye", 1, 0), "failed book[0].seat[0].compensate permanent"),
    ];
    tells(
        &flow(BOOK, "book"),
        "book[0].room#1, book[0].seat#1",
        &[booked(), stuck.to_vec()].concat(),
    );
}

#[test]
fn cleaning_up_goes_on_when_the_run_is_cancelled_for_so_long() {
    let g = flow(BOOK, "book");
    let start = "book[0].room#1, book[0].seat#1";
    let first = [
        (cancel(), "cancel book[0].pay"),
        (failed("book[0].pay", 1, Cancelled), "cleanup book 9000, book[0].seat[0].compensate#1"),
    ];
    let first = [booked(), first.to_vec()].concat();
    let done = [
        (ok("book[0].seat[0].compensate", 1, 0), "book[0].room[0].compensate#1"),
        (ok("book[0].room[0].compensate", 1, 0), "book[2].bye#1"),
        (ok("book[2].bye", 1, 0), "cancelled"),
        // Nothing is left that could be too late.
    ];
    tells(&g, start, &[first.clone(), done.to_vec()].concat());
    let too_late = [
        (late("book"), "cancel book[0].seat[0].compensate"),
        (failed("book[0].seat[0].compensate", 1, Cancelled), "cancelled"),
    ];
    tells(&g, start, &[first.clone(), too_late.to_vec()].concat());
    // Another process goes on with it, and has the whole time again.
    let taken_over = [
        (resumed(), "cleanup book 9000, book[0].seat[0].compensate#1"),
        (ok("book[0].seat[0].compensate", 1, 0), "book[0].room[0].compensate#1"),
    ];
    tells(&g, start, &[first, taken_over.to_vec()].concat());
}

const JOINS: &str = r#"
  a: { type: step }
  b: { type: step }
  c: { type: step }
  d: { type: step, JOIN, with: { x: "${[has(a), has(b), has(c)]}" } }"#;

#[test]
fn joins_that_do_not_wait_for_all() {
    let g = flow(&JOINS.replace("JOIN", "join: n_of(2)"), "d");
    let two = [
        (ok("b", 1, 0), ""),
        (ok("a", 1, 0), "d#1"),
        (ok("d", 1, 4), ""),
        (ok("c", 1, 0), r#"done {"v":4}"#),
    ];
    tells(&g, "a#1, b#1, c#1", &two);
    let g = flow(&JOINS.replace("JOIN", "join: first_success"), "d");
    let one_left = [
        (failed("a", 1, Denied), ""),
        (failed("c", 1, Denied), ""),
        (ok("b", 1, 0), "d#1"),
        (ok("d", 1, 4), r#"done {"v":4}"#),
    ];
    tells(&g, "a#1, b#1, c#1", &one_left);
    let none_left = [
        (failed("a", 1, Denied), ""),
        (failed("c", 1, Denied), ""),
        (failed("b", 1, Permanent), "failed d permanent"),
    ];
    tells(&g, "a#1, b#1, c#1", &none_left);
}
