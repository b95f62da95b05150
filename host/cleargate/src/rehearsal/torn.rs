//! A store that loses its process: after so many records nothing more happens, and it is full for a while.
//!
//! What is stored stays; whoever drove the run is gone. The next process finds what a real one would find.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use cleargate_flow::{Address, Event, FlowHash, Record, RunId};
use cleargate_store::memory::MemoryStore;
use cleargate_store::{
    BlobDigest, Created, Durability, KvPage, KvSpace, Lease, Letter, NewRun, OpenWait, Posted,
    Removed, RunFilter, RunRow, Store, StoreError, Trouble, WaitFilter,
};
use tokio::sync::Notify;

/// What goes wrong with the store of one run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct StoreFaults {
    /// The process ends once the run has so many records, for each of these.
    pub crashes: Vec<u64>,
    /// It refuses so many appends once the run has so many records: `(records, appends)`.
    pub full: Vec<(u64, u32)>,
}

/// See the module. Lives as long as the rehearsal; each process has a view of its own.
pub(crate) struct TornStore {
    inner: Arc<MemoryStore>,
    /// The run whose records are counted.
    run: RunId,
    left: Mutex<StoreFaults>,
    leases: Mutex<BTreeMap<RunId, Lease>>,
    /// Tasks that were opened, of any run, with when.
    tasks: Mutex<Vec<(RunId, Address, i64)>>,
    /// Told when a task is opened.
    pub asked: Notify,
    /// Told when the process ends.
    pub crashed: Notify,
}

impl TornStore {
    pub(crate) fn new(inner: Arc<MemoryStore>, run: RunId, faults: StoreFaults) -> Self {
        let (left, leases, tasks) = (Mutex::new(faults), Mutex::default(), Mutex::default());
        let (asked, crashed) = (Notify::new(), Notify::new());
        Self { inner, run, left, leases, tasks, asked, crashed }
    }

    /// The tasks that were opened, from a number on. Who is asked once more for the same is asked once.
    pub(crate) fn opened(&self, from: usize) -> Vec<(RunId, Address, i64)> {
        self.tasks.lock().expect("no holder of this lock panics")[from..].to_vec()
    }

    fn note_tasks(&self, run: &RunId, opened: Vec<(Address, i64)>) {
        let mut tasks = self.tasks.lock().expect("no holder of this lock panics");
        for (address, at) in opened {
            if !tasks.iter().any(|(known, asks, _)| known == run && *asks == address) {
                tasks.push((run.clone(), address, at));
                self.asked.notify_one();
            }
        }
    }

    /// Faults that did not come about.
    pub(crate) fn unmet(&self) -> Vec<String> {
        let left = self.left.lock().expect("no holder of this lock panics");
        let crashes =
            left.crashes.iter().map(|n| format!("the run ended before it had {n} events"));
        let full = left.full.iter().filter(|(_, times)| *times > 0);
        crashes
            .chain(full.map(|(n, _)| format!("the store was not full after {n} events")))
            .collect()
    }

    /// Whether the store takes something of a run that has `records`.
    fn takes(&self, run: &RunId, records: u64) -> Result<(), StoreError> {
        let mut left = self.left.lock().expect("no holder of this lock panics");
        let full = left.full.iter_mut().find(|(from, times)| records >= *from && *times > 0);
        match full.filter(|_| *run == self.run) {
            Some((_, times)) => {
                *times -= 1;
                Err(StoreError::Full { limit: None })
            }
            None => Ok(()),
        }
    }

    /// Ends the process when its time has come: everything that it holds is free.
    async fn stored(&self, run: &RunId, records: u64) {
        let due = {
            let mut left = self.left.lock().expect("no holder of this lock panics");
            let due = left.crashes.iter().position(|n| *n <= records && *run == self.run);
            due.map(|at| left.crashes.remove(at)).is_some()
        };
        if due {
            let held = std::mem::take(&mut *self.leases.lock().expect("no holder panics"));
            for lease in held.into_values() {
                // One that has ended holds nothing.
                let _ = self.inner.release(&lease).await;
            }
            self.crashed.notify_one();
            std::future::pending::<()>().await;
        }
    }
}

#[async_trait]
impl Store for TornStore {
    async fn create_run(&self, run: NewRun) -> Result<Created, StoreError> {
        let (id, records) = (run.id.clone(), run.first.len() as u64);
        let created = self.inner.create_run(run).await?;
        self.stored(&id, records).await;
        Ok(created)
    }

    async fn append(
        &self,
        lease: &Lease,
        records: Vec<Record>,
        durability: Durability,
    ) -> Result<(), StoreError> {
        let first = records.first().map_or(0, |record| record.seq);
        self.takes(&lease.run, first)?;
        let end = records.last().map_or(0, |record| record.seq + 1);
        let opened = records.iter().filter_map(|record| match &record.event {
            Event::TaskOpened { address, .. } => Some((address.clone(), record.at)),
            _ => None,
        });
        let opened = opened.collect();
        self.inner.append(lease, records, durability).await?;
        self.note_tasks(&lease.run, opened);
        self.stored(&lease.run, end).await;
        Ok(())
    }

    async fn acquire(
        &self,
        run: &RunId,
        owner: &str,
        now_ms: i64,
        ttl_ms: u64,
    ) -> Result<Lease, StoreError> {
        let lease = self.inner.acquire(run, owner, now_ms, ttl_ms).await?;
        self.leases.lock().expect("no holder panics").insert(run.clone(), lease.clone());
        Ok(lease)
    }

    async fn put_flow(&self, hash: &FlowHash, bundle: Vec<u8>) -> Result<(), StoreError> {
        self.inner.put_flow(hash, bundle).await
    }

    async fn get_flow(&self, hash: &FlowHash) -> Result<Option<Vec<u8>>, StoreError> {
        self.inner.get_flow(hash).await
    }

    async fn run(&self, run: &RunId) -> Result<Option<RunRow>, StoreError> {
        self.inner.run(run).await
    }

    async fn runs(&self, filter: &RunFilter) -> Result<Vec<RunRow>, StoreError> {
        self.inner.runs(filter).await
    }

    async fn run_ids(&self, prefix: &str, limit: usize) -> Result<Vec<RunId>, StoreError> {
        self.inner.run_ids(prefix, limit).await
    }

    async fn next_due(&self, after_ms: i64) -> Result<Option<i64>, StoreError> {
        self.inner.next_due(after_ms).await
    }

    async fn set_trouble(&self, run: &RunId, trouble: Option<Trouble>) -> Result<(), StoreError> {
        self.inner.set_trouble(run, trouble).await
    }

    async fn trouble(&self, run: &RunId) -> Result<Option<Trouble>, StoreError> {
        self.inner.trouble(run).await
    }

    async fn set_aside(
        &self,
        before: Option<&RunId>,
        limit: usize,
    ) -> Result<Vec<(RunId, Trouble)>, StoreError> {
        self.inner.set_aside(before, limit).await
    }

    async fn undelivered(&self, run: &RunId, limit: usize) -> Result<Vec<Letter>, StoreError> {
        self.inner.undelivered(run, limit).await
    }

    async fn outstanding(&self, now_ms: i64) -> Result<Vec<RunId>, StoreError> {
        self.inner.outstanding(now_ms).await
    }

    async fn park(&self, lease: &Lease, due: Option<i64>) -> Result<bool, StoreError> {
        self.inner.park(lease, due).await
    }

    async fn post(&self, letter: &Letter) -> Result<Posted, StoreError> {
        // A run of the world is not told; for whoever tells it is as if it were.
        if self.inner.run(&letter.run).await?.is_none() {
            return Ok(Posted::New);
        }
        self.inner.post(letter).await
    }

    async fn inbox(&self, run: &RunId, limit: usize) -> Result<Vec<Letter>, StoreError> {
        self.inner.inbox(run, limit).await
    }

    async fn waits(&self, filter: &WaitFilter) -> Result<Vec<OpenWait>, StoreError> {
        self.inner.waits(filter).await
    }

    async fn due(&self, now_ms: i64, below: Option<&RunId>) -> Result<Vec<RunId>, StoreError> {
        self.inner.due(now_ms, below).await
    }

    async fn children(&self, run: &RunId) -> Result<Vec<RunId>, StoreError> {
        self.inner.children(run).await
    }

    async fn renew(&self, lease: &Lease, now_ms: i64, ttl_ms: u64) -> Result<Lease, StoreError> {
        self.inner.renew(lease, now_ms, ttl_ms).await
    }

    async fn release(&self, lease: &Lease) -> Result<(), StoreError> {
        self.inner.release(lease).await
    }

    async fn journal(
        &self,
        run: &RunId,
        from_seq: u64,
        limit: usize,
    ) -> Result<Vec<Record>, StoreError> {
        self.inner.journal(run, from_seq, limit).await
    }

    async fn remove_run(&self, run: &RunId) -> Result<Removed, StoreError> {
        self.inner.remove_run(run).await
    }

    async fn put_blob(&self, tenant: &str, bytes: Vec<u8>) -> Result<BlobDigest, StoreError> {
        self.inner.put_blob(tenant, bytes).await
    }

    async fn get_blob(
        &self,
        tenant: &str,
        digest: &BlobDigest,
    ) -> Result<Option<Vec<u8>>, StoreError> {
        self.inner.get_blob(tenant, digest).await
    }

    async fn kv_get(&self, space: KvSpace<'_>, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        self.inner.kv_get(space, key).await
    }

    async fn kv_set(
        &self,
        space: KvSpace<'_>,
        key: &str,
        value: Vec<u8>,
    ) -> Result<(), StoreError> {
        self.inner.kv_set(space, key, value).await
    }

    async fn kv_delete(&self, space: KvSpace<'_>, key: &str) -> Result<bool, StoreError> {
        self.inner.kv_delete(space, key).await
    }

    async fn kv_swap(
        &self,
        space: KvSpace<'_>,
        key: &str,
        expected: Option<&[u8]>,
        value: Vec<u8>,
    ) -> Result<bool, StoreError> {
        self.inner.kv_swap(space, key, expected, value).await
    }

    async fn kv_list(
        &self,
        space: KvSpace<'_>,
        prefix: &str,
        after: Option<&str>,
    ) -> Result<KvPage, StoreError> {
        self.inner.kv_list(space, prefix, after).await
    }
}
