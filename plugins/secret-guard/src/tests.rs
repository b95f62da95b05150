//! Tables of what is a credential and what only looks like one, and the promises about findings.
//!
//! Credentials are put together here, so that scanners of source code find none in this file.

use cleargate::json;

use super::*;

/// A random text of letters and digits: the same for the same seed.
fn random(length: usize, alphabet: &[u8], seed: u64) -> String {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let next = |_| {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        char::from(alphabet[(state >> 33) as usize % alphabet.len()])
    };
    (0..length).map(next).collect()
}

const ALNUM: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
const BASE32: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
const HEX: &[u8] = b"0123456789abcdef";
const BASE64: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

fn key(length: usize) -> String {
    random(length, ALNUM, 7)
}

/// A credential of each kind, alone: label and text.
fn credentials() -> Vec<(&'static str, String)> {
    let jwt_header = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9";
    let pem = format!("-----BEGIN {0}-----\n{1}\n-----END {0}-----", "RSA PRIVATE KEY", key(64));
    vec![
        ("aws_access_key", format!("AKIA{}", random(16, BASE32, 3))),
        ("aws_access_key", format!("ASIA{}", random(16, BASE32, 4))),
        ("gcp_api_key", format!("AIza{}", key(35))),
        ("gcp_oauth", format!("GOCSPX-{}", key(28))),
        ("gcp_oauth", format!("ya29.{}", key(120))),
        ("github_token", format!("ghp_{}", key(36))),
        ("github_token", format!("ghs_{}", key(36))),
        ("github_token", format!("github_pat_{}_{}", key(22), key(59))),
        ("gitlab_token", format!("glpat-{}", key(20))),
        ("slack_token", format!("xoxb-123456789012-{}", key(24))),
        (
            "slack_webhook",
            format!("hooks.slack.com/services/T0{0}/B0{0}/{1}", "3JK2M9QPL", key(24)),
        ),
        ("stripe_key", format!("sk_live_{}", key(24))),
        ("anthropic_key", format!("sk-ant-api03-{}", key(93))),
        ("openai_key", format!("sk-proj-{}", key(48))),
        ("openai_key", format!("sk-{}", key(48))),
        ("npm_token", format!("npm_{}", key(36))),
        ("pypi_token", format!("pypi-AgEIcHlwaS5vcmc{}", key(80))),
        ("huggingface_token", format!("hf_{}", key(34))),
        ("sendgrid_key", format!("SG.{}.{}", key(22), key(43))),
        ("azure_client_secret", format!("abC8Q~{}", key(34))),
        ("jwt", format!("{jwt_header}.eyJzdWIiOiIxIn0.{}", key(43))),
        ("private_key", pem),
    ]
}

fn labels(text: &str) -> Vec<&'static str> {
    scan::text(text, None).into_iter().map(|m| m.kind.label).collect()
}

#[test]
fn credentials_are_found_in_all_surroundings() {
    for (label, secret) in credentials() {
        let around =
            ["", "key: ", "(", "a,", "é", "line\\n", "x%20", "\"", "https://a.example/?k="];
        for before in around {
            let text = format!("{before}{secret} and more");
            let found = scan::text(&text, None);
            assert_eq!(found.len(), 1, "{label} after `{before}`: {found:?}");
            assert_eq!(found[0].kind.label, label, "after `{before}`");
            assert_eq!(&text[found[0].span.clone()], secret, "after `{before}`");
        }
    }
}

#[test]
fn a_part_of_a_longer_word_is_no_token() {
    for (label, secret) in credentials() {
        if matches!(label, "private_key" | "slack_webhook") {
            continue; // their frames are unlike any word
        }
        assert!(!labels(&format!("abc{secret}")).contains(&label), "{label}");
    }
    // Issued lengths are exact where the issuer says so.
    assert!(labels(&format!("AKIA{}", random(17, BASE32, 3))).is_empty());
    assert!(labels(&format!("AIza{}", key(30))).is_empty());
}

#[test]
fn placeholders_and_shapes_without_a_key_pass() {
    for text in [
        "AKIAIOSFODNN7EXAMPLE",
        "ghp_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
        "sk-ant-put-the-key-of-the-team-here",
        "xoxb-not-a-real-one-but-long-enough",
        "https://hooks.slack.com/services/T00000000/B00000000/XXXXXXXXXXXXXXXXXXXXXXXX",
        "-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEabcdefgh\n-----END PUBLIC KEY-----",
        "-----BEGIN RSA PRIVATE KEY-----\n...\n-----END RSA PRIVATE KEY-----",
        "eyJhbGciOiJub25lIn0.eyJzdWIiOiIxIn0.",
        "postgres://user:password@localhost/db",
        "postgres://postgres:postgres@localhost/db",
        "postgres://user:${DB_PASSWORD}@db/app",
        "https://user@host/path:with@signs",
        "http://[::1]:8080/a@b",
        "ssh://continuous-integration@git.example/x",
        "see https://a.example/x, and write to b:c@d.example",
        "password = \"<your password>\"",
        "password: changeme-1234567890",
        "token = env::var(\"API_TOKEN\")",
        "let token = parse_token_v2_from_header_17(&request)",
        "token: self.state2.current3.value",
        "if password == \"f83kQ0zPx71LmNv2\" {",
        "nextPageToken: f83kQ0zPx71LmNv2aaZ9",
        "token: 123e4567-e89b-12d3-a456-426614174000",
        "PWD=/home/ada/projects/site-2024/build17",
        "commit 3f786850e387550fdab836ed7e6dc881de23001b",
        "the password is long and the token is short",
    ] {
        assert_eq!(labels(text), [""; 0], "{text}");
    }
}

#[test]
fn assignments_need_a_telling_name_and_a_random_value() {
    let value = "f83kQ0zPx71LmNv2";
    for text in [
        format!("api_key = \"{value}\""),
        format!("DB_PASSWORD={value}"),
        format!("client-secret: '{value}'"),
        format!("{{\\\"accessToken\\\": \\\"{value}\\\"}}"),
        format!("passphrase := `{value}`"),
        format!(":secret => '{value}'"),
        format!("Authorization: Bearer {value}"),
        format!("-H 'X-Api-Key: {value}'"),
        format!("https://a.example/?page=1&token={value}&x=y"),
    ] {
        let found = scan::text(&text, None);
        assert_eq!(found.len(), 1, "{text}");
        assert_eq!(
            (found[0].kind.label, &text[found[0].span.clone()]),
            ("assigned_secret", value),
            "{text}"
        );
    }
    assert_eq!(labels(&format!("checksum = \"{value}\"")), [""; 0]);
    let aws = random(40, BASE64, 5);
    assert_eq!(labels(&format!("AWS_SECRET_ACCESS_KEY={aws}")), ["aws_secret_key"]);
    let hex = random(32, HEX, 9);
    assert_eq!(labels(&format!("auth_token: {hex}")), ["assigned_secret"]);
}

#[test]
fn urls_and_connection_strings_give_their_password_away() {
    let account = random(86, BASE64, 6) + "==";
    let signature = random(43, ALNUM, 8) + "%3D";
    for (text, label, secret) in [
        ("postgres://app:s3cr!t@db.example:5432/x".into(), "url_password", "s3cr!t"),
        ("redis://:hunter2@cache:6379/0".into(), "url_password", "hunter2"),
        ("https://f83kQ0zPx71LmNv2@git.example/x".into(), "url_password", "f83kQ0zPx71LmNv2"),
        ("https://f83kQ0zPx71LmNv2:@git.example/x".into(), "url_password", "f83kQ0zPx71LmNv2"),
        ("mongodb+srv://u:p@ss@w0rd@h.example".into(), "url_password", "p@ss@w0rd"),
        ("Server=db;User Id=app;Password=hunter2;".into(), "connection_string", "hunter2"),
        (
            format!("DefaultEndpointsProtocol=https;AccountName=x;AccountKey={account};"),
            "connection_string",
            account.as_str(),
        ),
        (
            format!("https://x.example/c?sv=2024-01-01&se=2027-01-01&sig={signature}"),
            "azure_sas",
            signature.as_str(),
        ),
    ] {
        let found = scan::text(&text, None);
        assert_eq!(found.len(), 1, "{text}: {found:?}");
        assert_eq!((found[0].kind.label, &text[found[0].span.clone()]), (label, secret), "{text}");
    }
}

/// Lock files are full of random text. A thousand entries of each kind, none of them a finding.
#[test]
fn lock_files_pass() {
    let (mut cargo, mut npm, mut go, mut yaml) =
        (String::new(), String::from("{\"packages\": {"), String::new(), String::new());
    for i in 0..1000 {
        let (hex, base64) = (random(64, HEX, i), random(86, BASE64, i) + "==");
        let name = ["token", "js-tokens", "secrecy", "password-hash", "api-key"][i as usize % 5];
        cargo += &format!(
            "[[package]]\nname = \"{name}\"\nversion = \"1.2.{i}\"\nsource = \
             \"registry+https://index.example.org/crates\"\nchecksum = \"{hex}\"\n\n"
        );
        npm += &format!(
            "\"node_modules/{name}\": {{\"version\": \"4.0.{i}\", \"resolved\": \
             \"https://registry.example.org/{name}/-/{name}-4.0.{i}.tgz\", \"integrity\": \"sha512-{base64}\"}},"
        );
        go += &format!("github.com/x/{name} v1.2.{i} h1:{}=\n", random(43, BASE64, i));
        yaml += &format!("  /{name}@4.0.{i}:\n    resolution: {{integrity: sha512-{base64}}}\n");
        yaml += &format!("  image: registry.example/{name}@sha256:{hex}\n");
    }
    for text in [cargo, npm, go, yaml] {
        assert_eq!(labels(&text), [""; 0]);
    }
}

#[test]
fn findings_say_where_and_never_what() {
    for (label, secret) in credentials() {
        let content = json!({ "a/b": [1, { "~": secret }], (secret.clone()): null });
        let Ok(Verdict::Reject { reason, findings }) =
            secret_guard(Stage::Input, content, Config::default())
        else {
            panic!("{label} was not refused");
        };
        let said = format!("{reason} {findings:?}");
        assert!(!said.contains(&secret), "{said}");
        assert!(reason.starts_with("2 credentials were found"), "{reason}");
        let paths: Vec<&str> = findings.iter().map(|f| f.path.as_str()).collect();
        assert!(paths.contains(&"/a~1b/1/~0"), "{paths:?}");
        assert!(paths.contains(&format!("/<{}>", label.to_uppercase()).as_str()), "{paths:?}");
        assert!(findings.iter().all(|f| f.label == label), "{findings:?}");
    }
}

#[test]
fn redacted_content_has_nothing_to_find() {
    for (label, secret) in credentials() {
        let content = json!({
            "password": "f83kQ0zPx71LmNv2",
            "text": format!("one {secret} two"),
            (secret.clone()): [secret.clone()],
        });
        let config = Config { action: Action::Redact, ..Config::default() };
        let verdict = secret_guard(Stage::Output, content, config).unwrap();
        let Verdict::Modify { content, findings } = verdict else { panic!("{label}: {verdict:?}") };
        assert_eq!(findings.len(), 4);
        assert_eq!(content["password"], "<ASSIGNED_SECRET>");
        assert_eq!(content["text"], format!("one <{}> two", label.to_uppercase()));
        let again = secret_guard(Stage::Output, content, Config::default());
        assert_eq!(again, Ok(Verdict::Pass), "{label}");
    }
}

#[test]
fn keys_that_become_the_same_keep_their_values() {
    let [one, two] = [1, 2].map(|seed| format!("ghp_{}", random(36, ALNUM, seed)));
    let config = Config { action: Action::Redact, ..Config::default() };
    let verdict = secret_guard(Stage::Input, json!({ (one): 1, (two): 2 }), config).unwrap();
    let Verdict::Modify { content, .. } = verdict else { panic!("{verdict:?}") };
    let mut values: Vec<_> = content.as_object().unwrap().iter().collect();
    values.sort_by_key(|(key, _)| key.len());
    assert_eq!([values[0].0, values[1].0], ["<GITHUB_TOKEN>", "<GITHUB_TOKEN>_2"]);
}

#[test]
fn a_report_changes_nothing_and_an_allowed_value_passes() {
    let secret = format!("ghp_{}", key(36));
    let content = json!([secret]);
    let config = Config { action: Action::Report, ..Config::default() };
    let verdict = secret_guard(Stage::ToolCall, content.clone(), config).unwrap();
    let Verdict::Modify { content: same, findings } = verdict else { panic!("{verdict:?}") };
    assert_eq!((same, findings.len()), (content.clone(), 1));
    let config = Config { allow: vec![secret], ..Config::default() };
    assert_eq!(secret_guard(Stage::Input, content, config), Ok(Verdict::Pass));
}

#[test]
fn many_findings_are_counted_and_not_all_listed() {
    let content: Vec<String> = (0..150).map(|i| format!("ghp_{}", random(36, ALNUM, i))).collect();
    let verdict = secret_guard(Stage::Input, json!(content), Config::default()).unwrap();
    let Verdict::Reject { reason, findings } = verdict else { panic!("{verdict:?}") };
    assert_eq!(findings.len(), MAX_FINDINGS);
    assert!(reason.starts_with("150 credentials were found (github_token)"), "{reason}");
}

#[test]
fn an_unknown_key_of_the_configuration_is_refused() {
    let error = serde_json::from_value::<Config>(json!({ "actions": "redact" })).unwrap_err();
    assert!(error.to_string().contains("unknown field `actions`"), "{error}");
}

/// Each of these starts a credential at every word of one long run. Read to its end each time, the text would
/// be read a hundred thousand times over.
#[test]
fn hostile_texts_end() {
    const SIZE: usize = 1 << 18; // bytes
    for piece in [
        "sk-ant-",
        "eyJ-",
        "eyJ.",
        "a=",
        "token=",
        "password:",
        "sig=",
        "sv=se=sig=",
        "://",
        "a://b:",
        "-----BEGIN ",
        "-----BEGIN PRIVATE KEY-----",
        "8Q~",
        "%20ghp_",
        "Password=;Server=",
    ] {
        let text = piece.repeat(SIZE / piece.len());
        assert_eq!(labels(&text), [""; 0], "{piece}");
    }
    let names = |i: u64| format!("ghp_{}", random(36, ALNUM, 2 * i));
    let keys = (0..5_000).map(|i| (names(i), json!(i))).collect();
    let config = Config { action: Action::Redact, ..Config::default() };
    let verdict = secret_guard(Stage::Input, Value::Object(keys), config).unwrap();
    let Verdict::Modify { content, .. } = verdict else { panic!("{verdict:?}") };
    let content = content.as_object().unwrap();
    assert_eq!((content.len(), content.contains_key("<GITHUB_TOKEN>_5000")), (5_000, true));
}
