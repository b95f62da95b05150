//! Bodies: what blocks run inside, how a body ends, and what that means to its block.

use crate::error::NodeError;
use crate::expr::Template;
use crate::graph::{NodeKind, OnItemError};
use crate::value::Value;

use super::Run;
use super::names::View;
use super::plan::Act;
use super::state::{At, Bodies, Failure, FrameIx, Phase, Verdict};

impl Run {
    /// The block has its bodies from here on.
    pub(super) fn open_block(&mut self, at: At, given: Value) {
        self.node_mut(at).bodies = Some(Box::new(Bodies::new(self.address(at), given)));
        self.set_phase(at, Phase::Inside);
        if !matches!(self.plan_of(at).act, Act::Leaf(_)) {
            self.limit_time(at);
        }
    }

    /// Starts a body of a block under way.
    pub(super) fn start_body(&mut self, at: At, body: usize, index: u32) {
        let scope = self.plan_of(at).body(body);
        self.bodies(at).running += 1;
        let frame = self.enter(scope, Some(at), index);
        self.bodies(at).frames.push(frame);
    }

    /// Takes the result of a body that has closed.
    pub(super) fn close_body(&mut self, at: At, frame: FrameIx) {
        if self.verifies(frame) {
            return self.verified(at, frame);
        }
        if self.undoes(frame) {
            return self.undone(at, frame);
        }
        let index = self.frames[frame].index;
        let verdict = self.body_verdict(at, frame);
        for node in &mut self.frames[frame].nodes {
            node.value = Value::Null;
        }
        self.tell_of_item(at, index, &verdict);
        let bodies = self.bodies(at);
        bodies.running -= 1;
        bodies.done += 1;
        if let Some(items) = &mut self.count(at).items {
            items.done += 1;
        }
        match self.plan_of(at).act {
            Act::Try => self.go_on_trying(at, index, verdict),
            Act::Race => self.leave_race(at, verdict),
            _ if self.node(at).stopping => self.end_when_still(at),
            Act::Map => self.take_item(at, index, verdict),
            Act::Parallel => self.take_branch(at, index, verdict),
            Act::Loop => self.iterate(at, verdict),
            Act::Switch => self.end_switch(at, index, verdict),
            Act::Leaf(_) | Act::Wait | Act::Human | Act::Emit => {
                unreachable!("a leaf has no body but what undoes it")
            }
        }
    }

    /// How a body ended. A loop's is what it carries on, or what comes of it: it has to be read while the values of its
    /// nodes are there.
    fn body_verdict(&mut self, at: At, frame: FrameIx) -> Verdict {
        let here = &self.frames[frame];
        if let Some(failure) = here.failure.clone() {
            return Verdict::Failed(failure);
        }
        if here.stopping {
            return Verdict::Stopped;
        }
        let value = match self.plan_of(at).act {
            Act::Loop => self.carry_on(at, frame),
            _ => match self.out_of(at, here.index) {
                Some(out) => {
                    let view = View::new(self, frame, None);
                    match (out, self.kind_of(at)) {
                        (Template::Record(fields), NodeKind::Try(tried)) if tried.body.each => {
                            view.outputs(fields)
                        }
                        _ => view.output(out),
                    }
                }
                None => Ok(Value::Null),
            },
        };
        match value {
            Ok(value) => Verdict::Value(value),
            Err(error) => Verdict::Failed(Failure { address: Some(self.address(at)), error }),
        }
    }

    /// What is read from the end of a body.
    fn out_of(&self, at: At, index: u32) -> Option<&Template> {
        let index = index as usize;
        match self.kind_of(at) {
            NodeKind::Map(map) => Some(&map.out),
            NodeKind::Loop(looped) => looped.body.out.as_ref(),
            NodeKind::Switch { cases } => cases[index].body.as_ref()?.out.as_ref(),
            NodeKind::Parallel(branches) | NodeKind::Race(branches) => {
                branches.bodies[index].out.as_ref()
            }
            NodeKind::Try(guarded) => match index.checked_sub(1) {
                None => guarded.body.out.as_ref(),
                Some(handler) => guarded.catch.get(handler)?.body.out.as_ref(),
            },
            NodeKind::Leaf(_) | NodeKind::Wait(_) | NodeKind::Human(_) | NodeKind::Emit(_) => {
                unreachable!("a leaf has no body")
            }
        }
    }

    /// Ends a block that was stopped, once nothing in it is under way.
    pub(super) fn end_when_still(&mut self, at: At) {
        let bodies = self.bodies(at);
        if bodies.running == 0 {
            (bodies.results, bodies.given) = (Vec::new(), Value::Null);
            self.settle_stopped(at);
        }
    }

    pub(super) fn stop_bodies(&mut self, at: At) {
        if std::mem::replace(&mut self.node_mut(at).stopping, true) {
            return;
        }
        match self.plan_of(at).act {
            Act::Try => self.stop_trying(at),
            _ => {
                self.stop_frames(at);
                self.end_when_still(at);
            }
        }
    }

    /// Stops the bodies that are under way.
    pub(super) fn stop_frames(&mut self, at: At) {
        for body in 0..self.bodies(at).frames.len() {
            let frame = self.bodies(at).frames[body];
            if !self.frames[frame].done {
                self.stop_frame(frame);
            }
        }
    }

    /// Whether a failed body takes its block along at once.
    pub(super) fn fails_whole(&self, at: At) -> bool {
        let whole = match self.kind_of(at) {
            NodeKind::Map(map) => map.on_item_error == OnItemError::Fail,
            NodeKind::Parallel(branches) => branches.on_branch_error == OnItemError::Fail,
            NodeKind::Switch { .. } | NodeKind::Loop(_) => true,
            _ => false,
        };
        whole && !self.plan_of(at).tolerated
    }

    pub(super) fn kind_of(&self, at: At) -> &NodeKind {
        &self.plan.scope(&self.graph, self.frames[at.frame].scope).nodes[at.node].kind
    }

    pub(super) fn bodies(&mut self, at: At) -> &mut Bodies {
        self.node_mut(at).bodies.as_mut().expect("a block under way has its bodies")
    }
}

/// The value of an item or a branch; `None` when it is left out, the failure when the whole block fails.
pub(super) fn tolerated(verdict: Verdict, on_error: OnItemError) -> Result<Option<Value>, Failure> {
    match (verdict, on_error) {
        (Verdict::Value(value), _) => Ok(Some(value)),
        (Verdict::Failed(failure), OnItemError::Fail) => Err(failure),
        (Verdict::Failed(failure), OnItemError::Collect) => Ok(Some(collected(&failure.error))),
        (Verdict::Failed(_), OnItemError::Skip) => Ok(None),
        (Verdict::Stopped, _) => unreachable!("a body is stopped with its block"),
    }
}

fn collected(error: &NodeError) -> Value {
    let code = Value::from(error.code.as_str());
    let message = Value::from(error.message.as_str());
    Value::record([("error", Value::record([("code", code), ("message", message)]))])
}
