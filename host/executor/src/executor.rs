//! Starts, resumes and parks runs. One executor a process; two on one store never drive the same run.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use cleargate_flow::event::EVENT_VERSION;
use cleargate_flow::run::{Effect, Run};
use cleargate_flow::{Address, Event, Graph, Record, RunId, Value};
use cleargate_gate::{Gate, RunCounters};
use cleargate_store::{Created, Durability, Lease, NewRun, Store, StoreError};
use dashmap::DashMap;
use futures::stream::FuturesUnordered;
use tokio::sync::{Semaphore, mpsc};

use crate::attempt::Shared;
use crate::calls::RecordedCalls;
use crate::catalog::Catalog;
use crate::clock::Clock;
use crate::driver::{Driver, finished};
use crate::handle::{RunHandle, Watch};
use crate::limits::ExecutorConfig;
use crate::tasks::{TaskKind, spawn};

/// Runs flows.
pub struct Executor {
    store: Arc<dyn Store>,
    gate: Arc<Gate>,
    clock: Arc<dyn Clock>,
    config: ExecutorConfig,
    places: Arc<Semaphore>,
    runs: Arc<DashMap<RunId, RunHandle>>,
}

/// How a run begins.
#[derive(Clone, Debug, Default)]
pub struct StartRun {
    /// The run's id; made when absent.
    pub id: Option<RunId>,
    /// The input after defaults.
    pub input: Value,
    /// The same key for the same flow means the same run.
    pub key: Option<String>,
    /// The run and address that start this one.
    pub parent: Option<(RunId, Address)>,
}

/// Why a run was not started or resumed.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The store refused.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The journal is not one of this flow.
    #[error("run {run} was made by another version of the flow: {why}")]
    Mismatch {
        /// Which run.
        run: RunId,
        /// What differs.
        why: String,
    },
    /// This process drives as many runs as it may.
    #[error("this process drives {0} runs already; raise the bound, or wait for one to end")]
    Busy(usize),
}

impl Executor {
    /// An executor over a store and a gate.
    pub fn new(
        store: Arc<dyn Store>,
        gate: Arc<Gate>,
        clock: Arc<dyn Clock>,
        config: ExecutorConfig,
    ) -> Arc<Self> {
        let places = Arc::new(Semaphore::new(config.max_attempts));
        Arc::new(Self { store, gate, clock, config, places, runs: Arc::default() })
    }

    /// Starts a run, or finds the one that has this idempotency key.
    ///
    /// # Errors
    /// The store refused, or this process drives too many runs.
    pub async fn start(
        &self,
        graph: Arc<Graph>,
        catalog: Arc<dyn Catalog>,
        start: StartRun,
    ) -> Result<RunHandle, RunError> {
        self.admit()?;
        let id = start.id.unwrap_or_else(new_id);
        let at = self.clock.now();
        let event = Event::RunStarted {
            flow: graph.id.clone(),
            hash: graph.hash.clone(),
            input: start.input,
            parent: start.parent.clone(),
            v: EVENT_VERSION,
        };
        let first = Record { seq: 0, at, event };
        let new = NewRun {
            id: id.clone(),
            flow: graph.id.clone(),
            hash: graph.hash.clone(),
            idempotency_key: start.key,
            parent: start.parent,
            created_at: at,
            first: vec![first.clone()],
        };
        match self.store.create_run(new).await {
            Ok(Created::New) => {}
            Ok(Created::Exists(other)) => return self.attach(&other, graph, catalog).await,
            // A sub-flow that was started before its parent's process ended has the id already.
            Err(StoreError::RunExists { .. }) => return self.attach(&id, graph, catalog).await,
            Err(error) => return Err(error.into()),
        }
        let lease = self.lease(&id).await?;
        let mut machine = Run::new(graph.clone(), &id);
        let effects = fold(&mut machine, &[first], &id)?;
        let place = Place { graph, catalog, lease, next: 1, recorded: RecordedCalls::default() };
        Ok(self.drive(machine, place, effects))
    }

    /// Goes on with a run that nobody drives. Waits for the lease of a process that ended without giving
    /// it back; a finished run is answered at once.
    ///
    /// # Errors
    /// The run is not there, belongs to another version of the flow, or is driven by somebody.
    pub async fn resume(
        &self,
        id: &RunId,
        graph: Arc<Graph>,
        catalog: Arc<dyn Catalog>,
    ) -> Result<RunHandle, RunError> {
        self.admit()?;
        let lease = match self.lease(id).await {
            Ok(lease) => lease,
            Err(StoreError::Finished { .. }) => return self.finished(id, &graph).await,
            Err(error) => return Err(error.into()),
        };
        let mut journal = self.store.whole_journal(id).await?;
        let mut machine = Run::new(graph.clone(), id);
        fold(&mut machine, &journal, id)?;
        let event = Event::RunResumed { fence: lease.fence };
        let record = Record { seq: journal.len() as u64, at: self.clock.now(), event };
        let effects = fold(&mut machine, std::slice::from_ref(&record), id)?;
        self.store.append(&lease, vec![record.clone()], Durability::Sync).await?;
        journal.push(record);
        let recorded = RecordedCalls::of(&journal);
        let next = journal.len() as u64;
        let place = Place { graph, catalog, lease, next, recorded };
        Ok(self.drive(machine, place, effects))
    }

    /// Runs that are not finished and that nobody drives.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn outstanding(&self) -> Result<Vec<RunId>, StoreError> {
        self.store.outstanding(self.clock.now()).await
    }

    /// The run, when this process drives it.
    pub fn handle(&self, id: &RunId) -> Option<RunHandle> {
        self.runs.get(id).map(|handle| handle.clone())
    }

    /// Parks every run, and waits at most `grace` until they are: each can be resumed.
    pub async fn shutdown(&self, grace: Duration) {
        let handles: Vec<RunHandle> = self.runs.iter().map(|entry| entry.value().clone()).collect();
        handles.iter().for_each(RunHandle::park);
        let all = futures::future::join_all(handles.iter().map(RunHandle::wait));
        let grace = u64::try_from(grace.as_millis()).unwrap_or(u64::MAX);
        tokio::select! {
            _ = all => {}
            () = self.clock.sleep(grace) => tracing::warn!("runs did not stop in time; leases run out"),
        }
    }

    async fn attach(
        &self,
        id: &RunId,
        graph: Arc<Graph>,
        catalog: Arc<dyn Catalog>,
    ) -> Result<RunHandle, RunError> {
        match self.handle(id) {
            Some(handle) => Ok(handle),
            None => self.resume(id, graph, catalog).await,
        }
    }

    fn admit(&self) -> Result<(), RunError> {
        let most = self.config.max_runs;
        if self.runs.len() >= most { Err(RunError::Busy(most)) } else { Ok(()) }
    }

    /// The lease of a run. One that a dead process holds is waited for: it is short.
    async fn lease(&self, id: &RunId) -> Result<Lease, StoreError> {
        let ttl = u64::try_from(self.config.lease_ttl.as_millis()).unwrap_or(u64::MAX);
        let give_up = self.clock.now().saturating_add_unsigned(ttl.saturating_mul(2));
        loop {
            let now = self.clock.now();
            match self.store.acquire(id, &self.config.owner, now, ttl).await {
                Err(StoreError::Leased { until, .. }) if now < give_up => {
                    let left = u64::try_from(until - now).unwrap_or(0);
                    self.clock.sleep(left.clamp(10, 250)).await;
                }
                other => return other,
            }
        }
    }

    /// A handle of a run that has ended: everything about it is in the journal.
    async fn finished(&self, id: &RunId, graph: &Arc<Graph>) -> Result<RunHandle, RunError> {
        let journal = self.store.whole_journal(id).await?;
        let mut machine = Run::new(graph.clone(), id);
        fold(&mut machine, &journal, id)?;
        let (inputs, _) = mpsc::unbounded_channel();
        let (mut watch, handle) = Watch::new(id.clone(), self.clock.clone(), 1, inputs);
        watch.progress(&machine, true);
        let outcome = machine.outcome().ok_or_else(|| RunError::Mismatch {
            run: id.clone(),
            why: "the store calls it finished and its journal does not".into(),
        })?;
        watch.end(finished(outcome));
        Ok(handle)
    }

    fn drive(&self, machine: Run, place: Place, effects: Vec<Effect>) -> RunHandle {
        let (journal, inputs) = mpsc::unbounded_channel();
        let id = place.lease.run.clone();
        let buffer = self.config.event_buffer;
        let (watch, handle) = Watch::new(id.clone(), self.clock.clone(), buffer, journal.clone());
        let shared = Arc::new(Shared {
            run: id.clone(),
            gate: self.gate.clone(),
            clock: self.clock.clone(),
            config: self.config.clone(),
            places: self.places.clone(),
            counters: Arc::new(RunCounters::default()),
            journal,
        });
        let driver = Driver {
            machine,
            store: self.store.clone(),
            lease: place.lease,
            next: place.next,
            shared,
            catalog: place.catalog,
            graph: place.graph,
            recorded: place.recorded,
            inputs,
            watch,
            bindings: HashMap::new(),
            running: HashMap::new(),
            starting: Vec::new(),
            attempts: FuturesUnordered::new(),
            timers: FuturesUnordered::new(),
        };
        self.runs.insert(id.clone(), handle.clone());
        let runs = self.runs.clone();
        spawn(TaskKind::Driver, async move {
            driver.drive(effects).await;
            runs.remove(&id);
        });
        handle
    }
}

/// Where a run stands when it is driven.
struct Place {
    graph: Arc<Graph>,
    catalog: Arc<dyn Catalog>,
    lease: Lease,
    next: u64,
    recorded: RecordedCalls,
}

/// Folds a journal in; gives the effects of its last record.
fn fold(machine: &mut Run, journal: &[Record], run: &RunId) -> Result<Vec<Effect>, RunError> {
    let mut effects = Vec::new();
    for record in journal {
        let step = machine.apply(&record.event).map_err(|error| RunError::Mismatch {
            run: run.clone(),
            why: format!("record {}: {error}", record.seq),
        })?;
        effects = step.effects;
    }
    Ok(effects)
}

/// Sorts by time, and cannot be guessed.
fn new_id() -> RunId {
    uuid::Uuid::now_v7().to_string().parse().expect("a UUID is a run id")
}
