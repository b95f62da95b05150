//! Where two values differ, as JSON pointers: a person reads the first ones, and a count tells of the rest.

use serde::Serialize;

use crate::value::Value;

/// A place where two values differ.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Difference {
    /// JSON pointer (RFC 6901); empty for the whole.
    pub pointer: String,
    /// What is there on the left; absent when nothing is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub left: Option<Value>,
    /// What is there on the right; absent when nothing is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub right: Option<Value>,
}

/// Where two values differ.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Differences {
    /// The first ones, in the order of the left value.
    pub found: Vec<Difference>,
    /// How many there are in all.
    pub count: usize,
}

impl Differences {
    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }
}

/// The places where two values differ, `most` of them in full. The order of a record's fields is no difference.
pub fn differences(left: &Value, right: &Value, most: usize) -> Differences {
    let mut walk = Pairs { path: String::new(), found: Differences::default(), most };
    walk.pair(Some(left), Some(right));
    walk.found
}

/// The first place where the JSON texts of two values differ; `None` when they are the same byte for byte. Where only
/// the order of a record's fields differs, both sides are the lists of their names.
pub fn first_difference(left: &Value, right: &Value) -> Option<Difference> {
    let found = differences(left, right, 1).found.into_iter().next();
    found.or_else(|| other_order(left, right, &mut String::new()))
}

struct Pairs {
    path: String,
    found: Differences,
    most: usize,
}

impl Pairs {
    fn pair(&mut self, left: Option<&Value>, right: Option<&Value>) {
        match (left, right) {
            (Some(Value::Map(left)), Some(Value::Map(right))) => {
                for (name, value) in left.iter() {
                    self.inside(name, Some(value), right.get(name));
                }
                for (name, value) in right.iter().filter(|(name, _)| !left.contains_key(*name)) {
                    self.inside(name, None, Some(value));
                }
            }
            (Some(Value::List(left)), Some(Value::List(right))) => {
                for at in 0..left.len().max(right.len()) {
                    self.inside(&at.to_string(), left.get(at), right.get(at));
                }
            }
            (left, right) if left == right => {}
            (left, right) => {
                self.found.count += 1;
                if self.found.found.len() < self.most {
                    let (pointer, left, right) = (self.path.clone(), left.cloned(), right.cloned());
                    self.found.found.push(Difference { pointer, left, right });
                }
            }
        }
    }

    fn inside(&mut self, part: &str, left: Option<&Value>, right: Option<&Value>) {
        let end = self.path.len();
        push(&mut self.path, part);
        self.pair(left, right);
        self.path.truncate(end);
    }
}

fn push(path: &mut String, part: &str) {
    path.push('/');
    path.push_str(&part.replace('~', "~0").replace('/', "~1"));
}

/// The first record whose fields stand in another order; the values are equal otherwise.
fn other_order(left: &Value, right: &Value, path: &mut String) -> Option<Difference> {
    let end = path.len();
    let inside = |part: &str, left: &Value, right: &Value, path: &mut String| {
        push(path, part);
        let found = other_order(left, right, path);
        path.truncate(end);
        found
    };
    match (left, right) {
        (Value::Map(left), Value::Map(right)) => {
            if !left.keys().eq(right.keys()) {
                let names = |of: &crate::value::Fields| {
                    Value::list(of.keys().map(|name| Value::String(name.clone())))
                };
                let (left, right) = (Some(names(left)), Some(names(right)));
                return Some(Difference { pointer: path.clone(), left, right });
            }
            let mut pairs = left.iter().zip(right.values());
            pairs.find_map(|((name, left), right)| inside(name, left, right, path))
        }
        (Value::List(left), Value::List(right)) => {
            let mut pairs = left.iter().zip(right.iter()).enumerate();
            pairs.find_map(|(at, (left, right))| inside(&at.to_string(), left, right, path))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(text: &str) -> Value {
        Value::from_json(text).unwrap()
    }

    #[test]
    fn differences_are_found_by_place_and_counted_beyond_the_bound() {
        for (left, right, pointers) in [
            ("1", "1", &[][..]),
            ("1", "1.0", &[""]),
            (r#"{"a":1,"b":{"c":[1,2]}}"#, r#"{"b":{"c":[1,3,4]},"a":1}"#, &["/b/c/1", "/b/c/2"]),
            (r#"{"a/b":1,"~":2}"#, r#"{"a/b":2,"x":3}"#, &["/a~1b", "/~0", "/x"]),
            ("[1]", r#"{"a":1}"#, &[""]),
        ] {
            let found = differences(&json(left), &json(right), 9);
            let told: Vec<_> = found.found.iter().map(|d| d.pointer.as_str()).collect();
            assert_eq!(told, pointers, "{left} {right}");
            let bounded = differences(&json(left), &json(right), 1);
            assert_eq!(
                (bounded.count, bounded.found.len().min(1)),
                (found.count, bounded.found.len())
            );
        }
    }

    #[test]
    fn byte_for_byte_sees_the_order_of_fields() {
        let (left, right) = (json(r#"{"x":[{"a":1,"b":2}]}"#), json(r#"{"x":[{"b":2,"a":1}]}"#));
        assert!(differences(&left, &right, 9).is_empty());
        let found = first_difference(&left, &right).unwrap();
        assert_eq!((found.pointer.as_str(), found.left), ("/x/0", Some(json(r#"["a","b"]"#))));
        assert_eq!(first_difference(&left, &left), None);
    }
}
