//! What ends a command: an error with its exit code. The one place where kinds become numbers.

use cleargate::{Error, Kind};

/// Why a command did not do what was asked.
#[derive(Debug)]
pub struct Failure {
    /// What went wrong.
    pub error: Error,
    /// Whether the details are on the screen already (findings, a failed run).
    pub told: bool,
}

impl Failure {
    /// Documented in `--help` and the README.
    pub fn exit_code(&self) -> u8 {
        exit_code(self.error.kind)
    }

    /// An error whose details were printed already.
    pub fn told(error: Error) -> Self {
        Self { error, told: true }
    }
}

/// The exit code of a kind of error.
pub fn exit_code(kind: Kind) -> u8 {
    match kind {
        Kind::Failed => 1,
        Kind::Invalid => 3,
        Kind::Denied => 5,
        Kind::Resolution => 6,
        Kind::Limit => 7,
        Kind::Waiting => 8,
        Kind::Store => 9,
        Kind::Bug => 70,
        Kind::Interrupted => 130,
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self { error, told: false }
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Error::new(Kind::Invalid, error.to_string()).into()
    }
}
