//! Replaces personal data by labels: `<EMAIL_1>`, in a text as a node, and around models as a filter.
//!
//! Data is known by its shape and, where there is one, by its check digits. The same value gets the same
//! label in one call, so that a model can still tell two people apart. What a label stood for is kept nowhere.

mod find;
mod label;
mod numbering;
mod stream;
mod texts;

use std::collections::BTreeMap;

use cleargate::{Chunk, Context, Error, Filter, Filtered, Value};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use label::Label;
use numbering::Numbering;
pub use stream::Carry;
use texts::each_text;

/// What the flow configures.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The labels to replace; all when absent.
    pub labels: Option<Vec<Label>>,
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

/// The filter; it holds nothing, because each call may meet a fresh instance.
pub struct PiiRedactor;

/// Replaces personal data in what goes to a model and comes back.
#[cleargate::filter]
impl Filter for PiiRedactor {
    type Config = Config;
    type Carry = Carry;

    fn before(_: &Context, mut request: Value, config: Config) -> Result<Value, Error> {
        let mut numbering = Numbering::default();
        each_text(&mut request, &mut |text| numbering.take_from(text));
        each_text(&mut request, &mut |text| {
            *text = numbering.redact(text, config.labels.as_deref())
        });
        Ok(request)
    }

    fn after(
        _: &Context,
        mut request: Value,
        mut response: Value,
        config: Config,
    ) -> Result<Value, Error> {
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
        _: &Context,
        chunk: Chunk<Carry>,
        config: Config,
    ) -> Result<Filtered<Carry>, Error> {
        Ok(stream::step(chunk, config.labels.as_deref()))
    }
}

cleargate::export! { nodes: [redact], filter: PiiRedactor }

#[cfg(test)]
mod tests;
