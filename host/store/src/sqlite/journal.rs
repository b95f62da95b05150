//! Records as rows: what happened as text, its payload apart, and a checksum over both.
//!
//! An event has at most one payload. Kept apart from the event it can be of any size without making the
//! journal slow, and equal large payloads are kept once. Text in the payload's column is the payload; bytes
//! are the digest of the blob that holds it. No payload can pass for a digest, whatever a user puts in.

use cleargate_flow::{Event, Outcome, Record, RunId, Value};
use rusqlite::types::ValueRef;
use rusqlite::{Connection, Row, params};

use super::checksum::checksum;
use super::fault::Fault;
use super::{blobs, runs};
use crate::blob::{BlobDigest, MAX_BLOB_BYTES, check_size};
use crate::error::StoreError;

/// Bytes of JSON that stay in the record's row: one page of the file. A row that is larger spills into pages
/// of its own anyway, and then a blob can be shared.
pub(super) const MAX_INLINE_BYTES: usize = 4096;

const INSERT: &str = "INSERT INTO record VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
const SELECT: &str = "SELECT seq, at, event, payload, sum FROM record \
    WHERE run = ?1 AND seq >= ?2 AND seq < ?3 ORDER BY seq";

/// A record ready to be written. Made by the caller's thread: the writer's time is everybody's.
pub(super) struct Entry {
    seq: i64,
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

/// The place of an event's payload.
fn payload(event: &mut Event) -> Option<&mut Value> {
    match event {
        Event::RunStarted { input: payload, .. }
        | Event::AttemptSucceeded { output: payload, .. }
        | Event::CallFinished { outcome: Ok(payload), .. }
        | Event::RunFinished { outcome: Outcome::Succeeded { output: payload } } => Some(payload),
        _ => None,
    }
}

fn sum_of(run: &RunId, seq: i64, at: i64, event: &[u8], payload: ValueRef<'_>) -> [u8; 8] {
    let run = ValueRef::Text(run.as_str().as_bytes());
    let (seq, at) = (ValueRef::Integer(seq), ValueRef::Integer(at));
    checksum("record", [run, seq, at, ValueRef::Text(event), payload])
}

/// Makes the rows of records.
pub(super) fn encode(run: &RunId, records: Vec<Record>) -> Result<Vec<Entry>, StoreError> {
    records.into_iter().map(|record| encode_one(run, record)).collect()
}

fn encode_one(run: &RunId, record: Record) -> Result<Entry, StoreError> {
    let Record { seq, at, mut event } = record;
    let payload = match payload(&mut event).map(std::mem::take) {
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
    let seq = runs::count(seq);
    let sum = sum_of(run, seq, at, event.as_bytes(), payload.column());
    Ok(Entry { seq, at, event, payload, sum })
}

/// Adds rows to the run with number `nr`.
pub(super) fn insert(db: &Connection, nr: i64, entries: &[Entry]) -> Result<(), Fault> {
    let mut statement = db.prepare_cached(INSERT)?;
    for Entry { seq, at, event, payload, sum } in entries {
        match payload {
            Payload::None => statement.execute(params![nr, seq, at, event, None::<&str>, sum])?,
            Payload::Inline(json) => statement.execute(params![nr, seq, at, event, json, sum])?,
            Payload::Blob(digest, json) => {
                blobs::put(db, digest, json.as_bytes())?;
                statement.execute(params![nr, seq, at, event, digest.as_bytes(), sum])?
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
    let mut rows = statement.query([stored.nr, runs::count(from), runs::count(end)])?;
    let mut records = Vec::new();
    for seq in from..end {
        let damaged = |reason| StoreError::Damaged { run: run.clone(), seq, reason };
        let next = rows.next().map_err(Fault::from).and_then(|row| match row {
            Some(row) => decode(db, run, row),
            None => Err(corrupt("it is missing")),
        });
        match next {
            Ok(record) if record.seq == seq => records.push(record),
            Ok(_) => return Err(damaged("it is missing".into()).into()),
            Err(Fault(StoreError::Corrupt { reason })) => return Err(damaged(reason).into()),
            Err(other) => return Err(other),
        }
    }
    Ok(records)
}

fn corrupt(reason: impl Into<String>) -> Fault {
    Fault(StoreError::Corrupt { reason: reason.into() })
}

/// Reads a row of [`SELECT`]; [`StoreError::Corrupt`] says what is wrong with it.
fn decode(db: &Connection, run: &RunId, row: &Row<'_>) -> Result<Record, Fault> {
    let (seq, at): (i64, i64) = (row.get(0)?, row.get(1)?);
    let event = row.get_ref(2)?.as_bytes().map_err(|e| corrupt(e.to_string()))?;
    let column = row.get_ref(3)?;
    if row.get_ref(4)? != ValueRef::Blob(&sum_of(run, seq, at, event, column)) {
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
    match (payload(&mut event), value) {
        (Some(place), Some(value)) => *place = value,
        (None, None) => {}
        _ => return Err(corrupt("its event and its payload do not belong together")),
    }
    let seq = u64::try_from(seq).map_err(|e| corrupt(e.to_string()))?;
    Ok(Record { seq, at, event })
}

fn digest_of(bytes: &[u8]) -> Result<BlobDigest, Fault> {
    let bytes: [u8; 32] = bytes.try_into().map_err(|_| corrupt("its payload has no digest"))?;
    Ok(bytes.into())
}
