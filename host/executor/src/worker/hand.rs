//! One run in the hands of a worker: from the moment at which it was found to the one at which it has left.

use std::sync::Arc;

use cleargate_flow::RunId;
use cleargate_store::{RunRow, StoreError, Trouble};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;

use super::{Flows, Worked};
use crate::executor::{Executor, StartError};
use crate::handle::{End, RunHandle};
use crate::limits::{MAX_DEPTH, MAX_TRIES, PROBATION_MS, SUSPECT_TRIES};

/// What became of a run.
pub(super) struct Done {
    pub(super) run: RunId,
    pub(super) what: What,
}

pub(super) enum What {
    /// Somebody else has it, or it is over, or nobody may know yet: it is found again when it can go on.
    NotNow,
    /// It is a sub-flow, and goes on with this one.
    PartOf(RunId),
    /// It may be what ends processes.
    Suspect(u32),
    /// It was driven.
    Left(End),
    /// It could not be gone on with, for the so many-th time.
    Failing { tries: u32, why: String },
    /// It was, and is left alone.
    SetAside(String),
    /// There is no room at present.
    Busy,
    /// The worker ends.
    Stopped,
    /// The store failed for good.
    Store(StoreError),
}

/// What each hand needs.
#[derive(Clone)]
pub(super) struct Taking<'a> {
    pub(super) executor: &'a Executor,
    pub(super) flows: &'a dyn Flows,
    pub(super) tell: &'a (dyn Fn(Worked) + Sync),
    pub(super) reading: Arc<Semaphore>,
    pub(super) stopping: CancellationToken,
    /// A lease that was not released may be that of a living process, whatever the clock says.
    pub(super) wary: bool,
}

impl From<StoreError> for What {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Locked | StoreError::Full { .. } => Self::Busy,
            // Another process was first.
            StoreError::Finished { .. } | StoreError::NoSuchRun { .. } => Self::NotNow,
            // Its row cannot be read: nobody can take it, or write anything about it.
            error if is_of_the_run(&error) => Self::NotNow,
            error => Self::Store(error),
        }
    }
}

/// Whether the store speaks of this run alone.
fn is_of_the_run(error: &StoreError) -> bool {
    matches!(
        error,
        StoreError::Damaged { .. }
            | StoreError::DamagedRun { .. }
            | StoreError::DamagedEntry { .. }
    )
}

impl Taking<'_> {
    /// Takes a run and holds it until it has left. `lane` is held while nobody knows whether it ends the process.
    pub(super) async fn hand(self, run: RunId, lane: Option<OwnedSemaphorePermit>) -> Done {
        let what = self.taken(&run, lane).await.unwrap_or_else(|what| what);
        Done { run, what }
    }

    async fn taken(&self, run: &RunId, lane: Option<OwnedSemaphorePermit>) -> Result<What, What> {
        let reading = self.reading.acquire().await.expect("it is never closed");
        if self.stopping.is_cancelled() {
            return Err(What::Stopped);
        }
        let row = self.row(run).await?;
        let before = self
            .executor
            .in_vain(run)
            .await?
            .unwrap_or_else(|| Trouble { records: row.last_seq + 1, ..Trouble::default() });
        if before.set_aside {
            return Err(What::NotNow);
        }
        if before.tries >= MAX_TRIES {
            let why = match before.why.as_str() {
                "" => format!(
                    "the process ended each of the {} times that it was taken up",
                    before.tries
                ),
                why => why.to_owned(),
            };
            return Err(self.set_aside(run, before, why).await?);
        }
        if before.tries >= SUSPECT_TRIES && lane.is_none() {
            return Err(What::Suspect(before.tries));
        }
        let handle = self.begun(&row, &before).await?;
        drop(reading);
        (self.tell)(Worked::Taken { run: run.clone(), flow: row.flow.clone() });
        let end = self.driven(&handle, &before, lane).await?;
        if let End::Broken(why) = end {
            return Err(self.failing(run, before, why).await?);
        }
        Ok(What::Left(end))
    }

    /// The row of a run that can be taken.
    async fn row(&self, run: &RunId) -> Result<RunRow, What> {
        let shared = &self.executor.shared;
        let found = async |run: &RunId| match shared.store.run(run).await {
            Ok(Some(row)) if !row.status.is_finished() => Ok(row),
            Err(error) if !is_of_the_run(&error) => Err(What::from(error)),
            _ => Err(What::NotNow),
        };
        let row = found(run).await?;
        let held = row.lease.as_ref().is_some_and(|lease| lease.holds(shared.clock.now()));
        if held || (self.wary && row.lease.is_some()) {
            return Err(What::NotNow);
        }
        let Some((parent, _)) = &row.parent else { return Ok(row) };
        let mut above = found(parent).await?;
        for _ in 0..=MAX_DEPTH {
            let Some((parent, _)) = &above.parent else { break };
            above = found(parent).await?;
        }
        // One that is driven attaches to its sub-flows by itself.
        match above.lease.as_ref().is_some_and(|lease| lease.holds(shared.clock.now())) {
            true => Err(What::NotNow),
            false => Err(What::PartOf(above.id)),
        }
    }

    /// The run, driven by this process. That it is taken up is noted before.
    async fn begun(&self, row: &RunRow, before: &Trouble) -> Result<RunHandle, What> {
        let ready = tokio::select! {
            biased;
            () = self.stopping.cancelled() => return Err(What::Stopped),
            ready = self.flows.ready(row) => ready,
        };
        let (graph, catalog) = match ready {
            Ok(ready) => ready,
            Err(why) => return Err(self.failing(&row.id, before.clone(), why).await?),
        };
        let at = self.executor.shared.clock.now();
        let note = Trouble { tries: before.tries + 1, at, ..before.clone() };
        match self.executor.take_up(&row.id, graph, catalog, note).await {
            Ok(handle) => Ok(handle),
            Err(StartError::Held { .. }) => Err(What::NotNow),
            Err(StartError::Stopping) => Err(What::Stopped),
            Err(StartError::TooManyRuns(_)) => Err(What::Busy),
            Err(StartError::Store(error)) if !is_of_the_run(&error) => Err(error.into()),
            Err(error) => Err(self.failing(&row.id, before.clone(), error.to_string()).await?),
        }
    }

    /// Waits until the run has left this process, and takes the note back when it was no trouble.
    async fn driven(
        &self,
        handle: &RunHandle,
        before: &Trouble,
        lane: Option<OwnedSemaphorePermit>,
    ) -> Result<End, What> {
        let shared = &self.executor.shared;
        let probation = tokio::select! {
            biased;
            end = handle.outcome() => Some(end),
            () = shared.clock.sleep(PROBATION_MS) => None,
        };
        let end = match probation {
            Some(end) => end,
            None => {
                // It has not ended the process so far: what ends it later is not put down to it alone.
                let note = Some(before.clone()).filter(|before| before.tries > 0);
                let noted = shared.store.set_trouble(handle.id(), note).await;
                noted.or_else(passing)?;
                drop(lane);
                handle.outcome().await
            }
        };
        if let End::Waiting | End::Parked = end {
            shared.store.set_trouble(handle.id(), None).await.or_else(passing)?;
        }
        Ok(end)
    }

    /// Notes why a run cannot go on, and leaves it alone when that was so too often.
    async fn failing(&self, run: &RunId, before: Trouble, why: String) -> Result<What, What> {
        let tries = before.tries + 1;
        if tries >= MAX_TRIES {
            return self.set_aside(run, Trouble { tries, ..before }, why).await;
        }
        let at = self.executor.shared.clock.now();
        let note = Trouble { tries, at, why: why.clone(), ..before };
        self.executor.shared.store.set_trouble(run, Some(note)).await?;
        Ok(What::Failing { tries, why })
    }

    async fn set_aside(&self, run: &RunId, before: Trouble, why: String) -> Result<What, What> {
        let at = self.executor.shared.clock.now();
        let note = Trouble { at, why: why.clone(), set_aside: true, ..before };
        self.executor.shared.store.set_trouble(run, Some(note)).await?;
        Ok(What::SetAside(why))
    }
}

/// A note that was not taken back, because the run is over or the store takes nothing at present, costs a try at most.
fn passing(error: StoreError) -> Result<(), What> {
    match What::from(error) {
        What::Store(error) => Err(What::Store(error)),
        _ => Ok(()),
    }
}
