//! JSON Schemas for editors and validators.

use serde_json::{Value, json};

/// Of the flow file.
pub fn flow() -> Value {
    cleargate_flow::check::schema()
}

/// Of `plugin.toml`.
pub fn plugin() -> Value {
    let text = json!({ "type": "string" });
    let texts = json!({ "type": "array", "items": text, "uniqueItems": true });
    let permissions = ["http", "kv", "secrets", "reveal", "model", "tools", "files"];
    let mut asked: serde_json::Map<String, Value> =
        permissions.iter().map(|name| ((*name).into(), texts.clone())).collect();
    let services = json!({ "enum": ["log", "config", "clock", "random", "blob"] });
    asked.insert("services".into(), json!({ "type": "array", "items": services }));
    let limits: serde_json::Map<String, Value> = cleargate_flow::limits::TABLE
        .iter()
        .map(|row| (row.name.into(), json!({ "type": ["string", "integer"] })))
        .collect();
    let object = |properties: Value| json!({ "type": "object", "additionalProperties": false, "properties": properties });
    let mut schema = object(json!({
        "plugin": {
            "type": "object", "additionalProperties": false, "required": ["name", "version", "description"],
            "properties": {
                "name": { "type": "string", "pattern": "^[a-z][a-z0-9-]*:[a-z][a-z0-9-]*$" },
                "version": text, "description": text, "license": text, "repository": text,
                "authors": texts, "keywords": { "type": "array", "items": text, "maxItems": 5 },
                "categories": texts,
            },
        },
        "requires": { "type": "object", "additionalProperties": text },
        "node": { "type": "array", "items": object(json!({ "id": text, "title": text, "icon": text })) },
        "permissions": object(Value::Object(asked.clone())),
        "optional": object(Value::Object(asked)),
        "reasons": { "type": "object", "additionalProperties": text },
        "limits": object(Value::Object(limits)),
        "dependencies": { "type": "object", "additionalProperties": text },
        "build": object(json!({ "language": text, "component": text })),
        "test": object(json!({ "cases": text })),
    }));
    schema["$schema"] = json!("https://json-schema.org/draft/2020-12/schema");
    schema["title"] = json!("ClearGate plugin manifest");
    schema["required"] = json!(["plugin"]);
    schema
}
