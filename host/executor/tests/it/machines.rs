//! Machines, driven by letters and by time: which state comes next, what it does, and what a process that died leaves to
//! the one after it.

use std::sync::Arc;
use std::time::Duration;

use cleargate_executor::{End, ManualClock, testing};
use cleargate_flow::{Graph, Outcome, RunId, Value};
use cleargate_store::{Letter, MemoryStore, Says, Store};

use crate::world::{Process, TYPES};

fn machine(states: &str, more: &str) -> Arc<Graph> {
    let text = format!(
        "cleargate: 1\nflow: test\noutput: {{ out: \"${{m}}\" }}\n\
         events: {{ go: {{ n: int }}, stop: {{}} }}\n{more}nodes:\n  m:\n    machine:\n      \
         start: one\n      max: 9\n      carry: {{ sum: 0 }}\n{states}"
    );
    testing::graph(&text, &TYPES)
}

/// Drives a run to its end, in a new process after each letter, and an hour at a time without one.
async fn told(flow: &Arc<Graph>, letters: &[(&str, i64)]) -> Outcome {
    let (store, clock) = (Arc::<MemoryStore>::default(), ManualClock::at(1_000));
    let ledger = Arc::default();
    let run: RunId = "run-1".parse().unwrap();
    let mut letters = letters.iter().enumerate();
    for life in 0.. {
        assert!(life < 40, "the machine does not end");
        let owner = format!("process-{life}");
        let process =
            Process::on(store.clone(), &owner, Arc::clone(&ledger), clock.clone(), |config| {
                config.linger = Some(Duration::from_secs(5));
            });
        let handle = match store.run(&run).await.unwrap() {
            None => process.start(flow).await,
            Some(_) => process.resume(&run, flow).await.unwrap(),
        };
        match handle.outcome().await {
            End::Finished(outcome) => return outcome,
            End::Waiting => {}
            other => panic!("{other:?}"),
        }
        match letters.next() {
            Some((at, (name, n))) => {
                let payload = Value::record([("n", Value::Int(*n))]);
                let says = Says::Signal { name: (*name).into(), payload };
                let letter =
                    Letter { run: run.clone(), id: at.to_string(), by: "a".into(), at: 7, says };
                process.executor.post(&letter).await.unwrap();
            }
            None => clock.advance(3_600_000),
        }
    }
    unreachable!("it ends before")
}

#[tokio::test]
async fn the_first_way_that_fits_is_taken() {
    let flow = machine(
        "      states:\n        one:\n          events:\n            go:\n              \
         - { to: two, when: event.n > 5, set: { sum: \"${sum + event.n}\" } }\n              \
         - { to: one, set: { sum: \"${sum + 1}\" } }\n            stop: none\n          after: { 1d: late }\n        \
         two:\n          enter: { a: { type: idem, with: { v: \"${sum}\" } } }\n          \
         to: [{ to: done, when: a > 7 }, { to: one, set: { sum: 100 } }]\n        \
         done: { end: true }\n        none: { end: true }\n        late: { end: true }\n",
        "",
    );
    for (letters, at, sum) in [
        (&[("go", 8)][..], "done", 8),
        (&[("go", 1), ("go", 2), ("go", 9)], "done", 11),
        (&[("go", 6), ("go", 7)], "done", 107),
        (&[("go", 1), ("stop", 0)], "none", 1),
        (&[("go", 1)], "late", 1),
        (&[], "late", 0),
    ] {
        let out = Value::record([("at", Value::from(at)), ("sum", Value::Int(sum))]);
        let expected = Outcome::Succeeded { output: Value::record([("out", out)]) };
        assert_eq!(told(&flow, letters).await, expected, "{letters:?}");
    }
    let many = vec![("go", 1); 12];
    let Outcome::Failed { error, .. } = told(&flow, &many).await else {
        panic!("nothing bounds it")
    };
    assert_eq!(error.code.as_str(), "limit", "{error}");
}

#[tokio::test]
async fn what_is_under_way_ends_when_its_state_is_left() {
    let flow = machine(
        "      states:\n        one:\n          enter: { a: { type: idem, with: { v: 3 } } }\n          \
         do: { b: { wait: { for: 10h } }, c: { after: b, type: idem, with: { v: 4 } } }\n          \
         to: { to: done, set: { sum: \"${a + c}\" } }\n          events: { stop: gone }\n        \
         gone: { enter: { d: { type: once, with: { v: 1 } } }, end: true }\n        done: { end: true }\n",
        "",
    );
    for (letters, at, sum) in [(&[][..], "done", 7), (&[("stop", 0)], "gone", 0)] {
        let out = Value::record([("at", Value::from(at)), ("sum", Value::Int(sum))]);
        let expected = Outcome::Succeeded { output: Value::record([("out", out)]) };
        assert_eq!(told(&flow, letters).await, expected, "{letters:?}");
    }
}

/// Two regions side by side, and a machine inside that goes on where it was when its state is entered again.
#[tokio::test]
async fn regions_stand_side_by_side_and_history_is_kept() {
    let region = |name: &str| {
        let states =
            "{ off: { events: { go: on } }, on: { events: { go: out } }, out: { end: true } }";
        let machine = format!("{{ start: off, max: 5, history: {name}, states: {states} }}");
        format!("{name}: {{ do: {{ r: {{ machine: {machine} }} }}, out: \"${{r.at}}\" }}")
    };
    let states = format!(
        "      states:\n        one:\n          do: {{ both: {{ parallel: {{ {}, {} }} }} }}\n          \
         to: {{ to: done, set: {{ sum: 1 }} }}\n          events: {{ stop: pause }}\n        \
         pause: {{ after: {{ 1h: one }} }}\n        done: {{ end: true }}\n",
        region("left"),
        region("right"),
    );
    let channels =
        "state: { left: { type: string, default: off }, right: { type: string, default: off } }\n";
    let flow = machine(&states, channels);
    let out = Value::record([("at", Value::from("done")), ("sum", Value::Int(1))]);
    let done = Outcome::Succeeded { output: Value::record([("out", out)]) };
    // Two moves of each region, with a pause between them that forgets nothing.
    let letters = [("go", 1), ("go", 1), ("stop", 0), ("go", 1), ("go", 1)];
    assert_eq!(told(&flow, &letters).await, done);
}
