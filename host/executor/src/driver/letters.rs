//! What a run is told from outside, and what it tells others; and when it has nothing to do but to wait.

use cleargate_flow::run::Rest;
use cleargate_flow::{Address, ErrorCode, Event, NodeError, Value};
use cleargate_store::{Letter, Posted, Says, StoreError};
use futures::future::BoxFuture;

use super::{Driver, Stop};
use crate::calendar::moment;
use crate::executor::Shared;
use crate::handle::End;
use crate::ids;
use crate::limits::{LETTERS, STORE_PAUSE_MS};

/// Whether a run that waits leaves the process.
pub(super) enum Rests {
    Leaves(End),
    /// Something was taken on that is to be stored first.
    Again,
    No,
}

impl Driver {
    /// Says until when a node waits.
    pub(super) fn rest(&mut self, rest: Rest) {
        let Rest { address, event: name, task, moment: asked } = rest;
        let now = self.shared.clock.now();
        let until = asked.map(|asked| moment(&asked, now)).transpose();
        self.turn.push(match (until, task) {
            (Ok(until), None) => Event::WaitStarted { address, name, until },
            (Ok(until), Some(task)) => Event::TaskOpened { address, task, until },
            (Err(why), _) => {
                let error = NodeError::new(ErrorCode::InvalidInput, why);
                Event::WaitFailed { address, error }
            }
        });
    }

    /// Keeps the moment until which a node waits.
    pub(super) fn keep_moment(&mut self, event: &Event) {
        if let Event::WaitStarted { address, until: Some(until), .. }
        | Event::TaskOpened { address, until: Some(until), .. } = event
        {
            self.timers.rest(&*self.shared.clock, address.clone(), *until);
        }
    }

    /// Tells another run of an event, once the turn is stored.
    pub(super) fn tell(&self, address: Address, to: String, event: String, payload: Value) {
        let (shared, by) = (self.shared.clone(), self.live.id.to_string());
        let (id, at) = (ids::step_key(&self.live.id, &address), self.shared.clock.now());
        let says = Says::Signal { name: event, payload };
        let telling: BoxFuture<'static, Event> = Box::pin(async move {
            let told = match to.parse() {
                Ok(run) => post(&shared, &Letter { run, id, by, at, says }).await,
                Err(_) => Err(NodeError::new(
                    ErrorCode::InvalidInput,
                    format!("`{to}` is no id of a run"),
                )),
            };
            match told {
                Ok(_) => Event::Emitted { address },
                Err(error) => Event::WaitFailed { address, error },
            }
        });
        self.telling.push(telling);
    }

    /// Takes letters, as many as the run has room for, and makes each an event of its own: what one says may be wrong
    /// because of the one before.
    pub(super) async fn take_letters(&mut self) -> Result<(), Stop> {
        self.live.control.read_letters();
        self.look = None;
        self.fold_all()?;
        self.take_up_to(self.machine.hears()).await
    }

    async fn take_up_to(&mut self, room: usize) -> Result<(), Stop> {
        let room = room.min(LETTERS);
        if room == 0 || self.machine.outcome().is_some() {
            return Ok(());
        }
        let letters = match self.shared.store.inbox(&self.live.id, room).await {
            Ok(letters) => letters,
            Err(StoreError::Locked | StoreError::Full { .. }) => return Ok(()),
            Err(error) => return Err(Stop::broken(error)),
        };
        if letters.len() == LETTERS {
            self.live.control.letters();
        }
        for letter in letters {
            // What was over when it was written is not waited for any more.
            for over in self.timers.take_rests_before(&*self.shared.clock, letter.at) {
                self.turn.push(over);
                self.fold_all()?;
            }
            if self.machine.outcome().is_some() {
                break;
            }
            let event = self.judged(letter);
            self.turn.push(event);
            self.fold_all()?;
            if self.machine.outcome().is_some() || self.machine.room() == 0 {
                break;
            }
        }
        Ok(())
    }

    fn judged(&self, letter: Letter) -> Event {
        let Letter { id, by, at: given, says, .. } = letter;
        match says {
            Says::Signal { name, payload } => match self.machine.judge_signal(&name, &payload) {
                Ok(payload) => Event::SignalReceived { name, id, by, payload },
                Err(error) => Event::SignalRefused { name, id, by, error },
            },
            Says::Answer { address, answer } => {
                match self.machine.judge_answer(&address, &by, &answer) {
                    Ok(answer) => Event::TaskAnswered { address, id, by, given, answer },
                    Err(error) => Event::AnswerRefused { address, id, by, error },
                }
            }
        }
    }

    /// Looks into the inbox from time to time while the run would take something from it: another process may have
    /// put it there.
    pub(super) fn look_again(&mut self) {
        if self.look.is_none() && self.machine.hears() > 0 {
            self.look = self.shared.look_ms().map(|ms| self.shared.clock.sleep(ms));
        }
    }

    /// Gives the run back when it does nothing but wait, and will for a while.
    pub(super) async fn rests(&mut self) -> Result<Rests, Stop> {
        let Some(linger) = self.shared.linger_ms() else { return Ok(Rests::No) };
        let clock = self.shared.clock.clone();
        if !self.is_idle() || self.timers.next(&*clock).is_some_and(|next| next < linger) {
            return Ok(Rests::No);
        }
        // What a careless flow has not stored yet: nobody would know that it had waited.
        self.turn.must_be_stored();
        self.store_turn().await?;
        let alarm = self.timers.alarm(&*clock);
        match self.shared.store.park(&self.lease, alarm).await {
            Ok(true) => Ok(Rests::Leaves(End::Waiting)),
            // Letters came. While nobody waits for them they are kept for who will: with them unread the run could
            // not be given back.
            Ok(false) => {
                let before = self.turn.folded();
                self.take_up_to(self.machine.room()).await?;
                if self.turn.folded() > before {
                    return Ok(Rests::Again);
                }
                Ok(Rests::No)
            }
            Err(StoreError::Fenced { .. }) => Err(Stop(End::Lost)),
            Err(StoreError::Locked | StoreError::Full { .. }) => Ok(Rests::No),
            Err(error) => Err(Stop::broken(error)),
        }
    }

    /// How the run leaves that was asked to: one that did nothing but wait is found when its time comes, any other at once.
    pub(super) async fn leaves(&mut self) -> End {
        let Some(alarm) = self.rested else { return End::Parked };
        match self.shared.store.park(&self.lease, alarm).await {
            Ok(true) => End::Waiting,
            Err(StoreError::Fenced { .. }) => End::Lost,
            // Letters came, or the store takes nothing: whoever goes on with it will see.
            _ => End::Parked,
        }
    }

    pub(super) fn is_idle(&self) -> bool {
        let control = &self.live.control;
        let rests = |(at, flying): (&Address, &super::Flying)| {
            flying.waits && !flying.cancel.is_cancelled() && control.rests(at)
        };
        self.parking.is_none()
            && self.queue.is_empty()
            && self.place.is_none()
            && self.telling.is_empty()
            && !control.has_letters()
            && (self.cancel_seen || control.cancelled_by().is_none())
            && self.flying.iter().all(rests)
    }
}

/// Puts a letter into an inbox, and tells the run when this process drives it. Waits for a store that is full.
async fn post(shared: &Shared, letter: &Letter) -> Result<Posted, NodeError> {
    let (mut pause, greatest) = STORE_PAUSE_MS;
    loop {
        let error = match shared.post(letter).await {
            Ok(posted) => return Ok(posted),
            Err(StoreError::Locked | StoreError::Full { .. }) => {
                shared.clock.sleep(pause).await;
                pause = pause.saturating_mul(2).min(greatest);
                continue;
            }
            Err(error) => error,
        };
        let code = match error {
            StoreError::NoSuchRun { .. } | StoreError::Finished { .. } => ErrorCode::Permanent,
            StoreError::InboxFull { .. } | StoreError::TooLarge { .. } => ErrorCode::Limit,
            _ => ErrorCode::Transient,
        };
        return Err(NodeError::new(code, format!("the event was not taken: {error}")));
    }
}
