//! Picks versions that fit each other and this host, or says in words why there are none.
//!
//! The search is `pubgrub`'s. A package has one *lane* for each series of compatible versions, so majors
//! live side by side; a requirement that spans lanes goes through a virtual package whose versions are the
//! lanes. Sets of versions are finite (`versions`), so `semver` alone decides what matches. What a host
//! serves is fixed during a search: a release that needs another host API is unavailable, with its reason.

mod explain;
mod provider;
mod versions;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use semver::VersionReq;

use crate::index::Release;
use crate::name::{PackageName, Version};
use crate::source::{Source, SourceError};
use provider::{Provider, Unit};

/// WIT packages that a host serves, each with the versions that it can speak: one for each series.
pub type HostApis = BTreeMap<PackageName, BTreeSet<Version>>;

/// A package of the flow with its requirement.
pub type Root = (PackageName, VersionReq);

/// What to resolve.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// What the flow names.
    pub roots: &'a [Root],
    /// What this host serves.
    pub host: &'a HostApis,
    /// Versions of a lock: preferred, and picked even when they were yanked since.
    pub locked: &'a BTreeMap<PackageName, BTreeSet<Version>>,
}

/// What was picked.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Resolution {
    /// The version for each root, in the order of the request.
    pub roots: Vec<(PackageName, VersionReq, Version)>,
    /// Every package that is needed, once for each series.
    pub packages: BTreeMap<(PackageName, Version), Resolved>,
}

/// One picked package.
#[derive(Clone, Debug, PartialEq)]
pub struct Resolved {
    /// Its line in the index.
    pub release: Release,
    /// What its dependencies became.
    pub dependencies: BTreeSet<(PackageName, Version)>,
}

/// Why nothing was picked.
#[derive(Debug, thiserror::Error)]
pub enum ResolveError {
    /// No set of versions fits.
    #[error("{0}")]
    Conflict(Box<Conflict>),
    /// The index could not be read.
    #[error(transparent)]
    Source(#[from] SourceError),
}

/// A conflict in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conflict {
    /// The packages of the flow that take part.
    pub roots: Vec<PackageName>,
    /// What stands against what, one fact a line.
    pub facts: Vec<String>,
    /// What would help, with the command to paste.
    pub help: Vec<String>,
}

impl fmt::Display for Conflict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let roots: Vec<String> = self.roots.iter().map(ToString::to_string).collect();
        write!(f, "no version of {} fits this flow", roots.join(" and "))?;
        for fact in &self.facts {
            write!(f, "\n  {fact}")?;
        }
        for help in &self.help {
            write!(f, "\n  help: {help}")?;
        }
        Ok(())
    }
}

/// Picks the newest versions that fit; locked ones first.
///
/// # Errors
/// A conflict, explained, or an index that cannot be read or does not hold.
pub fn resolve(source: &dyn Source, request: Request<'_>) -> Result<Resolution, ResolveError> {
    let provider = Provider::new(source, request);
    match pubgrub::resolve(&provider, Unit::Root, Version::new(0, 0, 0)) {
        Ok(picked) => Ok(provider.resolution(&picked)?),
        Err(pubgrub::PubGrubError::NoSolution(tree)) => {
            Err(ResolveError::Conflict(Box::new(explain::conflict(&provider, &tree)?)))
        }
        Err(
            pubgrub::PubGrubError::ErrorRetrievingDependencies { source, .. }
            | pubgrub::PubGrubError::ErrorChoosingVersion { source, .. }
            | pubgrub::PubGrubError::ErrorInShouldCancel(source),
        ) => Err(source.into()),
    }
}

#[cfg(test)]
mod tests;
