//! The one writer: a connection that commits everybody who waits together.
//!
//! The database takes one writer at a time, and a commit to the disk costs the same for one row as for a
//! thousand. So changes queue up, and while one group is being committed the next one gathers: latency of a
//! lone caller is one commit, and throughput grows with the number of callers.
//!
//! A thread of its own does everything that may wait: for the disk, for another process, for a large change,
//! for the log to be folded into the file. What is left, a small change of a lone caller, is made on the
//! caller's own thread: handing it over and back would cost more than making it.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot};

use super::fault::Fault;
use super::log::Log;
use super::{Class, SqliteConfig, remains};
use crate::error::StoreError;
use crate::store::Durability;

/// Changes that may wait; more callers wait for a place. Several times the runs a host executes at once.
const QUEUE_CHANGES: usize = 1024;

/// Changes committed together: enough to spread a sync over, few enough to keep the first one's wait short.
const GROUP_CHANGES: usize = 256;

/// Bytes of a change that a caller's thread makes: some microseconds of copying.
const SMALL_BYTES: usize = 64 * 1024;

/// A change that somebody waits for.
trait Change: Send {
    /// Makes it, in the group's transaction.
    fn make(&mut self, db: &Connection) -> Result<(), StoreError>;

    /// Tells its caller: the result, or why the group was not committed.
    fn tell(self: Box<Self>, failure: Option<&StoreError>);
}

struct Asked<T, F> {
    work: Option<F>,
    result: Option<Result<T, StoreError>>,
    caller: oneshot::Sender<Result<T, StoreError>>,
}

impl<T, F> Change for Asked<T, F>
where
    T: Send,
    F: FnOnce(&Connection) -> Result<T, Fault> + Send,
{
    fn make(&mut self, db: &Connection) -> Result<(), StoreError> {
        let work = self.work.take().expect("a change is made once");
        let result = work(db).map_err(|Fault(error)| error);
        let outcome = result.as_ref().map(|_| ()).map_err(Clone::clone);
        self.result = Some(result);
        outcome
    }

    fn tell(self: Box<Self>, failure: Option<&StoreError>) {
        let result = match failure {
            Some(error) => Err(error.clone()),
            None => self.result.expect("every change of a committed group was made"),
        };
        // A caller that went away wants no answer; its change stays.
        let _ = self.caller.send(result);
    }
}

struct Queued {
    change: Box<dyn Change>,
    bytes: usize,
    /// Whether the commit waits for the disk.
    sync: bool,
}

/// The handle of the writer. The thread ends, and the connection closes, when this is dropped.
#[derive(Debug)]
pub(super) struct Writer {
    class: Class,
    turn: Arc<Mutex<Turn>>,
    /// Changes that were given to the thread and are not committed: whoever comes now is no lone caller.
    waiting: Arc<AtomicUsize>,
    queue: Option<mpsc::Sender<Queued>>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    /// Starts the writer on a connection of its own.
    pub(super) fn start(db: Connection, log: Log, config: &SqliteConfig) -> std::io::Result<Self> {
        let (queue, changes) = mpsc::channel(QUEUE_CHANGES);
        let (syncs, stopped) = (None, None);
        let (lock_wait, max_bytes) = (config.lock_wait, config.max_bytes);
        let turn = Turn { db, log, lock_wait, max_bytes, syncs, stopped };
        let turn = Arc::new(Mutex::new(turn));
        let waiting = Arc::new(AtomicUsize::new(0));
        let (shared, counted) = (turn.clone(), waiting.clone());
        let thread = thread::Builder::new()
            .name("cleargate-store".into())
            .spawn(move || serve(changes, &shared, &counted))?;
        let (class, queue, thread) = (config.class, Some(queue), Some(thread));
        Ok(Self { class, turn, waiting, queue, thread })
    }

    /// Makes a change of about `bytes` bytes and returns when it is committed. It is made even when nobody
    /// waits any more.
    pub(super) async fn write<T: Send + 'static>(
        &self,
        durability: Durability,
        bytes: usize,
        mut work: impl FnOnce(&Connection) -> Result<T, Fault> + Send + 'static,
    ) -> Result<T, StoreError> {
        let sync = durability == Durability::Sync && self.class == Class::PowerSafe;
        if !sync && bytes <= SMALL_BYTES && self.waiting.load(Ordering::Acquire) == 0 {
            match self.here(bytes, work) {
                Ok(made) => return made,
                Err(unmade) => work = unmade,
            }
        }
        let (caller, answer) = oneshot::channel();
        let change = Box::new(Asked { work: Some(work), result: None, caller });
        let queue = self.queue.as_ref().expect("the queue is there until the drop");
        let place = queue.reserve().await.map_err(|_| StoreError::Closed)?;
        self.waiting.fetch_add(1, Ordering::AcqRel);
        place.send(Queued { change, bytes, sync });
        answer.await.map_err(|_| StoreError::Closed)?
    }

    /// Makes a change on this thread, or gives it back when that would mean to wait.
    fn here<T, W>(&self, bytes: usize, work: W) -> Result<Result<T, StoreError>, W>
    where
        W: FnOnce(&Connection) -> Result<T, Fault>,
    {
        match self.turn.try_lock() {
            Ok(mut turn) if !turn.log.is_due(bytes) => turn.alone(bytes, work),
            _ => Err(work),
        }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        drop(self.queue.take());
        if let Some(thread) = self.thread.take() {
            // It ends after the changes that are queued. A panic in there was reported by its own hook.
            let _ = thread.join();
        }
    }
}

/// The thread's side.
fn serve(mut changes: mpsc::Receiver<Queued>, turn: &Mutex<Turn>, waiting: &AtomicUsize) {
    while let Some(first) = changes.blocking_recv() {
        let (mut sync, mut bytes, mut group) = (first.sync, first.bytes, vec![first.change]);
        while group.len() < GROUP_CHANGES
            && let Ok(next) = changes.try_recv()
        {
            sync |= next.sync;
            bytes = bytes.saturating_add(next.bytes);
            group.push(next.change);
        }
        let count = group.len();
        // A change that panicked left nothing behind: its transaction is rolled back by the next one.
        let mut turn = turn.lock().unwrap_or_else(PoisonError::into_inner);
        let failure = turn.commit(&mut group, bytes, sync).err();
        for change in group {
            change.tell(failure.as_ref());
        }
        turn.fold();
        drop(turn);
        waiting.fetch_sub(count, Ordering::AcqRel);
    }
}

/// The connection and what is known of it, for whoever has the turn to write.
#[derive(Debug)]
struct Turn {
    db: Connection,
    log: Log,
    lock_wait: Duration,
    /// Bytes that the store may have, for whoever is told that it is full.
    max_bytes: Option<u64>,
    /// Whether commits wait for the disk at present; unknown at first.
    syncs: Option<bool>,
    /// Set for good once the disk failed.
    stopped: Option<StoreError>,
}

impl Turn {
    /// Commits one change without waiting for anybody, or gives it back when another process is writing.
    fn alone<T, W>(&mut self, bytes: usize, work: W) -> Result<Result<T, StoreError>, W>
    where
        W: FnOnce(&Connection) -> Result<T, Fault>,
    {
        match self.begin(false, Duration::ZERO) {
            Err(StoreError::Locked) => return Err(work),
            Err(error) => return Ok(Err(self.failed(error, bytes))),
            Ok(()) => {}
        }
        let made = work(&self.db).map_err(|Fault(error)| error);
        let made = made.and_then(|made| self.run("COMMIT").map(|()| made));
        self.log.grew(1, bytes);
        Ok(made.map_err(|error| self.failed(error, bytes)))
    }

    /// Commits a group, or fails all of it. A change that is refused leaves the others alone.
    fn commit(
        &mut self,
        group: &mut [Box<dyn Change>],
        bytes: usize,
        sync: bool,
    ) -> Result<(), StoreError> {
        let done = self.attempt(group, sync);
        self.log.grew(group.len(), bytes);
        done.map_err(|error| self.failed(error, bytes))
    }

    fn attempt(&mut self, group: &mut [Box<dyn Change>], sync: bool) -> Result<(), StoreError> {
        self.log.make_room(&self.db)?;
        self.begin(sync, self.lock_wait)?;
        for change in group {
            self.run("SAVEPOINT change")?;
            if let Err(error) = change.make(&self.db) {
                // The database ends the transaction by itself when the disk is full or failed.
                if self.db.is_autocommit() || matches!(error, StoreError::Io { .. }) {
                    return Err(error);
                }
                self.run("ROLLBACK TO change")?;
            }
            self.run("RELEASE change")?;
        }
        self.run("COMMIT")
    }

    fn begin(&mut self, sync: bool, lock_wait: Duration) -> Result<(), StoreError> {
        if let Some(error) = &self.stopped {
            return Err(error.clone());
        }
        let fault = |error| Fault::from(error).0;
        if !self.db.is_autocommit() {
            self.db.execute_batch("ROLLBACK").map_err(fault)?;
        }
        if self.syncs != Some(sync) {
            let level = if sync { "FULL" } else { "NORMAL" };
            self.db.pragma_update(None, "synchronous", level).map_err(fault)?;
            self.syncs = Some(sync);
        }
        self.db.busy_timeout(lock_wait).map_err(fault)?;
        self.run("BEGIN IMMEDIATE")
    }

    /// Takes back what an error left half done, a change of about `bytes` bytes. After some errors nothing may be written
    /// any more.
    fn failed(&mut self, error: StoreError, bytes: usize) -> StoreError {
        if !self.db.is_autocommit() && self.db.execute_batch("ROLLBACK").is_err() {
            tracing::error!("a failed group of changes could not be rolled back");
        }
        if matches!(error, StoreError::Io { .. }) && self.stopped.is_none() {
            // After a failed sync the system may have dropped the pages it could not write: the next
            // sync would succeed and prove nothing. The log stays for whoever opens the store next: see `remains`.
            tracing::error!(%error, "the store stops writing");
            if remains::leave_log(&self.db).is_err() {
                tracing::error!("the log is folded although it is not trusted");
            }
            self.stopped = Some(error.clone());
        }
        match error {
            StoreError::Full { .. } => StoreError::Full { limit: self.reached(bytes) },
            other => other,
        }
    }

    /// The bound on the size, when a change of `bytes` bytes comes near it. The database says "full" of the disk and of
    /// the bound alike, and what helps is not the same.
    fn reached(&self, bytes: usize) -> Option<u64> {
        let number = |name| self.db.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
        let file = number("page_count").and_then(|pages| Ok(pages * number("page_size")?));
        let held = file.unwrap_or_default().unsigned_abs().saturating_add(bytes as u64);
        // A quarter is the log's, and whole pages are more than the bytes in them.
        self.max_bytes.filter(|most| held > most / 2)
    }

    /// Folds the log into the file when it is time to.
    fn fold(&mut self) {
        if self.stopped.is_none()
            && self.log.is_due(0)
            && let Err(error) = self.log.fold(&self.db)
        {
            // Nothing is lost: what the file has no room for stays in the log.
            tracing::warn!(%error, "the log of the store was not folded into its file");
            self.failed(error, 0);
        }
    }

    fn run(&self, sql: &'static str) -> Result<(), StoreError> {
        let done = self.db.prepare_cached(sql).and_then(|mut statement| statement.execute(()));
        done.map(|_| ()).map_err(|error| Fault::from(error).0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn writer(class: Class) -> Writer {
        let db = Connection::open_in_memory().unwrap();
        db.execute_batch("CREATE TABLE t (x INTEGER UNIQUE)").unwrap();
        let config = SqliteConfig::new(class);
        Writer::start(db, Log::of("none".as_ref(), &config), &config).unwrap()
    }

    fn add(x: i64) -> impl FnOnce(&Connection) -> Result<usize, Fault> {
        move |db| Ok(db.execute("INSERT INTO t VALUES (?1)", [x])?)
    }

    async fn sum(writer: &Writer) -> Option<i64> {
        let sum = |db: &Connection| Ok(db.query_row("SELECT sum(x) FROM t", (), |row| row.get(0))?);
        writer.write(Durability::Batched, 0, sum).await.unwrap()
    }

    #[tokio::test]
    async fn a_refused_change_is_taken_back_alone() {
        let writer = writer(Class::PowerSafe);
        // One task polls all three before the thread can answer: they may be one group or several.
        let half = |db: &Connection| {
            add(10)(db)?;
            Err::<(), _>(Fault(StoreError::Closed))
        };
        let (first, refused, last) = tokio::join!(
            writer.write(Durability::Sync, 0, add(1)),
            writer.write(Durability::Sync, 0, half),
            writer.write(Durability::Batched, 0, add(100)),
        );
        assert_eq!((first, refused, last), (Ok(1), Err(StoreError::Closed), Ok(1)));
        assert_eq!(sum(&writer).await, Some(101));
    }

    #[tokio::test]
    async fn a_failed_disk_stops_all_writing() {
        let writer = writer(Class::PowerSafe);
        let failed = StoreError::Io { reason: "the sync failed".into() };
        let told = failed.clone();
        let broken = move |db: &Connection| {
            add(1)(db)?;
            Err::<(), _>(Fault(told))
        };
        assert_eq!(writer.write(Durability::Sync, 0, broken).await, Err(failed.clone()));
        assert_eq!(writer.write(Durability::Sync, 0, add(2)).await, Err(failed));
    }

    #[tokio::test]
    async fn a_change_that_nobody_waits_for_is_made() {
        let writer = writer(Class::PowerSafe);
        let hold = |_: &Connection| {
            thread::sleep(std::time::Duration::from_millis(20));
            Ok(())
        };
        let (held, ()) = tokio::join!(writer.write(Durability::Sync, 0, hold), async {
            let change = writer.write(Durability::Batched, 0, add(7));
            let soon = std::time::Duration::ZERO;
            assert!(tokio::time::timeout(soon, change).await.is_err());
        });
        assert_eq!(held, Ok(()));
        assert_eq!(sum(&writer).await, Some(7));
    }

    #[tokio::test]
    async fn a_lone_caller_makes_a_small_change_itself_and_the_thread_all_others() {
        let name = |_: &Connection| Ok(thread::current().name().map(str::to_owned));
        for (class, durability, bytes, here) in [
            (Class::ProcessSafe, Durability::Sync, SMALL_BYTES, true),
            (Class::PowerSafe, Durability::Batched, 0, true),
            (Class::PowerSafe, Durability::Sync, 0, false),
            (Class::ProcessSafe, Durability::Sync, SMALL_BYTES + 1, false),
        ] {
            let made = writer(class).write(durability, bytes, name).await.unwrap();
            let thread = made.as_deref() == Some("cleargate-store");
            assert_eq!(thread, !here, "{class:?} {durability:?} {bytes}");
        }
        // The log is folded by the thread alone, however small the changes are.
        let writer = writer(Class::ProcessSafe);
        let mut by_thread = 0;
        for _ in 0..1000 {
            let made = writer.write(Durability::Sync, 1000, name).await.unwrap();
            by_thread += usize::from(made.as_deref() == Some("cleargate-store"));
        }
        assert!((1..10).contains(&by_thread), "{by_thread}");
    }

    #[tokio::test]
    async fn a_caller_hands_over_what_it_would_have_to_wait_for() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("t.db");
        let other = Connection::open(&path).unwrap();
        other.pragma_update(None, "journal_mode", "WAL").unwrap();
        other.execute_batch("CREATE TABLE t (x INTEGER UNIQUE); BEGIN IMMEDIATE").unwrap();
        let config = SqliteConfig::new(Class::ProcessSafe);
        let db = Connection::open(&path).unwrap();
        let writer = Writer::start(db, Log::of(&path, &config), &config).unwrap();
        let (added, ()) = tokio::join!(writer.write(Durability::Sync, 0, add(1)), async {
            other.execute_batch("COMMIT").unwrap();
        });
        assert_eq!(added, Ok(1));
    }

    #[tokio::test]
    async fn a_change_that_panics_leaves_nothing_behind() {
        let writer = Arc::new(writer(Class::ProcessSafe));
        let shared = writer.clone();
        let mut task = tokio::task::JoinSet::new();
        task.spawn(async move {
            let half = |db: &Connection| -> Result<(), Fault> {
                add(1)(db)?;
                panic!("in the middle")
            };
            shared.write(Durability::Sync, 0, half).await
        });
        assert!(task.join_next().await.unwrap().unwrap_err().is_panic());
        assert_eq!(writer.write(Durability::Sync, 0, add(2)).await, Ok(1));
        assert_eq!(sum(&writer).await, Some(2));
    }

    #[tokio::test]
    async fn more_changes_than_the_queue_holds_wait_for_a_place() {
        let writer = std::sync::Arc::new(writer(Class::PowerSafe));
        let count = 2 * QUEUE_CHANGES as i64;
        let changes: tokio::task::JoinSet<_> = (1..=count)
            .map(|x| {
                let writer = std::sync::Arc::clone(&writer);
                async move { writer.write(Durability::Batched, 0, add(x)).await }
            })
            .collect();
        assert!(changes.join_all().await.into_iter().all(|done| done == Ok(1)));
        assert_eq!(sum(&writer).await, Some(count * (count + 1) / 2));
    }
}
