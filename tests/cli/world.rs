//! A home folder, and the command in it. First-party plugins are built and published once, through the command
//! itself, into a folder that all tests copy: each test runs in its own process, so a file lock stands between them.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

/// The built command.
pub(crate) const BINARY: &str = env!("CARGO_BIN_EXE_cleargate");

/// What the bundled flow uses.
pub(crate) const PLUGINS: [&str; 3] = ["lockfile", "package-risk", "secret-guard"];

/// One user's machine: a home folder and a working folder, both removed at the end.
pub(crate) struct World {
    root: TempDir,
}

/// What a command left behind.
#[derive(Debug)]
pub(crate) struct Done {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl World {
    /// Nothing installed, nothing published.
    pub(crate) fn empty() -> Self {
        let root = TempDir::new().unwrap();
        fs::create_dir(root.path().join("work")).unwrap();
        Self { root }
    }

    /// With the plugins of the bundled flow in the registry.
    pub(crate) fn published() -> Self {
        let world = Self::empty();
        copy(&shared_registry(), &world.home().join("registry"));
        world
    }

    /// Takes compiled components from what other tests compiled: for engines that take long to compile.
    pub(crate) fn share_compiled(&self) {
        let shared = build_folder().join("compiled");
        fs::create_dir_all(&shared).unwrap();
        fs::create_dir_all(self.home()).unwrap();
        std::os::unix::fs::symlink(shared, self.home().join("cache")).unwrap();
    }

    pub(crate) fn home(&self) -> PathBuf {
        self.root.path().join("home")
    }

    pub(crate) fn journal(&self) -> PathBuf {
        self.home().join("journal.db")
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.root.path().join("work").join(name)
    }

    /// Writes a file of the working folder.
    pub(crate) fn write(&self, name: &str, text: &str) {
        fs::create_dir_all(self.path(name).parent().unwrap()).unwrap();
        fs::write(self.path(name), text).unwrap();
    }

    /// Writes a file of the home folder.
    pub(crate) fn write_home(&self, name: &str, bytes: &[u8]) {
        let path = self.home().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }

    /// The command, ready to start in the working folder.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = command(&self.home(), args);
        command.current_dir(self.root.path().join("work"));
        command
    }

    pub(crate) fn run(&self, args: &[&str]) -> Done {
        Done::of(self.command(args).output().unwrap())
    }

    /// The same with something to read from standard input.
    pub(crate) fn told(&self, args: &[&str], input: &str) -> Done {
        let mut command = self.command(args);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        Done::of(child.wait_with_output().unwrap())
    }

    /// Runs the command, which must succeed, and reads its stdout as JSON.
    pub(crate) fn json(&self, args: &[&str]) -> Value {
        let done = self.run(args);
        assert_eq!(done.code, Some(0), "{args:?}: {done:?}");
        serde_json::from_str(&done.out).unwrap()
    }

    /// The lines of the log of a run, each with its level.
    pub(crate) fn printed(&self, ran: &Value) -> Vec<String> {
        let id = ran["run"].as_str().unwrap();
        let done = self.run(&["runs", "events", id, "--output", "ndjson"]);
        let events = done.out.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let lines = events.filter(|event| event["event"] == "logged");
        lines.map(|e| format!("{} {}", text(&e["level"]), text(&e["message"]))).collect()
    }
}

impl Done {
    pub(crate) fn of(output: Output) -> Self {
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("output is UTF-8");
        Self { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
    }

    /// The exit code is as said, and stderr says each of the words. Line breaks of a terminal do not count.
    #[track_caller]
    pub(crate) fn expect(&self, code: i32, words: &[&str]) -> &Self {
        assert_eq!(self.code, Some(code), "{self:?}");
        let said: Vec<_> = self.err.split(|c: char| c.is_whitespace() || c == '│').collect();
        let said = said.into_iter().filter(|w| !w.is_empty()).collect::<Vec<_>>().join(" ");
        for word in words {
            assert!(said.contains(word), "no {word:?} in {said}");
        }
        self
    }
}

/// The repository's folder.
pub(crate) fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

fn command(home: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(BINARY);
    command.args(args).env_clear().stdin(Stdio::null());
    // Building a plugin needs the compiler; everything else comes from the test.
    for name in ["PATH", "HOME", "RUSTUP_HOME", "CARGO_HOME"] {
        command.envs(variable(name).map(|value| (name, value)));
    }
    command.env("CLEARGATE_HOME", home).env("CLEARGATE_BUILD", build_folder());
    command
}

#[expect(
    clippy::disallowed_methods,
    reason = "a test takes the compiler's place and its own length from its environment"
)]
pub(crate) fn variable(name: &str) -> Option<std::ffi::OsString> {
    std::env::var_os(name)
}

/// Whether the slow proofs run, too.
pub(crate) fn soak() -> bool {
    variable("CLEARGATE_SOAK").is_some()
}

fn target_folder() -> &'static Path {
    Path::new(env!("CARGO_TARGET_TMPDIR"))
}

fn build_folder() -> PathBuf {
    variable("CLEARGATE_BUILD").map_or_else(|| target_folder().join("guests"), PathBuf::from)
}

/// The registry folder that holds the plugins of the bundled flow, published by exactly this binary.
fn shared_registry() -> PathBuf {
    let home = target_folder().join("cli-home");
    fs::create_dir_all(&home).unwrap();
    let lock = File::create(home.join("test.lock")).unwrap();
    lock.lock().unwrap();
    let plugins = repository().join("plugins");
    let marker = home.join("published");
    let wanted = stamp(&plugins);
    if fs::read_to_string(&marker).ok().as_ref() != Some(&wanted) {
        let _ = fs::remove_dir_all(home.join("registry"));
        let folders = PLUGINS.map(|name| plugins.join(name).to_str().unwrap().to_owned());
        let args: Vec<&str> =
            ["plugin", "publish"].into_iter().chain(folders.iter().map(String::as_str)).collect();
        let done = Done::of(command(&home, &args).output().unwrap());
        assert_eq!(done.code, Some(0), "{done:?}");
        fs::write(&marker, wanted).unwrap();
    }
    home.join("registry")
}

/// Changes when the binary, a plugin or what plugins are built from changes.
fn stamp(plugins: &Path) -> String {
    let repository = repository();
    let mut newest = fs::metadata(BINARY).unwrap().modified().unwrap();
    let mut folders = vec![plugins.to_owned(), repository.join("sdk/rust"), repository.join("wit")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
            if entry.file_type().unwrap().is_dir() {
                folders.push(entry.path());
            } else {
                newest = newest.max(entry.metadata().unwrap().modified().unwrap());
            }
        }
    }
    format!("{newest:?}")
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), to).unwrap();
        }
    }
}
