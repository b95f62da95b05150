//! Findings: what a check says about a flow, with the place in the text and what would mend it.
//!
//! A finding is data. How it is shown (terminal, JSON, SARIF, an editor) is the business of the caller.
//!
//! A file of a stranger may hold thousands of mistakes among thousands of names. What a person would not read is not
//! worked out: findings of one code have a bound, and so has the search for names that were meant.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::fmt::{self, Write};

use serde::Serialize;

/// Findings of one code that are told one by one: nobody reads a hundred before mending the first.
pub const MAX_OF_A_CODE: usize = 100;

/// Names that one check compares with names that do not exist: some milliseconds of work, and a hundred suggestions for
/// a flow of five hundred nodes.
pub const MAX_COMPARED: usize = 50_000;

/// Bytes of a type in a message: more is no sentence any more.
const MAX_SHOWN: usize = 200;

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
    /// Which use of a template it was written out for, from 1; 0 for what stands where it is read.
    #[serde(skip)]
    pub used: u32,
}

impl Default for Span {
    /// The begin of the text.
    fn default() -> Self {
        Self { offset: 0, len: 0, line: 1, column: 1, used: 0 }
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
        Self { offset: self.offset + skip, len, line: self.line + lines, column, ..self }
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

/// What a check has found so far.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    told: Vec<Finding>,
    /// How many there were of each code, and the place of the first that is not told.
    counts: BTreeMap<&'static str, (usize, Option<Span>)>,
}

impl Findings {
    /// Whether findings of this code are only counted by now: their places and their help need not be worked out.
    pub(crate) fn full(&self, code: &'static str) -> bool {
        self.counts.get(code).is_some_and(|(count, _)| *count >= MAX_OF_A_CODE)
    }

    pub(crate) fn len(&self) -> usize {
        self.counts.values().map(|(count, _)| count).sum()
    }

    pub(crate) fn push(&mut self, finding: Finding) {
        let full = self.full(finding.code);
        let (count, left_out) = self.counts.entry(finding.code).or_default();
        *count += 1;
        if full {
            left_out.get_or_insert(finding.span);
        } else {
            self.told.push(finding);
        }
    }

    /// All that is told, by place, with a word on what is not.
    pub(crate) fn finish(mut self) -> Vec<Finding> {
        for (code, (count, left_out)) in &self.counts {
            let Some(span) = left_out else { continue };
            let message = format!("… and {} more findings of this code", count - MAX_OF_A_CODE);
            let help = "mend the first ones: the others are often of the same make";
            self.told.push(Finding::error(code, *span, message).help(help));
        }
        self.told.sort_by(|a, b| {
            (a.span.offset, a.code, &a.message).cmp(&(b.span.offset, b.code, &b.message))
        });
        self.told.dedup();
        self.told
    }
}

/// Looks for the names that were meant, until it has looked at [`MAX_COMPARED`] names.
#[derive(Debug, Default)]
pub struct Hints {
    compared: Cell<usize>,
}

impl Hints {
    /// Whether nothing is looked for any more, so that nobody need list names.
    pub fn spent(&self) -> bool {
        self.compared.get() >= MAX_COMPARED
    }

    /// As [`suggest`], within the bound.
    pub fn near<'a>(
        &self,
        written: &str,
        names: impl IntoIterator<Item = &'a str>,
    ) -> Option<String> {
        let left = MAX_COMPARED.saturating_sub(self.compared.get());
        let counted = |_: &&str| self.compared.set(self.compared.get() + 1);
        suggest(written, names.into_iter().take(left).inspect(counted))
    }
}

/// A type or a value in a message: its beginning, when it is long. Costs no more than what is shown.
pub(crate) fn short(shown: &dyn fmt::Display) -> String {
    struct Beginning(String);
    impl Write for Beginning {
        fn write_str(&mut self, piece: &str) -> fmt::Result {
            let room = MAX_SHOWN - self.0.len();
            self.0.push_str(&piece[..piece.floor_char_boundary(room)]);
            if piece.len() > room { Err(fmt::Error) } else { Ok(()) }
        }
    }
    let mut beginning = Beginning(String::new());
    match write!(beginning, "{shown}") {
        Ok(()) => beginning.0,
        Err(_) => beginning.0 + "…",
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
