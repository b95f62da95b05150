//! Why a store cannot be opened, with what to do about it.

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
    /// The disk or its permissions refuse.
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
        let path = path.to_owned();
        if error.sqlite_error_code() == Some(rusqlite::ErrorCode::NotADatabase) {
            return Self::NotAStore { path, reason: "it is no database".into() };
        }
        match Fault::from(error).0 {
            StoreError::Locked => Self::Locked { path },
            StoreError::Full { .. } => Self::Full { path },
            StoreError::Corrupt { reason } => Self::Damaged { path, reason },
            other => Self::Io { path, reason: other.to_string() },
        }
    }
}
