//! What all passes of a process share.

use std::sync::Arc;

use cleargate_flow::NodeError;
use cleargate_flow::error::ErrorCode;
use cleargate_flow::grant::Grants;
use cleargate_store::Store;
use dashmap::DashMap;
use tokio::sync::Semaphore;

use crate::audit::Audit;
use crate::door::http::Transport;
use crate::log::CallLog;
use crate::pass::{Identity, Pass};
use crate::quota::Quotas;
use crate::secret::{Scrubber, SecretEntry, SecretSource};
use cleargate_flow::Value;

/// Open exchanges that one plugin of one tenant may hold: beyond that it waits, and others do not.
const DEFAULT_CONNECTIONS: usize = 16;

/// Settings of a gate.
#[derive(Clone, Copy, Debug)]
pub struct GateConfig {
    /// Open exchanges that one plugin of one tenant may hold.
    pub connections: usize,
}

impl Default for GateConfig {
    fn default() -> Self {
        Self { connections: DEFAULT_CONNECTIONS }
    }
}

/// Fills a slice with bytes.
pub type Fill = dyn Fn(&mut [u8]) + Send + Sync;

/// Time and chance as values: tests own both.
#[derive(Clone)]
pub struct Sources {
    /// Milliseconds since 1970-01-01T00:00:00Z.
    pub now: Arc<dyn Fn() -> i64 + Send + Sync>,
    /// Fills a slice with random bytes. Guards nothing: placeholders come from the system's own source.
    pub random: Arc<Fill>,
}

/// Builds passes.
pub struct Gate {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) transport: Arc<dyn Transport>,
    pub(crate) secrets: Arc<dyn SecretSource>,
    pub(crate) audit: Arc<dyn Audit>,
    pub(crate) sources: Sources,
    pub(crate) scrubber: Scrubber,
    config: GateConfig,
    connections: DashMap<(String, String), Arc<Semaphore>>,
}

impl Gate {
    /// A gate before these doors.
    pub fn new(
        store: Arc<dyn Store>,
        transport: Arc<dyn Transport>,
        secrets: Arc<dyn SecretSource>,
        audit: Arc<dyn Audit>,
        sources: Sources,
        config: GateConfig,
    ) -> Arc<Self> {
        let (scrubber, connections) = (Scrubber::default(), DashMap::new());
        let known = secrets.all();
        scrubber.learn_all(known.iter().map(SecretEntry::value));
        Arc::new(Self { store, transport, secrets, audit, sources, scrubber, config, connections })
    }

    /// The handle of one attempt.
    pub fn pass(
        self: &Arc<Self>,
        identity: Identity,
        grants: Grants,
        quotas: Quotas,
        log: Arc<dyn CallLog>,
    ) -> Pass {
        Pass::new(self.clone(), identity, grants, quotas, log)
    }

    /// Masks every secret that is known or was handed out: for outputs and logs of nodes.
    pub fn scrub(&self, value: &Value) -> Value {
        if self.scrubber.is_idle() { value.clone() } else { self.scrubber.value(value) }
    }

    /// The same for an error, its help included.
    pub fn scrub_error(&self, error: NodeError) -> NodeError {
        self.scrubber.error(error)
    }

    /// Places for exchanges of one plugin.
    pub(crate) fn places(&self, identity: &Identity) -> Arc<Semaphore> {
        let key = (identity.tenant.clone(), identity.plugin.clone());
        let new = || Arc::new(Semaphore::new(self.config.connections));
        self.connections.entry(key).or_insert_with(new).clone()
    }

    pub(crate) fn secret(&self, tenant: &str, label: &str) -> Result<SecretEntry, NodeError> {
        let entry = self.secrets.find(tenant, label).ok_or_else(|| {
            NodeError::new(ErrorCode::InvalidInput, format!("there is no secret `{label}`"))
                .with_help(format!("add `{label}` to the secrets of the operator's file"))
        })?;
        self.scrubber.learn(entry.value());
        Ok(entry)
    }
}
