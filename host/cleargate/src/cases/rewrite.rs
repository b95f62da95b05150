//! A recorded answer goes into a file that people wrote: only the lines of `world.http` of one case change.
//!
//! The text is edited by the places of its keys, never written anew, so comments and forms stay. What came of it is
//! read back and compared; a text in a form that this does not know is left alone.

use cleargate_flow::Value;
use cleargate_flow::document::{self, Data, Entry, Node};

use super::record::Recorded;

/// Why a file cannot be edited: in what form it could.
const FORM: &str = "it must be written in lines, `world:` with its keys below it";

/// The text with these answers in the world of case number `index`.
///
/// # Errors
/// The case is in a form that is not edited.
pub(super) fn with_answers(
    text: &str,
    index: usize,
    answers: &[Recorded],
) -> Result<String, String> {
    let root = document::read(text).0.ok_or("it is no YAML")?;
    let list = root.get("cases").map(|cases| &cases.value.data);
    let Some(Data::List(cases)) = list else { return Err("it has no list `cases`".into()) };
    let case = cases.get(index).ok_or("the case is gone")?;
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let edit = edit(&lines, case, answers).ok_or(FORM)?;
    let (first, last) = (edit.first, edit.last);
    let edited = [lines[..first].concat(), edit.text, lines[last..].concat()].concat();
    let wanted = wanted(&root.to_value(), index, answers);
    match document::read(&edited) {
        (Some(read), found) if found.is_empty() && read.to_value() == wanted => Ok(edited),
        _ => Err(FORM.into()),
    }
}

/// Lines `first..last` become `text`.
struct Edit {
    first: usize,
    last: usize,
    text: String,
}

fn edit(lines: &[&str], case: &Node, answers: &[Recorded]) -> Option<Edit> {
    let first_key = case.entries().first()?;
    if !begins(lines, first_key, "- ") {
        return None;
    }
    let indent = column(first_key);
    let Some(world) = case.get("world") else {
        let expect = case.get("expect").filter(|expect| begins(lines, expect, ""))?;
        let at = line(expect);
        let text = format!("{}world:\n{}", " ".repeat(indent), block(indent + 2, answers));
        return Some(Edit { first: at, last: at, text });
    };
    if !begins(lines, world, "") {
        return None;
    }
    let keys = world.value.entries();
    let Some(child) = keys.first().filter(|child| line(child) > line(world)) else {
        return one_line(lines, world, answers);
    };
    let indent = column(child);
    let Some(http) = world.value.get("http") else {
        let at = line(child);
        return Some(Edit { first: at, last: at, text: block(indent, answers) });
    };
    let first = line(http);
    if !begins(lines, http, "") {
        return None;
    }
    let last = end(lines, first, indent);
    Some(Edit { first, last, text: block(indent, answers) })
}

/// A world in one line, `world: { seed: 7 }`, becomes one of several.
fn one_line(lines: &[&str], world: &Entry, answers: &[Recorded]) -> Option<Edit> {
    let at = line(world);
    let (before, after) = lines[at].split_once("world:")?;
    let mut text = format!("{before}world:{}\n", comment(after));
    let indent = column(world) + 2;
    for entry in world.value.entries().iter().filter(|entry| &*entry.key != "http") {
        let value = entry.value.to_value().to_json();
        text.push_str(&format!("{}{}: {value}\n", " ".repeat(indent), entry.key));
    }
    text.push_str(&block(indent, answers));
    Some(Edit { first: at, last: at + 1, text })
}

/// The comment at the end of a line, with the space before it.
fn comment(line: &str) -> &str {
    let behind = line.rfind('}').map_or(line, |at| &line[at + 1..]);
    let behind = behind.trim_end();
    if behind.trim_start().starts_with('#') { behind } else { "" }
}

/// `http:` with the answers below it, each line with its form chosen so that it can be read.
fn block(indent: usize, answers: &[Recorded]) -> String {
    let pad = " ".repeat(indent);
    let mut text = format!("{pad}http:\n");
    for answer in answers {
        let value = answer.to_value();
        for (n, (key, value)) in value.as_map().into_iter().flatten().enumerate() {
            let lead = if n == 0 { "- " } else { "  " };
            text.push_str(&format!("{pad}  {lead}{key}: {}\n", value.to_json()));
        }
    }
    text
}

/// The line behind the value of the key in line `first`: lines that are indented further, and items of a list.
fn end(lines: &[&str], first: usize, indent: usize) -> usize {
    let depth = |line: &str| line.len() - line.trim_start().len();
    let inside = |line: &str| {
        let item = depth(line) == indent && line.trim_start().starts_with("- ");
        line.trim().is_empty() || depth(line) > indent || item
    };
    let more = lines[first + 1..].iter().take_while(|line| inside(line)).count();
    let mut last = first + 1 + more;
    while last > first + 1 && lines[last - 1].trim().is_empty() {
        last -= 1;
    }
    last
}

/// Whether only spaces, and `lead`, stand before a key in its line.
fn begins(lines: &[&str], entry: &Entry, lead: &str) -> bool {
    let before: String = lines[line(entry)].chars().take(column(entry)).collect();
    let rest = before.trim_start();
    rest.is_empty() || rest.trim_end() == lead.trim_end() && !lead.is_empty()
}

fn line(entry: &Entry) -> usize {
    entry.key_span.line as usize - 1
}

fn column(entry: &Entry) -> usize {
    entry.key_span.column as usize - 1
}

/// What the whole file must say afterwards.
fn wanted(root: &Value, index: usize, answers: &[Recorded]) -> Value {
    let replace = |value: &Value, key: &str, new: Value| {
        let mut fields: cleargate_flow::value::Fields =
            value.as_map().into_iter().flatten().map(|(k, v)| (k.clone(), v.clone())).collect();
        fields.insert(key.into(), new);
        Value::from(fields)
    };
    let cases = root.get("cases").and_then(Value::as_list).unwrap_or_default();
    let cases = cases.iter().enumerate().map(|(n, case)| {
        if n != index {
            return case.clone();
        }
        let world = case.get("world").cloned().unwrap_or_else(Value::empty);
        let http = Value::list(answers.iter().map(Recorded::to_value));
        replace(case, "world", replace(&world, "http", http))
    });
    replace(root, "cases", Value::list(cases))
}

/// The lines that changed, `-` before old ones and `+` before new ones, with the number of the first.
pub(super) fn difference(old: &str, new: &str) -> Vec<String> {
    let (old, new): (Vec<&str>, Vec<&str>) = (old.lines().collect(), new.lines().collect());
    let same = old.iter().zip(&new).take_while(|(a, b)| a == b).count();
    let rest = old.len().min(new.len()) - same;
    let tail =
        old.iter().rev().zip(new.iter().rev()).take(rest).take_while(|(a, b)| a == b).count();
    let mut lines = vec![format!("@@ line {}", same + 1)];
    lines.extend(old[same..old.len() - tail].iter().map(|line| format!("-{line}")));
    lines.extend(new[same..new.len() - tail].iter().map(|line| format!("+{line}")));
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answers() -> Vec<Recorded> {
        let response = Value::from_json(r#"{"json":{"n":1,"s":"a: #b"}}"#).unwrap();
        let post = Recorded {
            method: "POST".into(),
            url: "https://a.test/x?y=1".into(),
            body: Some("line\n\"two\"".into()),
            response: Value::from_json(r#"{"status":404,"text":"gone: é"}"#).unwrap(),
        };
        let get = Recorded { method: "GET".into(), body: None, response, ..post.clone() };
        vec![get, post]
    }

    const BEFORE: &str = "# mine\ncases:\n  - name: other # here\n    call: { tool: a }\n    expect: { output: 1 }\n\n";

    #[test]
    fn only_the_answers_of_one_case_change() {
        let rows = [
            "  - name: x\n    call: { tool: a }   # why\n    # below\n    expect: { output: 1 }\n",
            "  - name: x\n    world: { seed: 7, now: 2026-03-01T00:00:00Z }  # fixed\n    expect: { output: 1 }\n",
            "  - name: x\n    world:\n      # chance\n      seed: 7\n    expect: { output: 1 }\n",
            "  - name: x\n    world:\n      http:   # old\n        # older\n        - { url: \"https://b.test/\", response: {} }\n\n      seed: 7\n    expect: { output: 1 }\n",
            "  - name: x\n    world:\n      http:\n      - url: \"https://b.test/\"\n        response: { text: \"x\" }\n    expect: { output: 1 }\n",
            "  - name: x\n    world: { http: [] }\n    expect: { output: 1 }\n",
            "  - name: x\n    world: {}\n    expect: { output: 1 }",
        ];
        for (case, after) in rows.iter().flat_map(|row| {
            ["", "\n  - name: last\n    expect: { output: 2 }\n"].map(|after| (row, after))
        }) {
            let text = format!("{BEFORE}{case}{after}");
            let edited =
                with_answers(&text, 1, &answers()).unwrap_or_else(|e| panic!("{e}: {text}"));
            assert!(edited.starts_with(BEFORE) && edited.ends_with(after), "{edited}");
            for kept in ["# why", "# below", "# fixed", "# chance"] {
                assert_eq!(edited.contains(kept), text.contains(kept), "{edited}");
            }
            let again = with_answers(&edited, 1, &answers()).unwrap();
            assert_eq!(again, edited, "recording again changes nothing");
        }
    }

    #[test]
    fn a_form_that_is_not_known_is_left_alone() {
        for text in [
            "cases: [{ name: x, expect: { output: 1 } }]",
            "cases:\n  - { name: x, expect: { output: 1 } }\n",
            "cases:\n  - name: x\n    world: { seed: 7,\n      http: [] }\n    expect: { output: 1 }\n",
            "cases:\n  - expect: { output: 1 }\n",
        ] {
            assert!(with_answers(text, 0, &answers()).is_err(), "{text}");
        }
    }

    #[test]
    fn a_difference_shows_what_changed_and_where() {
        let lines = difference("a\nb\nc\n", "a\nx\ny\nc\n");
        assert_eq!(lines, ["@@ line 2", "-b", "+x", "+y"]);
    }
}
