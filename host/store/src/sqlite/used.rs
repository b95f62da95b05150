//! What the entries of each space take: a figure that changes with them, so that a bound costs one row.
//!
//! The figure is derived. Where it is missing (a store of version 1) or damaged, it is counted anew.

use rusqlite::types::ValueRef;
use rusqlite::{Connection, OptionalExtension, params};

use super::checksum::checksum;
use super::fault::Fault;
use super::values::Place;
use crate::quota::{ENTRY_BYTES, OWNED_BLOBS, Quota};

/// Notes that an entry of the space of `place` changed its size from `freed` to `added`.
pub(super) fn charge(
    db: &Connection,
    quota: Quota,
    place: &Place,
    freed: u64,
    added: u64,
) -> Result<(), Fault> {
    let used = match find(db, place)? {
        Some(used) => used,
        None => count(db, place)?,
    };
    let used = quota.after(place.space(), used, freed, added)?;
    let (tenant, store) = (place.space().tenant, place.space().store);
    let bytes = used.cast_signed();
    db.prepare_cached(
        "INSERT INTO used VALUES (?1, ?2, ?3, ?4) ON CONFLICT (tenant, store) \
         DO UPDATE SET bytes = excluded.bytes, sum = excluded.sum",
    )?
    .execute(params![tenant, store, bytes, sum_of(place, bytes)])?;
    Ok(())
}

fn find(db: &Connection, place: &Place) -> Result<Option<u64>, Fault> {
    let mut statement =
        db.prepare_cached("SELECT bytes, sum FROM used WHERE tenant = ?1 AND store = ?2")?;
    let found: Option<(i64, Vec<u8>)> = statement
        .query_row(params![place.space().tenant, place.space().store], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })
        .optional()?;
    let sound = found.filter(|(bytes, sum)| *sum == sum_of(place, *bytes));
    Ok(sound.map(|(bytes, _)| bytes.cast_unsigned()))
}

/// What the entries that are there take. The cost grows with their number.
fn count(db: &Connection, place: &Place) -> Result<u64, Fault> {
    let (tenant, store) = (place.space().tenant, place.space().store);
    let mut statement = db.prepare_cached(match store {
        OWNED_BLOBS => {
            "SELECT coalesce(sum(?3 + length(CAST(key AS BLOB)) + coalesce(length(blob.bytes), 0)), 0) \
             FROM value LEFT JOIN blob ON digest = unhex(substr(key, 8)) \
             WHERE tenant = ?1 AND store = ?2"
        }
        _ => {
            "SELECT coalesce(sum(?3 + length(CAST(key AS BLOB)) + length(bytes)), 0) \
             FROM value WHERE tenant = ?1 AND store = ?2"
        }
    })?;
    let bytes: i64 =
        statement.query_row(params![tenant, store, ENTRY_BYTES.cast_signed()], |row| row.get(0))?;
    Ok(bytes.cast_unsigned())
}

fn sum_of(place: &Place, bytes: i64) -> [u8; 8] {
    let names = [place.space().tenant, place.space().store];
    let names = names.map(|name| ValueRef::Text(name.as_bytes()));
    checksum("used", names.into_iter().chain([ValueRef::Integer(bytes)]))
}
