//! A database that can only be read.

use std::rc::Rc;

use cleargate::Error;
use rusqlite::config::DbConfig;
use rusqlite::ffi::vfs::register_vfs;
use rusqlite::hooks::{AuthAction, AuthContext, Authorization};
use rusqlite::limits::Limit;
use rusqlite::{Connection, OpenFlags, ffi};

use crate::Database;
use crate::pages::{DISK, Disk, Io, NAME, System};
use crate::source::Sources;

/// What every database begins with.
const MAGIC: &[u8] = b"SQLite format 3\0";
/// Bytes of the header, in which the size of a page stands.
const HEADER: usize = 100;
/// KiB of pages that SQLite keeps, of the memory of the plugin.
const CACHE_KIB: i64 = 8 * 1024;

/// What a statement may need, each with the reason for its bound.
const LIMITS: &[(Limit, i32)] = &[
    // Bytes of one value: an answer has fewer.
    (Limit::SQLITE_LIMIT_LENGTH, 8 * 1024 * 1024),
    // Bytes of a statement: its characters, and room for those of other alphabets.
    (Limit::SQLITE_LIMIT_SQL_LENGTH, 80_000),
    // Columns of a row.
    (Limit::SQLITE_LIMIT_COLUMN, 500),
    // Parts of an expression inside of each other: each takes some of the stack.
    (Limit::SQLITE_LIMIT_EXPR_DEPTH, 100),
    // SELECTs with UNION between them.
    (Limit::SQLITE_LIMIT_COMPOUND_SELECT, 50),
    // Arguments of a function.
    (Limit::SQLITE_LIMIT_FUNCTION_ARG, 100),
    // No other file.
    (Limit::SQLITE_LIMIT_ATTACHED, 0),
    // A pattern is compared with each start in a text.
    (Limit::SQLITE_LIMIT_LIKE_PATTERN_LENGTH, 1_000),
    // Values of a statement.
    (Limit::SQLITE_LIMIT_VARIABLE_NUMBER, 999),
    // Triggers do not run when nothing is changed.
    (Limit::SQLITE_LIMIT_TRIGGER_DEPTH, 1),
];

/// Pragmas that only tell what is in a database; each is also a table, as `pragma_table_info('t')`.
const TELLING: &[&str] = &[
    "table_info",
    "table_xinfo",
    "table_list",
    "index_list",
    "index_info",
    "index_xinfo",
    "foreign_key_list",
];

/// A database that can be asked.
pub(crate) struct Opened {
    pub(crate) connection: Connection,
    disk: Rc<Disk>,
}

/// Opens a database.
pub(crate) fn open(database: Database) -> Result<Opened, Error> {
    let disk = Disk::new(Sources::find(database)?)?;
    check(&disk.head(HEADER)?, disk.size())?;
    register(disk.clone())?;
    let open = || {
        let mut connection =
            Connection::open_with_flags_and_vfs(NAME, OpenFlags::SQLITE_OPEN_READ_ONLY, DISK)?;
        // What a database's own views and columns call must be harmless: it comes from a stranger.
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
        for (limit, value) in LIMITS {
            connection.set_limit(*limit, *value)?;
        }
        // The only reader as far as SQLite knows: so the log beside a database needs no shared memory.
        connection.pragma_update(None, "locking_mode", "exclusive")?;
        connection.pragma_update(None, "cache_size", -CACHE_KIB)?;
        connection.authorizer(Some(|context: AuthContext<'_>| decide(context.action)))?;
        connection.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))?;
        Ok(connection)
    };
    match open() {
        Ok(connection) => Ok(Opened { connection, disk }),
        Err(error) => Err(disk.failure().unwrap_or_else(|| refusal("/database", "", &error))),
    }
}

/// Refuses what is no database, and the part of one: SQLite would take zeros for what is missing of a page.
fn check(head: &[u8], size: u64) -> Result<(), Error> {
    if head.len() < HEADER || !head.starts_with(MAGIC) {
        return Err(Error::invalid_input("/database is no SQLite database"));
    }
    let page = match u64::from(u16::from_be_bytes([head[16], head[17]])) {
        1 => 65_536,
        bytes => bytes,
    };
    if page == 0 || !size.is_multiple_of(page) {
        let message = format!("/database is cut off: {size} bytes are no whole pages of {page}");
        return Err(Error::invalid_input(message));
    }
    Ok(())
}

#[allow(unsafe_code, reason = "SQLite takes the disk as a table of functions")]
fn register(disk: Rc<Disk>) -> Result<(), Error> {
    // SAFETY: the crate's own functions and layout are used as they are, with the data that they are for, on the one
    // thread that there is. An instance serves one call, so what is registered stays.
    let disk = unsafe { register_vfs::<Io, System>(DISK, disk, false) };
    disk.map_err(|e| Error::bug(e.to_string()))?.into_raw();
    Ok(())
}

impl Opened {
    /// An error of SQLite for who asked; what the host said comes first.
    pub(crate) fn refuse(&self, what: &str, sql: &str, error: &rusqlite::Error) -> Error {
        self.disk.failure().unwrap_or_else(|| refusal(what, sql, error))
    }
}

/// Whether a part of a statement only reads.
fn decide(action: AuthAction<'_>) -> Authorization {
    match action {
        AuthAction::Select | AuthAction::Read { .. } | AuthAction::Recursive => {
            Authorization::Allow
        }
        AuthAction::Function { function_name } if function_name != "load_extension" => {
            Authorization::Allow
        }
        AuthAction::Pragma { pragma_name, .. } if TELLING.contains(&pragma_name) => {
            Authorization::Allow
        }
        _ => Authorization::Deny,
    }
}

fn refusal(what: &str, sql: &str, error: &rusqlite::Error) -> Error {
    let (code, said) = match error {
        rusqlite::Error::SqliteFailure(e, said) => (e.extended_code, said.clone()),
        rusqlite::Error::SqlInputError { error, msg, offset, .. } => {
            let before = usize::try_from(*offset).ok().and_then(|offset| sql.get(..offset));
            let place = before.map_or(String::new(), |before| {
                let line = before.matches('\n').count() + 1;
                let column = before.rsplit('\n').next().map_or(0, |last| last.chars().count()) + 1;
                format!(", line {line}, column {column}")
            });
            let said = Error::invalid_input(format!("{what}{place}: {msg}"));
            return if error.extended_code == ffi::SQLITE_AUTH { only_reads(what) } else { said };
        }
        rusqlite::Error::MultipleStatement => {
            return Error::invalid_input(format!("{what}: write one statement; there are several"));
        }
        other => (0, Some(other.to_string())),
    };
    if code == ffi::SQLITE_READONLY_ROLLBACK {
        return Error::invalid_input(
            "/database: a change of it was interrupted; open it once with a program that writes, which undoes the change",
        );
    }
    match code & 0xff {
        ffi::SQLITE_AUTH | ffi::SQLITE_READONLY => only_reads(what),
        ffi::SQLITE_CORRUPT | ffi::SQLITE_NOTADB => {
            Error::invalid_input("/database is broken: SQLite cannot read all of it")
        }
        ffi::SQLITE_NOMEM => {
            Error::new(cleargate::Code::Limit, "the query needs more memory than the plugin has")
        }
        _ => Error::invalid_input(format!("{what}: {}", said.unwrap_or_else(|| error.to_string()))),
    }
}

fn only_reads(what: &str) -> Error {
    Error::invalid_input(format!("{what}: the statement does more than read; write a SELECT"))
}
