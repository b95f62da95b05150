//! What all passes of a process share.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use cleargate_flow::NodeError;
use cleargate_flow::error::ErrorCode;
use cleargate_flow::grant::Grants;
use cleargate_store::Store;
use tokio::sync::Semaphore;

use crate::audit::Audit;
use crate::door::http::Transport;
use crate::log::CallLog;
use crate::pass::{Identity, Pass};
use crate::quota::Quotas;
use crate::secret::{Scrubber, SecretEntry, SecretSource};
use crate::stand_in::StandIn;
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
    /// Who performs in the place of the doors.
    pub(crate) stand_in: Option<Arc<dyn StandIn>>,
    config: GateConfig,
    /// By tenant and plugin, while one of them has an exchange open.
    connections: Mutex<HashMap<(String, String), Weak<Semaphore>>>,
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
        let (scrubber, connections) = (Scrubber::default(), Mutex::default());
        let known = secrets.all();
        scrubber.learn_all(known.iter().map(SecretEntry::value));
        let stand_in = None;
        Arc::new(Self {
            store,
            transport,
            secrets,
            audit,
            sources,
            scrubber,
            stand_in,
            config,
            connections,
        })
    }

    /// The same gate with somebody who performs in the place of its doors.
    ///
    /// # Panics
    /// When the gate is in use already.
    #[must_use]
    pub fn with_stand_in(self: Arc<Self>, stand_in: Arc<dyn StandIn>) -> Arc<Self> {
        let mut gate = Arc::into_inner(self).expect("nobody uses a gate before it is built");
        gate.stand_in = Some(stand_in);
        Arc::new(gate)
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
        let mut all = self.connections.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(places) = all.get(&key).and_then(Weak::upgrade) {
            return places;
        }
        // What nobody holds a place of is as good as new: names come and go, the open exchanges are few.
        all.retain(|_, places| places.strong_count() > 0);
        let places = Arc::new(Semaphore::new(self.config.connections));
        all.insert(key, Arc::downgrade(&places));
        places
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

#[cfg(test)]
mod tests {
    use cleargate_store::MemoryStore;

    use super::*;
    use crate::audit::MemoryAudit;
    use crate::door::http::{Answer, Hop};
    use crate::secret::MemorySecrets;

    struct Nowhere;

    #[async_trait::async_trait]
    impl Transport for Nowhere {
        async fn send(&self, _: Hop) -> Result<Answer, NodeError> {
            Err(NodeError::new(ErrorCode::Denied, "nowhere"))
        }
    }

    #[test]
    fn places_are_kept_as_long_as_somebody_holds_one() {
        let sources = Sources { now: Arc::new(|| 0), random: Arc::new(|bytes| bytes.fill(7)) };
        let (secrets, audit) = (Arc::<MemorySecrets>::default(), Arc::new(MemoryAudit::new(1)));
        let (store, config) = (Arc::new(MemoryStore::new()), GateConfig { connections: 2 });
        let gate = Gate::new(store, Arc::new(Nowhere), secrets, audit, sources, config);
        let who = |n: usize| Identity {
            run: "r".parse().unwrap(),
            address: "a".parse().unwrap(),
            attempt: 1,
            plugin: format!("plugin{n}"),
            tenant: "t".into(),
        };
        let held = gate.places(&who(0)).try_acquire_owned().unwrap();
        for n in 1..1_000 {
            drop(gate.places(&who(n)));
        }
        assert!(gate.connections.lock().unwrap().len() <= 2, "names are kept for ever");
        assert_eq!(gate.places(&who(0)).available_permits(), 1, "the open exchange was forgotten");
        drop(held);
        assert_eq!(gate.places(&who(0)).available_permits(), 2);
    }
}
