//! The types of a foreign component's functions: what WIT says, with the names that JSON has for it.
//!
//! One tree decides everything that is said of a type (its text, its JSON Schema) and done with a value of it
//! (`convert`). It is unfolded, so its size is bounded while it is read (`read`).

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};

/// A name of WIT, and the same as JSON and expressions write it: `max-items` is `max_items`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Name {
    pub(crate) wit: String,
    pub(crate) json: Arc<str>,
}

impl Name {
    pub(crate) fn new(wit: &str) -> Self {
        Self { wit: wit.into(), json: wit.replace('-', "_").into() }
    }
}

/// Whole numbers by their width.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Width {
    S8,
    U8,
    S16,
    U16,
    S32,
    U32,
    S64,
    U64,
}

impl Width {
    fn wit(self) -> &'static str {
        match self {
            Self::S8 => "s8",
            Self::U8 => "u8",
            Self::S16 => "s16",
            Self::U16 => "u16",
            Self::S32 => "s32",
            Self::U32 => "u32",
            Self::S64 => "s64",
            Self::U64 => "u64",
        }
    }

    /// Least and greatest value, as far as a whole number of 64 bits reaches.
    pub(crate) fn range(self) -> (i64, i64) {
        match self {
            Self::S8 => (i8::MIN.into(), i8::MAX.into()),
            Self::U8 => (0, u8::MAX.into()),
            Self::S16 => (i16::MIN.into(), i16::MAX.into()),
            Self::U16 => (0, u16::MAX.into()),
            Self::S32 => (i32::MIN.into(), i32::MAX.into()),
            Self::U32 => (0, u32::MAX.into()),
            Self::S64 => (i64::MIN, i64::MAX),
            Self::U64 => (0, i64::MAX),
        }
    }
}

/// A case of a variant.
pub(crate) type Case = (Name, Option<Shape>);

/// A type.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Shape {
    Bool,
    Int(Width),
    Float32,
    Float64,
    Char,
    String,
    /// `list<u8>`: base64 text.
    Bytes,
    List(Box<Shape>),
    Fixed(Box<Shape>, u32),
    Tuple(Vec<Shape>),
    Record(Vec<(Name, Shape)>),
    /// Has a case with a payload; `result` inside of other types is one as well.
    Variant(Vec<Case>),
    Result(Box<[Case; 2]>),
    Enum(Vec<Name>),
    Option(Box<Shape>),
    Flags(Vec<Name>),
    /// `value` of the contract: any JSON.
    Json,
}

impl Shape {
    /// Whether a value of it can be `null`, so that an option of it must say `some`.
    pub(crate) fn takes_null(&self) -> bool {
        matches!(self, Self::Option(_))
    }

    /// The JSON Schema of its values.
    pub(crate) fn schema(&self) -> Json {
        match self {
            Self::Bool => json!({ "type": "boolean" }),
            Self::Int(Width::S64) => json!({ "type": "integer" }),
            Self::Int(Width::U64) => json!({ "type": "integer", "minimum": 0 }),
            Self::Int(width) => {
                let (least, most) = width.range();
                json!({ "type": "integer", "minimum": least, "maximum": most })
            }
            Self::Float32 | Self::Float64 => json!({ "type": "number" }),
            Self::Char => json!({ "type": "string", "minLength": 1, "maxLength": 1 }),
            Self::String => json!({ "type": "string" }),
            Self::Bytes => json!({ "type": "string", "contentEncoding": "base64" }),
            Self::List(of) => json!({ "type": "array", "items": of.schema() }),
            Self::Fixed(of, length) => json!({
                "type": "array", "items": of.schema(), "minItems": length, "maxItems": length,
            }),
            Self::Tuple(parts) => {
                let schemas: Vec<Json> = parts.iter().map(Self::schema).collect();
                let length = parts.len();
                json!({
                    "type": "array", "prefixItems": schemas, "minItems": length, "maxItems": length,
                })
            }
            Self::Record(fields) => record_schema(fields),
            Self::Variant(cases) => cases_schema(cases),
            Self::Result(cases) => cases_schema(&cases[..]),
            Self::Enum(cases) => json!({ "type": "string", "enum": names(cases) }),
            Self::Option(of) if of.takes_null() => {
                json!({ "oneOf": [{ "type": "null" }, single("some", of.schema())] })
            }
            Self::Option(of) => json!({ "anyOf": [of.schema(), { "type": "null" }] }),
            Self::Json => json!({}),
            Self::Flags(flags) => json!({
                "type": "array", "items": { "type": "string", "enum": names(flags) },
            }),
        }
    }
}

/// The schema of an object with these fields.
pub(crate) fn record_schema(fields: &[(Name, Shape)]) -> Json {
    let properties: serde_json::Map<String, Json> =
        fields.iter().map(|(name, shape)| (name.json.to_string(), shape.schema())).collect();
    let required: Vec<&str> =
        fields.iter().filter(|(_, s)| !s.takes_null()).map(|(name, _)| &*name.json).collect();
    json!({ "type": "object", "properties": properties, "required": required })
}

/// A case without payload is its name, one with a payload is an object of one field.
fn cases_schema(cases: &[Case]) -> Json {
    let plain: Vec<&str> =
        cases.iter().filter(|(_, of)| of.is_none()).map(|(name, _)| &*name.json).collect();
    let mut branches = Vec::new();
    if !plain.is_empty() {
        branches.push(json!({ "type": "string", "enum": plain }));
    }
    let loaded = cases.iter().filter_map(|(name, of)| Some((name, of.as_ref()?)));
    branches.extend(loaded.map(|(name, of)| single(&name.json, of.schema())));
    json!({ "oneOf": branches })
}

fn single(name: &str, of: Json) -> Json {
    json!({
        "type": "object", "properties": { name: of }, "required": [name],
        "additionalProperties": false,
    })
}

fn names(list: &[Name]) -> Vec<&str> {
    list.iter().map(|name| &*name.json).collect()
}

impl fmt::Display for Shape {
    /// As WIT writes it; what WIT gives a name to is written out.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bool => f.write_str("bool"),
            Self::Int(width) => f.write_str(width.wit()),
            Self::Float32 => f.write_str("f32"),
            Self::Float64 => f.write_str("f64"),
            Self::Char => f.write_str("char"),
            Self::String => f.write_str("string"),
            Self::Json => f.write_str("value"),
            Self::Bytes => f.write_str("list<u8>"),
            Self::List(of) => write!(f, "list<{of}>"),
            Self::Fixed(of, length) => write!(f, "list<{of}, {length}>"),
            Self::Tuple(parts) => {
                f.write_str("tuple<")?;
                listed(f, parts, |f, part| part.fmt(f))?;
                f.write_str(">")
            }
            Self::Record(fields) => {
                f.write_str("record { ")?;
                listed(f, fields, |f, (name, of)| write!(f, "{}: {of}", name.wit))?;
                f.write_str(" }")
            }
            Self::Variant(cases) => {
                f.write_str("variant { ")?;
                listed(f, cases, |f, (name, of)| match of {
                    Some(of) => write!(f, "{}({of})", name.wit),
                    None => f.write_str(&name.wit),
                })?;
                f.write_str(" }")
            }
            Self::Result(cases) => match (&cases[0].1, &cases[1].1) {
                (None, None) => f.write_str("result"),
                (Some(ok), None) => write!(f, "result<{ok}>"),
                (None, Some(err)) => write!(f, "result<_, {err}>"),
                (Some(ok), Some(err)) => write!(f, "result<{ok}, {err}>"),
            },
            Self::Enum(cases) => {
                f.write_str("enum { ")?;
                listed(f, cases, |f, name| f.write_str(&name.wit))?;
                f.write_str(" }")
            }
            Self::Option(of) => write!(f, "option<{of}>"),
            Self::Flags(flags) => {
                f.write_str("flags { ")?;
                listed(f, flags, |f, name| f.write_str(&name.wit))?;
                f.write_str(" }")
            }
        }
    }
}

/// Writes items with commas between them.
pub(crate) fn listed<T>(
    f: &mut fmt::Formatter<'_>,
    items: &[T],
    one: impl Fn(&mut fmt::Formatter<'_>, &T) -> fmt::Result,
) -> fmt::Result {
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            f.write_str(", ")?;
        }
        one(f, item)?;
    }
    Ok(())
}
