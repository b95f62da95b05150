//! Stored runs as people ask for them: what does not fit another version, what cannot be cut, where to stop.

use std::sync::Arc;

use cleargate_flow::event::EVENT_VERSION;
use cleargate_flow::history::{
    Breakpoint, Cut, Steps, SubRun, cut, fit, fit_kept, is_later, sub_runs,
};
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
        let cut = cut(&Cut {
            from,
            to,
            old,
            new,
            journal,
            at: &at,
            set: &set,
            inside: &[],
            input: None,
            parent: None,
        });
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
fn what_a_fork_keeps_fits_though_what_it_does_anew_does_not() {
    let old = graph(FLOW);
    // `last` is asked for with another input, and is of another type: it was begun, and begins anew.
    for (from, to) in [
        ("text: \"${other.text}\" }, after", "text: \"${other.text}!\" }, after"),
        (
            "last: { type: upper, with: { text: \"${other.text}\" }",
            "last: { type: template, text: \"y\"",
        ),
    ] {
        let text = FLOW.replace(from, to);
        assert_ne!(text, FLOW);
        let journal = journal(&old, 4);
        assert_ne!(fit(&id(), &old, &graph(&text), &journal), [], "{to}");
        assert_eq!(fit_kept(&id(), &old, &graph(&text), &journal), [], "{to}");
    }
    // What has its value counts, and the blocks around it.
    for (answers, from, to, place) in [
        (4, "first", "begin", "first"),
        (3, "[1, 2]", "[3, 4]", "each[0].one"),
        (3, "write: { seen: 1 }", "write: { seen: 2 }", "state.seen"),
    ] {
        let found = fit_kept(&id(), &old, &graph(&FLOW.replace(from, to)), &journal(&old, answers));
        assert!(found.iter().any(|unfit| unfit.place == place), "{to}: {found:?}");
    }
}

#[test]
fn a_sub_flow_goes_on_only_with_the_input_that_it_had() {
    let graph = graph(FLOW);
    let journal = journal(&graph, 9);
    let tried = |at: &str, inside: &[&str], text: Option<&str>| {
        let places =
            |of: &[&str]| of.iter().map(|at| at.parse().unwrap()).collect::<Vec<Address>>();
        let at = if at.is_empty() { Vec::new() } else { places(&[at]) };
        let parent = Some(("above".parse().unwrap(), "sub".parse::<Address>().unwrap()));
        let kept = cut(&Cut {
            from: &graph,
            to: &graph,
            old: &id(),
            new: &id(),
            journal: &journal,
            at: &at,
            inside: &places(inside),
            set: &IndexMap::new(),
            input: text.map(|text| Value::record([("text", Value::from(text))])),
            parent: parent.clone(),
        });
        let kept = kept.map_err(|error| error.to_string())?;
        assert!(matches!(&kept.events[0], Event::RunStarted { parent: of, .. } if *of == parent));
        let asked = kept.asked.iter().map(|(at, attempt)| format!("{at} {attempt}"));
        Ok::<_, String>(asked.collect::<Vec<_>>().join(", "))
    };
    assert_eq!(tried("", &["each[0].one"], None).unwrap(), "each[0].one 1");
    assert_eq!(
        tried("", &["each[0].one", "each[1].one"], None).unwrap(),
        "each[0].one 1, each[1].one 1"
    );
    assert_eq!(tried("other", &["each[0].one"], None).unwrap(), "each[0].one 1, other 1");
    let why = tried("first", &["each[0].one"], None).unwrap_err();
    assert!(
        why.contains("inside of `each[0].one` cannot go on") && why.contains("depends on another"),
        "{why}"
    );
    let why = tried("", &["first"], Some("else")).unwrap_err();
    assert!(why.contains("is given something else"), "{why}");
    // What is asked for with another input than it was is no part of what goes on.
    assert_eq!(tried("other", &[], Some("else")).unwrap(), "other 1");
}

#[test]
fn the_runs_inside_of_a_run_are_found_with_the_runs_that_they_belong_to() {
    let graph = graph(FLOW);
    let mut journal = journal(&graph, 4);
    let subs = |journal: &[Event]| {
        let subs = sub_runs(&graph, &id(), journal, |uses| uses == "upper").unwrap();
        let told = |sub: &SubRun| {
            let open = if sub.answered { "" } else { " open" };
            format!("{} {}{open}", sub.address, sub.around)
        };
        subs.iter().map(told).collect::<Vec<_>>().join(", ")
    };
    assert_eq!(subs(&journal), "first r1, other r1, each[0].one r1, each[1].one r1, last r1 open");
    // What stands before a `forked` was done by the run that it names, and by nobody after it.
    let forked = |from: &str| Event::Forked {
        from: from.parse().unwrap(),
        places: Vec::new(),
        set: Vec::new(),
    };
    journal.insert(4, forked("r3"));
    journal.insert(2, forked("r2"));
    assert_eq!(subs(&journal), "first r2, other r3, each[0].one r3, each[1].one r1, last r1 open");
    assert_eq!(sub_runs(&graph, &id(), &journal, |_| false).unwrap(), []);
}

#[test]
fn what_comes_later_in_a_loop_follows_from_what_came_before() {
    let graph = graph(
        "cleargate: 1\nflow: rounds\nnodes:\n  each:\n    map: \"${[1, 2]}\"\n    as: n\n    max: 2\n    do:\n      \
         turns:\n        loop: { max: 2 }\n        carry: { last: \"${n}\" }\n        \
         do: { one: { type: upper, with: { text: \"x\" } } }\n        next: { last: \"${last + 1}\" }\n        \
         out: \"${last}\"\n    out: \"${turns}\"\noutput: { all: \"${each}\" }\n",
    );
    for (address, than, later) in [
        ("each[0].turns[1].one", "each[0].turns[0].one", true),
        ("each[0].turns[0].one", "each[0].turns[1].one", false),
        ("each[1].turns[1].one", "each[0].turns[0].one", false),
        ("each[0].turns[1].one", "each[0].turns[1].one", false),
    ] {
        let (address, than) = (address.parse().unwrap(), than.parse().unwrap());
        assert_eq!(is_later(&graph, &address, &than), later, "{address} {than}");
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
