//! Findings: what a check says about a flow, with the place in the text and what would mend it.
//!
//! A finding is data. How it is shown (terminal, JSON, SARIF, an editor) is the business of the caller.

use serde::Serialize;

/// A piece of the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Span {
    /// Byte offset of the first byte.
    pub offset: usize,
    /// Bytes.
    pub len: usize,
    /// Line, from 1.
    pub line: u32,
    /// Column in characters, from 1.
    pub column: u32,
}

impl Default for Span {
    /// The begin of the text.
    fn default() -> Self {
        Self { offset: 0, len: 0, line: 1, column: 1 }
    }
}

impl Span {
    /// The piece of this span that starts `skip` bytes into it and has `len` bytes.
    #[must_use]
    pub fn within(self, text: &str, skip: usize, len: usize) -> Self {
        let before = text.get(self.offset..self.offset + skip).unwrap_or_default();
        // A long text has many places: both counts run over many bytes at once.
        let lines = before.bytes().filter(|byte| *byte == b'\n').count() as u32;
        let (first, last) =
            before.rsplit_once('\n').map_or((self.column, before), |(_, last)| (1, last));
        let column = first + last.chars().count() as u32;
        Self { offset: self.offset + skip, len, line: self.line + lines, column }
    }
}

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// The flow cannot run.
    Error,
    /// The flow can run, and probably does not do what was meant.
    Warning,
}

/// One thing that a check found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// `CG0101`: names the page of [`crate::codes`].
    pub code: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// One sentence.
    pub message: String,
    /// Where.
    pub span: Span,
    /// A second place that explains the first, with what is to be seen there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub second: Option<(Span, String)>,
    /// What would mend it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
}

impl Finding {
    /// An error.
    pub fn error(code: &'static str, span: Span, message: impl Into<String>) -> Self {
        let message = message.into();
        Self { code, severity: Severity::Error, message, span, second: None, help: None }
    }

    /// A warning.
    pub fn warning(code: &'static str, span: Span, message: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(code, span, message) }
    }

    /// Adds a second place.
    #[must_use]
    pub fn and(mut self, span: Span, label: impl Into<String>) -> Self {
        self.second = Some((span, label.into()));
        self
    }

    /// Adds what would mend it.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Adds what would mend it, when something is known.
    #[must_use]
    pub fn maybe_help(mut self, help: Option<String>) -> Self {
        self.help = help;
        self
    }
}

/// ``did you mean `name`?``, when one of `names` is close to what was written.
pub fn suggest<'a>(written: &str, names: impl IntoIterator<Item = &'a str>) -> Option<String> {
    /// Similarity below which a suggestion is a guess that annoys.
    const CLOSE: f64 = 0.75;
    /// Bytes of the longest name that is compared: comparing costs the product of two lengths, and nothing that
    /// has a name here has a longer one.
    const LONGEST: usize = 64;
    if written.len() > LONGEST {
        return None;
    }
    names
        .into_iter()
        .filter(|name| name.len() <= LONGEST)
        .map(|name| (strsim::jaro_winkler(written, name), name))
        .filter(|(score, _)| *score >= CLOSE)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, name)| format!("did you mean `{name}`?"))
}
