//! A Rust project to a core module, with Cargo.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde::Deserialize;

use crate::crates_in_c::{self, Compiler};
use crate::find::{self, Target, Toolchain};
use crate::process::{self, Line};
use crate::turn::Turn;
use crate::{BuildError, Config, Progress};

/// Separates flags in `CARGO_ENCODED_RUSTFLAGS`: they may hold spaces.
const SEPARATOR: &str = "\u{1f}";

/// Builds and returns the module with the name of the toolchain.
pub(crate) fn build(
    config: &Config,
    project: &Path,
    progress: &mut dyn FnMut(Progress),
) -> Result<(Vec<u8>, String), BuildError> {
    let manifest = project.join("Cargo.toml");
    let manifest =
        manifest.canonicalize().map_err(|cause| BuildError::Read { path: manifest, cause })?;
    let folder = manifest.parent().expect("a file has a folder").to_path_buf();
    // Any toolchain reads the metadata; which one builds depends on the target that stands there.
    let facts = metadata(config, &folder)?;
    let target = facts.target(&manifest)?;
    let krate = facts.module(&manifest).ok_or(BuildError::NoModule)?;
    let toolchain = find::toolchain(config, &folder, target, progress)?;
    progress(Progress::Toolchain(toolchain.name()));
    let flags = flags(&toolchain, target, &facts);
    let compiler = match facts.depends(&manifest, crates_in_c::COMPILES) {
        true => Some(Compiler::ready(config, progress)?),
        false => None,
    };
    let builder = [&*folder.to_string_lossy(), &toolchain.name(), &flags].join("\n");
    // Held until the module is read.
    let _turn = Turn::take(&config.target_dir, &krate, &builder, progress)?;
    let mut cargo = command(config, &toolchain, &folder, target, &flags);
    if let Some(compiler) = &compiler {
        compiler.name_to(&mut cargo, target);
    }
    let mut module: Option<PathBuf> = None;
    let outcome = process::stream(&mut cargo, &mut |line| match line {
        Line::Err(text) => progress(Progress::Output(text)),
        Line::Out(text) => {
            let Ok(message) = serde_json::from_str::<Message>(&text) else { return };
            if message.reason != "compiler-artifact" {
                return;
            }
            if message.manifest_path == manifest {
                module = message.module().or(module.take());
            }
            let name = message.target.map(|t| t.name).unwrap_or_default();
            progress(Progress::Compiled { name, fresh: message.fresh });
        }
    })?;
    if !outcome.success {
        return Err(BuildError::Failed { output: outcome.tail });
    }
    let path = module.ok_or(BuildError::NoModule)?;
    let bytes = fs::read(&path).map_err(|cause| BuildError::Read { path, cause })?;
    Ok((bytes, toolchain.name()))
}

fn command(
    config: &Config,
    toolchain: &Toolchain,
    folder: &Path,
    target: Target,
    flags: &str,
) -> Command {
    let mut cargo = process::command(&toolchain.cargo, folder);
    cargo.args(["build", "--lib", "--release", "--quiet"]);
    cargo.arg("--message-format=json-render-diagnostics");
    cargo.args(["--target", target.triple()]).arg("--target-dir").arg(&config.target_dir);
    // Intermediate files too: a user's `build.build-dir` would put the module where nobody takes turns.
    cargo.env("CARGO_BUILD_BUILD_DIR", &config.target_dir).env("RUSTC", &toolchain.rustc);
    if toolchain.from_source {
        // Stable compilers build std only when told that they may; the code of the plugin gains nothing,
        // because a feature gate would still not build with an installed target.
        cargo.env("RUSTC_BOOTSTRAP", "1").arg("-Zbuild-std=std,panic_abort");
    }
    if let Some(linker) = &toolchain.linker {
        let name = target.triple().replace('-', "_").to_uppercase();
        cargo.env(format!("CARGO_TARGET_{name}_LINKER"), linker);
    }
    if config.offline {
        cargo.arg("--offline");
    }
    if config.locked {
        cargo.arg("--locked");
    }
    if let Some(jobs) = config.jobs {
        cargo.args(["--jobs", &jobs.to_string()]);
    }
    cargo.env("CARGO_ENCODED_RUSTFLAGS", flags);
    cargo
}

/// Keeps this machine's paths out of panic messages. The flags are the same for every project on a machine,
/// so that all share one standard library; paths inside a project are relative already.
fn flags(toolchain: &Toolchain, target: Target, facts: &Metadata) -> String {
    let std = toolchain.sysroot.join("lib/rustlib/src/rust");
    let mut flags = vec![format!("--remap-path-prefix={}=/rust", std.display())];
    for (number, folder) in facts.registries().iter().enumerate() {
        flags.push(format!("--remap-path-prefix={}=/crates{number}", folder.display()));
    }
    if target == Target::Wasi {
        // Its linker would make a component at once, before the system's functions are answered.
        flags.push("-Clink-arg=--skip-wit-component".into());
    }
    flags.join(SEPARATOR)
}

/// The part of Cargo's build messages that matters.
#[derive(Deserialize)]
struct Message {
    reason: String,
    #[serde(default)]
    manifest_path: PathBuf,
    target: Option<BuiltTarget>,
    #[serde(default)]
    filenames: Vec<PathBuf>,
    #[serde(default)]
    fresh: bool,
}

#[derive(Deserialize)]
struct BuiltTarget {
    name: String,
}

impl Message {
    fn module(&self) -> Option<PathBuf> {
        self.filenames.iter().find(|f| f.extension().is_some_and(|e| e == "wasm")).cloned()
    }
}

/// The part of Cargo's metadata that matters.
#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
    #[serde(default)]
    resolve: Resolve,
}

/// Which package depends on which, by their ids.
#[derive(Default, Deserialize)]
struct Resolve {
    nodes: Vec<Node>,
}

#[derive(Deserialize)]
struct Node {
    id: String,
    dependencies: Vec<String>,
}

#[derive(Deserialize)]
struct Package {
    #[serde(default)]
    id: String,
    #[serde(default)]
    name: String,
    manifest_path: PathBuf,
    #[serde(default)]
    targets: Vec<PackageTarget>,
    #[serde(default)]
    metadata: serde_json::Value,
}

#[derive(Deserialize)]
struct PackageTarget {
    name: String,
    crate_types: Vec<String>,
}

impl Metadata {
    fn own(&self, manifest: &Path) -> Option<&Package> {
        self.packages.iter().find(|p| p.manifest_path == manifest)
    }

    /// The crate that becomes the module, by the name of its file; nothing when no library does.
    fn module(&self, manifest: &Path) -> Option<String> {
        let mut targets = self.own(manifest)?.targets.iter();
        let module = targets.find(|t| t.crate_types.iter().any(|kind| kind == "cdylib"))?;
        Some(module.name.replace('-', "_"))
    }

    /// `[package.metadata.cleargate] target`, and no system interface when it says nothing.
    fn target(&self, manifest: &Path) -> Result<Target, BuildError> {
        let asked = self.own(manifest).and_then(|p| p.metadata["cleargate"]["target"].as_str());
        match asked {
            None => Ok(Target::Bare),
            Some(name) => [Target::Bare, Target::Wasi]
                .into_iter()
                .find(|t| t.triple() == name)
                .ok_or_else(|| BuildError::Target(name.into())),
        }
    }

    /// Whether a package needs a crate of a name to be built: others of its workspace do not count.
    fn depends(&self, manifest: &Path, name: &str) -> bool {
        let named: BTreeMap<&str, &str> =
            self.packages.iter().map(|p| (p.id.as_str(), p.name.as_str())).collect();
        let edges: BTreeMap<&str, &[String]> =
            self.resolve.nodes.iter().map(|n| (n.id.as_str(), n.dependencies.as_slice())).collect();
        let mut open: Vec<&str> = self.own(manifest).map(|p| p.id.as_str()).into_iter().collect();
        let mut seen = BTreeSet::new();
        while let Some(id) = open.pop() {
            if named.get(id) == Some(&name) {
                return true;
            }
            if seen.insert(id) {
                open.extend(
                    edges.get(id).into_iter().flat_map(|ids| ids.iter().map(String::as_str)),
                );
            }
        }
        false
    }

    /// Where Cargo unpacked crates: `<home>/registry/src/<index>`.
    fn registries(&self) -> BTreeSet<&Path> {
        let folders = self.packages.iter().filter_map(|p| p.manifest_path.parent()?.parent());
        folders.filter(|f| f.parent().is_some_and(|src| src.ends_with("registry/src"))).collect()
    }
}

fn metadata(config: &Config, folder: &Path) -> Result<Metadata, BuildError> {
    let bin = config.system.join("bin");
    let pairs: [(PathBuf, PathBuf); 2] =
        [("cargo".into(), "rustc".into()), (bin.join("cargo"), bin.join("rustc"))];
    for (program, rustc) in pairs {
        let mut cargo = process::command(&program, folder);
        cargo.env("RUSTC", rustc).args(["metadata", "--format-version=1"]);
        cargo.args(["--filter-platform", Target::Bare.triple()]);
        if config.offline {
            cargo.arg("--offline");
        }
        if config.locked {
            cargo.arg("--locked");
        }
        match cargo.output() {
            Err(cause) if cause.kind() == io::ErrorKind::NotFound => {}
            Err(cause) => {
                let program = program.display().to_string();
                return Err(BuildError::Start { program, cause });
            }
            Ok(out) if !out.status.success() => {
                let output = String::from_utf8_lossy(&out.stderr).into_owned();
                return Err(BuildError::Failed { output });
            }
            Ok(out) => {
                return serde_json::from_slice(&out.stdout)
                    .map_err(|e| BuildError::Failed { output: format!("cargo metadata: {e}") });
            }
        }
    }
    Err(find::missing(config, &[], Target::Bare))
}

#[cfg(test)]
mod tests;
