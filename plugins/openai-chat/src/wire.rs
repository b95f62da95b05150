//! The interface's own words for requests, answers and failures.

use cleargate::{Code, Error, Reply, Value, json};
use serde::Deserialize;

use crate::{Config, pause};

/// Characters of a server's own words that an error repeats.
const SAID: usize = 300;

/// What a request may hold, besides what the interface knows by the same name.
const KNOWN: [&str; 6] =
    ["messages", "tools", "tool_choice", "schema", "max_tokens", "temperature"];

/// The request as the interface has it.
pub(crate) fn body(model: &str, request: Value) -> Result<Value, Error> {
    let Value::Object(fields) = request else {
        return Err(Error::invalid_input("the request is no object with `messages`"));
    };
    let mut body = json!({ "model": model });
    for (name, value) in fields {
        if !KNOWN.contains(&name.as_str()) {
            let known = KNOWN.join(", ");
            return Err(Error::invalid_input(format!(
                "`{name}` is unknown; a request may have {known}"
            )));
        }
        if name == "schema" {
            body["response_format"] = json!({ "type": "json_schema", "json_schema": { "name": "answer", "schema": value } });
        } else {
            body[name] = value;
        }
    }
    Ok(body)
}

#[derive(Deserialize)]
struct Completion {
    choices: Vec<Choice>,
    #[serde(default)]
    usage: Used,
}

#[derive(Deserialize)]
struct Choice {
    message: Value,
    finish_reason: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Used {
    prompt_tokens: u64,
    completion_tokens: u64,
}

/// What the server answered, in the words of the contract.
pub(crate) fn reply(body: &[u8], config: &Config) -> Result<Reply, Error> {
    let completion: Completion = serde_json::from_slice(body).map_err(|error| {
        Error::new(Code::Permanent, format!("the server's answer is no chat completion: {error}"))
    })?;
    let Used { prompt_tokens, completion_tokens } = completion.usage;
    let choice = completion.choices.into_iter().next();
    let choice = choice.ok_or_else(|| Error::new(Code::Permanent, "the server gave no choice"))?;
    if choice.finish_reason.as_deref() == Some("length") {
        let message =
            format!("the answer was cut off after {completion_tokens} tokens; raise `max_tokens`");
        return Err(Error::new(Code::Limit, message));
    }
    let price = |tokens: u64, price: u64| tokens.saturating_mul(price).div_ceil(1_000_000);
    Ok(Reply {
        message: choice.message,
        input_tokens: prompt_tokens,
        output_tokens: completion_tokens,
        micro_usd: price(prompt_tokens, config.input_price)
            + price(completion_tokens, config.output_price),
    })
}

/// The failure that a status means, with the server's own words, and for how long it asks to be left alone.
pub(crate) fn refused(status: u16, headers: &[(String, String)], body: &[u8]) -> Error {
    let said = serde_json::from_slice::<Value>(body).ok();
    let said =
        said.as_ref().and_then(|body| body["error"]["message"].as_str().or(body["error"].as_str()));
    let said: String = said.unwrap_or("it says no more").chars().take(SAID).collect();
    let code = match status {
        401 | 403 => Code::Denied,
        408 | 409 | 425 | 429 | 500..=599 => Code::Transient,
        400..=499 => Code::InvalidInput,
        _ => Code::Permanent,
    };
    let error = Error::new(code, format!("the server answered {status}: {said}"));
    match pause::asked(headers).filter(|_| code == Code::Transient) {
        Some(ms) => error.with_detail(json!({ "retry_after_ms": ms })),
        None => error,
    }
}
