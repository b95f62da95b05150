//! One parser for each format.

use cleargate::{Error, json};

use crate::Package;

pub(crate) mod cargo;
pub(crate) mod go;
pub(crate) mod npm;
pub(crate) mod python;
pub(crate) mod requirements;
pub(crate) mod usual;

/// The source of a package whose registry the file leaves to the settings of the package manager.
pub(crate) const UNNAMED: &str = "registry";

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

/// A name, a version or a source with characters that only a hostile file has: people read them in reports and
/// terminals, where controls, reversed text and markup would act.
pub(crate) fn odd_word(package: &Package) -> Option<&str> {
    let unseen = |c: char| {
        c.is_control()
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
    };
    let Package { name, version, source, .. } = package;
    // Folders have the names that people give them, and nobody reports on the project's own.
    let (own, folder) = (source == "workspace", source.starts_with("path+"));
    let acts = |c: char| !own && "|<>`\"\\[]()".contains(c);
    let odd = |c: char| unseen(c) || acts(c) || (c.is_whitespace() && !own && !folder);
    let words = [name, version].into_iter().find(|word| word.contains(odd));
    words.or_else(|| Some(source).filter(|source| source.contains(unseen))).map(String::as_str)
}

/// An untrusted word may be long and hold controls: what is shown of it is short and plain.
pub(crate) fn shown(word: &str) -> String {
    const LIMIT: usize = 40; // characters; enough to find the place
    let clean: String = word.chars().filter(|c| !c.is_control() && *c != '`').take(LIMIT).collect();
    if clean.len() < word.len() { format!("`{clean}…`") } else { format!("`{clean}`") }
}
