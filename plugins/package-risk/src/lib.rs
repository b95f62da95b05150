//! What is unusual about one package of a lock file, in a measured voice.
//!
//! An alarm that rings for every project is turned off. So each check asks for evidence in the lock file
//! itself, a registry's ordinary package has no finding, and the score says how far from ordinary a package
//! is: it is a reason to look, never a proof.

mod alike;
mod checks;
mod source;

use cleargate::Error;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Scores from which a package is of medium and of high risk.
const MEDIUM: u32 = 25;
const HIGH: u32 = 60;
/// Bytes of a name: registries allow at most 214.
const MAX_NAME: usize = 300;
/// Other packages that are looked at: as many as the largest lock file that is read.
const MAX_OTHERS: usize = 50_000;

/// Where packages of a lock file come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Ecosystem {
    /// crates.io.
    Cargo,
    /// npm.
    Npm,
    /// PyPI, from `poetry.lock`.
    Poetry,
    /// PyPI, from `uv.lock`.
    Uv,
    /// PyPI, from `requirements.txt`.
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
    /// `registry+..`, `git+..`, `url+..`, `path+..` or `workspace`; unknown when absent.
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

/// Says what is unusual about one package of a lock file: a name that looks like a well-known one, several
/// versions, pre-releases, sources outside the usual registry, missing checksums, install scripts. Use it
/// before a new dependency is accepted.
#[cleargate::tool(read_only, idempotent, title = "Assess a package")]
pub fn assess(input: AssessInput) -> Result<Assessment, Error> {
    let name = &input.package.name;
    if name.is_empty() || name.len() > MAX_NAME {
        return Err(Error::invalid_input(format!("a package name has 1 to {MAX_NAME} bytes")));
    }
    if input.others.len() > MAX_OTHERS {
        return Err(Error::invalid_input(format!("`others` has at most {MAX_OTHERS} packages")));
    }
    let mut found = checks::all(&input);
    found.sort_by_key(|(weight, _)| std::cmp::Reverse(*weight));
    let score = found.iter().map(|(weight, _)| weight).sum::<u32>().min(100);
    let risk = match score {
        0 => Risk::None,
        1..MEDIUM => Risk::Low,
        MEDIUM..HIGH => Risk::Medium,
        _ => Risk::High,
    };
    let Package { name, version, .. } = input.package;
    let findings = found.into_iter().map(|(_, finding)| finding).collect();
    Ok(Assessment { name, version, risk, score, findings })
}

cleargate::export! { tools: [assess] }

#[cfg(test)]
mod tests;
