//! A provider for models behind the chat completions interface, which most servers of models speak.
//!
//! One request, one answer. What the interface calls otherwise is translated; what it does not know is refused, so that
//! no wish of a flow is lost in silence. The key is a placeholder here: its value never enters this component.

mod pause;
mod wire;

use cleargate::http::Request;
use cleargate::{Context, Error, Provider, Reply, Value};
use serde::Deserialize;

/// What the flow configures.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Where `/chat/completions` is, as `https://api.openai.com/v1` or `http://127.0.0.1:11434/v1`.
    pub base_url: String,
    /// Label of the secret with the key; none is sent when it is absent.
    pub key: Option<String>,
    /// Millionths of a US dollar for a million tokens of requests.
    #[serde(default)]
    pub input_price: u64,
    /// The same for tokens of answers.
    #[serde(default)]
    pub output_price: u64,
}

/// The provider.
pub struct Chat;

impl Provider for Chat {
    type Config = Config;

    fn complete(_: &Context, model: &str, request: Value, config: Config) -> Result<Reply, Error> {
        if model.is_empty() {
            return Err(Error::invalid_input(
                "the flow names no model; write it behind the alias: `models: { fast: alias/MODEL }`",
            ));
        }
        let body = wire::body(model, request)?;
        let url = format!("{}/chat/completions", config.base_url.trim_end_matches('/'));
        let mut post = Request::post(&url).header("content-type", "application/json");
        if let Some(label) = &config.key {
            post = post.header(
                "authorization",
                &format!("Bearer {}", cleargate::secret::placeholder(label)?),
            );
        }
        let response = post.body(body.to_string()).send()?;
        if response.status != 200 {
            return Err(wire::refused(response.status, &response.headers, &response.body));
        }
        wire::reply(&response.body, &config)
    }
}

cleargate::export! { provider: Chat }
