//! `${…}`: parsed once when a flow is checked, evaluated many times in a run.
//!
//! The language is CEL: total, typed, without effects. The parser and the evaluator are ours because a
//! flow comes from strangers and runs on shared values: each step and each byte of output is counted,
//! nothing recurses deeper than [`MAX_DEPTH`], every piece knows its place in the text, and reading one field
//! of a large value costs a counter. The tests hold it against the `cel` crate on the common subset.
//!
//! Where we differ from CEL, on purpose:
//!
//! | | CEL | here |
//! |---|---|---|
//! | `1 + 0.5`, `1 < 1.5` | no such overload | 1.5, true: an `int` meets a `float` as a `float` |
//! | `f(x, a)` and `x.f(a)` | one of the two exists | the same |
//! | `has(x)` | only of a field | also of a name: false for a node that was skipped |
//! | `has(x.a)` when `a` is `null` | true | false: `opt<T>` holds a value or nothing |
//! | `1u`, `b"…"` | unsigned, bytes | refused |
//!
//! Integer overflow, division by zero and floats that are no number fail the node; nothing wraps.

mod ast;
mod eval;
mod foreign;
mod functions;
mod infer;
mod kinds;
mod lex;
mod parse;
mod pattern;
mod prose;
mod template;
#[cfg(test)]
mod tests;

use std::ops::Range;
use std::sync::Arc;

use serde::Serialize;

use crate::error::NodeError;
use crate::value::Value;

pub use functions::{FUNCTIONS, Function};
pub(crate) use infer::UNKNOWN_NAME;
pub use infer::{Inferred, Problem, TypeNames};
pub(crate) use kinds::{of_value as infer_value, unify as unify_types};
pub use prose::Prose;
pub(crate) use template::{Rewritten, rewrite};

/// Bytes of one expression.
pub const MAX_SOURCE: usize = 16 * 1024;
/// Levels of one expression: evaluation recurses, and must fit a small stack in a debug build.
pub const MAX_DEPTH: usize = 64;
/// Steps of one evaluation: nodes evaluated, items visited, and 64 bytes of text each. About 10 ms.
pub const MAX_STEPS: u64 = 1_000_000;
/// Bytes that one evaluation may make: texts, and 16 for each item of a list.
pub const MAX_OUTPUT: u64 = 8 * 1024 * 1024;

/// A parsed expression.
#[derive(Clone, Debug)]
pub struct Expr {
    source: Arc<str>,
    root: Arc<ast::Node>,
}

/// Where an expression finds names: `input`, `run`, `item` names and node ids.
pub trait Names {
    /// The value behind a name; `None` when it is absent (a skipped node).
    fn get(&self, name: &str) -> Option<Value>;
}

/// A literal with `${…}` anywhere in it. `$${` stands for the text `${`.
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

/// Why a text is no expression or template.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ParseError {
    /// One sentence.
    pub message: String,
    /// Bytes of the text that it is about.
    pub at: Range<usize>,
}

/// A name that an expression reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    /// `input`, a node id, …
    pub name: Arc<str>,
    /// Whether the expression copes with its absence: the name stands inside `has(…)`, or behind a `has(…)` of
    /// the same name.
    pub guarded: bool,
    /// Bytes of the expression's source.
    pub at: Range<usize>,
}

impl Expr {
    /// Parses bare CEL, as in `when:`.
    ///
    /// # Errors
    /// What is wrong, and where.
    pub fn parse(source: &str) -> Result<Self, ParseError> {
        parse::bare(source)
    }

    /// The text as written.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// The names that it reads, variables of its own macros excluded, in the order of the text.
    pub fn references(&self) -> Vec<Reference> {
        infer::references(&self.root)
    }

    /// What type it has, and everything that is wrong with it.
    pub fn infer<'n>(&self, names: &'n dyn TypeNames) -> Inferred<'n> {
        infer::infer(&self.root, names, Vec::new())
    }

    /// Evaluates.
    ///
    /// # Errors
    /// `invalid_input` for a value of the wrong shape, `limit` when the budget of steps or of output is spent,
    /// `bug` for a defect of the evaluator.
    pub fn eval(&self, names: &dyn Names) -> Result<Value, NodeError> {
        eval::Evaluation::alone(names, |evaluation| evaluation.run(self))
    }
}

impl Serialize for Expr {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(&self.source)
    }
}
