//! Migration: a run that has not ended goes on with another version of its flow, when that is proved to fit.

use cleargate_executor::Clock;
use cleargate_flow::history::{Status, Unfit, Walk, fit};
use cleargate_flow::{Event, Record, RunId};
use cleargate_store::{Durability, Lease, StoreError};
use serde::Serialize;

use crate::error::{Error, Kind, Result};
use crate::flows::Flow;
use crate::host::Host;
use crate::runs::store_error;

/// Milliseconds that a migration may hold its run: folding the longest journals takes seconds.
const HOLD_MS: u64 = 60_000;

/// What came of a migration.
#[derive(Clone, Debug, Serialize)]
pub struct Migration {
    /// The run.
    pub run: String,
    /// The version that it was pinned to.
    pub from: String,
    /// The version that was offered.
    pub to: String,
    /// What does not fit; the run is as it was unless this is empty.
    pub misfits: Vec<Unfit>,
    /// Whether the run belongs to the other version now.
    pub migrated: bool,
}

impl Host {
    /// Pins a run that has not ended to another version of its flow, when everything that it has settled or begun is there
    /// and follows from the same. Otherwise nothing is changed, and [`Migration::misfits`] says what does not fit. With
    /// `dry_run` nothing is changed in any case. The run is not driven: [`Host::resume`] goes on with it.
    ///
    /// # Errors
    /// The run has ended or is a sub-flow ([`Kind::Invalid`]), somebody drives it ([`Kind::Waiting`]), its flow or plugins
    /// are gone, or the store cannot be written.
    pub async fn migrate(&self, id: &RunId, to: &Flow, dry_run: bool) -> Result<Migration> {
        let row = self.row(id).await?;
        if row.status.is_finished() {
            let why =
                format!("run {id} has {}; only a run that has not ended is migrated", row.status);
            return Err(
                Error::new(Kind::Invalid, why).with_help(format!("cleargate fork {id} --at NODE"))
            );
        }
        if let Some((parent, address)) = &row.parent {
            let why = format!("run {id} is the sub-flow at `{address}` of run {parent}");
            return Err(
                Error::new(Kind::Invalid, why).with_help(format!("cleargate migrate {parent}"))
            );
        }
        let from = self.flow_of(id).await?;
        let owner = format!("migrate-{}", self.clock().now());
        let lease = self.store().acquire(id, &owner, self.clock().now(), HOLD_MS).await;
        let lease = lease.map_err(|error| match error {
            StoreError::Leased { .. } => {
                let why = format!("run {id} is driven by another process");
                Error::new(Kind::Waiting, why)
                    .with_help("stop that one, or wait until its lease has run out")
            }
            other => store_error(other),
        })?;
        let done = self.prove_and_pin(&lease, &from, to, dry_run).await;
        if let Err(error) = self.store().release(&lease).await {
            tracing::warn!(run = %id, %error, "the lease was not released");
        }
        done
    }

    async fn prove_and_pin(
        &self,
        lease: &Lease,
        from: &Flow,
        to: &Flow,
        dry_run: bool,
    ) -> Result<Migration> {
        let id = &lease.run;
        let journal = self.journal(id).await?;
        let mut misfits = fit(id, &from.graph, &to.graph, &journal);
        misfits.extend(inner(id, from, to, &journal));
        let same = from.hash() == to.hash();
        let mut done = Migration {
            run: id.to_string(),
            from: from.hash().to_string(),
            to: to.hash().to_string(),
            migrated: misfits.is_empty() && !dry_run && !same,
            misfits,
        };
        if same {
            done.misfits.clear();
        }
        if done.migrated {
            self.keep_bundles(to).await?;
            let (from, to) = (from.hash().clone(), to.hash().clone());
            let event = Event::Migrated { from, to };
            let record = Record { seq: journal.len() as u64, at: self.clock().now(), event };
            let stored = self.store().append(lease, vec![record], Durability::Sync).await;
            stored.map_err(store_error)?;
        }
        Ok(done)
    }
}

/// Sub-flows that are under way belong to their own version.
fn inner(id: &RunId, from: &Flow, to: &Flow, journal: &[Event]) -> Vec<Unfit> {
    let mut walk = Walk::new(from.graph.clone(), id);
    let mut asked = std::collections::HashMap::new();
    for event in journal {
        let effects = walk.step(event).map(|walked| walked.step.effects).unwrap_or_default();
        for effect in effects {
            if let cleargate_flow::run::Effect::Perform(attempt) = effect {
                asked.insert(attempt.address, attempt.leaf.uses.clone());
            }
        }
    }
    let open = asked.into_iter().filter(|(address, _)| {
        walk.nodes().get(address).is_some_and(|state| state.status == Status::Running)
    });
    let other = open.filter(|(_, uses)| {
        let hash = |flow: &Flow| flow.catalog.flows.get(uses).map(|inner| inner.hash().clone());
        hash(from) != hash(to)
    });
    let told = other.map(|(address, _)| Unfit {
        place: address.to_string(),
        why: "its sub-flow is under way, in another version".into(),
    });
    told.collect()
}
