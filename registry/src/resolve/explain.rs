//! A conflict in the words of the people who wrote the requirements, with the command that would help.

use std::collections::{BTreeMap, BTreeSet};

use pubgrub::{DerivationTree, External};
use semver::VersionReq;

use super::provider::{Provider, Unit};
use super::versions::Versions;
use super::{Conflict, Request};
use crate::name::{PackageName, Version};
use crate::source::SourceError;

/// Searches that looking for advice may cost: an answer that takes long helps nobody.
const MAX_TRIES: usize = 32;
/// Facts that are told: a longer explanation is not read.
const MAX_FACTS: usize = 12;

type Tree = DerivationTree<Unit, Versions, String>;

pub(super) fn conflict(provider: &Provider<'_>, tree: &Tree) -> Result<Conflict, SourceError> {
    let mut facts = Facts { provider, lines: Vec::new(), packages: BTreeSet::new() };
    let mut seen = BTreeSet::new();
    facts.walk(tree, &mut seen)?;
    let asked = provider.request.roots.iter().map(|(name, _)| name);
    let mut roots: Vec<PackageName> =
        asked.filter(|name| facts.packages.contains(*name)).cloned().collect();
    roots.dedup();
    let mut lines = facts.lines;
    if lines.len() > MAX_FACTS {
        let more = lines.len() - MAX_FACTS;
        lines.truncate(MAX_FACTS);
        lines.push(format!("… and {more} more"));
    }
    let help = help(provider, &roots, &lines)?;
    Ok(Conflict { roots, facts: lines, help })
}

struct Facts<'a> {
    provider: &'a Provider<'a>,
    lines: Vec<String>,
    packages: BTreeSet<PackageName>,
}

impl Facts<'_> {
    /// Causes from left to right; one that is shared by several conclusions is told once.
    fn walk(&mut self, tree: &Tree, seen: &mut BTreeSet<usize>) -> Result<(), SourceError> {
        match tree {
            DerivationTree::External(external) => self.external(external),
            DerivationTree::Derived(derived) => {
                if derived.shared_id.is_some_and(|id| !seen.insert(id)) {
                    return Ok(());
                }
                self.walk(&derived.cause1, seen)?;
                self.walk(&derived.cause2, seen)
            }
        }
    }

    fn external(&mut self, external: &External<Unit, Versions, String>) -> Result<(), SourceError> {
        match external {
            External::NotRoot(..) | External::NoVersions(..) => {}
            External::Custom(unit, versions, reason) => {
                self.name(unit, reason);
                self.say(format!("{} {reason}", subject(unit, versions)));
            }
            External::FromDependencyOf(unit, versions, needed, _) => {
                let (Unit::Plugin(name, _) | Unit::Spanning(name, _)) = needed else {
                    return Ok(());
                };
                self.packages.insert(name.clone());
                for (requirement, by) in self.requirements(unit, versions, name)? {
                    self.say(format!("{} needs {name} {requirement}", subject(unit, &by)));
                }
            }
        }
        Ok(())
    }

    /// The packages that a reason is about: its own, and for the flow the one that it needs.
    fn name(&mut self, unit: &Unit, reason: &str) {
        match unit {
            Unit::Plugin(name, _) | Unit::Spanning(name, _) => {
                self.packages.insert(name.clone());
            }
            Unit::Root => {
                let mut words = reason.split([' ', ',']);
                self.packages.extend(words.find_map(|word| word.parse().ok()));
            }
        }
    }

    /// What `unit` wrote about `needed`, and in which versions it wrote so.
    fn requirements(
        &self,
        unit: &Unit,
        versions: &Versions,
        needed: &PackageName,
    ) -> Result<BTreeMap<String, Versions>, SourceError> {
        let mut found: BTreeMap<String, BTreeSet<Version>> = BTreeMap::new();
        let Versions::In(set) = versions else { return Ok(BTreeMap::new()) };
        for version in set {
            for dependency in self.provider.needs(unit, version)? {
                if dependency.name == *needed {
                    let by = found.entry(dependency.req.to_string()).or_default();
                    by.insert(version.clone());
                }
            }
        }
        Ok(found.into_iter().map(|(requirement, by)| (requirement, Versions::In(by))).collect())
    }

    fn say(&mut self, line: String) {
        if !self.lines.contains(&line) {
            self.lines.push(line);
        }
    }
}

fn subject(unit: &Unit, versions: &Versions) -> String {
    match unit {
        Unit::Root => "the flow".into(),
        Unit::Plugin(name, _) => format!("{name} {versions}"),
        Unit::Spanning(..) => unit.to_string(),
    }
}

fn help(
    provider: &Provider<'_>,
    roots: &[PackageName],
    facts: &[String],
) -> Result<Vec<String>, SourceError> {
    let mut help = Vec::new();
    for name in roots {
        if provider.history(name)?.is_none() {
            help.extend(
                similar(provider, name)?
                    .map(|near| format!("did you mean {near}?  cleargate plugin install {near}")),
            );
        } else if let Some(version) = newest_that_fits(provider, name)? {
            let v = version.as_semver();
            let short = match (v.major, version.is_prerelease()) {
                (1.., false) => format!("^{}.{}", v.major, v.minor),
                (0, false) => format!("^{version}"),
                (_, true) => format!("={version}"),
            };
            help.push(format!(
                "{name} {version} is the newest that runs here: cleargate plugin install \
                 {name}@{short}"
            ));
        }
    }
    if facts.iter().any(|fact| fact.contains("this ClearGate")) {
        help.push("or install a ClearGate that serves this host API".into());
    }
    Ok(help)
}

/// The newest version of a root with which the whole flow resolves, whatever its requirement says.
fn newest_that_fits(
    provider: &Provider<'_>,
    name: &PackageName,
) -> Result<Option<Version>, SourceError> {
    let candidates = provider.matching(name, &VersionReq::STAR)?;
    for version in candidates.into_iter().rev().take(MAX_TRIES) {
        let exact: VersionReq = format!("={version}").parse().expect("a version is a requirement");
        let roots: Vec<_> = (provider.request.roots.iter())
            .map(|(root, req)| (root.clone(), if root == name { &exact } else { req }.clone()))
            .collect();
        let trial = Provider::new(provider.source, Request { roots: &roots, ..provider.request });
        if pubgrub::resolve(&trial, Unit::Root, Version::new(0, 0, 0)).is_ok() {
            return Ok(Some(version));
        }
    }
    Ok(None)
}

fn similar(
    provider: &Provider<'_>,
    name: &PackageName,
) -> Result<Option<PackageName>, SourceError> {
    let wanted = name.to_string();
    let near = provider
        .source
        .packages()?
        .into_iter()
        .map(|known| (strsim::damerau_levenshtein(&wanted, &known.to_string()), known));
    Ok(near.filter(|(distance, _)| *distance <= 3).min().map(|(_, known)| known))
}
