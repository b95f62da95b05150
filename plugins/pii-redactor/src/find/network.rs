//! Addresses of mail and of the Internet Protocol.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::fold::LETTER;
use super::is_word;

/// Bytes of an address, and of its local part (RFC 5321).
const MAX_EMAIL: usize = 254;
const MAX_LOCAL: usize = 64;
/// `@` in the query of a URL.
const ENCODED_SIGN: &[u8] = b"%40";
/// Characters of an IPv6 address with an IPv4 address inside.
const MAX_IP: usize = 45;

/// With an `@`, or with `%40` as URLs have it. Letters of any alphabet may stand in it (RFC 6531).
pub(super) fn email(text: &[u8], at: usize) -> Option<usize> {
    let letter = |b: u8| b.is_ascii_alphanumeric() || b == LETTER;
    let local = |b: &&u8| letter(**b) || b"._%+-".contains(b);
    // Signs before a name belong to the sentence.
    if !letter(text[at]) && text[at] != b'_' {
        return None;
    }
    let length = text[at..].iter().take(MAX_LOCAL + ENCODED_SIGN.len()).take_while(local).count();
    let run = &text[at..at + length];
    let encoded = run.windows(ENCODED_SIGN.len()).position(|w| w == ENCODED_SIGN);
    let (length, domain) = match encoded {
        Some(sign) => (sign, at + sign + ENCODED_SIGN.len()),
        None if text.get(at + length) == Some(&b'@') => (length, at + length + 1),
        None => return None,
    };
    if !(1..=MAX_LOCAL).contains(&length) {
        return None;
    }
    let rest = &text[domain..];
    let part = |b: &&u8| letter(**b) || matches!(b, b'.' | b'-');
    let mut length = rest.iter().take(MAX_EMAIL).take_while(part).count();
    while length > 0 && matches!(rest[length - 1], b'.' | b'-') {
        length -= 1;
    }
    let labels: Vec<&[u8]> = rest[..length].split(|b| *b == b'.').collect();
    let top = labels.last()?;
    let valid = labels.len() > 1
        && labels.iter().all(|label| !label.is_empty())
        && top.len() > 1
        && top.iter().any(|b| letter(*b) && !b.is_ascii_digit());
    valid.then_some(domain + length)
}

pub(super) fn ip(text: &[u8], at: usize) -> Option<usize> {
    let part = |b: &&u8| b.is_ascii_hexdigit() || matches!(b, b'.' | b':');
    let mut length = text[at..].iter().take(MAX_IP + 1).take_while(part).count();
    // A sentence may end after an address; `::` belongs to it.
    while length > 0 && matches!(text[at + length - 1], b'.' | b':') {
        let double = text[at..at + length].ends_with(b"::");
        if double {
            break;
        }
        length -= 1;
    }
    let run = std::str::from_utf8(&text[at..at + length]).ok()?;
    // What follows the first colon of an IPv4 address is a port.
    let four = run.split(':').next().unwrap_or_default();
    let (address, valid) = match four.parse::<Ipv4Addr>() {
        Ok(_) => (four, at == 0 || text[at - 1] != b'.'),
        Err(_) => (run, run.parse::<Ipv6Addr>().is_ok() && run.bytes().any(|b| b.is_ascii_digit())),
    };
    let end = at + address.len();
    let whole = text.get(end).is_none_or(|b| !is_word(*b));
    (valid && whole && length <= MAX_IP).then_some(end)
}
