//! Compiled components on disk, so that a start does not compile again.
//!
//! A file here becomes machine code in this process. It is therefore authenticated, not merely checksummed:
//! a tag with a key of this installation covers the code, the component's digest and the engine's
//! fingerprint. A file that fails the check is treated as absent and is written again.
//!
//! The folder has a bound. What was used longest ago goes first, whichever process used it: the time of a file says
//! when. A file that goes while somebody reads it is read to its end; one that goes before is compiled again.

use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use tempfile::NamedTempFile;

use crate::artifact::Artifact;
use crate::component::Digest;
use crate::engine::Engine;

/// Bytes of the key: what HMAC-SHA256 takes without hashing it first.
const KEY_BYTES: usize = 32;

/// Bytes of the tag in front of the code.
const TAG_BYTES: usize = 32;

/// Bytes of a cache file: some sixteen times the largest component, as compiled code is larger.
const MAX_FILE: u64 = 512 * 1024 * 1024;

/// Bytes of all files together: hundreds of plugins. What is beyond is removed when something new is kept.
pub const MAX_CACHE_BYTES: u64 = 2 * 1024 * 1024 * 1024;

/// The part of the bound that is kept when something has to go, in quarters: the next ones find room at once.
const KEPT_QUARTERS: u64 = 3;

/// Name of the file with the key.
const KEY: &str = "key";

/// A folder of compiled components that belongs to one installation.
pub struct Cache {
    folder: PathBuf,
    key: [u8; KEY_BYTES],
    max_bytes: u64,
}

impl Cache {
    /// Opens the cache in `folder`, and makes folder and key when they are not there.
    ///
    /// When folder or key were open to others, a new key is made: all old entries are void.
    ///
    /// # Errors
    /// When the folder cannot be made, read or written.
    pub fn open(folder: &Path) -> io::Result<Self> {
        let private = private_folder(folder)?;
        let path = folder.join(KEY);
        let kept = if private { read_key(&path)? } else { None };
        let key = match kept {
            Some(key) => key,
            None => make_key(folder, &path, private)?,
        };
        Ok(Self { folder: folder.into(), key, max_bytes: MAX_CACHE_BYTES })
    }

    /// The code of a component for an engine, when an authentic file holds it.
    pub(crate) fn get(&self, digest: &Digest, engine: &Engine) -> Option<Artifact> {
        let path = self.path(digest, engine);
        let file = fs::File::open(&path).ok()?;
        let mut bytes = Vec::new();
        (&file).take(MAX_FILE).read_to_end(&mut bytes).ok()?;
        let (tag, code) = bytes.split_at_checked(TAG_BYTES)?;
        if self.tag(digest, engine, code).verify_slice(tag).is_err() {
            tracing::warn!(path = %path.display(), "compiled component is not authentic: compiling again");
            return None;
        }
        // When that fails, the file seems older than it is, and is compiled again once it went.
        let _noted = file.set_modified(now());
        bytes.drain(..TAG_BYTES);
        Some(Artifact::authenticated(bytes))
    }

    /// Keeps the code of a component. Readers see the whole file or none.
    ///
    /// # Errors
    /// When the folder cannot be written, for example because the disk is full.
    pub(crate) fn put(&self, digest: &Digest, engine: &Engine, code: &Artifact) -> io::Result<()> {
        let tag = self.tag(digest, engine, code.bytes()).finalize().into_bytes();
        let mut file = NamedTempFile::new_in(&self.folder)?;
        file.write_all(&tag)?;
        file.write_all(code.bytes())?;
        let path = self.path(digest, engine);
        file.persist(&path).map_err(|error| error.error)?;
        self.make_room(&path)
    }

    /// Bytes of all files.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn bytes(&self) -> io::Result<u64> {
        Ok(self.files()?.iter().map(|file| file.bytes).sum())
    }

    /// Removes what was used longest ago, and never `fresh`, when there is more than there may be.
    fn make_room(&self, fresh: &Path) -> io::Result<()> {
        let mut files = self.files()?;
        let mut bytes: u64 = files.iter().map(|file| file.bytes).sum();
        if bytes <= self.max_bytes {
            return Ok(());
        }
        files.sort_by_key(|file| file.used);
        for file in files.iter().filter(|file| file.path != fresh) {
            if bytes <= self.max_bytes / 4 * KEPT_QUARTERS {
                break;
            }
            match fs::remove_file(&file.path) {
                // Another process has removed it.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                removed => removed?,
            }
            bytes -= file.bytes;
        }
        Ok(())
    }

    /// What is in the folder beside the key, drafts of processes that were killed included.
    fn files(&self) -> io::Result<Vec<Kept>> {
        let mut files = Vec::new();
        for entry in fs::read_dir(&self.folder)? {
            let entry = entry?;
            // What is gone again is not there.
            let Ok(found) = entry.metadata() else { continue };
            if found.is_file() && entry.file_name() != KEY {
                let (used, bytes) = (found.modified()?, found.len());
                files.push(Kept { path: entry.path(), used, bytes });
            }
        }
        Ok(files)
    }

    fn path(&self, digest: &Digest, engine: &Engine) -> PathBuf {
        self.folder.join(format!("{}-{:016x}", digest.hex(), fingerprint(engine)))
    }

    fn tag(&self, digest: &Digest, engine: &Engine, code: &[u8]) -> Hmac<Sha256> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.key).expect("HMAC takes any key");
        // Both parts in front have a fixed length, so no two inputs give the same bytes.
        mac.update(digest.bytes());
        mac.update(&fingerprint(engine).to_be_bytes());
        mac.update(code);
        mac
    }
}

/// A file of the folder.
struct Kept {
    path: PathBuf,
    used: SystemTime,
    bytes: u64,
}

#[expect(clippy::disallowed_methods, reason = "it is compared with the times of files alone")]
fn now() -> SystemTime {
    SystemTime::now()
}

/// What code depends on beside the component: wasmtime's version and settings, the processor, and ours.
///
/// It selects a file and need not be hard to forge: the tag is. The hasher's keys are constant.
fn fingerprint(engine: &Engine) -> u64 {
    let mut hasher = DefaultHasher::new();
    engine.wasmtime().precompile_compatibility_hash().hash(&mut hasher);
    env!("CARGO_PKG_VERSION").hash(&mut hasher);
    std::env::consts::ARCH.hash(&mut hasher);
    hasher.finish()
}

/// Makes `folder` when it is not there. Says whether nobody else could reach into it until now.
fn private_folder(folder: &Path) -> io::Result<bool> {
    fs::create_dir_all(folder)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let fresh = fs::read_dir(folder)?.next().is_none();
        let private = fs::metadata(folder)?.permissions().mode() & 0o077 == 0;
        if !private {
            fs::set_permissions(folder, fs::Permissions::from_mode(0o700))?;
        }
        Ok(private || fresh)
    }
    #[cfg(not(unix))]
    Ok(true)
}

/// Reads the key, when there is one that only its owner could read.
fn read_key(path: &Path) -> io::Result<Option<[u8; KEY_BYTES]>> {
    let bytes = match fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        if fs::metadata(path)?.permissions().mode() & 0o077 != 0 {
            return Ok(None);
        }
    }
    Ok(bytes.try_into().ok())
}

/// Makes a key. Of two processes that do so at once, the first decides, unless the old key is void.
fn make_key(folder: &Path, path: &Path, private: bool) -> io::Result<[u8; KEY_BYTES]> {
    let mut key = [0; KEY_BYTES];
    getrandom::fill(&mut key).map_err(|error| io::Error::other(error.to_string()))?;
    // A temporary file is open to its owner alone.
    let mut file = NamedTempFile::new_in(folder)?;
    file.write_all(&key)?;
    let absent = !path.exists();
    if private && absent {
        match file.persist_noclobber(path) {
            Ok(_) => return Ok(key),
            Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => {
                return read_key(path)?
                    .ok_or_else(|| io::Error::other("the cache's key is damaged"));
            }
            Err(error) => return Err(error.error),
        }
    }
    file.persist(path).map_err(|error| error.error)?;
    Ok(key)
}

#[cfg(test)]
mod tests;
