//! Inputs as people give them, turned into the record that a flow's ports want.

use cleargate_flow::Value;
use cleargate_flow::graph::Graph;
use cleargate_flow::types::{Kind as Shape, Type};

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
                let field = graph.input.get(&name).ok_or_else(|| unknown(graph, &name))?;
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

fn unknown(graph: &Graph, name: &str) -> Error {
    let ports: Vec<&str> = graph.input.keys().map(String::as_str).collect();
    let error = Error::new(Kind::Invalid, format!("the flow `{}` has no input `{name}`", graph.id));
    error.with_help(format!("its inputs are: {}", ports.join(", ")))
}
