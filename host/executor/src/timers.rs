//! What a run waits for: pauses before retries, deadlines of nodes, and the moments until which nodes wait.
//!
//! The last ones are stored, as moments of the clock on the wall; nothing else is. A pause or a deadline follows from a record and its time, so that a run which is resumed waits for
//! what is left: a deadline is over all attempts of a node, and the time that nobody drove the run is part of it.
//! Time that is given back by a clock that was set back is never more than the whole.

use std::collections::{BTreeMap, HashMap};

use cleargate_flow::{Address, Event};
use futures::future::BoxFuture;

use crate::clock::Clock;

/// Moment in microseconds of the clock, and a number that keeps equal moments apart.
type Key = (u64, u64);

#[derive(Debug)]
enum Timed {
    Retry {
        attempt: u32,
    },
    Deadline {
        /// For cleaning up.
        cleanup: bool,
    },
    /// How long nothing may be heard of a block.
    Idle,
    /// Until a moment of the clock on the wall.
    Rest {
        until: i64,
    },
}

/// The moments of one run.
#[derive(Default)]
pub(crate) struct Timers {
    due: BTreeMap<Key, (Address, Timed)>,
    of: HashMap<Address, Vec<Key>>,
    /// Blocks of which something must be heard, with how often: milliseconds.
    idle: HashMap<Address, u64>,
    next: u64,
    sleep: Option<(Key, BoxFuture<'static, ()>)>,
}

impl Timers {
    /// Waits `after_ms` from now before attempt `attempt`. A pause that is known already goes on.
    pub(crate) fn retry(&mut self, clock: &dyn Clock, to: Address, attempt: u32, after_ms: u64) {
        if !self.has(&to, |timed| matches!(timed, Timed::Retry { .. })) {
            self.add(clock, to, after_ms, Timed::Retry { attempt });
        }
    }

    /// Waits `after_ms` from now. A deadline that is known already stays where it is; the one for cleaning up comes in
    /// the place of the other.
    pub(crate) fn deadline(
        &mut self,
        clock: &dyn Clock,
        to: Address,
        after_ms: u64,
        cleanup: bool,
    ) {
        if cleanup {
            self.drop_of(&to, |timed| matches!(timed, Timed::Deadline { cleanup: false }));
        }
        if !self.has(&to, |timed| matches!(timed, Timed::Deadline { .. })) {
            self.add(clock, to, after_ms, Timed::Deadline { cleanup });
        }
    }

    /// Something must be heard of a block every `after_ms`, of which `gone` have passed. A block that is known already
    /// was heard of when it was.
    pub(crate) fn idle(&mut self, clock: &dyn Clock, to: Address, after_ms: u64, gone: u64) {
        if self.idle.insert(to.clone(), after_ms).is_none() {
            self.add(clock, to, after_ms.saturating_sub(gone), Timed::Idle);
        }
    }

    /// Something was heard of a node, `gone` milliseconds ago: the blocks around it are not idle.
    pub(crate) fn heard(&mut self, clock: &dyn Clock, of: &Address, gone: u64) {
        if self.idle.is_empty() {
            return;
        }
        for block in of.blocks() {
            if let Some(after_ms) = self.idle.get(&block).copied() {
                self.drop_of(&block, |timed| matches!(timed, Timed::Idle));
                self.add(clock, block, after_ms.saturating_sub(gone), Timed::Idle);
            }
        }
    }

    /// Waits until a moment that is stored. The last one that is said for a node counts.
    pub(crate) fn rest(&mut self, clock: &dyn Clock, to: Address, until: i64) {
        self.drop_of(&to, |timed| matches!(timed, Timed::Rest { .. }));
        let left = u64::try_from(until.saturating_sub(clock.now())).unwrap_or_default();
        self.add(clock, to, left.min(clock.longest_sleep()), Timed::Rest { until });
    }

    /// Takes the stored moments that had come before `at`, in their order.
    pub(crate) fn take_rests_before(&mut self, clock: &dyn Clock, at: i64) -> Vec<Event> {
        let now = clock.now();
        let mut come: Vec<(i64, Key)> = Vec::new();
        for (key, (_, timed)) in &self.due {
            match timed {
                Timed::Rest { until } if *until < at && *until <= now => come.push((*until, *key)),
                _ => {}
            }
        }
        come.sort_unstable();
        come.into_iter().filter_map(|(_, key)| self.take(clock, key)).collect()
    }

    /// Milliseconds until something is due.
    pub(crate) fn next(&self, clock: &dyn Clock) -> Option<u64> {
        let left = |(at, (_, timed)): (&Key, &(Address, Timed))| match timed {
            Timed::Rest { until } => {
                u64::try_from(until.saturating_sub(clock.now())).unwrap_or_default()
            }
            _ => at.0.saturating_sub(clock.micros()) / 1000,
        };
        self.due.iter().map(left).min()
    }

    /// When something is due that is in no record, in milliseconds since 1970-01-01T00:00:00Z.
    pub(crate) fn alarm(&self, clock: &dyn Clock) -> Option<i64> {
        let mut due = self.due.iter();
        let (key, _) = due.find(|(_, (_, timed))| !matches!(timed, Timed::Rest { .. }))?;
        let left = key.0.saturating_sub(clock.micros()).div_ceil(1000);
        Some(clock.now().saturating_add_unsigned(left))
    }

    /// Forgets the pause of a node that is performed again.
    pub(crate) fn paused(&mut self, to: &Address) {
        self.drop_of(to, |timed| matches!(timed, Timed::Retry { .. }));
    }

    fn drop_of(&mut self, to: &Address, which: impl Fn(&Timed) -> bool) {
        let Some(keys) = self.of.get_mut(to) else { return };
        let due = &mut self.due;
        keys.retain(|key| match due.get(key) {
            Some((_, timed)) if which(timed) => due.remove(key).is_none(),
            _ => true,
        });
    }

    /// Takes what is due now, deadlines first: nothing may begin after its deadline.
    pub(crate) fn take_due(&mut self, clock: &dyn Clock) -> Vec<Event> {
        let now = clock.micros();
        let mut due = Vec::new();
        while let Some((&key, _)) = self.due.first_key_value().filter(|((at, _), _)| *at <= now) {
            due.extend(self.take(clock, key));
        }
        let over = |event: &Event| {
            matches!(event, Event::DeadlinePassed { .. } | Event::IdlePassed { .. })
        };
        due.sort_by_key(|event| !over(event));
        due
    }

    fn has(&self, address: &Address, wanted: impl Fn(&Timed) -> bool) -> bool {
        let keys = self.of.get(address).into_iter().flatten();
        keys.filter_map(|key| self.due.get(key)).any(|(_, timed)| wanted(timed))
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
        if self.of.is_empty() && self.idle.is_empty() {
            return;
        }
        self.idle.remove(address);
        for key in self.of.remove(address).into_iter().flatten() {
            self.due.remove(&key);
        }
    }

    pub(crate) fn clear(&mut self) {
        *self = Self { next: self.next, ..Self::default() };
    }

    /// Milliseconds until the first deadline of the node or of a block around it.
    pub(crate) fn deadline_around(&self, clock: &dyn Clock, address: &Address) -> Option<u64> {
        if self.of.is_empty() {
            return None;
        }
        let own = std::iter::once(address.clone());
        address.blocks().chain(own).filter_map(|at| self.deadline_of(clock, &at)).min()
    }

    fn deadline_of(&self, clock: &dyn Clock, address: &Address) -> Option<u64> {
        let keys = self.of.get(address)?;
        let deadline = |key: &&Key| matches!(self.due.get(key), Some((_, Timed::Deadline { .. })));
        let (at, _) = keys.iter().find(deadline)?;
        Some(at.saturating_sub(clock.micros()) / 1000)
    }

    /// Waits for the next moment; for ever when there is none. May be dropped and called again.
    pub(crate) async fn wait(&mut self, clock: &dyn Clock) -> Event {
        loop {
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
            if let Some(event) = self.take(clock, key) {
                return event;
            }
        }
    }

    /// The event that a moment means; nothing when the clock on the wall has not come as far.
    fn take(&mut self, clock: &dyn Clock, key: Key) -> Option<Event> {
        let (address, timed) = self.due.remove(&key).expect("the caller has just seen it");
        if let Some(keys) = self.of.get_mut(&address) {
            keys.retain(|other| *other != key);
        }
        Some(match timed {
            Timed::Retry { attempt } => Event::RetryDue { address, attempt },
            Timed::Deadline { .. } => Event::DeadlinePassed { address },
            Timed::Idle => Event::IdlePassed { address },
            Timed::Rest { until } if clock.now() < until => {
                self.rest(clock, address, until);
                return None;
            }
            Timed::Rest { .. } => Event::WaitOver { address },
        })
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;
    use crate::clock::ManualClock;
    use crate::limits::LONGEST_SLEEP_MS;

    #[test]
    fn what_is_due_comes_at_once_deadlines_first() {
        let clock = ManualClock::at(0);
        let (a, b): (Address, Address) = ("a".parse().unwrap(), "b".parse().unwrap());
        let mut timers = Timers::default();
        timers.retry(&clock, a.clone(), 2, 10);
        timers.deadline(&clock, b.clone(), 20, false);
        timers.deadline(&clock, a.clone(), 30, false);
        // Known already: neither later nor twice.
        timers.deadline(&clock, a.clone(), 99, false);
        timers.retry(&clock, a.clone(), 2, 99);
        assert_eq!(timers.take_due(&clock), []);
        clock.advance(20);
        let retry = Event::RetryDue { address: a.clone(), attempt: 2 };
        assert_eq!(timers.take_due(&clock), [Event::DeadlinePassed { address: b }, retry]);
        timers.retry(&clock, a.clone(), 3, 5);
        timers.paused(&a);
        clock.advance(10);
        assert_eq!(timers.take_due(&clock), [Event::DeadlinePassed { address: a }]);
        assert!(timers.due.is_empty());
    }

    #[test]
    fn moments_come_in_order_and_forgotten_ones_never() {
        let clock = ManualClock::at(0);
        let (a, b): (Address, Address) = ("a".parse().unwrap(), "b".parse().unwrap());
        let mut timers = Timers::default();
        timers.deadline(&clock, a.clone(), 30, false);
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

    #[test]
    fn a_moment_is_never_early_and_hardly_late_whatever_the_clocks_do() {
        let clock = ManualClock::at(0);
        let a: Address = "a".parse().unwrap();
        let mut timers = Timers::default();
        let until = 3 * i64::try_from(LONGEST_SLEEP_MS).unwrap() + 7;
        timers.rest(&clock, a.clone(), 99);
        timers.rest(&clock, a.clone(), until);
        assert_eq!((timers.due.len(), timers.next(&clock)), (1, Some(until.unsigned_abs())));
        assert_eq!(timers.alarm(&clock), None, "a record says it");
        timers.deadline(&clock, a.clone(), 20, false);
        assert_eq!((timers.next(&clock), timers.alarm(&clock)), (Some(20), Some(20)));
        clock.advance(20);
        assert_eq!(timers.take_due(&clock), [Event::DeadlinePassed { address: a.clone() }]);
        // It wakes now and then, and looks at the clock on the wall.
        for _ in 0..3 {
            assert!(timers.wait(&clock).now_or_never().is_none());
            assert!(clock.next_wake().unwrap() <= LONGEST_SLEEP_MS);
            clock.advance(clock.next_wake().unwrap());
        }
        assert!(timers.wait(&clock).now_or_never().is_none());
        clock.advance(clock.next_wake().unwrap());
        let due = timers.wait(&clock).now_or_never();
        assert_eq!((due, clock.now()), (Some(Event::WaitOver { address: a }), until));
    }
}
