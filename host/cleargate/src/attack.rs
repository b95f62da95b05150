//! Attacks, for a program's own tests: a plugin under hostile inputs, and this host, as it is configured, under hostile
//! components.
//!
//! ```no_run
//! use cleargate::attack::{AttackOptions, attack_host, attack_plugin};
//!
//! # async fn test(config: cleargate::Config, bytes: Vec<u8>) -> Result<(), cleargate::Error> {
//! let report = attack_host(&config, &AttackOptions::default()).await?;
//! assert!(report.host_kept(), "{:#?}", report.promises);
//! let report = attack_plugin(&config, &bytes, &AttackOptions { seed: 1, calls: 100 }).await?;
//! assert!(report.faults.is_empty(), "{:#?}", report.faults);
//! # Ok(())
//! # }
//! ```

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use cleargate_flow::limits::Layer;
use cleargate_registry::Component;
use cleargate_runtime::compiler::{ChildProcess, CompileLimits, Compiler};
use cleargate_runtime::inspect::MAX_COMPONENT;
use cleargate_runtime::{Runtime, RuntimeConfig};

pub use cleargate_runtime::attack::{
    AttackOptions, Example, ExportReport, FaultKind, HostReport, PluginReport, Promise, Witness,
    Worst,
};

use crate::config::Config;
use crate::error::{Error, Kind, Result};

/// What a component that is hard to compile may take in an attack, whatever it may take otherwise: that it is stopped is
/// what is shown.
const COMPILE_TIME: Duration = Duration::from_secs(5);
const COMPILE_MEMORY: u64 = 256 * 1024 * 1024;

/// Drives each export of a plugin with hostile inputs, in hostile worlds, with tight limits. Any component will do; a
/// manifest in it gives its limits. It reaches nothing: whatever it imports is played.
///
/// # Errors
/// The bytes are no component that can be loaded. What the plugin does wrong is no error: it is in the report.
pub async fn attack_plugin(
    config: &Config,
    bytes: &[u8],
    options: &AttackOptions,
) -> Result<PluginReport> {
    run(config, bytes, &[], options).await
}

/// The same for what was built of the project in `folder`: its golden cases are the examples that hostile inputs are
/// made of.
///
/// # Errors
/// As [`attack_plugin`], and a file of cases that is none.
pub async fn attack_project(
    config: &Config,
    folder: &Path,
    bytes: &[u8],
    options: &AttackOptions,
) -> Result<PluginReport> {
    let (_, manifest) = crate::plugins::read(bytes)?;
    run(config, bytes, &crate::cases::examples(folder, &manifest)?, options).await
}

async fn run(
    config: &Config,
    bytes: &[u8],
    examples: &[Example],
    options: &AttackOptions,
) -> Result<PluginReport> {
    let component = Component::read(bytes)
        .map_err(|e| Error::new(Kind::Invalid, "this is no component").caused_by(&e))?;
    let mut layers = vec![(Layer::Operator, config.limits)];
    layers.extend(component.manifest.map(|manifest| (Layer::Manifest, manifest.limits)));
    let runtime = runtime(config.runtime(Some(config.cache())))?;
    let plugin = runtime
        .load_to_describe(bytes.into())
        .await
        .map_err(|e| Error::new(Kind::Invalid, "the component cannot be loaded").caused_by(&e))?;
    Ok(cleargate_runtime::attack::attack(&plugin, &layers, examples, options).await)
}

/// The same for a file.
///
/// # Errors
/// It cannot be read, and all of [`attack_plugin`].
pub async fn attack_file(
    config: &Config,
    file: &Path,
    options: &AttackOptions,
) -> Result<PluginReport> {
    let bytes = crate::source::read_bounded(file, MAX_COMPONENT as u64)?;
    attack_plugin(config, &bytes, options).await.map_err(|mut error| {
        error.message = format!("{}: {}", file.display(), error.message);
        error
    })
}

/// Drives this host, with the limits and the compiler of `config`, with components that were written to break it.
///
/// The figure that the system keeps of this process's peak of memory is set back on the way.
///
/// # Errors
/// There is no engine on this machine. A promise that is broken is no error: it is in the report.
pub async fn attack_host(config: &Config, options: &AttackOptions) -> Result<HostReport> {
    // Without the cache: hostile components are not kept.
    let runtime = runtime(config.runtime(None))?;
    let compiling = config.compiler.clone().map(|(program, arguments)| {
        let limits = CompileLimits {
            time: config.compile.time.min(COMPILE_TIME),
            memory: config.compile.memory.min(COMPILE_MEMORY),
            ..config.compile
        };
        let compiler: Arc<dyn Compiler> = Arc::new(ChildProcess { program, arguments, limits });
        let config = RuntimeConfig { compiler: Some(compiler), ..RuntimeConfig::default() };
        Runtime::with_engine(runtime.engine().clone(), config)
    });
    let compiling = compiling.transpose().map_err(|e| no_engine(&e))?;
    let layers = [(Layer::Operator, config.limits)];
    let report =
        cleargate_runtime::attack::attack_host(&runtime, compiling.as_ref(), &layers, options);
    Ok(report.await)
}

fn runtime(config: RuntimeConfig) -> Result<Runtime> {
    Runtime::new(config).map_err(|e| no_engine(&e))
}

fn no_engine(error: &dyn std::error::Error) -> Error {
    Error::new(Kind::Bug, "no engine").caused_by(error)
}
