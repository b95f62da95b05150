//! What a worker takes from itself, for good, before it looks at anything that a plugin's author chose.
//!
//! Three layers, each of which holds alone. Bounds of the system for memory and files. Landlock, where the kernel has it:
//! no file, no port, no signal to others. And a list of the system calls that executing needs: any other ends the
//! process, which the parent sees as `SIGSYS`. The list is applied twice. The second time, when the machine code is in
//! memory, nothing may become executable any more.

use std::io;

use landlock::{
    ABI, Access, AccessFs, AccessNet, Ruleset, RulesetAttr, RulesetError, RulesetStatus, Scope,
};
use rustix::process::{
    DumpableBehavior, Resource, Rlimit, Signal, getppid, set_dumpable_behavior,
    set_parent_process_death_signal, setrlimit,
};

use super::filter::{self, Phase};

/// Bytes of addresses: each of the memories of a component reserves 4 GiB, with room between them.
const ADDRESSES: u64 = 128 << 30;

/// Files that a worker has open: its end of the pair, its timer's, and one behind each memory image of a component.
const OPEN_FILES: u64 = 256;

/// The newest rights that the kernel is asked to take; it takes those that it knows.
const LANDLOCK: ABI = ABI::V6;

/// Why a worker cannot be confined.
#[derive(Debug, thiserror::Error)]
pub(super) enum ConfineError {
    /// A bound cannot be set, or the parent is gone.
    #[error("a bound cannot be set: {0}")]
    Bounds(#[from] io::Error),
    /// Landlock is demanded and not there.
    #[error("this kernel has no Landlock, and `landlock = true` demands it")]
    NoLandlock,
    /// The kernel has Landlock and does not take the rules.
    #[error("Landlock: {0}")]
    Landlock(#[from] RulesetError),
    /// The kernel does not take the list of system calls.
    #[error("seccomp: {0}")]
    Seccomp(String),
}

/// Bounds this process: it ends with its parent, keeps no core file, cannot be traced by others of its user, and has
/// `memory` bytes to write to. Then it loses its files. Says whether the kernel has Landlock.
///
/// For a process with one thread: Landlock binds the thread that asks for it, and those that it makes later.
///
/// # Errors
/// See [`ConfineError`].
pub(super) fn bound(parent: u32, memory: u64, demand: bool) -> Result<bool, ConfineError> {
    set_parent_process_death_signal(Some(Signal::KILL)).map_err(io::Error::from)?;
    // Who died before that would never be missed.
    if getppid().is_none_or(|now| now.as_raw_pid().unsigned_abs() != parent) {
        return Err(io::Error::other("the parent is gone").into());
    }
    set_dumpable_behavior(DumpableBehavior::NotDumpable).map_err(io::Error::from)?;
    for (resource, most) in [
        (Resource::Core, 0),
        (Resource::As, ADDRESSES),
        (Resource::Data, memory),
        // The images of memories are files without a name.
        (Resource::Fsize, memory),
        (Resource::Nofile, OPEN_FILES),
    ] {
        let bound = Rlimit { current: Some(most), maximum: Some(most) };
        setrlimit(resource, bound).map_err(io::Error::from)?;
    }
    let landlock = hide()?;
    if demand && !landlock { Err(ConfineError::NoLandlock) } else { Ok(landlock) }
}

/// Gives up all files, ports and signals to others, as far as the kernel knows these rights.
fn hide() -> Result<bool, RulesetError> {
    let ruleset = Ruleset::default()
        .handle_access(AccessFs::from_all(LANDLOCK))?
        .handle_access(AccessNet::from_all(LANDLOCK))?
        .scope(Scope::from_all(LANDLOCK))?;
    let status = ruleset.create()?.restrict_self()?;
    Ok(status.ruleset != RulesetStatus::NotEnforced)
}

/// Leaves this process, all its threads included, the system calls of a phase; and no way to more rights than it has
/// (`no_new_privs`), without which the kernel takes no list.
///
/// # Errors
/// The kernel has no seccomp, or a filter above forbids it.
pub(super) fn leave(phase: Phase) -> Result<(), ConfineError> {
    let failed = |error: &dyn std::fmt::Display| ConfineError::Seccomp(error.to_string());
    let program = filter::program(phase).map_err(|error| failed(&error))?;
    seccompiler::apply_filter_all_threads(&program).map_err(|error| failed(&error))
}
