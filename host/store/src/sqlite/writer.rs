//! The one writer: a thread that commits everybody who waits together.
//!
//! The database takes one writer at a time, and a commit to the disk costs the same for one row as for a
//! thousand. So changes queue up, and while one group is being committed the next one gathers: latency of a
//! lone caller is one commit, and throughput grows with the number of callers.

use std::thread::{self, JoinHandle};

use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot};

use super::Class;
use super::fault::Fault;
use crate::error::StoreError;
use crate::store::Durability;

/// Changes that may wait; more callers wait for a place. Several times the runs a host executes at once.
const QUEUE_CHANGES: usize = 1024;

/// Changes committed together: enough to spread a sync over, few enough to keep the first one's wait short.
const GROUP_CHANGES: usize = 256;

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

type Queued = (Durability, Box<dyn Change>);

/// The handle of the writer. The thread ends, and its connection closes, when this is dropped.
#[derive(Debug)]
pub(super) struct Writer {
    queue: Option<mpsc::Sender<Queued>>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    /// Starts the writer on a connection of its own.
    pub(super) fn start(db: Connection, class: Class) -> std::io::Result<Self> {
        let (queue, changes) = mpsc::channel(QUEUE_CHANGES);
        let turn = Turn { db, class, syncs: None, stopped: None };
        let thread = thread::Builder::new()
            .name("cleargate-store".into())
            .spawn(move || turn.serve(changes))?;
        Ok(Self { queue: Some(queue), thread: Some(thread) })
    }

    /// Makes a change and returns when it is committed. It is made even when nobody waits any more.
    pub(super) async fn write<T: Send + 'static>(
        &self,
        durability: Durability,
        work: impl FnOnce(&Connection) -> Result<T, Fault> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (caller, answer) = oneshot::channel();
        let change = Box::new(Asked { work: Some(work), result: None, caller });
        let queue = self.queue.as_ref().expect("the queue is there until the drop");
        queue.send((durability, change)).await.map_err(|_| StoreError::Closed)?;
        answer.await.map_err(|_| StoreError::Closed)?
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
struct Turn {
    db: Connection,
    class: Class,
    /// Whether commits wait for the disk at present; unknown at first.
    syncs: Option<bool>,
    /// Set for good once the disk failed.
    stopped: Option<StoreError>,
}

impl Turn {
    fn serve(mut self, mut changes: mpsc::Receiver<Queued>) {
        while let Some(first) = changes.blocking_recv() {
            let mut sync = first.0 == Durability::Sync;
            let mut group = vec![first.1];
            while group.len() < GROUP_CHANGES
                && let Ok((durability, change)) = changes.try_recv()
            {
                sync |= durability == Durability::Sync;
                group.push(change);
            }
            let failure = self.commit(&mut group, sync).err();
            for change in group {
                change.tell(failure.as_ref());
            }
        }
    }

    /// Commits a group, or fails all of it. A change that is refused leaves the others alone.
    fn commit(&mut self, group: &mut [Box<dyn Change>], sync: bool) -> Result<(), StoreError> {
        if let Some(error) = &self.stopped {
            return Err(error.clone());
        }
        let outcome = self.attempt(group, sync && self.class == Class::PowerSafe);
        if let Err(error) = &outcome {
            if !self.db.is_autocommit() && self.db.execute_batch("ROLLBACK").is_err() {
                tracing::error!("a failed group of changes could not be rolled back");
            }
            if matches!(error, StoreError::Io { .. }) {
                // After a failed sync the system may have dropped the pages it could not write: the next
                // sync would succeed and prove nothing. Only a new process reads what is really there.
                tracing::error!(%error, "the store stops writing");
                self.stopped = Some(error.clone());
            }
        }
        outcome
    }

    fn attempt(&mut self, group: &mut [Box<dyn Change>], sync: bool) -> Result<(), StoreError> {
        let fault = |error| Fault::from(error).0;
        if self.syncs != Some(sync) {
            let level = if sync { "FULL" } else { "NORMAL" };
            self.db.pragma_update(None, "synchronous", level).map_err(fault)?;
            self.syncs = Some(sync);
        }
        self.run("BEGIN IMMEDIATE")?;
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

    fn run(&self, sql: &'static str) -> Result<(), StoreError> {
        let done = self.db.prepare_cached(sql).and_then(|mut statement| statement.execute(()));
        done.map(|_| ()).map_err(|error| Fault::from(error).0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn writer() -> Writer {
        let db = Connection::open_in_memory().unwrap();
        db.execute_batch("CREATE TABLE t (x INTEGER UNIQUE)").unwrap();
        Writer::start(db, Class::PowerSafe).unwrap()
    }

    fn add(x: i64) -> impl FnOnce(&Connection) -> Result<usize, Fault> {
        move |db| Ok(db.execute("INSERT INTO t VALUES (?1)", [x])?)
    }

    async fn sum(writer: &Writer) -> Option<i64> {
        let sum = |db: &Connection| Ok(db.query_row("SELECT sum(x) FROM t", (), |row| row.get(0))?);
        writer.write(Durability::Batched, sum).await.unwrap()
    }

    #[tokio::test]
    async fn a_refused_change_is_taken_back_alone() {
        let writer = writer();
        // One task polls all three before the thread can answer: they may be one group or several.
        let half = |db: &Connection| {
            add(10)(db)?;
            Err::<(), _>(Fault(StoreError::Closed))
        };
        let (first, refused, last) = tokio::join!(
            writer.write(Durability::Sync, add(1)),
            writer.write(Durability::Sync, half),
            writer.write(Durability::Batched, add(100)),
        );
        assert_eq!((first, refused, last), (Ok(1), Err(StoreError::Closed), Ok(1)));
        assert_eq!(sum(&writer).await, Some(101));
    }

    #[tokio::test]
    async fn a_failed_disk_stops_all_writing() {
        let writer = writer();
        let failed = StoreError::Io { reason: "the sync failed".into() };
        let told = failed.clone();
        let broken = move |db: &Connection| {
            add(1)(db)?;
            Err::<(), _>(Fault(told))
        };
        assert_eq!(writer.write(Durability::Sync, broken).await, Err(failed.clone()));
        assert_eq!(writer.write(Durability::Sync, add(2)).await, Err(failed));
    }

    #[tokio::test]
    async fn a_change_that_nobody_waits_for_is_made() {
        let writer = writer();
        let hold = |_: &Connection| {
            thread::sleep(std::time::Duration::from_millis(20));
            Ok(())
        };
        let (held, ()) = tokio::join!(writer.write(Durability::Batched, hold), async {
            let change = writer.write(Durability::Batched, add(7));
            let soon = std::time::Duration::ZERO;
            assert!(tokio::time::timeout(soon, change).await.is_err());
        });
        assert_eq!(held, Ok(()));
        assert_eq!(sum(&writer).await, Some(7));
    }

    #[tokio::test]
    async fn more_changes_than_the_queue_holds_wait_for_a_place() {
        let writer = std::sync::Arc::new(writer());
        let count = 2 * QUEUE_CHANGES as i64;
        let changes: tokio::task::JoinSet<_> = (1..=count)
            .map(|x| {
                let writer = std::sync::Arc::clone(&writer);
                async move { writer.write(Durability::Batched, add(x)).await }
            })
            .collect();
        assert!(changes.join_all().await.into_iter().all(|done| done == Ok(1)));
        assert_eq!(sum(&writer).await, Some(count * (count + 1) / 2));
    }
}
