//! The texts of a value: where personal data is looked for.

use cleargate::Value;

/// Visits all strings of a value but embedded media, whose base64 holds no text. A text that only begins like one
/// (`data: …`) is a text.
pub(crate) fn each_text(value: &mut Value, visit: &mut dyn FnMut(&mut String)) {
    match value {
        Value::String(text) if !is_media(text) => visit(text),
        Value::Array(items) => items.iter_mut().for_each(|item| each_text(item, visit)),
        Value::Object(fields) => fields.values_mut().for_each(|item| each_text(item, visit)),
        _ => {}
    }
}

fn is_media(text: &str) -> bool {
    let Some((head, body)) = text.strip_prefix("data:").and_then(|rest| rest.split_once(','))
    else {
        return false;
    };
    let base64 = |b: u8| b.is_ascii_alphanumeric() || b"+/=-_".contains(&b);
    head.ends_with(";base64") && !head.contains(char::is_whitespace) && body.bytes().all(base64)
}
