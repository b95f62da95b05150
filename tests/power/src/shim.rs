//! Runs a process whose writes and syncs below a folder are noted, and one of which may fail or wait.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::trace::{Op, read};

/// What goes wrong, once: a call, the end of a file's name, which call of it, and how. See `shim.c`.
pub type Fault<'a> = (&'a str, &'a str, u32, &'a str);

/// A folder whose disk is watched, and what was noted of it.
#[derive(Debug)]
pub struct Bench {
    folder: tempfile::TempDir,
    library: PathBuf,
}

impl Bench {
    /// An empty folder; absent on systems where a library cannot be put before a process.
    #[expect(clippy::print_stdout, reason = "a proof that is left out says so")]
    pub fn new() -> Option<Self> {
        if !cfg!(target_os = "linux") {
            println!("left out: this system has no LD_PRELOAD");
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        let library = folder.path().join("shim.so");
        // The compiler that builds the database.
        let done = Command::new("cc")
            .args(["-shared", "-fPIC", "-O1", "-o"])
            .arg(&library)
            .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/src/shim.c"))
            .args(["-ldl", "-lpthread"])
            .status();
        assert!(
            done.unwrap().success(),
            "the shim is built by the C compiler that builds the database"
        );
        std::fs::create_dir(folder.path().join("root")).unwrap();
        Some(Self { folder, library })
    }

    /// The folder that is watched. What is written to a file `said` in it reaches the world at once.
    pub fn root(&self) -> PathBuf {
        self.folder.path().join("root")
    }

    /// A folder beside it that is not watched.
    pub fn beside(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The ignored test `name` of this binary as a process of its own, with `inputs` in its environment.
    pub fn process(&self, name: &str, inputs: &str, fault: Option<Fault<'_>>) -> Command {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", name, "--ignored", "--nocapture", "--test-threads", "1"]);
        command.env("LD_PRELOAD", &self.library).env("DISK_ROOT", self.root());
        command.env("DISK_TRACE", self.beside("trace")).env("DISK_INPUT", inputs);
        if let Some((call, suffix, number, kind)) = fault {
            command.env("DISK_FAULT", format!("{call} {suffix} {number} {kind}"));
        }
        command
    }

    /// Whether the call that was told to wait does so.
    pub fn waits(&self) -> bool {
        self.beside("trace.waits").exists()
    }

    /// Lets it go on.
    pub fn go_on(&self) {
        std::fs::write(self.beside("trace.go"), "").unwrap();
    }

    /// What was noted so far, of all processes.
    pub fn trace(&self) -> Vec<Op> {
        read(&std::fs::read(self.beside("trace")).unwrap(), &self.root())
    }
}

/// In the process: the folder that is watched and what the test says. Nothing when no test started it.
#[expect(clippy::disallowed_methods, reason = "how a process learns what it is for")]
pub fn told() -> Option<(PathBuf, String)> {
    let root = std::env::var_os("DISK_ROOT")?;
    Some((Path::new(&root).to_owned(), std::env::var("DISK_INPUT").ok()?))
}
