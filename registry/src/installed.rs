//! Plugins on this machine: bytes under their digest, verified at each read.
//!
//! A file's name is the digest of its content, so nothing is ever overwritten and two versions cannot be
//! mixed up. What the name says is checked again whenever the bytes are read: between two starts of a
//! program anybody may have changed the file.
//!
//! ```text
//! sha256/<digest>.wasm    the component
//! sha256/<digest>.json    name, version, kinds and source, so that a list reads no component
//! ```

use std::collections::BTreeSet;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::{fs, io};

use cleargate_flow::signature::PluginKind;
use semver::VersionReq;
use serde::{Deserialize, Serialize};

use crate::component::{Component, ComponentError, MAX_PACKAGE_LEN};
use crate::digest::{Digest, DigestMismatch};
use crate::durable;
use crate::name::{PackageName, Version};

/// Bytes of a plugin's entry: names and labels.
const MAX_ENTRY_LEN: u64 = 16 * 1024;

/// The plugins in a folder.
#[derive(Clone, Debug)]
pub struct Installed {
    folder: PathBuf,
}

/// An installed plugin.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// The package.
    pub name: PackageName,
    /// Its version.
    pub version: Version,
    /// Of the component's bytes.
    pub digest: Digest,
    /// What it plays.
    pub kinds: BTreeSet<PluginKind>,
    /// Bytes of the component.
    pub size: u64,
    /// Label of the registry it came from, or `path:…`.
    pub source: String,
}

/// Why the store could not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum InstalledError {
    /// A file could not be read or written.
    #[error("{path}: {source}")]
    Io {
        /// The file or folder.
        path: String,
        /// The cause.
        source: io::Error,
    },
    /// The bytes to install are no component.
    #[error(transparent)]
    Component(#[from] ComponentError),
    /// The component does not say what it is.
    #[error("the component has no manifest inside; build it with `cleargate plugin build`")]
    NoManifest,
    /// Nothing is installed under that digest.
    #[error("{0} is not installed; run `cleargate plugin install`")]
    Absent(Digest),
    /// The file was changed since it was installed.
    #[error("{0}; run `cleargate plugin install` again")]
    Changed(#[from] DigestMismatch),
    /// The entry beside the component is damaged.
    #[error("{path}: {message}; run `cleargate plugin install` again")]
    Entry {
        /// The file.
        path: String,
        /// What is wrong with it.
        message: String,
    },
}

impl Installed {
    /// The store in `root`; folders are made at the first installation.
    pub fn open(root: impl AsRef<Path>) -> Self {
        Self { folder: root.as_ref().join("sha256") }
    }

    /// Installs a component that carries its manifest. Installing the same bytes again repairs them.
    ///
    /// # Errors
    /// Bytes that are no plugin, and files that cannot be written. Nothing is installed then.
    pub fn add(&self, bytes: &[u8], source: &str) -> Result<Entry, InstalledError> {
        let component = Component::read(bytes)?;
        let manifest = component.manifest.ok_or(InstalledError::NoManifest)?;
        let entry = Entry {
            name: manifest.plugin.name,
            version: manifest.plugin.version,
            digest: component.digest,
            kinds: component.kinds,
            size: component.size,
            source: source.into(),
        };
        let json = serde_json::to_vec(&entry).expect("an entry is text and numbers");
        let _one_at_a_time = self.lock()?;
        // The entry last: what has an entry has its bytes.
        for (end, bytes) in [("wasm", bytes), ("json", &json)] {
            let path = self.path(&entry.digest, end);
            durable::write(&path, bytes, durable::Readers::Everyone).map_err(io_at(&path))?;
        }
        Ok(entry)
    }

    /// Everything that is installed, sorted by name and version.
    ///
    /// # Errors
    /// A folder that cannot be read, or an entry that is damaged.
    pub fn list(&self) -> Result<Vec<Entry>, InstalledError> {
        let entries = match fs::read_dir(&self.folder) {
            Ok(entries) => entries,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(e) => return Err(io_at(&self.folder)(e)),
        };
        let mut found = Vec::new();
        for file in entries {
            let file = file.map_err(io_at(&self.folder))?.file_name();
            let hex = file.to_str().and_then(|name| name.strip_suffix(".json"));
            let digest = hex.and_then(|hex| format!("sha256:{hex}").parse().ok());
            if let Some(digest) = digest {
                found.extend(self.entry(&digest)?);
            }
        }
        found.sort_by(|a, b| {
            (&a.name, &a.version, &a.digest).cmp(&(&b.name, &b.version, &b.digest))
        });
        Ok(found)
    }

    /// The newest installed version of `name` that meets `requirement`.
    ///
    /// # Errors
    /// The same as [`Installed::list`].
    pub fn find(
        &self,
        name: &PackageName,
        requirement: &VersionReq,
    ) -> Result<Option<Entry>, InstalledError> {
        let fits = |e: &Entry| e.name == *name && requirement.matches(e.version.as_semver());
        Ok(self.list()?.into_iter().rfind(fits))
    }

    fn entry(&self, digest: &Digest) -> Result<Option<Entry>, InstalledError> {
        let path = self.path(digest, "json");
        let bytes = durable::read(&path, MAX_ENTRY_LEN).map_err(io_at(&path))?;
        let Some(bytes) = bytes else { return Ok(None) };
        let damaged =
            |message: String| InstalledError::Entry { path: path.display().to_string(), message };
        let entry: Entry = serde_json::from_slice(&bytes).map_err(|e| damaged(e.to_string()))?;
        if entry.digest == *digest {
            Ok(Some(entry))
        } else {
            Err(damaged(format!("it describes {}", entry.digest)))
        }
    }

    /// The bytes with this digest, verified now.
    ///
    /// # Errors
    /// Bytes that are absent, or changed since they were installed.
    pub fn read(&self, digest: &Digest) -> Result<Vec<u8>, InstalledError> {
        let path = self.path(digest, "wasm");
        let bytes = durable::read(&path, MAX_PACKAGE_LEN).map_err(io_at(&path))?;
        let bytes = bytes.ok_or(InstalledError::Absent(*digest))?;
        digest.verify(&bytes, path.display())?;
        Ok(bytes)
    }

    /// Removes what is installed under `digest`; says whether there was anything.
    ///
    /// # Errors
    /// Files that cannot be removed.
    pub fn remove(&self, digest: &Digest) -> Result<bool, InstalledError> {
        let _one_at_a_time = self.lock()?;
        let mut removed = false;
        // The entry first: bytes without an entry are not installed.
        for end in ["json", "wasm"] {
            let path = self.path(digest, end);
            match fs::remove_file(&path) {
                Ok(()) => removed = true,
                Err(e) if e.kind() == io::ErrorKind::NotFound => {}
                Err(e) => return Err(io_at(&path)(e)),
            }
        }
        Ok(removed)
    }

    /// Two files are one plugin: nobody else changes them meanwhile.
    fn lock(&self) -> Result<File, InstalledError> {
        let path = self.folder.join(durable::LOCK_FILE);
        durable::lock(&path).map_err(io_at(&path))
    }

    fn path(&self, digest: &Digest, end: &str) -> PathBuf {
        self.folder.join(format!("{}.{end}", digest.hex()))
    }
}

fn io_at(path: &Path) -> impl Fn(io::Error) -> InstalledError + '_ {
    |source| InstalledError::Io { path: path.display().to_string(), source }
}

#[cfg(test)]
mod tests;
