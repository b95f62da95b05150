//! Newer versions of what is installed: which go through, which wait for the operator, and what flows run meanwhile.
//!
//! A flow never grants anything. Where a newer version asks for more than the operator approved, a flow without a
//! lock gets the approved one, and says so; its lock moves only when somebody asks for it here.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use cleargate_flow::grant::Grants;
use cleargate_registry::lock::{FILE_NAME, Lock, Locked};
use cleargate_registry::name::parse_requirement;
use cleargate_registry::resolve::{Request, Root, resolve};
use cleargate_registry::{History, PackageName, PackageRef, Release, Source, Version};
use serde::Serialize;

use super::install::{Difference, InstallOptions};
use super::{OWN_REGISTRY, Plugins, host_apis, resolution};
use crate::error::{Error, Kind, Result};
use crate::grants::GrantFile;
use crate::uses::{Pin, guarded};

/// Versions by package, as the resolver takes what it should prefer.
pub(crate) type Versions = BTreeMap<PackageName, BTreeSet<Version>>;

/// What an update did, or would do.
#[derive(Clone, Debug, Serialize)]
pub struct Updates {
    /// Each plugin that was looked at, one row for each series of compatible versions.
    pub plugins: Vec<Update>,
    /// Entries of lock files that moved.
    pub locks: Vec<Relocked>,
}

/// One plugin in one series of compatible versions.
#[derive(Clone, Debug, Serialize)]
pub struct Update {
    /// `namespace:name`.
    pub plugin: String,
    /// The version that was there: the approved one, when there is one.
    pub from: String,
    /// The newest of its series.
    pub to: String,
    /// What became of it.
    pub state: UpdateState,
    /// What is other than in the approved version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub difference: Option<Difference>,
    /// The newest version of all, when it begins a series of its own: flows take it only when they ask for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub beyond: Option<String>,
}

/// What became of an update.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum UpdateState {
    /// There is nothing newer.
    Current,
    /// It is installed, with what it asks for granted.
    Updated,
    /// It would be.
    WouldUpdate,
    /// It asks for more than was approved; the version before goes on.
    Waits,
}

/// An entry of a lock file that moved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Relocked {
    /// The lock file.
    pub file: PathBuf,
    /// `namespace:name`.
    pub plugin: String,
    /// The version that flows of this lock ran.
    pub from: String,
    /// The version that they run from now on.
    pub to: String,
}

/// A newer version that a flow would take if it were approved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Waiting {
    /// The name that the flow gives the plugin.
    pub alias: String,
    /// `namespace:name`.
    pub plugin: String,
    /// The version that runs.
    pub version: String,
    /// The version that waits for approval.
    pub newer: String,
}

impl Plugins {
    /// Brings installed plugins to the newest version of their series, and the entries of lock files with them: those
    /// of the working folder and of the bundled flows. `names` are packages; none means all.
    ///
    /// A version that asks for the same or less goes through. One that asks for more than was approved waits, unless
    /// `options` approve it: it is not installed, and no lock moves to it.
    ///
    /// # Errors
    /// A name is neither installed nor locked, or a registry, a lock or the file of grants cannot be used.
    pub fn update(&self, names: &[String], options: &InstallOptions) -> Result<Updates> {
        let known = self.known()?;
        let wanted = self.wanted(names, &known)?;
        let mut plugins = Vec::new();
        for name in &wanted {
            let Some(history) = self.registry.history(name).map_err(resolution)? else { continue };
            let mut series: BTreeMap<_, &Version> = BTreeMap::new();
            for version in &known[name] {
                series.insert(version.lane(), version);
            }
            for version in series.into_values() {
                plugins.extend(self.update_series(name, version, &history, options)?);
            }
        }
        let mut locks = Vec::new();
        if !options.dry_run {
            for path in self.lock_files() {
                locks.extend(self.relock(&path, &wanted)?);
            }
        }
        Ok(Updates { plugins, locks })
    }

    /// Which packages an update means.
    fn wanted(&self, names: &[String], known: &Versions) -> Result<BTreeSet<PackageName>> {
        if names.is_empty() {
            return Ok(known.keys().cloned().collect());
        }
        let one = |text: &String| {
            let name = match self.reference(text)? {
                PackageRef::Registry { name, .. } if !text.contains('@') => name,
                _ => {
                    let why = format!("`{text}` is no name of a plugin");
                    let help = "name it without a version; `cleargate plugin install` takes one";
                    return Err(Error::new(Kind::Invalid, why).with_help(help));
                }
            };
            match known.contains_key(&name) {
                true => Ok(name),
                false => Err(Error::new(Kind::Resolution, format!("{name} is not installed"))
                    .with_help(format!("cleargate plugin install {name}"))),
            }
        };
        names.iter().map(one).collect()
    }

    /// Packages from the own registry that are installed or locked, with their versions.
    fn known(&self) -> Result<Versions> {
        let mut known = Versions::new();
        let installed = self.installed.list().map_err(resolution)?.into_iter();
        for entry in installed.filter(|entry| entry.source == OWN_REGISTRY) {
            known.entry(entry.name).or_default().insert(entry.version);
        }
        for path in self.lock_files() {
            let lock = Lock::read(&path).map_err(resolution)?.unwrap_or_default();
            for (name, versions) in lock.preferred() {
                known.entry(name).or_default().extend(versions);
            }
        }
        Ok(known)
    }

    /// The lock of the working folder, and those of the bundled flows.
    fn lock_files(&self) -> Vec<PathBuf> {
        let bundled = fs::read_dir(self.home.join("locks")).into_iter().flatten().flatten();
        let bundled = bundled.map(|entry| entry.path());
        let mut files: Vec<PathBuf> =
            bundled.filter(|path| path.extension().is_some_and(|end| end == "lock")).collect();
        files.sort();
        files.insert(0, self.folder.join(FILE_NAME));
        files
    }

    fn update_series(
        &self,
        name: &PackageName,
        known: &Version,
        history: &History,
        options: &InstallOptions,
    ) -> Result<Option<Update>> {
        let newest = |fits: &dyn Fn(&Version) -> bool| {
            usable(history).filter(|r| fits(&r.vers)).max_by_key(|r| &r.vers)
        };
        let Some(release) = newest(&|v| v.lane() == known.lane()) else { return Ok(None) };
        let beyond = newest(&|v| v.lane() > known.lane() && !v.is_prerelease());
        let grants = GrantFile::read(&self.grants)?;
        let series = self.entries(name)?.into_iter().filter(|e| e.version.lane() == known.lane());
        let approved: Vec<_> = series.filter_map(|e| self.approved(&grants, e)).collect();
        let from = approved.last().map_or(known, |before| &before.entry.version).to_string();
        let mut update = Update {
            plugin: name.to_string(),
            to: release.vers.to_string(),
            state: UpdateState::Current,
            difference: None,
            beyond: beyond.map(|release| release.vers.to_string()),
            from,
        };
        if approved.iter().any(|before| before.entry.digest == release.wasm) {
            return Ok(Some(update));
        }
        let bytes = self.registry.fetch(name, release).map_err(resolution)?;
        let look = InstallOptions { dry_run: true, ..options.clone() };
        let named = name.to_string();
        let done = self.install_bytes(&bytes, OWN_REGISTRY, &named, &look)?;
        update.state = match (done.plugin.requests.iter().all(|r| !r.open()), options.dry_run) {
            (false, _) => UpdateState::Waits,
            (true, true) => UpdateState::WouldUpdate,
            (true, false) => {
                self.install_bytes(&bytes, OWN_REGISTRY, &named, options)?;
                UpdateState::Updated
            }
        };
        update.difference = done.difference;
        Ok(Some(update))
    }

    /// Moves the entries of these packages to the newest versions that the flows of the lock ask for and that are
    /// approved.
    fn relock(&self, path: &Path, names: &BTreeSet<PackageName>) -> Result<Vec<Relocked>> {
        if !path.exists() {
            return Ok(Vec::new());
        }
        let _one_at_a_time = guarded(&self.home)?;
        let old = Lock::read(path).map_err(resolution)?.unwrap_or_default();
        let (mut roots, mut paths) = (Vec::<Root>::new(), Vec::new());
        for locked in old.plugins() {
            if locked.source.starts_with("path:") {
                paths.push(locked.clone());
            }
            for text in &locked.requirements {
                roots.push((locked.name.clone(), parse_requirement(text).map_err(resolution)?));
            }
        }
        let mut preferred = old.preferred();
        preferred.retain(|name, _| !names.contains(name));
        for (name, approved) in self.held()? {
            preferred.entry(name).or_insert(approved);
        }
        let request = Request { roots: &roots, host: &host_apis(), locked: &preferred };
        let all = roots.iter().map(|(name, _)| name);
        let resolved = resolve(&self.registry, request).map_err(|e| self.conflict(&e, all))?;
        let new = Lock::new(&resolved, OWN_REGISTRY, paths);
        let moved = moved(path, &old, &new);
        if !moved.is_empty() {
            new.write(path).map_err(resolution)?;
        }
        Ok(moved)
    }

    /// For each installed package with a version that nobody approved yet: the versions to take instead. Nothing for a
    /// package of which no version is approved, since there is none to go on with.
    pub(crate) fn held(&self) -> Result<Versions> {
        let grants = GrantFile::read(&self.grants)?;
        let mut held = Versions::new();
        let installed = self.installed.list().map_err(resolution)?.into_iter();
        let names: BTreeSet<PackageName> =
            installed.filter(|e| e.source == OWN_REGISTRY).map(|e| e.name).collect();
        for name in names {
            let entries = self.entries(&name)?.into_iter();
            let Some(history) = self.registry.history(&name).map_err(resolution)? else { continue };
            let (open, closed): (Vec<&Release>, Vec<_>) =
                usable(&history).partition(|release| granted(&grants, &name, release));
            let approved = entries.filter_map(|entry| self.approved(&grants, entry)).count();
            if approved > 0 && !closed.is_empty() && !open.is_empty() {
                held.insert(name, open.into_iter().map(|release| release.vers.clone()).collect());
            }
        }
        Ok(held)
    }

    /// The newest version above an approved one that waits for approval, among those that `fits` takes.
    pub(super) fn waits(
        &self,
        grants: &GrantFile,
        history: &History,
        (name, version): (&PackageName, &Version),
        allowed: &Grants,
        fits: &dyn Fn(&Version) -> bool,
    ) -> Option<Version> {
        let newer = usable(history).filter(|r| r.vers > *version && fits(&r.vers));
        let release = newer.max_by_key(|r| &r.vers)?;
        let asked = history.find(version).map(|release| &release.perms);
        let answered = asked.map_or_else(|| allowed.clone(), |asked| allowed.clone().union(asked));
        let more = !answered.missing(&release.perms).is_empty();
        (more && !granted(grants, name, release)).then(|| release.vers.clone())
    }

    /// The newer version that an alias would mean if it were approved.
    pub(crate) fn waiting(
        &self,
        grants: &GrantFile,
        alias: &str,
        text: &str,
        pin: &Pin,
    ) -> Result<Option<Waiting>> {
        let Ok(PackageRef::Registry { name, requirement }) = text.parse() else { return Ok(None) };
        let Some(history) = self.registry.history(&name).map_err(resolution)? else {
            return Ok(None);
        };
        let Ok(version) = pin.version.parse::<Version>() else { return Ok(None) };
        let allowed = grants.allowed(&pin.package, &pin.digest.to_string());
        let fits = |version: &Version| requirement.matches(version.as_semver());
        let newer = self.waits(grants, &history, (&name, &version), &allowed, &fits);
        Ok(newer.map(|newer| Waiting {
            alias: alias.into(),
            plugin: name.to_string(),
            version: pin.version.clone(),
            newer: newer.to_string(),
        }))
    }
}

/// Releases that may be picked.
fn usable(history: &History) -> impl Iterator<Item = &Release> {
    let barred = |v: &Version| history.yanked(v).is_some() || history.revoked(v).is_some();
    history.releases.iter().filter(move |release| !barred(&release.vers))
}

/// Whether everything that a release asks for is granted to its bytes.
fn granted(grants: &GrantFile, name: &PackageName, release: &Release) -> bool {
    let allowed = grants.allowed(&name.to_string(), &release.wasm.to_string());
    allowed.unanswered(&release.perms).is_empty()
}

/// The entries that answer the same requirement with another version.
fn moved(path: &Path, old: &Lock, new: &Lock) -> Vec<Relocked> {
    let same = |a: &Locked, b: &Locked| {
        a.name == b.name && !a.requirements.is_disjoint(&b.requirements) && a.wasm != b.wasm
    };
    let rows = old.plugins().iter().flat_map(|was| {
        new.plugins().iter().filter(move |is| same(was, is)).map(move |is| Relocked {
            file: path.into(),
            plugin: was.name.to_string(),
            from: was.version.to_string(),
            to: is.version.to_string(),
        })
    });
    rows.collect()
}

#[cfg(test)]
mod tests;
