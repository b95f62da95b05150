//! The part of a run that changes, and the rules by which it may: every store asks here.
//!
//! A store loads the head, lets a rule change it, and writes it back in the same transaction. So two stores
//! cannot disagree about which append is lawful, and none of the rules is written in SQL.

use cleargate_flow::event::MAX_PAYLOAD_DEPTH;
use cleargate_flow::{Event, FlowHash, Outcome, Record, RunId, Value};

use crate::blob::check_size;
use crate::error::StoreError;
use crate::run::{
    ErrorSummary, Lease, LeaseInfo, MAX_IDEMPOTENCY_KEY_BYTES, MAX_LEASE_MS, MAX_OWNER_BYTES,
    MAX_SUMMARY_BYTES, NewRun, RunRow, RunStatus,
};

/// The value that an event carries, as a reference of the kind that is given.
macro_rules! payload {
    ($event:expr) => {
        match $event {
            Event::RunStarted { input: payload, .. }
            | Event::SignalReceived { payload, .. }
            | Event::TaskOpened { task: payload, .. }
            | Event::TaskAnswered { answer: payload, .. }
            | Event::AttemptSucceeded { output: payload, .. }
            | Event::SubFlowForked { kept: payload, .. }
            | Event::CallFinished { outcome: Ok(payload), .. }
            | Event::RunFinished { outcome: Outcome::Succeeded { output: payload } } => {
                Some(payload)
            }
            _ => None,
        }
    };
}
pub(crate) use payload;

/// What records mean for the head of their run.
#[derive(Clone, Debug)]
pub(crate) struct Batch {
    first: u64,
    count: u64,
    at: i64,
    end: Option<(RunStatus, Option<ErrorSummary>)>,
    /// The version of its flow that the run belongs to from here on.
    pub(crate) pin: Option<FlowHash>,
}

impl Batch {
    /// Reads a batch; `None` when it is empty.
    pub(crate) fn of(run: &RunId, records: &[Record]) -> Result<Option<Self>, StoreError> {
        let (Some(first), Some(last)) = (records.first(), records.last()) else {
            return Ok(None);
        };
        for (expected, record) in (first.seq..).zip(records) {
            if record.seq != expected {
                return Err(StoreError::Sequence { run: run.clone(), expected, found: record.seq });
            }
            if payload!(&record.event)
                .is_some_and(|value: &Value| value.depth() > MAX_PAYLOAD_DEPTH)
            {
                let (run, limit) = (run.clone(), MAX_PAYLOAD_DEPTH);
                return Err(StoreError::TooDeep { run, seq: record.seq, limit });
            }
        }
        let (_, before_last) = records.split_last().expect("the batch has a last record");
        if before_last.iter().any(|r| matches!(r.event, Event::RunFinished { .. })) {
            return Err(StoreError::Finished { run: run.clone() });
        }
        let end = match &last.event {
            Event::RunFinished { outcome } => Some(summary(outcome)),
            _ => None,
        };
        let pin = records.iter().rev().find_map(|record| match &record.event {
            Event::Migrated { to, .. } => Some(to.clone()),
            _ => None,
        });
        Ok(Some(Self { first: first.seq, count: records.len() as u64, at: last.at, end, pin }))
    }

    /// Checks a new run and reads its first records.
    pub(crate) fn of_new(new: &NewRun) -> Result<Self, StoreError> {
        let key = new.idempotency_key.as_deref().unwrap_or_default();
        check_size("idempotency key", key.as_bytes(), MAX_IDEMPOTENCY_KEY_BYTES)?;
        match Self::of(&new.id, &new.first)? {
            Some(batch) if batch.first == 0 => Ok(batch),
            other => Err(StoreError::Sequence {
                run: new.id.clone(),
                expected: 0,
                found: other.map_or(1, |batch| batch.first),
            }),
        }
    }
}

fn summary(outcome: &Outcome) -> (RunStatus, Option<ErrorSummary>) {
    match outcome {
        Outcome::Succeeded { .. } => (RunStatus::Succeeded, None),
        Outcome::Cancelled => (RunStatus::Cancelled, None),
        Outcome::Failed { address, error } => {
            let end = error.message.floor_char_boundary(MAX_SUMMARY_BYTES);
            let message = error.message[..end].to_owned();
            let error = ErrorSummary { address: address.clone(), code: error.code, message };
            (RunStatus::Failed, Some(error))
        }
    }
}

/// The part of a run that changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) status: RunStatus,
    pub(crate) updated_at: i64,
    pub(crate) finished_at: Option<i64>,
    /// Position of the next record.
    pub(crate) next: u64,
    pub(crate) fence: u64,
    pub(crate) lease: Option<LeaseInfo>,
    pub(crate) error: Option<ErrorSummary>,
}

impl Head {
    /// The head of a run that has its first records.
    pub(crate) fn new(batch: &Batch) -> Self {
        let mut head = Self {
            status: RunStatus::Running,
            updated_at: batch.at,
            finished_at: None,
            next: 0,
            fence: 0,
            lease: None,
            error: None,
        };
        head.extend(batch);
        head
    }

    /// Whether somebody has to go on with the run.
    pub(crate) fn is_outstanding(&self, now_ms: i64) -> bool {
        self.status == RunStatus::Running
            && !self.lease.as_ref().is_some_and(|lease| lease.holds(now_ms))
    }

    pub(crate) fn acquire(
        &mut self,
        run: &RunId,
        owner: &str,
        now_ms: i64,
        ttl_ms: u64,
    ) -> Result<Lease, StoreError> {
        check_size("name of an owner", owner.as_bytes(), MAX_OWNER_BYTES)?;
        self.unfinished(run)?;
        match &self.lease {
            Some(lease) if lease.holds(now_ms) => {
                let (run, owner, until) = (run.clone(), lease.owner.clone(), lease.until);
                Err(StoreError::Leased { run, owner, until })
            }
            _ => {
                self.fence += 1;
                self.status = RunStatus::Running;
                Ok(self.lend(run, owner, now_ms, ttl_ms))
            }
        }
    }

    pub(crate) fn renew(
        &mut self,
        lease: &Lease,
        now_ms: i64,
        ttl_ms: u64,
    ) -> Result<Lease, StoreError> {
        self.unfinished(&lease.run)?;
        self.held_by(lease)?;
        Ok(self.lend(&lease.run, &lease.owner, now_ms, ttl_ms))
    }

    /// Frees the run when `lease` is its present one; says whether it was.
    pub(crate) fn release(&mut self, lease: &Lease) -> bool {
        self.held_by(lease).is_ok() && self.lease.take().is_some()
    }

    /// Frees a run that does nothing but wait.
    pub(crate) fn park(&mut self, lease: &Lease) -> Result<(), StoreError> {
        self.unfinished(&lease.run)?;
        self.held_by(lease)?;
        (self.status, self.lease) = (RunStatus::Waiting, None);
        Ok(())
    }

    pub(crate) fn append(
        &mut self,
        lease: &Lease,
        batch: Option<&Batch>,
    ) -> Result<(), StoreError> {
        if self.fence == lease.fence {
            self.unfinished(&lease.run)?;
        }
        self.held_by(lease)?;
        let Some(batch) = batch else { return Ok(()) };
        if batch.first != self.next {
            return Err(StoreError::Sequence {
                run: lease.run.clone(),
                expected: self.next,
                found: batch.first,
            });
        }
        self.extend(batch);
        Ok(())
    }

    fn extend(&mut self, batch: &Batch) {
        self.next += batch.count;
        self.updated_at = batch.at;
        if let Some((status, error)) = &batch.end {
            self.status = *status;
            self.error.clone_from(error);
            self.finished_at = Some(batch.at);
            self.lease = None;
        }
    }

    fn lend(&mut self, run: &RunId, owner: &str, now_ms: i64, ttl_ms: u64) -> Lease {
        let until = now_ms.saturating_add_unsigned(ttl_ms.min(MAX_LEASE_MS));
        self.lease = Some(LeaseInfo { owner: owner.into(), until });
        Lease { run: run.clone(), owner: owner.into(), fence: self.fence, until }
    }

    fn unfinished(&self, run: &RunId) -> Result<(), StoreError> {
        if self.status.is_finished() {
            return Err(StoreError::Finished { run: run.clone() });
        }
        Ok(())
    }

    fn held_by(&self, lease: &Lease) -> Result<(), StoreError> {
        if self.fence == lease.fence && self.lease.is_some() {
            return Ok(());
        }
        Err(StoreError::Fenced { run: lease.run.clone(), held: lease.fence, latest: self.fence })
    }

    /// The row that callers see, with the part of `new` that never changes.
    pub(crate) fn row(&self, new: &NewRun) -> RunRow {
        RunRow {
            id: new.id.clone(),
            flow: new.flow.clone(),
            hash: new.hash.clone(),
            idempotency_key: new.idempotency_key.clone(),
            parent: new.parent.clone(),
            origin: new.origin.clone().filter(|_| new.parent.is_none()),
            status: self.status,
            created_at: new.created_at,
            updated_at: self.updated_at,
            finished_at: self.finished_at,
            last_seq: self.next - 1,
            fence: self.fence,
            lease: self.lease.clone(),
            error: self.error.clone(),
        }
    }
}
