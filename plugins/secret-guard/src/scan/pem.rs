//! Private keys in PEM and PGP frames.

use super::{Kind, Match};

const PRIVATE_KEY: Kind = Kind { label: "private_key", what: "a private key" };
const BEGIN: &str = "-----BEGIN ";
const END: &str = "-----END ";
const DASHES: &str = "-----";
/// Bytes of the words in a frame; `OPENSSH PRIVATE KEY` has 19.
const MAX_WORDS: usize = 40;
/// Base64 characters that make a key of a frame: documentation shows frames with `...` inside.
const MIN_BODY: usize = 24;

pub(super) fn find(text: &str, found: &mut Vec<Match>) {
    let mut from = 0;
    while let Some(start) = text[from..].find(BEGIN).map(|i| from + i) {
        from = start + BEGIN.len();
        let Some(words) = text[from..].find(DASHES).filter(|n| *n <= MAX_WORDS) else { continue };
        if !text[from..from + words].contains("PRIVATE KEY") {
            continue;
        }
        let body = from + words + DASHES.len();
        // A frame that was cut off holds as much of the key as there is.
        let next = text[body..].find(BEGIN).map_or(text.len(), |i| body + i);
        let close = text[body..next].find(END).map(|i| body + i);
        let end = match close {
            Some(close) => {
                let rest = close + END.len();
                text[rest..next].find(DASHES).map_or(next, |i| rest + i + DASHES.len())
            }
            None => next,
        };
        let key = &text[body..close.unwrap_or(end)];
        if longest_run(key) >= MIN_BODY {
            found.push(Match { kind: PRIVATE_KEY, span: start..end });
        }
        from = end;
    }
}

fn longest_run(text: &str) -> usize {
    let base64 = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '/' | '=');
    text.split(|c| !base64(c)).map(str::len).max().unwrap_or(0)
}
