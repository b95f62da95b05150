//! How often a run was taken up in vain: a process that a run has ended cannot say so, so it is noted before.

use std::sync::Arc;

use cleargate_flow::{Event, Graph, RunId};
use cleargate_store::{MAX_PAGE, StoreError, Trouble};

use super::{Claimed, Driver, Executor, StartError};
use crate::catalog::Catalog;
use crate::handle::RunHandle;

impl Executor {
    /// Goes on with a run as [`Executor::resume`] does, and notes that it was taken up once this process holds it and
    /// before anything of it is read: reading it may be what ends the process.
    pub(crate) async fn take_up(
        &self,
        run: &RunId,
        graph: Arc<Graph>,
        catalog: Arc<dyn Catalog>,
        note: Trouble,
    ) -> Result<RunHandle, StartError> {
        let row = self.pinned(run, &graph).await?;
        let depth = self.depth_below(row.parent.as_ref()).await?;
        match self.claim(run, &graph, depth)? {
            Claimed::Here(claim) => self.go_on(claim, catalog, Some(note)).await,
            Claimed::Live(handle) => Ok(handle),
        }
    }

    /// What is held against a run: nothing when it has got on since that was noted.
    pub(crate) async fn in_vain(&self, run: &RunId) -> Result<Option<Trouble>, StoreError> {
        let Some(trouble) = self.shared.store.trouble(run).await? else { return Ok(None) };
        if trouble.set_aside {
            return Ok(Some(trouble));
        }
        let mut next = trouble.records;
        loop {
            // A journal that cannot be read got nobody on.
            let Ok(page) = self.shared.store.journal(run, next, MAX_PAGE).await else { break };
            if page.iter().any(|record| gets_on(&record.event)) {
                return Ok(None);
            }
            let Some(last) = page.last() else { break };
            next = last.seq + 1;
        }
        let got_on = self.got_on_below(run, trouble.at).await?;
        Ok(Some(trouble).filter(|_| !got_on))
    }

    /// Whether a sub-flow at any depth has got on since `since`: then the run around it has, and has no record of it.
    async fn got_on_below(&self, run: &RunId, since: i64) -> Result<bool, StoreError> {
        let store = &self.shared.store;
        let mut below = store.children(run).await?;
        while let Some(child) = below.pop() {
            // It is over, and removed, or damaged: nothing is known of it.
            let Ok(Some(row)) = store.run(&child).await else { continue };
            let latest = row.last_seq.saturating_sub(MAX_PAGE as u64 - 1);
            let page = store.journal(&child, latest, MAX_PAGE).await.unwrap_or_default();
            if page.iter().any(|record| record.at >= since && gets_on(&record.event)) {
                return Ok(true);
            }
            below.extend(store.children(&child).await?);
        }
        Ok(false)
    }

    /// Holds nothing against a run any more; says whether it had been set aside.
    ///
    /// # Errors
    /// Those of [`Store::set_trouble`](cleargate_store::Store::set_trouble).
    pub async fn bring_back(&self, run: &RunId) -> Result<bool, StoreError> {
        let before = self.shared.store.trouble(run).await?;
        if before.is_some() {
            self.shared.store.set_trouble(run, None).await?;
        }
        Ok(before.is_some_and(|trouble| trouble.set_aside))
    }

    /// Reads a run that this process holds.
    pub(super) async fn read_held(
        &self,
        run: &RunId,
        driver: &mut Driver,
        note: Option<Trouble>,
    ) -> Result<(), StartError> {
        if let Some(note) = note {
            self.shared.store.set_trouble(run, Some(note)).await?;
        }
        self.load(run, driver).await?;
        if driver.belongs() {
            return Ok(());
        }
        let why = "its journal belongs to another version of the flow".into();
        Err(StartError::Damaged { run: run.clone(), why })
    }
}

/// Whether a record says more than that somebody tried.
fn gets_on(event: &Event) -> bool {
    !matches!(
        event,
        Event::RunResumed { .. }
            | Event::AttemptStarted { .. }
            | Event::CallStarted { .. }
            | Event::Logged { .. }
            | Event::CancelRequested { .. }
    )
}
