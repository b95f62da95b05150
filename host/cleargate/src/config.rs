//! What an operator decides: where things lie, how durable the journal is, the operator's layer of limits.
//!
//! The home folder holds everything: `cleargate.toml` (this file's format), `grants.toml`, the journal, the
//! registry, installed plugins and the compile cache. A missing `cleargate.toml` means defaults; an unknown key
//! is an error.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use cleargate_flow::grant::HostPattern;
use cleargate_flow::limits::{Limits, TABLE, Unit};
use cleargate_runtime::RuntimeConfig;
use cleargate_runtime::compiler::{ChildProcess, CompileLimits, Compiler};
use cleargate_store::Quota;
use serde::Deserialize;

use crate::error::{Error, Kind, Result};
use crate::ring::{Ring, SandboxTable};
use crate::secrets::SecretStore;
use crate::toml_file;

/// Attempts of all runs at the same time, when the operator says nothing.
const DEFAULT_CONCURRENCY: usize = 64;

/// Bytes that the journal may have, when the operator says nothing: years of runs, and an end to a flow that fills
/// the disk.
const DEFAULT_STORE_BYTES: u64 = 16 * 1024 * 1024 * 1024;

/// The least bytes for a journal: below, a single large answer would find no room.
const MIN_STORE_BYTES: u64 = 16 * 1024 * 1024;

/// How long nothing may be due of a run that waits before it is given back to the journal: short waits are waited for.
const LINGER: Duration = Duration::from_secs(10);

/// The part of the journal that values or blobs of plugins may fill, as a divisor: journals keep the greater part.
const PLUGINS_SHARE: u64 = 4;

/// How much a committed step survives.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Durability {
    /// Power loss too: each commit reaches the disk.
    #[default]
    PowerSafe,
    /// `kill -9`, but power loss may take the last commits.
    ProcessSafe,
    /// Nothing: the journal lives in memory.
    Memory,
}

/// Bytes on disk. What is full is refused or waits, and says which figure to raise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoreBounds {
    /// The whole journal with all that is beside it. Runs wait for room beyond.
    pub size: u64,
    /// The values of each store that plugins are granted.
    pub values: u64,
    /// All blobs of plugins.
    pub blobs: u64,
}

impl StoreBounds {
    /// The bounds that go with a size.
    pub fn of(size: u64) -> Self {
        let (most, quota) = (size / PLUGINS_SHARE, Quota::default());
        Self { size, values: quota.values.min(most), blobs: quota.blobs.min(most) }
    }

    pub(crate) fn quota(self) -> Quota {
        Quota { values: self.values, blobs: self.blobs }
    }
}

impl Default for StoreBounds {
    fn default() -> Self {
        Self::of(DEFAULT_STORE_BYTES)
    }
}

/// A secret: its value, and the hosts that may get it.
#[derive(Clone, Default)]
pub struct Secret {
    /// Never printed.
    pub value: String,
    /// Requests to other hosts leave with the placeholder refused. Empty: no host.
    pub hosts: Vec<HostPattern>,
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Secret").field("hosts", &self.hosts).finish_non_exhaustive()
    }
}

/// Everything that a [`crate::Host`] needs to know.
#[derive(Clone, Debug)]
pub struct Config {
    /// The home folder.
    pub home: PathBuf,
    /// Relative paths of flows and granted files start here.
    pub folder: PathBuf,
    /// How much a committed step survives.
    pub durability: Durability,
    /// How large the journal may become.
    pub store: StoreBounds,
    /// A run that does nothing but wait is given back to the journal when nothing is due for so long; absent: it stays in
    /// memory until it ends. A journal in memory gives none back.
    pub linger: Option<Duration>,
    /// The operator's layer of the limits.
    pub limits: Limits,
    /// Attempts of all runs at the same time.
    pub concurrency: usize,
    /// The directory registry; the folder `registry` of the home folder when absent.
    pub registry: Option<PathBuf>,
    /// Address ranges that the network guard would refuse but the operator allows, in CIDR form.
    pub allow_addresses: Vec<String>,
    /// By label.
    pub secrets: BTreeMap<String, Secret>,
    /// A program and its arguments that does nothing but [`crate::compile_component`]. Without one this process
    /// compiles, and nothing bounds what a hostile component makes the compiler take.
    pub compiler: Option<(PathBuf, Vec<String>)>,
    /// What that program may take for one component.
    pub compile: CompileLimits,
    /// Which plugins are executed in processes of their own; absent: none.
    pub ring: Option<Ring>,
    /// A program and its arguments that does nothing but [`crate::execute_plugins`], for [`Config::ring`].
    pub worker: Option<(PathBuf, Vec<String>)>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct File {
    compile: CompileTable,
    store: StoreTable,
    limits: BTreeMap<String, toml::Value>,
    run: RunTable,
    registry: RegistryTable,
    network: NetworkTable,
    sandbox: SandboxTable,
    secrets: BTreeMap<String, SecretTable>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct StoreTable {
    durability: Durability,
    size: Option<toml::Value>,
    values: Option<toml::Value>,
    blobs: Option<toml::Value>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct CompileTable {
    time: Option<toml::Value>,
    memory: Option<toml::Value>,
    code: Option<toml::Value>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct RunTable {
    concurrency: Option<usize>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct RegistryTable {
    path: Option<PathBuf>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct NetworkTable {
    allow_addresses: Vec<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct SecretTable {
    hosts: Vec<HostPattern>,
}

impl Config {
    /// Defaults for a home folder, without reading anything.
    pub fn new(home: impl Into<PathBuf>, folder: impl Into<PathBuf>) -> Self {
        Self {
            linger: Some(LINGER),
            home: home.into(),
            folder: folder.into(),
            durability: Durability::default(),
            store: StoreBounds::default(),
            limits: Limits::default(),
            concurrency: DEFAULT_CONCURRENCY,
            registry: None,
            allow_addresses: Vec::new(),
            secrets: BTreeMap::new(),
            compiler: None,
            compile: CompileLimits::default(),
            ring: None,
            worker: None,
        }
    }

    /// Nothing on disk but the compile cache and plugins in `home`: for tests and short-lived programs.
    #[must_use]
    pub fn in_memory(mut self) -> Self {
        self.durability = Durability::Memory;
        self
    }

    /// Reads `cleargate.toml` and the secrets of the home folder. `given` are values of secrets by label, which count
    /// more than those of the folder; which hosts may get one, the file says, or else the stored secret.
    ///
    /// # Errors
    /// The home is no folder; a file is not well formed, has an unknown key, or a value that is out of its range; a
    /// stored secret does not open.
    pub fn load(
        home: &Path,
        folder: &Path,
        given: Vec<(String, String)>,
        stored: &SecretStore,
    ) -> Result<Self> {
        if std::fs::metadata(home).is_ok_and(|found| !found.is_dir()) {
            let message = format!("the home {} is no folder", home.display());
            return Err(Error::new(Kind::Store, message)
                .with_help("move that file away, or set CLEARGATE_HOME to a folder"));
        }
        let path = home.join("cleargate.toml");
        let text = toml_file::text(&path)?;
        let file: File = toml::from_str(&text).map_err(|e| wrong(&path, &text, &e))?;
        let mut config = Self::new(home, folder);
        config.durability = file.store.durability;
        config.store = store_bounds(&file.store).map_err(|e| invalid(&path).with_help(e))?;
        config.limits = limits(&file.limits).map_err(|e| invalid(&path).with_help(e))?;
        config.compile = compile(&file.compile).map_err(|e| invalid(&path).with_help(e))?;
        config.ring = file.sandbox.ring().map_err(|e| invalid(&path).with_help(e))?;
        config.concurrency = file.run.concurrency.unwrap_or(DEFAULT_CONCURRENCY).max(1);
        config.registry = file.registry.path.map(|path| home.join(path));
        config.allow_addresses = file.network.allow_addresses;
        config.secrets = stored.open()?;
        for (label, value) in given {
            config.secrets.entry(label).or_default().value = value;
        }
        for (label, table) in file.secrets {
            if let Some(secret) = config.secrets.get_mut(&label) {
                secret.hosts = table.hosts;
            }
        }
        Ok(config)
    }

    /// The directory registry that `plugin publish` writes to.
    pub fn own_registry(&self) -> PathBuf {
        self.registry.clone().unwrap_or_else(|| self.home.join("registry"))
    }

    /// Installed components.
    pub fn plugins(&self) -> PathBuf {
        self.home.join("plugins")
    }

    /// Compiled code.
    pub fn cache(&self) -> PathBuf {
        self.home.join("cache")
    }

    /// How components are compiled, and where what was compiled is kept.
    pub(crate) fn runtime(&self, cache: Option<PathBuf>) -> RuntimeConfig {
        let child = |(program, arguments): (PathBuf, Vec<String>)| -> Arc<dyn Compiler> {
            Arc::new(ChildProcess { program, arguments, limits: self.compile })
        };
        RuntimeConfig { cache, compiler: self.compiler.clone().map(child), breakdowns: None }
    }

    /// The journal.
    pub fn journal(&self) -> PathBuf {
        self.home.join("journal.db")
    }

    /// What the operator granted.
    pub fn grants(&self) -> PathBuf {
        self.home.join("grants.toml")
    }
}

/// What is wrong with the file. The parser quotes words and values, which is what a person needs, except of a secret
/// that somebody wrote into the file.
fn wrong(path: &Path, text: &str, error: &toml::de::Error) -> Error {
    if !text.contains("secret") {
        return toml_file::wrong(path, text, error);
    }
    let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
    let line = before.matches('\n').count() + 1;
    let rest = text.parse::<toml::Table>().ok().map(|mut table| {
        table.remove("secrets");
        File::deserialize(table).err()
    });
    let mut out = invalid(path);
    match rest {
        Some(Some(elsewhere)) => out.causes.push(elsewhere.message().to_owned()),
        Some(None) => {
            out.causes.push(format!(
                "line {line}: `[secrets.LABEL]` takes `hosts`, a list, and nothing else"
            ));
            out = out.with_help(
                "values of secrets are kept by `cleargate secret set LABEL`, not in this file",
            );
        }
        None => out.causes.push(format!(
            "line {line} is no TOML; it is not shown, because the file speaks of secrets"
        )),
    }
    out
}

fn invalid(path: &Path) -> Error {
    Error::new(Kind::Invalid, format!("{} cannot be used", path.display()))
}

/// Limits as people write them: `memory = "64MiB"`, `host_calls = 100`.
fn limits(table: &BTreeMap<String, toml::Value>) -> Result<Limits, String> {
    let mut limits = Limits::default();
    for (name, value) in table {
        let row = TABLE.iter().find(|row| row.name == name).ok_or_else(|| {
            let names: Vec<&str> = TABLE.iter().map(|row| row.name).collect();
            format!("`{name}` is no limit; there are {}", names.join(", "))
        })?;
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        limits.set(name, row.unit.parse(&text).map_err(|e| format!("limit `{name}`: {e}"))?);
    }
    Ok(limits)
}

/// Bounds of the journal as people write them: `size = "4GiB"`.
fn store_bounds(table: &StoreTable) -> Result<StoreBounds, String> {
    let read = |name, value| bound("store", name, Unit::Bytes, value);
    let size = read("size", &table.size)?.unwrap_or(DEFAULT_STORE_BYTES);
    if size < MIN_STORE_BYTES {
        let least = Unit::Bytes.print(MIN_STORE_BYTES);
        return Err(format!("`size` in `[store]` is at least {least}"));
    }
    let mut bounds = StoreBounds::of(size);
    bounds.values = read("values", &table.values)?.unwrap_or(bounds.values);
    bounds.blobs = read("blobs", &table.blobs)?.unwrap_or(bounds.blobs);
    for (name, bytes) in [("values", bounds.values), ("blobs", bounds.blobs)] {
        let most = size / PLUGINS_SHARE;
        if bytes > most {
            let most = Unit::Bytes.print(most);
            return Err(format!(
                "`{name}` in `[store]` is at most {most}, a quarter of `size`: raise `size` too"
            ));
        }
    }
    Ok(bounds)
}

/// Bounds of the compiler as people write them: `time = "120s"`.
fn compile(table: &CompileTable) -> Result<CompileLimits, String> {
    let read = |name, unit, value| bound("compile", name, unit, value);
    let usual = CompileLimits::default();
    Ok(CompileLimits {
        time: read("time", Unit::Millis, &table.time)?.map_or(usual.time, Duration::from_millis),
        memory: read("memory", Unit::Bytes, &table.memory)?.unwrap_or(usual.memory),
        code: read("code", Unit::Bytes, &table.code)?.unwrap_or(usual.code),
    })
}

/// One bound of a table, when it is there.
fn bound(
    table: &str,
    name: &str,
    unit: Unit,
    value: &Option<toml::Value>,
) -> Result<Option<u64>, String> {
    let Some(value) = value else { return Ok(None) };
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    unit.parse(&text).map(Some).map_err(|e| format!("`{name}` in `[{table}]`: {e}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(text: &str) -> Result<Config> {
        let home = tempfile::tempdir().unwrap();
        std::fs::write(home.path().join("cleargate.toml"), text).unwrap();
        load_from(home.path())
    }

    fn load_from(home: &Path) -> Result<Config> {
        let stored = SecretStore::new(home, None);
        Config::load(home, home, vec![("KEY".into(), "v".into())], &stored)
    }

    #[test]
    fn a_file_says_what_it_means_or_is_refused() {
        let config =
            load("[limits]\nmemory = \"1MiB\"\n[secrets.KEY]\nhosts = [\"a.test\"]").unwrap();
        assert_eq!(config.limits.memory, Some(1 << 20));
        assert_eq!(config.secrets["KEY"].hosts.len(), 1);
        let config = load("[compile]\ntime = \"2s\"\nmemory = \"1MiB\"").unwrap().compile;
        assert_eq!((config.time.as_secs(), config.memory), (2, 1 << 20));
        for bad in [
            "[compile]\ntime = \"soon\"",
            "[compile]\nfuel = 1",
            "[limit]",
            "[limits]\nmemry = 1",
            "[limits]\nmemory = \"1MB\"",
            "x = ",
            "[store]\ndurability='no'",
            "[sandbox]\nring = \"container\"",
            "[sandbox]\nring = true",
            "[sandbox]\nwalls = 2",
        ] {
            assert_eq!(load(bad).unwrap_err().kind, Kind::Invalid, "{bad} was accepted");
        }
    }

    #[test]
    fn the_journal_has_bounds_that_fit_together() {
        let bounds = |text: &str| load(text).map(|config| config.store);
        assert_eq!(bounds("").unwrap(), StoreBounds::default());
        let small = bounds("[store]\nsize = \"64MiB\"\nvalues = 4096").unwrap();
        assert_eq!(small, StoreBounds { size: 64 << 20, values: 4096, blobs: 16 << 20 });
        for (bad, says) in [
            ("size = \"1MiB\"", "at least 16MiB"),
            ("size = \"64MiB\"\nvalues = \"17MiB\"", "`values` in `[store]` is at most 16MiB"),
            ("blobs = \"5GiB\"", "raise `size`"),
            ("blobs = \"5GB\"", "`blobs` in `[store]`: `5GB`"),
        ] {
            let error = bounds(&format!("[store]\n{bad}")).unwrap_err();
            assert!(error.help[0].contains(says), "{bad}: {error:?}");
        }
    }

    #[test]
    fn a_secret_in_the_wrong_place_is_not_shown() {
        for (bad, says) in [
            ("[secrets.KEY]\nhosts = []\nvalue = 'hunter2hunter2'", "line 3"),
            ("[secrets.KEY]\nhosts = 'hunter2hunter2'", "line 2"),
            ("[secrets]\nKEY = 'hunter2hunter2'", "cleargate secret set"),
            ("secrets = 'hunter2hunter2'", "takes `hosts`"),
            ("[secrets.KEY]\nvalue = hunter2hunter2", "line 2 is no TOML"),
            ("[secret.KEY]\nvalue = 'hunter2hunter2'", "unknown field `secret`"),
            ("[secrets.KEY]\nvalue = 'hunter2hunter2'\n[limit]", "unknown field `limit`"),
        ] {
            let error = load(bad).unwrap_err();
            let said = format!("{error} {:?}", error.help);
            assert!(!said.contains("hunter2") && said.contains(says), "{said}");
        }
    }

    #[test]
    fn a_home_that_is_a_file_is_no_mistake_in_the_configuration() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let error = load_from(file.path()).unwrap_err();
        assert_eq!(error.kind, Kind::Store, "{error}");
    }

    #[test]
    fn a_value_from_outside_counts_more_than_a_stored_one() {
        let home = tempfile::tempdir().unwrap();
        let stored = SecretStore::new(home.path(), None);
        stored.set("KEY", "stored value", vec!["a.test".parse().unwrap()]).unwrap();
        stored.set("OTHER", "another value", Vec::new()).unwrap();
        let config = load_from(home.path()).unwrap();
        assert_eq!((&*config.secrets["KEY"].value, config.secrets["KEY"].hosts.len()), ("v", 1));
        assert_eq!(config.secrets["OTHER"].value, "another value");
    }

    #[test]
    fn a_secret_without_hosts_goes_nowhere() {
        assert!(load("").unwrap().secrets["KEY"].hosts.is_empty());
    }
}
