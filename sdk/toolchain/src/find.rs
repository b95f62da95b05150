//! Which Rust toolchain can build for WebAssembly here, and what to type when none can.
//!
//! A toolchain has the target's standard library installed, or it has the *source* of the standard library
//! (`rust-src`, or a distribution's package) and builds it with the plugin. The second way serves machines
//! that cannot reach rustup's server. WASI needs the first: its C library has no source here.

use std::fs;
use std::path::{Path, PathBuf};

use crate::process::{self, ask};
use crate::{BuildError, Config, Progress};

/// What a plugin is compiled for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// No system interface: a component imports what it calls and nothing else.
    Bare,
    /// WASI 0.2, for plugins that want files, clocks or network crates.
    Wasi,
}

impl Target {
    /// Its name in Rust.
    pub fn triple(self) -> &'static str {
        match self {
            Self::Bare => "wasm32-unknown-unknown",
            Self::Wasi => "wasm32-wasip2",
        }
    }
}

/// One line of a report about this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What was looked at.
    pub what: String,
    /// Version and state.
    pub state: String,
    /// Whether plugins can be built with it.
    pub ready: bool,
    /// What to type, when something is missing.
    pub fix: Option<String>,
}

/// A Rust toolchain that can build.
#[derive(Clone, Debug)]
pub(crate) struct Toolchain {
    pub(crate) cargo: PathBuf,
    pub(crate) rustc: PathBuf,
    pub(crate) sysroot: PathBuf,
    pub(crate) version: String,
    /// Whether the standard library is built with the plugin.
    pub(crate) from_source: bool,
    pub(crate) linker: Option<PathBuf>,
}

impl Toolchain {
    /// One line for people and provenance.
    pub(crate) fn name(&self) -> String {
        let std = if self.from_source { "built from source" } else { "installed" };
        format!("{}, standard library {std}", self.version)
    }

    fn has_target(&self, target: Target) -> bool {
        self.sysroot.join("lib/rustlib").join(target.triple()).join("lib").is_dir()
    }

    /// Why it cannot build for a target, when no other toolchain's linker helps.
    fn lacks(&self, target: Target) -> &'static str {
        match (self.has_source(), target) {
            (true, Target::Bare) => "it has the source of the standard library and no linker (lld)",
            (true, Target::Wasi) => "without this target, which cannot be built from source",
            (false, _) => "without this target and without the source of the standard library",
        }
    }

    fn has_source(&self) -> bool {
        self.sysroot.join("lib/rustlib/src/rust/library/std/Cargo.toml").is_file()
    }
}

/// Looks at one pair of programs; nothing when they do not run.
fn probe(cargo: PathBuf, rustc: PathBuf, folder: &Path) -> Option<(Toolchain, PathBuf)> {
    ask(process::command(&cargo, folder).arg("-V"))?;
    let facts = ask(process::command(&rustc, folder).arg("-vV"))?;
    let version = facts.lines().next()?.to_string();
    let host = facts.lines().find_map(|line| line.strip_prefix("host: "))?;
    let sysroot = PathBuf::from(ask(process::command(&rustc, folder).arg("--print=sysroot"))?);
    let lld = sysroot.join("lib/rustlib").join(host).join("bin/rust-lld");
    let toolchain = Toolchain { cargo, rustc, sysroot, version, from_source: false, linker: None };
    Some((toolchain, lld))
}

/// The toolchain that the caller's shell would use, then the distribution's; with their linkers.
fn candidates(config: &Config, folder: &Path) -> Vec<(Toolchain, PathBuf)> {
    let bin = config.system.join("bin");
    let pairs =
        [(PathBuf::from("cargo"), PathBuf::from("rustc")), (bin.join("cargo"), bin.join("rustc"))];
    let mut found: Vec<(Toolchain, PathBuf)> = Vec::new();
    for (cargo, rustc) in pairs {
        if let Some(pair) = probe(cargo, rustc, folder)
            && found.iter().all(|(other, _)| other.sysroot != pair.0.sysroot)
        {
            found.push(pair);
        }
    }
    found
}

/// The best toolchain for a target: an installed standard library, then one from source.
pub(crate) fn toolchain(
    config: &Config,
    folder: &Path,
    target: Target,
    progress: &mut dyn FnMut(Progress),
) -> Result<Toolchain, BuildError> {
    let found = candidates(config, folder);
    if let Some((ready, _)) = found.iter().find(|(t, _)| t.has_target(target)) {
        return Ok(ready.clone());
    }
    if config.install {
        match install(folder, target, progress) {
            Ok(()) => {
                let again = candidates(config, folder);
                if let Some((ready, _)) = again.into_iter().find(|(t, _)| t.has_target(target)) {
                    return Ok(ready);
                }
            }
            // No rustup: what to type names it.
            Err(BuildError::Start { .. }) => {}
            // Without rustup's server the source still serves.
            Err(error) if from_source(config, &found, target).is_none() => return Err(error),
            Err(error) => progress(Progress::Output(error.to_string())),
        }
    }
    from_source(config, &found, target).ok_or_else(|| missing(config, &found, target))
}

fn from_source(
    config: &Config,
    found: &[(Toolchain, PathBuf)],
    target: Target,
) -> Option<Toolchain> {
    let (with_source, _) = found.iter().find(|(t, _)| target == Target::Bare && t.has_source())?;
    let linker = linker(config, found)?;
    Some(Toolchain { from_source: true, linker: Some(linker), ..with_source.clone() })
}

/// A linker for WebAssembly: any toolchain's own, or LLVM's.
fn linker(config: &Config, found: &[(Toolchain, PathBuf)]) -> Option<PathBuf> {
    let bin = config.system.join("bin");
    let mut packaged: Vec<PathBuf> = fs::read_dir(&bin)
        .into_iter()
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            name == "rust-lld" || name == "wasm-ld" || name.starts_with("wasm-ld-")
        })
        .collect();
    packaged.sort();
    found.iter().map(|(_, lld)| lld.clone()).chain(packaged).find(|path| path.is_file())
}

fn install(
    folder: &Path,
    target: Target,
    progress: &mut dyn FnMut(Progress),
) -> Result<(), BuildError> {
    progress(Progress::Installing(target.triple().into()));
    let mut rustup = process::command(Path::new("rustup"), folder);
    rustup.args(["target", "add", target.triple()]);
    let outcome = process::stream(&mut rustup, &mut |_| {})?;
    match outcome.success {
        true => Ok(()),
        false => {
            let command = format!("rustup target add {}", target.triple());
            let message = outcome.tail.lines().last().unwrap_or("it said nothing").to_string();
            Err(BuildError::Install { command, message })
        }
    }
}

/// What to type, shortest way first.
fn commands(config: &Config, found: &[(Toolchain, PathBuf)], target: Target) -> Vec<String> {
    let rustup = ask(process::command(Path::new("rustup"), Path::new("/")).arg("-V")).is_some();
    let linkless = linker(config, found).is_none() && found.iter().any(|(t, _)| t.has_source());
    rows(found.is_empty(), rustup, linkless, target)
}

fn rows(no_rust: bool, rustup: bool, linkless: bool, target: Target) -> Vec<String> {
    let add = format!("rustup target add {}", target.triple());
    let mut lines = Vec::new();
    if linkless && target == Target::Bare {
        lines.push("apt install lld   # Debian: the linker alone is missing".into());
    }
    lines.push(match (rustup, no_rust) {
        (true, _) => format!("{add}   # or: cleargate plugin build --install"),
        (false, true) => format!("Rust, from https://rustup.rs, then: {add}"),
        (false, false) => format!("rustup, from https://rustup.rs, then: {add}"),
    });
    if !linkless && target == Target::Bare {
        lines.push("apt install rustc-web cargo-web rust-web-src lld   # Debian".into());
    }
    lines
}

/// Says what was looked at, what it lacks, and what to type.
pub(crate) fn missing(
    config: &Config,
    found: &[(Toolchain, PathBuf)],
    target: Target,
) -> BuildError {
    let looked = found.iter().map(|(t, _)| format!("\n  {}: {}", t.version, t.lacks(target)));
    let commands = commands(config, found, target);
    BuildError::NoToolchain {
        target: target.triple(),
        looked: looked.collect(),
        commands: commands.iter().map(|c| format!("  {c}")).collect::<Vec<_>>().join("\n"),
    }
}

/// What this machine can build, a line for each way, for `cleargate doctor`.
pub fn survey(config: &Config) -> Vec<Finding> {
    let folder = Path::new("/");
    let found = candidates(config, folder);
    let mut report = Vec::new();
    for target in [Target::Bare, Target::Wasi] {
        let installed = found.iter().find(|(t, _)| t.has_target(target)).map(|(t, _)| t.clone());
        let chosen = installed.or_else(|| from_source(config, &found, target));
        let what = format!("Rust plugins for {}", target.triple());
        report.push(match chosen {
            Some(toolchain) => Finding { what, state: toolchain.name(), ready: true, fix: None },
            None => Finding {
                what,
                state: match found.first() {
                    Some((t, _)) => format!("{}: {}", t.version, t.lacks(target)),
                    None => "no Rust toolchain".into(),
                },
                ready: false,
                fix: commands(config, &found, target).into_iter().next(),
            },
        });
    }
    report.push(crate::javascript::survey());
    report.push(crate::wheels::survey());
    report
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_to_type_begins_with_what_is_not_there() {
        use Target::{Bare, Wasi};
        for (no_rust, rustup, linkless, target, expected) in [
            (true, false, false, Bare, ["Rust, from https://rustup.rs", "apt install rustc-web"]),
            (false, false, false, Bare, ["rustup, from https://rustup", "apt install rustc-web"]),
            (false, true, false, Bare, ["rustup target add wasm32-unknown-unknown", "apt"]),
            (false, true, true, Bare, ["apt install lld", "rustup target add wasm32-unknown"]),
            (false, true, true, Wasi, ["rustup target add wasm32-wasip2", ""]),
        ] {
            let lines = rows(no_rust, rustup, linkless, target);
            let found = [0, 1].map(|i| lines.get(i).map_or("", String::as_str));
            let same = found.iter().zip(expected).all(|(line, start)| line.starts_with(start));
            assert!(same && lines.len() <= 2, "{lines:?}");
        }
    }

    #[test]
    fn a_machine_without_rust_is_told_what_to_install() {
        let empty = tempfile::tempdir().unwrap();
        let config = Config { system: empty.path().into(), ..Config::new(empty.path()) };
        let message = missing(&config, &[], Target::Bare).to_string();
        assert!(message.starts_with("no Rust toolchain for wasm32-unknown-unknown"), "{message}");
        assert!(message.contains("install one of:\n  "), "{message}");
    }
}
