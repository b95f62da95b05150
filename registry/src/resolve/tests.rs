//! Known cases with their words, and random universes against a search that tries everything.

use proptest::prelude::*;

use super::*;
use crate::index::{Dependency, Event, Notice, append_event, append_release};

#[derive(Default)]
struct Memory(BTreeMap<PackageName, Vec<u8>>);

impl Source for Memory {
    fn label(&self) -> &str {
        "memory"
    }

    fn packages(&self) -> Result<Vec<PackageName>, SourceError> {
        Ok(self.0.keys().cloned().collect())
    }

    fn index_bytes(&self, package: &PackageName) -> Result<Option<Vec<u8>>, SourceError> {
        Ok(self.0.get(package).cloned())
    }

    fn package_bytes(&self, _: &PackageName, _: &Version) -> Result<Option<Vec<u8>>, SourceError> {
        Ok(None)
    }
}

fn name(text: &str) -> PackageName {
    text.parse().unwrap()
}

fn version(text: &str) -> Version {
    text.parse().unwrap()
}

impl Memory {
    /// `deps` as `acme:b ^1; acme:c =2.0.0`, `host` the version of the host API that it imports.
    fn with(mut self, package: &str, vers: &str, deps: &str, host: &str) -> Self {
        let deps = deps.split("; ").filter(|d| !d.is_empty()).map(|d| {
            let (name, req) = d.split_once(' ').unwrap();
            serde_json::json!({ "name": name, "req": req })
        });
        let line = serde_json::json!({
            "v": 1, "vers": vers, "wasm": crate::Digest::of(vers.as_bytes()), "size": 1,
            "manifest": crate::Digest::of(b"m"), "deps": deps.collect::<Vec<_>>(),
            "imports": [format!("cleargate:host/http@{host}")], "published": "2026-01-01T00:00:00Z",
        });
        let release: Release = serde_json::from_value(line).unwrap();
        let file = self.0.entry(name(package)).or_default();
        *file = append_release(file, &release).unwrap();
        self
    }

    fn event(mut self, package: &str, vers: &str, event: fn(Notice) -> Event) -> Self {
        let notice = serde_json::json!({
            "vers": vers, "reason": "bad", "at": "2026-01-01T00:00:00Z", "by": "x",
        });
        let file = self.0.get_mut(&name(package)).unwrap();
        *file = append_event(file, &event(serde_json::from_value(notice).unwrap())).unwrap();
        self
    }
}

fn host() -> HostApis {
    [(name("cleargate:host"), ["0.1.4", "0.2.0"].map(version).into())].into()
}

fn roots(text: &str) -> Vec<Root> {
    let root = |r: &str| {
        let (package, req) = r.split_once(' ').unwrap();
        (name(package), req.parse().unwrap())
    };
    text.split("; ").map(root).collect()
}

fn solve(source: &Memory, wanted: &str, locked: &[(&str, &str)]) -> Result<String, String> {
    let mut lock: BTreeMap<PackageName, BTreeSet<Version>> = BTreeMap::new();
    for (package, vers) in locked {
        lock.entry(name(package)).or_default().insert(version(vers));
    }
    let request = Request { roots: &roots(wanted), host: &host(), locked: &lock };
    let picked = resolve(source, request).map_err(|e| e.to_string())?;
    let picked = picked.packages.keys().map(|(name, vers)| format!("{}@{vers}", name.name()));
    Ok(picked.collect::<Vec<_>>().join(" "))
}

fn universe() -> Memory {
    Memory::default()
        .with("acme:a", "1.0.0", "acme:b ^1", "0.1.0")
        .with("acme:a", "1.1.0", "acme:b ^2", "0.1.0")
        .with("acme:a", "2.0.0", "", "0.3.0")
        .with("acme:b", "1.0.0", "", "0.1.0")
        .with("acme:b", "1.1.0", "", "0.2.0")
        .with("acme:b", "2.0.0", "", "0.1.9")
        .with("acme:b", "3.0.0-beta.1", "", "0.1.0")
        .with("acme:w", "1.0.0", "acme:b >=1, <3", "0.1.0")
        .with("acme:y", "0.1.0", "", "0.1.0")
        .with("acme:y", "0.1.1", "", "0.1.0")
        .event("acme:y", "0.1.1", Event::Yank)
        .with("acme:z", "1.0.0", "", "0.1.0")
        .event("acme:z", "1.0.0", Event::Revoke)
}

#[test]
fn the_newest_that_fits_is_picked_and_a_lock_comes_first() {
    let source = universe();
    for (wanted, locked, expected) in [
        ("acme:b ^1", &[][..], "b@1.1.0"),
        ("acme:b ^1", &[("acme:b", "1.0.0")], "b@1.0.0"),
        ("acme:b =1.0.0; acme:b ^1", &[], "b@1.0.0"),
        // 1.1.0 needs acme:b 2.0.0, which needs a newer 0.1 than this host has.
        ("acme:a ^1", &[], "a@1.0.0 b@1.1.0"),
        // A pre-release is picked when it is named, and by nothing else.
        ("acme:b =3.0.0-beta.1; acme:b ^1", &[], "b@1.1.0 b@3.0.0-beta.1"),
        ("acme:b *", &[], "b@1.1.0"),
        // A requirement over several series takes the newest that runs.
        ("acme:w *", &[], "b@1.1.0 w@1.0.0"),
        ("acme:y ^0.1", &[], "y@0.1.0"),
        ("acme:y ^0.1", &[("acme:y", "0.1.1")], "y@0.1.1"),
    ] {
        assert_eq!(solve(&source, wanted, locked).as_deref(), Ok(expected), "{wanted}");
    }
}

#[test]
fn conflicts_are_told_in_words() {
    let source = universe();
    for (wanted, expected) in [
        (
            "acme:a ^2",
            "no version of acme:a fits this flow\n  \
             acme:a 2.0.0 needs host API cleargate:host 0.3.0; this ClearGate offers 0.1.4, 0.2.0\n  \
             the flow needs acme:a ^2\n  \
             help: acme:a 1.0.0 is the newest that runs here: cleargate plugin install acme:a@^1.0\n  \
             help: or install a ClearGate that serves this host API",
        ),
        (
            "acme:bb ^1",
            "no version of acme:bb fits this flow\n  \
             the flow needs acme:bb ^1, but acme:bb is not in the registry\n  \
             help: did you mean acme:b?  cleargate plugin install acme:b",
        ),
        (
            "acme:b ^9",
            "no version of acme:b fits this flow\n  the flow needs acme:b ^9, but there is only \
             1.0.0, 1.1.0, 2.0.0, 3.0.0-beta.1\n  \
             help: acme:b 1.1.0 is the newest that runs here: cleargate plugin install acme:b@^1.1",
        ),
        (
            "acme:z ^1",
            "no version of acme:z fits this flow\n  the flow needs acme:z ^1, but acme:z 1.0.0 was \
             revoked: bad",
        ),
    ] {
        let message = solve(&source, wanted, &[]).unwrap_err();
        assert_eq!(message, expected, "{wanted}");
    }
    let message = solve(&source, "acme:b =1.0.0; acme:b =1.1.0", &[]).unwrap_err();
    assert!(message.starts_with("no version of acme:b fits this flow"), "{message}");
    assert!(message.contains("the flow needs acme:b =1.0.0"), "{message}");
    assert!(message.contains("the flow needs acme:b =1.1.0"), "{message}");
    let message = solve(&source, "acme:z ^1", &[("acme:z", "1.0.0")]).unwrap_err();
    assert!(message.contains("revoked"), "a lock does not help against malware: {message}");
}

const VERSIONS: [&str; 4] = ["1.0.0", "1.1.0", "2.0.0", "2.1.0"];
const REQUIREMENTS: [&str; 6] = ["^1", "^2", "=1.1.0", "<1.1.0", ">=1.1.0", "*"];
const PACKAGES: [&str; 3] = ["acme:a", "acme:b", "acme:c"];

type Edges = Vec<(usize, usize)>;

fn edges() -> impl Strategy<Value = Edges> {
    prop::collection::vec((0..PACKAGES.len(), 0..REQUIREMENTS.len()), 0..3)
}

fn text(edges: &Edges) -> String {
    let one = |(p, r): &(usize, usize)| format!("{} {}", PACKAGES[*p], REQUIREMENTS[*r]);
    edges.iter().map(one).collect::<Vec<_>>().join("; ")
}

/// Whether `set` (a bit for each package and version) holds what `edges` ask for.
fn held(set: u32, edges: &Edges) -> bool {
    edges.iter().all(|(p, r)| {
        let req: VersionReq = REQUIREMENTS[*r].parse().unwrap();
        (0..4)
            .any(|v| set & (1 << (p * 4 + v)) != 0 && req.matches(version(VERSIONS[v]).as_semver()))
    })
}

fn fits(set: u32, root: &Edges, releases: &[Option<(Edges, bool)>]) -> bool {
    let one_each_lane = (0..PACKAGES.len() * 2).all(|lane| (set >> (lane * 2)) & 0b11 != 0b11);
    let each = |i: usize| {
        set & (1 << i) == 0
            || releases[i].as_ref().is_some_and(|(edges, runs)| *runs && held(set, edges))
    };
    one_each_lane && held(set, root) && (0..releases.len()).all(each)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    /// There is an answer exactly when trying every set of versions finds one, and the answer holds.
    #[test]
    fn the_solver_agrees_with_trying_everything(
        root in prop::collection::vec((0..PACKAGES.len(), 0..REQUIREMENTS.len()), 1..3),
        releases in prop::collection::vec(
            prop::option::weighted(0.8, (edges(), prop::bool::weighted(0.8))), 12),
    ) {
        let mut source = Memory::default();
        for (i, release) in releases.iter().enumerate() {
            let Some((edges, runs)) = release else { continue };
            let host = if *runs { "0.1.0" } else { "0.9.0" };
            source = source.with(PACKAGES[i / 4], VERSIONS[i % 4], &text(edges), host);
        }
        // A release that needs itself is refused, so it counts as one that does not run.
        let releases: Vec<_> = (releases.into_iter().enumerate())
            .map(|(i, release)| {
                release.map(|(edges, runs)| {
                    let itself = edges.iter().any(|(p, _)| *p == i / 4);
                    (edges, runs && !itself)
                })
            })
            .collect();
        let possible = (0..1 << releases.len()).any(|set| fits(set, &root, &releases));
        let request = Request { roots: &roots(&text(&root)), host: &host(), locked: &BTreeMap::new() };
        match resolve(&source, request) {
            Ok(picked) => {
                let bit = |(name, vers): &(PackageName, Version)| {
                    let p = PACKAGES.iter().position(|p| *p == name.to_string()).unwrap();
                    1 << (p * 4 + VERSIONS.iter().position(|v| *v == vers.to_string()).unwrap())
                };
                let set: u32 = picked.packages.keys().map(bit).sum();
                prop_assert!(fits(set, &root, &releases), "{picked:?}");
                for (key, resolved) in &picked.packages {
                    prop_assert!(resolved.dependencies.iter().all(|d| picked.packages.contains_key(d)));
                    let wanted = |d: &Dependency| resolved.dependencies.iter().any(|(n, v)| {
                        *n == d.name && d.req.matches(v.as_semver())
                    });
                    prop_assert!(resolved.release.deps.iter().all(wanted), "{key:?}");
                }
            }
            Err(ResolveError::Conflict(conflict)) => {
                prop_assert!(!possible, "an answer exists, but: {conflict}");
                prop_assert!(!conflict.roots.is_empty() && !conflict.facts.is_empty(), "{conflict:?}");
            }
            Err(e) => prop_assert!(false, "{e}"),
        }
    }
}
