//! `state:` of a flow and `write:` of its nodes. Two steps that may write at the same time what only one of them can decide
//! are found here, not in a run that once in a while gives something else.

use std::collections::VecDeque;

use indexmap::IndexMap;

use super::Checker;
use super::bound::{Conditions, conditions};
use super::draft::{Draft, DraftNode, DraftWrite};
use super::typing::fit_parts;
use crate::diagnostic::{Finding, Span, short};
use crate::document::{Data, Node};
use crate::expr::{Template, TypeNames};
use crate::graph::{Channel, Join, NodeIx, NodeKind, Reducer, Scope};
use crate::types::{Field, Kind, Type};

/// Channels of a flow.
pub const MAX_CHANNELS: usize = 100;

/// Steps that write to one channel whose writes need an order: each pair of them is looked at.
pub const MAX_WRITERS: usize = 100;

/// Declared channels by name.
pub(super) type Channels = IndexMap<String, Channel>;

impl Checker<'_> {
    /// The key `state:` of a flow.
    pub(super) fn channels(&self, root: &Node) -> Channels {
        let Some(entry) = root.get("state") else { return Channels::new() };
        let all = self.map(&entry.value, "a map of names to channels");
        if all.len() > MAX_CHANNELS {
            let message = format!("{} channels; at most {MAX_CHANNELS} are allowed", all.len());
            self.find(Finding::error("CG0330", entry.key_span, message));
            return Channels::new();
        }
        let mut channels = Channels::new();
        for channel in all {
            if let Err(error) = channel.key.parse::<crate::address::NodeId>() {
                self.find(Finding::error("CG0105", channel.key_span, error.to_string()));
            }
            channels.insert(channel.key.to_string(), self.channel(&channel.value));
        }
        channels
    }

    /// A port with a reducer: `name: type`, or `name: { type: …, reducer: …, default: … }`.
    fn channel(&self, node: &Node) -> Channel {
        let reducer = node.get("reducer").filter(|_| node.get("type").is_some());
        let mut port = node.clone();
        if let (Data::Map(entries), Some(_)) = (&mut port.data, reducer) {
            entries.retain(|entry| &*entry.key != "reducer");
        }
        let before = self.findings.borrow().len();
        let Field { ty, default, .. } = self.port(&port);
        let reducer = reducer.and_then(|e| self.choice(&e.value, &Reducer::ALL));
        let reducer = reducer.unwrap_or_default();
        let start = default.or_else(|| reducer.start(&ty));
        // What is wrong with the type itself was said.
        if self.findings.borrow().len() == before {
            if let Err(wanted) = reducer.writes(&ty) {
                let message = format!("this reducer needs {wanted}; found `{}`", short(&ty));
                self.find(Finding::error("CG0330", node.span, message));
            } else if start.is_none() {
                let message = "nothing says what is there before the first write";
                let help = format!("write `default:`, or `type: \"opt<{}>\"`", short(&ty));
                self.find(Finding::error("CG0330", node.span, message).help(help));
            }
        }
        let start = start.unwrap_or_default();
        Channel { ty, reducer, start }
    }

    /// The key `write:` of a node.
    pub(super) fn writes(&self, node: &Node, channels: &Channels) -> IndexMap<String, DraftWrite> {
        let Some(entry) = node.get("write") else { return IndexMap::new() };
        let mut writes = IndexMap::new();
        for write in self.map(&entry.value, "a map of channels to what is written") {
            let bound = self.bound_value(&write.value);
            let Some(channel) = channels.get(&*write.key) else {
                let message = format!("there is no state channel {:?}", short(&write.key));
                let names = channels.keys().map(String::as_str);
                let help = self.hints.near(&write.key, names).unwrap_or_else(|| {
                    format!("declare it: `state: {{ {}: {{ type: … }} }}`", short(&write.key))
                });
                self.find(Finding::error("CG0330", write.key_span, message).help(help));
                continue;
            };
            let ty = channel.reducer.writes(&channel.ty).unwrap_or_else(|_| Kind::Any.into());
            writes.insert(write.key.to_string(), DraftWrite { span: write.key_span, bound, ty });
        }
        writes
    }

    /// Types what a node writes: it reads its own value under its own name.
    pub(super) fn type_writes(
        &self,
        node: &DraftNode,
        names: &dyn TypeNames,
    ) -> IndexMap<String, Template> {
        let mut writes = IndexMap::with_capacity(node.writes.len());
        for (channel, DraftWrite { bound, ty, .. }) in &node.writes {
            let from = self.type_bound(bound, names);
            let field = Field::from(ty.clone());
            if let Err(refused) = fit_parts(&bound.template, &from, &field)
                && !bound.broken
            {
                let code = if refused.label { "CG0209" } else { "CG0206" };
                let message = format!("what is written to `{channel}`: {}", refused.why);
                let finding = Finding::error(code, bound.span, message);
                self.find(finding.help(format!("a write to it is a `{}`", short(ty))));
            }
            writes.insert(channel.clone(), bound.template.clone());
        }
        writes
    }

    /// Finds steps that may write at the same time to a channel where the later one wins.
    pub(super) fn racing_writes(&self, root: &Scope, draft: &Draft, channels: &Channels) {
        let ordered = channels.iter().filter(|(_, channel)| channel.reducer.needs_order());
        for (name, _) in ordered {
            let mut writers = Vec::new();
            find_writers(root, draft, name, &mut Vec::new(), &mut writers);
            if let Some(beyond) = writers.get(MAX_WRITERS) {
                let message = format!("more than {MAX_WRITERS} steps write to `{name}`");
                let help = "give it a reducer for which the order does not matter";
                self.find(Finding::error("CG0331", beyond.span, message).help(help));
                continue;
            }
            for (at, writer) in writers.iter().enumerate() {
                self.races_itself(root, name, writer);
                let other = writers[..at].iter().find(|other| !in_order(root, writer, other));
                let Some(other) = other else { continue };
                let message = format!(
                    "`{}` and `{}` may write to `{name}` at the same time, and nothing says who is the last",
                    other.id, writer.id
                );
                let finding = Finding::error("CG0331", writer.span, message);
                let help = "let one wait for the other (`after:`), or give the channel a reducer";
                self.find(finding.and(other.span, "the other one").help(help));
            }
        }
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

fn find_writers(
    scope: &Scope,
    draft: &Draft,
    channel: &str,
    way: &mut Vec<(NodeIx, usize)>,
    found: &mut Vec<Writer>,
) {
    for (at, node) in scope.nodes.iter().enumerate() {
        let Some(written) = draft.nodes.iter().find(|written| written.id == node.id) else {
            continue;
        };
        for (body, inner) in node.scopes() {
            let inside = written.bodies().into_iter().find(|(number, _)| *number == body);
            let Some((_, inside)) = inside else { continue };
            way.push((at, body));
            find_writers(inner, inside, channel, way, found);
            way.pop();
        }
        if let Some(write) = written.writes.get(channel) {
            let (id, span) = (node.id.to_string(), write.span);
            found.push(Writer { way: way.clone(), node: at, id, span });
        }
    }
}

/// Whether of two steps one always comes after the other, or never both run.
fn in_order(root: &Scope, a: &Writer, b: &Writer) -> bool {
    let same = a.way.iter().zip(&b.way).take_while(|(a, b)| a == b).count();
    let inside = |scope, &(node, body): &(NodeIx, usize)| -> &Scope {
        let scope: &Scope = scope;
        scope.nodes[node].scope(body).expect("the way leads through bodies")
    };
    let scope = a.way[..same].iter().fold(root, inside);
    let (a_at, b_at) = (a.at(same), b.at(same));
    if a_at != b_at {
        return waits(scope, a_at, b_at) || waits(scope, b_at, a_at) || excluded(scope, a_at, b_at);
    }
    // Bodies of one block; or the block itself, which writes when they have ended.
    match &scope.nodes[a_at].kind {
        _ if a.way.len() == same || b.way.len() == same => true,
        NodeKind::Parallel(_) | NodeKind::Race(_) => false,
        _ => true,
    }
}

/// Whether `later` starts only when `sooner` has ended.
fn waits(scope: &Scope, later: NodeIx, sooner: NodeIx) -> bool {
    let mut seen = vec![false; scope.nodes.len()];
    let mut queue = VecDeque::from([later]);
    while let Some(at) = queue.pop_front() {
        let node = &scope.nodes[at];
        // Another join may start it while an input is still under way.
        for edge in node.needs.iter().filter(|_| node.join == Join::All) {
            if edge.from == sooner {
                return true;
            }
            if !std::mem::replace(&mut seen[edge.from], true) {
                queue.push_back(edge.from);
            }
        }
    }
    false
}

/// Whether two nodes are behind different cases of one switch.
fn excluded(scope: &Scope, a: NodeIx, b: NodeIx) -> bool {
    let all = conditions(scope);
    let of = |at: NodeIx| all.get(at).and_then(Option::as_ref);
    let disjoint = |a: &Conditions, b: &Conditions| {
        a.iter().any(|(switch, cases)| b.get(switch).is_some_and(|other| cases.is_disjoint(other)))
    };
    of(a).zip(of(b)).is_some_and(|(a, b)| disjoint(a, b))
}

/// The type of `state` in expressions.
pub(super) fn state_type(channels: &Channels) -> Option<Type> {
    let fields = channels.iter().map(|(name, channel)| (name.clone(), channel.ty.clone().into()));
    (!channels.is_empty()).then(|| Kind::Record(fields.collect()).into())
}
