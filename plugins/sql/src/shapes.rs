//! What the tools take and give.

use cleargate::{Media, Value};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A database, in one of three ways.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Database {
    /// The path of a file in a granted folder, such as `databases/shop.db`.
    #[serde(default)]
    #[schemars(length(max = 1_000))]
    pub file: Option<String>,
    /// The file as a media handle.
    #[serde(default)]
    pub media: Option<Media>,
    /// The file itself, as text.
    #[serde(default)]
    pub base64: Option<String>,
}

/// What is asked.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Query {
    /// The SQLite database.
    pub database: Database,
    /// One statement that reads, such as `SELECT name FROM people WHERE age > :least`.
    #[schemars(length(min = 1, max = 20_000))]
    pub sql: String,
    /// Values for `?1`, `?2` as a list, or for `:name` as an object. `{"base64": …}` is bytes.
    #[serde(default)]
    pub parameters: Value,
    /// The most rows that are taken; 1,000 when absent, at most 10,000.
    #[serde(default)]
    #[schemars(range(min = 1, max = 10_000))]
    pub max_rows: Option<usize>,
}

/// What was found.
#[derive(Serialize, JsonSchema)]
pub struct Found {
    /// Names of the columns.
    pub columns: Vec<String>,
    /// A list of values for each row; bytes are `{"base64": …}`.
    pub rows: Vec<Vec<Value>>,
    /// Whether there were more than were taken: more rows, or more bytes than an answer has.
    pub truncated: bool,
}

/// What is looked into.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Look {
    /// The SQLite database.
    pub database: Database,
}

/// A column of a table.
#[derive(Serialize, JsonSchema)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// Its type as it was declared; may be empty.
    pub kind: String,
    /// Whether it never holds null.
    pub required: bool,
    /// Whether it is a part of the primary key.
    pub key: bool,
}

/// A table or view.
#[derive(Serialize, JsonSchema)]
pub struct Table {
    /// Its name.
    pub name: String,
    /// `table`, `view` or `virtual`.
    pub kind: String,
    /// Its columns, in order.
    pub columns: Vec<Column>,
}

/// What is in a database.
#[derive(Serialize, JsonSchema)]
pub struct Tables {
    /// Tables and views, by name; at most 500.
    pub tables: Vec<Table>,
}
