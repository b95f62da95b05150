//! How much a run can cost at most, and nodes that can never run.

use std::collections::{BTreeMap, BTreeSet};

use super::Checker;
use crate::diagnostic::{Finding, Span};
use crate::graph::{Edge, EdgeKind, Join, NodeIx, NodeKind, Scope};

/// Node executions of one run: a run's state and journal stay within what one process holds.
pub const MAX_EXECUTIONS: u64 = 100_000;

/// Conditions of all nodes of a scope together that the warning about nodes that never run looks at. Switches behind
/// switches add up: a file may hold ten thousand of them, and their conditions would fill the memory.
const MAX_CONDITIONS: usize = 200_000;

impl Checker<'_> {
    /// Greatest number of node executions.
    pub(super) fn bound(&self, root: &Scope, nodes: Span) -> u64 {
        let bound = executions(root);
        if bound > MAX_EXECUTIONS {
            let message =
                format!("a run may execute up to {bound} nodes; {MAX_EXECUTIONS} are allowed");
            let help = format!(
                "lower `max` of maps and loops: a map without `max` takes {} items",
                super::DEFAULT_MAP_MAX
            );
            self.find(Finding::error("CG0307", nodes, message).help(help));
        }
        bound
    }

    /// Nodes that need two cases of one switch at once.
    pub(super) fn never_run(&self, scope: &Scope, spans: &[Span]) {
        if !scope.nodes.iter().any(|node| matches!(node.kind, NodeKind::Switch { .. })) {
            return;
        }
        let live = conditions(scope);
        for (at, (node, here)) in scope.nodes.iter().zip(&live).enumerate() {
            let dead_source = node.needs.iter().any(|edge| live[edge.from].is_none());
            if here.is_none() && !dead_source {
                let message =
                    format!("`{}` can never run: it needs two cases of one `switch`", node.id);
                let help = "read only nodes of the same case, or ask with `has(…)`";
                self.find(Finding::warning("CG0306", spans[at], message).help(help));
            }
        }
    }
}

/// Under which cases of switches each node runs; nothing for one that never can. Those behind [`MAX_CONDITIONS`] are left
/// out.
pub(super) fn conditions(scope: &Scope) -> Vec<Option<Conditions>> {
    let mut live: Vec<Option<Conditions>> = Vec::with_capacity(scope.nodes.len());
    let mut kept = 0;
    for node in &scope.nodes {
        let mut here: Option<Conditions> = Some(Conditions::new());
        let mut taken: Conditions = Conditions::new();
        for edge in &node.needs {
            match edge.kind {
                EdgeKind::Case { case } => {
                    taken.entry(edge.from).or_default().insert(case);
                    meet(&mut here, live[edge.from].as_ref());
                }
                EdgeKind::Data if node.join == Join::All => {
                    meet(&mut here, live[edge.from].as_ref())
                }
                _ => {}
            }
        }
        if node.join == Join::All {
            meet(&mut here, Some(&taken));
        }
        kept += here.as_ref().map_or(0, BTreeMap::len);
        live.push(here);
        if kept > MAX_CONDITIONS {
            break;
        }
    }
    live
}

/// Nodes of a scope that may give no value: those behind a case of a `switch`, those that read one of them, and those
/// whose failure is tolerated.
pub(super) fn may_be_skipped(scope: &Scope) -> BTreeSet<&str> {
    let mut tolerated = vec![None; scope.nodes.len()];
    for node in &scope.nodes {
        for edge in &node.needs {
            let tolerated: &mut Option<bool> = &mut tolerated[edge.from];
            *tolerated = Some(tolerated.unwrap_or(true) && node.join == Join::FirstSuccess);
        }
    }
    let mut skipped = vec![false; scope.nodes.len()];
    for (at, node) in scope.nodes.iter().enumerate() {
        let dead = |edge: &&Edge| match edge.kind {
            EdgeKind::Case { .. } => true,
            EdgeKind::Data => skipped[edge.from],
            EdgeKind::Optional | EdgeKind::After => false,
        };
        let inputs = node.needs.len();
        skipped[at] = match node.join.enough(inputs) {
            None => node.needs.iter().any(|edge| dead(&edge)),
            Some(enough) => inputs > 0 && inputs - node.needs.iter().filter(dead).count() < enough,
        };
        skipped[at] |= tolerated[at] == Some(true);
    }
    let all = scope.nodes.iter().zip(skipped);
    all.filter(|(_, skipped)| *skipped).map(|(node, _)| node.id.as_str()).collect()
}

/// Cases of switches under which a node runs; a switch that is not here does not matter.
pub(super) type Conditions = BTreeMap<NodeIx, BTreeSet<usize>>;

fn meet(here: &mut Option<Conditions>, other: Option<&Conditions>) {
    let (Some(conditions), Some(other)) = (here.as_mut(), other) else {
        *here = None;
        return;
    };
    for (switch, cases) in other {
        match conditions.get_mut(switch) {
            Some(mine) => mine.retain(|case| cases.contains(case)),
            None => {
                conditions.insert(*switch, cases.clone());
            }
        }
    }
    if conditions.values().any(BTreeSet::is_empty) {
        *here = None;
    }
}

fn executions(scope: &Scope) -> u64 {
    scope.nodes.iter().fold(0_u64, |sum, node| {
        let bodies = node.scopes().into_iter().map(|(_, scope)| executions(scope));
        // Each item or iteration runs the body; a switch runs one of its bodies, everything else all of them.
        let inner = match &node.kind {
            NodeKind::Map(map) => {
                bodies.fold(0, u64::saturating_add).saturating_mul(map.max.into())
            }
            NodeKind::Loop(looped) => {
                bodies.fold(0, u64::saturating_add).saturating_mul(looped.max.into())
            }
            NodeKind::Switch { .. } => bodies.max().unwrap_or_default(),
            _ => bodies.fold(0, u64::saturating_add),
        };
        sum.saturating_add(1).saturating_add(inner)
    })
}
