//! The second ring: which plugins are executed in processes of their own, and the processes, once they are needed.

use std::path::PathBuf;
use std::sync::Arc;

use cleargate_flow::limits::TABLE;
use cleargate_runtime::Runtime;
use cleargate_runtime::worker::{
    DEFAULT_CALLS, DEFAULT_WORKERS, MEMORY_BESIDE, Workers, WorkersConfig,
};
use serde::Deserialize;
use tokio::sync::OnceCell;

use crate::config::Config;
use crate::error::{Error, Kind, Result};

/// The plugins that run programs which nobody has read.
const PROGRAMS: &str = "cleargate:code-*";

/// More workers than that would be more memory than a machine has.
const MAX_WORKERS: usize = 256;

/// Which plugins are executed in processes of their own, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ring {
    /// Names of packages; a `*` at the end stands for any rest.
    pub plugins: Vec<String>,
    /// Processes that execute or are kept for their plugin. One more stands ready.
    pub workers: usize,
    /// Calls that one process executes. With 1, each call has a process of its own.
    pub calls: u32,
    /// Whether nothing is executed where the kernel has no Landlock.
    pub landlock: bool,
}

impl Default for Ring {
    /// For the interpreters of programs.
    fn default() -> Self {
        Self {
            plugins: vec![PROGRAMS.into()],
            workers: DEFAULT_WORKERS,
            calls: DEFAULT_CALLS,
            landlock: false,
        }
    }
}

impl Ring {
    /// Whether a package, by its name, is executed in a process of its own.
    pub fn holds(&self, package: &str) -> bool {
        self.plugins.iter().any(|pattern| match pattern.strip_suffix('*') {
            Some(start) => package.starts_with(start),
            None => package == pattern,
        })
    }
}

/// `[sandbox]` of the configuration.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct SandboxTable {
    ring: Rings,
    plugins: Option<Vec<String>>,
    workers: Option<usize>,
    calls: Option<u32>,
    landlock: bool,
}

/// How many rings there are.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Rings {
    /// WebAssembly alone.
    #[default]
    None,
    /// A process around it.
    Process,
}

impl SandboxTable {
    /// The setting, when there is a second ring.
    pub(crate) fn ring(self) -> Result<Option<Ring>, String> {
        let usual = Ring::default();
        let ring = Ring {
            plugins: self.plugins.unwrap_or(usual.plugins),
            workers: self.workers.unwrap_or(usual.workers),
            calls: self.calls.unwrap_or(usual.calls),
            landlock: self.landlock,
        };
        if !(1..=MAX_WORKERS).contains(&ring.workers) {
            return Err(format!("`workers` in `[sandbox]` is 1 to {MAX_WORKERS}"));
        }
        if ring.calls == 0 {
            return Err("`calls` in `[sandbox]` is at least 1".into());
        }
        for pattern in &ring.plugins {
            let name = pattern.strip_suffix('*').unwrap_or(pattern);
            let plain =
                |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-_:.".contains(c);
            if pattern.is_empty() || !name.chars().all(plain) {
                return Err(format!(
                    "`{}` in `plugins` of `[sandbox]` is no name of a package: write `acme:fetch`, or `acme:*` for all \
                     that begin so",
                    pattern.escape_debug()
                ));
            }
        }
        Ok(matches!(self.ring, Rings::Process).then_some(ring))
    }
}

/// The processes of a host. They are started when the first plugin is loaded that needs them.
#[derive(Debug)]
pub(crate) struct SecondRing {
    ring: Option<Ring>,
    program: Option<(PathBuf, Vec<String>)>,
    memory: u64,
    workers: OnceCell<Workers>,
}

impl SecondRing {
    pub(crate) fn new(config: &Config) -> Self {
        let ceiling = TABLE.iter().find(|row| row.name == "memory").map_or(0, |row| row.ceiling);
        let memory = config.limits.memory.unwrap_or(ceiling).min(ceiling);
        Self {
            ring: config.ring.clone(),
            program: config.worker.clone(),
            memory: memory.saturating_add(MEMORY_BESIDE),
            workers: OnceCell::new(),
        }
    }

    /// The runtime that executes a package where the operator wants it.
    ///
    /// # Errors
    /// It is to be executed in a process of its own, and this machine or this program has none.
    pub(crate) async fn runtime(&self, runtime: &Runtime, package: &str) -> Result<Runtime> {
        match &self.ring {
            Some(ring) if ring.holds(package) => {
                let workers = self.workers.get_or_try_init(|| self.open(ring)).await?;
                Ok(runtime.at(Arc::new(workers.clone())))
            }
            _ => Ok(runtime.clone()),
        }
    }

    async fn open(&self, ring: &Ring) -> Result<Workers> {
        let Some((program, arguments)) = self.program.clone() else {
            let message = "plugins are to be executed in processes of their own, and no program is named for them";
            return Err(Error::new(Kind::Invalid, message)
                .with_help("name a program in `Config::worker` that calls `execute_plugins`"));
        };
        let Ring { workers, calls, landlock, .. } = *ring;
        let config =
            WorkersConfig { program, arguments, workers, calls, memory: self.memory, landlock };
        Workers::open(config).await.map_err(|error| {
            Error::new(Kind::Invalid, error.to_string()).with_help(
                "`ring = \"none\"` in `[sandbox]` of cleargate.toml executes them in the process of the host",
            )
        })
    }

    /// What of it this machine has, found by starting one process.
    async fn probe(&self) -> Result<String> {
        let ring = self.ring.clone().unwrap_or_default();
        let workers = self.open(&ring).await?;
        let parts = if workers.landlock() {
            "processes with seccomp and Landlock"
        } else {
            "processes with seccomp; this kernel has no Landlock"
        };
        Ok(match &self.ring {
            Some(ring) => format!("{parts}; used for {}", ring.plugins.join(", ")),
            None => format!("{parts}; not used: `ring = \"process\"` in `[sandbox]` turns it on"),
        })
    }
}

impl Config {
    /// A sentence on the second ring: which parts of it this machine has, and for which plugins it is used.
    ///
    /// # Errors
    /// There is none here, or not as the setting demands it.
    pub async fn second_ring(&self) -> Result<String> {
        SecondRing::new(self).probe().await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Option<Ring>, String> {
        toml::from_str::<SandboxTable>(text).map_err(|e| e.to_string())?.ring()
    }

    #[test]
    fn a_setting_says_which_plugins_it_is_for() {
        assert_eq!(read("").unwrap(), None);
        assert_eq!(read("plugins = [\"acme:*\"]").unwrap(), None, "without a ring it is for none");
        let usual = read("ring = \"process\"").unwrap().unwrap();
        assert_eq!(usual, Ring::default());
        let holds = |names: [&str; 3]| names.map(|name| usual.holds(name));
        assert_eq!(
            holds(["cleargate:code-python", "cleargate:code-js", "cleargate:csv"]),
            [true, true, false]
        );
        let own = read("ring = \"process\"\nplugins = [\"acme:fetch\", \"evil:*\"]\nworkers = 2");
        let own = own.unwrap().unwrap();
        let held = ["acme:fetch", "acme:fetcher", "evil:anything", "cleargate:code-js"];
        assert_eq!(held.map(|name| own.holds(name)), [true, false, true, false]);
        assert_eq!(own.workers, 2);
    }

    #[test]
    fn a_setting_that_means_nothing_is_refused_in_words() {
        for (text, why) in [
            ("ring = \"process\"\nworkers = 0", "is 1 to 256"),
            ("ring = \"process\"\nworkers = 257", "is 1 to 256"),
            ("calls = 0", "at least 1"),
            ("plugins = [\"*:fetch\"]", "is no name of a package"),
            ("plugins = [\"\"]", "is no name of a package"),
            ("ring = \"docker\"", "unknown variant"),
        ] {
            let error = read(text).unwrap_err();
            assert!(error.contains(why), "{text}: {error}");
        }
    }

    #[tokio::test]
    async fn without_a_program_nothing_is_executed_in_its_place() {
        let mut config = Config::new("home", ".");
        config.ring = Some(Ring::default());
        let runtime = Runtime::new(config.runtime(None)).unwrap();
        let ring = SecondRing::new(&config);
        assert!(ring.runtime(&runtime, "cleargate:csv").await.is_ok());
        let error = ring.runtime(&runtime, "cleargate:code-js").await.err().unwrap();
        assert_eq!(error.kind, Kind::Invalid);
        assert!(error.help[0].contains("Config::worker"), "{error}");
    }
}
