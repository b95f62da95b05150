//! What the node reads and writes: the schemas of its ports come from these types.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Which package manager wrote the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// `Cargo.lock`.
    Cargo,
    /// `package-lock.json` or `npm-shrinkwrap.json`.
    Npm,
    /// `poetry.lock`.
    Poetry,
    /// `uv.lock`.
    Uv,
    /// `requirements.txt`.
    Requirements,
    /// `go.sum`.
    Go,
}

/// The ports that the node reads.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ParseInput {
    /// The text of the lock file.
    pub text: String,
    /// Which package manager wrote it; found out from the text when absent.
    pub format: Option<Format>,
}

/// One locked package.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Package {
    /// As the package manager writes it.
    pub name: String,
    /// As the package manager writes it; empty when nothing is locked.
    pub version: String,
    /// `registry+<address>`, `registry` when the file leaves the address to the package manager's settings,
    /// `git+<address>#<commit>`, `url+<address>`, `path+<folder>`, `bundled` when another package ships it,
    /// `workspace`, or `unknown` for a kind that is newer than this parser.
    pub source: String,
    /// With its algorithm: `sha256:..`, `sha512-..`, `h1:..`; absent when the file has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub checksum: Option<String>,
    /// `name@version`, or the name alone when the file does not say more.
    pub dependencies: Vec<String>,
    /// Whether the project itself asks for it; absent when the file does not tell.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub direct: Option<bool>,
    /// Whether the file says that installing runs a script of the package.
    pub install_script: bool,
}

/// The ports that the node writes.
#[derive(Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ParseOutput {
    /// Which package manager wrote the file.
    pub format: Format,
    /// In the order of name and version; each once.
    pub packages: Vec<Package>,
    /// How many there are.
    pub count: usize,
    /// The address, without its scheme, that most of the packages come from; empty when there is none, and when
    /// most leave it to the package manager's settings.
    pub usual: Vec<String>,
}
