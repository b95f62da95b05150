//! Two texts, part by part.

use similar::{ChangeTag, TextDiff};

use crate::{By, Compared, Pair, Part};

/// See the tool.
pub(crate) fn compare(input: &Pair) -> Compared {
    let (before, after) = (input.before.as_str(), input.after.as_str());
    let diff = match input.by {
        By::Words => TextDiff::from_words(before, after),
        By::Characters => TextDiff::from_graphemes(before, after),
        By::Lines => TextDiff::from_lines(before, after),
    };
    let mut parts: Vec<Part> = Vec::new();
    for change in diff.iter_all_changes() {
        let kind = match change.tag() {
            ChangeTag::Equal => "same",
            ChangeTag::Insert => "added",
            ChangeTag::Delete => "removed",
        };
        match parts.last_mut().filter(|last| last.kind == kind) {
            Some(last) => last.text.push_str(change.value()),
            None => parts.push(Part { kind, text: change.value().into() }),
        }
    }
    // The library counts in short numbers; four digits are the same everywhere.
    let similarity = (f64::from(diff.ratio()) * 10_000.0).round() / 10_000.0;
    Compared { parts, similarity }
}
