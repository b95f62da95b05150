//! The system calls that executing machine code needs, on the processors that a worker runs on.
//!
//! A list of what is allowed, with the arguments where they decide. Everything else ends the process: a plugin has no
//! way to ask for a system call, so whoever does is no plugin any more.

use std::collections::BTreeMap;

use libc::{self, c_long};
use seccompiler::{
    BackendError, BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition,
    SeccompFilter, SeccompRule, TargetArch,
};

/// How far a worker is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// It waits for machine code, and makes it executable.
    Load,
    /// It executes.
    Execute,
}

/// What both phases need, whatever the arguments.
const ALWAYS: &[c_long] = &[
    // Its pair, its timer, its wakers.
    libc::SYS_read,
    libc::SYS_readv,
    libc::SYS_recvfrom,
    libc::SYS_write,
    libc::SYS_writev,
    libc::SYS_getsockopt,
    libc::SYS_epoll_ctl,
    libc::SYS_epoll_pwait,
    libc::SYS_ppoll,
    libc::SYS_close,
    // Memory, without what decides whether it is executable.
    libc::SYS_brk,
    libc::SYS_madvise,
    libc::SYS_mremap,
    libc::SYS_munmap,
    // The images of memories: files without a name, which nobody else sees.
    libc::SYS_memfd_create,
    libc::SYS_ftruncate,
    libc::SYS_lseek,
    // Threads that are there already.
    libc::SYS_futex,
    libc::SYS_sched_yield,
    libc::SYS_gettid,
    libc::SYS_getpid,
    libc::SYS_membarrier,
    libc::SYS_restart_syscall,
    libc::SYS_exit,
    libc::SYS_exit_group,
    // Traps of WebAssembly are signals.
    libc::SYS_rt_sigaction,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigreturn,
    libc::SYS_sigaltstack,
    // Time and randomness of the runtime itself.
    libc::SYS_clock_gettime,
    libc::SYS_clock_nanosleep,
    libc::SYS_getrandom,
];

/// What only older processors' lists have.
#[cfg(target_arch = "x86_64")]
const OLDER: &[c_long] = &[libc::SYS_epoll_wait, libc::SYS_poll, libc::SYS_nanosleep];
#[cfg(not(target_arch = "x86_64"))]
const OLDER: &[c_long] = &[libc::SYS_nanosleep];

/// Operations on an open file that open none.
const FILE_OPERATIONS: &[i32] = &[
    libc::F_GETFD,
    libc::F_SETFD,
    libc::F_GETFL,
    libc::F_SETFL,
    libc::F_DUPFD_CLOEXEC,
    libc::F_ADD_SEALS,
];

/// The program that the kernel runs at each system call of a phase.
///
/// # Errors
/// The list cannot be a program: a defect of ours.
pub(super) fn program(phase: Phase) -> Result<BpfProgram, BackendError> {
    let arch = TargetArch::try_from(std::env::consts::ARCH)?;
    let filter =
        SeccompFilter::new(rules(phase)?, SeccompAction::KillProcess, SeccompAction::Allow, arch)?;
    filter.try_into()
}

fn rules(phase: Phase) -> Result<BTreeMap<i64, Vec<SeccompRule>>, BackendError> {
    let calls = ALWAYS.iter().chain(OLDER).map(|call| (*call, Vec::new()));
    let mut rules: BTreeMap<i64, Vec<SeccompRule>> = calls.collect();
    let protections = match phase {
        // Writable or executable, and never both.
        Phase::Load => vec![0, libc::PROT_WRITE, libc::PROT_EXEC],
        Phase::Execute => vec![0, libc::PROT_WRITE],
    };
    let mask = (libc::PROT_WRITE | libc::PROT_EXEC).unsigned_abs().into();
    for call in [libc::SYS_mmap, libc::SYS_mprotect] {
        rules.insert(call, any(2, SeccompCmpOp::MaskedEq(mask), &protections)?);
    }
    rules.insert(libc::SYS_fcntl, any(1, SeccompCmpOp::Eq, FILE_OPERATIONS)?);
    // A socket that does not block.
    rules.insert(libc::SYS_ioctl, vec![rule(1, SeccompCmpOp::Eq, libc::FIONBIO)?]);
    // To whom it is connected, and to nobody else.
    rules.insert(libc::SYS_sendto, vec![rule(4, SeccompCmpOp::Eq, 0)?]);
    // How a process ends itself when it gives up.
    let this = u64::from(std::process::id());
    rules.insert(libc::SYS_tgkill, vec![rule(0, SeccompCmpOp::Eq, this)?]);
    if phase == Phase::Load {
        // The second list can only take more away.
        let nnp = libc::PR_SET_NO_NEW_PRIVS.unsigned_abs().into();
        rules.insert(libc::SYS_prctl, vec![rule(0, SeccompCmpOp::Eq, nnp)?]);
        rules.insert(libc::SYS_seccomp, Vec::new());
    }
    Ok(rules)
}

/// Allows a call whose argument is one of `values`.
fn any(argument: u8, how: SeccompCmpOp, values: &[i32]) -> Result<Vec<SeccompRule>, BackendError> {
    values.iter().map(|value| rule(argument, how.clone(), value.unsigned_abs().into())).collect()
}

fn rule(argument: u8, how: SeccompCmpOp, value: u64) -> Result<SeccompRule, BackendError> {
    let length = match argument {
        4 => SeccompCmpArgLen::Qword,
        _ => SeccompCmpArgLen::Dword,
    };
    SeccompRule::new(vec![SeccompCondition::new(argument, length, how, value)?])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_list_is_part_of_the_first() {
        let (load, execute) = (rules(Phase::Load).unwrap(), rules(Phase::Execute).unwrap());
        assert!(execute.keys().all(|call| load.contains_key(call)));
        for call in [libc::SYS_openat, libc::SYS_socket, libc::SYS_clone, libc::SYS_execve] {
            assert!(!load.contains_key(&call), "{call} is allowed");
        }
        assert!(!execute.contains_key(&libc::SYS_seccomp));
    }

    #[test]
    fn there_is_a_program_for_this_processor() {
        for phase in [Phase::Load, Phase::Execute] {
            assert!(program(phase).unwrap().len() > ALWAYS.len());
        }
    }
}
