//! `Cargo.lock`, versions 1 to 4.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use super::{Refusal, toml};
use crate::Package;

/// The newest version of the format that this parser knows.
const NEWEST: u32 = 4;

#[derive(Deserialize)]
struct Lock {
    version: Option<u32>,
    #[serde(default)]
    package: Vec<Entry>,
    /// Version 1 keeps checksums here.
    #[serde(default)]
    metadata: BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct Entry {
    name: String,
    version: String,
    source: Option<String>,
    checksum: Option<String>,
    #[serde(default)]
    dependencies: Vec<String>,
}

pub(crate) fn read(text: &str) -> Result<Vec<Package>, Refusal> {
    let lock: Lock = toml(text)?;
    if let Some(newer) = lock.version.filter(|v| *v > NEWEST) {
        let message =
            format!("Cargo.lock version {newer} is newer than {NEWEST}, the last that is read");
        return Err(Refusal::whole(message));
    }
    let mut versions: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for entry in &lock.package {
        versions.entry(&entry.name).or_default().push(&entry.version);
    }
    // `name`, `name version` or `name version (source)`: as much as is needed to be unique.
    let resolve = |dependency: &str| {
        let mut words = dependency.split(' ');
        let name = words.next().unwrap_or_default();
        let known = versions.get(name).map(Vec::as_slice).unwrap_or_default();
        match words.next().or(known.first().copied().filter(|_| known.len() == 1)) {
            Some(version) => format!("{name}@{version}"),
            None => name.to_string(),
        }
    };
    let local = lock.package.iter().filter(|e| e.source.is_none());
    let direct: BTreeSet<String> =
        local.flat_map(|e| e.dependencies.iter().map(|d| resolve(d))).collect();
    Ok(lock
        .package
        .iter()
        .map(|entry| {
            let sum = entry.checksum.clone().or_else(|| {
                let source = entry.source.as_deref().unwrap_or_default();
                let key = format!("checksum {} {} ({source})", entry.name, entry.version);
                lock.metadata.get(&key).filter(|sum| *sum != "<none>").cloned()
            });
            Package {
                name: entry.name.clone(),
                version: entry.version.clone(),
                source: entry.source.clone().unwrap_or_else(|| "workspace".into()),
                checksum: sum.map(|hex| format!("sha256:{hex}")),
                dependencies: entry.dependencies.iter().map(|d| resolve(d)).collect(),
                direct: Some(direct.contains(&format!("{}@{}", entry.name, entry.version))),
                install_script: false,
            }
        })
        .collect())
}
