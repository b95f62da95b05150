//! The run machine: `apply(event)` gives effects. Branches, skips, joins, maps, retries and cancellation
//! live here and nowhere else.
//!
//! The machine sees no clock, no randomness and no world. A driver stores an event, applies it, and performs
//! the effects that come back; it never decides anything. Resume is: apply the stored events, drop
//! their effects, apply [`Event::RunResumed`], perform what comes back.

use std::sync::Arc;

use crate::address::Address;
use crate::event::{Event, Outcome};
use crate::graph::{Graph, Leaf};
use crate::value::Value;

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
    },
    /// Stop what is being performed at this address and await it. Its answer is still to be given.
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
    /// A map has its list.
    MapStarted {
        /// Which map.
        address: Address,
        /// Number of items.
        items: u32,
    },
    /// A node has its value or its failure.
    Settled {
        /// Which node.
        address: Address,
        /// `succeeded`, `failed`, `cancelled`.
        status: &'static str,
    },
}

/// Why an event does not fit the state: a damaged journal, or a defect of a driver.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("event does not fit the run: {0}")]
pub struct ApplyError(pub String);

/// The state of one run: a fold over its events.
#[derive(Debug)]
pub struct Run {
    graph: Arc<Graph>,
}

impl Run {
    /// A run before its first event.
    pub fn new(graph: Arc<Graph>) -> Self {
        Self { graph }
    }

    /// Folds one event in, and says what to do next, in order.
    ///
    /// # Errors
    /// The event is not one that can happen in this state. The state is unchanged.
    pub fn apply(&mut self, _event: &Event) -> Result<Step, ApplyError> {
        let _ = &self.graph;
        Ok(Step::default())
    }

    /// How the run ended, when it has.
    pub fn outcome(&self) -> Option<&Outcome> {
        None
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
