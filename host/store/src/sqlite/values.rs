//! Small values by tenant, store and key, in byte order of their keys.

use rusqlite::types::ValueRef;
use rusqlite::{Connection, OptionalExtension, params};

use super::checksum::checksum;
use super::fault::Fault;
use super::used;
use crate::error::StoreError;
use crate::kv::{KvPage, KvSpace};
use crate::quota::{Quota, of_entry};
use crate::store::MAX_PAGE;

/// The full name of a value, owned: changes are made on another thread.
pub(super) struct Place {
    tenant: String,
    store: String,
    key: String,
}

impl Place {
    /// The value of `key` in `space`.
    pub(super) fn new(space: KvSpace<'_>, key: &str) -> Self {
        Self { tenant: space.tenant.into(), store: space.store.into(), key: key.into() }
    }

    /// Whose entry it is.
    pub(super) fn space(&self) -> KvSpace<'_> {
        KvSpace::new(&self.tenant, &self.store)
    }

    fn sum(&self, bytes: &[u8]) -> [u8; 8] {
        let names = [&self.tenant, &self.store, &self.key].map(|n| ValueRef::Text(n.as_bytes()));
        checksum("value", names.into_iter().chain([ValueRef::Blob(bytes)]))
    }
}

/// Returns a value.
pub(super) fn get(db: &Connection, place: &Place) -> Result<Option<Vec<u8>>, Fault> {
    let mut statement = db.prepare_cached(
        "SELECT bytes, sum FROM value WHERE tenant = ?1 AND store = ?2 AND key = ?3",
    )?;
    let found: Option<(Vec<u8>, Vec<u8>)> = statement
        .query_row(params![place.tenant, place.store, place.key], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })
        .optional()?;
    match found {
        Some((bytes, sum)) if sum != place.sum(&bytes) => {
            let what = format!("the value `{}` of `{}`", place.key, place.store);
            Err(Fault(StoreError::DamagedEntry { what }))
        }
        found => Ok(found.map(|(bytes, _)| bytes)),
    }
}

/// Bytes that an entry counts at present; nothing when it is not there.
fn counted(db: &Connection, place: &Place) -> Result<Option<u64>, Fault> {
    let mut statement = db.prepare_cached(
        "SELECT length(bytes) FROM value WHERE tenant = ?1 AND store = ?2 AND key = ?3",
    )?;
    let there: Option<i64> = statement
        .query_row(params![place.tenant, place.store, place.key], |row| row.get(0))
        .optional()?;
    Ok(there.map(|bytes| of_entry(&place.key, bytes.cast_unsigned())))
}

/// Sets a value.
pub(super) fn set(db: &Connection, quota: Quota, place: &Place, bytes: &[u8]) -> Result<(), Fault> {
    let freed = counted(db, place)?.unwrap_or_default();
    used::charge(db, quota, place, freed, of_entry(&place.key, bytes.len() as u64))?;
    write(db, place, bytes)
}

/// Notes that a tenant has a blob of `bytes` bytes, unless that is noted.
pub(super) fn own_blob(
    db: &Connection,
    quota: Quota,
    place: &Place,
    bytes: u64,
) -> Result<(), Fault> {
    if counted(db, place)?.is_some() {
        return Ok(());
    }
    used::charge(db, quota, place, 0, of_entry(&place.key, bytes))?;
    write(db, place, &[])
}

fn write(db: &Connection, place: &Place, bytes: &[u8]) -> Result<(), Fault> {
    db.prepare_cached(
        "INSERT INTO value VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (tenant, store, key) \
         DO UPDATE SET bytes = excluded.bytes, sum = excluded.sum",
    )?
    .execute(params![place.tenant, place.store, place.key, bytes, place.sum(bytes)])?;
    Ok(())
}

/// Removes a value; says whether it was there.
pub(super) fn delete(db: &Connection, quota: Quota, place: &Place) -> Result<bool, Fault> {
    let Some(freed) = counted(db, place)? else { return Ok(false) };
    used::charge(db, quota, place, freed, 0)?;
    db.prepare_cached("DELETE FROM value WHERE tenant = ?1 AND store = ?2 AND key = ?3")?
        .execute(params![place.tenant, place.store, place.key])?;
    Ok(true)
}

/// Sets a value when the present one is as expected; says whether it was.
pub(super) fn swap(
    db: &Connection,
    quota: Quota,
    place: &Place,
    expected: Option<&[u8]>,
    bytes: &[u8],
) -> Result<bool, Fault> {
    let as_expected = get(db, place)?.as_deref() == expected;
    if as_expected {
        set(db, quota, place, bytes)?;
    }
    Ok(as_expected)
}

/// Returns the keys that start with the key of `prefix` and come after `after`.
pub(super) fn list(db: &Connection, prefix: &Place, after: Option<&str>) -> Result<KvPage, Fault> {
    // No key is less than its prefix, so `after` bounds the keys alone unless it lies before them.
    let mut statement = db.prepare_cached(
        "SELECT key FROM value WHERE tenant = ?1 AND store = ?2 AND key >= ?3 \
         AND (?4 IS NULL OR key > ?4) ORDER BY key",
    )?;
    let start = after.filter(|after| *after >= prefix.key.as_str()).unwrap_or(&prefix.key);
    let mut rows = statement.query(params![prefix.tenant, prefix.store, start, after])?;
    let mut keys = Vec::new();
    while keys.len() <= MAX_PAGE
        && let Some(row) = rows.next()?
    {
        let key: String = row.get(0)?;
        if !key.starts_with(&prefix.key) {
            break;
        }
        keys.push(key);
    }
    Ok(KvPage::cut(keys, MAX_PAGE))
}
