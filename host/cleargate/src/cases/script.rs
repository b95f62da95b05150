//! The `world:` of a case: what is there before the call, what the network answers, what is refused.

use std::collections::{BTreeMap, BTreeSet};

use cleargate_flow::Value;
use cleargate_flow::error::{ErrorCode, NodeError};
use cleargate_runtime::world::{Header, Request, Response};
use serde::Deserialize;

/// 2026-01-01T00:00:00Z: a moment that does not move, when a case names none.
const NOW: &str = "2026-01-01T00:00:00Z";

/// As a case writes it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Script {
    /// The time, RFC 3339.
    pub now: Option<String>,
    /// Decides the random bytes.
    pub seed: u64,
    /// Text by store and key.
    pub kv: BTreeMap<String, BTreeMap<String, String>>,
    /// Labels of the secrets that there are.
    pub secrets: Option<BTreeSet<String>>,
    /// Answers of the network.
    pub http: Vec<Exchange>,
    /// Services that refuse, as after a grant was taken back.
    pub deny: BTreeSet<Service>,
}

/// A service that a case can refuse.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Service {
    Http,
    Kv,
    Secrets,
    Random,
}

/// One request that is expected, and what comes of it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Exchange {
    #[serde(default = "get")]
    method: String,
    url: String,
    /// Fields that the request must have; others are welcome.
    #[serde(default)]
    headers: BTreeMap<String, String>,
    /// The body that the request must have.
    body: Option<String>,
    #[serde(flatten)]
    outcome: Outcome,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Outcome {
    Response(Scripted),
    Fail(Fail),
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
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Fail {
    code: ErrorCode,
    #[serde(default)]
    message: String,
}

fn get() -> String {
    "GET".into()
}

fn ok() -> u16 {
    200
}

impl Script {
    /// Reads the key `world` of a case.
    pub(super) fn of(case: &Value) -> Result<Self, String> {
        let script: Self = match case.get("world") {
            Some(world) => world.to().map_err(|e| format!("`world`: {e}"))?,
            None => Self::default(),
        };
        script.now_ms()?;
        Ok(script)
    }

    /// Milliseconds since 1970-01-01T00:00:00Z.
    pub(super) fn now_ms(&self) -> Result<u64, String> {
        let text = self.now.as_deref().unwrap_or(NOW);
        let time: jiff::Timestamp = text.parse().map_err(|e| format!("`world.now`: {e}"))?;
        u64::try_from(time.as_millisecond()).map_err(|_| "`world.now` is before 1970".into())
    }
}

impl Exchange {
    /// As people name it.
    pub(super) fn name(&self) -> String {
        format!("{} {}", self.method, self.url)
    }

    /// Whether this is the answer to a request.
    pub(super) fn answers(&self, request: &Request) -> bool {
        let has = |(name, value): (&String, &String)| {
            let same =
                |header: &Header| header.name.eq_ignore_ascii_case(name) && header.value == *value;
            request.headers.iter().any(same)
        };
        self.method.eq_ignore_ascii_case(&request.method)
            && self.url == request.url
            && self.headers.iter().all(has)
            && self
                .body
                .as_ref()
                .is_none_or(|body| request.body.as_deref().unwrap_or_default() == body.as_bytes())
    }

    /// What comes of it.
    pub(super) fn outcome(&self) -> Result<Response, NodeError> {
        let scripted = match &self.outcome {
            Outcome::Response(scripted) => scripted,
            Outcome::Fail(fail) => return Err(NodeError::new(fail.code, fail.message.clone())),
        };
        let mut headers = scripted.headers.clone();
        let body = match (&scripted.text, &scripted.json) {
            (Some(text), _) => text.clone().into_bytes(),
            (None, Some(json)) => {
                headers.entry("content-type".into()).or_insert_with(|| "application/json".into());
                json.to_json().into_bytes()
            }
            (None, None) => Vec::new(),
        };
        let headers = headers.into_iter();
        let headers = headers.map(|(name, value)| Header { name, value }).collect();
        Ok(Response { status: scripted.status, headers, body })
    }
}
