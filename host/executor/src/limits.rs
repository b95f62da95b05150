//! Every bound of the executor, each with its unit and its reason.

use std::time::Duration;

/// Attempts that run at the same time in one process, over all runs. Each may hold a sandbox, a connection
/// and a payload: the bound is what keeps memory flat under load. Nodes of more runs wait in a fair queue.
pub const MAX_ATTEMPTS: usize = 64;

/// Runs that one process drives at the same time. A run that waits costs kilobytes, so this is generous;
/// more are refused with a reason rather than queued in memory.
pub const MAX_RUNS: usize = 10_000;

/// Events that a subscriber may be behind. A slower one reads the journal to catch up.
pub const EVENT_BUFFER: usize = 256;

/// Milliseconds that a cancelled attempt has to end by itself, before it is dropped.
pub const CANCEL_GRACE_MS: u64 = 5_000;

/// Milliseconds that a lease lasts: how long a dead process keeps its runs from others.
pub const LEASE_TTL_MS: u64 = 15_000;

/// Renewals in the time that a lease lasts: two may fail before another process may take the run.
pub const RENEWALS_PER_TTL: u64 = 3;

/// Records of one append: bounds the memory of a transaction, far above what one turn makes.
pub const MAX_GROUP: usize = 512;

/// KiB of answers of host calls that one run keeps in memory until they are stored: some of the largest, or thousands
/// of small ones. Whoever has more waits for the store.
pub const MAX_MAIL_KIB: u32 = 32 * 1024;

/// Milliseconds between two tries to store a record when the store is full or locked: first and greatest.
pub const STORE_PAUSE_MS: (u64, u64) = (50, 2_000);

/// Milliseconds between two looks into the inbox of a run that waits for an event or for people, and at a sub-flow that
/// waits: soon enough for a person, and one small question to the store.
pub const LOOK_MS: u64 = 200;

/// Letters of an inbox that one turn takes: bounds its memory; the others are taken by the next.
pub const LETTERS: usize = 64;

/// Milliseconds that a timer sleeps at most before it looks at the clock on the wall again: a machine that was suspended,
/// or whose clock was set, is late by no more.
pub const LONGEST_SLEEP_MS: u64 = 60_000;

/// Bytes of one log line; the rest of a longer one is cut.
pub const MAX_LOG_LINE: usize = 4 * 1024;

/// Levels of sub-flows below a run: an accidental recursion ends with an error that says so.
pub const MAX_DEPTH: usize = 16;

/// Runs that a worker drives at the same time: four for each attempt that may be performed, so that there is something to
/// do while others wait or are stored, and few enough that their leases are renewed in time.
pub const JOBS: usize = 256;

/// Milliseconds between two questions of a worker for what other processes wrote: soon enough for a person who has
/// answered, and three small questions to the store. Moments are not waited for like this: the next one is known.
pub const POLL_MS: u64 = 1_000;

/// Milliseconds that runs have to come to a stored point when their worker ends: less than service managers wait.
pub const WORK_GRACE_MS: u64 = 10_000;

/// Times in a row that a run is taken up without getting on before it is set aside: a machine that fails now and then is
/// survived, and a run that ends its process does not do so for ever.
pub const MAX_TRIES: u32 = 5;

/// Times in a row after which a run may be what ends its process, and not one that was beside it.
pub const SUSPECT_TRIES: u32 = 2;

/// Milliseconds after which the end of the process is not put down to a run alone: what ends a process by being read or
/// performed does so sooner.
pub const PROBATION_MS: u64 = 30_000;

/// Milliseconds before a run that cannot go on is tried again: first, doubled each time, and greatest.
pub const RETRY_PAUSE_MS: (u64, u64) = (1_000, 60_000);

/// Milliseconds by which the clock on the wall may differ from the other one between two looks before it has jumped: far
/// above what a correction by the network does.
pub const CLOCK_SLACK_MS: u64 = 1_000;

/// On whose behalf runs work that were not told.
pub const TENANT: &str = "default";

/// How much one executor does at once, and how patient it is.
#[derive(Clone, Debug)]
pub struct ExecutorConfig {
    /// Name of this process in leases. Two processes on one store must have different names.
    pub owner: String,
    /// On whose behalf runs work.
    pub tenant: String,
    /// See [`MAX_ATTEMPTS`].
    pub max_attempts: usize,
    /// See [`MAX_RUNS`].
    pub max_runs: usize,
    /// See [`EVENT_BUFFER`].
    pub event_buffer: usize,
    /// See [`CANCEL_GRACE_MS`].
    pub cancel_grace: Duration,
    /// See [`LEASE_TTL_MS`].
    pub lease_ttl: Duration,
    /// How often the inbox of a run is looked into that waits for an event or for people, for what other processes put
    /// there. Absent when there is no other process.
    pub look: Option<Duration>,
    /// A run that does nothing but wait is given back when nothing is due for so long: [`End::Waiting`](crate::End). Absent:
    /// it stays in memory.
    pub linger: Option<Duration>,
}

impl ExecutorConfig {
    /// The defaults, under a name of the process.
    pub fn new(owner: impl Into<String>) -> Self {
        Self {
            owner: owner.into(),
            tenant: TENANT.into(),
            max_attempts: MAX_ATTEMPTS,
            max_runs: MAX_RUNS,
            event_buffer: EVENT_BUFFER,
            cancel_grace: Duration::from_millis(CANCEL_GRACE_MS),
            lease_ttl: Duration::from_millis(LEASE_TTL_MS),
            look: Some(Duration::from_millis(LOOK_MS)),
            linger: None,
        }
    }
}
