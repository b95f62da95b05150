//! Replaces personal data by labels, `<EMAIL_1>`, or by tokens that lead back, `[EMAIL_1]`: in a text as a node, and
//! around models as a filter.
//!
//! Data is known by its shape and, where there is one, by its check digits. The same value gets the same
//! label in one call, so that a model can still tell two people apart. What a label stood for is kept nowhere; what a
//! token stands for is kept in a store of the host. Tokens keep values from models, not from the run's journal.

mod around;
mod find;
mod kept;
mod label;
mod numbering;
mod stream;
mod texts;
mod tokens;

use std::collections::BTreeMap;

use cleargate::{Context, Error};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use around::{Config, PiiRedactor};
pub use label::Label;
use numbering::Numbering;
pub use stream::Carry;

/// The ports that the node reads.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Input {
    /// The text.
    pub text: String,
    /// The labels to replace; all when absent.
    #[serde(default)]
    pub labels: Option<Vec<Label>>,
}

/// The ports that the node writes.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Output {
    /// The text with labels in the place of personal data.
    pub text: String,
    /// How often each label replaced something, by label.
    pub counts: BTreeMap<Label, u64>,
}

/// Replaces personal data in a text by labels.
#[cleargate::node(effect = "pure")]
pub fn redact(input: Input) -> Result<Output, Error> {
    let mut numbering = Numbering::default();
    numbering.take_from(&input.text);
    let text = numbering.redact(&input.text, input.labels.as_deref());
    Ok(Output { text, counts: numbering.counts })
}

/// Replaces personal data in a text by tokens, which `restore` leads back in the same run.
#[cleargate::node(effect = "idempotent")]
pub fn tokenize(ctx: &Context, input: Input) -> Result<Output, Error> {
    kept::update(ctx, |tokens| {
        let mut counts = BTreeMap::new();
        tokens.take_from(&input.text);
        let text = tokens.tokenize(&input.text, input.labels.as_deref(), &mut counts)?;
        Ok(Output { text, counts })
    })
}

/// The port that `restore` reads.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Tokenized {
    /// A text with tokens.
    pub text: String,
}

/// The ports that `restore` writes.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Original {
    /// The text with values in the place of tokens.
    pub text: String,
    /// How many tokens were replaced.
    pub restored: u64,
    /// What looks like a token and is none of this run; it stands in the text as it was.
    pub unknown: Vec<String>,
}

/// Puts values in the place of the tokens of this run.
#[cleargate::node(effect = "read")]
pub fn restore(ctx: &Context, input: Tokenized) -> Result<Original, Error> {
    let restored = kept::load(ctx)?.restore(&input.text);
    Ok(Original { text: restored.text, restored: restored.known, unknown: restored.unknown })
}

/// Nothing is asked for.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Nothing {}

/// What `forget` did.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Forgotten {
    /// Always true: there are no tokens of this run any more.
    pub forgotten: bool,
}

/// Forgets what the tokens of this run stand for.
#[cleargate::node(effect = "idempotent")]
pub fn forget(ctx: &Context, _: Nothing) -> Result<Forgotten, Error> {
    kept::forget(ctx)?;
    Ok(Forgotten { forgotten: true })
}

cleargate::export! { nodes: [redact, tokenize, restore, forget], filter: PiiRedactor }

#[cfg(test)]
mod tests;
