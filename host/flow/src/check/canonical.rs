//! The identity of a flow: the hash of its checked graph as JSON with sorted keys. Comments, formatting, the
//! order of keys and `doc` texts are not in it.
//!
//! Fields are sorted in the text that is being written: a tree of the whole graph, made to be sorted and
//! thrown away, took half of the time of a check.

use std::cell::RefCell;
use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::io;
use std::ops::Range;

use indexmap::IndexMap;
use serde::Serialize;
use serde_json::Value as Json;
use serde_json::ser::{Formatter, Serializer};

use crate::address::{FlowHash, FlowId};
use crate::expr::Template;
use crate::graph::{Canary, Channel, Durability, Graph, Model, Scope};
use crate::types::fields_to_json_schema;

/// A graph as it is hashed.
#[derive(Serialize)]
struct Canonical<'g> {
    id: &'g FlowId,
    version: &'g str,
    /// A JSON Schema.
    input: Json,
    output: &'g IndexMap<String, Template>,
    uses: &'g BTreeMap<String, String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    models: &'g BTreeMap<String, Model>,
    #[serde(skip_serializing_if = "Option::is_none")]
    durability: Option<Durability>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    canaries: &'g BTreeMap<String, Canary>,
    #[serde(skip_serializing_if = "IndexMap::is_empty")]
    state: &'g IndexMap<String, Channel>,
    /// JSON Schemas.
    #[serde(skip_serializing_if = "Option::is_none")]
    events: Option<Json>,
    root: &'g Scope,
    bound: u64,
}

/// The hash of a graph.
pub(super) fn hash(graph: &Graph) -> FlowHash {
    // Whoever adds a field has to say here whether it is part of the identity.
    let Graph {
        id,
        version,
        hash: _,
        input,
        output,
        uses,
        models,
        durability,
        canaries,
        state,
        root,
        bound,
        value: _,
        plan: _,
        triggers,
        events,
    } = graph;
    // What starts a run does not decide what it does.
    let _ = triggers;
    let mut input = fields_to_json_schema(input);
    without_docs(&mut input);
    let events = (!events.is_empty()).then(|| {
        let mut events = fields_to_json_schema(events);
        without_docs(&mut events);
        events
    });
    let bound = *bound;
    let durability = (*durability != Durability::default()).then_some(*durability);
    let canonical = Canonical {
        id,
        version,
        input,
        output,
        uses,
        models,
        durability,
        canaries,
        state,
        events,
        root,
        bound,
    };
    FlowHash::of(&sorted(&canonical))
}

/// Schemas say `description` only for docs; a field of that name is below `properties`.
fn without_docs(schema: &mut Json) {
    let Json::Object(object) = schema else { return };
    object.remove("description");
    if let Some(Json::Object(properties)) = object.get_mut("properties") {
        properties.values_mut().for_each(without_docs);
    }
    for key in ["items", "additionalProperties"] {
        object.get_mut(key).into_iter().for_each(without_docs);
    }
    if let Some(Json::Array(branches)) = object.get_mut("anyOf") {
        branches.iter_mut().for_each(without_docs);
    }
    if let Some(Json::Array(required)) = object.get_mut("required") {
        required.sort_by(|a, b| a.as_str().cmp(&b.as_str()));
    }
}

/// JSON text in which the fields of each object are in the order of their names.
fn sorted(data: &impl Serialize) -> Vec<u8> {
    let text = RefCell::new(Text::default());
    data.serialize(&mut Serializer::with_formatter(Sink(&text), Sink(&text)))
        .expect("a graph holds nothing that JSON cannot hold");
    text.into_inner().bytes
}

/// What is written, and the objects in it that are not closed.
#[derive(Default)]
struct Text {
    bytes: Vec<u8>,
    /// Of all open objects, the innermost last.
    fields: Vec<Field>,
    /// The first field of each open object.
    open: Vec<usize>,
    /// Where fields are put in order.
    aside: Vec<u8>,
}

/// A field of an open object, by places in the text.
struct Field {
    /// The name without its quotes.
    name: Range<usize>,
    /// Whether the name is written with escapes.
    escaped: bool,
    /// Behind the value.
    end: usize,
}

impl Field {
    /// The first byte of the field: the quote before its name.
    fn start(&self) -> usize {
        self.name.start - 1
    }
}

impl Text {
    fn field(&mut self) -> &mut Field {
        self.fields.last_mut().expect("a field was begun")
    }

    /// Puts the fields of the innermost object into order.
    fn close(&mut self) {
        let Self { bytes, fields, open, aside } = self;
        let mine = open.pop().expect("an object was begun");
        let Some(start) = fields.get(mine).map(Field::start) else { return };
        let own = &mut fields[mine..];
        if !own.is_sorted_by(|a, b| order(bytes, a, b).is_lt()) {
            own.sort_by(|a, b| order(bytes, a, b));
            aside.clear();
            for (at, field) in own.iter().enumerate() {
                aside.extend_from_slice(if at > 0 { b"," } else { b"" });
                aside.extend_from_slice(&bytes[field.start()..field.end]);
            }
            bytes[start..].copy_from_slice(aside);
        }
        fields.truncate(mine);
    }
}

/// The order of the names themselves, not of their escapes.
fn order(bytes: &[u8], a: &Field, b: &Field) -> Ordering {
    if a.escaped || b.escaped {
        let quoted = |field: &Field| &bytes[field.start()..=field.name.end];
        let name = |field| serde_json::from_slice::<String>(quoted(field));
        return name(a).expect("it was written").cmp(&name(b).expect("it was written"));
    }
    bytes[a.name.clone()].cmp(&bytes[b.name.clone()])
}

/// The end that the serializer writes to, and the one that it tells where objects and fields are.
struct Sink<'t>(&'t RefCell<Text>);

impl io::Write for Sink<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.borrow_mut().bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Formatter for Sink<'_> {
    fn begin_object<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        writer.write_all(b"{")?;
        let text = &mut *self.0.borrow_mut();
        text.open.push(text.fields.len());
        Ok(())
    }

    fn begin_object_key<W: ?Sized + io::Write>(
        &mut self,
        to: &mut W,
        first: bool,
    ) -> io::Result<()> {
        to.write_all(if first { b"" } else { b"," })?;
        let text = &mut *self.0.borrow_mut();
        let name = text.bytes.len() + 1;
        text.fields.push(Field { name: name..name, escaped: false, end: name });
        Ok(())
    }

    fn end_object_key<W: ?Sized + io::Write>(&mut self, _: &mut W) -> io::Result<()> {
        let text = &mut *self.0.borrow_mut();
        let end = text.bytes.len() - 1;
        let start = text.field().name.start;
        let escaped = text.bytes[start..end].contains(&b'\\');
        let field = text.field();
        (field.name.end, field.escaped) = (end, escaped);
        Ok(())
    }

    fn end_object_value<W: ?Sized + io::Write>(&mut self, _: &mut W) -> io::Result<()> {
        let text = &mut *self.0.borrow_mut();
        text.field().end = text.bytes.len();
        Ok(())
    }

    fn end_object<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.borrow_mut().close();
        writer.write_all(b"}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_sorted_by_their_names_at_every_depth() {
        let json = serde_json::json!({
            "b": [{ "z": 1, "a": { "y": null, "x": {} } }, {}],
            "a": 1.5, "\"": "quote", "\u{1}": true, "é": "b", "": "a\"b", "a b": -1, "aa": [],
        });
        let text = String::from_utf8(sorted(&json)).unwrap();
        let expected = "{\"\":\"a\\\"b\",\"\\u0001\":true,\"\\\"\":\"quote\",\"a\":1.5,\"a b\":-1,\
                        \"aa\":[],\"b\":[{\"a\":{\"x\":{},\"y\":null},\"z\":1},{}],\"é\":\"b\"}";
        assert_eq!(text, expected);
        assert_eq!(serde_json::from_str::<Json>(&text).unwrap(), json);
    }
}
