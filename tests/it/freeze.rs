//! A released version of a WIT package never changes; an unreleased one is listed as such.

use std::collections::BTreeMap;
use std::fs;

use cleargate_tests::root;
use sha2::{Digest, Sha256};

/// `wit/frozen.toml`: folder → digest for released versions, folder → `unreleased` for the others.
#[test]
fn released_packages_are_frozen_and_no_package_is_forgotten() {
    let list: BTreeMap<String, String> =
        toml::from_str(&fs::read_to_string(root().join("wit/frozen.toml")).unwrap()).unwrap();
    let mut seen = Vec::new();
    for entry in fs::read_dir(root().join("wit")).unwrap().map(Result::unwrap) {
        if !entry.path().is_dir() {
            continue;
        }
        let name = entry.file_name().into_string().unwrap();
        let state = list.get(&name).unwrap_or_else(|| panic!("wit/frozen.toml lacks {name}"));
        if state != "unreleased" {
            assert_eq!(
                state,
                &digest(&entry.path()),
                "wit/{name} is released and must not change: make a folder for the next version"
            );
        }
        seen.push(name);
    }
    for name in list.keys() {
        assert!(seen.contains(name), "wit/frozen.toml lists {name}, which is not there");
    }
}

fn digest(folder: &std::path::Path) -> String {
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()).collect();
    files.sort();
    let mut hash = Sha256::new();
    for file in files {
        hash.update(file.file_name().unwrap().as_encoded_bytes());
        hash.update([0]);
        hash.update(fs::read(&file).unwrap());
    }
    format!("sha256:{}", hex::encode(hash.finalize()))
}
