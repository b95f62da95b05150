//! Drives one run: apply → journal → perform → repeat.
//!
//! One turn folds all that has happened into the machine, stores it with one append, and only then
//! performs what follows: no effect before its event is stored. The driver decides nothing about the flow.
//! A chain runs inside the run's own task; beside other attempts an attempt gets a task of its own.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use cleargate_flow::graph::Leaf;
use cleargate_flow::run::{Attempt, Derived, Effect, Run, Step};
use cleargate_flow::{Address, Event, NodeError, Record, Usage};
use cleargate_gate::{Identity, RunCounters};
use cleargate_store::Lease;
use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use tokio::sync::{Notify, OwnedSemaphorePermit};
use tokio_util::sync::CancellationToken;

use crate::attempt::{Answer, Call, cancelled};
use crate::calls::{self, AttemptCalls, Recorded, RecordedCall};
use crate::catalog::{Binding, Catalog};
use crate::context::{NodeContext, Passes};
use crate::executor::Shared;
use crate::handle::{End, LiveRun, RunEvent};
use crate::ids;
use crate::log::Log;
use crate::mailbox::{Mailbox, Sender};
use crate::timers::Timers;
use letters::Rests;
use turn::Turn;

mod letters;
mod turn;
mod wait;

/// Why the driver stops before the run is over.
pub(crate) struct Stop(pub(crate) End);

impl Stop {
    pub(crate) fn broken(reason: impl ToString) -> Self {
        Self(End::Broken(reason.to_string()))
    }
}

/// What the catalog says of a leaf.
type Resolved = Result<Arc<Binding>, NodeError>;

/// An attempt that has a place and is to be performed once the turn is stored.
struct Launch {
    attempt: Attempt,
    binding: Arc<Binding>,
    place: Option<OwnedSemaphorePermit>,
    cancel: CancellationToken,
}

/// An attempt that was begun and has not answered.
struct Flying {
    attempt: u32,
    leaf: Arc<Leaf>,
    cancel: CancellationToken,
    /// It only waits for runs inside it, which park by themselves.
    waits: bool,
}

pub(crate) struct Driver {
    shared: Arc<Shared>,
    live: Arc<LiveRun>,
    catalog: Arc<dyn Catalog>,
    machine: Run,
    lease: Lease,
    /// Position of the next record.
    seq: u64,
    turn: Turn,
    mailbox: Arc<Mailbox>,
    flying: HashMap<Address, Flying>,
    answers: FuturesUnordered<BoxFuture<'static, Answer>>,
    /// Attempts that wait for a place. The run asks for one place at a time, so that a wide run and a narrow
    /// one are served in turns.
    queue: VecDeque<Attempt>,
    place: Option<BoxFuture<'static, OwnedSemaphorePermit>>,
    timers: Timers,
    /// By the leaf's place in memory, which the entry keeps alive.
    bindings: HashMap<usize, (Arc<Leaf>, Resolved)>,
    recorded: HashMap<Address, Recorded>,
    counters: Arc<RunCounters>,
    usage: Usage,
    trace_parent: Option<String>,
    /// Events that are stored and not shown yet.
    unshown: Vec<Arc<RunEvent>>,
    cancel_seen: bool,
    parking: Option<BoxFuture<'static, ()>>,
    /// The run did nothing but wait when it was asked to leave, and nothing has happened since: when it is due for a reason
    /// that is in no record.
    rested: Option<Option<i64>>,
    /// Events that other runs are told of.
    telling: FuturesUnordered<BoxFuture<'static, Event>>,
    /// When the inbox is looked into again.
    look: Option<BoxFuture<'static, ()>>,
}

impl Driver {
    pub(crate) fn new(
        shared: Arc<Shared>,
        live: Arc<LiveRun>,
        catalog: Arc<dyn Catalog>,
        lease: Lease,
        trace_parent: Option<String>,
    ) -> Self {
        Self {
            machine: Run::new(live.graph.clone(), &live.id),
            shared,
            live,
            catalog,
            lease,
            trace_parent,
            seq: 0,
            turn: Turn::default(),
            mailbox: Arc::default(),
            flying: HashMap::new(),
            answers: FuturesUnordered::new(),
            queue: VecDeque::new(),
            place: None,
            timers: Timers::default(),
            bindings: HashMap::new(),
            recorded: HashMap::new(),
            counters: Arc::default(),
            usage: Usage::default(),
            unshown: Vec::new(),
            cancel_seen: false,
            parking: None,
            rested: None,
            telling: FuturesUnordered::new(),
            look: None,
        }
    }

    /// Whether the journal makes the run one of this version of the flow.
    pub(crate) fn belongs(&self) -> bool {
        self.machine.belongs()
    }

    /// Position of the next record.
    pub(crate) fn next(&self) -> u64 {
        self.seq
    }

    /// Folds a part of a stored journal. What it would have performed was performed, or is given out again when the
    /// run is resumed.
    pub(crate) fn load(&mut self, records: Vec<Record>) -> Result<(), Stop> {
        for Record { seq, at, event } in records {
            self.seq = seq + 1;
            let step = self.machine.apply(&event).map_err(Stop::broken)?;
            if let Event::RetryDue { address, .. } = &event {
                self.timers.paused(address);
            }
            self.waits(at, &event, &step);
            self.keep_moment(&event);
            self.remember(event);
        }
        Ok(())
    }

    /// Keeps what a stored record waits for: as long as is left of it.
    fn waits(&mut self, at: i64, event: &Event, step: &Step) {
        let clock = self.shared.clock.clone();
        let gone = u64::try_from(clock.now().saturating_sub(at)).unwrap_or_default();
        if let Some(address) = event.address() {
            self.timers.heard(&*clock, address, gone);
        }
        for effect in &step.effects {
            match effect {
                Effect::Wait { address, attempt, after_ms } => {
                    let left = after_ms.saturating_sub(gone);
                    self.timers.retry(&*clock, address.clone(), *attempt, left);
                }
                Effect::Deadline { address, after_ms, cleanup } => {
                    let left = after_ms.saturating_sub(gone);
                    self.timers.deadline(&*clock, address.clone(), left, *cleanup);
                }
                Effect::Idle { address, after_ms } => {
                    self.timers.idle(&*clock, address.clone(), *after_ms, gone);
                }
                Effect::Perform(attempt) => self.timers.heard(&*clock, &attempt.address, gone),
                _ => {}
            }
        }
        self.settled(&step.derived);
    }

    fn settled(&mut self, derived: &[Derived]) {
        for derived in derived {
            if let Derived::Settled { address, .. } = derived {
                self.timers.forget(address);
            }
        }
    }

    /// Takes over the effects of the first event, which is stored already.
    pub(crate) fn begin(&mut self, first: &Event) -> Result<(), Stop> {
        self.seq = 1;
        let step = self.machine.apply(first).map_err(Stop::broken)?;
        self.follow(step.effects, &step.derived);
        self.fold_all()
    }

    /// Keeps the calls of attempts that were cut off.
    fn remember(&mut self, event: Event) {
        match event {
            Event::CallStarted { address, within, call, request, digest, .. } => {
                let recorded = RecordedCall { request, digest, outcome: None };
                let place = calls::place(&within, call);
                self.recorded.entry(address).or_default().insert(place, recorded);
            }
            Event::CallFinished { address, within, call, request, digest, outcome, .. } => {
                let calls = self.recorded.entry(address).or_default();
                let place = calls::place(&within, call);
                let intent = calls.remove(&place).map(|intent| intent.request);
                let request = request.or(intent).unwrap_or_default();
                calls.insert(place, RecordedCall { request, digest, outcome: Some(outcome) });
            }
            Event::AttemptSucceeded { address, attempt, .. }
            | Event::AttemptFailed { address, attempt, .. } => {
                self.recorded.remove(&address);
                self.live.forget(&address, attempt);
            }
            Event::SubFlowForked { address, attempt, kept, .. } => {
                self.live.keep(address, attempt, kept);
            }
            _ => {}
        }
    }

    /// Drives until the run has ended or leaves this process.
    pub(crate) async fn drive(mut self, first: Option<Event>) -> End {
        let end = match self.turns(first).await {
            Ok(end) | Err(Stop(end)) => end,
        };
        self.show();
        self.keep_progress();
        if !matches!(end, End::Finished(_) | End::Lost | End::Waiting) {
            // Whoever resumes the run need not wait for the lease to run out. When this fails, they wait.
            if let Err(error) = self.shared.store.release(&self.lease).await {
                tracing::warn!(run = %self.live.id, %error, "the lease was not released");
            }
        }
        end
    }

    async fn turns(&mut self, first: Option<Event>) -> Result<End, Stop> {
        if let Some(first) = first {
            self.turn.push(first);
            self.fold_all()?;
        }
        // What came and what became due while nobody drove the run comes before anything is performed again.
        self.take_letters().await?;
        if self.machine.outcome().is_none() {
            for due in self.timers.take_due(&*self.shared.clock) {
                self.turn.push(due);
            }
            self.fold_all()?;
        }
        loop {
            self.store_turn().await?;
            if let Some(outcome) = self.machine.outcome() {
                return Ok(End::Finished(outcome.clone()));
            }
            self.perform();
            if self.parking.is_some() && self.flying.values().all(|flying| flying.waits) {
                return Ok(self.leaves().await);
            }
            match self.rests().await? {
                Rests::Leaves(end) => return Ok(end),
                Rests::Again => continue,
                Rests::No => {}
            }
            self.look_again();
            // A run whose nodes are all ready at once must not keep a thread from the others.
            tokio::task::consume_budget().await;
            self.happened().await?;
            self.fold_all()?;
        }
    }

    /// Notes what has to be done; it is done after the turn is stored.
    fn follow(&mut self, effects: Vec<Effect>, derived: &[Derived]) {
        let clock = self.shared.clock.clone();
        for effect in effects {
            if let Effect::Perform(attempt) = &effect {
                self.timers.heard(&*clock, &attempt.address, 0);
            }
            match effect {
                Effect::Perform(_)
                | Effect::Wait { .. }
                | Effect::Deadline { .. }
                | Effect::Idle { .. }
                | Effect::Emit { .. }
                    if self.parking.is_some() => {}
                Effect::Perform(attempt) => self.admit(attempt),
                Effect::Wait { address, attempt, after_ms } => {
                    self.timers.retry(&*clock, address, attempt, after_ms);
                }
                Effect::Deadline { address, after_ms, cleanup } => {
                    self.timers.deadline(&*clock, address, after_ms, cleanup);
                }
                Effect::Idle { address, after_ms } => {
                    self.timers.idle(&*clock, address, after_ms, 0);
                }
                Effect::Rest(rest) => self.rest(rest),
                Effect::Ended { address } => self.turn.push(Event::WaitEnded { address }),
                Effect::Emit { address, to, event, payload } => {
                    self.turn.told.push((address, to, event, payload));
                }
                Effect::Draw { address, below } => {
                    let value = self.shared.draw(below);
                    self.turn.push(Event::Drawn { address, value });
                }
                Effect::Cancel { address } => self.stop(address),
                Effect::Finish(outcome) => self.turn.push(Event::RunFinished { outcome }),
            }
        }
        self.settled(derived);
    }

    /// Gives the attempt a place, or lets it wait for one.
    fn admit(&mut self, attempt: Attempt) {
        match self.binding(&attempt.leaf) {
            Err(error) => self.turn.fail(attempt.address, attempt.attempt, error),
            Ok(binding) if binding.node.waits_for_runs() => self.ready(attempt, binding, None),
            Ok(binding) => match self.shared.places.clone().try_acquire_owned() {
                Ok(place) if self.queue.is_empty() => self.ready(attempt, binding, Some(place)),
                _ => self.queue.push_back(attempt),
            },
        }
    }

    /// The attempt that waited longest has a place.
    fn placed(&mut self, place: OwnedSemaphorePermit) {
        self.place = None;
        if let Some(attempt) = self.queue.pop_front() {
            match self.binding(&attempt.leaf) {
                Err(error) => self.turn.fail(attempt.address, attempt.attempt, error),
                Ok(binding) => self.ready(attempt, binding, Some(place)),
            }
        }
    }

    fn ready(
        &mut self,
        attempt: Attempt,
        binding: Arc<Binding>,
        place: Option<OwnedSemaphorePermit>,
    ) {
        let Attempt { address, attempt: number, leaf, .. } = &attempt;
        if leaf.policy.effect.needs_intent() {
            let key = ids::step_key(&self.live.id, address);
            let (address, attempt) = (address.clone(), *number);
            self.turn.push(Event::AttemptStarted { address, attempt, key });
        }
        let cancel = CancellationToken::new();
        let waits = binding.node.waits_for_runs();
        let (leaf, told) = (leaf.clone(), cancel.clone());
        let flying = Flying { attempt: *number, leaf, cancel: told, waits };
        self.flying.insert(address.clone(), flying);
        self.turn.launches.push(Launch { attempt, binding, place, cancel });
    }

    fn stop(&mut self, address: Address) {
        match self.queue.iter().position(|waiting| waiting.address == address) {
            Some(at) => {
                let waiting = self.queue.remove(at).expect("its position was just found");
                self.turn.fail(address, waiting.attempt, cancelled());
            }
            None => self.turn.cancels.push(address),
        }
    }

    fn binding(&mut self, leaf: &Arc<Leaf>) -> Resolved {
        let place = Arc::as_ptr(leaf) as usize;
        if let Some((_, known)) = self.bindings.get(&place) {
            return known.clone();
        }
        let resolved = self.catalog.node(leaf, &self.live.graph);
        let resolved = resolved.map(Arc::new).map_err(NodeError::from);
        self.bindings.insert(place, (leaf.clone(), resolved.clone()));
        resolved
    }

    /// Does what the stored turn asks for.
    fn perform(&mut self) {
        for address in std::mem::take(&mut self.turn.cancels) {
            if let Some(flying) = self.flying.get(&address) {
                flying.cancel.cancel();
            }
        }
        for (address, to, event, payload) in std::mem::take(&mut self.turn.told) {
            self.tell(address, to, event, payload);
        }
        let mut launches = std::mem::take(&mut self.turn.launches);
        let alone = launches.len() == 1 && self.answers.is_empty();
        for launch in launches.drain(..) {
            let call = self.call(launch);
            self.answers.push(self.shared.begin(call, alone));
        }
        self.turn.launches = launches;
        if self.place.is_none() && !self.queue.is_empty() && self.parking.is_none() {
            self.place = Some(self.shared.place());
        }
    }

    fn call(&mut self, launch: Launch) -> Call {
        let Launch { attempt, binding, place, cancel } = launch;
        let Attempt { address, attempt, leaf, input, asset_key } = attempt;
        let clock = &*self.shared.clock;
        let deadline = self.timers.deadline_around(clock, &address);
        let cut = leaf.policy.timeout.into_iter().chain(deadline).min();
        let idle = leaf.policy.idle.map(|ms| (ms, Arc::new(Notify::new())));
        let sender = Sender::new(&self.mailbox, address.clone(), attempt)
            .heard_by(idle.as_ref().map(|(_, heard)| heard.clone()));
        let log = Log::to(sender.clone(), binding.scope.limits.log.value);
        let recorded = match self.recorded.is_empty() {
            true => Recorded::default(),
            false => self.recorded.remove(&address).unwrap_or_default(),
        };
        let calls = AttemptCalls::new(sender, recorded);
        let passes = Passes::new(self.shared.gate.clone(), calls, self.counters.clone(), cut);
        let tenant = self.shared.config.tenant.clone();
        let plugin = binding.scope.name.clone();
        let run = self.live.id.clone();
        let identity = Identity {
            run: run.clone(),
            address: address.clone(),
            attempt,
            plugin: plugin.clone(),
            tenant: tenant.clone(),
        };
        let ctx = NodeContext {
            key: ids::step_key(&run, &address),
            run,
            address,
            attempt,
            binding: plugin,
            tenant,
            deadline: cut.map(|ms| clock.now().saturating_add_unsigned(ms)),
            limits: binding.scope.limits,
            cancel,
            pass: passes.pass(identity, &binding.scope),
            log,
            config: leaf.config.clone(),
            trace_parent: self.trace_parent.clone(),
            passes,
            depth: 0,
            asset_key,
        };
        let ctx = ctx.among(&binding.scope);
        let grace = self.shared.cancel_grace_ms();
        let (node, timeout) = (binding.node.clone(), leaf.policy.timeout);
        Call { node, ctx, input, timeout, idle, grace, place }
    }
}
