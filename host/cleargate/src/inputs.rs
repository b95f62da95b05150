//! Inputs as people give them, turned into the record that a flow's ports want.

use cleargate_flow::Value;
use cleargate_flow::graph::Graph;
use cleargate_flow::types::{Field, Kind as Shape, Type};

use crate::error::{Error, Kind, Result};

/// One `--input`.
#[derive(Clone, Debug)]
pub enum InputValue {
    /// A JSON object with ports as fields.
    Json(String),
    /// Text for one port: taken as the port's type says.
    Port {
        /// The port.
        name: String,
        /// Text as it is for `string`, JSON for everything else.
        text: String,
    },
}

/// The input record of a flow, before defaults and checks.
///
/// # Errors
/// A document that is no JSON object, an unknown port, or text that is not of the port's type.
pub(crate) fn record(graph: &Graph, inputs: Vec<InputValue>) -> Result<Value> {
    let ports = Type::from(Shape::Record(graph.input.clone()));
    fill(&ports, &format!("the flow `{}`", graph.id), inputs)
}

/// A record of type `ty`, before defaults and checks; `whose` it is.
///
/// # Errors
/// As [`record`].
pub(crate) fn fill(ty: &Type, whose: &str, inputs: Vec<InputValue>) -> Result<Value> {
    let any = Field::from(Type::from(Shape::Any));
    let mut fields = cleargate_flow::value::Fields::new();
    for input in inputs {
        match input {
            InputValue::Json(text) => {
                let value = Value::from_json(&text).map_err(|e| {
                    Error::new(Kind::Invalid, "the input is no JSON object").caused_by(&e)
                })?;
                let Value::Map(map) = value else {
                    let why = format!("the input must be a JSON object, not {}", value.shape());
                    return Err(Error::new(Kind::Invalid, why));
                };
                fields.extend(map.iter().map(|(k, v)| (k.clone(), v.clone())));
            }
            InputValue::Port { name, text } => {
                let field = match &ty.kind {
                    Shape::Record(fields) => fields.get(&name),
                    _ => Some(&any),
                };
                let field = field.ok_or_else(|| unknown(ty, whose, &name))?;
                fields.insert(name.as_str().into(), typed(&name, &field.ty, text)?);
            }
        }
    }
    Ok(Value::from(fields))
}

fn typed(port: &str, ty: &Type, text: String) -> Result<Value> {
    match &ty.kind {
        Shape::Opt(inner) => typed(port, inner, text),
        Shape::String | Shape::Enum(_) | Shape::Datetime | Shape::Duration | Shape::Bytes => {
            Ok(text.into())
        }
        // What is no JSON is meant as text where text is allowed.
        Shape::Any | Shape::Json => Ok(Value::from_json(&text).unwrap_or_else(|_| text.into())),
        _ => Value::from_json(&text).map_err(|e| {
            Error::new(Kind::Invalid, format!("input `{port}` must be {ty}")).caused_by(&e)
        }),
    }
}

fn unknown(ty: &Type, whose: &str, name: &str) -> Error {
    let ports: Vec<&str> = match &ty.kind {
        Shape::Record(fields) => fields.keys().map(String::as_str).collect(),
        _ => Vec::new(),
    };
    let error = Error::new(Kind::Invalid, format!("{whose} has no input `{name}`"));
    error.with_help(format!("its inputs are: {}", ports.join(", ")))
}
