//! Bodies: what the items of a map and the cases of a switch run inside their block, and how it ends with them.

use crate::error::NodeError;
use crate::graph::{NodeKind, OnItemError};
use crate::value::Value;

use super::Run;
use super::map::collected;
use super::names::View;
use super::plan::Act;
use super::state::{At, Bodies, Failure, FrameIx};

impl Run {
    /// Takes the result of a body that has closed.
    pub(super) fn close_body(&mut self, at: At, frame: FrameIx) {
        let result = self.body_result(at, frame);
        for node in &mut self.frames[frame].nodes {
            node.value = Value::Null;
        }
        let index = self.frames[frame].index as usize;
        let bodies = self.bodies(at);
        bodies.running -= 1;
        bodies.done += 1;
        let still = bodies.running == 0;
        if let Some(items) = &mut self.count(at).items {
            items.done += 1;
        }
        if self.node(at).stopping {
            if still {
                self.end_bodies(at);
            }
            return;
        }
        match (result, &self.plan_of(at).act) {
            (Ok(value), Act::Map(body)) => {
                let body = *body;
                self.bodies(at).results[index] = value;
                self.fill_map(at, body);
            }
            (Ok(value), _) => self.succeed(at, value.unwrap_or_default(), Some(index)),
            (Err(error), _) => {
                let failure = Failure { address: Some(self.address(at)), error };
                self.node_mut(at).doomed = true;
                self.fail_frame(at.frame, failure);
            }
        }
    }

    /// The value of one body; `None` when it is left out, an error when the whole block fails.
    fn body_result(&self, at: At, frame: FrameIx) -> Result<Option<Value>, NodeError> {
        let here = &self.frames[frame];
        let (out, on_error) = match self.kind_of(at) {
            NodeKind::Map(map) => (Some(&map.out), map.on_item_error),
            NodeKind::Switch { cases } => {
                let body = cases[here.index as usize].body.as_ref();
                (body.and_then(|body| body.out.as_ref()), OnItemError::Fail)
            }
            NodeKind::Leaf(_) => unreachable!("a leaf has no body"),
        };
        let result = match (&here.failure, out) {
            (Some(failure), _) => Err(failure.error.clone()),
            (None, _) if here.stopping => return Ok(None),
            (None, Some(out)) => View::new(self, frame, None).output(out),
            (None, None) => Ok(Value::Null),
        };
        match (result, on_error) {
            (Ok(value), _) => Ok(Some(value)),
            (Err(error), OnItemError::Fail) => Err(error),
            (Err(error), OnItemError::Collect) => Ok(Some(collected(&error))),
            (Err(_), OnItemError::Skip) => Ok(None),
        }
    }

    pub(super) fn stop_bodies(&mut self, at: At) {
        if std::mem::replace(&mut self.node_mut(at).stopping, true) {
            return;
        }
        for body in 0..self.bodies(at).frames.len() {
            let frame = self.bodies(at).frames[body];
            if !self.frames[frame].done {
                self.stop_frame(frame);
            }
        }
        if self.bodies(at).running == 0 {
            self.end_bodies(at);
        }
    }

    fn end_bodies(&mut self, at: At) {
        let bodies = self.bodies(at);
        bodies.results = Vec::new();
        bodies.items = Value::Null;
        self.settle_stopped(at);
    }

    /// Whether a failed body takes its block along.
    pub(super) fn fails_whole(&self, at: At) -> bool {
        match self.kind_of(at) {
            NodeKind::Map(map) => map.on_item_error == OnItemError::Fail,
            _ => true,
        }
    }

    pub(super) fn kind_of(&self, at: At) -> &NodeKind {
        &self.plan.scope(&self.graph, self.frames[at.frame].scope).nodes[at.node].kind
    }

    pub(super) fn bodies(&mut self, at: At) -> &mut Bodies {
        self.node_mut(at).bodies.as_mut().expect("a block under way has its bodies")
    }
}
