//! Removing a run: what belongs to it alone goes, what others have stays.
//!
//! The pages that become free are used for what comes next, also when the store is as large as it may be; the file
//! does not shrink. A power cut may bring a removed run back whole: nobody depends on its absence.

use cleargate_flow::RunId;
use rusqlite::{Connection, params};

use super::fault::Fault;
use super::journal::{MAX_RECORDS, place};
use super::open_waits;
use super::runs::{self, Stored};
use crate::error::StoreError;
use crate::run::Removed;

/// Bytes that a removal is taken to write. How many it are is not known before; so many that the writer's thread makes
/// it, which may wait, and that the log is folded after some.
pub(super) const BYTES: usize = 512 * 1024;

/// Payloads of the records between two places that no record elsewhere and no tenant has.
const REMOVE_BLOBS: &str = "DELETE FROM blob WHERE digest IN \
        (SELECT payload FROM record WHERE place BETWEEN ?1 AND ?2 AND typeof(payload) = 'blob') \
    AND NOT EXISTS (SELECT 1 FROM record WHERE typeof(payload) = 'blob' AND payload = digest \
        AND place NOT BETWEEN ?1 AND ?2) \
    AND NOT EXISTS (SELECT 1 FROM value WHERE store = '#blobs' \
        AND key = 'sha256-' || lower(hex(digest)))";

/// Runs that were forked from a run name it without an address, and are their own.
const CHILDREN: &str = "SELECT id FROM run WHERE parent_run = ?1 AND parent_address IS NOT NULL";

/// Removes a finished run and its sub-flows.
pub(super) fn remove(db: &Connection, run: &RunId) -> Result<Removed, Fault> {
    let top = runs::load(db, run)?;
    if let Some((parent, _)) = &top.new.parent
        && runs::find(db, parent)?.is_some()
    {
        return Err(StoreError::SubFlow { run: run.clone(), parent: parent.clone() }.into());
    }
    let family = family(db, top)?;
    if let Some(open) = family.iter().find(|run| !run.head.status.is_finished()) {
        return Err(StoreError::Unfinished { run: open.new.id.clone() }.into());
    }
    let mut removed = Removed::default();
    for run in family {
        let (first, last) = (place(run.nr, 0)?, place(run.nr, MAX_RECORDS - 1)?);
        db.prepare_cached(REMOVE_BLOBS)?.execute([first, last])?;
        let records = db
            .prepare_cached("DELETE FROM record WHERE place BETWEEN ?1 AND ?2")?
            .execute([first, last])?;
        open_waits::forget(db, run.nr)?;
        db.prepare_cached("DELETE FROM run WHERE nr = ?1")?.execute(params![run.nr])?;
        removed.runs += 1;
        removed.records += records as u64;
    }
    Ok(removed)
}

/// A run and every sub-flow below it, the run first.
fn family(db: &Connection, top: Stored) -> Result<Vec<Stored>, Fault> {
    let mut children = db.prepare_cached(CHILDREN)?;
    let mut family = vec![top];
    let mut next = 0;
    while let Some(run) = family.get(next) {
        let ids = children.query_map([run.new.id.as_str()], |row| row.get(0))?;
        for id in ids.collect::<Result<Vec<String>, _>>()? {
            family.push(runs::load(db, &runs::id(&id)?)?);
        }
        next += 1;
    }
    Ok(family)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_removal_looks_at_no_run_but_its_own() {
        let db = Connection::open_in_memory().unwrap();
        db.execute_batch(&super::super::file::SCHEMAS.concat()).unwrap();
        for sql in [REMOVE_BLOBS, CHILDREN] {
            let mut explained = db.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
            let bound = vec![1; explained.parameter_count()];
            let steps: Vec<String> = explained
                .query_map(rusqlite::params_from_iter(bound), |row| row.get(3))
                .unwrap()
                .collect::<Result<_, _>>()
                .unwrap();
            assert!(steps.iter().all(|step| !step.starts_with("SCAN")), "{steps:#?}");
        }
    }
}
