//! The host: opens what a home folder holds, and puts the parts together.

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use cleargate_executor::{
    Clock, Executor, ExecutorConfig, RunHandle, RunIds, StartError, StartRun, SystemClock,
    TimeOrdered,
};
use cleargate_flow::graph::Graph;
use cleargate_flow::limits::Unit;
use cleargate_flow::types::validate_fields;
use cleargate_flow::{FlowHash, RunId, Value};
use cleargate_gate::{
    Folder, Gate, GateConfig, MemorySecrets, Network, NetworkConfig, SecretEntry, Sources,
    SystemResolver, TracingAudit,
};
use cleargate_registry::Digest;
use cleargate_runtime::cache::MAX_CACHE_BYTES;
use cleargate_runtime::{Runtime, RuntimeError};
use cleargate_store::memory::MemoryStore;
use cleargate_store::sqlite::{Class, OpenError, SqliteConfig, SqliteStore};
use cleargate_store::{RunStatus, Store};

use crate::config::{Config, Durability};
use crate::error::{Error, Kind, Result};
use crate::flows::{Checked, Flow, FlowCatalog, Parts, Pinned, checked, invalid, pin};
use crate::grants::GrantFile;
use crate::inputs::{InputValue, record};
use crate::peers::FlowPeers;
use crate::plan::Plan;
use crate::plugins::{Plugins, Waiting};
use crate::programs::{Linked, interpreters};
use crate::recent::Recent;
use crate::running::Running;
use crate::runs::store_error;
use crate::sessions::Sessions;
use crate::source::FlowSource;
use crate::swaps::Swaps;
use crate::uses::{Locking, Used, aliases};

/// How long a lease lasts: what `resume` may have to wait after a `kill -9`.
const LEASE: Duration = Duration::from_secs(5);

/// Components that stay loaded when no run uses them: more than the flows of one folder have.
const MAX_LOADED: usize = 64;

/// Runs flows over a home folder.
pub struct Host {
    pub(crate) config: Config,
    store: Arc<dyn Store>,
    pub(crate) executor: Executor,
    clock: SystemClock,
    pub(crate) plugins: Plugins,
    pub(crate) runtime: Runtime,
    /// Loaded components by digest: grants do not change while a process runs. A run keeps what it uses.
    pub(crate) loaded: Recent<(Digest, Option<Linked>), Used>,
    /// Interpreters that live on between the programs of a run.
    sessions: Arc<Sessions>,
    pub(crate) swaps: Swaps,
    /// Held while a component is swapped in.
    pub(crate) swapping: tokio::sync::Mutex<()>,
}

/// How a run begins.
#[derive(Clone, Debug, Default)]
pub struct StartOptions {
    /// The same key for the same flow means the same run.
    pub key: Option<String>,
}

impl Host {
    /// Opens the journal, the plugins and the compile cache of a home folder; makes what is missing.
    ///
    /// # Errors
    /// The journal cannot be used, this machine cannot run WebAssembly, or a setting is out of its range.
    pub async fn open(config: Config) -> Result<Self> {
        let store = open_store(&config)?;
        let gate = gate(&config, store.clone())?;
        let clock = SystemClock::default();
        let owner = format!("{}-{}", std::process::id(), clock.now());
        let mut executing = ExecutorConfig::new(owner);
        executing.max_attempts = config.concurrency;
        executing.lease_ttl = LEASE;
        // A journal that ends with the process must not be waited for by anybody else.
        executing.linger = config.linger.filter(|_| config.durability != Durability::Memory);
        let executor = Executor::new(
            store.clone(),
            gate,
            Arc::new(clock.clone()),
            Arc::new(TimeOrdered),
            executing,
        );
        let swaps = Swaps::new();
        let mut running = config.runtime(Some(config.cache()));
        running.breakdowns = Some(Arc::new(swaps.clone()));
        let runtime = Runtime::new(running).map_err(|e| engine_error(&config, &e))?;
        let plugins = Plugins::open(&config)?;
        let loaded = Recent::new(MAX_LOADED);
        let swapping = tokio::sync::Mutex::default();
        let sessions = Arc::default();
        Ok(Self {
            config,
            store,
            executor,
            clock,
            plugins,
            runtime,
            loaded,
            sessions,
            swaps,
            swapping,
        })
    }

    /// The plugins of this home folder.
    pub fn plugins(&self) -> &Plugins {
        &self.plugins
    }

    /// Finds everything that is wrong with a flow, given by path or by the id of a bundled one.
    ///
    /// # Errors
    /// There is no such flow. What is wrong with it is in the findings.
    pub async fn check(&self, flow: &str) -> Result<Checked> {
        let source = FlowSource::find(flow, &self.config.folder)?;
        let swapped = self.swaps.current();
        let pinned = self.plugins.pin(source.clone(), &self.config.home, Locking::Look, &swapped);
        let parts = match pinned {
            Ok(pinned) => self.parts(&pinned).await?,
            Err(error) => {
                let why = error.to_string();
                let broken = aliases(&source.text).into_keys().map(|alias| (alias, why.clone()));
                Parts { broken: broken.collect(), ..Parts::default() }
            }
        };
        Ok(checked(&source, &parts).0)
    }

    /// Makes a flow ready to start: resolves and locks its plugins, checks it, and pins it to all that decides what
    /// it does. `locked` refuses to change the lock file.
    ///
    /// # Errors
    /// A plugin cannot be had or may not be loaded, or the flow has errors.
    pub async fn load(&self, flow: &str, locked: bool) -> Result<Flow> {
        let source = FlowSource::find(flow, &self.config.folder)?;
        self.load_source(source, if locked { Locking::Refuse } else { Locking::Write }).await
    }

    pub(crate) async fn load_source(&self, source: FlowSource, locking: Locking) -> Result<Flow> {
        let swapped = self.swaps.current();
        let pinned = self.plugins.pin(source, &self.config.home, locking, &swapped)?;
        let mut flow = self.ready(pinned).await?;
        flow.waiting = self.waiting(&flow.pinned)?;
        Ok(flow)
    }

    /// Newer versions that wait for approval, of the plugins of a flow and of those that it uses.
    fn waiting(&self, pinned: &Pinned) -> Result<Vec<Waiting>> {
        let grants = GrantFile::read(&self.config.grants())?;
        let mut found = Vec::new();
        let mut left = vec![pinned];
        while let Some(pinned) = left.pop() {
            for (alias, text) in aliases(&pinned.source.text) {
                let Some(pin) = pinned.plugins.get(&alias) else { continue };
                found.extend(self.plugins.waiting(&grants, &alias, &text, pin)?);
            }
            left.extend(pinned.flows.values());
        }
        Ok(found)
    }

    /// The same flow again, from what a run was pinned to.
    pub(crate) async fn ready(&self, mut pinned: Pinned) -> Result<Flow> {
        let parts = self.parts(&pinned).await?;
        let (found, graph) = checked(&pinned.source, &parts);
        let Some(mut graph) = graph else { return Err(invalid(&found)) };
        crate::canary::of_triggers(&graph, &parts.flows)?;
        let Parts { used, flows, .. } = parts;
        pin(&mut graph, &mut pinned, &flows)?;
        let grants = GrantFile::read(&self.config.grants())?;
        let plans = used.iter().map(|u| u.plan(&grants)).collect();
        let folder = pinned.source.own_folder();
        let folder = Folder::open(folder.as_deref().unwrap_or(&self.config.folder));
        let (tools, used) = (crate::peers::tools(&used), Arc::from(used));
        let operator = self.config.limits;
        let catalog = FlowCatalog {
            _leases: self.swaps.leases(pinned.plugins.values()),
            peers: FlowPeers::new(used, tools, &graph.models, operator, Some(folder.clone())),
            flows,
            canaries: Arc::new(graph.canaries.clone()),
            executor: self.executor.clone(),
            files: pinned.source.files.clone(),
            builtin_grants: crate::builtin::granted(&grants),
            folder: Some(folder),
            sessions: self.sessions.clone(),
        };
        Ok(Flow {
            graph: Arc::new(graph),
            catalog: Arc::new(catalog),
            plugins: plans,
            pinned,
            waiting: Vec::new(),
        })
    }

    /// What the aliases of a flow mean: plugins are loaded, flows made ready.
    async fn parts(&self, pinned: &Pinned) -> Result<Parts> {
        let (used, mut broken) = self.used(pinned).await?;
        broken.extend(pinned.broken.clone());
        let mut flows = BTreeMap::new();
        for (alias, inner) in &pinned.flows {
            // Boxed, because a flow in a flow makes this call itself.
            match Box::pin(self.ready(inner.clone())).await {
                Ok(flow) => drop(flows.insert(alias.clone(), flow)),
                Err(error) if matters_outside(&error) => return Err(error),
                Err(error) => drop(broken.insert(alias.clone(), error.in_a_line())),
            }
        }
        broken.extend(crate::canary::misfits(&flows));
        Ok(Parts { used, flows, broken })
    }

    /// Loads the plugins of a flow; those that cannot be loaded come back with why.
    async fn used(&self, pinned: &Pinned) -> Result<(Vec<Used>, BTreeMap<String, String>)> {
        let grants = GrantFile::read(&self.config.grants())?;
        let (mut all, mut broken) = (Vec::new(), BTreeMap::new());
        let programs = interpreters(&pinned.source.text);
        for (alias, pin) in &pinned.plugins {
            let linked = programs.get(alias).map(|(_, linked)| *linked);
            let key = (pin.digest, linked);
            let used = match self.loaded.get(&key) {
                Some(used) => used,
                None => match self.plugins.load(&self.runtime, &grants, alias, pin, linked).await {
                    Ok(used) => used,
                    // What the operator refused or removed is theirs to decide, not a finding of the flow.
                    Err(error) if matters_outside(&error) => return Err(error),
                    Err(error) => {
                        broken.insert(alias.clone(), error.to_string());
                        continue;
                    }
                },
            };
            self.loaded.keep(key, used.clone());
            all.push(Used { alias: alias.clone(), ..used });
        }
        Ok((all, broken))
    }

    /// What a run of the flow would do.
    pub fn plan(&self, flow: &Flow) -> Plan {
        Plan::of(flow, self.config.limits)
    }

    /// Starts a run, or finds the one with this key. [`Kind::Waiting`] when another process drives that one: asked again
    /// later it is found, finished or to be taken over.
    ///
    /// # Errors
    /// The input does not fit the flow's ports or is not that of the run with this key, or the journal cannot be written.
    pub async fn start(
        &self,
        flow: &Flow,
        inputs: Vec<InputValue>,
        options: StartOptions,
    ) -> Result<Running> {
        let input = complete(&flow.graph, record(&flow.graph, inputs)?)?;
        let started = self.begin(flow, input, options.key).await?;
        Ok(Running::new(started.map_err(start_error)?))
    }

    /// Starts a run with a complete input.
    pub(crate) async fn begin(
        &self,
        flow: &Flow,
        input: Value,
        key: Option<String>,
    ) -> Result<Result<RunHandle, StartError>> {
        self.keep_bundles(flow).await?;
        let start = StartRun { input, idempotency_key: key, ..StartRun::default() };
        Ok(self.executor.start(flow.graph.clone(), flow.catalog.clone(), start).await)
    }

    /// Keeps what a flow and the flows inside it are pinned to: runs of them are made ready from there.
    pub(crate) async fn keep_bundles(&self, flow: &Flow) -> Result<()> {
        for flow in flow.all() {
            let bundle = serde_json::to_vec(&flow.pinned).expect("a pinned flow is text");
            self.store.put_flow(flow.hash(), bundle).await.map_err(store_error)?;
        }
        Ok(())
    }

    /// Goes on with a run. Waits, for some seconds at most, for the lease of a process that was killed.
    ///
    /// # Errors
    /// The run is driven by somebody, its flow or plugins are gone, or its journal is damaged.
    pub async fn resume(&self, id: &RunId) -> Result<Running> {
        let row = self.store.run(id).await.map_err(store_error)?;
        let row =
            row.ok_or_else(|| Error::new(Kind::Invalid, format!("there is no run `{id}`")))?;
        if let (Some((parent, address)), RunStatus::Running | RunStatus::Waiting) =
            (&row.parent, row.status)
        {
            let why = format!("run `{id}` is the sub-flow at `{address}` of run {parent}");
            return Err(
                Error::new(Kind::Invalid, why).with_help(format!("cleargate resume {parent}"))
            );
        }
        if !row.status.is_finished() {
            // Somebody asks for it: that it was set aside counts no more.
            self.executor.bring_back(id).await.map_err(store_error)?;
        }
        let flow = self.pinned_flow(id, &row.hash).await?;
        Ok(Running::new(self.take_over(id, &flow).await?))
    }

    /// The flow of a run, in the version that the run is pinned to.
    ///
    /// # Errors
    /// There is no such run, or its flow or plugins are gone.
    pub async fn flow_of(&self, id: &RunId) -> Result<Flow> {
        let row = self.store.run(id).await.map_err(store_error)?;
        let row =
            row.ok_or_else(|| Error::new(Kind::Invalid, format!("there is no run `{id}`")))?;
        self.pinned_flow(id, &row.hash).await
    }

    /// A version of a flow that a run is pinned to.
    pub(crate) async fn pinned_flow(&self, id: &RunId, hash: &FlowHash) -> Result<Flow> {
        let bundle = self.store.get_flow(hash).await.map_err(store_error)?;
        let bundle = bundle.ok_or_else(|| {
            Error::new(Kind::Store, format!("the flow {hash} of run {id} is not in the store"))
        })?;
        let pinned: Pinned = serde_json::from_slice(&bundle).map_err(|e| {
            Error::new(Kind::Store, format!("the flow of run {id} cannot be read")).caused_by(&e)
        })?;
        self.ready(pinned).await
    }

    pub(crate) async fn take_over(&self, id: &RunId, flow: &Flow) -> Result<RunHandle> {
        let give_up =
            self.clock.micros() + 2 * u64::try_from(LEASE.as_micros()).unwrap_or(u64::MAX);
        loop {
            let done = self.executor.resume(id, flow.graph.clone(), flow.catalog.clone()).await;
            match done {
                Err(StartError::Held { .. }) if self.clock.micros() < give_up => {
                    self.clock.sleep(100).await;
                }
                other => return other.map_err(start_error),
            }
        }
    }

    /// Stops driving runs, so that they can be resumed; attempts have `grace` to end. No run can be started after
    /// this.
    pub async fn shutdown(&self, grace: Duration) {
        self.executor.shutdown(grace).await;
    }

    /// Why runs stand still at the moment: the journal takes nothing, for want of space as a rule. They go on by
    /// themselves once it does.
    pub fn hold_up(&self) -> Option<String> {
        self.executor.hold_up()
    }

    /// Where the journal is, for people.
    pub fn journal_name(&self) -> String {
        match self.config.durability {
            Durability::Memory => "in memory".into(),
            _ => self.config.journal().display().to_string(),
        }
    }

    /// A sentence on the state of the journal.
    ///
    /// # Errors
    /// It cannot be read.
    pub async fn health(&self) -> Result<String> {
        let open = self.executor.recover().await.map_err(store_error)?;
        let open = open.iter().filter(|run| !run.sub_flow).count();
        let most = Unit::Bytes.print(self.config.store.size);
        Ok(format!("{}, {open} run(s) to resume, at most {most}", self.journal_name()))
    }

    /// A sentence on the compile cache: where it is, how large, and how large it may become.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn compile_cache(&self) -> Result<String> {
        let folder = self.config.cache();
        let bytes = self.runtime.cache_bytes().map_err(|e| {
            Error::new(Kind::Store, format!("{} cannot be read", folder.display())).caused_by(&e)
        })?;
        let size = |bytes: u64| Unit::Bytes.print(bytes.next_multiple_of(1024));
        let (bytes, most) = (size(bytes), size(MAX_CACHE_BYTES));
        Ok(format!("{}, {bytes} of at most {most}", folder.display()))
    }

    /// The files beside a flow, for watching: also those that it cannot be loaded with.
    pub fn files_of(&self, flow: &str) -> Vec<PathBuf> {
        let Ok(source) = FlowSource::find(flow, &self.config.folder) else { return Vec::new() };
        let Some(folder) = &source.folder else { return Vec::new() };
        let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
        let written_by_us = |path: &PathBuf| path.ends_with(cleargate_registry::lock::FILE_NAME);
        let files = entries.map(|entry| entry.path()).filter(|path| path.is_file());
        files.filter(|path| !written_by_us(path)).collect()
    }

    /// An id that nobody has had.
    pub(crate) fn unique(&self, now_ms: i64) -> String {
        TimeOrdered.next(now_ms).to_string()
    }

    pub(crate) fn clock(&self) -> &SystemClock {
        &self.clock
    }

    pub(crate) fn store(&self) -> &dyn Store {
        &*self.store
    }
}

/// The input with defaults, checked against the ports.
pub(crate) fn complete(graph: &Graph, input: Value) -> Result<Value> {
    validate_fields(&input, &graph.input).map_err(|mismatch| {
        let ports: Vec<String> =
            graph.input.iter().map(|(name, field)| format!("{name}: {}", field.ty)).collect();
        Error::new(Kind::Invalid, format!("the input does not fit `{}`: {mismatch}", graph.id))
            .with_help(format!("its ports are {}", ports.join(", ")))
    })
}

/// Whether a plugin cannot be loaded for a reason that is not in the flow.
fn matters_outside(error: &Error) -> bool {
    matches!(error.kind, Kind::Denied | Kind::Resolution | Kind::Limit | Kind::Bug)
}

fn open_store(config: &Config) -> Result<Arc<dyn Store>> {
    let class = match config.durability {
        Durability::Memory => return Ok(Arc::new(MemoryStore::bounded(config.store.quota()))),
        Durability::PowerSafe => Class::PowerSafe,
        Durability::ProcessSafe => Class::ProcessSafe,
    };
    let (max_bytes, quota) = (Some(config.store.size), config.store.quota());
    let sqlite = SqliteConfig { max_bytes, quota, ..SqliteConfig::new(class) };
    let store = SqliteStore::open(config.journal(), &sqlite).map_err(|error| {
        let out = Error::new(Kind::Store, "the journal cannot be used").caused_by(&error);
        match error {
            OpenError::Full { .. } => out.with_help(NO_ROOM),
            OpenError::ReadOnly { .. } => out.with_help(NOT_WRITABLE),
            _ => out,
        }
    })?;
    Ok(Arc::new(store))
}

/// What helps a home on a full disk, and one that may not be written.
const NO_ROOM: &str = "free some space there, or set CLEARGATE_HOME to another folder";
const NOT_WRITABLE: &str = "make it writable, or set CLEARGATE_HOME to another folder";

fn engine_error(config: &Config, error: &RuntimeError) -> Error {
    let cache = config.cache();
    match error {
        RuntimeError::Cache { source, .. } => {
            let again = format!("remove {}: it is made anew", cache.display());
            let help = match source.kind() {
                io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => NO_ROOM,
                io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => NOT_WRITABLE,
                _ => &again,
            };
            Error::new(Kind::Store, error.to_string()).with_help(help)
        }
        _ => Error::new(Kind::Bug, "WebAssembly cannot run here").caused_by(error),
    }
}

/// The way to hosts, as the operator allows it.
pub(crate) fn network(config: &Config) -> Result<Network> {
    let allow_addresses = config.allow_addresses.iter().map(|text| {
        text.parse().map_err(|_| {
            Error::new(Kind::Invalid, format!("`{text}` in `allow_addresses` is no network"))
                .with_help("write it as 10.0.0.0/8")
        })
    });
    let network = NetworkConfig {
        allow_addresses: allow_addresses.collect::<Result<_>>()?,
        ..NetworkConfig::default()
    };
    Network::new(network, Arc::new(SystemResolver))
        .map_err(|e| Error::new(Kind::Bug, "no HTTP client").caused_by(&e))
}

/// The secrets of a configuration.
pub(crate) fn secrets(config: &Config) -> Result<MemorySecrets> {
    let secrets = config.secrets.iter().map(|(label, secret)| {
        let entry = SecretEntry::new(secret.value.clone(), secret.hosts.clone()).map_err(|e| {
            Error::new(Kind::Invalid, format!("the secret `{label}` cannot be used"))
                .caused_by(&e)
                .with_help(format!("give another value in CLEARGATE_SECRET_{label}, or unset it"))
        })?;
        Ok((label.clone(), entry))
    });
    Ok(secrets.collect::<Result<Vec<_>>>()?.into_iter().collect())
}

pub(crate) fn gate(config: &Config, store: Arc<dyn Store>) -> Result<Arc<Gate>> {
    let (network, secrets) = (network(config)?, secrets(config)?);
    let clock = SystemClock::default();
    let sources = Sources {
        now: Arc::new(move || clock.now()),
        random: Arc::new(|bytes: &mut [u8]| {
            getrandom::fill(bytes).expect("the system has random bytes");
        }),
    };
    let audit = Arc::new(TracingAudit);
    Ok(Gate::new(
        store,
        Arc::new(network),
        Arc::new(secrets),
        audit,
        sources,
        GateConfig::default(),
    ))
}

pub(crate) fn start_error(error: StartError) -> Error {
    let (kind, help) = match &error {
        StartError::Held { run, .. } => (Kind::Waiting, Some(format!("cleargate runs show {run}"))),
        StartError::OtherInput { run, .. } => {
            let help = format!(
                "give another key, or the input that `cleargate runs events {run}` begins with"
            );
            (Kind::Invalid, Some(help))
        }
        StartError::OtherVersion { .. } | StartError::Damaged { .. } | StartError::Store(_) => {
            (Kind::Store, None)
        }
        StartError::Input(_) | StartError::OtherBeginning { .. } => (Kind::Invalid, None),
        StartError::TooManyRuns(_) | StartError::TooDeep => (Kind::Limit, None),
        StartError::Stopping => (Kind::Interrupted, None),
    };
    let out = Error::new(kind, error.to_string());
    match help {
        Some(help) => out.with_help(help),
        None => out,
    }
}
