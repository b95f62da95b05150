//! JSON Schemas of ports from Rust types, without the noise that no reader of a port needs.

use schemars::generate::SchemaSettings;
use schemars::transform::{RecursiveTransform, Transform};
use schemars::{JsonSchema, Schema};
use serde::{Deserialize, Serialize};

/// The configuration of a plugin that has none.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NoConfig {}

/// JSON Schema (2020-12) of what `T` reads: without `$schema` and `title`, references put in place.
pub fn schema_of<T: JsonSchema>() -> String {
    write::<T>(SchemaSettings::draft2020_12())
}

/// The schema of what `T` writes: optional on reading is always there on writing.
pub(crate) fn output_schema_of<T: JsonSchema>() -> String {
    write::<T>(SchemaSettings::draft2020_12().for_serialize())
}

fn write<T: JsonSchema>(mut settings: SchemaSettings) -> String {
    settings.meta_schema = None;
    settings.inline_subschemas = true;
    let mut schema = settings.into_generator().into_root_schema_for::<T>();
    RecursiveTransform(quiet).transform(&mut schema);
    schema.as_value().to_string()
}

/// Titles repeat Rust's names; widths of integers are Rust's own formats and no part of JSON Schema.
fn quiet(schema: &mut Schema) {
    schema.remove("title");
    let native = schema.get("format").and_then(|f| f.as_str()).is_some_and(|format| {
        format.starts_with("uint")
            || format.starts_with("int")
            || matches!(format, "float" | "double")
    });
    if native {
        schema.remove("format");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Serialize, Deserialize, JsonSchema)]
    struct Inner {
        title: String,
    }

    #[derive(Serialize, Deserialize, JsonSchema)]
    struct Outer {
        /// How many.
        count: u32,
        inner: Vec<Inner>,
        #[serde(default)]
        note: Option<String>,
    }

    #[test]
    fn schemas_are_plain_and_keep_a_property_called_title() {
        let schema: serde_json::Value = serde_json::from_str(&schema_of::<Outer>()).unwrap();
        assert_eq!(
            schema,
            serde_json::json!({
                "type": "object",
                "properties": {
                    "count": { "description": "How many.", "type": "integer", "minimum": 0 },
                    "inner": {
                        "type": "array",
                        "items": {
                            "type": "object",
                            "properties": { "title": { "type": "string" } },
                            "required": ["title"],
                        },
                    },
                    "note": { "type": ["string", "null"], "default": null },
                },
                "required": ["count", "inner"],
            })
        );
    }
}
