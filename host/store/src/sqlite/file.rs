//! Opening and creating the file: nothing is ever put over something that is there.
//!
//! A new store is built under another name and then linked to its path, which fails when the path exists. So
//! an empty, foreign or damaged file is refused and kept, and two processes that create the same store at
//! once both end up with one. The file is looked at through the database alone: closing it any other way
//! would drop the locks that this process holds on it.

use std::fs;
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, TransactionBehavior};

use super::error::OpenError;
use super::{SqliteConfig, log, remains};

/// What each version of the tables adds to the one before it, from version 1 on.
pub(super) const SCHEMAS: [&str; 5] = [
    include_str!("schema.sql"),
    include_str!("schema_2.sql"),
    include_str!("schema_3.sql"),
    include_str!("schema_4.sql"),
    include_str!("schema_5.sql"),
];

/// Version of the tables, kept in the file's `user_version`.
const VERSION: i32 = SCHEMAS.len() as i32;

/// Kept in the file's `application_id`: the letters `CLGT`.
const APPLICATION: i32 = 0x434c_4754;

/// Prepared statements that a connection keeps: more than this crate has.
const STATEMENTS: usize = 84;

/// Opens the writer's connection, creating the store when that is wanted.
pub(super) fn open(path: &Path, config: &SqliteConfig) -> Result<Connection, OpenError> {
    match fs::metadata(path) {
        Ok(found) if !found.is_file() => return Err(not_a_store(path, "it is no file")),
        Ok(found) if found.len() == 0 => return Err(not_a_store(path, "it is empty")),
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            if !config.create {
                return Err(OpenError::Missing { path: path.into() });
            }
            create(path)?;
        }
        Err(error) => return Err(failed(path, &error)),
    }
    open_present(path, config)
}

/// Opens a connection that cannot write.
pub(super) fn open_reader(path: &Path, lock_wait: Duration) -> rusqlite::Result<Connection> {
    let db = connect(path, OpenFlags::SQLITE_OPEN_READ_ONLY, lock_wait)?;
    db.pragma_update(None, "query_only", true)?;
    Ok(db)
}

/// Opens a connection with the settings that all of them have.
pub(super) fn connect(
    path: &Path,
    access: OpenFlags,
    lock_wait: Duration,
) -> rusqlite::Result<Connection> {
    // Each connection is used by one thread at a time, so its own mutex would guard nothing.
    let db = Connection::open_with_flags(path, access | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    db.busy_timeout(lock_wait)?;
    db.set_prepared_statement_cache_capacity(STATEMENTS);
    // What is in the file is data: it may not define functions, and its pages are checked when read.
    db.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    db.pragma_update(None, "trusted_schema", false)?;
    db.pragma_update(None, "cell_size_check", true)?;
    Ok(db)
}

fn open_present(path: &Path, config: &SqliteConfig) -> Result<Connection, OpenError> {
    let bad = |error| OpenError::database(path, error);
    let is_left = remains::has_log(path);
    let mut db = open_checked(path, config, is_left)?;
    if is_left {
        drop(db);
        remains::renew(path)?;
        db = connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE, config.lock_wait).map_err(bad)?;
    }
    upgrade(&db).map_err(bad)?;
    // The writer folds the log: see `log`.
    db.pragma_update_and_check(None, "wal_autocheckpoint", 0, |_| Ok(())).map_err(bad)?;
    if let Some(max_bytes) = config.max_bytes {
        let page: i64 = db.pragma_query_value(None, "page_size", |row| row.get(0)).map_err(bad)?;
        let bytes = i64::try_from(max_bytes - log::share(config)).unwrap_or(i64::MAX);
        let pages = (bytes / page).max(1);
        db.pragma_update_and_check(None, "max_page_count", pages, |_| Ok(())).map_err(bad)?;
    }
    Ok(db)
}

/// Opens the file when it is a store that this release reads. The log of one that is refused, or is still to be written
/// anew, stays as it is.
fn open_checked(
    path: &Path,
    config: &SqliteConfig,
    is_left: bool,
) -> Result<Connection, OpenError> {
    let bad = |error| OpenError::database(path, error);
    let db = connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE, config.lock_wait).map_err(bad)?;
    if is_left {
        remains::leave_log(&db).map_err(bad)?;
    }
    let number = |name| db.pragma_query_value(None, name, |row| row.get::<_, i32>(0)).map_err(bad);
    if number("application_id")? != APPLICATION {
        return Err(not_a_store(path, "it belongs to another application"));
    }
    // One state of the file: another process may bring it up to date at this moment.
    let read = db.unchecked_transaction().map_err(bad)?;
    let found = number("user_version")?;
    if found > VERSION {
        return Err(OpenError::Newer { path: path.into(), found, supported: VERSION });
    }
    let schemas = usize::try_from(found).ok().filter(|found| *found > 0);
    let schemas =
        schemas.ok_or_else(|| damaged(path, &format!("there never was a version {found}")))?;
    let expected = fresh(&SCHEMAS[..schemas]).and_then(|db| tables(&db)).map_err(bad)?;
    if tables(&db).map_err(bad)? != expected {
        return Err(damaged(path, "its tables are not those of its version"));
    }
    let mode: String =
        db.pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get(0)).map_err(bad)?;
    if mode != "wal" {
        let reason = "its folder cannot hold a write-ahead log; use a local disk".into();
        return Err(OpenError::Io { path: path.into(), reason });
    }
    drop(read);
    Ok(db)
}

/// Each table and index with the text that made it.
fn tables(db: &Connection) -> rusqlite::Result<Vec<(String, Option<String>)>> {
    let mut select = db.prepare("SELECT name, sql FROM sqlite_schema ORDER BY name")?;
    let rows = select.query_map((), |row| Ok((row.get::<_, String>(0)?, row.get(1)?)))?;
    // The planner's statistics are no part of a version.
    rows.filter(|row| !matches!(row, Ok((name, _)) if name.starts_with("sqlite_stat"))).collect()
}

fn fresh(schemas: &[&str]) -> rusqlite::Result<Connection> {
    let db = Connection::open_in_memory()?;
    db.execute_batch(&schemas.concat())?;
    Ok(db)
}

/// Adds what later versions have, in one transaction: of two processes that do so at once, one does.
fn upgrade(db: &Connection) -> rusqlite::Result<()> {
    let version = || db.pragma_query_value(None, "user_version", |row| row.get::<_, i32>(0));
    if version()? == VERSION {
        return Ok(());
    }
    let upgrade = rusqlite::Transaction::new_unchecked(db, TransactionBehavior::Immediate)?;
    let found = usize::try_from(version()?).unwrap_or_default();
    db.execute_batch(&SCHEMAS[found..].concat())?;
    db.pragma_update(None, "user_version", VERSION)?;
    upgrade.commit()
}

/// Puts a new store at `path` unless something is there by then.
fn create(path: &Path) -> Result<(), OpenError> {
    let folder = path.parent().ok_or_else(|| not_a_store(path, "it is no file"))?;
    let io = |error| failed(path, &error);
    make_folder(folder).map_err(io)?;
    for suffix in ["-wal", "-journal"] {
        let log = beside(path, suffix);
        // Asked in this order: another process that has just created the store has a log too.
        if fs::symlink_metadata(&log).is_ok() && fs::symlink_metadata(path).is_err() {
            return Err(OpenError::OnlyLog { path: path.into(), log });
        }
    }
    let draft = draft(path).map_err(io)?;
    let made = build(&draft).map_err(|error| OpenError::database(path, error)).and_then(|()| {
        match fs::hard_link(&draft, path) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(io(error)),
            _ => Ok(()),
        }
    });
    let removed = fs::remove_file(&draft).map_err(io);
    made.and(removed)?;
    sync_names(folder).map_err(io)
}

/// Makes a folder that is missing, and those around it.
fn make_folder(folder: &Path) -> io::Result<()> {
    let missing: Vec<&Path> = folder.ancestors().take_while(|folder| !folder.exists()).collect();
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    missing.into_iter().rev().filter_map(Path::parent).try_for_each(sync_names)
}

/// Lets the names in a folder survive a power cut like the rows behind them.
fn sync_names(folder: &Path) -> io::Result<()> {
    fs::File::open(folder)?.sync_all()
}

/// An empty file beside `path` that only its owner can read, under a name of its own.
fn draft(path: &Path) -> io::Result<PathBuf> {
    static DRAFTS: AtomicU64 = AtomicU64::new(0);
    loop {
        let number = DRAFTS.fetch_add(1, Ordering::Relaxed);
        let draft = beside(path, &format!(".{}-{number}.new", std::process::id()));
        match fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft) {
            // A draft of a process that ended: its number may be ours by chance.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            made => return made.map(|_| draft),
        }
    }
}

fn build(draft: &Path) -> rusqlite::Result<()> {
    let db = Connection::open_with_flags(draft, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    db.pragma_update(None, "synchronous", "FULL")?;
    db.execute_batch(&format!("BEGIN; {} COMMIT;", SCHEMAS.concat()))?;
    db.pragma_update(None, "application_id", APPLICATION)?;
    db.pragma_update(None, "user_version", VERSION)?;
    // Kept in the file. The close folds the log in, so the draft is one file.
    db.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
    db.close().map_err(|(_, error)| error)
}

/// The path of a file of the same store.
pub(super) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

fn not_a_store(path: &Path, reason: &str) -> OpenError {
    OpenError::NotAStore { path: path.into(), reason: reason.into() }
}

fn damaged(path: &Path, reason: &str) -> OpenError {
    OpenError::Damaged { path: path.into(), reason: reason.into() }
}

fn failed(path: &Path, error: &io::Error) -> OpenError {
    OpenError::system(path, error)
}
