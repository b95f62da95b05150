//! Installing, and what an update may take over from the version before it.
//!
//! Grants are bound to bytes, so a new version begins with none. What the operator approved for a version of the same
//! package from the same place goes over to one that asks for the same or less. One that asks for more, or comes from
//! elsewhere, waits: nothing is installed, and what was approved goes on.

use std::path::Path;

use cleargate_flow::grant::Grants;
use cleargate_registry::installed::Entry;
use cleargate_registry::{Component, Manifest, PackageName, PackageRef};
use serde::Serialize;

use super::inspection::{Inspection, Requested, requested};
use super::{OWN_REGISTRY, Plugins, read, resolution};
use crate::error::{Error, Kind, Result};
use crate::grants::{GrantFile, Granted};
use crate::toml_file;

/// How to install.
#[derive(Clone, Debug, Default)]
pub struct InstallOptions {
    /// What may be granted on the way.
    pub approval: Approval,
    /// Change nothing.
    pub dry_run: bool,
}

/// What an operator approves before seeing the request.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Approval {
    /// Nothing beyond what was granted before: the rest needs approval.
    #[default]
    Nothing,
    /// What the manifest asks for, whatever it is.
    Requested,
    /// What is in a file, in the form of `[permissions]`. A request beyond it is refused.
    Ceiling(Grants),
}

/// What installing did, or would do.
#[derive(Clone, Debug, Serialize)]
pub struct Installation {
    /// The plugin.
    pub plugin: Inspection,
    /// Whether anything was changed.
    pub installed: bool,
    /// What is other than in the approved version that it would replace, when there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub difference: Option<Difference>,
}

/// What a version may do and reach that the approved one before it did not, and the other way round.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// The approved version: it goes on until the other is approved.
    pub from: String,
    /// The version that was looked at.
    pub to: String,
    /// Asked for now, and not among what was approved.
    pub added: Vec<Requested>,
    /// Asked for before, and no more.
    pub dropped: Vec<Requested>,
    /// Interfaces of the host that it imports now.
    pub imports_added: Vec<String>,
    /// Interfaces of the host that it imports no more.
    pub imports_dropped: Vec<String>,
    /// Where it comes from, when the approved version came from elsewhere: then nothing that was approved goes over.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<Moved>,
}

/// Another place of origin.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Moved {
    /// Label of a registry, or `path:` and a file.
    pub from: String,
    /// The same, of the version that was looked at.
    pub to: String,
}

impl Difference {
    /// Whether an operator must approve it.
    pub fn asks_for_more(&self) -> bool {
        !self.added.is_empty()
    }
}

impl Approval {
    /// Reads the file of a ceiling.
    ///
    /// # Errors
    /// The file cannot be read, is no TOML, or has a key that is no permission.
    pub fn read(path: &Path) -> Result<Self> {
        // A file that is not there would grant nothing without a word.
        let found = std::fs::metadata(path).map_err(|e| {
            Error::new(Kind::Invalid, format!("{} cannot be used", path.display())).caused_by(&e)
        });
        let read = found.and_then(|_| toml_file::parse(path, &toml_file::text(path)?));
        read.map(Self::Ceiling).map_err(|error| {
            error.with_help(
                "write it as `[permissions]` of plugin.toml: http = [\"api.example.org\"]",
            )
        })
    }
}

impl Plugins {
    /// Installs the newest version that fits, from the own registry, or the component at a path.
    ///
    /// What the operator granted to an installed version from the same place goes over to this one as far as it asks
    /// for it.
    ///
    /// # Errors
    /// No version fits; it imports what this host does not serve ([`Kind::Invalid`]); or it asks for what nobody granted or approves ([`Kind::Denied`]): nothing is installed then,
    /// and an approved version goes on as it was.
    pub fn install(&self, reference: &str, options: &InstallOptions) -> Result<Installation> {
        let reference = self.reference(reference)?;
        let bytes = self.fetch(&reference)?;
        let named = match &reference {
            PackageRef::Registry { name, .. } => name.to_string(),
            PackageRef::Path(path) => path.clone(),
        };
        self.install_bytes(&bytes, &source(&reference), &named, options)
    }

    /// The same for bytes from `source`; `named` is what an operator calls them in a command.
    pub(super) fn install_bytes(
        &self,
        bytes: &[u8],
        source: &str,
        named: &str,
        options: &InstallOptions,
    ) -> Result<Installation> {
        let (component, manifest) = read(bytes)?;
        let grants = GrantFile::read(&self.grants)?;
        let before = self.approved_before(&grants, &component, &manifest, source)?;
        let mut inspection = self.inspection(bytes)?;
        inspection.all_served()?;
        let asks = inspection.requests.iter().any(Requested::open);
        let (asked, all) = (&manifest.permissions, &manifest.asked());
        let mut allow = grants.allowed(&inspection.plugin, &component.digest.to_string());
        if let Some(before) = &before
            && before.entry.source == source
        {
            // What was asked for before was answered, though perhaps with a part of it.
            let open = before.manifest.permissions.clone().union(&before.allowed).missing(asked);
            inspection.approve(asked, &open);
            allow = allow.union(&before.allowed);
        }
        let difference = before.map(|before| before.difference(&inspection, source));
        match &options.approval {
            Approval::Nothing => {}
            Approval::Requested => {
                inspection.approve(asked, &Grants::default());
                allow = allow.union(asked);
            }
            Approval::Ceiling(most) => {
                inspection.approve(all, &most.unanswered(all));
                allow = allow.union(most);
            }
        }
        inspection.narrow(all, &allow);
        let mut done = Installation { plugin: inspection, installed: false, difference };
        if options.dry_run {
            return Ok(done);
        }
        if done.plugin.requests.iter().any(Requested::open) {
            return Err(done.needs_approval(named));
        }
        let entry = self.installed.add(bytes, source).map_err(resolution)?;
        let chosen =
            matches!(&options.approval, Approval::Ceiling(_)) && !manifest.optional.is_empty();
        if asks || chosen {
            let granted = Granted {
                plugin: entry.name.to_string(),
                version: entry.version.to_string(),
                digest: entry.digest.to_string(),
                allow: allow.effective(all),
            };
            GrantFile::grant(&self.grants, granted)?;
        }
        done.installed = true;
        Ok(done)
    }

    /// The installed version that the operator approved whole and that this one would follow: from the same place when
    /// there is one, and the newest of those.
    fn approved_before(
        &self,
        grants: &GrantFile,
        component: &Component,
        manifest: &Manifest,
        source: &str,
    ) -> Result<Option<Before>> {
        let mut found: Option<Before> = None;
        let others = self.entries(&manifest.plugin.name)?.into_iter();
        for entry in others.filter(|entry| entry.digest != component.digest) {
            // One that is damaged runs no more, so nothing follows it.
            let Some(before) = self.approved(grants, entry) else { continue };
            let nearer = |best: &Before| best.entry.source == source;
            if before.entry.source == source || !found.as_ref().is_some_and(nearer) {
                found = Some(before);
            }
        }
        Ok(found)
    }

    /// The installed versions of a package, oldest first.
    pub(super) fn entries(&self, name: &PackageName) -> Result<Vec<Entry>> {
        let entries = self.installed.list().map_err(resolution)?;
        Ok(entries.into_iter().filter(|entry| entry.name == *name).collect())
    }

    /// The version, when everything that it asks for is granted.
    pub(super) fn approved(&self, grants: &GrantFile, entry: Entry) -> Option<Before> {
        let bytes = self.installed.read(&entry.digest).ok()?;
        let (component, manifest) = read(&bytes).ok()?;
        let allowed = grants.allowed(&entry.name.to_string(), &entry.digest.to_string());
        let whole = allowed.unanswered(&manifest.permissions).is_empty();
        whole.then_some(Before { entry, component, manifest, allowed })
    }
}

/// An approved version.
pub(super) struct Before {
    pub(super) entry: Entry,
    component: Component,
    manifest: Manifest,
    pub(super) allowed: Grants,
}

impl Before {
    /// What `now`, which comes from `source`, changes. What goes over is marked as granted in it already.
    fn difference(&self, now: &Inspection, source: &str) -> Difference {
        let asked: Vec<&str> = now.requests.iter().map(|r| r.permission.as_str()).collect();
        let imported: Vec<String> =
            self.component.imports.iter().map(ToString::to_string).collect();
        let but = |these: &[String], those: &[String]| {
            these.iter().filter(|import| !those.contains(import)).cloned().collect()
        };
        Difference {
            from: self.entry.version.to_string(),
            to: now.version.clone(),
            added: now.requests.iter().filter(|r| r.open()).cloned().collect(),
            dropped: requested(&self.manifest, &self.allowed)
                .into_iter()
                .filter(|was| !asked.contains(&was.permission.as_str()))
                .collect(),
            imports_added: but(&now.imports, &imported),
            imports_dropped: but(&imported, &now.imports),
            source: (self.entry.source != source)
                .then(|| Moved { from: self.entry.source.clone(), to: source.into() }),
        }
    }
}

impl Installation {
    /// The refusal of what nobody granted yet; `named` is the package, or its file.
    fn needs_approval(&self, named: &str) -> Error {
        let plugin = &self.plugin;
        let said = match &self.difference {
            Some(update) => format!(
                "{} {} asks for more than {}, and waits for approval; {} goes on",
                plugin.plugin, plugin.version, update.from, update.from
            ),
            None => {
                format!("{} {} asks for more than it was granted", plugin.plugin, plugin.version)
            }
        };
        let mut error = Error::new(Kind::Denied, said);
        if let Some(moved) = self.difference.as_ref().and_then(|update| update.source.as_ref()) {
            error.causes.push(format!(
                "it comes from {}, and what was approved from {}",
                moved.to, moved.from
            ));
        }
        for request in plugin.requests.iter().filter(|r| r.open()) {
            let reason = request.reason.as_deref().map(|r| format!(" ({r})")).unwrap_or_default();
            error.causes.push(format!("{}: it {}{reason}", request.permission, request.meaning));
        }
        let reference = match plugin.plugin == named {
            true => format!("{named}@={}", plugin.version),
            false => named.to_owned(),
        };
        error.with_help(format!("cleargate plugin install {reference} --grant"))
    }
}

/// Where a reference leads, as it is kept with what is installed.
fn source(reference: &PackageRef) -> String {
    match reference {
        PackageRef::Registry { .. } => OWN_REGISTRY.to_owned(),
        PackageRef::Path(path) => path_source(Path::new(path)),
    }
}

/// A file as a source: by its real path, so that a file of that name in another folder is another source.
pub(crate) fn path_source(path: &Path) -> String {
    let path = path.canonicalize().unwrap_or_else(|_| path.to_path_buf());
    format!("path:{}", path.display())
}
