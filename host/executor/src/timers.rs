//! What a run waits for: pauses before retries and deadlines of nodes. Nothing here is stored: a resumed
//! run is told by its machine what to wait for.

use std::collections::{BTreeMap, HashMap};

use cleargate_flow::{Address, Event};
use futures::future::BoxFuture;

use crate::clock::Clock;

/// Moment in microseconds of the clock, and a number that keeps equal moments apart.
type Key = (u64, u64);

#[derive(Debug)]
enum Timed {
    Retry { attempt: u32 },
    Deadline,
}

/// The moments of one run.
#[derive(Default)]
pub(crate) struct Timers {
    due: BTreeMap<Key, (Address, Timed)>,
    of: HashMap<Address, Vec<Key>>,
    next: u64,
    sleep: Option<(Key, BoxFuture<'static, ()>)>,
}

impl Timers {
    pub(crate) fn retry(&mut self, clock: &dyn Clock, to: Address, attempt: u32, after_ms: u64) {
        self.add(clock, to, after_ms, Timed::Retry { attempt });
    }

    pub(crate) fn deadline(&mut self, clock: &dyn Clock, to: Address, after_ms: u64) {
        self.add(clock, to, after_ms, Timed::Deadline);
    }

    fn add(&mut self, clock: &dyn Clock, to: Address, after_ms: u64, timed: Timed) {
        let at = clock.micros().saturating_add(after_ms.saturating_mul(1000));
        let key = (at, self.next);
        self.next += 1;
        self.of.entry(to.clone()).or_default().push(key);
        self.due.insert(key, (to, timed));
    }

    /// Forgets what a settled node waited for.
    pub(crate) fn forget(&mut self, address: &Address) {
        if self.of.is_empty() {
            return;
        }
        for key in self.of.remove(address).into_iter().flatten() {
            self.due.remove(&key);
        }
    }

    pub(crate) fn clear(&mut self) {
        *self = Self { next: self.next, ..Self::default() };
    }

    /// Milliseconds until the node's deadline.
    pub(crate) fn deadline_of(&self, clock: &dyn Clock, address: &Address) -> Option<u64> {
        let keys = self.of.get(address)?;
        let deadline = |key: &&Key| matches!(self.due.get(key), Some((_, Timed::Deadline)));
        let (at, _) = keys.iter().find(deadline)?;
        Some(at.saturating_sub(clock.micros()) / 1000)
    }

    /// Waits for the next moment; for ever when there is none. May be dropped and called again.
    pub(crate) async fn wait(&mut self, clock: &dyn Clock) -> Event {
        let Some((&key, _)) = self.due.first_key_value() else {
            return std::future::pending().await;
        };
        if self.sleep.as_ref().is_none_or(|(sleeping, _)| *sleeping != key) {
            let ms = key.0.saturating_sub(clock.micros()).div_ceil(1000);
            self.sleep = Some((key, clock.sleep(ms)));
        }
        let (_, sleep) = self.sleep.as_mut().expect("was set above");
        sleep.await;
        self.sleep = None;
        let (address, timed) = self.due.remove(&key).expect("was the first");
        if let Some(keys) = self.of.get_mut(&address) {
            keys.retain(|other| *other != key);
        }
        match timed {
            Timed::Retry { attempt } => Event::RetryDue { address, attempt },
            Timed::Deadline => Event::DeadlinePassed { address },
        }
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;
    use crate::clock::ManualClock;

    #[test]
    fn moments_come_in_order_and_forgotten_ones_never() {
        let clock = ManualClock::at(0);
        let (a, b): (Address, Address) = ("a".parse().unwrap(), "b".parse().unwrap());
        let mut timers = Timers::default();
        timers.deadline(&clock, a.clone(), 30);
        timers.retry(&clock, b.clone(), 2, 20);
        assert_eq!(timers.deadline_of(&clock, &a), Some(30));
        assert_eq!(timers.deadline_of(&clock, &b), None);
        assert!(timers.wait(&clock).now_or_never().is_none());
        // A nearer one that is added while the farther one is slept for comes first.
        timers.retry(&clock, a.clone(), 3, 10);
        clock.advance(10);
        let due = timers.wait(&clock).now_or_never();
        assert_eq!(due, Some(Event::RetryDue { address: a.clone(), attempt: 3 }));
        timers.forget(&a);
        clock.advance(100);
        let due = timers.wait(&clock).now_or_never();
        assert_eq!(due, Some(Event::RetryDue { address: b, attempt: 2 }));
        assert!(timers.wait(&clock).now_or_never().is_none());
    }
}
