//! Bounds on the time of blocks: what they reach, what they leave alone, and what comes after them.

use super::blocks::{flow, framed, tells};
use super::fixture::*;
use crate::error::ErrorCode::*;
use crate::event::Event;

fn late(address: &str) -> Event {
    Event::DeadlinePassed { address: at(address) }
}

fn silent(address: &str) -> Event {
    Event::IdlePassed { address: at(address) }
}

/// Blocks with one step `b` under way in them, whose bound is a second, as `FORM` with `BOUND`.
const FORMS: [&str; 5] = [
    "{ map: \"[1]\", BOUND, do: { b: { type: step } }, out: \"${b}\" }",
    "{ loop: { max: 1 }, BOUND, do: { b: { type: step } }, out: \"${b}\" }",
    "{ parallel: { x: { do: { b: { type: step } } }, y: { do: { c: { wait: { event: e } } } } }, BOUND }",
    "{ race: { x: { do: { b: { type: step } } }, y: { do: { c: { wait: { event: e } } } } }, BOUND }",
    "{ switch: [ { else: null, do: { b: { type: step } } } ], BOUND }",
];

#[test]
fn a_bound_stops_what_is_inside_a_block_and_fails_it() {
    for form in FORMS {
        for (bound, over) in [("deadline", late("a")), ("idle", silent("a"))] {
            let form = form.replace("BOUND", &format!("{bound}: 1s"));
            let g = flow(&format!("  a: {form}"), "a");
            let listens = if form.contains("wait") { ", listen e a[1].c" } else { "" };
            let rest = [
                (over.clone(), "cancel a[0].b"),
                (over.clone(), ""),
                (ok("a[0].b", 1, 1), "failed a timeout"),
            ];
            tells(&g, &format!("{bound} a 1000, a[0].b#1{listens}"), &rest);
            // Another process goes on, and knows of the bound.
            let resumes = if form.contains("wait") { ", listen e a[1].c" } else { "" };
            let again = format!("{bound} a 1000, a[0].b#1{resumes}");
            tells(&g, &again, &[(resumed(), &again), (over, "cancel a[0].b")]);
        }
    }
}

#[test]
fn a_block_that_is_over_is_never_late() {
    let g = flow("  a: { map: \"[]\", deadline: 1s, do: { b: { type: step } }, out: 1 }", "a");
    tells(&g, r#"deadline a 1000, done {"v":[]}"#, &[(late("a"), "")]);
    // Who has won waits for the others, however long they take.
    let race =
        FORMS[3].replace("BOUND", "deadline: 1s").replace("wait: { event: e }", "type: step");
    let won = [
        (ok("a[0].b", 1, 1), "cancel a[1].c"),
        (late("a"), ""),
        (failed("a[1].c", 1, Cancelled), r#"done {"v":null}"#),
    ];
    tells(&flow(&format!("  a: {race}"), "a"), "deadline a 1000, a[0].b#1, a[1].c#1", &won);
}

const TRY: &str = r#"
  a:
    try: { b: { type: step, compensate: { type: step } }, c: { type: step, after: b } }
    catch: { code: timeout, do: { d: { type: step } }, out: "${d}" }
    finally: { e: { type: step } }
    deadline: 1s
    cleanup: 5s"#;

#[test]
fn the_bound_of_a_try_is_for_what_it_tries() {
    let g = flow(TRY, "a");
    let start = "deadline a 1000, a[0].b#1";
    let handled = [
        (ok("a[0].b", 1, 1), "a[0].c#1"),
        (late("a"), "cancel a[0].c"),
        (failed("a[0].c", 1, Cancelled), "a[0].b[0].compensate#1"),
        (late("a"), ""),
        (ok("a[0].b[0].compensate", 1, 1), "a[1].d#1"),
        (late("a"), ""),
        (ok("a[1].d", 1, 4), "a[2].e#1"),
        (ok("a[2].e", 1, 1), r#"done {"v":4}"#),
    ];
    tells(&g, start, &handled);
    // Whoever is stopped cleans up for so long, whatever the deadline was.
    let stopped = [
        (ok("a[0].b", 1, 1), "a[0].c#1"),
        (Event::CancelRequested { by: "operator".into() }, "cancel a[0].c"),
        (failed("a[0].c", 1, Cancelled), "cleanup a 5000, a[0].b[0].compensate#1"),
        (late("a"), "cancel a[0].b[0].compensate"),
        (failed("a[0].b[0].compensate", 1, Cancelled), "cancelled"),
    ];
    tells(&g, start, &stopped);
}

#[test]
fn a_block_around_stops_a_block_inside_with_its_nodes() {
    let nodes = r#"
  a:
    deadline: 1s
    map: "[1, 2]"
    concurrency: 2
    on_item_error: collect
    do: { b: { try: { c: { type: step }, w: { type: human, form: { y: bool } } }, idle: 500ms } }
    out: 1"#;
    let rows = [
        (silent("a[1].b"), "cancel a[1].b[0].c"),
        (late("a"), "cancel a[0].b[0].c"),
        (failed("a[1].b[0].c", 1, Cancelled), ""),
        (failed("a[0].b[0].c", 1, Cancelled), "failed a timeout"),
    ];
    let start = "deadline a 1000, idle a[0].b 500, idle a[1].b 500, a[0].b[0].c#1, \
                 ask [] a[0].b[0].w, a[1].b[0].c#1, ask [] a[1].b[0].w";
    tells(&flow(nodes, "a"), start, &rows);
}

const HOOKS: &str = r#"
hooks:
  before: { b: { type: step } }
  after: { a: { type: step, with: { of: "${output.x}" } } }
  on_error: { e: { type: step } }
  finally: { f: { type: step } }
deadline: 1s"#;

const STEPS: &str = r#"
  way: { switch: [ { when: "input.n > 5", to: y } ] }
  y: { type: step }
  x: { try: { s: { type: step, compensate: { type: step } } }, out: "${s}" }
  z: { type: step, after: x }"#;

#[test]
fn hooks_of_a_flow_run_around_it_and_leave_its_output_alone() {
    let g = framed(HOOKS, STEPS, r#"x: "${x}", y: "${y}", z: "${z}""#);
    let begun = [
        (ok("flow[0].b", 1, 0), "deadline flow[0].output 1000, flow[0].output[0].x[0].s#1"),
        (ok("flow[0].output[0].x[0].s", 1, 1), "flow[0].output[0].z#1"),
    ];
    let well = [
        (ok("flow[0].output[0].z", 1, 2), "flow[0].a#1"),
        (ok("flow[0].a", 1, 0), "flow[2].f#1"),
        // What a skipped node would have said is nothing, and the rest is there.
        (ok("flow[2].f", 1, 0), r#"done {"x":1,"y":null,"z":2}"#),
    ];
    tells(&g, "flow[0].b#1", &[begun.to_vec(), well.to_vec()].concat());
    // Nothing is undone that stands without the hooks.
    let late = [
        (late("flow[0].output"), "cancel flow[0].output[0].z"),
        (failed("flow[0].output[0].z", 1, Cancelled), "flow[1].e#1"),
        (ok("flow[1].e", 1, 0), "flow[2].f#1"),
        (ok("flow[2].f", 1, 0), "failed flow[0].output timeout"),
    ];
    tells(&g, "flow[0].b#1", &[begun.to_vec(), late.to_vec()].concat());
    let cancelled = [
        (Event::CancelRequested { by: "operator".into() }, "cancel flow[0].output[0].z"),
        (failed("flow[0].output[0].z", 1, Cancelled), "cleanup flow 60000, flow[2].f#1"),
        (ok("flow[2].f", 1, 0), "cancelled"),
    ];
    tells(&g, "flow[0].b#1", &[begun.to_vec(), cancelled.to_vec()].concat());
    let before = [(failed("flow[0].b", 1, Denied), "flow[1].e#1")];
    tells(&g, "flow[0].b#1", &before);
}
