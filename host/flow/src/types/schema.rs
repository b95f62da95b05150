//! Types to and from JSON Schema: component ports arrive as schemas, structured output leaves as one.
//!
//! What a type cannot say (`oneOf`, `pattern`, …) becomes `json`: the port then takes more than the component
//! does, and the component refuses it. Only local `$ref` is followed; nothing is ever fetched.

use indexmap::IndexMap;
use serde_json::{Map as Object, Value as Json, json};

use super::{Field, Kind, Type};
use crate::value::Value;

/// Levels of a schema, `$ref` steps included: ends loops and towers.
const MAX_DEPTH: usize = crate::value::MAX_DEPTH;
/// Schemas that one document may unfold to: `$ref` twice on each level doubles.
const MAX_PARTS: usize = 10_000;

/// Why a JSON Schema gives no type.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SchemaError {
    /// A reference that leaves the document.
    #[error("`$ref: {0}` leaves the document; only `#/…` is followed")]
    Foreign(String),
    /// A reference that leads nowhere.
    #[error("`$ref: {0}` leads nowhere")]
    Dangling(String),
    /// References in a circle, or nesting without end.
    #[error("the schema refers to itself or is nested more than {MAX_DEPTH} levels deep")]
    Loop,
    /// Unfolds to too much.
    #[error("the schema unfolds to more than {MAX_PARTS} parts")]
    TooLarge,
}

/// The schema that takes the values of a type.
pub fn to_json_schema(ty: &Type) -> Json {
    let mut schema = match &ty.kind {
        Kind::Any | Kind::Json => json!({}),
        Kind::Bool => json!({ "type": "boolean" }),
        Kind::Int => json!({ "type": "integer" }),
        Kind::Float => json!({ "type": "number" }),
        Kind::String => json!({ "type": "string" }),
        Kind::Bytes => json!({ "type": "string", "contentEncoding": "base64" }),
        Kind::Datetime => json!({ "type": "string", "format": "date-time" }),
        Kind::Duration => json!({ "type": "string", "format": "cleargate-duration" }),
        Kind::Enum(cases) => json!({ "type": "string", "enum": cases }),
        Kind::List(of) => json!({ "type": "array", "items": to_json_schema(of) }),
        Kind::Map(of) => json!({ "type": "object", "additionalProperties": to_json_schema(of) }),
        Kind::Opt(of) => json!({ "anyOf": [to_json_schema(of), { "type": "null" }] }),
        Kind::Record(fields) => fields_to_json_schema(fields),
        Kind::Ref(media) => json!({ "type": "string", "contentMediaType": media }),
        Kind::Message => json!({ "type": "object", "title": "message" }),
        Kind::Stream(of) => to_json_schema(of),
    };
    if let (false, Json::Object(object)) = (ty.labels.is_empty(), &mut schema) {
        object.insert("x-labels".into(), json!(ty.labels));
    }
    schema
}

/// The schema of a record of ports.
pub fn fields_to_json_schema(fields: &IndexMap<String, Field>) -> Json {
    let properties: Object<String, Json> =
        fields.iter().map(|(name, field)| (name.clone(), field_schema(field))).collect();
    let required: Vec<&String> =
        fields.iter().filter(|(_, f)| !f.may_be_absent()).map(|(name, _)| name).collect();
    json!({ "type": "object", "properties": properties, "required": required })
}

fn field_schema(field: &Field) -> Json {
    let mut schema = to_json_schema(&field.ty);
    let Json::Object(object) = &mut schema else { return schema };
    if let Some(default) = &field.default {
        object.insert("default".into(), default.to_serde());
    }
    if let Some(doc) = &field.doc {
        object.insert("description".into(), json!(doc));
    }
    let (min, max) = match field.ty.kind {
        Kind::String => ("minLength", "maxLength"),
        Kind::List(_) => ("minItems", "maxItems"),
        _ => ("minimum", "maximum"),
    };
    for (key, bound) in [(min, field.min), (max, field.max)] {
        if let Some(bound) = bound {
            let whole = bound.fract() == 0.0 && bound.abs() < 1e15;
            let bound = if whole { json!(bound as i64) } else { json!(bound) };
            object.insert(key.into(), bound);
        }
    }
    schema
}

/// The type whose values a schema takes, as far as types can say it.
///
/// # Errors
/// References that leave the document, lead nowhere or go in circles, and schemas without measure.
pub fn from_json_schema(schema: &Json) -> Result<Type, SchemaError> {
    let mut reader = SchemaReader { root: schema, parts: 0 };
    Ok(reader.field(schema, 0)?.ty)
}

struct SchemaReader<'s> {
    root: &'s Json,
    parts: usize,
}

impl<'s> SchemaReader<'s> {
    fn field(&mut self, schema: &'s Json, depth: usize) -> Result<Field, SchemaError> {
        self.parts += 1;
        if depth >= MAX_DEPTH {
            return Err(SchemaError::Loop);
        }
        if self.parts > MAX_PARTS {
            return Err(SchemaError::TooLarge);
        }
        if let Some(reference) = schema.get("$ref").and_then(Json::as_str) {
            let pointer = reference.strip_prefix('#');
            let pointer = pointer.ok_or_else(|| SchemaError::Foreign(reference.into()))?;
            let target = self.root.pointer(pointer);
            let target = target.ok_or_else(|| SchemaError::Dangling(reference.into()))?;
            return self.field(target, depth + 1);
        }
        let mut ty = Type::from(self.kind(schema, depth)?);
        if let Some(labels) = schema.get("x-labels").and_then(Json::as_array) {
            ty.labels.extend(labels.iter().filter_map(Json::as_str).map(str::to_owned));
        }
        let number = |keys: [&str; 3]| keys.iter().find_map(|key| schema.get(*key)?.as_f64());
        Ok(Field {
            ty,
            default: schema.get("default").and_then(|value| Value::of(value).ok()),
            doc: schema.get("description").and_then(Json::as_str).map(str::to_owned),
            min: number(["minimum", "minLength", "minItems"]),
            max: number(["maximum", "maxLength", "maxItems"]),
        })
    }

    fn kind(&mut self, schema: &'s Json, depth: usize) -> Result<Kind, SchemaError> {
        if let Some(cases) = schema.get("enum").and_then(Json::as_array) {
            let cases: Option<Vec<String>> =
                cases.iter().map(|case| case.as_str().map(str::to_owned)).collect();
            return Ok(cases.map_or(Kind::Json, Kind::Enum));
        }
        if let Some(of) = nullable(schema) {
            return Ok(Kind::Opt(Box::new(self.field(of, depth + 1)?.ty)));
        }
        let text = |key: &str| schema.get(key).and_then(Json::as_str);
        match schema.get("type") {
            Some(Json::String(name)) => self.named(name, schema, depth),
            Some(Json::Array(names)) => match names.as_slice() {
                [Json::String(name), Json::String(null)] if null == "null" => {
                    Ok(Kind::Opt(Box::new(self.named(name, schema, depth)?.into())))
                }
                _ => Ok(Kind::Json),
            },
            _ if schema.get("properties").is_some() => self.named("object", schema, depth),
            _ if text("contentMediaType").is_some() => self.named("string", schema, depth),
            _ => Ok(Kind::Json),
        }
    }

    fn named(&mut self, name: &str, schema: &'s Json, depth: usize) -> Result<Kind, SchemaError> {
        let text = |key: &str| schema.get(key).and_then(Json::as_str);
        Ok(match name {
            "boolean" => Kind::Bool,
            "integer" => Kind::Int,
            "number" => Kind::Float,
            "string" => match (text("format"), text("contentEncoding"), text("contentMediaType")) {
                (Some("date-time"), ..) => Kind::Datetime,
                (Some("cleargate-duration"), ..) => Kind::Duration,
                (_, Some("base64"), None) => Kind::Bytes,
                (_, _, Some(media)) => Kind::Ref(media.into()),
                _ => Kind::String,
            },
            "array" => match schema.get("items") {
                Some(of) => Kind::List(Box::new(self.field(of, depth + 1)?.ty)),
                None => Kind::List(Box::new(Kind::Json.into())),
            },
            "object" if text("title") == Some("message") => Kind::Message,
            "object" => self.object(schema, depth)?,
            _ => Kind::Json,
        })
    }

    fn object(&mut self, schema: &'s Json, depth: usize) -> Result<Kind, SchemaError> {
        let Some(properties) = schema.get("properties").and_then(Json::as_object) else {
            return Ok(match schema.get("additionalProperties") {
                Some(of) if of.is_object() => Kind::Map(Box::new(self.field(of, depth + 1)?.ty)),
                _ => Kind::Map(Box::new(Kind::Json.into())),
            });
        };
        let required = schema.get("required").and_then(Json::as_array);
        let is_required = |name: &str| {
            required.is_some_and(|names| names.iter().any(|n| n.as_str() == Some(name)))
        };
        let mut fields = IndexMap::new();
        for (name, property) in properties {
            let mut field = self.field(property, depth + 1)?;
            let optional = matches!(field.ty.kind, Kind::Opt(_)) || field.default.is_some();
            if !optional && !is_required(name) {
                field.ty = Kind::Opt(Box::new(field.ty)).into();
            }
            fields.insert(name.clone(), field);
        }
        Ok(Kind::Record(fields))
    }
}

/// The other branch of `anyOf: [T, {type: null}]`.
fn nullable(schema: &Json) -> Option<&Json> {
    let branches = schema.get("anyOf").or_else(|| schema.get("oneOf"))?.as_array()?;
    let is_null = |branch: &Json| branch.get("type").and_then(Json::as_str) == Some("null");
    match branches.as_slice() {
        [of, null] | [null, of] if is_null(null) && !is_null(of) => Some(of),
        _ => None,
    }
}
