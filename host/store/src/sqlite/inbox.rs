//! Letters to runs: kept in the order in which they came, taken by the record that says so.

use cleargate_flow::RunId;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, OptionalExtension, params};

use super::checksum::checksum;
use super::fault::Fault;
use super::runs;
use crate::error::StoreError;
use crate::waits::{Letter, MAX_INBOX, Posted};

fn sum_of(run: i64, id: &str, sender: &str, at: i64, body: Option<&str>) -> [u8; 8] {
    let text = |text: &'_ str| text.as_bytes().to_vec();
    let (id, sender, body) = (text(id), text(sender), body.map(text));
    let columns = [
        ValueRef::Integer(run),
        ValueRef::Text(&id),
        ValueRef::Text(&sender),
        ValueRef::Integer(at),
        body.as_deref().map_or(ValueRef::Null, ValueRef::Text),
    ];
    checksum("letter", columns)
}

/// Puts a letter into the inbox of its run.
pub(super) fn post(db: &Connection, letter: &Letter, body: &str) -> Result<Posted, Fault> {
    let run = runs::load(db, &letter.run)?;
    if run.head.status.is_finished() {
        return Err(StoreError::Finished { run: letter.run.clone() }.into());
    }
    let known = db
        .prepare_cached("SELECT 1 FROM letter WHERE run = ?1 AND id = ?2")?
        .exists(params![run.nr, letter.id])?;
    if known {
        return Ok(Posted::Known);
    }
    if waiting(db, run.nr)? >= MAX_INBOX {
        return Err(StoreError::InboxFull { run: letter.run.clone(), limit: MAX_INBOX }.into());
    }
    let sum = sum_of(run.nr, &letter.id, &letter.by, letter.at, Some(body));
    db.prepare_cached(
        "INSERT INTO letter (run, id, sender, at, body, sum) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )?
    .execute(params![run.nr, letter.id, letter.by, letter.at, body, sum])?;
    Ok(Posted::New)
}

fn waiting(db: &Connection, run: i64) -> Result<usize, Fault> {
    let count: i64 = db
        .prepare_cached("SELECT count(*) FROM letter WHERE run = ?1 AND body IS NOT NULL")?
        .query_row([run], |row| row.get(0))?;
    Ok(usize::try_from(count).unwrap_or(usize::MAX))
}

/// Whether a run has letters to take.
pub(super) fn any(db: &Connection, run: i64) -> Result<bool, Fault> {
    Ok(db
        .prepare_cached("SELECT 1 FROM letter WHERE run = ?1 AND body IS NOT NULL LIMIT 1")?
        .exists([run])?)
}

/// The letters that a run has not taken, the oldest first.
pub(super) fn read(db: &Connection, run: &RunId, limit: usize) -> Result<Vec<Letter>, Fault> {
    let select = "SELECT id, sender, at, body, sum FROM letter WHERE run = ?1 AND body IS NOT NULL \
        ORDER BY nr LIMIT ?2";
    letters(db, select, run, limit)
}

/// The letters that a run which has ended never took, the oldest first.
pub(super) fn undelivered(
    db: &Connection,
    run: &RunId,
    limit: usize,
) -> Result<Vec<Letter>, Fault> {
    let select = "SELECT id, sender, at, body, sum FROM undelivered WHERE run = ?1 \
        ORDER BY nr LIMIT ?2";
    letters(db, select, run, limit)
}

/// Lays aside what a run did not take that ends now.
pub(super) fn close(db: &Connection, run: i64) -> Result<(), Fault> {
    if !any(db, run)? {
        return Ok(());
    }
    db.prepare_cached(
        "INSERT INTO undelivered SELECT nr, run, id, sender, at, body, sum FROM letter \
         WHERE run = ?1 AND body IS NOT NULL",
    )?
    .execute([run])?;
    db.prepare_cached("DELETE FROM letter WHERE run = ?1 AND body IS NOT NULL")?.execute([run])?;
    Ok(())
}

fn letters(db: &Connection, select: &str, run: &RunId, limit: usize) -> Result<Vec<Letter>, Fault> {
    let stored = runs::load(db, run)?;
    let mut statement = db.prepare_cached(select)?;
    let mut rows = statement.query(params![stored.nr, i64::try_from(limit).unwrap_or(i64::MAX)])?;
    let mut letters = Vec::new();
    while let Some(row) = rows.next()? {
        let (id, by, at): (String, String, i64) = (row.get(0)?, row.get(1)?, row.get(2)?);
        let body: String = row.get(3)?;
        let sum = sum_of(stored.nr, &id, &by, at, Some(&body));
        let says = serde_json::from_str(&body);
        match says {
            Ok(says) if row.get_ref(4)? == ValueRef::Blob(&sum) => {
                letters.push(Letter { run: run.clone(), id, by, at, says });
            }
            _ => {
                let what = format!("the letter `{id}` to run `{run}`");
                return Err(StoreError::DamagedEntry { what }.into());
            }
        }
    }
    Ok(letters)
}

/// Notes that a letter was taken.
pub(super) fn take(db: &Connection, run: i64, id: &str) -> Result<(), Fault> {
    let found: Option<(String, i64)> = db
        .prepare_cached("SELECT sender, at FROM letter WHERE run = ?1 AND id = ?2")?
        .query_row(params![run, id], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    // A run that was copied from another one has records of letters that are not its own.
    let Some((sender, at)) = found else { return Ok(()) };
    let sum = sum_of(run, id, &sender, at, None);
    db.prepare_cached("UPDATE letter SET body = NULL, sum = ?3 WHERE run = ?1 AND id = ?2")?
        .execute(params![run, id, sum])?;
    Ok(())
}
