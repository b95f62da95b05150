//! Data on an edge: JSON's shapes with exact integers, shared and never copied.
//!
//! A run hands the same result to many readers. Containers are therefore behind `Arc`: a clone, or taking
//! one field out of a large record, costs a counter and no bytes. Floats that are no number do not exist
//! here, and an integer that does not fit 64 bits is refused rather than rounded.

use std::fmt;
use std::sync::Arc;

use indexmap::IndexMap;
use serde::de::{self, Deserializer, MapAccess, SeqAccess, Visitor};
use serde::ser::{SerializeMap, SerializeSeq, Serializer};
use serde::{Deserialize, Serialize};

/// Levels of nesting that a value may have: deeper ones break recursive readers, ours and others'.
pub const MAX_DEPTH: usize = 64;

/// Fields of a record, in the order in which they were written.
pub type Fields = IndexMap<Arc<str>, Value>;

/// One piece of data. Cloning is cheap at any size.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Value {
    /// Nothing.
    #[default]
    Null,
    /// True or false.
    Bool(bool),
    /// A whole number, exact.
    Int(i64),
    /// A finite floating-point number.
    Float(f64),
    /// UTF-8 text.
    String(Arc<str>),
    /// Values in order.
    List(Arc<Vec<Value>>),
    /// Named values.
    Map(Arc<Fields>),
}

/// Why a text or a foreign value is no [`Value`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ValueError {
    /// Not JSON, or a number that does not fit.
    #[error("{0}")]
    Json(String),
    /// Nested more than [`MAX_DEPTH`] levels.
    #[error("nested more than {MAX_DEPTH} levels deep")]
    TooDeep,
}

impl Value {
    /// An empty record.
    pub fn empty() -> Self {
        Self::Map(Arc::default())
    }

    /// A record from pairs.
    pub fn record<K: Into<Arc<str>>>(fields: impl IntoIterator<Item = (K, Value)>) -> Self {
        Self::Map(Arc::new(fields.into_iter().map(|(k, v)| (k.into(), v)).collect()))
    }

    /// A list from its items.
    pub fn list(items: impl IntoIterator<Item = Value>) -> Self {
        Self::List(Arc::new(items.into_iter().collect()))
    }

    /// Reads JSON text.
    ///
    /// # Errors
    /// Text that is no JSON, numbers that fit neither `i64` nor a finite `f64`, and nesting beyond
    /// [`MAX_DEPTH`].
    pub fn from_json(text: &str) -> Result<Self, ValueError> {
        let value: Self =
            serde_json::from_str(text).map_err(|e| ValueError::Json(e.to_string()))?;
        let value = value.within_depth()?;
        // The parser gives an integer beyond 64 bits as a float: only then the text is looked at again.
        match value.holds_vast_float().then(|| vast_integer(text)).flatten() {
            Some(digits) => Err(ValueError::Json(beyond(digits))),
            None => Ok(value),
        }
    }

    /// Takes over any serializable data.
    ///
    /// # Errors
    /// The same as [`Value::from_json`].
    pub fn of<T: Serialize>(data: &T) -> Result<Self, ValueError> {
        let json = serde_json::to_value(data).map_err(|e| ValueError::Json(e.to_string()))?;
        let value: Self =
            serde_json::from_value(json).map_err(|e| ValueError::Json(e.to_string()))?;
        value.within_depth()
    }

    /// Turns the value into typed data.
    ///
    /// # Errors
    /// The message of the first field that does not fit.
    pub fn to<T: de::DeserializeOwned>(&self) -> Result<T, ValueError> {
        serde_json::from_value(self.to_serde()).map_err(|e| ValueError::Json(e.to_string()))
    }

    /// The same data for crates that speak `serde_json`.
    pub fn to_serde(&self) -> serde_json::Value {
        serde_json::to_value(self).expect("a value holds nothing that JSON cannot hold")
    }

    /// JSON text, fields in their order.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("a value holds nothing that JSON cannot hold")
    }

    /// JSON text with sorted fields: the same for equal values. What digests are taken of.
    pub fn to_canonical_json(&self) -> String {
        let mut out = String::new();
        self.write_canonical(&mut out);
        out
    }

    fn write_canonical(&self, out: &mut String) {
        match self {
            Self::List(items) => {
                out.push('[');
                for (i, item) in items.iter().enumerate() {
                    if i > 0 {
                        out.push(',');
                    }
                    item.write_canonical(out);
                }
                out.push(']');
            }
            Self::Map(fields) => {
                let mut sorted: Vec<_> = fields.iter().collect();
                sorted.sort_by(|a, b| a.0.cmp(b.0));
                out.push('{');
                for (i, (key, value)) in sorted.into_iter().enumerate() {
                    if i > 0 {
                        out.push(',');
                    }
                    out.push_str(&Self::String(key.clone()).to_json());
                    out.push(':');
                    value.write_canonical(out);
                }
                out.push('}');
            }
            leaf => out.push_str(&leaf.to_json()),
        }
    }

    /// The field `name` of a record.
    pub fn get(&self, name: &str) -> Option<&Value> {
        match self {
            Self::Map(fields) => fields.get(name),
            _ => None,
        }
    }

    /// The text, when it is text.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::String(text) => Some(text),
            _ => None,
        }
    }

    /// The items, when it is a list.
    pub fn as_list(&self) -> Option<&[Value]> {
        match self {
            Self::List(items) => Some(items),
            _ => None,
        }
    }

    /// The fields, when it is a record.
    pub fn as_map(&self) -> Option<&Fields> {
        match self {
            Self::Map(fields) => Some(fields),
            _ => None,
        }
    }

    /// The number, when it is a whole one.
    pub fn as_int(&self) -> Option<i64> {
        match self {
            Self::Int(n) => Some(*n),
            _ => None,
        }
    }

    /// The truth value, when it is one.
    pub fn as_bool(&self) -> Option<bool> {
        match self {
            Self::Bool(b) => Some(*b),
            _ => None,
        }
    }

    /// Whether nothing is there.
    pub fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    /// The field's word for the shape: `null`, `bool`, `int`, `float`, `string`, `list` or `record`.
    pub fn shape(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "bool",
            Self::Int(_) => "int",
            Self::Float(_) => "float",
            Self::String(_) => "string",
            Self::List(_) => "list",
            Self::Map(_) => "record",
        }
    }

    /// Levels of nesting: 1 for a value without parts.
    pub fn depth(&self) -> usize {
        1 + match self {
            Self::List(items) => items.iter().map(Value::depth).max().unwrap_or(0),
            Self::Map(fields) => fields.values().map(Value::depth).max().unwrap_or(0),
            _ => 0,
        }
    }

    /// Looks at the whole value once.
    pub fn measure(&self) -> Measure {
        // A character is escaped in six bytes at most: `\u0001`.
        let text = |text: &str| 2 + 6 * text.len() as u64;
        let leaf = |longest_json| Measure { levels: 1, longest_json, finite: true };
        let add = |sum: Measure, name: u64, part: Measure| Measure {
            levels: sum.levels.max(1 + part.levels),
            longest_json: sum.longest_json.saturating_add(name + part.longest_json),
            finite: sum.finite && part.finite,
        };
        match self {
            Self::Null | Self::Bool(_) => leaf(5),
            Self::Int(_) => leaf(32),
            Self::Float(x) => Measure { finite: x.is_finite(), ..leaf(32) },
            Self::String(s) => leaf(text(s)),
            Self::List(items) => {
                items.iter().fold(leaf(2), |sum, item| add(sum, 1, item.measure()))
            }
            Self::Map(fields) => fields
                .iter()
                .fold(leaf(2), |sum, (name, field)| add(sum, 2 + text(name), field.measure())),
        }
    }

    fn holds_vast_float(&self) -> bool {
        match self {
            Self::Float(x) => x.abs() >= TWO_63,
            Self::List(items) => items.iter().any(Value::holds_vast_float),
            Self::Map(fields) => fields.values().any(Value::holds_vast_float),
            _ => false,
        }
    }

    fn within_depth(self) -> Result<Self, ValueError> {
        if self.depth() > MAX_DEPTH { Err(ValueError::TooDeep) } else { Ok(self) }
    }
}

/// What a value is as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Measure {
    /// As [`Value::depth`] counts them.
    pub levels: usize,
    /// Bytes that it has as JSON at most: found without writing it.
    pub longest_json: u64,
    /// Whether every float in it is a number: JSON has no other.
    pub finite: bool,
}

/// 2^63: integers from here on have no place in 64 bits.
const TWO_63: f64 = 9_223_372_036_854_775_808.0;

fn beyond(digits: &str) -> String {
    format!("integer {digits} is beyond {}; write it as text", i64::MAX)
}

/// The first integer of a JSON text, outside of its strings, that does not fit 64 bits.
fn vast_integer(text: &str) -> Option<&str> {
    let mut rest = text;
    loop {
        let start = rest.find(|c: char| c == '"' || c == '-' || c.is_ascii_digit())?;
        rest = &rest[start..];
        if let Some(mut inside) = rest.strip_prefix('"') {
            while let Some(escaped) = inside.find(['"', '\\']).map(|at| inside.split_at(at).1) {
                let skip = if escaped.starts_with('"') { 1 } else { 2 };
                inside = escaped.get(skip..).unwrap_or_default();
                if skip == 1 {
                    break;
                }
            }
            rest = inside;
            continue;
        }
        let number = |c: char| c.is_ascii_digit() || matches!(c, '.' | 'e' | 'E' | '+' | '-');
        let (written, behind) = rest.split_at(rest.find(|c| !number(c)).unwrap_or(rest.len()));
        if !written.contains(['.', 'e', 'E']) && written.parse::<i64>().is_err() {
            return Some(written);
        }
        rest = behind;
    }
}

impl fmt::Display for Value {
    /// Text as it is; everything else as JSON. What string interpolation prints.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::String(text) => f.write_str(text),
            other => f.write_str(&other.to_json()),
        }
    }
}

macro_rules! from {
    ($($from:ty => |$x:ident| $to:expr),* $(,)?) => {
        $(impl From<$from> for Value { fn from($x: $from) -> Self { $to } })*
    };
}
from! {
    bool => |x| Self::Bool(x),
    i64 => |x| Self::Int(x),
    i32 => |x| Self::Int(x.into()),
    u32 => |x| Self::Int(x.into()),
    &str => |x| Self::String(x.into()),
    String => |x| Self::String(x.into()),
    Arc<str> => |x| Self::String(x),
    Vec<Value> => |x| Self::List(Arc::new(x)),
    Fields => |x| Self::Map(Arc::new(x)),
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => s.serialize_unit(),
            Self::Bool(b) => s.serialize_bool(*b),
            Self::Int(n) => s.serialize_i64(*n),
            Self::Float(x) => s.serialize_f64(*x),
            Self::String(text) => s.serialize_str(text),
            Self::List(items) => {
                let mut seq = s.serialize_seq(Some(items.len()))?;
                for item in items.iter() {
                    seq.serialize_element(item)?;
                }
                seq.end()
            }
            Self::Map(fields) => {
                let mut map = s.serialize_map(Some(fields.len()))?;
                for (key, value) in fields.iter() {
                    map.serialize_entry(&**key, value)?;
                }
                map.end()
            }
        }
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        d.deserialize_any(ValueVisitor)
    }
}

struct ValueVisitor;

impl<'de> Visitor<'de> for ValueVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("null, a boolean, a number, text, a list or a record")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_none<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, d: D) -> Result<Value, D::Error> {
        Value::deserialize(d)
    }

    fn visit_bool<E>(self, b: bool) -> Result<Value, E> {
        Ok(Value::Bool(b))
    }

    fn visit_i64<E>(self, n: i64) -> Result<Value, E> {
        Ok(Value::Int(n))
    }

    fn visit_u64<E: de::Error>(self, n: u64) -> Result<Value, E> {
        i64::try_from(n).map(Value::Int).map_err(|_| E::custom(beyond(&n.to_string())))
    }

    fn visit_f64<E: de::Error>(self, x: f64) -> Result<Value, E> {
        if x.is_finite() {
            Ok(Value::Float(x))
        } else {
            Err(E::custom("number is not finite; write it as text"))
        }
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(Value::String(text.into()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element()? {
            items.push(item);
        }
        Ok(Value::List(Arc::new(items)))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut fields = Fields::new();
        while let Some((key, value)) = map.next_entry::<String, Value>()? {
            if fields.insert(key.as_str().into(), value).is_some() {
                return Err(de::Error::custom(format!("field `{key}` appears twice")));
            }
        }
        Ok(Value::Map(Arc::new(fields)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// FL-14.
    #[test]
    fn numbers_are_exact_or_refused() {
        assert_eq!(Value::from_json("9223372036854775807").unwrap(), Value::Int(i64::MAX));
        let vast = "9".repeat(40);
        for bad in [
            "9223372036854775808",
            "-9223372036854775809",
            "18446744073709551616",
            vast.as_str(),
            "1e400",
            "-1e400",
            "NaN",
            "Infinity",
            "01",
            "+1",
            ".5",
            r#"["\"99\\", {"a\u0022": [1.5, 99999999999999999999]}]"#,
        ] {
            assert!(Value::from_json(bad).is_err(), "{bad} was accepted");
        }
        for (text, same) in [
            ("1.0", "1.0"),
            ("-0", "-0.0"),
            ("1e20", "1e+20"),
            ("-9223372036854775808", "-9223372036854775808"),
            ("-0.5e37", "-5e+36"),
            (r#"["99999999999999999999\"", 1e20]"#, r#"["99999999999999999999\"",1e+20]"#),
        ] {
            assert_eq!(Value::from_json(text).unwrap().to_json(), same);
        }
    }

    #[test]
    fn depth_is_bounded() {
        let nested = |n: usize| format!("{}{}", "[".repeat(n), "]".repeat(n));
        assert!(Value::from_json(&nested(MAX_DEPTH)).is_ok());
        assert_eq!(Value::from_json(&nested(MAX_DEPTH + 1)), Err(ValueError::TooDeep));
        assert!(Value::from_json(&nested(100_000)).is_err());
    }

    #[test]
    fn text_is_unicode_or_refused() {
        for (text, read) in [
            (r#""\ud83d\ude00""#, "\u{1f600}"),
            (r#""\uD83D\uDE00!""#, "\u{1f600}!"),
            (r#""\u0000\u00e9""#, "\u{0}é"),
        ] {
            assert_eq!(Value::from_json(text).unwrap().as_str(), Some(read), "{text}");
        }
        for bad in [
            r#""\ud83d""#,
            r#""\ude00""#,
            r#""\ude00\ud83d""#,
            r#""\ud83d\u0041""#,
            r#"{"\ud83d": 1}"#,
        ] {
            assert!(
                matches!(Value::from_json(bad), Err(ValueError::Json(_))),
                "{bad} was accepted"
            );
        }
    }

    #[test]
    fn duplicate_fields_are_refused() {
        assert!(Value::from_json(r#"{"a":1,"a":2}"#).unwrap_err().to_string().contains("twice"));
    }

    #[test]
    fn canonical_text_does_not_depend_on_the_order_of_fields() {
        let a = Value::from_json(r#"{"b":[{"y":1,"x":2}],"a":"é"}"#).unwrap();
        let b = Value::from_json(r#"{"a":"é","b":[{"x":2,"y":1}]}"#).unwrap();
        assert_eq!(a, b);
        assert_eq!(a.to_canonical_json(), b.to_canonical_json());
        assert_eq!(a.to_canonical_json(), r#"{"a":"é","b":[{"x":2,"y":1}]}"#);
    }
}
