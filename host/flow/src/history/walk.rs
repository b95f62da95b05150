//! A run at each of its events: the state of every node that was reached, and what one event changed.
//!
//! The state is a fold, so it can be had at any place; and each step says what was there before, so that walking
//! back costs what walking forward does.

use std::sync::Arc;

use indexmap::IndexMap;
use serde::Serialize;

use crate::address::{Address, RunId};
use crate::error::NodeError;
use crate::event::{Event, Outcome, Usage};
use crate::graph::Graph;
use crate::run::{ApplyError, Derived, Effect, Rest, Run, Step};
use crate::value::Value;

/// Where a node stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Its inputs are not there.
    #[default]
    Waiting,
    /// An attempt is performed, or bodies of it are under way.
    Running,
    /// Between two attempts.
    Pausing,
    /// It waits for a moment, an event, people or chance.
    Resting,
    /// It has its value.
    Succeeded,
    /// It has its failure.
    Failed,
    /// It was stopped.
    Cancelled,
    /// Its path was not taken.
    Skipped,
}

impl Status {
    /// The status as people read it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Running => "running",
            Self::Pausing => "pausing",
            Self::Resting => "resting",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::Skipped => "skipped",
        }
    }

    /// Whether nothing changes it any more.
    pub fn is_settled(self) -> bool {
        !matches!(self, Self::Waiting | Self::Running | Self::Pausing | Self::Resting)
    }

    fn settled(text: &str) -> Self {
        match text {
            "succeeded" => Self::Succeeded,
            "failed" => Self::Failed,
            _ => Self::Cancelled,
        }
    }
}

/// What is known of one node.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct NodeState {
    /// Where it stands.
    pub status: Status,
    /// Number of the last attempt; 0 for a block and before the first.
    pub attempt: u32,
    /// Input of the last attempt.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input: Option<Value>,
    /// What its readers see.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<Value>,
    /// Why the last attempt that failed did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<NodeError>,
    /// The case that a switch took.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub case: Option<usize>,
    /// Items of a map.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub items: Option<u32>,
    /// Host calls of all attempts that have answered.
    pub calls: u32,
    /// Over all attempts that have ended; the greatest for memory.
    pub usage: Usage,
    /// How many events were folded in when it was settled.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ended: Option<u64>,
}

/// What one event made of one node.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// Which node.
    pub address: Address,
    /// What was known of it; nothing when it was not reached.
    pub before: Option<NodeState>,
    /// What is known of it now.
    pub after: NodeState,
}

/// What one event made of the run.
#[derive(Debug, Default)]
pub struct Walked {
    /// The nodes that it changed, in the order in which they were touched.
    pub changes: Vec<Change>,
    /// What the machine said.
    pub step: Step,
}

/// A run that is folded event by event.
#[derive(Debug)]
pub struct Walk {
    run: Run,
    nodes: IndexMap<Address, NodeState>,
    /// What was there before the event that is being folded in.
    touched: IndexMap<Address, Option<NodeState>>,
    events: u64,
}

impl Walk {
    /// A run before its first event.
    pub fn new(graph: Arc<Graph>, id: &RunId) -> Self {
        let run = Run::new(graph, id);
        Self { run, nodes: IndexMap::new(), touched: IndexMap::new(), events: 0 }
    }

    /// The nodes that were reached, in that order; those of the outermost scope from the start on.
    pub fn nodes(&self) -> &IndexMap<Address, NodeState> {
        &self.nodes
    }

    /// The machine.
    pub fn run(&self) -> &Run {
        &self.run
    }

    /// Folds one event in.
    ///
    /// # Errors
    /// The event is not one that can happen now. Nothing is changed.
    pub fn step(&mut self, event: &Event) -> Result<Walked, ApplyError> {
        let step = self.run.apply(event)?;
        self.events += 1;
        if let Event::RunStarted { .. } = event {
            for node in self.run.graph().root.nodes.clone() {
                self.touch(&Address::root(node.id));
            }
        }
        self.told(event);
        step.effects.iter().for_each(|effect| self.asked(effect));
        step.derived.iter().for_each(|derived| self.derived(event, derived));
        let touched = std::mem::take(&mut self.touched).into_iter();
        let changes = touched.filter_map(|(address, before)| {
            let after = self.nodes[&address].clone();
            (before.as_ref() != Some(&after)).then_some(Change { address, before, after })
        });
        Ok(Walked { changes: changes.collect(), step })
    }

    /// The state of a node, which may be changed; blocks around it are under way.
    fn touch(&mut self, address: &Address) -> &mut NodeState {
        for block in address.blocks() {
            if !self.nodes.get(&block).is_some_and(|state| state.status != Status::Waiting) {
                self.touch(&block).status = Status::Running;
            }
        }
        let before = self.nodes.get(address).cloned();
        self.touched.entry(address.clone()).or_insert(before);
        self.nodes.entry(address.clone()).or_default()
    }

    fn told(&mut self, event: &Event) {
        match event {
            Event::AttemptSucceeded { address, usage, .. } => add(self.touch(address), *usage),
            Event::AttemptFailed { address, usage, error, .. } => {
                let node = self.touch(address);
                add(node, *usage);
                if !node.status.is_settled() {
                    node.error = Some(error.clone());
                }
            }
            Event::CallFinished { address, within, .. } if within.is_empty() => {
                self.touch(address).calls += 1;
            }
            _ => {}
        }
    }

    fn asked(&mut self, effect: &Effect) {
        match effect {
            Effect::Perform(attempt) => {
                let node = self.touch(&attempt.address);
                node.status = Status::Running;
                node.attempt = attempt.attempt;
                node.input = Some(attempt.input.clone());
            }
            Effect::Wait { address, .. } => self.touch(address).status = Status::Pausing,
            Effect::Rest(Rest { address, .. })
            | Effect::Emit { address, .. }
            | Effect::Draw { address, .. } => self.touch(address).status = Status::Resting,
            Effect::Finish(Outcome::Failed { address: Some(address), error }) => {
                // What failed without an attempt, an expression for instance, has its reason here alone.
                let node = self.touch(address);
                node.error.get_or_insert_with(|| error.clone());
            }
            _ => {}
        }
    }

    fn derived(&mut self, event: &Event, derived: &Derived) {
        let events = self.events;
        match derived {
            Derived::SwitchTaken { address, case } => {
                let node = self.touch(address);
                (node.status, node.case) = (Status::Running, *case);
            }
            Derived::MapStarted { address, items, .. } => {
                let node = self.touch(address);
                (node.status, node.items) = (Status::Running, Some(*items));
            }
            Derived::Skipped { address } => {
                let node = self.touch(address);
                (node.status, node.ended) = (Status::Skipped, Some(events));
            }
            Derived::StateWritten { .. }
            | Derived::ItemStarted { .. }
            | Derived::ItemEnded { .. } => {}
            Derived::Valued { address, value } => self.touch(address).value = Some(value.clone()),
            Derived::Settled { address, status } => {
                let node = self.touch(address);
                (node.status, node.ended) = (Status::settled(status), Some(events));
                if let Event::AttemptSucceeded { address: of, output, .. } = event
                    && of == address
                    && node.status == Status::Succeeded
                {
                    (node.value, node.error) = (Some(output.clone()), None);
                }
            }
        }
    }
}

fn add(node: &mut NodeState, usage: Usage) {
    node.usage.micros += usage.micros;
    node.usage.fuel += usage.fuel;
    node.usage.host_calls += usage.host_calls;
    node.usage.peak_memory = node.usage.peak_memory.max(usage.peak_memory);
}
