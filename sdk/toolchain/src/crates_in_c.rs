//! Crates with parts in C: their compiler is the one that plugins in C are built with.
//!
//! Such a crate's build script asks the crate `cc`, which asks the environment for a compiler of the target. Few machines
//! have one for WebAssembly, and another compiler gives other bytes.

use std::process::Command;

use crate::find::Target;
use crate::{BuildError, Config, Progress, c};

/// The crate that compiles C for build scripts.
pub(crate) const COMPILES: &str = "cc";

/// What the environment of a build says of the compiler.
pub(crate) struct Compiler {
    program: String,
    cache: String,
}

impl Compiler {
    /// The compiler, installed when it is not there yet.
    pub(crate) fn ready(
        config: &Config,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<Self, BuildError> {
        let program = c::program(config, progress)?.display().to_string();
        if program.contains(char::is_whitespace) {
            // The crate `cc` takes what follows a space for an argument.
            let output = format!(
                "the compiler of C cannot be named to build scripts: there is a space in {program}; \
                 choose another folder for build results with CLEARGATE_BUILD"
            );
            return Err(BuildError::Failed { output });
        }
        Ok(Self { program, cache: c::cache(config).display().to_string() })
    }

    /// Names the compiler to the build scripts of a build.
    pub(crate) fn name_to(&self, cargo: &mut Command, target: Target) {
        let triple = target.triple().replace('-', "_");
        let own = match target {
            Target::Bare => "wasm32-freestanding",
            Target::Wasi => "wasm32-wasi",
        };
        cargo.env(format!("CC_{triple}"), format!("{} cc", self.program));
        cargo.env(format!("CXX_{triple}"), format!("{} c++", self.program));
        cargo.env(format!("AR_{triple}"), format!("{} ar", self.program));
        // Behind the target that `cc` names, which this compiler spells in its own way: the last one counts.
        let flags = format!("-target {own} -g0");
        for name in ["CFLAGS", "CXXFLAGS"] {
            cargo.env(format!("{name}_{triple}"), &flags);
        }
        // Flags of the caller would give other bytes.
        for name in ["CC", "CXX", "AR", "CFLAGS", "CXXFLAGS", "TARGET_CC", "TARGET_CFLAGS"] {
            cargo.env_remove(name);
        }
        cargo.env("ZIG_GLOBAL_CACHE_DIR", &self.cache).env("ZIG_LOCAL_CACHE_DIR", &self.cache);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::ffi::OsStr;

    use super::*;

    #[test]
    fn build_scripts_are_told_of_this_compiler_and_of_no_other() {
        let compiler = Compiler { program: "/kit/zig".into(), cache: "/kit/cache".into() };
        for (target, triple, own) in [
            (Target::Bare, "wasm32_unknown_unknown", "wasm32-freestanding"),
            (Target::Wasi, "wasm32_wasip2", "wasm32-wasi"),
        ] {
            let mut cargo = Command::new("cargo");
            compiler.name_to(&mut cargo, target);
            let set: BTreeMap<&OsStr, Option<&OsStr>> = cargo.get_envs().collect();
            let said = |name: String| set.get(OsStr::new(&name)).copied().flatten();
            assert_eq!(said(format!("CC_{triple}")), Some(OsStr::new("/kit/zig cc")));
            let flags = said(format!("CFLAGS_{triple}")).expect("flags are named");
            assert!(flags.to_string_lossy().contains(own), "{flags:?}");
            for name in ["CC", "CFLAGS", "TARGET_CFLAGS"] {
                assert_eq!(set.get(OsStr::new(name)), Some(&None), "{name} of the caller is left");
            }
        }
    }
}
