//! Tokens in the place of values, `[EMAIL_1]`, and the way back.
//!
//! One spelling of a value has one token for as long as a run lasts, so that a text comes back letter by letter. What
//! looks like a token and was in a text before there was one of that name stays what it is: its number is never given.

use std::collections::BTreeMap;

use cleargate::{Code, Error};
use serde::{Deserialize, Serialize};

use crate::{Label, find};

/// Values of one run: their map is one value of a store, and of each call.
const MAX_TOKENS: usize = 2_000;
/// Bytes of the longest token: the name of a label, a number and what is around.
pub(crate) const MAX_TOKEN: usize = 40;

/// The tokens of a run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Tokens {
    /// What each token stands for.
    originals: BTreeMap<String, String>,
    /// The greatest number of each label, given or met.
    last: BTreeMap<Label, u64>,
}

/// A text after its tokens were replaced.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Restored {
    pub(crate) text: String,
    /// How many tokens were replaced.
    pub(crate) known: u64,
    /// What looks like a token of a label, and is none of this run.
    pub(crate) unknown: Vec<String>,
}

impl Tokens {
    /// Keeps numbers free that stand in a text already, and are no tokens of this run.
    pub(crate) fn take_from(&mut self, text: &str) {
        for (token, label, number) in found_in(text) {
            if !self.originals.contains_key(&text[token]) {
                let last = self.last.entry(label).or_default();
                *last = (*last).max(number);
            }
        }
    }

    /// The text with tokens in the place of values; counts how often each label was found.
    pub(crate) fn tokenize(
        &mut self,
        text: &str,
        only: Option<&[Label]>,
        counts: &mut BTreeMap<Label, u64>,
    ) -> Result<String, Error> {
        let mut out = String::with_capacity(text.len());
        let mut end = 0;
        for found in find::all(text, only) {
            out.push_str(&text[end..found.span.start]);
            out.push_str(&self.token(found.label, &text[found.span.clone()])?);
            *counts.entry(found.label).or_default() += 1;
            end = found.span.end;
        }
        Ok(out + &text[end..])
    }

    fn token(&mut self, label: Label, value: &str) -> Result<String, Error> {
        let known = self.originals.iter().find(|(token, original)| {
            *original == value && read(token).is_some_and(|(of, ..)| of == label)
        });
        if let Some((token, _)) = known {
            return Ok(token.clone());
        }
        if self.originals.len() == MAX_TOKENS {
            let message = format!("the run has more than {MAX_TOKENS} values; restrict `labels`");
            return Err(Error::new(Code::Limit, message));
        }
        let last = self.last.entry(label).or_default();
        *last += 1;
        let token = format!("[{}_{last}]", label.name().to_ascii_uppercase());
        self.originals.insert(token.clone(), value.into());
        Ok(token)
    }

    /// The text with values in the place of tokens.
    pub(crate) fn restore(&self, text: &str) -> Restored {
        let mut restored = Restored::default();
        let mut end = 0;
        for (token, ..) in found_in(text) {
            match self.originals.get(&text[token.clone()]) {
                Some(original) => {
                    restored.text.push_str(&text[end..token.start]);
                    restored.text.push_str(original);
                    restored.known += 1;
                    end = token.end;
                }
                None => restored.unknown.push(text[token].into()),
            }
        }
        restored.text.push_str(&text[end..]);
        restored
    }
}

/// Where a text may be cut, so that no token is cut in two: behind it, one may have begun.
pub(crate) fn cut(text: &str) -> usize {
    let Some(start) = text.rfind('[') else { return text.len() };
    let begun = &text[start..];
    let may_go_on = begun.len() < MAX_TOKEN
        && begun[1..].bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_');
    if may_go_on { start } else { text.len() }
}

/// What has the form of a token, in order: its place, label and number.
fn found_in(text: &str) -> impl Iterator<Item = (std::ops::Range<usize>, Label, u64)> {
    text.match_indices('[').filter_map(|(start, _)| {
        let (label, number, length) = read(&text[start..])?;
        Some((start..start + length, label, number))
    })
}

/// The token that a text begins with: its label, number and length.
fn read(text: &str) -> Option<(Label, u64, usize)> {
    let end = text.bytes().take(MAX_TOKEN).position(|b| b == b']')?;
    let (name, number) = text.get(1..end)?.rsplit_once('_')?;
    let label = Label::ALL.iter().find(|l| l.name().to_ascii_uppercase() == name)?;
    // `[EMAIL_01]` and `[EMAIL_+1]` are no tokens.
    let digits = number.bytes().all(|b| b.is_ascii_digit()) && !number.starts_with('0');
    let number = number.parse::<u32>().ok().filter(|_| digits)?;
    Some((*label, number.into(), end + 1))
}
