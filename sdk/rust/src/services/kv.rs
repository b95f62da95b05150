//! Named stores of small values that outlive a run.

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::host::kv as host;
use crate::Error;

/// One named store. Holds nothing: each call asks the host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Store<'a>(pub &'a str);

/// Keys in byte order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// At most 1,000.
    pub keys: Vec<String>,
    /// Give it to the next call; absent on the last page.
    pub next: Option<String>,
}

impl Store<'_> {
    /// The value of a key, when there is one.
    ///
    /// # Errors
    /// `denied` without a grant for this store.
    pub fn get(&self, key: &str) -> Result<Option<Vec<u8>>, Error> {
        Ok(host::get(self.0, key)?)
    }

    /// The value of a key as typed data.
    ///
    /// # Errors
    /// `denied` without a grant; `invalid_input` when the value is no JSON that fits.
    pub fn get_json<T: DeserializeOwned>(&self, key: &str) -> Result<Option<T>, Error> {
        match self.get(key)? {
            Some(bytes) => Ok(Some(serde_json::from_slice(&bytes)?)),
            None => Ok(None),
        }
    }

    /// Sets a value.
    ///
    /// # Errors
    /// `denied` without a grant, `limit` when it is too large.
    pub fn set(&self, key: &str, value: &[u8]) -> Result<(), Error> {
        Ok(host::set(self.0, key, value)?)
    }

    /// Sets a value as JSON.
    ///
    /// # Errors
    /// As [`Store::set`].
    pub fn set_json<T: Serialize>(&self, key: &str, value: &T) -> Result<(), Error> {
        self.set(key, &serde_json::to_vec(value)?)
    }

    /// Removes a key; a key that is not there is no error.
    ///
    /// # Errors
    /// `denied` without a grant.
    pub fn delete(&self, key: &str) -> Result<(), Error> {
        Ok(host::delete(self.0, key)?)
    }

    /// Sets the value only when the present one equals `expected`; says whether it did.
    ///
    /// # Errors
    /// As [`Store::set`].
    pub fn swap(&self, key: &str, expected: Option<&[u8]>, value: &[u8]) -> Result<bool, Error> {
        Ok(host::swap(self.0, key, expected, value)?)
    }

    /// Keys that start with `prefix`, after `after`.
    ///
    /// # Errors
    /// `denied` without a grant.
    pub fn list(&self, prefix: &str, after: Option<&str>) -> Result<Page, Error> {
        let page = host::list(self.0, prefix, after)?;
        Ok(Page { keys: page.keys, next: page.next })
    }
}
