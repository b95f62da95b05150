//! The side of the parent: starts the worker, feeds it, takes its answer, kills it.

use std::io::{self, Read, Write};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;

use super::{CompileError, CompileLimits, Compiler};
use crate::engine::Engine;

/// Bytes of the worker's stderr that are read: a sentence, and room for what an allocator says when it gives up.
const SAID_BYTES: u64 = 4 * 1024;

/// Threads of one compilation: each has memory of its own, and all share the bound.
const MOST_THREADS: usize = 8;

/// What is said for lack of memory: by the standard library, which then gives up, by the engine, and by a system
/// that makes no thread or no stack.
const OUT_OF_MEMORY: [&str; 4] =
    ["memory allocation of", "out of memory", "(os error 11)", "(os error 12)"];

/// Compiles each component in a process of its own.
///
/// The program calls [`super::work`] with its stdin and stdout. It gets an empty environment.
#[derive(Clone, Debug)]
pub struct ChildProcess {
    /// The program.
    pub program: PathBuf,
    /// Its arguments.
    pub arguments: Vec<String>,
    /// What one component may take.
    pub limits: CompileLimits,
}

impl Compiler for ChildProcess {
    fn compile(&self, _engine: &Engine, component: &[u8]) -> Result<Vec<u8>, CompileError> {
        let mut child = self.start()?;
        let answer = self.answer(&mut child, component);
        let status = child.wait().map_err(|error| CompileError::Failed(error.to_string()))?;
        let (code, said) = answer?;
        if status.success() { Ok(code) } else { Err(self.failure(status, &said)) }
    }
}

impl ChildProcess {
    fn start(&self) -> Result<Child, CompileError> {
        let threads = thread::available_parallelism().map_or(1, usize::from).min(MOST_THREADS);
        let mut command = Command::new(&self.program);
        // Ctrl-C is for the parent, which decides what becomes of its runs.
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        command
            .args(&self.arguments)
            .env_clear()
            .env("RAYON_NUM_THREADS", threads.to_string())
            // An arena for each thread would take addresses that count as memory.
            .env("MALLOC_ARENA_MAX", "2")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| CompileError::Failed(format!("{}: {error}", self.program.display())))
    }

    /// Gives the component to the worker and waits for all that it says. An answer that is cut off is none.
    fn answer(
        &self,
        child: &mut Child,
        component: &[u8],
    ) -> Result<(Vec<u8>, String), CompileError> {
        let mut stdin = child.stdin.take().expect("its stdin is a pipe");
        let stdout = child.stdout.take().expect("its stdout is a pipe");
        let mut stderr = child.stderr.take().expect("its stderr is a pipe");
        let most = self.limits.code;
        let first = format!("{} {}\n", self.limits.memory, self.limits.time.as_secs());
        let (sender, answered) = channel();
        // All three at the same time: a worker that says something before it has read must not hang.
        thread::scope(|scope| {
            let said = scope.spawn(|| {
                let mut said = Vec::new();
                let _ = stderr.by_ref().take(SAID_BYTES).read_to_end(&mut said);
                // The rest is for nobody, but a worker must not hang on it.
                let _ = io::copy(&mut stderr, &mut io::sink());
                String::from_utf8_lossy(&said).trim().to_owned()
            });
            scope.spawn(move || {
                let mut code = Vec::new();
                let read = stdout.take(most.saturating_add(1)).read_to_end(&mut code);
                // Nobody waits any more when the time is over.
                let _ = sender.send(read.map(|_| code));
            });
            // A worker that is gone does not read on: what it said, or how it ended, tells why.
            scope.spawn(move || {
                let _ = stdin.write_all(first.as_bytes()).and_then(|()| stdin.write_all(component));
            });
            let code = answered.recv_timeout(self.limits.time);
            // Ends the pipes, and with them the threads. A worker that has answered is on its way out: how it
            // ends is decided.
            let _ = child.kill();
            let said = said.join().unwrap_or_default();
            match code {
                Ok(Ok(code)) if code.len() as u64 > most => Err(self.too_much("code")),
                Ok(Ok(code)) => Ok((code, said)),
                Ok(Err(error)) => Err(CompileError::Failed(error.to_string())),
                Err(RecvTimeoutError::Timeout) => Err(self.too_much("time")),
                Err(RecvTimeoutError::Disconnected) => {
                    Err(CompileError::Failed("its answer was lost".into()))
                }
            }
        })
    }

    fn too_much(&self, what: &'static str) -> CompileError {
        let CompileLimits { time, memory, code } = self.limits;
        let most = match what {
            "time" => format!("{} s", time.as_secs_f64()),
            "memory" => format!("{} MiB", memory >> 20),
            _ => format!("{} MiB", code >> 20),
        };
        CompileError::TooMuch { what, most }
    }

    /// What a worker that did not answer meant.
    fn failure(&self, status: ExitStatus, said: &str) -> CompileError {
        if OUT_OF_MEMORY.iter().any(|known| said.contains(known)) {
            return self.too_much("memory");
        }
        #[cfg(unix)]
        {
            use std::os::unix::process::ExitStatusExt;
            let over = rustix::process::Signal::XCPU.as_raw();
            if status.signal() == Some(over) {
                return self.too_much("time");
            }
        }
        match status.code() {
            Some(1) => CompileError::Invalid(said.to_owned()),
            _ if said.is_empty() => CompileError::Failed(status.to_string()),
            _ => CompileError::Failed(format!("{status}: {said}")),
        }
    }
}
