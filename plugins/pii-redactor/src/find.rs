//! Finds personal data in a text.

mod check;
pub(crate) mod fold;
mod identity;
mod network;
mod number;

use std::ops::Range;

use crate::Label;

/// Where something was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) label: Label,
    pub(crate) span: Range<usize>,
}

/// Tells where a value ends that starts at a byte.
type Finder = fn(&[u8], usize) -> Option<usize>;

/// The first that fits counts: those with check digits and fixed shapes stand before looser ones.
const FINDERS: &[(Label, Finder)] = &[
    (Label::Email, network::email),
    (Label::Ip, network::ip),
    (Label::Iban, number::iban),
    (Label::ItCodiceFiscale, identity::it_codice_fiscale),
    (Label::FrNir, identity::fr_nir),
    (Label::EsDni, identity::es_dni),
    (Label::UkNino, identity::uk_nino),
    (Label::UsSsn, identity::us_ssn),
    (Label::Card, number::card),
    (Label::DeSteuerId, identity::de_steuer_id),
    (Label::PlPesel, identity::pl_pesel),
    (Label::NlBsn, identity::nl_bsn),
    (Label::Phone, number::phone),
];

/// All values of a text, in order and without overlap. `only` restricts the labels.
pub(crate) fn all(text: &str, only: Option<&[Label]>) -> Vec<Found> {
    let folded = fold::Folded::of(text);
    let bytes = folded.bytes.as_slice();
    let mut found = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let starts = at == 0 || !is_word(bytes[at - 1]);
        let hit = FINDERS
            .iter()
            .filter(|_| starts)
            .filter(|(label, _)| only.is_none_or(|only| only.contains(label)))
            .find_map(|(label, finder)| Some((*label, finder(bytes, at)?)));
        match hit {
            Some((label, end)) => {
                found.push(Found { label, span: folded.span(at..end) });
                at = end;
            }
            None => at += 1,
        }
    }
    found
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == fold::LETTER
}

/// Whether nothing after `end` belongs to the same word or number.
fn ends(text: &[u8], end: usize) -> bool {
    let next = |n: usize| text.get(end + n).copied();
    match next(0) {
        None => true,
        Some(b'-' | b'.') => !next(1).is_some_and(|b| b.is_ascii_digit()),
        Some(byte) => !is_word(byte),
    }
}

/// Letters (upper case) and digits from `at` on, each with the place after it. One of `separators` may
/// stand between two of them.
fn read(text: &[u8], at: usize, most: usize, separators: &[u8]) -> Vec<(u8, usize)> {
    let mut out = Vec::new();
    let mut i = at;
    while let Some(byte) = text.get(i).filter(|_| out.len() < most) {
        let between = || {
            !out.is_empty()
                && separators.contains(byte)
                && text.get(i + 1).is_some_and(u8::is_ascii_alphanumeric)
        };
        if byte.is_ascii_alphanumeric() {
            out.push((byte.to_ascii_uppercase(), i + 1));
        } else if !between() {
            break;
        }
        i += 1;
    }
    out
}

/// Where a value of `length` characters ends that passes `valid`.
fn exact(
    text: &[u8],
    at: usize,
    length: usize,
    separators: &[u8],
    valid: fn(&[u8]) -> bool,
) -> Option<usize> {
    let found = read(text, at, length, separators);
    let end = found.last().filter(|_| found.len() == length)?.1;
    let plain: Vec<u8> = found.into_iter().map(|(byte, _)| byte).collect();
    (ends(text, end) && valid(&plain)).then_some(end)
}
