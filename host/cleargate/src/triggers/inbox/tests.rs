//! Every crash that can happen, one after the other.

use std::collections::BTreeSet;

use super::*;

fn event(id: &str) -> Event {
    Event { id: id.into(), input: Value::empty() }
}

/// A queue that gives its events by their number, a store of runs, and a process that may end before any of its steps.
#[derive(Default)]
struct World {
    /// What the store holds.
    kept: Kept,
    /// Runs by the keys that started them: the same key finds the same run.
    runs: BTreeMap<String, String>,
    ended: BTreeSet<String>,
    /// How often each event was answered.
    replies: BTreeMap<String, u32>,
    /// Steps until the process ends.
    left: u32,
}

const EVENTS: [&str; 5] = ["a", "b", "c", "d", "e"];

/// The process has ended.
struct Crash;

impl World {
    fn step(&mut self) -> Result<(), Crash> {
        self.left = self.left.checked_sub(1).ok_or(Crash)?;
        Ok(())
    }

    fn poll(&self, cursor: Option<String>, limit: usize) -> Batch {
        let from: usize = cursor.map_or(0, |cursor| cursor.parse().unwrap());
        let to = EVENTS.len().min(from + limit.min(2));
        Batch {
            events: EVENTS[from..to].iter().map(|id| event(id)).collect(),
            cursor: (to > from).then(|| to.to_string()),
        }
    }

    /// A process from its start until it rests or ends.
    fn process(&mut self) -> Result<(), Crash> {
        let mut inbox = Inbox::new(self.kept.clone(), 10, 0);
        loop {
            for (id, run) in inbox.kept().open.clone() {
                self.step()?;
                self.ended.insert(run);
                self.step()?;
                *self.replies.entry(id.clone()).or_default() += 1;
                self.step()?;
                inbox.answered(&id);
                self.kept = inbox.kept().clone();
            }
            if inbox.is_quiet() && inbox.kept().open.is_empty() {
                return Ok(());
            }
            let Next::Ask { cursor, limit, .. } = inbox.next() else {
                unreachable!("few are open")
            };
            self.step()?;
            let batch = self.poll(cursor, limit);
            let mut runs = Vec::new();
            for Event { id, .. } in &batch.events {
                self.step()?;
                let new = format!("run-{}", self.runs.len());
                runs.push((id.clone(), self.runs.entry(id.clone()).or_insert(new).clone()));
            }
            self.step()?;
            inbox.took(0, batch, runs);
            self.kept = inbox.kept().clone();
        }
    }
}

#[test]
fn each_event_has_one_run_that_is_answered_wherever_processes_end() {
    let most = 40;
    for first in 0..most {
        for second in 0..most {
            let mut world = World::default();
            let mut crashes = 0;
            for left in [first, second, u32::MAX] {
                world.left = left;
                crashes += u32::from(world.process().is_err());
            }
            assert_eq!(world.runs.len(), EVENTS.len(), "{first} {second}");
            assert_eq!(world.ended.len(), EVENTS.len(), "{first} {second}");
            assert_eq!(world.kept, Kept { cursor: Some("5".into()), open: BTreeMap::new() });
            // An answer is given again only when a process ended between it and its record.
            let again: u32 = world.replies.values().map(|times| times - 1).sum();
            assert!(world.replies.len() == EVENTS.len() && again <= crashes, "{first} {second}");
        }
    }
}

#[test]
fn a_queue_waits_where_it_is_while_many_runs_are_open() {
    let mut inbox = Inbox::new(Kept::default(), 10, 0);
    let runs = |from: usize, to: usize| (from..to).map(|n| (n.to_string(), n.to_string()));
    let some = Batch { events: vec![event("x")], cursor: None };
    inbox.took(0, some.clone(), runs(0, MAX_OPEN - 3));
    assert!(matches!(inbox.next(), Next::Ask { limit: 3, .. }));
    inbox.took(0, some, runs(MAX_OPEN - 3, MAX_OPEN));
    assert_eq!(inbox.next(), Next::Full);
    inbox.answered("7");
    assert!(matches!(inbox.next(), Next::Ask { limit: 1, .. }));
}

#[test]
fn what_fails_is_asked_less_and_less_and_what_brings_events_at_once() {
    let mut inbox = Inbox::new(Kept::default(), 10_000, 0);
    let pauses: Vec<u64> = (0..7).map(|_| inbox.failed(0)).collect();
    assert_eq!(pauses, [10_000, 20_000, 40_000, 80_000, 160_000, MAX_PAUSE, MAX_PAUSE]);
    inbox.took(5, Batch { events: vec![event("a")], cursor: None }, []);
    assert!(matches!(inbox.next(), Next::Ask { at: 5, .. }));
    inbox.took(5, Batch::default(), []);
    assert!(matches!(inbox.next(), Next::Ask { at: 10_005, .. }));
    assert_eq!(inbox.failed(0), 10_000, "failures are counted anew");
}

#[test]
fn no_cursor_is_the_one_before() {
    let mut inbox = Inbox::new(Kept::default(), 10, 0);
    inbox.took(0, Batch { events: vec![event("a")], cursor: Some("1".into()) }, []);
    inbox.took(0, Batch::default(), []);
    assert_eq!(inbox.kept().cursor.as_deref(), Some("1"));
}

#[test]
fn an_answer_beyond_its_bounds_is_a_defect() {
    let batch = |json: &str| Batch::read(&Value::from_json(json).unwrap(), 1);
    let one =
        batch(r#"{ "events": [{ "id": "a", "input": { "n": 1 } }], "cursor": "c" }"#).unwrap();
    assert_eq!((one.events[0].id.as_str(), one.cursor.as_deref()), ("a", Some("c")));
    assert_eq!(batch(r#"{ "events": [], "cursor": null }"#).unwrap(), Batch::default());
    let long = format!(r#"{{ "events": [{{ "id": "{}" }}] }}"#, "x".repeat(MAX_ID + 1));
    let far = format!(r#"{{ "events": [], "cursor": "{}" }}"#, "x".repeat(MAX_CURSOR + 1));
    for (json, why) in [
        (r#"{ "events": [{ "id": "a" }, { "id": "b" }] }"#, "gave 2 events, asked for 1"),
        (r#"{ "events": [{ "id": "" }] }"#, "id has 0 bytes"),
        (&long, "id has 257 bytes"),
        (&far, "cursor of 16385 bytes"),
    ] {
        let refused = batch(json).unwrap_err();
        assert!(refused.message.contains(why), "{refused:?}");
    }
}
