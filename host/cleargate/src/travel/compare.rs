//! Two stored runs side by side.

use cleargate_flow::RunId;
use cleargate_flow::history::{Comparison, Walk, compare};
use serde::Serialize;

use crate::error::{Error, Kind, Result};
use crate::host::Host;
use crate::runs::RunView;

/// Two runs side by side: what they did, and what it cost.
#[derive(Clone, Debug, Serialize)]
pub struct RunComparison {
    /// One run.
    pub left: RunView,
    /// The other one.
    pub right: RunView,
    /// What differs, aligned by address.
    #[serde(flatten)]
    pub comparison: Comparison,
}

impl Host {
    /// Compares two runs, also of different versions of a flow. Runs that are under way are compared as far as they are.
    ///
    /// # Errors
    /// There is no such run, its flow or plugins are gone, or its journal is damaged.
    pub async fn compare_runs(&self, left: &RunId, right: &RunId) -> Result<RunComparison> {
        let (a, b) = (self.walked(left).await?, self.walked(right).await?);
        let comparison = compare((&a.0, &a.1), (&b.0, &b.1));
        let (left, right) = (self.row(left).await?, self.row(right).await?);
        let (left, right) = (self.view(left).await?, self.view(right).await?);
        Ok(RunComparison { left, right, comparison })
    }

    async fn walked(&self, id: &RunId) -> Result<(Walk, Vec<cleargate_flow::Event>)> {
        let (flow, journal) = (self.flow_of(id).await?, self.journal(id).await?);
        let mut walk = Walk::new(flow.graph.clone(), id);
        for (seq, event) in journal.iter().enumerate() {
            walk.step(event).map_err(|error| {
                Error::new(Kind::Store, format!("record {seq} of run {id} does not fit"))
                    .caused_by(&error)
                    .with_help(format!("cleargate replay {id}"))
            })?;
        }
        Ok((walk, journal))
    }
}
