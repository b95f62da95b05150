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
    /// Lists by the name of an extra or a group, in `uv.lock` alone.
    #[serde(default, rename = "optional-dependencies")]
    optional: BTreeMap<String, Value>,
    #[serde(default, rename = "dev-dependencies")]
    dev: BTreeMap<String, Value>,
}

#[derive(Deserialize)]
struct File {
    hash: Option<String>,
}

/// A package that is asked for, and its version where one name has several.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Asked<'a> {
    name: &'a str,
    version: Option<&'a str>,
}

fn asked(dependencies: &Value) -> Vec<Asked<'_>> {
    match dependencies {
        Value::Table(table) => table.keys().map(|name| Asked { name, version: None }).collect(),
        Value::Array(list) => list
            .iter()
            .filter_map(|one| {
                let version = one.get("version").and_then(Value::as_str);
                Some(Asked { name: one.get("name")?.as_str()?, version })
            })
            .collect(),
        _ => Vec::new(),
    }
}

impl Entry {
    /// The project itself or a part of it: `uv.lock` lists it with a source inside the folder.
    fn is_project(&self) -> bool {
        let place = |key| self.source.as_ref()?.get(key)?.as_str();
        let place = place("virtual").or_else(|| place("editable"));
        place
            .is_some_and(|p| !p.starts_with(['/', '~']) && !p.split(['/', '\\']).any(|p| p == ".."))
    }

    fn all_asked(&self) -> impl Iterator<Item = Asked<'_>> {
        let groups = self.optional.values().chain(self.dev.values());
        self.dependencies.iter().chain(groups).flat_map(asked)
    }
}

pub(crate) fn read(text: &str) -> Result<Vec<Package>, Refusal> {
    let lock: Lock = toml(text)?;
    let mut versions: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for entry in &lock.package {
        let version = entry.version.as_deref().unwrap_or_default();
        versions.entry(&entry.name).or_default().insert(version);
    }
    let resolve = |Asked { name, version }: Asked<'_>| {
        let known = versions.get(name).filter(|known| known.len() == 1);
        let only = known.and_then(|known| known.first().copied());
        match version.or(only).filter(|version| !version.is_empty()) {
            Some(version) => format!("{name}@{version}"),
            None => name.to_string(),
        }
    };
    let projects: Vec<&Entry> = lock.package.iter().filter(|e| e.is_project()).collect();
    let direct: BTreeSet<Asked<'_>> = projects.iter().flat_map(|e| e.all_asked()).collect();
    let is_direct = |entry: &Entry| {
        let version = entry.version.as_deref();
        direct.contains(&Asked { name: &entry.name, version })
            || direct.contains(&Asked { name: &entry.name, version: None })
    };
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
                dependencies: entry.all_asked().map(resolve).collect(),
                direct: (!projects.is_empty()).then(|| is_direct(entry)),
                install_script: false,
            }
        })
        .collect())
}

fn source(entry: &Entry) -> String {
    let Some(source) = &entry.source else { return UNNAMED.into() };
    if entry.is_project() {
        return "workspace".into();
    }
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
        ("editable", "path"),
        ("virtual", "path"),
    ] {
        if let Some(place) = text(key) {
            return format!("{kind}+{place}");
        }
    }
    // A kind that is newer than this parser: nothing is known, and nothing is called harmless.
    "unknown".into()
}
