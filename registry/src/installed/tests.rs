//! Installing, finding and refusing what was changed.

use super::*;
use crate::source::test_package;

#[test]
fn what_is_installed_is_listed_found_and_removed() {
    let folder = tempfile::TempDir::new().unwrap();
    let store = Installed::open(folder.path());
    assert_eq!(store.list().unwrap(), []);
    let bytes = test_package("1.0.0", "");
    let old = store.add(&bytes, "dir:test").unwrap();
    let new = store.add(&test_package("1.10.0", ""), "dir:test").unwrap();
    assert_eq!(store.add(&bytes, "dir:test").unwrap(), old);
    assert_eq!(store.list().unwrap(), [old.clone(), new.clone()]);
    let name = "acme:redactor".parse().unwrap();
    assert_eq!(store.find(&name, &VersionReq::STAR).unwrap(), Some(new));
    assert_eq!(store.find(&name, &"<1.5".parse().unwrap()).unwrap(), Some(old.clone()));
    assert_eq!(store.read(&old.digest).unwrap(), bytes);
    assert!(store.remove(&old.digest).unwrap());
    assert!(!store.remove(&old.digest).unwrap());
    assert!(matches!(store.read(&old.digest), Err(InstalledError::Absent(d)) if d == old.digest));
    assert!(matches!(store.add(b"junk", "x"), Err(InstalledError::Component(_))));
}

/// PK-05: the name says sha256 X, the bytes are Y. At each read.
#[test]
fn pk_05_changed_bytes_are_refused_at_each_read() {
    let folder = tempfile::TempDir::new().unwrap();
    let store = Installed::open(folder.path());
    let bytes = test_package("1.0.0", "");
    let entry = store.add(&bytes, "dir:test").unwrap();
    store.read(&entry.digest).unwrap();
    let mut changed = bytes;
    *changed.last_mut().unwrap() ^= 1;
    fs::write(store.path(&entry.digest, "wasm"), &changed).unwrap();
    let message = store.read(&entry.digest).unwrap_err().to_string();
    assert!(message.contains(&entry.digest.to_string()), "{message}");
    assert!(message.contains(&Digest::of(&changed).to_string()), "{message}");
    let other = serde_json::to_vec(&Entry { digest: Digest::of(b"x"), ..entry.clone() }).unwrap();
    fs::write(store.path(&entry.digest, "json"), other).unwrap();
    assert!(matches!(store.list(), Err(InstalledError::Entry { .. })));
}

#[test]
fn installing_and_removing_at_once_leaves_no_half_of_a_plugin() {
    let folder = tempfile::TempDir::new().unwrap();
    let store = Installed::open(folder.path());
    let bytes = test_package("1.0.0", "");
    let digest = Digest::of(&bytes);
    for _ in 0..50 {
        std::thread::scope(|scope| {
            scope.spawn(|| store.add(&bytes, "dir:test").unwrap());
            scope.spawn(|| store.remove(&digest).unwrap());
        });
        let (entry, read) = (store.entry(&digest).unwrap(), store.read(&digest));
        assert_eq!(entry.is_some(), read.is_ok(), "{entry:?} and {:?}", read.map(|b| b.len()));
    }
}
