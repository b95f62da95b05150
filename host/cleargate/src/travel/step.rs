//! A stored run to step through.

use cleargate_flow::RunId;
use cleargate_flow::history::Steps;

use crate::error::{Error, Kind, Result};
use crate::flows::Flow;
use crate::host::Host;

impl Host {
    /// A run to step through, before its first record. One that is under way is as far as it was when this was asked.
    ///
    /// # Errors
    /// There is no such run, its flow or plugins are gone, or its journal is damaged.
    pub async fn steps(&self, id: &RunId) -> Result<Steps> {
        let flow = self.flow_of(id).await?;
        self.steps_of(&flow, id).await
    }

    pub(super) async fn steps_of(&self, flow: &Flow, id: &RunId) -> Result<Steps> {
        Steps::new(&flow.graph, id, self.events(id).await?).map_err(|misfit| {
            Error::new(Kind::Store, format!("run {id} cannot be stepped through"))
                .caused_by(&misfit)
                .with_help(format!("cleargate replay {id}"))
        })
    }
}
