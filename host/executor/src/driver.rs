//! The local driver of the run machine: apply, append, perform, repeat. It decides nothing.
//!
//! One task drives one run and is the only writer of its journal. A batch of events is folded into the
//! machine, appended as one group, and only then are its effects performed (no effect before its event).
//! When appending fails, the machine is ahead of the journal: the run is parked, and whoever resumes it
//! starts from what was stored.

use std::collections::HashMap;
use std::sync::Arc;

use cleargate_flow::error::ErrorCode;
use cleargate_flow::graph::Leaf;
use cleargate_flow::run::{Attempt, Effect, Run};
use cleargate_flow::{Address, Event, NodeError, Outcome};
use cleargate_store::{Durability, Lease, Store, StoreError};
use futures::StreamExt;
use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use crate::attempt::{Done, Performance, Shared, idempotency_key};
use crate::calls::RecordedCalls;
use crate::catalog::{Binding, Catalog};
use crate::handle::{Ended, Watch};
use crate::limits::{MAX_GROUP, RENEWALS_PER_TTL, STORE_PAUSE_MS};
use crate::tasks::{TaskKind, spawn_owned};

/// What reaches a driver from outside.
#[derive(Debug)]
pub(crate) enum Input {
    /// A host call of an attempt: stored, then acknowledged.
    Call { event: Event, sync: bool, stored: oneshot::Sender<()> },
    /// A log line.
    Note(Event),
    /// Somebody wants the run to end.
    Cancel { by: String },
    /// Stop driving; the run can be resumed.
    Park,
}

/// What the driver waits for.
enum Woken {
    Done(Done),
    Input(Input),
    Timer(Event),
    Renew,
}

/// Everything that drives one run.
pub(crate) struct Driver {
    pub(crate) machine: Run,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) lease: Lease,
    /// Position of the next record.
    pub(crate) next: u64,
    pub(crate) shared: Arc<Shared>,
    pub(crate) catalog: Arc<dyn Catalog>,
    pub(crate) graph: Arc<cleargate_flow::Graph>,
    pub(crate) recorded: RecordedCalls,
    pub(crate) inputs: mpsc::UnboundedReceiver<Input>,
    pub(crate) watch: Watch,
    pub(crate) bindings: HashMap<*const Leaf, Binding>,
    pub(crate) running: HashMap<Address, CancellationToken>,
    /// Attempts that start once the batch is stored.
    pub(crate) starting: Vec<Performance>,
    pub(crate) attempts: FuturesUnordered<BoxFuture<'static, Done>>,
    pub(crate) timers: FuturesUnordered<BoxFuture<'static, Event>>,
}

/// Events that belong together, and who waits for them.
#[derive(Default)]
struct Batch {
    events: Vec<Event>,
    sync: bool,
    waiting: Vec<oneshot::Sender<()>>,
}

impl Batch {
    fn push(&mut self, event: Event, sync: bool) {
        self.events.push(event);
        self.sync |= sync;
    }
}

impl Driver {
    /// Drives to the end, or until the run is parked. `first` are effects of events that are stored already.
    pub(crate) async fn drive(mut self, first: Vec<Effect>) {
        let ended = self.run(first).await;
        self.attempts.clear();
        if let Ended::Parked(_) = ended {
            // The run is free for the next driver; one that cannot be released runs out by itself.
            if let Err(error) = self.store.release(&self.lease).await {
                tracing::warn!(run = %self.shared.run, %error, "the lease was not released");
            }
        }
        self.watch.progress(&self.machine, true);
        self.watch.end(ended);
    }

    async fn run(&mut self, first: Vec<Effect>) -> Ended {
        let mut effects = first;
        loop {
            let mut batch = Batch::default();
            for effect in std::mem::take(&mut effects) {
                self.perform(effect, &mut batch);
            }
            if batch.events.is_empty() {
                self.launch();
                self.watch.progress(&self.machine, false);
                if let Err(ended) = self.gather(&mut batch).await {
                    return ended;
                }
            }
            match self.commit(batch).await {
                Ok(more) => effects = more,
                Err(ended) => return ended,
            }
            self.launch();
            if let Some(outcome) = self.machine.outcome() {
                return Ended::Finished(outcome.clone());
            }
        }
    }

    /// Waits for something to happen, and takes along what else has happened by then.
    async fn gather(&mut self, batch: &mut Batch) -> Result<(), Ended> {
        loop {
            let woken = self.wait().await;
            self.take(woken, batch).await?;
            while batch.events.len() < MAX_GROUP {
                let Some(woken) = self.ready() else { break };
                self.take(woken, batch).await?;
            }
            if !batch.events.is_empty() {
                return Ok(());
            }
        }
    }

    async fn wait(&mut self) -> Woken {
        let ttl = u64::try_from(self.shared.config.lease_ttl.as_millis()).unwrap_or(u64::MAX);
        let renew = self.shared.clock.sleep(ttl / RENEWALS_PER_TTL);
        tokio::select! {
            Some(done) = self.attempts.next(), if !self.attempts.is_empty() => Woken::Done(done),
            Some(event) = self.timers.next(), if !self.timers.is_empty() => Woken::Timer(event),
            Some(input) = self.inputs.recv() => Woken::Input(input),
            () = renew => Woken::Renew,
        }
    }

    /// What has happened already.
    fn ready(&mut self) -> Option<Woken> {
        use futures::FutureExt;
        if let Ok(input) = self.inputs.try_recv() {
            return Some(Woken::Input(input));
        }
        if let Some(Some(done)) = self.attempts.next().now_or_never() {
            return Some(Woken::Done(done));
        }
        None
    }

    async fn take(&mut self, woken: Woken, batch: &mut Batch) -> Result<(), Ended> {
        match woken {
            Woken::Done(done) => self.answer(done, batch),
            Woken::Timer(event) => batch.push(event, false),
            Woken::Input(Input::Note(event)) => batch.push(event, false),
            Woken::Input(Input::Cancel { by }) => batch.push(Event::CancelRequested { by }, true),
            Woken::Input(Input::Park) => {
                return Err(Ended::Parked("it was asked to stop; it can be resumed".into()));
            }
            Woken::Input(Input::Call { event, sync, stored }) => {
                batch.push(event, sync);
                batch.waiting.push(stored);
            }
            Woken::Renew => {
                let ttl = u64::try_from(self.shared.config.lease_ttl.as_millis()).unwrap_or(u64::MAX);
                match self.store.renew(&self.lease, self.shared.clock.now(), ttl).await {
                    Ok(lease) => self.lease = lease,
                    Err(error) => self.store_failed(&error)?,
                }
            }
        }
        Ok(())
    }

    /// The events of an attempt's end.
    fn answer(&mut self, done: Done, batch: &mut Batch) {
        let Done { address, attempt, result } = done;
        self.running.remove(&address);
        match result {
            Ok(output) => {
                let sync = !self.watch.repeatable(&address);
                let (output, usage) = (self.shared.gate.scrub(&output.value), output.usage);
                batch.push(Event::AttemptSucceeded { address, attempt, output, usage }, sync);
            }
            Err(failure) => {
                let (error, usage) = (failure.error, failure.usage);
                batch.push(Event::AttemptFailed { address, attempt, error, usage }, true);
            }
        }
    }

    /// Performs one effect. What has to be stored before goes into the batch; its attempt starts once the
    /// batch is stored.
    fn perform(&mut self, effect: Effect, batch: &mut Batch) {
        match effect {
            Effect::Perform(attempt) => self.start(attempt, batch),
            Effect::Wait { address, attempt, after_ms } => {
                let sleep = self.shared.clock.sleep(after_ms);
                self.timers.push(Box::pin(async move {
                    sleep.await;
                    Event::RetryDue { address, attempt }
                }));
            }
            Effect::Deadline { address, after_ms } => {
                let sleep = self.shared.clock.sleep(after_ms);
                self.timers.push(Box::pin(async move {
                    sleep.await;
                    Event::DeadlinePassed { address }
                }));
            }
            Effect::Cancel { address } => {
                if let Some(token) = self.running.get(&address) {
                    token.cancel();
                }
            }
            Effect::Finish(outcome) => batch.push(Event::RunFinished { outcome }, true),
        }
    }

    fn start(&mut self, attempt: Attempt, batch: &mut Batch) {
        let Attempt { address, attempt, leaf, input } = attempt;
        let binding = match self.binding(&leaf) {
            Ok(binding) => binding,
            Err(error) => {
                let usage = cleargate_flow::Usage::default();
                batch.push(Event::AttemptFailed { address, attempt, error, usage }, true);
                return;
            }
        };
        if leaf.policy.effect.needs_intent() {
            let key = idempotency_key(&self.shared.run, &address);
            let event = Event::AttemptStarted { address: address.clone(), attempt, key };
            batch.push(event, true);
        }
        let cancel = CancellationToken::new();
        self.running.insert(address.clone(), cancel.clone());
        self.watch.started(&address, leaf.policy.effect);
        let what = Performance {
            recorded: self.recorded.take(&address, attempt),
            address: address.clone(),
            attempt,
            binding,
            config: leaf.config.clone(),
            input,
            timeout: leaf.policy.timeout,
            cancel,
        };
        self.starting.push(what);
    }

    /// Starts what was waiting for the batch. One attempt alone runs in the run's own task: a chain never
    /// pays for waking another thread.
    fn launch(&mut self) {
        let alone = self.attempts.is_empty() && self.starting.len() == 1;
        for what in std::mem::take(&mut self.starting) {
            let (address, attempt) = (what.address.clone(), what.attempt);
            let performing = self.shared.perform(what);
            self.attempts.push(if alone { performing } else { beside(performing, address, attempt) });
        }
    }

    fn binding(&mut self, leaf: &Arc<Leaf>) -> Result<Binding, NodeError> {
        let key = Arc::as_ptr(leaf);
        if let Some(binding) = self.bindings.get(&key) {
            return Ok(binding.clone());
        }
        let binding = self.catalog.node(leaf, &self.graph)?;
        self.bindings.insert(key, binding.clone());
        Ok(binding)
    }

    /// Folds a batch in, appends it, and gives what follows from it.
    async fn commit(&mut self, batch: Batch) -> Result<Vec<Effect>, Ended> {
        let mut effects = Vec::new();
        let mut records = Vec::with_capacity(batch.events.len());
        let at = self.shared.clock.now();
        for event in batch.events {
            match self.machine.apply(&event) {
                Ok(step) => effects.extend(step.effects),
                Err(error) => {
                    // The answer of an attempt that nobody waits for any more.
                    tracing::debug!(run = %self.shared.run, %error, "an event came too late");
                    continue;
                }
            }
            records.push(cleargate_flow::Record { seq: self.next, at, event });
            self.next += 1;
        }
        let durability = if batch.sync { Durability::Sync } else { Durability::Batched };
        if !records.is_empty() {
            self.append(records, durability).await?;
        }
        for waiting in batch.waiting {
            // An attempt that was dropped does not wait any more.
            let _gone = waiting.send(());
        }
        Ok(effects)
    }

    /// Appends, again and again while the store is full or locked: nothing is lost meanwhile.
    async fn append(
        &mut self,
        records: Vec<cleargate_flow::Record>,
        durability: Durability,
    ) -> Result<(), Ended> {
        let (mut pause, most) = STORE_PAUSE_MS;
        loop {
            match self.store.append(&self.lease, records.clone(), durability).await {
                Ok(()) => break,
                Err(error) => self.store_failed(&error)?,
            }
            self.shared.clock.sleep(pause).await;
            pause = (pause * 2).min(most);
        }
        self.watch.stored(records);
        Ok(())
    }

    /// Whether the same call may be made again; otherwise the run is parked.
    fn store_failed(&self, error: &StoreError) -> Result<(), Ended> {
        match error {
            StoreError::Full | StoreError::Locked => {
                tracing::warn!(run = %self.shared.run, %error, "waiting for the store");
                Ok(())
            }
            error => Err(Ended::Parked(error.to_string())),
        }
    }
}

/// An attempt in a task of its own. A task that ends without an answer was a defect of ours.
fn beside(
    performing: BoxFuture<'static, Done>,
    address: Address,
    attempt: u32,
) -> BoxFuture<'static, Done> {
    let task = spawn_owned(TaskKind::Attempt, performing);
    Box::pin(async move {
        task.await.unwrap_or_else(|error| {
            let error = NodeError::new(ErrorCode::Bug, format!("the attempt's task ended: {error}"));
            Done { address, attempt, result: Err(error.into()) }
        })
    })
}

/// The outcome of a run that was finished before anybody drove it.
pub(crate) fn finished(outcome: &Outcome) -> Ended {
    Ended::Finished(outcome.clone())
}
