//! Why a node failed: a small closed set of codes, because retry policies and `catch` name them.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::event::{MAX_ERROR_BYTES, check_payload};
use crate::value::Value;

/// What kind of failure it is. Decides whether a retry can help.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Hash,
    PartialOrd,
    Ord,
    Serialize,
    Deserialize,
    schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum ErrorCode {
    /// May succeed when tried again.
    Transient,
    /// Will not succeed however often it is tried.
    Permanent,
    /// A deadline passed.
    Timeout,
    /// The run or the block around it was cancelled.
    Cancelled,
    /// Input, configuration or an answer has the wrong shape.
    InvalidInput,
    /// A policy or a missing grant forbids it.
    Denied,
    /// A limit of one call was reached.
    Limit,
    /// A budget is used up.
    Budget,
    /// The effect may or may not have happened.
    UnknownOutcome,
    /// A defect in a plugin or in ClearGate.
    Bug,
}

impl ErrorCode {
    /// Every code, in the order of the documentation.
    pub const ALL: [Self; 10] = [
        Self::Transient,
        Self::Permanent,
        Self::Timeout,
        Self::Cancelled,
        Self::InvalidInput,
        Self::Denied,
        Self::Limit,
        Self::Budget,
        Self::UnknownOutcome,
        Self::Bug,
    ];

    /// The code as flows write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Transient => "transient",
            Self::Permanent => "permanent",
            Self::Timeout => "timeout",
            Self::Cancelled => "cancelled",
            Self::InvalidInput => "invalid_input",
            Self::Denied => "denied",
            Self::Limit => "limit",
            Self::Budget => "budget",
            Self::UnknownOutcome => "unknown_outcome",
            Self::Bug => "bug",
        }
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for ErrorCode {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL.into_iter().find(|c| c.as_str() == text).ok_or_else(|| {
            let all: Vec<&str> = Self::ALL.iter().map(|c| c.as_str()).collect();
            format!("`{text}` is no error code; there are {}", all.join(", "))
        })
    }
}

/// The failure of one attempt of a node, as it is journaled.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, thiserror::Error)]
#[error("{code}: {message}")]
pub struct NodeError {
    /// What kind of failure it is.
    pub code: ErrorCode,
    /// One sentence for a person. Never holds a secret.
    pub message: String,
    /// Machine-readable detail: for `limit` the name of the limit, for `denied` the missing grant, `{ retry_after_ms }` of a
    /// peer that asks for patience.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub detail: Value,
    /// What would help, as a line to paste when there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
}

impl NodeError {
    /// A failure without detail.
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), detail: Value::Null, help: None }
    }

    /// A limit of one call was reached; `limit` is its name in the schema of limits.
    pub fn limit(limit: &str, message: impl Into<String>) -> Self {
        Self::new(ErrorCode::Limit, message).with_detail(Value::record([("limit", limit.into())]))
    }

    /// Cuts what is too long for a journal: sentences are shortened, and a detail is left out.
    #[must_use]
    pub fn bounded(mut self) -> Self {
        for text in std::iter::once(&mut self.message).chain(&mut self.help) {
            if text.len() > MAX_ERROR_BYTES {
                text.truncate(text.floor_char_boundary(MAX_ERROR_BYTES));
                text.push('…');
            }
        }
        let detail = self.detail.measure();
        if detail.longest_json > 6 * MAX_ERROR_BYTES as u64 || check_payload(&self.detail).is_err()
        {
            self.detail = Value::Null;
        }
        self
    }

    /// Adds machine-readable detail.
    #[must_use]
    pub fn with_detail(mut self, detail: Value) -> Self {
        self.detail = detail;
        self
    }

    /// Adds what would help.
    #[must_use]
    pub fn with_help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}
