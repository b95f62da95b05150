//! The permission language: what a plugin asks for, what an operator grants, and when one covers the other.
//!
//! Three sets decide: what a component *requires* (its imports, which cannot lie), what its manifest
//! *requests*, and what the operator's file *grants*. Effective is the intersection. An absent or empty
//! list grants nothing.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Requests of a manifest, or grants of an operator: the same words on both sides.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Grants {
    /// Hosts that may be reached.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub http: BTreeSet<HostPattern>,
    /// Key-value stores that may be used.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub kv: BTreeSet<Label>,
    /// Secrets that may be used as placeholders, by label.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub secrets: BTreeSet<Label>,
    /// Secrets whose value may enter guest memory.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub reveal: BTreeSet<Label>,
    /// Model names that may be called.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub model: BTreeSet<Label>,
    /// Tools of other plugins that may be called, as `alias` or `alias.tool`.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub tools: BTreeSet<Label>,
    /// Folders and files that may be opened.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub files: BTreeSet<FilePattern>,
    /// Host services without a list: `log`, `config`, `clock`, `random`, `blob`.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub services: BTreeSet<Service>,
}

/// A host service that is granted as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Service {
    /// Bounded lines in the journal.
    Log,
    /// The configuration that the flow gives to this binding.
    Config,
    /// The journaled clock.
    Clock,
    /// The journaled random source.
    Random,
    /// The blob store, for media handles.
    Blob,
}

impl Service {
    /// Each service, in the order of the documentation.
    pub const ALL: [Self; 5] = [Self::Log, Self::Config, Self::Clock, Self::Random, Self::Blob];

    /// Services that cannot reach anything and are granted unless an operator says otherwise.
    pub const HARMLESS: [Self; 4] = [Self::Log, Self::Config, Self::Clock, Self::Random];

    /// The service as manifests write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Log => "log",
            Self::Config => "config",
            Self::Clock => "clock",
            Self::Random => "random",
            Self::Blob => "blob",
        }
    }
}

/// Why a text is no permission.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is no {what}: {why}")]
pub struct GrantError {
    /// What was written.
    pub text: String,
    /// What was expected.
    pub what: &'static str,
    /// The rule that it breaks.
    pub why: String,
}

impl GrantError {
    fn new(text: &str, what: &'static str, why: impl Into<String>) -> Self {
        Self { text: text.into(), what, why: why.into() }
    }
}

macro_rules! as_text {
    ($name:ident) => {
        impl Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
                s.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
                let text = String::deserialize(d)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

/// A name of a store, secret, model or tool; `*` at the end covers every name with that start.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Label(String);
as_text!(Label);

impl Label {
    /// Whether everything that `other` covers is covered by this one.
    pub fn covers(&self, other: &str) -> bool {
        match self.0.strip_suffix('*') {
            Some(start) => other.trim_end_matches('*').starts_with(start),
            None => self.0 == other,
        }
    }

    /// The label as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Label {
    type Err = GrantError;

    fn from_str(text: &str) -> Result<Self, GrantError> {
        let stem = text.strip_suffix('*').unwrap_or(text);
        let good = !text.is_empty()
            && text.len() <= 128
            && stem.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-./:".contains(&b));
        if good {
            Ok(Self(text.into()))
        } else {
            let why = "use letters, digits and `_-./:`, and `*` only at the end";
            Err(GrantError::new(text, "name", why))
        }
    }
}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Hosts that may be reached: `api.example.org`, `api.example.org:8443`, `*.example.org`,
/// `http://intranet.example.org`. Without a scheme `https` is meant; without a port the scheme's own.
///
/// `*` is every host: a manifest asks for it when its configuration names the hosts, and an operator grants those.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HostPattern {
    /// `http` or `https`; of every host, empty.
    pub scheme: String,
    /// Lower-case ASCII host name or IP address; for a wildcard the part behind `*.`; of every host, empty.
    pub host: String,
    /// Whether any non-empty name before `host` is covered (and `host` itself is not).
    pub wildcard: bool,
    /// TCP port; of every host, 0.
    pub port: u16,
}
as_text!(HostPattern);

impl HostPattern {
    /// Whether it is `*`.
    pub fn is_every(&self) -> bool {
        self.host.is_empty()
    }

    /// Whether a request to this host is covered. `host` is what the connection is made to: lower-case,
    /// without brackets, userinfo or port.
    pub fn covers(&self, scheme: &str, host: &str, port: u16) -> bool {
        if self.is_every() {
            return true;
        }
        let name = if self.wildcard {
            host.strip_suffix(self.host.as_str())
                .and_then(|rest| rest.strip_suffix('.'))
                .is_some_and(|sub| !sub.is_empty())
        } else {
            host == self.host
        };
        name && self.scheme == scheme && self.port == port
    }

    /// Whether everything that `other` covers is covered by this one.
    pub fn covers_pattern(&self, other: &HostPattern) -> bool {
        if self.is_every() || other.is_every() {
            self.is_every()
        } else if other.wildcard {
            self.wildcard
                && self.scheme == other.scheme
                && self.port == other.port
                && (self.host == other.host || other.host.ends_with(&format!(".{}", self.host)))
        } else {
            self.covers(&other.scheme, &other.host, other.port)
        }
    }
}

impl FromStr for HostPattern {
    type Err = GrantError;

    fn from_str(text: &str) -> Result<Self, GrantError> {
        if text == "*" {
            let (scheme, host) = (String::new(), String::new());
            return Ok(Self { scheme, host, wildcard: true, port: 0 });
        }
        let bad = |why: &str| GrantError::new(text, "host", why);
        let (scheme, rest) = text.split_once("://").unwrap_or(("https", text));
        let default_port = match scheme {
            "https" => 443,
            "http" => 80,
            _ => return Err(bad("the scheme must be `http` or `https`")),
        };
        let (name, port) = match rest.rsplit_once(':') {
            Some((name, port)) if !name.contains(':') || name.ends_with(']') => {
                (name, port.parse().map_err(|_| bad("the port must be 1 to 65535"))?)
            }
            _ => (rest, default_port),
        };
        if port == 0 {
            return Err(bad("the port must be 1 to 65535"));
        }
        let (wildcard, host) = match name.strip_prefix("*.") {
            Some(host) => (true, host),
            None => (false, name),
        };
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let address = host.parse::<std::net::IpAddr>().is_ok();
        let labels = host.split('.').all(|label| {
            !label.is_empty()
                && label.len() <= 63
                && label.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        });
        if !(address && !wildcard || labels && host.len() <= 253) {
            return Err(bad(
                "write a lower-case ASCII host name, an address, or `*.` and a host name; no path, \
                 query or user",
            ));
        }
        if wildcard && !host.contains('.') {
            return Err(bad("a wildcard needs at least two labels behind it"));
        }
        Ok(Self { scheme: scheme.into(), host: host.into(), wildcard, port })
    }
}

impl fmt::Display for HostPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_every() {
            return f.write_str("*");
        }
        if self.scheme == "http" {
            f.write_str("http://")?;
        }
        if self.wildcard {
            f.write_str("*.")?;
        }
        if self.host.contains(':') {
            write!(f, "[{}]", self.host)?;
        } else {
            f.write_str(&self.host)?;
        }
        match (self.scheme.as_str(), self.port) {
            ("https", 443) | ("http", 80) => Ok(()),
            (_, port) => write!(f, ":{port}"),
        }
    }
}

/// A file, or a folder with all that is in it: `data/` (read), `out/:rw` (read and write).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FilePattern {
    /// As written: relative to the flow's folder, or absolute. A trailing `/` means a folder.
    pub path: String,
    /// Whether it may be changed.
    pub write: bool,
}
as_text!(FilePattern);

impl FilePattern {
    /// Whether opening `path` is covered; both in the same form, without `.` and `..`.
    pub fn covers(&self, path: &str, write: bool) -> bool {
        let inside = match self.path.strip_suffix('/') {
            Some(folder) => {
                path == folder || path.strip_prefix(folder).is_some_and(|p| p.starts_with('/'))
            }
            None => path == self.path,
        };
        inside && (self.write || !write)
    }
}

impl FromStr for FilePattern {
    type Err = GrantError;

    fn from_str(text: &str) -> Result<Self, GrantError> {
        let (path, write) = match text.strip_suffix(":rw") {
            Some(path) => (path, true),
            None => (text, false),
        };
        let path = path.strip_prefix("./").unwrap_or(path);
        let plain = path.split('/').all(|part| part != ".." && part != ".");
        if path.is_empty() || !plain || path.contains('\0') {
            let why = "write a path without `.` and `..`, a folder with `/` at its end, and `:rw` to write";
            return Err(GrantError::new(text, "file", why));
        }
        Ok(Self { path: path.into(), write })
    }
}

impl fmt::Display for FilePattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.path, if self.write { ":rw" } else { "" })
    }
}

impl Grants {
    /// What of `requested` is not covered by these grants, in the same words. Empty means all is covered.
    pub fn missing(&self, requested: &Grants) -> Grants {
        let labels = |mine: &BTreeSet<Label>, asked: &BTreeSet<Label>| {
            let uncovered = |l: &&Label| !mine.iter().any(|m| m.covers(l.as_str()));
            asked.iter().filter(uncovered).cloned().collect()
        };
        Grants {
            http: (requested.http.iter())
                .filter(|asked| !self.http.iter().any(|mine| mine.covers_pattern(asked)))
                .cloned()
                .collect(),
            kv: labels(&self.kv, &requested.kv),
            secrets: labels(&self.secrets, &requested.secrets),
            reveal: labels(&self.reveal, &requested.reveal),
            model: labels(&self.model, &requested.model),
            tools: labels(&self.tools, &requested.tools),
            files: (requested.files.iter())
                .filter(|asked| {
                    let path = asked.path.trim_end_matches('/');
                    let folder = asked.path.ends_with('/');
                    !self.files.iter().any(|mine| {
                        mine.covers(path, asked.write) && (!folder || mine.path.ends_with('/'))
                    })
                })
                .cloned()
                .collect(),
            services: requested.services.difference(&self.services).copied().collect(),
        }
    }

    /// What of `requested` nobody has decided: neither is it covered, nor was a part of it granted, as `a.example.org`
    /// is of `*`.
    pub fn unanswered(&self, requested: &Grants) -> Grants {
        let mut left = self.missing(requested);
        let inside = |wide: &Label, mine: &BTreeSet<Label>| {
            mine.iter().any(|narrow| wide.covers(narrow.as_str()))
        };
        left.http.retain(|wide| !self.http.iter().any(|narrow| wide.covers_pattern(narrow)));
        left.kv.retain(|wide| !inside(wide, &self.kv));
        left.secrets.retain(|wide| !inside(wide, &self.secrets));
        left.reveal.retain(|wide| !inside(wide, &self.reveal));
        left.model.retain(|wide| !inside(wide, &self.model));
        left.tools.retain(|wide| !inside(wide, &self.tools));
        left.files.retain(|wide| {
            let inside = |narrow: &&FilePattern| {
                wide.path.ends_with('/')
                    && wide.covers(narrow.path.trim_end_matches('/'), narrow.write)
            };
            !self.files.iter().any(|narrow| inside(&narrow))
        });
        left
    }

    /// What both sets cover: the effective set of a plugin. Of a wide request, what was granted of it.
    pub fn effective(&self, requested: &Grants) -> Grants {
        self.covered(requested).union(&requested.covered(self))
    }

    /// What of `requested` is covered.
    fn covered(&self, requested: &Grants) -> Grants {
        let missing = self.missing(requested);
        macro_rules! minus {
            ($($field:ident),*) => {
                Grants { $($field: requested.$field.difference(&missing.$field).cloned().collect()),* }
            };
        }
        minus!(http, kv, secrets, reveal, model, tools, files, services)
    }

    /// Both sets together.
    #[must_use]
    pub fn union(mut self, other: &Grants) -> Grants {
        macro_rules! extend {
            ($($field:ident),*) => { $(self.$field.extend(other.$field.iter().cloned());)* };
        }
        extend!(http, kv, secrets, reveal, model, tools, files, services);
        self
    }

    /// Whether nothing is granted or asked for.
    pub fn is_empty(&self) -> bool {
        self == &Grants::default()
    }

    /// One line for each permission, as `http api.example.org`: for people and for differences.
    pub fn lines(&self) -> Vec<String> {
        let mut lines = Vec::new();
        macro_rules! each {
            ($($field:ident),*) => {
                $(lines.extend(self.$field.iter().map(|x| format!("{} {x}", stringify!($field))));)*
            };
        }
        each!(http, kv, secrets, reveal, model, tools, files);
        lines.extend(self.services.iter().map(|s| format!("services {}", s.as_str())));
        lines
    }
}

#[cfg(test)]
mod tests;
