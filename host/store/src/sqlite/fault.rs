//! What a failure of the database means to the caller of a store.
//!
//! The codes of the database stay behind this line: callers decide by what they can do about it.

use rusqlite::ErrorCode as Code;

use crate::error::StoreError;

/// A [`StoreError`] that the database's errors turn into by `?`, without making them part of the crate's API.
#[derive(Debug)]
pub(super) struct Fault(pub(super) StoreError);

impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Self {
        Self(error)
    }
}

impl From<rusqlite::Error> for Fault {
    fn from(error: rusqlite::Error) -> Self {
        use rusqlite::Error::{FromSqlConversionFailure, InvalidColumnType, Utf8Error};
        let reason = error.to_string();
        Self(match error.sqlite_error_code() {
            Some(Code::DatabaseBusy | Code::DatabaseLocked | Code::FileLockingProtocolFailed) => {
                StoreError::Locked
            }
            Some(Code::DiskFull) => StoreError::Full { limit: None },
            Some(Code::DatabaseCorrupt | Code::NotADatabase) => StoreError::Corrupt { reason },
            Some(Code::SystemIoFailure | Code::CannotOpen | Code::ReadOnly) => {
                StoreError::Io { reason }
            }
            _ => match error {
                InvalidColumnType(..) | FromSqlConversionFailure(..) | Utf8Error(..) => {
                    StoreError::Corrupt { reason }
                }
                _ => StoreError::Database { reason },
            },
        })
    }
}
