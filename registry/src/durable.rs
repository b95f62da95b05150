//! Files that are whole or absent: written under a temporary name, synced, then renamed.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::Path;

/// Name of the file in a folder that [`lock`] holds while the folder is changed.
pub const LOCK_FILE: &str = ".lock";

/// Who may read a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Readers {
    /// Other users too: a registry is shared.
    Everyone,
    /// The owner alone.
    Owner,
}

/// Replaces or makes `path` with `bytes`, together with its folder. Durable when it returns.
///
/// # Errors
/// The folder cannot be written; the old file is whole then.
pub fn write(path: &Path, bytes: &[u8], readers: Readers) -> io::Result<()> {
    let folder = path.parent().expect("what is written lies in a folder");
    fs::create_dir_all(folder)?;
    let mut builder = tempfile::Builder::new();
    builder.prefix(".new-");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = match readers {
            Readers::Everyone => 0o644,
            Readers::Owner => 0o600,
        };
        builder.permissions(fs::Permissions::from_mode(mode));
    }
    let mut file = builder.tempfile_in(folder)?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|e| e.error)?;
    // The rename itself is durable only when the folder is.
    #[cfg(unix)]
    File::open(folder)?.sync_all()?;
    Ok(())
}

/// The right to change what `path` guards, until the file is dropped; waits for another process. Makes the file, which
/// stays empty, and its folder.
///
/// # Errors
/// The folder cannot be written.
pub fn lock(path: &Path) -> io::Result<File> {
    fs::create_dir_all(path.parent().expect("what is locked lies in a folder"))?;
    let file = File::options().create(true).append(true).open(path)?;
    file.lock()?;
    Ok(file)
}

/// Reads a regular file of at most `max` bytes; nothing when there is none. Links are refused, because
/// what they point at is not under the folder that the caller trusts.
pub(crate) fn read(path: &Path, max: u64) -> io::Result<Option<Vec<u8>>> {
    let metadata = match fs::symlink_metadata(path) {
        Ok(metadata) => metadata,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(e),
    };
    if !metadata.is_file() {
        return Err(io::Error::other("is no regular file"));
    }
    let mut bytes = Vec::new();
    // One byte more than allowed tells a file at the bound from a larger one.
    File::open(path)?.take(max + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > max {
        return Err(io::Error::other(format!("has more than {max} bytes")));
    }
    Ok(Some(bytes))
}
