//! Whose turn it is to build a crate name in a folder that many projects share.
//!
//! Cargo names a plugin's module after the crate alone, wherever the project lies, and takes a module that is
//! there for its own when its notes say "fresh". So two projects with one crate name, or one project built by
//! two toolchains, would hand out each other's code. A lock file for each crate name keeps them apart in time
//! and remembers who built last; another builder removes the module before it begins. Crates with other
//! names, and all dependencies, stay shared.

use std::fs::{self, File, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::find::Target;
use crate::{BuildError, Progress};

/// How long a build waits for another one: a standard library from source on a slow machine, twice over.
const PATIENCE: Duration = Duration::from_secs(15 * 60);
/// How often it looks again.
const PAUSE: Duration = Duration::from_millis(50);

/// The right to build a crate name, until dropped.
#[derive(Debug)]
pub(crate) struct Turn {
    _lock: File,
}

impl Turn {
    /// Waits for the right to build `krate` in `target_dir`. Afterwards no module of that name is there that
    /// another `builder` made. A builder is a project, its toolchain and its flags in one text.
    pub(crate) fn take(
        target_dir: &Path,
        krate: &str,
        builder: &str,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<Self, BuildError> {
        Self::within(PATIENCE, target_dir, krate, builder, progress)
    }

    fn within(
        patience: Duration,
        target_dir: &Path,
        krate: &str,
        builder: &str,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<Self, BuildError> {
        let folder = target_dir.join("turns");
        let path = folder.join(format!("{krate}.lock"));
        let failed = |cause| BuildError::Write { path: path.clone(), cause };
        let open = || {
            fs::create_dir_all(&folder)?;
            File::options().create(true).truncate(false).read(true).write(true).open(&path)
        };
        let mut lock = open().map_err(failed)?;
        let began = Instant::now();
        let mut told = false;
        loop {
            match lock.try_lock() {
                Ok(()) => break,
                Err(TryLockError::Error(cause)) => return Err(failed(cause)),
                Err(TryLockError::WouldBlock) if began.elapsed() >= patience => {
                    return Err(BuildError::Busy { krate: krate.into(), path });
                }
                Err(TryLockError::WouldBlock) => {
                    if !told {
                        progress(Progress::Waiting(krate.into()));
                        told = true;
                    }
                    std::thread::sleep(PAUSE);
                }
            }
        }
        claim(&mut lock, builder, &modules(target_dir, krate)).map_err(failed)?;
        Ok(Self { _lock: lock })
    }
}

/// Where Cargo puts the module of a crate: what it links, and the copy that it hands out.
fn modules(target_dir: &Path, krate: &str) -> Vec<PathBuf> {
    let file = format!("{krate}.wasm");
    let release = |target: Target| target_dir.join(target.triple()).join("release");
    let both = |folder: PathBuf| [folder.join("deps").join(&file), folder.join(&file)];
    [Target::Bare, Target::Wasi].into_iter().map(release).flat_map(both).collect()
}

/// Removes what another builder left, then signs: killed between the two, the next builder removes again.
fn claim(lock: &mut File, builder: &str, modules: &[PathBuf]) -> io::Result<()> {
    let mut last = Vec::new();
    lock.read_to_end(&mut last)?;
    if last == builder.as_bytes() {
        return Ok(());
    }
    for module in modules {
        match fs::remove_file(module) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(e),
            _ => {}
        }
    }
    lock.set_len(0)?;
    lock.seek(SeekFrom::Start(0))?;
    lock.write_all(builder.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_another_builder_loses_the_module() {
        let dir = tempfile::tempdir().unwrap();
        let module = dir.path().join("wasm32-wasip2/release/deps/p.wasm");
        let other = dir.path().join("wasm32-wasip2/release/deps/q.wasm");
        fs::create_dir_all(module.parent().unwrap()).unwrap();
        for (builder, stays) in [("a", false), ("a", true), ("longer", false), ("a", false)] {
            fs::write(&module, "code").unwrap();
            fs::write(&other, "code").unwrap();
            let turn = Turn::take(dir.path(), "p", builder, &mut |_| {}).unwrap();
            assert_eq!(module.exists(), stays, "{builder}");
            assert!(other.exists(), "crates with other names are nobody's business");
            drop(turn);
        }
    }

    #[test]
    fn a_turn_that_never_comes_is_an_error_that_names_the_crate() {
        let dir = tempfile::tempdir().unwrap();
        let _first = Turn::take(dir.path(), "p", "a", &mut |_| {}).unwrap();
        Turn::take(dir.path(), "q", "b", &mut |_| {}).expect("another name does not wait");
        let mut said = Vec::new();
        let second = Turn::within(PAUSE, dir.path(), "p", "b", &mut |progress| said.push(progress));
        let message = second.unwrap_err().to_string();
        assert!(message.contains("`p`") && message.contains("p.lock"), "{message}");
        assert_eq!(said, [Progress::Waiting("p".into())], "people are told once");
    }
}
