//! Values against types, at the edges of a run: input of a flow, answers of plugins and models.

use std::sync::Arc;

use indexmap::IndexMap;

use super::{Field, Kind, Type};
use crate::limits::Unit;
use crate::value::{Fields, Value};

/// Where and why a value does not have its type.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}: {why}", if pointer.is_empty() { "the value" } else { pointer })]
pub struct Mismatch {
    /// JSON pointer (RFC 6901) to the part; empty for the whole.
    pub pointer: String,
    /// One sentence.
    pub why: String,
}

/// The value with defaults filled in: a field that is not there becomes its default, or `null` when it is
/// `opt`. Fields beyond the type's are kept. A part that needs no change is shared, not copied.
///
/// # Errors
/// The first part that does not have its type.
pub fn validate(value: &Value, ty: &Type) -> Result<Value, Mismatch> {
    Validation { path: Vec::new() }.value(value, ty)
}

/// As [`validate`], for a record of ports.
///
/// # Errors
/// As [`validate`]; a field that must be there and is not.
pub fn validate_fields(value: &Value, fields: &IndexMap<String, Field>) -> Result<Value, Mismatch> {
    Validation { path: Vec::new() }.record(value, fields)
}

struct Validation {
    path: Vec<String>,
}

impl Validation {
    fn fail<T>(&self, why: impl Into<String>) -> Result<T, Mismatch> {
        let escape = |part: &String| format!("/{}", part.replace('~', "~0").replace('/', "~1"));
        Err(Mismatch { pointer: self.path.iter().map(escape).collect(), why: why.into() })
    }

    fn at<T>(
        &mut self,
        part: impl Into<String>,
        check: impl FnOnce(&mut Self) -> Result<T, Mismatch>,
    ) -> Result<T, Mismatch> {
        self.path.push(part.into());
        let checked = check(self);
        self.path.pop();
        checked
    }

    fn value(&mut self, value: &Value, ty: &Type) -> Result<Value, Mismatch> {
        let keep = || Ok(value.clone());
        match (&ty.kind, value) {
            (Kind::Any | Kind::Json, _)
            | (Kind::Bool, Value::Bool(_))
            | (Kind::Int, Value::Int(_))
            | (Kind::Float, Value::Float(_))
            | (Kind::String | Kind::Bytes | Kind::Datetime | Kind::Ref(_), Value::String(_))
            | (Kind::Message, Value::String(_) | Value::Map(_))
            | (Kind::Opt(_), Value::Null) => keep(),
            (Kind::Float, Value::Int(n)) => Ok(Value::Float(*n as f64)),
            // A whole number that a model or a JSON writer printed as `3.0` is still exact.
            (Kind::Int, Value::Float(x))
                if x.fract() == 0.0 && x.abs() < 9_007_199_254_740_992.0 =>
            {
                Ok(Value::Int(*x as i64))
            }
            (Kind::Duration, Value::String(text)) => match Unit::Millis.parse(text) {
                Ok(_) => keep(),
                Err(why) => self.fail(why),
            },
            (Kind::Enum(cases), Value::String(text)) => {
                if cases.iter().any(|case| **case == **text) {
                    keep()
                } else {
                    self.fail(format!("`{text}` is none of {}", cases.join(", ")))
                }
            }
            (Kind::Opt(of) | Kind::Stream(of), _) => self.value(value, of),
            (Kind::List(of), Value::List(items)) => self.list(items, of),
            (Kind::Map(of), Value::Map(fields)) => self.map(fields, of),
            (Kind::Record(fields), _) => self.record(value, fields),
            (kind, _) => self.fail(format!("expected `{kind}`, found {}", value.shape())),
        }
    }

    fn list(&mut self, items: &Arc<Vec<Value>>, of: &Type) -> Result<Value, Mismatch> {
        if matches!(of.kind, Kind::Any | Kind::Json) {
            return Ok(Value::List(items.clone()));
        }
        let checked: Vec<Value> = (items.iter().enumerate())
            .map(|(i, item)| self.at(i.to_string(), |this| this.value(item, of)))
            .collect::<Result<_, _>>()?;
        Ok(if checked == **items { Value::List(items.clone()) } else { checked.into() })
    }

    fn map(&mut self, fields: &Arc<Fields>, of: &Type) -> Result<Value, Mismatch> {
        let checked: Fields = (fields.iter())
            .map(|(name, item)| Ok((name.clone(), self.at(&**name, |this| this.value(item, of))?)))
            .collect::<Result<_, Mismatch>>()?;
        Ok(if checked == **fields { Value::Map(fields.clone()) } else { checked.into() })
    }

    fn record(
        &mut self,
        value: &Value,
        ports: &IndexMap<String, Field>,
    ) -> Result<Value, Mismatch> {
        let Value::Map(fields) = value else {
            return self.fail(format!("expected a record, found {}", value.shape()));
        };
        let mut changed = Vec::new();
        for (name, port) in ports {
            let present = fields.get(name.as_str());
            let checked = self.at(name.as_str(), |this| this.field(present, port))?;
            if present != Some(&checked) {
                changed.push((name, checked));
            }
        }
        if changed.is_empty() {
            return Ok(value.clone());
        }
        let mut fields = (**fields).clone();
        for (name, checked) in changed {
            fields.insert(name.as_str().into(), checked);
        }
        Ok(fields.into())
    }

    fn field(&mut self, value: Option<&Value>, port: &Field) -> Result<Value, Mismatch> {
        let value = match (value, &port.default, &port.ty.kind) {
            (Some(value), ..) => self.value(value, &port.ty)?,
            (None, Some(default), _) => default.clone(),
            (None, None, Kind::Opt(_)) => Value::Null,
            (None, None, _) => return self.fail("is missing and has no default"),
        };
        let (measure, what) = match &value {
            Value::Int(n) => (*n as f64, ""),
            Value::Float(x) => (*x, ""),
            Value::String(text) => (text.chars().count() as f64, " characters"),
            Value::List(items) => (items.len() as f64, " items"),
            _ => return Ok(value),
        };
        match (port.min, port.max) {
            (Some(min), _) if measure < min => {
                self.fail(format!("{measure}{what} is less than the minimum {min}"))
            }
            (_, Some(max)) if measure > max => {
                self.fail(format!("{measure}{what} is more than the maximum {max}"))
            }
            _ => Ok(value),
        }
    }
}
