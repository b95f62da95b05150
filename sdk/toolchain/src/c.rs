//! A C or C++ project to a core module, with the compiler that comes with Zig: clang, a linker and a C library.
//!
//! The SDK is compiled with the plugin, and the linker leaves out what is not called. So a service that is not used is
//! no import, and a component of one tool has some tens of kilobytes.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use cleargate_registry::Manifest;

use crate::kept::{self, real};
use crate::kit::Kit;
use crate::process::{self, Line};
use crate::{BuildError, Config, Progress, bare, contract, preview1, wheels};

const LANGUAGE: &str = "C";

const KIT: Kit = Kit {
    language: "c",
    packages: "ziglang 0.17.0, which brings clang",
    files: &[("requirements.txt", include_str!("../../c/toolchain/requirements.txt"))],
};

/// Where the SDK and the contract lie in a project.
const SDK: &str = "vendor/sdk/c";

/// Of the SDK, what leads the system interface to the host's services.
const SYSTEM: &str = "system.c";
const WIT: &str = "vendor/wit";

/// Bytes of the stack: a call that is deeper traps, because the stack lies before everything else.
const STACK: u32 = 256 * 1024;

/// What holds for C++ alone. Without exceptions, failures are values, and a component stays small.
const CPP: [&str; 4] =
    ["-std=c++23", "-fno-exceptions", "-fno-rtti", "-Wno-missing-designated-field-initializers"];

/// Builds and returns the module with the name of the toolchain.
pub(crate) fn build(
    config: &Config,
    manifest: &Manifest,
    project: &Path,
    progress: &mut dyn FnMut(Progress),
) -> Result<(Vec<u8>, String), BuildError> {
    let project = real(project)?;
    let sources = sources(&project)?;
    if sources.is_empty() {
        return Err(BuildError::NoFile { path: "src/plugin.c", language: LANGUAGE });
    }
    let kit = wheels::ready(&KIT, LANGUAGE, config, progress)?;
    let name = KIT.packages.to_owned();
    progress(Progress::Toolchain(name.clone()));
    let place = kept::place(config, KIT.language)?;
    let mut sdk = contract::tree(&project.join(SDK).join("src"), &[".c"])?;
    // Who has files has the whole system interface from the engine's own adapter, see `package`.
    let files = !manifest.permissions.files.is_empty();
    sdk.retain(|(file, _)| !(files && file == SYSTEM));
    let sdk: Vec<String> = sdk.into_iter().map(|(file, _)| format!("{SDK}/src/{file}")).collect();
    compile(config, &kit, &project, (&sources, &sdk), place.path(), progress)?;
    let path = place.path().join("plugin.wasm");
    let module = fs::read(&path).map_err(|cause| BuildError::Read { path, cause })?;
    let paths = preview1::paths(&module).map_err(|e| BuildError::Encode(e.to_string()))?;
    if !paths.is_empty() && !files {
        return Err(BuildError::NoFiles { called: paths.join(", ") });
    }
    let (module, uses) = bare::marked(module, &project.join(WIT), place.path())?;
    if uses.kinds.is_empty() {
        let path = project.join("src");
        return Err(BuildError::NoDefinition {
            path,
            hint: "CG_TOOLS, CG_NODES, CG_GUARDRAIL, CG_FILTER, or CG_PROVIDER and its like",
        });
    }
    Ok((module, name))
}

/// The files in `src`, relative to the project.
fn sources(project: &Path) -> Result<Vec<String>, BuildError> {
    let folder = project.join("src");
    if !folder.is_dir() {
        return Ok(Vec::new());
    }
    let found = contract::tree(&folder, &[".c", ".cc", ".cpp"])?;
    Ok(found.into_iter().map(|(path, _)| format!("src/{path}")).collect())
}

/// Compiles and links; paths are relative, so that the same source gives the same bytes in any folder.
fn compile(
    config: &Config,
    kit: &Path,
    project: &Path,
    (sources, sdk): (&[String], &[String]),
    place: &Path,
    progress: &mut dyn FnMut(Progress),
) -> Result<(), BuildError> {
    let (c, other): (Vec<&String>, Vec<&String>) = sources.iter().partition(|s| s.ends_with(".c"));
    let mut run = |command: &str, more: &[&OsStr]| {
        let mut zig = process::command(&compiler(kit), project);
        let caches = cache(config);
        zig.env("ZIG_GLOBAL_CACHE_DIR", &caches).env("ZIG_LOCAL_CACHE_DIR", &caches);
        zig.arg(command).args(["-target", "wasm32-wasi", "-Os"]);
        zig.args(["-ffunction-sections", "-fdata-sections", "-Wall", "-Wextra"]);
        zig.args(["-I", &format!("{SDK}/include")]).args(more);
        let outcome = process::stream(&mut zig, &mut |line| {
            if let Line::Err(text) = line {
                progress(Progress::Output(text));
            }
        })?;
        match outcome.success {
            true => Ok(()),
            false => Err(BuildError::Failed { output: outcome.tail }),
        }
    };
    // One by one, and the SDK apart: an option of C++ would hold for C, too.
    let mut objects = Vec::new();
    for (number, source) in other.iter().enumerate() {
        let object = place.join(format!("{number}.o"));
        let mut more: Vec<&OsStr> = CPP.iter().map(OsStr::new).collect();
        more.extend([OsStr::new("-c"), OsStr::new("-o"), object.as_os_str(), OsStr::new(source)]);
        run("c++", &more)?;
        objects.push(object);
    }
    let module = place.join("plugin.wasm");
    let stack = format!("-Wl,-z,stack-size={STACK}");
    let mut more: Vec<&OsStr> = ["-mexec-model=reactor", "-s", &stack, "-o"].map(OsStr::new).into();
    more.push(module.as_os_str());
    more.extend(objects.iter().map(|object| object.as_os_str()));
    more.extend(c.iter().map(OsStr::new));
    more.extend(sdk.iter().map(OsStr::new));
    // With the library of C++ only when something needs it.
    run(if objects.is_empty() { "cc" } else { "c++" }, &more)
}

/// The compiler's program, installed when it is not there yet: crates with parts in C are compiled with it, too.
pub(crate) fn program(
    config: &Config,
    progress: &mut dyn FnMut(Progress),
) -> Result<PathBuf, BuildError> {
    Ok(compiler(&wheels::ready(&KIT, LANGUAGE, config, progress)?))
}

/// Where the compiler keeps what it made before.
pub(crate) fn cache(config: &Config) -> PathBuf {
    config.target_dir.join("c/cache")
}

/// The compiler's program, as its package names it on this system.
fn compiler(kit: &Path) -> PathBuf {
    kit.join("ziglang").join(if cfg!(windows) { "zig.exe" } else { "zig" })
}
