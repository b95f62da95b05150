//! The filter around models: what goes to one, and what comes back.

use std::collections::BTreeMap;

use cleargate::{Chunk, Context, Error, Filter, Filtered, Value};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::kept;
use crate::label::Label;
use crate::numbering::Numbering;
use crate::stream::{self, Carry};
use crate::texts::each_text;

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
