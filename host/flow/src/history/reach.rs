//! What depends on a place: the node or block itself, all below it, and all that waits for it, at each level outwards.
//!
//! A place is written as an address. An index that is left out means every body: `scan.assess` is the node in each
//! item of the map, `scan[3]` is the third item whole.

use std::collections::BTreeSet;

use crate::address::{Address, Segment};
use crate::graph::{Graph, GraphNode, Scope};

/// Nobody is at a place.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the flow has no node `{node}`{}; there are {}", inside(.around), .known.join(", "))]
pub struct NoSuchPlace {
    /// The first id of the address that there is not.
    pub node: String,
    /// Path of the block where it was looked for; empty for the outermost scope.
    pub around: String,
    /// The ids that there are.
    pub known: Vec<String>,
}

fn inside(around: &str) -> String {
    if around.is_empty() { String::new() } else { format!(" in `{around}`") }
}

/// Asks whether a flow has a node at a place.
///
/// # Errors
/// It has none.
pub fn find_place(graph: &Graph, place: &Address) -> Result<(), NoSuchPlace> {
    Reach::of(graph, std::slice::from_ref(place)).map(drop)
}

/// Places, each with what depends on it.
#[derive(Clone, Debug, Default)]
pub(super) struct Reach {
    places: Vec<Address>,
    /// Places of nodes that wait for one of them.
    after: BTreeSet<Address>,
}

impl Reach {
    pub(super) fn of(graph: &Graph, places: &[Address]) -> Result<Self, NoSuchPlace> {
        let mut reach = Self { places: places.to_vec(), after: BTreeSet::new() };
        for place in places {
            let mut scopes = vec![&graph.root];
            for level in 0..place.segments().len() {
                let (around, here) = (&place.segments()[..level], &place.segments()[level]);
                let found: Vec<_> = scopes.iter().filter(|s| find(s, here).is_some()).collect();
                if found.is_empty() {
                    return Err(nobody(&scopes, around, here));
                }
                for scope in &found {
                    reach.add_readers(scope, around, here);
                }
                let bodies = found.iter().filter_map(|scope| find(scope, here));
                scopes = bodies.flat_map(|node| inner(node, here.index)).collect();
            }
        }
        Ok(reach)
    }

    fn add_readers(&mut self, scope: &Scope, around: &[Segment], of: &Segment) {
        let at = scope.nodes.iter().position(|node| node.id == of.node).expect("it was found");
        let mut late = BTreeSet::from([at]);
        // Nodes of a scope come after those that they need.
        for (reader, node) in scope.nodes.iter().enumerate().skip(at + 1) {
            if node.needs.iter().any(|edge| late.contains(&edge.from)) {
                late.insert(reader);
                let last = Segment { node: node.id.clone(), index: None };
                self.after.insert(Address::of(around.iter().cloned().chain([last])));
            }
        }
    }

    /// Whether the address is at one of the places, or below it.
    pub(super) fn covers(&self, address: &Address) -> bool {
        self.places.iter().any(|place| address.is_in(place))
    }

    /// Whether the address is at one of the places or below it, or waits for it.
    pub(super) fn depends(&self, address: &Address) -> bool {
        self.covers(address) || self.after.iter().any(|place| address.is_in(place))
    }

    /// Whether one of the places is inside the block at the address.
    pub(super) fn is_inside(&self, block: &Address) -> bool {
        let block = block.segments();
        let meet = |(here, there): (&Segment, &Segment)| {
            let all = here.index.is_none() || there.index.is_none();
            here.node == there.node && (all || here.index == there.index)
        };
        let mut places = self.places.iter().map(Address::segments);
        places.any(|place| place.len() > block.len() && place.iter().zip(block).all(meet))
    }

    /// Leaves that depend on one of the places and are never repeated, by their static path.
    pub(super) fn once(&self, graph: &Graph) -> Vec<String> {
        let mut found = Vec::new();
        graph.root.leaves(&mut |path, leaf| {
            let address: Address = path.parse().expect("ids with dots between are an address");
            let places = self.places.iter().chain(&self.after);
            let mut places = places.map(|place| place.static_path());
            let below = |place: String| {
                address.static_path() == place || path.starts_with(&format!("{place}."))
            };
            if !leaf.policy.effect.repeatable() && places.any(below) {
                found.push(path.to_owned());
            }
        });
        found
    }
}

fn find<'g>(scope: &'g Scope, segment: &Segment) -> Option<&'g GraphNode> {
    scope.nodes.iter().find(|node| node.id == segment.node)
}

/// The scopes that a segment leads into.
pub(super) fn inner(node: &GraphNode, index: Option<u32>) -> Vec<&Scope> {
    match index {
        Some(index) => node.scope(node.body(index as usize)).into_iter().collect(),
        None => node.scopes().into_iter().map(|(_, scope)| scope).collect(),
    }
}

fn nobody(scopes: &[&Scope], around: &[Segment], node: &Segment) -> NoSuchPlace {
    let known = scopes.iter().flat_map(|scope| &scope.nodes);
    let known: BTreeSet<String> = known.map(|node| node.id.to_string()).collect();
    let around = match around.is_empty() {
        true => String::new(),
        false => Address::of(around.iter().cloned()).to_string(),
    };
    NoSuchPlace { node: node.node.to_string(), around, known: known.into_iter().collect() }
}
