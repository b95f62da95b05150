//! Numbers of accounts, cards and telephones.

use super::{check, ends, exact, read};

/// Lengths of account numbers by country, as the registry of IBAN formats lists them.
const IBAN_LENGTHS: &str = "AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BI27 BR29 BY28 CH21 CR22 CY28 CZ24 DE22 DJ27 DK18 DO28 \
     EE20 EG29 ES24 FI18 FK18 FO18 FR27 GB22 GE22 GI23 GL18 GR27 GT28 HR21 HU28 IE22 IL23 IQ23 IS26 IT27 \
     JO30 KW30 KZ20 LB28 LC32 LI21 LT20 LU20 LV21 LY25 MC27 MD24 ME22 MK19 MN20 MR27 MT31 MU30 NI28 NL18 \
     NO15 OM23 PK24 PL28 PS29 PT25 QA29 RO24 RS22 RU33 SA24 SC31 SD18 SE24 SI19 SK24 SM27 SO23 ST25 SV28 \
     TL23 TN24 TR26 UA29 VA22 VG24 XK20 YE30";
/// Digits of a card.
const CARD: std::ops::RangeInclusive<usize> = 13..=19;
/// Digits of an international number (E.164).
const INTERNATIONAL: std::ops::RangeInclusive<usize> = 8..=15;

pub(super) fn iban(text: &[u8], at: usize) -> Option<usize> {
    let country = text.get(at..at + 2)?.to_ascii_uppercase();
    let row = IBAN_LENGTHS.split(' ').find(|row| row.as_bytes()[..2] == country)?;
    exact(text, at, row[2..].parse().ok()?, b" -", check::iban)
}

pub(super) fn card(text: &[u8], at: usize) -> Option<usize> {
    if !matches!(text[at], b'2'..=b'6') {
        return None;
    }
    CARD.rev().find_map(|length| exact(text, at, length, b" -", check::card))
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
            // `1-` may stand before it, the long way of the same number.
            let (d, groups) = match (d, groups.as_slice()) {
                ([b'1', rest @ ..], [1, 4, 7]) => (rest, &[3, 6][..]),
                (d, groups) => (d, groups),
            };
            d.len() == 10 && groups == [3, 6] && (b'2'..=b'9').contains(&d[0]) && d[3] >= b'2'
        }
    };
    (fits && !date && ends(text, i)).then_some(i)
}
