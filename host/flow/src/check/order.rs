//! Second pass: references become edges, and the nodes are put into an order in which each comes after
//! those it needs. The order does not depend on how the file is sorted.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, HashSet, VecDeque};
use std::ops::Range;
use std::rc::Rc;

use super::Checker;
use super::draft::{Draft, DraftBody, DraftKind, DraftLoop, DraftNode, DraftWait};
use super::site::Site;
use crate::diagnostic::{Finding, Span};
use crate::graph::{Edge, EdgeKind, Join, KEY, NodeIx};

/// Nodes from which a shortest cycle is looked for: more would let a hostile file cost seconds.
const CYCLE_STARTS: usize = 200;

/// How the nodes of a scope follow each other.
pub(super) struct Order {
    /// Indices into the draft.
    pub(super) sorted: Vec<NodeIx>,
    /// By position in `sorted`; `from` is such a position too.
    pub(super) edges: Vec<Vec<Edge>>,
    /// Orders of bodies, by index into the draft and number of the body.
    pub(super) bodies: HashMap<(NodeIx, usize), Rc<Order>>,
}

/// A name that a node reads, from its expressions or those of its body.
struct Read<'s> {
    name: String,
    guarded: bool,
    site: &'s Site,
    at: Range<usize>,
}

impl Checker<'_> {
    /// Nothing when there is a cycle.
    pub(super) fn order(&self, draft: &Draft) -> Option<Order> {
        let index: HashMap<&str, NodeIx> =
            draft.nodes.iter().enumerate().map(|(i, node)| (node.id.as_str(), i)).collect();
        let mut needs: Vec<Vec<Edge>> = Vec::with_capacity(draft.nodes.len());
        let mut bodies = HashMap::new();
        let mut sound = true;
        for (at, node) in draft.nodes.iter().enumerate() {
            for (case, body) in node.bodies() {
                match self.order(body) {
                    Some(order) => {
                        bodies.insert((at, case), Rc::new(order));
                    }
                    None => sound = false,
                }
            }
            needs.push(self.needs(node, &index));
        }
        self.cases(draft, &index, &mut needs);
        for edges in &mut needs {
            edges.sort_by_key(|edge| (edge.from, rank(edge.kind)));
            edges.dedup_by_key(|edge| match edge.kind {
                EdgeKind::Case { case } => (edge.from, Some(case)),
                _ => (edge.from, None),
            });
        }
        for (node, edges) in draft.nodes.iter().zip(&needs) {
            let sources: HashSet<NodeIx> = edges.iter().map(|edge| edge.from).collect();
            if let Join::NOf(wanted) = node.join
                && sources.len() < wanted as usize
            {
                let message = format!("it waits for {wanted} inputs and has {}", sources.len());
                let help = format!("write `join: n_of({})` at most, or `all`", sources.len());
                self.find(Finding::error("CG0308", node.span, message).help(help));
            }
        }
        let sorted = sort(draft, &needs).or_else(|| {
            self.cycle(draft, &needs);
            None
        })?;
        let mut position = vec![0; sorted.len()];
        sorted.iter().enumerate().for_each(|(at, node)| position[*node] = at);
        let edges: Vec<Vec<Edge>> = sorted
            .iter()
            .map(|node| {
                let mut edges: Vec<Edge> = needs[*node]
                    .iter()
                    .map(|e| Edge { from: position[e.from], kind: e.kind })
                    .collect();
                edges.sort_by_key(|edge| (edge.from, rank(edge.kind)));
                edges
            })
            .collect();
        sound.then_some(Order { sorted, edges, bodies })
    }

    fn needs(&self, node: &DraftNode, index: &HashMap<&str, NodeIx>) -> Vec<Edge> {
        let mut edges = Vec::new();
        for read in self.reads(node) {
            let Some(&from) = index.get(read.name.as_str()) else { continue };
            if node.join != Join::All && !read.guarded {
                let message = format!(
                    "with this `join` not all values are there; `{}` may be absent",
                    read.name
                );
                let help = format!("ask first: `has({0}) ? {0}… : …`", read.name);
                let span = read.site.at(self.text, &read.at);
                self.find(Finding::error("CG0308", span, message).help(help));
            }
            let kind = if read.guarded { EdgeKind::Optional } else { EdgeKind::Data };
            edges.push(Edge { from, kind });
        }
        for (name, span) in &node.after {
            match index.get(name.as_str()) {
                Some(&from) => edges.push(Edge { from, kind: EdgeKind::After }),
                None => self.unknown_node(name, *span, index),
            }
        }
        edges
    }

    fn unknown_node(&self, name: &str, span: Span, index: &HashMap<&str, NodeIx>) {
        let message = format!("there is no node `{name}` beside this one");
        let finding = Finding::error("CG0305", span, message);
        self.find(finding.maybe_help(self.hints.near(name, index.keys().copied())));
    }

    /// Edges from the cases of each switch.
    fn cases(&self, draft: &Draft, index: &HashMap<&str, NodeIx>, needs: &mut [Vec<Edge>]) {
        for (from, node) in draft.nodes.iter().enumerate() {
            let DraftKind::Switch(switch) = &node.kind else { continue };
            for (case, written) in switch.cases.iter().enumerate() {
                for (name, span) in &written.to {
                    match index.get(name.as_str()) {
                        Some(&to) => needs[to].push(Edge { from, kind: EdgeKind::Case { case } }),
                        None => self.unknown_node(name, *span, index),
                    }
                }
            }
        }
    }

    fn reads<'s>(&self, node: &'s DraftNode) -> Vec<Read<'s>> {
        let mut reads = Vec::new();
        match &node.kind {
            DraftKind::Leaf(leaf) => {
                leaf.with.values().for_each(|(_, bound)| self.read(&bound.sites, &mut reads));
                let key = leaf.asset.iter().filter_map(|asset| asset.key.as_ref());
                self.read(key.flat_map(|key| &key.sites), &mut reads);
            }
            DraftKind::Switch(switch) => {
                for case in &switch.cases {
                    reads.extend(case.body.iter().flat_map(|body| self.reads_of(body, &[])));
                    self.read(&case.when, &mut reads);
                }
            }
            DraftKind::Map(map) => {
                let own = [map.item.as_str(), "index", KEY];
                // Without a key the body has no such name.
                let given = &own[..if map.key.is_some() { 3 } else { 2 }];
                reads.extend(self.reads_of_body(&map.body, &map.out.sites, given));
                let mut named = Vec::new();
                self.read(&map.key, &mut named);
                reads.extend(named.into_iter().filter(|read| !own[..2].contains(&&*read.name)));
                self.read([&map.over], &mut reads);
            }
            DraftKind::Loop(looped) => self.reads_of_loop(looped, &mut reads),
            DraftKind::Parallel(branches) | DraftKind::Race(branches) => {
                reads.extend(branches.bodies.values().flat_map(|body| self.reads_of(body, &[])));
            }
            DraftKind::Try(guarded) => {
                reads.extend(self.reads_of(&guarded.body, &[]));
                let handlers = guarded.catch.iter().map(|catch| &catch.body);
                reads.extend(handlers.flat_map(|body| self.reads_of(body, &["error"])));
                let finally = guarded.finally.iter();
                reads.extend(finally.flat_map(|body| self.reads_of_body(body, [], &["error"])));
            }
            DraftKind::Wait(wait) => {
                self.read(wait.sites(), &mut reads);
                if let DraftWait::Event(listen) = &**wait {
                    let mut asked = Vec::new();
                    self.read(&listen.only, &mut asked);
                    reads.extend(asked.into_iter().filter(|read| read.name != "event"));
                }
            }
            DraftKind::Human(human) => self.read(human.sites(), &mut reads),
            DraftKind::Emit(emit) => {
                let bounds = emit.payload.iter().chain(&emit.to);
                self.read(bounds.flat_map(|bound| &bound.sites), &mut reads);
            }
            DraftKind::Broken => {}
        }
        self.read(node.given.iter().flat_map(|given| &given.bound.sites), &mut reads);
        let mut written = Vec::new();
        self.read(node.writes.values().flat_map(|write| &write.bound.sites), &mut written);
        reads.extend(written.into_iter().filter(|read| read.name != node.id.as_str()));
        if let Some(verify) = &node.verify {
            reads.extend(self.reads_of_body(verify, [], &["attempt"]));
        }
        if let Some(undo) = &node.undo {
            reads.extend(self.reads_of_body(undo, [], &[node.id.as_str()]));
        }
        reads
    }

    fn reads_of_loop<'s>(&self, looped: &'s DraftLoop, reads: &mut Vec<Read<'s>>) {
        let own: Vec<&str> = looped.carry.keys().map(String::as_str).chain(["index"]).collect();
        let next = looped.next.values().flat_map(|(_, bound)| &bound.sites);
        let out = looped.body.out.iter().flat_map(|out| &out.sites);
        let end = next.chain(&looped.until).chain(out);
        reads.extend(self.reads_of_body(&looped.body.nodes, end, &own));
        let mut asked = Vec::new();
        self.read(&looped.go_on, &mut asked);
        reads.extend(asked.into_iter().filter(|read| !own.contains(&read.name.as_str())));
        self.read(looped.carry.values().flat_map(|bound| &bound.sites), reads);
    }

    fn reads_of<'s>(&self, body: &'s DraftBody, given: &[&str]) -> Vec<Read<'s>> {
        self.reads_of_body(&body.nodes, body.end(), given)
    }

    /// What a body reads from outside: neither its own nodes nor the names that its block gives it.
    fn reads_of_body<'s>(
        &self,
        body: &'s Draft,
        end: impl IntoIterator<Item = &'s Site>,
        given: &[&str],
    ) -> Vec<Read<'s>> {
        let mut reads: Vec<Read<'s>> =
            body.nodes.iter().flat_map(|node| self.reads(node)).collect();
        self.read(end, &mut reads);
        let own: HashSet<&str> = body.nodes.iter().map(|node| node.id.as_str()).collect();
        reads.retain(|read| {
            !own.contains(read.name.as_str()) && !given.contains(&read.name.as_str())
        });
        reads
    }

    fn read<'s>(&self, sites: impl IntoIterator<Item = &'s Site>, reads: &mut Vec<Read<'s>>) {
        for site in sites {
            reads.extend(site.expr.references().into_iter().map(|reference| Read {
                name: reference.name.to_string(),
                guarded: reference.guarded,
                site,
                at: reference.at,
            }));
        }
    }

    /// Names the shortest cycle.
    fn cycle(&self, draft: &Draft, needs: &[Vec<Edge>]) {
        /// Nodes of a circle that a message names.
        const MANY: usize = 12;
        let shortest = (0..draft.nodes.len())
            .filter(|start| !needs[*start].is_empty())
            .take(CYCLE_STARTS)
            .filter_map(|start| way_back(start, needs))
            .min_by_key(Vec::len);
        let Some(path) = shortest else { return };
        let names: Vec<&str> = path.iter().rev().map(|ix| draft.nodes[*ix].id.as_str()).collect();
        let first = &draft.nodes[*path.last().expect("a cycle has a node")];
        let circle = match names.len() {
            0..=MANY => names.join(" → "),
            n => format!(
                "{} → … {} more … → {}",
                names[..MANY / 2].join(" → "),
                n - MANY,
                names[n - MANY / 2..].join(" → ")
            ),
        };
        let message = format!("these nodes wait for each other: {circle} → {}", names[0]);
        let help = "a flow runs forward; break the circle by leaving out one of the references";
        let mut finding = Finding::error("CG0304", first.span, message).help(help);
        if path.len() > 1 {
            finding = finding.and(draft.nodes[path[0]].span, format!("needs `{}`", names[0]));
        }
        self.find(finding);
    }
}

fn rank(kind: EdgeKind) -> u8 {
    match kind {
        EdgeKind::Data => 0,
        EdgeKind::Optional => 1,
        EdgeKind::After => 2,
        EdgeKind::Case { .. } => 3,
    }
}

/// Kahn's order, the smallest id first. Nothing when there is a cycle.
fn sort(draft: &Draft, needs: &[Vec<Edge>]) -> Option<Vec<NodeIx>> {
    let mut readers: Vec<Vec<NodeIx>> = vec![Vec::new(); needs.len()];
    let mut open: Vec<usize> = needs.iter().map(Vec::len).collect();
    for (node, edges) in needs.iter().enumerate() {
        edges.iter().for_each(|edge| readers[edge.from].push(node));
    }
    let id = |node: NodeIx| Reverse((draft.nodes[node].id.as_str(), node));
    let mut ready: BinaryHeap<_> = (0..needs.len()).filter(|n| open[*n] == 0).map(id).collect();
    let mut sorted = Vec::with_capacity(needs.len());
    while let Some(Reverse((_, node))) = ready.pop() {
        sorted.push(node);
        for &reader in &readers[node] {
            open[reader] -= 1;
            if open[reader] == 0 {
                ready.push(id(reader));
            }
        }
    }
    (sorted.len() == needs.len()).then_some(sorted)
}

/// The shortest way from a node over what it needs back to itself, by breadth.
fn way_back(start: NodeIx, needs: &[Vec<Edge>]) -> Option<Vec<NodeIx>> {
    let mut came: Vec<Option<NodeIx>> = vec![None; needs.len()];
    let mut queue = VecDeque::from([start]);
    while let Some(node) = queue.pop_front() {
        for edge in &needs[node] {
            if edge.from == start {
                let mut path = vec![node];
                let mut at = node;
                while at != start {
                    at = came[at].expect("what was reached was reached from somewhere");
                    path.push(at);
                }
                return Some(path);
            }
            if came[edge.from].is_none() {
                came[edge.from] = Some(node);
                queue.push_back(edge.from);
            }
        }
    }
    None
}
