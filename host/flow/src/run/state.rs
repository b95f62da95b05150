//! The state of a run: one frame for each scope that was entered, one small record for each node in it.
//!
//! Frames are never removed, so an address of the journal always finds its node; a settled body gives its
//! values back at once.

use crate::address::Address;
use crate::error::NodeError;
use crate::graph::NodeIx;
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
        matches!(self, Self::Performing | Self::Pausing | Self::Inside)
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
    /// The source that settled a `join: any`.
    pub(super) winner: Option<NodeIx>,
    /// Number of the last attempt; 0 before the first.
    pub(super) attempt: u32,
    /// Milliseconds of the pause before the next attempt.
    pub(super) pause: u64,
    /// Whether the attempt's `AttemptStarted` is stored.
    pub(super) intent: bool,
    /// Whether a `Cancel` was given: the answer that is awaited changes nothing any more.
    pub(super) stopping: bool,
    /// Whether it failed while its attempt was still out.
    pub(super) doomed: bool,
    /// The input while it is performed, the node's value when it succeeded.
    pub(super) value: Value,
    pub(super) bodies: Option<Box<Bodies>>,
}

impl Node {
    pub(super) fn new(pending: usize) -> Self {
        Self {
            phase: Phase::Waiting,
            pending,
            winner: None,
            attempt: 0,
            pause: 0,
            intent: false,
            stopping: false,
            doomed: false,
            value: Value::Null,
            bodies: None,
        }
    }
}

/// A block under way: a map with one body for each item, a switch with the body of the case that it took.
#[derive(Debug)]
pub(super) struct Bodies {
    pub(super) address: Address,
    /// The list of a map, shared with the value that it came from.
    pub(super) items: Value,
    /// Frame of each body that was started, by index of the item; the only one of a switch.
    pub(super) frames: Vec<FrameIx>,
    pub(super) running: u32,
    pub(super) done: u32,
    /// Value of each body; `None` when it is not there yet or left out.
    pub(super) results: Vec<Option<Value>>,
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
    /// Of the item, or of the case.
    pub(super) index: u32,
    pub(super) nodes: Vec<Node>,
    /// Nodes that are not settled.
    pub(super) open: usize,
    /// Nodes of which something is under way.
    pub(super) busy: usize,
    /// The first failure that was recorded.
    pub(super) failure: Option<Failure>,
    /// Nothing new starts here.
    pub(super) stopping: bool,
    pub(super) done: bool,
}
