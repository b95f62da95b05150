//! Which value has which label.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use serde::{Deserialize, Serialize};

use crate::{Label, find};

/// Labels of one call. Values are kept as fingerprints: the state of a stream is stored by the host.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Numbering {
    /// How often each label replaced something.
    pub(crate) counts: BTreeMap<Label, u64>,
    last: BTreeMap<Label, u64>,
    known: BTreeMap<u64, u64>,
}

impl Numbering {
    /// Keeps numbers free that a text uses already: `<EMAIL_3>` was given by an earlier call.
    pub(crate) fn take_from(&mut self, text: &str) {
        for part in text.split('<').skip(1) {
            let Some((name, number)) = part.split('>').next().and_then(|p| p.rsplit_once('_'))
            else {
                continue;
            };
            let label = Label::ALL.iter().find(|l| l.name().to_ascii_uppercase() == name);
            if let (Some(label), Ok(number)) = (label, number.parse::<u32>()) {
                let last = self.last.entry(*label).or_default();
                *last = (*last).max(number.into());
            }
        }
    }

    /// The text with labels in the place of values.
    pub(crate) fn redact(&mut self, text: &str, only: Option<&[Label]>) -> String {
        let mut out = String::with_capacity(text.len());
        let mut end = 0;
        for found in find::all(text, only) {
            out.push_str(&text[end..found.span.start]);
            out.push_str(&self.label(found.label, &text[found.span.clone()]));
            end = found.span.end;
        }
        out + &text[end..]
    }

    fn label(&mut self, label: Label, value: &str) -> String {
        // Case does not make another value, and between the digits of a number neither do separators.
        let folded = value.chars().map(|c| match find::fold::byte(c) {
            find::fold::LETTER => c,
            byte => char::from(byte),
        });
        let apart =
            |c: &char| label == Label::Email || label == Label::Ip || !" -/().".contains(*c);
        let plain: String = folded.filter(apart).collect();
        let mut hasher = DefaultHasher::new();
        (label.name(), plain.to_lowercase()).hash(&mut hasher);
        let last = self.last.entry(label).or_default();
        let number = *self.known.entry(hasher.finish()).or_insert_with(|| {
            *last += 1;
            *last
        });
        *self.counts.entry(label).or_default() += 1;
        format!("<{}_{number}>", label.name().to_ascii_uppercase())
    }
}
