//! Tools that query SQLite databases, and never change them.
//!
//! SQLite is compiled into the component, and its disk is this plugin's own: it holds the one database, and cannot be
//! written to. SQLite is also asked about each part of a statement before it is prepared: whatever does more than read
//! is refused there. Values are bound, and never a part of the text.
#![cfg(target_arch = "wasm32")]

mod database;
mod host;
mod pages;
mod rows;
mod shapes;
mod source;

use cleargate::Error;

pub use shapes::*;

/// Rows without another number in the input.
const USUAL_ROWS: usize = 1_000;
/// Rows that may be asked for: what a flow can go through.
const MAX_ROWS: usize = 10_000;
/// Characters of a statement.
const MAX_SQL: usize = 20_000;

/// Runs one SELECT over a SQLite database. Call `tables` first to see what is in it. Values belong in `parameters`.
#[cleargate::tool(read_only, idempotent, open_world)]
pub fn query(input: Query) -> Result<Found, Error> {
    let max = input.max_rows.unwrap_or(USUAL_ROWS);
    if max == 0 || max > MAX_ROWS {
        let message = format!("/max_rows is {max}; write 1 to {MAX_ROWS}");
        return Err(Error::invalid_input(message));
    }
    let length = input.sql.chars().count();
    if length > MAX_SQL {
        let message = format!("/sql has {length} characters, at most {MAX_SQL}");
        return Err(Error::invalid_input(message));
    }
    let database = database::open(input.database)?;
    rows::query(&database, &input.sql, &input.parameters, max)
}

/// Lists the tables and views of a SQLite database with their columns.
#[cleargate::tool(read_only, idempotent, open_world)]
pub fn tables(input: Look) -> Result<Tables, Error> {
    let database = database::open(input.database)?;
    Ok(Tables { tables: rows::tables(&database)? })
}

cleargate::export! { tools: [query, tables] }
