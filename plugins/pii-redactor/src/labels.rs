//! Labels with numbers: the same text gets the same number, and each kind counts for itself.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use serde::{Deserialize, Serialize};

use crate::find::{self, Label};

/// Texts whose numbers are remembered; later ones get a new number each time.
const MAX_KNOWN: usize = 4_000;

/// Numbers that were given. Holds digests instead of texts, because a stream's state is journaled.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Numbers {
    known: BTreeMap<u64, u32>,
    last: BTreeMap<Label, u32>,
}

/// One call's labels.
pub(crate) struct Labels<'a> {
    wanted: &'a BTreeSet<Label>,
    pub(crate) numbers: Numbers,
    pub(crate) counts: BTreeMap<Label, u32>,
}

impl<'a> Labels<'a> {
    pub(crate) fn new(wanted: &'a BTreeSet<Label>) -> Self {
        Self::resume(wanted, Numbers::default())
    }

    pub(crate) fn resume(wanted: &'a BTreeSet<Label>, numbers: Numbers) -> Self {
        Self { wanted, numbers, counts: BTreeMap::new() }
    }

    /// The text with labels; nothing when there is nothing to replace.
    pub(crate) fn redact(&mut self, text: &str) -> Option<String> {
        let found = find::all(text, self.wanted);
        (!found.is_empty()).then(|| self.replace(text, &found))
    }

    /// The text with labels at the places that were found.
    pub(crate) fn replace(&mut self, text: &str, found: &[(Label, Range<usize>)]) -> String {
        let mut out = String::with_capacity(text.len());
        let mut from = 0;
        for (label, at) in found {
            out.push_str(&text[from..at.start]);
            let number = self.number(*label, &text[at.clone()]);
            out.push_str(&format!("<{}_{number}>", label.name()));
            *self.counts.entry(*label).or_default() += 1;
            from = at.end;
        }
        out.push_str(&text[from..]);
        out
    }

    fn number(&mut self, label: Label, text: &str) -> u32 {
        let key = digest(label, text);
        if let Some(number) = self.numbers.known.get(&key) {
            return *number;
        }
        let last = self.numbers.last.entry(label).or_default();
        *last += 1;
        let number = *last;
        if self.numbers.known.len() < MAX_KNOWN {
            self.numbers.known.insert(key, number);
        }
        number
    }
}

/// FNV-1a over the letters and digits: `DE89 3704` and `DE893704` are the same. Fixed, so that a replay and
/// another build give the same state; 64 bits are too few to be secret and enough to tell texts apart.
fn digest(label: Label, text: &str) -> u64 {
    let step = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    let compact = text.bytes().filter(|b| !matches!(b, b' ' | b'-' | b'(' | b')' | b'/'));
    let start = step(0xcbf2_9ce4_8422_2325, label as u8);
    compact.fold(start, |hash, byte| step(hash, byte.to_ascii_lowercase()))
}
