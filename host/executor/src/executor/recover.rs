//! What a process does first: find the runs that another one left unfinished.

use cleargate_flow::{FlowHash, FlowId, Record, RunId};
use cleargate_store::StoreError;

use super::Executor;
use crate::limits::MAX_DEPTH;

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
    /// Lists the runs that wait and need not any more: their time has come, or they have letters. A sub-flow goes on
    /// with the run around it, so that one is in the list. The cost depends on their number alone.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn due(&self) -> Result<Vec<Recovery>, StoreError> {
        let store = &self.shared.store;
        let mut found: Vec<Recovery> = Vec::new();
        for mut run in store.due(self.shared.clock.now(), None).await? {
            for _ in 0..=MAX_DEPTH {
                let Some(row) = store.run(&run).await? else { break };
                if let Some((parent, _)) = row.parent {
                    run = parent;
                    continue;
                }
                let known = found.iter().any(|found| found.run == run);
                // One that this process drives goes on by itself.
                if !known && !self.shared.live.contains_key(&run) && !row.status.is_finished() {
                    let (flow, hash) = (row.flow, row.hash);
                    found.push(Recovery { run, flow, hash, sub_flow: false });
                }
                break;
            }
        }
        Ok(found)
    }

    /// What is stored of a run, whole.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn journal(&self, run: &RunId) -> Result<Vec<Record>, StoreError> {
        self.shared.store.whole_journal(run).await
    }

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
