//! Tools for changes of texts. Each is a pure function: nothing is kept, and lines keep the endings that they have.

mod comparing;
mod merging;
mod patch;
mod shapes;

use cleargate::{Error, json};

pub use shapes::*;

/// Bytes of a text. What comparing it takes beyond that is bounded by the fuel of the call.
const MAX_TEXT: usize = 2 * 1024 * 1024;

/// Compares two texts by lines, and gives the changes as a unified diff that `apply`, `patch` and git take.
#[cleargate::tool(read_only, idempotent)]
pub fn diff(input: Texts) -> Result<Unified, Error> {
    bounded(&[("before", &input.before), ("after", &input.after)])?;
    patch::diff(&input)
}

/// Compares two texts by words or characters, to show what changed within lines and how alike they are.
#[cleargate::tool(read_only, idempotent)]
pub fn compare(input: Pair) -> Result<Compared, Error> {
    bounded(&[("before", &input.before), ("after", &input.after)])?;
    Ok(comparing::compare(&input))
}

/// Applies a unified diff to a text: all of it, or nothing. Line numbers may have moved; the lines must be there.
#[cleargate::tool(read_only, idempotent)]
pub fn apply(input: Application) -> Result<Applied, Error> {
    bounded(&[("text", &input.text), ("patch", &input.patch)])?;
    patch::apply(&input)
}

/// Says what a patch changes: files, and lines that come and go in each.
#[cleargate::tool(read_only, idempotent)]
pub fn parse(input: Unread) -> Result<Changes, Error> {
    bounded(&[("patch", &input.patch)])?;
    patch::parse(&input.patch)
}

/// Merges two changes of one text. What both changed in different ways is a conflict, marked as git marks it.
#[cleargate::tool(read_only, idempotent)]
pub fn merge(input: Three) -> Result<Merged, Error> {
    bounded(&[("base", &input.base), ("ours", &input.ours), ("theirs", &input.theirs)])?;
    merging::merge(&input)
}

/// Refuses what is too long to be compared.
fn bounded(texts: &[(&str, &str)]) -> Result<(), Error> {
    match texts.iter().find(|(_, text)| text.len() > MAX_TEXT) {
        None => Ok(()),
        Some((field, text)) => {
            let message = format!("/{field} has {} bytes, at most {MAX_TEXT}", text.len());
            Err(Error::invalid_input(message).with_detail(json!({ "bytes": text.len() })))
        }
    }
}

/// A name that stands in a line of its own, and cannot end it.
fn named<'a>(field: &str, name: Option<&'a str>, usual: &'a str) -> Result<&'a str, Error> {
    let name = name.unwrap_or(usual);
    let ends = |c: char| c.is_control() || matches!(c, '"' | '\\' | '\u{2028}' | '\u{2029}');
    if name.is_empty() || name.contains(ends) {
        let message = format!(
            "/{field} is empty, or has a line break, a quotation mark or another sign that a name cannot have here"
        );
        return Err(Error::invalid_input(message));
    }
    Ok(name)
}

cleargate::export! { tools: [diff, compare, apply, parse, merge] }
