//! What a call may ask for.

use cleargate::Error;
use schemars::JsonSchema;
use serde::Deserialize;

/// Bytes of a page without another number: longer ones are read by no model.
const USUAL_BYTES: usize = 1_000_000;
/// Bytes that may be asked for: what the host takes as one answer, with room for other encodings.
const MAX_BYTES: usize = 3_000_000;
/// Characters of an address; longer ones are refused by many servers.
const MAX_URL: usize = 2_000;

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

impl Input {
    /// Refuses what no request can be made of; returns the bound.
    pub(crate) fn bound(&self) -> Result<usize, Error> {
        let wrong = |message: String| Err(Error::invalid_input(message));
        let max = self.max_bytes.unwrap_or(USUAL_BYTES);
        if !self.url.starts_with("https://") && !self.url.starts_with("http://") {
            return wrong("/url: write an address that begins with `https://`".into());
        }
        if self.url.chars().count() > MAX_URL {
            return wrong(format!("/url has more than {MAX_URL} characters"));
        }
        if max == 0 || max > MAX_BYTES {
            return wrong(format!("/max_bytes is {max}; write 1 to {MAX_BYTES}"));
        }
        if let Some(bad) = self.accept.iter().find(|t| !is_type(t)) {
            return wrong(format!(
                "/accept: `{bad}` is no media type; write one as `text/html` or `image/*`"
            ));
        }
        let header = |c: u8| c.is_ascii_alphanumeric() || c == b'-';
        if let Some(name) =
            self.token_header.as_ref().filter(|n| n.is_empty() || !n.bytes().all(header))
        {
            return wrong(format!("/token_header: `{name}` is no name of a header"));
        }
        Ok(max)
    }
}

/// Whether a text is a media type, or a pattern of some.
fn is_type(text: &str) -> bool {
    let part = |p: &str| {
        !p.is_empty() && p.bytes().all(|b| b.is_ascii_alphanumeric() || b"*+-._".contains(&b))
    };
    text.split_once('/').is_some_and(|(kind, of)| part(kind) && part(of))
}
