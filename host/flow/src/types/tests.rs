//! Types read back what they print, and fit exactly where the table says.

use super::*;
use crate::value::Value;
use serde_json::json;

fn ty(text: &str) -> Type {
    text.parse().unwrap_or_else(|e| panic!("{e}"))
}

#[test]
fn types_read_back_what_they_print() {
    for text in [
        "bool",
        "list<string>",
        "map<opt<int>>",
        "record{a: int, b: opt<string @pii>} @untrusted",
        "enum(a, b)",
        "ref<image/*>",
        "stream<list<record{}>>",
    ] {
        assert_eq!(ty(text).to_string(), text);
    }
    for bad in
        ["", "strng", "list", "list<", "list<int", "int int", "record{a}", "enum()", "string @"]
    {
        assert!(bad.parse::<Type>().is_err(), "{bad} was accepted");
    }
    assert!("list<".repeat(100_000).parse::<Type>().is_err());
}

#[test]
fn types_fit_as_the_table_says() {
    for (from, to, fit) in [
        ("int", "float", true),
        ("float", "int", false),
        ("enum(a)", "string", true),
        ("string", "enum(a)", false),
        ("enum(a)", "enum(a, b)", true),
        ("enum(a, c)", "enum(a, b)", false),
        ("any", "int", true),
        ("list<int>", "json", true),
        ("list<int>", "list<float>", true),
        ("int", "opt<int>", true),
        ("opt<int>", "int", false),
        ("record{a: int, b: int}", "record{a: float}", true),
        ("record{b: int}", "record{a: int}", false),
        ("record{}", "record{a: opt<int>}", true),
        ("record{a: int}", "map<int>", true),
        ("record{a: string}", "map<int>", false),
        ("ref<image/png>", "ref<image/*>", true),
        ("ref<audio/wav>", "ref<image/*>", false),
        ("string", "message", true),
        ("stream<string>", "string", true),
        ("string @pii", "string", true),
        ("string @secret", "string", false),
        ("string @secret", "string @secret", true),
        ("record{k: string @secret}", "record{k: string}", false),
    ] {
        assert_eq!(fits(&ty(from), &ty(to)).is_ok(), fit, "{from} → {to}");
    }
}

#[test]
fn validation_fills_defaults_and_points_at_the_fault() {
    let mut record = IndexMap::new();
    let text: Field = Type::from(Kind::String).into();
    record.insert("name".to_owned(), Field { min: Some(1.0), ..text });
    let share: Field = Type::from(Kind::Float).into();
    record.insert(
        "share".to_owned(),
        Field { default: Some(Value::Float(0.5)), max: Some(1.0), ..share },
    );
    record.insert("tags".to_owned(), ty("opt<list<enum(a, b)>>").into());
    let read = |text: &str| validate_fields(&Value::from_json(text).unwrap(), &record);
    let full = read(r#"{"name":"x","more":1}"#).unwrap();
    assert_eq!(full.to_canonical_json(), r#"{"more":1,"name":"x","share":0.5,"tags":null}"#);
    for (text, pointer) in [
        ("{}", "/name"),
        ("3", ""),
        (r#"{"name":""}"#, "/name"),
        (r#"{"name":"x","share":2}"#, "/share"),
        (r#"{"name":"x","tags":["a","c"]}"#, "/tags/1"),
    ] {
        assert_eq!(read(text).unwrap_err().pointer, pointer, "{text}");
    }
}

#[test]
fn what_fits_is_shared_and_not_copied() {
    let list = Value::list((0..3).map(Value::Int));
    let (Value::List(a), Value::List(b)) = (&list, validate(&list, &ty("list<int>")).unwrap())
    else {
        panic!("no list")
    };
    assert!(std::sync::Arc::ptr_eq(a, &b));
}

#[test]
fn schemas_keep_what_types_can_say() {
    for text in [
        "record{a: int, b: opt<list<string>>, c: enum(x, y), d: datetime @pii}",
        "map<float>",
        "ref<image/png>",
        "bytes",
    ] {
        assert_eq!(from_json_schema(&to_json_schema(&ty(text))), Ok(ty(text)));
    }
    let local = json!({ "$defs": { "n": { "type": "integer" } }, "type": "array", "items": { "$ref": "#/$defs/n" } });
    assert_eq!(from_json_schema(&local), Ok(ty("list<int>")));
    assert_eq!(from_json_schema(&json!({ "oneOf": [{}, {}, {}] })), Ok(ty("json")));
}

#[test]
fn hostile_schemas_are_refused() {
    let circle = json!({ "$defs": { "a": { "$ref": "#/$defs/a" } }, "$ref": "#/$defs/a" });
    assert_eq!(from_json_schema(&circle), Err(SchemaError::Loop));
    let remote = json!({ "$ref": "https://example.org/x.json" });
    assert_eq!(
        from_json_schema(&remote),
        Err(SchemaError::Foreign("https://example.org/x.json".into()))
    );
    let mut defs = serde_json::Map::new();
    for i in 0..20 {
        let next = json!({ "$ref": format!("#/$defs/d{}", i + 1) });
        defs.insert(
            format!("d{i}"),
            json!({ "type": "object", "properties": { "l": next, "r": next } }),
        );
    }
    defs.insert("d20".into(), json!({ "type": "string" }));
    let doubling = json!({ "$defs": defs, "$ref": "#/$defs/d0" });
    assert_eq!(from_json_schema(&doubling), Err(SchemaError::TooLarge));
}
