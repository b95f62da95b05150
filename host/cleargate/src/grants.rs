//! The operator's file of grants: outside every package, bound to a plugin's name and digest.
//!
//! A plugin whose bytes changed is a plugin that nobody has granted anything. What asks for nothing beyond the
//! harmless services needs no entry.

use std::path::{Path, PathBuf};

use cleargate_flow::grant::{Grants, Service};
use serde::{Deserialize, Serialize};

use crate::error::Result;
use crate::owned_file::{self, Readers};
use crate::toml_file;

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
        let document: Document = toml_file::parse(path, &toml_file::text(path)?)?;
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

    /// Adds or replaces the grant of a component in the file at `path`. What people wrote there stays.
    ///
    /// # Errors
    /// The file cannot be read or written; the old one is whole then.
    pub fn grant(path: &Path, granted: Granted) -> Result<()> {
        let _alone = owned_file::lock(path)?;
        let mut file = Self::read(path)?;
        let before = file.entries.len();
        file.entries.retain(|e| e.plugin != granted.plugin || e.digest != granted.digest);
        let replaced = file.entries.len() != before;
        file.entries.push(granted.clone());
        match replaced {
            true => file.write(&file.text()),
            false => file.append(granted),
        }
    }

    /// Takes back what was granted to a plugin, to the components with these digests; says whether there was
    /// anything.
    ///
    /// # Errors
    /// As [`GrantFile::grant`].
    pub fn revoke(path: &Path, plugin: &str, digests: &[String]) -> Result<bool> {
        let _alone = owned_file::lock(path)?;
        let mut file = Self::read(path)?;
        let before = file.entries.len();
        file.entries.retain(|e| e.plugin != plugin || !digests.contains(&e.digest));
        let changed = file.entries.len() != before;
        if changed {
            file.write(&file.text())?;
        }
        Ok(changed)
    }

    /// The text as it is with one more entry, or written anew when that says something else.
    fn append(&self, granted: Granted) -> Result<()> {
        let entry = Document { grants: vec![granted] };
        let entry = toml::to_string(&entry).expect("grants have a form in TOML");
        let old = std::fs::read_to_string(&self.path).unwrap_or_default();
        let text = format!("{}\n\n{entry}", old.trim_end());
        let same = toml::from_str(&text).is_ok_and(|new: Document| new.grants == self.entries);
        let keep = same && !old.trim().is_empty();
        self.write(&if keep { text } else { self.text() })
    }

    fn write(&self, text: &str) -> Result<()> {
        owned_file::replace(&self.path, text.as_bytes(), Readers::Everyone)
    }

    fn text(&self) -> String {
        let document = Document { grants: self.entries.clone() };
        let body = toml::to_string(&document).expect("grants have a form in TOML");
        format!(
            "# What plugins may do. Edit it, or use `cleargate plugin install` and `cleargate grant`.\n\n{body}"
        )
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
        GrantFile::grant(&path, granted("sha256:aa")).unwrap();
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
        assert_eq!(GrantFile::read(&path).unwrap_err().kind, crate::Kind::Invalid);
    }

    #[test]
    fn grants_at_once_lose_nothing_and_keep_what_people_wrote() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("grants.toml");
        std::fs::write(&path, "# mine\n[[grant]]\nplugin='a:b'\nversion='1'\ndigest='x'\n")
            .unwrap();
        std::thread::scope(|scope| {
            for i in 0..8 {
                let path = &path;
                scope.spawn(move || GrantFile::grant(path, granted(&format!("sha256:{i}"))));
            }
        });
        assert_eq!(GrantFile::read(&path).unwrap().entries().len(), 9);
        assert!(std::fs::read_to_string(&path).unwrap().starts_with("# mine\n"));
        GrantFile::grant(&path, granted("x")).unwrap();
        assert_eq!(GrantFile::read(&path).unwrap().entries().len(), 9, "replaced, not doubled");
        assert!(GrantFile::revoke(&path, "a:b", &["x".into()]).unwrap());
        assert!(!GrantFile::revoke(&path, "a:b", &["x".into()]).unwrap());
        assert_eq!(GrantFile::read(&path).unwrap().entries().len(), 8);
    }

    #[test]
    fn a_form_that_nothing_can_be_appended_to_is_written_anew() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("grants.toml");
        std::fs::write(&path, "grant = [{ plugin = 'a:b', version = '1', digest = 'x' }]").unwrap();
        GrantFile::grant(&path, granted("sha256:aa")).unwrap();
        assert_eq!(GrantFile::read(&path).unwrap().entries().len(), 2);
    }
}
