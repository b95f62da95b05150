//! The runs inside of a run: each attempt of a sub-flow is one, with a journal of its own.

use std::collections::HashMap;
use std::sync::Arc;

use crate::address::{Address, RunId, Segment};
use crate::event::Event;
use crate::graph::{Graph, NodeKind};
use crate::run::{ApplyError, Effect, Run};

/// The last attempt of a sub-flow in a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SubRun {
    /// Which node.
    pub address: Address,
    /// Which attempt.
    pub attempt: u32,
    /// The alias that the flow is used by.
    pub uses: String,
    /// The run that performed it: another one when the record was taken over from there.
    pub around: RunId,
    /// Whether it has answered.
    pub answered: bool,
}

/// The sub-flows that a run has come to, in that order; `is_flow` says which aliases are flows.
///
/// # Errors
/// The journal does not fit the graph.
pub fn sub_runs(
    graph: &Arc<Graph>,
    id: &RunId,
    journal: &[Event],
    is_flow: impl Fn(&str) -> bool,
) -> Result<Vec<SubRun>, ApplyError> {
    let mut run = Run::new(graph.clone(), id);
    let mut found: Vec<SubRun> = Vec::new();
    let mut known: HashMap<Address, usize> = HashMap::new();
    // Those whose last record is before the next `Forked`, which says whose they are.
    let mut taken = Vec::new();
    for event in journal {
        let step = run.apply(event)?;
        match event {
            Event::Forked { from, .. } => {
                taken.drain(..).for_each(|at: usize| found[at].around = from.clone());
            }
            Event::AttemptSucceeded { address, attempt, .. }
            | Event::AttemptFailed { address, attempt, .. } => {
                if let Some(&at) = known.get(address)
                    && found[at].attempt == *attempt
                {
                    found[at].answered = true;
                    taken.push(at);
                }
            }
            _ => {}
        }
        for effect in step.effects {
            let Effect::Perform(attempt) = effect else { continue };
            if !is_flow(&attempt.leaf.uses) {
                continue;
            }
            let sub = SubRun {
                address: attempt.address.clone(),
                attempt: attempt.attempt,
                uses: attempt.leaf.uses.clone(),
                around: id.clone(),
                answered: false,
            };
            match known.get(&sub.address) {
                Some(&at) => found[at] = sub,
                None => {
                    known.insert(attempt.address, found.len());
                    found.push(sub);
                }
            }
        }
    }
    Ok(found)
}

/// Whether an address is in a later iteration of a loop than another: it follows from that one.
pub fn is_later(graph: &Graph, address: &Address, than: &Address) -> bool {
    let pairs = address.segments().iter().zip(than.segments());
    for (level, (here, there)) in pairs.enumerate() {
        if here.node != there.node {
            return false;
        }
        if here.index != there.index {
            let last = Segment { node: here.node.clone(), index: None };
            let block = Address::of(address.segments()[..level].iter().cloned().chain([last]));
            let kind = graph.node(&block).map(|node| &node.kind);
            return matches!(kind, Some(NodeKind::Loop(_))) && here.index > there.index;
        }
    }
    false
}
