//! The checksum that rows carry: it tells a damaged row from a sound one.
//!
//! The database checks its log and the shape of its pages, not the bytes of a row. Eight bytes of SHA-256
//! find what a failing disk does; somebody who can write the file can write a checksum too, so it is no
//! protection against people.

use rusqlite::types::ValueRef;
use sha2::{Digest, Sha256};

/// Bytes of a checksum: one undetected change in 2^64.
const CHECKSUM_BYTES: usize = 8;

/// Returns the checksum of columns. `table` keeps a row of one table from passing in another.
pub(super) fn checksum<'a>(
    table: &str,
    columns: impl IntoIterator<Item = ValueRef<'a>>,
) -> [u8; CHECKSUM_BYTES] {
    let mut hash = Sha256::new();
    hash.update(table);
    for column in columns {
        // Kind, then length or number: no two rows feed the same bytes.
        let (kind, number, bytes): (u8, u64, &[u8]) = match column {
            ValueRef::Null => (0, 0, &[]),
            ValueRef::Integer(n) => (1, n.cast_unsigned(), &[]),
            ValueRef::Real(x) => (2, x.to_bits(), &[]),
            ValueRef::Text(text) => (3, text.len() as u64, text),
            ValueRef::Blob(bytes) => (4, bytes.len() as u64, bytes),
        };
        hash.update([kind]);
        hash.update(number.to_le_bytes());
        hash.update(bytes);
    }
    let digest: [u8; 32] = hash.finalize().into();
    *digest.first_chunk().expect("32 bytes begin with 8")
}
