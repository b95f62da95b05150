//! What personal data looks like: a pattern and a check for each kind.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::OnceLock;

use regex_lite::Regex;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::check;

/// Kinds of personal data.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[expect(missing_docs, reason = "the rows of `RULES` say it")]
pub enum Label {
    Email,
    Iban,
    Card,
    Phone,
    Ipv4,
    Ipv6,
    UsSsn,
    UkNino,
    DeTaxId,
    FrNir,
    EsDni,
    EsNie,
    ItCf,
    NlBsn,
    PlPesel,
}

impl Label {
    /// As it is written in a text.
    pub(crate) fn name(self) -> &'static str {
        RULES.iter().find(|r| r.label == self).map_or("PII", |r| r.name)
    }
}

/// How a kind is found.
struct Rule {
    label: Label,
    name: &'static str,
    /// Bytes of which a text holds at least one when it holds a match.
    needs: &'static [u8],
    /// Group `id`, when there is one, is what is replaced.
    pattern: &'static str,
    /// Bytes from the start of the match that are really it; nothing when the check digits do not hold.
    check: fn(&str) -> Option<usize>,
    compiled: OnceLock<Regex>,
}

impl Rule {
    const fn new(
        label: Label,
        name: &'static str,
        needs: &'static [u8],
        pattern: &'static str,
        check: fn(&str) -> Option<usize>,
    ) -> Self {
        Self { label, name, needs, pattern, check, compiled: OnceLock::new() }
    }

    fn regex(&self) -> &Regex {
        self.compiled
            .get_or_init(|| Regex::new(self.pattern).expect("a test compiles each pattern"))
    }
}

const DIGITS: &[u8] = b"0123456789";

/// The kinds, the surest first: where two match the same text, the first one names it.
static RULES: [Rule; 15] = [
    Rule::new(
        Label::Email,
        "EMAIL",
        b"@",
        r"[A-Za-z0-9](?:[A-Za-z0-9._%+-]{0,62}[A-Za-z0-9_%+-])?@(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.){1,8}[A-Za-z]{2,24}\b",
        check::any,
    ),
    // United States, social security number.
    Rule::new(Label::UsSsn, "US_SSN", b"-", r"\b\d{3}-\d{2}-\d{4}\b", check::us_ssn),
    Rule::new(
        Label::Iban,
        "IBAN",
        DIGITS,
        r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{1,4}){3,8}\b",
        check::iban,
    ),
    // Italy, codice fiscale.
    Rule::new(
        Label::ItCf,
        "IT_CF",
        DIGITS,
        r"\b[A-Z]{6}\d{2}[A-EHLMPRST]\d{2}[A-Z]\d{3}[A-Z]\b",
        check::it_cf,
    ),
    // France, numéro de sécurité sociale.
    Rule::new(
        Label::FrNir,
        "FR_NIR",
        DIGITS,
        r"\b[12] ?\d{2} ?\d{2} ?(?:\d{2}|2[AB]) ?\d{3} ?\d{3} ?\d{2}\b",
        check::fr_nir,
    ),
    // United Kingdom, national insurance number.
    Rule::new(
        Label::UkNino,
        "UK_NINO",
        DIGITS,
        r"\b[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z] ?\d{2} ?\d{2} ?\d{2} ?[A-D]\b",
        check::uk_nino,
    ),
    // Spain, for foreigners and for citizens.
    Rule::new(Label::EsNie, "ES_NIE", DIGITS, r"\b[XYZ]-?\d{7}-?[A-Z]\b", check::es_letter),
    Rule::new(Label::EsDni, "ES_DNI", DIGITS, r"\b\d{8}-?[A-Z]\b", check::es_letter),
    Rule::new(Label::Card, "CARD", DIGITS, r"\b[2-6]\d{3}(?:[ -]?\d){9,15}\b", check::card),
    // Poland.
    Rule::new(Label::PlPesel, "PL_PESEL", DIGITS, r"\b\d{11}\b", check::pl_pesel),
    // Germany, tax identification number.
    Rule::new(
        Label::DeTaxId,
        "DE_TAX_ID",
        DIGITS,
        r"\b[1-9]\d ?\d{3} ?\d{3} ?\d{3}\b",
        check::de_tax_id,
    ),
    // Netherlands. One in eleven numbers of nine digits holds, so the name has to stand before it.
    Rule::new(
        Label::NlBsn,
        "NL_BSN",
        DIGITS,
        r"(?i)\b(?:bsn|burgerservicenummer)[:# .-]{1,3}(?<id>\d{4}[. ]?\d{2}[. ]?\d{3})\b",
        check::nl_bsn,
    ),
    Rule::new(Label::Ipv4, "IPV4", b".", r"\b\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}\b", check::ipv4),
    Rule::new(
        Label::Ipv6,
        "IPV6",
        b":",
        r"\b[0-9A-Fa-f]{1,4}:[0-9A-Fa-f:]{3,34}(?:[0-9A-Fa-f]\b|:)",
        check::ipv6,
    ),
    Rule::new(
        Label::Phone,
        "PHONE",
        DIGITS,
        r"(?:\+|\b00)[1-9]\d{0,2}[ ./-]?(?:\(\d{1,4}\)[ ./-]?)?\d{1,5}(?:[ ./-]?\d{1,5}){1,6}\b|\(\d{3}\) ?\d{3}[ .-]\d{4}\b|\b\d{3}[.-]\d{3}[.-]\d{4}\b|\b0\d{1,4}[ /-]\d{3,8}(?:[ -]\d{1,5}){0,3}\b",
        check::phone,
    ),
];

/// What is found in a text, in its order, without overlaps.
pub(crate) fn all(text: &str, wanted: &BTreeSet<Label>) -> Vec<(Label, Range<usize>)> {
    let mut found: Vec<(Label, Range<usize>)> = Vec::new();
    for rule in RULES.iter().filter(|r| wanted.is_empty() || wanted.contains(&r.label)) {
        if !text.bytes().any(|b| rule.needs.contains(&b)) {
            continue;
        }
        let mut new = Vec::new();
        for captures in rule.regex().captures_iter(text) {
            let Some(part) = captures.name("id").or_else(|| captures.get(0)) else { continue };
            let Some(length) = (rule.check)(part.as_str()) else { continue };
            let at = part.start()..part.start() + length;
            if is_alone(text, &at, rule.label) && !overlaps(&found, &at) {
                new.push((rule.label, at));
            }
        }
        found.extend(new);
        found.sort_by_key(|(_, at)| at.start);
    }
    found
}

/// Whether a place touches one that is known; `found` is in the order of the text.
fn overlaps(found: &[(Label, Range<usize>)], at: &Range<usize>) -> bool {
    let next = found.partition_point(|(_, other)| other.start < at.end);
    next > 0 && found[next - 1].1.end > at.start
}

/// A number inside a longer chain (`1.2.3.4.5`, `12-34-56-78`) is part of something else. Telephone numbers
/// have no check digit, so for them groups of digits (`12 0044 ..`) are a chain, too. After an address a
/// colon begins its port.
fn is_alone(text: &str, at: &Range<usize>, label: Label) -> bool {
    let bytes = text.as_bytes();
    let chained = |mark: Option<&u8>, beyond: Option<&u8>| {
        let joins = |b: &u8| match b {
            b'.' | b'-' => true,
            b':' => label != Label::Ipv4,
            b' ' => label == Label::Phone,
            _ => false,
        };
        mark.is_some_and(joins) && beyond.is_some_and(u8::is_ascii_digit)
    };
    let before = at.start.checked_sub(1).map(|i| &bytes[i]);
    let two_before = at.start.checked_sub(2).map(|i| &bytes[i]);
    let first_is_digit = bytes[at.start].is_ascii_digit();
    let last_is_digit = bytes[at.end - 1].is_ascii_digit();
    let after = bytes.get(at.end);
    let begins_in_chain = first_is_digit && chained(before, two_before);
    let ends_in_chain = last_is_digit && chained(after, bytes.get(at.end + 1));
    !begins_in_chain && !ends_in_chain
}

#[cfg(test)]
pub(crate) fn compile_all() {
    for rule in &RULES {
        rule.regex();
    }
}
