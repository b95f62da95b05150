//! The identity of a flow: the hash of its checked graph as JSON with sorted keys. Comments, formatting, the
//! order of keys and `doc` texts are not in it.

use serde_json::Value as Json;

use crate::address::FlowHash;
use crate::graph::Graph;
use crate::types::fields_to_json_schema;
use crate::value::Value;

/// The hash of a graph.
pub(super) fn hash(graph: &Graph) -> FlowHash {
    let mut json =
        serde_json::to_value(graph).expect("a graph holds nothing that JSON cannot hold");
    let mut input = fields_to_json_schema(&graph.input);
    without_docs(&mut input);
    json["input"] = input;
    let mut text = String::with_capacity(16 * 1024);
    write(&json, &mut text);
    FlowHash::of(text.as_bytes())
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

fn write(json: &Json, out: &mut String) {
    match json {
        Json::Array(items) => {
            out.push('[');
            for (i, item) in items.iter().enumerate() {
                out.push_str(if i > 0 { "," } else { "" });
                write(item, out);
            }
            out.push(']');
        }
        Json::Object(fields) => {
            let mut sorted: Vec<_> = fields.iter().collect();
            sorted.sort_by(|a, b| a.0.cmp(b.0));
            out.push('{');
            for (i, (key, value)) in sorted.into_iter().enumerate() {
                out.push_str(if i > 0 { "," } else { "" });
                out.push_str(&Value::from(key.as_str()).to_json());
                out.push(':');
                write(value, out);
            }
            out.push('}');
        }
        leaf => out.push_str(&leaf.to_string()),
    }
}
