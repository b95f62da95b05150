//! What a plugin uses of the contract, as a world: the kinds that it exports and the services that it imports.
//!
//! No author writes a world. Each language says in its own way what its source uses, and the build writes the world
//! from that, so a component asks for what its source names and for nothing else.

use std::fs;
use std::io;
use std::path::Path;

use crate::{BuildError, Kind};

/// The kinds by their words, which are also the folders of their interfaces.
pub(crate) fn words() -> impl Iterator<Item = &'static str> {
    Kind::ALL.into_iter().map(Kind::as_str)
}

/// What a plugin uses of the contract.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Uses {
    pub(crate) kinds: Vec<&'static str>,
    /// Names of imports, as `cleargate:host/log@0.1.0`.
    pub(crate) services: Vec<String>,
}

impl Uses {
    /// The uses of a source that names kinds and services by their words; the versions are those in the folder `wit`.
    pub(crate) fn named(
        wit: &Path,
        kinds: &[String],
        services: &[String],
    ) -> Result<Self, BuildError> {
        let kinds = words().filter(|kind| kinds.iter().any(|word| word == kind)).collect();
        let package = match services.is_empty() {
            true => String::new(),
            false => package(wit, &files(wit)?, "host")?,
        };
        let version = package.strip_prefix("host@").unwrap_or_default();
        let name = |word: &String| format!("cleargate:host/{}@{version}", word.replace('_', "-"));
        Ok(Self { kinds, services: services.iter().map(name).collect() })
    }
}

/// How a language writes the contract's functions that may wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Waits {
    /// As the contract does.
    Marked,
    /// As ordinary functions: they have the same form at the boundary, and the engine needs no loop of its own.
    Plain,
}

/// Writes the world of a plugin into the folder `to`, beside the packages that it names, and returns all of their
/// texts.
pub(crate) fn write_world(
    wit: &Path,
    uses: &Uses,
    waits: Waits,
    to: &Path,
) -> Result<Vec<u8>, BuildError> {
    // Each package lies in a folder with its version; whatever else is there is for people.
    let packages: Vec<String> = files(wit)?.into_iter().filter(|name| name.contains('@')).collect();
    let mut world = String::from("package cleargate:plugin;\n\nworld plugin {\n");
    for service in &uses.services {
        world.push_str(&format!("    import {service};\n"));
    }
    for kind in &uses.kinds {
        let package = package(wit, &packages, kind)?;
        let version = package.rsplit('@').next().unwrap_or_default();
        world.push_str(&format!("    export cleargate:{kind}/{kind}@{version};\n"));
    }
    world.push_str("}\n");
    let mut texts = world.clone().into_bytes();
    let put = |path: &Path, text: &[u8]| {
        let folder = path.parent().expect("a file of a world has a folder");
        fs::create_dir_all(folder)
            .and_then(|()| fs::write(path, text))
            .map_err(|cause| BuildError::Write { path: path.into(), cause })
    };
    put(&to.join("world.wit"), world.as_bytes())?;
    for package in &packages {
        for file in files(&wit.join(package))? {
            let path = wit.join(package).join(&file);
            let mut text =
                fs::read_to_string(&path).map_err(|cause| BuildError::Read { path, cause })?;
            if waits == Waits::Plain {
                text = text.replace(": async func(", ": func(");
            }
            put(&to.join("deps").join(package).join(file), text.as_bytes())?;
            texts.extend(text.into_bytes());
        }
    }
    Ok(texts)
}

/// The folder of a package, with its version.
fn package(wit: &Path, packages: &[String], name: &str) -> Result<String, BuildError> {
    let found = packages.iter().find(|folder| folder.split('@').next() == Some(name));
    let absent =
        || BuildError::Read { path: wit.join(name), cause: io::ErrorKind::NotFound.into() };
    found.cloned().ok_or_else(absent)
}

/// Names in a folder, sorted.
pub(crate) fn files(path: &Path) -> Result<Vec<String>, BuildError> {
    let read = || -> io::Result<Vec<String>> {
        let names = fs::read_dir(path)?.map(|entry| entry.map(|e| e.file_name()));
        names.map(|name| name.map(|n| n.to_string_lossy().into_owned())).collect()
    };
    let mut names: Vec<String> =
        read().map_err(|cause: io::Error| BuildError::Read { path: path.into(), cause })?;
    names.sort();
    Ok(names)
}

/// The files below a folder that have one of the endings, sorted: paths relative to it, and contents.
pub(crate) fn tree(root: &Path, endings: &[&str]) -> Result<Vec<(String, Vec<u8>)>, BuildError> {
    let (mut found, mut open) = (Vec::new(), vec![String::new()]);
    while let Some(folder) = open.pop() {
        for name in files(&root.join(&folder))? {
            let inner = if folder.is_empty() { name } else { format!("{folder}/{name}") };
            let path = root.join(&inner);
            if path.is_dir() {
                open.push(inner);
            } else if endings.iter().any(|ending| inner.ends_with(ending)) {
                let bytes = fs::read(&path).map_err(|cause| BuildError::Read { path, cause })?;
                found.push((inner, bytes));
            }
        }
    }
    found.sort();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_world_names_what_is_used_and_nothing_else() {
        let wit = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../wit");
        let dir = tempfile::tempdir().unwrap();
        let words = |list: &[&str]| list.iter().map(|w| (*w).to_owned()).collect::<Vec<_>>();
        let contract = dir.path().join("contract");
        for package in files(&wit).unwrap().iter().filter(|p| p.contains('@')) {
            fs::create_dir_all(contract.join(package)).unwrap();
            for file in files(&wit.join(package)).unwrap() {
                fs::copy(wit.join(package).join(&file), contract.join(package).join(file)).unwrap();
            }
        }
        let uses = Uses::named(&contract, &words(&["tool", "nothing"]), &words(&["kv"])).unwrap();
        write_world(&contract, &uses, Waits::Plain, &dir.path().join("to")).unwrap();
        let world = fs::read_to_string(dir.path().join("to/world.wit")).unwrap();
        assert!(world.contains("import cleargate:host/kv@0.1.0;"), "{world}");
        assert!(world.contains("export cleargate:tool/tool@0.1.0;"), "{world}");
        assert_eq!(world.matches("cleargate:").count(), 3, "{world}");
        assert!(dir.path().join("to/deps/types@0.1.0/types.wit").is_file());
        let tool = dir.path().join("to/deps/tool@0.1.0/tool.wit");
        assert!(fs::read_to_string(tool).unwrap().contains("    call: func("));
    }
}
