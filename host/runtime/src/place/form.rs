//! The forms in which values, errors and types of the contract cross from one process to another.
//!
//! Types that come from elsewhere get their form here, so that neither what is kept in journals nor what is generated
//! from the contract decides it. A value crosses as its JSON text: reading it checks its depth.

use cleargate_flow::error::{ErrorCode, NodeError};
use cleargate_flow::event::Usage;
use cleargate_flow::limits::TABLE;
use cleargate_flow::value::Value;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::fault::Fault;
use crate::plugin::{CallContext, Finding, Judgement, Stage};
use crate::world::{Header, Level, Media, Request};

/// A value as JSON text.
pub(crate) mod json {
    use super::*;

    pub(crate) fn serialize<S: Serializer>(value: &Value, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&value.to_json())
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Value, D::Error> {
        Value::from_json(&String::deserialize(from)?).map_err(D::Error::custom)
    }
}

/// An error of a node.
pub(crate) mod failure {
    use super::*;

    #[derive(Serialize, Deserialize)]
    struct Parts {
        code: ErrorCode,
        message: String,
        #[serde(with = "json")]
        detail: Value,
        help: Option<String>,
    }

    pub(crate) fn serialize<S: Serializer>(error: &NodeError, to: S) -> Result<S::Ok, S::Error> {
        let NodeError { code, message, detail, help } = error.clone();
        Parts { code, message, detail, help }.serialize(to)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<NodeError, D::Error> {
        let Parts { code, message, detail, help } = Parts::deserialize(from)?;
        Ok(NodeError { code, message, detail, help })
    }
}

/// An error of a node that may be an answer.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Refusal(#[serde(with = "failure")] pub(crate) NodeError);

/// Bytes, which cross as one piece.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Bytes(pub(crate) Vec<u8>);

impl Serialize for Bytes {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_bytes(&self.0)
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        <&[u8]>::deserialize(from).map(|bytes| Self(bytes.to_vec()))
    }
}

/// How [`Fault`] crosses.
#[derive(Serialize, Deserialize)]
enum FaultParts {
    Returned(Refusal),
    Limit { limit: String, message: String },
    Timeout { after: u64 },
    Trap { reason: String, backtrace: Vec<String> },
    Contract(String),
    Host(Refusal),
    Busy,
    Crashed { how: String, signal: Option<String> },
}

/// A fault, where it is a part of something else.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(into = "FaultParts", try_from = "FaultParts")]
pub(crate) struct Failed(pub(crate) Fault);

impl From<Failed> for FaultParts {
    fn from(Failed(fault): Failed) -> Self {
        match fault {
            Fault::Returned(error) => Self::Returned(Refusal(error)),
            Fault::Limit { limit, message } => Self::Limit { limit: limit.into(), message },
            Fault::Timeout { after } => Self::Timeout { after },
            Fault::Trap { reason, backtrace } => Self::Trap { reason, backtrace },
            Fault::Contract(why) => Self::Contract(why),
            Fault::Host(error) => Self::Host(Refusal(error)),
            Fault::Busy => Self::Busy,
            Fault::Crashed { how, signal } => Self::Crashed { how, signal },
        }
    }
}

impl TryFrom<FaultParts> for Failed {
    type Error = &'static str;

    fn try_from(parts: FaultParts) -> Result<Self, Self::Error> {
        Ok(Self(match parts {
            FaultParts::Returned(Refusal(error)) => Fault::Returned(error),
            FaultParts::Limit { limit, message } => {
                let known = TABLE.iter().map(|row| row.name).chain(["stack", "handles"]);
                let limit = known.into_iter().find(|name| *name == limit);
                Fault::Limit { limit: limit.ok_or("there is no such limit")?, message }
            }
            FaultParts::Timeout { after } => Fault::Timeout { after },
            FaultParts::Trap { reason, backtrace } => Fault::Trap { reason, backtrace },
            FaultParts::Contract(why) => Fault::Contract(why),
            FaultParts::Host(Refusal(error)) => Fault::Host(error),
            FaultParts::Busy => Fault::Busy,
            FaultParts::Crashed { how, signal } => Fault::Crashed { how, signal },
        }))
    }
}

/// How [`Usage`] crosses.
#[derive(Serialize, Deserialize)]
#[serde(remote = "Usage")]
pub(crate) struct UsageParts {
    micros: u64,
    fuel: u64,
    peak_memory: u64,
    host_calls: u64,
}

/// How [`CallContext`] crosses.
#[derive(Serialize, Deserialize)]
#[serde(remote = "CallContext")]
pub(crate) struct ContextParts {
    run_id: String,
    address: String,
    attempt: u32,
    deadline: Option<u64>,
    idempotency_key: String,
    binding: String,
    tenant: String,
    trace_parent: Option<String>,
}

/// How [`Stage`] crosses.
#[derive(Serialize, Deserialize)]
#[serde(remote = "Stage")]
pub(crate) enum StageParts {
    Input,
    Output,
    ToolCall,
    ToolResult,
    Other(String),
}

/// How [`Level`] crosses.
#[derive(Serialize, Deserialize)]
#[serde(remote = "Level")]
pub(crate) enum LevelParts {
    Trace,
    Debug,
    Info,
    Warn,
    Error,
}

/// How [`Media`] crosses.
#[derive(Serialize, Deserialize)]
#[serde(remote = "Media")]
pub(crate) struct MediaParts {
    digest: String,
    mime: String,
    size: u64,
    name: Option<String>,
}

/// Header fields, in their order.
pub(crate) type Fields = Vec<(String, String)>;

/// Header fields of the contract as pairs.
pub(crate) fn pairs(headers: Vec<Header>) -> Fields {
    headers.into_iter().map(|header| (header.name, header.value)).collect()
}

/// Pairs as header fields of the contract.
pub(crate) fn headers(pairs: Fields) -> Vec<Header> {
    pairs.into_iter().map(|(name, value)| Header { name, value }).collect()
}

/// A request as it crosses.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct RequestParts {
    method: String,
    url: String,
    headers: Fields,
    body: Option<Bytes>,
    timeout_ms: Option<u32>,
}

impl From<Request> for RequestParts {
    fn from(request: Request) -> Self {
        let Request { method, url, headers, body, timeout_ms } = request;
        Self { method, url, headers: pairs(headers), body: body.map(Bytes), timeout_ms }
    }
}

impl From<RequestParts> for Request {
    fn from(parts: RequestParts) -> Self {
        let RequestParts { method, url, headers: fields, body, timeout_ms } = parts;
        Self { method, url, headers: headers(fields), body: body.map(|b| b.0), timeout_ms }
    }
}

/// What a guardrail decided.
pub(crate) mod judgement {
    use super::*;

    type Found = Vec<(String, String, String)>;

    #[derive(Serialize, Deserialize)]
    enum Parts {
        Pass,
        Modify(#[serde(with = "json")] Value, Found),
        Reject(String, Found),
        Escalate(String, Found),
    }

    fn apart(findings: &[Finding]) -> Found {
        let each = |f: &Finding| (f.label.clone(), f.message.clone(), f.path.clone());
        findings.iter().map(each).collect()
    }

    fn together(found: Found) -> Vec<Finding> {
        let each = |(label, message, path)| Finding { label, message, path };
        found.into_iter().map(each).collect()
    }

    pub(crate) fn serialize<S: Serializer>(it: &Judgement, to: S) -> Result<S::Ok, S::Error> {
        let parts = match it {
            Judgement::Pass => Parts::Pass,
            Judgement::Modify(content, found) => Parts::Modify(content.clone(), apart(found)),
            Judgement::Reject(reason, found) => Parts::Reject(reason.clone(), apart(found)),
            Judgement::Escalate(reason, found) => Parts::Escalate(reason.clone(), apart(found)),
        };
        parts.serialize(to)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Judgement, D::Error> {
        Ok(match Parts::deserialize(from)? {
            Parts::Pass => Judgement::Pass,
            Parts::Modify(content, found) => Judgement::Modify(content, together(found)),
            Parts::Reject(reason, found) => Judgement::Reject(reason, together(found)),
            Parts::Escalate(reason, found) => Judgement::Escalate(reason, together(found)),
        })
    }
}
