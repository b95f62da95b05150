//! A failure as a value: the host decides by its code whether to try again.

use serde_json::Value;

use crate::bindings::services::cleargate::types::types as wit;

/// What kind of failure; closed, so that retry policies can name every case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Code {
    /// May succeed when tried again.
    Transient,
    /// Will not succeed however often it is tried.
    Permanent,
    /// The deadline passed.
    Timeout,
    /// The run or the block around the call was cancelled.
    Cancelled,
    /// The input, the configuration or an answer has the wrong shape.
    InvalidInput,
    /// A policy or a missing grant forbids it.
    Denied,
    /// A limit of one call was reached.
    Limit,
    /// A budget is used up.
    Budget,
    /// The effect may or may not have happened.
    UnknownOutcome,
    /// A defect in the plugin or the host.
    Bug,
}

/// Why a call failed.
#[derive(Clone, Debug, PartialEq)]
pub struct Error {
    /// What kind of failure.
    pub code: Code,
    /// One sentence for a person.
    pub message: String,
    /// Whether the same call may succeed later.
    pub retryable: bool,
    /// Data for a program, for example `{"line": 7}`.
    pub detail: Option<Value>,
}

impl Error {
    /// A failure with a code; retryable when the code is [`Code::Transient`].
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), retryable: code == Code::Transient, detail: None }
    }

    /// The input has the wrong shape.
    pub fn invalid_input(message: impl Into<String>) -> Self {
        Self::new(Code::InvalidInput, message)
    }

    /// May succeed when tried again.
    pub fn transient(message: impl Into<String>) -> Self {
        Self::new(Code::Transient, message)
    }

    /// Will not succeed however often it is tried.
    pub fn permanent(message: impl Into<String>) -> Self {
        Self::new(Code::Permanent, message)
    }

    /// A defect in the plugin.
    pub fn bug(message: impl Into<String>) -> Self {
        Self::new(Code::Bug, message)
    }

    /// Adds data for a program.
    #[must_use]
    pub fn with_detail(mut self, detail: Value) -> Self {
        self.detail = Some(detail);
        self
    }
}

impl std::fmt::Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {}

impl From<serde_json::Error> for Error {
    fn from(error: serde_json::Error) -> Self {
        Self::invalid_input(error.to_string())
    }
}

/// Both enums list the same cases in the same order; the match makes the compiler prove it.
macro_rules! codes {
    ($($case:ident),+) => {
        impl From<Code> for wit::ErrorCode {
            fn from(code: Code) -> Self {
                match code { $(Code::$case => Self::$case),+ }
            }
        }
        impl From<wit::ErrorCode> for Code {
            fn from(code: wit::ErrorCode) -> Self {
                match code { $(wit::ErrorCode::$case => Self::$case),+ }
            }
        }
    };
}
codes!(
    Transient,
    Permanent,
    Timeout,
    Cancelled,
    InvalidInput,
    Denied,
    Limit,
    Budget,
    UnknownOutcome,
    Bug
);

impl From<Error> for wit::Error {
    fn from(error: Error) -> Self {
        Self {
            code: error.code.into(),
            message: error.message,
            retryable: error.retryable,
            detail: error.detail.map(|detail| detail.to_string()),
        }
    }
}

impl From<wit::Error> for Error {
    fn from(error: wit::Error) -> Self {
        Self {
            code: error.code.into(),
            message: error.message,
            retryable: error.retryable,
            // Detail that is no JSON is kept as text: it may be the line that grants.
            detail: error.detail.map(|d| serde_json::from_str(&d).unwrap_or(Value::String(d))),
        }
    }
}
