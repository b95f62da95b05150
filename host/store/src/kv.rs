//! Small values that outlive a run: who owns them, and how large they may be.

use crate::error::StoreError;

/// Bytes of the name of a tenant or a store of values.
pub const MAX_NAME_BYTES: usize = 128;

/// Bytes of a key: it is compared and kept in an index.
pub const MAX_KEY_BYTES: usize = 512;

/// Bytes of a value. Larger data belongs into a blob or a file.
pub const MAX_VALUE_BYTES: usize = 1024 * 1024;

/// Whose keys: nothing crosses from one space into another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KvSpace<'a> {
    /// Who owns the values.
    pub tenant: &'a str,
    /// Name of the store of values, as flows and grants write it.
    pub store: &'a str,
}

impl<'a> KvSpace<'a> {
    /// The values of `store` that belong to `tenant`.
    pub fn new(tenant: &'a str, store: &'a str) -> Self {
        Self { tenant, store }
    }
}

/// Some keys of a space.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KvPage {
    /// In byte order.
    pub keys: Vec<String>,
    /// What to give as `after` for the next page; absent on the last one.
    pub next: Option<String>,
}

impl KvPage {
    /// Cuts `keys`, of which there may be one more than a page holds, to a page.
    pub(crate) fn cut(mut keys: Vec<String>, page: usize) -> Self {
        let more = keys.len() > page;
        keys.truncate(page);
        let next = if more { keys.last().cloned() } else { None };
        Self { keys, next }
    }
}

/// Refuses names and keys that are too long. An empty key is a key.
pub(crate) fn check_key(space: KvSpace<'_>, key: &str) -> Result<(), StoreError> {
    let fits = |what, text: &str, limit| match text.len() {
        bytes if bytes > limit => Err(StoreError::TooLarge { what, bytes, limit }),
        _ => Ok(()),
    };
    fits("name of a tenant", space.tenant, MAX_NAME_BYTES)?;
    fits("name of a store of values", space.store, MAX_NAME_BYTES)?;
    fits("key", key, MAX_KEY_BYTES)
}

/// Refuses what [`check_key`] refuses, and a value that is too large.
pub(crate) fn check_entry(space: KvSpace<'_>, key: &str, value: &[u8]) -> Result<(), StoreError> {
    check_key(space, key)?;
    crate::blob::check_size("value", value, MAX_VALUE_BYTES)
}
