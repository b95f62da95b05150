//! The architecture as checked absences. A failure names the rule; the rules are in `host/ARCHITECTURE.md`.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use cleargate_tests::{files, root, shown};

/// Which workspace crates a crate may depend on, dev-dependencies included.
const ARROWS: &[(&str, &str, &[&str])] = &[
    ("host/flow", "flow", &[]),
    ("host/store", "store", &["flow"]),
    ("host/gate", "gate", &["flow", "store"]),
    ("host/executor", "executor", &["flow", "store", "gate"]),
    ("host/runtime", "runtime", &["flow", "store", "gate", "executor"]),
    ("host/nodes", "nodes", &["flow", "store", "gate", "executor"]),
    ("registry", "registry", &["flow"]),
    ("sdk/toolchain", "toolchain", &["flow", "registry"]),
    (
        "host/cleargate",
        "cleargate",
        &["flow", "store", "gate", "executor", "runtime", "nodes", "registry"],
    ),
    ("host/cli", "cli", &["cleargate", "toolchain"]),
    ("tests", "tests", &[]),
    // Measures every layer, and is no part of the product.
    (
        "tests/bench",
        "bench",
        &["flow", "store", "gate", "executor", "nodes", "runtime", "registry", "cleargate"],
    ),
    // Reaches each boundary where bytes come in, and is no part of the product.
    (
        "tests/fuzz",
        "fuzz",
        &["flow", "store", "gate", "executor", "runtime", "registry", "cleargate"],
    ),
    // Cuts the power of stores and of those who run flows on them, and is no part of the product.
    ("tests/power", "power", &["flow", "store", "executor"]),
];

/// Crates that only their owner may name.
const OWNERS: &[(&str, &[&str])] = &[
    ("cel", &["flow"]),
    ("serde-saphyr", &["flow", "cleargate"]),
    // The bench measures a bare commit beside ours: the limit of the machine.
    ("rusqlite", &["store", "bench"]),
    ("reqwest", &["gate"]),
    ("rustls", &["gate"]),
    ("cap-std", &["gate"]),
    // The bench measures a bare call beside ours.
    ("wasmtime", &["runtime", "bench"]),
    ("wasmtime-wasi", &["runtime"]),
    ("seccompiler", &["runtime"]),
    ("landlock", &["runtime"]),
    ("pubgrub", &["registry"]),
    ("clap", &["cli"]),
    ("miette", &["cli"]),
    ("indicatif", &["cli"]),
    ("rustyline", &["cli"]),
];

/// What must never be named by a crate, owner or not.
const NEVER: &[(&str, &[&str])] = &[
    ("flow", &["tokio", "wasmtime", "rand", "getrandom", "jiff", "reqwest", "rusqlite", "uuid"]),
    ("store", &["wasmtime", "reqwest"]),
    ("executor", &["wasmtime", "reqwest", "rusqlite"]),
    ("runtime", &["rusqlite", "reqwest"]),
    ("registry", &["wasmtime", "tokio"]),
    ("cleargate", &["clap", "axum"]),
];

/// Lines that a file may have, without its tests.
const MAX_LINES: usize = 600;

/// Lines that a crate's root may have: it is a tour.
const MAX_ROOT_LINES: usize = 120;

fn dependencies(folder: &str) -> BTreeSet<String> {
    let text = fs::read_to_string(root().join(folder).join("Cargo.toml")).unwrap();
    let manifest: toml::Table = text.parse().unwrap();
    let tables = ["dependencies", "dev-dependencies", "build-dependencies"];
    let mut names: BTreeSet<String> = tables
        .iter()
        .filter_map(|t| manifest.get(*t)?.as_table())
        .flat_map(|t| t.keys().cloned())
        .collect();
    for target in manifest.get("target").and_then(|t| t.as_table()).into_iter().flatten() {
        let table = target.1.get("dependencies").and_then(|t| t.as_table());
        names.extend(table.into_iter().flat_map(|t| t.keys().cloned()));
    }
    names
}

fn short(name: &str) -> Option<&str> {
    (name == "cleargate").then_some(name).or_else(|| name.strip_prefix("cleargate-"))
}

#[test]
fn crates_depend_only_along_the_arrows() {
    let mut wrong = Vec::new();
    for (folder, name, allowed) in ARROWS {
        for dependency in dependencies(folder) {
            let Some(inner) = short(&dependency) else { continue };
            if inner != *name && !allowed.contains(&inner) {
                wrong.push(format!("{name} depends on {inner}"));
            }
        }
    }
    assert!(wrong.is_empty(), "against the arrows: {wrong:#?}");
}

#[test]
fn every_member_has_an_arrow() {
    let manifest: toml::Table =
        fs::read_to_string(root().join("Cargo.toml")).unwrap().parse().unwrap();
    let members = manifest["workspace"]["members"].as_array().unwrap();
    let known: BTreeSet<&str> = ARROWS.iter().map(|a| a.0).collect();
    for member in members {
        assert!(known.contains(member.as_str().unwrap()), "{member} is missing in ARROWS");
    }
}

#[test]
fn heavy_dependencies_have_one_owner() {
    let owners: BTreeMap<&str, &[&str]> = OWNERS.iter().copied().collect();
    let mut wrong = Vec::new();
    for (folder, name, _) in ARROWS {
        for dependency in dependencies(folder) {
            if owners.get(dependency.as_str()).is_some_and(|owners| !owners.contains(name)) {
                wrong.push(format!("{name} names {dependency}"));
            }
            if NEVER.iter().any(|(n, list)| n == name && list.contains(&dependency.as_str())) {
                wrong.push(format!("{name} must never name {dependency}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// The text up to the tests inside the file.
fn without_tests(text: &str) -> &str {
    text.split("#[cfg(test)]\nmod tests {").next().unwrap_or(text)
}

fn sources() -> Vec<std::path::PathBuf> {
    let folders = ["host", "registry", "sdk", "plugins", "tests"];
    folders.iter().flat_map(|f| files(f, ".rs")).collect()
}

fn is_test(path: &std::path::Path) -> bool {
    let path = shown(path);
    path.contains("/tests/") || path.starts_with("tests/it/") || path.ends_with("tests.rs")
}

#[test]
fn files_stay_short_enough_to_be_read() {
    let mut wrong = Vec::new();
    for path in sources().iter().filter(|p| !is_test(p)) {
        let text = fs::read_to_string(path).unwrap();
        let lines = without_tests(&text).lines().count();
        let root = path.ends_with("lib.rs") || path.ends_with("main.rs");
        let most = if root { MAX_ROOT_LINES } else { MAX_LINES };
        if lines > most {
            wrong.push(format!("{}: {lines} lines, at most {most}", shown(path)));
        }
    }
    assert!(wrong.is_empty(), "split these: {wrong:#?}");
}

#[test]
fn every_file_says_what_it_is() {
    let wrong: Vec<String> = sources()
        .iter()
        .filter(|p| !fs::read_to_string(p).unwrap().trim_start().starts_with("//!"))
        .map(|p| shown(p))
        .collect();
    assert!(wrong.is_empty(), "open these with a `//!` line: {wrong:#?}");
}

#[test]
fn names_say_something() {
    let vague = ["util", "utils", "common", "helpers", "misc", "manager"];
    let wrong: Vec<String> = sources()
        .iter()
        .filter(|p| vague.contains(&p.file_stem().unwrap().to_str().unwrap()))
        .map(|p| shown(p))
        .collect();
    assert!(wrong.is_empty(), "rename these after what they hold: {wrong:#?}");
}

/// Text that must not be in a source file outside the crates that own it.
const WORDS: &[(&str, &[&str], &str)] = &[
    ("tokio::spawn(", &["host/executor/src/tasks", "tests/"], "spawn through executor::tasks"),
    ("std::process::exit", &["host/cli/"], "only the command exits"),
    ("std::env::var", &["host/cli/", "tests/"], "only the command reads the environment"),
    (
        "unsafe {",
        &["host/runtime/src/artifact"],
        "unsafe is forbidden but for our own compiled code",
    ),
    ("todo!(", &[], "finish it"),
    ("unimplemented!(", &[], "finish it"),
];

#[test]
fn absences_hold() {
    let mut wrong = Vec::new();
    for path in sources().iter().filter(|p| !is_test(p)) {
        let text = fs::read_to_string(path).unwrap();
        let name = shown(path);
        if name.starts_with("sdk/rust/") || name.starts_with("plugins/") {
            continue;
        }
        for (word, allowed, why) in WORDS {
            let code = without_tests(&text).lines().filter(|l| !l.trim_start().starts_with("//"));
            let found = code.into_iter().any(|line| line.contains(word));
            if found && !allowed.iter().any(|a| name.starts_with(a)) {
                wrong.push(format!("{name} has `{word}`: {why}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Cargo names a crate after its path in the workspace, or after the path of the checkout when it lies outside.
#[test]
fn plugins_have_the_same_bytes_in_every_checkout() {
    let text = fs::read_to_string(root().join("plugins/Cargo.toml")).unwrap();
    let manifest: toml::Table = text.parse().unwrap();
    let dependencies = manifest["workspace"]["dependencies"].as_table().unwrap();
    let paths = dependencies.values().filter_map(|d| d.as_table()?.get("path")?.as_str());
    let paths: Vec<&str> = paths.collect();
    assert!(!paths.is_empty(), "the SDK is taken by path");
    for path in paths {
        assert!(!path.contains("..") && !path.starts_with('/'), "{path} lies outside of plugins/");
        assert!(
            root().join("plugins").join(path).join("Cargo.toml").is_file(),
            "{path} is nothing"
        );
    }
}
