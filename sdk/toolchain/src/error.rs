//! Why a project did not become a component, and what to do.

use std::io;
use std::path::PathBuf;

use cleargate_registry::component::ComponentError;
use cleargate_registry::manifest::{Disagreement, ManifestError};

/// Why [`crate::Builder::build`] failed.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// The folder holds no readable `plugin.toml`.
    #[error("cannot read {}: {cause}; `cleargate plugin new` makes a project", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        cause: io::Error,
    },
    /// `plugin.toml` is wrong.
    #[error("{}: {cause}", path.display())]
    Manifest {
        /// The file.
        path: PathBuf,
        /// Where and why.
        cause: ManifestError,
    },
    /// `language = "prebuilt"` without a file.
    #[error("[build] language = \"prebuilt\" needs component = \"path/to/plugin.wasm\"")]
    NoComponent,
    /// Neither the target nor the source of the standard library.
    #[error("no Rust toolchain for {target}{looked}\ninstall one of:\n{commands}")]
    NoToolchain {
        /// The target.
        target: &'static str,
        /// What was found and lacks something, a line each.
        looked: String,
        /// What to type, a line each.
        commands: String,
    },
    /// A program that the language's tools run on is not there.
    #[error(
        "{language} plugins are built with {program}, which is not here\ninstall it with:\n{commands}"
    )]
    NoProgram {
        /// The language.
        language: &'static str,
        /// What is looked for.
        program: &'static str,
        /// What to type, a line each.
        commands: &'static str,
    },
    /// The packages that build a language cannot be had.
    #[error("the build needs {packages}, which cannot be installed into {}:\n{message}", path.display())]
    Packages {
        /// Names and versions.
        packages: String,
        /// The folder for them.
        path: PathBuf,
        /// The end of what was said.
        message: String,
    },
    /// What the bundler or the build of a language's project says makes no sense to us.
    #[error("{path} cannot be understood: {cause}", path = path.display())]
    Report {
        /// The file.
        path: PathBuf,
        /// Why.
        cause: serde_json::Error,
    },
    /// A JavaScript project without its file.
    #[error("there is neither src/plugin.js nor src/plugin.ts; its `export default` is the plugin")]
    NoSource,
    /// A source that uses no kind.
    #[error("{} makes no plugin; write {hint}", path.display())]
    NoDefinition {
        /// The file.
        path: PathBuf,
        /// What makes one.
        hint: &'static str,
    },
    /// A project without the file that its language begins with.
    #[error("there is no {path}; a plugin in {language} begins there")]
    NoFile {
        /// The file, relative to the project.
        path: &'static str,
        /// The language.
        language: &'static str,
    },
    /// The installation of the target failed.
    #[error("`{command}` failed: {message}")]
    Install {
        /// What was run.
        command: String,
        /// The end of what it said.
        message: String,
    },
    /// A program of the toolchain cannot be started.
    #[error("cannot run `{program}`: {cause}")]
    Start {
        /// The program.
        program: String,
        /// Why.
        cause: io::Error,
    },
    /// The project does not compile, or its crates cannot be had.
    #[error("the build failed\n{output}")]
    Failed {
        /// The end of what the toolchain said.
        output: String,
    },
    /// The package is no library for WebAssembly.
    #[error(
        "the project makes no module; write `[lib] crate-type = [\"cdylib\", \"rlib\"]` in Cargo.toml"
    )]
    NoModule,
    /// `[package.metadata.cleargate] target` names another target.
    #[error("target `{0}` is not built; write \"wasm32-unknown-unknown\" or \"wasm32-wasip2\"")]
    Target(String),
    /// Another build has had the crate's name for too long.
    #[error(
        "another build of a crate called `{krate}` holds {} and does not end; end that build, or set \
         CLEARGATE_BUILD to another folder",
        path.display()
    )]
    Busy {
        /// Name of the crate.
        krate: String,
        /// The lock file.
        path: PathBuf,
    },
    /// The module does not fit the contract.
    #[error(
        "the module cannot become a component: {0}\nthe crate needs one `cleargate::export! {{ .. }}` line"
    )]
    Encode(String),
    /// The component is none that ClearGate takes.
    #[error(transparent)]
    Component(#[from] ComponentError),
    /// The component calls the system, which this version does not serve to plugins.
    #[error("the component imports what no host serves:\n{}", system(.0))]
    System(Vec<String>),
    /// The plugin opens files and asks for none.
    #[error(
        "the plugin opens files ({called}), and asks for none; under [permissions] of plugin.toml say which folder, \
         `files = [\"data/:ro\"]`, and under [reasons] why, or take the content as an input"
    )]
    NoFiles {
        /// What of the system it calls.
        called: String,
    },
    /// The manifest and the binary say different things.
    #[error("plugin.toml does not fit the component:\n{}", lines(.0))]
    Disagrees(Vec<Disagreement>),
    /// The result cannot be written.
    #[error("cannot write {}: {cause}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        cause: io::Error,
    },
}

fn lines(found: &[Disagreement]) -> String {
    found.iter().map(|d| format!("  {d}")).collect::<Vec<_>>().join("\n")
}

fn system(interfaces: &[String]) -> String {
    let line = |i: &String| format!("  {i}: {}", crate::wasi::instead(i));
    interfaces.iter().map(line).collect::<Vec<_>>().join("\n")
}
