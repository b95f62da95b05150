//! `cleargate.lock`: which plugins a project runs, by digest. Committed beside the flows.
//!
//! A run resolves only from the lock, so the same flow runs the same bytes everywhere. Entries are sorted
//! and hold nothing that changes by itself, so a difference in review is a difference in what runs. What
//! a plugin asks for is locked as a digest: an update that asks for more shows as a changed line.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::{fmt, io};

use cleargate_flow::signature::PluginKind;
use serde::{Deserialize, Serialize};

use crate::component::Component;
use crate::digest::{Digest, DigestMismatch};
use crate::durable;
use crate::manifest::canonical;
use crate::name::{PackageName, PackageRef, Version};
use crate::resolve::{Resolution, Root};

/// The file's name beside the flows.
pub const FILE_NAME: &str = "cleargate.lock";
/// The form of the file that this client writes.
pub const FORMAT: u32 = 1;
/// Bytes of the file: some thousand plugins.
pub const MAX_FILE_LEN: u64 = 1024 * 1024;

const HEADER: &str = "\
# Written by `cleargate`. Which plugins run here, by digest; commit it, and do not edit it by hand.
# A run without `--locked` brings it up to date.
";

/// The content of a lock file.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lock {
    version: u32,
    #[serde(default)]
    plugin: Vec<Locked>,
}

/// One plugin of a lock.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Locked {
    /// The package.
    pub name: PackageName,
    /// Its version.
    pub version: Version,
    /// Label of the registry, or `path:` and the path as the flow writes it.
    pub source: String,
    /// Of the component's bytes.
    pub wasm: Digest,
    /// Of the manifest's canonical form.
    pub manifest: Digest,
    /// What it plays.
    #[serde(default)]
    pub kinds: BTreeSet<PluginKind>,
    /// Of what it asks for.
    pub permissions: Digest,
    /// What flows wrote about it, sorted; none for what only other plugins need.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub requirements: BTreeSet<String>,
    /// What it needs, as `acme:entities 1.0.0`, sorted.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub dependencies: BTreeSet<String>,
}

/// Why a lock file could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum LockFileError {
    /// The file could not be read or written.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: String,
        /// The cause.
        source: io::Error,
    },
    /// No TOML, or a wrong field.
    #[error("{path}: {message}; restore it from version control, or delete it to resolve anew")]
    Form {
        /// The file.
        path: String,
        /// What is wrong.
        message: String,
    },
    /// Written by a newer ClearGate.
    #[error("{path}: form {found} is newer than this ClearGate ({FORMAT}); update ClearGate")]
    Newer {
        /// The file.
        path: String,
        /// Its form.
        found: u32,
    },
}

/// The lock and what is needed are not the same: what `--locked` refuses.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{FILE_NAME} is out of date:{}\nrun the flow once without `--locked` and commit the file", lines(.0))]
pub struct OutOfDate(pub Vec<Difference>);

fn lines(differences: &[Difference]) -> String {
    differences.iter().map(|d| format!("\n  {d}")).collect()
}

/// One way in which a lock is out of date.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Difference {
    /// Needed and not locked.
    Missing(String),
    /// Locked in another form.
    Changed {
        /// `acme:redactor 1.2.0`.
        plugin: String,
        /// The field, as the file calls it.
        field: &'static str,
        /// What the lock says.
        locked: String,
        /// What is needed.
        needed: String,
    },
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing(plugin) => write!(f, "{plugin} is needed and not locked"),
            Self::Changed { plugin, field, locked, needed } => {
                write!(f, "{plugin}: {field} is locked as {locked}, and {needed} is needed")
            }
        }
    }
}

impl Locked {
    /// The entry of a plugin that a flow names by path: its bytes are locked like any other's.
    /// Nothing when the component has no manifest.
    pub fn of_path(path: &str, component: &Component) -> Option<Self> {
        let manifest = component.manifest.as_ref()?;
        Some(Self {
            name: manifest.plugin.name.clone(),
            version: manifest.plugin.version.clone(),
            source: format!("path:{path}"),
            wasm: component.digest,
            manifest: manifest.digest(),
            kinds: component.kinds.clone(),
            permissions: Digest::of(canonical(&manifest.permissions).as_bytes()),
            requirements: BTreeSet::new(),
            dependencies: BTreeSet::new(),
        })
    }

    /// Refuses bytes that are not the locked ones.
    ///
    /// # Errors
    /// Both digests.
    pub fn verify(&self, bytes: &[u8]) -> Result<(), DigestMismatch> {
        self.wasm.verify(bytes, self)
    }

    fn differences(&self, needed: &Self, found: &mut Vec<Difference>) {
        let words = |set: &BTreeSet<String>| {
            let words: Vec<&str> = set.iter().map(String::as_str).collect();
            if words.is_empty() { "none".into() } else { words.join(", ") }
        };
        let kinds = |set: &BTreeSet<PluginKind>| {
            words(&set.iter().map(|kind| kind.as_str().to_owned()).collect())
        };
        for (field, locked, needed) in [
            ("wasm", self.wasm.to_string(), needed.wasm.to_string()),
            ("manifest", self.manifest.to_string(), needed.manifest.to_string()),
            ("kinds", kinds(&self.kinds), kinds(&needed.kinds)),
            ("permissions", self.permissions.to_string(), needed.permissions.to_string()),
            ("requirements", words(&self.requirements), words(&needed.requirements)),
            ("dependencies", words(&self.dependencies), words(&needed.dependencies)),
        ] {
            if locked != needed {
                found.push(Difference::Changed { plugin: self.to_string(), field, locked, needed });
            }
        }
    }

    fn key(&self) -> (&PackageName, &Version, &str) {
        (&self.name, &self.version, &self.source)
    }
}

impl fmt::Display for Locked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.name, self.version)
    }
}

impl Lock {
    /// The lock of what was resolved from the registry `source`, with the plugins named by path.
    pub fn new(
        resolution: &Resolution,
        source: &str,
        paths: impl IntoIterator<Item = Locked>,
    ) -> Self {
        let mut plugin: Vec<Locked> = (resolution.packages.iter())
            .map(|((name, version), resolved)| Locked {
                name: name.clone(),
                version: version.clone(),
                source: source.into(),
                wasm: resolved.release.wasm,
                manifest: resolved.release.manifest,
                kinds: resolved.release.kind.clone(),
                permissions: resolved.release.permissions_digest(),
                requirements: (resolution.roots.iter())
                    .filter(|(root, _, picked)| root == name && picked == version)
                    .map(|(_, req, _)| req.to_string())
                    .collect(),
                dependencies: (resolved.dependencies.iter())
                    .map(|(name, version)| format!("{name} {version}"))
                    .collect(),
            })
            .collect();
        plugin.extend(paths);
        plugin.sort_by(|a, b| a.key().cmp(&b.key()));
        plugin.dedup();
        Self { version: FORMAT, plugin }
    }

    /// The same, with what `old` holds for other flows of the folder: the entries that somebody required in words that
    /// this lock does not answer, and what those need.
    #[must_use]
    pub fn keeping(mut self, old: &Lock) -> Self {
        let answered = |entry: &Locked| {
            let mine = self.plugin.iter().filter(|p| p.name == entry.name);
            let said: BTreeSet<&String> = mine.flat_map(|p| &p.requirements).collect();
            entry.requirements.iter().all(|text| said.contains(text))
        };
        let path_is_here = |entry: &Locked| self.plugin.iter().any(|p| p.source == entry.source);
        let mut kept: Vec<&Locked> = (old.plugin.iter())
            .filter(|entry| match entry.source.starts_with("path:") {
                true => !path_is_here(entry),
                false => !answered(entry),
            })
            .collect();
        let mut next = 0;
        while let Some(entry) = kept.get(next).copied() {
            next += 1;
            let needs = |other: &&Locked| entry.dependencies.contains(&other.to_string());
            let more = old.plugin.iter().filter(needs).filter(|other| !kept.contains(other));
            kept.extend(more.collect::<Vec<_>>());
        }
        for entry in kept {
            match self.plugin.iter_mut().find(|p| p.key() == entry.key()) {
                Some(mine) => mine.requirements.extend(entry.requirements.iter().cloned()),
                None => self.plugin.push(entry.clone()),
            }
        }
        self.plugin.sort_by(|a, b| a.key().cmp(&b.key()));
        self
    }

    /// All entries, sorted by name, version and source.
    pub fn plugins(&self) -> &[Locked] {
        &self.plugin
    }

    /// The entry for what a flow names: a package that meets the requirement, or the same path.
    pub fn find(&self, wanted: &PackageRef) -> Option<&Locked> {
        match wanted {
            PackageRef::Path(path) => {
                self.plugin.iter().find(|p| p.source.strip_prefix("path:") == Some(path))
            }
            PackageRef::Registry { name, requirement } => {
                let fits = |p: &&Locked| {
                    p.name == *name
                        && requirement.matches(p.version.as_semver())
                        && !p.source.starts_with("path:")
                };
                // The entry made for this very requirement, when several series are locked.
                let text = requirement.to_string();
                let mut exact = self.plugin.iter().filter(fits);
                let exact = exact.find(|p| p.requirements.contains(&text));
                exact.or_else(|| self.plugin.iter().rev().find(fits))
            }
        }
    }

    /// Versions from registries, to be preferred by [`resolve`](crate::resolve::resolve).
    pub fn preferred(&self) -> BTreeMap<PackageName, BTreeSet<Version>> {
        let mut preferred: BTreeMap<PackageName, BTreeSet<Version>> = BTreeMap::new();
        for plugin in self.plugin.iter().filter(|p| !p.source.starts_with("path:")) {
            preferred.entry(plugin.name.clone()).or_default().insert(plugin.version.clone());
        }
        preferred
    }

    /// Whether each root is locked, and each plugin named by path as it is: enough to run, without asking any
    /// registry.
    ///
    /// # Errors
    /// Everything that is missing or differs.
    pub fn covers(&self, roots: &[Root], paths: &[Locked]) -> Result<(), OutOfDate> {
        let mut found = Vec::new();
        for (name, requirement) in roots {
            let wanted =
                PackageRef::Registry { name: name.clone(), requirement: requirement.clone() };
            if self.find(&wanted).is_none() {
                found.push(Difference::Missing(wanted.to_string()));
            }
        }
        for wanted in paths {
            match self.plugin.iter().find(|locked| locked.source == wanted.source) {
                Some(locked) => locked.differences(wanted, &mut found),
                None => found.push(Difference::Missing(format!("{wanted} from {}", wanted.source))),
            }
        }
        if found.is_empty() { Ok(()) } else { Err(OutOfDate(found)) }
    }

    /// The file's text: the same for equal locks.
    pub fn to_toml(&self) -> String {
        let body = toml::to_string(self).expect("names, versions and digests are TOML");
        format!("{HEADER}{body}")
    }

    /// Reads a lock file; nothing when there is none.
    ///
    /// # Errors
    /// A file that cannot be read, is damaged, or comes from a newer ClearGate.
    pub fn read(path: &Path) -> Result<Option<Self>, LockFileError> {
        #[derive(Deserialize)]
        struct Head {
            version: u32,
        }
        let shown = || path.display().to_string();
        let form = |message: String| LockFileError::Form { path: shown(), message };
        let bytes = durable::read(path, MAX_FILE_LEN)
            .map_err(|source| LockFileError::Io { path: shown(), source })?;
        let Some(bytes) = bytes else { return Ok(None) };
        let text = String::from_utf8(bytes).map_err(|e| form(e.to_string()))?;
        let head: Head = toml::from_str(&text).map_err(|e| form(e.message().into()))?;
        if head.version > FORMAT {
            return Err(LockFileError::Newer { path: shown(), found: head.version });
        }
        toml::from_str(&text).map(Some).map_err(|e| form(e.to_string()))
    }

    /// Writes the lock file whole, or not at all.
    ///
    /// # Errors
    /// A folder that cannot be written.
    pub fn write(&self, path: &Path) -> Result<(), LockFileError> {
        durable::write(path, self.to_toml().as_bytes(), durable::Readers::Everyone)
            .map_err(|source| LockFileError::Io { path: path.display().to_string(), source })
    }
}

#[cfg(test)]
mod tests;
