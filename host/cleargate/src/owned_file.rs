//! A file that the operator owns and commands change: one process at a time, and whole or not at all.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::Path;

use crate::error::{Error, Kind, Result};

/// Who may read it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Readers {
    /// As the system usually has it.
    Usual,
    /// The owner alone.
    Owner,
}

/// One process at a time reads, changes and writes: two changes at once would lose one. Held until it is dropped.
pub(crate) fn lock(path: &Path) -> Result<File> {
    let open = || {
        std::fs::create_dir_all(path.parent().unwrap_or(Path::new(".")))?;
        let file = File::create(path.with_extension("lock"))?;
        file.lock()?;
        Ok(file)
    };
    open().map_err(|e: std::io::Error| unwritable(path).caused_by(&e))
}

/// Replaces the file in one step.
pub(crate) fn replace(path: &Path, bytes: &[u8], readers: Readers) -> Result<()> {
    let temporary = path.with_extension(format!("{}.tmp", std::process::id()));
    let write = || {
        let mut file = options(readers).create(true).truncate(true).open(&temporary)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        std::fs::rename(&temporary, path)
    };
    write().map_err(|e| {
        // What is left of it is of no use; a failure to remove it changes nothing.
        let _ = std::fs::remove_file(&temporary);
        unwritable(path).caused_by(&e)
    })
}

fn options(readers: Readers) -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true);
    #[cfg(unix)]
    if readers == Readers::Owner {
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    }
    #[cfg(not(unix))]
    let _ = readers;
    options
}

fn unwritable(path: &Path) -> Error {
    Error::new(Kind::Store, format!("{} cannot be written", path.display()))
}
