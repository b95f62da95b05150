//! A clock that nobody waits for: when nothing else can happen, it is the moment that the next sleeper waits for.
//!
//! Runs that wait for hours are rehearsed in no time, and in the same order each time: everything takes place on one
//! thread, and time moves only when that thread would go idle. What waits for something outside of it, such as a file,
//! holds the clock.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures::future::BoxFuture;
use tokio::sync::Notify;

use crate::clock::{Clock, ManualClock};

/// Milliseconds that nobody waits for: a thousand years. A sleeper beyond is one that keeps a lease of a rehearsal,
/// which nobody contends for.
pub const HORIZON_MS: u64 = 1000 * 366 * 24 * 60 * 60 * 1000;

/// See the module.
#[derive(Clone, Debug, Default)]
pub struct SkippingClock {
    time: ManualClock,
    held: Arc<AtomicUsize>,
}

/// Time stands still while this is there.
#[derive(Debug)]
pub struct Hold(Arc<AtomicUsize>);

impl Drop for Hold {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

impl SkippingClock {
    /// A clock that shows `now` milliseconds since 1970-01-01T00:00:00Z.
    pub fn at(now: u64) -> Self {
        Self { time: ManualClock::at(now), held: Arc::default() }
    }

    /// Stops the clock: something outside is waited for, in real time.
    pub fn hold(&self) -> Hold {
        self.held.fetch_add(1, Ordering::SeqCst);
        Hold(self.held.clone())
    }

    /// Does work on this thread, and skips the time that it waits. Whatever the work spawned is dropped at its end.
    /// `None` when it waits for what cannot come: no sleeper wakes within [`HORIZON_MS`].
    ///
    /// Blocks; must not be called from a task of a runtime, but from a thread of its own.
    ///
    /// # Errors
    /// The system gives no timers.
    pub fn run<T>(&self, work: impl Future<Output = T>) -> std::io::Result<Option<T>> {
        let stuck = Arc::new(Notify::new());
        let (clock, tell) = (self.clone(), stuck.clone());
        let idle = move || {
            if !clock.skip() {
                tell.notify_one();
            }
        };
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .on_thread_park(idle)
            .build()?;
        Ok(runtime.block_on(async {
            tokio::select! {
                biased;
                done = work => Some(done),
                () = stuck.notified() => None,
            }
        }))
    }

    /// Goes to the next sleeper; false when there is none.
    fn skip(&self) -> bool {
        if self.held.load(Ordering::SeqCst) > 0 {
            return true;
        }
        match self.time.next_wake().filter(|ms| *ms < HORIZON_MS) {
            Some(ms) => self.time.advance(ms),
            None => return false,
        }
        true
    }
}

impl Clock for SkippingClock {
    fn now(&self) -> i64 {
        self.time.now()
    }

    fn micros(&self) -> u64 {
        self.time.micros()
    }

    fn sleep(&self, ms: u64) -> BoxFuture<'static, ()> {
        self.time.sleep(ms)
    }

    /// It goes to where somebody waits for it, and never past.
    fn longest_sleep(&self) -> u64 {
        u64::MAX
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;

    const DAY: u64 = 24 * 60 * 60 * 1000;

    #[test]
    fn days_of_waiting_take_no_time_and_wake_in_order() {
        let (clock, began) = (SkippingClock::at(0), Instant::now());
        let work = async {
            let mut order = Vec::new();
            let (late, soon) = (clock.sleep(30 * DAY), clock.sleep(DAY));
            soon.await;
            order.push(clock.now());
            // What is ready comes before any time passes.
            tokio::task::yield_now().await;
            order.push(clock.now());
            late.await;
            order.push(clock.now());
            order
        };
        let day = i64::try_from(DAY).unwrap();
        assert_eq!(clock.run(work).unwrap(), Some(vec![day, day, 30 * day]));
        assert!(began.elapsed() < Duration::from_secs(5));
    }

    #[test]
    fn what_is_outside_holds_the_clock() {
        let clock = SkippingClock::at(0);
        let work = async {
            let mut nap = clock.sleep(DAY);
            let hold = clock.hold();
            let outside = tokio::task::spawn_blocking(|| {
                std::thread::sleep(Duration::from_millis(20));
            });
            tokio::select! {
                () = &mut nap => panic!("time went by"),
                done = outside => done.unwrap(),
            }
            drop(hold);
            nap.await;
            clock.now()
        };
        assert_eq!(clock.run(work).unwrap(), Some(DAY.try_into().unwrap()));
    }

    #[test]
    fn who_waits_for_what_cannot_come_is_told() {
        let clock = SkippingClock::at(0);
        assert_eq!(clock.run(std::future::pending::<()>()).unwrap(), None);
        assert_eq!(clock.run(clock.sleep(HORIZON_MS)).unwrap(), None);
    }
}
