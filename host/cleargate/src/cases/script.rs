//! The `world:` of a case: what is there before the call, what the network answers, what is refused.

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use cleargate_flow::Value;
use cleargate_flow::error::{ErrorCode, NodeError};
use cleargate_flow::limits::Unit;
use cleargate_runtime::world::{Header, Request, Response};
use serde::Deserialize;

use super::faults::Fault;
use super::peers::{ModelTurn, ToolTurn};

/// 2026-01-01T00:00:00Z: a moment that does not move, when a case names none.
const NOW: &str = "2026-01-01T00:00:00Z";

/// As a case writes it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Script {
    /// The time, RFC 3339.
    pub now: Option<String>,
    /// Decides the random bytes.
    pub seed: u64,
    /// Text by store and key.
    pub kv: BTreeMap<String, BTreeMap<String, String>>,
    /// Texts behind media handles that the input names.
    pub blobs: Vec<String>,
    /// Labels of the secrets that there are.
    pub secrets: Option<BTreeSet<String>>,
    /// Answers of the network; absent is not empty: such a case can be recorded.
    pub http: Option<Vec<Exchange>>,
    /// Record the answers anew with `--record`, though there are some.
    pub record: bool,
    /// Answers of models.
    pub models: Vec<ModelTurn>,
    /// Answers of other plugins' tools.
    pub tools: Vec<ToolTurn>,
    /// Services that refuse, as after a grant was taken back.
    pub deny: BTreeSet<Service>,
    /// Services that fail.
    pub fail: Vec<Fault>,
}

/// A service that a case can refuse.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Service {
    Http,
    Kv,
    Secrets,
    Random,
    Clock,
    Blob,
}

/// One request that is expected, and what comes of it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Exchange {
    #[serde(default = "get")]
    method: String,
    /// With `*` for whatever stands there.
    url: String,
    /// Fields that the request must have; others are welcome.
    #[serde(default)]
    headers: BTreeMap<String, String>,
    /// The body that the request must have.
    body: Option<String>,
    /// One of these two.
    response: Option<Scripted>,
    fail: Option<Fail>,
    /// The answer to each request like this, not to one alone.
    #[serde(default)]
    always: bool,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Scripted {
    #[serde(default = "ok")]
    status: u16,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    text: Option<String>,
    json: Option<Value>,
    /// Bytes that are no text.
    base64: Option<String>,
    /// Time that passes before the answer comes: `3s`.
    slow: Option<String>,
    /// Bytes after which the connection breaks.
    cut: Option<usize>,
}

/// What comes of a request.
pub(crate) struct Outcome {
    /// Milliseconds that pass before.
    pub slow: u64,
    pub answer: Result<Response, NodeError>,
    /// Bytes of the body after which the connection breaks.
    pub cut: Option<usize>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Fail {
    code: ErrorCode,
    #[serde(default)]
    message: String,
}

impl From<Fail> for NodeError {
    fn from(fail: Fail) -> Self {
        NodeError::new(fail.code, fail.message)
    }
}

fn get() -> String {
    "GET".into()
}

fn ok() -> u16 {
    200
}

impl Script {
    /// Reads the key `world` of a case.
    pub(crate) fn of(case: &Value) -> Result<Self, String> {
        let script: Self = match case.get("world") {
            Some(world) => world.to().map_err(|e| format!("`world`: {e}"))?,
            None => Self::default(),
        };
        script.now_ms()?;
        script.fail.iter().try_for_each(Fault::check).map_err(|e| format!("`world.fail`: {e}"))?;
        for exchange in script.http.iter().flatten() {
            exchange.check().map_err(|e| format!("`world.http`: {}: {e}", exchange.name()))?;
        }
        Ok(script)
    }

    /// Milliseconds since 1970-01-01T00:00:00Z.
    pub(crate) fn now_ms(&self) -> Result<u64, String> {
        let text = self.now.as_deref().unwrap_or(NOW);
        let time: jiff::Timestamp = text.parse().map_err(|e| format!("`world.now`: {e}"))?;
        u64::try_from(time.as_millisecond()).map_err(|_| "`world.now` is before 1970".into())
    }
}

impl Exchange {
    /// As people name it.
    pub(crate) fn name(&self) -> String {
        format!("{} {}", self.method, self.url)
    }

    /// Whether this is the answer to a request.
    pub(crate) fn answers(&self, request: &Request) -> bool {
        let has = |(name, value): (&String, &String)| {
            let same =
                |header: &Header| header.name.eq_ignore_ascii_case(name) && header.value == *value;
            request.headers.iter().any(same)
        };
        self.method.eq_ignore_ascii_case(&request.method)
            && fits(&self.url, &request.url)
            && self.headers.iter().all(has)
            && self
                .body
                .as_ref()
                .is_none_or(|body| request.body.as_deref().unwrap_or_default() == body.as_bytes())
    }

    /// Whether it answers more than one request.
    pub(crate) fn always(&self) -> bool {
        self.always
    }

    /// Refuses what could not be answered with.
    pub(crate) fn check(&self) -> Result<(), String> {
        let scripted = match (&self.response, &self.fail) {
            (Some(scripted), None) => scripted,
            (None, Some(_)) => return Ok(()),
            _ => return Err("it needs a `response` or a `fail`".into()),
        };
        let bodies = [scripted.text.is_some(), scripted.json.is_some(), scripted.base64.is_some()];
        if bodies.into_iter().filter(|there| *there).count() > 1 {
            return Err("an answer has one of `text`, `json` and `base64`".into());
        }
        let length = scripted.body()?.len();
        match scripted.cut {
            Some(cut) if cut >= length => {
                Err(format!("`cut: {cut}` does not cut off a body of {length} bytes"))
            }
            _ => scripted.slow().map(drop),
        }
    }

    /// What comes of it.
    pub(crate) fn outcome(&self) -> Outcome {
        if let Some(fail) = &self.fail {
            let answer = Err(NodeError::new(fail.code, fail.message.clone()));
            return Outcome { slow: 0, answer, cut: None };
        }
        let scripted = self.response.as_ref().expect("it was checked when the case was read");
        let mut headers = scripted.headers.clone();
        if scripted.json.is_some() {
            headers.entry("content-type".into()).or_insert_with(|| "application/json".into());
        }
        let headers = headers.into_iter();
        let headers = headers.map(|(name, value)| Header { name, value }).collect();
        let body = scripted.body().expect("it was checked when the case was read");
        Outcome {
            slow: scripted.slow().expect("it was checked when the case was read"),
            answer: Ok(Response { status: scripted.status, headers, body }),
            cut: scripted.cut,
        }
    }
}

/// Whether a text is as the pattern says, in which `*` stands for any text.
pub(crate) fn fits(pattern: &str, text: &str) -> bool {
    let Some((start, rest)) = pattern.split_once('*') else { return pattern == text };
    let Some(text) = text.strip_prefix(start) else { return false };
    (0..=text.len()).filter(|at| text.is_char_boundary(*at)).any(|at| fits(rest, &text[at..]))
}

impl Scripted {
    fn body(&self) -> Result<Vec<u8>, String> {
        Ok(match (&self.text, &self.json, &self.base64) {
            (Some(text), ..) => text.clone().into_bytes(),
            (_, Some(json), _) => json.to_json().into_bytes(),
            (.., Some(text)) => STANDARD.decode(text).map_err(|e| format!("`base64`: {e}"))?,
            (None, None, None) => Vec::new(),
        })
    }

    fn slow(&self) -> Result<u64, String> {
        let parsed = self.slow.as_deref().map(|text| Unit::Millis.parse(text)).transpose();
        parsed.map(Option::unwrap_or_default).map_err(|e| format!("`slow`: {e}"))
    }
}

#[cfg(test)]
mod tests {
    use super::fits;

    #[test]
    fn a_star_stands_for_any_text() {
        for (pattern, text, same) in [
            ("https://a/b", "https://a/b", true),
            ("https://a/b", "https://a/bc", false),
            ("https://a/*", "https://a/", true),
            ("https://a/*/c?q=*", "https://a/b/c?q=é", true),
            ("https://a/*/c", "https://a/c", false),
            ("*", "", true),
        ] {
            assert_eq!(fits(pattern, text), same, "{pattern} {text}");
        }
    }
}
