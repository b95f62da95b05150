//! The contract of a store. It is object-safe, so the host holds an `Arc<dyn Store>` and never asks which
//! one it is.

use async_trait::async_trait;
use cleargate_flow::{FlowHash, Record, RunId};

use crate::blob::BlobDigest;
use crate::error::StoreError;
use crate::kv::{KvPage, KvSpace};
use crate::run::{Created, Lease, NewRun, Removed, RunFilter, RunRow};
use crate::trouble::Trouble;
use crate::waits::{Letter, OpenWait, Posted, WaitFilter};

/// Entries that one answer holds at most, so that no question makes the store build an unbounded answer.
/// Greater limits are cut to this.
pub const MAX_PAGE: usize = 1_000;

/// What an append waits for before it is acknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// As durable as the store can be. For whatever an effect on the world depends on.
    Sync,
    /// Survives the end of the process; a power cut may take the latest records, never leaving a gap. For
    /// what can be done again.
    Batched,
}

/// Journals, runs, values and blobs.
///
/// Each method that changes something is one transaction: it has happened entirely when it returns `Ok`,
/// and not at all when it returns an error. [`StoreError::Full`] and [`StoreError::Locked`] pass by
/// themselves; the same call may be made again.
///
/// Dropping a returned future does not take the change back.
#[async_trait]
pub trait Store: Send + Sync + 'static {
    /// Keeps the bundle of a flow version. The first bundle of a hash stays: a version never changes.
    async fn put_flow(&self, hash: &FlowHash, bundle: Vec<u8>) -> Result<(), StoreError>;

    /// Returns the bundle of a flow version.
    async fn get_flow(&self, hash: &FlowHash) -> Result<Option<Vec<u8>>, StoreError>;

    /// Adds a run with its first records, or names the run that has this idempotency key already.
    ///
    /// A key belongs to a flow: two flows may use the same one.
    ///
    /// # Errors
    /// [`StoreError::RunExists`] when the id is taken by a run with another key, [`StoreError::Sequence`]
    /// when the first records are none or do not count from 0.
    async fn create_run(&self, run: NewRun) -> Result<Created, StoreError>;

    /// Returns what is known about a run.
    async fn run(&self, run: &RunId) -> Result<Option<RunRow>, StoreError>;

    /// Returns runs, the latest created first, at most [`MAX_PAGE`].
    ///
    /// # Errors
    /// [`StoreError::NoSuchRun`] when the cursor names no run.
    async fn runs(&self, filter: &RunFilter) -> Result<Vec<RunRow>, StoreError>;

    /// Returns ids of runs that begin with `prefix`, in byte order, at most `limit` and [`MAX_PAGE`]. The cost
    /// depends on their number alone.
    async fn run_ids(&self, prefix: &str, limit: usize) -> Result<Vec<RunId>, StoreError>;

    /// Returns every run that somebody has to go on with and that nobody holds at `now_ms`, in order of creation. One that
    /// only waits is not among them: see [`Store::due`]; nor is one that was set aside: see [`Store::set_trouble`]. The cost depends on the number of unfinished runs alone.
    async fn outstanding(&self, now_ms: i64) -> Result<Vec<RunId>, StoreError>;

    /// Takes a run over until `now_ms + ttl_ms`, at most [`MAX_LEASE_MS`](crate::run::MAX_LEASE_MS), and makes every
    /// earlier lease worthless. A lease that seems to last longer than that keeps nobody out.
    ///
    /// # Errors
    /// [`StoreError::Leased`] while another lease holds, also one of the same owner;
    /// [`StoreError::Finished`] and [`StoreError::NoSuchRun`].
    async fn acquire(
        &self,
        run: &RunId,
        owner: &str,
        now_ms: i64,
        ttl_ms: u64,
    ) -> Result<Lease, StoreError>;

    /// Prolongs a lease until `now_ms + ttl_ms`. One that ran out can be renewed while nobody took the run.
    ///
    /// # Errors
    /// [`StoreError::Fenced`] when the run was taken over or the lease was released;
    /// [`StoreError::Finished`] and [`StoreError::NoSuchRun`].
    async fn renew(&self, lease: &Lease, now_ms: i64, ttl_ms: u64) -> Result<Lease, StoreError>;

    /// Gives a run back. Does nothing when the lease holds no more, which is what the caller wanted.
    async fn release(&self, lease: &Lease) -> Result<(), StoreError>;

    /// Gives a run back that does nothing but wait: it is [`RunStatus::Waiting`](crate::RunStatus::Waiting) until
    /// somebody acquires it. `due` is when it has to go on for a reason that is in no record. Says no, and changes
    /// nothing, when letters came that the run has not taken.
    ///
    /// # Errors
    /// As [`Store::renew`].
    async fn park(&self, lease: &Lease, due: Option<i64>) -> Result<bool, StoreError>;

    /// Puts a letter into the inbox of a run. It is durable when this returns.
    ///
    /// # Errors
    /// [`StoreError::Finished`], [`StoreError::NoSuchRun`], [`StoreError::InboxFull`], and [`StoreError::TooLarge`] for
    /// more than [`MAX_LETTER_BYTES`](crate::waits::MAX_LETTER_BYTES).
    async fn post(&self, letter: &Letter) -> Result<Posted, StoreError>;

    /// Returns letters that a run of the past never took, the oldest first, at most `limit` and [`MAX_PAGE`]; none of one
    /// that has not ended.
    ///
    /// # Errors
    /// [`StoreError::NoSuchRun`], [`StoreError::DamagedEntry`].
    async fn undelivered(&self, run: &RunId, limit: usize) -> Result<Vec<Letter>, StoreError>;

    /// Returns letters that a run has not taken, the oldest first, at most `limit` and [`MAX_PAGE`]. A record that takes one
    /// (`signal_received`, `task_answered`, or the refusal of either) removes it from here.
    async fn inbox(&self, run: &RunId, limit: usize) -> Result<Vec<Letter>, StoreError>;

    /// Returns the nodes that wait, of the latest run first.
    ///
    /// # Errors
    /// [`StoreError::NoSuchRun`] when the cursor or the filter names none.
    async fn waits(&self, filter: &WaitFilter) -> Result<Vec<OpenWait>, StoreError>;

    /// Returns waiting runs whose time has come at `now_ms` or that have letters, in order of creation, at most
    /// [`MAX_PAGE`]: of all but those that were set aside, or of one and the sub-flows below it. The cost depends on their
    /// number alone.
    async fn due(&self, now_ms: i64, below: Option<&RunId>) -> Result<Vec<RunId>, StoreError>;

    /// Returns the first moment later than `after_ms` at which the time of a waiting run comes.
    async fn next_due(&self, after_ms: i64) -> Result<Option<i64>, StoreError>;

    /// Notes what is held against a run, or that nothing is. One that is set aside is left out of [`Store::outstanding`] and
    /// of [`Store::due`]. The end of a run ends its trouble.
    ///
    /// # Errors
    /// [`StoreError::NoSuchRun`], [`StoreError::Finished`].
    async fn set_trouble(&self, run: &RunId, trouble: Option<Trouble>) -> Result<(), StoreError>;

    /// Returns what is held against a run.
    ///
    /// # Errors
    /// [`StoreError::NoSuchRun`].
    async fn trouble(&self, run: &RunId) -> Result<Option<Trouble>, StoreError>;

    /// Returns runs that were set aside, the latest created first, at most `limit` and [`MAX_PAGE`]: those that were created
    /// before `before`, or the first. The cost depends on their number alone.
    ///
    /// # Errors
    /// [`StoreError::NoSuchRun`] when `before` names none.
    async fn set_aside(
        &self,
        before: Option<&RunId>,
        limit: usize,
    ) -> Result<Vec<(RunId, Trouble)>, StoreError>;

    /// Returns the sub-flows that a run started itself and that are not finished, in order of creation, at most
    /// [`MAX_PAGE`].
    async fn children(&self, run: &RunId) -> Result<Vec<RunId>, StoreError>;

    /// Adds records to a run. Returns when they are as durable as asked.
    ///
    /// A `run_finished` record also sets the status of the run and frees its lease; one that takes a letter removes it
    /// from the inbox.
    ///
    /// # Errors
    /// [`StoreError::Fenced`] when the lease was taken over or released, [`StoreError::Sequence`] when the
    /// records do not continue the journal, [`StoreError::Finished`] after the last record.
    async fn append(
        &self,
        lease: &Lease,
        records: Vec<Record>,
        durability: Durability,
    ) -> Result<(), StoreError>;

    /// Returns records from position `from_seq` on, at most `limit` and [`MAX_PAGE`]; none past the end.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] when a record in the page cannot be trusted. The records before it can be
    /// had with a smaller `limit`.
    async fn journal(
        &self,
        run: &RunId,
        from_seq: u64,
        limit: usize,
    ) -> Result<Vec<Record>, StoreError>;

    /// Returns the whole journal of a run, in memory: whoever can take it page by page does.
    ///
    /// # Errors
    /// The same as [`Store::journal`].
    async fn whole_journal(&self, run: &RunId) -> Result<Vec<Record>, StoreError> {
        let mut records = Vec::new();
        loop {
            let page = self.journal(run, records.len() as u64, MAX_PAGE).await?;
            let last = page.len() < MAX_PAGE;
            records.extend(page);
            if last {
                return Ok(records);
            }
        }
    }

    /// Removes a finished run: its row, its records, its sub-flows, and the payloads that nobody else has. Its
    /// idempotency key is free again. The room is used for what comes next.
    ///
    /// # Errors
    /// [`StoreError::Unfinished`] while the run or a sub-flow of it can still go on, [`StoreError::SubFlow`] for one
    /// whose parent is there, [`StoreError::NoSuchRun`].
    async fn remove_run(&self, run: &RunId) -> Result<Removed, StoreError>;

    /// Keeps bytes under their digest, for `tenant` and whoever else puts the same.
    ///
    /// # Errors
    /// [`StoreError::OverQuota`] when the tenant's blobs would take more than they may.
    async fn put_blob(&self, tenant: &str, bytes: Vec<u8>) -> Result<BlobDigest, StoreError>;

    /// Returns the bytes of a digest, when `tenant` has put them: a digest is no permission.
    ///
    /// # Errors
    /// [`StoreError::DamagedBlob`] when the bytes do not have this digest any more.
    async fn get_blob(
        &self,
        tenant: &str,
        digest: &BlobDigest,
    ) -> Result<Option<Vec<u8>>, StoreError>;

    /// Returns the value of a key.
    async fn kv_get(&self, space: KvSpace<'_>, key: &str) -> Result<Option<Vec<u8>>, StoreError>;

    /// Sets the value of a key.
    ///
    /// # Errors
    /// [`StoreError::OverQuota`] when the space would take more than it may.
    async fn kv_set(&self, space: KvSpace<'_>, key: &str, value: Vec<u8>)
    -> Result<(), StoreError>;

    /// Removes a key; says whether it was there.
    async fn kv_delete(&self, space: KvSpace<'_>, key: &str) -> Result<bool, StoreError>;

    /// Sets the value only when the present one equals `expected` (`None`: absent); says whether it did.
    ///
    /// # Errors
    /// The same as [`Store::kv_set`].
    async fn kv_swap(
        &self,
        space: KvSpace<'_>,
        key: &str,
        expected: Option<&[u8]>,
        value: Vec<u8>,
    ) -> Result<bool, StoreError>;

    /// Returns keys in byte order that start with `prefix` and come after `after`, at most [`MAX_PAGE`].
    async fn kv_list(
        &self,
        space: KvSpace<'_>,
        prefix: &str,
        after: Option<&str>,
    ) -> Result<KvPage, StoreError>;
}
