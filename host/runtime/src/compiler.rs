//! What turns a component into machine code, and what that may take.
//!
//! A compiler is the largest program that reads a stranger's bytes, and it has no fuel: some small inputs take it
//! minutes or gigabytes. So it runs in a child process that is told how much it may use and can be killed,
//! [`ChildProcess`]; a program that embeds the runtime and has no second process compiles [`InProcess`].

use std::fmt;
use std::time::Duration;

use crate::engine::Engine;

mod child;
mod worker;

pub use child::ChildProcess;
pub use worker::{WorkError, work};

/// Turns the bytes of a component into machine code for an engine.
///
/// The answer is executed: an implementation is part of the trusted base.
pub trait Compiler: Send + Sync + fmt::Debug {
    /// Compiles `component` for `engine`. Blocks the thread; called for one component at a time.
    ///
    /// # Errors
    /// See [`CompileError`].
    fn compile(&self, engine: &Engine, component: &[u8]) -> Result<Vec<u8>, CompileError>;
}

/// Why there is no machine code.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CompileError {
    /// The component is not valid, or has more of something than this host takes.
    #[error("{0}")]
    Invalid(String),
    /// It took more than it may.
    #[error("compiling takes more than {most} of {what}")]
    TooMuch {
        /// `time`, `memory` or `code`.
        what: &'static str,
        /// The bound, with its unit.
        most: String,
    },
    /// There is no compiler, or it broke off.
    #[error("the compiler failed: {0}")]
    Failed(String),
}

/// What compiling one component may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CompileLimits {
    /// Wall clock.
    pub time: Duration,
    /// Bytes of address space beyond what the compiler's program takes before it begins.
    pub memory: u64,
    /// Bytes of machine code.
    pub code: u64,
}

impl Default for CompileLimits {
    /// Some five times what the largest interpreter takes that is compiled to a component, Python's, on a slow machine.
    fn default() -> Self {
        Self { time: Duration::from_secs(300), memory: 2 << 30, code: 512 << 20 }
    }
}

/// Compiles in this process, without limits.
#[derive(Clone, Copy, Debug, Default)]
pub struct InProcess;

impl Compiler for InProcess {
    fn compile(&self, engine: &Engine, component: &[u8]) -> Result<Vec<u8>, CompileError> {
        let compiled = engine.wasmtime().precompile_component(component);
        compiled.map_err(|error| CompileError::Invalid(format!("{error:#}")))
    }
}

#[cfg(test)]
pub(crate) mod tests;
