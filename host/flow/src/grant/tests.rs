//! Tables of what is covered and what is not: each row is a promise to an operator.

use super::*;

#[test]
fn a_host_pattern_covers_exactly_what_it_says() {
    let rows = [
        ("api.example.org", "https", "api.example.org", 443, true),
        ("api.example.org", "http", "api.example.org", 80, false),
        ("api.example.org", "https", "api.example.org", 8443, false),
        ("api.example.org", "https", "xapi.example.org", 443, false),
        ("api.example.org", "https", "api.example.org.evil.test", 443, false),
        ("*.example.org", "https", "a.b.example.org", 443, true),
        ("*.example.org", "https", "example.org", 443, false),
        ("*.example.org", "https", ".example.org", 443, false),
        ("*.example.org", "https", "evilexample.org", 443, false),
        ("http://localhost:8080", "http", "localhost", 8080, true),
        ("[::1]:9000", "https", "::1", 9000, true),
    ];
    for (pattern, scheme, host, port, expected) in rows {
        let parsed: HostPattern = pattern.parse().unwrap();
        assert_eq!(
            parsed.covers(scheme, host, port),
            expected,
            "{pattern} {scheme}://{host}:{port}"
        );
        assert_eq!(parsed.to_string().parse::<HostPattern>().unwrap(), parsed);
    }
}

#[test]
fn a_host_pattern_that_could_be_misread_is_refused() {
    for bad in [
        "",
        "https://*",
        "*:443",
        "**",
        "*.org",
        "*foo.org",
        "a.*.org",
        "HTTPS://x.org",
        "ftp://x.org",
        "x.org/path",
        "x.org?q",
        "user@x.org",
        "x.org:0",
        "x.org:99999",
        "x..org",
        "X.org",
        "exämple.org",
        "*.1.2.3.4.",
        "x.org#f",
    ] {
        assert!(bad.parse::<HostPattern>().is_err(), "{bad} was accepted");
    }
}

#[test]
fn what_is_missing_is_said_in_the_words_of_a_grant() {
    let granted: Grants = serde_json::from_str(
        r#"{"http":["*.example.org"],"secrets":["ACME_*"],"files":["data/"],"services":["log"]}"#,
    )
    .unwrap();
    let asked: Grants = serde_json::from_str(
        r#"{"http":["a.example.org","b.test"],"secrets":["ACME_KEY","OTHER"],
            "files":["data/in/","data/x.txt:rw","etc/"],"services":["log","blob"]}"#,
    )
    .unwrap();
    let missing = granted.missing(&asked);
    assert_eq!(
        missing.lines(),
        ["http b.test", "secrets OTHER", "files data/x.txt:rw", "files etc/", "services blob"]
    );
    let effective = granted.effective(&asked);
    assert_eq!(
        effective.lines(),
        ["http a.example.org", "secrets ACME_KEY", "files data/in/", "services log"]
    );
    assert!(Grants::default().effective(&asked).is_empty(), "an empty grant must grant nothing");
}

#[test]
fn of_a_wide_request_what_was_granted_of_it_is_effective() {
    let grants = |json: &str| serde_json::from_str::<Grants>(json).unwrap();
    for (granted, asked, effective) in [
        (
            r#"{"http":["a.test","http://127.0.0.1:8080"]}"#,
            r#"{"http":["*"]}"#,
            vec!["http http://127.0.0.1:8080", "http a.test"],
        ),
        (r#"{"http":["*"]}"#, r#"{"http":["a.test"]}"#, vec!["http a.test"]),
        (r#"{"http":["*"]}"#, r#"{"http":["*"]}"#, vec!["http *"]),
        (r#"{"http":["a.x.test","b.y.test"]}"#, r#"{"http":["*.x.test"]}"#, vec!["http a.x.test"]),
        (
            r#"{"kv":["notes"],"secrets":["B"]}"#,
            r#"{"kv":["*"],"secrets":["A*"]}"#,
            vec!["kv notes"],
        ),
        (r#"{"files":["data/in/"]}"#, r#"{"files":["data/:rw"]}"#, vec!["files data/in/"]),
        (r#"{"files":["data/:rw"]}"#, r#"{"files":["data/"]}"#, vec!["files data/"]),
        (r#"{"services":["log","blob"]}"#, r#"{"services":["log"]}"#, vec!["services log"]),
    ] {
        assert_eq!(
            grants(granted).effective(&grants(asked)).lines(),
            effective,
            "{granted} ∩ {asked}"
        );
    }
}

#[test]
fn a_narrow_wildcard_does_not_cover_a_wide_one() {
    let narrow: Label = "ACME_*".parse().unwrap();
    assert!(!narrow.covers("A*"));
    assert!(narrow.covers("ACME_KEY*"));
    let exact: Label = "KEY".parse().unwrap();
    assert!(!exact.covers("KEY*"));
}

#[test]
fn files_are_covered_by_whole_names() {
    let folder: FilePattern = "data/".parse().unwrap();
    for (path, expected) in
        [("data", true), ("data/a", true), ("database", false), ("x/data", false)]
    {
        assert_eq!(folder.covers(path, false), expected, "{path}");
    }
    assert!(!folder.covers("data/a", true));
    for bad in ["", "../x", "a/../b", "./..", "a\0b"] {
        assert!(bad.parse::<FilePattern>().is_err(), "{bad:?} was accepted");
    }
}
