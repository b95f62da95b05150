//! Plugins as an operator sees them: published, installed, inspected, granted, removed.
//!
//! What a plugin is comes from its bytes, what it may do from the grants file. Nothing of it runs here but its
//! description, which is asked for before it is published (`release`).

mod foreign;
mod inspection;
mod install;
mod release;
mod update;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use cleargate_flow::limits::Limits;
use cleargate_flow::signature::PluginKind;
use cleargate_registry::component::{WASI, WASI_VERSIONS};
use cleargate_registry::installed::{Entry, Installed};
use cleargate_registry::resolve::{HostApis, Request, ResolveError, resolve};
use cleargate_registry::source::PublishError;
use cleargate_registry::{Component, Dir, Manifest, PackageName, PackageRef, Source, Version};
use cleargate_runtime::RuntimeConfig;
use cleargate_runtime::inspect::MAX_COMPONENT;
use serde::Serialize;

use crate::config::Config;
use crate::error::{Error, Kind, Result};
use crate::grants::{GrantFile, Granted};
use crate::ring::SecondRing;

pub use foreign::{ToolRow, Wrapping, wrap};
pub use inspection::{Inspection, Requested};
pub(crate) use install::path_source;
pub use install::{Approval, Difference, InstallOptions, Installation, Moved};
pub(crate) use update::Versions;
pub use update::{Relocked, Update, UpdateState, Updates, Waiting};

/// Label of the own registry in lock files.
pub(crate) const OWN_REGISTRY: &str = "dir:registry";

/// The plugins of a home folder.
#[derive(Debug)]
pub struct Plugins {
    pub(crate) registry: Dir,
    pub(crate) installed: Installed,
    grants: PathBuf,
    home: PathBuf,
    /// The working folder, whose lock an update moves.
    folder: PathBuf,
    runtime: RuntimeConfig,
    pub(crate) ring: SecondRing,
    operator: Limits,
}

/// What publishing did.
#[derive(Clone, Debug, Serialize)]
pub struct Published {
    /// `namespace:name`.
    pub plugin: String,
    /// The version.
    pub version: String,
    /// `sha256:…` of the component.
    pub digest: String,
    /// False when the same bytes were there already.
    pub new: bool,
}

/// A plugin in a list.
#[derive(Clone, Debug, Serialize)]
pub struct PluginRow {
    /// `namespace:name`.
    pub plugin: String,
    /// The version.
    pub version: String,
    /// What it exports.
    pub kinds: Vec<String>,
    /// Bytes of the component.
    pub size: u64,
    /// `sha256:…` of the component.
    pub digest: String,
    /// Where it came from.
    pub source: String,
    /// What it asks for and nobody granted.
    pub missing: Vec<String>,
    /// A newer version of its series that asks for more and waits for approval; this one goes on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub waiting: Option<String>,
    /// Why it cannot be used, when its bytes are not what was installed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub damage: Option<String>,
}

/// What one plugin was granted.
#[derive(Clone, Debug, Serialize)]
pub struct GrantRow {
    /// `namespace:name`, or `built-in` for the node types of this program.
    pub plugin: String,
    /// Version that it was granted to.
    pub version: String,
    /// `sha256:…` of the component that it was granted to.
    pub digest: String,
    /// In the words of a grant: `http api.example.org`.
    pub allow: Vec<String>,
    /// Whether that component is installed.
    pub installed: bool,
}

impl Plugins {
    /// The plugins of a home folder.
    ///
    /// # Errors
    /// The registry was written by a newer version, or cannot be read.
    pub fn open(config: &Config) -> Result<Self> {
        let registry = Dir::open(config.own_registry(), OWN_REGISTRY).map_err(resolution)?;
        Ok(Self {
            registry,
            installed: Installed::open(config.plugins()),
            grants: config.grants(),
            home: config.home.clone(),
            folder: config.folder.clone(),
            runtime: config.runtime(Some(config.cache())),
            ring: SecondRing::new(config),
            operator: config.limits,
        })
    }

    /// Publishes a component to the own registry. The same bytes again change nothing.
    ///
    /// # Errors
    /// The component has no manifest, or disagrees with it; other bytes have this version already; or it
    /// changed more since the release before than its version says.
    pub async fn publish(&self, bytes: &[u8]) -> Result<Published> {
        let (component, manifest) = read(bytes)?;
        let (name, version) = (&manifest.plugin.name, &manifest.plugin.version);
        let history = self.registry.history(name).map_err(resolution)?.unwrap_or_default();
        let mut there = history.find(version).map(|release| release.wasm);
        if there.is_none() {
            self.check_version(bytes, &history).await?;
            match self.registry.publish(bytes, jiff::Timestamp::now()) {
                // Somebody published it while it was checked.
                Err(PublishError::Exists { .. }) => {
                    let history = self.registry.history(name).map_err(resolution)?;
                    there = history.and_then(|h| h.find(version).map(|release| release.wasm));
                }
                other => drop(other.map_err(|e| publish(&e))?),
            }
        }
        if there.is_some_and(|digest| digest != component.digest) {
            let (package, version) = (name.clone(), version.clone());
            return Err(publish(&PublishError::Exists { package, version }));
        }
        Ok(Published {
            plugin: name.to_string(),
            version: version.to_string(),
            digest: component.digest.to_string(),
            new: there.is_none(),
        })
    }

    /// Every installed plugin, by name and version.
    ///
    /// # Errors
    /// The folder cannot be read or an entry is damaged. A component that is damaged is a row that says so.
    pub fn list(&self) -> Result<Vec<PluginRow>> {
        let grants = GrantFile::read(&self.grants)?;
        let entries = self.installed.list().map_err(resolution)?;
        let newest = |entry: &Entry| {
            let same = |other: &Entry| other.name == entry.name && other.source == entry.source;
            let lane = entry.version.lane();
            let mut series = entries.iter().filter(|e| same(e) && e.version.lane() == lane);
            series.all(|other| other.version <= entry.version)
        };
        let row = |entry: &Entry| {
            let mut row = self.row(&grants, entry.clone());
            let ready = row.missing.is_empty() && row.damage.is_none();
            if ready && entry.source == OWN_REGISTRY && newest(entry) {
                row.waiting = self.waiting_above(&grants, entry)?;
            }
            Ok(row)
        };
        entries.iter().map(row).collect()
    }

    /// A version of the same series that waits for approval while this one goes on.
    fn waiting_above(&self, grants: &GrantFile, entry: &Entry) -> Result<Option<String>> {
        let Some(history) = self.registry.history(&entry.name).map_err(resolution)? else {
            return Ok(None);
        };
        let allowed = grants.allowed(&entry.name.to_string(), &entry.digest.to_string());
        let series = |version: &Version| version.lane() == entry.version.lane();
        let of = (&entry.name, &entry.version);
        let newer = self.waits(grants, &history, of, &allowed, &series);
        Ok(newer.map(|version| version.to_string()))
    }

    fn row(&self, grants: &GrantFile, entry: Entry) -> PluginRow {
        let allowed = grants.allowed(&entry.name.to_string(), &entry.digest.to_string());
        let bytes = self.installed.read(&entry.digest).map_err(resolution);
        let (missing, damage) = match bytes.and_then(|bytes| read(&bytes)) {
            Ok((_, manifest)) => (allowed.unanswered(&manifest.permissions).lines(), None),
            Err(error) => (Vec::new(), Some(error.causes.join(": "))),
        };
        PluginRow {
            plugin: entry.name.to_string(),
            version: entry.version.to_string(),
            kinds: entry.kinds.iter().map(|k| k.as_str().into()).collect(),
            size: entry.size,
            digest: entry.digest.to_string(),
            source: entry.source,
            missing,
            waiting: None,
            damage,
        }
    }

    /// What an installed or published plugin, or the component at a path, is and asks for.
    ///
    /// # Errors
    /// There is no such plugin, or the file is no component.
    pub fn inspect(&self, plugin: &str) -> Result<Inspection> {
        let path = Path::new(plugin);
        let named = plugin.ends_with(".wasm") || plugin.starts_with('.') || plugin.starts_with('/');
        // A package has `:` in its name: what is there under any other is meant.
        if named || (!plugin.contains(':') && !plugin.is_empty() && path.exists()) {
            return self.inspect_file(path, &read_component(path)?).map_err(|e| at(path, e));
        }
        let reference = self.reference(plugin)?;
        if let PackageRef::Registry { name, requirement } = &reference
            && let Some(entry) = self.installed.find(name, requirement).map_err(resolution)?
        {
            return self.inspection(&self.installed.read(&entry.digest).map_err(resolution)?);
        }
        self.inspection(&self.fetch(&reference)?)
    }

    /// Removes the installed versions of a plugin that a reference means (all, without a requirement), and
    /// their grants; says how many there were.
    ///
    /// # Errors
    /// The name is no package name, or the files cannot be removed.
    pub fn remove(&self, plugin: &str) -> Result<usize> {
        let PackageRef::Registry { name, requirement } = self.reference(plugin)? else {
            let message = format!("`{plugin}` is a file, and nothing that is installed");
            return Err(Error::new(Kind::Invalid, message).with_help("cleargate plugin list"));
        };
        let entries = self.installed.list().map_err(resolution)?;
        let mut digests = Vec::new();
        // `*` alone would spare pre-releases.
        let all = !plugin.contains('@');
        let meant =
            |e: &&Entry| e.name == name && (all || requirement.matches(e.version.as_semver()));
        for entry in entries.iter().filter(meant) {
            if self.installed.remove(&entry.digest).map_err(resolution)? {
                digests.push(entry.digest.to_string());
            }
        }
        GrantFile::revoke(&self.grants, &name.to_string(), &digests)?;
        Ok(digests.len())
    }

    /// Removes the one installed component with this digest, and its grants; says whether it was there.
    ///
    /// # Errors
    /// The files cannot be removed.
    pub fn discard(&self, digest: &str) -> Result<bool> {
        let entries = self.installed.list().map_err(resolution)?;
        let Some(entry) = entries.into_iter().find(|e| e.digest.to_string() == digest) else {
            return Ok(false);
        };
        GrantFile::revoke(&self.grants, &entry.name.to_string(), &[digest.to_owned()])?;
        self.installed.remove(&entry.digest).map_err(resolution)
    }

    /// Everything that was granted, in the order of the file.
    ///
    /// # Errors
    /// The file of grants cannot be used.
    pub fn grants(&self) -> Result<Vec<GrantRow>> {
        let file = GrantFile::read(&self.grants)?;
        let installed = self.installed.list().map_err(resolution)?;
        let row = |granted: &Granted| GrantRow {
            plugin: granted.plugin.clone(),
            version: granted.version.clone(),
            digest: granted.digest.clone(),
            allow: granted.allow.lines(),
            installed: installed.iter().any(|entry| entry.digest.to_string() == granted.digest),
        };
        Ok(file.entries().iter().map(row).collect())
    }

    /// Takes back what was granted to a plugin, or to the versions that a requirement names; returns it. The plugin
    /// stays installed, and what it is refused from then on names what would grant it.
    ///
    /// # Errors
    /// Nothing was granted to it, or the file of grants cannot be used.
    pub fn revoke(&self, plugin: &str) -> Result<Vec<GrantRow>> {
        let (name, wanted) = plugin.split_once('@').unwrap_or((plugin, ""));
        let meant = |row: &GrantRow| {
            let version = row.version.parse::<Version>().ok();
            let fits = |text: &str| match self.reference(&format!("{name}@{text}")) {
                Ok(PackageRef::Registry { requirement, .. }) => {
                    version.is_some_and(|version| requirement.matches(version.as_semver()))
                }
                _ => false,
            };
            row.plugin == name && (wanted.is_empty() || fits(wanted))
        };
        let rows: Vec<GrantRow> = self.grants()?.into_iter().filter(meant).collect();
        if rows.is_empty() {
            return Err(Error::new(Kind::Invalid, format!("nothing is granted to `{plugin}`"))
                .with_help("cleargate grant list"));
        }
        let digests: Vec<String> = rows.iter().map(|row| row.digest.clone()).collect();
        GrantFile::revoke(&self.grants, name, &digests)?;
        Ok(rows)
    }

    /// A reference as typed. A name without its namespace gets the one that is there.
    fn reference(&self, text: &str) -> Result<PackageRef> {
        text.parse().map_err(|e: cleargate_registry::name::NameError| {
            let mut error = Error::new(Kind::Invalid, e.to_string());
            let known = self.registry.packages().unwrap_or_default();
            let name = text.split('@').next().unwrap_or_default();
            error.help.extend(
                known.iter().filter(|p| p.name() == name).map(|p| format!("did you mean `{p}`?")),
            );
            error
        })
    }

    /// Bytes of what a reference names, from the own registry or a path.
    fn fetch(&self, reference: &PackageRef) -> Result<Vec<u8>> {
        match reference {
            PackageRef::Path(path) => {
                let path = Path::new(path);
                let bytes = read_component(path)?;
                read(&bytes).map_err(|e| at(path, e))?;
                Ok(bytes)
            }
            PackageRef::Registry { name, requirement } => {
                let roots = [(name.clone(), requirement.clone())];
                let request =
                    Request { roots: &roots, host: &host_apis(), locked: &BTreeMap::new() };
                let found = resolve(&self.registry, request);
                let found =
                    found.map_err(|e| self.conflict(&e, roots.iter().map(|(name, _)| name)))?;
                let (_, _, version) = &found.roots[0];
                let release = &found.packages[&(name.clone(), version.clone())].release;
                self.registry.fetch(name, release).map_err(resolution)
            }
        }
    }
}

/// What this version serves to plugins.
pub(crate) fn host_apis() -> HostApis {
    let kinds = PluginKind::ALL.map(PluginKind::as_str);
    ["types", "host"]
        .into_iter()
        .chain(kinds)
        .map(|name| {
            let package = format!("cleargate:{name}").parse().expect("the name is constant");
            let version = cleargate_runtime::SERVED.parse().expect("the version is constant");
            (package, [version].into())
        })
        .chain(WASI.iter().map(|name| {
            let package = format!("wasi:{name}").parse().expect("the name is constant");
            let versions =
                WASI_VERSIONS.iter().map(|v| v.parse().expect("the version is constant"));
            (package, versions.collect())
        }))
        .collect()
}

/// A component with the manifest that it carries.
pub(crate) fn read(bytes: &[u8]) -> Result<(Component, Manifest)> {
    let component = Component::read(bytes)
        .map_err(|e| Error::new(Kind::Invalid, "this is no plugin".to_owned()).caused_by(&e))?;
    let manifest = component.manifest.clone().ok_or_else(|| {
        Error::new(Kind::Invalid, "the component carries no manifest").with_help(
            "build it with `cleargate plugin build`, or name it: \
                 cleargate plugin wrap FILE --name namespace:name --version 1.0.0",
        )
    })?;
    Ok((component, manifest))
}

fn read_component(path: &Path) -> Result<Vec<u8>> {
    crate::source::read_bounded(path, MAX_COMPONENT as u64)
}

/// The error with the file that it is about.
fn at(path: &Path, mut error: Error) -> Error {
    error.message = format!("{}: {}", path.display(), error.message);
    error
}

pub(crate) fn resolution(error: impl std::error::Error) -> Error {
    Error::new(Kind::Resolution, "the plugin cannot be used").caused_by(&error)
}

impl Plugins {
    /// Why packages cannot be resolved, and how all that are absent come here: not one after the other.
    pub(crate) fn conflict<'p>(
        &self,
        error: &ResolveError,
        wanted: impl Iterator<Item = &'p PackageName>,
    ) -> Error {
        let ResolveError::Conflict(conflict) = error else { return resolution(error) };
        let roots: Vec<String> = conflict.roots.iter().map(ToString::to_string).collect();
        let mut help = conflict.help.clone();
        if help.is_empty() {
            let here = self.registry.packages().unwrap_or_default();
            help = bring(&wanted.filter(|name| !here.contains(name)).collect::<Vec<_>>());
        }
        Error {
            kind: Kind::Resolution,
            message: format!("no version of {} fits", roots.join(" and ")),
            causes: conflict.facts.clone(),
            help,
        }
    }
}

/// The commands that bring packages which are in no registry: ours lie in the sources of ClearGate.
fn bring(absent: &[&PackageName]) -> Vec<String> {
    let (ours, others): (Vec<&PackageName>, Vec<_>) =
        absent.iter().copied().partition(|name| name.namespace() == "cleargate");
    let folders: Vec<String> = ours.iter().map(|name| format!("plugins/{}", name.name())).collect();
    let ours = (!folders.is_empty()).then(|| {
        format!("in the sources of ClearGate: cleargate plugin publish {}", folders.join(" "))
    });
    let others = others.into_iter().map(|name| {
        format!("in the folder with the `plugin.toml` of {name}: cleargate plugin publish .")
    });
    ours.into_iter().chain(others).collect()
}

fn publish(error: &PublishError) -> Error {
    let kind = match error {
        PublishError::Source(_) | PublishError::Index { .. } | PublishError::Exists { .. } => {
            Kind::Resolution
        }
        _ => Kind::Invalid,
    };
    Error::new(kind, "the plugin cannot be published").caused_by(error)
}
