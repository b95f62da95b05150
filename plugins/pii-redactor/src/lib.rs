//! Replaces personal data by labels: `ada@example.org` becomes `<EMAIL_1>`.
//!
//! A label says what stood there, and the same text gets the same number within a call, so that a model can
//! still tell two people apart. Numbers with check digits are taken only when the digits hold. Names and
//! addresses of people have no form that could be checked, and are not found.

mod check;
mod find;
mod labels;
mod stream;

use std::collections::{BTreeMap, BTreeSet};

use cleargate::{Chunk, Context, Error, Filter, Filtered, Value};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use find::Label;

use labels::Labels;

/// What the flow configures around a model.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// What is replaced; all kinds when empty.
    pub labels: BTreeSet<Label>,
    /// Leave responses of the model as they are.
    pub requests_only: bool,
}

/// The ports that the node reads.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RedactInput {
    /// A text, or any value with texts in it.
    pub content: Value,
    /// What is replaced; all kinds when empty.
    #[serde(default)]
    pub labels: BTreeSet<Label>,
}

/// The ports that the node writes.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct RedactOutput {
    /// The same with labels in place of personal data.
    pub content: Value,
    /// How many places were replaced, by label.
    pub counts: BTreeMap<Label, u32>,
}

/// Replaces e-mail addresses, phone numbers, IBANs, cards, IP addresses and national ids by labels.
#[cleargate::node(effect = "pure")]
pub fn redact(mut input: RedactInput) -> Result<RedactOutput, Error> {
    let mut labels = Labels::new(&input.labels);
    strings(&mut input.content, &mut |text| labels.redact(text));
    Ok(RedactOutput { content: input.content, counts: labels.counts })
}

/// The filter; each call may meet a fresh instance, so it holds nothing.
pub struct PiiRedactor;

/// Keeps personal data from models, and from what they answer.
#[cleargate::filter]
impl Filter for PiiRedactor {
    type Config = Config;
    type Carry = stream::Carry;

    fn before(_: &Context, mut request: Value, config: Config) -> Result<Value, Error> {
        let mut labels = Labels::new(&config.labels);
        if let Some(messages) = request.get_mut("messages") {
            strings(messages, &mut |text| labels.redact(text));
        }
        Ok(request)
    }

    fn after(_: &Context, _: Value, mut response: Value, config: Config) -> Result<Value, Error> {
        if !config.requests_only {
            let mut labels = Labels::new(&config.labels);
            strings(&mut response, &mut |text| labels.redact(text));
        }
        Ok(response)
    }

    fn on_chunk(
        _: &Context,
        chunk: Chunk<stream::Carry>,
        config: Config,
    ) -> Result<Filtered<stream::Carry>, Error> {
        if config.requests_only {
            return Ok(Filtered { text: chunk.text, carry: chunk.carry });
        }
        let (text, carry) = stream::next(chunk.carry, &chunk.text, chunk.last, &config.labels);
        Ok(Filtered { text, carry })
    }
}

/// Replaces strings in a value. Keys are names of fields, and stay.
fn strings(value: &mut Value, replace: &mut impl FnMut(&str) -> Option<String>) {
    match value {
        Value::String(text) => {
            if let Some(other) = replace(text) {
                *text = other;
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| strings(item, replace)),
        Value::Object(fields) => fields.values_mut().for_each(|item| strings(item, replace)),
        _ => {}
    }
}

cleargate::export! { nodes: [redact], filter: PiiRedactor }

#[cfg(test)]
mod tests;
