//! What goes wrong at the edge: a kind, a sentence, the causes, and what would help.

use std::fmt;

use cleargate_flow::error::{ErrorCode, NodeError};

/// Decides what a caller can do about an error; the command maps it to an exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The flow ran and failed.
    Failed,
    /// A flow, a plugin or an input is not as it must be.
    Invalid,
    /// A grant is missing, or a policy forbids it.
    Denied,
    /// A plugin cannot be found, resolved, or is not as the lock file says.
    Resolution,
    /// A deadline, a limit or a budget.
    Limit,
    /// The run has stopped and waits: it can be resumed.
    Waiting,
    /// The journal cannot be used.
    Store,
    /// Somebody interrupted it.
    Interrupted,
    /// A defect in ClearGate.
    Bug,
}

/// An error of the embedding API.
#[derive(Clone, Debug)]
pub struct Error {
    /// What can be done about it.
    pub kind: Kind,
    /// One sentence: what, and where.
    pub message: String,
    /// Why, outermost first.
    pub causes: Vec<String>,
    /// What would help, as lines to paste where there are some.
    pub help: Vec<String>,
}

/// The result of the embedding API.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// An error without causes and help.
    pub fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), causes: Vec::new(), help: Vec::new() }
    }

    /// Adds what would help.
    #[must_use]
    pub fn with_help(mut self, help: impl Into<String>) -> Self {
        self.help.push(help.into());
        self
    }

    /// What it is as part of another sentence: its first cause, and how many more there are.
    pub(crate) fn in_a_line(&self) -> String {
        let more = match self.causes.len() {
            0 => return self.message.clone(),
            1 => String::new(),
            n => format!(" (and {} more)", n - 1),
        };
        format!("{}: {}{more}", self.message, self.causes[0])
    }

    /// Adds an error and its sources as causes. What a cause tells already is not told again.
    #[must_use]
    pub fn caused_by(mut self, error: &dyn std::error::Error) -> Self {
        let mut next = Some(error);
        while let Some(error) = next {
            let cause = error.to_string();
            if !self.causes.last().is_some_and(|told| told.contains(&cause)) {
                self.causes.push(cause);
            }
            next = error.source();
        }
        self
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        for cause in &self.causes {
            write!(f, ": {cause}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Error {}

impl From<NodeError> for Error {
    fn from(error: NodeError) -> Self {
        let kind = match error.code {
            ErrorCode::InvalidInput => Kind::Invalid,
            ErrorCode::Denied => Kind::Denied,
            ErrorCode::Limit | ErrorCode::Budget | ErrorCode::Timeout => Kind::Limit,
            ErrorCode::Bug => Kind::Bug,
            ErrorCode::Cancelled => Kind::Interrupted,
            ErrorCode::Transient | ErrorCode::Permanent | ErrorCode::UnknownOutcome => Kind::Failed,
        };
        let message = format!("{}: {}", error.code, error.message);
        Self { kind, message, causes: Vec::new(), help: error.help.into_iter().collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug)]
    struct Layer(&'static str, Option<Box<Layer>>);

    impl fmt::Display for Layer {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str(self.0)
        }
    }

    impl std::error::Error for Layer {
        fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
            self.1.as_deref().map(|below| below as _)
        }
    }

    #[test]
    fn a_cause_is_told_once() {
        let layer = |words, below: Option<Layer>| Layer(words, below.map(Box::new));
        let error = layer("index: cut off", Some(layer("cut off", Some(layer("no disk", None)))));
        let told = Error::new(Kind::Store, "stopped").caused_by(&error).causes;
        assert_eq!(told, ["index: cut off", "no disk"]);
    }
}
