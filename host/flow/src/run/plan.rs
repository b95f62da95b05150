//! What a run asks of its graph at each event, answered once: who reads whom, what names mean, where
//! bodies are. Without it every event would search the graph.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, OnceLock};

use crate::address::{Address, NodeId};
use crate::expr::Template;
use crate::graph::{EdgeKind, Graph, GraphNode, Join, Leaf, NodeIx, NodeKind, Reducer, Scope};

/// What the run machine works out of a graph once, for all runs of it.
#[derive(Default)]
pub struct Planned(OnceLock<Arc<Plan>>);

impl Planned {
    pub(super) fn of(graph: &Graph) -> Arc<Plan> {
        graph.plan.0.get_or_init(|| Arc::new(Plan::of(graph))).clone()
    }
}

/// A copy of a graph may be changed before it is run: it has a plan of its own.
impl Clone for Planned {
    fn clone(&self) -> Self {
        Self::default()
    }
}

impl fmt::Debug for Planned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Planned").finish_non_exhaustive()
    }
}

/// Index of a scope in [`Plan::scopes`]; 0 is the outermost.
pub(super) type ScopeIx = usize;

#[derive(Debug)]
pub(super) struct Plan {
    pub(super) scopes: Vec<ScopePlan>,
    /// Static path of each node of each scope, in the order of the graph: `scan.assess`.
    pub(super) paths: Vec<Arc<str>>,
    /// Of the state channels.
    reducers: HashMap<String, Reducer>,
}

#[derive(Debug)]
pub(super) struct ScopePlan {
    /// Nodes to go through from the outermost scope to this one, with the number of the body.
    way: Vec<(NodeIx, usize)>,
    pub(super) nodes: Vec<NodePlan>,
    pub(super) by_id: HashMap<NodeId, NodeIx>,
}

#[derive(Debug)]
pub(super) struct NodePlan {
    pub(super) id: NodeId,
    /// Its place, when the scope is the outermost: elsewhere it depends on the item.
    pub(super) root: Option<Address>,
    pub(super) join: Join,
    pub(super) act: Act,
    /// The scopes inside, by the number of the body; of a leaf, what undoes it.
    pub(super) bodies: Vec<Option<ScopeIx>>,
    /// Only nodes wait for it that cope with its failure.
    pub(super) tolerated: bool,
    /// What the node waits for. `Case` edges of one switch are one input.
    pub(super) inputs: Vec<Input>,
    /// Who waits for this node: reader and index into its inputs.
    pub(super) readers: Vec<(NodeIx, usize)>,
    /// Index into [`Plan::paths`].
    pub(super) path: usize,
    /// Milliseconds that all of it may take.
    pub(super) deadline: Option<u64>,
    /// Milliseconds that nothing may be heard of what is inside.
    pub(super) idle: Option<u64>,
    /// What it writes, in the order of the flow: the channel, and what is read when the node has succeeded.
    pub(super) writes: Vec<(Arc<str>, Reducer, Template)>,
}

#[derive(Debug)]
pub(super) enum Act {
    Leaf(Arc<Leaf>),
    Switch,
    Map,
    Loop,
    Parallel,
    Race,
    Try,
    Wait,
    Human,
    Emit,
}

impl Act {
    fn of(kind: &NodeKind) -> Self {
        match kind {
            NodeKind::Leaf(leaf) => Self::Leaf(leaf.clone()),
            NodeKind::Switch { .. } => Self::Switch,
            NodeKind::Map(_) => Self::Map,
            NodeKind::Loop(_) => Self::Loop,
            NodeKind::Parallel(_) => Self::Parallel,
            NodeKind::Race(_) => Self::Race,
            NodeKind::Try(_) => Self::Try,
            NodeKind::Wait(_) => Self::Wait,
            NodeKind::Human(_) => Self::Human,
            NodeKind::Emit(_) => Self::Emit,
        }
    }
}

impl NodePlan {
    /// The scope of a body that the graph has.
    pub(super) fn body(&self, index: usize) -> ScopeIx {
        self.bodies[index].expect("the checker made this body")
    }
}

#[derive(Debug)]
pub(super) struct Input {
    pub(super) from: NodeIx,
    pub(super) kind: InputKind,
}

#[derive(Debug)]
pub(super) enum InputKind {
    /// Dead when the source was skipped.
    Data,
    /// Settled by a skip too.
    Lenient,
    /// Live when the switch took one of these.
    Cases(Vec<usize>),
}

impl Input {
    /// Whether the source, which took `taken` when it is a switch, brings this input to life.
    pub(super) fn lives(&self, taken: Option<usize>) -> bool {
        match &self.kind {
            InputKind::Data | InputKind::Lenient => true,
            InputKind::Cases(cases) => taken.is_some_and(|case| cases.contains(&case)),
        }
    }
}

impl Plan {
    fn of(graph: &Graph) -> Self {
        let reducers = graph.state.iter().map(|(name, channel)| (name.clone(), channel.reducer));
        let reducers = reducers.collect();
        let mut plan = Self { scopes: Vec::new(), paths: Vec::new(), reducers };
        plan.add(&graph.root, Vec::new(), "");
        plan
    }

    fn add(&mut self, scope: &Scope, way: Vec<(NodeIx, usize)>, prefix: &str) -> ScopeIx {
        let ix = self.scopes.len();
        let by_id = scope.nodes.iter().enumerate().map(|(i, n)| (n.id.clone(), i)).collect();
        self.scopes.push(ScopePlan { way: way.clone(), nodes: Vec::new(), by_id });
        let mut nodes: Vec<NodePlan> = Vec::with_capacity(scope.nodes.len());
        for (at, node) in scope.nodes.iter().enumerate() {
            let path = self.paths.len();
            self.paths.push(format!("{prefix}{}", node.id).into());
            let inner = format!("{prefix}{}.", node.id);
            let scopes = node.scopes();
            let mut bodies = vec![None; scopes.iter().map(|(body, _)| body + 1).max().unwrap_or(0)];
            for (body, scope) in scopes {
                let way = way.iter().copied().chain([(at, body)]).collect();
                bodies[body] = Some(self.add(scope, way, &inner));
            }
            nodes.push(NodePlan {
                id: node.id.clone(),
                root: way.is_empty().then(|| Address::root(node.id.clone())),
                join: node.join,
                act: Act::of(&node.kind),
                bodies,
                inputs: inputs_of(node),
                readers: Vec::new(),
                path,
                tolerated: false,
                deadline: match &node.kind {
                    NodeKind::Leaf(leaf) => leaf.policy.deadline,
                    _ => node.deadline,
                },
                idle: node.idle,
                writes: node.write.iter().map(|write| self.write(write)).collect(),
            });
        }
        for reader in 0..nodes.len() {
            for input in 0..nodes[reader].inputs.len() {
                let from = nodes[reader].inputs[input].from;
                nodes[from].readers.push((reader, input));
            }
        }
        for at in 0..nodes.len() {
            let mut joins = nodes[at].readers.iter().map(|(reader, _)| nodes[*reader].join);
            nodes[at].tolerated =
                !nodes[at].readers.is_empty() && joins.all(|join| join == Join::FirstSuccess);
        }
        self.scopes[ix].nodes = nodes;
        ix
    }

    fn write(&self, (channel, what): (&String, &Template)) -> (Arc<str>, Reducer, Template) {
        (channel.as_str().into(), self.reducers[channel], what.clone())
    }

    /// The scope of `graph` behind an index.
    pub(super) fn scope<'g>(&self, graph: &'g Graph, ix: ScopeIx) -> &'g Scope {
        self.scopes[ix].way.iter().fold(&graph.root, |scope, (at, body)| {
            scope.nodes[*at].scope(*body).expect("the plan leads through bodies")
        })
    }
}

fn inputs_of(node: &GraphNode) -> Vec<Input> {
    let mut inputs: Vec<Input> = Vec::with_capacity(node.needs.len());
    for edge in &node.needs {
        let kind = match edge.kind {
            EdgeKind::Data => InputKind::Data,
            EdgeKind::Optional | EdgeKind::After => InputKind::Lenient,
            EdgeKind::Case { case } => {
                let same = inputs.iter_mut().find_map(|input| match &mut input.kind {
                    InputKind::Cases(cases) if input.from == edge.from => Some(cases),
                    _ => None,
                });
                if let Some(cases) = same {
                    cases.push(case);
                    continue;
                }
                InputKind::Cases(vec![case])
            }
        };
        inputs.push(Input { from: edge.from, kind });
    }
    inputs
}
