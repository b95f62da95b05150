//! Who asked for what, and what was said: one record for each decision, without payloads.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use cleargate_flow::signature::Effect;

/// What was said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The request was performed.
    Allowed,
    /// A grant, a policy or a limit forbade it, or it had no clear meaning.
    Refused,
}

/// One decision.
#[derive(Clone, Debug)]
pub struct AuditRecord {
    /// Who asked.
    pub identity: crate::Identity,
    /// Number of the call inside the attempt.
    pub call: u32,
    /// What was asked, without payload.
    pub request: String,
    /// What it would do to the world.
    pub effect: Effect,
    /// What was said.
    pub verdict: Verdict,
    /// Why it was refused.
    pub reason: Option<String>,
}

/// Where records of decisions go. Must not block.
pub trait Audit: Send + Sync {
    /// Takes one record.
    fn record(&self, record: AuditRecord);
}

/// Hands records to `tracing`, under the target `cleargate::audit`.
#[derive(Clone, Copy, Debug, Default)]
pub struct TracingAudit;

impl Audit for TracingAudit {
    fn record(&self, record: AuditRecord) {
        let AuditRecord { identity: id, call, request, effect, verdict, reason } = record;
        tracing::info!(
            target: "cleargate::audit",
            run = %id.run, address = %id.address, attempt = id.attempt, plugin = id.plugin,
            tenant = id.tenant, call, request, ?effect, ?verdict, reason,
        );
    }
}

/// Keeps the latest records in memory.
#[derive(Debug)]
pub struct MemoryAudit {
    bound: usize,
    records: Mutex<VecDeque<AuditRecord>>,
}

impl MemoryAudit {
    /// Keeps at most `bound` records; older ones are dropped.
    pub fn new(bound: usize) -> Self {
        Self { bound, records: Mutex::default() }
    }

    /// The records that are kept, the oldest first.
    pub fn records(&self) -> Vec<AuditRecord> {
        self.records.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }
}

impl Audit for MemoryAudit {
    fn record(&self, record: AuditRecord) {
        let mut records = self.records.lock().unwrap_or_else(PoisonError::into_inner);
        records.push_back(record);
        let surplus = records.len().saturating_sub(self.bound);
        records.drain(..surplus);
    }
}
