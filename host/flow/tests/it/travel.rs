//! Stored runs as people ask for them: what does not fit another version, what cannot be cut, where to stop.

use std::sync::Arc;

use cleargate_flow::event::EVENT_VERSION;
use cleargate_flow::history::{Breakpoint, Cut, Steps, cut, fit};
use cleargate_flow::run::{Effect, Run};
use cleargate_flow::{Address, Event, Graph, Record, RunId, Usage, Value};
use indexmap::IndexMap;

use crate::sample::checked;

const FLOW: &str = "\
cleargate: 1
flow: moved
input: { text: string }
state: { seen: { type: int, reducer: sum } }
nodes:
  first: { type: upper, with: { text: \"${input.text}\" }, write: { seen: 1 } }
  each:
    map: \"${[1, 2]}\"
    as: n
    max: 2
    concurrency: 2
    do: { one: { type: upper, with: { text: \"${first.text}${n}\" } } }
    out: ${one.text}
  other: { type: upper, with: { text: \"x\" } }
  last: { type: upper, with: { text: \"${other.text}\" }, after: [each] }
output: { text: \"${last.text}\" }
";

fn graph(text: &str) -> Arc<Graph> {
    let checked = checked(text);
    Arc::new(checked.graph.unwrap_or_else(|| panic!("{:?}\n{text}", checked.findings)))
}

fn id() -> RunId {
    "r1".parse().expect("an id")
}

/// A journal with so many answers: each attempt says its address.
fn journal(graph: &Arc<Graph>, answers: usize) -> Vec<Event> {
    let mut run = Run::new(graph.clone(), &id());
    let mut journal = vec![Event::RunStarted {
        flow: graph.id.clone(),
        hash: graph.hash.clone(),
        input: Value::record([("text", Value::from("t"))]),
        parent: None,
        v: EVENT_VERSION,
    }];
    let (mut folded, mut asked, mut answered) = (0, std::collections::VecDeque::new(), 0);
    while let Some(event) = journal.get(folded) {
        for effect in run.apply(event).expect("it follows").effects {
            match effect {
                Effect::Perform(attempt) => asked.push_back(attempt),
                Effect::Finish(outcome) => journal.push(Event::RunFinished { outcome }),
                other => panic!("{other:?}"),
            }
        }
        folded += 1;
        if folded == journal.len() && answered < answers {
            let Some(attempt) = asked.pop_front() else { continue };
            answered += 1;
            let (address, usage) = (attempt.address, Usage::default());
            let output = Value::record([("text", Value::from(address.to_string()))]);
            journal.push(Event::AttemptSucceeded { address, attempt: 1, output, usage });
        }
    }
    journal
}

/// Answers that the run has had, what is written otherwise and how, and what is told of it: place and words.
type Row = (usize, &'static str, &'static str, &'static [(&'static str, &'static str)]);

#[test]
fn what_does_not_fit_is_told_exactly_and_what_was_not_reached_may_be_anything() {
    let old = graph(FLOW);
    let rows: &[Row] = &[
        (3, "", "", &[]),
        // Not reached: gone, new, or of another kind.
        (
            3,
            "  last: { type: upper, with: { text: \"${other.text}\" }, after: [each] }\n",
            "  last: { type: template, text: \"new\" }\n",
            &[],
        ),
        (3, "nodes:\n", "nodes:\n  more: { type: upper, with: { text: \"y\" } }\n", &[]),
        (3, "max: 2\n", "max: 9\n", &[]),
        // Reached.
        (3, "first", "begin", &[("first", "it is not there any more")]),
        (
            3,
            "first: { type: upper",
            "first: { type: template, text: x",
            &[("first", "it was of type `upper` and is of type `template`")],
        ),
        (1, "${input.text}", "${input.text}!", &[("first", "its input would be another one now")]),
        (
            3,
            "text: \"x\" }",
            "text: \"x\" }, after: [first]",
            &[("other", "it waits for `first` (its end) now")],
        ),
        (4, ", after: [each]", "", &[("last", "it does not wait for `each` (its end) any more")]),
        (
            4,
            "out: ${one.text}",
            "out: \"${one.text}!\"",
            &[("each", "its value would be another one now")],
        ),
        (4, "as: n\n", "as: n\n    on_item_error: skip\n", &[]),
        (
            3,
            "write: { seen: 1 }",
            "write: { seen: 2 }",
            &[("state.seen", "it would hold something else now")],
        ),
        (0, "input: { text: string }", "input: { text: \"enum(a, b)\" }", &[("input", "/text")]),
        (
            0,
            "input: { text: string }",
            "input: { text: string, more: { type: int, default: 1 } }",
            &[("input", "the run has no value for more")],
        ),
        (0, "flow: moved", "flow: elsewhere", &[("input", "it is another flow")]),
        (4, "max: 2\n", "max: 1\n", &[("each", "")]),
    ];
    for (answers, from, to, expected) in rows {
        let text = if from.is_empty() { FLOW.to_owned() } else { FLOW.replace(from, to) };
        assert!(from.is_empty() || text != FLOW, "{from}");
        let found = fit(&id(), &old, &graph(&text), &journal(&old, *answers));
        assert_eq!(found.is_empty(), expected.is_empty(), "{to}: {found:#?}");
        for (place, why) in *expected {
            let told =
                found.iter().any(|unfit| unfit.place.starts_with(place) && unfit.why.contains(why));
            assert!(told, "no `{place}`: {why} in {found:#?}");
        }
    }
}

#[test]
fn a_cut_says_what_it_cannot_do() {
    let graph = graph(FLOW);
    let journal = journal(&graph, 9);
    let address = |text: &str| text.parse::<Address>().unwrap();
    let tried = |at: &[&str], set: &[&str], answers: usize| {
        let at: Vec<Address> = at.iter().map(|text| address(text)).collect();
        let value = || Value::record([("text", Value::from("given"))]);
        let set: IndexMap<Address, Value> =
            set.iter().map(|text| (address(text), value())).collect();
        let id = id();
        let (from, to, old, new) = (&graph, &graph, &id, &id);
        let journal = &journal[..journal.len().min(answers + 1)];
        let cut = cut(&Cut { from, to, old, new, journal, at: &at, set: &set, input: None });
        cut.map(|kept| kept.settled.iter().map(ToString::to_string).collect::<Vec<_>>().join(" "))
            .map_err(|error| error.to_string())
    };
    for (at, set, answers, expected) in [
        (&["first"][..], &[][..], 9, Ok("other")),
        (&["last"], &[], 9, Ok("first other each[0].one each[1].one")),
        (&["each[0].one"], &[], 9, Ok("first other each[1].one")),
        (&["each[1]"], &[], 9, Ok("first other each[0].one")),
        (&["each.one"], &[], 9, Ok("first other")),
        (&["each"], &[], 9, Ok("first other")),
        (&[], &["other"], 9, Ok("other first each[0].one each[1].one")),
        (&["nope"], &[], 9, Err("there are each, first, last, other")),
        (&["each[0].two"], &[], 9, Err("no node `two` in `each[0]`")),
        (&["each[7].one"], &[], 9, Err("did not come to `each[7].one`")),
        (&["last"], &[], 2, Err("did not come to `last`")),
        (&[], &["each"], 9, Err("`each` cannot be given a value")),
    ] {
        let found = tried(at, set, answers);
        match (&found, expected) {
            (Ok(kept), Ok(expected)) => assert_eq!(kept, expected, "{at:?} {set:?}"),
            (Err(why), Err(expected)) => assert!(why.contains(expected), "{at:?} {set:?}: {why}"),
            _ => panic!("{at:?} {set:?}: {found:?}"),
        }
    }
}

#[test]
fn breakpoints_stop_where_they_are_true_in_both_directions() {
    let graph = graph(FLOW);
    let records = journal(&graph, 9).into_iter().enumerate();
    let records = records.map(|(seq, event)| Record { seq: seq as u64, at: 0, event }).collect();
    let mut steps = Steps::new(&graph, &id(), records).unwrap();
    let at = |text: &str| vec![Breakpoint::parse(text).unwrap()];
    let ones = at("node.path == \"each.one\" && node.status == \"succeeded\"");
    assert!(steps.run(&ones).is_some());
    let first = steps.at();
    assert!(steps.run(&ones).is_some() && steps.at() > first);
    assert!(steps.run(&ones).is_none() && steps.at() == steps.records().len());
    assert!(steps.run_back(&ones).is_some() && steps.run_back(&ones).is_some());
    assert_eq!(steps.at(), first);
    assert_eq!(steps.state(), Value::record([("seen", Value::Int(1))]));
    assert!(steps.run_back(&ones).is_none() && steps.at() == 0 && steps.nodes().is_empty());
    // By event, by value, and what cannot be asked of a record, which is not true.
    for (text, stops) in [
        ("event.event == \"run_finished\"", true),
        ("value.text == \"last\"", true),
        ("value.gone > 1", false),
        ("node.items == 2", true),
        ("node.before == \"waiting\" && node.status == \"running\"", true),
    ] {
        steps.go(0);
        assert_eq!(steps.run(&at(text)).is_some(), stops, "{text}");
    }
    for (text, why) in [("nope == 1", "there is no `nope`"), ("node.id ==", "")] {
        let refused = Breakpoint::parse(text).unwrap_err();
        assert!(refused.contains(why), "{refused}");
    }
}
