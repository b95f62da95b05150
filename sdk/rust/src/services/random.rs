//! Random bytes as the journal keeps them: a replay sees the same.

use super::host::random as host;

/// Random bytes, at most 64 KiB.
pub fn bytes(length: u32) -> Vec<u8> {
    host::bytes(length)
}
