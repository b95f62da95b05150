//! Each check on its own, and a normal lock file that must stay quiet.

use super::*;

const INDEX: &str = "registry+https://github.com/rust-lang/crates.io-index";

fn package(name: &str, version: &str, source: &str) -> AssessInput {
    let checksum = source.starts_with("registry+").then(|| "sha256:00".to_string());
    let (name, version) = (name.to_string(), version.to_string());
    let package =
        Package { name, version, source: Some(source.into()), checksum, install_script: false };
    AssessInput { package, ecosystem: Some(Ecosystem::Cargo), others: Vec::new() }
}

fn codes(input: AssessInput) -> (Risk, Vec<String>) {
    let assessment = assess(input).unwrap();
    (assessment.risk, assessment.findings.into_iter().map(|f| f.code).collect())
}

#[test]
fn names_that_look_alike_are_found_and_known_ones_are_not() {
    for (name, expected) in [
        ("tokio", None),
        ("serde_json", None),
        ("serde-json", None),
        ("t0kio", Some(("tokio", Risk::High))),
        ("tok\u{456}o", Some(("tokio", Risk::High))),
        ("rnio", Some(("mio", Risk::High))),
        ("serdejson", Some(("serde_json", Risk::Medium))),
        ("json-serde", Some(("serde_json", Risk::Medium))),
        ("reqwests", Some(("reqwest", Risk::Medium))),
        ("rustsl", Some(("rustls", Risk::Medium))),
        ("nomm", None), // too short to say
        ("cleargate-flow", None),
        ("rand2_core", None),
    ] {
        let found = assess(package(name, "1.0.0", INDEX)).unwrap();
        match expected {
            None => assert_eq!(found.risk, Risk::None, "{name}: {:?}", found.findings),
            Some((known, risk)) => {
                assert_eq!(found.risk, risk, "{name}");
                assert!(found.findings[0].message.contains(&format!("`{known}`")), "{found:?}");
            }
        }
    }
    let scoped = AssessInput {
        ecosystem: Some(Ecosystem::Npm),
        ..package("@acme/reactt", "1.0.0", "registry+https://registry.npmjs.org/")
    };
    assert_eq!(codes(scoped), (Risk::None, vec![]));
}

#[test]
fn sources_are_weighed() {
    for (source, risk, expected) in [
        (INDEX, Risk::None, &[][..]),
        ("sparse+https://index.crates.io/", Risk::Medium, &["missing_checksum"]),
        ("workspace", Risk::None, &[]),
        ("path+../x", Risk::None, &[]),
        ("git+https://example.org/x?branch=main#0123456789abcdef", Risk::Low, &["git_source"]),
        ("git+https://example.org/x#main", Risk::Medium, &["git_unpinned"]),
        ("git+ssh://git@example.org/x", Risk::Medium, &["git_unpinned"]),
        ("registry+https://npm.example.org/", Risk::Low, &["other_registry"]),
        ("registry+https://pypi.org.example.com/", Risk::Low, &["other_registry"]),
        (
            "url+http://example.org/x.tgz",
            Risk::High,
            &["insecure_transport", "url_source", "missing_checksum"],
        ),
    ] {
        let expected: Vec<String> = expected.iter().map(ToString::to_string).collect();
        assert_eq!(codes(package("some-crate", "1.0.0", source)), (risk, expected), "{source}");
    }
}

#[test]
fn versions_and_scripts_are_notes() {
    for (version, expected) in [
        ("1.0.0", None),
        ("1.0.0+build-7", None),
        ("1.0.0-rc.1", Some("pre_release")),
        ("2.0rc1", Some("pre_release")),
        ("0.0.3", Some("unstable_version")),
        ("0.1.0", None),
        ("v0.0.0-20240101000000-abcdef012345", None),
        ("", None),
    ] {
        let expected: Vec<String> = expected.iter().map(ToString::to_string).collect();
        assert_eq!(codes(package("some-crate", version, INDEX)).1, expected, "{version}");
    }
    let mut input = package("some-crate", "2.0.0", INDEX);
    input.package.install_script = true;
    let other = |name: &str, version: &str| Other { name: name.into(), version: version.into() };
    input.others =
        vec![other("some-crate", "2.0.0"), other("some-crate", "1.0.0"), other("x", "1")];
    let found = assess(input).unwrap();
    assert_eq!((found.risk, found.score), (Risk::Low, 20));
    assert_eq!(found.findings[1].message, "is locked in 2 versions: 1.0.0, 2.0.0");
}

#[test]
fn the_bounds_hold() {
    for name in [String::new(), "x".repeat(MAX_NAME + 1)] {
        assert!(assess(package(&name, "1", INDEX)).is_err());
    }
    let mut input = package("x", "1", INDEX);
    input.others = vec![Other { name: "y".into(), version: "1".into() }; MAX_OTHERS + 1];
    assert!(assess(input).is_err());
}

/// The lock file of the workspace that builds this plugin: everything in it is well known.
#[test]
fn a_normal_lock_file_is_quiet() {
    let text = include_str!("../../Cargo.lock");
    let names: Vec<&str> =
        text.lines().filter_map(|l| l.strip_prefix("name = \"")?.strip_suffix('"')).collect();
    assert!(names.len() > 20);
    for name in names {
        let (risk, found) = codes(package(name, "1.0.0", INDEX));
        assert_eq!(risk, Risk::None, "{name}: {found:?}");
    }
}
