//! A file that the operator owns and commands change: one process at a time, and whole or not at all.

use std::fs::File;
use std::path::Path;

use cleargate_registry::durable;
pub(crate) use cleargate_registry::durable::Readers;

use crate::error::{Error, Kind, Result};

/// One process at a time reads, changes and writes: two changes at once would lose one. Held until it is dropped.
pub(crate) fn lock(path: &Path) -> Result<File> {
    durable::lock(&path.with_extension("lock")).map_err(|e| unwritable(path).caused_by(&e))
}

/// Replaces the file in one step.
pub(crate) fn replace(path: &Path, bytes: &[u8], readers: Readers) -> Result<()> {
    durable::write(path, bytes, readers).map_err(|e| unwritable(path).caused_by(&e))
}

fn unwritable(path: &Path) -> Error {
    Error::new(Kind::Store, format!("{} cannot be written", path.display()))
}
