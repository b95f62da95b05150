//! Sets of versions as lists of those that are in, or of those that are out.
//!
//! Ranges cannot say what a requirement means for pre-releases. Candidates are known and few, so a set is
//! finite, and `semver` decides about each member.

use std::collections::BTreeSet;
use std::fmt;

use crate::name::Version;

/// A finite set, or the complement of one. Each set has one form, which the solver relies on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Versions {
    /// These alone.
    In(BTreeSet<Version>),
    /// All but these.
    Out(BTreeSet<Version>),
}

impl pubgrub::VersionSet for Versions {
    type V = Version;

    fn empty() -> Self {
        Self::In(BTreeSet::new())
    }

    fn singleton(version: Version) -> Self {
        Self::In([version].into())
    }

    fn complement(&self) -> Self {
        match self {
            Self::In(set) => Self::Out(set.clone()),
            Self::Out(set) => Self::In(set.clone()),
        }
    }

    fn intersection(&self, other: &Self) -> Self {
        match (self, other) {
            (Self::In(a), Self::In(b)) => Self::In(a & b),
            (Self::In(a), Self::Out(b)) | (Self::Out(b), Self::In(a)) => Self::In(a - b),
            (Self::Out(a), Self::Out(b)) => Self::Out(a | b),
        }
    }

    fn contains(&self, version: &Version) -> bool {
        match self {
            Self::In(set) => set.contains(version),
            Self::Out(set) => !set.contains(version),
        }
    }
}

impl fmt::Display for Versions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (start, set) = match self {
            Self::In(set) => ("", set),
            Self::Out(set) => ("not ", set),
        };
        let versions: Vec<String> = set.iter().map(ToString::to_string).collect();
        write!(f, "{start}{}", versions.join(", "))
    }
}
