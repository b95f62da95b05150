//! Records as rows: what happened as text, its payload apart, and a checksum over both.
//!
//! An event has at most one payload. Kept apart from the event it can be of any size without making the
//! journal slow, and equal large payloads are kept once. Text in the payload's column is the payload; bytes
//! are the digest of the blob that holds it. No payload can pass for a digest, whatever a user puts in.

use cleargate_flow::{Event, Outcome, Record, RunId};
use rusqlite::types::ValueRef;
use rusqlite::{Connection, Row, params};

use super::checksum::checksum;
use super::fault::Fault;
use super::{blobs, runs};
use crate::blob::{BlobDigest, MAX_BLOB_BYTES, check_size};
use crate::error::StoreError;
use crate::head::payload;

/// Bytes of JSON that stay in the record's row: one page of the file. A row that is larger spills into pages
/// of its own anyway, and then a blob can be shared.
pub(super) const MAX_INLINE_BYTES: usize = 4096;

const INSERT: &str = "INSERT INTO record VALUES (?1, ?2, ?3, ?4, ?5)";
const SELECT: &str = "SELECT at, event, payload, sum, place FROM record \
    WHERE place >= ?1 AND place <= ?2 ORDER BY place";

/// Records of one journal, and half as many runs of one store: what a place has bits for.
pub(super) const MAX_RECORDS: u64 = 1 << 32;

/// A record ready to be written. Made by the caller's thread: the writer's time is everybody's.
pub(super) struct Entry {
    seq: u64,
    at: i64,
    event: String,
    payload: Payload,
    sum: [u8; 8],
}

enum Payload {
    None,
    Inline(String),
    Blob(BlobDigest, String),
}

impl Payload {
    fn column(&self) -> ValueRef<'_> {
        match self {
            Self::None => ValueRef::Null,
            Self::Inline(json) => ValueRef::Text(json.as_bytes()),
            Self::Blob(digest, _) => ValueRef::Blob(digest.as_bytes()),
        }
    }
}

/// The key of a record in the run with number `nr`.
pub(super) fn place(nr: i64, seq: u64) -> Result<i64, Fault> {
    let seq_bits = i64::try_from(seq).ok().filter(|_| seq < MAX_RECORDS);
    seq_bits.and_then(|seq| nr.checked_mul(1 << 32)?.checked_add(seq)).ok_or_else(|| {
        let reason = format!("run number {nr} has no place for record {seq}; begin a new store");
        Fault(StoreError::Database { reason })
    })
}

fn sum_of(run: &RunId, seq: u64, at: i64, event: &[u8], payload: ValueRef<'_>) -> [u8; 8] {
    let run = ValueRef::Text(run.as_str().as_bytes());
    let (seq, at) = (ValueRef::Integer(seq.cast_signed()), ValueRef::Integer(at));
    checksum("record", [run, seq, at, ValueRef::Text(event), payload])
}

/// Makes the rows of records.
pub(super) fn encode(run: &RunId, records: Vec<Record>) -> Result<Vec<Entry>, StoreError> {
    records.into_iter().map(|record| encode_one(run, record)).collect()
}

/// Bytes that a blob takes beside its own: rounding, and a page of an index that is in no order.
const BLOB_BYTES: usize = 2 * 4096;

/// About how many bytes rows bring with them.
pub(super) fn bytes(entries: &[Entry]) -> usize {
    let of = |entry: &Entry| {
        let payload = match &entry.payload {
            Payload::None => 0,
            Payload::Inline(json) => json.len(),
            Payload::Blob(_, json) => json.len() + BLOB_BYTES,
        };
        entry.event.len() + payload
    };
    entries.iter().map(of).sum()
}

fn encode_one(run: &RunId, record: Record) -> Result<Entry, StoreError> {
    let Record { seq, at, mut event } = record;
    let payload = match payload!(&mut event).map(std::mem::take) {
        None => Payload::None,
        Some(value) => match value.to_json() {
            json if json.len() <= MAX_INLINE_BYTES => Payload::Inline(json),
            json => {
                check_size("payload", json.as_bytes(), MAX_BLOB_BYTES)?;
                Payload::Blob(BlobDigest::of(json.as_bytes()), json)
            }
        },
    };
    let event = serde_json::to_string(&event).expect("an event holds nothing JSON cannot hold");
    check_size("record", event.as_bytes(), MAX_BLOB_BYTES)?;
    let sum = sum_of(run, seq, at, event.as_bytes(), payload.column());
    Ok(Entry { seq, at, event, payload, sum })
}

/// Adds rows to the run with number `nr`.
pub(super) fn insert(db: &Connection, nr: i64, entries: &[Entry]) -> Result<(), Fault> {
    let mut statement = db.prepare_cached(INSERT)?;
    for Entry { seq, at, event, payload, sum } in entries {
        let place = place(nr, *seq)?;
        match payload {
            Payload::None => statement.execute(params![place, at, event, None::<&str>, sum])?,
            Payload::Inline(json) => statement.execute(params![place, at, event, json, sum])?,
            Payload::Blob(digest, json) => {
                blobs::put(db, digest, json.as_bytes())?;
                statement.execute(params![place, at, event, digest.as_bytes(), sum])?
            }
        };
    }
    Ok(())
}

/// Returns the records of `run` from position `from` on, at most `limit`.
///
/// What has to be there is known from the run's row: a record that is missing is damage, at the end too.
pub(super) fn read(
    db: &Connection,
    run: &RunId,
    from: u64,
    limit: usize,
) -> Result<Vec<Record>, Fault> {
    let stored = runs::load(db, run)?;
    let end = stored.head.next.min(from.saturating_add(limit as u64));
    if from >= end {
        return Ok(Vec::new());
    }
    let mut statement = db.prepare_cached(SELECT)?;
    let mut rows = statement.query([place(stored.nr, from)?, place(stored.nr, end - 1)?])?;
    let mut records = Vec::new();
    for seq in from..end {
        let damaged = |reason| StoreError::Damaged { run: run.clone(), seq, reason };
        let place = place(stored.nr, seq)?;
        let next = rows.next().map_err(Fault::from).and_then(|row| match row {
            Some(row) if row.get_ref(4)? == ValueRef::Integer(place) => decode(db, run, seq, row),
            _ => Err(corrupt("it is missing")),
        });
        match next {
            Ok(record) => records.push(record),
            Err(Fault(StoreError::Corrupt { reason })) => return Err(damaged(reason).into()),
            Err(other) => return Err(other),
        }
    }
    Ok(records)
}

fn corrupt(reason: impl Into<String>) -> Fault {
    Fault(StoreError::Corrupt { reason: reason.into() })
}

/// Reads the row of record `seq`; [`StoreError::Corrupt`] says what is wrong with it.
fn decode(db: &Connection, run: &RunId, seq: u64, row: &Row<'_>) -> Result<Record, Fault> {
    let at = row.get(0)?;
    let event = row.get_ref(1)?.as_bytes().map_err(|e| corrupt(e.to_string()))?;
    let column = row.get_ref(2)?;
    if row.get_ref(3)? != ValueRef::Blob(&sum_of(run, seq, at, event, column)) {
        return Err(corrupt("it has another checksum"));
    }
    let misfit = |e: serde_json::Error| corrupt(e.to_string());
    let mut event: Event = serde_json::from_slice(event).map_err(misfit)?;
    let value = match column {
        ValueRef::Text(json) => Some(serde_json::from_slice(json).map_err(misfit)?),
        ValueRef::Blob(digest) => {
            let json = blobs::get(db, &digest_of(digest)?).map_err(|fault| match fault {
                Fault(StoreError::DamagedBlob { .. }) => corrupt("its payload is damaged"),
                other => other,
            })?;
            let json = json.ok_or_else(|| corrupt("its payload is missing"))?;
            Some(serde_json::from_slice(&json).map_err(misfit)?)
        }
        _ => None,
    };
    match (payload!(&mut event), value) {
        (Some(place), Some(value)) => *place = value,
        (None, None) => {}
        _ => return Err(corrupt("its event and its payload do not belong together")),
    }
    Ok(Record { seq, at, event })
}

fn digest_of(bytes: &[u8]) -> Result<BlobDigest, Fault> {
    let bytes: [u8; 32] = bytes.try_into().map_err(|_| corrupt("its payload has no digest"))?;
    Ok(bytes.into())
}

#[cfg(test)]
mod tests {
    use cleargate_flow::Value;

    use super::*;

    fn finished(seq: u64, output: Value) -> Record {
        let outcome = Outcome::Succeeded { output };
        Record { seq, at: 1, event: Event::RunFinished { outcome } }
    }

    fn encoded(record: Record) -> Result<Entry, StoreError> {
        encode_one(&"r".parse().unwrap(), record)
    }

    #[test]
    fn a_payload_is_bounded_in_size() {
        let large = encoded(finished(1, "x".repeat(MAX_BLOB_BYTES).into())).map(|_| ());
        assert!(matches!(large, Err(StoreError::TooLarge { what: "payload", .. })), "{large:?}");
    }

    #[test]
    fn large_payloads_move_out_at_the_bound() {
        // Two bytes are the quotes.
        let text = |bytes: usize| Value::from("x".repeat(bytes - 2));
        let at = encoded(finished(1, text(MAX_INLINE_BYTES))).unwrap();
        assert!(matches!(at.payload, Payload::Inline(_)));
        let above = encoded(finished(1, text(MAX_INLINE_BYTES + 1))).unwrap();
        assert!(matches!(above.payload, Payload::Blob(..)));
    }

    #[test]
    fn places_keep_runs_apart() {
        assert!(place(1, MAX_RECORDS - 1).unwrap() < place(2, 0).unwrap());
        assert!(place(1, MAX_RECORDS).is_err());
        assert!(place(1 << 31, 0).is_err());
        // A position that no journal has is refused by the rules of runs, not here.
        assert!(encoded(finished(u64::MAX, Value::Null)).is_ok());
    }
}
