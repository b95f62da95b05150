//! Travel in time over stored runs: replay, fork, restart, swap, compare, migrate and step.
//!
//! What is right is decided by [`cleargate_flow::history`], which is pure. Here are the store, the plugins, and the
//! refusals that a person reads.

use cleargate_flow::address::NameError;
use cleargate_flow::{Address, Event, RunId};
use cleargate_store::RunRow;

use crate::error::{Error, Kind, Result};
use crate::host::Host;
use crate::runs::store_error;

mod compare;
mod fork;
mod level;
mod migrate;
mod partitions;
mod place;
mod replay;
mod step;
mod swap;

pub use compare::RunComparison;
pub use fork::{Fork, ForkPlan, Forked};
pub use migrate::Migration;
pub use replay::{Divergence, Journals, Replay, ReplayOptions};
pub use swap::SwapPlan;

impl Host {
    /// The row of a run.
    async fn row(&self, id: &RunId) -> Result<RunRow> {
        let row = self.store().run(id).await.map_err(store_error)?;
        row.ok_or_else(|| Error::new(Kind::Invalid, format!("there is no run `{id}`")))
    }

    /// The whole journal of a run without times.
    async fn journal(&self, id: &RunId) -> Result<Vec<Event>> {
        Ok(self.events(id).await?.into_iter().map(|record| record.event).collect())
    }
}

/// An address as a person writes it, also without indices.
fn address(text: &str) -> Result<Address> {
    text.parse().map_err(|error: NameError| {
        Error::new(Kind::Invalid, error.to_string()).with_help(
            "write it as `cleargate runs events RUN` shows it: `parse`, `scan[3].assess`",
        )
    })
}
