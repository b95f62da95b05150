//! Waits for what happens next, and gathers all that has happened, so that one append stores it.

use cleargate_flow::Event;
use futures::{FutureExt, StreamExt};
use std::sync::PoisonError;

use super::{Driver, Stop};
use crate::attempt::Answer;
use crate::handle::{End, RunProgress};

/// Answers that one turn takes: bounds the memory of a turn; the others are taken by the next.
const MAX_ANSWERS: usize = 128;

enum Woken {
    Answer(Answer),
    Due(Event),
    Place(tokio::sync::OwnedSemaphorePermit),
    Look,
    Called,
    GraceOver,
    Lost,
}

impl Driver {
    /// Waits until something has happened, and takes all that has.
    pub(super) async fn happened(&mut self) -> Result<(), Stop> {
        // Most often the node that was just begun has answered already.
        self.take_answers();
        let mut due = None;
        if self.turn.answers.is_empty() {
            self.show();
            match self.woken().await {
                Woken::Answer(answer) => self.turn.answers.push(answer),
                Woken::Due(event) => {
                    if let Event::WaitOver { .. } = event {
                        // Who answered in the last moment was in time.
                        self.live.control.letters();
                    }
                    due = Some(event);
                }
                Woken::Place(place) => self.placed(place),
                Woken::Look => self.live.control.letters(),
                Woken::Called => {}
                Woken::GraceOver => return Err(Stop(End::Parked)),
                Woken::Lost => return Err(Stop(End::Lost)),
            }
            self.take_answers();
        }
        // An attempt's records come before its answer.
        self.take_mail();
        if self.live.control.has_letters() {
            self.take_letters().await?;
        }
        if self.machine.outcome().is_some() {
            return Ok(());
        }
        if let Some(event) = due {
            self.turn.push(event);
        }
        let mut answers = std::mem::take(&mut self.turn.answers);
        for answer in answers.drain(..) {
            if let Some(event) = self.answered(answer) {
                self.turn.push(event);
            }
        }
        self.turn.answers = answers;
        if let Some(event) = self.asked() {
            self.turn.push(event);
        }
        Ok(())
    }

    fn take_answers(&mut self) {
        while self.turn.answers.len() < MAX_ANSWERS
            && let Some(Some(answer)) = self.answers.next().now_or_never()
        {
            self.turn.answers.push(answer);
        }
    }

    async fn woken(&mut self) -> Woken {
        let clock = self.shared.clock.clone();
        let control = &self.live.control;
        tokio::select! {
            biased;
            () = control.lost.cancelled() => Woken::Lost,
            () = control.wake.notified() => Woken::Called,
            () = self.mailbox.arrived.notified() => Woken::Called,
            Some(answer) = self.answers.next() => Woken::Answer(answer),
            place = maybe(&mut self.place) => Woken::Place(place),
            Some(event) = self.telling.next() => Woken::Due(event),
            event = self.timers.wait(&*clock) => Woken::Due(event),
            () = maybe(&mut self.look) => Woken::Look,
            () = maybe(&mut self.parking) => Woken::GraceOver,
        }
    }

    /// What people ask of the run.
    fn asked(&mut self) -> Option<Event> {
        let waiting = self.live.control.take_asked();
        if !waiting.is_empty() {
            let progress = self.progress();
            for answer in waiting {
                // Whoever asked has gone.
                let _ = answer.send(progress.clone());
            }
        }
        if self.parking.is_none()
            && let Some(grace) = self.live.control.park_grace()
        {
            self.rested = self.is_idle().then(|| self.timers.alarm(&*self.shared.clock));
            self.parking = Some(self.shared.clock.sleep(grace));
            self.queue.clear();
            self.place = None;
            self.timers.clear();
        }
        if self.cancel_seen {
            return None;
        }
        let by = self.live.control.cancelled_by()?;
        self.cancel_seen = true;
        Some(Event::CancelRequested { by })
    }

    fn progress(&self) -> RunProgress {
        RunProgress {
            records: self.seq,
            nodes: self.machine.progress().to_vec(),
            running: self.flying.iter().map(|(at, f)| (at.clone(), f.attempt)).collect(),
            queued: self.queue.len(),
            usage: self.usage,
        }
    }

    /// Leaves the last state behind for handles.
    pub(super) fn keep_progress(&self) {
        let mut progress = self.progress();
        progress.running.clear();
        *self.live.last.lock().unwrap_or_else(PoisonError::into_inner) = progress;
    }
}

async fn maybe<T>(future: &mut Option<futures::future::BoxFuture<'static, T>>) -> T {
    match future {
        Some(future) => future.await,
        None => std::future::pending().await,
    }
}
