//! A tool that runs programs of jq over JSON.
//!
//! The language is complete and has no types, so a program may fail, and need not end: errors carry their place, and a
//! program without an end uses up its fuel. It sees its input and its variables, and nothing else: no clock, no
//! environment, no files and no modules.

mod mistake;
mod program;
mod written;

use std::collections::BTreeMap;

use cleargate::{Error, Value};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Characters of a program: far more than one that a person reads.
const MAX_FILTER: usize = 20_000;
/// Outputs without another number in the input.
const USUAL_OUTPUTS: usize = 1_000;
/// Outputs that may be asked for: what a flow can go through.
const MAX_OUTPUTS: usize = 10_000;
/// Variables of one call.
const MAX_VARIABLES: usize = 50;

/// What is run, and over what.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Input {
    /// A program of jq, for example `.items[] | select(.price > 10) | {name, price}`.
    #[schemars(length(min = 1, max = 20_000))]
    pub filter: String,
    /// What `.` is; null when absent.
    #[serde(default)]
    pub input: Value,
    /// Variables: `{"least": 10}` is `$least`. Give data this way, and never as a part of the program.
    #[serde(default)]
    pub variables: BTreeMap<String, Value>,
    /// The most outputs that are taken; 1,000 when absent, at most 10,000.
    #[serde(default)]
    #[schemars(range(min = 1, max = 10_000))]
    pub max: Option<usize>,
}

/// What the program gave.
#[derive(Serialize, JsonSchema)]
pub struct Output {
    /// Its outputs, in order.
    pub outputs: Vec<Value>,
    /// Whether it had more than were taken.
    pub more: bool,
}

/// Runs a program of jq over JSON, and returns its outputs. Use it to select, reshape, group, sort and count data.
#[cleargate::tool(read_only, idempotent)]
pub fn query(input: Input) -> Result<Output, Error> {
    let max = input.max.unwrap_or(USUAL_OUTPUTS);
    let length = input.filter.chars().count();
    if length > MAX_FILTER {
        let message = format!("/filter has {length} characters, at most {MAX_FILTER}");
        return Err(Error::invalid_input(message));
    }
    if max == 0 || max > MAX_OUTPUTS {
        let message = format!("/max is {max}; write 1 to {MAX_OUTPUTS}");
        return Err(Error::invalid_input(message));
    }
    if let Some(name) = input.variables.keys().find(|name| !is_name(name)) {
        let message = format!(
            "/variables: `{name}` is no name: write a letter or _, then letters, digits and _"
        );
        return Err(Error::invalid_input(message));
    }
    if input.variables.len() > MAX_VARIABLES {
        let message = format!("/variables has more than {MAX_VARIABLES}; put them into one object");
        return Err(Error::invalid_input(message));
    }
    let (outputs, more) = program::run(&input.filter, &input.input, &input.variables, max)?;
    Ok(Output { outputs, more })
}

/// Whether a program can name it as a variable.
fn is_name(name: &str) -> bool {
    let letter = |c: char| c.is_ascii_alphabetic() || c == '_';
    name.starts_with(letter) && name.chars().all(|c| letter(c) || c.is_ascii_digit())
}

cleargate::export! { tools: [query] }
