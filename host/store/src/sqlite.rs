//! The store in one SQLite file: what survives the process.
//!
//! One thread writes, in groups; readers have connections of their own and see the last commit. The rules of
//! runs are not here: each change loads the head of its run, lets `head` change it, and writes it back in
//! one transaction. Several processes may open the same file: the database orders their transactions, and
//! tokens of leases refuse the late one.

mod blobs;
mod checksum;
mod error;
mod fault;
mod file;
mod inbox;
mod journal;
mod log;
mod open_waits;
mod readers;
mod remains;
mod removal;
mod runs;
mod troubles;
mod used;
mod values;
mod writer;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use cleargate_flow::{FlowHash, Record, RunId};

pub use self::error::OpenError;

use self::log::Log;
use self::readers::Readers;
use self::values::Place;
use self::writer::Writer;
use crate::blob::{BlobDigest, MAX_BLOB_BYTES, MAX_FLOW_BYTES, check_size};
use crate::error::StoreError;
use crate::head::{Batch, Head};
use crate::kv::{KvPage, KvSpace, check_entry, check_key};
use crate::quota::{OWNED_BLOBS, Quota};
use crate::run::{Created, Lease, NewRun, Removed, RunFilter, RunRow, RunStatus};
use crate::store::{Durability, MAX_PAGE, Store};
use crate::trouble::Trouble;
use crate::waits::{Letter, OpenWait, Posted, WaitFilter, changes, check_letter};

/// How long a change waits for another process that is writing: many commits, and short enough that a
/// process that hangs is noticed.
pub const LOCK_WAIT: Duration = Duration::from_secs(5);

/// What an acknowledged record survives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// The end of the process, however it comes. A power cut may take the latest records, never leaving a gap.
    ProcessSafe,
    /// Also a power cut: each commit waits for the disk.
    PowerSafe,
}

/// How a store is opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SqliteConfig {
    /// What an acknowledged record survives.
    pub class: Class,
    /// Whether a store that is not there is created.
    pub create: bool,
    /// Bytes that the file and its log may have together, a quarter of them for the log; absent for as many as the
    /// disk has. A store that is larger already stays readable and grows no more. The log may pass its part
    /// by the changes of one commit.
    pub max_bytes: Option<u64>,
    /// What plugins may fill of it.
    pub quota: Quota,
    /// How long to wait for another process that is writing.
    pub lock_wait: Duration,
}

impl SqliteConfig {
    /// Creates what is missing, has no bound on its size but on what plugins may fill, and waits [`LOCK_WAIT`].
    pub fn new(class: Class) -> Self {
        let quota = Quota::default();
        Self { class, create: true, max_bytes: None, quota, lock_wait: LOCK_WAIT }
    }
}

/// Everything in one file. Dropping it waits until what was asked for is committed.
#[derive(Debug)]
pub struct SqliteStore {
    writer: Writer,
    readers: Arc<Readers>,
    quota: Quota,
}

impl SqliteStore {
    /// Opens the store at `path`, creating it and its folder when that is wanted. Blocks on the disk.
    ///
    /// # Errors
    /// Everything that is no store of this version is refused and left as it is.
    pub fn open(path: impl AsRef<Path>, config: &SqliteConfig) -> Result<Self, OpenError> {
        let path = path.as_ref();
        let io = |error: std::io::Error| OpenError::Io {
            path: path.to_owned(),
            reason: error.to_string(),
        };
        // Absolute, so that a path such as `file:x` is no URI to the database.
        let absolute = std::path::absolute(path).map_err(io)?;
        let db = file::open(&absolute, config)?;
        let log = Log::of(&absolute, config);
        let readers = Readers::new(absolute, config.lock_wait);
        let writer = Writer::start(db, log, config).map_err(io)?;
        Ok(Self { writer, readers, quota: config.quota })
    }
}

impl Drop for SqliteStore {
    fn drop(&mut self) {
        // The writer's connection closes last, which folds the log into the file.
        self.readers.close();
    }
}

#[async_trait]
impl Store for SqliteStore {
    async fn put_flow(&self, hash: &FlowHash, bundle: Vec<u8>) -> Result<(), StoreError> {
        check_size("flow bundle", &bundle, MAX_FLOW_BYTES)?;
        let (hash, bytes) = (hash.clone(), bundle.len());
        let put = move |db: &_| blobs::put_flow(db, &hash, &bundle);
        self.writer.write(Durability::Sync, bytes, put).await
    }

    async fn get_flow(&self, hash: &FlowHash) -> Result<Option<Vec<u8>>, StoreError> {
        let hash = hash.clone();
        self.readers.read(move |db| blobs::get_flow(db, &hash)).await
    }

    async fn create_run(&self, mut run: NewRun) -> Result<Created, StoreError> {
        let batch = Batch::of_new(&run)?;
        let entries = journal::encode(&run.id, std::mem::take(&mut run.first))?;
        let bytes = journal::bytes(&entries);
        let create = move |db: &_| {
            if let Some(run) = runs::by_key(db, &run)? {
                return Ok(Created::Exists(run));
            }
            if runs::find(db, &run.id)?.is_some() {
                return Err(StoreError::RunExists { run: run.id }.into());
            }
            let run = runs::insert(db, run, Head::new(&batch))?;
            journal::insert(db, run.nr, &entries)?;
            Ok(Created::New)
        };
        self.writer.write(Durability::Sync, bytes, create).await
    }

    async fn run(&self, run: &RunId) -> Result<Option<RunRow>, StoreError> {
        let run = run.clone();
        self.readers.read(move |db| Ok(runs::find(db, &run)?.map(|run| run.row()))).await
    }

    async fn runs(&self, filter: &RunFilter) -> Result<Vec<RunRow>, StoreError> {
        let filter = filter.clone();
        self.readers.read(move |db| runs::list(db, &filter)).await
    }

    async fn run_ids(&self, prefix: &str, limit: usize) -> Result<Vec<RunId>, StoreError> {
        let prefix = prefix.to_owned();
        self.readers.read(move |db| runs::ids(db, &prefix, limit.min(MAX_PAGE))).await
    }

    async fn outstanding(&self, now_ms: i64) -> Result<Vec<RunId>, StoreError> {
        self.readers.read(move |db| runs::outstanding(db, now_ms)).await
    }

    // Leases need no sync of their own: a power cut ends their holders too, and a record that was written
    // under one is only durable together with it.

    async fn acquire(
        &self,
        run: &RunId,
        owner: &str,
        now_ms: i64,
        ttl_ms: u64,
    ) -> Result<Lease, StoreError> {
        let (run, owner) = (run.clone(), owner.to_owned());
        let acquire = move |db: &_| {
            let mut stored = runs::load(db, &run)?;
            let waited = stored.head.status == RunStatus::Waiting;
            let lease = stored.head.acquire(&run, &owner, now_ms, ttl_ms)?;
            if waited {
                open_waits::set_alarm(db, stored.nr, None)?;
                runs::restate(db, &stored)?;
            } else {
                runs::save(db, &stored)?;
            }
            Ok(lease)
        };
        self.writer.write(Durability::Batched, 0, acquire).await
    }

    async fn renew(&self, lease: &Lease, now_ms: i64, ttl_ms: u64) -> Result<Lease, StoreError> {
        let lease = lease.clone();
        let renew = move |db: &_| {
            let mut stored = runs::load(db, &lease.run)?;
            let lease = stored.head.renew(&lease, now_ms, ttl_ms)?;
            runs::save(db, &stored)?;
            Ok(lease)
        };
        self.writer.write(Durability::Batched, 0, renew).await
    }

    async fn release(&self, lease: &Lease) -> Result<(), StoreError> {
        let lease = lease.clone();
        let release = move |db: &_| {
            let mut stored = runs::load(db, &lease.run)?;
            if stored.head.release(&lease) {
                runs::save(db, &stored)?;
            }
            Ok(())
        };
        self.writer.write(Durability::Batched, 0, release).await
    }

    async fn park(&self, lease: &Lease, due: Option<i64>) -> Result<bool, StoreError> {
        let lease = lease.clone();
        let park = move |db: &_| {
            let mut stored = runs::load(db, &lease.run)?;
            if inbox::any(db, stored.nr)? {
                return Ok(false);
            }
            stored.head.park(&lease)?;
            open_waits::set_alarm(db, stored.nr, due)?;
            runs::restate(db, &stored)?;
            Ok(true)
        };
        self.writer.write(Durability::Sync, 0, park).await
    }

    async fn post(&self, letter: &Letter) -> Result<Posted, StoreError> {
        let body = check_letter(letter)?;
        let (letter, bytes) = (letter.clone(), body.len());
        let post = move |db: &_| inbox::post(db, &letter, &body);
        self.writer.write(Durability::Sync, bytes, post).await
    }

    async fn inbox(&self, run: &RunId, limit: usize) -> Result<Vec<Letter>, StoreError> {
        let run = run.clone();
        self.readers.read(move |db| inbox::read(db, &run, limit.min(MAX_PAGE))).await
    }

    async fn undelivered(&self, run: &RunId, limit: usize) -> Result<Vec<Letter>, StoreError> {
        let run = run.clone();
        self.readers.read(move |db| inbox::undelivered(db, &run, limit.min(MAX_PAGE))).await
    }

    async fn waits(&self, filter: &WaitFilter) -> Result<Vec<OpenWait>, StoreError> {
        let filter = filter.clone();
        self.readers.read(move |db| open_waits::list(db, &filter)).await
    }

    async fn due(&self, now_ms: i64, below: Option<&RunId>) -> Result<Vec<RunId>, StoreError> {
        let below = below.cloned();
        self.readers.read(move |db| open_waits::due(db, now_ms, below.as_ref())).await
    }

    async fn next_due(&self, after_ms: i64) -> Result<Option<i64>, StoreError> {
        self.readers.read(move |db| open_waits::next_due(db, after_ms)).await
    }

    // As little as a lease does a note need a sync: without it a run is tried once more.
    async fn set_trouble(&self, run: &RunId, trouble: Option<Trouble>) -> Result<(), StoreError> {
        let run = run.clone();
        let set = move |db: &_| troubles::set(db, &run, trouble);
        self.writer.write(Durability::Batched, 0, set).await
    }

    async fn trouble(&self, run: &RunId) -> Result<Option<Trouble>, StoreError> {
        let run = run.clone();
        self.readers.read(move |db| troubles::get(db, &run)).await
    }

    async fn set_aside(
        &self,
        before: Option<&RunId>,
        limit: usize,
    ) -> Result<Vec<(RunId, Trouble)>, StoreError> {
        let before = before.cloned();
        self.readers.read(move |db| troubles::list(db, before.as_ref(), limit)).await
    }

    async fn children(&self, run: &RunId) -> Result<Vec<RunId>, StoreError> {
        let run = run.clone();
        self.readers.read(move |db| runs::children(db, &run)).await
    }

    async fn append(
        &self,
        lease: &Lease,
        records: Vec<Record>,
        durability: Durability,
    ) -> Result<(), StoreError> {
        let batch = Batch::of(&lease.run, &records)?;
        let changes = changes(&records);
        let entries = journal::encode(&lease.run, records)?;
        let bytes = journal::bytes(&entries);
        let lease = lease.clone();
        let append = move |db: &_| {
            let mut stored = runs::load(db, &lease.run)?;
            stored.head.append(&lease, batch.as_ref())?;
            journal::insert(db, stored.nr, &entries)?;
            open_waits::apply(db, stored.nr, &changes)?;
            if let Some(pin) = batch.and_then(|batch| batch.pin) {
                stored.new.hash = pin;
                runs::pin(db, &stored)?;
            }
            runs::save(db, &stored)
        };
        self.writer.write(durability, bytes, append).await
    }

    async fn journal(
        &self,
        run: &RunId,
        from_seq: u64,
        limit: usize,
    ) -> Result<Vec<Record>, StoreError> {
        let run = run.clone();
        let limit = limit.min(MAX_PAGE);
        self.readers.read(move |db| journal::read(db, &run, from_seq, limit)).await
    }

    async fn remove_run(&self, run: &RunId) -> Result<Removed, StoreError> {
        let run = run.clone();
        self.writer
            .write(Durability::Batched, removal::BYTES, move |db: &_| removal::remove(db, &run))
            .await
    }

    async fn put_blob(&self, tenant: &str, bytes: Vec<u8>) -> Result<BlobDigest, StoreError> {
        check_size("blob", &bytes, MAX_BLOB_BYTES)?;
        let digest = BlobDigest::of(&bytes);
        let (space, key) = (KvSpace::new(tenant, OWNED_BLOBS), digest.to_string());
        check_key(space, &key)?;
        let (place, quota, size) = (Place::new(space, &key), self.quota, bytes.len());
        let put = move |db: &_| {
            values::own_blob(db, quota, &place, size as u64)?;
            blobs::put(db, &digest, &bytes)
        };
        self.writer.write(Durability::Sync, size, put).await?;
        Ok(digest)
    }

    async fn get_blob(
        &self,
        tenant: &str,
        digest: &BlobDigest,
    ) -> Result<Option<Vec<u8>>, StoreError> {
        let digest = *digest;
        let place = Place::new(KvSpace::new(tenant, OWNED_BLOBS), &digest.to_string());
        let get = move |db: &_| match values::get(db, &place)? {
            Some(_) => blobs::get(db, &digest),
            None => Ok(None),
        };
        self.readers.read(get).await
    }

    async fn kv_get(&self, space: KvSpace<'_>, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        check_key(space, key)?;
        let place = Place::new(space, key);
        self.readers.read(move |db| values::get(db, &place)).await
    }

    async fn kv_set(
        &self,
        space: KvSpace<'_>,
        key: &str,
        value: Vec<u8>,
    ) -> Result<(), StoreError> {
        check_entry(space, key, &value)?;
        let place = Place::new(space, key);
        let (bytes, quota) = (value.len(), self.quota);
        let set = move |db: &_| values::set(db, quota, &place, &value);
        self.writer.write(Durability::Sync, bytes, set).await
    }

    async fn kv_delete(&self, space: KvSpace<'_>, key: &str) -> Result<bool, StoreError> {
        check_key(space, key)?;
        let place = Place::new(space, key);
        let quota = self.quota;
        self.writer.write(Durability::Sync, 0, move |db| values::delete(db, quota, &place)).await
    }

    async fn kv_swap(
        &self,
        space: KvSpace<'_>,
        key: &str,
        expected: Option<&[u8]>,
        value: Vec<u8>,
    ) -> Result<bool, StoreError> {
        check_entry(space, key, &value)?;
        let (place, expected) = (Place::new(space, key), expected.map(<[u8]>::to_vec));
        let (bytes, quota) = (value.len(), self.quota);
        let swap = move |db: &_| values::swap(db, quota, &place, expected.as_deref(), &value);
        self.writer.write(Durability::Sync, bytes, swap).await
    }

    async fn kv_list(
        &self,
        space: KvSpace<'_>,
        prefix: &str,
        after: Option<&str>,
    ) -> Result<KvPage, StoreError> {
        check_key(space, prefix)?;
        check_key(space, after.unwrap_or_default())?;
        let (prefix, after) = (Place::new(space, prefix), after.map(str::to_owned));
        self.readers.read(move |db| values::list(db, &prefix, after.as_deref())).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn it_keeps_the_contract() {
        let folder = tempfile::tempdir().unwrap();
        let process = SqliteConfig::new(Class::ProcessSafe);
        let store = SqliteStore::open(folder.path().join("process.db"), &process).unwrap();
        crate::conformance::check(&store).await;
        let quota = Quota { values: 5_000, blobs: 9_000 };
        let bounded = SqliteConfig { quota, ..process };
        let store = SqliteStore::open(folder.path().join("bounded.db"), &bounded).unwrap();
        crate::conformance::keeps_to_quotas(&store, quota).await;
        // Without the many small values: each of them would wait for the disk.
        let power = SqliteConfig::new(Class::PowerSafe);
        let store = SqliteStore::open(folder.path().join("power.db"), &power).unwrap();
        crate::conformance::creates_once(&store).await;
        crate::conformance::fences(&store).await;
        crate::conformance::appends_without_gaps(&store).await;
    }
}
