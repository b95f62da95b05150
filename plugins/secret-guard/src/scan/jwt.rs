//! JSON Web Tokens: three parts of base64url, the first of which is JSON that names an algorithm.
//!
//! A token without a signature authenticates nobody and is no finding.

use super::{Kind, Match, is_word, run, starts_word};

const JWT: Kind = Kind { label: "jwt", what: "a signed JSON Web Token" };
/// `{"` in base64url.
const OPEN: &str = "eyJ";
/// Characters of a signature: HMAC with SHA-256 has 43; truncated ones are shorter.
const MIN_SIGNATURE: usize = 22;
/// Characters of a header: an algorithm, names of keys, perhaps a certificate.
const MAX_HEADER: usize = 4096;

pub(super) fn find(text: &str, found: &mut Vec<Match>) {
    let bytes = text.as_bytes();
    let mut from = 0;
    // A run of characters may hold many beginnings; what follows it is looked at once for all of them.
    let mut run = Run { end: 0, token: None };
    while let Some(start) = text[from..].find(OPEN).map(|i| from + i) {
        from = start + OPEN.len();
        if start >= run.end {
            run = Run::at(text, start);
        }
        let Some(end) = run.token.filter(|_| starts_word(bytes, start)) else { continue };
        let header = start..run.end;
        if header.len() <= MAX_HEADER && names_algorithm(&decode(&text[header])) {
            found.push(Match { kind: JWT, span: start..end });
            from = end;
        }
    }
}

/// Characters of base64url from a beginning on.
struct Run {
    end: usize,
    /// Where the token ends, if the run is the header of one.
    token: Option<usize>,
}

impl Run {
    fn at(text: &str, start: usize) -> Self {
        let bytes = text.as_bytes();
        let part = |at: usize| at + run(bytes, at, bytes.len(), |b| is_word(b) || b == b'-');
        let dot = |at: usize| (bytes.get(at) == Some(&b'.')).then_some(at + 1);
        let end = part(start);
        let token = || {
            let claims = dot(end).filter(|at| text[*at..].starts_with(OPEN))?;
            let signature = dot(part(claims))?;
            Some(part(signature)).filter(|end| end - signature >= MIN_SIGNATURE)
        };
        Self { end, token: token() }
    }
}

fn names_algorithm(header: &[u8]) -> bool {
    header.windows(5).any(|w| w == b"\"alg\"") || header.windows(5).any(|w| w == b"\"enc\"")
}

/// Base64url without padding; bits that do not fill a byte are dropped.
fn decode(text: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len() * 3 / 4);
    let (mut bits, mut held) = (0_u32, 0_u32);
    for byte in text.bytes() {
        let six = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'-' => 62,
            _ => 63, // `_`: the run has no other byte
        };
        bits = (bits << 6 | u32::from(six)) & 0xffff;
        held += 6;
        if held >= 8 {
            held -= 8;
            out.push((bits >> held & 0xff) as u8);
        }
    }
    out
}
