//! A driver without a world: performs effects in an order that the test chooses, and watches the promises.
//!
//! It stores each event before it applies it, so its journal is what a real one would hold, and it can
//! be built from a prefix of a journal as after a crash.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::fixture::{SEEN, failed, found, intent, ok, resumed, run_of, started};
use super::reference::{Fate, Told, blur};
use super::sketch::{MOMENT, Sketch, Waiting, Waits, drawn};
use crate::address::Address;
use crate::error::{ErrorCode, NodeError};
use crate::event::{Event, Outcome};
use crate::graph::{COMPENSATE, Graph, VERIFY};
use crate::run::{Derived, Effect, Run, Step};
use crate::signature::Effect as Class;
use crate::value::Value;

/// Events after which a small run must long have ended.
const MOST_EVENTS: usize = 2_000;

/// What a run is asked to do and has not answered yet.
#[derive(Clone, Debug)]
enum Task {
    Attempt {
        address: Address,
        attempt: u32,
        value: i64,
        begun: bool,
        cancelled: bool,
    },
    Wait {
        address: Address,
        attempt: u32,
    },
    Deadline {
        address: Address,
    },
    Idle {
        address: Address,
    },
    /// A node waits; once that is stored, what it waits for may come.
    Rest {
        address: Address,
        known: bool,
    },
    Ended {
        address: Address,
    },
    Emit {
        address: Address,
    },
    Draw {
        address: Address,
        below: u64,
    },
}

pub(super) struct World<'s> {
    sketch: &'s Sketch,
    pub(super) run: Run,
    pub(super) journal: Vec<Event>,
    tasks: Vec<Task>,
    pub(super) finish: Option<Outcome>,
    pub(super) fates: BTreeMap<String, Fate>,
    /// Addresses whose result is in the journal.
    committed: BTreeSet<String>,
    /// What the attempts were given, by the address of their node.
    given: BTreeMap<String, i64>,
    /// Attempts of `once` nodes whose effect may have happened.
    spent: BTreeSet<(String, u32)>,
    /// Nodes that came to wait.
    rests: BTreeSet<Address>,
}

impl<'s> World<'s> {
    fn new(sketch: &'s Sketch, run: Run) -> Self {
        let (journal, tasks, finish) = (Vec::new(), Vec::new(), None);
        let (fates, committed, given, spent, rests) = Default::default();
        Self { sketch, run, journal, tasks, finish, fates, committed, given, spent, rests }
    }

    pub(super) fn start(sketch: &'s Sketch) -> Self {
        Self::start_of(sketch, &sketch.graph())
    }

    /// The same with a graph that was made of the sketch before.
    pub(super) fn start_of(sketch: &'s Sketch, graph: &Arc<Graph>) -> Self {
        let mut world = Self::new(sketch, run_of(graph));
        world.record(started(graph, Value::Null));
        world
    }

    /// The process died after it stored `journal`; another one takes the run over.
    pub(super) fn resume(sketch: &'s Sketch, journal: &[Event]) -> Self {
        let mut world = Self::new(sketch, run_of(&sketch.graph()));
        for event in journal {
            let step = world.run.apply(event).expect("a stored event fits");
            step.effects.iter().for_each(|effect| world.note(effect));
            world.remember(event);
            world.watch(&step);
        }
        world.journal = journal.to_vec();
        world.rests = waits_of(journal);
        world.orphan();
        world.record(resumed());
        world
    }

    /// Leaves what the next process finds: a store knows what a run waits for. Two nodes may wait for one event, so that
    /// it was another one that the last event ended.
    fn orphan(&mut self) {
        // A stranger may have said of any node that it waits.
        let waits = waits_of(&self.journal).into_iter().filter(|at| self.rests.contains(at));
        self.tasks = waits.map(|address| Task::Rest { address, known: true }).collect();
    }

    /// Stores an event, folds it in, and takes on what follows.
    pub(super) fn record(&mut self, event: Event) {
        let step = self.run.apply(&event).unwrap_or_else(|e| panic!("{event:?}: {e}"));
        self.journal.push(event.clone());
        self.remember(&event);
        self.watch(&step);
        for effect in step.effects {
            self.take_on(effect);
        }
    }

    /// Offers an event that may be nonsense; says whether it was taken.
    pub(super) fn offer(&mut self, event: Event) -> bool {
        let before = state(&self.run);
        let taken = self.run.apply(&event);
        match taken {
            Err(_) => {
                assert_eq!(state(&self.run), before, "{event:?} was refused and left a trace");
                false
            }
            Ok(step) => {
                self.answered(&event);
                self.watch(&step);
                for effect in step.effects {
                    self.take_on(effect);
                }
                true
            }
        }
    }

    /// A stranger may have answered for the world.
    fn answered(&mut self, event: &Event) {
        self.journal.push(event.clone());
        if matches!(event, Event::RunResumed { .. }) {
            return self.orphan();
        }
        self.tasks.retain_mut(|task| match (task, event) {
            (
                Task::Rest { address, known },
                Event::WaitStarted { address: a, .. } | Event::TaskOpened { address: a, .. },
            ) => {
                *known |= address == a;
                true
            }
            (Task::Draw { address, .. }, Event::Drawn { address: a, .. }) => address != a,
            (
                Task::Attempt { address, attempt, .. },
                Event::AttemptSucceeded { address: a, attempt: n, .. }
                | Event::AttemptFailed { address: a, attempt: n, .. },
            ) => (&*address, &*attempt) != (a, n),
            (Task::Attempt { address, begun, .. }, Event::AttemptStarted { address: a, .. }) => {
                *begun |= address == a;
                true
            }
            _ => true,
        });
    }

    fn remember(&mut self, event: &Event) {
        match event {
            Event::AttemptStarted { address, attempt, .. }
                if self.sketch.script(address).class == Class::Once =>
            {
                let fresh = self.spent.insert((address.to_string(), *attempt));
                assert!(fresh, "`{address}` was begun twice");
            }
            Event::AttemptSucceeded { address, .. } => {
                let fresh = self.committed.insert(address.to_string());
                assert!(fresh, "`{address}` has two results");
            }
            _ => {}
        }
    }

    fn watch(&mut self, step: &Step) {
        for derived in &step.derived {
            let (address, fate) = match derived {
                Derived::Skipped { address } => (address, Some(Fate::Skipped)),
                Derived::Settled { address, status: "succeeded" } => {
                    (address, Some(Fate::Succeeded))
                }
                Derived::Settled { address, status: "failed" } => (address, Some(Fate::Failed)),
                _ => continue,
            };
            let before = fate.and_then(|fate| self.fates.insert(address.to_string(), fate));
            assert!(before.is_none(), "`{address}` was settled twice");
        }
        let succeeded = self.fates.values().filter(|fate| **fate == Fate::Succeeded).count();
        let seen = self.run.state().get(SEEN).and_then(Value::as_int);
        assert_eq!(seen, Some(succeeded as i64), "the state is not what the nodes wrote");
    }

    fn note(&mut self, effect: &Effect) {
        if let Effect::Perform(given) = effect {
            let value = given.input.get("value").and_then(Value::as_int).expect("a number");
            self.given.insert(given.address.to_string(), value);
        }
    }

    fn take_on(&mut self, effect: Effect) {
        self.note(&effect);
        assert!(self.finish.is_none(), "{effect:?} came after the end");
        match effect {
            Effect::Perform(given) => {
                let (address, attempt) = (given.address, given.attempt);
                let name = address.to_string();
                assert!(!self.committed.contains(&name), "`{name}` has its result already");
                assert!(!self.spent.contains(&(name, attempt)), "`{address}` was begun before");
                let value = given.input.get("value").and_then(Value::as_int).expect("a number");
                let (begun, cancelled) = (!given.leaf.policy.effect.needs_intent(), false);
                self.tasks.push(Task::Attempt { address, attempt, value, begun, cancelled });
            }
            Effect::Wait { address, attempt, .. } => {
                self.tasks.push(Task::Wait { address, attempt })
            }
            // A `try` that is stopped has one in any case.
            Effect::Deadline { .. } if !self.sketch.deadlines => {}
            Effect::Deadline { address, .. } => self.tasks.push(Task::Deadline { address }),
            Effect::Idle { address, .. } => self.tasks.push(Task::Idle { address }),
            Effect::Rest(rest) => {
                self.rests.insert(rest.address.clone());
                // A stranger may have ended the wait before this one, as when somebody else is asked.
                self.tasks.retain(
                    |task| !matches!(task, Task::Rest { address, .. } if *address == rest.address),
                );
                self.tasks.push(Task::Rest { address: rest.address, known: false });
            }
            Effect::Ended { address } => self.tasks.push(Task::Ended { address }),
            Effect::Emit { address, .. } => self.tasks.push(Task::Emit { address }),
            Effect::Draw { address, below } => self.tasks.push(Task::Draw { address, below }),
            Effect::Cancel { address: stopped } => {
                let task = self.tasks.iter_mut().find_map(|task| match task {
                    Task::Attempt { address, cancelled, .. } if *address == stopped => {
                        Some(cancelled)
                    }
                    _ => None,
                });
                let cancelled = task.unwrap_or_else(|| panic!("`{stopped}` is not under way"));
                assert!(!std::mem::replace(cancelled, true), "`{stopped}` is cancelled twice");
            }
            Effect::Finish(outcome) => {
                let out = |task: &&Task| matches!(task, Task::Attempt { .. });
                let late = self.tasks.iter().find(out);
                assert!(late.is_none(), "the run ends and {late:?} is under way");
                self.finish = Some(outcome);
            }
        }
    }

    /// Does one thing that is outstanding: `choice` says which, and how a cancelled attempt answers.
    pub(super) fn step(&mut self, choice: u16) {
        let choice = usize::from(choice);
        assert!(!self.tasks.is_empty(), "nothing is outstanding and the run goes on");
        assert!(self.journal.len() < MOST_EVENTS, "the run does not end");
        let (which, how) = (choice % self.tasks.len(), choice / self.tasks.len());
        match self.tasks.remove(which) {
            Task::Wait { address, attempt } => self.record(Event::RetryDue { address, attempt }),
            Task::Deadline { address } => self.record(Event::DeadlinePassed { address }),
            Task::Idle { address } => self.record(Event::IdlePassed { address }),
            Task::Ended { address } => self.record(Event::WaitEnded { address }),
            Task::Draw { address, below } => {
                let below = usize::try_from(below).expect("a few cases");
                let value = drawn(&address.to_string(), below) as u64;
                self.record(Event::Drawn { address, value });
            }
            Task::Emit { address } => match self.sketch.waits(&address).comes {
                true => self.record(Event::Emitted { address }),
                false => self.record(Event::WaitFailed { address, error: absent() }),
            },
            Task::Rest { address, known: false } => self.begin_rest(address),
            Task::Rest { address, known: true } if address.node().as_str() == VERIFY => {
                let step = address.blocks().last().expect("it is inside a step").to_string();
                let value = (how % 2 == 0).then(|| self.given[&step]);
                self.record(says(&address, value));
            }
            Task::Rest { address, known: true } => {
                let Waits { what, comes } = self.sketch.waits(&address);
                self.record(match what {
                    Waiting::Event if comes => heard(address.node().as_str()),
                    Waiting::Human if comes => answered(&address),
                    _ => Event::WaitOver { address },
                });
            }
            Task::Attempt { address, attempt, value, begun: false, cancelled: false } => {
                let (begun, cancelled) = (true, false);
                let event = intent(&address.to_string(), attempt);
                self.tasks.push(Task::Attempt { address, attempt, value, begun, cancelled });
                self.record(event);
            }
            Task::Attempt { address, attempt, value, begun, cancelled } => {
                let script = self.sketch.script(&address);
                let index = address.segments().iter().rev().find_map(|segment| segment.index);
                let name = address.to_string();
                let event = if cancelled && (!begun || how % 2 == 1) {
                    failed(&name, attempt, ErrorCode::Cancelled)
                } else if script.fails_at(attempt, index) {
                    failed(&name, attempt, self.sketch.code)
                } else if address.node().as_str() == VERIFY {
                    let happened = how % 2 == 0;
                    found(&name, attempt, happened.then_some(value))
                } else {
                    ok(&name, attempt, value)
                };
                self.record(event);
            }
        }
    }

    /// Stores that a node waits, or that what it wants cannot be.
    fn begin_rest(&mut self, address: Address) {
        let until = Some(MOMENT);
        if address.node().as_str() == VERIFY {
            self.tasks.push(Task::Rest { address: address.clone(), known: true });
            return self.record(Event::TaskOpened { address, task: Value::empty(), until });
        }
        let Waits { what, comes } = self.sketch.waits(&address);
        let event = match what {
            Waiting::Time if !comes => Event::WaitFailed { address, error: absent() },
            Waiting::Human => {
                self.tasks.push(Task::Rest { address: address.clone(), known: true });
                Event::TaskOpened { address, task: Value::empty(), until }
            }
            _ => {
                self.tasks.push(Task::Rest { address: address.clone(), known: true });
                Event::WaitStarted { address, name: None, until }
            }
        };
        self.record(event);
    }

    /// How many things are outstanding.
    pub(super) fn outstanding(&self) -> usize {
        self.tasks.len()
    }

    /// Goes on to the end, in the order of `choices`, first come first served when they are used up.
    pub(super) fn finish(mut self, choices: &[u16]) -> Self {
        let mut choices = choices.iter().copied();
        while self.finish.is_none() {
            self.step(choices.next().unwrap_or(0));
        }
        let outcome = self.finish.clone().expect("the run has ended");
        self.record(Event::RunFinished { outcome: outcome.clone() });
        assert_eq!(self.run.outcome(), Some(&outcome));
        self
    }

    /// Holds the end of the run against the reference.
    pub(super) fn agrees(&self, told: &Told) {
        let outcome = self.finish.as_ref().expect("the run has ended");
        match outcome {
            Outcome::Succeeded { output } => {
                assert!(told.failures.is_empty(), "succeeded; should fail at {:?}", told.failures);
                assert_eq!(blur(output), told.output);
            }
            Outcome::Failed { address, error } => {
                let address = address.as_ref().map_or("output".into(), Address::to_string);
                let known = told.failures.contains(&address);
                assert!(known, "`{address}` failed ({error}); should be {:?}", told.failures);
                let maps = address.match_indices('[').map(|(end, _)| &address[..end]);
                for failed in maps.chain([address.as_str()]) {
                    let fate = self.fates.get(failed);
                    assert_eq!(fate, Some(&Fate::Failed), "`{failed}` took the run along");
                }
            }
            Outcome::Cancelled => panic!("nobody cancelled"),
        }
        // Whether somebody is asked depends on the crash alone.
        let asked = |address: &&String| address.ends_with(&format!("].{VERIFY}"));
        for (address, fate) in self.fates.iter().filter(|(address, _)| !asked(address)) {
            assert_eq!(told.fates.get(address), Some(fate), "`{address}` {fate:?} by the machine");
        }
        for (address, fate) in &self.fates {
            let place: Address = address.parse().expect("an address");
            let undo = *fate == Fate::Succeeded && self.sketch.piece(&place).undo;
            let failed = told.undone.iter().any(|body| address.starts_with(body));
            if undo && failed && ![COMPENSATE, VERIFY].contains(&place.node().as_str()) {
                let undone = self.fates.get(&format!("{address}[0].{COMPENSATE}"));
                assert_eq!(undone, Some(&Fate::Succeeded), "`{address}` was not undone");
            }
        }
        for address in &told.sure {
            let fate = self.fates.get(address);
            assert_eq!(told.fates.get(address), fate, "`{address}` {fate:?} by the machine");
        }
    }
}

/// The nodes that wait, as a store knows them from a journal.
pub(super) fn waits_of(journal: &[Event]) -> BTreeSet<Address> {
    let mut open = BTreeSet::new();
    for event in journal {
        match event {
            Event::WaitStarted { address, .. } | Event::TaskOpened { address, .. } => {
                open.insert(address.clone());
            }
            Event::WaitOver { address } | Event::WaitEnded { address } => {
                open.remove(address);
            }
            _ => {}
        }
    }
    open
}

fn absent() -> NodeError {
    NodeError::new(ErrorCode::Permanent, "there is none")
}

pub(super) fn heard(name: &str) -> Event {
    let payload = Value::record([("n", 1.into())]);
    Event::SignalReceived { name: name.into(), id: "1".into(), by: "test".into(), payload }
}

/// A person says whether an attempt happened, and what came of it.
fn says(address: &Address, value: Option<i64>) -> Event {
    let (id, by) = ("1".into(), "ada".into());
    let told = [("happened", Value::Bool(value.is_some()))].into_iter();
    let answer = Value::record(told.chain(value.map(|value| ("value", Value::Int(value)))));
    Event::TaskAnswered { address: address.clone(), id, by, given: 0, answer }
}

pub(super) fn answered(address: &Address) -> Event {
    let (id, by) = ("1".into(), "ada".into());
    let answer = Value::record([("n", 1.into())]);
    Event::TaskAnswered { address: address.clone(), id, by, given: 0, answer }
}

/// What the events of a run have made of it, as text.
pub(super) fn state(run: &Run) -> String {
    format!(
        "{:?} {:?} {:?} {:?} {:?} {:?}",
        run.stage, run.frames, run.counts, run.waits, run.work, run.step
    )
}
