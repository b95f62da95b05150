//! Where a package comes from, read from the form `<kind>+<address>` that lock files share.

/// A source, as far as the checks care.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Source<'a> {
    /// A registry's address; absent when the lock file leaves it to the package manager's settings.
    Registry(Option<Address<'a>>),
    /// A repository, and the commit if one is pinned.
    Git { address: Address<'a>, commit: Option<&'a str> },
    /// A file on a server.
    Url(Address<'a>),
    /// A folder or file of this machine that is no part of the project.
    Outside(&'a str),
    /// The project's own code.
    Local,
    /// Inside another package, whose checksum covers it.
    Bundled,
    /// Nobody said.
    Unsaid,
    /// In words that mean nothing here.
    Unknown(&'a str),
}

/// Hex digits of an abbreviated commit, at least: shorter ones are branch names that happen to be hex.
const MIN_COMMIT: usize = 7;

impl<'a> Source<'a> {
    pub(crate) fn of(text: Option<&'a str>) -> Self {
        let Some(text) = text.filter(|t| !t.is_empty()) else { return Self::Unsaid };
        match text.split_once('+') {
            Some(("registry" | "sparse", address)) => Self::Registry(Some(Address::of(address))),
            Some(("git", address)) => {
                let (address, fragment) = address.split_once('#').unwrap_or((address, ""));
                let hex = |c: char| c.is_ascii_hexdigit();
                let is_commit = fragment.len() >= MIN_COMMIT && fragment.chars().all(hex);
                let commit = is_commit.then_some(fragment);
                Self::Git { address: Address::of(address), commit }
            }
            Some(("url" | "direct", address)) => Self::Url(Address::of(address)),
            Some(("path" | "file", path)) if leaves_the_project(path) => Self::Outside(path),
            Some(("path" | "file", _)) => Self::Local,
            None if text == "workspace" => Self::Local,
            None if text == "registry" => Self::Registry(None),
            None if text == "bundled" => Self::Bundled,
            _ => Self::Unknown(text),
        }
    }

    pub(crate) fn address(&self) -> Option<Address<'a>> {
        match self {
            Self::Registry(address) => *address,
            Self::Url(address) | Self::Git { address, .. } => Some(*address),
            Self::Outside(_) | Self::Local | Self::Bundled | Self::Unsaid | Self::Unknown(_) => {
                None
            }
        }
    }
}

/// `../x`, `/x`, `~/x`, `C:\x` and `file://` lead out of the folder that the lock file is in.
fn leaves_the_project(path: &str) -> bool {
    let drive = path.as_bytes().get(1) == Some(&b':');
    drive
        || path.starts_with(['/', '\\', '~'])
        || path.split(['/', '\\']).scan(0i32, depth).any(|depth| depth < 0)
}

/// How deep below the first folder a path is after one more of its parts.
fn depth(depth: &mut i32, part: &str) -> Option<i32> {
    *depth += match part {
        "" | "." => 0,
        ".." => -1,
        _ => 1,
    };
    Some(*depth)
}

/// The parts of an address that are judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Address<'a> {
    /// `https`, `ssh`, …; empty when there is none.
    pub(crate) scheme: &'a str,
    /// What stands before the `@`.
    user: Option<&'a str>,
    /// With the port when there is one.
    pub(crate) host: &'a str,
    /// From the first `/` on, without query and fragment.
    path: &'a str,
}

impl<'a> Address<'a> {
    pub(crate) fn of(text: &'a str) -> Self {
        let (scheme, rest) = text.split_once("://").unwrap_or(("", text));
        // Programs that fetch take `\` for `/`, so a host must end there too.
        let end = rest.find(['/', '\\', '?', '#']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at(end);
        let path = path.split(['?', '#']).next().unwrap_or_default();
        let (user, host) = match authority.rsplit_once('@') {
            Some((user, host)) => (Some(user), host),
            None => (None, authority),
        };
        Self { scheme, user, host, path }
    }

    /// Whether it holds a password or a token. `git@` of a repository is neither, and `${NAME}` is filled in by
    /// the package manager.
    pub(crate) fn has_credentials(&self) -> bool {
        let Some(user) = self.user else { return false };
        let (name, password) = user.split_once(':').unwrap_or((user, ""));
        let written = |word: &str| !word.is_empty() && !word.starts_with('$');
        let is_token = self.scheme.starts_with("http") && name != "git";
        written(password) || (password.is_empty() && is_token && written(name))
    }

    pub(crate) fn is_plain_text(&self) -> bool {
        ["http", "git", "ftp"].iter().any(|scheme| self.scheme.eq_ignore_ascii_case(scheme))
    }

    /// Whether the host is a number: nobody owns it by name, and no certificate proves it. Programs that fetch
    /// take every host whose last part is a number for an IPv4 address.
    pub(crate) fn is_ip(&self) -> bool {
        if self.host.starts_with('[') {
            return true;
        }
        let host = self.host.split(':').next().unwrap_or_default().trim_end_matches('.');
        let last = host.rsplit('.').next().unwrap_or_default();
        let hex = last.strip_prefix("0x").or(last.strip_prefix("0X"));
        match hex {
            Some(digits) => digits.bytes().all(|b| b.is_ascii_hexdigit()),
            None => !last.is_empty() && last.bytes().all(|b| b.is_ascii_digit()),
        }
    }

    /// Whether one of `usual` names this source: a host, or a host and the beginning of a path.
    pub(crate) fn is_among(&self, usual: &[String]) -> bool {
        usual.iter().any(|usual| {
            let usual = Address::of(usual);
            let folder = usual.path.trim_end_matches('/');
            let below = self.path.strip_prefix(folder);
            self.host.eq_ignore_ascii_case(usual.host)
                && below.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
                // `/usual/../other` begins with a usual path and is another one.
                && (folder.is_empty() || !climbs(self.path))
        })
    }

    /// The host, for messages: short, and without anything that a reader's Markdown would act on.
    pub(crate) fn shown_host(&self) -> String {
        shown(self.host)
    }

    /// The whole address without credentials, query and fragment, for messages.
    pub(crate) fn shown(&self) -> String {
        let scheme = if self.scheme.is_empty() { "" } else { "://" };
        format!("{}{scheme}{}{}", shown(self.scheme), shown(self.host), shown(self.path))
    }
}

fn climbs(path: &str) -> bool {
    let plain = path.to_ascii_lowercase().replace("%2e", ".").replace("%2f", "/");
    plain.split(['/', '\\']).any(|part| part == "..")
}

/// Text of a stranger for a message.
pub(crate) fn shown(text: &str) -> String {
    const LIMIT: usize = 120; // characters; the longest host names of real registries have half of that
    let fits = |c: char| c.is_ascii_alphanumeric() || ".-:/_@+~$!".contains(c);
    let clean: String = text.chars().take(LIMIT).map(|c| if fits(c) { c } else { '?' }).collect();
    if text.chars().nth(LIMIT).is_some() { format!("{clean}…") } else { clean }
}
