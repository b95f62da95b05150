//! `poetry.lock` and `uv.lock`: both are TOML with `[[package]]`, and differ in details.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use toml::Value;

use super::{Refusal, UNNAMED, toml};
use crate::Package;

#[derive(Deserialize)]
struct Lock {
    #[serde(default)]
    package: Vec<Entry>,
    #[serde(default)]
    metadata: Metadata,
}

#[derive(Default, Deserialize)]
struct Metadata {
    /// Older Poetry keeps hashes apart from the packages.
    #[serde(default)]
    files: BTreeMap<String, Vec<File>>,
}

#[derive(Deserialize)]
struct Entry {
    name: String,
    version: Option<String>,
    source: Option<BTreeMap<String, Value>>,
    #[serde(default)]
    files: Vec<File>,
    sdist: Option<File>,
    #[serde(default)]
    wheels: Vec<File>,
    /// A table in `poetry.lock`, a list of tables in `uv.lock`.
    dependencies: Option<Value>,
}

#[derive(Deserialize)]
struct File {
    hash: Option<String>,
}

impl Entry {
    fn asked(&self) -> Vec<String> {
        match &self.dependencies {
            Some(Value::Table(table)) => table.keys().cloned().collect(),
            Some(Value::Array(list)) => {
                list.iter().filter_map(|d| Some(d.get("name")?.as_str()?.to_string())).collect()
            }
            _ => Vec::new(),
        }
    }

    /// The project itself: `uv.lock` lists it with a source inside the folder.
    fn is_project(&self) -> bool {
        let source = self.source.as_ref();
        source.is_some_and(|s| ["virtual", "editable"].iter().any(|key| s.contains_key(*key)))
    }
}

pub(crate) fn read(text: &str) -> Result<Vec<Package>, Refusal> {
    let lock: Lock = toml(text)?;
    let mut versions: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for entry in &lock.package {
        let version = entry.version.as_deref().unwrap_or_default();
        versions.entry(&entry.name).or_default().insert(version);
    }
    let resolve = |name: String| match versions.get(name.as_str()) {
        Some(known) if known.len() == 1 => match known.first() {
            Some(version) if !version.is_empty() => format!("{name}@{version}"),
            _ => name,
        },
        _ => name,
    };
    let projects: Vec<&Entry> = lock.package.iter().filter(|e| e.is_project()).collect();
    let direct: BTreeSet<String> = projects.iter().flat_map(|e| e.asked()).collect();
    Ok(lock
        .package
        .iter()
        .map(|entry| {
            let old = lock.metadata.files.get(&entry.name);
            let files = entry.sdist.iter().chain(&entry.wheels).chain(&entry.files);
            let hash = files.chain(old.into_iter().flatten()).find_map(|f| f.hash.clone());
            Package {
                name: entry.name.clone(),
                version: entry.version.clone().unwrap_or_default(),
                source: source(entry),
                checksum: hash,
                dependencies: entry.asked().into_iter().map(resolve).collect(),
                direct: (!projects.is_empty()).then(|| direct.contains(&entry.name)),
                install_script: false,
            }
        })
        .collect())
}

fn source(entry: &Entry) -> String {
    let Some(source) = &entry.source else { return UNNAMED.into() };
    let text = |key: &str| source.get(key).and_then(Value::as_str);
    // Poetry: `type`, `url`, `resolved_reference`. uv: one key that names the kind.
    if let (Some(kind), Some(url)) = (text("type"), text("url")) {
        return match kind {
            "git" => format!("git+{url}#{}", text("resolved_reference").unwrap_or_default()),
            "directory" | "file" => format!("path+{url}"),
            "url" => format!("url+{url}"),
            _ => format!("registry+{url}"),
        };
    }
    for (key, kind) in [
        ("registry", "registry"),
        ("git", "git"),
        ("url", "url"),
        ("path", "path"),
        ("directory", "path"),
    ] {
        if let Some(place) = text(key) {
            return format!("{kind}+{place}");
        }
    }
    "workspace".into()
}
