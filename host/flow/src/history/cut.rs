//! A journal without one place of it, and without all that follows from that place: what a new run goes on from.
//!
//! What is kept is decided by folding, so that it is right by construction. The old events are offered in their order to
//! a new run, in which what is at the place, and what waits for it, has no answer; an answer is kept when the new run has
//! asked for it, with the same input for the same node. Whatever follows from what is missing is never asked for, at any
//! depth: later iterations of a loop, a handler, the end of a block. So nothing is kept that the new run could have done
//! otherwise, and what is not kept happens anew.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;

use indexmap::IndexMap;

use super::reach::{NoSuchPlace, Reach};
use crate::address::{Address, RunId};
use crate::event::{EVENT_VERSION, Event, Outcome, Usage};
use crate::graph::{Graph, Leaf};
use crate::run::{Derived, Effect, Run, Step};
use crate::value::Value;

/// What is cut, and where.
pub struct Cut<'c> {
    /// The version that the old run belongs to.
    pub from: &'c Arc<Graph>,
    /// The version that the new run belongs to: the same, or one with other plugins.
    pub to: &'c Arc<Graph>,
    /// The old run.
    pub old: &'c RunId,
    /// The new run.
    pub new: &'c RunId,
    /// The journal of the old run.
    pub journal: &'c [Event],
    /// What is left out with all that depends on it. An index that is left out means every body of a block.
    pub at: &'c [Address],
    /// Values that nodes have in the new run instead of what they would answer.
    pub set: &'c IndexMap<Address, Value>,
    /// Sub-flows that go on from what they did: of each a part happens anew, and so do they, with the input that they had.
    pub inside: &'c [Address],
    /// The input of the new run; absent: that of the old one.
    pub input: Option<Value>,
    /// The run and address that the new run is the sub-flow of.
    pub parent: Option<(RunId, Address)>,
}

/// The beginning of a new run.
#[derive(Clone, Debug)]
pub struct Kept {
    /// Its journal so far. The last event is [`Event::Forked`].
    pub events: Vec<Event>,
    /// Addresses of leaves whose answers were kept.
    pub settled: Vec<Address>,
    /// Addresses that were begun in the old run, are never repeated, and will be performed in the new one.
    pub again: Vec<Address>,
    /// Static paths of nodes that depend on what was cut, and are never repeated.
    pub once: Vec<String>,
    /// What whoever goes on with the new run is asked for at once, as the old one was: with the same input, if that was ever
    /// asked for. Addresses, with the number of the attempt.
    pub asked: Vec<(Address, u32)>,
}

/// Why a journal is not cut.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum CutError {
    /// The flow has no such node.
    #[error(transparent)]
    NoSuchPlace(#[from] NoSuchPlace),
    /// The old run never came there.
    #[error("the run did not come to `{0}`")]
    NotReached(Address),
    /// A sub-flow does not go on from what it did when it may be given something else.
    #[error("the run inside of `{address}` cannot go on from what it did: {why}")]
    Unsure {
        /// The sub-flow.
        address: Address,
        /// Why.
        why: String,
    },
    /// A value can be given to a node that is performed, and whose inputs are there.
    #[error("`{0}` cannot be given a value: it is no node whose inputs are there at that place")]
    NotSet(Address),
    /// Nothing is left to do: what was kept decides the end of the run.
    #[error("the new run would have nothing to do: what is kept ends it, {}{}", .0.status(), place(.0))]
    NothingLeft(Outcome),
    /// The journal does not fit its flow.
    #[error("event {seq} of the journal cannot be: {why}")]
    Damaged {
        /// Its position.
        seq: usize,
        /// Why.
        why: String,
    },
}

fn place(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Failed { address: Some(address), .. } => format!(" at `{address}`"),
        _ => String::new(),
    }
}

/// Cuts a journal.
///
/// # Errors
/// See [`CutError`].
pub fn cut(cut: &Cut<'_>) -> Result<Kept, CutError> {
    let places: Vec<Address> =
        cut.at.iter().chain(cut.inside).chain(cut.set.keys()).cloned().collect();
    let reach = Reach::of(cut.to, &places)?;
    let old = Old::of(cut.from, cut.old, cut.journal)?;
    for place in &places {
        let alone = Reach::of(cut.from, std::slice::from_ref(place))?;
        if !old.seen.iter().any(|address| alone.covers(address)) {
            return Err(CutError::NotReached(place.clone()));
        }
    }
    let mut new = New {
        cut,
        run: Run::new(cut.to.clone(), cut.new),
        reach: &reach,
        old: &old,
        live: HashSet::new(),
        stopping: HashSet::new(),
        given: HashSet::new(),
        early: HashMap::new(),
        asked: VecDeque::new(),
        settled: HashSet::new(),
        events: Vec::new(),
    };
    new.begin()?;
    for (seq, event) in cut.journal.iter().enumerate().skip(1) {
        new.offer(seq, event);
    }
    if let Some(missed) = cut.set.keys().find(|address| !new.given.contains(*address)) {
        return Err(CutError::NotSet(missed.clone()));
    }
    sure(cut, &new.live)?;
    let settled = new.answered();
    let mut events = without_loose_ends(std::mem::take(&mut new.events), &new.settled);
    let (from, places) = (cut.old.clone(), cut.at.iter().chain(cut.inside).cloned().collect());
    events.push(Event::Forked { from, places, set: cut.set.keys().cloned().collect() });
    let mut asked = prove(cut, &events)?;
    asked.retain(|(address, _)| !new.live.contains(address));
    let done: HashSet<&Address> = settled.iter().collect();
    let again = old.once.iter().filter(|address| !done.contains(address)).cloned().collect();
    Ok(Kept { events, again, once: reach.once(cut.to), settled, asked })
}

/// The addresses that a run has begun and that are never repeated, in order.
///
/// # Errors
/// The journal does not fit the graph.
pub fn begun_once(
    graph: &Arc<Graph>,
    id: &RunId,
    journal: &[Event],
) -> Result<Vec<Address>, CutError> {
    Ok(Old::of(graph, id, journal)?.once)
}

/// What the old run did.
#[derive(Default)]
struct Old {
    /// Inputs of attempts.
    inputs: HashMap<(Address, u32), (Value, Arc<Leaf>)>,
    /// What nodes waited for, told others or drew.
    rests: HashMap<Address, Vec<Value>>,
    /// Nodes that took an event from outside, by the position of the event.
    takers: HashMap<usize, Address>,
    /// Positions of answers of attempts that were told to stop.
    stopped: HashSet<usize>,
    /// Every address that was reached.
    seen: HashSet<Address>,
    /// Addresses that were begun and are never repeated, in order.
    once: Vec<Address>,
}

impl Old {
    fn of(graph: &Arc<Graph>, id: &RunId, journal: &[Event]) -> Result<Self, CutError> {
        let mut run = Run::new(graph.clone(), id);
        let mut old = Self::default();
        let mut stopping: HashSet<Address> = HashSet::new();
        for (seq, event) in journal.iter().enumerate() {
            let step = run.apply(event);
            let step = step.map_err(|error| CutError::Damaged { seq, why: error.0 })?;
            if let Event::AttemptFailed { address, .. } = event
                && stopping.remove(address)
            {
                old.stopped.insert(seq);
            }
            old.begun(event);
            if let Event::SignalReceived { .. } = event {
                let taker = step.derived.iter().find(|d| matches!(d, Derived::Settled { .. }));
                old.takers.extend(taker.map(|taker| (seq, taker.address().clone())));
            }
            old.seen.extend(step.derived.iter().map(|derived| derived.address().clone()));
            for effect in step.effects {
                match effect {
                    Effect::Perform(attempt) => {
                        old.seen.insert(attempt.address.clone());
                        let place = (attempt.address, attempt.attempt);
                        old.inputs.entry(place).or_insert((attempt.input, attempt.leaf));
                    }
                    Effect::Cancel { address } => drop(stopping.insert(address)),
                    other => {
                        if let Some((address, what)) = asked(other) {
                            old.seen.insert(address.clone());
                            old.rests.entry(address).or_default().push(what);
                        }
                    }
                }
            }
        }
        Ok(old)
    }

    /// Notes what must not happen a second time.
    fn begun(&mut self, event: &Event) {
        let address = match event {
            Event::AttemptStarted { address, attempt, .. } => {
                let known = self.inputs.get(&(address.clone(), *attempt));
                known.filter(|(_, leaf)| !leaf.policy.effect.repeatable()).map(|_| address)
            }
            // Another run has been told.
            Event::Emitted { address } => Some(address),
            _ => None,
        };
        if let Some(address) = address.filter(|address| !self.once.contains(address)) {
            self.once.push(address.clone());
        }
    }

    /// The node that an event is about.
    fn about<'e>(&'e self, seq: usize, event: &'e Event) -> Option<&'e Address> {
        event.address().or_else(|| self.takers.get(&seq))
    }
}

/// What a node asks for that is no attempt, as data.
pub(super) fn asked(effect: Effect) -> Option<(Address, Value)> {
    match effect {
        Effect::Rest(rest) => {
            let what = format!("{:?} {:?}", rest.event, rest.moment);
            let task = rest.task.unwrap_or_default();
            Some((rest.address, Value::list([what.into(), task])))
        }
        Effect::Emit { address, to, event, payload } => {
            Some((address, Value::list([to.into(), event.into(), payload])))
        }
        Effect::Draw { address, below } => Some((address, Value::list([below.to_string().into()]))),
        _ => None,
    }
}

/// The new run while old events are offered to it.
struct New<'n, 'c> {
    cut: &'n Cut<'c>,
    run: Run,
    reach: &'n Reach,
    old: &'n Old,
    /// Addresses that happen anew though nothing before them was cut: they are given something else.
    live: HashSet<Address>,
    stopping: HashSet<Address>,
    /// Addresses whose value was set.
    given: HashSet<Address>,
    /// Events of the old run that the new one has not asked for yet, with their positions.
    early: HashMap<Address, VecDeque<(usize, &'c Event)>>,
    /// Addresses that the new run has just asked for.
    asked: VecDeque<Address>,
    /// Addresses that are settled in the new run.
    settled: HashSet<Address>,
    events: Vec<Event>,
}

impl<'c> New<'_, 'c> {
    fn begin(&mut self) -> Result<(), CutError> {
        let Some(Event::RunStarted { input, .. }) = self.cut.journal.first() else {
            let why = "the first event is not `run_started`".into();
            return Err(CutError::Damaged { seq: 0, why });
        };
        let graph = self.cut.to;
        let input = self.cut.input.clone().unwrap_or_else(|| input.clone());
        let (flow, hash) = (graph.id.clone(), graph.hash.clone());
        let parent = self.cut.parent.clone();
        let first = Event::RunStarted { flow, hash, input, parent, v: EVENT_VERSION };
        let step = self.run.apply(&first).expect("the event was made for this graph");
        self.events.push(first);
        self.follow(step);
        Ok(())
    }

    /// Takes an event of the old run over, when it belongs to the new one. What the new run has not asked for is refused
    /// by it, and waits until it has: the next item of a map may begin later in it.
    fn offer(&mut self, seq: usize, event: &'c Event) {
        if !self.wants(seq, event) {
            return;
        }
        let Some(address) = self.old.about(seq, event).cloned() else {
            self.take(event);
            return;
        };
        self.early.entry(address.clone()).or_default().push_back((seq, event));
        self.asked.push_back(address.clone());
        while let Some(address) = self.asked.pop_front() {
            let Some(mut early) = self.early.remove(&address) else { continue };
            while let Some((seq, event)) = early.pop_front() {
                if self.wants(seq, event) && !self.take(event) {
                    early.push_front((seq, event));
                    self.early.insert(address, early);
                    break;
                }
            }
        }
    }

    /// Folds an event in; says whether the new run takes it.
    fn take(&mut self, event: &Event) -> bool {
        let Ok(step) = self.run.apply(event) else { return false };
        self.events.push(event.clone());
        let settled = |derived: &Derived| matches!(derived, Derived::Settled { .. });
        let settled = step.derived.iter().filter(|derived| settled(derived));
        self.settled.extend(settled.map(|derived| derived.address().clone()));
        self.follow(step);
        true
    }

    fn wants(&self, seq: usize, event: &Event) -> bool {
        let Some(address) = self.old.about(seq, event) else {
            return matches!(event, Event::Forked { .. } | Event::SignalReceived { .. });
        };
        // What was refused changed nothing.
        if matches!(event, Event::AnswerRefused { .. }) {
            return false;
        }
        // Who was told to stop by what is missing now would have gone on.
        let stopped = self.old.stopped.contains(&seq) && !self.stopping.contains(address);
        let anew = self.live.contains(address) || self.given.contains(address);
        // What is done anew inside a block has the time of the block anew.
        let late = matches!(event, Event::DeadlinePassed { .. } | Event::IdlePassed { .. });
        let inside = |live: &Address| live.blocks().any(|block| block == *address);
        let hurried = late && (self.reach.is_inside(address) || self.live.iter().any(inside));
        !stopped && !anew && !hurried && !self.reach.depends(address)
    }

    fn follow(&mut self, step: Step) {
        let mut steps = vec![step];
        while let Some(step) = steps.pop() {
            for effect in step.effects {
                match effect {
                    Effect::Perform(attempt) => {
                        let address = attempt.address.clone();
                        if let Some(value) = self.cut.set.get(&address) {
                            steps.extend(self.give(&address, &attempt.leaf, value));
                            continue;
                        }
                        let place = (address, attempt.attempt);
                        let same = self.old.inputs.get(&place).is_none_or(|(input, leaf)| {
                            *input == attempt.input && same_work(leaf, &attempt.leaf)
                        });
                        match same {
                            true => self.asked.push_back(place.0),
                            false => drop(self.live.insert(place.0)),
                        }
                    }
                    Effect::Cancel { address } => drop(self.stopping.insert(address)),
                    other => {
                        if let Some((address, what)) = asked(other) {
                            let known = self.old.rests.get(&address);
                            match known.is_none_or(|known| known.contains(&what)) {
                                true => self.asked.push_back(address),
                                false => drop(self.live.insert(address)),
                            }
                        }
                    }
                }
            }
        }
    }

    /// Answers for a node.
    fn give(&mut self, address: &Address, leaf: &Leaf, value: &Value) -> Vec<Step> {
        self.given.insert(address.clone());
        let (attempt, usage) = (1, Usage::default());
        let intent = leaf.policy.effect.needs_intent().then(|| Event::AttemptStarted {
            address: address.clone(),
            attempt,
            key: String::new(),
        });
        let (at, output) = (address.clone(), value.clone());
        let answer = Event::AttemptSucceeded { address: at, attempt, output, usage };
        let events = intent.into_iter().chain([answer]);
        let apply = |event: Event| {
            let step = self.run.apply(&event).expect("the attempt was just asked for");
            self.events.push(event);
            step
        };
        events.map(apply).collect()
    }

    /// Leaves that have answered.
    fn answered(&self) -> Vec<Address> {
        let answered = self.events.iter().filter_map(|event| match event {
            Event::AttemptSucceeded { address, .. }
            | Event::AttemptFailed { address, .. }
            | Event::Emitted { address } => Some(address.clone()),
            _ => None,
        });
        answered.collect()
    }
}

/// Whether two versions of a node do the same with the same input.
fn same_work(old: &Leaf, new: &Leaf) -> bool {
    old.uses == new.uses && old.config == new.config && old.guard == new.guard
}

/// Leaves out what belongs to attempts that have no answer, and to nodes that still wait: they begin anew.
fn without_loose_ends(mut events: Vec<Event>, settled: &HashSet<Address>) -> Vec<Event> {
    let mut last: HashMap<Address, usize> = HashMap::new();
    for (at, event) in events.iter().enumerate() {
        if let Event::AttemptSucceeded { address, .. } | Event::AttemptFailed { address, .. } =
            event
        {
            last.insert(address.clone(), at);
        }
    }
    let mut at = 0..;
    events.retain(|event| {
        let at = at.next().expect("it counts without end");
        match event {
            Event::AttemptStarted { address, .. }
            | Event::CallStarted { address, .. }
            | Event::CallFinished { address, .. }
            | Event::AssetChecked { address, .. }
            | Event::SubFlowForked { address, .. }
            | Event::Logged { address, .. } => last.get(address).is_some_and(|answer| at < *answer),
            Event::WaitStarted { address, .. }
            | Event::TaskOpened { address, .. }
            | Event::WaitOver { address }
            | Event::TaskAnswered { address, .. } => settled.contains(address),
            _ => true,
        }
    });
    events
}

/// Whether each sub-flow that goes on from what it did is given what it was given.
fn sure(cut: &Cut<'_>, live: &HashSet<Address>) -> Result<(), CutError> {
    for address in cut.inside {
        let others = cut.at.iter().chain(cut.inside).chain(cut.set.keys());
        let others: Vec<Address> = others.filter(|other| *other != address).cloned().collect();
        let why = match Reach::of(cut.to, &others)?.depends(address) {
            true => "it depends on another place that happens anew",
            false if live.contains(address) => "it is given something else in the new run",
            false => continue,
        };
        return Err(CutError::Unsure { address: address.clone(), why: why.into() });
    }
    Ok(())
}

/// Folds what was kept once more, as whoever goes on with the run will, and asks whether there is anything to do. Returns
/// the attempts that are.
fn prove(cut: &Cut<'_>, events: &[Event]) -> Result<Vec<(Address, u32)>, CutError> {
    let mut run = Run::new(cut.to.clone(), cut.new);
    for (seq, event) in events.iter().enumerate() {
        run.apply(event).map_err(|error| CutError::Damaged { seq, why: error.0 })?;
    }
    let resumed = run.apply(&Event::RunResumed { fence: 0 });
    let step = resumed.map_err(|error| CutError::Damaged { seq: events.len(), why: error.0 })?;
    let mut asked = Vec::new();
    for effect in step.effects {
        match effect {
            // A value that was given may be the last one that was missing.
            Effect::Finish(outcome) if cut.set.is_empty() => {
                return Err(CutError::NothingLeft(outcome));
            }
            Effect::Perform(attempt) => asked.push((attempt.address, attempt.attempt)),
            _ => {}
        }
    }
    Ok(asked)
}
