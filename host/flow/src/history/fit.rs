//! Whether a run that has not ended can go on with another version of its flow: everything that was settled or begun
//! must be there, mean the same, and follow from the same.
//!
//! The proof has two halves. The graphs are compared at each place that the run has reached; and the journal is folded
//! on both, which must ask for the same work with the same inputs, and come to the same values. What the run has not
//! reached may be anything.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::fmt;
use std::sync::Arc;

use serde::Serialize;

use super::reach::inner;
use super::walk::{NodeState, Status, Walk};
use crate::address::{Address, RunId};
use crate::event::Event;
use crate::graph::{EdgeKind, Graph, GraphNode, NodeKind, Scope};
use crate::run::Effect;
use crate::types::{validate, validate_fields};
use crate::value::Value;

/// Reasons that are told; who mends these sees the next ones.
const MAX_TOLD: usize = 50;

/// One thing that does not fit.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Unfit {
    /// The node, without indices when it is the same in each body; `input` for the flow's own.
    pub place: String,
    /// Why, in a sentence.
    pub why: String,
}

impl fmt::Display for Unfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`: {}", self.place, self.why)
    }
}

/// What of a run does not fit another version of its flow, at most [`MAX_TOLD`] reasons; none when it can go on with it.
pub fn fit(run: &RunId, from: &Arc<Graph>, to: &Arc<Graph>, journal: &[Event]) -> Vec<Unfit> {
    prove(Fit { from, to, settled: None, told: BTreeSet::new() }, run, journal)
}

/// The same of what a fork keeps: nodes that have begun and not ended begin anew in it, and may be anything.
pub fn fit_kept(run: &RunId, from: &Arc<Graph>, to: &Arc<Graph>, kept: &[Event]) -> Vec<Unfit> {
    prove(Fit { from, to, settled: Some(HashSet::new()), told: BTreeSet::new() }, run, kept)
}

fn prove(mut fit: Fit<'_>, run: &RunId, journal: &[Event]) -> Vec<Unfit> {
    let (from, to) = (fit.from, fit.to);
    if from.id != to.id {
        fit.tell("input", format!("it is another flow: `{}`, not `{}`", to.id, from.id));
    }
    fit.input(journal);
    let mut walk = Walk::new(from.clone(), run);
    for (seq, event) in journal.iter().enumerate() {
        if let Err(error) = walk.step(event) {
            fit.tell("input", format!("event {seq} of the run does not fit its own flow: {error}"));
            return fit.told.into_iter().collect();
        }
    }
    fit.keep(&walk);
    let reached =
        walk.nodes().iter().filter(|(at, s)| s.status != Status::Waiting && fit.counts(at));
    let reached: Vec<_> = reached.collect();
    for (address, state) in &reached {
        fit.node(address, state);
    }
    if fit.told.is_empty() {
        fit.folds(run, journal, &reached);
    }
    fit.told.into_iter().take(MAX_TOLD).collect()
}

struct Fit<'f> {
    from: &'f Arc<Graph>,
    to: &'f Arc<Graph>,
    /// The nodes that count, when not all do: those that are settled, and the blocks around them.
    settled: Option<HashSet<Address>>,
    /// Each once: what is wrong in a map's body is wrong in each of its items.
    told: BTreeSet<Unfit>,
}

impl Fit<'_> {
    fn tell(&mut self, place: impl Into<String>, why: impl Into<String>) {
        self.told.insert(Unfit { place: place.into(), why: why.into() });
    }

    /// Finds the nodes that count.
    fn keep(&mut self, walk: &Walk) {
        let Some(settled) = &mut self.settled else { return };
        for (address, _) in walk.nodes().iter().filter(|(_, state)| state.status.is_settled()) {
            settled.extend(address.blocks().chain([address.clone()]));
        }
    }

    fn counts(&self, address: &Address) -> bool {
        self.settled.as_ref().is_none_or(|settled| settled.contains(address))
    }

    fn input(&mut self, journal: &[Event]) {
        let Some(Event::RunStarted { input, .. }) = journal.first() else { return };
        match validate_fields(input, &self.to.input) {
            Err(mismatch) => self.tell("input", mismatch.to_string()),
            Ok(complete) if complete != *input => {
                let new = complete.as_map().into_iter().flat_map(|fields| fields.keys());
                let new: Vec<&str> =
                    new.filter(|name| input.get(name).is_none()).map(|n| &**n).collect();
                self.tell("input", format!("the run has no value for {}", new.join(", ")));
            }
            Ok(_) => {}
        }
    }

    /// Compares what both versions say of a place.
    fn node(&mut self, address: &Address, state: &NodeState) {
        let path = address.static_path();
        let old = place(self.from, address);
        let Some((old, old_scope)) = old else { return };
        let Some((new, new_scope)) = place(self.to, address) else {
            return self.tell(path, "it is not there any more, and the run has reached it");
        };
        if kind(&old.kind) != kind(&new.kind) {
            let (old, new) = (kind(&old.kind), kind(&new.kind));
            return self.tell(path, format!("it was a {old} and is a {new}"));
        }
        if let (NodeKind::Leaf(old), NodeKind::Leaf(new)) = (&old.kind, &new.kind) {
            let (before, after) = (old.policy.effect, new.policy.effect);
            if old.uses != new.uses {
                self.tell(
                    &path,
                    format!("it was of type `{}` and is of type `{}`", old.uses, new.uses),
                );
            }
            if before != after {
                let why = format!("its effect was {} and is {}", word(&before), word(&after));
                self.tell(&path, why);
            }
        }
        if old.join != new.join {
            self.tell(
                &path,
                format!("its join was {} and is {}", word(&old.join), word(&new.join)),
            );
        }
        let (before, after) = (needs(old, old_scope), needs(new, new_scope));
        for (id, how) in before.difference(&after) {
            self.tell(&path, format!("it does not wait for `{id}` ({how}) any more"));
        }
        for (id, how) in after.difference(&before) {
            self.tell(&path, format!("it waits for `{id}` ({how}) now, and has begun without"));
        }
        if let Some(value) = &state.value
            && let Err(mismatch) = validate(value, &new.output)
        {
            self.tell(path, format!("its value does not fit its type now: {mismatch}"));
        }
    }

    /// Folds the journal on both versions, side by side.
    fn folds(&mut self, run: &RunId, journal: &[Event], reached: &[(&Address, &NodeState)]) {
        let (mut old, mut new) =
            (Walk::new(self.from.clone(), run), Walk::new(self.to.clone(), run));
        let mut inputs: HashMap<(Address, u32), Value> = HashMap::new();
        for event in journal {
            let effects = match new.step(event) {
                Ok(walked) => walked.step.effects,
                Err(error) => {
                    let place = event.address().map_or("input".into(), Address::static_path);
                    return self.tell(
                        place,
                        format!("in the new version it would not have happened: {error}"),
                    );
                }
            };
            for (attempt, into) in performs(effects) {
                inputs.insert(attempt, into);
            }
            let effects = old.step(event).map(|walked| walked.step.effects).unwrap_or_default();
            for (attempt, input) in performs(effects) {
                if !self.counts(&attempt.0) {
                    continue;
                }
                match inputs.get(&attempt) {
                    Some(now) if *now == input => {}
                    Some(_) => {
                        self.tell(attempt.0.to_string(), "its input would be another one now")
                    }
                    None => self.tell(attempt.0.to_string(), "it would not have begun yet"),
                }
            }
        }
        let (was, is) = (old.run().state(), new.run().state());
        for (channel, value) in was.as_map().into_iter().flatten() {
            match is.get(channel) {
                Some(now) if now == value => {}
                Some(_) => {
                    self.tell(format!("state.{channel}"), "it would hold something else now")
                }
                None => self.tell(format!("state.{channel}"), "there is no such channel any more"),
            }
        }
        for (address, state) in reached.iter().filter(|(_, state)| state.status.is_settled()) {
            let was = state.status.as_str();
            match new.nodes().get(*address) {
                Some(now) if now.status == state.status && now.value == state.value => {}
                Some(now) if now.status == state.status => {
                    self.tell(address.to_string(), "its value would be another one now");
                }
                now => {
                    let now = now.map_or("waiting", |now| now.status.as_str());
                    self.tell(address.to_string(), format!("it has {was}, and would be {now} now"));
                }
            }
        }
    }
}

/// What is asked for, with what it is given.
fn performs(effects: Vec<Effect>) -> impl Iterator<Item = ((Address, u32), Value)> {
    effects.into_iter().filter_map(|effect| match effect {
        Effect::Perform(attempt) => Some(((attempt.address, attempt.attempt), attempt.input)),
        other => super::cut::asked(other).map(|(address, what)| ((address, 0), what)),
    })
}

/// The node at an address, and the scope that it is in.
fn place<'g>(graph: &'g Graph, address: &Address) -> Option<(&'g GraphNode, &'g Scope)> {
    let mut scope = &graph.root;
    let (last, way) = address.segments().split_last()?;
    for segment in way {
        let node = scope.nodes.iter().find(|node| node.id == segment.node)?;
        scope = *inner(node, segment.index).first()?;
    }
    Some((scope.nodes.iter().find(|node| node.id == last.node)?, scope))
}

/// What a node waits for, by name.
fn needs(node: &GraphNode, scope: &Scope) -> BTreeSet<(String, String)> {
    let how = |kind: EdgeKind| match kind {
        EdgeKind::Data => "its value".to_owned(),
        EdgeKind::Optional => "its value, if there is one".into(),
        EdgeKind::After => "its end".into(),
        EdgeKind::Case { case } => format!("case {case}"),
    };
    let name = |edge: &crate::graph::Edge| scope.nodes[edge.from].id.to_string();
    node.needs.iter().map(|edge| (name(edge), how(edge.kind))).collect()
}

fn kind(kind: &NodeKind) -> &'static str {
    match kind {
        NodeKind::Leaf(_) => "step",
        NodeKind::Switch { .. } => "switch",
        NodeKind::Map(_) => "map",
        NodeKind::Loop(_) => "loop",
        NodeKind::Parallel(_) => "parallel",
        NodeKind::Race(_) => "race",
        NodeKind::Try(_) => "try",
        NodeKind::Wait(_) => "wait",
        NodeKind::Human(_) => "task",
        NodeKind::Emit(_) => "emit",
    }
}

/// A word of the flow file.
fn word(of: &impl Serialize) -> String {
    serde_json::to_value(of).map_or_else(
        |_| String::new(),
        |value| match value {
            serde_json::Value::String(text) => text,
            other => other.to_string(),
        },
    )
}
