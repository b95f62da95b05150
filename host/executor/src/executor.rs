//! Starts, resumes, finds and parks runs.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};
use std::time::Duration;

use cleargate_flow::event::{EVENT_VERSION, check_payload};
use cleargate_flow::{Address, Event, FlowHash, Graph, NodeError, Record, RunId, Value};
use cleargate_gate::Gate;
use cleargate_store::{
    Created, Lease, Letter, MAX_PAGE, NewRun, Posted, RunRow, Store, StoreError, Trouble,
};
use dashmap::DashMap;
use dashmap::mapref::entry::Entry;
use futures::FutureExt;
use futures::future::BoxFuture;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::task::AbortOnDropHandle;

use crate::attempt::{Answer, Call, panicked};
use crate::catalog::{CallScope, Catalog};
use crate::clock::Clock;
use crate::context::NodeContext;
use crate::driver::Driver;
use crate::handle::{End, LiveRun, RunHandle};
use crate::ids::RunIds;
use crate::limits::{ExecutorConfig, MAX_DEPTH, RENEWALS_PER_TTL};
use crate::tasks::Tasks;

mod child;
mod recover;
mod tries;

pub use recover::Recovery;

/// A run that is to be started.
#[derive(Clone, Debug, Default)]
pub struct StartRun {
    /// Absent: the executor makes one.
    pub id: Option<RunId>,
    /// The input record, checked and completed with defaults.
    pub input: Value,
    /// The same key for the same flow means the same run.
    pub idempotency_key: Option<String>,
    /// The run and address that started this one, for a sub-flow.
    pub parent: Option<(RunId, Address)>,
    /// W3C trace context, when the run is traced.
    pub trace_parent: Option<String>,
}

/// Why a run was not started or taken over.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum StartError {
    /// Another process drives it.
    #[error(
        "run `{run}` is driven by `{owner}`; if that process has died, it can be taken over in some seconds"
    )]
    Held {
        /// Which run.
        run: RunId,
        /// Who drives it.
        owner: String,
        /// When the lease runs out, in milliseconds since 1970-01-01T00:00:00Z.
        until: i64,
    },
    /// The run is pinned to another version of the flow.
    #[error(
        "run `{run}` belongs to version {pinned} of its flow, not to {given}; give it that version"
    )]
    OtherVersion {
        /// Which run.
        run: RunId,
        /// The version that the run was started with.
        pinned: FlowHash,
        /// The version that was offered.
        given: FlowHash,
    },
    /// The key belongs to a run that was started with another input.
    #[error("the key `{key}` belongs to run `{run}`, which was started with another input")]
    OtherInput {
        /// The key.
        key: String,
        /// The run that has it.
        run: RunId,
    },
    /// The journal does not fit the flow.
    #[error("run `{run}` cannot be resumed: {why}")]
    Damaged {
        /// Which run.
        run: RunId,
        /// What does not fit.
        why: String,
    },
    /// A sub-flow that goes on from what another run did is given something else than that run was.
    #[error("run `{run}` cannot go on from what it is forked from: {why}")]
    OtherBeginning {
        /// The sub-flow.
        run: RunId,
        /// What is another.
        why: &'static str,
    },
    /// No journal takes the input.
    #[error("the input cannot be kept: {}", .0.message)]
    Input(NodeError),
    /// Too much at once.
    #[error("this process drives {0} runs, as many as it may; try again, or raise `max_runs`")]
    TooManyRuns(usize),
    /// Sub-flows inside sub-flows without end.
    #[error("sub-flows are nested more than {MAX_DEPTH} levels deep; does a flow use itself?")]
    TooDeep,
    /// The process is stopping.
    #[error("the process is stopping; nothing new is started")]
    Stopping,
    /// The store refused.
    #[error(transparent)]
    Store(StoreError),
}

impl From<StoreError> for StartError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Leased { run, owner, until } => Self::Held { run, owner, until },
            other => Self::Store(other),
        }
    }
}

/// Drives runs. A clone is the same executor.
#[derive(Clone)]
pub struct Executor {
    pub(crate) shared: Arc<Shared>,
    /// Ends with the last clone.
    keeper: Arc<OnceLock<AbortOnDropHandle<()>>>,
}

/// What all runs of an executor share.
pub(crate) struct Shared {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) gate: Arc<Gate>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) config: ExecutorConfig,
    pub(crate) places: Arc<Semaphore>,
    ids: Arc<dyn RunIds>,
    live: DashMap<RunId, Arc<LiveRun>>,
    tasks: Tasks,
    stopping: AtomicBool,
    /// Why the store takes nothing at the moment.
    hold_up: Mutex<Option<String>>,
}

impl Shared {
    /// Says why the store takes nothing at the moment, or that it takes something again.
    pub(crate) fn held_up(&self, why: Option<String>) {
        *self.hold_up.lock().unwrap_or_else(PoisonError::into_inner) = why;
    }

    /// Puts a letter into the inbox of its run, and tells the run when this process drives it.
    pub(crate) async fn post(&self, letter: &Letter) -> Result<Posted, StoreError> {
        let posted = self.store.post(letter).await?;
        if let Some(live) = self.live.get(&letter.run) {
            live.control.letters();
        }
        Ok(posted)
    }

    /// A number that nobody can foresee.
    pub(crate) fn draw(&self, below: u64) -> u64 {
        self.ids.draw(below)
    }

    /// How long nothing may be due of a run that waits and is given back; absent when none is.
    pub(crate) fn linger_ms(&self) -> Option<u64> {
        self.config.linger.map(millis)
    }

    /// How often an inbox is looked into.
    pub(crate) fn look_ms(&self) -> Option<u64> {
        self.config.look.map(millis)
    }

    pub(crate) fn cancel_grace_ms(&self) -> u64 {
        millis(self.config.cancel_grace)
    }

    /// Waits in turn for a place.
    pub(crate) fn place(&self) -> BoxFuture<'static, OwnedSemaphorePermit> {
        let places = self.places.clone();
        async move { places.acquire_owned().await.expect("places are never closed") }.boxed()
    }

    /// Begins an attempt: in the task of its run when it is alone, else in a task of its own.
    pub(crate) fn begin(&self, call: Call, alone: bool) -> BoxFuture<'static, Answer> {
        let clock = self.clock.clone();
        if alone {
            return call.perform(clock);
        }
        let (address, attempt) = (call.ctx.address.clone(), call.ctx.attempt);
        let task = Tasks::attempt(call.perform(clock));
        async move {
            // Panics of nodes are caught inside; this one is a defect of the executor.
            task.await.unwrap_or_else(|error| {
                let result = Err(panicked(&error.to_string()).into());
                Answer { address, attempt, result }
            })
        }
        .boxed()
    }
}

impl Executor {
    /// An executor over a store. Starting a run needs a tokio runtime.
    pub fn new(
        store: Arc<dyn Store>,
        gate: Arc<Gate>,
        clock: Arc<dyn Clock>,
        ids: Arc<dyn RunIds>,
        config: ExecutorConfig,
    ) -> Self {
        let places = Arc::new(Semaphore::new(config.max_attempts.clamp(1, Semaphore::MAX_PERMITS)));
        let (live, tasks, stopping) = (DashMap::new(), Tasks::default(), AtomicBool::new(false));
        let hold_up = Mutex::default();
        let shared =
            Shared { store, gate, clock, config, places, ids, live, tasks, stopping, hold_up };
        Self { shared: Arc::new(shared), keeper: Arc::default() }
    }

    /// Starts a run, or returns the one that has the idempotency key already, taking it over when
    /// nobody drives it.
    ///
    /// # Errors
    /// See [`StartError`]. After an error of the store the run may exist; starting it again with the same
    /// id and idempotency key finds it.
    pub async fn start(
        &self,
        graph: Arc<Graph>,
        catalog: Arc<dyn Catalog>,
        start: StartRun,
    ) -> Result<RunHandle, StartError> {
        self.begin(graph, catalog, start, None).await
    }

    /// Starts a run from nothing, or with what another one did; finds the one that has the idempotency key already.
    async fn begin(
        &self,
        graph: Arc<Graph>,
        catalog: Arc<dyn Catalog>,
        start: StartRun,
        kept: Option<Vec<Event>>,
    ) -> Result<RunHandle, StartError> {
        check_payload(&start.input).map_err(StartError::Input)?;
        let depth = self.depth_below(start.parent.as_ref()).await?;
        let now = self.shared.clock.now();
        let id = start.id.clone().unwrap_or_else(|| self.shared.ids.next(now));
        let claim = match self.claim(&id, &graph, depth)? {
            Claimed::Here(claim) => claim,
            Claimed::Live(handle) => return Ok(handle),
        };
        let key = start.idempotency_key.clone().unwrap_or_default();
        let event = Event::RunStarted {
            flow: graph.id.clone(),
            hash: graph.hash.clone(),
            input: start.input,
            parent: start.parent.clone(),
            v: EVENT_VERSION,
        };
        let is_new = kept.is_none();
        let first = match kept {
            Some(kept) => child::from_kept(&id, &event, kept)?,
            None => vec![event.clone()],
        };
        let new = NewRun {
            id: id.clone(),
            flow: graph.id.clone(),
            hash: graph.hash.clone(),
            idempotency_key: start.idempotency_key,
            parent: start.parent,
            origin: None,
            created_at: now,
            first: first
                .into_iter()
                .zip(0..)
                .map(|(event, seq)| Record { seq, at: now, event })
                .collect(),
        };
        match self.shared.store.create_run(new).await? {
            Created::New if is_new => {}
            Created::New => return self.go_on(claim, catalog, None).await,
            // Whoever has attached to this claim meanwhile keeps what becomes of it.
            Created::Exists(same) if same == id => {
                self.pinned(&id, &graph).await?;
                return self.go_on(claim, catalog, None).await;
            }
            Created::Exists(other) => {
                drop(claim);
                self.same_input(&other, &event, key).await?;
                return self.resume(&other, graph, catalog).await;
            }
        }
        let lease = self.acquire(&id).await?;
        let live = claim.live.clone();
        live.set_lease(Some(lease.clone()));
        let trace = start.trace_parent;
        let mut driver = Driver::new(self.shared.clone(), live, catalog, lease, trace);
        match driver.begin(&event) {
            Ok(()) => Ok(self.drive(claim, driver, None)),
            Err(stop) => Err(damaged(id, stop.0)),
        }
    }

    /// Takes a run over and goes on with it; returns the handle of one that this process drives, or that is
    /// over.
    ///
    /// # Errors
    /// See [`StartError`].
    pub async fn resume(
        &self,
        run: &RunId,
        graph: Arc<Graph>,
        catalog: Arc<dyn Catalog>,
    ) -> Result<RunHandle, StartError> {
        let row = self.pinned(run, &graph).await?;
        let depth = self.depth_below(row.parent.as_ref()).await?;
        match self.claim(run, &graph, depth)? {
            Claimed::Here(claim) => self.go_on(claim, catalog, None).await,
            Claimed::Live(handle) => Ok(handle),
        }
    }

    /// Drives a run that is stored, from where it is. Who has attached to the claim is told what becomes of it.
    async fn go_on(
        &self,
        claim: Claim,
        catalog: Arc<dyn Catalog>,
        note: Option<Trouble>,
    ) -> Result<RunHandle, StartError> {
        let live = claim.live.clone();
        let run = &live.id;
        let lease = match self.acquire(run).await {
            Ok(lease) => lease,
            Err(StartError::Store(StoreError::Finished { .. })) => {
                claim.end(self.end_of(run).await?);
                return Ok(self.handle(live));
            }
            Err(error) => {
                if matches!(error, StartError::Held { .. }) {
                    claim.end(End::Lost);
                }
                return Err(error);
            }
        };
        let fence = lease.fence;
        live.set_lease(Some(lease.clone()));
        let shared = self.shared.clone();
        let mut driver = Driver::new(shared, live.clone(), catalog, lease.clone(), None);
        if let Err(error) = self.read_held(run, &mut driver, note).await {
            // The reason stays, but nobody has to wait for the lease to find it.
            let _ = self.shared.store.release(&lease).await;
            return Err(error);
        }
        Ok(self.drive(claim, driver, Some(Event::RunResumed { fence })))
    }

    /// Folds a stored journal, page by page: it may be larger than what is in memory at once.
    async fn load(&self, run: &RunId, driver: &mut Driver) -> Result<(), StartError> {
        loop {
            let page = self.shared.store.journal(run, driver.next(), MAX_PAGE).await?;
            let last = page.len() < MAX_PAGE;
            driver.load(page).map_err(|stop| damaged(run.clone(), stop.0))?;
            if last {
                return Ok(());
            }
        }
    }

    /// Puts a letter into the inbox of its run, driven or not. It is durable when this returns.
    ///
    /// # Errors
    /// Those of [`Store::post`].
    pub async fn post(&self, letter: &Letter) -> Result<Posted, StoreError> {
        self.shared.post(letter).await
    }

    /// The context of a call that belongs to no run, on whose behalf this executor works. Nothing remembers it.
    pub fn outside(&self, scope: &CallScope, config: Value) -> NodeContext {
        let Shared { gate, config: own, .. } = &*self.shared;
        NodeContext::outside(gate, &own.tenant, scope, config)
    }

    /// The handle of a run that this process drives.
    pub fn find(&self, run: &RunId) -> Option<RunHandle> {
        let live = self.shared.live.get(run)?.clone();
        Some(self.handle(live))
    }

    /// Ids of the runs that this process drives, in no order.
    pub fn live(&self) -> Vec<RunId> {
        self.shared.live.iter().map(|entry| entry.key().clone()).collect()
    }

    /// Why runs stand still at the moment: the store takes nothing, for want of space as a rule. They go on by
    /// themselves once it does. `None` while it does.
    pub fn hold_up(&self) -> Option<String> {
        self.shared.hold_up.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Parks every run: nothing new begins, attempts have `grace` to end, then they are dropped and the runs
    /// given back, so that they can be resumed. Returns when no run is driven any more; no run can be
    /// started after this.
    pub async fn shutdown(&self, grace: Duration) {
        self.shared.stopping.store(true, Ordering::SeqCst);
        for live in &self.shared.live {
            live.control.park(millis(grace));
        }
        self.shared.tasks.runs_ended().await;
    }

    async fn acquire(&self, run: &RunId) -> Result<Lease, StartError> {
        let Shared { store, clock, config, .. } = &*self.shared;
        Ok(store.acquire(run, &config.owner, clock.now(), millis(config.lease_ttl)).await?)
    }

    /// A key stands for one question: who asks another one must not get the old answer.
    async fn same_input(&self, run: &RunId, asked: &Event, key: String) -> Result<(), StartError> {
        let first = self.shared.store.journal(run, 0, 1).await?;
        match (first.first().map(|record| &record.event), asked) {
            (
                Some(Event::RunStarted { input: before, hash: then, .. }),
                Event::RunStarted { input: now, hash, .. },
            ) if then == hash && before != now => {
                Err(StartError::OtherInput { key, run: run.clone() })
            }
            // Another version of the flow, or a damaged journal, is refused by who goes on with the run.
            _ => Ok(()),
        }
    }

    /// The row of a run that belongs to this version of its flow.
    async fn pinned(&self, run: &RunId, graph: &Graph) -> Result<RunRow, StartError> {
        let row = self.shared.store.run(run).await?;
        let row =
            row.ok_or_else(|| StartError::Store(StoreError::NoSuchRun { run: run.clone() }))?;
        if row.hash != graph.hash {
            let (pinned, given) = (row.hash, graph.hash.clone());
            return Err(StartError::OtherVersion { run: run.clone(), pinned, given });
        }
        Ok(row)
    }

    /// How a finished run ended.
    async fn end_of(&self, run: &RunId) -> Result<End, StartError> {
        let damage = |why: &str| StartError::Damaged { run: run.clone(), why: why.into() };
        let row = self.shared.store.run(run).await?.ok_or_else(|| damage("it is gone"))?;
        let last = self.shared.store.journal(run, row.last_seq, 1).await?;
        match last.into_iter().next().map(|record| record.event) {
            Some(Event::RunFinished { outcome }) => Ok(End::Finished(outcome)),
            _ => Err(damage("its journal does not end with its end")),
        }
    }

    /// Sub-flows around a run with this parent.
    async fn depth_below(&self, parent: Option<&(RunId, Address)>) -> Result<usize, StartError> {
        let mut above = parent.map(|(run, _)| run.clone());
        let mut depth = 0;
        while let Some(run) = above {
            depth += 1;
            if let Some(live) = self.shared.live.get(&run) {
                depth += live.depth;
                break;
            }
            if depth > MAX_DEPTH {
                break;
            }
            above =
                self.shared.store.run(&run).await?.and_then(|row| row.parent).map(|(run, _)| run);
        }
        if depth > MAX_DEPTH { Err(StartError::TooDeep) } else { Ok(depth) }
    }

    /// Makes this call the only one of the process that may drive the run.
    fn claim(&self, run: &RunId, graph: &Arc<Graph>, depth: usize) -> Result<Claimed, StartError> {
        if self.shared.stopping.load(Ordering::SeqCst) {
            return Err(StartError::Stopping);
        }
        // Before the entry is locked: counting looks at all of the map.
        let (count, most) = (self.shared.live.len(), self.shared.config.max_runs);
        match self.shared.live.entry(run.clone()) {
            Entry::Occupied(live) => Ok(Claimed::Live(self.handle(live.get().clone()))),
            Entry::Vacant(_) if count >= most => Err(StartError::TooManyRuns(most)),
            Entry::Vacant(free) => {
                let buffer = self.shared.config.event_buffer;
                let live = LiveRun::new(run.clone(), graph.clone(), depth, buffer);
                free.insert(live.clone());
                Ok(Claimed::Here(Claim { live, shared: self.shared.clone() }))
            }
        }
    }

    fn drive(&self, claim: Claim, driver: Driver, first: Option<Event>) -> RunHandle {
        self.keeper.get_or_init(|| Tasks::keeper(keep(Arc::downgrade(&self.shared))));
        let live = claim.live.clone();
        let handle = self.handle(live.clone());
        self.shared.tasks.run(async move {
            let end = driver.drive(first).await;
            claim.end(end);
        });
        if self.shared.stopping.load(Ordering::SeqCst) {
            // The shutdown began after the claim and may have missed it.
            live.control.park(0);
        }
        handle
    }

    fn handle(&self, live: Arc<LiveRun>) -> RunHandle {
        RunHandle { live, store: self.shared.store.clone() }
    }
}

enum Claimed {
    Here(Claim),
    Live(RunHandle),
}

/// The right to drive a run in this process. Ends the run's handle whatever happens to the holder.
struct Claim {
    live: Arc<LiveRun>,
    shared: Arc<Shared>,
}

impl Claim {
    fn end(self, end: End) {
        self.release();
        self.live.finish(end);
    }

    fn release(&self) {
        self.live.set_lease(None);
        self.shared.live.remove(&self.live.id);
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        if self.live.end.borrow().is_none() {
            self.release();
            self.live.finish(End::Broken("the run was not begun, or its driver failed".into()));
        }
    }
}

/// Renews the leases of all runs, so that a run whose node keeps a thread for long is not taken over.
async fn keep(shared: Weak<Shared>) {
    loop {
        let Some(pause) = shared.upgrade().map(|shared| {
            shared.clock.sleep((millis(shared.config.lease_ttl) / RENEWALS_PER_TTL).max(1))
        }) else {
            return;
        };
        pause.await;
        let Some(shared) = shared.upgrade() else { return };
        let all: Vec<Arc<LiveRun>> = shared.live.iter().map(|live| live.clone()).collect();
        for live in all {
            let Some(lease) = live.lease() else { continue };
            let (now, ttl) = (shared.clock.now(), millis(shared.config.lease_ttl));
            match shared.store.renew(&lease, now, ttl).await {
                Ok(_) | Err(StoreError::Finished { .. }) => {}
                Err(StoreError::Fenced { .. }) if live.lease().is_some() => {
                    live.control.lost.cancel()
                }
                // Appends are fenced by token: a late renewal costs at most a take-over.
                Err(error) => tracing::warn!(run = %live.id, %error, "a lease was not renewed"),
            }
        }
    }
}

fn damaged(run: RunId, end: End) -> StartError {
    let why = match end {
        End::Broken(why) => why,
        other => format!("{other:?}"),
    };
    StartError::Damaged { run, why }
}

pub(crate) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
