//! Types on ports and edges: what a value may be, and what fits where.

mod fit;
mod parse;
mod read;
mod schema;
#[cfg(test)]
mod tests;
mod validate;

use std::collections::BTreeSet;
use std::fmt;

use indexmap::IndexMap;
use serde::Serialize;

pub use fit::{GUARDED_LABEL, Misfit, fits};
pub use parse::TypeError;
pub use schema::{SchemaError, fields_to_json_schema, from_json_schema, to_json_schema};
pub use validate::{Mismatch, validate, validate_fields};

/// The shape of a value, with the labels that travel along edges.
#[derive(Clone, Debug, PartialEq)]
pub struct Type {
    /// The shape.
    pub kind: Kind,
    /// `pii`, `secret`, `untrusted`, … A port or a policy can refuse a label.
    pub labels: BTreeSet<String>,
}

/// The shape alone.
#[derive(Clone, Debug, PartialEq)]
pub enum Kind {
    /// Not known before the run: fits everywhere and takes everything, checked at run time.
    Any,
    /// Any JSON.
    Json,
    /// True or false.
    Bool,
    /// A whole number of 64 bits.
    Int,
    /// A finite floating-point number; takes an `int` too.
    Float,
    /// UTF-8 text.
    String,
    /// Base64 text of bytes.
    Bytes,
    /// RFC 3339 text.
    Datetime,
    /// Text such as `90s`, `10m`, `2d`.
    Duration,
    /// One of these texts.
    Enum(Vec<String>),
    /// Values of one type in order.
    List(Box<Type>),
    /// Values of one type under any names.
    Map(Box<Type>),
    /// A value or nothing.
    Opt(Box<Type>),
    /// Named fields. Structural: more fields than asked for always fit.
    Record(IndexMap<String, Field>),
    /// A handle to bytes of a media type (`image/*`), in the blob store.
    Ref(String),
    /// One turn of a conversation.
    Message,
    /// Pieces of a value as it is made; the durable value is the whole.
    Stream(Box<Type>),
}

/// One field of a record, or one port.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct Field {
    /// What it takes.
    pub ty: Type,
    /// Used when nothing is bound. A field without default and not `opt` must be bound.
    pub default: Option<crate::value::Value>,
    /// One sentence.
    pub doc: Option<String>,
    /// Smallest number, or length of text and lists.
    pub min: Option<f64>,
    /// Greatest number, or length of text and lists.
    pub max: Option<f64>,
}

impl From<Kind> for Type {
    fn from(kind: Kind) -> Self {
        Self { kind, labels: BTreeSet::new() }
    }
}

impl From<Type> for Field {
    fn from(ty: Type) -> Self {
        Self { ty, default: None, doc: None, min: None, max: None }
    }
}

impl Field {
    /// Whether nothing needs to be bound.
    pub fn may_be_absent(&self) -> bool {
        self.default.is_some() || matches!(self.ty.kind, Kind::Opt(_))
    }
}

impl Serialize for Type {
    /// As text, as a flow writes it.
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl fmt::Display for Type {
    /// The type as a flow writes it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.kind)?;
        for label in &self.labels {
            write!(f, " @{label}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => f.write_str("any"),
            Self::Json => f.write_str("json"),
            Self::Bool => f.write_str("bool"),
            Self::Int => f.write_str("int"),
            Self::Float => f.write_str("float"),
            Self::String => f.write_str("string"),
            Self::Bytes => f.write_str("bytes"),
            Self::Datetime => f.write_str("datetime"),
            Self::Duration => f.write_str("duration"),
            Self::Enum(cases) => {
                f.write_str("enum(")?;
                for (i, case) in cases.iter().enumerate() {
                    let comma = if i > 0 { ", " } else { "" };
                    write!(f, "{comma}{case}")?;
                }
                f.write_str(")")
            }
            Self::List(of) => write!(f, "list<{of}>"),
            Self::Map(of) => write!(f, "map<{of}>"),
            Self::Opt(of) => write!(f, "opt<{of}>"),
            Self::Record(fields) => {
                f.write_str("record{")?;
                for (i, (name, field)) in fields.iter().enumerate() {
                    let comma = if i > 0 { ", " } else { "" };
                    write!(f, "{comma}{name}: {}", field.ty)?;
                }
                f.write_str("}")
            }
            Self::Ref(media) => write!(f, "ref<{media}>"),
            Self::Message => f.write_str("message"),
            Self::Stream(of) => write!(f, "stream<{of}>"),
        }
    }
}
