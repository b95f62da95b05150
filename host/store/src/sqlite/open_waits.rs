//! What runs wait for: rows that follow from records, and the ways to those that are due.

use cleargate_flow::RunId;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::checksum::checksum;
use super::fault::Fault;
use super::{inbox, runs, troubles};
use crate::run::RunStatus;
use crate::store::MAX_PAGE;
use crate::waits::{Change, OpenWait, WaitFilter, WaitsFor};

/// Applies what records of a run have changed.
pub(super) fn apply(db: &Connection, run: i64, changes: &[Change]) -> Result<(), Fault> {
    for change in changes {
        match change {
            Change::Opens { address, waits_for, until, since, seq } => {
                open(db, run, &address.to_string(), waits_for, *until, *since, *seq)?;
            }
            Change::Closes(address) => close(db, run, &address.to_string())?,
            Change::Takes(id) => inbox::take(db, run, id)?,
            Change::ClosesAll => {
                db.prepare_cached("DELETE FROM wait WHERE run = ?1")?.execute([run])?;
                troubles::forget(db, run)?;
                inbox::close(db, run)?;
            }
        }
    }
    Ok(())
}

fn open(
    db: &Connection,
    run: i64,
    address: &str,
    waits_for: &WaitsFor,
    until: Option<i64>,
    since: i64,
    seq: u64,
) -> Result<(), Fault> {
    let body = serde_json::to_string(waits_for).expect("a wait holds nothing JSON cannot hold");
    let (seq, task) = (runs::count(seq), i64::from(matches!(waits_for, WaitsFor::Task { .. })));
    let sum = sum_of(run, address, until, since, seq, &body);
    db.prepare_cached("INSERT OR REPLACE INTO wait VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)")?
        .execute(params![run, address, until, since, seq, task, body, sum])?;
    Ok(())
}

fn close(db: &Connection, run: i64, address: &str) -> Result<(), Fault> {
    db.prepare_cached("DELETE FROM wait WHERE run = ?1 AND address = ?2")?
        .execute(params![run, address])?;
    Ok(())
}

/// Notes when a run is due for a reason that is in no record, or that there is none.
pub(super) fn set_alarm(db: &Connection, run: i64, due: Option<i64>) -> Result<(), Fault> {
    match due {
        Some(due) => open(db, run, "", &WaitsFor::Alarm, Some(due), due, 0),
        None => close(db, run, ""),
    }
}

fn sum_of(
    run: i64,
    address: &str,
    until: Option<i64>,
    since: i64,
    seq: i64,
    body: &str,
) -> [u8; 8] {
    let columns = [
        ValueRef::Integer(run),
        ValueRef::Text(address.as_bytes()),
        until.map_or(ValueRef::Null, ValueRef::Integer),
        ValueRef::Integer(since),
        ValueRef::Integer(seq),
        ValueRef::Text(body.as_bytes()),
    ];
    checksum("wait", columns)
}

const COLUMNS: &str = "SELECT w.run, w.address, w.until, w.since, w.seq, w.body, w.sum, r.id, r.flow \
    FROM wait w JOIN run r ON r.nr = w.run ";

/// Returns what is open, of the latest run first, in each run in the order of the journal.
pub(super) fn list(db: &Connection, filter: &WaitFilter) -> Result<Vec<OpenWait>, Fault> {
    let (last, seq) = match &filter.after {
        Some((run, seq)) => (runs::load(db, run)?.nr, i64::try_from(*seq).unwrap_or(i64::MAX)),
        None => (i64::MAX, i64::MAX),
    };
    let run = filter.run.as_ref().map(|run| runs::load(db, run)).transpose()?.map(|run| run.nr);
    let which = match (run, filter.tasks) {
        (Some(_), _) => "WHERE w.run = ?2 AND (?3 = 0 OR w.task = 1) AND ",
        (None, true) => "WHERE w.task = 1 AND ?2 IS NULL AND ?3 = 1 AND ",
        (None, false) => "WHERE ?2 IS NULL AND ?3 = 0 AND ",
    };
    let sql = format!(
        "{COLUMNS}{which} w.run <= ?1 AND (w.run < ?1 OR w.seq > ?5) ORDER BY w.run DESC, w.seq LIMIT ?4"
    );
    let mut statement = db.prepare_cached(&sql)?;
    let limit = i64::try_from(filter.limit.min(MAX_PAGE)).unwrap_or(i64::MAX);
    let mut rows = statement.query(params![last, run, i64::from(filter.tasks), limit, seq])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        match decode(row) {
            Ok(wait) => found.push(wait),
            // Derived: the run itself knows what it waits for.
            Err(reason) => tracing::error!(reason, "a row about a waiting run is damaged"),
        }
    }
    Ok(found)
}

fn decode(row: &Row<'_>) -> Result<OpenWait, String> {
    let read = || -> rusqlite::Result<_> {
        let (run, address): (i64, String) = (row.get(0)?, row.get(1)?);
        let (until, since, seq): (Option<i64>, i64, i64) = (row.get(2)?, row.get(3)?, row.get(4)?);
        let (body, id, flow): (String, String, String) = (row.get(5)?, row.get(7)?, row.get(8)?);
        let sum = sum_of(run, &address, until, since, seq, &body);
        let sound = row.get_ref(6)? == ValueRef::Blob(&sum);
        Ok((address, until, since, seq, body, id, flow, sound))
    };
    let (address, until, since, seq, body, id, flow, sound) = read().map_err(|e| e.to_string())?;
    if !sound {
        return Err("it has another checksum".into());
    }
    let address = match address.as_str() {
        "" => None,
        address => Some(address.parse().map_err(|_| "its address is none".to_owned())?),
    };
    Ok(OpenWait {
        run: id.parse().map_err(|_| "its run is none".to_owned())?,
        flow: flow.parse().map_err(|_| "its flow is none".to_owned())?,
        address,
        waits_for: serde_json::from_str(&body).map_err(|e| e.to_string())?,
        until,
        since,
        seq: u64::try_from(seq).map_err(|e| e.to_string())?,
    })
}

/// The runs that wait and need not any more, of all or of one and those below it.
const DUE: &str = "SELECT nr, id FROM run WHERE +status = ?2 AND nr IN \
    (SELECT run FROM wait INDEXED BY wait_by_until WHERE until <= ?1 \
    UNION ALL SELECT run FROM letter INDEXED BY letter_to_take WHERE body IS NOT NULL) \
    AND NOT EXISTS (SELECT 1 FROM trouble t WHERE t.run = run.nr AND t.aside = 1) \
    ORDER BY nr LIMIT ?3";
/// The first moment that somebody waits for.
const NEXT_DUE: &str = "SELECT w.until FROM wait w INDEXED BY wait_by_until CROSS JOIN run r ON r.nr = w.run \
    WHERE w.until > ?1 AND r.status = ?2 ORDER BY w.until LIMIT 1";
const DUE_BELOW: &str = "WITH RECURSIVE family (nr, id) AS (SELECT nr, id FROM run WHERE id = ?4 \
    UNION SELECT r.nr, r.id FROM run r JOIN family f ON r.parent_run = f.id) \
    SELECT DISTINCT r.nr, r.id FROM family f JOIN run r ON r.nr = f.nr WHERE r.status = ?2 AND ( \
    EXISTS (SELECT 1 FROM wait w WHERE w.run = r.nr AND w.until <= ?1) OR \
    EXISTS (SELECT 1 FROM letter l WHERE l.run = r.nr AND l.body IS NOT NULL)) ORDER BY r.nr LIMIT ?3";

/// Returns waiting runs whose time has come, or that have letters.
pub(super) fn due(
    db: &Connection,
    now_ms: i64,
    below: Option<&RunId>,
) -> Result<Vec<RunId>, Fault> {
    let status = runs::status_number(RunStatus::Waiting);
    let limit = i64::try_from(MAX_PAGE).unwrap_or(i64::MAX);
    let mut statement = db.prepare_cached(if below.is_some() { DUE_BELOW } else { DUE })?;
    let mut rows = match below {
        Some(run) => statement.query(params![now_ms, status, limit, run.as_str()])?,
        None => statement.query(params![now_ms, status, limit])?,
    };
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        found.push(runs::id(&row.get::<_, String>(1)?)?);
    }
    Ok(found)
}

/// Returns the first moment later than `after_ms` that a waiting run waits for.
pub(super) fn next_due(db: &Connection, after_ms: i64) -> Result<Option<i64>, Fault> {
    let status = runs::status_number(RunStatus::Waiting);
    let mut statement = db.prepare_cached(NEXT_DUE)?;
    Ok(statement.query_row([after_ms, status], |row| row.get(0)).optional()?)
}

/// Forgets all about a run that is removed.
pub(super) fn forget(db: &Connection, run: i64) -> Result<(), Fault> {
    troubles::forget(db, run)?;
    db.prepare_cached("DELETE FROM undelivered WHERE run = ?1")?.execute([run])?;
    db.prepare_cached("DELETE FROM wait WHERE run = ?1")?.execute([run])?;
    db.prepare_cached("DELETE FROM letter WHERE run = ?1")?.execute([run])?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Ten thousand runs that wait, and as many that have ended, cost a look nothing: only those that are due are read.
    #[test]
    fn what_is_due_is_found_without_looking_at_what_waits() {
        let db = Connection::open_in_memory().unwrap();
        db.execute_batch(&super::super::file::SCHEMAS.concat()).unwrap();
        let outstanding = runs::outstanding_sql();
        for sql in [DUE, DUE_BELOW, NEXT_DUE, &outstanding] {
            let mut explained = db.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
            let bound = vec![1; explained.parameter_count()];
            let steps: Vec<String> = explained
                .query_map(rusqlite::params_from_iter(bound), |row| row.get(3))
                .unwrap()
                .collect::<Result<_, _>>()
                .unwrap();
            // What is found is gone through; letters that are not taken have an index of their own.
            let whole = |step: &&String| {
                step.starts_with("SCAN")
                    && !["f", "family"].contains(&&step[5..])
                    && !step.contains("letter_to_take")
            };
            assert_eq!(steps.iter().find(whole), None, "{steps:#?}");
        }
    }
}
