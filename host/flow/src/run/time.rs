//! Time that is over: the deadline of a node or a block, and silence in a block.
//!
//! A bound on a block reaches all that is inside it: what is under way there is cancelled and awaited. The bounds of a
//! `try` are for what it tries; its handlers see `timeout` as any failure, and its end has a time of its own, `cleanup`.

use crate::error::{ErrorCode, NodeError};
use crate::limits::Unit;

use super::plan::Act;
use super::state::{At, Failure, Phase};
use super::{Effect, Run};

/// Which bound of a node has been reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Limit {
    /// All that it may take.
    Deadline,
    /// How long nothing may be heard of what is inside.
    Idle,
}

impl Run {
    /// Says how long a node may take that is begun here, or goes on after a crash.
    pub(super) fn limit_time(&mut self, at: At) {
        if !self.may_be_late(at) {
            return;
        }
        let (deadline, idle) = (self.plan_of(at).deadline, self.plan_of(at).idle);
        if let Some(after_ms) = deadline {
            let (address, cleanup) = (self.address(at), false);
            self.step.effects.push(Effect::Deadline { address, after_ms, cleanup });
        }
        if let Some(after_ms) = idle {
            self.step.effects.push(Effect::Idle { address: self.address(at), after_ms });
        }
    }

    pub(super) fn is_timed(&self, at: At) -> bool {
        let plan = self.plan_of(at);
        plan.deadline.is_some() || plan.idle.is_some()
    }

    pub(super) fn limit_of(&self, at: At, limit: Limit) -> Option<u64> {
        match limit {
            Limit::Deadline => self.plan_of(at).deadline,
            Limit::Idle => self.plan_of(at).idle,
        }
    }

    /// Whether time that is over changes anything: the node is under way, and nobody stops it already.
    pub(super) fn may_be_late(&self, at: At) -> bool {
        let node = self.node(at);
        if node.stopping {
            return false;
        }
        match (&self.plan_of(at).act, &node.bodies) {
            (Act::Leaf(_), _) => {
                node.phase == Phase::Waiting
                    || matches!(node.phase, Phase::Performing | Phase::Pausing | Phase::Inside)
            }
            (Act::Try, Some(bodies)) if node.phase == Phase::Inside => {
                let tried = bodies.frames.first().map(|body| &self.frames[*body]);
                tried.is_none_or(|body| !body.done && !body.stopping)
            }
            // Who has won is not late because the others are awaited.
            (Act::Race, Some(bodies)) => node.phase == Phase::Inside && !bodies.has_won(),
            _ => node.phase == Phase::Inside,
        }
    }

    /// Stops what took too long.
    pub(super) fn out_of_time(&mut self, at: At, limit: Limit) {
        if limit == Limit::Deadline && self.hurries(at) {
            return self.stop_cleaning(at);
        }
        let address = Some(self.address(at));
        let failure = Failure { address, error: self.lateness(at, limit) };
        match self.plan_of(at).act {
            Act::Leaf(_) if self.node(at).phase == Phase::Pausing => self.fail(at, failure.error),
            Act::Try => {
                let tried = self.bodies(at).frames[0];
                self.fail_frame(tried, failure);
            }
            _ => self.doom(at, failure),
        }
    }

    fn lateness(&self, at: At, limit: Limit) -> NodeError {
        let millis = self.limit_of(at, limit).unwrap_or_default();
        let (message, help) = match (limit, &self.plan_of(at).act) {
            (Limit::Deadline, Act::Leaf(_)) => (
                format!("not done within the deadline of {millis} ms over all attempts"),
                "raise `deadline:` of the node, or lower what its attempts may take",
            ),
            (Limit::Deadline, _) => (
                format!("not done within the deadline of {}", Unit::Millis.print(millis)),
                "raise `deadline:` of the block, or lower what its nodes may take",
            ),
            (Limit::Idle, _) => (
                format!("nothing was heard of what is inside for {}", Unit::Millis.print(millis)),
                "raise `idle:` of the block, or give its nodes a `timeout:` of their own",
            ),
        };
        NodeError::new(ErrorCode::Timeout, message).with_help(help)
    }
}
