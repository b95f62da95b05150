//! A run that this program started or resumed.

use std::sync::Mutex;

use cleargate_executor::{End, RunHandle};
use cleargate_flow::run::Progress;
use cleargate_flow::{Outcome, RunId};

use crate::error::{Error, Kind, Result};

/// A run in this process. Dropping it does not stop the run.
pub struct Running {
    pub(crate) handle: RunHandle,
    last: Mutex<Vec<NodeProgress>>,
}

/// How far one node is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeProgress {
    /// Node ids from the outermost scope inwards.
    pub path: String,
    /// `waiting`, `running`, `succeeded`, `failed`, `cancelled` or `skipped`.
    pub state: String,
    /// Items of a map that are settled, or 0 and 1.
    pub done: u64,
    /// Items of a map, or 1.
    pub total: u64,
}

impl NodeProgress {
    fn of(progress: &Progress) -> Self {
        let settled = progress.succeeded + progress.failed + progress.cancelled + progress.skipped;
        let state = match progress {
            p if p.running > 0 => "running",
            p if p.waiting > 0 || settled == 0 => "waiting",
            p if p.failed > 0 => "failed",
            p if p.cancelled > 0 => "cancelled",
            p if p.succeeded > 0 => "succeeded",
            _ => "skipped",
        };
        let (done, total) = match progress.items {
            Some(items) => (items.done.into(), items.total.into()),
            None => (u64::from(!matches!(state, "waiting" | "running")), 1),
        };
        Self { path: progress.path.to_string(), state: state.into(), done, total }
    }

    /// Not started yet.
    pub fn is_waiting(&self) -> bool {
        self.state == "waiting"
    }

    /// Over, whichever way.
    pub fn is_settled(&self) -> bool {
        !matches!(self.state.as_str(), "waiting" | "running")
    }

    /// A node inside a map: it is counted by the map.
    pub fn is_body(&self) -> bool {
        self.path.contains('.')
    }
}

impl Running {
    pub(crate) fn new(handle: RunHandle) -> Self {
        Self { handle, last: Mutex::default() }
    }

    /// The run's id.
    pub fn id(&self) -> &RunId {
        self.handle.id()
    }

    /// How far each node is, in the order of the graph.
    pub async fn progress(&self) -> Vec<NodeProgress> {
        let nodes: Vec<_> =
            self.handle.progress().await.nodes.iter().map(NodeProgress::of).collect();
        let mut last = self.last.lock().expect("no holder of this lock panics");
        if !nodes.is_empty() {
            last.clone_from(&nodes);
        }
        last.clone()
    }

    /// Whether the run has left this process.
    pub fn has_ended(&self) -> bool {
        self.handle.ended().is_some()
    }

    /// Whether the run has left this process because it does nothing but wait: [`Host::waits`](crate::Host::waits) says for
    /// what.
    pub fn waits(&self) -> bool {
        self.handle.ended() == Some(End::Waiting)
    }

    /// Waits until the run has left this process, whichever way.
    pub async fn ended(&self) {
        let _end = self.handle.outcome().await;
    }

    /// Asks the run to end; what is being done is stopped and awaited. `by` is who asks.
    pub fn cancel(&self, by: &str) {
        self.handle.cancel(by);
    }

    /// Waits for the outcome.
    ///
    /// # Errors
    /// The run left this process without an outcome: it was parked, taken over, or its journal cannot be
    /// written.
    pub async fn outcome(&self) -> Result<Outcome> {
        let id = self.id();
        let resume = format!("cleargate resume {id}");
        match self.handle.outcome().await {
            End::Finished(outcome) => Ok(outcome),
            End::Parked => {
                Err(Error::new(Kind::Waiting, format!("run {id} was parked")).with_help(resume))
            }
            End::Waiting => {
                Err(Error::new(Kind::Waiting, format!("run {id} waits")).with_help(resume))
            }
            End::Lost => {
                let why = format!("run {id} was taken over by another process");
                Err(Error::new(Kind::Waiting, why).with_help(format!("cleargate runs show {id}")))
            }
            End::Broken(why) => {
                Err(Error::new(Kind::Store, format!("run {id} cannot go on: {why}"))
                    .with_help(resume))
            }
        }
    }
}
