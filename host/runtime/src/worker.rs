//! Worker processes: a second ring around plugins that run what nobody has read.
//!
//! WebAssembly is the first ring: a guest reaches memory that is its own, and functions that were granted. It is as tight
//! as the engine is free of mistakes. The second ring is a process that executes nothing else: without files, sockets,
//! programs or threads of its own, with a list of system calls that ends it when it leaves it, and with nothing in its
//! memory that is worth reading. What it may ask of the world it asks its parent, who decides, journals and performs as
//! for any other plugin; the parent holds it to the limits of the call once more, and survives whatever it does.
//!
//! A worker serves one plugin with its grants, one call at a time, each in a fresh instance. It is replaced after a
//! number of calls, when it dies, and when a call is dropped. A spare stands ready, confined and empty: no call waits
//! for a process to start.
//!
//! The child is this program again: whoever opens [`Workers`] names a program that calls [`work`] and does nothing else.

use std::path::PathBuf;

use crate::fault::Fault;

#[cfg(not(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64"))))]
mod absent;
#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
mod process;

#[cfg(not(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64"))))]
pub use absent::{Workers, work};
#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
pub use process::{Doing, Workers, work, work_after};

/// Workers that execute or are kept for their plugin: each is a process with the machine code of one plugin.
pub const DEFAULT_WORKERS: usize = 8;

/// Calls that one worker executes: what a mistake of ours leaves behind in it has an end.
pub const DEFAULT_CALLS: u32 = 1_000;

/// Bytes that a worker may write to, beside the memory of the call: machine code, stacks, what crosses.
pub const MEMORY_BESIDE: u64 = 1 << 30;

/// How workers are set up.
#[derive(Clone, Debug)]
pub struct WorkersConfig {
    /// The program, which calls [`work`].
    pub program: PathBuf,
    /// Its arguments.
    pub arguments: Vec<String>,
    /// Workers that execute or are kept for their plugin; at least 1. One more stands ready.
    pub workers: usize,
    /// Calls that one worker executes. With 1, each call has a process of its own.
    pub calls: u32,
    /// Bytes that a worker may write to.
    pub memory: u64,
    /// Whether there are no workers where the kernel has no Landlock.
    pub landlock: bool,
}

impl WorkersConfig {
    /// The usual figures, for calls that may have the memory that the engine allows.
    pub fn new(program: PathBuf, arguments: Vec<String>) -> Self {
        let ceiling = cleargate_flow::limits::TABLE.iter().find(|row| row.name == "memory");
        let memory = ceiling.map_or(0, |row| row.ceiling).saturating_add(MEMORY_BESIDE);
        let (workers, calls) = (DEFAULT_WORKERS, DEFAULT_CALLS);
        Self { program, arguments, workers, calls, memory, landlock: false }
    }
}

/// Why there are no workers.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("plugins cannot be executed in processes of their own: {0}")]
pub struct WorkersError(pub(crate) String);

/// Why a worker ended before its parent hung up.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the worker ended: {0}")]
pub struct WorkError(String);

impl WorkError {
    fn new(error: &dyn std::fmt::Display) -> Self {
        Self(error.to_string())
    }
}

impl From<WorkersError> for Fault {
    fn from(error: WorkersError) -> Self {
        Self::crashed(format!("there is no worker: {}", error.0))
    }
}
