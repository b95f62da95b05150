//! Reading, refusing and writing manifests.

use super::*;

const FULL: &str = r#"
[plugin]
name = "acme:redactor"
version = "1.2.0"
description = "Removes personal data from text"
license = "Apache-2.0"
keywords = ["pii", "gdpr"]
categories = ["guardrails"]
[requires]
host = ">=0.1, <0.5"
[[node]]
id = "redact"
title = "Redact personal data"
[permissions]
http = ["api.example.org:443"]
secrets = ["ACME_KEY"]
[reasons]
http = "Looks names up"
secrets = "Signs the look-up"
[limits]
memory = "64MiB"
time = "5s"
fuel = "200M"
[dependencies]
"acme:entities" = "^1.0"
[build]
language = "rust"
[test]
cases = "tests/*.yaml"
"#;

#[test]
fn the_canonical_form_reads_back_and_does_not_depend_on_order() {
    let manifest = Manifest::from_toml(FULL).unwrap();
    let json = manifest.to_canonical_json();
    assert_eq!(Manifest::from_json(json.as_bytes()).unwrap(), manifest);
    assert!(json.contains(r#""limits":{"fuel":"200M","memory":"64MiB","time":"5s"}"#), "{json}");
    let swapped = FULL.replace(
        "http = [\"api.example.org:443\"]\nsecrets = [\"ACME_KEY\"]",
        "secrets = [\"ACME_KEY\"]\nhttp = [\"api.example.org\"]",
    );
    assert_ne!(swapped, FULL);
    assert_eq!(Manifest::from_toml(&swapped).unwrap().digest(), manifest.digest());
}

#[test]
fn mistakes_name_their_line_and_the_fix() {
    let keywords = r#"keywords = ["a", "b", "c", "d", "e", "f"]"#;
    for (from, to, expected) in [
        ("license =", "licence =", "line 6, column 1: unknown field `licence`"),
        ("license =", "licence =", "did you mean `license`?"),
        ("[permissions]", "[permisions]", "did you mean `permissions`?"),
        ("time = \"5s\"", "tiem = \"5s\"", "did you mean `time`?"),
        ("time = \"5s\"", "time = \"5\"", "`200ms`"),
        ("host = \">=", "hots = \">=", "did you mean `host`?"),
        ("version = \"1.2.0\"", "version = \"1.2\"", "`1.2` is no version"),
        ("acme:redactor", "Acme", "write `namespace:name`"),
        ("api.example.org:443", "api.example.org/x", "is no host"),
        ("keywords = [\"pii\", \"gdpr\"]", keywords, "plugin.keywords: at most 5"),
        ("http = \"Looks names up\"", "kv = \"x\"", "`kv` is not asked for"),
        ("id = \"redact\"", "id = \"Redact\"", "node.id"),
        ("\"acme:entities\"", "\"acme:redactor\"", "cannot need itself"),
        ("[plugin]", "[plugin", "line 2"),
        ("\"rust\"", "\"rst\"", "did you mean `rust`?"),
    ] {
        let text = FULL.replacen(from, to, 1);
        assert_ne!(text, FULL, "{from}");
        let message = Manifest::from_toml(&text).unwrap_err().to_string();
        assert!(message.contains(expected), "{to}: {message}");
    }
}

/// FL-02: what strangers write into `plugin.toml` is refused with its place, in a few words.
#[test]
fn fl_02_hostile_manifests_are_refused_in_short() {
    let many = 20_000;
    for (text, expected) in [
        ("plugin = 1".to_owned(), "line 1, column 10"),
        ("[plugin]\nname = [1]".into(), "line 2, column 8"),
        ("[plugin]\nname = 'a:b'\nname = 'a:c'".into(), "line 3, column 1"),
        ("[plugin]\n[plugin]".into(), "line 2"),
        (format!("x = {}{}", "[".repeat(many), "]".repeat(many)), "line 1"),
        (format!("x = {}1{}", "{a=".repeat(many / 2), "}".repeat(many / 2)), "line 1"),
        (format!("[{}a]", "a.".repeat(many)), "recursion limit"),
        (format!("[plugin]\n{} = 1", "k".repeat(many)), "line 2, column 1"),
    ] {
        let message = Manifest::from_toml(&text).unwrap_err().to_string();
        assert!(message.contains(expected), "{:.40}: {message:.200}", text);
        assert!(message.len() < 1_000, "{:.40}: {} bytes", text, message.len());
    }
}

#[test]
fn a_manifest_has_a_bound() {
    let long = format!("{FULL}\n# {}", "x".repeat(crate::component::MAX_MANIFEST_LEN));
    assert!(Manifest::from_toml(&long).unwrap_err().to_string().contains("at most 65536 bytes"));
}

#[test]
fn what_a_plugin_can_do_without_is_asked_for_beside_what_it_needs() {
    let text =
        FULL.replace("[reasons]", "[optional]\ntools = [\"*\"]\n[reasons]\ntools = \"Calls back\"");
    let manifest = Manifest::from_toml(&text).unwrap();
    assert!(manifest.permissions.tools.is_empty() && manifest.optional.http.is_empty());
    let asked = manifest.asked();
    assert_eq!((asked.http.len(), asked.tools.len()), (1, 1));
    let json = manifest.to_canonical_json();
    assert_eq!(Manifest::from_json(json.as_bytes()).unwrap(), manifest);
    // A release that asks for nothing optional keeps its digest.
    assert!(!Manifest::from_toml(FULL).unwrap().to_canonical_json().contains("optional"));
    let refused =
        Manifest::from_toml(&text.replace("[optional]\ntools = [\"*\"]\n", "")).unwrap_err();
    assert!(refused.to_string().contains("`tools` is not asked for"), "{refused}");
}
