//! What one settled node means for the others: starts, skips, failing and stopping scopes, and the end.

use crate::address::Address;
use crate::error::NodeError;
use crate::event::{Outcome, check_payload};
use crate::graph::{Join, NodeIx};
use crate::value::Value;

use super::names::View;
use super::plan::{Act, Input, InputKind, NodePlan, ScopeIx};
use super::state::{At, Failure, Frame, FrameIx, Node, Phase};
use super::{Derived, Effect, Run, Stage};

/// Something to look at, in order.
#[derive(Clone, Copy, Debug)]
pub(super) enum Work {
    /// The node's inputs are there.
    Start(At),
    /// The node's path is dead.
    Skip(At),
    /// Nothing is open, or nothing is under way, in the frame.
    Close(FrameIx),
}

impl Run {
    pub(super) fn drain(&mut self) {
        while let Some(work) = self.work.pop_front() {
            match work {
                Work::Start(at) => self.start(at),
                Work::Skip(at) => self.skip(at),
                Work::Close(frame) => self.close(frame),
            }
        }
    }

    /// Makes a frame and starts what waits for nothing.
    pub(super) fn enter(&mut self, scope: ScopeIx, parent: Option<At>, index: u32) -> FrameIx {
        let frame = self.frames.len();
        let count = self.plan.scopes[scope].nodes.len();
        let mut nodes = Vec::with_capacity(count);
        for node in 0..count {
            let plan = &self.plan.scopes[scope].nodes[node];
            let (path, pending) = (plan.path, plan.inputs.len());
            nodes.push(Node::new(pending));
            self.count_entered(path);
            if pending == 0 {
                self.work.push_back(Work::Start(At { frame, node }));
            }
        }
        let (open, busy) = (count, 0);
        let (failure, tolerated, stopping, done) = (None, Vec::new(), false, false);
        self.frames.push(Frame {
            scope,
            parent,
            index,
            nodes,
            open,
            busy,
            failure,
            tolerated,
            stopping,
            done,
        });
        if count == 0 {
            self.work.push_back(Work::Close(frame));
        }
        frame
    }

    fn start(&mut self, at: At) {
        if self.frames[at.frame].stopping || self.node(at).phase != Phase::Waiting {
            return;
        }
        match self.plan_of(at).act {
            Act::Leaf(_) if self.undoes(at.frame) => self.perform_undo(at),
            Act::Leaf(_) => self.perform_first(at),
            Act::Switch => self.choose(at),
            Act::Map => self.open_map(at),
            Act::Loop => self.open_loop(at),
            Act::Parallel | Act::Race => self.open_branches(at),
            Act::Try => self.open_try(at),
            Act::Wait => self.begin_wait(at),
            Act::Human => self.ask_people(at),
            Act::Emit => self.emit(at),
        }
    }

    /// Records a node's value and tells its readers.
    pub(super) fn succeed(&mut self, at: At, value: Value, taken: Option<usize>) {
        self.node_mut(at).value = value;
        if let Err(error) = self.write_state(at) {
            return self.fail(at, error);
        }
        if !matches!(self.plan_of(at).act, Act::Leaf(_)) {
            let (address, value) = (self.address(at), self.node(at).value.clone());
            self.step.derived.push(Derived::Valued { address, value });
        }
        self.settle(at, Phase::Succeeded, "succeeded");
        self.remember_undo(at);
        if !self.frames[at.frame].stopping {
            self.tell_readers(at, Some(taken));
        }
    }

    fn skip(&mut self, at: At) {
        if self.frames[at.frame].stopping || self.node(at).phase != Phase::Waiting {
            return;
        }
        if let Some(error) = self.last_tolerated(at) {
            return self.fail(at, error);
        }
        self.set_phase(at, Phase::Skipped);
        self.step.derived.push(Derived::Skipped { address: self.address(at) });
        self.tell_readers(at, None);
        self.close_when_still(at.frame);
    }

    /// The last failure that a join coped with which has nothing left to begin with.
    fn last_tolerated(&self, at: At) -> Option<NodeError> {
        let plan = self.plan_of(at);
        let mut failures = self.frames[at.frame].tolerated.iter().rev();
        let of_input = |from: NodeIx| plan.inputs.iter().any(|input| input.from == from);
        let tolerant = plan.join == Join::FirstSuccess;
        tolerant
            .then(|| failures.find(|(from, _)| of_input(*from)))
            .flatten()
            .map(|(_, e)| e.clone())
    }

    /// Passes on that `at` is settled: `None` when it was skipped, else the case it took as a switch.
    fn tell_readers(&mut self, at: At, outcome: Option<Option<usize>>) {
        let frame = &mut self.frames[at.frame];
        let scope = &self.plan.scopes[frame.scope];
        for &(reader, input) in &scope.nodes[at.node].readers {
            let node = &mut frame.nodes[reader];
            let plan = &scope.nodes[reader];
            let enough = plan.join.enough(plan.inputs.len());
            if node.phase != Phase::Waiting || enough == Some(node.winners.len()) {
                continue;
            }
            let input = &plan.inputs[input];
            let live = outcome.is_some_and(|taken| input.lives(taken));
            node.pending -= 1;
            let there = At { frame: at.frame, node: reader };
            self.work.extend(match enough {
                Some(enough) => first_come(node, at.node, live, enough, there),
                None => all_come(node, input, live, there),
            });
        }
    }

    /// Settles a node as failed, and with it its scope.
    pub(super) fn fail(&mut self, at: At, error: NodeError) {
        let address = Some(self.address(at));
        self.fail_as(at, Failure { address, error });
    }

    /// Settles a node as failed with a failure that may have come from inside it.
    pub(super) fn fail_as(&mut self, at: At, failure: Failure) {
        self.settle(at, Phase::Failed, "failed");
        if self.plan_of(at).tolerated {
            self.tolerate(at, failure.error);
            self.tell_of_failure(at);
        } else {
            self.fail_frame(at.frame, failure);
        }
    }

    /// A node is to fail as soon as what is under way in it has ended.
    pub(super) fn doom(&mut self, at: At, failure: Failure) {
        self.node_mut(at).doomed = true;
        if !self.plan_of(at).tolerated {
            return self.fail_frame(at.frame, failure);
        }
        self.tolerate(at, failure.error);
        match self.node(at).phase {
            Phase::Performing => self.stop_attempt(at),
            Phase::Inside => self.stop_bodies(at),
            _ => unreachable!("only what is under way is doomed"),
        }
    }

    fn tolerate(&mut self, at: At, error: NodeError) {
        self.frames[at.frame].tolerated.push((at.node, error));
    }

    fn tell_of_failure(&mut self, at: At) {
        if !self.frames[at.frame].stopping {
            self.tell_readers(at, None);
        }
    }

    pub(super) fn settle(&mut self, at: At, phase: Phase, status: &'static str) {
        self.set_phase(at, phase);
        self.step.derived.push(Derived::Settled { address: self.address(at), status });
        self.close_when_still(at.frame);
    }

    /// The first failure decides: the scope stops, and the scopes around it that it takes along.
    pub(super) fn fail_frame(&mut self, frame: FrameIx, failure: Failure) {
        if self.frames[frame].stopping {
            return;
        }
        self.frames[frame].failure = Some(failure.clone());
        self.stop_frame(frame);
        if let Some(block) = self.frames[frame].parent.filter(|block| self.fails_whole(*block)) {
            self.node_mut(block).doomed = true;
            self.fail_frame(block.frame, failure);
        }
    }

    /// Cancels what is under way; nothing new starts.
    pub(super) fn stop_frame(&mut self, frame: FrameIx) {
        if std::mem::replace(&mut self.frames[frame].stopping, true) {
            return;
        }
        for node in 0..self.frames[frame].nodes.len() {
            let at = At { frame, node };
            match self.node(at).phase {
                Phase::Performing => self.stop_attempt(at),
                Phase::Pausing => self.settle(at, Phase::Cancelled, "cancelled"),
                Phase::Resting => self.withdraw(at),
                Phase::Inside => self.stop_bodies(at),
                _ => {}
            }
        }
        self.close_when_still(frame);
    }

    fn stop_attempt(&mut self, at: At) {
        if std::mem::replace(&mut self.node_mut(at).stopping, true) {
            return;
        }
        if self.orphaned {
            self.settle_stopped(at);
        } else {
            self.step.effects.push(Effect::Cancel { address: self.address(at) });
        }
    }

    /// Settles a node whose cancelled work has ended.
    pub(super) fn settle_stopped(&mut self, at: At) {
        if self.node(at).doomed {
            self.settle(at, Phase::Failed, "failed");
            if self.plan_of(at).tolerated {
                self.tell_of_failure(at);
            }
        } else {
            self.settle(at, Phase::Cancelled, "cancelled");
        }
    }

    fn close_when_still(&mut self, frame: FrameIx) {
        let here = &self.frames[frame];
        if here.open == 0 || (here.stopping && here.busy == 0) {
            self.work.push_back(Work::Close(frame));
        }
    }

    fn close(&mut self, frame: FrameIx) {
        if std::mem::replace(&mut self.frames[frame].done, true) {
            return;
        }
        match self.frames[frame].parent {
            Some(block) => self.close_body(block, frame),
            None => {
                let outcome = self.ending();
                self.step.effects.push(Effect::Finish(outcome.clone()));
                self.stage = Stage::Finishing(outcome);
            }
        }
    }

    fn ending(&self) -> Outcome {
        if let Some(Failure { address, error }) = self.frames[0].failure.clone() {
            return Outcome::Failed { address, error };
        }
        if matches!(self.stage, Stage::Cancelling) {
            return Outcome::Cancelled;
        }
        let output = match View::new(self, 0, None).outputs(&self.graph.output) {
            Ok(output) => output,
            Err(error) => return Outcome::Failed { address: None, error },
        };
        match check_payload(&output) {
            Ok(()) => Outcome::Succeeded { output },
            Err(error) => Outcome::Failed { address: None, error },
        }
    }

    pub(super) fn plan_of(&self, at: At) -> &NodePlan {
        &self.plan.scopes[self.frames[at.frame].scope].nodes[at.node]
    }

    pub(super) fn address(&self, at: At) -> Address {
        let plan = self.plan_of(at);
        if let Some(root) = &plan.root {
            return root.clone();
        }
        let frame = &self.frames[at.frame];
        let block = frame.parent.expect("only the outermost frame has no block around it");
        let bodies = self.node(block).bodies.as_ref().expect("a body belongs to a block under way");
        bodies.address.child(frame.index, plan.id.clone())
    }
}

/// What an input means to a node that waits for some of its inputs.
fn first_come(node: &mut Node, from: NodeIx, live: bool, enough: usize, at: At) -> Option<Work> {
    if live {
        node.winners.push(from);
    }
    match node.winners.len() {
        come if come == enough => Some(Work::Start(at)),
        come if come + node.pending < enough => Some(Work::Skip(at)),
        _ => None,
    }
}

/// What an input means to a node that waits for all of its inputs.
fn all_come(node: &Node, input: &Input, live: bool, at: At) -> Option<Work> {
    match live || matches!(input.kind, InputKind::Lenient) {
        false => Some(Work::Skip(at)),
        true => (node.pending == 0).then_some(Work::Start(at)),
    }
}
