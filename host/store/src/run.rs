//! What a store knows about a run beside its journal: a row that can be found, listed and leased.

use std::fmt;
use std::str::FromStr;

use cleargate_flow::{Address, ErrorCode, FlowHash, FlowId, Record, RunId};

/// Bytes of an idempotency key: it is kept in an index.
pub const MAX_IDEMPOTENCY_KEY_BYTES: usize = 512;

/// Bytes of the name of an owner of a lease.
pub const MAX_OWNER_BYTES: usize = 256;

/// Bytes of the message in an [`ErrorSummary`]: a line of a list, not the whole story.
pub const MAX_SUMMARY_BYTES: usize = 512;

/// A run that is to be created.
#[derive(Clone, Debug, PartialEq)]
pub struct NewRun {
    /// Unique in the store.
    pub id: RunId,
    /// Which flow.
    pub flow: FlowId,
    /// Which version of it.
    pub hash: FlowHash,
    /// The same key for the same flow means the same run. At most [`MAX_IDEMPOTENCY_KEY_BYTES`].
    pub idempotency_key: Option<String>,
    /// The run and address that started this one, for a sub-flow.
    pub parent: Option<(RunId, Address)>,
    /// The run that this one was forked from. A sub-flow names the run around it alone.
    pub origin: Option<RunId>,
    /// Milliseconds since 1970-01-01T00:00:00Z.
    pub created_at: i64,
    /// At least one record, counting from 0.
    pub first: Vec<Record>,
}

/// Milliseconds that a lease lasts at most. One that seems to last longer was given out by a clock that was ahead: its
/// holder renews by the clock of now, or is dead.
pub const MAX_LEASE_MS: u64 = 10 * 60 * 1000;

/// What became of a [`NewRun`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Created {
    /// It is in the store now.
    New,
    /// This run has the idempotency key already; nothing was changed.
    Exists(RunId),
}

/// Where a run stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RunStatus {
    /// Not finished: somebody works on it, or has to go on with it.
    Running,
    /// Ended with an output.
    Succeeded,
    /// Ended with an error.
    Failed,
    /// Ended because somebody asked for it.
    Cancelled,
    /// Not finished, and there is nothing to do until a moment, an event or people.
    Waiting,
}

impl RunStatus {
    /// Every status, in the order in which stores number them.
    pub const ALL: [Self; 5] =
        [Self::Running, Self::Succeeded, Self::Failed, Self::Cancelled, Self::Waiting];

    /// `running`, `succeeded`, `failed`, `cancelled` or `waiting`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::Waiting => "waiting",
        }
    }

    /// Whether the run has ended.
    pub fn is_finished(self) -> bool {
        !matches!(self, Self::Running | Self::Waiting)
    }
}

impl fmt::Display for RunStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for RunStatus {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL.into_iter().find(|s| s.as_str() == text).ok_or_else(|| {
            format!(
                "`{text}` is no status; there are running, waiting, succeeded, failed and cancelled"
            )
        })
    }
}

/// Who holds a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeaseInfo {
    /// As given to [`Store::acquire`](crate::Store::acquire).
    pub owner: String,
    /// When it runs out, in milliseconds since 1970-01-01T00:00:00Z.
    pub until: i64,
}

impl LeaseInfo {
    /// Whether it keeps others from the run.
    pub fn holds(&self, now_ms: i64) -> bool {
        self.until > now_ms && self.until <= now_ms.saturating_add_unsigned(MAX_LEASE_MS)
    }
}

/// Why a run failed, as a line of a list. The journal has the whole error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ErrorSummary {
    /// Where, when a node failed.
    pub address: Option<Address>,
    /// What kind of failure.
    pub code: ErrorCode,
    /// The first [`MAX_SUMMARY_BYTES`] bytes of the message.
    pub message: String,
}

/// What is known about a run without reading its journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunRow {
    /// Unique in the store.
    pub id: RunId,
    /// Which flow.
    pub flow: FlowId,
    /// Which version of it.
    pub hash: FlowHash,
    /// What the starter named the run by.
    pub idempotency_key: Option<String>,
    /// The run and address that started this one, for a sub-flow.
    pub parent: Option<(RunId, Address)>,
    /// The run that this one was forked from, which may have been removed since.
    pub origin: Option<RunId>,
    /// Where it stands.
    pub status: RunStatus,
    /// When it was created, in milliseconds since 1970-01-01T00:00:00Z.
    pub created_at: i64,
    /// Time of the last record.
    pub updated_at: i64,
    /// Time of the record that ended it.
    pub finished_at: Option<i64>,
    /// Position of the last record.
    pub last_seq: u64,
    /// The last fencing token that was given out; 0 when the run was never held.
    pub fence: u64,
    /// Who holds it, also when that has run out. Absent when it is free or finished.
    pub lease: Option<LeaseInfo>,
    /// Why it failed.
    pub error: Option<ErrorSummary>,
}

/// What went with a run that was removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Removed {
    /// The run and its sub-flows.
    pub runs: u64,
    /// Records of them all.
    pub records: u64,
}

/// Which runs are asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunFilter {
    /// Runs of this flow only.
    pub flow: Option<FlowId>,
    /// Runs that stand there only.
    pub status: Option<RunStatus>,
    /// Runs that somebody started, and not the sub-flows inside them.
    pub top_only: bool,
    /// Runs that ended before this time only, in milliseconds since 1970-01-01T00:00:00Z.
    pub finished_before: Option<i64>,
    /// At most so many, and at most [`MAX_PAGE`](crate::MAX_PAGE).
    pub limit: usize,
    /// Runs that were created before this one only: the last run of the page before.
    pub before: Option<RunId>,
}

impl Default for RunFilter {
    fn default() -> Self {
        let (flow, status, finished_before, before) = (None, None, None, None);
        let limit = crate::MAX_PAGE;
        Self { flow, status, top_only: false, finished_before, limit, before }
    }
}

/// The right to write to a run, until another one is given out.
///
/// `until` says when others may take the run over; what refuses a late writer is the token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    /// Which run.
    pub run: RunId,
    /// Who holds it.
    pub owner: String,
    /// Token of this lease: greater than every earlier one of the run.
    pub fence: u64,
    /// Milliseconds since 1970-01-01T00:00:00Z.
    pub until: i64,
}
