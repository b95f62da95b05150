//! Files that people write, download or get from others: manifests, grants, configuration, locks, indexes, cases.

use std::fs::File;
use std::io::Write as _;
use std::path::PathBuf;
use std::sync::LazyLock;

use cleargate::{Config, GrantFile, SecretStore};
use cleargate_registry::{History, Lock, Manifest};
use tempfile::TempDir;

/// A folder for those that are read by their path.
static FOLDER: LazyLock<TempDir> = LazyLock::new(|| TempDir::new().unwrap());

/// Written over in place: a file that is made anew for each round would cost more than the round.
fn file(name: &str, bytes: &[u8]) -> PathBuf {
    let path = FOLDER.path().join(name);
    let mut file = File::options().write(true).create(true).truncate(false).open(&path).unwrap();
    file.write_all(bytes).unwrap();
    file.set_len(bytes.len() as u64).unwrap();
    path
}

/// `plugin.toml` reads back what it is embedded as, and the section of a component is the same text as JSON.
pub(crate) fn manifest(text: &str) {
    if let Ok(manifest) = Manifest::from_toml(text) {
        let json = serde_json::to_vec(&manifest).expect("a manifest is data");
        let again = Manifest::from_json(&json).expect("what is embedded is read");
        assert_eq!(serde_json::to_vec(&again).unwrap(), json, "reads back what it writes");
    }
    let _ = Manifest::from_json(text.as_bytes());
}

/// `grants.toml`.
pub(crate) fn grants(bytes: &[u8]) {
    if let Ok(file) = GrantFile::read(&file("grants.toml", bytes)) {
        for entry in file.entries() {
            let _ = file.allowed(&entry.plugin, &entry.digest);
        }
    }
}

/// `cleargate.toml`.
pub(crate) fn config(bytes: &[u8]) {
    let home = FOLDER.path();
    file("cleargate.toml", bytes);
    let _ = Config::load(home, home, Vec::new(), &SecretStore::new(home, None));
}

/// `cleargate.lock` reads back what it writes.
pub(crate) fn lock(bytes: &[u8]) {
    if let Ok(Some(lock)) = Lock::read(&file("cleargate.lock", bytes)) {
        let again = Lock::read(&file("again.lock", lock.to_toml().as_bytes()));
        assert_eq!(again.unwrap().unwrap().to_toml(), lock.to_toml(), "reads back what it writes");
    }
}

/// The lines of an index.
pub(crate) fn index(bytes: &[u8]) {
    let _ = History::parse(bytes);
}

/// A file of golden cases.
pub(crate) fn cases(text: &str) {
    let _ = cleargate::count_cases(text);
}
