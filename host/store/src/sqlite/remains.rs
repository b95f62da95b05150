//! The log that a process left behind: it is written once more before anybody builds on it.
//!
//! After a sync that failed, the system takes what it could not write for written. The process whose sync it was stops;
//! but the one after it reads the lost bytes from the system's memory, its own syncs succeed, and a power cut takes
//! the bytes together with everything that was acknowledged behind them. Whoever opens a store that nobody else has open
//! therefore writes the bytes of the log again, which makes them the system's business, and folds them into the file.
//! Who is not alone leaves it: the others have the log open, and are told of what failed by their own syncs.

use std::fs::{self, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use super::error::OpenError;
use super::file::{beside, connect};

/// Bytes that are read and written at once.
const CHUNK_BYTES: usize = 256 * 1024;

/// Whether the store at `path` has a log that is not empty. Closing it folds the log away.
pub(super) fn has_log(path: &Path) -> bool {
    fs::metadata(beside(path, "-wal")).is_ok_and(|log| log.len() > 0)
}

/// Lets the connection end without folding the log: what is in it is not trusted.
pub(super) fn leave_log(db: &Connection) -> rusqlite::Result<()> {
    db.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true).map(drop)
}

/// Writes the log of the store at `path` once more and folds it, unless somebody else has the store open. This process
/// must have no connection to it.
///
/// # Errors
/// When the disk fails.
pub(super) fn renew(path: &Path) -> Result<(), OpenError> {
    let fault = |error| OpenError::database(path, error);
    let db = connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE, Duration::ZERO).map_err(fault)?;
    leave_log(&db).map_err(fault)?;
    let done = db
        .pragma_update(None, "locking_mode", "EXCLUSIVE")
        // The first look at the file takes the lock, and reads the log up to where its checksums end.
        .and_then(|()| db.query_row("SELECT count(*) FROM sqlite_schema", (), |_| Ok(())));
    match done.map_err(fault) {
        Ok(()) => {}
        Err(OpenError::Locked { .. }) => return Ok(()),
        Err(error) => return Err(error),
    }
    match rewrite(&beside(path, "-wal")) {
        Ok(()) => {}
        Err(error) => return without_room(OpenError::system(path, &error)),
    }
    match db.query_row("PRAGMA wal_checkpoint(TRUNCATE)", (), |_| Ok(())) {
        Ok(()) => Ok(()),
        Err(error) => without_room(fault(error)),
    }
}

/// A disk without room has not failed, and whoever wants to make some has to get in.
fn without_room(error: OpenError) -> Result<(), OpenError> {
    match error {
        OpenError::Full { .. } => Ok(()),
        other => Err(other),
    }
}

fn rewrite(log: &Path) -> io::Result<()> {
    let file = OpenOptions::new().read(true).write(true).open(log)?;
    let (mut chunk, mut at) = (vec![0; CHUNK_BYTES], 0);
    loop {
        let count = file.read_at(&mut chunk, at)?;
        if count == 0 {
            return file.sync_all();
        }
        file.write_all_at(&chunk[..count], at)?;
        at += count as u64;
    }
}
