//! The aliases of a flow's `use:`, turned into components and flows: locked, installed, verified, loaded.
//!
//! A run resolves only from the lock. A flow without a lock gets one, from the own registry; `--locked` refuses
//! instead. Bytes are verified by digest each time they are read.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use cleargate_executor::limits::MAX_DEPTH;
use cleargate_flow::check::{canary_of_alias, canary_of_trigger};
use cleargate_flow::document;
use cleargate_flow::grant::{Grants, Service};
use cleargate_flow::signature::PluginKind;
use cleargate_registry::durable;
use cleargate_registry::lock::{Lock, Locked};
use cleargate_registry::resolve::{Request, Root, resolve};
use cleargate_registry::source::SourceError;
use cleargate_registry::{Manifest, PackageRef, Source};
use cleargate_runtime::describe::Described;
use cleargate_runtime::inspect::MAX_COMPONENT;
use cleargate_runtime::{LoadError, Plugin, Runtime};
use serde::{Deserialize, Serialize};

use crate::error::{Error, Kind, Result};
use crate::flows::Pinned;
use crate::grants::GrantFile;
use crate::plan::PluginPlan;
use crate::plugins::{OWN_REGISTRY, Plugins, Versions, host_apis, path_source, read, resolution};
use crate::programs::{Linked, interpreters};
use crate::source::{FlowSource, read_bounded};

/// Flows that one flow may use, those inside those included: each is read, checked and stored with it.
const MAX_FLOWS: usize = 64;

/// Guards the changes of lock files, beside those of the bundled flows. No flow has such an id.
const GUARD: &str = ".guard";

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

/// The aliases of a flow as written, those of its canaries and of the interpreters of its programs among them. What is not even a list of aliases is the
/// checker's to report.
pub(crate) fn aliases(text: &str) -> BTreeMap<String, String> {
    let (Some(root), _) = document::read(text) else { return BTreeMap::new() };
    let entries = |key: &str| root.get(key).map(|entry| entry.value.entries()).unwrap_or_default();
    let version = |node: &document::Node, key: &str| node.get(key)?.value.as_text();
    let mut found = BTreeMap::new();
    for alias in entries("use") {
        let reference = alias.value.as_text().or_else(|| version(&alias.value, "version"));
        found.extend(reference.map(|reference| (alias.key.to_string(), reference)));
        let canary = alias.value.get("canary").and_then(|canary| version(&canary.value, "version"));
        found.extend(canary.map(|canary| (canary_of_alias(&alias.key), canary)));
    }
    for trigger in entries("triggers") {
        let canary = trigger.value.get("canary");
        let canary = canary.and_then(|canary| version(&canary.value, "version"));
        found.extend(canary.map(|canary| (canary_of_trigger(&trigger.key), canary)));
    }
    let programs = interpreters(text).into_iter();
    found.extend(programs.map(|(alias, (language, _))| (alias, language.reference())));
    found
}

/// What a flow and the flows inside it name under `use:`, before anything is resolved.
struct Wanted {
    source: FlowSource,
    plugins: BTreeMap<String, PackageRef>,
    flows: BTreeMap<String, Wanted>,
    /// Aliases that name no package and no flow that can be read, with why.
    broken: BTreeMap<String, String>,
}

impl Wanted {
    /// Reads a flow and all flows that it uses. `above` are the names of those around it; `left` is how many more may
    /// be read.
    fn read(source: FlowSource, above: &[String], left: &mut usize) -> Self {
        let mut wanted = Self {
            plugins: BTreeMap::new(),
            flows: BTreeMap::new(),
            broken: BTreeMap::new(),
            source,
        };
        let chain = [above, std::slice::from_ref(&wanted.source.name)].concat();
        for (alias, text) in aliases(&wanted.source.text) {
            if alias.contains('@') && !is_flow(&text) {
                wanted.broken.insert(alias, format!("`{text}` is no file of a flow"));
                continue;
            }
            if is_flow(&text) {
                match wanted.inner(&text, &chain, left) {
                    Ok(flow) => drop(wanted.flows.insert(alias, flow)),
                    Err(error) => drop(wanted.broken.insert(alias, error.to_string())),
                }
                continue;
            }
            match text.parse() {
                Ok(PackageRef::Path(path)) => {
                    let path = PackageRef::Path(wanted.source.seen_from_root(&path));
                    wanted.plugins.insert(alias, path);
                }
                Ok(reference) => drop(wanted.plugins.insert(alias, reference)),
                Err(error) => {
                    let error: cleargate_registry::name::NameError = error;
                    wanted.broken.insert(alias, error.to_string());
                }
            }
        }
        wanted
    }

    fn inner(&self, text: &str, chain: &[String], left: &mut usize) -> Result<Self> {
        let source = self.source.used(text)?;
        if chain.contains(&source.name) {
            let chain = format!("{} → {}", chain.join(" → "), source.name);
            return Err(Error::new(Kind::Invalid, format!("these flows use each other: {chain}")));
        }
        if chain.len() > MAX_DEPTH || *left == 0 {
            let why = format!(
                "flows may be nested {MAX_DEPTH} levels deep, and a flow may use {MAX_FLOWS} in all"
            );
            return Err(Error::new(Kind::Invalid, why));
        }
        *left -= 1;
        Ok(Self::read(source, chain, left))
    }

    fn references(&self, into: &mut Vec<PackageRef>) {
        into.extend(self.plugins.values().cloned());
        self.flows.values().for_each(|flow| flow.references(into));
    }

    fn pinned(self, pins: &BTreeMap<String, Pin>) -> Pinned {
        let Self { source, plugins, flows, broken } = self;
        let plugins = plugins.into_iter();
        Pinned {
            source,
            plugins: plugins.map(|(alias, of)| (alias, pins[&of.to_string()].clone())).collect(),
            flows: flows.into_iter().map(|(alias, flow)| (alias, flow.pinned(pins))).collect(),
            broken,
        }
    }
}

/// Whether an entry of `use:` names a flow.
fn is_flow(text: &str) -> bool {
    text.ends_with(".yaml") || text.ends_with(".yml")
}

/// The component that was swapped in for what a reference means.
fn stands_in(reference: &PackageRef, swapped: &BTreeMap<String, Pin>) -> Option<Pin> {
    let PackageRef::Registry { name, requirement } = reference else { return None };
    let pin = swapped.get(&name.to_string())?;
    let version: cleargate_registry::Version = pin.version.parse().ok()?;
    requirement.matches(version.as_semver()).then(|| pin.clone())
}

/// Held while lock files are changed.
pub(crate) fn guarded(home: &Path) -> Result<File> {
    let guard = home.join("locks").join(GUARD);
    durable::lock(&guard).map_err(|e| {
        let why = format!("{} cannot be written", guard.display());
        Error::new(Kind::Store, why).caused_by(&e)
    })
}

impl Plugins {
    /// Decides which bytes each alias means, in the flow and in those that it uses, and keeps the lock as `locking`
    /// says: one lock, beside the outermost flow.
    ///
    /// What `swapped` holds takes the place of its package wherever it meets the requirement, and is not locked.
    pub(crate) fn pin(
        &self,
        source: FlowSource,
        home: &Path,
        locking: Locking,
        swapped: &BTreeMap<String, Pin>,
    ) -> Result<Pinned> {
        let path = source.lock_path(home);
        let folder = source.folder.clone();
        let mut left = MAX_FLOWS;
        let wanted = Wanted::read(source, &[], &mut left);
        let mut references = Vec::new();
        wanted.references(&mut references);
        let mut pins = BTreeMap::new();
        references.retain(|reference| match stands_in(reference, swapped) {
            Some(pin) => pins.insert(reference.to_string(), pin).is_some_and(|_| false),
            None => true,
        });
        if references.is_empty() {
            return Ok(wanted.pinned(&pins));
        }
        let old = Lock::read(&path).map_err(resolution)?.unwrap_or_default();
        let folder = folder.as_deref().unwrap_or(Path::new("."));
        let mut lock = self.locked(&references, folder, &old, locking == Locking::Refuse)?;
        if lock != old && locking == Locking::Write {
            // Of two processes that add to a file at once, the later one keeps what the earlier one wrote.
            let _one_at_a_time = guarded(home)?;
            let old = Lock::read(&path).map_err(resolution)?.unwrap_or_default();
            lock = self.locked(&references, folder, &old, false)?;
            lock.write(&path).map_err(resolution)?;
        }
        for reference in references {
            let locked = lock.find(&reference).expect("the lock was made for these references");
            let pin = Pin {
                package: locked.name.to_string(),
                version: locked.version.to_string(),
                digest: locked.wasm,
            };
            self.ensure_installed(locked)?;
            // What a file holds is known only now.
            let file = matches!(reference, PackageRef::Path(_));
            let pin = swapped.get(&pin.package).filter(|_| file).cloned().unwrap_or(pin);
            pins.insert(reference.to_string(), pin);
        }
        Ok(wanted.pinned(&pins))
    }

    /// The bytes that one reference means, outside of any flow: the newest version that fits, and is installed or can be.
    pub(crate) fn pin_of(&self, text: &str, folder: &Path) -> Result<Pin> {
        let reference: PackageRef =
            text.parse().map_err(|e: cleargate_registry::name::NameError| {
                Error::new(Kind::Invalid, format!("`{text}` is no plugin"))
                    .caused_by(&e)
                    .with_help("write namespace:name@2, or the path of a `.wasm` file")
            })?;
        let references = [reference];
        let lock = self.locked(&references, folder, &Lock::default(), false)?;
        let locked = lock.find(&references[0]).expect("the lock was made for this reference");
        self.ensure_installed(locked)?;
        Ok(Pin {
            package: locked.name.to_string(),
            version: locked.version.to_string(),
            digest: locked.wasm,
        })
    }

    /// The lock for these references: the old one when it covers them, a new one when that is allowed.
    fn locked(
        &self,
        references: &[PackageRef],
        folder: &Path,
        old: &Lock,
        refuse: bool,
    ) -> Result<Lock> {
        let mut roots: Vec<Root> = Vec::new();
        let mut paths: Vec<Locked> = Vec::new();
        for reference in references {
            match reference {
                PackageRef::Registry { name, requirement } => {
                    roots.push((name.clone(), requirement.clone()));
                }
                PackageRef::Path(path) => paths.push(self.of_path(path, folder)?),
            }
        }
        match old.covers(&roots, &paths) {
            Ok(()) => return Ok(old.clone()),
            Err(differs) if refuse => {
                let why = differs.to_string();
                return Err(
                    Error::new(Kind::Resolution, why).with_help("run once without --locked")
                );
            }
            Err(_) => {}
        }
        let preferred = self.preferred(&roots, old)?;
        let request = Request { roots: &roots, host: &host_apis(), locked: &preferred };
        let names = roots.iter().map(|(name, _)| name);
        let resolved = resolve(&self.registry, request).map_err(|e| self.conflict(&e, names))?;
        Ok(Lock::new(&resolved, OWN_REGISTRY, paths).keeping(old))
    }

    /// What is locked is kept. What is not is approved rather than new.
    fn preferred(&self, roots: &[Root], old: &Lock) -> Result<Versions> {
        let mut preferred = old.preferred();
        for (name, approved) in self.held()? {
            let locked = preferred.entry(name.clone()).or_default();
            let open = roots.iter().filter(|(root, _)| *root == name).map(|(_, wanted)| wanted);
            let open: Vec<_> = open
                .filter(|wanted| !locked.iter().any(|v| wanted.matches(v.as_semver())))
                .collect();
            match locked.is_empty() {
                true => locked.extend(approved),
                false => locked.extend(
                    approved.into_iter().filter(|v| open.iter().any(|w| w.matches(v.as_semver()))),
                ),
            }
        }
        Ok(preferred)
    }

    fn of_path(&self, path: &str, folder: &Path) -> Result<Locked> {
        let file = folder.join(path);
        let bytes = read_bounded(&file, MAX_COMPONENT as u64).map_err(|e| {
            Error::new(Kind::Resolution, format!("plugin {} cannot be read", file.display()))
                .caused_by(&e)
                .with_help("name the `.wasm` file that `cleargate plugin build` printed")
        })?;
        let (component, _) = read(&bytes)?;
        // What is there stays as it was installed: its entry says where from, and looking at a flow changes nothing.
        if self.installed.read(&component.digest).is_err() {
            self.installed.add(&bytes, &path_source(&file)).map_err(resolution)?;
        }
        Ok(Locked::of_path(path, &component).expect("the manifest was just read"))
    }

    /// The locked bytes are in the install store, or come there from the registry. What was revoked since is refused,
    /// installed or not.
    fn ensure_installed(&self, locked: &Locked) -> Result<()> {
        let by_path = locked.source.starts_with("path:");
        let history = match by_path {
            true => None,
            false => self.registry.history(&locked.name).map_err(resolution)?,
        };
        if let Some(reason) = history.as_ref().and_then(|h| h.revoked(&locked.version)) {
            let (package, version) = (locked.name.clone(), locked.version.clone());
            let reason = reason.to_owned();
            return Err(resolution(SourceError::Revoked { package, version, reason }));
        }
        match self.installed.read(&locked.wasm) {
            Ok(_) => return Ok(()),
            Err(cleargate_registry::installed::InstalledError::Absent(_)) => {}
            Err(error) => return Err(resolution(error)),
        }
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
        linked: Option<Linked>,
    ) -> Result<Used> {
        let bytes = self.installed.read(&pin.digest).map_err(|e| {
            let again = format!("cleargate plugin install {}@={}", pin.package, pin.version);
            let why = format!("{} {} cannot be loaded", pin.package, pin.version);
            Error::new(Kind::Resolution, why).caused_by(&e).with_help(again)
        })?;
        self.load_bytes(runtime, grants, alias, pin.clone(), &bytes, linked).await
    }

    /// The same for bytes that are not installed.
    pub(crate) async fn load_bytes(
        &self,
        runtime: &Runtime,
        grants: &GrantFile,
        alias: &str,
        pin: Pin,
        bytes: &[u8],
        linked: Option<Linked>,
    ) -> Result<Used> {
        let (component, manifest) = read(bytes)?;
        let allowed = match linked {
            Some(linked) => linked.grants(),
            None => grants.allowed(&pin.package, &pin.digest.to_string()),
        };
        let effective = Arc::new(allowed.effective(&asked(&manifest)));
        let bytes: Arc<[u8]> = bytes.into();
        let runtime = self.ring.runtime(runtime, &pin.package.to_string()).await?;
        let plugin = runtime.load_with_optional(bytes, &effective, &manifest.optional).await;
        let plugin = plugin.map_err(|e| load_error(&pin, &e))?;
        let described = plugin.describe().await.map_err(|e| {
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
    harmless.union(&manifest.asked())
}

fn load_error(pin: &Pin, error: &LoadError) -> Error {
    let kind = match error {
        LoadError::NotGranted { .. } => Kind::Denied,
        LoadError::TooMuch { .. } => Kind::Limit,
        LoadError::Compiler(_) => Kind::Bug,
        _ => Kind::Invalid,
    };
    let out = Error::new(kind, format!("{} {} cannot be loaded", pin.package, pin.version))
        .caused_by(error);
    match error {
        LoadError::NotGranted { .. } => out.with_help(format!(
            "cleargate plugin install {}@={} --grant",
            pin.package, pin.version
        )),
        LoadError::TooMuch { what, .. } => out.with_help(format!(
            "raise `{what}` of `[compile]` in cleargate.toml, if you trust its author that far"
        )),
        _ => out,
    }
}

#[cfg(test)]
mod tests {
    use cleargate_registry::index::{Event, Notice};
    use cleargate_registry::{Manifest, embed_manifest};

    use super::*;
    use crate::config::Config;

    fn plugin(name: &str) -> Vec<u8> {
        let component = wat::parse_str(
            r#"(component (component $empty) (instance $i (instantiate $empty))
                (export "cleargate:node/node@0.1.0" (instance $i)))"#,
        );
        let manifest =
            format!("[plugin]\nname = 'acme:{name}'\nversion = '1.0.0'\ndescription = 'x'");
        embed_manifest(&component.unwrap(), &Manifest::from_toml(&manifest).unwrap()).unwrap()
    }

    #[test]
    fn looking_at_a_flow_changes_nothing_of_what_is_installed() {
        let home = tempfile::tempdir().unwrap();
        let home = home.path();
        let plugins = Plugins::open(&Config::new(home, home)).unwrap();
        let bytes = plugin("x");
        std::fs::write(home.join("x.wasm"), &bytes).unwrap();
        std::fs::write(home.join("flow.yaml"), "use: { x: ./x.wasm }").unwrap();
        plugins.installed.add(&bytes, "dir:registry").unwrap();
        let source = FlowSource::find("flow.yaml", home).unwrap();
        plugins.pin(source, home, Locking::Look, &BTreeMap::new()).unwrap();
        assert_eq!(plugins.installed.list().unwrap()[0].source, "dir:registry");
        assert!(!home.join("cleargate.lock").exists());
    }

    #[test]
    fn flows_of_a_folder_that_are_locked_at_once_are_all_locked() {
        let home = tempfile::tempdir().unwrap();
        let home = home.path();
        let plugins = Plugins::open(&Config::new(home, home)).unwrap();
        const FLOWS: usize = 8;
        for n in 0..FLOWS {
            plugins
                .registry
                .publish(&plugin(&format!("p{n}")), jiff::Timestamp::UNIX_EPOCH)
                .unwrap();
            let text = format!("use: {{ x: 'acme:p{n}@^1' }}");
            std::fs::write(home.join(format!("{n}.yaml")), text).unwrap();
        }
        let barrier = std::sync::Barrier::new(FLOWS);
        std::thread::scope(|scope| {
            for n in 0..FLOWS {
                let (plugins, barrier) = (&plugins, &barrier);
                scope.spawn(move || {
                    let source = FlowSource::find(&format!("{n}.yaml"), home).unwrap();
                    barrier.wait();
                    plugins.pin(source, home, Locking::Write, &BTreeMap::new()).unwrap();
                });
            }
        });
        for n in 0..FLOWS {
            let source = FlowSource::find(&format!("{n}.yaml"), home).unwrap();
            plugins.pin(source, home, Locking::Refuse, &BTreeMap::new()).expect("it was locked");
        }
    }

    #[test]
    fn what_was_revoked_is_refused_though_it_is_locked_and_installed() {
        let home = tempfile::tempdir().unwrap();
        let home = home.path();
        let plugins = Plugins::open(&Config::new(home, home)).unwrap();
        let bytes = plugin("x");
        let (_, manifest) = read(&bytes).unwrap();
        let at = jiff::Timestamp::UNIX_EPOCH;
        plugins.registry.publish(&bytes, at).unwrap();
        std::fs::write(home.join("flow.yaml"), "use: { x: 'acme:x@^1' }").unwrap();
        let pin = || {
            let source = FlowSource::find("flow.yaml", home).unwrap();
            plugins.pin(source, home, Locking::Refuse, &BTreeMap::new())
        };
        let source = FlowSource::find("flow.yaml", home).unwrap();
        plugins.pin(source, home, Locking::Write, &BTreeMap::new()).unwrap();
        pin().expect("it is locked and installed");
        let notice = Notice {
            vers: Some("1.0.0".parse().unwrap()),
            reason: "it steals".into(),
            instead: None,
            id: None,
            at,
            by: "acme".into(),
        };
        // As a registry server writes it: a line that names the one before it.
        let path = home.join("registry/index/acme/x.jsonl");
        let history = plugins.registry.history(&manifest.plugin.name).unwrap().unwrap();
        let mut line = serde_json::to_value(Event::Revoke(notice)).unwrap();
        line["v"] = 1.into();
        line["prev"] = history.tip().unwrap().to_string().into();
        let line = cleargate_flow::Value::from_json(&line.to_string()).unwrap().to_canonical_json();
        let text = std::fs::read_to_string(&path).unwrap() + &line + "\n";
        std::fs::write(&path, text).unwrap();
        let refused = pin().map(|_| ()).unwrap_err();
        assert_eq!(refused.kind, Kind::Resolution);
        assert!(refused.to_string().contains("it steals"), "{refused}");
    }
}
