//! The write-ahead log: how large it may become, and when it is folded into the file.
//!
//! The database would fold it inside whichever commit makes it long, and would say nothing when that fails.
//! Here the writer's thread does it between two commits, so that no caller waits for it, and a failure is
//! seen: the log then keeps what the file has not taken.

use std::path::{Path, PathBuf};

use rusqlite::Connection;

use super::SqliteConfig;
use super::fault::Fault;
use crate::error::StoreError;

/// Bytes of log that are worth a fold: enough to spread its syncs over hundreds of commits.
const FOLD_BYTES: u64 = 4 * 1024 * 1024;

/// Bytes of log beyond which nothing is written before it is folded, even when that means to wait for a
/// reader. Far above [`FOLD_BYTES`]: only somebody who keeps an old state open lets it grow this far.
const MAX_LOG_BYTES: u64 = 64 * 1024 * 1024;

/// The part of a store's bytes that its log may have, as a divisor.
const SHARE: u64 = 4;

/// Bytes that a change adds to the log beside its own: a page for the record, for its run, for an index.
const PAGES_BYTES: u64 = 3 * 4096;

/// The log of one file.
#[derive(Debug)]
pub(super) struct Log {
    path: PathBuf,
    fold_bytes: u64,
    max_bytes: u64,
    /// About how many bytes came since the last fold.
    grown: u64,
}

impl Log {
    /// The log of the store at `path`.
    pub(super) fn of(path: &Path, config: &SqliteConfig) -> Self {
        let mut log = path.as_os_str().to_owned();
        log.push("-wal");
        let max_bytes = share(config);
        Self { path: log.into(), fold_bytes: FOLD_BYTES.min(max_bytes / 2), max_bytes, grown: 0 }
    }

    /// Notes changes that were written.
    pub(super) fn grew(&mut self, changes: usize, bytes: usize) {
        self.grown += changes as u64 * PAGES_BYTES + bytes as u64;
    }

    /// Whether the log is to be folded once another change of `bytes` bytes is in it.
    pub(super) fn is_due(&self, bytes: usize) -> bool {
        self.grown + PAGES_BYTES + bytes as u64 > self.fold_bytes
    }

    /// Moves what the log holds into the file, as far as no reader needs it.
    pub(super) fn fold(&mut self, db: &Connection) -> Result<(), StoreError> {
        // Whatever comes of it, the next try is not at once.
        self.grown = self.fold_bytes / 2;
        if checkpoint(db, "PRAGMA wal_checkpoint(PASSIVE)")? {
            self.grown = 0;
        }
        Ok(())
    }

    /// Folds and empties the log when it is as large as it may be. Waits for readers.
    ///
    /// # Errors
    /// [`StoreError::Locked`] when somebody keeps an old state open, [`StoreError::Full`] when the file has no
    /// room for what is in the log.
    pub(super) fn make_room(&mut self, db: &Connection) -> Result<(), StoreError> {
        let bytes = std::fs::metadata(&self.path).map_or(0, |log| log.len());
        if bytes < self.max_bytes {
            return Ok(());
        }
        if checkpoint(db, "PRAGMA wal_checkpoint(TRUNCATE)")? {
            self.grown = 0;
            return Ok(());
        }
        Err(StoreError::Locked)
    }
}

/// Bytes that the log of a store may have, out of all that the store may have.
pub(super) fn share(config: &SqliteConfig) -> u64 {
    config.max_bytes.map_or(MAX_LOG_BYTES, |most| (most / SHARE).min(MAX_LOG_BYTES))
}

/// Returns whether all of the log is in the file now.
fn checkpoint(db: &Connection, sql: &'static str) -> Result<bool, StoreError> {
    let done = db.prepare_cached(sql).and_then(|mut statement| {
        statement.query_row((), |row| {
            let (busy, log, folded): (i64, i64, i64) = (row.get(0)?, row.get(1)?, row.get(2)?);
            Ok(busy == 0 && log == folded)
        })
    });
    done.map_err(|error| Fault::from(error).0)
}
