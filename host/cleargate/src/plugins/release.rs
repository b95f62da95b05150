//! Whether a plugin may be released as what it says it is: what the component describes is what its manifest
//! shows, and what changed since the release before is what the version promises.
//!
//! A flow that was checked against a version must stay right with every later one of the same series: its
//! inputs are still taken, what it reads from outputs is still there, and after a crash nothing is repeated
//! that was not repeated before. That is decided on types, the way the checker decides it on edges.

use std::sync::Arc;

use cleargate_flow::signature::{Effect, PluginKind, Signature};
use cleargate_flow::types::{Kind as Shape, Type, fits};
use cleargate_registry::{History, Manifest, Release, Source, Version};
use cleargate_runtime::Runtime;
use cleargate_runtime::describe::Described;
use indexmap::IndexMap;

use super::{Plugins, read, resolution};
use crate::error::{Error, Kind, Result};

/// What two releases differ in, seen from a flow.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Change {
    /// A flow that was right may be wrong now.
    Breaks(String),
    /// A flow can do something new.
    Adds(String),
}

impl Plugins {
    /// Asks a component what it offers, and compares that with its manifest: each `[[node]]` must be there.
    ///
    /// # Errors
    /// A component that cannot be loaded or does not describe itself by the contract, or a `[[node]]` that
    /// it does not offer.
    pub async fn check(&self, bytes: &[u8]) -> Result<()> {
        let (_, manifest) = read(bytes)?;
        agree(&manifest, &self.describe(bytes).await?)
    }

    /// Refuses a version that promises less change than there is.
    pub(super) async fn check_version(&self, bytes: &[u8], history: &History) -> Result<()> {
        let (_, manifest) = read(bytes)?;
        let now = self.describe(bytes).await?;
        agree(&manifest, &now)?;
        let version = &manifest.plugin.version;
        let Some(before) = before(history, version) else { return Ok(()) };
        let name = &manifest.plugin.name;
        let old = self.registry.fetch(name, before).map_err(resolution)?;
        // No flow of this host runs on a version that it cannot load any more: there is nothing to break.
        let Ok(old) = self.describe(&old).await else { return Ok(()) };
        let changes = changes(&old, &now);
        let Some(least) = least(&before.vers, version, &changes) else { return Ok(()) };
        let mut error = Error::new(
            Kind::Invalid,
            format!("{name} {version} promises to go wherever {} goes, and does not", before.vers),
        );
        error.causes = changes.iter().map(Change::sentence).collect();
        Err(error.with_help(format!("write version = \"{least}\" in plugin.toml")))
    }

    async fn describe(&self, bytes: &[u8]) -> Result<Vec<Described>> {
        let runtime = Runtime::new(self.runtime.clone())
            .map_err(|e| Error::new(Kind::Bug, "no engine").caused_by(&e))?;
        let (_, manifest) = read(bytes)?;
        let runtime = self.ring.runtime(&runtime, &manifest.plugin.name.to_string()).await?;
        let bad = |e: &dyn std::error::Error| {
            Error::new(Kind::Invalid, "the plugin does not describe itself").caused_by(e)
        };
        let plugin = runtime.load_to_describe(Arc::from(bytes)).await.map_err(|e| bad(&e))?;
        plugin.describe().await.map_err(|e| bad(&e))
    }
}

/// Each `[[node]]` of the manifest is something that the component describes.
fn agree(manifest: &Manifest, described: &[Described]) -> Result<()> {
    let offered: Vec<&str> = described.iter().map(|d| d.id.as_str()).collect();
    let absent: Vec<String> = manifest
        .node
        .iter()
        .filter(|shown| !offered.contains(&shown.id.as_str()))
        .map(|shown| format!("[[node]] id = \"{}\" is not in the component", shown.id))
        .collect();
    if absent.is_empty() {
        return Ok(());
    }
    let mut error = Error::new(Kind::Invalid, "plugin.toml does not fit the component");
    error.causes = absent;
    Err(error.with_help(format!("the component offers {}", offered.join(", "))))
}

/// The newest release that a flow on `version` may have been checked against.
fn before<'a>(history: &'a History, version: &Version) -> Option<&'a Release> {
    let same = |r: &&Release| r.vers < *version && r.vers.lane() == version.lane();
    let usable = |r: &&Release| history.revoked(&r.vers).is_none();
    history.releases.iter().filter(same).filter(usable).max_by_key(|r| &r.vers)
}

/// The least version for these changes, when `version` is less.
fn least(before: &Version, version: &Version, changes: &[Change]) -> Option<String> {
    let (old, new) = (before.as_semver(), version.as_semver());
    let breaks = changes.iter().any(|c| matches!(c, Change::Breaks(_)));
    // Before 1.0.0, the patch number counts what is added, as everywhere in this ecosystem.
    let adds = !changes.is_empty() && old.major > 0;
    match (breaks, adds) {
        (true, _) => Some(match (old.major, old.minor) {
            (0, 0) => format!("0.0.{}", old.patch + 1),
            (0, minor) => format!("0.{}.0", minor + 1),
            (major, _) => format!("{}.0.0", major + 1),
        }),
        (false, true) if new.minor == old.minor => {
            Some(format!("{}.{}.0", old.major, old.minor + 1))
        }
        _ => None,
    }
}

/// Everything that a flow could notice.
fn changes(old: &[Described], new: &[Described]) -> Vec<Change> {
    let mut found = Vec::new();
    let called = |d: &Described| format!("{} `{}`", d.kind.as_str(), d.id);
    for was in old {
        match new.iter().find(|d| (d.kind, &d.id) == (was.kind, &was.id)) {
            Some(is) => {
                let taken = match was.kind {
                    PluginKind::Guardrail | PluginKind::Filter => "configuration",
                    _ => "input",
                };
                let name = called(was);
                inputs(&format!("{name}: {taken}"), &was.signature, &is.signature, &mut found);
                outputs(&name, &was.signature.output, &is.signature.output, &mut found);
                found.extend(effect(&name, was.signature.effect, is.signature.effect));
            }
            None => found.push(Change::Breaks(format!("{} is gone", called(was)))),
        }
    }
    let fresh = new.iter().filter(|d| !old.iter().any(|o| (o.kind, &o.id) == (d.kind, &d.id)));
    found.extend(fresh.map(|d| Change::Adds(format!("{} is new", called(d)))));
    found
}

fn inputs(name: &str, was: &Signature, is: &Signature, found: &mut Vec<Change>) {
    for (port, old) in &was.input {
        let place = format!("{name} `{port}`");
        match is.input.get(port) {
            None => found.push(Change::Breaks(format!("{place} is gone"))),
            Some(new) if old.may_be_absent() && !new.may_be_absent() => {
                found.push(Change::Breaks(format!("{place} must be given now")));
            }
            Some(new) => found.extend(moved(&place, &old.ty, &new.ty, Direction::In)),
        }
    }
    for (port, new) in is.input.iter().filter(|(port, _)| !was.input.contains_key(*port)) {
        let place = format!("{name} `{port}`");
        found.push(match new.may_be_absent() {
            true => Change::Adds(format!("{place} is new")),
            false => Change::Breaks(format!("{place} is new and must be given")),
        });
    }
}

fn effect(name: &str, was: Effect, is: Effect) -> Option<Change> {
    let words = || format!("{name}: its effect was `{}` and is `{}`", word(was), word(is));
    (strictness(is) > strictness(was)).then(|| Change::Breaks(words()))
}

fn outputs(name: &str, was: &Type, is: &Type, found: &mut Vec<Change>) {
    let (Shape::Record(old), Shape::Record(new)) = (&was.kind, &is.kind) else {
        found.extend(moved(&format!("{name}: the output"), was, is, Direction::Out));
        return;
    };
    for (port, old) in old {
        let place = format!("{name}: output `{port}`");
        match new.get(port) {
            None => found.push(Change::Breaks(format!("{place} is gone"))),
            Some(new) => found.extend(moved(&place, &old.ty, &new.ty, Direction::Out)),
        }
    }
    let fresh = new.keys().filter(|port| !old.contains_key(*port));
    found.extend(fresh.map(|port| Change::Adds(format!("{name}: output `{port}` is new"))));
}

/// Which way values go through a port.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Direction {
    In,
    Out,
}

/// What a port's new type means: what went in must still fit, what comes out must still fit where it went.
fn moved(place: &str, was: &Type, is: &Type, direction: Direction) -> Option<Change> {
    if was == is {
        return None;
    }
    let (from, to) = if direction == Direction::In { (was, is) } else { (is, was) };
    let sentence = || format!("{place} was `{was}` and is `{is}`");
    Some(match fits(from, to).is_ok() && known(from, to) {
        true => Change::Adds(sentence()),
        false => Change::Breaks(sentence()),
    })
}

/// On an edge, what is not known before the run fits everywhere. A promise needs it to be known.
fn known(from: &Type, to: &Type) -> bool {
    let open = |ty: &Type| matches!(ty.kind, Shape::Any | Shape::Json);
    match (&from.kind, &to.kind) {
        _ if open(from) => open(to),
        (Shape::Opt(a), Shape::Opt(b))
        | (Shape::List(a), Shape::List(b))
        | (Shape::Map(a), Shape::Map(b))
        | (Shape::Stream(a), Shape::Stream(b)) => known(a, b),
        (_, Shape::Opt(b)) => known(from, b),
        (Shape::Record(a), Shape::Record(b)) => fields_known(a, b),
        _ => true,
    }
}

fn fields_known(
    a: &IndexMap<String, cleargate_flow::types::Field>,
    b: &IndexMap<String, cleargate_flow::types::Field>,
) -> bool {
    b.iter().all(|(name, to)| a.get(name).is_none_or(|from| known(&from.ty, &to.ty)))
}

/// How much care an effect needs after a crash.
fn strictness(effect: Effect) -> u8 {
    match effect {
        Effect::Pure => 0,
        Effect::Read => 1,
        Effect::Idempotent => 2,
        Effect::Compensable => 3,
        Effect::Once => 4,
    }
}

fn word(effect: Effect) -> &'static str {
    match effect {
        Effect::Pure => "pure",
        Effect::Read => "read",
        Effect::Idempotent => "idempotent",
        Effect::Compensable => "compensable",
        Effect::Once => "once",
    }
}

impl Change {
    fn sentence(&self) -> String {
        match self {
            Self::Breaks(what) => format!("{what}: a flow that uses it may break"),
            Self::Adds(what) => what.clone(),
        }
    }
}

#[cfg(test)]
mod tests;
