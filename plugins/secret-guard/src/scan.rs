//! Finds credentials in one text. Each file below knows one way in which a credential shows itself.

mod assignment;
mod azure;
mod jwt;
mod pem;
mod token;
mod url;

use std::ops::Range;

/// What was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Kind {
    /// For programs: `github_token`.
    pub(crate) label: &'static str,
    /// For people: `a GitHub token`.
    pub(crate) what: &'static str,
}

/// Where it was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Match {
    /// What it is.
    pub(crate) kind: Kind,
    /// Bytes of the text, at character boundaries.
    pub(crate) span: Range<usize>,
}

/// All credentials of a text, in order and without overlap. `name` is what the text is assigned to.
pub(crate) fn text(text: &str, name: Option<&str>) -> Vec<Match> {
    let mut found = Vec::new();
    pem::find(text, &mut found);
    token::find(text, &mut found);
    azure::find(text, &mut found);
    jwt::find(text, &mut found);
    url::find(text, &mut found);
    assignment::find(text, &mut found);
    if let Some(name) = name {
        assignment::whole(name, text, &mut found);
    }
    merge(found)
}

/// Those that overlap become one, so that no rest of a credential stays. The one that starts first gives the
/// kind; of two that start together, the one that was found first, because it is more exact.
fn merge(mut found: Vec<Match>) -> Vec<Match> {
    found.sort_by_key(|m| m.span.start);
    let mut merged: Vec<Match> = Vec::with_capacity(found.len());
    for next in found {
        match merged.last_mut() {
            Some(last) if next.span.start < last.span.end => {
                last.span.end = last.span.end.max(next.span.end);
            }
            _ => merged.push(next),
        }
    }
    merged
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// Whether a word may start at `at`. The end of an escape (`\n`, `%20`) is no letter of a word: texts
/// inside texts are common.
fn starts_word(text: &[u8], at: usize) -> bool {
    let before = |n: usize| at.checked_sub(n).map(|i| text[i]);
    match before(1) {
        None => true,
        Some(last) if !is_word(last) => true,
        Some(b'n' | b'r' | b't') => before(2) == Some(b'\\'),
        Some(last) => {
            before(3) == Some(b'%')
                && last.is_ascii_hexdigit()
                && before(2).is_some_and(|b| b.is_ascii_hexdigit())
        }
    }
}

/// Bytes from `at` on that are in an alphabet. `most` bounds the work: a hostile text may start a credential at each
/// word of a long run.
fn run(text: &[u8], at: usize, most: usize, alphabet: fn(u8) -> bool) -> usize {
    text[at..].iter().take(most).take_while(|b| alphabet(**b)).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn matches_that_overlap_become_one() {
        let kind = |label| Kind { label, what: "" };
        let found = vec![
            Match { kind: kind("b"), span: 8..12 },
            Match { kind: kind("a"), span: 2..6 },
            Match { kind: kind("late"), span: 2..9 },
            Match { kind: kind("c"), span: 12..13 },
        ];
        let merged: Vec<_> = merge(found).into_iter().map(|m| (m.kind.label, m.span)).collect();
        assert_eq!(merged, [("a", 2..12), ("c", 12..13)]);
    }

    #[test]
    fn words_start_after_escapes() {
        for (text, at, expected) in [
            ("abc", 0, true),
            ("abc", 1, false),
            ("a-c", 2, true),
            ("x\\nabc", 3, true),
            ("xnabc", 2, false),
            ("x%20abc", 4, true),
            ("x 20abc", 4, false),
            ("é1", 2, true),
        ] {
            assert_eq!(starts_word(text.as_bytes(), at), expected, "{text} {at}");
        }
    }
}
