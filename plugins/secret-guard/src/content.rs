//! Walks through a JSON value: keys and strings are looked at, and everything keeps its place.
//!
//! A path is made of keys, and a key may hold a credential itself. Such a key appears in paths as it
//! appears in redacted content: with the label in its place.

use std::collections::BTreeMap;

use cleargate::{Finding, Value};
use serde_json::Map;

use crate::MAX_FINDINGS;
use crate::scan::{self, Match};

/// A value after the check.
pub(crate) struct Checked {
    /// The value as it came.
    pub(crate) original: Value,
    /// The value with labels in the place of credentials.
    pub(crate) redacted: Value,
    /// The first [`MAX_FINDINGS`] findings.
    pub(crate) findings: Vec<Finding>,
    /// How many there are.
    pub(crate) count: usize,
}

/// Looks at all text of a value.
pub(crate) fn check(original: Value, allow: &[String]) -> Checked {
    let mut walk = Walk { allow, findings: Vec::new(), count: 0 };
    let redacted = walk.value(&original, "", None);
    Checked { original, redacted, findings: walk.findings, count: walk.count }
}

struct Walk<'a> {
    allow: &'a [String],
    findings: Vec<Finding>,
    count: usize,
}

impl Walk<'_> {
    /// `name` is the nearest key above: `{"password": ["…"]}` assigns, too.
    fn value(&mut self, value: &Value, path: &str, name: Option<&str>) -> Value {
        match value {
            Value::String(text) => {
                let found = self.allowed(text, scan::text(text, name));
                self.note(&found, path);
                Value::String(redact(text, &found))
            }
            Value::Array(items) => {
                let item = |(i, item)| self.value(item, &format!("{path}/{i}"), name);
                Value::Array(items.iter().enumerate().map(item).collect())
            }
            Value::Object(fields) => {
                let (mut redacted, mut taken) = (Map::new(), BTreeMap::new());
                for (key, value) in fields {
                    let found = self.allowed(key, scan::text(key, None));
                    let safe = free(&redacted, &mut taken, redact(key, &found));
                    let escaped = safe.replace('~', "~0").replace('/', "~1");
                    let path = format!("{path}/{escaped}");
                    self.note(&found, &path);
                    let value = self.value(value, &path, Some(key));
                    redacted.insert(safe, value);
                }
                Value::Object(redacted)
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
        }
    }

    fn allowed(&self, text: &str, mut found: Vec<Match>) -> Vec<Match> {
        found.retain(|m| !self.allow.iter().any(|a| *a == text[m.span.clone()]));
        found
    }

    fn note(&mut self, found: &[Match], path: &str) {
        self.count += found.len();
        let room = MAX_FINDINGS - self.findings.len();
        self.findings.extend(found.iter().take(room).map(|m| Finding {
            label: m.kind.label.into(),
            message: format!("holds {}", m.kind.what),
            path: path.into(),
        }));
    }
}

fn redact(text: &str, found: &[Match]) -> String {
    let mut out = String::with_capacity(text.len());
    let mut end = 0;
    for m in found {
        out.push_str(&text[end..m.span.start]);
        out.push('<');
        out.push_str(&m.kind.label.to_ascii_uppercase());
        out.push('>');
        end = m.span.end;
    }
    out + &text[end..]
}

/// Two keys may become the same: the second gets a number, so that no value is lost. `taken` says where to go on
/// counting, so that many of them are not counted from the beginning each time.
fn free(fields: &Map<String, Value>, taken: &mut BTreeMap<String, usize>, key: String) -> String {
    if !fields.contains_key(&key) {
        return key;
    }
    let number = taken.entry(key.clone()).or_insert(2);
    loop {
        let candidate = format!("{key}_{number}");
        *number += 1;
        if !fields.contains_key(&candidate) {
            return candidate;
        }
    }
}
