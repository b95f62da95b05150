//! What the tool reads and answers: its schemas come from these types.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Where packages of a lock file come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Ecosystem {
    /// Rust, from `Cargo.lock`.
    Cargo,
    /// JavaScript, from `package-lock.json`.
    Npm,
    /// Python, from `poetry.lock`.
    Poetry,
    /// Python, from `uv.lock`.
    Uv,
    /// Python, from `requirements.txt`.
    Requirements,
    /// Go modules.
    Go,
}

/// A package as the node `parse` of `cleargate:lockfile` writes it.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
pub struct Package {
    /// Its name.
    pub name: String,
    /// Its version.
    #[serde(default)]
    pub version: String,
    /// `registry`, `registry+..`, `git+..`, `url+..`, `path+..`, `bundled`, `workspace`, or something else when it is unknown. Not
    /// judged when absent.
    pub source: Option<String>,
    /// Absent when the lock file has none.
    pub checksum: Option<String>,
    /// Whether installing runs a script of the package.
    #[serde(default)]
    pub install_script: bool,
}

/// Another package of the same lock file.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
pub struct Other {
    /// Its name.
    pub name: String,
    /// Its version.
    #[serde(default)]
    pub version: String,
}

/// The arguments of the tool.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AssessInput {
    /// The package.
    pub package: Package,
    /// The format of the lock file; names are compared with those of all ecosystems when absent.
    pub ecosystem: Option<Ecosystem>,
    /// All packages of the lock file, to find several versions of one.
    #[serde(default)]
    pub others: Vec<Other>,
    /// Hosts, or hosts with the beginning of a path, that packages usually come from: what `parse` of
    /// `cleargate:lockfile` found, or what you accept. Registries are not judged when absent.
    pub usual: Option<Vec<String>>,
}

/// How unusual something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Risk {
    /// Nothing unusual.
    None,
    /// Worth knowing.
    Low,
    /// Worth a look.
    Medium,
    /// Look before you use it.
    High,
}

/// One unusual thing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Finding {
    /// For programs, for example `look_alike`.
    pub code: String,
    /// How unusual it is.
    pub severity: Risk,
    /// One sentence for a person.
    pub message: String,
}

/// The result of the tool.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Assessment {
    /// The package's name.
    pub name: String,
    /// The package's version.
    pub version: String,
    /// By the score: none at 0, low, medium from 25, high from 60.
    pub risk: Risk,
    /// 0 to 100.
    pub score: u32,
    /// The heaviest first.
    pub findings: Vec<Finding>,
}
