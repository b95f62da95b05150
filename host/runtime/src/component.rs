//! From bytes to a plugin that can be called: inspect, link, compile or read from the cache.
//!
//! Cheap checks come first and decide on names and counts alone. Only then is compiled, one component at a
//! time, so that a crowd of installs cannot take the processors from runs.

use std::collections::HashMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use cleargate_flow::grant::Grants;
use cleargate_flow::signature::PluginKind;
use sha2::{Digest as _, Sha256};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, SemaphorePermit};
use wasmtime::component::{Component, ComponentExportIndex, InstancePre, Linker};

use crate::artifact::Artifact;
use crate::cache::Cache;
use crate::compiler::{CompileError, Compiler, InProcess};
use crate::engine::{Engine, EngineError, Needs};
use crate::fault::Fault;
use crate::foreign::{Refused, Tool};
use crate::inspect::InspectError;
use crate::instance::Call;
use crate::linker::refusal::Refusal;
use crate::linker::{SERVED, everything, link};
use crate::place::{Place, Portable};
use crate::surface::{Exports, Surface};

/// The service that gives a flow's configuration, in any version.
const CONFIG_SERVICE: &str = "cleargate:host/config@";

/// SHA-256 of a component's bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Digest(pub(crate) [u8; 32]);

impl Digest {
    /// The digest of `bytes`.
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }

    pub(crate) fn hex(&self) -> String {
        hex::encode(self.0)
    }

    pub(crate) fn bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for Digest {
    /// `sha256:<64 hex digits>`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sha256:{}", self.hex())
    }
}

/// Why a component cannot be loaded.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// Refused by its sections.
    #[error("not a usable component: {0}")]
    Inspect(#[from] InspectError),
    /// It exports none of the kinds, and no function.
    #[error(
        "the component exports no plugin: it needs `cleargate:node/node@{SERVED}`, or the same of `tool`, \
         `guardrail`, `filter` or another kind, or functions, which are tools"
    )]
    NoKind,
    /// It exports none of the kinds, and only functions whose types are no data.
    #[error("no function of the component can be a tool: {}", crate::surface::listed(.0))]
    NoTool(Vec<Refused>),
    /// It imports an interface that it was not granted.
    #[error("the component imports `{import}`, which is not granted; this line grants it: {line}")]
    NotGranted {
        /// The import's name.
        import: String,
        /// The line of a grant file.
        line: &'static str,
    },
    /// It imports something that this host does not have.
    #[error("the component imports `{import}`: {why}")]
    NotServed {
        /// The import's name.
        import: String,
        /// What can be done.
        why: &'static str,
    },
    /// The compiler or the linker found it invalid.
    #[error("the component is invalid: {0}")]
    Invalid(String),
    /// It takes more to compile than the operator gives.
    #[error("compiling the component takes more than {most} of {what}")]
    TooMuch {
        /// `time`, `memory` or `code`.
        what: &'static str,
        /// The bound, with its unit.
        most: String,
    },
    /// Nothing is known of the component, because there was no compiler, or it broke off.
    #[error("the compiler failed: {0}")]
    Compiler(String),
}

impl From<CompileError> for LoadError {
    fn from(error: CompileError) -> Self {
        match error {
            CompileError::Invalid(why) => Self::Invalid(why),
            CompileError::TooMuch { what, most } => Self::TooMuch { what, most },
            CompileError::Failed(why) => Self::Compiler(why),
        }
    }
}

impl LoadError {
    pub(crate) fn engine(error: wasmtime::Error) -> Self {
        Self::Invalid(format!("{error:#}"))
    }
}

/// How a runtime is set up.
#[derive(Clone, Debug, Default)]
pub struct RuntimeConfig {
    /// Folder of the compile cache; without one, each load compiles.
    pub cache: Option<PathBuf>,
    /// What compiles; by default this process.
    pub compiler: Option<Arc<dyn Compiler>>,
    /// Who is told that a plugin broke down in a run.
    pub breakdowns: Option<Arc<dyn Breakdowns>>,
}

/// Hears of calls in which a plugin stopped itself: a trap, or an answer that the contract does not allow. Bounds that
/// were reached and errors that were returned are none.
pub trait Breakdowns: Send + Sync + fmt::Debug {
    /// A call of the component with this digest broke down. Must not wait.
    fn broke_down(&self, component: &Digest, why: &str);
}

/// Why there is no runtime.
#[derive(Debug, thiserror::Error)]
pub enum RuntimeError {
    /// No engine.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The compile cache's folder cannot be used.
    #[error("the compile cache in {} cannot be used: {source}", folder.display())]
    Cache {
        /// The folder.
        folder: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

/// Loads plugins. Cloning is cheap; one process needs one for each trust class.
#[derive(Clone)]
pub struct Runtime {
    inner: Arc<Inner>,
    /// Where the calls of what it loads are executed, when that is not here.
    place: Option<Arc<dyn Place>>,
}

struct Inner {
    engine: Engine,
    cache: Option<Cache>,
    compiler: Arc<dyn Compiler>,
    breakdowns: Option<Arc<dyn Breakdowns>>,
    compiling: Arc<Semaphore>,
    /// Components of plugins that live. One that is used by several flows, or loaded once more to describe
    /// itself, is neither read nor mapped twice.
    living: Mutex<HashMap<Digest, Weak<Loaded>>>,
}

impl Runtime {
    /// Makes an engine and opens the cache.
    ///
    /// # Errors
    /// When this machine cannot run WebAssembly, or the cache's folder cannot be used.
    pub fn new(config: RuntimeConfig) -> Result<Self, RuntimeError> {
        Self::with_engine(Engine::new()?, config)
    }

    /// The same with an engine that exists.
    ///
    /// # Errors
    /// When the cache's folder cannot be used.
    pub fn with_engine(engine: Engine, config: RuntimeConfig) -> Result<Self, RuntimeError> {
        let open = |folder: PathBuf| {
            Cache::open(&folder).map_err(|source| RuntimeError::Cache { folder, source })
        };
        let cache = config.cache.map(open).transpose()?;
        let compiler = config.compiler.unwrap_or_else(|| Arc::new(InProcess));
        let compiling = Arc::new(Semaphore::new(1));
        let living = Mutex::default();
        let breakdowns = config.breakdowns;
        let inner = Inner { engine, cache, compiler, breakdowns, compiling, living };
        Ok(Self { inner: Arc::new(inner), place: None })
    }

    /// The same, for plugins whose calls are executed in `place` and not in this process, descriptions included.
    #[must_use]
    pub fn at(&self, place: Arc<dyn Place>) -> Self {
        Self { inner: self.inner.clone(), place: Some(place) }
    }

    /// The engine.
    pub fn engine(&self) -> &Engine {
        &self.inner.engine
    }

    /// Bytes of the compile cache; 0 without one.
    ///
    /// # Errors
    /// When its folder cannot be read.
    pub fn cache_bytes(&self) -> std::io::Result<u64> {
        self.inner.cache.as_ref().map_or(Ok(0), Cache::bytes)
    }

    /// Loads a component with the interfaces that `grants` open: the effective set of the plugin.
    ///
    /// # Errors
    /// See [`LoadError`]. Nothing is compiled when names or counts decide already.
    pub async fn load(&self, bytes: Arc<[u8]>, grants: &Grants) -> Result<Plugin, LoadError> {
        self.load_with_optional(bytes, grants, &Grants::default()).await
    }

    /// The same for a component that can do without `optional`: what of it was not granted answers `denied`.
    ///
    /// # Errors
    /// The same as [`Runtime::load`].
    pub async fn load_with_optional(
        &self,
        bytes: Arc<[u8]>,
        grants: &Grants,
        optional: &Grants,
    ) -> Result<Plugin, LoadError> {
        let engine = &self.inner.engine;
        let surface = Surface::read(&bytes)?;
        let linked = link(engine, &surface.imports, grants, optional)?;
        let digest = Digest::of(&bytes);
        let component = self.compiled(digest, bytes).await?;
        let mut loaded = Loaded::new(engine, &surface, linked, &component, digest)?;
        loaded.breakdowns = self.inner.breakdowns.clone();
        loaded.elsewhere = self.place.clone().map(|place| {
            let (grants, optional) = (grants.clone(), optional.clone());
            (place, Arc::new(Portable { digest, grants, optional, surface, component }))
        });
        let loaded = Arc::new(loaded);
        let mut living = self.inner.living.lock().unwrap_or_else(PoisonError::into_inner);
        living.retain(|_, plugin| plugin.strong_count() > 0);
        living.insert(digest, Arc::downgrade(&loaded));
        Ok(Plugin(loaded))
    }

    /// Loads a component of which nothing is granted yet, so that it can describe itself and nothing else: a
    /// description gets no world, whatever is linked.
    ///
    /// # Errors
    /// The same as [`Runtime::load`], except for missing grants.
    pub async fn load_to_describe(&self, bytes: Arc<[u8]>) -> Result<Plugin, LoadError> {
        self.load(bytes, &everything()).await
    }

    async fn compiled(&self, digest: Digest, bytes: Arc<[u8]>) -> Result<Component, LoadError> {
        let turn = self.inner.compiling.clone().acquire_owned().await;
        let turn = turn.expect("the semaphore is not closed");
        let living = |living: &HashMap<_, Weak<Loaded>>| living.get(&digest)?.upgrade();
        if let Some(twin) =
            living(&self.inner.living.lock().unwrap_or_else(PoisonError::into_inner))
        {
            return Ok(twin.pre.component().clone());
        }
        let inner = self.inner.clone();
        let work = move || {
            // Held until the work is done, also when nobody waits for it any more.
            let _one_at_a_time = turn;
            let engine = &inner.engine;
            if let Some(code) = inner.cache.as_ref().and_then(|cache| cache.get(&digest, engine)) {
                return code.component(engine).map_err(LoadError::engine);
            }
            let code = Artifact::compile(&*inner.compiler, engine, &bytes)?;
            if let Some(Err(error)) = inner.cache.as_ref().map(|c| c.put(&digest, engine, &code)) {
                tracing::warn!(%error, "compiled component is not kept: the next start compiles again");
            }
            code.component(engine).map_err(LoadError::engine)
        };
        let ended = tokio::task::spawn_blocking(work).await;
        ended.unwrap_or_else(|error| Err(LoadError::Compiler(error.to_string())))
    }
}

/// A component that can be called. Cloning is cheap.
#[derive(Clone)]
pub struct Plugin(Arc<Loaded>);

struct Loaded {
    pre: InstancePre<Call>,
    exports: Exports,
    /// Whether it imports nothing at all.
    closed: bool,
    /// Whether it imports the configuration.
    configured: bool,
    digest: Digest,
    /// What an instance takes of the pool.
    places: u32,
    breakdowns: Option<Arc<dyn Breakdowns>>,
    /// Keeps the epoch moving: without it a call that computes would neither yield nor end.
    engine: Engine,
    /// Where its calls are executed, when that is not here, and what is carried there.
    elsewhere: Option<(Arc<dyn Place>, Arc<Portable>)>,
}

impl Loaded {
    fn new(
        engine: &Engine,
        surface: &Surface,
        (mut linker, refused): (Linker<Call>, Vec<Refusal>),
        component: &Component,
        digest: Digest,
    ) -> Result<Self, LoadError> {
        for refusal in refused {
            let linked = refusal.link(&mut linker, engine.wasmtime(), component);
            linked.map_err(LoadError::engine)?;
        }
        let required = component.resources_required();
        let required = required.expect("a component that imports modules is not linked");
        let places = Engine::places(Needs {
            core_instances: surface.instances,
            components: surface.components,
            memories: required.num_memories,
            tables: required.num_tables,
        });
        Ok(Self {
            pre: linker.instantiate_pre(component).map_err(LoadError::engine)?,
            exports: surface.resolve(component)?,
            closed: surface.imports.is_empty(),
            configured: surface.imports.iter().any(|i| i.starts_with(CONFIG_SERVICE)),
            digest,
            places,
            breakdowns: None,
            engine: engine.clone(),
            elsewhere: None,
        })
    }
}

impl Plugin {
    /// The plugin that a process was given to execute, from its machine code and what was read of its bytes elsewhere.
    #[cfg(target_os = "linux")]
    pub(crate) fn carried(
        engine: &Engine,
        surface: &Surface,
        (grants, optional): (&Grants, &Grants),
        code: &Artifact,
        digest: Digest,
    ) -> Result<Self, LoadError> {
        let linked = link(engine, &surface.imports, grants, optional)?;
        let component = code.component(engine).map_err(LoadError::engine)?;
        Loaded::new(engine, surface, linked, &component, digest).map(|it| Self(Arc::new(it)))
    }

    /// Where its calls are executed, when that is not here, and what is carried there.
    pub(crate) fn elsewhere(&self) -> Option<&(Arc<dyn Place>, Arc<Portable>)> {
        self.0.elsewhere.as_ref()
    }

    /// What it exports, in the order of [`PluginKind`].
    pub fn kinds(&self) -> impl Iterator<Item = PluginKind> + '_ {
        let Exports { kinds, functions } = &self.0.exports;
        let mut last = None;
        let typed = functions.iter().map(|(function, _)| function.kind());
        let typed = typed.filter(move |kind| last.replace(*kind) != Some(*kind));
        kinds.iter().map(|export| export.kind).chain(typed)
    }

    /// Digest of the component's bytes.
    pub fn digest(&self) -> Digest {
        self.0.digest
    }

    /// Tells whoever listens when the fault is a breakdown of the plugin.
    pub(crate) fn report(&self, fault: &Fault) {
        let Some(breakdowns) = &self.0.breakdowns else { return };
        if matches!(fault, Fault::Trap { .. } | Fault::Contract(_)) {
            breakdowns.broke_down(&self.0.digest, &fault.to_string());
        }
    }

    /// Waits until there is a place for an instance. The place is free again when the permit is dropped.
    pub(crate) async fn enter(&self) -> SemaphorePermit<'_> {
        self.0.engine.enter(self.0.places).await
    }

    /// Whether its calls are executed elsewhere than in this process: it has no instance here that could live on.
    pub fn is_elsewhere(&self) -> bool {
        self.0.elsewhere.is_some()
    }

    pub(crate) async fn enter_for_long(&self) -> OwnedSemaphorePermit {
        self.0.engine.enter_for_long(self.0.places).await
    }

    pub(crate) fn pre(&self) -> &InstancePre<Call> {
        &self.0.pre
    }

    /// A function of the plugin's export of `kind`.
    pub(crate) fn function(&self, kind: PluginKind, name: &str) -> Option<&ComponentExportIndex> {
        let export = self.0.exports.kinds.iter().find(|export| export.kind == kind)?;
        export.functions.iter().find(|(known, _)| *known == name).map(|(_, index)| index)
    }

    /// The functions that are called by their own types: of parts, or of a component that exports none of the kinds.
    pub(crate) fn typed(&self) -> impl Iterator<Item = &Tool> {
        self.0.exports.functions.iter().map(|(function, _)| function)
    }

    /// One of them, and where it is.
    pub(crate) fn typed_function(
        &self,
        kind: PluginKind,
        id: &str,
    ) -> Option<(&Tool, &ComponentExportIndex)> {
        let functions = self.0.exports.functions.iter();
        let mut found = functions.filter(|(function, _)| function.kind() == kind);
        found.find(|(function, _)| function.id() == id).map(|(function, index)| (function, index))
    }

    /// Whether it imports nothing: it cannot see or change anything but its arguments.
    pub(crate) fn is_closed(&self) -> bool {
        self.0.closed
    }

    /// Whether it asks for the configuration that a flow gives to it.
    pub(crate) fn is_configured(&self) -> bool {
        self.0.configured
    }
}

impl fmt::Debug for Plugin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Plugin({})", self.0.digest)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::Ordering;

    use super::*;
    use crate::compiler::tests::Counting;
    use crate::engine::Allocation;

    #[tokio::test]
    async fn a_component_is_shared_while_a_plugin_of_it_lives() {
        let text = r#"(component
            (core module $m (func (export "f")))
            (core instance $i (instantiate $m))
            (func $f (canon lift (core func $i "f")))
            (instance $node (export "describe" (func $f)) (export "run" (func $f)))
            (export "cleargate:node/node@0.1.0" (instance $node)))"#;
        let bytes: Arc<[u8]> = wat::parse_str(text).unwrap().into();
        let counting = Arc::new(Counting::default());
        let compiler: Arc<dyn Compiler> = counting.clone();
        let config = RuntimeConfig { compiler: Some(compiler), ..RuntimeConfig::default() };
        let engine = Engine::with_allocation(Allocation::OnDemand).unwrap();
        let runtime = Runtime::with_engine(engine, config).unwrap();
        let compiled = || counting.0.load(Ordering::Relaxed);
        let first = runtime.load(bytes.clone(), &Grants::default()).await.unwrap();
        // The one that lives is the latest: the first may go before it.
        let second = runtime.load_to_describe(bytes.clone()).await.unwrap();
        drop(first);
        let third = runtime.load(bytes.clone(), &Grants::default()).await.unwrap();
        assert_eq!((compiled(), runtime.inner.living.lock().unwrap().len()), (1, 1));
        drop((second, third));
        runtime.load(bytes, &Grants::default()).await.unwrap();
        assert_eq!(compiled(), 2, "nothing is kept for nobody");
    }
}
