//! Two runs side by side, aligned by address: an address is the same place in each run of a flow, at any depth.
//!
//! What differs is told in the order in which the left run settled, so that the first difference is a cause and not
//! one of its consequences.

use std::collections::BTreeMap;

use indexmap::IndexMap;
use serde::Serialize;

use super::pointer::{Differences, differences};
use super::recorded::{as_value, of_error};
use super::walk::{NodeState, Status, Walk};
use crate::address::Address;
use crate::event::{Event, Usage};
use crate::value::Value;

/// Nodes that are told one by one; the others are counted.
const MAX_NODES: usize = 1_000;

/// Places of one value that are told; the others are counted.
const MAX_PLACES: usize = 8;

/// Two runs side by side.
#[derive(Clone, Debug, Serialize)]
pub struct Comparison {
    /// Where the inputs differ.
    pub input: Differences,
    /// Where the outcomes differ.
    pub outcome: Differences,
    /// Where what the state channels hold in the end differs.
    pub state: Differences,
    /// The first node of the left run that did something else.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first: Option<Address>,
    /// Nodes that differ, the first ones of them, in the order of the left run.
    pub nodes: Vec<NodeDifference>,
    /// How many differ.
    pub differ: usize,
    /// How many do not.
    pub same: usize,
    /// What each node of the flow used on both sides, over all items.
    pub costs: Vec<PathSpent>,
}

impl Comparison {
    /// Whether both runs did the same. What it cost is no difference.
    pub fn is_same(&self) -> bool {
        let whole = [&self.input, &self.outcome, &self.state];
        self.differ == 0 && whole.into_iter().all(Differences::is_empty)
    }
}

/// A node that differs.
#[derive(Clone, Debug, Serialize)]
pub struct NodeDifference {
    /// Which.
    pub address: Address,
    /// What the left run has of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub left: Option<Side>,
    /// What the right run has of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub right: Option<Side>,
    /// Where what it was given differs.
    #[serde(skip_serializing_if = "Differences::is_empty")]
    pub input: Differences,
    /// Where its values differ, or its errors when it failed.
    #[serde(skip_serializing_if = "Differences::is_empty")]
    pub value: Differences,
}

/// What one run has of a node.
#[derive(Clone, Debug, Serialize)]
pub struct Side {
    /// Where it stands.
    pub status: Status,
    /// Attempts that were begun; 0 for a block.
    pub attempts: u32,
    /// The case that a switch took.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub case: Option<usize>,
    /// Items of a map.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub items: Option<u32>,
}

/// What a node of the flow used on both sides.
#[derive(Clone, Debug, Serialize)]
pub struct PathSpent {
    /// Node ids from the outermost scope inwards.
    pub path: String,
    /// In the left run.
    pub left: Spent,
    /// In the right run.
    pub right: Spent,
}

/// What the attempts of a node used, over all items.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Spent {
    /// Attempts that were begun.
    pub attempts: u64,
    /// Sum of wall clocks in microseconds.
    pub micros: u64,
    /// Sum of fuel.
    pub fuel: u64,
    /// Host calls.
    pub calls: u64,
    /// Greatest sum of memories of one attempt, in bytes.
    pub peak_memory: u64,
}

/// Compares two runs that were walked, with their first events and their outcomes.
pub fn compare(left: (&Walk, &[Event]), right: (&Walk, &[Event])) -> Comparison {
    let (outcome_left, outcome_right) = (outcome(left.0), outcome(right.0));
    let (input_left, input_right) = (input(left.1), input(right.1));
    let mut told = Comparison {
        input: differences(&input_left, &input_right, MAX_PLACES),
        outcome: differences(&outcome_left, &outcome_right, MAX_PLACES),
        state: differences(left.0.run().state(), right.0.run().state(), MAX_PLACES),
        first: None,
        nodes: Vec::new(),
        differ: 0,
        same: 0,
        costs: costs(left.0.nodes(), right.0.nodes()),
    };
    let (a, b) = (left.0.nodes(), right.0.nodes());
    let mut order: Vec<(&Address, u64)> = a.iter().map(|(at, state)| (at, ended(state))).collect();
    order.sort_by_key(|(_, ended)| *ended);
    let mut only: Vec<_> = b.iter().filter(|(at, _)| !a.contains_key(*at)).collect();
    only.sort_by_key(|(_, state)| ended(state));
    for address in order.into_iter().map(|(at, _)| at).chain(only.into_iter().map(|(at, _)| at)) {
        match difference(address, a.get(address), b.get(address)) {
            None => told.same += 1,
            Some(found) => {
                told.differ += 1;
                told.first.get_or_insert_with(|| address.clone());
                if told.nodes.len() < MAX_NODES {
                    told.nodes.push(found);
                }
            }
        }
    }
    told
}

fn ended(state: &NodeState) -> u64 {
    state.ended.unwrap_or(u64::MAX)
}

fn input(events: &[Event]) -> Value {
    match events.first() {
        Some(Event::RunStarted { input, .. }) => input.clone(),
        _ => Value::Null,
    }
}

fn outcome(walk: &Walk) -> Value {
    walk.run().outcome().map_or(Value::Null, as_value)
}

fn difference(
    address: &Address,
    left: Option<&NodeState>,
    right: Option<&NodeState>,
) -> Option<NodeDifference> {
    let of =
        |state: Option<&NodeState>, part: fn(&NodeState) -> Value| state.map_or(Value::Null, part);
    let given = |state: &NodeState| state.input.clone().unwrap_or_default();
    let input = differences(&of(left, given), &of(right, given), MAX_PLACES);
    let value = differences(&of(left, gives), &of(right, gives), MAX_PLACES);
    let (left, right) = (left.map(side), right.map(side));
    let known = |side: &Option<Side>| {
        // One that was never reached, and one that is not listed, are the same.
        let side = side.as_ref().filter(|side| side.status != Status::Waiting)?;
        Some((side.status, side.attempts, side.case, side.items))
    };
    let same = known(&left) == known(&right) && input.is_empty() && value.is_empty();
    (!same).then(|| NodeDifference { address: address.clone(), left, right, input, value })
}

/// What a node gives: its value, or its error.
fn gives(state: &NodeState) -> Value {
    match (&state.value, &state.error) {
        (Some(value), _) => value.clone(),
        (None, Some(error)) => of_error(error),
        (None, None) => Value::Null,
    }
}

fn side(state: &NodeState) -> Side {
    let NodeState { status, attempt, case, items, .. } = *state;
    Side { status, attempts: attempt, case, items }
}

fn costs(
    left: &IndexMap<Address, NodeState>,
    right: &IndexMap<Address, NodeState>,
) -> Vec<PathSpent> {
    let mut paths: BTreeMap<String, (Spent, Spent)> = BTreeMap::new();
    for (address, state) in left {
        paths.entry(address.static_path()).or_default().0.add(state);
    }
    for (address, state) in right {
        paths.entry(address.static_path()).or_default().1.add(state);
    }
    let used = |(left, right): &(Spent, Spent)| left.attempts + right.attempts > 0;
    let rows = paths.into_iter().filter(|(_, costs)| used(costs));
    rows.map(|(path, (left, right))| PathSpent { path, left, right }).collect()
}

impl Spent {
    fn add(&mut self, state: &NodeState) {
        let Usage { micros, fuel, peak_memory, .. } = state.usage;
        self.attempts += u64::from(state.attempt);
        self.micros += micros;
        self.fuel += fuel;
        self.calls += u64::from(state.calls);
        self.peak_memory = self.peak_memory.max(peak_memory);
    }

    /// The sum of two, for a line under the table.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self {
            attempts: self.attempts + other.attempts,
            micros: self.micros + other.micros,
            fuel: self.fuel + other.fuel,
            calls: self.calls + other.calls,
            peak_memory: self.peak_memory.max(other.peak_memory),
        }
    }
}
