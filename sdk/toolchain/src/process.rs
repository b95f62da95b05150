//! Programs of a toolchain, run without what the caller's own build left in the environment.

use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::thread;

use crate::BuildError;

/// Bytes that are kept of a failed program's output: the last screens of a compiler.
const KEEP: usize = 16 * 1024;
/// Bytes of one line; longer ones are cut, because a line may hold a whole macro expansion.
const MAX_LINE: u64 = 1024 * 1024;

/// Variables through which an outer `cargo` or `rustup` would choose another toolchain or other flags. The
/// flags also decide whether the same source gives the same bytes.
const SCRUBBED: [&str; 14] = [
    "CARGO",
    "CARGO_BUILD_RUSTC",
    "CARGO_BUILD_RUSTFLAGS",
    "CARGO_BUILD_TARGET",
    "CARGO_ENCODED_RUSTFLAGS",
    "CARGO_MAKEFLAGS",
    "CARGO_TARGET_DIR",
    "RUSTC",
    "RUSTC_BOOTSTRAP",
    "RUSTC_WORKSPACE_WRAPPER",
    "RUSTC_WRAPPER",
    "RUSTDOC",
    "RUSTFLAGS",
    "RUSTUP_TOOLCHAIN",
];

/// A command in a folder, with a clean environment.
pub(crate) fn command(program: &Path, folder: &Path) -> Command {
    let mut command = Command::new(program);
    command.current_dir(folder).stdin(Stdio::null());
    for name in SCRUBBED {
        command.env_remove(name);
    }
    command
}

/// The output of a short program; nothing when it is not there or fails.
pub(crate) fn ask(command: &mut Command) -> Option<String> {
    let output = command.stderr(Stdio::null()).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| text.trim_end().to_string())
}

/// Where a line came from.
pub(crate) enum Line {
    /// Data.
    Out(String),
    /// Talk.
    Err(String),
}

/// What a program left.
pub(crate) struct Outcome {
    pub(crate) success: bool,
    /// The end of what it said on standard error.
    pub(crate) tail: String,
}

/// Runs a program and hands over its lines as they come.
pub(crate) fn stream(
    command: &mut Command,
    each: &mut dyn FnMut(Line),
) -> Result<Outcome, BuildError> {
    let program = command.get_program().to_string_lossy().into_owned();
    let failed = |cause| BuildError::Start { program: program.clone(), cause };
    let mut child =
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().map_err(failed)?;
    let (out, err) = (child.stdout.take(), child.stderr.take());
    let mut tail = String::new();
    thread::scope(|scope| {
        let (send, receive) = mpsc::sync_channel(64); // lines; a slow reader slows the program
        let other = send.clone();
        scope.spawn(move || out.map(|pipe| lines(pipe, |l| send.send(Line::Out(l)).is_ok())));
        scope.spawn(move || err.map(|pipe| lines(pipe, |l| other.send(Line::Err(l)).is_ok())));
        for line in receive {
            if let Line::Err(text) = &line {
                tail.push_str(text);
                tail.push('\n');
                keep_end(&mut tail);
            }
            each(line);
        }
    });
    let success = child.wait().map_err(failed)?.success();
    Ok(Outcome { success, tail })
}

fn lines(pipe: impl Read, mut each: impl FnMut(String) -> bool) -> io::Result<()> {
    let mut reader = BufReader::new(pipe);
    loop {
        let mut line = Vec::new();
        if reader.by_ref().take(MAX_LINE).read_until(b'\n', &mut line)? == 0 {
            return Ok(());
        }
        let text = String::from_utf8_lossy(&line).trim_end().to_string();
        if !each(text) {
            return Ok(());
        }
    }
}

fn keep_end(tail: &mut String) {
    if tail.len() > 2 * KEEP {
        let from = (tail.len() - KEEP..).find(|i| tail.is_char_boundary(*i)).unwrap_or(0);
        tail.drain(..from);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tail_is_bounded_and_keeps_the_end() {
        let mut tail = "ä".repeat(KEEP + 1) + "end";
        keep_end(&mut tail);
        assert!(tail.len() <= KEEP && tail.ends_with("äend"), "{}", tail.len());
    }

    #[test]
    fn a_line_is_cut_and_nothing_is_lost() {
        let text = "x".repeat(MAX_LINE as usize + 3);
        let mut sizes = Vec::new();
        lines(text.as_bytes(), |l| {
            sizes.push(l.len());
            true
        })
        .unwrap();
        assert_eq!(sizes, [MAX_LINE as usize, 3]);
    }
}
