//! Statements with their values, and rows as JSON.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use cleargate::{Code, Error, Value, json};
use rusqlite::Statement;
use rusqlite::types::{ToSqlOutput, Value as Bound, ValueRef};

use crate::database::Opened;
use crate::{Column, Found, Table};

/// Bytes of all values of an answer: what the host takes as one, with room for names and lists.
const MAX_BYTES: usize = 4 * 1024 * 1024 - 64 * 1024;
/// Tables that are listed.
const MAX_TABLES: usize = 500;

/// Runs a statement, and takes its rows.
pub(crate) fn query(
    database: &Opened,
    sql: &str,
    parameters: &Value,
    max: usize,
) -> Result<Found, Error> {
    let failed = |e: rusqlite::Error| database.refuse("/sql", sql, &e);
    let mut statement = database.connection.prepare(sql).map_err(failed)?;
    if statement.column_count() == 0 {
        return Err(Error::invalid_input("/sql: the statement gives no rows; write a SELECT"));
    }
    bind(database, &mut statement, parameters)?;
    let columns: Vec<String> = statement.column_names().into_iter().map(Into::into).collect();
    let mut found = Found { rows: Vec::new(), truncated: false, columns };
    let mut rows = statement.raw_query();
    let mut bytes = 0;
    while let Some(row) = rows.next().map_err(failed)? {
        let mut values = Vec::with_capacity(found.columns.len());
        for (place, column) in found.columns.iter().enumerate() {
            let value = row.get_ref(place).map_err(failed)?;
            values.push(as_json(value, found.rows.len(), column)?);
            bytes += values.last().map_or(0, size);
            if bytes > MAX_BYTES {
                break;
            }
        }
        if found.rows.len() == max || bytes > MAX_BYTES {
            found.truncated = true;
            break;
        }
        found.rows.push(values);
    }
    if found.truncated && found.rows.is_empty() {
        let message = format!(
            "the first row has more than {MAX_BYTES} bytes; select less of it, such as substr(COLUMN, 1, 1000)"
        );
        return Err(Error::new(Code::Limit, message));
    }
    Ok(found)
}

/// Tables and views with their columns.
pub(crate) fn tables(database: &Opened) -> Result<Vec<Table>, Error> {
    const TABLES: &str = "SELECT name, type FROM pragma_table_list \
        WHERE schema = 'main' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY name LIMIT ?1";
    const COLUMNS: &str = "SELECT name, type, \"notnull\" <> 0, pk <> 0 FROM pragma_table_info(?1)";
    let read = || {
        let mut names = database.connection.prepare(TABLES)?;
        let mut columns = database.connection.prepare(COLUMNS)?;
        let names = names.query_map([MAX_TABLES as i64], |row| Ok((row.get(0)?, row.get(1)?)))?;
        let mut tables = Vec::new();
        for table in names {
            let (name, kind): (String, String) = table?;
            let column = |row: &rusqlite::Row<'_>| {
                Ok(Column {
                    name: row.get(0)?,
                    kind: row.get(1)?,
                    required: row.get(2)?,
                    key: row.get(3)?,
                })
            };
            // A view that names what is not there has no columns, and is listed all the same.
            let columns = match columns.query_map([&name], column) {
                Ok(rows) => rows.filter_map(Result::ok).collect(),
                Err(_) => Vec::new(),
            };
            tables.push(Table { name, kind, columns });
        }
        Ok(tables)
    };
    read().map_err(|e| database.refuse("/database", "", &e))
}

/// Gives each place of a statement its value, and refuses what is left over on either side.
fn bind(database: &Opened, statement: &mut Statement<'_>, parameters: &Value) -> Result<(), Error> {
    let wrong = |message: String| Err(Error::invalid_input(message));
    let count = statement.parameter_count();
    let mut given = vec![false; count];
    let empty = serde_json::Map::new();
    match parameters {
        Value::Array(values) => {
            if values.len() != count {
                return wrong(format!(
                    "/parameters has {} values; the statement takes {count}",
                    values.len()
                ));
            }
            for (i, value) in values.iter().enumerate() {
                let bound = bound(value)
                    .map_err(|why| Error::invalid_input(format!("/parameters/{i}: {why}")))?;
                statement
                    .raw_bind_parameter(i + 1, bound)
                    .map_err(|e| database.refuse("/parameters", "", &e))?;
                given[i] = true;
            }
        }
        Value::Object(_) | Value::Null => {
            for (name, value) in parameters.as_object().unwrap_or(&empty) {
                let place = [":", "@", "$"].iter().find_map(|sign| {
                    statement.parameter_index(format!("{sign}{name}").as_str()).ok().flatten()
                });
                let Some(place) = place else {
                    return wrong(format!("/parameters/{name}: the statement has no `:{name}`"));
                };
                let bound = bound(value)
                    .map_err(|why| Error::invalid_input(format!("/parameters/{name}: {why}")))?;
                statement
                    .raw_bind_parameter(place, bound)
                    .map_err(|e| database.refuse("/parameters", "", &e))?;
                given[place - 1] = true;
            }
        }
        _ => return wrong("/parameters: write a list, or an object of names".into()),
    }
    if let Some(missing) = given.iter().position(|given| !given) {
        let name =
            statement.parameter_name(missing + 1).map_or(format!("?{}", missing + 1), Into::into);
        return wrong(format!("/parameters: `{name}` of the statement has no value"));
    }
    Ok(())
}

/// A value as SQLite takes it.
fn bound(value: &Value) -> Result<ToSqlOutput<'_>, String> {
    Ok(ToSqlOutput::Owned(match value {
        Value::Null => Bound::Null,
        Value::Bool(truth) => Bound::Integer((*truth).into()),
        Value::Number(number) => match number.as_i64() {
            Some(whole) => Bound::Integer(whole),
            None => Bound::Real(number.as_f64().ok_or("the number is too large")?),
        },
        Value::String(text) => return Ok(ToSqlOutput::Borrowed(ValueRef::Text(text.as_bytes()))),
        Value::Object(fields) if fields.len() == 1 && fields.contains_key("base64") => {
            let text = fields["base64"].as_str().ok_or("`base64` is a text")?;
            Bound::Blob(STANDARD.decode(text).map_err(|e| e.to_string())?)
        }
        _ => {
            return Err(
                "expected null, true, false, a number, a text, or bytes as {\"base64\": …}".into(),
            );
        }
    }))
}

/// Bytes of a value as it is written, or a few more.
fn size(value: &Value) -> usize {
    let escaped = |text: &str| {
        let written = |byte: u8| match byte {
            b'"' | b'\\' => 2,
            0..=0x1f => 6,
            _ => 1,
        };
        text.bytes().map(written).sum::<usize>()
    };
    match value {
        Value::String(text) => escaped(text) + 3,
        // Bytes: the one record that is made here.
        Value::Object(fields) => {
            fields.values().filter_map(Value::as_str).map(str::len).sum::<usize>() + 16
        }
        _ => 24,
    }
}

fn as_json(value: ValueRef<'_>, row: usize, column: &str) -> Result<Value, Error> {
    Ok(match value {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(whole) => whole.into(),
        ValueRef::Real(real) if real.is_finite() => real.into(),
        ValueRef::Real(_) => {
            let message = format!(
                "/rows/{row}: `{column}` is infinite, which no JSON number is; write CAST({column} AS TEXT)"
            );
            return Err(Error::invalid_input(message));
        }
        // SQLite keeps any bytes as a text: what is no UTF-8 is replaced.
        ValueRef::Text(bytes) => String::from_utf8_lossy(bytes).into(),
        ValueRef::Blob(bytes) => json!({ "base64": STANDARD.encode(bytes) }),
    })
}
