//! A run to step through, forward and back, and conditions at which to stop.

use std::sync::Arc;

use indexmap::IndexMap;
use serde::Serialize;

use super::recorded::{Misfit, of_error};
use super::walk::{Change, NodeState, Status, Walk};
use crate::address::{Address, RunId};
use crate::event::Record;
use crate::expr::{Expr, Names};
use crate::graph::Graph;
use crate::run::{Derived, Run};
use crate::value::Value;

/// What a breakpoint may read.
const NAMES: [&str; 3] = ["event", "node", "value"];

/// A run at one of its records. What each record changed is kept, so that a step back costs what a step forward does.
#[derive(Debug)]
pub struct Steps {
    graph: Arc<Graph>,
    id: RunId,
    records: Vec<Record>,
    changes: Vec<Vec<Change>>,
    /// Names of the state channels that each record wrote.
    writes: Vec<Vec<String>>,
    nodes: IndexMap<Address, NodeState>,
    at: usize,
}

/// One step, as data.
#[derive(Clone, Debug, Serialize)]
pub struct StepView<'s> {
    /// The record.
    #[serde(flatten)]
    pub record: &'s Record,
    /// The nodes that it changed.
    pub changes: Vec<ChangeView<'s>>,
    /// State channels that were written.
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    pub writes: &'s [String],
    /// The breakpoint that is true here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub breaks: Option<&'s str>,
}

/// What a step made of a node.
#[derive(Clone, Debug, Serialize)]
pub struct ChangeView<'s> {
    /// Which.
    pub address: &'s Address,
    /// Where it stood; absent when it was not reached.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<&'static str>,
    /// What is known of it now.
    pub node: &'s NodeState,
}

impl Steps {
    /// A run before its first record.
    ///
    /// # Errors
    /// The first record that cannot be where it is.
    pub fn new(graph: &Arc<Graph>, id: &RunId, records: Vec<Record>) -> Result<Self, Misfit> {
        let mut walk = Walk::new(graph.clone(), id);
        let (mut changes, mut writes) = (Vec::with_capacity(records.len()), Vec::new());
        for record in &records {
            let walked = walk.step(&record.event);
            let walked = walked.map_err(|e| Misfit::Record { seq: record.seq, why: e.0 })?;
            changes.push(walked.changes);
            let written = walked.step.derived.into_iter().filter_map(|derived| match derived {
                Derived::StateWritten { channel, .. } => Some(channel),
                _ => None,
            });
            writes.push(written.collect());
        }
        let (graph, id, nodes) = (graph.clone(), id.clone(), IndexMap::new());
        Ok(Self { graph, id, records, changes, writes, nodes, at: 0 })
    }

    /// What the state channels hold here. It is folded anew, because a copy for each step would be the whole state for
    /// each step.
    pub fn state(&self) -> Value {
        let mut run = Run::new(self.graph.clone(), &self.id);
        for record in &self.records[..self.at] {
            let _told_before = run.apply(&record.event);
        }
        run.state().clone()
    }

    /// Records of the run.
    pub fn records(&self) -> &[Record] {
        &self.records
    }

    /// Records that are folded in.
    pub fn at(&self) -> usize {
        self.at
    }

    /// Every node that was reached until here, in that order.
    pub fn nodes(&self) -> &IndexMap<Address, NodeState> {
        &self.nodes
    }

    /// Every node that the run comes to, in that order.
    pub fn reached(&self) -> impl Iterator<Item = &Address> {
        let changes = self.changes.iter().flatten();
        let reached = changes.filter(|change| change.after.status != Status::Waiting);
        reached.map(|change| &change.address)
    }

    /// The record that was folded in last, and what it changed; nothing before the first.
    pub fn here(&self) -> Option<StepView<'_>> {
        self.at.checked_sub(1).map(|at| self.view(at, &[]))
    }

    /// Any step as data, with the first of some breakpoints that is true there.
    pub fn view<'s>(&'s self, at: usize, breakpoints: &'s [Breakpoint]) -> StepView<'s> {
        let (record, changes) = (&self.records[at], &self.changes[at]);
        let breaks = breakpoints.iter().find(|breakpoint| breakpoint.holds(record, changes));
        let view = |change: &'s Change| ChangeView {
            address: &change.address,
            before: change.before.as_ref().map(|state| state.status.as_str()),
            node: &change.after,
        };
        StepView {
            record,
            changes: changes.iter().map(view).collect(),
            writes: &self.writes[at],
            breaks: breaks.map(|breakpoint| breakpoint.0.source()),
        }
    }

    /// Folds the next record in; says whether there was one.
    pub fn forward(&mut self) -> bool {
        let Some(changes) = self.changes.get(self.at) else { return false };
        for change in changes {
            self.nodes.insert(change.address.clone(), change.after.clone());
        }
        self.at += 1;
        true
    }

    /// Takes the last record back; says whether there was one.
    pub fn back(&mut self) -> bool {
        let Some(at) = self.at.checked_sub(1) else { return false };
        for change in self.changes[at].iter().rev() {
            match &change.before {
                Some(state) => drop(self.nodes.insert(change.address.clone(), state.clone())),
                None => drop(self.nodes.shift_remove(&change.address)),
            }
        }
        self.at = at;
        true
    }

    /// Goes to the state after `at` records, or as near as there are some.
    pub fn go(&mut self, at: usize) {
        while self.at < at && self.forward() {}
        while self.at > at && self.back() {}
    }

    /// Goes forward until one of some breakpoints is true, or to the end; says which one it was.
    pub fn run<'b>(&mut self, breakpoints: &'b [Breakpoint]) -> Option<&'b Breakpoint> {
        while self.forward() {
            let (record, changes) = (&self.records[self.at - 1], &self.changes[self.at - 1]);
            let mut true_here = breakpoints.iter().filter(|b| b.holds(record, changes));
            if let Some(breakpoint) = true_here.next() {
                return Some(breakpoint);
            }
        }
        None
    }

    /// Goes back to the step before at which one of some breakpoints is true, or to the beginning.
    pub fn run_back<'b>(&mut self, breakpoints: &'b [Breakpoint]) -> Option<&'b Breakpoint> {
        while self.back() && self.at > 0 {
            let (record, changes) = (&self.records[self.at - 1], &self.changes[self.at - 1]);
            let mut true_here = breakpoints.iter().filter(|b| b.holds(record, changes));
            if let Some(breakpoint) = true_here.next() {
                return Some(breakpoint);
            }
        }
        None
    }
}

/// A condition on a step: `node.id == "x" && value.score < 0.5`. It is asked for each node that a record changed.
#[derive(Clone, Debug)]
pub struct Breakpoint(Expr);

impl Breakpoint {
    /// Reads a condition over `event`, `node` and `value`.
    ///
    /// # Errors
    /// In words, what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let expr = Expr::parse(text).map_err(|error| error.to_string())?;
        match expr.references().iter().find(|name| !NAMES.contains(&&*name.name)) {
            Some(unknown) => Err(format!(
                "there is no `{}` in a breakpoint; there are {}",
                unknown.name,
                NAMES.join(", ")
            )),
            None => Ok(Self(expr)),
        }
    }

    /// The condition as written.
    pub fn source(&self) -> &str {
        self.0.source()
    }

    /// Whether it is true for a record. What it cannot be asked of, because the node has no such field for instance, it is
    /// not true of.
    pub fn holds(&self, record: &Record, changes: &[Change]) -> bool {
        let event = Value::of(record).unwrap_or_default();
        let holds = |change: Option<&Change>| {
            let names = Here { event: &event, change };
            matches!(self.0.eval(&names), Ok(Value::Bool(true)))
        };
        match changes {
            [] => holds(None),
            changes => changes.iter().any(|change| holds(Some(change))),
        }
    }
}

/// What a breakpoint sees.
struct Here<'h> {
    event: &'h Value,
    change: Option<&'h Change>,
}

impl Names for Here<'_> {
    fn get(&self, name: &str) -> Option<Value> {
        match (name, self.change) {
            ("event", _) => Some(self.event.clone()),
            ("node", Some(change)) => Some(node(change)),
            ("value", Some(change)) => change.after.value.clone(),
            _ => None,
        }
    }
}

fn node(Change { address, before, after }: &Change) -> Value {
    let number = |n: Option<i64>| n.map_or(Value::Null, Value::Int);
    let before = before.as_ref().map_or(Value::Null, |state| state.status.as_str().into());
    Value::record([
        ("id", Value::from(address.node().as_str())),
        ("address", address.to_string().into()),
        ("path", address.static_path().into()),
        ("status", after.status.as_str().into()),
        ("before", before),
        ("attempt", after.attempt.into()),
        ("calls", after.calls.into()),
        ("case", number(after.case.and_then(|case| i64::try_from(case).ok()))),
        ("items", number(after.items.map(i64::from))),
        ("error", after.error.as_ref().map_or(Value::Null, of_error)),
        ("input", after.input.clone().unwrap_or_default()),
    ])
}
