//! Retention: runs that have ended are removed, page by page, with the sub-flows inside them.
//!
//! A page follows the last run of the one before, so that runs that stay are looked at once, however many pages are
//! removed behind them. So the last run of a page is removed after the next page was read.

use std::time::Duration;

use async_trait::async_trait;
use cleargate_executor::Clock;
use cleargate_flow::RunId;
use cleargate_store::{Removed, RunFilter, RunRow, Store, StoreError};

use crate::error::Result;
use crate::host::Host;
use crate::runs::{RunView, store_error};

/// Which runs are removed: of those that somebody started and that have ended.
#[derive(Clone, Copy, Debug)]
pub struct Prune {
    /// That ended at least so long ago.
    pub older_than: Duration,
    /// `succeeded`, `failed` or `cancelled` only.
    pub status: Option<&'static str>,
    /// Remove nothing: only say which they are.
    pub dry_run: bool,
}

/// What went with the runs that were removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pruned {
    /// Runs that somebody had started.
    pub runs: u64,
    /// Sub-flows of them.
    pub sub_flows: u64,
    /// Records of them all.
    pub records: u64,
}

impl Host {
    /// Removes runs that have ended, newest first, and tells `each` which, some hundred at a time. A run with a
    /// sub-flow that can still go on stays. Other processes may run and prune at the same time.
    ///
    /// # Errors
    /// The store cannot be read or written. What was told is removed.
    pub async fn prune(&self, prune: Prune, mut each: impl FnMut(&[RunView])) -> Result<Pruned> {
        let age = i64::try_from(prune.older_than.as_millis()).unwrap_or(i64::MAX);
        let filter = RunFilter {
            status: prune.status.and_then(|status| status.parse().ok()),
            top_only: true,
            finished_before: Some(self.clock().now().saturating_sub(age).saturating_add(1)),
            ..RunFilter::default()
        };
        let tell = |gone: Vec<RunRow>| {
            let now = self.clock().now();
            let gone = gone.into_iter().map(|row| RunView::of(row, None, now));
            each(&gone.collect::<Vec<_>>());
        };
        let shelf = Stored { store: self.store(), dry_run: prune.dry_run };
        remove(&shelf, filter, tell).await.map_err(store_error)
    }
}

/// Where runs are removed.
#[async_trait]
trait Shelf: Sync {
    async fn page(&self, filter: &RunFilter) -> std::result::Result<Vec<RunRow>, StoreError>;

    async fn remove(&self, run: &RunId) -> std::result::Result<Removed, StoreError>;
}

struct Stored<'s> {
    store: &'s dyn Store,
    dry_run: bool,
}

#[async_trait]
impl Shelf for Stored<'_> {
    async fn page(&self, filter: &RunFilter) -> std::result::Result<Vec<RunRow>, StoreError> {
        self.store.runs(filter).await
    }

    async fn remove(&self, run: &RunId) -> std::result::Result<Removed, StoreError> {
        match self.dry_run {
            true => Ok(Removed { runs: 1, records: 0 }),
            false => self.store.remove_run(run).await,
        }
    }
}

async fn remove(
    shelf: &dyn Shelf,
    mut filter: RunFilter,
    mut tell: impl FnMut(Vec<RunRow>),
) -> std::result::Result<Pruned, StoreError> {
    let (mut pruned, mut held) = (Pruned::default(), None);
    loop {
        let mut page = match shelf.page(&filter).await {
            // Another process has removed the run that the page was to follow.
            Err(StoreError::NoSuchRun { .. }) if filter.before.is_some() => {
                (filter.before, held) = (None, None);
                continue;
            }
            page => page?,
        };
        let last = page.len() < filter.limit;
        let next = if last { None } else { page.pop() };
        filter.before = next.as_ref().map(|row| row.id.clone());
        let mut gone = Vec::with_capacity(page.len() + 1);
        for row in std::mem::replace(&mut held, next).into_iter().chain(page) {
            match shelf.remove(&row.id).await {
                Ok(removed) => {
                    pruned.runs += 1;
                    pruned.sub_flows += removed.runs - 1;
                    pruned.records += removed.records;
                    gone.push(row);
                }
                // Another process was first, or a sub-flow of it can still go on.
                Err(StoreError::NoSuchRun { .. } | StoreError::Unfinished { .. }) => {}
                Err(error) => {
                    tell(gone);
                    return Err(error);
                }
            }
        }
        tell(gone);
        if last {
            return Ok(pruned);
        }
    }
}

#[cfg(test)]
mod tests;
