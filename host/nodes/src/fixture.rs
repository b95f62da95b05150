//! A gate in memory for the tests of the nodes: what is granted, which folder, and what the network answers.

use std::path::PathBuf;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use cleargate_executor::{CallScope, NodeContext};
use cleargate_flow::error::ErrorCode;
use cleargate_flow::limits::Limits;
use cleargate_flow::{NodeError, Value};
use cleargate_gate::{
    Answer, BodySource, Folder, Gate, GateConfig, Hop, MemoryAudit, MemorySecrets, Sources,
    Transport,
};
use cleargate_store::MemoryStore;

/// What surrounds a node.
#[derive(Default)]
pub(crate) struct World {
    /// What nodes keep beyond their attempts.
    pub(crate) store: Arc<MemoryStore>,
    /// The clock.
    pub(crate) now: Arc<AtomicI64>,
    pub(crate) grants: String,
    pub(crate) folder: Option<PathBuf>,
    pub(crate) config: Value,
    pub(crate) network: Arc<Network>,
}

/// Status, headers and body.
pub(crate) type Canned = (u16, Vec<(&'static str, &'static str)>, Vec<u8>);

/// Gives one answer again and again, and keeps what was sent.
#[derive(Default)]
pub(crate) struct Network {
    pub(crate) answer: Option<Canned>,
    pub(crate) sent: Mutex<Vec<Hop>>,
}

struct Body(Option<Vec<u8>>);

#[async_trait]
impl BodySource for Body {
    async fn next(&mut self) -> Result<Option<Vec<u8>>, NodeError> {
        Ok(self.0.take())
    }
}

struct Wire(Arc<Network>);

#[async_trait]
impl Transport for Wire {
    async fn send(&self, hop: Hop) -> Result<Answer, NodeError> {
        self.0.sent.lock().unwrap().push(hop);
        let Some((status, headers, body)) = self.0.answer.clone() else {
            return Err(NodeError::new(ErrorCode::Transient, "nobody listens"));
        };
        let headers = headers.into_iter().map(|(k, v)| (k.into(), v.into())).collect();
        Ok(Answer { status, headers, body: Box::new(Body(Some(body))) })
    }
}

impl World {
    pub(crate) fn granting(grants: &str) -> Self {
        Self { grants: grants.into(), ..Self::default() }
    }

    pub(crate) fn scope(&self, name: &str) -> CallScope {
        let grants = if self.grants.is_empty() { "{}" } else { &self.grants };
        scope(name, grants, self.folder.as_ref().map(|path| Folder::open(path)))
    }

    pub(crate) fn context(&self) -> NodeContext {
        let clock = self.now.clone();
        let now = Arc::new(move || clock.load(Ordering::Relaxed));
        let sources = Sources { now, random: Arc::new(|bytes| bytes.fill(7)) };
        let gate = Gate::new(
            self.store.clone(),
            Arc::new(Wire(self.network.clone())),
            Arc::new(MemorySecrets::default()),
            Arc::new(MemoryAudit::new(16)),
            sources,
            GateConfig::default(),
        );
        NodeContext::outside(&gate, "default", &self.scope("node"), self.config.clone())
    }
}

/// Rights of a call, with the default limits.
pub(crate) fn scope(name: &str, grants: &str, folder: Option<Folder>) -> CallScope {
    let grants = Arc::new(Value::from_json(grants).unwrap().to().unwrap());
    CallScope { name: name.into(), grants, limits: Limits::combine(&[]), folder, peers: None }
}
