//! Names of interfaces as components import and export them: `cleargate:host/http@0.1.0`.

use std::fmt;
use std::str::FromStr;

use cleargate_flow::signature::PluginKind;
use serde::{Deserialize, Serialize};

use crate::name::{PackageName, Version};

/// An interface of a WIT package.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Interface {
    /// The WIT package: `cleargate:host`.
    pub package: PackageName,
    /// The interface in it: `http`.
    pub name: String,
    /// The version of the package, when the name says one.
    pub version: Option<Version>,
}

/// Packages of WASI whose interfaces the host serves. Which of their interfaces, it says when a component is loaded.
pub const WASI: [&str; 6] = ["cli", "clocks", "filesystem", "http", "io", "random"];

/// The latest versions of them that are known, each served with all before it of its series.
pub const WASI_VERSIONS: [&str; 2] = ["0.2.12", "0.3.2"];

impl Interface {
    /// Whether it is of WASI, in a package and a version that the host serves.
    pub fn is_served_wasi(&self) -> bool {
        let fits = |version: &Version| {
            WASI_VERSIONS.iter().any(|latest| {
                let latest: Version = latest.parse().expect("the version is constant");
                version.lane() == latest.lane() && *version <= latest
            })
        };
        self.package.namespace() == "wasi"
            && WASI.contains(&self.package.name())
            && self.version.as_ref().is_some_and(fits)
    }

    /// Reads `namespace:package/interface@version`; nothing when `text` has another form.
    pub fn parse(text: &str) -> Option<Self> {
        let (path, version) = match text.split_once('@') {
            Some((path, version)) => (path, Some(version.parse().ok()?)),
            None => (text, None),
        };
        let (package, name) = path.split_once('/')?;
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '-';
        if name.is_empty() || !name.chars().all(plain) {
            return None;
        }
        Some(Self { package: package.parse().ok()?, name: name.into(), version })
    }

    /// The kind that exporting this interface makes a component, in any version.
    pub fn kind(&self) -> Option<PluginKind> {
        PluginKind::ALL.into_iter().find(|kind| {
            self.package.namespace() == "cleargate"
                && self.package.name() == kind.as_str()
                && self.name == kind.as_str()
        })
    }
}

impl fmt::Display for Interface {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.package, self.name)?;
        match &self.version {
            Some(version) => write!(f, "@{version}"),
            None => Ok(()),
        }
    }
}

impl FromStr for Interface {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::parse(text).ok_or_else(|| {
            format!("`{text}` is no interface: write `namespace:package/interface@version`")
        })
    }
}

impl TryFrom<String> for Interface {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Interface> for String {
    fn from(interface: Interface) -> String {
        interface.to_string()
    }
}
