//! `${…}`: parsed once when a flow is checked, evaluated many times in a run.

use serde::Serialize;

use crate::error::NodeError;
use crate::value::Value;

/// A parsed expression.
#[derive(Clone, Debug)]
pub struct Expr {
    source: String,
}

/// Where an expression finds names: `input`, `run`, `item` names and node ids.
pub trait Names {
    /// The value behind a name; `None` when it is absent (a skipped node).
    fn get(&self, name: &str) -> Option<Value>;
}

/// A literal with `${…}` anywhere in it.
#[derive(Clone, Debug)]
pub enum Template {
    /// No expression inside.
    Literal(Value),
    /// Exactly one expression: keeps its type.
    Expr(Expr),
    /// Text with expressions in it.
    Text(Vec<Part>),
    /// A list with templates in it.
    List(Vec<Template>),
    /// A record with templates in it.
    Record(indexmap::IndexMap<String, Template>),
}

/// A piece of interpolated text.
#[derive(Clone, Debug)]
pub enum Part {
    /// Stands as it is.
    Text(String),
    /// Is printed.
    Expr(Expr),
}

impl Expr {
    /// The text as written.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// Evaluates.
    ///
    /// # Errors
    /// `invalid_input` for a value of the wrong shape, `limit` when the budget of steps or of output is spent.
    pub fn eval(&self, _names: &dyn Names) -> Result<Value, NodeError> {
        Ok(Value::Null)
    }
}

impl Template {
    /// Evaluates every expression inside.
    ///
    /// # Errors
    /// As [`Expr::eval`].
    pub fn eval(&self, _names: &dyn Names) -> Result<Value, NodeError> {
        Ok(Value::Null)
    }
}

impl Serialize for Expr {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(&self.source)
    }
}

impl Serialize for Template {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_unit()
    }
}
