//! Azure credentials that have their marks inside: client secrets and shared access signatures.

use super::{Kind, Match, is_word, run, starts_word};
use crate::entropy;

const CLIENT_SECRET: Kind = Kind { label: "azure_client_secret", what: "an Azure client secret" };
const SAS: Kind = Kind { label: "azure_sas", what: "an Azure shared access signature" };
/// Stands after three characters and a digit.
const MARK: &str = "Q~";
/// Characters before and after the mark.
const BEFORE: usize = 4;
const AFTER: (usize, usize) = (31, 34);
/// Characters of the base64 of an HMAC with SHA-256, percent-encoded or not: 43 and more.
const SIGNATURE: (usize, usize) = (43, 140);
/// Bytes of a query on either side of its signature; Azure's own have less than half.
const MAX_QUERY: usize = 1024;

pub(super) fn find(text: &str, found: &mut Vec<Match>) {
    client_secrets(text, found);
    signatures(text, found);
}

fn client_secrets(text: &str, found: &mut Vec<Match>) {
    let bytes = text.as_bytes();
    let alphabet = |b: u8| is_word(b) || matches!(b, b'~' | b'.' | b'-');
    for (mark, _) in text.match_indices(MARK) {
        let Some(start) = mark.checked_sub(BEFORE) else { continue };
        let after = run(bytes, mark + MARK.len(), AFTER.1 + 1, alphabet);
        let end = mark + MARK.len() + after;
        let fits = bytes[start..mark].iter().all(|b| alphabet(*b))
            && bytes[mark - 1].is_ascii_digit()
            && starts_word(bytes, start)
            && (AFTER.0..=AFTER.1).contains(&after);
        if fits && entropy::is_key(&text[start..end]) {
            found.push(Match { kind: CLIENT_SECRET, span: start..end });
        }
    }
}

/// `sig=…` is a signature of Azure when its neighbours are: a version and an end of validity.
fn signatures(text: &str, found: &mut Vec<Match>) {
    let bytes = text.as_bytes();
    let alphabet = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'%' | b'+' | b'/' | b'=');
    for (at, name) in text.match_indices("sig=") {
        let start = at + name.len();
        let length = run(bytes, start, SIGNATURE.1 + 1, alphabet);
        let query = |b: u8| !b.is_ascii_whitespace() && !matches!(b, b'"' | b'\'' | b'<' | b'>');
        if !(SIGNATURE.0..=SIGNATURE.1).contains(&length) {
            continue;
        }
        let before = bytes[..at].iter().rev().take(MAX_QUERY).take_while(|b| query(**b)).count();
        let around = &bytes[at - before..start + run(bytes, start, MAX_QUERY, query)];
        let has = |name: &[u8]| around.windows(name.len()).any(|w| w == name);
        let fits = has(b"sv=") && has(b"se=");
        if fits && entropy::is_key(&text[start..start + length]) {
            found.push(Match { kind: SAS, span: start..start + length });
        }
    }
}
