//! What is outstanding when a process takes a run over: nothing is performed anywhere any more.
//!
//! Attempts that may be repeated are given out again under the same number. The outcome of the others is
//! unknown, and saying so is the only honest answer. What was being cancelled has stopped with the process.

use crate::error::{ErrorCode, NodeError};

use super::state::{At, FrameIx, Phase};
use super::{Effect, Run, Stage};

impl Run {
    pub(super) fn resume(&mut self) {
        if let Stage::Finishing(outcome) = &self.stage {
            self.step.effects.push(Effect::Finish(outcome.clone()));
            return;
        }
        let mut outstanding = Vec::new();
        self.find_outstanding(0, &mut outstanding);
        self.orphaned = true;
        for &at in &outstanding {
            self.give_up(at);
        }
        self.orphaned = false;
        self.end_again();
        for at in outstanding {
            match self.node(at).phase {
                Phase::Performing => {
                    self.limit_time(at);
                    self.perform(at);
                }
                Phase::Pausing => {
                    self.limit_time(at);
                    self.wait(at);
                }
                Phase::Resting => self.ask_again(at),
                Phase::Inside if self.hurries(at) => self.hurry(at),
                Phase::Inside => self.limit_time(at),
                _ => {}
            }
        }
    }

    /// Leaves under way, and blocks with a bound on their time, in the order of the graph and of the items.
    fn find_outstanding(&self, frame: FrameIx, found: &mut Vec<At>) {
        for (node, state) in self.frames[frame].nodes.iter().enumerate() {
            match state.phase {
                Phase::Performing | Phase::Pausing | Phase::Resting => {
                    found.push(At { frame, node });
                }
                Phase::Inside => {
                    let at = At { frame, node };
                    let timed = self.hurries(at) || self.is_timed(at);
                    found.extend(timed.then_some(at));
                    for body in state.bodies.iter().flat_map(|bodies| bodies.started()) {
                        if !self.frames[body].done {
                            self.find_outstanding(body, found);
                        }
                    }
                }
                _ => {}
            }
        }
    }

    /// Ends what cannot go on without the process that is gone.
    fn give_up(&mut self, at: At) {
        let node = self.node(at);
        if node.phase != Phase::Performing {
            return;
        }
        if node.stopping {
            return self.settle_stopped(at);
        }
        if node.intent && !self.leaf(at).policy.effect.repeatable() {
            let attempt = node.attempt;
            let message = format!(
                "the process ended while attempt {attempt} was performed; whether its effect happened \
                 is not known, and a `once` node is never repeated"
            );
            let help = "look at the other side whether it happened, then start a new run; declare \
                        `effect: idempotent` when the other side ignores a repeated key";
            let error = NodeError::new(ErrorCode::UnknownOutcome, message).with_help(help);
            self.not_known(at, error);
        }
    }
}
