//! How packages are named, versioned and referred to.
//!
//! A name follows the rules of WIT packages in their ASCII form, so that it is at once a legal OCI path, a
//! legal file path on every system, and a name without look-alikes from other alphabets.

use std::fmt;
use std::str::FromStr;

use semver::VersionReq;
use serde::{Deserialize, Serialize};

/// Bytes of the namespace and of the name, each: OCI registries and file systems allow more.
pub const MAX_WORD_LEN: usize = 64;
/// Bytes of a version or a requirement as text: far beyond honest ones, small enough for messages.
pub const MAX_VERSION_LEN: usize = 128;

/// Why a text is no package name, version or reference.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// Not `namespace:name`.
    #[error(
        "`{0}` is no package name: write `namespace:name`, each of lower-case ASCII letters, digits and \
         single `-`, a letter first, at most {MAX_WORD_LEN} characters"
    )]
    Package(String),
    /// Not a semantic version.
    #[error("`{text}` is no version: {why}; write `1.2.3` or `1.2.3-beta.1`")]
    Version {
        /// What was written.
        text: String,
        /// The rule that it breaks.
        why: String,
    },
    /// `1.2.3+build`: two builds of one version would be two truths, and `+` is illegal in an OCI tag.
    #[error("version `{0}` has build metadata (`+…`); leave it out")]
    BuildMetadata(String),
    /// Not a requirement such as `^1.2`.
    #[error(
        "`{text}` is no version requirement: {why}; write for example `^1.2`, `=1.2.3` or `>=1, <3`"
    )]
    Requirement {
        /// What was written.
        text: String,
        /// The rule that it breaks.
        why: String,
    },
    /// A path that names nothing.
    #[error("`{0}` is no path to a plugin: write `./file.wasm` or `/folder/file.wasm`")]
    Path(String),
}

/// `namespace:name`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PackageName {
    namespace: String,
    name: String,
}

impl PackageName {
    /// Who answers for the package.
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    /// The name inside the namespace.
    pub fn name(&self) -> &str {
        &self.name
    }
}

fn word(text: &str) -> bool {
    text.len() <= MAX_WORD_LEN
        && text.starts_with(|c: char| c.is_ascii_lowercase())
        && !text.ends_with('-')
        && !text.contains("--")
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

impl FromStr for PackageName {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        match text.split_once(':') {
            Some((namespace, name)) if word(namespace) && word(name) => {
                Ok(Self { namespace: namespace.into(), name: name.into() })
            }
            _ => Err(NameError::Package(clip(text))),
        }
    }
}

impl fmt::Display for PackageName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.namespace, self.name)
    }
}

/// A semantic version without build metadata.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Version(semver::Version);

impl Version {
    /// A version without a pre-release part.
    pub const fn new(major: u64, minor: u64, patch: u64) -> Self {
        Self(semver::Version::new(major, minor, patch))
    }

    /// The version for the crate `semver`.
    pub fn as_semver(&self) -> &semver::Version {
        &self.0
    }

    /// Whether it is a pre-release, which no requirement picks unless it names it.
    pub fn is_prerelease(&self) -> bool {
        !self.0.pre.is_empty()
    }

    /// The series of versions that promise to be compatible with this one.
    pub fn lane(&self) -> Lane {
        let v = &self.0;
        match (v.major, v.minor, v.patch) {
            (0, 0, patch) => Lane(0, 0, patch),
            (0, minor, _) => Lane(0, minor, 0),
            (major, ..) => Lane(major, 0, 0),
        }
    }
}

impl FromStr for Version {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let bad = |why: &str| NameError::Version { text: clip(text), why: why.into() };
        if text.len() > MAX_VERSION_LEN {
            return Err(bad("it is too long"));
        }
        let version = semver::Version::parse(text).map_err(|e| bad(&e.to_string()))?;
        if version.build.is_empty() {
            Ok(Self(version))
        } else {
            Err(NameError::BuildMetadata(text.into()))
        }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A series of compatible versions, named by its lowest: `1.0.0`, `0.2.0`, `0.0.3`. Different lanes of one
/// package live side by side.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Lane(u64, u64, u64);

impl fmt::Display for Lane {
    /// The shortest form that names the series: `1`, `0.2`, `0.0.3`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self(0, 0, patch) => write!(f, "0.0.{patch}"),
            Self(0, minor, _) => write!(f, "0.{minor}"),
            Self(major, ..) => write!(f, "{major}"),
        }
    }
}

impl From<Lane> for Version {
    /// The lowest version of the series.
    fn from(lane: Lane) -> Self {
        Self::new(lane.0, lane.1, lane.2)
    }
}

/// Reads a requirement such as `^1.2` or `>=1, <3`. A bare version means `^`.
///
/// # Errors
/// A sentence with the rule and examples.
pub fn parse_requirement(text: &str) -> Result<VersionReq, NameError> {
    let bad = |why: String| NameError::Requirement { text: clip(text), why };
    if text.len() > MAX_VERSION_LEN {
        return Err(bad("it is too long".into()));
    }
    VersionReq::parse(text.trim()).map_err(|e| bad(e.to_string()))
}

/// A plugin as a flow's `use:` or a command line names it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum PackageRef {
    /// `acme:redactor@^1`; without `@` any version.
    Registry {
        /// The package.
        name: PackageName,
        /// Which versions will do.
        requirement: VersionReq,
    },
    /// `./redactor.wasm`: relative to the file that says so, or absolute.
    Path(String),
}

impl FromStr for PackageRef {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        if ["./", "../", "/"].iter().any(|start| text.starts_with(start)) {
            let named = text.split('/').any(|part| !matches!(part, "" | "." | ".."));
            let clean = !text.chars().any(char::is_control);
            return if named && clean {
                Ok(Self::Path(text.into()))
            } else {
                Err(NameError::Path(clip(text)))
            };
        }
        // Meant as a path: an answer about package names would lead astray.
        if text.starts_with("path:") || text.ends_with(".wasm") {
            return Err(NameError::Path(clip(text)));
        }
        let (name, requirement) = text.split_once('@').unwrap_or((text, "*"));
        Ok(Self::Registry { name: name.parse()?, requirement: parse_requirement(requirement)? })
    }
}

impl fmt::Display for PackageRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Registry { name, requirement } if *requirement == VersionReq::STAR => name.fmt(f),
            Self::Registry { name, requirement } => write!(f, "{name}@{requirement}"),
            Self::Path(path) => f.write_str(path),
        }
    }
}

macro_rules! text_form {
    ($($name:ident),*) => {
        $(
            impl TryFrom<String> for $name {
                type Error = NameError;

                fn try_from(text: String) -> Result<Self, NameError> {
                    text.parse()
                }
            }

            impl From<$name> for String {
                fn from(value: $name) -> String {
                    value.to_string()
                }
            }
        )*
    };
}
text_form!(PackageName, Version, PackageRef);

/// The start of a text that is wrong: a message does not repeat a megabyte.
fn clip(text: &str) -> String {
    text.chars().take(MAX_VERSION_LEN).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_ascii_words() {
        for good in ["a:b", "cleargate:pii-redactor", "a1:b-2"] {
            assert_eq!(good.parse::<PackageName>().unwrap().to_string(), good);
        }
        let long = format!("a:{}", "b".repeat(MAX_WORD_LEN + 1));
        for bad in [
            "", "a", ":", "a:", ":b", "A:b", "a:B", "a:b:c", "a:1b", "a:-b", "a:b-", "a:b--c",
            "a:b_c", "а:b", "a:b/../c", "a:..", "a:b\0", "a:b ", &long,
        ] {
            assert!(bad.parse::<PackageName>().is_err(), "{bad:?} was accepted");
        }
    }

    #[test]
    fn versions_have_no_build_metadata() {
        assert_eq!("1.2.3-beta.1".parse::<Version>().unwrap().to_string(), "1.2.3-beta.1");
        let refused = "1.2.3+linux".parse::<Version>().unwrap_err();
        assert_eq!(refused, NameError::BuildMetadata("1.2.3+linux".into()));
        for bad in ["1", "1.2", "v1.2.3", "", "01.2.3", &format!("1.2.3-{}", "a".repeat(200))] {
            assert!(bad.parse::<Version>().is_err(), "{bad:?} was accepted");
        }
    }

    #[test]
    fn a_lane_is_a_compatible_series() {
        for (version, lane) in
            [("1.2.3", "1"), ("0.2.3", "0.2"), ("0.0.3", "0.0.3"), ("2.0.0-a", "2")]
        {
            assert_eq!(version.parse::<Version>().unwrap().lane().to_string(), lane);
        }
    }

    #[test]
    fn references_read_back_what_they_print() {
        for text in
            ["acme:x", "acme:x@^1", "acme:x@=1.2.3", "acme:x@>=1, <3", "./plugins/x", "../x.wasm"]
        {
            assert_eq!(text.parse::<PackageRef>().unwrap().to_string(), text);
        }
        let bare: PackageRef = "acme:x@1.2".parse().unwrap();
        assert_eq!(bare.to_string(), "acme:x@^1.2");
        for bad in ["acme", "acme:x@", "acme:x@latest", "./", "../..", "/", "./a\nb", "x.wasm"] {
            assert!(bad.parse::<PackageRef>().is_err(), "{bad:?} was accepted");
        }
    }
}
