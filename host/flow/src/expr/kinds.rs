//! Which kinds of values an operator or a function takes, and the kind that holds two: what inference asks of types.

use super::functions::Want;
use crate::types::{Field, Kind, Type};
use crate::value::Value;

/// The type of a literal.
pub(crate) fn of_value(value: &Value) -> Type {
    match value {
        Value::Null => Kind::Opt(Box::new(Kind::Any.into())),
        Value::Bool(_) => Kind::Bool,
        Value::Int(_) => Kind::Int,
        Value::Float(_) => Kind::Float,
        Value::String(_) => Kind::String,
        Value::List(items) => {
            let mut types = items.iter().map(of_value);
            let first = types.next().unwrap_or_else(|| Kind::Any.into());
            Kind::List(Box::new(types.fold(first, |a, b| unify(&a, &b))))
        }
        Value::Map(fields) => Kind::Record(
            fields
                .iter()
                .map(|(name, value)| (name.to_string(), Field::from(of_value(value))))
                .collect(),
        ),
    }
    .into()
}

/// A type that holds the values of both.
pub(crate) fn unify(a: &Type, b: &Type) -> Type {
    let kind = match (&a.kind, &b.kind) {
        (x, y) if x == y => x.clone(),
        (Kind::Int | Kind::Float, Kind::Int | Kind::Float) => Kind::Float,
        (Kind::Opt(x), Kind::Opt(y)) => match (&x.kind, &y.kind) {
            (Kind::Any, _) => b.kind.clone(),
            (_, Kind::Any) => a.kind.clone(),
            _ => Kind::Opt(Box::new(unify(x, y))),
        },
        (Kind::Opt(x), _) if x.kind == Kind::Any => Kind::Opt(Box::new(b.clone())),
        (_, Kind::Opt(y)) if y.kind == Kind::Any => Kind::Opt(Box::new(a.clone())),
        (Kind::Opt(x), _) => Kind::Opt(Box::new(unify(x, b))),
        (_, Kind::Opt(y)) => Kind::Opt(Box::new(unify(a, y))),
        (Kind::List(x), Kind::List(y)) => Kind::List(Box::new(unify(x, y))),
        (Kind::String, Kind::Enum(_)) | (Kind::Enum(_), Kind::String) => Kind::String,
        _ => Kind::Any,
    };
    let labels = a.labels.union(&b.labels).cloned().collect();
    Type { kind, labels }
}

pub(super) fn loose(kind: &Kind) -> bool {
    matches!(kind, Kind::Any | Kind::Json)
}

pub(super) fn numeric(kind: &Kind) -> bool {
    matches!(kind, Kind::Int | Kind::Float) || loose(kind)
}

/// Kinds whose values are text.
pub(super) fn textual(kind: &Kind) -> bool {
    matches!(
        kind,
        Kind::String
            | Kind::Bytes
            | Kind::Datetime
            | Kind::Duration
            | Kind::Enum(_)
            | Kind::Ref(_)
            | Kind::Message
    ) || loose(kind)
}

pub(super) fn comparable(a: &Kind, b: &Kind) -> bool {
    match (a, b) {
        (Kind::Opt(of), other) | (other, Kind::Opt(of)) => match other {
            Kind::Opt(_) => true,
            _ => comparable(&of.kind, other),
        },
        _ => {
            numeric(a) && numeric(b)
                || textual(a) && textual(b)
                || loose(a)
                || loose(b)
                || std::mem::discriminant(a) == std::mem::discriminant(b)
                || matches!(
                    (a, b),
                    (Kind::Map(_) | Kind::Record(_), Kind::Map(_) | Kind::Record(_))
                )
        }
    }
}

pub(super) fn wanted(want: Want, kind: &Kind) -> bool {
    loose(kind)
        || match want {
            Want::Anything => true,
            Want::Text => textual(kind),
            Want::Whole => *kind == Kind::Int,
            Want::List => matches!(kind, Kind::List(_)),
            Want::Record => matches!(kind, Kind::Map(_) | Kind::Record(_)),
            Want::Sized => {
                textual(kind) || matches!(kind, Kind::List(_) | Kind::Map(_) | Kind::Record(_))
            }
        }
}
