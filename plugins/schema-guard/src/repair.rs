//! Mends what can be mended without a guess: what the errors themselves ask for is done, and checked again.
//!
//! Errors lead, not the schema, so references and combinations of schemas need nothing of their own. What stands in
//! alternatives (`anyOf`, `oneOf`) is left alone: which form was meant would be a guess.

use cleargate::{Finding, Value};
use jsonschema::error::{TypeKind, ValidationErrorKind as Kind};
use jsonschema::json::SerdeJson;
use jsonschema::{JsonType, JsonTypeSet, ValidationError, Validator};

use crate::{Config, check, found};

/// Times that the value is checked again: text that became an object or a list has mistakes of its own.
const MAX_ROUNDS: usize = 8;

/// A value after all that could be done.
pub(crate) struct Repaired {
    /// The value as it may go on.
    pub(crate) data: Value,
    /// What was done to it.
    pub(crate) mended: Vec<Finding>,
    /// What does not fit all the same.
    pub(crate) left: Vec<Finding>,
}

/// What an error asks for.
enum Change {
    /// Another value in its place.
    Put { path: String, value: Value },
    /// Fields that go.
    Take { path: String, names: Vec<String> },
}

/// Checks a value, mends it as configured, and checks it again.
pub(crate) fn mend(schema: &Validator, mut data: Value, config: &Config) -> Repaired {
    let mut mended = Vec::new();
    for round in 0.. {
        let errors: Vec<_> = schema.iter_errors(&data).collect();
        let changes: Vec<Change> = match round {
            MAX_ROUNDS => Vec::new(),
            _ => errors.iter().filter_map(|e| change(e, config)).collect(),
        };
        if changes.is_empty() {
            let left = check::findings(&errors, &config.at);
            return Repaired { data, mended, left };
        }
        drop(errors);
        for change in changes {
            apply(change, &mut data, &config.at, &mut mended);
        }
    }
    unreachable!("the last round changes nothing")
}

fn change(error: &ValidationError<'_>, config: &Config) -> Option<Change> {
    let path = error.instance_path().as_str().to_owned();
    match error.kind() {
        Kind::Type { kind } if config.coerce => {
            let wanted = match kind {
                TypeKind::Single(one) => JsonTypeSet::empty().insert(*one),
                TypeKind::Multiple(set) => *set,
            };
            Some(Change::Put { path, value: coerced(error.instance(), wanted)? })
        }
        Kind::AdditionalProperties { unexpected } | Kind::UnevaluatedProperties { unexpected }
            if config.strip_unknown =>
        {
            Some(Change::Take { path, names: unexpected.clone() })
        }
        _ => None,
    }
}

/// The same value as another type, when it has one there: what is written is kept to the letter.
fn coerced(value: &Value, wanted: JsonTypeSet) -> Option<Value> {
    let text = match value {
        Value::String(text) => {
            let read = serde_json::from_str(text).ok().filter(|read| exact(read, text));
            let fits = read.filter(|read| wanted.contains_value_type::<SerdeJson>(&read));
            return fits.or_else(|| listed(value, wanted));
        }
        Value::Number(number) => number.to_string(),
        Value::Bool(truth) => truth.to_string(),
        _ => return listed(value, wanted),
    };
    match wanted.contains(JsonType::String) {
        true => Some(Value::String(text)),
        false => listed(value, wanted),
    }
}

/// Whether what was read from a text is what stands there: whole numbers of more than 64 bits would be rounded.
fn exact(read: &Value, text: &str) -> bool {
    !read.is_number() || read.is_i64() || text.contains(['.', 'e', 'E'])
}

/// A list of the one value, where a list is asked for.
fn listed(value: &Value, wanted: JsonTypeSet) -> Option<Value> {
    let list = wanted.contains(JsonType::Array) && !value.is_null();
    list.then(|| Value::Array(vec![value.clone()]))
}

fn apply(change: Change, data: &mut Value, at: &str, mended: &mut Vec<Finding>) {
    match change {
        Change::Put { path, value } => {
            // Gone when an outer value was changed in the same round.
            let Some(place) = data.pointer_mut(&path) else { return };
            let message = format!("became {}", name(&value));
            *place = value;
            mended.push(found("coerced", message, &format!("{at}{path}")));
        }
        Change::Take { path, names } => {
            let Some(Value::Object(fields)) = data.pointer_mut(&path) else { return };
            for name in names {
                if fields.remove(&name).is_some() {
                    let path = check::below(&format!("{at}{path}"), &name);
                    mended.push(found(
                        "unknown",
                        "was taken out: it is no field of the schema",
                        &path,
                    ));
                }
            }
        }
    }
}

fn name(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}
