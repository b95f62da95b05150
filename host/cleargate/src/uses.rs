//! The aliases of a flow's `use:`, turned into components: locked, installed, verified, loaded.
//!
//! A run resolves only from the lock. A flow without a lock gets one, from the own registry; `--locked` refuses
//! instead. Bytes are verified by digest each time they are read.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use cleargate_flow::document;
use cleargate_flow::grant::{Grants, Service};
use cleargate_flow::signature::PluginKind;
use cleargate_registry::lock::{Lock, Locked};
use cleargate_registry::resolve::{Request, Root, resolve};
use cleargate_registry::{Manifest, PackageRef, Source};
use cleargate_runtime::describe::Described;
use cleargate_runtime::{LoadError, Plugin, Runtime};
use serde::{Deserialize, Serialize};

use crate::error::{Error, Kind, Result};
use crate::grants::GrantFile;
use crate::plan::PluginPlan;
use crate::plugins::{OWN_REGISTRY, Plugins, conflict, host_apis, read, resolution};
use crate::source::FlowSource;

/// What to do when the lock file does not say everything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Locking {
    /// Resolve, and write what was resolved: a run.
    Write,
    /// Resolve, and leave the file alone: a check.
    Look,
    /// Fail: `--locked`.
    Refuse,
}

/// Which bytes an alias means: what a run is pinned to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Pin {
    /// `namespace:name`.
    pub package: String,
    /// Its version.
    pub version: String,
    /// `sha256:…`.
    pub digest: cleargate_registry::Digest,
}

/// A plugin behind an alias, ready to be called.
#[derive(Clone)]
pub(crate) struct Used {
    pub alias: String,
    pub pin: Pin,
    pub manifest: Manifest,
    pub kinds: Vec<String>,
    pub plugin: Plugin,
    pub described: Vec<Described>,
    /// What it may do: granted, asked for, and harmless services.
    pub grants: Arc<Grants>,
}

impl Used {
    /// Whether the component plays this part.
    pub(crate) fn exports(&self, kind: PluginKind) -> bool {
        self.plugin.kinds().any(|k| k == kind)
    }

    /// The row of a plan.
    pub(crate) fn plan(&self, file: &GrantFile) -> PluginPlan {
        let mut plan = PluginPlan {
            alias: self.alias.clone(),
            package: self.pin.package.clone(),
            version: self.pin.version.clone(),
            digest: self.pin.digest.to_string(),
            kinds: self.kinds.clone(),
            requests: Vec::new(),
            granted: Vec::new(),
            missing: Vec::new(),
        };
        let allowed = file.allowed(&self.pin.package, &self.pin.digest.to_string());
        plan.grants(&self.manifest.permissions, &allowed);
        plan
    }
}

/// The aliases of a flow as written. What is not even a list of aliases is the checker's to report.
pub(crate) fn aliases(text: &str) -> BTreeMap<String, String> {
    let (Some(root), _) = document::read(text) else { return BTreeMap::new() };
    let Some(uses) = root.get("use") else { return BTreeMap::new() };
    let entries = uses.value.entries().iter();
    entries.filter_map(|e| Some((e.key.to_string(), e.value.as_text()?))).collect()
}

impl Plugins {
    /// Decides which bytes each alias means, and keeps the lock as `locking` says.
    pub(crate) fn pin(
        &self,
        source: &FlowSource,
        home: &Path,
        locking: Locking,
    ) -> Result<BTreeMap<String, Pin>> {
        let mut references = BTreeMap::new();
        for (alias, text) in aliases(&source.text) {
            let reference: PackageRef =
                text.parse().map_err(|e: cleargate_registry::name::NameError| {
                    Error::new(Kind::Invalid, format!("`{alias}` of `use:`: {e}"))
                })?;
            references.insert(alias, reference);
        }
        if references.is_empty() {
            return Ok(BTreeMap::new());
        }
        let path = source.lock_path(home);
        let old = Lock::read(&path).map_err(resolution)?.unwrap_or_default();
        let lock = self.locked(&references, source, &old, locking == Locking::Refuse)?;
        if lock != old && locking == Locking::Write {
            lock.write(&path).map_err(resolution)?;
        }
        let pin = |(alias, reference): (String, PackageRef)| {
            let locked = lock.find(&reference).expect("the lock was made for these references");
            let pin = Pin {
                package: locked.name.to_string(),
                version: locked.version.to_string(),
                digest: locked.wasm,
            };
            self.ensure_installed(locked)?;
            Ok((alias, pin))
        };
        references.into_iter().map(pin).collect()
    }

    /// The lock for these references: the old one when it covers them, a new one when that is allowed.
    fn locked(
        &self,
        references: &BTreeMap<String, PackageRef>,
        source: &FlowSource,
        old: &Lock,
        refuse: bool,
    ) -> Result<Lock> {
        let mut roots: Vec<Root> = Vec::new();
        let mut paths: Vec<Locked> = Vec::new();
        for reference in references.values() {
            match reference {
                PackageRef::Registry { name, requirement } => {
                    roots.push((name.clone(), requirement.clone()));
                }
                PackageRef::Path(path) => paths.push(self.of_path(path, source)?),
            }
        }
        let same_paths = paths.iter().all(|p| old.plugins().contains(p));
        if same_paths && old.covers(&roots).is_ok() {
            return Ok(old.clone());
        }
        if refuse {
            let out = old.covers(&roots).err().map(|e| e.to_string());
            let why = out.unwrap_or_else(|| "a plugin named by path has other bytes".into());
            return Err(Error::new(Kind::Resolution, why).with_help("run once without --locked"));
        }
        let preferred = old.preferred();
        let request = Request { roots: &roots, host: &host_apis(), locked: &preferred };
        let resolved = resolve(&self.registry, request).map_err(|e| conflict(&e))?;
        Ok(Lock::new(&resolved, OWN_REGISTRY, paths))
    }

    fn of_path(&self, path: &str, source: &FlowSource) -> Result<Locked> {
        let folder = source.folder.as_deref().unwrap_or(Path::new("."));
        let file = folder.join(path);
        let bytes = std::fs::read(&file).map_err(|e| {
            Error::new(Kind::Resolution, format!("plugin {} cannot be read", file.display()))
                .caused_by(&e)
                .with_help("name the `.wasm` file that `cleargate plugin build` printed")
        })?;
        let (component, _) = read(&bytes)?;
        let entry = self.installed.add(&bytes, &format!("path:{path}")).map_err(resolution)?;
        debug_assert_eq!(entry.digest, component.digest);
        Ok(Locked::of_path(path, &component).expect("the manifest was just read"))
    }

    /// The locked bytes are in the install store, or come there from the registry.
    fn ensure_installed(&self, locked: &Locked) -> Result<()> {
        match self.installed.read(&locked.wasm) {
            Ok(_) => return Ok(()),
            Err(cleargate_registry::installed::InstalledError::Absent(_)) => {}
            Err(error) => return Err(resolution(error)),
        }
        let history = self.registry.history(&locked.name).map_err(resolution)?;
        let release = history.as_ref().and_then(|h| h.find(&locked.version));
        let release = release.ok_or_else(|| {
            Error::new(Kind::Resolution, format!("{locked} is locked, but no registry has it"))
                .with_help("publish it again, or delete the lock file to resolve anew")
        })?;
        let bytes = self.registry.fetch(&locked.name, release).map_err(resolution)?;
        locked.verify(&bytes).map_err(resolution)?;
        self.installed.add(&bytes, OWN_REGISTRY).map_err(resolution)?;
        Ok(())
    }

    /// Loads the component behind an alias with what it was granted.
    pub(crate) async fn load(
        &self,
        runtime: &Runtime,
        grants: &GrantFile,
        alias: &str,
        pin: &Pin,
    ) -> Result<Used> {
        let bytes = self.installed.read(&pin.digest).map_err(resolution)?;
        self.load_bytes(runtime, grants, alias, pin.clone(), &bytes).await
    }

    /// The same for bytes that are not installed.
    pub(crate) async fn load_bytes(
        &self,
        runtime: &Runtime,
        grants: &GrantFile,
        alias: &str,
        pin: Pin,
        bytes: &[u8],
    ) -> Result<Used> {
        let (component, manifest) = read(bytes)?;
        let allowed = grants.allowed(&pin.package, &pin.digest.to_string());
        let effective = Arc::new(allowed.effective(&asked(&manifest)));
        let bytes: Arc<[u8]> = bytes.into();
        let plugin =
            runtime.load(bytes.clone(), &effective).await.map_err(|e| load_error(&pin, &e))?;
        let describing = runtime.load_to_describe(bytes).await.map_err(|e| load_error(&pin, &e))?;
        let described = describing.describe().await.map_err(|e| {
            Error::new(Kind::Invalid, format!("{} {} cannot be used", pin.package, pin.version))
                .caused_by(&e)
        })?;
        let kinds = component.kinds.iter().map(|k| k.as_str().into()).collect();
        Ok(Used { alias: alias.into(), pin, manifest, kinds, plugin, described, grants: effective })
    }
}

/// What a manifest asks for, with the services that need no asking.
fn asked(manifest: &Manifest) -> Grants {
    let harmless =
        Grants { services: Service::HARMLESS.into_iter().collect(), ..Grants::default() };
    harmless.union(&manifest.permissions)
}

fn load_error(pin: &Pin, error: &LoadError) -> Error {
    let kind = match error {
        LoadError::NotGranted { .. } => Kind::Denied,
        _ => Kind::Invalid,
    };
    let out = Error::new(kind, format!("{} {} cannot be loaded", pin.package, pin.version))
        .caused_by(error);
    match error {
        LoadError::NotGranted { .. } => out.with_help(format!(
            "cleargate plugin install {}@={} --grant",
            pin.package, pin.version
        )),
        _ => out,
    }
}
