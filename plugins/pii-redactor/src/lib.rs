//! Replaces personal data by labels, `<EMAIL_1>`, or by tokens that lead back, `[EMAIL_1]`: in a text as a node, and
//! around models as a filter.
//!
//! Data is known by its shape and, where there is one, by its check digits. The same value gets the same
//! label in one call, so that a model can still tell two people apart. What a label stood for is kept nowhere; what a
//! token stands for is kept in a store of the host. Tokens keep values from models, not from the run's journal.

mod find;
mod kept;
mod label;
mod numbering;
mod stream;
mod texts;
mod tokens;

use std::collections::BTreeMap;

use cleargate::{Chunk, Context, Error, Filter, Filtered, Value};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use label::Label;
use numbering::Numbering;
pub use stream::Carry;
use texts::each_text;

/// What the flow configures.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The labels to replace; all when absent.
    pub labels: Option<Vec<Label>>,
    /// Tokens in the place of labels: what a model answers with them gets its values back, for who reads it.
    pub reversible: bool,
    /// Whether a reversible filter gives values back; when false, the node `restore` does it later.
    pub restore: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self { labels: None, reversible: false, restore: true }
    }
}

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

/// The filter; it holds nothing, because each call may meet a fresh instance.
pub struct PiiRedactor;

/// Replaces personal data in what goes to a model and comes back.
#[cleargate::filter]
impl Filter for PiiRedactor {
    type Config = Config;
    type Carry = Carry;

    fn before(ctx: &Context, mut request: Value, config: Config) -> Result<Value, Error> {
        if config.reversible {
            return tokenized(ctx, &request, config.labels.as_deref());
        }
        let mut numbering = Numbering::default();
        each_text(&mut request, &mut |text| numbering.take_from(text));
        each_text(&mut request, &mut |text| {
            *text = numbering.redact(text, config.labels.as_deref())
        });
        Ok(request)
    }

    fn after(
        ctx: &Context,
        mut request: Value,
        mut response: Value,
        config: Config,
    ) -> Result<Value, Error> {
        if config.reversible {
            if config.restore {
                let tokens = kept::load(ctx)?;
                each_text(&mut response, &mut |text| *text = tokens.restore(text).text);
            }
            return Ok(response);
        }
        // A new value of the answer must not get a label that the request gave to another value.
        let mut numbering = Numbering::default();
        each_text(&mut request, &mut |text| numbering.take_from(text));
        each_text(&mut response, &mut |text| numbering.take_from(text));
        each_text(&mut response, &mut |text| {
            *text = numbering.redact(text, config.labels.as_deref())
        });
        Ok(response)
    }

    fn on_chunk(
        ctx: &Context,
        chunk: Chunk<Carry>,
        config: Config,
    ) -> Result<Filtered<Carry>, Error> {
        if config.reversible {
            return match config.restore {
                true => stream::restored(ctx, chunk),
                false => Ok(Filtered { text: chunk.text, carry: chunk.carry }),
            };
        }
        Ok(stream::step(chunk, config.labels.as_deref()))
    }
}

/// A request with tokens in the place of values.
fn tokenized(ctx: &Context, request: &Value, only: Option<&[Label]>) -> Result<Value, Error> {
    kept::update(ctx, |tokens| {
        let mut request = request.clone();
        each_text(&mut request, &mut |text| tokens.take_from(text));
        let mut failed = None;
        each_text(
            &mut request,
            &mut |text| match tokens.tokenize(text, only, &mut BTreeMap::new()) {
                Ok(done) => *text = done,
                Err(error) => failed = Some(error),
            },
        );
        failed.map_or(Ok(request), Err)
    })
}

cleargate::export! { nodes: [redact, tokenize, restore, forget], filter: PiiRedactor }

#[cfg(test)]
mod tests;
