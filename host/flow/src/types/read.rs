//! Ports as a flow writes them: `name: type`, `{ type: float, default: 0.5, min: 0, max: 1, doc: … }`, or nested
//! `{ a: int, b: { c: string } }`.

use indexmap::IndexMap;

use super::{Field, Kind, Type, validate};
use crate::diagnostic::{Span, suggest};
use crate::document::{Data, Node};
use crate::value::Value;

/// Keys of the long form.
const KEYS: &[&str] = &["type", "default", "min", "max", "doc"];

impl Field {
    /// Reads a port.
    ///
    /// # Errors
    /// Every mistake with its place.
    pub fn read(node: &Node) -> Result<Self, Vec<(Span, String)>> {
        let mut errors = Vec::new();
        let field = field(node, &mut errors);
        if errors.is_empty() { Ok(field) } else { Err(errors) }
    }
}

fn field(node: &Node, errors: &mut Vec<(Span, String)>) -> Field {
    match &node.data {
        Data::Scalar(Value::String(text)) => ty(text, node.span, errors).into(),
        // `type` names the long form when its value can be a type; a field called `type` needs it too.
        Data::Map(_) if node.get("type").is_some() => long(node, errors),
        Data::Map(_) => record(node, errors).into(),
        _ => {
            errors.push((node.span, format!("expected a type, found {}", node.shape())));
            Type::from(Kind::Any).into()
        }
    }
}

fn ty(text: &str, span: Span, errors: &mut Vec<(Span, String)>) -> Type {
    text.parse().unwrap_or_else(|error: super::TypeError| {
        errors.push((span, error.to_string()));
        Kind::Any.into()
    })
}

fn record(node: &Node, errors: &mut Vec<(Span, String)>) -> Type {
    let fields: IndexMap<String, Field> = node
        .entries()
        .iter()
        .map(|entry| (entry.key.to_string(), field(&entry.value, errors)))
        .collect();
    Kind::Record(fields).into()
}

fn long(node: &Node, errors: &mut Vec<(Span, String)>) -> Field {
    let mut read = Field::from(Type::from(Kind::Any));
    for entry in node.entries() {
        let (value, span) = (&entry.value, entry.value.span);
        let number = match &value.data {
            Data::Scalar(Value::Int(n)) => Some(*n as f64),
            Data::Scalar(Value::Float(x)) => Some(*x),
            _ => None,
        };
        match &*entry.key {
            "type" => read.ty = field(value, errors).ty,
            "default" => read.default = Some(value.to_value()),
            "doc" => read.doc = value.as_text(),
            "min" => read.min = number,
            "max" => read.max = number,
            other => {
                let hint = suggest(other, KEYS.iter().copied());
                let hint = hint.unwrap_or_else(|| format!("there are {}", KEYS.join(", ")));
                errors.push((entry.key_span, format!("a port has no key {other:?}; {hint}")));
            }
        }
        if matches!(&*entry.key, "min" | "max") && number.is_none() {
            errors.push((span, format!("expected a number, found {}", value.shape())));
        }
    }
    if let (Some(default), Some(entry)) = (&read.default, node.get("default")) {
        match validate(default, &read.ty) {
            Ok(value) => read.default = Some(value),
            Err(mismatch) => {
                errors.push((entry.value.span, format!("the default: {}", mismatch.why)))
            }
        }
    }
    read
}
