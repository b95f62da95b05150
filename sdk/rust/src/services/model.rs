//! Models by the names that the flow gives them.

use serde_json::Value;

use super::host::model as host;
use crate::bindings::services::cleargate::host::model as wit;
use crate::{Error, media};

/// What a call used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Tokens of the request.
    pub input_tokens: u64,
    /// Tokens of the reply.
    pub output_tokens: u64,
    /// Millionths of a US dollar.
    pub micro_usd: u64,
}

/// A whole reply.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Reply {
    /// `role`, `content` and, when there are any, `tool_calls`.
    pub message: Value,
    /// What it cost.
    pub usage: Usage,
}

/// The text of a reply as it is made.
pub struct ReplyStream(host::ReplyStream);

/// Asks a model. `request` holds `messages`, and optionally `tools`, `schema`, `max_tokens`, `temperature`.
///
/// # Errors
/// `denied` for a name without a grant, `budget`, `transient`, `timeout`.
pub fn complete(model: &str, request: &Value) -> Result<Reply, Error> {
    reply(host::complete(model, &media::write(request)?)?)
}

/// Asks a model and reads the text as it is made.
///
/// # Errors
/// As [`complete`].
pub fn open(model: &str, request: &Value) -> Result<ReplyStream, Error> {
    Ok(ReplyStream(host::open(model, &media::write(request)?)?))
}

/// Pieces of text. Errors are `transient`, `timeout`, `budget`.
impl Iterator for ReplyStream {
    type Item = Result<String, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        self.0.next().map_err(Error::from).transpose()
    }
}

impl ReplyStream {
    /// The whole reply, after the last piece.
    ///
    /// # Errors
    /// `invalid_input` when pieces are still to come.
    pub fn reply(&self) -> Result<Reply, Error> {
        reply(self.0.reply()?)
    }
}

fn reply(reply: wit::Reply) -> Result<Reply, Error> {
    let usage = Usage {
        input_tokens: reply.usage.input_tokens,
        output_tokens: reply.usage.output_tokens,
        micro_usd: reply.usage.micro_usd,
    };
    Ok(Reply { message: media::read("reply", reply.message)?, usage })
}
