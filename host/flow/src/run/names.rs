//! What the names in an expression mean at one place of a run.

use std::cell::Cell;

use indexmap::IndexMap;

use crate::error::{ErrorCode, NodeError};
use crate::expr::{Names, Template};
use crate::graph::{KEY, NodeIx, NodeKind, VERIFIES};
use crate::value::{Fields, Value};

use super::Run;
use super::state::{At, FrameIx, Phase};

/// Looks from one frame outwards: nodes, then the item and `index`, then the scope around.
pub(super) struct View<'r> {
    run: &'r Run,
    frame: FrameIx,
    /// Who reads; `None` for the output of the scope.
    reader: Option<NodeIx>,
    /// A block that reads with the names that it gives to its bodies.
    block: Option<(At, u32)>,
    /// The list of a map that has not begun, and one item of it.
    item: Option<(At, &'r Value, u32)>,
    /// A node that has its value and is not settled.
    own: Option<At>,
    /// What an event carries, for who listens.
    event: Option<&'r Value>,
    absent: Cell<bool>,
}

impl<'r> View<'r> {
    pub(super) fn new(run: &'r Run, frame: FrameIx, reader: Option<NodeIx>) -> Self {
        let (block, item, own, event) = (None, None, None, None);
        Self { run, frame, reader, block, item, own, event, absent: Cell::new(false) }
    }

    /// What a node reads that has its value: it sees it under its own name.
    pub(super) fn with_own(run: &'r Run, at: At) -> Self {
        Self { own: Some(at), ..Self::new(run, at.frame, Some(at.node)) }
    }

    /// What a block reads before its body `index`.
    pub(super) fn before(run: &'r Run, at: At, index: u32) -> Self {
        Self { block: Some((at, index)), ..Self::new(run, at.frame, Some(at.node)) }
    }

    /// What a map reads of one of its items before it begins.
    pub(super) fn of_item(run: &'r Run, at: At, items: &'r Value, index: u32) -> Self {
        Self { item: Some((at, items, index)), ..Self::new(run, at.frame, Some(at.node)) }
    }

    /// What a node that waits reads of an event.
    pub(super) fn hearing(run: &'r Run, at: At, event: &'r Value) -> Self {
        Self { event: Some(event), ..Self::new(run, at.frame, Some(at.node)) }
    }

    fn find(&self, name: &str) -> Option<Value> {
        if let (Some(event), "event") = (self.event, name) {
            return Some(event.clone());
        }
        if let Some((at, items, index)) = self.item
            && let NodeKind::Map(map) = self.run.kind_of(at)
        {
            if map.item == name {
                return items.as_list()?.get(index as usize).cloned();
            }
            if name == "index" {
                return Some(index.into());
            }
        }
        let (mut frame, mut reader) = (self.frame, self.reader);
        if let Some((block, index)) = self.block
            && let Some(value) = self.given(block, index, name)
        {
            return Some(value);
        }
        loop {
            let here = &self.run.frames[frame];
            let scope = &self.run.plan.scopes[here.scope];
            if let Some(&node) = scope.by_id.get(name) {
                let found = &here.nodes[node];
                let there = found.phase == Phase::Succeeded && !self.lost(frame, reader, node)
                    || self.own == Some(At { frame, node });
                return there.then(|| found.value.clone());
            }
            let Some(parent) = here.parent else { break };
            if let Some(value) = self.given(parent, here.index, name) {
                return Some(value);
            }
            (frame, reader) = (parent.frame, Some(parent.node));
        }
        match name {
            "input" => Some(self.run.input.clone()),
            "run" => Some(self.run.about.clone()),
            "state" if !self.run.graph.state.is_empty() => Some(self.run.state.clone()),
            _ => None,
        }
    }

    /// Whether `node` lost the race into the `join: any` of `reader`: a value that came later must not
    /// show up, or a retry would see another input than the first attempt.
    fn lost(&self, frame: FrameIx, reader: Option<NodeIx>, node: NodeIx) -> bool {
        let Some(reader) = reader else { return false };
        let here = &self.run.frames[frame];
        let plan = &self.run.plan.scopes[here.scope].nodes[reader];
        plan.join.enough(plan.inputs.len()).is_some()
            && !here.nodes[reader].winners.contains(&node)
            && plan.inputs.iter().any(|input| input.from == node)
    }

    /// What a block gives to the names in its body `index`.
    fn given(&self, block: At, index: u32, name: &str) -> Option<Value> {
        let bodies = self.run.node(block).bodies.as_ref()?;
        match self.run.kind_of(block) {
            NodeKind::Map(map) if map.item == name => {
                bodies.given.as_list()?.get(index as usize).cloned()
            }
            NodeKind::Map(_) | NodeKind::Loop(_) if name == "index" => Some(index.into()),
            NodeKind::Map(map) if name == KEY && map.key.is_some() => {
                bodies.keys.get(index as usize).cloned()
            }
            NodeKind::Loop(_) => bodies.given.get(name).cloned(),
            NodeKind::Leaf(_) if name == "attempt" && index as usize >= VERIFIES => {
                Some(bodies.given.clone())
            }
            NodeKind::Try(_) if name == "error" && index > 0 => Some(bodies.given.clone()),
            _ => None,
        }
    }

    /// The value of an output: nothing when it speaks of a node that was skipped and does not cope.
    pub(super) fn output(&self, template: &Template) -> Result<Value, NodeError> {
        self.absent.set(false);
        match template.eval(self) {
            Err(error) if self.absent.get() && error.code != ErrorCode::Bug => Ok(Value::Null),
            other => other,
        }
    }

    /// The record of some outputs, each by itself.
    pub(super) fn outputs(&self, fields: &IndexMap<String, Template>) -> Result<Value, NodeError> {
        let mut read = Fields::with_capacity(fields.len());
        for (name, template) in fields {
            read.insert(name.as_str().into(), self.output(template)?);
        }
        Ok(Value::Map(read.into()))
    }
}

impl Names for View<'_> {
    fn get(&self, name: &str) -> Option<Value> {
        let value = self.find(name);
        self.absent.set(self.absent.get() || value.is_none());
        value
    }
}
