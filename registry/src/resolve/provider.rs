//! What the solver asks: which versions there are, what they need, and which to try first.

use std::cell::RefCell;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::rc::Rc;

use pubgrub::{
    Dependencies, DependencyConstraints, DependencyProvider, PackageResolutionStatistics,
    SelectedDependencies, VersionSet,
};
use semver::VersionReq;

use super::versions::Versions;
use super::{Request, Resolution, Resolved};
use crate::component::Interface;
use crate::index::{Dependency, History, Release};
use crate::name::{Lane, PackageName, Version};
use crate::source::SourceError;

/// What the solver picks one version of.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Unit {
    /// The flow.
    Root,
    /// A series of compatible versions of a package.
    Plugin(PackageName, Lane),
    /// A requirement that several series meet; its versions are the lowest of each.
    Spanning(PackageName, String),
}

impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Root => f.write_str("the flow"),
            Self::Plugin(name, _) => name.fmt(f),
            Self::Spanning(name, requirement) => write!(f, "{name} {requirement}"),
        }
    }
}

pub(super) struct Provider<'a> {
    pub(super) source: &'a dyn crate::source::Source,
    pub(super) request: Request<'a>,
    histories: RefCell<BTreeMap<PackageName, Option<Rc<History>>>>,
}

impl<'a> Provider<'a> {
    pub(super) fn new(source: &'a dyn crate::source::Source, request: Request<'a>) -> Self {
        Self { source, request, histories: RefCell::default() }
    }

    /// The history of a package, read once a search.
    pub(super) fn history(&self, name: &PackageName) -> Result<Option<Rc<History>>, SourceError> {
        if let Some(history) = self.histories.borrow().get(name) {
            return Ok(history.clone());
        }
        let history = self.source.history(name)?.map(Rc::new);
        self.histories.borrow_mut().insert(name.clone(), history.clone());
        Ok(history)
    }

    pub(super) fn is_locked(&self, name: &PackageName, version: &Version) -> bool {
        self.request.locked.get(name).is_some_and(|versions| versions.contains(version))
    }

    /// Why `version` is not to be picked, when it is barred.
    pub(super) fn barred(
        &self,
        name: &PackageName,
        history: &History,
        version: &Version,
    ) -> Option<String> {
        if let Some(reason) = history.revoked(version) {
            return Some(format!("{name} {version} was revoked: {reason}"));
        }
        let reason = history.yanked(version).filter(|_| !self.is_locked(name, version))?;
        Some(format!("{name} {version} was yanked: {reason}"))
    }

    /// Versions that a requirement may become.
    pub(super) fn matching(
        &self,
        name: &PackageName,
        requirement: &VersionReq,
    ) -> Result<BTreeSet<Version>, SourceError> {
        let Some(history) = self.history(name)? else { return Ok(BTreeSet::new()) };
        Ok((history.releases.iter().map(|r| &r.vers))
            .filter(|v| requirement.matches(v.as_semver()))
            .filter(|v| self.barred(name, &history, v).is_none())
            .cloned()
            .collect())
    }

    /// What needing `name` in `requirement` means to the solver; absent when nothing matches.
    fn edge(
        &self,
        name: &PackageName,
        requirement: &VersionReq,
    ) -> Result<Option<(Unit, Versions)>, SourceError> {
        let matching = self.matching(name, requirement)?;
        let lanes: BTreeSet<Lane> = matching.iter().map(Version::lane).collect();
        Ok(match (lanes.first(), lanes.len()) {
            (None, _) => None,
            (Some(lane), 1) => Some((Unit::Plugin(name.clone(), *lane), Versions::In(matching))),
            _ => {
                let versions = lanes.into_iter().map(Version::from).collect();
                let unit = Unit::Spanning(name.clone(), requirement.to_string());
                Some((unit, Versions::In(versions)))
            }
        })
    }

    /// What a unit at a version needs.
    pub(super) fn needs(
        &self,
        unit: &Unit,
        version: &Version,
    ) -> Result<Vec<Dependency>, SourceError> {
        let dependency = |(name, req): &(PackageName, VersionReq)| Dependency {
            name: name.clone(),
            req: req.clone(),
        };
        Ok(match unit {
            Unit::Root => self.request.roots.iter().map(dependency).collect(),
            Unit::Plugin(name, _) => self.release(name, version)?.deps,
            Unit::Spanning(..) => Vec::new(),
        })
    }

    pub(super) fn release(
        &self,
        name: &PackageName,
        version: &Version,
    ) -> Result<Release, SourceError> {
        let history = self.history(name)?.expect("only versions of a history are candidates");
        Ok(history.find(version).expect("only versions of a history are candidates").clone())
    }

    /// Why this host cannot run a release, when it cannot.
    fn host_refusal(&self, release: &Release) -> Option<String> {
        release.imports.iter().chain(&release.exports).find_map(|interface| {
            let own = interface.package.namespace() == "cleargate";
            let imported = release.imports.contains(interface);
            // What a component offers beyond the kinds is its own business.
            (own || imported).then(|| self.unserved(release, interface)).flatten()
        })
    }

    fn unserved(&self, release: &Release, interface: &Interface) -> Option<String> {
        let api = &interface.package;
        let Some(offered) = self.request.host.get(api) else {
            return Some(format!("needs {interface}, which this ClearGate does not serve"));
        };
        let narrowed = release.requires.iter().find(|(short, _)| short.package() == *api);
        let serves = |version: &&Version| {
            let lane = interface
                .version
                .as_ref()
                .is_none_or(|asked| asked.lane() == version.lane() && asked <= *version);
            lane && narrowed.is_none_or(|(_, req)| req.matches(version.as_semver()))
        };
        if offered.iter().any(|version| serves(&version)) {
            return None;
        }
        let asked = interface.version.as_ref().map(|v| format!(" {v}")).unwrap_or_default();
        let narrowed = narrowed.map(|(_, req)| format!(" in {req}")).unwrap_or_default();
        let offered = Versions::In(offered.clone());
        Some(format!("needs host API {api}{asked}{narrowed}; this ClearGate offers {offered}"))
    }

    /// Why nothing meets a requirement.
    fn nothing_matches(&self, needed: &Dependency) -> Result<String, SourceError> {
        let Dependency { name, req } = needed;
        let Some(history) = self.history(name)? else {
            return Ok(format!("needs {name} {req}, but {name} is not in the registry"));
        };
        let barred: Vec<String> = (history.releases.iter().map(|r| &r.vers))
            .filter(|v| req.matches(v.as_semver()))
            .filter_map(|v| self.barred(name, &history, v))
            .collect();
        if !barred.is_empty() {
            return Ok(format!("needs {name} {req}, but {}", barred.join(", ")));
        }
        let all = Versions::In(history.releases.iter().map(|r| r.vers.clone()).collect());
        Ok(format!("needs {name} {req}, but there is only {all}"))
    }

    /// The picked versions with the edges between them.
    pub(super) fn resolution(
        &self,
        picked: &SelectedDependencies<Unit, Version>,
    ) -> Result<Resolution, SourceError> {
        let target = |name: &PackageName, req: &VersionReq| -> Result<Version, SourceError> {
            let (unit, _) = self.edge(name, req)?.expect("a picked package has what it needs");
            let lane = match unit {
                Unit::Spanning(..) => picked.get(&unit).expect("what is needed is picked").lane(),
                Unit::Plugin(_, lane) => lane,
                Unit::Root => unreachable!("nothing needs the root"),
            };
            let version = picked.get(&Unit::Plugin(name.clone(), lane));
            Ok(version.expect("what is needed is picked").clone())
        };
        let mut resolution = Resolution::default();
        for (name, req) in self.request.roots {
            resolution.roots.push((name.clone(), req.clone(), target(name, req)?));
        }
        for (unit, version) in picked.iter() {
            let Unit::Plugin(name, _) = unit else { continue };
            let release = self.release(name, version)?;
            let dependencies = (release.deps.iter())
                .map(|d| Ok((d.name.clone(), target(&d.name, &d.req)?)))
                .collect::<Result<_, SourceError>>()?;
            let resolved = Resolved { release, dependencies };
            resolution.packages.insert((name.clone(), version.clone()), resolved);
        }
        Ok(resolution)
    }
}

impl DependencyProvider for Provider<'_> {
    type P = Unit;
    type V = Version;
    type VS = Versions;
    type Priority = (u32, Reverse<usize>);
    type M = String;
    type Err = SourceError;

    /// What conflicted most, then what has the fewest candidates: wrong choices show early.
    fn prioritize(
        &self,
        _: &Unit,
        range: &Versions,
        conflicts: &PackageResolutionStatistics,
    ) -> Self::Priority {
        let candidates = match range {
            Versions::In(set) => set.len(),
            Versions::Out(_) => usize::MAX,
        };
        (conflicts.conflict_count(), Reverse(candidates))
    }

    fn choose_version(
        &self,
        unit: &Unit,
        range: &Versions,
    ) -> Result<Option<Version>, SourceError> {
        let candidates: BTreeSet<Version> = match (unit, range) {
            (_, Versions::In(set)) => set.clone(),
            (Unit::Plugin(name, lane), Versions::Out(_)) => {
                let all = self.matching(name, &VersionReq::STAR)?;
                all.into_iter().filter(|v| v.lane() == *lane && range.contains(v)).collect()
            }
            // Only packages that something needs are decided, and needs are finite.
            (_, Versions::Out(_)) => BTreeSet::new(),
        };
        let locked = |v: &&Version| match unit {
            Unit::Root => false,
            Unit::Plugin(name, _) => self.is_locked(name, v),
            Unit::Spanning(name, _) => {
                let of = self.request.locked.get(name);
                of.is_some_and(|versions| versions.iter().any(|l| l.lane() == v.lane()))
            }
        };
        let newest = || candidates.iter().next_back();
        Ok(candidates.iter().rev().find(locked).or_else(newest).cloned())
    }

    fn get_dependencies(
        &self,
        unit: &Unit,
        version: &Version,
    ) -> Result<Dependencies<Unit, Versions, String>, SourceError> {
        if let Unit::Spanning(name, requirement) = unit {
            let requirement = requirement.parse().expect("it was printed by the parser's own type");
            let lane = version.lane();
            let versions = self.matching(name, &requirement)?.into_iter();
            let versions = Versions::In(versions.filter(|v| v.lane() == lane).collect());
            let edge = (Unit::Plugin(name.clone(), lane), versions);
            return Ok(Dependencies::Available(DependencyConstraints::from_iter([edge])));
        }
        if let Unit::Plugin(name, _) = unit
            && let Some(reason) = self.host_refusal(&self.release(name, version)?)
        {
            return Ok(Dependencies::Unavailable(reason));
        }
        let mut edges: Vec<(Unit, Versions)> = Vec::new();
        for needed in self.needs(unit, version)? {
            // A manifest cannot say this, but an index can, and the solver would not see it.
            if matches!(unit, Unit::Plugin(name, _) if *name == needed.name) {
                return Ok(Dependencies::Unavailable("needs itself, which no package may".into()));
            }
            let Some((unit, versions)) = self.edge(&needed.name, &needed.req)? else {
                return Ok(Dependencies::Unavailable(self.nothing_matches(&needed)?));
            };
            // Two requirements of one package meet in one edge, or the solver would see only one of them.
            match edges.iter_mut().find(|(other, _)| *other == unit) {
                Some((_, before)) => *before = before.intersection(&versions),
                None => edges.push((unit, versions)),
            }
        }
        Ok(Dependencies::Available(DependencyConstraints::from_iter(edges)))
    }
}
