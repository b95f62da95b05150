//! Content that is a text with JSON in it: the answer of a model.

use cleargate::{Error, Finding, Value};

use crate::{Config, found};

/// The data that is checked.
pub(crate) fn read(part: &Value, config: &Config) -> Result<Value, Finding> {
    if !config.text {
        return Ok(part.clone());
    }
    let Value::String(text) = part else {
        return Err(found("text", "is no text", &config.at));
    };
    let text = if config.coerce { unfenced(text) } else { text };
    // Where it breaks off, and not at what: messages of the reader name the place alone.
    serde_json::from_str(text).map_err(|e| {
        let place = format!("is no JSON from line {}, column {} on", e.line(), e.column());
        found("json", place, &config.at)
    })
}

/// The data as it goes on.
pub(crate) fn write(data: Value, config: &Config) -> Result<Value, Error> {
    if !config.text {
        return Ok(data);
    }
    Ok(Value::String(serde_json::to_string(&data)?))
}

/// What stands in a fenced block of Markdown, when the text is one.
fn unfenced(text: &str) -> &str {
    let inner = text.trim().strip_prefix("```").and_then(|rest| rest.strip_suffix("```"));
    let Some((language, inner)) = inner.and_then(|rest| rest.split_once('\n')) else {
        return text;
    };
    if language.trim().is_empty() || language.trim().eq_ignore_ascii_case("json") {
        inner
    } else {
        text
    }
}
