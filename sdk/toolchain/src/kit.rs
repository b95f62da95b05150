//! Tools of a language that are packages of its own registry: installed once, into the folder of build results.
//!
//! Nothing is installed for the whole machine, and versions are pinned with the digests of their bytes. A kit is
//! complete or not there: it is filled in a folder of its own and renamed. Its name is the digest of its list, so a
//! newer version of this program installs beside an older one. Once it is there, building needs no network.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use cleargate_registry::Digest;

use crate::process;
use crate::{BuildError, Config, Progress};

/// Digits of the digest of a list: enough for the kits of a machine.
const NAME_LEN: usize = 12;

/// The list of packages of a language.
pub(crate) struct Kit {
    /// The language, as it appears in the name of the folder.
    pub(crate) language: &'static str,
    /// Names and versions, for people.
    pub(crate) packages: &'static str,
    /// Files that say what is installed: names and texts.
    pub(crate) files: &'static [(&'static str, &'static str)],
}

impl Kit {
    /// The folder with the packages; `install` fills it when it is not there yet. Processes take turns.
    pub(crate) fn ready(
        &self,
        config: &Config,
        install: impl FnOnce(&Path) -> Command,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<PathBuf, BuildError> {
        let all = config.target_dir.join("toolchains");
        let folder = self.folder(config);
        if folder.is_dir() {
            return Ok(folder);
        }
        let failed = |cause| BuildError::Write { path: folder.clone(), cause };
        let refused = |message: String| BuildError::Packages {
            packages: self.packages.into(),
            path: folder.clone(),
            message,
        };
        fs::create_dir_all(&all).map_err(failed)?;
        let lock = File::create(all.join(format!("{}.lock", self.language))).map_err(failed)?;
        lock.lock().map_err(failed)?;
        // Another process was faster.
        if folder.is_dir() {
            return Ok(folder);
        }
        if config.offline {
            return Err(refused(
                "this build must do without a network; build once with one".into(),
            ));
        }
        progress(Progress::Installing(format!(
            "{} into {}, once",
            self.packages,
            folder.display()
        )));
        let draft = self.draft(&all).map_err(failed)?;
        let outcome = process::stream(&mut install(draft.path()), &mut |_| {})?;
        if !outcome.success {
            return Err(refused(outcome.tail));
        }
        fs::rename(draft.keep(), &folder).map_err(failed)?;
        Ok(folder)
    }

    /// Whether the packages are there.
    pub(crate) fn is_ready(&self, config: &Config) -> bool {
        self.folder(config).is_dir()
    }

    fn folder(&self, config: &Config) -> PathBuf {
        config.target_dir.join("toolchains").join(format!("{}-{}", self.language, self.name()))
    }

    /// Digits of the digest of the list.
    pub(crate) fn name(&self) -> String {
        let list: Vec<&str> = self.files.iter().flat_map(|(name, text)| [*name, *text]).collect();
        Digest::of(list.join("\n").as_bytes()).hex()[..NAME_LEN].to_owned()
    }

    /// A folder that holds the list alone.
    fn draft(&self, all: &Path) -> io::Result<tempfile::TempDir> {
        let draft = tempfile::TempDir::new_in(all)?;
        for (name, text) in self.files {
            fs::write(draft.path().join(name), text)?;
        }
        Ok(draft)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KIT: Kit = Kit { language: "test", packages: "one 1.0", files: &[("list", "one 1.0")] };

    fn shell(line: &str) -> impl FnOnce(&Path) -> Command {
        move |folder| {
            let mut command = process::command(Path::new("sh"), folder);
            command.args(["-c", line]);
            command
        }
    }

    #[test]
    fn a_kit_is_complete_or_not_there_and_is_installed_once() {
        let dir = tempfile::tempdir().unwrap();
        let config = Config::new(dir.path());
        let mut said = Vec::new();
        let mut ready = |line| KIT.ready(&config, shell(line), &mut |step| said.push(step));
        let error = ready("echo half > half; echo no such package >&2; exit 1").unwrap_err();
        assert!(error.to_string().contains("no such package"), "{error}");
        let folder = ready("cp list copy").unwrap();
        assert_eq!(fs::read_to_string(folder.join("copy")).unwrap(), "one 1.0");
        assert!(!folder.join("half").exists(), "what failed left nothing");
        assert_eq!(ready("exit 1").unwrap(), folder);
        assert_eq!(said.len(), 2, "what is there is not installed: {said:?}");
        assert!(matches!(&said[1], Progress::Installing(what) if what.starts_with("one 1.0 into")));
    }

    #[test]
    fn without_a_network_nothing_is_installed() {
        let dir = tempfile::tempdir().unwrap();
        let config = Config { offline: true, ..Config::new(dir.path()) };
        let error = KIT.ready(&config, shell("exit 0"), &mut |_| {}).unwrap_err();
        assert!(error.to_string().contains("without a network"), "{error}");
    }
}
