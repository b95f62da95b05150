//! Time as a value: the executor never asks the machine, so that tests own time.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use futures::future::BoxFuture;
use tokio::sync::oneshot;

use crate::limits::LONGEST_SLEEP_MS;

/// What time it is, and when some of it has passed.
pub trait Clock: Send + Sync + 'static {
    /// Milliseconds since 1970-01-01T00:00:00Z. May jump; informs people and leases.
    fn now(&self) -> i64;

    /// Microseconds since some fixed moment. Never goes back; measures.
    fn micros(&self) -> u64;

    /// Ends after `ms` milliseconds, by the clock that never jumps.
    fn sleep(&self, ms: u64) -> BoxFuture<'static, ()>;

    /// Milliseconds after which somebody who waits for a moment of [`Clock::now`] looks at it again, because it may have
    /// jumped.
    fn longest_sleep(&self) -> u64 {
        LONGEST_SLEEP_MS
    }
}

/// The machine's clock.
#[derive(Clone, Debug)]
pub struct SystemClock {
    origin: Instant,
}

impl Default for SystemClock {
    fn default() -> Self {
        Self { origin: Instant::now() }
    }
}

impl Clock for SystemClock {
    fn now(&self) -> i64 {
        #[expect(clippy::disallowed_methods, reason = "this is the Clock that others take")]
        let now = std::time::SystemTime::now();
        // A machine whose clock stands before 1970 is wrong either way.
        let since = now.duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
    }

    fn micros(&self) -> u64 {
        u64::try_from(self.origin.elapsed().as_micros()).unwrap_or(u64::MAX)
    }

    fn sleep(&self, ms: u64) -> BoxFuture<'static, ()> {
        Box::pin(tokio::time::sleep(Duration::from_millis(ms)))
    }
}

/// A clock that stands still until somebody moves it.
#[derive(Clone, Debug, Default)]
pub struct ManualClock {
    state: Arc<Mutex<Manual>>,
}

#[derive(Debug, Default)]
struct Manual {
    now: u64,
    sleepers: BTreeMap<u64, Vec<oneshot::Sender<()>>>,
}

impl ManualClock {
    /// A clock that shows `now` milliseconds since 1970-01-01T00:00:00Z.
    pub fn at(now: u64) -> Self {
        Self { state: Arc::new(Mutex::new(Manual { now, sleepers: BTreeMap::new() })) }
    }

    /// Lets `ms` milliseconds pass, and wakes whoever waited for them.
    pub fn advance(&self, ms: u64) {
        let mut state = self.lock();
        state.now = state.now.saturating_add(ms);
        let later = state.now + 1;
        let still_asleep = state.sleepers.split_off(&later);
        let awake = std::mem::replace(&mut state.sleepers, still_asleep);
        drop(state);
        for sleeper in awake.into_values().flatten() {
            // A sleeper that was dropped waits no more.
            let _ = sleeper.send(());
        }
    }

    /// How long the next sleeper still waits, in milliseconds. Dropped sleepers do not count.
    pub fn next_wake(&self) -> Option<u64> {
        let mut state = self.lock();
        for waiting in state.sleepers.values_mut() {
            waiting.retain(|sleeper| !sleeper.is_closed());
        }
        state.sleepers.retain(|_, waiting| !waiting.is_empty());
        state.sleepers.keys().next().map(|due| due - state.now)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Manual> {
        // The state is whole after each statement, so a panic elsewhere does not spoil it.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Clock for ManualClock {
    fn now(&self) -> i64 {
        i64::try_from(self.lock().now).unwrap_or(i64::MAX)
    }

    fn micros(&self) -> u64 {
        self.lock().now.saturating_mul(1000)
    }

    fn sleep(&self, ms: u64) -> BoxFuture<'static, ()> {
        let mut state = self.lock();
        let due = state.now.saturating_add(ms);
        let (wake, woken) = oneshot::channel();
        if ms == 0 {
            let _ = wake.send(());
        } else {
            state.sleepers.entry(due).or_default().push(wake);
        }
        Box::pin(async move {
            // The clock is gone: nobody will ever move it.
            if woken.await.is_err() {
                std::future::pending().await
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    #[test]
    fn a_manual_clock_wakes_at_the_moment_and_not_before() {
        let clock = ManualClock::at(1_000);
        let mut nap = clock.sleep(50);
        assert_eq!(clock.next_wake(), Some(50));
        clock.advance(49);
        assert!((&mut nap).now_or_never().is_none());
        clock.advance(1);
        assert!(nap.now_or_never().is_some());
        assert_eq!((clock.now(), clock.micros(), clock.next_wake()), (1_050, 1_050_000, None));
        assert!(clock.sleep(0).now_or_never().is_some());
    }
}
