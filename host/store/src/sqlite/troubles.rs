//! Notes about runs that do not get on.

use cleargate_flow::RunId;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::checksum::checksum;
use super::fault::Fault;
use super::runs;
use crate::error::StoreError;
use crate::store::MAX_PAGE;
use crate::trouble::Trouble;

/// Whether a row of `run` was set aside.
pub(super) const IS_ASIDE: &str =
    "EXISTS (SELECT 1 FROM trouble t WHERE t.run = run.nr AND t.aside = 1)";

const LIST: &str = "SELECT t.run, t.tries, t.records, t.at, t.aside, t.why, t.sum, r.id \
    FROM trouble t INDEXED BY trouble_aside JOIN run r ON r.nr = t.run \
    WHERE t.aside = 1 AND t.run < ?1 ORDER BY t.run DESC LIMIT ?2";

fn sum_of(run: i64, trouble: &Trouble) -> [u8; 8] {
    let columns = [
        ValueRef::Integer(run),
        ValueRef::Integer(trouble.tries.into()),
        ValueRef::Integer(runs::count(trouble.records)),
        ValueRef::Integer(trouble.at),
        ValueRef::Integer(trouble.set_aside.into()),
        ValueRef::Text(trouble.why.as_bytes()),
    ];
    checksum("trouble", columns)
}

/// Notes what is held against an unfinished run, or that nothing is.
pub(super) fn set(db: &Connection, run: &RunId, trouble: Option<Trouble>) -> Result<(), Fault> {
    let stored = runs::load(db, run)?;
    if stored.head.status.is_finished() {
        return Err(StoreError::Finished { run: run.clone() }.into());
    }
    let Some(trouble) = trouble else { return forget(db, stored.nr) };
    let trouble = trouble.cut();
    let sum = sum_of(stored.nr, &trouble);
    let Trouble { tries, records, at, why, set_aside } = trouble;
    db.prepare_cached("INSERT OR REPLACE INTO trouble VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)")?
        .execute(params![stored.nr, tries, runs::count(records), at, set_aside, why, sum])?;
    Ok(())
}

/// Returns what is held against a run.
pub(super) fn get(db: &Connection, run: &RunId) -> Result<Option<Trouble>, Fault> {
    let nr = runs::load(db, run)?.nr;
    let mut statement = db.prepare_cached(
        "SELECT run, tries, records, at, aside, why, sum FROM trouble WHERE run = ?1",
    )?;
    Ok(statement.query_row([nr], |row| Ok(decode(row))).optional()?.flatten())
}

/// Returns runs that were set aside, the latest created first.
pub(super) fn list(
    db: &Connection,
    before: Option<&RunId>,
    limit: usize,
) -> Result<Vec<(RunId, Trouble)>, Fault> {
    let last = before.map(|run| runs::load(db, run)).transpose()?.map_or(i64::MAX, |run| run.nr);
    let mut statement = db.prepare_cached(LIST)?;
    let limit = i64::try_from(limit.min(MAX_PAGE)).unwrap_or(i64::MAX);
    let mut rows = statement.query(params![last, limit])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let run = runs::id(&row.get::<_, String>(7)?)?;
        found.extend(decode(row).map(|trouble| (run, trouble)));
    }
    Ok(found)
}

/// Forgets what is held against a run.
pub(super) fn forget(db: &Connection, run: i64) -> Result<(), Fault> {
    db.prepare_cached("DELETE FROM trouble WHERE run = ?1")?.execute([run])?;
    Ok(())
}

/// A row; nothing when it is damaged: then the run is simply tried again.
fn decode(row: &Row<'_>) -> Option<Trouble> {
    let read = || -> rusqlite::Result<_> {
        let (records, set_aside): (i64, i64) = (row.get(2)?, row.get(4)?);
        let trouble = Trouble {
            tries: row.get(1)?,
            records: u64::try_from(records).unwrap_or_default(),
            at: row.get(3)?,
            why: row.get(5)?,
            set_aside: set_aside != 0,
        };
        let sum = sum_of(row.get(0)?, &trouble);
        Ok((row.get_ref(6)? == ValueRef::Blob(&sum)).then_some(trouble))
    };
    let read = read().ok().flatten();
    if read.is_none() {
        tracing::error!("the note about a run that did not get on is damaged");
    }
    read
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_set_aside_is_found_without_looking_at_other_runs() {
        let db = Connection::open_in_memory().unwrap();
        db.execute_batch(&super::super::file::SCHEMAS.concat()).unwrap();
        let mut explained = db.prepare(&format!("EXPLAIN QUERY PLAN {LIST}")).unwrap();
        let steps: Vec<String> = explained
            .query_map([1, 1], |row| row.get(3))
            .unwrap()
            .collect::<Result<_, _>>()
            .unwrap();
        assert!(steps.iter().all(|step| step.starts_with("SEARCH")), "{steps:#?}");
    }
}
