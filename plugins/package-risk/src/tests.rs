//! Each check on its own, and a normal lock file that must stay quiet.

use super::*;

const INDEX: &str = "registry+https://index.example.org/crates";

fn package(name: &str, version: &str, source: &str) -> AssessInput {
    let checksum = source.starts_with("registry+").then(|| "sha256:00".to_string());
    let (name, version) = (name.to_string(), version.to_string());
    let package =
        Package { name, version, source: Some(source.into()), checksum, install_script: false };
    let usual = Some(vec!["index.example.org/crates".to_string()]);
    AssessInput { package, ecosystem: Some(Ecosystem::Cargo), others: Vec::new(), usual }
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
    let scoped =
        AssessInput { ecosystem: Some(Ecosystem::Npm), ..package("@acme/reactt", "1.0.0", INDEX) };
    assert_eq!(codes(scoped), (Risk::None, vec![]));
}

#[test]
fn sources_are_weighed() {
    let git = "git+https://example.org/x?branch=main#0123456789abcdef";
    for (source, risk, expected) in [
        (INDEX, Risk::None, &[][..]),
        ("registry", Risk::Medium, &["missing_checksum"]),
        ("sparse+https://index.example.org/crates/", Risk::Medium, &["missing_checksum"]),
        ("workspace", Risk::None, &[]),
        ("path+x", Risk::None, &[]),
        ("path+./a/../b", Risk::None, &[]),
        ("path+../x", Risk::Medium, &["outside_path"]),
        ("path+a/../../x", Risk::Medium, &["outside_path"]),
        ("path+/usr/x", Risk::Medium, &["outside_path"]),
        ("path+C:\\x", Risk::Medium, &["outside_path"]),
        ("", Risk::None, &[]),
        ("bundled", Risk::None, &[]),
        ("unknown", Risk::Medium, &["unknown_source"]),
        ("hg+https://example.org/x", Risk::Medium, &["unknown_source"]),
        (git, Risk::Low, &["git_source"]),
        ("git+https://example.org/x#main", Risk::Medium, &["git_unpinned"]),
        ("git+ssh://git@example.org/x", Risk::Medium, &["git_unpinned"]),
        (
            "git+git://example.org/x#0123456789abcdef",
            Risk::High,
            &["insecure_transport", "git_source"],
        ),
        ("registry+https://10.0.0.7/index", Risk::Medium, &["ip_address", "other_registry"]),
        ("registry+https://[fd00::7]:8080/", Risk::Medium, &["ip_address", "other_registry"]),
        ("registry+https://0x7f.1/", Risk::Medium, &["ip_address", "other_registry"]),
        ("registry+https://mirror1.example/", Risk::Low, &["other_registry"]),
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
fn usual_is_a_host_or_a_host_and_the_beginning_of_a_path() {
    for (usual, source, is_usual) in [
        (&["index.example.org"][..], INDEX, true),
        (&["INDEX.example.org"], INDEX, true),
        (&["https://index.example.org/"], INDEX, true),
        (&["a.example", "index.example.org"], INDEX, true),
        (&["index.example.org/crates/"], INDEX, true),
        (&["index.example.org/crate"], INDEX, false),
        (&["example.org"], INDEX, false),
        (&["index.example.org:8443"], INDEX, false),
        (&[], INDEX, false),
        (&["index.example.org"], "registry+https://index.example.org.evil.example/", false),
        (&["index.example.org"], "registry+https://index.example.org@evil.example/", false),
        (&["index.example.org"], "registry+https://evil.example\\@index.example.org/", false),
        (&["h.example/a"], "registry+https://h.example/a/../b", false),
        (&["h.example/a"], "registry+https://h.example/a/%2E%2e/b", false),
        (&["h.example"], "url+https://h.example/a/x.tgz", true),
        (&["10.0.0.7"], "registry+https://10.0.0.7/index", true),
        (&[], "registry", true),
    ] {
        let mut input = package("some-crate", "1.0.0", source);
        input.package.checksum = Some("sha256:00".into());
        input.usual = Some(usual.iter().map(ToString::to_string).collect());
        let found = codes(input).1;
        let unusual = ["other_registry", "url_source", "ip_address"];
        let quiet = !found.iter().any(|code| unusual.contains(&code.as_str()));
        assert_eq!(quiet, is_usual, "{usual:?} {source}: {found:?}");
    }
    let mut unknown = package("some-crate", "1.0.0", "registry+https://any.example/");
    unknown.usual = None;
    assert_eq!(codes(unknown), (Risk::None, vec![]), "nobody said what is usual");
}

#[test]
fn credentials_are_reported_and_never_repeated() {
    for (source, leaks) in [
        ("git+https://bob:hunter2@git.example/x?token=hunter2#0123456789abcdef", true),
        ("registry+https://bob:hunter2@index.example.org/crates", true),
        ("url+https://hunter2@files.example/x.tgz", true),
        ("git+ssh://git:hunter2@git.example/x#0123456789abcdef", true),
        ("git+ssh://git@git.example/x#0123456789abcdef", false),
        ("git+https://git@git.example/x#0123456789abcdef", false),
        ("registry+https://${USER}:${TOKEN}@index.example.org/crates", false),
        ("registry+https://index.example.org/crates/@scope/x", false),
    ] {
        let found = assess(package("some-crate", "1.0.0", source)).unwrap();
        let codes: Vec<&str> = found.findings.iter().map(|f| f.code.as_str()).collect();
        assert_eq!(codes.contains(&"credentials_in_source"), leaks, "{source}: {codes:?}");
        assert!(!leaks || found.risk == Risk::High, "{source}");
        assert!(!format!("{found:?}").contains("hunter2"), "{found:?}");
    }
}

#[test]
fn messages_are_short_and_hold_no_markup_of_strangers() {
    let word = format!("0.0.1-[x](javascript:a)|<b>`{}", "y".repeat(1000));
    let mut versions = package("some-crate", &word, INDEX);
    versions.others = vec![Other { name: "some-crate".into(), version: format!("2{word}") }];
    for finding in assess(versions).unwrap().findings {
        assert!(!finding.message.contains(['|', '<', '[', '(', '`']), "{}", finding.message);
    }
    for kind in ["registry", "hg"] {
        let source = format!("{kind}+https://[x](javascript:a)|<b>`{}/", "y".repeat(1000));
        let found = assess(package("some-crate", "1.0.0", &source)).unwrap();
        assert!(!found.findings.is_empty(), "{kind}");
        for finding in found.findings {
            assert!(finding.message.len() < 300, "{}", finding.message);
            assert!(!finding.message.contains(['|', '<', '[', '(', '`']), "{}", finding.message);
        }
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
    assert_eq!(found.findings[1].message, "is also locked as 1.0.0");
}

#[test]
fn the_bounds_hold() {
    for name in [String::new(), "x".repeat(MAX_NAME + 1)] {
        assert!(assess(package(&name, "1", INDEX)).is_err());
    }
    let mut input = package("x", "1", INDEX);
    input.others = vec![Other { name: "y".into(), version: "1".into() }; MAX_OTHERS + 1];
    assert!(assess(input).is_err());
    let mut input = package("x", "1", INDEX);
    input.usual = Some(vec!["h.example".into(); MAX_USUAL + 1]);
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
