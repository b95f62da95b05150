//! The operator's file of grants: outside every package, bound to a plugin's name and digest.
//!
//! A plugin whose bytes changed is a plugin that nobody has granted anything. What asks for nothing beyond the
//! harmless services needs no entry.

use std::path::{Path, PathBuf};

use cleargate_flow::grant::{Grants, Service};
use serde::{Deserialize, Serialize};

use crate::error::{Error, Kind, Result};

/// One grant of the file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Granted {
    /// `namespace:name`.
    pub plugin: String,
    /// Version that it was granted to. Informs; the digest decides.
    pub version: String,
    /// `sha256:…` of the component.
    pub digest: String,
    /// What it may do.
    #[serde(default)]
    pub allow: Grants,
}

/// The file of grants.
#[derive(Clone, Debug)]
pub struct GrantFile {
    path: PathBuf,
    entries: Vec<Granted>,
}

#[derive(Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    #[serde(default, rename = "grant", skip_serializing_if = "Vec::is_empty")]
    grants: Vec<Granted>,
}

impl GrantFile {
    /// Reads the file; a missing one grants nothing.
    ///
    /// # Errors
    /// The file cannot be read, is no TOML, or has an unknown key.
    pub fn read(path: &Path) -> Result<Self> {
        let bad = || Error::new(Kind::Invalid, format!("{} cannot be used", path.display()));
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => String::new(),
            Err(e) => return Err(bad().caused_by(&e)),
        };
        let document: Document = toml::from_str(&text).map_err(|e| bad().caused_by(&e))?;
        Ok(Self { path: path.into(), entries: document.grants })
    }

    /// What the component with this digest may do: what was granted to it, and the harmless services.
    pub fn allowed(&self, plugin: &str, digest: &str) -> Grants {
        let harmless =
            Grants { services: Service::HARMLESS.into_iter().collect(), ..Grants::default() };
        self.entries
            .iter()
            .filter(|entry| entry.plugin == plugin && entry.digest == digest)
            .fold(harmless, |sum, entry| sum.union(&entry.allow))
    }

    /// Every entry, in the order of the file.
    pub fn entries(&self) -> &[Granted] {
        &self.entries
    }

    /// Adds or replaces the grant of a component and writes the file.
    ///
    /// # Errors
    /// The file cannot be written; the old one is whole then.
    pub fn grant(&mut self, granted: Granted) -> Result<()> {
        self.entries.retain(|e| e.plugin != granted.plugin || e.digest != granted.digest);
        self.entries.push(granted);
        self.write()
    }

    /// Takes back everything that was granted to a plugin; says whether there was anything.
    ///
    /// # Errors
    /// As [`GrantFile::grant`].
    pub fn revoke(&mut self, plugin: &str) -> Result<bool> {
        let before = self.entries.len();
        self.entries.retain(|e| e.plugin != plugin);
        let changed = self.entries.len() != before;
        if changed {
            self.write()?;
        }
        Ok(changed)
    }

    fn write(&self) -> Result<()> {
        let bad = |e: &dyn std::error::Error| {
            Error::new(Kind::Store, format!("{} cannot be written", self.path.display()))
                .caused_by(e)
        };
        let document = Document { grants: self.entries.clone() };
        let body = toml::to_string(&document).expect("grants have a form in TOML");
        let text =
            format!("# What plugins may do. Edit it, or use `cleargate plugin install`.\n\n{body}");
        let folder = self.path.parent().unwrap_or(Path::new("."));
        std::fs::create_dir_all(folder).map_err(|e| bad(&e))?;
        let temporary = self.path.with_extension(format!("{}.tmp", std::process::id()));
        std::fs::write(&temporary, text).map_err(|e| bad(&e))?;
        std::fs::rename(&temporary, &self.path).map_err(|e| bad(&e))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn granted(digest: &str) -> Granted {
        let allow = serde_json::from_str(r#"{"http":["api.example.org"]}"#).unwrap();
        Granted { plugin: "a:b".into(), version: "1.0.0".into(), digest: digest.into(), allow }
    }

    #[test]
    fn other_bytes_are_granted_nothing() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("grants.toml");
        GrantFile::read(&path).unwrap().grant(granted("sha256:aa")).unwrap();
        let file = GrantFile::read(&path).unwrap();
        assert_eq!(file.allowed("a:b", "sha256:aa").http.len(), 1);
        assert!(file.allowed("a:b", "sha256:bb").http.is_empty());
        assert!(file.allowed("a:c", "sha256:aa").http.is_empty());
    }

    #[test]
    fn a_file_with_an_unknown_key_is_refused() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("grants.toml");
        std::fs::write(&path, "[[grant]]\nplugin='a:b'\nversion='1'\ndigest='x'\nalow={}").unwrap();
        assert_eq!(GrantFile::read(&path).unwrap_err().kind, Kind::Invalid);
    }
}
