//! What a process does first: find the runs that another one left unfinished.

use cleargate_flow::{FlowHash, FlowId, RunId};
use cleargate_store::StoreError;

use super::Executor;

/// An unfinished run that nobody drives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recovery {
    /// Which run. Give it to [`Executor::resume`].
    pub run: RunId,
    /// Which flow.
    pub flow: FlowId,
    /// The version that it is pinned to: what to load from the store.
    pub hash: FlowHash,
    /// Whether a run of this process, once resumed, attaches to it: it may be resumed before or after.
    pub sub_flow: bool,
}

impl Executor {
    /// Lists unfinished runs that nobody drives, in order of creation. The cost depends on their number
    /// alone. Two processes may list the same run; resuming it succeeds in one of them.
    ///
    /// # Errors
    /// Those of the store. A run whose row is damaged is left out, and reported in the trace.
    pub async fn recover(&self) -> Result<Vec<Recovery>, StoreError> {
        let store = &self.shared.store;
        let mut found = Vec::new();
        for run in store.outstanding(self.shared.clock.now()).await? {
            if self.shared.live.contains_key(&run) {
                continue;
            }
            match store.run(&run).await {
                Ok(Some(row)) => {
                    let (flow, hash, sub_flow) = (row.flow, row.hash, row.parent.is_some());
                    found.push(Recovery { run, flow, hash, sub_flow });
                }
                Ok(None) => {}
                Err(error @ StoreError::DamagedRun { .. }) => {
                    tracing::error!(%run, %error, "the run cannot be resumed");
                }
                Err(error) => return Err(error),
            }
        }
        Ok(found)
    }
}
