//! A tool that fetches a page as text.
//!
//! Which hosts may be reached is not decided here: the host holds each request and each redirect against the grants,
//! and puts a secret in on the way out. The plugin bounds what comes back, makes text of it, and says in its errors
//! what a caller can do.

mod answer;
mod charset;
mod input;
mod robots;

use cleargate::{Code, Error, http, json, secret};

pub use answer::Output;
pub use input::Input;

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

/// Fetches a page of a granted host, and returns its text with title and media type. HTML is returned as it is.
#[cleargate::tool(read_only, idempotent, open_world)]
pub fn fetch(input: Input) -> Result<Output, Error> {
    let max = input.bound()?;
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
