//! Why a store cannot be opened, with what to do about it.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::fault::Fault;
use crate::error::StoreError;

/// What opening a store says instead of working on something that is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// There is nothing at the path, and nothing was to be created.
    #[error("there is no store at {path}; create it with the first run, or correct the path")]
    Missing {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// The log of a store is there without the store: a new store would make it worthless.
    #[error(
        "{path} is missing but its log {log} is there; restore the file, or move the log away to \
         begin a new store"
    )]
    OnlyLog {
        /// Where the store was looked for.
        path: PathBuf,
        /// The log.
        log: PathBuf,
    },
    /// Something else is there.
    #[error("{path} is no store: {reason}; name another path, or restore a backup over it")]
    NotAStore {
        /// What was to be opened.
        path: PathBuf,
        /// What it is instead.
        reason: String,
    },
    /// A later release wrote it.
    #[error(
        "{path} is a store of version {found} and this release reads {supported}; use the release \
         that wrote it, or a later one"
    )]
    Newer {
        /// What was to be opened.
        path: PathBuf,
        /// Version of the file.
        found: i32,
        /// The version that this release reads and writes.
        supported: i32,
    },
    /// It was a store.
    #[error(
        "the store {path} is damaged ({reason}); move it away together with its `-wal` file, then \
         restore a backup"
    )]
    Damaged {
        /// What was to be opened.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// Another process has it for itself.
    #[error("the store {path} is locked by another process; end that one or try again")]
    Locked {
        /// What was to be opened.
        path: PathBuf,
    },
    /// No space is left to create it or to read its log.
    #[error("no space is left to open the store {path}; free some and try again")]
    Full {
        /// What was to be opened.
        path: PathBuf,
    },
    /// It may be read, and not written.
    #[error(
        "the store {path} cannot be written ({reason}); make its folder writable, or name another"
    )]
    ReadOnly {
        /// What was to be opened.
        path: PathBuf,
        /// In the words of the system.
        reason: String,
    },
    /// The disk refuses.
    #[error("the store {path} cannot be opened: {reason}")]
    Io {
        /// What was to be opened.
        path: PathBuf,
        /// In the words of the system.
        reason: String,
    },
}

impl OpenError {
    /// What the database said while the store at `path` was opened.
    pub(super) fn database(path: &Path, error: rusqlite::Error) -> Self {
        use rusqlite::ErrorCode::{NotADatabase, PermissionDenied, ReadOnly};
        let owned = path.to_owned();
        match error.sqlite_error_code() {
            Some(NotADatabase) => {
                return Self::NotAStore { path: owned, reason: "it is no database".into() };
            }
            Some(PermissionDenied | ReadOnly) => {
                return Self::ReadOnly { path: owned, reason: error.to_string() };
            }
            _ => {}
        }
        let path = owned;
        match Fault::from(error).0 {
            StoreError::Locked => Self::Locked { path },
            StoreError::Full { .. } => Self::Full { path },
            StoreError::Corrupt { reason } => Self::Damaged { path, reason },
            // The database has few words for what the system says of the files beside its own: ask again.
            StoreError::Io { reason } => match probe(&path) {
                Ok(()) => Self::Io { path, reason },
                Err(error) => Self::system(&path, &error),
            },
            other => Self::Io { path, reason: other.to_string() },
        }
    }

    /// What the system said while the store at `path` was opened.
    pub(super) fn system(path: &Path, error: &io::Error) -> Self {
        use io::ErrorKind::{
            FileTooLarge, PermissionDenied, QuotaExceeded, ReadOnlyFilesystem, StorageFull,
        };
        let (path, reason) = (path.to_owned(), error.to_string());
        match error.kind() {
            StorageFull | QuotaExceeded | FileTooLarge => Self::Full { path },
            PermissionDenied | ReadOnlyFilesystem => Self::ReadOnly { path, reason },
            _ => Self::Io { path, reason },
        }
    }
}

/// Bytes that have to fit beside the file of a store: its log, and what its processes share.
const PROBE_BYTES: usize = 64 * 1024;

/// Makes and removes a file beside `path`, as the database does.
fn probe(path: &Path) -> io::Result<()> {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{}.probe", std::process::id()));
    let made = fs::write(&name, [0; PROBE_BYTES]);
    let removed = fs::remove_file(&name);
    made.and(removed)
}
