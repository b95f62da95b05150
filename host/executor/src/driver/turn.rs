//! What one turn stores, and what is done once it is stored.

use std::collections::VecDeque;
use std::sync::Arc;

use cleargate_flow::graph::Durability as Asked;
use cleargate_flow::run::Derived;
use cleargate_flow::signature::Effect;
use cleargate_flow::{Address, Event, NodeError, Record, Usage, Value};
use cleargate_store::{Durability, StoreError};
use tokio::sync::oneshot;

use super::{Driver, Launch, Stop};
use crate::attempt::Answer;
use crate::handle::{End, RunEvent};
use crate::limits::{MAX_GROUP, STORE_PAUSE_MS};
use crate::mailbox::Room;

/// Events that are shown together at most: far below what a listener may be behind.
const SHOWN_TOGETHER: usize = 32;

/// Records that a run keeps in memory which stores nothing first: what a crash makes it do again, at most.
const MOST_UNSTORED: usize = 1_000;

#[derive(Default)]
pub(super) struct Turn {
    /// To be folded.
    events: VecDeque<Event>,
    /// Folded, to be stored.
    folded: Vec<(Event, Vec<Derived>)>,
    /// Whether something of it has to be as durable as can be.
    sync: bool,
    /// Who waits until it is stored.
    waiters: Vec<oneshot::Sender<()>>,
    /// What it takes of the room for records that are not stored.
    room: Vec<Room>,
    pub(super) launches: Vec<Launch>,
    pub(super) cancels: Vec<Address>,
    /// Events that other runs are to be told of.
    pub(super) told: Vec<(Address, String, String, Value)>,
    /// Answers that were taken and are to become events.
    pub(super) answers: Vec<Answer>,
}

impl Turn {
    pub(super) fn push(&mut self, event: Event) {
        self.sync |= asks_sync(&event);
        self.events.push_back(event);
    }

    /// What was folded must not stay in memory any longer.
    pub(super) fn must_be_stored(&mut self) {
        self.sync |= !self.folded.is_empty();
    }

    /// How much was folded and is not stored.
    pub(super) fn folded(&self) -> usize {
        self.folded.len()
    }

    /// The answer of an attempt that is not performed at all.
    pub(super) fn fail(&mut self, address: Address, attempt: u32, error: NodeError) {
        self.push(Event::AttemptFailed { address, attempt, error, usage: Usage::default() });
    }
}

/// Events that something outside depends on. Answers and calls depend on their effect class: whoever pushes
/// them says so.
fn asks_sync(event: &Event) -> bool {
    match event {
        Event::RunStarted { .. }
        | Event::AttemptStarted { .. }
        | Event::DeadlinePassed { .. }
        | Event::IdlePassed { .. }
        | Event::CancelRequested { .. }
        | Event::RunResumed { .. }
        | Event::Forked { .. }
        | Event::SubFlowForked { .. }
        | Event::Migrated { .. }
        | Event::RunFinished { .. } => true,
        Event::WaitStarted { .. }
        | Event::TaskOpened { .. }
        | Event::WaitOver { .. }
        | Event::WaitFailed { .. }
        | Event::SignalReceived { .. }
        | Event::SignalRefused { .. }
        | Event::TaskAnswered { .. }
        | Event::AnswerRefused { .. }
        | Event::Emitted { .. } => true,
        // Chance may decide once more when the power failed before anything came of it.
        Event::Drawn { .. }
        | Event::WaitEnded { .. }
        | Event::AttemptSucceeded { .. }
        | Event::AttemptFailed { .. }
        | Event::RetryDue { .. }
        | Event::CallStarted { .. }
        | Event::CallFinished { .. }
        | Event::AssetChecked { .. }
        | Event::Logged { .. } => false,
    }
}

impl Driver {
    /// Folds what was pushed and all that follows from it.
    pub(super) fn fold_all(&mut self) -> Result<(), Stop> {
        while let Some(event) = self.turn.events.pop_front() {
            self.rested = None;
            let step = self.machine.apply(&event).map_err(Stop::broken)?;
            self.follow(step.effects, &step.derived);
            self.keep_moment(&event);
            self.turn.folded.push((event, step.derived));
        }
        Ok(())
    }

    /// Takes what attempts posted. Records of an attempt that has answered are too late and dropped.
    pub(super) fn take_mail(&mut self) {
        for posted in self.mailbox.take() {
            let flying = self.flying.get(&posted.from.address);
            if flying.is_none_or(|flying| flying.attempt != posted.from.attempt) {
                continue;
            }
            self.turn.sync |= posted.mail.durability == Durability::Sync;
            self.turn.waiters.extend(posted.mail.stored);
            self.turn.room.extend(posted.mail.room);
            let event = match posted.mail.event {
                Event::Logged { address, level, message } => {
                    let message = self.shared.gate.scrub(&message.into()).to_string();
                    Event::Logged { address, level, message }
                }
                other => other,
            };
            self.turn.push(event);
        }
    }

    /// Makes an answer an event.
    pub(super) fn answered(&mut self, answer: Answer) -> Option<Event> {
        let Answer { address, attempt, result } = answer;
        let flying = self.flying.remove(&address)?;
        self.turn.sync |= asks_sync_answer(flying.leaf.policy.effect);
        let (event, usage) = match result {
            Ok(output) => {
                let (output, usage) = (output.value, output.usage);
                (Event::AttemptSucceeded { address, attempt, output, usage }, usage)
            }
            Err(failure) => {
                let (error, usage) = (failure.error, failure.usage);
                (Event::AttemptFailed { address, attempt, error, usage }, usage)
            }
        };
        self.usage.micros += usage.micros;
        self.usage.fuel += usage.fuel;
        self.usage.host_calls += usage.host_calls;
        self.usage.peak_memory = self.usage.peak_memory.max(usage.peak_memory);
        Some(event)
    }

    /// Stores what was folded, then tells those who wait for it.
    pub(super) async fn store_turn(&mut self) -> Result<(), Stop> {
        let asked = self.live.graph.durability;
        if asked == Asked::None && self.may_wait() {
            return Ok(());
        }
        let sync = std::mem::take(&mut self.turn.sync);
        let durability = match sync && asked == Asked::Sync {
            true => Durability::Sync,
            false => Durability::Batched,
        };
        let listeners = self.live.events.listened();
        let mut folded = std::mem::take(&mut self.turn.folded);
        while !folded.is_empty() {
            let at = self.shared.clock.now();
            let group = folded.len().min(MAX_GROUP);
            let (mut records, mut shown) = (Vec::with_capacity(group), Vec::new());
            for (event, derived) in folded.drain(..group) {
                let record = Record { seq: self.seq, at, event };
                if listeners.is_some() {
                    shown.push(Arc::new(RunEvent { record: record.clone(), derived }));
                }
                records.push(record);
                self.seq += 1;
            }
            self.append(records, durability).await?;
            self.unshown.append(&mut shown);
        }
        self.turn.folded = folded;
        if self.unshown.len() >= SHOWN_TOGETHER {
            self.show();
        }
        self.turn.room.clear();
        for waiter in self.turn.waiters.drain(..) {
            // The attempt was dropped meanwhile; what it wanted is stored.
            let _ = waiter.send(());
        }
        Ok(())
    }

    /// Whether what was folded may stay in memory for now: nobody waits for it, and it can be done again.
    fn may_wait(&self) -> bool {
        !self.turn.sync
            && self.turn.waiters.is_empty()
            && self.parking.is_none()
            && self.turn.folded.len() < MOST_UNSTORED
    }

    /// Shows what is stored to whoever listens. Waking a listener costs as much as a trivial node, so the
    /// events of nodes that answer at once are shown together.
    pub(super) fn show(&mut self) {
        let listeners = self.live.events.listened();
        for (event, to) in self.unshown.drain(..).zip(listeners.iter().cycle()) {
            // Nobody listens any more: then nobody misses it.
            let _ = to.send(event);
        }
    }

    /// Appends, and waits for space: a full store pauses the run, it does not fail it.
    async fn append(&mut self, records: Vec<Record>, durability: Durability) -> Result<(), Stop> {
        let (mut pause, greatest) = STORE_PAUSE_MS;
        let mut held_up = false;
        loop {
            let tried = self.shared.store.append(&self.lease, records.clone(), durability).await;
            match tried {
                Ok(()) => {
                    if held_up {
                        self.shared.held_up(None);
                    }
                    return Ok(());
                }
                Err(StoreError::Fenced { .. }) => return Err(Stop(End::Lost)),
                Err(error @ (StoreError::Full { .. } | StoreError::Locked)) => {
                    if self.live.control.park_grace().is_some() {
                        return Err(Stop(End::Parked));
                    }
                    tracing::warn!(run = %self.live.id, %error, "the run pauses");
                    held_up = true;
                    self.shared.held_up(Some(error.to_string()));
                    self.shared.clock.sleep(pause).await;
                    pause = pause.saturating_mul(2).min(greatest);
                }
                Err(error) => return Err(Stop::broken(error)),
            }
        }
    }
}

/// A result that could be computed again may be lost with the power; any other may not.
fn asks_sync_answer(effect: Effect) -> bool {
    effect.needs_intent()
}
