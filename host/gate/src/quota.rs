//! How much a pass, and all passes of a run together, may ask for. Counters only go up.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use cleargate_flow::NodeError;
use cleargate_flow::limits::Effective;
use tokio::time::Instant;

/// Bounds of one pass.
#[derive(Clone, Debug)]
pub struct Quotas {
    /// Requests of all kinds.
    pub host_calls: u64,
    /// HTTP requests, redirects included.
    pub http_calls: u64,
    /// Bytes of one request or answer.
    pub payload: u64,
    /// After this moment nothing is performed, and what is under way is cut off.
    pub deadline: Instant,
    /// What all passes of the run share.
    pub run: Arc<RunCounters>,
}

impl Quotas {
    /// The bounds of a call that begins now.
    pub fn new(limits: &Effective, run: Arc<RunCounters>) -> Self {
        Self {
            host_calls: limits.host_calls.value,
            http_calls: limits.http_calls.value,
            payload: limits.payload.value,
            deadline: Instant::now() + Duration::from_millis(limits.time.value),
            run,
        }
    }
}

/// What the passes of one run have used together, and may use.
#[derive(Debug)]
pub struct RunCounters {
    http_calls: Counter,
}

impl RunCounters {
    /// A run that may send `http_calls` requests, redirects included.
    pub fn new(http_calls: u64) -> Self {
        Self { http_calls: Counter::new("run_http_calls", http_calls) }
    }

    /// HTTP requests that were sent.
    pub fn http_calls(&self) -> u64 {
        self.http_calls.used()
    }

    pub(crate) fn count_http(&self) -> Result<(), NodeError> {
        self.http_calls.take()
    }
}

impl Default for RunCounters {
    fn default() -> Self {
        Self::new(u64::MAX)
    }
}

/// A number that never passes its bound, also when many ask at once.
#[derive(Debug)]
pub(crate) struct Counter {
    name: &'static str,
    bound: u64,
    used: AtomicU64,
}

impl Counter {
    pub(crate) fn new(name: &'static str, bound: u64) -> Self {
        Self { name, bound, used: AtomicU64::new(0) }
    }

    pub(crate) fn used(&self) -> u64 {
        self.used.load(Ordering::Relaxed)
    }

    pub(crate) fn take(&self) -> Result<(), NodeError> {
        let more = |used| (used < self.bound).then(|| used + 1);
        match self.used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more) {
            Ok(_) => Ok(()),
            Err(_) => Err(over(self.name, self.bound)),
        }
    }
}

/// The failure of a call that reaches the limit `name`.
pub(crate) fn over(name: &str, bound: u64) -> NodeError {
    NodeError::limit(name, format!("the limit `{name}` of {bound} is reached")).with_help(format!(
        "raise `{name}` in the `limits:` of the node and in the operator's file"
    ))
}
