//! The few lines of a flow's file that say how a canary is split: people wrote the rest, and it stays as it is.
//!
//! The text is edited by the places of its keys. What came of it is read back and compared; a text in a form that this
//! does not know is left alone.

use cleargate_flow::Value;
use cleargate_flow::document::{self, Entry, Node};

const FORM: &str = "it is written in a form that is not known";

/// The text in which an alias means one version alone.
pub(super) fn alias(text: &str, alias: &str, version: &str) -> Result<String, String> {
    let root = read(text)?;
    let entry = entry(&root, &["use", alias])?;
    let plain = version.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-/".contains(&b));
    let scalar = if plain { version.to_owned() } else { Value::from(version).to_json() };
    let edited = match flowing(text, entry) {
        Some((start, end)) => [&text[..start], &scalar, &text[end..]].concat(),
        None => {
            let (first, last) = lines(text, entry).ok_or(FORM)?;
            let line = text[first..].lines().next().unwrap_or_default();
            let (key, rest) = line.split_at(line.find(':').ok_or(FORM)? + 1);
            let comment = rest.trim();
            let comment = if comment.is_empty() { String::new() } else { format!(" {comment}") };
            let end = if text[..last].ends_with('\n') { "\n" } else { "" };
            [&text[..first], key, " ", &scalar, &comment, end, &text[last..]].concat()
        }
    };
    let wanted = replaced(&root.to_value(), &["use", alias], Some(Value::from(version)));
    kept(edited, &wanted)
}

/// The text in which a trigger has no canary.
pub(super) fn without_canary(text: &str, trigger: &str) -> Result<String, String> {
    let root = read(text)?;
    let path = ["triggers", trigger, "canary"];
    let canary = entry(&root, &path)?;
    let around = entry(&root, &path[..2])?;
    let edited = match flowing(text, around) {
        // `, canary: { … }`, or `canary: { … },` in front.
        Some(_) => {
            let (start, end) = (canary.key_span.offset, flowing(text, canary).ok_or(FORM)?.1);
            let before = text[..start].trim_end();
            let after = text[end..].trim_start();
            match (before.strip_suffix(','), after.strip_prefix(',')) {
                (Some(before), _) => [before, &text[end..]].concat(),
                (None, Some(after)) => [&text[..start], after.trim_start()].concat(),
                (None, None) => [&text[..start], &text[end..]].concat(),
            }
        }
        None => {
            let (first, last) = lines(text, canary).ok_or(FORM)?;
            [&text[..first], &text[last..]].concat()
        }
    };
    kept(edited, &replaced(&root.to_value(), &path, None))
}

fn read(text: &str) -> Result<Node, String> {
    document::read(text).0.ok_or_else(|| "it is no YAML".into())
}

fn entry<'n>(root: &'n Node, path: &[&str]) -> Result<&'n Entry, String> {
    let (last, way) = path.split_last().expect("a path has a key");
    let node = way.iter().try_fold(root, |node, key| Some(&node.get(key)?.value));
    node.and_then(|node| node.get(last)).ok_or_else(|| format!("it has no `{}`", path.join(".")))
}

/// The place of a value in braces.
fn flowing(text: &str, entry: &Entry) -> Option<(usize, usize)> {
    let span = entry.value.span;
    let end = span.offset + span.len;
    let braces = text.get(span.offset..end)?;
    (braces.starts_with('{') && braces.ends_with('}')).then_some((span.offset, end))
}

/// The lines of a key and of what is below it.
fn lines(text: &str, entry: &Entry) -> Option<(usize, usize)> {
    let first = text[..entry.key_span.offset].rfind('\n').map_or(0, |at| at + 1);
    let indent = &text[first..entry.key_span.offset];
    if !indent.trim().is_empty() {
        return None;
    }
    let mut last = first;
    let mut kept = first;
    for line in text[first..].split_inclusive('\n') {
        let depth = line.len() - line.trim_start().len();
        if last > first && !line.trim().is_empty() && depth <= indent.len() {
            break;
        }
        last += line.len();
        // Empty lines at the end belong to what follows.
        if !line.trim().is_empty() {
            kept = last;
        }
    }
    Some((first, kept))
}

/// The value with another one at a path, or without it.
fn replaced(value: &Value, path: &[&str], new: Option<Value>) -> Value {
    let Some((key, rest)) = path.split_first() else { return new.unwrap_or_default() };
    let fields = value.as_map().into_iter().flatten().filter_map(|(name, value)| {
        let value = match (&**name == *key, rest.is_empty()) {
            (true, true) => new.clone()?,
            (true, false) => replaced(value, rest, new.clone()),
            (false, _) => value.clone(),
        };
        Some((name.clone(), value))
    });
    Value::record(fields)
}

fn kept(edited: String, wanted: &Value) -> Result<String, String> {
    match document::read(&edited) {
        (Some(read), found) if found.is_empty() && read.to_value() == *wanted => Ok(edited),
        _ => Err(FORM.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_lines_of_the_alias_change() {
        for (text, wanted) in [
            (
                "use: { a: x, r: { version: ./a.yaml, canary: { version: ./b.yaml, weight: 10 } } } # why\nnodes: {}\n",
                "use: { a: x, r: ./b.yaml } # why\nnodes: {}\n",
            ),
            (
                "use:\n  r: # split\n    version: ./a.yaml\n    # soon\n    canary:\n      version: ./b.yaml\n      weight: 10\n\n  # kept\n  z: y\n",
                "use:\n  r: ./b.yaml # split\n\n  # kept\n  z: y\n",
            ),
            (
                "use:\n  r: { version: ./a.yaml,\n    canary: { version: ./b.yaml, weight: 1 } }\nnodes: {}\n",
                "use:\n  r: ./b.yaml\nnodes: {}\n",
            ),
            (
                "use:\n  r:\n    version: ./a.yaml\n    canary: { version: ./b.yaml, weight: 1 }",
                "use:\n  r: ./b.yaml",
            ),
        ] {
            assert_eq!(alias(text, "r", "./b.yaml").unwrap(), wanted);
        }
        let quoted =
            alias("use: { r: { version: a.yaml, canary: 1 } }\n", "r", "./a b.yaml").unwrap();
        assert_eq!(quoted, "use: { r: \"./a b.yaml\" }\n");
        assert!(alias("use: {}", "r", "x").unwrap_err().contains("no `use.r`"));
    }

    #[test]
    fn a_trigger_loses_its_canary_and_nothing_else() {
        for (text, wanted) in [
            (
                "triggers: { m: { use: i, canary: { version: b.yaml, weight: 1 } } }\n",
                "triggers: { m: { use: i } }\n",
            ),
            (
                "triggers:\n  m: { canary: { version: b.yaml, weight: 1 }, use: i } # mail\n",
                "triggers:\n  m: { use: i } # mail\n",
            ),
            (
                "triggers:\n  m:\n    use: i\n    canary:\n      version: b.yaml\n      weight: 1\n    every: 1m\n",
                "triggers:\n  m:\n    use: i\n    every: 1m\n",
            ),
        ] {
            assert_eq!(without_canary(text, "m").unwrap(), wanted);
        }
    }
}
