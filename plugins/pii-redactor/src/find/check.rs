//! Check digits. Each function takes letters in upper case and digits, nothing else, in the right number.

fn digits(text: &[u8]) -> Option<Vec<u32>> {
    text.iter().map(|b| char::from(*b).to_digit(10)).collect()
}

fn number(digits: &[u32]) -> u64 {
    digits.iter().fold(0, |sum, d| sum * 10 + u64::from(*d))
}

fn weighted(digits: &[u32], weights: &[u32]) -> u32 {
    digits.iter().zip(weights).map(|(d, w)| d * w).sum()
}

/// Luhn (ISO/IEC 7812), and not one digit alone.
fn luhn(text: &[u8]) -> bool {
    let Some(digits) = digits(text) else { return false };
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(i, d)| if i % 2 == 0 { *d } else { d * 2 / 10 + d * 2 % 10 })
        .sum();
    sum.is_multiple_of(10) && digits.iter().any(|d| *d != digits[0])
}

/// A number that an issuer gives out, with its check digit: of random digits one in ten passes the check alone.
pub(super) fn card(text: &[u8]) -> bool {
    let head = |n: usize| digits(&text[..n]).map_or(0, |d| number(&d));
    let (two, three, four) = (head(2), head(3), head(4));
    let issued = match text.len() {
        13 | 18 => text[0] == b'4' || is_maestro(two),
        14 => matches!(three, 300..=305 | 309) || matches!(two, 36 | 38 | 39) || is_maestro(two),
        15 => matches!(two, 34 | 37) || matches!(four, 2131) || is_maestro(two),
        16 => {
            text[0] == b'4'
                || matches!(two, 30 | 35 | 36 | 38 | 39 | 51..=55 | 60..=62 | 64 | 65)
                || matches!(four, 2200..=2204 | 2221..=2720)
                || is_maestro(two)
        }
        _ => text[0] == b'4' || matches!(two, 35 | 62 | 64 | 65) || is_maestro(two),
    };
    issued && luhn(text)
}

/// Debit cards of many banks, 12 to 19 digits.
fn is_maestro(two: u64) -> bool {
    matches!(two, 50 | 56..=58 | 60 | 63 | 67)
}

/// ISO 7064, modulo 97: the country and its check digits move to the end, letters count from 10.
pub(super) fn iban(text: &[u8]) -> bool {
    let moved = text[4..].iter().chain(&text[..4]);
    let rest = moved.fold(0, |rest, b| {
        let value = char::from(*b).to_digit(36).expect("letters and digits only");
        (rest * if value < 10 { 10 } else { 100 } + value) % 97
    });
    rest == 1 && text[2..4].iter().all(u8::is_ascii_digit)
}

/// No check digit, but areas, groups and serials that are never given out.
pub(super) fn us_ssn(text: &[u8]) -> bool {
    digits(text).is_some_and(|d| {
        let (area, group, serial) = (number(&d[..3]), number(&d[3..5]), number(&d[5..]));
        !matches!(area, 0 | 666 | 900..) && group != 0 && serial != 0
    })
}

/// No check digit, but letters that are never given out.
pub(super) fn uk_nino(text: &[u8]) -> bool {
    let prefix = &text[..2];
    prefix.iter().all(|b| b.is_ascii_uppercase() && !b"DFIQUV".contains(b))
        && prefix[1] != b'O'
        && ![b"BG", b"GB", b"NK", b"KN", b"TN", b"NT", b"ZZ"].iter().any(|p| p[..] == *prefix)
        && text[2..8].iter().all(u8::is_ascii_digit)
        && (b'A'..=b'D').contains(&text[8])
}

/// ISO 7064, modulo 11, 10. Of the first ten digits one appears twice or three times, and no other more than once.
pub(super) fn de_steuer_id(text: &[u8]) -> bool {
    let Some(digits) = digits(text).filter(|d| d[0] != 0) else { return false };
    let times = |d: u32| digits[..10].iter().filter(|x| **x == d).count();
    let often: Vec<usize> = (0..10).map(times).filter(|n| *n > 1).collect();
    let product = digits[..10].iter().fold(10, |product, digit| {
        let sum = (digit + product) % 10;
        (if sum == 0 { 10 } else { sum }) * 2 % 11
    });
    matches!(often.as_slice(), [2 | 3]) && (11 - product) % 10 == digits[10]
}

/// Modulo 97; the departments of Corsica, 2A and 2B, count as 19 and 18.
pub(super) fn fr_nir(text: &[u8]) -> bool {
    let mut plain = text.to_vec();
    match &text[5..7] {
        b"2A" => plain[5..7].copy_from_slice(b"19"),
        b"2B" => plain[5..7].copy_from_slice(b"18"),
        _ => {}
    }
    digits(&plain).is_some_and(|d| {
        let month = number(&d[3..5]);
        let born = matches!(month, 1..=12 | 20..=42 | 50..=99);
        matches!(d[0], 1 | 2) && born && 97 - number(&d[..13]) % 97 == number(&d[13..])
    })
}

/// Modulo 23; for foreigners `X`, `Y`, `Z` count as 0, 1, 2.
pub(super) fn es_dni(text: &[u8]) -> bool {
    let mut plain = text[..8].to_vec();
    if let b'X'..=b'Z' = plain[0] {
        plain[0] -= b'X' - b'0';
    }
    digits(&plain).is_some_and(|d| {
        let rest = usize::try_from(number(&d) % 23).expect("less than 23");
        b"TRWAGMYFPDXBNJZSQVHLCKE"[rest] == text[8]
    })
}

/// The sum of values that differ by place, modulo 26.
pub(super) fn it_codice_fiscale(text: &[u8]) -> bool {
    /// Values at odd places, for `0` to `9` and for `A` to `Z`.
    const ODD: [u32; 26] = [
        1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24,
        23,
    ];
    let letters = [0, 1, 2, 3, 4, 5, 8, 11, 15].iter().all(|i| text[*i].is_ascii_uppercase());
    // Digits may be letters where two persons would have the same code.
    let numbers = [6, 7, 9, 10, 12, 13, 14]
        .iter()
        .all(|i| text[*i].is_ascii_digit() || b"LMNPQRSTUV".contains(&text[*i]));
    let value = |b: u8| if b.is_ascii_digit() { b - b'0' } else { b - b'A' };
    let sum: u32 = text[..15]
        .iter()
        .enumerate()
        .map(|(i, b)| match i % 2 {
            0 => ODD[usize::from(value(*b))],
            _ => u32::from(value(*b)),
        })
        .sum();
    letters
        && numbers
        && b"ABCDEHLMPRST".contains(&text[8])
        && sum % 26 == u32::from(value(text[15]))
}

/// The test of eleven.
pub(super) fn nl_bsn(text: &[u8]) -> bool {
    digits(text).is_some_and(|d| {
        let sum = weighted(&d[..8], &[9, 8, 7, 6, 5, 4, 3, 2]);
        sum > 0 && sum % 11 == d[8]
    })
}

/// Weights 1, 3, 7, 9; a month of birth carries its century.
pub(super) fn pl_pesel(text: &[u8]) -> bool {
    digits(text).is_some_and(|d| {
        let (month, day) = (number(&d[2..4]) % 20, number(&d[4..6]));
        let sum = weighted(&d[..10], &[1, 3, 7, 9, 1, 3, 7, 9, 1, 3]);
        (1..=12).contains(&month) && (1..=31).contains(&day) && (10 - sum % 10) % 10 == d[10]
    })
}
