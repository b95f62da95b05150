//! The checked graph: what is hashed, stored, shown and run.
//!
//! [`crate::check`] makes it and nothing else does; the run machine relies on what the checker proved:
//! names resolve, types fit, scopes are acyclic, bounds are there. Nodes of a scope are listed in
//! an order in which each comes after those it needs.

use std::collections::BTreeMap;

use indexmap::IndexMap;
use serde::Serialize;

use crate::address::{Address, FlowHash, FlowId, NodeId};
use crate::error::{ErrorCode, NodeError};
use crate::expr::Template;
use crate::limits::Limits;
use crate::signature::Effect;
use crate::types::Field;
use crate::value::Value;

mod asset;
mod blocks;
mod state;
mod waits;

pub use asset::Asset;
pub use blocks::{
    Body, Branches, COMPENSATE, Case, Catch, KEY, Loop, MAX_KEY_BYTES, Map, NodeKind, OnItemError,
    OnMax, Try, VERIFIES, VERIFY,
};
pub use state::{Channel, MAX_CHANNEL_PARTS, MAX_SET_PARTS, Reducer};
pub use waits::{
    Awaited, Calendar, Deadline, Emit, Escalation, Human, Listen, Moment, OnDeadline, OnTimeout,
    Quorum, Wait,
};

/// Index of a node in its scope.
pub type NodeIx = usize;

/// A checked flow.
#[derive(Clone, Debug, Serialize)]
pub struct Graph {
    /// The flow's name.
    pub id: FlowId,
    /// Human label of the version.
    pub version: String,
    /// Identity: hash of the canonical form.
    #[serde(skip)]
    pub hash: FlowHash,
    /// Input ports.
    pub input: IndexMap<String, Field>,
    /// Fields of the flow's output.
    pub output: IndexMap<String, Template>,
    /// Events that others may tell its runs of, with what they carry. None: any.
    #[serde(skip_serializing_if = "IndexMap::is_empty")]
    pub events: IndexMap<String, Field>,
    /// The type of the output record: with it, a flow is a node of another. Follows from the rest.
    #[serde(skip)]
    pub value: crate::types::Type,
    /// Aliases of `use:` with their references as written.
    pub uses: BTreeMap<String, String>,
    /// Models by the names that nodes and plugins call them.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub models: BTreeMap<String, Model>,
    /// Versions that aliases of flows are split with.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub canaries: BTreeMap<String, Canary>,
    /// What starts runs by itself, by name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub triggers: BTreeMap<String, Trigger>,
    /// What a crash may cost.
    #[serde(skip_serializing_if = "Durability::is_usual")]
    pub durability: Durability,
    /// Values that its nodes share, by name.
    #[serde(skip_serializing_if = "IndexMap::is_empty")]
    pub state: IndexMap<String, Channel>,
    /// The outermost scope.
    pub root: Scope,
    /// Greatest number of node executions in one run, from static bounds.
    pub bound: u64,
    /// Made by the first run of the graph. Empty in a new one.
    #[serde(skip)]
    pub plan: crate::run::Planned,
}

/// What a run has stored before it goes on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Durability {
    /// What an effect on the world depends on survives a power cut; the rest survives the end of the process.
    #[default]
    Sync,
    /// Everything survives the end of the process. A power cut may take the latest records, and leaves no gap.
    Batched,
    /// Records are stored when many have come together, when the run waits, and at its end: a run that is killed does
    /// some of its steps again. For flows that only compute and read.
    None,
}

impl Durability {
    /// All of them, by the name in a flow.
    pub const ALL: [(&'static str, Self); 3] =
        [("sync", Self::Sync), ("batched", Self::Batched), ("none", Self::None)];

    fn is_usual(&self) -> bool {
        *self == Self::Sync
    }
}

/// Nodes that see each other.
#[derive(Clone, Debug, Serialize)]
pub struct Scope {
    /// Each node after those it needs.
    pub nodes: Vec<GraphNode>,
}

impl Scope {
    /// Tells each node below that is performed, with its path of node ids without indices.
    pub fn leaves(&self, tell: &mut impl FnMut(&str, &Leaf)) {
        self.leaves_below("", tell);
    }

    fn leaves_below(&self, prefix: &str, tell: &mut impl FnMut(&str, &Leaf)) {
        for node in &self.nodes {
            let path = format!("{prefix}{}", node.id);
            if let NodeKind::Leaf(leaf) = &node.kind {
                tell(&path, leaf);
            }
            for (_, inner) in node.scopes() {
                inner.leaves_below(&format!("{path}."), tell);
            }
        }
    }
}

/// One node of a scope.
#[derive(Clone, Debug, Serialize)]
pub struct GraphNode {
    /// Its name in the scope.
    pub id: NodeId,
    /// What it is.
    pub kind: NodeKind,
    /// What must be settled before it starts.
    pub needs: Vec<Edge>,
    /// When enough of `needs` is there.
    pub join: Join,
    /// What undoes it, as a scope of the one node [`COMPENSATE`], when the `try` around it fails.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub compensate: Option<Box<Scope>>,
    /// What finds out whether an attempt of it happened of which nobody knows, as a scope of the one node [`VERIFY`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verify: Option<Box<Scope>>,
    /// Milliseconds that a block may take; of a `try`, its body. What is performed has its own in [`Policy`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deadline: Option<u64>,
    /// Milliseconds that nothing may be heard of what is inside a block; of a `try`, of its body.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub idle: Option<u64>,
    /// What it writes to state channels when it has succeeded, read with its own value under its own name.
    #[serde(skip_serializing_if = "IndexMap::is_empty")]
    pub write: IndexMap<String, Template>,
    /// What the checker knows of its value.
    pub output: crate::types::Type,
}

impl GraphNode {
    /// The scopes inside it, with the index by which an address names them: of a case, of a branch, of a `catch`. What
    /// runs several times, the body of a `map` or a `loop`, is here once, under 0.
    pub fn scopes(&self) -> Vec<(usize, &Scope)> {
        let undo = self.compensate.iter().map(|scope| (0, &**scope));
        let verify = self.verify.iter().map(|scope| (VERIFIES, &**scope));
        self.kind.scopes().into_iter().chain(undo).chain(verify).collect()
    }

    /// The number of the scope to which an index of an address leads: all items of a map, all iterations of a loop share
    /// one, and so do all attempts that somebody finds out about.
    pub fn body(&self, index: usize) -> usize {
        match &self.kind {
            NodeKind::Map(_) | NodeKind::Loop(_) => 0,
            NodeKind::Leaf(_) => index.min(VERIFIES),
            _ => index,
        }
    }

    /// One of [`Self::scopes`], by its number.
    pub fn scope(&self, number: usize) -> Option<&Scope> {
        match &self.kind {
            NodeKind::Leaf(_) if number == VERIFIES => self.verify.as_deref(),
            NodeKind::Leaf(_) => self.compensate.as_deref(),
            kind => kind.scope(number),
        }
    }
}

impl Graph {
    /// The node at an address.
    pub fn node(&self, address: &Address) -> Option<&GraphNode> {
        let (last, way) = address.segments().split_last()?;
        let mut scope = &self.root;
        for segment in way {
            let node = scope.nodes.iter().find(|node| node.id == segment.node)?;
            scope = node.scope(node.body(segment.index? as usize))?;
        }
        scope.nodes.iter().find(|node| node.id == last.node)
    }
}

/// An edge that leads to a node of the same scope.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Edge {
    /// Where it comes from.
    pub from: NodeIx,
    /// Why it is there.
    pub kind: EdgeKind,
}

/// Why an edge is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum EdgeKind {
    /// A `${…}` reads the other node's value: skipped when the other is skipped, unless the
    /// expression asks with `has(id)`.
    Data,
    /// As `Data`, but the reader copes without a value (it is wrapped in `has(…)`): a skip settles it.
    Optional,
    /// `after:` order only. A skip of the other settles it.
    After,
    /// Case `case` of a `switch` leads here: skipped when another case was taken.
    Case {
        /// Index into [`NodeKind::Switch`]'s cases.
        case: usize,
    },
}

/// When a node with several incoming edges starts.
///
/// `Case` edges of one switch count as one: a node that several cases lead to is live when one of
/// them was taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Join {
    /// All live edges are settled. Skipped when one required edge (`Data`, or each `Case`) is dead.
    #[default]
    All,
    /// The first live edge settles it; the values of the others are absent. Skipped when all are dead.
    Any,
    /// As `Any`, and the failure of a node that only such joins wait for is a dead edge like a skip, not the end of
    /// its scope. Fails with the last failure when no edge is live any more.
    FirstSuccess,
    /// That many live edges settle it; the values of the others are absent. Skipped when so many cannot come.
    NOf(u32),
}

impl Join {
    /// How many live edges settle a node with `inputs` of them; `None` when each has to be settled.
    pub fn enough(self, inputs: usize) -> Option<usize> {
        match self {
            Self::All => None,
            Self::Any | Self::FirstSuccess => Some(1),
            Self::NOf(n) => Some((n as usize).min(inputs)),
        }
    }
}

/// A node that is performed.
#[derive(Clone, Debug, Serialize)]
pub struct Leaf {
    /// Node type as written: `template`, `pii`, `pii.redact`.
    pub uses: String,
    /// Input by port: literals with `${…}` in them.
    pub with: IndexMap<String, Template>,
    /// Keys of the node that its type understands (`text`, `path`, …), literal.
    pub config: Value,
    /// Input ports that nothing binds, with their defaults.
    pub defaults: IndexMap<String, Value>,
    /// How long, how often, how much.
    pub policy: Policy,
    /// Checks around it.
    #[serde(skip_serializing_if = "Guards::is_empty")]
    pub guard: Guards,
    /// Whether its value is kept for other runs, and under which name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub asset: Option<Asset>,
}

/// A plugin in the place of a part, with the configuration of that place.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PartUse {
    /// Alias of `use:`.
    pub alias: String,
    /// A record that fits the schema of the part's configuration.
    pub config: Value,
}

/// Chains of guardrails, each in the order in which they see the content.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Guards {
    /// Around the step: what goes into it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub before: Vec<PartUse>,
    /// Around the step: what comes out of it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub after: Vec<PartUse>,
    /// Around each tool that the step calls: its arguments.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tool_call: Vec<PartUse>,
    /// Around each tool that the step calls: its result.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tool_result: Vec<PartUse>,
}

impl Guards {
    /// Whether nothing is checked.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// A model by the name that a flow gives it: who answers, and what stands between.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Model {
    /// Who answers.
    pub provider: PartUse,
    /// What the provider calls the model; empty: its own choice.
    pub model: String,
    /// Checks of the request and of the answer.
    #[serde(skip_serializing_if = "Guards::is_empty")]
    pub guard: Guards,
    /// Rewriters: requests in this order, answers in the opposite one.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub filters: Vec<PartUse>,
    /// Keeps answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cache: Option<PartUse>,
    /// Milliseconds that an answer is kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cache_ttl: Option<u64>,
    /// Counts the request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tokenizer: Option<PartUse>,
    /// Tokens that a request may have.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_input: Option<u64>,
}

/// A plugin that brings events, each of which starts a run.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Trigger {
    /// Who brings them.
    pub part: PartUse,
    /// Milliseconds until it is asked again when it had nothing new.
    pub every: u64,
    /// Another version of the flow that some of the events start.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub canary: Option<Canary>,
}

/// Another version of a flow that takes a part of its runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Canary {
    /// Its file, as written.
    pub version: String,
    /// How many of a hundred runs it takes.
    pub weight: u32,
}

/// Time, retries and bounds of one node.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Policy {
    /// What it does to the world.
    pub effect: Effect,
    /// Milliseconds that one attempt may take.
    pub timeout: Option<u64>,
    /// Milliseconds that all attempts together may take.
    pub deadline: Option<u64>,
    /// Milliseconds that nothing may be heard of an attempt.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub idle: Option<u64>,
    /// By error code. No entry: no retry.
    pub retry: BTreeMap<ErrorCode, Retry>,
    /// The flow's layer of the limits.
    pub limits: Limits,
}

/// Milliseconds that a peer who asks not to be tried again so soon is left alone at most: an overloaded peer asks for
/// less, and a wish for a year is a mistake.
pub const MAX_ASKED_PAUSE_MS: u64 = 5 * 60 * 1000;

/// How often and how fast one kind of failure is tried again.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Retry {
    /// Attempts in all, the first included. At least 1.
    pub max: u32,
    /// Milliseconds before the second attempt.
    pub backoff_min: u64,
    /// Greatest pause in milliseconds; pauses double up to it.
    pub backoff_max: u64,
}

impl Retry {
    /// Milliseconds to wait before attempt `next` when the last one failed like this: as long as [`Retry::pause`] says, or
    /// as the peer has asked for in `retry_after_ms` of the error's detail, up to [`MAX_ASKED_PAUSE_MS`].
    pub fn pause_after(&self, next: u32, error: &NodeError) -> u64 {
        let asked = error.detail.get("retry_after_ms").and_then(Value::as_int);
        let asked = asked.and_then(|ms| u64::try_from(ms).ok());
        self.pause(next).max(asked.unwrap_or_default().min(MAX_ASKED_PAUSE_MS))
    }

    /// Milliseconds to wait before attempt `next` (2 for the first retry).
    pub fn pause(&self, next: u32) -> u64 {
        let doublings = next.saturating_sub(2).min(62);
        self.backoff_min.saturating_mul(1 << doublings).min(self.backoff_max)
    }
}
