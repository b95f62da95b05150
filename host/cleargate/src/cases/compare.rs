//! How an answer differs from what was expected: each place with its path, both values shown.

use cleargate_flow::Value;

/// Everything must be equal.
pub(crate) fn exact(path: &str, wanted: &Value, got: &Value, out: &mut Vec<String>) {
    match (wanted, got) {
        (Value::Map(a), Value::Map(b)) => {
            for (key, value) in a.iter() {
                match b.get(key) {
                    Some(other) => exact(&format!("{path}.{key}"), value, other, out),
                    None => out.push(format!("{path}.{key}: is missing")),
                }
            }
            for key in b.keys().filter(|key| !a.contains_key(*key)) {
                out.push(format!("{path}.{key}: was not expected"));
            }
        }
        (Value::List(a), Value::List(b)) if a.len() == b.len() => {
            for (i, (x, y)) in a.iter().zip(b.iter()).enumerate() {
                exact(&format!("{path}[{i}]"), x, y, out);
            }
        }
        _ => leaf(path, wanted, got, out),
    }
}

/// Each field of `wanted` must be there; each item of a list must be somewhere in the other list.
pub(crate) fn contains(path: &str, wanted: &Value, got: &Value, out: &mut Vec<String>) {
    match (wanted, got) {
        (Value::Map(a), Value::Map(b)) => {
            for (key, value) in a.iter() {
                match b.get(key) {
                    Some(other) => contains(&format!("{path}.{key}"), value, other, out),
                    None => out.push(format!("{path}.{key}: is missing")),
                }
            }
        }
        (Value::List(a), Value::List(b)) => {
            for item in a.iter() {
                let fits = |other: &Value| {
                    let mut differences = Vec::new();
                    contains(path, item, other, &mut differences);
                    differences.is_empty()
                };
                if !b.iter().any(fits) {
                    out.push(format!("{path}: no item like {}", item.to_json()));
                }
            }
        }
        (Value::String(part), Value::String(whole)) if whole.contains(&**part) => {}
        _ => leaf(path, wanted, got, out),
    }
}

fn leaf(path: &str, wanted: &Value, got: &Value, out: &mut Vec<String>) {
    let same = match (wanted, got) {
        (Value::Int(a), Value::Float(b)) | (Value::Float(b), Value::Int(a)) => *a as f64 == *b,
        _ => wanted == got,
    };
    if !same {
        out.push(format!("{path}: expected {}, got {}", wanted.to_json(), got.to_json()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differences_name_their_place() {
        let value = |text| Value::from_json(text).unwrap();
        let got = value(r#"{"a":[1,{"b":"hello"}],"c":2}"#);
        let mut out = Vec::new();
        contains("o", &value(r#"{"a":[{"b":"ell"}]}"#), &got, &mut out);
        assert!(out.is_empty(), "{out:?}");
        contains("o", &value(r#"{"a":[7],"d":1}"#), &got, &mut out);
        assert_eq!(out, ["o.a: no item like 7", "o.d: is missing"]);
        out.clear();
        exact("o", &value(r#"{"a":[1,{"b":"x"}]}"#), &got, &mut out);
        assert_eq!(out, [r#"o.a[1].b: expected "x", got "hello""#, "o.c: was not expected"]);
    }
}
