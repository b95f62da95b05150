//! What of a flow its cases came through: nodes, cases of switches, handlers, bodies, guards.

use std::collections::{BTreeMap, BTreeSet};

use cleargate_flow::Address;
use cleargate_flow::graph::{Graph, Leaf, NodeKind, Scope};
use serde::Serialize;

use crate::rehearsal::Trace;

/// What the cases of one flow came through.
#[derive(Clone, Debug, Serialize)]
pub struct Coverage {
    /// The flow's name.
    pub flow: String,
    /// Its file.
    pub file: String,
    /// Places that some case came through, and all.
    pub covered: usize,
    /// See `covered`.
    pub total: usize,
    /// In percent, rounded down.
    pub percent: u32,
    /// Each place, in the order of the graph.
    pub places: Vec<Place>,
}

/// One place of a flow.
#[derive(Clone, Debug, Serialize)]
pub struct Place {
    /// `node`, `case`, `handler`, `body`, `branch`, `cleanup`, `undo` or `guard`.
    pub kind: &'static str,
    /// Path of the node, with which part of it: `route: else`, `answer: after pii`.
    pub place: String,
    /// Cases that came through.
    pub cases: usize,
}

/// Counts cases.
pub(super) struct Counting {
    file: String,
    flow: String,
    places: Vec<Place>,
    /// Index of a place by its key.
    keys: BTreeMap<String, usize>,
}

impl Counting {
    pub(super) fn new(graph: &Graph, file: &str) -> Self {
        let mut counting = Self {
            file: file.to_owned(),
            flow: graph.id.to_string(),
            places: Vec::new(),
            keys: BTreeMap::new(),
        };
        counting.scope(&graph.root, "");
        counting
    }

    fn put(&mut self, kind: &'static str, key: String, place: String) {
        self.keys.insert(key, self.places.len());
        self.places.push(Place { kind, place, cases: 0 });
    }

    fn scope(&mut self, scope: &Scope, prefix: &str) {
        for node in &scope.nodes {
            let path = format!("{prefix}{}", node.id);
            self.put("node", format!("node {path}"), path.clone());
            match &node.kind {
                NodeKind::Leaf(leaf) => {
                    for (key, place) in guards(leaf, &path) {
                        self.put("guard", key, place);
                    }
                }
                NodeKind::Switch { cases, .. } => {
                    for (n, case) in cases.iter().enumerate() {
                        let when = match (&case.when, case.weight) {
                            (Some(when), _) => when.source().to_owned(),
                            (None, Some(weight)) => format!("case {n}, of weight {weight}"),
                            (None, None) => "else".into(),
                        };
                        self.put("case", format!("case {path} {n}"), format!("{path}: {when}"));
                    }
                }
                NodeKind::Map(_) | NodeKind::Loop(_) => {
                    self.put("body", format!("body {path} 0"), format!("{path}: its body"));
                }
                NodeKind::Parallel(branches) | NodeKind::Race(branches) => {
                    for (n, name) in branches.bodies.keys().enumerate() {
                        self.put("branch", format!("body {path} {n}"), format!("{path}: {name}"));
                    }
                }
                NodeKind::Try(guarded) => {
                    for (n, handler) in (1..).zip(&guarded.catch) {
                        let codes: Vec<&str> = handler.code.iter().map(|c| c.as_str()).collect();
                        let codes =
                            if codes.is_empty() { "any failure".into() } else { codes.join(", ") };
                        self.put(
                            "handler",
                            format!("body {path} {n}"),
                            format!("{path}: catch {codes}"),
                        );
                    }
                    if guarded.finally.is_some() {
                        let n = guarded.finally_index();
                        self.put("cleanup", format!("body {path} {n}"), format!("{path}: finally"));
                    }
                }
                #[allow(
                    unreachable_patterns,
                    reason = "blocks without parts of their own are nodes"
                )]
                _ => {}
            }
            if node.compensate.is_some() {
                self.put("undo", format!("body {path} 0"), format!("{path}: compensate"));
            }
            for (index, inner) in node.scopes() {
                self.scope(inner, &format!("{path}[{index}]."));
            }
        }
    }

    /// Counts what one case came through.
    pub(super) fn add(&mut self, graph: &Graph, trace: &Trace) {
        let mut met = BTreeSet::new();
        for (at, stop) in &trace.nodes {
            let Ok(address) = at.parse::<Address>() else { continue };
            if stop.status.as_deref() == Some("skipped") {
                continue;
            }
            let path = place_of(graph, &address, &mut met);
            if let Some(Some(case)) = stop.case {
                met.insert(format!("case {path} {case}"));
            }
            if let Some(NodeKind::Leaf(leaf)) = graph.node(&address).map(|node| &node.kind) {
                met.extend(guards(leaf, &path).into_iter().map(|(key, _)| key));
            }
            met.insert(format!("node {path}"));
        }
        for key in met {
            if let Some(place) = self.keys.get(&key) {
                self.places[*place].cases += 1;
            }
        }
    }

    pub(super) fn coverage(self) -> Coverage {
        let covered = self.places.iter().filter(|place| place.cases > 0).count();
        let total = self.places.len();
        let percent = u32::try_from(100 * covered / total.max(1)).expect("at most a hundred");
        let Self { file, flow, mut places, .. } = self;
        for place in &mut places {
            place.place = place.place.replace("[0].", ".");
        }
        Coverage { flow, file, covered, total, percent, places }
    }
}

/// The path of a node with the numbers of the bodies, and the bodies on the way there: the items of a map and the
/// iterations of a loop are one.
fn place_of(graph: &Graph, address: &Address, met: &mut BTreeSet<String>) -> String {
    let mut path = String::new();
    let mut scope = Some(&graph.root);
    let segments = address.segments();
    for (n, segment) in segments.iter().enumerate() {
        path.push_str(segment.node.as_str());
        if n + 1 == segments.len() {
            break;
        }
        let node = scope.and_then(|scope| scope.nodes.iter().find(|node| node.id == segment.node));
        let index = segment.index.unwrap_or_default() as usize;
        let index = node.map_or(index, |node| node.body(index));
        scope = node.and_then(|node| node.scope(index));
        met.insert(format!("body {path} {index}"));
        path.push_str(&format!("[{index}]."));
    }
    path
}

/// Guards around a step, with their keys.
fn guards(leaf: &Leaf, path: &str) -> Vec<(String, String)> {
    // Those around its tools are asked when it calls one, which no journal tells apart.
    let chains = [("before", &leaf.guard.before), ("after", &leaf.guard.after)];
    let each = chains.into_iter().flat_map(|(stage, chain)| {
        chain.iter().map(move |part| {
            let place = format!("{path}: {stage} {}", part.alias);
            (format!("guard {place}"), place)
        })
    });
    each.collect()
}

/// Static paths of all nodes of a graph.
pub(super) fn paths(graph: &Graph) -> BTreeSet<String> {
    fn walk(scope: &Scope, prefix: &str, into: &mut BTreeSet<String>) {
        for node in &scope.nodes {
            let path = format!("{prefix}{}", node.id);
            for (_, inner) in node.scopes() {
                walk(inner, &format!("{path}."), into);
            }
            into.insert(path);
        }
    }
    let mut found = BTreeSet::new();
    walk(&graph.root, "", &mut found);
    found
}
