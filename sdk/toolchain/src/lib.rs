//! From a plugin project to a component: finds a toolchain, drives it, and wraps what it made.
//!
//! The author's language is found in `plugin.toml`. For Rust there are two ways to the standard library of a
//! WebAssembly target (`find`): one that is installed, or its source. Both give a core module, which becomes
//! a component in this process (`package`), with the manifest inside and checked against its imports.
//!
//! Nothing of a project runs but its build: no WebAssembly is executed here, and there is no engine.

mod cargo;
mod error;
mod find;
mod package;
mod process;
mod project;
mod scaffold;

use std::fs;
use std::path::{Path, PathBuf};

pub use cleargate_registry::PackageName;
pub use cleargate_registry::manifest::Language;
use cleargate_registry::{Digest, Manifest};

pub use error::BuildError;
pub use find::{Finding, Target, survey};
pub use scaffold::{Kind, ScaffoldError, scaffold};

/// How to build. The caller decides about places: a library reads no environment.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where build results go. Share one between all plugins: the standard library is built once for each.
    pub target_dir: PathBuf,
    /// Whether a missing target may be downloaded with `rustup target add`.
    pub install: bool,
    /// Whether the build must do without a network.
    pub offline: bool,
    /// Refuse to change `Cargo.lock`.
    pub locked: bool,
    /// Parallel jobs; the toolchain's own choice when absent.
    pub jobs: Option<u32>,
    /// Prefix of the distribution's packages.
    pub system: PathBuf,
}

impl Config {
    /// Builds into `target_dir`, installs nothing, may use the network for crates.
    pub fn new(target_dir: impl Into<PathBuf>) -> Self {
        Self {
            target_dir: target_dir.into(),
            install: false,
            offline: false,
            locked: false,
            jobs: None,
            system: PathBuf::from("/usr"),
        }
    }
}

/// What a build is doing, for people who wait.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Progress {
    /// The toolchain that was found, with its version and its way to the standard library.
    Toolchain(String),
    /// A target is being installed.
    Installing(String),
    /// A crate is done.
    Compiled {
        /// Its name.
        name: String,
        /// Whether it was done already.
        fresh: bool,
    },
    /// A line that the toolchain wrote: a warning, an error, its own progress.
    Output(String),
    /// The core module becomes a component.
    Packaging,
}

/// A built plugin.
#[derive(Clone, Debug)]
pub struct Built {
    /// Where the component lies.
    pub wasm_path: PathBuf,
    /// The component, manifest inside.
    pub bytes: Vec<u8>,
    /// Of the bytes.
    pub digest: Digest,
    /// What built it, for provenance.
    pub toolchain: String,
    /// Number of bytes.
    pub size: u64,
    /// What the author wrote.
    pub manifest: Manifest,
}

/// Builds plugin projects.
#[derive(Clone, Debug)]
pub struct Builder {
    config: Config,
}

impl Builder {
    /// A builder with a configuration.
    pub fn new(config: Config) -> Self {
        Self { config }
    }

    /// Builds the project in the folder `project`. The same source gives the same bytes.
    ///
    /// # Errors
    /// A manifest or a project that cannot be read, no toolchain (with the commands that install one), a
    /// failed build with what the toolchain said, or a component that asks for more than its manifest.
    pub fn build(
        &self,
        project: &Path,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<Built, BuildError> {
        let manifest = project::manifest(project)?;
        let build = manifest.build.as_ref();
        let (module, toolchain) = match build.map(|build| build.language) {
            Some(Language::Rust) | None => cargo::build(&self.config, project, progress)?,
            Some(Language::Prebuilt) => {
                (project::prebuilt(project, build)?, "prebuilt".to_string())
            }
            Some(language) => return Err(BuildError::Language { language }),
        };
        progress(Progress::Packaging);
        let bytes = package::component(&module, &manifest)?;
        let wasm_path = self.keep(&bytes, &manifest)?;
        let (digest, size) = (Digest::of(&bytes), bytes.len() as u64);
        Ok(Built { wasm_path, bytes, digest, toolchain, size, manifest })
    }

    /// Writes the component in one step: a reader meets the old file or the new one.
    fn keep(&self, bytes: &[u8], manifest: &Manifest) -> Result<PathBuf, BuildError> {
        let name = &manifest.plugin.name;
        let folder = self.config.target_dir.join("components").join(name.namespace());
        let path = folder.join(format!("{}.wasm", name.name()));
        let write = || {
            fs::create_dir_all(&folder)?;
            let file = tempfile::NamedTempFile::new_in(&folder)?;
            fs::write(file.path(), bytes)?;
            file.persist(&path).map_err(|e| e.error)
        };
        write().map_err(|cause| BuildError::Write { path: path.clone(), cause })?;
        Ok(path)
    }
}

#[cfg(test)]
mod tests;
