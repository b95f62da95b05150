//! Check digits and rules of shape. Each function gets a match of its pattern and says how many of its
//! bytes are the number.

use std::net::{Ipv4Addr, Ipv6Addr};

/// Bytes of the whole match, when the rule holds.
fn whole(text: &str, holds: bool) -> Option<usize> {
    holds.then_some(text.len())
}

fn digits(text: &str) -> Vec<u32> {
    text.chars().filter_map(|c| c.to_digit(10)).collect()
}

fn number(digits: &[u32]) -> u64 {
    digits.iter().fold(0, |sum, d| sum * 10 + u64::from(*d))
}

/// Nothing to check.
pub(crate) fn any(text: &str) -> Option<usize> {
    Some(text.len())
}

/// Luhn, and the lengths that networks use. The pattern has 13 to 19 digits.
pub(crate) fn card(text: &str) -> Option<usize> {
    let digits = digits(text);
    let double = |d: u32| if d > 4 { 2 * d - 9 } else { 2 * d };
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(i, d)| if i % 2 == 1 { double(*d) } else { *d })
        .sum();
    whole(text, sum.is_multiple_of(10))
}

/// Lengths of IBANs by country, from the registry of SWIFT.
const IBAN: [(&str, usize); 47] = [
    ("AD", 24),
    ("AE", 23),
    ("AL", 28),
    ("AT", 20),
    ("BA", 20),
    ("BE", 16),
    ("BG", 22),
    ("BH", 22),
    ("BR", 29),
    ("CH", 21),
    ("CY", 28),
    ("CZ", 24),
    ("DE", 22),
    ("DK", 18),
    ("EE", 20),
    ("ES", 24),
    ("FI", 18),
    ("FO", 18),
    ("FR", 27),
    ("GB", 22),
    ("GE", 22),
    ("GI", 23),
    ("GL", 18),
    ("GR", 27),
    ("HR", 21),
    ("HU", 28),
    ("IE", 22),
    ("IL", 23),
    ("IS", 26),
    ("IT", 27),
    ("KZ", 20),
    ("LI", 21),
    ("LT", 20),
    ("LU", 20),
    ("LV", 21),
    ("MC", 27),
    ("MD", 24),
    ("MT", 31),
    ("NL", 18),
    ("NO", 15),
    ("PL", 28),
    ("PT", 25),
    ("RO", 24),
    ("SA", 24),
    ("SE", 24),
    ("SI", 19),
    ("TR", 26),
];

/// Modulo 97 over as many characters as the country's numbers have; words may follow the number.
pub(crate) fn iban(text: &str) -> Option<usize> {
    let (_, length) = IBAN.iter().find(|(country, _)| text.starts_with(country))?;
    let places: Vec<(usize, char)> =
        text.char_indices().filter(|(_, c)| *c != ' ').take(*length).collect();
    let (last, _) = *places.get(length - 1)?;
    if text.as_bytes().get(last + 1).is_some_and(u8::is_ascii_alphanumeric) {
        return None;
    }
    // The first four characters go to the end, letters count from ten.
    let mut turned = places[4..].iter().chain(&places[..4]);
    let rest = turned.try_fold(0, |rest, (_, c)| {
        let value = c.to_digit(36)?;
        Some((if value > 9 { rest * 100 + value } else { rest * 10 + value }) % 97)
    })?;
    (rest == 1).then_some(last + 1)
}

/// Areas 000, 666 and 900 to 999, group 00 and serial 0000 were never given out.
pub(crate) fn us_ssn(text: &str) -> Option<usize> {
    let (area, group, serial) = (&text[..3], &text[4..6], &text[7..]);
    whole(
        text,
        !matches!(area, "000" | "666")
            && !area.starts_with('9')
            && group != "00"
            && serial != "0000",
    )
}

/// Prefixes that are not used.
pub(crate) fn uk_nino(text: &str) -> Option<usize> {
    whole(text, !matches!(&text[..2], "BG" | "GB" | "KN" | "NK" | "NT" | "TN" | "ZZ"))
}

/// One digit stands twice or three times among the first ten, and ISO 7064 modulo 11, 10.
pub(crate) fn de_tax_id(text: &str) -> Option<usize> {
    let digits = digits(text);
    let (check, body) = digits.split_last()?;
    let times = |d: u32| body.iter().filter(|x| **x == d).count();
    let repeated: Vec<usize> = (0..10).map(times).filter(|n| *n > 1).collect();
    if body.len() != 10 || !matches!(repeated[..], [2 | 3]) {
        return None;
    }
    let product = body.iter().fold(10, |product, d| {
        let sum = (d + product) % 10;
        (if sum == 0 { 10 } else { sum }) * 2 % 11
    });
    whole(text, (11 - product) % 10 == *check)
}

/// The key is 97 minus the number modulo 97; Corsica counts as 19 and 18. Months above 20 are for people
/// whose month of birth is unknown.
pub(crate) fn fr_nir(text: &str) -> Option<usize> {
    let compact: String = text.chars().filter(|c| *c != ' ').collect();
    let plain = compact.replace("2A", "19").replace("2B", "18");
    let digits = digits(&plain);
    if digits.len() != 15 {
        return None;
    }
    let month = digits[3] * 10 + digits[4];
    let (body, key) = digits.split_at(13);
    whole(text, matches!(month, 1..=12 | 20..=42 | 50..) && 97 - number(body) % 97 == number(key))
}

/// DNI and NIE: the letter follows from the number modulo 23.
pub(crate) fn es_letter(text: &str) -> Option<usize> {
    const LETTERS: &[u8] = b"TRWAGMYFPDXBNJZSQVHLCKE";
    let mut digits = digits(text);
    match text.as_bytes()[0] {
        b'Y' => digits.insert(0, 1),
        b'Z' => digits.insert(0, 2),
        _ => {}
    }
    let index = usize::try_from(number(&digits) % 23).ok()?;
    whole(text, text.as_bytes().last() == Some(&LETTERS[index]))
}

/// Characters at odd places count by a table, at even places by their order.
pub(crate) fn it_cf(text: &str) -> Option<usize> {
    const ODD: [u32; 26] = [
        1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24,
        23,
    ];
    let order = |byte: u8| match byte {
        b'0'..=b'9' => u32::from(byte - b'0'),
        _ => u32::from(byte - b'A'),
    };
    let (check, body) = text.as_bytes().split_last()?;
    let values = body.iter().enumerate().map(|(i, byte)| match i % 2 {
        0 => ODD[order(*byte) as usize],
        _ => order(*byte),
    });
    whole(text, values.sum::<u32>() % 26 == order(*check))
}

/// Weights nine to two, and the last digit minus: the sum is divisible by eleven.
pub(crate) fn nl_bsn(text: &str) -> Option<usize> {
    let digits = digits(text);
    let (last, body) = digits.split_last()?;
    let sum: u32 = body.iter().zip((2..=9).rev()).map(|(d, weight)| d * weight).sum();
    whole(text, sum > 0 && sum % 11 == *last)
}

/// Weights one, three, seven and nine, and a date of birth whose month carries the century.
pub(crate) fn pl_pesel(text: &str) -> Option<usize> {
    let digits = digits(text);
    let (check, body) = digits.split_last()?;
    let sum: u32 = body.iter().zip([1, 3, 7, 9].iter().cycle()).map(|(d, weight)| d * weight).sum();
    let month = (digits[2] * 10 + digits[3]) % 20;
    let day = digits[4] * 10 + digits[5];
    whole(
        text,
        (1..=12).contains(&month) && (1..=31).contains(&day) && (10 - sum % 10) % 10 == *check,
    )
}

/// Addresses of one's own machine and of no machine are nobody's.
pub(crate) fn ipv4(text: &str) -> Option<usize> {
    let address: Ipv4Addr = text.parse().ok()?;
    whole(text, !address.is_loopback() && !address.is_unspecified() && !address.is_broadcast())
}

/// At least two groups that are not zero: `a::1` is more often code than an address.
pub(crate) fn ipv6(text: &str) -> Option<usize> {
    let address: Ipv6Addr = text.parse().ok()?;
    let groups = address.segments().iter().filter(|group| **group != 0).count();
    whole(text, groups >= 2 && address.segments()[0] > 0xff)
}

/// As many digits as a number with its country has, 7 to 15.
pub(crate) fn phone(text: &str) -> Option<usize> {
    whole(text, (7..=15).contains(&digits(text).len()))
}
