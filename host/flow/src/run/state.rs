//! The state of a run: one frame for each scope that was entered, one small record for each node in it.
//!
//! Frames are never removed, so an address of the journal always finds its node; a settled body gives its
//! values back at once.

use std::sync::Arc;

use crate::address::Address;
use crate::error::NodeError;
use crate::graph::{Moment, NodeIx};
use crate::value::Value;

use super::plan::ScopeIx;

/// Index of a frame in the run; 0 is the outermost.
pub(super) type FrameIx = usize;

/// A node of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct At {
    pub(super) frame: FrameIx,
    pub(super) node: NodeIx,
}

/// What is known of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// Its inputs are not there yet.
    Waiting,
    /// An attempt is out.
    Performing,
    /// Between two attempts.
    Pausing,
    /// It waits for the world: see [`Node::resting`].
    Resting,
    /// Bodies are out.
    Inside,
    Succeeded,
    Failed,
    Cancelled,
    Skipped,
}

impl Phase {
    /// Whether something of it is under way, so that its scope cannot be settled yet.
    pub(super) fn busy(self) -> bool {
        matches!(self, Self::Performing | Self::Pausing | Self::Resting | Self::Inside)
    }

    pub(super) fn settled(self) -> bool {
        !self.busy() && self != Self::Waiting
    }
}

#[derive(Debug)]
pub(super) struct Node {
    pub(super) phase: Phase,
    /// Inputs that have not spoken yet.
    pub(super) pending: usize,
    /// The sources that settled a join which does not wait for all.
    pub(super) winners: Vec<NodeIx>,
    /// Number of the last attempt; 0 before the first.
    pub(super) attempt: u32,
    /// Milliseconds of the pause before the next attempt.
    pub(super) pause: u64,
    /// Whether the attempt's `AttemptStarted` is stored.
    pub(super) intent: bool,
    /// What the callee may deduplicate the attempt by, of a node that somebody can find out about.
    pub(super) key: Value,
    /// The key of the asset that it gives.
    pub(super) asset_key: Option<Arc<str>>,
    /// Whether a `Cancel` was given: the answer that is awaited changes nothing any more.
    pub(super) stopping: bool,
    /// Whether it failed while its attempt was still out.
    pub(super) doomed: bool,
    /// The input while it is performed, the node's value when it succeeded.
    pub(super) value: Value,
    pub(super) bodies: Option<Box<Bodies>>,
    pub(super) resting: Option<Box<Resting>>,
}

impl Node {
    pub(super) fn new(pending: usize) -> Self {
        Self {
            phase: Phase::Waiting,
            pending,
            winners: Vec::new(),
            attempt: 0,
            pause: 0,
            intent: false,
            key: Value::Null,
            asset_key: None,
            stopping: false,
            doomed: false,
            value: Value::Null,
            bodies: None,
            resting: None,
        }
    }
}

/// What a node waits for that is not performed.
#[derive(Debug, Default)]
pub(super) struct Resting {
    /// Whether `WaitStarted` or `TaskOpened` is stored.
    pub(super) known: bool,
    /// The moment at which the wait is over, once it is known.
    pub(super) until: Option<i64>,
    /// What is asked of the driver, for a driver after a crash.
    pub(super) asked: Option<Asked>,
    /// Answers of people, as they are in the node's value.
    pub(super) answers: Vec<Value>,
    /// How often the task went to others.
    pub(super) round: u32,
}

/// What a driver has to say about a node.
#[derive(Clone, Debug)]
pub(super) enum Asked {
    /// When the wait is over, and for people what they are asked.
    Rest { moment: Option<Moment>, task: Option<Value> },
    /// Whether the event was taken.
    Emit { to: String, payload: Value },
    /// A number.
    Draw { below: u64 },
}

/// A block under way, with the bodies that were started; of a leaf, its compensation.
#[derive(Debug)]
pub(super) struct Bodies {
    pub(super) address: Address,
    /// What the block gives the names of its bodies: the list of a map, shared with the value that it came from; the
    /// variables of a loop; the failure of a try.
    pub(super) given: Value,
    /// What tells the items of a map apart, when they have keys.
    pub(super) keys: Vec<Value>,
    /// In the order in which they were started, which for maps, loops and branches is the order of their index.
    pub(super) frames: Vec<FrameIx>,
    pub(super) running: u32,
    pub(super) done: u32,
    /// Value of each body of a map or of parallel branches; `None` when it is not there yet or left out.
    pub(super) results: Vec<Option<Value>>,
    /// How a block ends that has come to an end while bodies are still under way.
    pub(super) verdict: Option<Verdict>,
    pub(super) trying: Option<Trying>,
}

impl Bodies {
    pub(super) fn new(address: Address, given: Value) -> Self {
        Self {
            address,
            given,
            keys: Vec::new(),
            frames: Vec::new(),
            running: 0,
            done: 0,
            results: Vec::new(),
            verdict: None,
            trying: None,
        }
    }

    /// The frames of all bodies that were started, and of the compensation that is under way.
    pub(super) fn started(&self) -> impl Iterator<Item = FrameIx> + '_ {
        let undoing = self.trying.as_ref().and_then(|trying| trying.undoing);
        self.frames.iter().copied().chain(undoing)
    }

    /// Whether a race has its value.
    pub(super) fn has_won(&self) -> bool {
        matches!(self.verdict, Some(Verdict::Value(_)))
    }

    /// The frame of a body that was started.
    pub(super) fn frame(&self, index: u32, frames: &[Frame]) -> Option<FrameIx> {
        let is = |frame: &&FrameIx| frames[**frame].index == index;
        let at_its_place = self.frames.get(index as usize).filter(is);
        at_its_place.or_else(|| self.frames.iter().find(is)).copied()
    }
}

/// How a block ends.
#[derive(Clone, Debug)]
pub(super) enum Verdict {
    Value(Value),
    Failed(Failure),
    /// It was stopped from outside.
    Stopped,
}

/// What a `try` is at, beyond its body.
#[derive(Debug, Default)]
pub(super) struct Trying {
    /// Compensation or `finally` is under way, which a stop from outside does not reach.
    pub(super) shielded: bool,
    /// The compensation that is under way.
    pub(super) undoing: Option<FrameIx>,
    /// What is to be undone, the next one last.
    pub(super) undo: Vec<Undo>,
    /// Steps whose compensation failed.
    pub(super) stuck: Vec<Failure>,
    /// The time for cleaning up is over.
    pub(super) late: bool,
}

/// A step that succeeded and can be undone.
#[derive(Clone, Debug)]
pub(super) struct Undo {
    pub(super) step: At,
    /// The input of its compensation, read when the step had succeeded.
    pub(super) input: Result<Value, NodeError>,
}

/// The failure that a scope ends with.
#[derive(Clone, Debug)]
pub(super) struct Failure {
    /// Where it came from; `None` for the flow's own output.
    pub(super) address: Option<Address>,
    pub(super) error: NodeError,
}

#[derive(Debug)]
pub(super) struct Frame {
    pub(super) scope: ScopeIx,
    /// The block whose body this is.
    pub(super) parent: Option<At>,
    /// Number of the body in its block.
    pub(super) index: u32,
    pub(super) nodes: Vec<Node>,
    /// Nodes that are not settled.
    pub(super) open: usize,
    /// Nodes of which something is under way.
    pub(super) busy: usize,
    /// The first failure that was recorded.
    pub(super) failure: Option<Failure>,
    /// Failures that only readers know of which cope with them.
    pub(super) tolerated: Vec<(NodeIx, NodeError)>,
    /// Nothing new starts here.
    pub(super) stopping: bool,
    pub(super) done: bool,
}
