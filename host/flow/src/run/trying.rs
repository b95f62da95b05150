//! `try`: a body, compensation when it fails, a handler for the failure, and what runs at the end whichever it was.
//!
//! Compensation undoes the steps of the body that succeeded, in the reverse order of their success, one after the
//! other. What it needs was read when the step had succeeded, so that nothing has to be kept for it. It runs when the
//! body failed and also when the block was stopped from outside; neither it nor `finally` is stopped then, but both
//! together may take no longer than `cleanup`. Once a step could not be undone, no handler makes the failure good.

use crate::error::{ErrorCode, NodeError};
use crate::graph::{Leaf, NodeKind, Try};
use crate::value::Value;

use super::names::View;
use super::plan::Act;
use super::state::{At, Bodies, Failure, FrameIx, Trying, Undo, Verdict};
use super::{Effect, Run};

impl Run {
    pub(super) fn open_try(&mut self, at: At) {
        self.open_block(at, Value::Null);
        self.bodies(at).trying = Some(Trying::default());
        self.start_body(at, 0, 0);
    }

    /// Takes on how the body, a handler or `finally` ended.
    pub(super) fn go_on_trying(&mut self, at: At, index: u32, verdict: Verdict) {
        let finally = self.try_of(at).finally_index() == index as usize;
        let handler = (index as usize).checked_sub(1).and_then(|n| self.try_of(at).catch.get(n));
        let rethrow = handler.is_some_and(|handler| handler.rethrow);
        match verdict {
            Verdict::Value(_) if finally => {}
            Verdict::Value(_) | Verdict::Failed(_) if rethrow => {}
            verdict => self.bodies(at).verdict = Some(verdict),
        }
        match index {
            _ if finally => self.end_try(at),
            0 => {
                let done = matches!(self.bodies(at).verdict, Some(Verdict::Value(_)));
                if !done && !self.try_of(at).stands {
                    self.plan_undo(at);
                }
                self.undo_next(at);
            }
            _ => self.finally(at),
        }
    }

    /// A stop from outside: what is tried or handled is cancelled; what cleans up goes on, for so long.
    pub(super) fn stop_trying(&mut self, at: At) {
        match self.trying(at).shielded {
            true => self.hurry(at),
            false => self.stop_frames(at),
        }
    }

    /// Says how long cleaning up may take.
    pub(super) fn hurry(&mut self, at: At) {
        let (address, after_ms) = (self.address(at), self.try_of(at).cleanup);
        self.step.effects.push(Effect::Deadline { address, after_ms, cleanup: true });
    }

    /// The time for cleaning up is over.
    pub(super) fn stop_cleaning(&mut self, at: At) {
        self.trying(at).late = true;
        match self.trying(at).undoing {
            Some(frame) => self.stop_frame(frame),
            None => self.stop_frames(at),
        }
    }

    /// Whether the block cleans up for somebody who waits for its end.
    pub(super) fn hurries(&self, at: At) -> bool {
        let node = self.node(at);
        let trying = node.bodies.as_ref().and_then(|bodies| bodies.trying.as_ref());
        node.stopping && trying.is_some_and(|trying| trying.shielded && !trying.late)
    }

    fn shield(&mut self, at: At) {
        if !std::mem::replace(&mut self.trying(at).shielded, true) && self.node(at).stopping {
            self.hurry(at);
        }
    }

    /// Keeps what undoing a step will need.
    pub(super) fn remember_undo(&mut self, at: At) {
        let Some(undo) = self.undo_of(at) else { return };
        let input = self.input_with(undo, &View::new(self, at.frame, Some(at.node)));
        self.undoable.push(Undo { step: at, input });
    }

    /// What undoes a step.
    fn undo_of(&self, at: At) -> Option<&Leaf> {
        let Act::Leaf(_) = self.plan_of(at).act else { return None };
        let scope = (*self.plan_of(at).bodies.first()?)?;
        match &self.plan.scope(&self.graph, scope).nodes.first()?.kind {
            NodeKind::Leaf(leaf) => Some(leaf),
            _ => unreachable!("what undoes a step is performed"),
        }
    }

    /// Takes the steps of the body, at any depth.
    fn plan_undo(&mut self, at: At) {
        let body = self.bodies(at).frames[0];
        let (mine, others) = std::mem::take(&mut self.undoable)
            .into_iter()
            .partition(|undo| self.is_within(undo.step.frame, body));
        self.undoable = others;
        self.trying(at).undo = mine;
    }

    fn is_within(&self, mut frame: FrameIx, outer: FrameIx) -> bool {
        while frame != outer {
            match self.frames[frame].parent {
                Some(block) => frame = block.frame,
                None => return false,
            }
        }
        true
    }

    fn undo_next(&mut self, at: At) {
        while let Some(Undo { step, input }) = self.trying(at).undo.pop() {
            self.shield(at);
            let late = self.trying(at).late;
            let given = match input {
                Ok(_) if late => Err(NodeError::new(ErrorCode::Timeout, "there was no time left")),
                given => given,
            };
            match given {
                Ok(input) => return self.undo(at, step, input),
                Err(error) => {
                    let address = Some(self.address(step));
                    self.trying(at).stuck.push(Failure { address, error });
                }
            }
        }
        self.handle(at);
    }

    /// Starts the compensation of a step: a body of its own, below it.
    fn undo(&mut self, at: At, step: At, input: Value) {
        let (address, scope) = (self.address(step), self.plan_of(step).body(0));
        let frame = self.enter(scope, Some(step), 0);
        self.frames[frame].nodes[0].value = input;
        // Who found out whether the step happened may still have something to be told.
        let bodies = &mut self.node_mut(step).bodies;
        let new = || Box::new(Bodies::new(address, Value::Null));
        bodies.get_or_insert_with(new).frames.push(frame);
        self.trying(at).undoing = Some(frame);
    }

    /// Whether a frame is a compensation.
    pub(super) fn undoes(&self, frame: FrameIx) -> bool {
        let parent = self.frames[frame].parent;
        let leaf = |step: At| matches!(self.plan_of(step).act, Act::Leaf(_));
        parent.is_some_and(leaf) && !self.verifies(frame)
    }

    /// A compensation has ended.
    pub(super) fn undone(&mut self, step: At, frame: FrameIx) {
        let at = self.undone_for(step, frame);
        let failure = self.frames[frame].failure.clone();
        let stopped = self.frames[frame].stopping.then(|| {
            let error = NodeError::new(ErrorCode::Timeout, "it was not done in time");
            Failure { address: Some(self.address(step)), error }
        });
        let trying = self.trying(at);
        trying.undoing = None;
        trying.stuck.extend(failure.or(stopped));
        self.undo_next(at);
    }

    /// The block for which a step is undone: one around it.
    fn undone_for(&self, step: At, frame: FrameIx) -> At {
        let undoing = |block: At| {
            let trying = self.node(block).bodies.as_ref()?.trying.as_ref()?;
            (trying.undoing == Some(frame)).then_some(block)
        };
        let mut around = self.frames[step.frame].parent;
        loop {
            let block = around.expect("a step is undone for a block around it");
            match undoing(block) {
                Some(found) => return found,
                None => around = self.frames[block.frame].parent,
            }
        }
    }

    /// Gives the failure to the first handler that takes it.
    fn handle(&mut self, at: At) {
        if !self.trying(at).stuck.is_empty() {
            self.get_stuck(at);
        } else if let Some(Verdict::Failed(failure)) = &self.bodies(at).verdict {
            let (failure, code) = (told(failure), failure.error.code);
            self.bodies(at).given = failure;
            let handler = self.try_of(at).catch.iter().position(|catch| catch.takes(code));
            if let Some(handler) = handler.filter(|_| !self.node(at).stopping) {
                self.trying(at).shielded = false;
                let index =
                    u32::try_from(1 + handler).expect("a flow has fewer handlers than bytes");
                return self.start_body(at, 1 + handler, index);
            }
        }
        self.finally(at);
    }

    /// The failure is now that the world is not as it was before.
    fn get_stuck(&mut self, at: At) {
        let stuck = std::mem::take(&mut self.trying(at).stuck);
        let name = |failure: &Failure| failure.address.as_ref().map(ToString::to_string);
        let each = stuck.iter().map(|failure| {
            format!("`{}`: {}", name(failure).unwrap_or_default(), failure.error.message)
        });
        let each: Vec<String> = each.collect();
        let before = match &self.bodies(at).verdict {
            Some(Verdict::Failed(failure)) => failure.error.message.clone(),
            _ => "it was stopped".into(),
        };
        let detail = Value::list(stuck.iter().map(told));
        let message = format!("{before}; not undone: {}", each.join("; "));
        let error = NodeError::new(ErrorCode::Permanent, message)
            .with_detail(Value::record([("stuck", detail)]))
            .with_help("undo these steps by hand: their effects stand");
        let failure = Failure { address: stuck[0].address.clone(), error };
        self.bodies(at).given = told(&failure);
        self.bodies(at).verdict = Some(Verdict::Failed(failure));
        // A block that was stopped shows that it is not as if nothing had happened.
        self.node_mut(at).doomed |= self.node(at).stopping;
    }

    fn finally(&mut self, at: At) {
        let finally = self.try_of(at).finally_index();
        if self.try_of(at).finally.is_none() || self.trying(at).late {
            return self.end_try(at);
        }
        self.shield(at);
        let index = u32::try_from(finally).expect("a flow has fewer handlers than bytes");
        self.start_body(at, finally, index);
    }

    fn end_try(&mut self, at: At) {
        let stopping = self.node(at).stopping;
        let bodies = self.bodies(at);
        bodies.given = Value::Null;
        match bodies.verdict.take() {
            _ if stopping => self.settle_stopped(at),
            Some(Verdict::Value(value)) => self.succeed(at, value, None),
            Some(Verdict::Failed(failure)) => self.fail_as(at, failure),
            Some(Verdict::Stopped) | None => unreachable!("only who is stopped stops"),
        }
    }

    fn try_of(&self, at: At) -> &Try {
        match self.kind_of(at) {
            NodeKind::Try(guarded) => guarded,
            _ => unreachable!("the plan says that it is a try"),
        }
    }

    fn trying(&mut self, at: At) -> &mut Trying {
        self.bodies(at).trying.as_mut().expect("a try has its state")
    }
}

/// A failure as handlers see it.
fn told(failure: &Failure) -> Value {
    let node = failure.address.as_ref().map_or(Value::Null, |at| at.to_string().into());
    Value::record([
        ("code", Value::from(failure.error.code.as_str())),
        ("message", failure.error.message.as_str().into()),
        ("node", node),
    ])
}
