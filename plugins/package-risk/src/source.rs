//! Where a package comes from, read from the form `<kind>+<address>` that lock files share.

/// A source, as far as the checks care.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Source<'a> {
    /// A registry's address.
    Registry(&'a str),
    /// A repository, and the commit if one is pinned.
    Git { address: &'a str, commit: Option<&'a str> },
    /// A file on a server.
    Url(&'a str),
    /// The project's own code.
    Local,
    /// The lock file does not say.
    Unknown,
}

/// Hosts of the registries that package managers use by themselves.
const USUAL: [&str; 8] = [
    "github.com/rust-lang/crates.io-index",
    "index.crates.io",
    "static.crates.io",
    "registry.npmjs.org",
    "registry.yarnpkg.com",
    "pypi.org",
    "files.pythonhosted.org",
    "proxy.golang.org",
];

/// Hex digits of an abbreviated commit, at least: shorter ones are branch names that happen to be hex.
const MIN_COMMIT: usize = 7;

impl<'a> Source<'a> {
    pub(crate) fn of(text: Option<&'a str>) -> Self {
        let Some(text) = text.filter(|t| !t.is_empty()) else { return Self::Unknown };
        match text.split_once('+') {
            Some(("registry" | "sparse", address)) => Self::Registry(address),
            Some(("git", address)) => {
                let (address, fragment) = address.split_once('#').unwrap_or((address, ""));
                let hex = |c: char| c.is_ascii_hexdigit();
                let is_commit = fragment.len() >= MIN_COMMIT && fragment.chars().all(hex);
                Self::Git { address, commit: is_commit.then_some(fragment) }
            }
            Some(("url" | "direct", address)) => Self::Url(address),
            Some(("path" | "file", _)) => Self::Local,
            None if text == "workspace" => Self::Local,
            _ => Self::Unknown,
        }
    }

    pub(crate) fn address(&self) -> Option<&'a str> {
        match self {
            Self::Registry(address) | Self::Url(address) | Self::Git { address, .. } => {
                Some(address)
            }
            Self::Local | Self::Unknown => None,
        }
    }
}

/// Whether an address belongs to a registry that package managers use by themselves.
pub(crate) fn is_usual(address: &str) -> bool {
    let rest = address.split_once("://").map_or(address, |(_, rest)| rest);
    USUAL.iter().any(|usual| {
        rest.strip_prefix(usual).is_some_and(|tail| tail.is_empty() || tail.starts_with('/'))
    })
}

/// The host of an address, for messages.
pub(crate) fn host(address: &str) -> &str {
    let rest = address.split_once("://").map_or(address, |(_, rest)| rest);
    let rest = rest.split(['/', '?', '#']).next().unwrap_or(rest);
    rest.rsplit_once('@').map_or(rest, |(_, host)| host)
}
