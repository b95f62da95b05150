//! Streamed text: what may be the beginning of a match is held back until the rest is there.
//!
//! Text is cut only where no match goes on: at a line's end, or after a word that no pattern contains. The
//! result is the same for every way in which a text is cut into chunks.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::find::{self, Label};
use crate::labels::{Labels, Numbers};

/// Bytes that are held back at most: twice the longest match, an e-mail address of 254 bytes. A longer text
/// without a place to cut is no text that people write.
const MAX_HELD: usize = 512;

/// What one chunk leaves for the next.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Carry {
    held: String,
    #[serde(default)]
    numbers: Numbers,
}

/// The text to pass on now, and what the next chunk gets.
pub(crate) fn next(
    carry: Carry,
    chunk: &str,
    last: bool,
    wanted: &BTreeSet<Label>,
) -> (String, Carry) {
    let mut text = carry.held + chunk;
    let mut labels = Labels::resume(wanted, carry.numbers);
    let mut found = find::all(&text, wanted);
    if !last {
        let mut cut = cut(&text);
        if let Some((_, at)) = found.iter().find(|(_, at)| at.start < cut && cut < at.end) {
            cut = at.start;
        }
        found.retain(|(_, at)| at.end <= cut);
        let held = text.split_off(cut);
        let out = labels.replace(&text, &found);
        return (out, Carry { held, numbers: labels.numbers });
    }
    (labels.replace(&text, &found), Carry::default())
}

/// Where the text may be cut: after the last place at which no match goes on.
fn cut(text: &str) -> usize {
    let safe = text
        .char_indices()
        .filter(|(i, c)| match c {
            '\n' => true,
            ' ' => is_plain(text[..*i].rsplit([' ', '\n']).next().unwrap_or_default()),
            _ => false,
        })
        .map(|(i, _)| i + 1)
        .next_back()
        .unwrap_or(0);
    let least = text.len().saturating_sub(MAX_HELD);
    let least = (least..=text.len()).find(|i| text.is_char_boundary(*i)).unwrap_or(text.len());
    safe.max(least)
}

/// A word that no pattern contains before a space: letters and punctuation, longer than a prefix of two
/// letters, and no name of a number.
fn is_plain(word: &str) -> bool {
    let letters: String = word.chars().filter(|c| c.is_alphabetic()).collect();
    letters.chars().count() > 2
        && !word.chars().any(|c| c.is_ascii_digit() || matches!(c, '@' | '+'))
        && !["bsn", "burgerservicenummer"].contains(&letters.to_lowercase().as_str())
}
