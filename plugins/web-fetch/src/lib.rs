//! A tool that fetches a page as text.
//!
//! Which hosts may be reached is not decided here: the host holds each request and each redirect against the grants,
//! and puts a secret in on the way out. The plugin bounds what comes back, makes text of it, and says in its errors
//! what a caller can do.

mod answer;
mod charset;
mod robots;

use cleargate::{Code, Error, Media, http, json, secret};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Bytes of a page without another number: longer ones are read by no model.
const USUAL_BYTES: usize = 1_000_000;
/// Bytes that may be asked for: what the host takes as one answer, with room for other encodings.
const MAX_BYTES: usize = 3_000_000;
/// Characters of an address; longer ones are refused by many servers.
const MAX_URL: usize = 2_000;
/// Milliseconds for one request.
const TIMEOUT_MS: u32 = 15_000;
/// Who asks: some servers refuse those who do not say it.
const AGENT: &str = "cleargate-web-fetch/0.1";
/// The secret that a call may sign in with.
const TOKEN: &str = "WEB_FETCH_TOKEN";
/// What is text, when the caller does not say what is wanted.
const TEXTS: &[&str] = &[
    "text/*",
    "application/json",
    "application/*+json",
    "application/xml",
    "application/*+xml",
    "application/yaml",
    "application/javascript",
];

/// What is fetched.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Input {
    /// The address, `https://…`; its host must be granted.
    #[schemars(length(min = 1, max = 2000))]
    pub url: String,
    /// Media types that are taken, such as `text/html` or `image/*`; those of texts when absent.
    #[serde(default)]
    pub accept: Vec<String>,
    /// Languages that are preferred, such as `de, en;q=0.5`.
    #[serde(default)]
    pub language: Option<String>,
    /// The most bytes that are read; 1,000,000 when absent, at most 3,000,000.
    #[serde(default)]
    #[schemars(range(min = 1, max = 3_000_000))]
    pub max_bytes: Option<usize>,
    /// Whether the site's rules for programs (`robots.txt`) are asked for and kept; true when absent.
    #[serde(default)]
    pub robots: Option<bool>,
    /// A header that gets the secret `WEB_FETCH_TOKEN`, such as `x-api-key`; `authorization` gets `Bearer` before it.
    #[serde(default)]
    pub token_header: Option<String>,
}

/// What was fetched.
#[derive(Serialize, JsonSchema)]
pub struct Output {
    /// The status of the answer, 200 to 299.
    pub status: u16,
    /// Its media type, without parameters.
    pub mime: String,
    /// The address by which the page itself wants to be known, when it says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub canonical: Option<String>,
    /// The title of an HTML page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// The text, when it is one: HTML stays HTML.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// The encoding that the text came in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub charset: Option<String>,
    /// What is no text, as a handle.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub media: Option<Media>,
    /// Bytes that were read.
    pub bytes: usize,
    /// Whether there were more than were asked for.
    pub truncated: bool,
}

/// Fetches a page of a granted host, and returns its text with title and media type. HTML is returned as it is.
#[cleargate::tool(read_only, idempotent, open_world)]
pub fn fetch(input: Input) -> Result<Output, Error> {
    let max = checked(&input)?;
    if input.robots.unwrap_or(true) {
        robots::ask(&input.url)?;
    }
    let wanted: Vec<&str> = match input.accept.is_empty() {
        true => TEXTS.to_vec(),
        false => input.accept.iter().map(String::as_str).collect(),
    };
    let mut request = request(&input.url).header("accept", &wanted.join(", "));
    if let Some(language) = &input.language {
        request = request.header("accept-language", language);
    }
    if let Some(name) = &input.token_header {
        let token = secret::placeholder(TOKEN)?;
        let bearer = if name.eq_ignore_ascii_case("authorization") { "Bearer " } else { "" };
        request = request.header(name, &format!("{bearer}{token}"));
    }
    answer::read(request.open()?, &wanted, max)
}

/// A request as this plugin sends it.
fn request(url: &str) -> http::Request {
    http::Request::get(url).header("user-agent", AGENT).timeout_ms(TIMEOUT_MS)
}

/// Refuses what no request can be made of; returns the bound.
fn checked(input: &Input) -> Result<usize, Error> {
    let wrong = |message: String| Err(Error::invalid_input(message));
    let max = input.max_bytes.unwrap_or(USUAL_BYTES);
    if !input.url.starts_with("https://") && !input.url.starts_with("http://") {
        return wrong("/url: write an address that begins with `https://`".into());
    }
    if input.url.chars().count() > MAX_URL {
        return wrong(format!("/url has more than {MAX_URL} characters"));
    }
    if max == 0 || max > MAX_BYTES {
        return wrong(format!("/max_bytes is {max}; write 1 to {MAX_BYTES}"));
    }
    if let Some(bad) = input.accept.iter().find(|t| !is_type(t)) {
        return wrong(format!(
            "/accept: `{bad}` is no media type; write one as `text/html` or `image/*`"
        ));
    }
    let header = |c: u8| c.is_ascii_alphanumeric() || c == b'-';
    if let Some(name) =
        input.token_header.as_ref().filter(|n| n.is_empty() || !n.bytes().all(header))
    {
        return wrong(format!("/token_header: `{name}` is no name of a header"));
    }
    Ok(max)
}

fn is_type(text: &str) -> bool {
    let part = |p: &str| {
        !p.is_empty() && p.bytes().all(|b| b.is_ascii_alphanumeric() || b"*+-._".contains(&b))
    };
    text.split_once('/').is_some_and(|(kind, of)| part(kind) && part(of))
}

/// What a status of failure means for who asked.
fn refused(status: u16, what: &str) -> Error {
    let (code, hint) = match status {
        401 | 403 => {
            (Code::Permanent, "; it wants to know who asks: `token_header` sends a secret")
        }
        404 | 410 => (Code::Permanent, "; there is no such page"),
        408 | 425 | 429 => (Code::Transient, "; try again later"),
        500.. => (Code::Transient, ""),
        _ => (Code::Permanent, ""),
    };
    Error::new(code, format!("{what} answered {status}{hint}"))
        .with_detail(json!({ "status": status }))
}

cleargate::export! { tools: [fetch] }

#[cfg(test)]
mod tests;
