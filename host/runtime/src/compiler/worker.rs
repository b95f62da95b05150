//! The side of the child process: bounds itself, reads a component, answers with machine code.

use std::io::{self, BufRead, BufReader, Read, Write};

use super::{CompileError, Compiler, InProcess};
use crate::engine::{Allocation, Engine};

/// Seconds of processor time beyond the wall clock's for each core: the parent's clock decides first.
const SPARE_SECONDS: u64 = 10;

/// Files that a compiler has open: its three pipes, and what the system's libraries need for a moment.
const OPEN_FILES: u64 = 64;

/// Bytes of the first line: two numbers of 64 bits.
const FIRST_LINE: u64 = 64;

/// The component in which there is nothing.
const NOTHING: &[u8] = b"\0asm\x0d\0\x01\0";

/// Why the worker has no answer.
#[derive(Debug, thiserror::Error)]
pub enum WorkError {
    /// What it was given, or the compiler, is not as it should be.
    #[error(transparent)]
    Compile(#[from] CompileError),
    /// A pipe broke, or a bound cannot be set.
    #[error("{0}")]
    Pipe(#[from] io::Error),
}

impl WorkError {
    /// Whether the process has to end with exit code 1, which says that the component is invalid. Any other says
    /// that nothing is known of it.
    pub fn blames_component(&self) -> bool {
        matches!(self, Self::Compile(CompileError::Invalid(_)))
    }
}

/// Compiles what `input` holds and writes the machine code to `output`. For a process that does nothing else: it
/// takes the bounds in the first line of the input, `<bytes of memory> <seconds>`, upon itself for good.
///
/// The parent is [`super::ChildProcess`]; an error goes to stderr as one sentence, and the exit code is what
/// [`WorkError::blames_component`] says.
///
/// # Errors
/// See [`WorkError`].
pub fn work(input: impl Read, mut output: impl Write) -> Result<(), WorkError> {
    let mut input = BufReader::new(input);
    let (memory, seconds) = bounds(&mut input)?;
    // Nothing is instantiated here: a pool would only take addresses.
    let engine = Engine::with_allocation(Allocation::OnDemand);
    let engine = engine.map_err(|error| CompileError::Failed(error.to_string()))?;
    // Makes the compiler's threads. One that cannot be made later would look like a defect.
    InProcess.compile(&engine, NOTHING)?;
    bound(memory, seconds)?;
    let mut component = Vec::new();
    input.read_to_end(&mut component)?;
    let code = InProcess.compile(&engine, &component)?;
    output.write_all(&code)?;
    output.flush()?;
    Ok(())
}

/// Reads the first line.
fn bounds(input: &mut impl BufRead) -> io::Result<(u64, u64)> {
    let mut line = Vec::new();
    input.by_ref().take(FIRST_LINE).read_until(b'\n', &mut line)?;
    let numbers = str::from_utf8(&line).ok().and_then(|line| line.trim_end().split_once(' '));
    let numbers = numbers.and_then(|(a, b)| Some((a.parse().ok()?, b.parse().ok()?)));
    numbers
        .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "the first line has no bounds"))
}

/// Bounds this process for good: its memory, its time, and that it neither writes files nor outlives its parent.
#[cfg(unix)]
fn bound(memory: u64, seconds: u64) -> io::Result<()> {
    use rustix::process::{Resource, Rlimit, setrlimit};
    let cores = std::thread::available_parallelism().map_or(1, usize::from) as u64;
    let processor = seconds.saturating_add(SPARE_SECONDS).saturating_mul(cores);
    for (resource, most) in [
        (Resource::As, memory.saturating_add(taken()?)),
        (Resource::Cpu, processor),
        (Resource::Fsize, 0),
        (Resource::Core, 0),
        (Resource::Nofile, OPEN_FILES),
    ] {
        // Of the processor's time, the first bound tells and the second one kills.
        let maximum = most.saturating_add(u64::from(resource == Resource::Cpu));
        setrlimit(resource, Rlimit { current: Some(most), maximum: Some(maximum) })?;
    }
    #[cfg(target_os = "linux")]
    rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL))?;
    Ok(())
}

/// Bytes of address space that the program takes before it compiles anything. Where nobody says, none: the bound is
/// then the tighter one.
#[cfg(unix)]
fn taken() -> io::Result<u64> {
    if !cfg!(target_os = "linux") {
        return Ok(0);
    }
    let sizes = std::fs::read_to_string("/proc/self/statm")?;
    let pages = sizes.split(' ').next().and_then(|size| size.parse::<u64>().ok());
    Ok(pages.unwrap_or_default().saturating_mul(rustix::param::page_size() as u64))
}

/// Other systems have the parent's clock alone.
#[cfg(not(unix))]
fn bound(_memory: u64, _seconds: u64) -> io::Result<()> {
    Ok(())
}
