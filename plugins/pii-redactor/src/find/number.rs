//! Numbers of accounts, cards and telephones.

use super::{check, ends, exact, read};

/// Lengths of account numbers by country, as the registry of IBAN formats lists them.
const IBAN_LENGTHS: &[(&[u8; 2], usize)] = &[
    (b"AD", 24),
    (b"AE", 23),
    (b"AL", 28),
    (b"AT", 20),
    (b"BA", 20),
    (b"BE", 16),
    (b"BG", 22),
    (b"BR", 29),
    (b"CH", 21),
    (b"CY", 28),
    (b"CZ", 24),
    (b"DE", 22),
    (b"DK", 18),
    (b"EE", 20),
    (b"ES", 24),
    (b"FI", 18),
    (b"FR", 27),
    (b"GB", 22),
    (b"GI", 23),
    (b"GR", 27),
    (b"HR", 21),
    (b"HU", 28),
    (b"IE", 22),
    (b"IL", 23),
    (b"IS", 26),
    (b"IT", 27),
    (b"LI", 21),
    (b"LT", 20),
    (b"LU", 20),
    (b"LV", 21),
    (b"MC", 27),
    (b"MD", 24),
    (b"ME", 22),
    (b"MK", 19),
    (b"MT", 31),
    (b"NL", 18),
    (b"NO", 15),
    (b"PL", 28),
    (b"PT", 25),
    (b"RO", 24),
    (b"RS", 22),
    (b"SA", 24),
    (b"SE", 24),
    (b"SI", 19),
    (b"SK", 24),
    (b"SM", 27),
    (b"TR", 26),
    (b"UA", 29),
];
/// Digits of a card, with the issuers' numbers that exist.
const CARD: std::ops::RangeInclusive<usize> = 13..=19;
/// Digits of an international number (E.164).
const INTERNATIONAL: std::ops::RangeInclusive<usize> = 8..=15;

pub(super) fn iban(text: &[u8], at: usize) -> Option<usize> {
    let country = text.get(at..at + 2)?.to_ascii_uppercase();
    let (_, length) = IBAN_LENGTHS.iter().find(|(c, _)| c[..] == country)?;
    exact(text, at, *length, b" -", check::iban)
}

pub(super) fn card(text: &[u8], at: usize) -> Option<usize> {
    if !matches!(text[at], b'2'..=b'6') {
        return None;
    }
    CARD.rev().find_map(|length| exact(text, at, length, b" -", check::luhn))
}

/// With `+` or `00` and a country; or national with an area: `(555) 123-4567`, `555-123-4567`, `030 1234567`.
pub(super) fn phone(text: &[u8], at: usize) -> Option<usize> {
    let open = usize::from(matches!(text[at], b'+' | b'('));
    if open == 0 && !text[at].is_ascii_digit() {
        return None;
    }
    let start = at + open;
    let mut digits = Vec::new();
    // How many digits stand before each separator.
    let mut groups = Vec::new();
    let mut i = start;
    while let Some(byte) = text.get(i).filter(|_| digits.len() < 16) {
        match byte {
            b'0'..=b'9' => digits.push(*byte),
            b' ' | b'-' | b'.' | b'/' | b'(' | b')' => {
                // `) ` and ` (` are the only pairs of separators.
                let pair = matches!(
                    (byte, text.get(i + 1)),
                    (b')', Some(b' ' | b'-')) | (b' ', Some(b'('))
                );
                i += usize::from(pair);
                if !text.get(i + 1).is_some_and(u8::is_ascii_digit) {
                    i -= usize::from(pair);
                    break;
                }
                groups.push(digits.len());
            }
            _ => break,
        }
        i += 1;
    }
    let date = read(text, at, 5, b"").len() == 4 && digits.len() == 8;
    let fits = match (text[at], digits.as_slice()) {
        (b'+', d) => INTERNATIONAL.contains(&d.len()) && d[0] != b'0',
        (_, [b'0', b'0', rest @ ..]) => INTERNATIONAL.contains(&rest.len()) && rest[0] != b'0',
        (_, [b'0', rest @ ..]) => (9..=11).contains(&rest.len()) && !groups.is_empty(),
        (_, d) => {
            d.len() == 10 && groups == [3, 6] && (b'2'..=b'9').contains(&d[0]) && d[3] >= b'2'
        }
    };
    (fits && !date && ends(text, i)).then_some(i)
}
