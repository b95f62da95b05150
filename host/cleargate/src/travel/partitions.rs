//! The items of a run's maps that have keys.

use cleargate_flow::RunId;
use cleargate_flow::history::{Partition, Partitions};

use crate::error::{Error, Kind, Result};
use crate::host::Host;

impl Host {
    /// The items of all maps of a run that have keys, in the order in which the maps began: which are done, which failed
    /// and why, which are still to come.
    ///
    /// # Errors
    /// There is no such run, its flow or plugins are gone, or its journal is damaged.
    pub async fn partitions(&self, id: &RunId) -> Result<Vec<Partition>> {
        let flow = self.flow_of(id).await?;
        let mut partitions = Partitions::new(flow.graph.clone(), id);
        let mut next = 0;
        loop {
            let page = self.events_from(id, next).await?;
            let Some(last) = page.last() else { return Ok(partitions.found()) };
            next = last.seq + 1;
            for record in &page {
                partitions.add(record).map_err(|misfit| {
                    Error::new(Kind::Store, format!("the journal of run {id} cannot be folded"))
                        .caused_by(&misfit)
                        .with_help(format!("cleargate replay {id}"))
                })?;
            }
        }
    }
}
