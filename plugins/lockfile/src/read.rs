//! One parser for each format.

use cleargate::{Error, json};

pub(crate) mod cargo;
pub(crate) mod go;
pub(crate) mod npm;
pub(crate) mod python;
pub(crate) mod requirements;

/// Why a text is no lock file of its format, and where.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    /// First line is 1; 0 when the whole file is meant.
    pub(crate) line: usize,
    pub(crate) message: String,
}

impl Refusal {
    pub(crate) fn at(line: usize, message: impl Into<String>) -> Self {
        Self { line, message: message.into() }
    }

    /// A refusal of the whole file.
    pub(crate) fn whole(message: impl Into<String>) -> Self {
        Self::at(0, message)
    }

    pub(crate) fn into_error(self) -> Error {
        match self.line {
            0 => Error::invalid_input(self.message),
            line => Error::invalid_input(format!("line {line}: {}", self.message))
                .with_detail(json!({ "line": line })),
        }
    }
}

/// Reads TOML into typed data.
pub(crate) fn toml<T: serde::de::DeserializeOwned>(text: &str) -> Result<T, Refusal> {
    toml::from_str(text).map_err(|e| {
        let at = e.span().map_or(0, |span| span.start.min(text.len()));
        let line = text.as_bytes()[..at].iter().filter(|b| **b == b'\n').count() + 1;
        Refusal::at(line, e.message().to_string())
    })
}

/// The last `limit` characters of an untrusted word may be long and hold controls: what is shown is short.
pub(crate) fn shown(word: &str) -> String {
    const LIMIT: usize = 40; // characters; enough to find the place
    let clean: String = word.chars().filter(|c| !c.is_control()).take(LIMIT).collect();
    if clean.len() < word.len() { format!("`{clean}…`") } else { format!("`{clean}`") }
}
