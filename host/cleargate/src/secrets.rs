//! Secrets of the operator at rest: sealed in the home folder, opened when a host is.
//!
//! Each value is sealed by itself with ChaCha20-Poly1305; its label and the hosts that may get it are sealed in as
//! associated data, so that nobody can turn a secret to another host by editing the file. The key lies in a file
//! beside it that only its owner can read, or comes from outside (`CLEARGATE_SECRETS_KEY`), so that a copy of
//! the home folder does not hold both.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use cleargate_flow::grant::HostPattern;
use cleargate_gate::SecretEntry;
use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use serde::{Deserialize, Serialize};

use crate::config::Secret;
use crate::error::{Error, Kind, Result};
use crate::owned_file::{self, Readers};

/// The form of the file that this version writes.
const FORMAT: u32 = 1;
/// Bytes of a key.
const KEY_BYTES: usize = 32;
/// Characters of a label: it appears in grants, plans and messages.
const MAX_LABEL: usize = 64;

/// The sealed secrets of a home folder.
#[derive(Debug)]
pub struct SecretStore {
    path: PathBuf,
    key_path: PathBuf,
    key: Option<String>,
}

/// A secret in a list: everything but its value.
#[derive(Clone, Debug, Serialize)]
pub struct SecretRow {
    /// What manifests and grants call it.
    pub label: String,
    /// Hosts that may get it.
    pub hosts: Vec<HostPattern>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    version: u32,
    #[serde(default)]
    secrets: BTreeMap<String, Sealed>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Sealed {
    hosts: Vec<HostPattern>,
    nonce: String,
    sealed: String,
}

impl SecretStore {
    /// The secrets of a home folder. `key` are 64 hex digits from outside; absent: the key file of the folder.
    pub fn new(home: &Path, key: Option<String>) -> Self {
        let (path, key_path) = (home.join("secrets.json"), home.join("secrets.key"));
        Self { path, key_path, key }
    }

    /// Adds a secret, or replaces the one of this label.
    ///
    /// # Errors
    /// The label or the value is none that can be used, or the files cannot be read or written.
    pub fn set(&self, label: &str, value: &str, hosts: Vec<HostPattern>) -> Result<()> {
        check_label(label)?;
        SecretEntry::new(value, hosts.clone()).map_err(|e| {
            Error::new(Kind::Invalid, format!("the secret `{label}` cannot be used")).caused_by(&e)
        })?;
        let _alone = owned_file::lock(&self.path)?;
        let mut document = self.read()?;
        let key = self.key(true)?;
        let mut nonce = [0_u8; NONCE_LEN];
        fill(&mut nonce);
        let mut sealed = value.as_bytes().to_vec();
        key.seal_in_place_append_tag(
            Nonce::assume_unique_for_key(nonce),
            Aad::from(bound_to(label, &hosts)),
            &mut sealed,
        )
        .expect("a value of some kilobytes can be sealed");
        let sealed = Sealed { hosts, nonce: hex::encode(nonce), sealed: hex::encode(sealed) };
        document.secrets.insert(label.to_owned(), sealed);
        self.write(&document)
    }

    /// Every secret without its value, by label.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn list(&self) -> Result<Vec<SecretRow>> {
        let rows = self.read()?.secrets.into_iter();
        Ok(rows.map(|(label, sealed)| SecretRow { label, hosts: sealed.hosts }).collect())
    }

    /// Removes a secret; says whether there was one.
    ///
    /// # Errors
    /// The file cannot be read or written.
    pub fn remove(&self, label: &str) -> Result<bool> {
        let _alone = owned_file::lock(&self.path)?;
        let mut document = self.read()?;
        let found = document.secrets.remove(label).is_some();
        if found {
            self.write(&document)?;
        }
        Ok(found)
    }

    /// Opens every secret.
    ///
    /// # Errors
    /// The key is another one, or somebody changed the file.
    pub(crate) fn open(&self) -> Result<BTreeMap<String, Secret>> {
        let document = self.read()?;
        if document.secrets.is_empty() {
            return Ok(BTreeMap::new());
        }
        let key = self.key(false)?;
        let open = |(label, sealed): (String, Sealed)| {
            let value = opened(&key, &label, &sealed).ok_or_else(|| {
                let why = format!("the secret `{label}` of {} does not open", self.path.display());
                Error::new(Kind::Invalid, why)
                    .with_help("it was sealed with another key, or its entry was changed")
                    .with_help(format!("cleargate secret set {label}"))
            })?;
            Ok((label, Secret { value, hosts: sealed.hosts }))
        };
        document.secrets.into_iter().map(open).collect()
    }

    fn read(&self) -> Result<Document> {
        let bad = || Error::new(Kind::Invalid, format!("{} cannot be used", self.path.display()));
        let text = match std::fs::read_to_string(&self.path) {
            Ok(text) => text,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
                return Ok(Document { version: FORMAT, secrets: BTreeMap::new() });
            }
            Err(e) => return Err(bad().caused_by(&e)),
        };
        let document: Document = serde_json::from_str(&text).map_err(|e| bad().caused_by(&e))?;
        match document.version {
            FORMAT => Ok(document),
            newer => Err(bad().with_help(format!("form {newer} is newer than this ClearGate"))),
        }
    }

    fn write(&self, document: &Document) -> Result<()> {
        let text = serde_json::to_string_pretty(document).expect("labels and hex are JSON");
        owned_file::replace(&self.path, text.as_bytes(), Readers::Owner)
    }

    /// The key; made when there is none and it may be.
    fn key(&self, make: bool) -> Result<LessSafeKey> {
        let (text, place) = match &self.key {
            Some(key) => (key.clone(), "CLEARGATE_SECRETS_KEY".to_owned()),
            None => (self.key_file(make)?, self.key_path.display().to_string()),
        };
        let bytes = hex::decode(text.trim()).ok().filter(|bytes| bytes.len() == KEY_BYTES);
        let bytes = bytes.ok_or_else(|| {
            Error::new(Kind::Invalid, format!("{place} holds no key: 64 hex digits are one"))
        })?;
        let key = UnboundKey::new(&CHACHA20_POLY1305, &bytes).expect("the length was checked");
        Ok(LessSafeKey::new(key))
    }

    fn key_file(&self, make: bool) -> Result<String> {
        let bad =
            || Error::new(Kind::Invalid, format!("{} cannot be used", self.key_path.display()));
        match std::fs::read_to_string(&self.key_path) {
            Ok(text) => {
                private(&self.key_path)?;
                Ok(text)
            }
            Err(e) if e.kind() == std::io::ErrorKind::NotFound && make => {
                let mut key = [0_u8; KEY_BYTES];
                fill(&mut key);
                let text = hex::encode(key);
                owned_file::replace(&self.key_path, text.as_bytes(), Readers::Owner)?;
                Ok(text)
            }
            Err(e) => {
                let help =
                    "bring the key back, or set CLEARGATE_SECRETS_KEY, or set the secrets anew";
                Err(bad().caused_by(&e).with_help(help))
            }
        }
    }
}

/// Refuses a key that others can read: they may have read it.
fn private(path: &Path) -> Result<()> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        let mode = std::fs::metadata(path).map(|found| found.mode()).unwrap_or_default();
        if mode & 0o077 != 0 {
            let why = format!("{} can be read by others", path.display());
            return Err(Error::new(Kind::Denied, why)
                .with_help(format!("chmod 600 {}", path.display()))
                .with_help("and change the secrets, if somebody else uses this machine"));
        }
    }
    Ok(())
}

fn opened(key: &LessSafeKey, label: &str, sealed: &Sealed) -> Option<String> {
    let nonce = hex::decode(&sealed.nonce).ok()?;
    let nonce = Nonce::try_assume_unique_for_key(&nonce).ok()?;
    let mut bytes = hex::decode(&sealed.sealed).ok()?;
    let aad = Aad::from(bound_to(label, &sealed.hosts));
    let value = key.open_in_place(nonce, aad, &mut bytes).ok()?;
    String::from_utf8(value.to_vec()).ok()
}

/// What a sealed value belongs to.
fn bound_to(label: &str, hosts: &[HostPattern]) -> Vec<u8> {
    serde_json::to_vec(&(FORMAT, label, hosts)).expect("a label and hosts are JSON")
}

fn check_label(label: &str) -> Result<()> {
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let first = label.starts_with(|c: char| c.is_ascii_alphabetic());
    if first && label.len() <= MAX_LABEL && label.chars().all(word) {
        return Ok(());
    }
    let message = format!(
        "`{}` is no label of a secret: write up to {MAX_LABEL} letters, digits and `_`, a letter first",
        label.chars().take(MAX_LABEL).collect::<String>().escape_debug()
    );
    Err(Error::new(Kind::Invalid, message))
}

fn fill(bytes: &mut [u8]) {
    getrandom::fill(bytes).expect("the system has random bytes");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hosts(names: &[&str]) -> Vec<HostPattern> {
        names.iter().map(|name| name.parse().unwrap()).collect()
    }

    #[test]
    fn a_secret_comes_back_and_is_not_in_any_file() {
        let home = tempfile::tempdir().unwrap();
        let store = SecretStore::new(home.path(), None);
        store.set("KEY", "correct horse battery", hosts(&["api.example.org"])).unwrap();
        store.set("OTHER", "staple staple", hosts(&[])).unwrap();
        let opened = SecretStore::new(home.path(), None).open().unwrap();
        assert_eq!(opened["KEY"].value, "correct horse battery");
        assert_eq!(opened["KEY"].hosts, hosts(&["api.example.org"]));
        for entry in std::fs::read_dir(home.path()).unwrap() {
            let text = std::fs::read(entry.unwrap().path()).unwrap();
            let text = String::from_utf8_lossy(&text).into_owned();
            assert!(!text.contains("correct horse") && !text.contains(&hex::encode("correct")));
        }
        assert!(store.remove("OTHER").unwrap() && !store.remove("OTHER").unwrap());
        assert_eq!(store.list().unwrap().len(), 1);
        assert!(!format!("{:?}", opened["KEY"]).contains("horse"));
    }

    #[test]
    fn what_was_changed_or_has_another_key_does_not_open() {
        let home = tempfile::tempdir().unwrap();
        let store = SecretStore::new(home.path(), None);
        store.set("KEY", "correct horse battery", hosts(&["api.example.org"])).unwrap();
        let path = home.path().join("secrets.json");
        let good = std::fs::read_to_string(&path).unwrap();
        for (from, to) in [("api.example.org", "evil.example.org"), ("\"KEY\"", "\"KEZ\"")] {
            std::fs::write(&path, good.replace(from, to)).unwrap();
            let error = store.open().unwrap_err();
            assert!(error.message.contains("does not open"), "{error}");
        }
        std::fs::write(&path, &good).unwrap();
        let other = SecretStore::new(home.path(), Some("ab".repeat(KEY_BYTES)));
        assert!(other.open().is_err());
        assert!(SecretStore::new(home.path(), Some("ab".into())).open().is_err());
        std::fs::remove_file(home.path().join("secrets.key")).unwrap();
        assert!(store.open().unwrap_err().help[0].contains("CLEARGATE_SECRETS_KEY"));
    }

    #[cfg(unix)]
    #[test]
    fn files_are_for_the_owner_alone() {
        use std::os::unix::fs::{MetadataExt, PermissionsExt};
        let home = tempfile::tempdir().unwrap();
        let store = SecretStore::new(home.path(), None);
        store.set("KEY", "correct horse battery", hosts(&[])).unwrap();
        for name in ["secrets.json", "secrets.key"] {
            let mode = std::fs::metadata(home.path().join(name)).unwrap().mode();
            assert_eq!(mode & 0o777, 0o600, "{name}");
        }
        let key = home.path().join("secrets.key");
        std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o644)).unwrap();
        assert_eq!(store.open().unwrap_err().kind, Kind::Denied);
    }

    #[test]
    fn labels_and_values_are_checked_before_anything_is_written() {
        let home = tempfile::tempdir().unwrap();
        let store = SecretStore::new(home.path(), None);
        for bad in ["", "1A", "A-B", "A B", "é", &"A".repeat(MAX_LABEL + 1)] {
            assert!(store.set(bad, "correct horse battery", Vec::new()).is_err(), "{bad:?}");
        }
        assert!(store.set("KEY", "x", Vec::new()).is_err(), "too short to be masked");
        assert!(!home.path().join("secrets.json").exists());
    }
}
