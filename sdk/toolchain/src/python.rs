//! A Python project to a component: CPython, with the project's files already read, as one snapshot.
//!
//! The files of `src` are parsed, not run, to see which kinds and services they name (`uses.py`). Then the engine runs
//! them once, inside WebAssembly, and its memory becomes the component. What is imported by then is in it; a component
//! has no files to import from later. Its own imports of WASI are answered inside it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde::Deserialize;

use crate::contract::{self, Uses, Waits};
use crate::kept::{self, real};
use crate::kit::Kit;
use crate::process::{self, Line};
use crate::{BuildError, Config, Progress, wheels};

const LANGUAGE: &str = "Python";

const KIT: Kit = Kit {
    language: "python",
    packages: "componentize-py 0.25.1, which brings CPython 3.14",
    files: &[("requirements.txt", include_str!("../../python/toolchain/requirements.txt"))],
};

/// Reads which kinds and services the files name.
const USES: &str = include_str!("../../python/toolchain/uses.py");

/// Starts the packager, which has no entry of its own for `python -m`.
const PACKAGER: &str = "import sys; sys.path.insert(0, sys.argv.pop(1)); \
                        from componentize_py import script; sys.exit(script())";

/// Where the author's file, the SDK, the contract and packages of others lie in a project.
const SOURCE: &str = "src/plugin.py";
const SDK: &str = "vendor/sdk/python";
const WIT: &str = "vendor/wit";
const PACKAGES: &str = "packages";

/// Services that Python's own modules lead to: those that a plugin imports, or whose module it uses.
const LENT: [&str; 4] = ["clock", "random", "log", "http"];

/// Builds and returns the component with the name of the toolchain.
pub(crate) fn build(
    config: &Config,
    project: &Path,
    progress: &mut dyn FnMut(Progress),
) -> Result<(Vec<u8>, String), BuildError> {
    let project = real(project)?;
    let source = project.join(SOURCE);
    if !source.is_file() {
        return Err(BuildError::NoFile { path: SOURCE, language: LANGUAGE });
    }
    let version = wheels::python_version().ok_or_else(|| wheels::missing(LANGUAGE))?;
    let kit = wheels::ready(&KIT, LANGUAGE, config, progress)?;
    let name = format!("{}, python {version}", KIT.packages);
    progress(Progress::Toolchain(name.clone()));
    let named = named(&project)?;
    if named.kinds.is_empty() {
        return Err(BuildError::NoDefinition {
            path: source,
            hint: "@tool, @node, @guardrail, @filter or a part",
        });
    }
    let place = kept::place(config, KIT.language)?;
    let uses = Uses::named(&project.join(WIT), &named.kinds, &named.services)?;
    let mut all =
        contract::write_world(&project.join(WIT), &uses, Waits::Plain, &place.path().join("wit"))?;
    let entry = entry(&named);
    let app = place.path().join("app");
    let write = |path: PathBuf, text: &str| {
        fs::write(&path, text).map_err(|cause| BuildError::Write { path, cause })
    };
    // An empty environment of Python in the place of the machine's own, whose packages the packager would take in.
    let empty = place.path().join("venv/lib/site-packages");
    for folder in [&app, &empty] {
        fs::create_dir_all(folder)
            .map_err(|cause| BuildError::Write { path: folder.clone(), cause })?;
    }
    write(app.join("cleargate_entry.py"), &entry)?;
    all.extend([KIT.name().as_bytes(), entry.as_bytes()].concat());
    for folder in folders(&project) {
        // Data beside the modules, too: they may read it while they are imported.
        for (path, bytes) in contract::tree(&folder, &[""])? {
            if !path.contains("__pycache__") {
                all.extend([path.as_bytes(), &[0], &bytes, &[0]].concat());
            }
        }
    }
    let made = || {
        progress(Progress::Output(
            "packing CPython and the plugin; this takes about 20 seconds".into(),
        ));
        package(&kit, &project, place.path())?;
        Ok(place.path().join("plugin.wasm"))
    };
    Ok((kept::kept(config, KIT.language, &all, made)?, name))
}

/// Folders whose modules a plugin may import.
fn folders(project: &Path) -> impl Iterator<Item = PathBuf> {
    let all = ["src", SDK, PACKAGES].map(|folder| project.join(folder));
    all.into_iter().filter(|folder| folder.is_dir())
}

/// What the files name, by word.
#[derive(Debug, Deserialize)]
struct Named {
    kinds: Vec<String>,
    services: Vec<String>,
}

/// Reads the files of a project; nothing of them runs.
fn named(project: &Path) -> Result<Named, BuildError> {
    let mut python = wheels::python(project);
    python.args(["-c", USES]).arg(project.join("src"));
    let mut text = String::new();
    let outcome = process::stream(&mut python, &mut |line| {
        if let Line::Out(line) = line {
            text.push_str(&line);
        }
    })?;
    if !outcome.success {
        return Err(BuildError::Failed { output: outcome.tail });
    }
    serde_json::from_str(&text)
        .map_err(|cause| BuildError::Report { path: project.join("src"), cause })
}

/// The module that the engine runs: it opens the prelude before the author's files and closes it after them.
fn entry(named: &Named) -> String {
    let mut text = String::from("from cleargate import prelude\n");
    let lent: Vec<&str> =
        LENT.into_iter().filter(|word| named.services.iter().any(|s| s == word)).collect();
    for service in &lent {
        text.push_str(&format!("from cleargate import {service}\n"));
    }
    let arguments: Vec<String> = lent.iter().map(|word| format!("{word}={word}")).collect();
    text.push_str(&format!("prelude.open({})\n", arguments.join(", ")));
    text.push_str("with prelude.author():\n    import plugin\n");
    for kind in &named.kinds {
        let class = kind[..1].to_uppercase() + &kind[1..];
        text.push_str(&format!("    import wit_world.exports.{kind}\n"));
        text.push_str(&format!("    from cleargate.kinds.{kind} import Export as {class}\n"));
        text.push_str(&format!("    {class}.ready()\n"));
    }
    text.push_str("prelude.close()\n");
    text
}

/// Runs the packager.
fn package(kit: &Path, project: &Path, place: &Path) -> Result<(), BuildError> {
    let mut packager: Command = wheels::python(place);
    packager.args(["-c", PACKAGER]).arg(kit).env("VIRTUAL_ENV", place.join("venv"));
    packager.args(["--quiet", "--wit-path", "wit", "--world", "plugin"]);
    packager.args(["componentize", "cleargate_entry", "--stub-wasi", "--output", "plugin.wasm"]);
    packager.args(["--python-path", "app"]);
    for folder in folders(project) {
        packager.arg("--python-path").arg(folder);
    }
    let outcome = process::stream(&mut packager, &mut |_| {})?;
    match outcome.success {
        true => Ok(()),
        false => Err(BuildError::Failed { output: told(&outcome.tail) }),
    }
}

/// What Python said of the author's files, without what the packager says of itself: it tells the cause, indented,
/// between two marks.
fn told(output: &str) -> String {
    let cause: Vec<&str> = output
        .lines()
        .skip_while(|line| line.trim() != "Caused by:")
        .skip(1)
        .take_while(|line| line.trim() != "Stack backtrace:")
        .map(|line| line.strip_prefix("    ").unwrap_or(line))
        .filter(|line| !line.trim().is_empty() && !line.contains("Refused:"))
        .collect();
    if cause.is_empty() { output.to_owned() } else { cause.join("\n") }
}
