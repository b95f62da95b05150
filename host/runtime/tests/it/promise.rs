//! How a promise about time or memory is asserted on a machine that others use as well.
//!
//! A promise says what the product does, and a shared machine adds what it likes. So attempts go on until one
//! keeps the promise: a defect misses it each time, noise does not for so long. Every attempt must end within a
//! loose bound, so that a hang is no noise.

use std::future::Future;
use std::time::{Duration, Instant};

/// How long attempts go on.
const PATIENCE: Duration = Duration::from_secs(20);

/// What no attempt may take longer than, beyond its limit.
const LOOSE: Duration = Duration::from_secs(5);

/// Asserts that `attempt` can end within `promise` after `limit` has passed.
pub(crate) async fn ends_within<F: Future>(
    limit: Duration,
    promise: Duration,
    mut attempt: impl FnMut() -> F,
) {
    let (began, mut best) = (Instant::now(), Duration::MAX);
    while began.elapsed() < PATIENCE {
        let started = Instant::now();
        attempt().await;
        let late = started.elapsed().saturating_sub(limit);
        assert!(late < LOOSE, "{late:?} beyond {limit:?}");
        best = best.min(late);
        if best <= promise {
            return;
        }
    }
    panic!("the best attempt was {best:?} late; promised are {promise:?}");
}

/// Runs the test that calls this in a process of its own, because memory is counted by process. Says whether
/// this is that process: the body of the test follows then.
pub(crate) fn alone() -> bool {
    // A runner that starts a process for each test names it exactly, and so do we.
    if std::env::args().any(|argument| argument == "--exact") {
        return true;
    }
    let thread = std::thread::current();
    let name = thread.name().expect("a test runs in a thread that has its name");
    let mut child = std::process::Command::new(std::env::current_exe().unwrap());
    let output = child.args([name, "--exact", "--nocapture"]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    false
}

/// Resident bytes of this process: the most since [`Resident::mark`], and now.
pub(crate) struct Resident(u64);

impl Resident {
    /// Starts to count.
    pub(crate) fn mark() -> Self {
        // `5` sets the peak back to what is resident now.
        std::fs::write("/proc/self/clear_refs", "5").unwrap();
        Self(status("VmRSS:"))
    }

    /// How much more than at the start was resident at the worst moment.
    pub(crate) fn peak(&self) -> u64 {
        status("VmHWM:").saturating_sub(self.0)
    }

    /// How much more than at the start is resident now.
    pub(crate) fn now(&self) -> u64 {
        status("VmRSS:").saturating_sub(self.0)
    }
}

fn status(field: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(field)).unwrap();
    line.trim().strip_suffix(" kB").unwrap().parse::<u64>().unwrap() * 1024
}
