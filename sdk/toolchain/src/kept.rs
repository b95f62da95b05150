//! Components that were built before, by the digest of everything that they were built from.
//!
//! Some engines write chance into the memory that becomes part of a component, so no two builds give the same bytes;
//! and they take long. What was built from the same text is kept, and is the same.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use cleargate_registry::Digest;

use crate::{BuildError, Config};

/// Returns what was built from `all` before, or what `make` leaves in the file that it returns.
pub(crate) fn kept(
    config: &Config,
    language: &str,
    all: &[u8],
    make: impl FnOnce() -> Result<PathBuf, BuildError>,
) -> Result<Vec<u8>, BuildError> {
    let folder = config.target_dir.join(language);
    let kept = folder.join(Digest::of(all).hex() + ".wasm");
    if let Ok(bytes) = fs::read(&kept) {
        return Ok(bytes);
    }
    let made = make()?;
    // Linked, so a reader meets the whole file. When two build at once, the first is kept for both.
    match fs::hard_link(&made, &kept) {
        Err(cause) if cause.kind() != io::ErrorKind::AlreadyExists => {
            Err(BuildError::Write { path: kept, cause })
        }
        _ => fs::read(&kept).map_err(|cause| BuildError::Read { path: kept, cause }),
    }
}

/// A folder for one build, removed at its end.
pub(crate) fn place(config: &Config, language: &str) -> Result<tempfile::TempDir, BuildError> {
    let all = config.target_dir.join(language);
    let made = fs::create_dir_all(&all).and_then(|()| tempfile::TempDir::new_in(&all));
    made.map_err(|cause| BuildError::Write { path: all, cause })
}

/// An absolute path of something that must be there.
pub(crate) fn real(path: &Path) -> Result<PathBuf, BuildError> {
    path.canonicalize().map_err(|cause| BuildError::Read { path: path.into(), cause })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_built_once_is_not_built_again() {
        let dir = tempfile::tempdir().unwrap();
        let config = Config::new(dir.path());
        let build = |all: &[u8], text: &str| {
            let place = place(&config, "test").unwrap();
            let make = || {
                fs::write(place.path().join("plugin.wasm"), text).unwrap();
                Ok(place.path().join("plugin.wasm"))
            };
            kept(&config, "test", all, make).unwrap()
        };
        assert_eq!(build(b"a", "one"), b"one");
        assert_eq!(build(b"a", "two"), b"one");
        assert_eq!(build(b"b", "two"), b"two");
    }
}
