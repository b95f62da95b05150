//! How far a run is, counted while it happens, so that showing it costs nothing.

use std::sync::Arc;

use super::Run;
use super::state::{At, Phase};

/// How far one node of the flow is. The node of a body counts once for each item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Path of node ids without indices: `scan.assess`.
    pub path: Arc<str>,
    /// Not started; stays so when the scope ends before.
    pub waiting: u32,
    /// Performed, pausing before a retry, waiting for the world, or a block with bodies under way.
    pub running: u32,
    /// Settled with a value.
    pub succeeded: u32,
    /// Settled with a failure.
    pub failed: u32,
    /// Stopped after it was started.
    pub cancelled: u32,
    /// On a path that was not taken.
    pub skipped: u32,
    /// For a map that has its list: items over all its executions.
    pub items: Option<Items>,
}

/// Items of a map.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Items {
    /// Settled, whichever way.
    pub done: u32,
    /// In the list.
    pub total: u32,
}

impl Progress {
    pub(super) fn new(path: &Arc<str>) -> Self {
        Self {
            path: path.clone(),
            waiting: 0,
            running: 0,
            succeeded: 0,
            failed: 0,
            cancelled: 0,
            skipped: 0,
            items: None,
        }
    }

    fn of(&mut self, phase: Phase) -> &mut u32 {
        match phase {
            Phase::Waiting => &mut self.waiting,
            Phase::Performing | Phase::Pausing | Phase::Resting | Phase::Inside => {
                &mut self.running
            }
            Phase::Succeeded => &mut self.succeeded,
            Phase::Failed => &mut self.failed,
            Phase::Cancelled => &mut self.cancelled,
            Phase::Skipped => &mut self.skipped,
        }
    }
}

impl Run {
    pub(super) fn count(&mut self, at: At) -> &mut Progress {
        let path = self.plan.scopes[self.frames[at.frame].scope].nodes[at.node].path;
        &mut self.counts[path]
    }

    /// The only way in which a node changes its phase: counters and frame follow.
    pub(super) fn set_phase(&mut self, at: At, phase: Phase) {
        let old = std::mem::replace(&mut self.node_mut(at).phase, phase);
        let count = self.count(at);
        *count.of(old) -= 1;
        *count.of(phase) += 1;
        let frame = &mut self.frames[at.frame];
        match (old.busy(), phase.busy()) {
            (false, true) => frame.busy += 1,
            (true, false) => frame.busy -= 1,
            _ => {}
        }
        if phase.settled() && !old.settled() {
            frame.open -= 1;
        }
    }

    pub(super) fn count_entered(&mut self, path: usize) {
        self.counts[path].waiting += 1;
    }
}
