//! What is known about a package: one append-only file of JSON lines, each chained to the one before.
//!
//! A version is one line. Everything that becomes known later (yanked, revoked, deprecated) is another
//! line and never an edit, so a reader that has seen a line can refuse a history that lacks it. Lines of
//! an unknown form are counted and skipped: an older client reads a newer index.

use std::collections::{BTreeMap, BTreeSet};

use cleargate_flow::grant::Grants;
use cleargate_flow::signature::PluginKind;
use jiff::Timestamp;
use semver::VersionReq;
use serde::{Deserialize, Serialize};

use crate::component::{Component, Interface};
use crate::digest::Digest;
use crate::manifest::{HostApi, Manifest, canonical};
use crate::name::{PackageName, Version};

/// Bytes of a package's file: about a thousand versions.
pub const MAX_FILE_LEN: u64 = 512 * 1024;
/// Bytes of a line: room for long import lists, none for a payload.
pub const MAX_LINE_LEN: usize = 64 * 1024;
/// The form of lines that this client writes and understands.
pub const FORMAT: u32 = 1;

/// One published version.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Release {
    /// Always [`FORMAT`].
    pub v: u32,
    /// The version.
    pub vers: Version,
    /// Of the component's bytes.
    pub wasm: Digest,
    /// Of the manifest's canonical form.
    pub manifest: Digest,
    /// Bytes of the component.
    pub size: u64,
    /// What it plays.
    #[serde(default)]
    pub kind: BTreeSet<PluginKind>,
    /// Host APIs that the author narrowed beyond what the interfaces say.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub requires: BTreeMap<HostApi, VersionReq>,
    /// Interfaces that a host must serve.
    #[serde(default)]
    pub imports: Vec<Interface>,
    /// Interfaces that it offers.
    #[serde(default)]
    pub exports: Vec<Interface>,
    /// Plugins that it needs.
    #[serde(default)]
    pub deps: Vec<Dependency>,
    /// What it asks for.
    #[serde(default)]
    pub perms: Grants,
    /// One sentence: a list of packages needs no second file.
    #[serde(default)]
    pub description: String,
    /// SPDX expression.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub license: Option<String>,
    /// When it was published.
    pub published: Timestamp,
    /// Of the line before, without its line break; absent in the first line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prev: Option<Digest>,
}

/// A plugin that another one needs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dependency {
    /// The package.
    pub name: PackageName,
    /// Which versions will do.
    pub req: VersionReq,
}

impl Release {
    /// The line for a component and the manifest inside it.
    pub fn of(manifest: &Manifest, component: &Component, published: Timestamp) -> Self {
        let deps = manifest.dependencies.iter();
        Self {
            v: FORMAT,
            vers: manifest.plugin.version.clone(),
            wasm: component.digest,
            manifest: manifest.digest(),
            size: component.size,
            kind: component.kinds.clone(),
            requires: manifest.requires.clone(),
            imports: component.imports.clone(),
            exports: component.exports.clone(),
            deps: deps
                .map(|(name, req)| Dependency { name: name.clone(), req: req.clone() })
                .collect(),
            perms: manifest.permissions.clone(),
            description: manifest.plugin.description.clone(),
            license: manifest.plugin.license.clone(),
            published,
            prev: None,
        }
    }

    /// Digest of what it asks for: an update with the same one asks nobody.
    pub fn permissions_digest(&self) -> Digest {
        Digest::of(canonical(&self.perms).as_bytes())
    }
}

/// What became known after a version was published.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// Not to be picked any more; a lock that has it keeps it.
    Yank(Notice),
    /// Takes a yank back.
    Unyank(Notice),
    /// Still works; people are told what to use instead.
    Deprecate(Notice),
    /// Harmful: refused everywhere, a lock included. Cannot be taken back.
    Revoke(Notice),
    /// A known weakness; `id` names it.
    Advisory(Notice),
}

/// The content of an event.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Notice {
    /// The version it is about; absent for all versions so far.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vers: Option<Version>,
    /// One sentence.
    pub reason: String,
    /// What to use instead.
    #[serde(default, rename = "use", skip_serializing_if = "Option::is_none")]
    pub instead: Option<PackageName>,
    /// Identifier of the weakness, as OSV gives it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// When it was said.
    pub at: Timestamp,
    /// By whom.
    pub by: String,
}

impl Event {
    /// The content.
    pub fn notice(&self) -> &Notice {
        match self {
            Self::Yank(n)
            | Self::Unyank(n)
            | Self::Deprecate(n)
            | Self::Revoke(n)
            | Self::Advisory(n) => n,
        }
    }
}

/// Why the bytes of an index are refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IndexError {
    /// More than [`MAX_FILE_LEN`].
    #[error("the file has {0} bytes; the index of a package has at most {MAX_FILE_LEN}")]
    FileTooLarge(u64),
    /// More than [`MAX_LINE_LEN`].
    #[error("line {0} is longer than {MAX_LINE_LEN} bytes")]
    LineTooLong(usize),
    /// No JSON, or a known line with wrong fields.
    #[error("line {line}: {message}")]
    Line {
        /// First line is 1.
        line: usize,
        /// What is wrong with it.
        message: String,
    },
    /// A line does not follow the one before it.
    #[error("line {0} does not follow line {before}: the history was rewritten", before = .0 - 1)]
    Chain(usize),
    /// A version has two lines.
    #[error("line {line}: version {version} was published before")]
    Twice {
        /// First line is 1.
        line: usize,
        /// The version.
        version: Version,
    },
    /// The last line was cut off.
    #[error("the last line has no end: the file was cut off")]
    CutOff,
}

/// The history of a package, verified.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct History {
    /// Versions, in the order in which they were published.
    pub releases: Vec<Release>,
    /// Events that this client understands, in order.
    pub events: Vec<Event>,
    /// Lines that this client does not understand.
    pub skipped: usize,
    lines: Vec<Digest>,
    yanked: BTreeMap<Version, String>,
    revoked: BTreeMap<Version, String>,
}

impl History {
    /// Reads and verifies the lines of a package.
    ///
    /// # Errors
    /// Bytes beyond a bound, a line that is damaged, or a broken chain.
    pub fn parse(bytes: &[u8]) -> Result<Self, IndexError> {
        if bytes.len() as u64 > MAX_FILE_LEN {
            return Err(IndexError::FileTooLarge(bytes.len() as u64));
        }
        let mut history = Self::default();
        let Some(lines) = bytes.strip_suffix(b"\n") else {
            return if bytes.is_empty() { Ok(history) } else { Err(IndexError::CutOff) };
        };
        for (i, line) in lines.split(|b| *b == b'\n').enumerate() {
            history.line(i + 1, line)?;
        }
        Ok(history)
    }

    fn line(&mut self, number: usize, line: &[u8]) -> Result<(), IndexError> {
        #[derive(Deserialize)]
        struct Head {
            v: u32,
            event: Option<String>,
            prev: Option<Digest>,
        }
        if line.len() > MAX_LINE_LEN {
            return Err(IndexError::LineTooLong(number));
        }
        let bad = |e: serde_json::Error| IndexError::Line { line: number, message: e.to_string() };
        let head: Head = serde_json::from_slice(line).map_err(bad)?;
        if head.prev != self.tip() {
            return Err(IndexError::Chain(number));
        }
        self.lines.push(Digest::of(line));
        let known = ["yank", "unyank", "deprecate", "revoke", "advisory"];
        match head.event.as_deref() {
            _ if head.v != FORMAT => self.skipped += 1,
            None => self.release(number, serde_json::from_slice(line).map_err(bad)?)?,
            Some(event) if known.contains(&event) => {
                self.event(serde_json::from_slice(line).map_err(bad)?);
            }
            Some(_) => self.skipped += 1,
        }
        Ok(())
    }

    fn release(&mut self, line: usize, release: Release) -> Result<(), IndexError> {
        if self.find(&release.vers).is_some() {
            return Err(IndexError::Twice { line, version: release.vers });
        }
        self.releases.push(release);
        Ok(())
    }

    fn event(&mut self, event: Event) {
        let notice = event.notice();
        let about: Vec<Version> = match &notice.vers {
            Some(version) => vec![version.clone()],
            None => self.releases.iter().map(|r| r.vers.clone()).collect(),
        };
        for version in about {
            match event {
                Event::Yank(_) => drop(self.yanked.insert(version, notice.reason.clone())),
                Event::Unyank(_) => drop(self.yanked.remove(&version)),
                Event::Revoke(_) => drop(self.revoked.insert(version, notice.reason.clone())),
                Event::Deprecate(_) | Event::Advisory(_) => {}
            }
        }
        self.events.push(event);
    }

    /// The release of `version`.
    pub fn find(&self, version: &Version) -> Option<&Release> {
        self.releases.iter().find(|r| r.vers == *version)
    }

    /// Why `version` is not to be picked, when it was yanked.
    pub fn yanked(&self, version: &Version) -> Option<&str> {
        self.yanked.get(version).map(String::as_str)
    }

    /// Why `version` is refused everywhere, when it was revoked.
    pub fn revoked(&self, version: &Version) -> Option<&str> {
        self.revoked.get(version).map(String::as_str)
    }

    /// Digest of the last line, which the next one names.
    pub fn tip(&self) -> Option<Digest> {
        self.lines.last().copied()
    }
}

/// The file with `release` appended. Fails only when the result would break a bound.
pub(crate) fn append_release(bytes: &[u8], release: &Release) -> Result<Vec<u8>, IndexError> {
    let release = Release { prev: History::parse(bytes)?.tip(), ..release.clone() };
    append(bytes, canonical(&release))
}

/// The file with `event` appended, as a registry server writes it.
#[cfg(test)]
pub(crate) fn append_event(bytes: &[u8], event: &Event) -> Result<Vec<u8>, IndexError> {
    #[derive(Serialize)]
    struct Line<'a> {
        v: u32,
        #[serde(flatten)]
        event: &'a Event,
        #[serde(skip_serializing_if = "Option::is_none")]
        prev: Option<Digest>,
    }
    let prev = History::parse(bytes)?.tip();
    append(bytes, canonical(&Line { v: FORMAT, event, prev }))
}

fn append(bytes: &[u8], line: String) -> Result<Vec<u8>, IndexError> {
    let file = [bytes, line.as_bytes(), b"\n"].concat();
    History::parse(&file)?;
    Ok(file)
}

#[cfg(test)]
mod tests;
