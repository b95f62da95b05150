//! Outputs as JSON: the language has values that JSON has not.

use cleargate::{Error, Value};
use jaq_json::{Num, Val};

/// Nesting of a value on an edge of a flow; an output is one deeper.
const MAX_DEPTH: usize = 62;

/// An output as JSON, with the bytes that it takes.
pub(crate) fn json(value: &Val, place: usize) -> Result<(Value, usize), Error> {
    let refused = |what: &str| Error::invalid_input(format!("/outputs/{place} holds {what}"));
    check(value, MAX_DEPTH).map_err(refused)?;
    let text = value.to_string();
    let read =
        serde_json::from_str(&text).map_err(|e| refused(&format!("what is no JSON: {e}")))?;
    Ok((read, text.len()))
}

fn check(value: &Val, depth: usize) -> Result<(), &'static str> {
    if depth == 0 {
        return Err("lists or objects inside of each other, more than 62 deep");
    }
    match value {
        Val::Num(number) => check_number(number),
        Val::Arr(items) => items.iter().try_for_each(|item| check(item, depth - 1)),
        Val::Obj(fields) => fields.iter().try_for_each(|(key, item)| match key {
            Val::TStr(_) => check(item, depth - 1),
            _ => Err("a key that is no text; write `tostring`"),
        }),
        Val::BStr(_) => Err("bytes; write `@base64`"),
        Val::Null | Val::Bool(_) | Val::TStr(_) => Ok(()),
    }
}

fn check_number(number: &Num) -> Result<(), &'static str> {
    match number {
        Num::Float(float) if !float.is_finite() => {
            Err("a number that JSON has not: infinite, or none at all (`nan`)")
        }
        Num::BigInt(whole) if i64::try_from(&**whole).is_err() => {
            Err("a whole number of more than 64 bits; write `tostring`, or `. + 0.0` to round it")
        }
        _ => Ok(()),
    }
}
