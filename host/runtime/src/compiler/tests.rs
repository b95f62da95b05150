//! Workers of every temper, played by a shell.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use super::*;
use crate::engine::Allocation;

/// Counts compilations.
#[derive(Debug, Default)]
pub(crate) struct Counting(pub(crate) AtomicUsize);

impl Compiler for Counting {
    fn compile(&self, engine: &Engine, component: &[u8]) -> Result<Vec<u8>, CompileError> {
        self.0.fetch_add(1, Ordering::Relaxed);
        InProcess.compile(engine, component)
    }
}

/// What a worker that runs `script` answers. It may take 200 ms and 1 KiB of code.
#[cfg(unix)]
fn answer(script: &str) -> Result<Vec<u8>, CompileError> {
    let limits = CompileLimits { time: Duration::from_millis(200), memory: 1 << 30, code: 1024 };
    let arguments = vec!["-c".into(), script.into()];
    let compiler = ChildProcess { program: "/bin/sh".into(), arguments, limits };
    let engine = Engine::with_allocation(Allocation::OnDemand).unwrap();
    compiler.compile(&engine, &vec![b'x'; 1 << 20])
}

#[cfg(unix)]
#[test]
fn a_worker_ends_in_code_or_in_a_typed_error() {
    let too_much = |what, most: &str| Err(CompileError::TooMuch { what, most: most.into() });
    let failed = |why: &str| Err(CompileError::Failed(why.into()));
    for (script, expected) in [
        ("/bin/cat >/dev/null; printf code", Ok(b"code".to_vec())),
        // It says something before it has read, and does not read on.
        ("printf code", Ok(b"code".to_vec())),
        ("echo 'a wrong thing' >&2; exit 1", Err(CompileError::Invalid("a wrong thing".into()))),
        ("exec /bin/sleep 60", too_much("time", "0.2 s")),
        ("exec >&-; exec /bin/sleep 60", failed("signal: 9 (SIGKILL)")),
        ("exec /bin/cat /dev/zero", too_much("code", "0 MiB")),
        ("while :; do echo noise >&2; done", too_much("time", "0.2 s")),
        (
            "echo 'memory allocation of 9 bytes failed' >&2; kill -ABRT $$",
            too_much("memory", "1024 MiB"),
        ),
        ("kill -XCPU $$", too_much("time", "0.2 s")),
        ("kill -SEGV $$", failed("signal: 11 (SIGSEGV)")),
        ("echo boom >&2; exit 101", failed("exit status: 101: boom")),
    ] {
        let started = Instant::now();
        assert_eq!(answer(script), expected, "{script}");
        assert!(started.elapsed() < Duration::from_secs(10), "{script}");
    }
}

#[cfg(unix)]
#[test]
fn a_worker_sees_nothing_of_the_environment() {
    let names = String::from_utf8(answer("/usr/bin/env | /usr/bin/cut -d= -f1").unwrap()).unwrap();
    let mut names: Vec<&str> = names.lines().collect();
    names.retain(|name| !["PWD", "SHLVL", "_", "OLDPWD"].contains(name));
    names.sort();
    assert_eq!(names, ["MALLOC_ARENA_MAX", "RAYON_NUM_THREADS"]);
}

#[test]
fn a_program_that_is_not_there_is_named() {
    let compiler = ChildProcess {
        program: "no/such/program".into(),
        arguments: Vec::new(),
        limits: CompileLimits::default(),
    };
    let engine = Engine::with_allocation(Allocation::OnDemand).unwrap();
    let error = compiler.compile(&engine, b"").unwrap_err().to_string();
    assert!(error.starts_with("the compiler failed: no/such/program: "), "{error}");
}

#[test]
fn input_without_bounds_is_refused_before_anything_is_bounded() {
    for input in ["", "1", "1 2 3\n", "a b\n", "-1 5\n"] {
        let error = work(input.as_bytes(), Vec::new()).unwrap_err().to_string();
        assert!(error.contains("bounds"), "{input:?}: {error}");
    }
}
