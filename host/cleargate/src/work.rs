//! A process that goes on with runs by itself: recovery, waking, and making room.
//!
//! What is done when is the executor's; here flows are made ready, each version once, and what happened gets the words of
//! this API.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use cleargate_executor::{Catalog, Clock, Flows, WorkConfig, Worked, limits};
use cleargate_flow::graph::Graph;
use cleargate_flow::{FlowHash, Outcome, RunId};
use cleargate_store::RunRow;
use futures::future::pending;
use serde::Serialize;
use tokio::sync::Notify;

use crate::error::{Error, Kind, Result};
use crate::flows::Flow;
use crate::host::Host;
use crate::prune::Prune;
use crate::recent::Recent;
use crate::runs::store_error;

/// Versions of flows that stay ready when no run of them is driven: more than one folder has.
const MAX_READY: usize = 64;

/// How often runs are removed that are old enough: what came in between is a small part of what may be kept.
const PRUNE_EVERY: Duration = Duration::from_secs(60 * 60);

/// How to work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkOptions {
    /// Runs that are driven at the same time.
    pub jobs: usize,
    /// How often the journal is asked for what other processes wrote. Moments that runs wait for are known, and met.
    pub poll: Duration,
    /// How long runs that are under way may take to come to a stored point at the end.
    pub grace: Duration,
    /// End when no run can go on: what is left waits, or was set aside.
    pub until_idle: bool,
    /// End after so long.
    pub lasts: Option<Duration>,
    /// Remove runs that ended at least so long ago, at the beginning and from time to time.
    pub prune_after: Option<Duration>,
}

impl Default for WorkOptions {
    fn default() -> Self {
        let WorkConfig { jobs, poll, grace, .. } = WorkConfig::default();
        Self { jobs, poll, grace, until_idle: false, lasts: None, prune_after: None }
    }
}

/// Something that happened while a worker works.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum WorkEvent {
    /// A run goes on in this process.
    Taken {
        /// Which.
        run: RunId,
        /// Its flow.
        flow: String,
    },
    /// A run is over.
    Finished {
        /// Which.
        run: RunId,
        /// `succeeded`, `failed` or `cancelled`.
        status: String,
        /// Why it failed.
        #[serde(skip_serializing_if = "Option::is_none")]
        why: Option<String>,
    },
    /// A run does nothing but wait, and was given back.
    Waiting {
        /// Which.
        run: RunId,
    },
    /// A run was given back unfinished, because this process ends. Another worker takes it at once.
    GivenBack {
        /// Which.
        run: RunId,
    },
    /// Another process took a run over.
    Lost {
        /// Which.
        run: RunId,
    },
    /// A run cannot go on at present, and is tried again.
    Failing {
        /// Which.
        run: RunId,
        /// Why.
        why: String,
        /// Milliseconds until it is tried again.
        again_in_ms: u64,
    },
    /// A run was tried in vain so often that it is left alone until [`Host::retry`].
    SetAside {
        /// Which.
        run: RunId,
        /// Why.
        why: String,
    },
    /// Runs were removed because they were old.
    Pruned {
        /// How many, without their sub-flows.
        runs: u64,
    },
    /// Old runs could not be removed. It is tried again.
    NotPruned {
        /// Why.
        why: String,
    },
}

/// How often each thing happened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct WorkTotals {
    /// Runs went on in this process.
    pub taken: u64,
    /// Ended well.
    pub succeeded: u64,
    /// Ended with an error.
    pub failed: u64,
    /// Ended on request.
    pub cancelled: u64,
    /// Were given back because they did nothing but wait.
    pub waiting: u64,
    /// Were given back unfinished at the end.
    pub given_back: u64,
    /// Were taken over by another process.
    pub lost: u64,
    /// Could not go on, and were to be tried again.
    pub failing: u64,
    /// Were set aside.
    pub set_aside: u64,
    /// Were removed because they were old.
    pub pruned: u64,
}

impl WorkTotals {
    /// Counts an event.
    pub fn count(&mut self, event: &WorkEvent) {
        let (counter, by) = match event {
            WorkEvent::Taken { .. } => (&mut self.taken, 1),
            WorkEvent::Finished { status, .. } => match status.as_str() {
                "succeeded" => (&mut self.succeeded, 1),
                "cancelled" => (&mut self.cancelled, 1),
                _ => (&mut self.failed, 1),
            },
            WorkEvent::Waiting { .. } => (&mut self.waiting, 1),
            WorkEvent::GivenBack { .. } => (&mut self.given_back, 1),
            WorkEvent::Lost { .. } => (&mut self.lost, 1),
            WorkEvent::Failing { .. } => (&mut self.failing, 1),
            WorkEvent::SetAside { .. } => (&mut self.set_aside, 1),
            WorkEvent::Pruned { runs } => (&mut self.pruned, *runs),
            WorkEvent::NotPruned { .. } => return,
        };
        *counter += by;
    }
}

impl From<Worked> for WorkEvent {
    fn from(worked: Worked) -> Self {
        match worked {
            Worked::Taken { run, flow } => Self::Taken { run, flow: flow.to_string() },
            Worked::Ended { run, outcome } => {
                let (status, why) = match outcome {
                    Outcome::Succeeded { .. } => ("succeeded", None),
                    Outcome::Cancelled => ("cancelled", None),
                    Outcome::Failed { address, error } => {
                        let place = address.map(|at| format!("{at}: ")).unwrap_or_default();
                        ("failed", Some(format!("{place}{error}")))
                    }
                };
                Self::Finished { run, status: status.into(), why }
            }
            Worked::Waits { run } => Self::Waiting { run },
            Worked::GivenBack { run } => Self::GivenBack { run },
            Worked::Lost { run } => Self::Lost { run },
            Worked::Failing { run, why, again_in } => {
                let again_in_ms = u64::try_from(again_in.as_millis()).unwrap_or(u64::MAX);
                Self::Failing { run, why, again_in_ms }
            }
            Worked::SetAside { run, why } => Self::SetAside { run, why },
        }
    }
}

impl Host {
    /// Goes on with every run that can go on, until `stop` says so: those that a process left which is gone, and those whose
    /// moment has come or that were told something. A run that cannot go on is set aside after
    /// [`MAX_TRIES`] times in a row, with the reason, and holds up no other. At the end, runs that are under way
    /// have [`WorkOptions::grace`] to come to a stored point, and are given back: another worker takes them at once. No run
    /// can be started here after this.
    ///
    /// Several workers, also in several processes, share the work of one journal. Dropping the future leaves the runs that
    /// are driven to [`Host::shutdown`].
    ///
    /// # Errors
    /// The journal cannot be used any more. While it is full or locked, runs wait.
    pub async fn work(
        &self,
        options: WorkOptions,
        stop: impl Future<Output = ()> + Send,
        tell: &(dyn Fn(WorkEvent) + Sync),
    ) -> Result<WorkTotals> {
        let totals = Mutex::new(WorkTotals::default());
        let told = |event: WorkEvent| {
            totals.lock().unwrap_or_else(PoisonError::into_inner).count(&event);
            tell(event);
        };
        let ready = Ready::new(self);
        let WorkOptions { jobs, poll, grace, until_idle, lasts, prune_after } = options;
        let config =
            WorkConfig { jobs: jobs.max(1), poll, grace, until_idle, ..WorkConfig::default() };
        let stopped = AtomicBool::new(false);
        let over = async {
            tokio::select! {
                () = stop => stopped.store(true, Ordering::Relaxed),
                () = self.passed(lasts) => {}
            }
        };
        let (worked, pruned) = (|worked: Worked| told(worked.into()), Notify::new());
        let work = async {
            let done = self.executor.work(&ready, config, over, &worked).await;
            // Who works now and then until nothing is left wants old runs to be gone as well.
            if until_idle && prune_after.is_some() && !stopped.load(Ordering::Relaxed) {
                pruned.notified().await;
            }
            done
        };
        tokio::select! {
            done = work => done.map_err(store_error)?,
            () = self.keep_pruning(prune_after, &pruned, &told) => {}
        }
        Ok(totals.into_inner().unwrap_or_else(PoisonError::into_inner))
    }

    async fn passed(&self, time: Option<Duration>) {
        match time {
            Some(time) => {
                self.clock().sleep(u64::try_from(time.as_millis()).unwrap_or(u64::MAX)).await
            }
            None => pending().await,
        }
    }

    /// Removes old runs for as long as it is polled, and says when it was done once. Never returns.
    async fn keep_pruning(
        &self,
        older_than: Option<Duration>,
        pruned: &Notify,
        told: &(dyn Fn(WorkEvent) + Sync),
    ) {
        let Some(older_than) = older_than else { return pending().await };
        loop {
            let prune = Prune { older_than, status: None, dry_run: false };
            match self.prune(prune, |_| {}).await {
                Ok(gone) if gone.runs == 0 => {}
                Ok(gone) => told(WorkEvent::Pruned { runs: gone.runs }),
                Err(error) => told(WorkEvent::NotPruned { why: error.to_string() }),
            }
            pruned.notify_one();
            self.passed(Some(PRUNE_EVERY)).await;
        }
    }

    /// Lets a run be taken up again that was set aside; says whether it was. It goes on when somebody works or resumes it.
    ///
    /// # Errors
    /// There is no such run, it has ended, or the journal cannot be written.
    pub async fn retry(&self, run: &RunId) -> Result<bool> {
        let row = self.store().run(run).await.map_err(store_error)?;
        if row.is_some_and(|row| row.status.is_finished()) {
            return Err(Error::new(Kind::Failed, format!("run {run} has ended"))
                .with_help(format!("cleargate restart {run}")));
        }
        self.executor.bring_back(run).await.map_err(store_error)
    }
}

/// Flows that were made ready, as long as what may be loaded is what it was.
struct Ready<'a> {
    host: &'a Host,
    flows: Recent<FlowHash, Flow>,
    grants: Mutex<Vec<u8>>,
}

impl<'a> Ready<'a> {
    fn new(host: &'a Host) -> Self {
        Self { host, flows: Recent::new(MAX_READY), grants: Mutex::default() }
    }

    /// A grant that was given or taken back while this process works counts from now on.
    fn follow_grants(&self) {
        let now = std::fs::read(self.host.config.grants()).unwrap_or_default();
        let mut then = self.grants.lock().unwrap_or_else(PoisonError::into_inner);
        if *then != now {
            *then = now;
            self.flows.clear();
            self.host.loaded.clear();
        }
    }
}

#[async_trait]
impl Flows for Ready<'_> {
    async fn ready(&self, run: &RunRow) -> Result<(Arc<Graph>, Arc<dyn Catalog>), String> {
        self.follow_grants();
        let flow = match self.flows.get(&run.hash) {
            Some(flow) => flow,
            None => {
                let made = self.host.pinned_flow(&run.id, &run.hash).await;
                let flow = made.map_err(|error| {
                    let help: String = error.help.iter().map(|help| format!("; {help}")).collect();
                    format!("{error}{help}")
                })?;
                self.flows.keep(run.hash.clone(), flow.clone());
                flow
            }
        };
        Ok((flow.graph, flow.catalog))
    }
}

/// How often a run is tried before it is set aside.
pub const MAX_TRIES: u32 = limits::MAX_TRIES;
