//! `package-lock.json`, versions 2 and 3.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use super::{Refusal, UNNAMED};
use crate::Package;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Lock {
    lockfile_version: Option<u32>,
    packages: Option<BTreeMap<String, Entry>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Entry {
    name: Option<String>,
    version: Option<String>,
    resolved: Option<String>,
    integrity: Option<String>,
    #[serde(default)]
    link: bool,
    /// Another package ships it, and that one's checksum covers it.
    #[serde(default)]
    in_bundle: bool,
    #[serde(default)]
    has_install_script: bool,
    #[serde(default)]
    dependencies: BTreeMap<String, String>,
    #[serde(default)]
    dev_dependencies: BTreeMap<String, String>,
    #[serde(default)]
    optional_dependencies: BTreeMap<String, String>,
}

impl Entry {
    fn asked(&self) -> impl Iterator<Item = &String> {
        self.dependencies.keys().chain(self.optional_dependencies.keys())
    }
}

pub(crate) fn read(text: &str) -> Result<Vec<Package>, Refusal> {
    let lock: Lock =
        serde_json::from_str(text).map_err(|e| Refusal::at(e.line(), e.to_string()))?;
    let packages = match (lock.lockfile_version, lock.packages) {
        (Some(2 | 3), Some(packages)) => packages,
        (Some(1), _) => {
            return Err(Refusal::whole(
                "package-lock.json version 1 does not say enough; write version 3 with \
                 `npm install --package-lock-only` of npm 7 or newer",
            ));
        }
        (Some(version), _) => {
            return Err(Refusal::whole(format!(
                "package-lock.json version {version} is not known"
            )));
        }
        (None, _) => {
            return Err(Refusal::whole(
                "`lockfileVersion` is missing: is this a package-lock.json?",
            ));
        }
    };
    // A place outside `node_modules` is the project or a workspace of it; what those ask for is direct.
    let local = |place: &str| !place.contains("node_modules/");
    let mut direct = BTreeSet::new();
    for (place, entry) in packages.iter().filter(|(place, _)| local(place)) {
        for name in entry.asked().chain(entry.dev_dependencies.keys()) {
            direct.extend(find(&packages, place, name).map(|(at, _)| at));
        }
    }
    let installed = packages.iter().filter(|(place, entry)| !place.is_empty() && !entry.link);
    Ok(installed
        .map(|(place, entry)| Package {
            name: entry.name.clone().unwrap_or_else(|| name_of(place).into()),
            version: entry.version.clone().unwrap_or_default(),
            source: match place {
                // A linked folder is written as the way to it.
                place if place.starts_with("../") => format!("path+{place}"),
                place if local(place) => "workspace".into(),
                _ if entry.in_bundle && entry.resolved.is_none() => "bundled".into(),
                _ => source(entry),
            },
            checksum: entry.integrity.clone(),
            dependencies: entry.asked().map(|name| dependency(&packages, place, name)).collect(),
            direct: Some(direct.contains(place.as_str())),
            install_script: entry.has_install_script,
        })
        .collect())
}

/// `node_modules/a/node_modules/@b/c` → `@b/c`.
fn name_of(place: &str) -> &str {
    place.rsplit_once("node_modules/").map_or(place, |(_, name)| name)
}

fn dependency(packages: &BTreeMap<String, Entry>, place: &str, name: &str) -> String {
    match find(packages, place, name).and_then(|(_, entry)| entry.version.as_ref()) {
        Some(version) => format!("{name}@{version}"),
        None => name.to_string(),
    }
}

/// The way Node looks for a package: in `node_modules` here, then in each folder above.
fn find<'a>(
    packages: &'a BTreeMap<String, Entry>,
    place: &str,
    name: &str,
) -> Option<(&'a str, &'a Entry)> {
    let mut folder = place;
    loop {
        let slash = if folder.is_empty() { "" } else { "/" };
        let candidate = format!("{folder}{slash}node_modules/{name}");
        if let Some((at, entry)) = packages.get_key_value(&candidate) {
            return Some((at, entry));
        }
        if folder.is_empty() {
            return None;
        }
        folder = folder.rsplit_once('/').map_or("", |(above, _)| above);
    }
}

fn source(entry: &Entry) -> String {
    let Some(resolved) = &entry.resolved else { return UNNAMED.into() };
    if resolved.starts_with("git+") || resolved.starts_with("path+") {
        return resolved.clone();
    }
    if let Some(path) = resolved.strip_prefix("file:") {
        return format!("path+{path}");
    }
    // `<registry>/<name>/-/<file>.tgz` is how every npm registry serves packages.
    let registry = resolved.split_once("/-/").and_then(|(package, _)| {
        let (above, _name) = package.rsplit_once('/')?;
        // A scope is a folder of its own, unless it is written as `@scope%2fname`.
        let (registry, scope) = above.rsplit_once('/')?;
        Some(if scope.starts_with('@') { registry } else { above })
    });
    match registry {
        Some(registry) => format!("registry+{registry}/"),
        None => format!("url+{resolved}"),
    }
}
