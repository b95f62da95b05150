//! Rows of runs: a row is checked as a whole when it is read, and written as a whole.

use cleargate_flow::{ErrorCode, RunId};
use rusqlite::types::{Value, ValueRef};
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::checksum::checksum;
use super::fault::Fault;
use super::troubles::IS_ASIDE;
use crate::error::StoreError;
use crate::head::Head;
use crate::run::{ErrorSummary, LeaseInfo, MAX_LEASE_MS, NewRun, RunFilter, RunRow, RunStatus};
use crate::store::MAX_PAGE;

/// Columns of a row beside its checksum, which follows them.
const COLUMNS: usize = 18;

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT nr, id, flow, hash, key, parent_run, parent_address, created_at, status, ",
            "updated_at, finished_at, next, fence, lease_owner, lease_until, error_address, ",
            "error_code, error_message, sum FROM run ",
            $rest
        )
    };
}

const INSERT: &str = "INSERT INTO run VALUES \
    (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19)";

/// Leaves the status alone, so that its index is not touched by each append.
const ADVANCE: &str = "UPDATE run SET updated_at = ?10, next = ?12, fence = ?13, \
    lease_owner = ?14, lease_until = ?15, sum = ?19 WHERE nr = ?1";

const FINISH: &str = "UPDATE run SET status = ?9, updated_at = ?10, finished_at = ?11, \
    next = ?12, fence = ?13, lease_owner = ?14, lease_until = ?15, error_address = ?16, \
    error_code = ?17, error_message = ?18, sum = ?19 WHERE nr = ?1";

const PIN: &str = "UPDATE run SET hash = ?4, sum = ?19 WHERE nr = ?1";

/// A run as it is kept.
pub(super) struct Stored {
    /// Its number in order of creation.
    pub(super) nr: i64,
    /// The part that never changes; without records.
    pub(super) new: NewRun,
    pub(super) head: Head,
}

impl Stored {
    pub(super) fn row(&self) -> RunRow {
        self.head.row(&self.new)
    }

    fn columns(&self) -> [Value; COLUMNS] {
        let text = |text: &str| Value::Text(text.to_owned());
        let maybe = |text: Option<String>| text.map_or(Value::Null, Value::Text);
        let time = |time: Option<i64>| time.map_or(Value::Null, Value::Integer);
        let (new, head) = (&self.new, &self.head);
        let (lease, error) = (head.lease.as_ref(), head.error.as_ref());
        [
            Value::Integer(self.nr),
            text(new.id.as_str()),
            text(new.flow.as_str()),
            text(new.hash.as_str()),
            maybe(new.idempotency_key.clone()),
            // Without an address it is where the run was forked from.
            maybe(
                new.parent
                    .as_ref()
                    .map(|(run, _)| run)
                    .or(new.origin.as_ref())
                    .map(ToString::to_string),
            ),
            maybe(new.parent.as_ref().map(|(_, address)| address.to_string())),
            Value::Integer(new.created_at),
            Value::Integer(status_number(head.status)),
            Value::Integer(head.updated_at),
            time(head.finished_at),
            Value::Integer(count(head.next)),
            Value::Integer(count(head.fence)),
            maybe(lease.map(|lease| lease.owner.clone())),
            time(lease.map(|lease| lease.until)),
            maybe(error.and_then(|error| error.address.as_ref()).map(ToString::to_string)),
            maybe(error.map(|error| error.code.as_str().to_owned())),
            maybe(error.map(|error| error.message.clone())),
        ]
    }

    fn write(&self, db: &Connection, sql: &'static str) -> Result<(), Fault> {
        let columns = self.columns();
        let sum = checksum("run", columns.iter().map(ValueRef::from));
        let sum = Value::Blob(sum.to_vec());
        let written = db
            .prepare_cached(sql)?
            .execute(rusqlite::params_from_iter(columns.iter().chain([&sum])))?;
        assert_eq!(written, 1, "the row was read in the same transaction");
        Ok(())
    }
}

/// Adds a row under the next number.
pub(super) fn insert(db: &Connection, new: NewRun, head: Head) -> Result<Stored, Fault> {
    let nr = db
        .prepare_cached("SELECT coalesce(max(nr), 0) + 1 FROM run")?
        .query_row((), |row| row.get(0))?;
    let run = Stored { nr, new, head };
    run.write(db, INSERT)?;
    Ok(run)
}

/// Writes the head of a run back.
pub(super) fn save(db: &Connection, run: &Stored) -> Result<(), Fault> {
    run.write(db, if run.head.status.is_finished() { FINISH } else { ADVANCE })
}

/// Writes the head of a run back whose status may have changed.
pub(super) fn restate(db: &Connection, run: &Stored) -> Result<(), Fault> {
    run.write(db, FINISH)
}

/// Writes the version that a run is pinned to. Its head is written after it.
pub(super) fn pin(db: &Connection, run: &Stored) -> Result<(), Fault> {
    run.write(db, PIN)
}

/// Returns a run, or nothing.
pub(super) fn find(db: &Connection, run: &RunId) -> Result<Option<Stored>, Fault> {
    let mut statement = db.prepare_cached(select!("WHERE id = ?1"))?;
    let mut rows = statement.query([run.as_str()])?;
    rows.next()?.map(|row| decode(row).map_err(|reason| damaged(run.as_str(), reason))).transpose()
}

/// Returns a run.
pub(super) fn load(db: &Connection, run: &RunId) -> Result<Stored, Fault> {
    find(db, run)?.ok_or_else(|| StoreError::NoSuchRun { run: run.clone() }.into())
}

/// Returns the run that has an idempotency key.
pub(super) fn by_key(db: &Connection, new: &NewRun) -> Result<Option<RunId>, Fault> {
    let mut statement = db.prepare_cached("SELECT id FROM run WHERE flow = ?1 AND key = ?2")?;
    let found: Option<String> = statement
        .query_row(params![new.flow.as_str(), new.idempotency_key], |row| row.get(0))
        .optional()?;
    // Read as a whole: a key that leads to a damaged row must not name some other run.
    let Some(id) = found else { return Ok(None) };
    Ok(Some(load(db, &self::id(&id)?)?.new.id))
}

/// An id that a row names.
pub(super) fn id(text: &str) -> Result<RunId, Fault> {
    text.parse().map_err(|_| damaged(text, "its id is none".into()))
}

/// Returns the rows that a filter asks for. A damaged row is left out and reported to the log: the others
/// have to be found all the same.
pub(super) fn list(db: &Connection, filter: &RunFilter) -> Result<Vec<RunRow>, Fault> {
    let before = match &filter.before {
        Some(run) => load(db, run)?.nr,
        None => i64::MAX,
    };
    let flow = filter.flow.as_ref().map(|flow| flow.as_str());
    let status = filter.status.map(status_number);
    let mut statement = db.prepare_cached(match (flow, status) {
        (None, None) => select!("WHERE nr < ?1 AND ?2 IS NULL AND ?3 IS NULL AND (?4 IS NULL OR finished_at < ?4) ORDER BY nr DESC"),
        (Some(_), None) => select!("WHERE flow = ?2 AND nr < ?1 AND ?3 IS NULL AND (?4 IS NULL OR finished_at < ?4) ORDER BY nr DESC"),
        (None, Some(_)) => select!("WHERE status = ?3 AND nr < ?1 AND ?2 IS NULL AND (?4 IS NULL OR finished_at < ?4) ORDER BY nr DESC"),
        (Some(_), Some(_)) => {
            select!("WHERE flow = ?2 AND nr < ?1 AND status = ?3 AND (?4 IS NULL OR finished_at < ?4) ORDER BY nr DESC")
        }
    })?;
    let mut rows = statement.query(params![before, flow, status, filter.finished_before])?;
    let mut found = Vec::new();
    while found.len() < filter.limit.min(MAX_PAGE)
        && let Some(row) = rows.next()?
    {
        match decode(row) {
            Ok(run) if filter.top_only && run.new.parent.is_some() => {}
            Ok(run) => found.push(run.row()),
            Err(reason) => {
                tracing::error!(nr = ?row.get_ref(0)?, reason, "the row of a run is damaged");
            }
        }
    }
    Ok(found)
}

/// Returns ids that begin with `prefix`, in byte order: a part of the index of ids.
pub(super) fn ids(db: &Connection, prefix: &str, limit: usize) -> Result<Vec<RunId>, Fault> {
    let mut statement = db.prepare_cached("SELECT id FROM run WHERE id >= ?1 ORDER BY id")?;
    let mut rows = statement.query([prefix])?;
    let mut found = Vec::new();
    while found.len() < limit
        && let Some(row) = rows.next()?
    {
        let id: String = row.get(0)?;
        if !id.starts_with(prefix) {
            break;
        }
        // One that is none cannot be asked for either.
        found.extend(id.parse());
    }
    Ok(found)
}

/// Returns the sub-flows that a run started itself and that are not finished.
pub(super) fn children(db: &Connection, run: &RunId) -> Result<Vec<RunId>, Fault> {
    let mut statement = db.prepare_cached(
        "SELECT id FROM run WHERE parent_run = ?1 AND status IN (?3, ?4) ORDER BY nr LIMIT ?2",
    )?;
    let limit = i64::try_from(MAX_PAGE).unwrap_or(i64::MAX);
    let (running, waiting) = (status_number(RunStatus::Running), status_number(RunStatus::Waiting));
    let asked = params![run.as_str(), limit, running, waiting];
    let ids = statement.query_map(asked, |row| row.get::<_, String>(0))?;
    ids.map(|id| self::id(&id?)).collect()
}

/// The runs that somebody has to go on with: those that run are an index of their own.
pub(super) fn outstanding_sql() -> String {
    format!(
        "SELECT id FROM run WHERE status = 0 \
         AND (lease_until IS NULL OR lease_until <= ?1 OR lease_until > ?2) \
         AND NOT {IS_ASIDE} ORDER BY nr"
    )
}

/// Returns the runs that somebody has to go on with.
pub(super) fn outstanding(db: &Connection, now_ms: i64) -> Result<Vec<RunId>, Fault> {
    let mut statement = db.prepare_cached(&outstanding_sql())?;
    // What `LeaseInfo::holds` says, for all rows at once.
    let mut rows = statement.query([now_ms, now_ms.saturating_add_unsigned(MAX_LEASE_MS)])?;
    let mut runs = Vec::new();
    while let Some(row) = rows.next()? {
        // Whoever acquires the run checks its row; one that cannot be named cannot be acquired.
        match row.get_ref(0)?.as_str().ok().and_then(|id| id.parse().ok()) {
            Some(run) => runs.push(run),
            None => tracing::error!("the row of an unfinished run is damaged"),
        }
    }
    Ok(runs)
}

/// A position in the database's integers.
pub(super) fn count(n: u64) -> i64 {
    i64::try_from(n).expect("nothing is counted to 2^63")
}

pub(super) fn status_number(status: RunStatus) -> i64 {
    let at = RunStatus::ALL.iter().position(|s| *s == status).expect("`ALL` has every status");
    i64::try_from(at).expect("there are five")
}

fn damaged(run: &str, reason: String) -> Fault {
    Fault(StoreError::DamagedRun { run: run.into(), reason })
}

/// Reads a row of [`select`], or says what is wrong with it.
fn decode(row: &Row<'_>) -> Result<Stored, String> {
    let mut columns = [ValueRef::Null; COLUMNS];
    for (at, column) in columns.iter_mut().enumerate() {
        *column = row.get_ref(at).map_err(|e| e.to_string())?;
    }
    let sum = row.get_ref(COLUMNS).map_err(|e| e.to_string())?;
    if sum != ValueRef::Blob(&checksum("run", columns)) {
        return Err("its row has another checksum".into());
    }
    fields(row).map_err(|e| e.to_string())
}

type Misfit = Box<dyn std::error::Error + Send + Sync>;

fn fields(row: &Row<'_>) -> Result<Stored, Misfit> {
    let text = |at| row.get::<_, String>(at);
    let maybe = |at| row.get::<_, Option<String>>(at);
    let (parent, origin) = match (maybe(5)?, maybe(6)?) {
        (Some(run), Some(address)) => (Some((run.parse()?, address.parse()?)), None),
        (Some(run), None) => (None, Some(run.parse()?)),
        _ => (None, None),
    };
    let lease = match (maybe(13)?, row.get(14)?) {
        (Some(owner), Some(until)) => Some(LeaseInfo { owner, until }),
        _ => None,
    };
    let error = match (maybe(16)?, maybe(17)?) {
        (Some(code), Some(message)) => {
            let address = maybe(15)?.map(|address| address.parse()).transpose()?;
            Some(ErrorSummary { address, code: code.parse::<ErrorCode>()?, message })
        }
        _ => None,
    };
    let status = usize::try_from(row.get::<_, i64>(8)?)?;
    let (next, fence): (i64, i64) = (row.get(11)?, row.get(12)?);
    // What counts on from these must neither end nor begin before them, whoever wrote them.
    if next < 1 || next == i64::MAX || fence == i64::MAX {
        return Err("its counts are none".into());
    }
    let (next, fence) = (u64::try_from(next)?, u64::try_from(fence)?);
    Ok(Stored {
        nr: row.get(0)?,
        new: NewRun {
            id: text(1)?.parse()?,
            flow: text(2)?.parse()?,
            hash: text(3)?.parse()?,
            idempotency_key: maybe(4)?,
            parent,
            origin,
            created_at: row.get(7)?,
            first: Vec::new(),
        },
        head: Head {
            status: *RunStatus::ALL.get(status).ok_or("its status is none")?,
            updated_at: row.get(9)?,
            finished_at: row.get(10)?,
            next,
            fence,
            lease,
            error,
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::head::Batch;

    #[test]
    fn counts_that_nothing_can_follow_are_damage() {
        let db = Connection::open_in_memory().unwrap();
        db.execute_batch(include_str!("schema.sql")).unwrap();
        let most = i64::MAX.cast_unsigned();
        for (n, (next, fence, sound)) in
            [(1, 0, true), (0, 0, false), (most, 0, false), (1, most, false)].iter().enumerate()
        {
            let new = crate::conformance::new_run(&format!("r{n}"), None);
            let head = Head::new(&Batch::of_new(&new).unwrap());
            // With a checksum that is right: somebody meant it.
            let run = insert(&db, new, Head { next: *next, fence: *fence, ..head }).unwrap();
            let found = find(&db, &run.new.id).map(|found| found.is_some());
            assert_eq!(found.is_ok(), *sound, "{next} {fence}: {found:?}");
        }
    }
}
