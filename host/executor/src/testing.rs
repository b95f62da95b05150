//! What a test or a bench of the executor stands on: node types without a package, one node behind all of
//! them, and a gate that leads nowhere. Only the node differs from test to test.

use std::sync::Arc;

use async_trait::async_trait;
use cleargate_flow::NodeError;
use cleargate_flow::check::check;
use cleargate_flow::error::ErrorCode;
use cleargate_flow::grant::Grants;
use cleargate_flow::graph::{Graph, Leaf};
use cleargate_flow::limits::{Layer, Limits};
use cleargate_flow::signature::{Effect, Signature, Signatures};
use cleargate_flow::types::Kind;
use cleargate_gate::{
    Answer, Gate, GateConfig, Hop, MemoryAudit, MemorySecrets, Sources, Transport,
};
use cleargate_store::Store;

use crate::{Binding, CallScope, Catalog, CatalogError, Node, Peers};

/// Node types that take and give anything, by name and effect class.
#[derive(Clone, Copy, Debug)]
pub struct NodeTypes(pub &'static [(&'static str, Effect)]);

impl Signatures for NodeTypes {
    fn find(&self, name: &str) -> Result<Option<Signature>, String> {
        let found = self.0.iter().find(|(known, _)| *known == name);
        Ok(found.map(|(_, effect)| Signature {
            summary: "Does as it is told.".into(),
            input: Default::default(),
            open: true,
            output: Kind::Any.into(),
            config: Default::default(),
            effect: *effect,
            requests: Default::default(),
            limits: Limits::default(),
            texts: Vec::new(),
            typed_by: None,
            program: false,
            model_key: None,
            origin: "built-in".into(),
        }))
    }

    fn names(&self) -> Vec<String> {
        self.0.iter().map(|(name, _)| (*name).to_owned()).collect()
    }
}

/// The checked graph of a text.
///
/// # Panics
/// With the findings, when there is an error.
pub fn graph(text: &str, types: &dyn Signatures) -> Arc<Graph> {
    let checked = check(text, "test.flow.yaml", types);
    let errors: Vec<_> = checked.errors().map(|finding| format!("{finding:?}")).collect();
    assert!(errors.is_empty(), "{errors:#?}\n{text}");
    Arc::new(checked.graph.expect("a flow without errors has a graph"))
}

/// One node behind every leaf, with the limits of a stranger's plugin that the flow may lower.
#[derive(Clone)]
pub struct OneNode {
    node: Arc<dyn Node>,
    grants: Arc<Grants>,
    peers: Option<Arc<dyn Peers>>,
}

impl OneNode {
    /// A catalog in which every leaf is `node` and may do nothing.
    pub fn new(node: Arc<dyn Node>) -> Self {
        Self { node, grants: Arc::default(), peers: None }
    }

    /// The same with permissions.
    #[must_use]
    pub fn granted(mut self, grants: Grants) -> Self {
        self.grants = Arc::new(grants);
        self
    }

    /// The same among others.
    #[must_use]
    pub fn among(mut self, peers: Arc<dyn Peers>) -> Self {
        self.peers = Some(peers);
        self
    }
}

impl Catalog for OneNode {
    fn node(&self, leaf: &Leaf, _: &Graph) -> Result<Binding, CatalogError> {
        let scope = CallScope {
            name: leaf.uses.clone(),
            grants: self.grants.clone(),
            limits: Limits::combine(&[(Layer::Node, leaf.policy.limits)]),
            folder: None,
            peers: self.peers.clone(),
        };
        Ok(Binding { node: self.node.clone(), scope })
    }
}

/// A network without anybody in it.
#[derive(Clone, Copy, Debug)]
pub struct NoNetwork;

#[async_trait]
impl Transport for NoNetwork {
    async fn send(&self, _: Hop) -> Result<Answer, NodeError> {
        Err(NodeError::new(ErrorCode::Denied, "nothing is reached from here"))
    }
}

/// A gate before a network, without secrets, at the beginning of time and with the same chance each time.
pub fn gate(store: Arc<dyn Store>, network: Arc<dyn Transport>) -> Arc<Gate> {
    let sources = Sources { now: Arc::new(|| 0), random: Arc::new(|bytes| bytes.fill(7)) };
    let (secrets, audit) = (Arc::<MemorySecrets>::default(), Arc::new(MemoryAudit::new(64)));
    Gate::new(store, network, secrets, audit, sources, GateConfig::default())
}
