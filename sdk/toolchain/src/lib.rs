//! From a plugin project to a component: finds a toolchain, drives it, and wraps what it made.
//!
//! The author's language is found in `plugin.toml`. For Rust there are two ways to the standard library of a
//! WebAssembly target (`find`): one that is installed, or its source. Both give a core module, which becomes
//! a component in this process (`package`), with the manifest inside and checked against its imports. For
//! other languages the tools are packages, which are installed once into the folder of build results (`kit`), and the
//! build writes the world that the source uses (`contract`).
//!
//! Nothing of a project runs but its build: no WebAssembly is executed here, and there is no engine.

mod bare;
mod builder;
mod c;
mod cargo;
mod contract;
mod crates_in_c;
mod error;
mod find;
mod go;
mod javascript;
mod kept;
mod kit;
mod package;
mod preview1;
mod process;
mod project;
mod python;
mod scaffold;
mod turn;
mod wasi;
mod wheels;

use std::path::PathBuf;

pub use cleargate_registry::PackageName;
pub use cleargate_registry::manifest::Language;

pub use builder::{Builder, Built};
pub use cleargate_flow::signature::PluginKind as Kind;
pub use error::BuildError;
pub use find::{Finding, Target, survey};
pub use scaffold::{ScaffoldError, scaffold};

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
    /// A target, or the packages that build a language, are being installed: what, and where to.
    Installing(String),
    /// Another build of a crate with this name is at work in the same folder.
    Waiting(String),
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
