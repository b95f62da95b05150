//! What one turn stores, and what is done once it is stored.

use std::collections::VecDeque;
use std::sync::Arc;

use cleargate_flow::run::Derived;
use cleargate_flow::signature::Effect;
use cleargate_flow::{Address, Event, NodeError, Record, Usage};
use cleargate_store::{Durability, StoreError};
use tokio::sync::oneshot;

use super::{Driver, Launch, Stop};
use crate::attempt::Answer;
use crate::handle::{End, RunEvent};
use crate::limits::{MAX_GROUP, STORE_PAUSE_MS};

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
    pub(super) launches: Vec<Launch>,
    pub(super) cancels: Vec<Address>,
}

impl Turn {
    pub(super) fn push(&mut self, event: Event) {
        self.sync |= asks_sync(&event);
        self.events.push_back(event);
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
        | Event::CancelRequested { .. }
        | Event::RunResumed { .. }
        | Event::RunFinished { .. } => true,
        Event::AttemptSucceeded { .. }
        | Event::AttemptFailed { .. }
        | Event::RetryDue { .. }
        | Event::CallStarted { .. }
        | Event::CallFinished { .. }
        | Event::Logged { .. } => false,
    }
}

impl Driver {
    /// Folds events and all that follows from them.
    pub(super) fn fold(&mut self, events: Vec<Event>) -> Result<(), Stop> {
        for event in events {
            self.turn.push(event);
        }
        self.fold_all()
    }

    pub(super) fn fold_all(&mut self) -> Result<(), Stop> {
        while let Some(event) = self.turn.events.pop_front() {
            let step = self.machine.apply(&event).map_err(Stop::broken)?;
            self.follow(step.effects, &step.derived);
            self.turn.folded.push((event, step.derived));
        }
        Ok(())
    }

    /// Folds what attempts posted. Records of an attempt that has answered are too late and dropped.
    pub(super) fn fold_mail(&mut self) -> Result<(), Stop> {
        for posted in self.mailbox.take() {
            let flying = self.flying.get(&posted.from.address);
            if flying.is_none_or(|flying| flying.attempt != posted.from.attempt) {
                continue;
            }
            self.turn.sync |= posted.mail.durability == Durability::Sync;
            self.turn.waiters.extend(posted.mail.stored);
            let event = match posted.mail.event {
                Event::Logged { address, level, message } => {
                    let message = self.shared.gate.scrub(&message.into()).to_string();
                    Event::Logged { address, level, message }
                }
                other => other,
            };
            self.fold(vec![event])?;
        }
        Ok(())
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
        let durability = if std::mem::take(&mut self.turn.sync) {
            Durability::Sync
        } else {
            Durability::Batched
        };
        let listeners = self.live.events.listened();
        let mut folded = std::mem::take(&mut self.turn.folded).into_iter().peekable();
        while folded.peek().is_some() {
            let at = self.shared.clock.now();
            let (mut records, mut derived) = (Vec::new(), Vec::new());
            for (event, followed) in folded.by_ref().take(MAX_GROUP) {
                records.push(Record { seq: self.seq, at, event });
                derived.push(followed);
                self.seq += 1;
            }
            let shown = listeners.as_ref().map(|to| (to, records.clone()));
            self.append(records, durability).await?;
            if let Some((to, records)) = shown {
                for (record, derived) in records.into_iter().zip(derived) {
                    // Nobody listens any more: then nobody misses it.
                    let _ = to.send(Arc::new(RunEvent { record, derived }));
                }
            }
        }
        for waiter in self.turn.waiters.drain(..) {
            // The attempt was dropped meanwhile; what it wanted is stored.
            let _ = waiter.send(());
        }
        Ok(())
    }

    /// Appends, and waits for space: a full store pauses the run, it does not fail it.
    async fn append(&mut self, records: Vec<Record>, durability: Durability) -> Result<(), Stop> {
        let (mut pause, greatest) = STORE_PAUSE_MS;
        loop {
            let tried = self.shared.store.append(&self.lease, records.clone(), durability).await;
            match tried {
                Ok(()) => return Ok(()),
                Err(StoreError::Fenced { .. }) => return Err(Stop(End::Lost)),
                Err(error @ (StoreError::Full | StoreError::Locked)) => {
                    if self.live.control.park_grace().is_some() {
                        return Err(Stop(End::Parked));
                    }
                    tracing::warn!(run = %self.live.id, %error, "the run pauses");
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
