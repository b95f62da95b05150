//! The run machine: `apply(event)` gives effects. Branches, skips, joins, maps, retries and cancellation
//! live here and nowhere else.
//!
//! The machine sees no clock, no randomness and no world. A driver stores an event, applies it, and performs
//! the effects that come back; it never decides anything. Resume is: apply the stored events, drop
//! their effects, apply [`Event::RunResumed`], perform what comes back.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::address::{Address, FlowHash, RunId};
use crate::error::NodeError;
use crate::event::{Event, Outcome};
use crate::graph::{Graph, Leaf, Moment};
use crate::value::Value;

mod admit;
mod advance;
mod body;
mod branches;
mod channels;
mod looping;
mod map;
mod names;
mod perform;
mod plan;
mod progress;
mod resume;
mod state;
mod switch;
#[cfg(test)]
mod tests;
mod time;
mod trying;
mod waiting;

pub use plan::Planned;
pub use progress::{Items, Progress};
pub use waiting::{MAX_HEARD, judge_event};

use admit::Admitted;
use advance::Work;
use plan::Plan;
use state::{Frame, Undo};
use waiting::Waits;

/// What the driver has to do next.
#[derive(Clone, Debug)]
pub enum Effect {
    /// Perform an attempt and answer with `AttemptSucceeded` or `AttemptFailed`. When the leaf's effect
    /// class needs an intent, store `AttemptStarted` first.
    Perform(Attempt),
    /// After `after_ms`, answer with `RetryDue`.
    Wait {
        /// Which node.
        address: Address,
        /// The attempt that will be due.
        attempt: u32,
        /// Milliseconds.
        after_ms: u64,
    },
    /// After `after_ms`, answer with `DeadlinePassed`, unless the node is settled by then.
    Deadline {
        /// Which node.
        address: Address,
        /// Milliseconds.
        after_ms: u64,
        /// The time is for cleaning up: whatever deadline the node had before does not matter any more.
        cleanup: bool,
    },
    /// When nothing was heard for `after_ms` of what is inside this block, answer with `IdlePassed`, unless it is settled
    /// by then. Heard is each record of a node in it, and each attempt that is given out there.
    Idle {
        /// Which block.
        address: Address,
        /// Milliseconds.
        after_ms: u64,
    },
    /// A node waits. Answer with `WaitStarted`, or with `TaskOpened` when there is a task; with `WaitFailed` when there is
    /// no such moment. When it has come, store `WaitOver`, unless the node is settled by then.
    Rest(Rest),
    /// Store `WaitEnded`: the node waits no more.
    Ended {
        /// Which node.
        address: Address,
    },
    /// Tell another run of an event, under a name that is the same each time, and answer with `Emitted` or `WaitFailed`.
    Emit {
        /// Which node.
        address: Address,
        /// Id of the run.
        to: String,
        /// Name of the event.
        event: String,
        /// What it carries.
        payload: Value,
    },
    /// Answer with `Drawn` and a number below this one.
    Draw {
        /// Which node.
        address: Address,
        /// At least 1.
        below: u64,
    },
    /// Stop what is being performed at this address and await it. Its answer is still to be given:
    /// whichever it is, it changes nothing any more.
    Cancel {
        /// Which node.
        address: Address,
    },
    /// Store `RunFinished` and stop.
    Finish(Outcome),
}

/// One attempt that is to be performed.
#[derive(Clone, Debug)]
pub struct Attempt {
    /// Which node.
    pub address: Address,
    /// First attempt is 1.
    pub attempt: u32,
    /// What to perform, and within which bounds.
    pub leaf: Arc<Leaf>,
    /// The input record after templates and defaults.
    pub input: Value,
    /// The key of the asset that it gives, when that has keys.
    pub asset_key: Option<Arc<str>>,
}

/// What a node waits for.
#[derive(Clone, Debug, PartialEq)]
pub struct Rest {
    /// Which node.
    pub address: Address,
    /// The event that it waits for.
    pub event: Option<String>,
    /// What people are asked, as [`Event::TaskOpened`] has it.
    pub task: Option<Value>,
    /// When the wait is over at the latest.
    pub moment: Option<Moment>,
}

/// What was computed, not stored: shown in the event view and the timeline.
#[derive(Clone, Debug, PartialEq)]
pub enum Derived {
    /// A switch took a case; `None` when no case was true.
    SwitchTaken {
        /// Which switch.
        address: Address,
        /// Index of the case.
        case: Option<usize>,
    },
    /// A node will not run.
    Skipped {
        /// Which node.
        address: Address,
    },
    /// A node wrote to a state channel.
    StateWritten {
        /// Which node.
        address: Address,
        /// Which channel.
        channel: String,
    },
    /// A map has its list.
    MapStarted {
        /// Which map.
        address: Address,
        /// Number of items.
        items: u32,
        /// What tells them apart, when they have keys.
        keys: Vec<String>,
    },
    /// The body of an item that has a key is entered.
    ItemStarted {
        /// Which map.
        address: Address,
        /// Number of the item.
        item: u32,
    },
    /// The body of an item that has a key has ended.
    ItemEnded {
        /// Which map.
        address: Address,
        /// Number of the item.
        item: u32,
        /// `succeeded`, `failed`, `cancelled`.
        status: &'static str,
        /// Where and why, when it failed.
        failure: Option<(Option<Address>, NodeError)>,
    },
    /// A block has its value. That of a leaf is in its `AttemptSucceeded`.
    Valued {
        /// Which block.
        address: Address,
        /// What its readers see.
        value: Value,
    },
    /// A node has its value or its failure.
    Settled {
        /// Which node.
        address: Address,
        /// `succeeded`, `failed`, `cancelled`.
        status: &'static str,
    },
}

impl Derived {
    /// The node that it is about.
    pub fn address(&self) -> &Address {
        match self {
            Self::SwitchTaken { address, .. }
            | Self::Skipped { address }
            | Self::MapStarted { address, .. }
            | Self::ItemStarted { address, .. }
            | Self::ItemEnded { address, .. }
            | Self::Valued { address, .. }
            | Self::StateWritten { address, .. }
            | Self::Settled { address, .. } => address,
        }
    }
}

/// Why an event does not fit the state: a damaged journal, or a defect of a driver.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("event does not fit the run: {0}")]
pub struct ApplyError(pub String);

/// The state of one run: a fold over its events.
#[derive(Debug)]
pub struct Run {
    graph: Arc<Graph>,
    plan: Arc<Plan>,
    stage: Stage,
    /// The version that the events until now make it belong to.
    pinned: FlowHash,
    input: Value,
    /// What expressions see as `run`.
    about: Value,
    /// The state channels, by name.
    state: Value,
    frames: Vec<Frame>,
    counts: Vec<Progress>,
    /// Steps that a `try` around them can undo, in the order of their success.
    undoable: Vec<Undo>,
    waits: Waits,
    /// What is to be looked at before the event is folded in. A queue, not recursion: a skip may travel
    /// through ten thousand nodes.
    work: VecDeque<Work>,
    /// No process performs anything: the one that did is gone.
    orphaned: bool,
    step: Step,
}

/// How far the run is.
#[derive(Debug)]
enum Stage {
    New,
    Running,
    /// Somebody asked for the end and not everything has stopped.
    Cancelling,
    /// `Finish` was given, `RunFinished` is not stored.
    Finishing(Outcome),
    Finished(Outcome),
}

impl Run {
    /// A run before its first event. Expressions see `id` as `run.id`.
    pub fn new(graph: Arc<Graph>, id: &RunId) -> Self {
        let plan = Planned::of(&graph);
        let counts = plan.paths.iter().map(Progress::new).collect();
        Self {
            pinned: graph.hash.clone(),
            plan,
            stage: Stage::New,
            input: Value::Null,
            state: channels::start(&graph),
            about: Value::record([("id", Value::from(id.as_str()))]),
            frames: Vec::new(),
            counts,
            undoable: Vec::new(),
            waits: Waits::default(),
            work: VecDeque::new(),
            orphaned: false,
            step: Step::default(),
            graph,
        }
    }

    /// Folds one event in, and says what to do next, in order.
    ///
    /// An event that lost a legal race (the deadline of a node that has just succeeded, the answer of an
    /// attempt that was cancelled) is taken and changes nothing.
    ///
    /// # Errors
    /// The event is not one that can happen in this state. The state is unchanged.
    pub fn apply(&mut self, event: &Event) -> Result<Step, ApplyError> {
        match self.admit(event).map_err(ApplyError)? {
            Admitted::Ignored => {}
            Admitted::Started(input, version) => {
                self.stage = Stage::Running;
                self.pinned = version.clone();
                self.input = input.clone();
                self.enter(0, None, 0);
            }
            Admitted::Intent(at, key) => self.begun(at, key),
            Admitted::Succeeded(at, output) => self.answered(at, Ok(output)),
            Admitted::Failed(at, error) => self.answered(at, Err(error)),
            Admitted::Due(at) => self.perform_next(at),
            Admitted::Late(at, limit) => self.out_of_time(at, limit),
            Admitted::Cancel => {
                self.stage = Stage::Cancelling;
                self.stop_frame(0);
            }
            Admitted::Resumed => self.resume(),
            Admitted::Resting(at, until) => self.rests(at, until),
            Admitted::Over(at) => self.wait_is_over(at),
            Admitted::Refused(at, error) => self.end_wait(at, Err(error.clone())),
            Admitted::Ended(at) => self.waits.ending.retain(|ending| *ending != at),
            Admitted::Heard(name, payload) => self.hear(name, payload),
            Admitted::Answered(at, by, given, answer) => self.take_answer(at, by, given, answer),
            Admitted::Told(at) => self.told_another(at),
            Admitted::Drawn(at, value) => self.choose_drawn(at, value),
            Admitted::Pinned(version) => self.pinned = version.clone(),
            Admitted::Finished(outcome) => self.stage = Stage::Finished(outcome.clone()),
        }
        self.drain();
        Ok(std::mem::take(&mut self.step))
    }

    /// The version of the flow that decides what happens next.
    pub fn graph(&self) -> &Graph {
        &self.graph
    }

    /// Whether the run belongs to the version that it is given here. One that was begun with another version does once
    /// its `Migrated` is folded in; until then nothing new may happen in it.
    pub fn belongs(&self) -> bool {
        self.pinned == self.graph.hash
    }

    /// How the run ended, once `RunFinished` is stored.
    pub fn outcome(&self) -> Option<&Outcome> {
        match &self.stage {
            Stage::Finished(outcome) => Some(outcome),
            _ => None,
        }
    }

    /// What the state channels hold now: a record by their names.
    pub fn state(&self) -> &Value {
        &self.state
    }

    /// How far each node of the flow is, in the order of the graph; a body is counted over its items.
    pub fn progress(&self) -> &[Progress] {
        &self.counts
    }
}

/// What follows from one event.
#[derive(Debug, Default)]
pub struct Step {
    /// To be performed, in order.
    pub effects: Vec<Effect>,
    /// To be shown.
    pub derived: Vec<Derived>,
}
