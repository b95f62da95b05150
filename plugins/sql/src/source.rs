//! The bytes of a database, wherever they are: a granted file, a media handle, or the call itself.
//!
//! Only the first has companions, in which a program keeps what it has not yet put into the database.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use cleargate::{Code, Error, Media, blob};
use wasip2::filesystem::preopens::get_directories;
use wasip2::filesystem::types::{Descriptor, DescriptorFlags, ErrorCode, OpenFlags, PathFlags};

use crate::Database;

/// Bytes that are read at some place.
pub(crate) enum Source {
    File { file: Descriptor, path: String },
    Media(Media),
    Bytes(Vec<u8>),
}

/// A database, and the files beside it that belong to it.
pub(crate) struct Sources {
    pub(crate) database: Source,
    /// Changes that were made and are not yet in the database: `-wal`.
    pub(crate) log: Option<Source>,
    /// What an interrupted change needs to be undone: `-journal`.
    pub(crate) journal: Option<Source>,
}

impl Sources {
    /// Finds the bytes that a call names.
    pub(crate) fn find(database: Database) -> Result<Self, Error> {
        let alone = |database| Self { database, log: None, journal: None };
        match (database.file, database.media, database.base64) {
            (Some(path), None, None) => {
                let absent = || {
                    let message = format!("/database/file: there is no file `{path}`");
                    Error::invalid_input(message)
                };
                Ok(Self {
                    database: Source::open(&path)?.ok_or_else(absent)?,
                    log: Source::open(&format!("{path}-wal"))?,
                    journal: Source::open(&format!("{path}-journal"))?,
                })
            }
            (None, Some(media), None) => Ok(alone(Source::Media(media))),
            (None, None, Some(text)) => {
                let bytes = STANDARD.decode(text);
                let wrong = |e| Error::invalid_input(format!("/database/base64: {e}"));
                Ok(alone(Source::Bytes(bytes.map_err(wrong)?)))
            }
            _ => Err(Error::invalid_input(
                "/database: name one of `file`, a path in a granted folder, `media` and `base64`",
            )),
        }
    }
}

impl Source {
    /// Opens a file beneath a granted folder; none, when there is no such file.
    fn open(path: &str) -> Result<Option<Self>, Error> {
        let granted = get_directories();
        let inside = granted.iter().find_map(|(folder, name)| {
            Some((folder, path.strip_prefix(name.as_str())?.strip_prefix('/')?))
        });
        let Some((folder, rest)) = inside else {
            let names: Vec<String> = granted.iter().map(|(_, name)| format!("`{name}/`")).collect();
            let there = if names.is_empty() { "no folder".into() } else { names.join(", ") };
            let message = format!(
                "/database/file: `{path}` is in no granted folder; granted is {there}. A copy of this plugin \
                 asks for another folder in `files` of its `[permissions]`"
            );
            return Err(Error::new(Code::Denied, message));
        };
        let links = PathFlags::SYMLINK_FOLLOW;
        match folder.open_at(links, rest, OpenFlags::empty(), DescriptorFlags::READ) {
            Ok(file) => Ok(Some(Self::File { file, path: path.into() })),
            Err(ErrorCode::NoEntry) => Ok(None),
            Err(code) => Err(unreadable(path, code)),
        }
    }

    pub(crate) fn size(&self) -> Result<u64, Error> {
        match self {
            Self::File { file, path } => {
                Ok(file.stat().map_err(|code| unreadable(path, code))?.size)
            }
            Self::Media(media) => Ok(media.size),
            Self::Bytes(bytes) => Ok(bytes.len() as u64),
        }
    }

    /// Bytes from `offset`, as many as there are up to `length`.
    pub(crate) fn read(&self, offset: u64, length: usize) -> Result<Vec<u8>, Error> {
        let mut found = Vec::with_capacity(length);
        while found.len() < length {
            let (at, left) = (offset + found.len() as u64, length - found.len());
            let piece = match self {
                Self::File { file, path } => {
                    file.read(left as u64, at).map_err(|code| unreadable(path, code))?.0
                }
                Self::Media(media) => {
                    blob::get(media, at, u32::try_from(left).unwrap_or(u32::MAX))?
                }
                Self::Bytes(bytes) => {
                    let from = usize::try_from(at).unwrap_or(usize::MAX).min(bytes.len());
                    bytes[from..bytes.len().min(from + left)].to_vec()
                }
            };
            if piece.is_empty() {
                break;
            }
            found.extend(piece);
        }
        Ok(found)
    }
}

fn unreadable(path: &str, code: ErrorCode) -> Error {
    let code = match code {
        ErrorCode::Access | ErrorCode::NotPermitted => (Code::Denied, "it is not granted"),
        ErrorCode::IsDirectory => (Code::InvalidInput, "it is a folder"),
        ErrorCode::NotDirectory => (Code::InvalidInput, "a part of the path is no folder"),
        other => return Error::permanent(format!("`{path}` cannot be read: {other}")),
    };
    Error::new(code.0, format!("`{path}` cannot be read: {}", code.1))
}
