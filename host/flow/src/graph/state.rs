//! State channels: values that the nodes of a run share. Each has a reducer, which says what a write does to what is there.
//!
//! Nothing of them is stored: what a step writes follows from its value, and the order of writes from the journal.

use std::cmp::Ordering;
use std::sync::Arc;

use serde::Serialize;

use crate::diagnostic::short;
use crate::error::{ErrorCode, NodeError};
use crate::types::{Kind, Type};
use crate::value::Value;

/// Parts that a list, a set or a map of a channel may have: each write of a run may add one.
pub const MAX_CHANNEL_PARTS: usize = 100_000;

/// Parts that a `set_union` may have: each part that is written is looked for among those that are there, while the run
/// does nothing else.
pub const MAX_SET_PARTS: usize = 1_000;

/// A value that nodes share. Steps that succeed write it, those that start later read it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Channel {
    /// What it holds.
    #[serde(rename = "type")]
    pub ty: Type,
    /// What a write does.
    pub reducer: Reducer,
    /// What it holds before the first write.
    pub start: Value,
}

/// What a write does to the value of a channel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Reducer {
    /// Takes its place.
    #[default]
    Last,
    /// Takes its place when that is `null`.
    First,
    /// Adds one part to the end of a list.
    Append,
    /// Adds the parts that a list does not have yet.
    SetUnion,
    /// Sets the names of a map that it has.
    Merge,
    /// Adds a number.
    Sum,
    /// The greater one stays.
    Max,
    /// The lesser one stays.
    Min,
}

impl Reducer {
    /// All of them, by the name in a flow.
    pub const ALL: [(&'static str, Self); 8] = [
        ("last", Self::Last),
        ("first", Self::First),
        ("append", Self::Append),
        ("merge", Self::Merge),
        ("sum", Self::Sum),
        ("max", Self::Max),
        ("min", Self::Min),
        ("set_union", Self::SetUnion),
    ];

    /// The type of what is written to a channel of the type `of`.
    ///
    /// # Errors
    /// What such a channel holds instead.
    pub fn writes(self, of: &Type) -> Result<Type, &'static str> {
        let inner = match &of.kind {
            Kind::Opt(inner) => inner,
            _ => of,
        };
        let labelled = |ty: &Type| {
            let labels = ty.labels.iter().chain(&of.labels).cloned().collect();
            Ok(Type { kind: ty.kind.clone(), labels })
        };
        match (self, &of.kind, &inner.kind) {
            (Self::Last, ..) => labelled(of),
            (Self::First, Kind::Opt(_) | Kind::Any | Kind::Json, _) => labelled(inner),
            (Self::First, ..) => Err("`opt<…>`, because nothing is there before the first write"),
            (Self::Append, Kind::List(part), _) => labelled(part),
            (Self::Append, ..) => Err("a list, of which a write adds one part"),
            (Self::SetUnion, Kind::List(_), _) => labelled(of),
            (Self::SetUnion, ..) => Err("a list, to which a write adds the parts of another"),
            (Self::Merge, Kind::Map(_), _) => labelled(of),
            (Self::Merge, ..) => Err("`map<…>`, of which a write sets some names"),
            (Self::Sum, Kind::Int | Kind::Float, _) => labelled(of),
            (Self::Sum, ..) => Err("`int` or `float`"),
            (Self::Max | Self::Min, _, Kind::Int | Kind::Float | Kind::String) => labelled(inner),
            (Self::Max | Self::Min, ..) => Err("`int`, `float` or `string`, or `opt<…>` of one"),
        }
    }

    /// What a channel holds before the first write when nobody says it.
    pub fn start(self, of: &Type) -> Option<Value> {
        match (self, &of.kind) {
            (_, Kind::Opt(_)) => Some(Value::Null),
            (Self::Append | Self::SetUnion, _) => Some(Value::list([])),
            (Self::Merge, _) => Some(Value::empty()),
            (Self::Sum, Kind::Int) => Some(Value::Int(0)),
            (Self::Sum, _) => Some(Value::Float(0.0)),
            (_, Kind::Any | Kind::Json) => Some(Value::Null),
            _ => None,
        }
    }

    /// Whether two writes may come in either order: then what is there in the end depends on which came first.
    pub fn needs_order(self) -> bool {
        self == Self::Last
    }

    /// Writes to a value. One that refuses stays as it is.
    ///
    /// # Errors
    /// `limit` when it would become too large, `invalid_input` for what no type kept from coming here.
    pub fn reduce(self, held: &mut Value, written: Value) -> Result<(), NodeError> {
        match (self, &mut *held, written) {
            (Self::Last, held, written) => *held = written,
            (Self::First | Self::Max | Self::Min, held @ Value::Null, written) => *held = written,
            (Self::First, ..) => {}
            (Self::Append, Value::List(parts), written) => {
                bounded(parts.len() + 1, MAX_CHANNEL_PARTS)?;
                Arc::make_mut(parts).push(written);
            }
            (Self::SetUnion, Value::List(parts), Value::List(more)) => {
                bounded(more.len(), MAX_SET_PARTS)?;
                let mut new: Vec<Value> = Vec::new();
                for part in more.iter().filter(|part| !parts.contains(part)) {
                    if !new.contains(part) {
                        bounded(parts.len() + new.len() + 1, MAX_SET_PARTS)?;
                        new.push(part.clone());
                    }
                }
                Arc::make_mut(parts).extend(new);
            }
            (Self::Merge, Value::Map(names), Value::Map(more)) => {
                let new = more.keys().filter(|name| !names.contains_key(*name)).count();
                bounded(names.len() + new, MAX_CHANNEL_PARTS)?;
                let more = more.iter().map(|(name, value)| (name.clone(), value.clone()));
                Arc::make_mut(names).extend(more);
            }
            (Self::Sum, held, written) => *held = sum(held, &written)?,
            (Self::Max | Self::Min, held, written) => {
                let order = compare(&written, held).ok_or_else(|| stranger(&written))?;
                let wanted = if self == Self::Max { Ordering::Greater } else { Ordering::Less };
                if order == wanted {
                    *held = written;
                }
            }
            (.., written) => return Err(stranger(&written)),
        }
        Ok(())
    }
}

fn sum(a: &Value, b: &Value) -> Result<Value, NodeError> {
    let beyond = || NodeError::limit("state", "the sum is beyond what its type holds");
    match (a, b) {
        (Value::Int(a), Value::Int(b)) => a.checked_add(*b).map(Value::Int).ok_or_else(beyond),
        _ => {
            let both = number(a).zip(number(b)).ok_or_else(|| stranger(b))?;
            let sum = both.0 + both.1;
            sum.is_finite().then_some(Value::Float(sum)).ok_or_else(beyond)
        }
    }
}

fn bounded(parts: usize, most: usize) -> Result<(), NodeError> {
    if parts <= most {
        return Ok(());
    }
    let message = format!("a state channel would have more than {most} parts");
    Err(NodeError::limit("state", message).with_help("keep large data in a file or a blob"))
}

fn stranger(written: &Value) -> NodeError {
    let message = format!("{} cannot be written to this state channel", short(written));
    NodeError::new(ErrorCode::InvalidInput, message)
}

fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Int(n) => Some(*n as f64),
        Value::Float(x) => Some(*x),
        _ => None,
    }
}

fn compare(a: &Value, b: &Value) -> Option<Ordering> {
    match (a, b) {
        (Value::Int(a), Value::Int(b)) => Some(a.cmp(b)),
        (Value::String(a), Value::String(b)) => Some(a.cmp(b)),
        _ => number(a)?.partial_cmp(&number(b)?),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reducers_reduce() {
        let json = |text: &str| Value::from_json(text).unwrap();
        for (reducer, before, written, after) in [
            (Reducer::Last, "1", "2", Some("2")),
            (Reducer::First, "null", "2", Some("2")),
            (Reducer::First, "1", "2", Some("1")),
            (Reducer::Append, "[1]", "[2]", Some("[1,[2]]")),
            (Reducer::SetUnion, "[1]", "[2,1,2]", Some("[1,2]")),
            (Reducer::Merge, r#"{"a":1,"b":1}"#, r#"{"b":2}"#, Some(r#"{"a":1,"b":2}"#)),
            (Reducer::Sum, "1", "2", Some("3")),
            (Reducer::Sum, "1.5", "2", Some("3.5")),
            (Reducer::Sum, "9223372036854775807", "1", None),
            (Reducer::Sum, "1.7e308", "1.7e308", None),
            (Reducer::Max, "1", "2", Some("2")),
            (Reducer::Max, "2.5", "2", Some("2.5")),
            (Reducer::Min, r#""b""#, r#""a""#, Some(r#""a""#)),
            (Reducer::Min, "null", "7", Some("7")),
            (Reducer::Max, "1", r#""a""#, None),
            (Reducer::Append, "null", "1", None),
            (Reducer::Merge, "{}", "[]", None),
        ] {
            let mut held = json(before);
            let done = reducer.reduce(&mut held, json(written)).is_ok();
            let expected = after.unwrap_or(before);
            assert_eq!((done, held), (after.is_some(), json(expected)), "{reducer:?} {written}");
        }
    }

    #[test]
    fn channels_have_a_bound() {
        let many = |n: usize| Value::list((0..n as i64).map(Value::Int));
        for (reducer, before, written, fits) in [
            (Reducer::Append, many(MAX_CHANNEL_PARTS - 1), Value::Null, true),
            (Reducer::Append, many(MAX_CHANNEL_PARTS), Value::Null, false),
            (Reducer::SetUnion, many(0), many(MAX_SET_PARTS), true),
            (Reducer::SetUnion, many(0), many(MAX_SET_PARTS + 1), false),
            (Reducer::SetUnion, Value::list([Value::Null]), many(MAX_SET_PARTS), false),
        ] {
            assert_eq!(reducer.reduce(&mut before.clone(), written).is_ok(), fits, "{reducer:?}");
        }
        let names = |from: usize, to: usize| {
            Value::record((from..to).map(|n| (format!("k{n}"), Value::Null)))
        };
        let full = names(0, MAX_CHANNEL_PARTS);
        assert!(Reducer::Merge.reduce(&mut full.clone(), names(0, 1)).is_ok());
        let one_more = names(MAX_CHANNEL_PARTS, MAX_CHANNEL_PARTS + 1);
        assert!(Reducer::Merge.reduce(&mut full.clone(), one_more).is_err());
    }
}
