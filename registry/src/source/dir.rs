//! A registry in a folder: the default of a laptop, and what any static host can serve.
//!
//! ```text
//! config.json                               the form of the folder
//! index/<namespace>/<name>.jsonl            what is known
//! packages/<namespace>/<name>/<version>.wasm             the bytes, as `wkg` reads them
//! packages/<namespace>/<name>/<version>.manifest.json    the manifest, for people and pages
//! ```
//!
//! One writer at a time holds the lock file. The index line is written last and by rename, so a version
//! exists when its bytes do, whatever kills the publisher; bytes without a line are overwritten.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Source, SourceError};
use crate::component::{Component, ComponentError, MAX_PACKAGE_LEN};
use crate::durable;
use crate::index::{self, FORMAT, History, IndexError, MAX_FILE_LEN, Release, append_release};
use crate::manifest::{Disagreement, Manifest, disagreements};
use crate::name::{PackageName, Version};

/// Bytes of `config.json`: it holds one number.
const MAX_CONFIG_LEN: u64 = 4096;

/// A registry in a folder.
#[derive(Clone, Debug)]
pub struct Dir {
    root: PathBuf,
    label: String,
}

/// Why a package was not published. Nothing of it is visible then.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// The bytes are no component.
    #[error(transparent)]
    Component(#[from] ComponentError),
    /// The component has no manifest inside.
    #[error("the component has no manifest inside; build it with `cleargate plugin build`")]
    NoManifest,
    /// Manifest and component say different things.
    #[error("manifest and component differ:\n{}", list(.0))]
    Disagree(Vec<Disagreement>),
    /// A published version never changes.
    #[error("{package} {version} is published already; raise `version` in plugin.toml")]
    Exists {
        /// The package.
        package: PackageName,
        /// The version.
        version: Version,
    },
    /// Asks for more than the version before it, and looks like a small update.
    #[error(
        "{package} {version} asks for more than {before} ({more}); raise the minor version, so that people \
         are asked"
    )]
    Widens {
        /// The package.
        package: PackageName,
        /// The version.
        version: Version,
        /// The version before it in the same series.
        before: Box<Version>,
        /// The new permissions.
        more: Box<str>,
    },
    /// The index of the package is damaged or full.
    #[error("index of {package}: {source}")]
    Index {
        /// The package.
        package: PackageName,
        /// The cause.
        source: IndexError,
    },
    /// Writing failed, or what was written could not be read back.
    #[error(transparent)]
    Source(#[from] SourceError),
}

fn list(found: &[Disagreement]) -> String {
    let lines: Vec<String> = found.iter().map(|d| format!("  {d}")).collect();
    lines.join("\n")
}

#[derive(Serialize, Deserialize)]
struct Config {
    v: u32,
}

impl Dir {
    /// The registry in `root`; the folder is made at the first publishing. `label` is what lock files
    /// call it.
    ///
    /// # Errors
    /// A folder that a newer ClearGate wrote, or that cannot be read.
    pub fn open(root: impl Into<PathBuf>, label: impl Into<String>) -> Result<Self, SourceError> {
        let dir = Self { root: root.into(), label: label.into() };
        let path = dir.root.join("config.json");
        if let Some(bytes) = durable::read(&path, MAX_CONFIG_LEN).map_err(io_at(&path))? {
            let damaged = |e: serde_json::Error| format!("{e}; write {} into it", index_config());
            let config: Config = serde_json::from_slice(&bytes)
                .map_err(|e| io_at(&path)(io::Error::other(damaged(e))))?;
            if config.v != FORMAT {
                let message = format!("form {} is newer than this ClearGate; update it", config.v);
                return Err(io_at(&path)(io::Error::other(message)));
            }
        }
        Ok(dir)
    }

    /// Publishes a component that carries its manifest, and reads it back as a stranger would.
    ///
    /// # Errors
    /// A component that does not hold, a version that exists, and files that cannot be written.
    pub fn publish(&self, bytes: &[u8], at: Timestamp) -> Result<Release, PublishError> {
        let component = Component::read(bytes)?;
        let manifest = component.manifest.as_ref().ok_or(PublishError::NoManifest)?;
        let found = disagreements(manifest, &component);
        if !found.is_empty() {
            return Err(PublishError::Disagree(found));
        }
        let package = &manifest.plugin.name;
        let index_error = |source| PublishError::Index { package: package.clone(), source };
        let release = Release::of(manifest, &component, at);

        let _lock = self.lock()?;
        let lines = self.index_bytes(package)?.unwrap_or_default();
        let history = History::parse(&lines).map_err(index_error)?;
        check_version(package, &release, &history)?;
        let lines = append_release(&lines, &release).map_err(index_error)?;
        let release = History::parse(&lines).map_err(index_error)?.releases.pop();
        let release = release.expect("the line was just appended");

        self.write_package(package, manifest, bytes)?;
        let written = self.package_bytes(package, &release.vers)?.unwrap_or_default();
        super::verify(package, &release, &written)?;
        self.write(&self.index_path(package), &lines)?;
        self.fetch(package, &release)?;
        Ok(release)
    }

    fn write_package(
        &self,
        package: &PackageName,
        manifest: &Manifest,
        bytes: &[u8],
    ) -> Result<(), SourceError> {
        let config = self.root.join("config.json");
        if !config.exists() {
            self.write(&config, index_config().as_bytes())?;
        }
        let version = &manifest.plugin.version;
        self.write(&self.package_path(package, version, "wasm"), bytes)?;
        let json = manifest.to_canonical_json();
        self.write(&self.package_path(package, version, "manifest.json"), json.as_bytes())
    }

    /// The right to write, until the file is dropped; waits for another writer.
    fn lock(&self) -> Result<File, SourceError> {
        let path = self.root.join(durable::LOCK_FILE);
        durable::lock(&path).map_err(io_at(&path))
    }

    #[expect(clippy::unused_self, reason = "reads as what it is: a write into this registry")]
    fn write(&self, path: &Path, bytes: &[u8]) -> Result<(), SourceError> {
        durable::write(path, bytes, durable::Readers::Everyone).map_err(io_at(path))
    }

    fn index_path(&self, package: &PackageName) -> PathBuf {
        let file = format!("{}.jsonl", package.name());
        self.root.join("index").join(package.namespace()).join(file)
    }

    fn package_path(&self, package: &PackageName, version: &Version, end: &str) -> PathBuf {
        let folder = self.root.join("packages").join(package.namespace()).join(package.name());
        folder.join(format!("{version}.{end}"))
    }
}

fn index_config() -> String {
    serde_json::to_string(&Config { v: index::FORMAT }).expect("a number is JSON")
}

fn io_at(path: &Path) -> impl Fn(io::Error) -> SourceError + '_ {
    |source| SourceError::Io { what: path.display().to_string(), source }
}

fn check_version(
    package: &PackageName,
    release: &Release,
    history: &History,
) -> Result<(), PublishError> {
    let version = &release.vers;
    if history.find(version).is_some() {
        return Err(PublishError::Exists { package: package.clone(), version: version.clone() });
    }
    let (new, before) = (version.as_semver(), history.releases.iter());
    let before = before
        .filter(|r| r.vers < *version && r.vers.lane() == version.lane())
        .max_by_key(|r| &r.vers)
        .filter(|r| (r.vers.as_semver().major, r.vers.as_semver().minor) == (new.major, new.minor));
    if let Some(before) = before {
        let more = before.perms.missing(&release.perms);
        if !more.is_empty() {
            return Err(PublishError::Widens {
                package: package.clone(),
                version: version.clone(),
                before: Box::new(before.vers.clone()),
                more: more.lines().join(", ").into(),
            });
        }
    }
    Ok(())
}

impl Source for Dir {
    fn label(&self) -> &str {
        &self.label
    }

    fn packages(&self) -> Result<Vec<PackageName>, SourceError> {
        let root = self.root.join("index");
        let mut found = Vec::new();
        for namespace in names(&root)? {
            for file in names(&root.join(&namespace))? {
                // Whatever else lies there (temporary files, notes) is no package.
                let name = file.strip_suffix(".jsonl").map(|name| format!("{namespace}:{name}"));
                found.extend(name.and_then(|name| name.parse::<PackageName>().ok()));
            }
        }
        found.sort();
        Ok(found)
    }

    fn index_bytes(&self, package: &PackageName) -> Result<Option<Vec<u8>>, SourceError> {
        let path = self.index_path(package);
        durable::read(&path, MAX_FILE_LEN).map_err(io_at(&path))
    }

    fn package_bytes(
        &self,
        package: &PackageName,
        version: &Version,
    ) -> Result<Option<Vec<u8>>, SourceError> {
        let path = self.package_path(package, version, "wasm");
        durable::read(&path, MAX_PACKAGE_LEN).map_err(io_at(&path))
    }
}

/// Names in a folder; none when it is absent or no folder.
fn names(folder: &Path) -> Result<Vec<String>, SourceError> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(e) if matches!(e.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            return Ok(Vec::new());
        }
        Err(e) => return Err(io_at(folder)(e)),
    };
    let mut names = Vec::new();
    for entry in entries {
        let entry = entry.map_err(io_at(folder))?;
        names.extend(entry.file_name().into_string().ok());
    }
    Ok(names)
}

#[cfg(test)]
mod tests;
