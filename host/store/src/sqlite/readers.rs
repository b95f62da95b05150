//! Connections for reading: readers see the last commit and wait for nobody.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::Connection;
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;

use super::fault::Fault;
use super::file;
use crate::error::StoreError;

/// Reads at the same time. Reads are short and a disk gains little from more.
const READERS: usize = 4;

/// The connections, opened when they are first needed.
#[derive(Debug)]
pub(super) struct Readers {
    path: PathBuf,
    lock_wait: std::time::Duration,
    idle: Mutex<Vec<Connection>>,
    turns: Arc<Semaphore>,
}

impl Readers {
    /// Readers of the store at `path`.
    pub(super) fn new(path: PathBuf, lock_wait: std::time::Duration) -> Arc<Self> {
        let turns = Arc::new(Semaphore::new(READERS));
        Arc::new(Self { path, lock_wait, idle: Mutex::default(), turns })
    }

    /// Does a read in one transaction, away from the threads that drive tasks.
    pub(super) async fn read<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(&Connection) -> Result<T, Fault> + Send + 'static,
    ) -> Result<T, StoreError> {
        let turns = Arc::clone(&self.turns);
        let turn = turns.acquire_owned().await.map_err(|_| StoreError::Closed)?;
        let readers = Arc::clone(self);
        let answer = spawn_blocking(move || {
            let answer = readers.with(work).map_err(|Fault(error)| error);
            // The connection is handed back, or closed, before the next one has its turn.
            drop((readers, turn));
            answer
        });
        answer.await.unwrap_or_else(|ended| match ended.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(_) => Err(StoreError::Closed),
        })
    }

    fn with<T>(&self, work: impl FnOnce(&Connection) -> Result<T, Fault>) -> Result<T, Fault> {
        let idle = self.idle().pop();
        let db = match idle {
            Some(db) => db,
            None => file::open_reader(&self.path, self.lock_wait)?,
        };
        let read = db.unchecked_transaction()?;
        let answer = work(&db);
        read.finish()?;
        self.idle().push(db);
        answer
    }

    /// Closes the connections that nobody uses.
    pub(super) fn close(&self) {
        self.turns.close();
        self.idle().clear();
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<Connection>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
