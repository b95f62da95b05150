//! How much of a store those may fill who are not runs: a plugin that writes without end stops itself, long before
//! journals have no room.
//!
//! What a space holds is counted, not measured: a figure beside it changes in the transaction that changes it, so
//! a write costs the same however much is there.

use crate::error::StoreError;
use crate::kv::KvSpace;

/// Bytes that the values of one [`KvSpace`] may take: some hundred of the largest, or a million small ones.
pub const MAX_SPACE_BYTES: u64 = 256 * 1024 * 1024;

/// Bytes that the blobs of one tenant may take: some sixty of the largest.
pub const MAX_TENANT_BLOB_BYTES: u64 = 4 * 1024 * 1024 * 1024;

/// Bytes that an entry counts beside its key and its value: its row, its place in the index, its checksum. Without
/// them, empty values would be free.
pub const ENTRY_BYTES: u64 = 128;

/// The store in which a tenant's blobs are noted. No grant and no request can name it: `#` is no letter of a name.
pub(crate) const OWNED_BLOBS: &str = "#blobs";

/// The bounds of one store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota {
    /// See [`MAX_SPACE_BYTES`].
    pub values: u64,
    /// See [`MAX_TENANT_BLOB_BYTES`]. A blob that several tenants have counts for each.
    pub blobs: u64,
}

impl Default for Quota {
    fn default() -> Self {
        Self { values: MAX_SPACE_BYTES, blobs: MAX_TENANT_BLOB_BYTES }
    }
}

impl Quota {
    /// What `space` holds after `freed` bytes have made room for `added`, out of the `used` of before.
    ///
    /// # Errors
    /// [`StoreError::OverQuota`] when that is more than it may hold. What makes it smaller is always taken, also
    /// above a bound that was lowered.
    pub(crate) fn after(
        &self,
        space: KvSpace<'_>,
        used: u64,
        freed: u64,
        added: u64,
    ) -> Result<u64, StoreError> {
        let wanted = used.saturating_sub(freed).saturating_add(added);
        let (key, limit) = match space.store {
            OWNED_BLOBS => ("blobs", self.blobs),
            _ => ("values", self.values),
        };
        if wanted <= limit || wanted <= used {
            return Ok(wanted);
        }
        let what = match space.store {
            OWNED_BLOBS => "the blobs of plugins".to_owned(),
            store => format!("the values of `{store}`"),
        };
        Err(StoreError::OverQuota { what, key, wanted, limit })
    }
}

/// Bytes that an entry counts.
pub(crate) fn of_entry(key: &str, value: u64) -> u64 {
    ENTRY_BYTES + key.len() as u64 + value
}
