//! The real network in a case, once: what it answers is written down and stands in for it from then on.
//!
//! A recording reaches what the manifest asks for and the author allowed on the command line, both; the gate decides,
//! as in a run. Secrets leave as they would in a run, and what is written holds stand-ins in their place.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use cleargate_flow::Value;
use cleargate_flow::error::{ErrorCode, NodeError};
use cleargate_flow::grant::{Grants, HostPattern};
use cleargate_flow::limits::{Effective, Unit};
use cleargate_gate::{
    Gate, HttpRequest, Identity, NoLog, Pass, Quotas, Request as Ask, Response as Told, RunCounters,
};
use cleargate_runtime::world::{Answer, Header, Request, Response};
use cleargate_store::memory::MemoryStore;

use super::world::stand_in;
use crate::config::Config;
use crate::error::{Error, Kind, Result};

/// Bytes of an answer that become part of a case: a file of cases has at most a MiB.
pub(super) const MAX_RECORDED: u64 = 256 * 1024;

/// Header fields of an answer that are another each time, or belong to the connection.
const FLEETING: [&str; 11] = [
    "age",
    "alt-svc",
    "connection",
    "content-encoding",
    "content-length",
    "date",
    "expires",
    "keep-alive",
    "server",
    "set-cookie",
    "transfer-encoding",
];

/// The way to the network for all cases that are recorded.
pub(super) struct Network {
    gate: Arc<Gate>,
    grants: Grants,
}

impl Network {
    /// Reaches the hosts that the manifest asks for, as far as `allow` covers them.
    pub(super) fn new(config: &Config, asked: &Grants, allow: &[HostPattern]) -> Result<Self> {
        let most = Grants { http: allow.iter().cloned().collect(), ..Grants::default() };
        let http = most.effective(asked).http;
        if http.is_empty() {
            let asks: Vec<String> = asked.http.iter().map(ToString::to_string).collect();
            let why = match asks.is_empty() {
                true => "the plugin asks for no host, so there is nothing to record".to_owned(),
                false => "no host that the plugin asks for may be reached".to_owned(),
            };
            let mut error = Error::new(Kind::Invalid, why);
            error.help.extend(asks.iter().map(|host| format!("--allow {host}")));
            return Err(error);
        }
        let grants = Grants { http, secrets: asked.secrets.clone(), ..Grants::default() };
        let gate = crate::host::gate(config, Arc::new(MemoryStore::default()))?;
        Ok(Self { gate, grants })
    }

    /// The way of one call.
    pub(super) fn recorder(&self, limits: &Effective) -> Recorder {
        let identity = Identity {
            run: "record".parse().expect("the name is constant"),
            address: "case".parse().expect("the name is constant"),
            attempt: 1,
            plugin: "plugin".into(),
            tenant: "default".into(),
        };
        let run = Arc::new(RunCounters::new(limits.http_calls.value));
        let quotas = Quotas::new(limits, run);
        let pass = self.gate.pass(identity, self.grants.clone(), quotas, Arc::new(NoLog));
        let (taken, failed, tokens) = (Mutex::default(), Mutex::default(), Mutex::default());
        Recorder { pass, taken, failed, tokens }
    }
}

/// One exchange as a case writes it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Recorded {
    pub method: String,
    pub url: String,
    /// Absent when there is none, and when it is no text.
    pub body: Option<String>,
    pub response: Value,
}

impl Recorded {
    /// The entry of `world.http`.
    pub(super) fn to_value(&self) -> Value {
        let mut fields: Vec<(&str, Value)> = Vec::new();
        if self.method != "GET" {
            fields.push(("method", self.method.as_str().into()));
        }
        fields.push(("url", self.url.as_str().into()));
        fields.extend(self.body.as_ref().map(|body| ("body", body.as_str().into())));
        fields.push(("response", self.response.clone()));
        Value::record(fields)
    }
}

/// See the module.
pub(super) struct Recorder {
    pass: Pass,
    taken: Mutex<Vec<Recorded>>,
    /// Requests that were refused or got no answer.
    failed: Mutex<Vec<String>>,
    /// Placeholders that were handed out, with their labels.
    tokens: Mutex<BTreeMap<String, String>>,
}

impl Recorder {
    /// Sends a request, and keeps the answer.
    pub(super) async fn send(&self, request: Request, most: u64) -> Answer<Response> {
        let name = format!("{} {}", request.method, self.scrubbed(&request.url));
        let sent = self.exchange(request, most).await;
        if let Err(error) = &sent {
            let mut failed = self.failed.lock().expect("no holder of this lock panics");
            failed.push(format!(
                "nothing is recorded: {name}: {}",
                self.scrubbed(&error.to_string())
            ));
        }
        sent
    }

    /// Requests that came to nothing: an answer that belongs to half a call would be no golden one.
    pub(super) fn failed(&self) -> Vec<String> {
        self.failed.lock().expect("no holder of this lock panics").clone()
    }

    async fn exchange(&self, request: Request, most: u64) -> Answer<Response> {
        let ask = HttpRequest {
            method: request.method.clone(),
            url: request.url.clone(),
            headers: request.headers.iter().map(|h| (h.name.clone(), h.value.clone())).collect(),
            body: request.body.clone(),
            timeout: request.timeout_ms.map(|ms| Duration::from_millis(ms.into())),
        };
        let Told::Http(told) = self.pass.perform(Ask::Http(ask)).await? else {
            return Err(NodeError::new(ErrorCode::Bug, "the gate gave no HTTP answer"));
        };
        let most = most.min(MAX_RECORDED);
        if told.body.0.len() as u64 > most {
            let most = Unit::Bytes.print(most);
            return Err(NodeError::limit("payload", format!("the answer has more than {most}")));
        }
        let response = self.written(told.status, &told.headers, &told.body.0);
        let body = request.body.and_then(|body| String::from_utf8(body).ok());
        let recorded = Recorded {
            method: request.method.to_ascii_uppercase(),
            url: self.scrubbed(&request.url),
            body: body.map(|body| self.scrubbed(&body)).filter(|body| !body.is_empty()),
            response,
        };
        self.taken.lock().expect("no holder of this lock panics").push(recorded);
        let headers = told.headers.into_iter().map(|(name, value)| Header { name, value });
        Ok(Response { status: told.status, headers: headers.collect(), body: told.body.0 })
    }

    /// A placeholder of the gate, so that a request carries the secret.
    pub(super) async fn placeholder(&self, label: String) -> Answer<String> {
        match self.pass.perform(Ask::Secret { label: label.clone() }).await? {
            Told::Placeholder { token, .. } => {
                let mut tokens = self.tokens.lock().expect("no holder of this lock panics");
                tokens.insert(token.clone(), label);
                Ok(token)
            }
            _ => Err(NodeError::new(ErrorCode::Bug, "the gate gave no placeholder")),
        }
    }

    /// Everything that was kept, in order.
    pub(super) fn taken(&self) -> Vec<Recorded> {
        self.taken.lock().expect("no holder of this lock panics").clone()
    }

    /// Text without secrets, and with the stand-ins that the case hands out in the place of placeholders.
    fn scrubbed(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for (token, label) in self.tokens.lock().expect("no holder of this lock panics").iter() {
            text = text.replace(token, &stand_in(label));
        }
        match self.pass.scrub(&Value::from(text)) {
            Value::String(text) => text.to_string(),
            other => other.to_json(),
        }
    }

    /// An answer as a case writes it: a body as JSON where it says that it is, as text where it is text.
    fn written(&self, status: u16, headers: &[(String, String)], body: &[u8]) -> Value {
        let mut fields: Vec<(&str, Value)> = Vec::new();
        if status != 200 {
            fields.push(("status", i64::from(status).into()));
        }
        let text = std::str::from_utf8(body).ok().map(|text| self.scrubbed(text));
        let kind = headers.iter().find(|(name, _)| name == "content-type").map(|(_, kind)| &**kind);
        let json = kind.is_some_and(|kind| kind.contains("json"));
        // Only what reads back as it was: a plugin may count bytes.
        let json = text
            .as_deref()
            .filter(|_| json)
            .and_then(|text| Value::from_json(text).ok().filter(|value| value.to_json() == text));
        let kept = headers.iter().filter(|(name, _)| !FLEETING.contains(&name.as_str()));
        let implied = |name: &str, value: &str| {
            json.is_some() && name == "content-type" && value == "application/json"
        };
        let kept: BTreeMap<&str, Value> = kept
            .filter(|(name, value)| !implied(name, value))
            .map(|(name, value)| (name.as_str(), self.scrubbed(value).into()))
            .collect();
        if !kept.is_empty() {
            fields.push(("headers", Value::record(kept)));
        }
        match (json, text) {
            (Some(json), _) => fields.push(("json", json)),
            (None, Some(text)) if text.is_empty() => {}
            (None, Some(text)) => fields.push(("text", text.into())),
            (None, None) => fields.push(("base64", STANDARD.encode(body).into())),
        }
        Value::record(fields)
    }
}
