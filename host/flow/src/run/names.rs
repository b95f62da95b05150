//! What the names in an expression mean at one place of a run.

use std::cell::Cell;

use crate::error::{ErrorCode, NodeError};
use crate::expr::{Names, Template};
use crate::graph::{Join, NodeIx, NodeKind};
use crate::value::Value;

use super::Run;
use super::state::{FrameIx, Phase};

/// Looks from one frame outwards: nodes, then the item and `index`, then the scope around.
pub(super) struct View<'r> {
    run: &'r Run,
    frame: FrameIx,
    /// Who reads; `None` for the output of the scope.
    reader: Option<NodeIx>,
    absent: Cell<bool>,
}

impl<'r> View<'r> {
    pub(super) fn new(run: &'r Run, frame: FrameIx, reader: Option<NodeIx>) -> Self {
        Self { run, frame, reader, absent: Cell::new(false) }
    }

    fn find(&self, name: &str) -> Option<Value> {
        let (mut frame, mut reader) = (self.frame, self.reader);
        loop {
            let here = &self.run.frames[frame];
            let scope = &self.run.plan.scopes[here.scope];
            if let Some(&node) = scope.by_id.get(name) {
                let found = &here.nodes[node];
                let there = found.phase == Phase::Succeeded && !self.lost(frame, reader, node);
                return there.then(|| found.value.clone());
            }
            let Some(parent) = here.parent else { break };
            if let Some(value) = self.item(frame, name) {
                return Some(value);
            }
            (frame, reader) = (parent.frame, Some(parent.node));
        }
        match name {
            "input" => Some(self.run.input.clone()),
            "run" => Some(self.run.about.clone()),
            _ => None,
        }
    }

    /// Whether `node` lost the race into the `join: any` of `reader`: a value that came later must not
    /// show up, or a retry would see another input than the first attempt.
    fn lost(&self, frame: FrameIx, reader: Option<NodeIx>, node: NodeIx) -> bool {
        let Some(reader) = reader else { return false };
        let here = &self.run.frames[frame];
        let plan = &self.run.plan.scopes[here.scope].nodes[reader];
        plan.join == Join::Any
            && here.nodes[reader].winner != Some(node)
            && plan.inputs.iter().any(|input| input.from == node)
    }

    fn item(&self, frame: FrameIx, name: &str) -> Option<Value> {
        let here = &self.run.frames[frame];
        let parent = here.parent?;
        let outer = &self.run.frames[parent.frame];
        let scope = self.run.plan.scope(&self.run.graph, outer.scope);
        let NodeKind::Map(map) = &scope.nodes[parent.node].kind else { return None };
        if name == "index" {
            return Some(here.index.into());
        }
        if map.item != name {
            return None;
        }
        let bodies = outer.nodes[parent.node].bodies.as_ref()?;
        bodies.items.as_list()?.get(here.index as usize).cloned()
    }

    /// The value of an output: nothing when it speaks of a node that was skipped and does not cope.
    pub(super) fn output(&self, template: &Template) -> Result<Value, NodeError> {
        self.absent.set(false);
        match template.eval(self) {
            Err(error) if self.absent.get() && error.code != ErrorCode::Bug => Ok(Value::Null),
            other => other,
        }
    }
}

impl Names for View<'_> {
    fn get(&self, name: &str) -> Option<Value> {
        let value = self.find(name);
        self.absent.set(self.absent.get() || value.is_none());
        value
    }
}
