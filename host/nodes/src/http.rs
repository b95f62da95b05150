//! `http`: one request to a granted host, through the HTTP door, with the whole answer as the value.
//!
//! Any status is an answer and no failure: whether 404 is good news is for the flow to say. What a request does
//! to the world only the flow's author knows, so the key `effect:` says it and the node keeps the word: `read`
//! refuses a method that writes, `idempotent` gives the peer the step's key to deduplicate by.

use std::time::Duration;

use async_trait::async_trait;
use cleargate_executor::{Failure, Node, NodeContext, Output};
use cleargate_flow::signature::{Effect, Signature};
use cleargate_flow::value::Fields;
use cleargate_flow::{NodeError, Value};
use cleargate_gate::{HttpRequest, HttpResponse, Request, Response};
use indexmap::IndexMap;
use serde::Deserialize;

/// Where a peer finds the key that it deduplicates by.
const KEY_HEADER: &str = "Idempotency-Key";

/// Sends a request. Output: `{ status, headers, text, json, bytes }`.
///
/// `headers` has names in lower case, repeated ones joined by `, `. `text` is the body; when it is not UTF-8, `text`
/// is empty and `bytes` is the base64 of it. `json` is there when the peer says that it is JSON and it is.
#[derive(Clone, Copy, Debug, Default)]
pub struct Http;

#[derive(Deserialize)]
struct Input {
    method: Option<String>,
    url: String,
    headers: Option<IndexMap<String, String>>,
    #[serde(default)]
    body: Value,
    timeout_ms: Option<i64>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Declared {
    Read,
    Idempotent,
    #[default]
    Once,
}

#[derive(Deserialize)]
struct Config {
    effect: Option<Declared>,
}

impl Http {
    /// What flows write after `type:`.
    pub const NAME: &str = "http";

    /// What the checker knows. `effect` is a key of the node type: the flow alone knows what its request does.
    pub fn signature() -> Signature {
        let mut method = crate::field("method", "string", "`GET` when absent.");
        method.1.default = Some("GET".into());
        let mut timeout =
            crate::field("timeout_ms", "opt<int>", "Milliseconds that the exchange may take.");
        timeout.1.min = Some(1.0);
        let body = "Text is sent as it is, anything else as JSON.";
        let effect = "`read` for a request that changes nothing, `idempotent` for a peer that honours \
                      `Idempotency-Key`; `once` when absent.";
        Signature {
            input: IndexMap::from([
                method,
                crate::field("url", "string", "Of a host that the operator granted."),
                crate::field("headers", "opt<map<string>>", "Headers by name."),
                crate::field("body", "opt<json>", body),
                timeout,
            ]),
            config: IndexMap::from([crate::field(
                "effect",
                "opt<enum(read, idempotent, once)>",
                effect,
            )]),
            ..crate::signature(
                "Sends a request to a host that the operator granted.",
                Effect::Once,
                "record{status: int, headers: map<string>, text: string, json: opt<json>, bytes: opt<bytes>}",
            )
        }
    }
}

#[async_trait]
impl Node for Http {
    async fn run(&self, ctx: NodeContext, input: Value) -> Result<Output, Failure> {
        let request = request(&ctx, &input)?;
        let result = match ctx.pass.perform(Request::Http(request)).await {
            Ok(Response::Http(response)) => Ok(answer(response)),
            Ok(_) => Err(crate::foreign_answer(Self::NAME)),
            Err(error) => Err(error),
        };
        crate::measured(&ctx, result)
    }
}

fn request(ctx: &NodeContext, input: &Value) -> Result<HttpRequest, Failure> {
    let input: Input = crate::read(Http::NAME, input)?;
    let declared = match &ctx.config {
        Value::Null => Declared::default(),
        config => {
            let config: Result<Config, _> = config.to();
            let config =
                config.map_err(|e| crate::invalid(format!("configuration of `http`: {e}")))?;
            config.effect.unwrap_or_default()
        }
    };
    let method = input.method.map_or_else(|| "GET".into(), |method| method.to_ascii_uppercase());
    let mut headers: Vec<(String, String)> =
        input.headers.unwrap_or_default().into_iter().collect();
    match declared {
        Declared::Read if !matches!(method.as_str(), "GET" | "HEAD" | "OPTIONS") => {
            return Err(writes(&method).into());
        }
        Declared::Idempotent => add(&mut headers, KEY_HEADER, &ctx.key),
        Declared::Read | Declared::Once => {}
    }
    let body = body(&input.body, &mut headers);
    let timeout = input.timeout_ms.map(milliseconds).transpose()?;
    Ok(HttpRequest { method, url: input.url, headers, body, timeout })
}

fn writes(method: &str) -> NodeError {
    let message =
        format!("the node says `effect: read`, and `{method}` may change what it is sent to");
    NodeError::new(cleargate_flow::ErrorCode::InvalidInput, message).with_help(
        "leave `effect` out, or write `effect: idempotent` when the peer honours `Idempotency-Key`",
    )
}

fn milliseconds(ms: i64) -> Result<Duration, Failure> {
    match u64::try_from(ms) {
        Ok(ms) if ms > 0 => Ok(Duration::from_millis(ms)),
        _ => Err(crate::invalid(format!("`timeout_ms` must be at least 1, found {ms}"))),
    }
}

/// Adds a header unless the flow sets it.
fn add(headers: &mut Vec<(String, String)>, name: &str, value: &str) {
    if !headers.iter().any(|(set, _)| set.eq_ignore_ascii_case(name)) {
        headers.push((name.into(), value.into()));
    }
}

fn body(body: &Value, headers: &mut Vec<(String, String)>) -> Option<Vec<u8>> {
    let (kind, bytes) = match body {
        Value::Null => return None,
        Value::String(text) => ("text/plain; charset=utf-8", text.as_bytes().to_vec()),
        json => ("application/json", json.to_json().into_bytes()),
    };
    add(headers, "Content-Type", kind);
    Some(bytes)
}

fn answer(response: HttpResponse) -> Value {
    let mut headers: IndexMap<String, String> = IndexMap::new();
    for (name, value) in response.headers {
        headers
            .entry(name)
            .and_modify(|joined| {
                joined.push_str(", ");
                joined.push_str(&value);
            })
            .or_insert(value);
    }
    let is_json = headers.get("content-type").is_some_and(|kind| says_json(kind));
    let (text, bytes) = crate::file_read::text_or_base64(response.body.0);
    let json = match text.as_str() {
        Some(text) if is_json => Value::from_json(text).unwrap_or_default(),
        _ => Value::Null,
    };
    let text = if text.is_null() { "".into() } else { text };
    let headers: Fields = headers.into_iter().map(|(k, v)| (k.into(), v.into())).collect();
    Value::record([
        ("status", Value::Int(response.status.into())),
        ("headers", headers.into()),
        ("text", text),
        ("json", json),
        ("bytes", bytes),
    ])
}

/// `application/json`, and the kinds that end in `+json` (RFC 6839).
fn says_json(content_type: &str) -> bool {
    let kind = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    kind == "application/json" || kind.ends_with("+json")
}

#[cfg(test)]
mod tests;
