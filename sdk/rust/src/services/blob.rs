//! Bytes behind media handles.

use super::host::blob as host;
use crate::{Error, Media};

/// Stores bytes and returns their handle.
///
/// # Errors
/// `limit` when they are too many.
pub fn put(bytes: &[u8], mime: &str, name: Option<&str>) -> Result<Media, Error> {
    Ok(host::put(bytes, mime, name)?.into())
}

/// At most `length` bytes from `offset`.
///
/// # Errors
/// `invalid_input` for a handle that the host does not know, `limit`.
pub fn get(media: &Media, offset: u64, length: u32) -> Result<Vec<u8>, Error> {
    Ok(host::get(&media.clone().into(), offset, length)?)
}
