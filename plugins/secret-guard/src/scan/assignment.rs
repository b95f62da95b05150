//! Random values that are assigned to a telling name: `api_key = "…"`, `DB_PASSWORD=…`, `Authorization: …`.
//!
//! Name and value have to agree. A random value without a name is a digest as often as not, and a telling
//! name without a random value is source code.

use std::ops::Range;

use super::{Kind, Match};
use crate::entropy;

const ASSIGNED: Kind =
    Kind { label: "assigned_secret", what: "a random value with the name of a secret" };
const AWS_SECRET: Kind = Kind { label: "aws_secret_key", what: "an AWS secret key" };
const CONNECTION: Kind =
    Kind { label: "connection_string", what: "a connection string with a password or key" };

/// Characters of a value: shorter ones are words and numbers more often than secrets.
const VALUE: Range<usize> = 12..513;
/// Bytes that are read of a value: the keys of connection strings have 88, and nothing longer than `VALUE` counts.
const MAX_RUN: usize = VALUE.end + 1;
/// Characters of an AWS secret key.
const AWS_LENGTH: usize = 40;
/// Bytes of a name; longer ones are no identifiers.
const MAX_NAME: usize = 80;
/// Bytes around an assignment in which the other parts of its connection string stand.
const NEIGHBOURHOOD: usize = 400;

/// How names of secrets end, in lower case and without separators.
const NAMES: [&str; 17] = [
    "password",
    "passwd",
    "pwd",
    "passphrase",
    "secret",
    "token",
    "apikey",
    "accesskey",
    "secretkey",
    "privatekey",
    "authkey",
    "accountkey",
    "encryptionkey",
    "signingkey",
    "credential",
    "credentials",
    "authorization",
];
/// Names with such ends whose values anybody may see: positions in lists, and numbers of requests.
const HARMLESS_NAMES: [&str; 6] =
    ["pagetoken", "nexttoken", "continuationtoken", "synctoken", "clienttoken", "requesttoken"];
/// Names whose value is a credential of a connection string however short it is.
const CONNECTION_NAMES: [&str; 4] = ["password", "pwd", "accountkey", "sharedaccesskey"];
/// The other parts of a connection string, in lower case.
const CONNECTION_PARTS: [&str; 7] =
    ["server=", "data source=", "host=", "endpoint=", "accountname=", "user id=", "uid="];
/// Values that say themselves that they are digests.
const DIGESTS: [&str; 8] =
    ["sha1-", "sha256-", "sha384-", "sha512-", "sha256:", "sha512:", "md5:", "h1:"];
/// Schemes of the header `Authorization`.
const SCHEMES: [&str; 4] = ["bearer ", "basic ", "token ", "apikey "];

/// Finds assignments in a text.
pub(super) fn find(text: &str, found: &mut Vec<Match>) {
    let bytes = text.as_bytes();
    let mut from = 0;
    for (at, byte) in bytes.iter().enumerate() {
        if at < from || !matches!(byte, b'=' | b':') {
            continue;
        }
        let Some(name) = name_before(text, at) else { continue };
        let flat = flatten(&text[name.clone()]);
        if !is_telling(&flat) && !CONNECTION_NAMES.contains(&flat.as_str()) {
            continue;
        }
        let Some(span) = value_after(text, at) else { continue };
        let value = &text[span.clone()];
        let kind = match *byte == b'=' && in_connection_string(text, &name, &span, &flat) {
            true if !value.is_empty() && !entropy::is_placeholder(value) => Some(CONNECTION),
            _ => kind(&flat, value),
        };
        if let Some(kind) = kind {
            from = span.end;
            found.push(Match { kind, span });
        }
    }
}

/// Looks at a text that is assigned to `name` as a whole, as in `{"api_key": "…"}`.
pub(super) fn whole(name: &str, text: &str, found: &mut Vec<Match>) {
    let span = after_scheme(text, 0)..text.len();
    let value = &text[span.clone()];
    if value.bytes().all(|b| b.is_ascii_graphic())
        && let Some(kind) = kind(&flatten(name), value)
    {
        found.push(Match { kind, span });
    }
}

fn is_telling(name: &str) -> bool {
    let ends = |list: &[&str]| list.iter().any(|end| name.ends_with(end));
    ends(&NAMES) && !ends(&HARMLESS_NAMES)
}

/// What a value is that is assigned to a name (lower case, without separators).
fn kind(name: &str, value: &str) -> Option<Kind> {
    if !is_telling(name) {
        return None;
    }
    let random = VALUE.contains(&value.len()) && entropy::is_random(value) && !is_public(value);
    let aws = name.contains("aws") || name.ends_with("secretaccesskey");
    match random {
        true if aws && value.len() == AWS_LENGTH => Some(AWS_SECRET),
        true => Some(ASSIGNED),
        false => None,
    }
}

/// Digests, addresses, paths, UUIDs and fields of records: random at first sight only.
fn is_public(value: &str) -> bool {
    let uuid = value.len() == 36
        && value.bytes().enumerate().all(|(i, b)| match i {
            8 | 13 | 18 | 23 => b == b'-',
            _ => b.is_ascii_hexdigit(),
        });
    let path = value.starts_with(['/', '.', '~']) && value.matches('/').count() > 1;
    let field = value.contains('.')
        && value.split('.').all(|part| {
            part.starts_with(|c: char| c.is_ascii_lowercase() || c == '_')
                && part.bytes().all(super::is_word)
        });
    uuid || path || field || value.contains("://") || DIGESTS.iter().any(|d| value.starts_with(d))
}

fn flatten(name: &str) -> String {
    name.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect()
}

/// The identifier before a separator: spaces, a quote and its escape may stand between.
fn name_before(text: &str, separator: usize) -> Option<Range<usize>> {
    let bytes = text.as_bytes();
    let mut end = separator;
    let back = |end: usize, set: &[u8]| end > 0 && set.contains(&bytes[end - 1]);
    while back(end, b" \t") {
        end -= 1;
    }
    if back(end, b"\"'`") {
        end -= 1;
        if back(end, b"\\") {
            end -= 1;
        }
    }
    let name = |b: &&u8| super::is_word(**b) || matches!(**b, b'-' | b'.');
    let length = bytes[..end].iter().rev().take(MAX_NAME).take_while(name).count();
    (length > 0).then_some(end - length..end)
}

/// The value after a separator, without quotes. A value that is a call or a template is none.
fn value_after(text: &str, separator: usize) -> Option<Range<usize>> {
    let bytes = text.as_bytes();
    let at = |i: usize| bytes.get(i).copied().unwrap_or(b'\n');
    let mut start = separator + 1;
    match (at(separator), at(start)) {
        (b'=', b'=' | b'~') => return None, // a comparison
        (b'=', b'>') | (b':', b'=') => start += 1,
        _ => {}
    }
    while matches!(at(start), b' ' | b'\t') {
        start += 1;
    }
    if at(start) == b'\\' && matches!(at(start + 1), b'"' | b'\'') {
        start += 1;
    }
    let quote = Some(at(start)).filter(|b| matches!(b, b'"' | b'\'' | b'`'));
    start += usize::from(quote.is_some());
    start = after_scheme(text, start);
    let part = |b: &&u8| match quote {
        Some(quote) => b.is_ascii_graphic() && **b != quote && **b != b'\\',
        None => b.is_ascii_graphic() && !b"\"'`,;()[]{}<>&|\\".contains(b),
    };
    let end = start + bytes.get(start..)?.iter().take(MAX_RUN).take_while(part).count();
    let whole = match quote {
        Some(quote) => at(end) == quote || at(end) == b'\\',
        None => !matches!(at(end), b'(' | b'[' | b'{' | b'<'),
    };
    whole.then_some(start..end)
}

/// Where the credential begins after `Bearer` and its like.
fn after_scheme(text: &str, start: usize) -> usize {
    let bytes = text.as_bytes();
    let fits = |scheme: &&&str| {
        let word = bytes.get(start..start + scheme.len());
        word.is_some_and(|word| word.eq_ignore_ascii_case(scheme.as_bytes()))
    };
    start + SCHEMES.iter().find(fits).map_or(0, |scheme| scheme.len())
}

/// Whether the assignment is a part of `Server=…;Password=…`.
fn in_connection_string(text: &str, name: &Range<usize>, value: &Range<usize>, flat: &str) -> bool {
    if !CONNECTION_NAMES.contains(&flat) {
        return false;
    }
    let bytes = text.as_bytes();
    let separated = name.start == 0 || !bytes[name.start - 1].is_ascii_alphanumeric();
    let line = |b: &&u8| !matches!(**b, b'\n' | b'"' | b'\'');
    let before = bytes[..name.start].iter().rev().take(NEIGHBOURHOOD).take_while(line).count();
    let after = bytes[value.end..].iter().take(NEIGHBOURHOOD).take_while(line).count();
    let around = &bytes[name.start - before..value.end + after];
    let around = String::from_utf8_lossy(around).to_ascii_lowercase();
    separated && around.contains(';') && CONNECTION_PARTS.iter().any(|part| around.contains(part))
}
