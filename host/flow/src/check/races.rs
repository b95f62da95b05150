//! Steps that may write at the same time what only one of them can decide: they are found here, not in a run that once in a
//! while gives something else.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::ptr;

use super::Checker;
use super::bound::{Conditions, conditions};
use super::channels::Channels;
use super::draft::{Draft, beside};
use crate::diagnostic::{Finding, Span};
use crate::graph::{Join, NodeIx, NodeKind, Scope};

/// Steps that write to one channel whose writes need an order: each pair of them is looked at.
pub const MAX_WRITERS: usize = 100;

/// Edges that are followed, in all, to find out who waits for whom: a large flow with some channels has some ten thousand.
pub const MAX_FOLLOWED: usize = 1_000_000;

impl Checker<'_> {
    /// Finds steps that may write at the same time to a channel where the later one wins.
    pub(super) fn racing_writes(&self, root: &Scope, draft: &Draft, channels: &Channels) {
        let ordered = channels.iter().filter(|(_, channel)| channel.reducer.needs_order());
        let mut writers: BTreeMap<&str, Vec<Writer>> =
            ordered.map(|(name, _)| (name.as_str(), Vec::new())).collect();
        if writers.is_empty() {
            return;
        }
        beside(root, draft, &mut Vec::new(), &mut |way, at, node, written| {
            for (channel, write) in &written.writes {
                if let Some(known) = writers.get_mut(channel.as_str()) {
                    let (way, id, span) = (way.to_vec(), node.id.to_string(), write.span);
                    known.push(Writer { way, node: at, id, span });
                }
            }
        });
        let mut known =
            Known { root, before: HashMap::new(), cases: HashMap::new(), left: MAX_FOLLOWED };
        for (name, writers) in &writers {
            if !self.racing(name, writers, &mut known) {
                return;
            }
        }
    }

    /// Finds those of one channel. False when it would take too long to look at more.
    fn racing(&self, name: &str, writers: &[Writer], known: &mut Known<'_>) -> bool {
        let help = "give it a reducer for which the order does not matter";
        if let Some(beyond) = writers.get(MAX_WRITERS) {
            let message = format!("more than {MAX_WRITERS} steps write to `{name}`");
            self.find(Finding::error("CG0331", beyond.span, message).help(help));
            return true;
        }
        for (at, writer) in writers.iter().enumerate() {
            self.races_itself(known.root, name, writer);
            let Some(racing) = known.first_racing(writer, &writers[..at]) else {
                let message = format!(
                    "the steps that write to `{name}` are too many, in too large a flow, to find out who waits for whom"
                );
                self.find(Finding::error("CG0331", writer.span, message).help(help));
                return false;
            };
            let Some(other) = racing else { continue };
            let message = format!(
                "`{}` and `{}` may write to `{name}` at the same time, and nothing says who is the last",
                other.id, writer.id
            );
            let finding = Finding::error("CG0331", writer.span, message);
            let help = "let one wait for the other (`after:`), or give the channel a reducer";
            self.find(finding.and(other.span, "the other one").help(help));
        }
        true
    }

    fn races_itself(&self, root: &Scope, name: &str, writer: &Writer) {
        let mut scope = root;
        for &(node, body) in &writer.way {
            let block = &scope.nodes[node];
            if let NodeKind::Map(map) = &block.kind
                && map.concurrency > 1
            {
                let message = format!(
                    "`{}` writes to `{name}` for {} items of `{}` at the same time, and nothing says which is the last",
                    writer.id, map.concurrency, block.id
                );
                let help =
                    "give the channel a reducer, such as `append`, or the map `concurrency: 1`";
                self.find(Finding::error("CG0331", writer.span, message).help(help));
                return;
            }
            scope = block.scope(body).expect("the way leads through bodies");
        }
    }
}

/// A step that writes.
struct Writer {
    /// From the outermost scope: nodes to go through, with the number of the body.
    way: Vec<(NodeIx, usize)>,
    node: NodeIx,
    id: String,
    span: Span,
}

impl Writer {
    /// The node of the scope at a depth that it is, or is inside.
    fn at(&self, depth: usize) -> NodeIx {
        self.way.get(depth).map_or(self.node, |(node, _)| *node)
    }
}

/// What was found out about scopes, by their place in memory.
struct Known<'s> {
    root: &'s Scope,
    /// The nodes for whose end a node waits.
    before: HashMap<(*const Scope, NodeIx), HashSet<NodeIx>>,
    /// Under which cases of switches each node runs.
    cases: HashMap<*const Scope, Vec<Option<Conditions>>>,
    /// Edges that may still be followed.
    left: usize,
}

impl<'s> Known<'s> {
    /// The first of the others that may write while the writer does; nothing when that cannot be found out any more.
    fn first_racing<'w>(
        &mut self,
        writer: &Writer,
        others: &'w [Writer],
    ) -> Option<Option<&'w Writer>> {
        for other in others {
            if !self.in_order(writer, other)? {
                return Some(Some(other));
            }
        }
        Some(None)
    }

    /// Whether of two steps one always comes after the other, or never both run.
    fn in_order(&mut self, a: &Writer, b: &Writer) -> Option<bool> {
        let same = a.way.iter().zip(&b.way).take_while(|(a, b)| a == b).count();
        let mut scope = self.root;
        for &(node, body) in &a.way[..same] {
            scope = scope.nodes[node].scope(body).expect("the way leads through bodies");
        }
        let (a_at, b_at) = (a.at(same), b.at(same));
        if a_at != b_at {
            return Some(
                self.waits(scope, a_at, b_at)?
                    || self.waits(scope, b_at, a_at)?
                    || self.excluded(scope, a_at, b_at),
            );
        }
        // Bodies of one block; or the block itself, which writes when they have ended.
        let itself = a.way.len() == same || b.way.len() == same;
        let parallel = matches!(scope.nodes[a_at].kind, NodeKind::Parallel(_) | NodeKind::Race(_));
        Some(itself || !parallel)
    }

    /// Whether `later` starts only when `sooner` has ended.
    fn waits(&mut self, scope: &'s Scope, later: NodeIx, sooner: NodeIx) -> Option<bool> {
        let key = (ptr::from_ref(scope), later);
        if !self.before.contains_key(&key) {
            let before = before(scope, later, &mut self.left)?;
            self.before.insert(key, before);
        }
        Some(self.before[&key].contains(&sooner))
    }

    /// Whether two nodes are behind different cases of one switch.
    fn excluded(&mut self, scope: &'s Scope, a: NodeIx, b: NodeIx) -> bool {
        let all = self.cases.entry(ptr::from_ref(scope)).or_insert_with(|| conditions(scope));
        let of = |at: NodeIx| all.get(at).and_then(Option::as_ref);
        let disjoint = |a: &Conditions, b: &Conditions| {
            a.iter()
                .any(|(switch, cases)| b.get(switch).is_some_and(|other| cases.is_disjoint(other)))
        };
        of(a).zip(of(b)).is_some_and(|(a, b)| disjoint(a, b))
    }
}

/// The nodes for whose end a node waits; nothing when there are no edges left to follow.
fn before(scope: &Scope, later: NodeIx, left: &mut usize) -> Option<HashSet<NodeIx>> {
    let (mut found, mut open) = (HashSet::new(), vec![later]);
    while let Some(at) = open.pop() {
        let node = &scope.nodes[at];
        // Another join may start it while an input is still under way.
        for edge in node.needs.iter().filter(|_| node.join == Join::All) {
            *left = left.checked_sub(1)?;
            if found.insert(edge.from) {
                open.push(edge.from);
            }
        }
    }
    Some(found)
}
