//! Decisions, URLs, addresses and effect classes as tables.

use cleargate_flow::signature::Effect;
use cleargate_gate::*;

use crate::bench::grants;

#[test]
#[expect(clippy::too_many_lines, reason = "a corpus is one table")]
fn ti_03_only_urls_with_one_meaning_are_decided() {
    for (url, host) in [
        ("https://api.example.org", "api.example.org"),
        ("HTTPS://API.Example.ORG/x", "api.example.org"),
        ("https://api.example.org:443/x", "api.example.org"),
        ("https://api.example.org:8443/x", "api.example.org"),
        ("http://api.example.org:80", "api.example.org"),
        ("https://api.example.org/@evil.test", "api.example.org"),
        ("https://api.example.org?u=a@evil.test", "api.example.org"),
        ("https://api.example.org#@evil.test", "api.example.org"),
        ("https://api.example.org/%2e%2e/%40", "api.example.org"),
        ("https://api.example.org//evil.test", "api.example.org"),
        ("https://xn--bcher-kva.example/", "xn--bcher-kva.example"),
        ("http://127.0.0.1:8080/", "127.0.0.1"),
        ("http://[::1]:8080/", "::1"),
        ("https://[2606:4700::1111]/", "2606:4700::1111"),
        ("https://localhost/", "localhost"),
    ] {
        assert_eq!(Target::parse(url).map(|t| t.host).as_deref(), Ok(host), "{url}");
    }
    for url in [
        "",
        "api.example.org",
        "//api.example.org",
        "https:api.example.org",
        "https:/api.example.org",
        "https:///api.example.org",
        "https://",
        "https://:443",
        "file:///etc/passwd",
        "gopher://a.test:70/",
        "ftp://a.test/",
        "data://a.test",
        "javascript://a.test",
        "ws://a.test",
        "https://api.example.org@evil.test/",
        "https://api.example.org:x@evil.test/",
        "https://@evil.test",
        "https://user@api.example.org/",
        "https://a:b@api.example.org/",
        "https://api.example.org%40evil.test/",
        "https://api.example.org%2f@evil.test",
        "https://evil.test\\@api.example.org/",
        "https://api.example.org\\evil.test",
        "https:\\\\api.example.org",
        "https://api.example.org\t.evil.test/",
        "https://api.example.org\n",
        "https://api.example.org\r\nHost: evil.test",
        " https://api.example.org",
        "https://api.example.org /",
        "https://api.example.org\0",
        "https://api.example.org/\u{7f}",
        "https://b\u{fc}cher.example/",
        "https://\u{441}lear.example/",
        "https://api\u{3002}example.org/",
        "https://api.example\u{ff0e}org/",
        "https://\u{2460}\u{2461}\u{2466}.0.0.1/",
        "https://api.example.org\u{202e}/",
        "https://%61pi.example.org/",
        "https://api%2eexample.org/",
        "https://api.example.org./",
        "https://127.1/",
        "https://2130706433/",
        "https://0x7f.1/",
        "https://0x7f000001/",
        "https://017700000001/",
        "https://0177.0.0.1/",
        "https://127.0.0.1./",
        "https://0/",
        "https://127.00.0.1/",
        "https://1.2.3.4.5/",
        "http://[0:0:0:0:0:0:0:1]/",
        "http://[::ffff:127.0.0.1]/",
        "http://[::1%25lo]/",
        "http://[::1",
        "http://::1/",
        "https://api.example.org:0443/",
        "https://api.example.org:/",
        "https://api.example.org:0/",
        "https://api.example.org:65536/",
        "https://api.example.org:x/",
        "https://api.example.org:443:80/",
        "https://api.example.org:-1/",
        "https://a b.test/",
        "https://[api.example.org]/",
        "https://<a>.test/",
    ] {
        assert!(Target::parse(url).is_err(), "{url:?} was read as {:?}", Target::parse(url));
    }
    assert_eq!(
        Target::parse(&format!("https://a.test/{}", "a".repeat(9000))),
        Err(TargetError::Long)
    );
}

#[test]
fn ht_10_special_addresses_are_refused() {
    for bad in [
        "0.0.0.0",
        "0.1.2.3",
        "10.0.0.1",
        "10.255.255.255",
        "100.64.0.1",
        "100.100.100.200",
        "100.127.255.255",
        "127.0.0.1",
        "127.255.255.254",
        "168.63.129.16",
        "169.254.169.254",
        "172.16.0.1",
        "172.31.255.255",
        "192.0.0.192",
        "192.0.2.1",
        "192.88.99.1",
        "192.168.0.1",
        "198.18.0.1",
        "198.19.255.255",
        "198.51.100.1",
        "203.0.113.1",
        "224.0.0.1",
        "239.255.255.255",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::ffff:127.0.0.1",
        "::ffff:169.254.169.254",
        "::127.0.0.1",
        "64:ff9b::7f00:1",
        "64:ff9b:1::1",
        "100::1",
        "2001::1",
        "2001:db8::1",
        "2002:7f00:1::1",
        "3fff::1",
        "5f00::1",
        "fc00::1",
        "fd00:ec2::254",
        "fe80::1",
        "fec0::1",
        "ff02::1",
    ] {
        assert!(refused_because(bad.parse().unwrap(), &[]).is_some(), "{bad} was let through");
    }
    for good in [
        "1.1.1.1",
        "9.255.255.255",
        "11.0.0.0",
        "100.63.255.255",
        "100.128.0.0",
        "126.255.255.255",
        "128.0.0.0",
        "172.15.255.255",
        "172.32.0.0",
        "192.167.255.255",
        "198.17.255.255",
        "198.20.0.0",
        "223.255.255.255",
        "2606:4700::1111",
        "2001:4860:4860::8888",
        "::ffff:1.1.1.1",
    ] {
        assert_eq!(refused_because(good.parse().unwrap(), &[]), None, "{good}");
    }
    let allowed = ["10.1.0.0/16".parse().unwrap()];
    assert_eq!(refused_because("::ffff:10.1.2.3".parse().unwrap(), &allowed), None);
    assert!(refused_because("10.2.0.1".parse().unwrap(), &allowed).is_some());
}

fn kv(store: &str) -> Request {
    Request::Kv { store: store.into(), op: KvOp::Get { key: "k".into() } }
}

fn file(path: &str, write: bool) -> Request {
    let action = if write { FileAction::Write(vec![]) } else { FileAction::Read };
    Request::File(FileOp { path: path.into(), action })
}

fn http(url: &str) -> Request {
    Request::Http(HttpRequest::get(url))
}

#[test]
fn a_request_is_allowed_by_its_grant_and_by_nothing_less() {
    let (secret, reveal) =
        (Request::Secret { label: "k".into() }, Request::Reveal { label: "k".into() });
    let some = r#"{"http":["api.example.org","*.data.test"],"kv":["notes"],"files":["data/","out/:rw","a.txt"],
                   "secrets":["k"],"services":["clock"]}"#;
    let some = grants(some);
    let rows = [
        (http("https://api.example.org/x"), "allow"),
        (http("http://api.example.org/x"), "deny"),
        (http("https://api.example.org:8443/"), "deny"),
        (http("https://x.data.test/"), "allow"),
        (http("https://data.test/"), "deny"),
        (http("https://evildata.test/"), "deny"),
        (http("https://api.example.org.evil.test/"), "deny"),
        (http("https://a@api.example.org/"), "invalid"),
        (kv("notes"), "allow"),
        (kv("notes2"), "deny"),
        (kv("note*"), "invalid"),
        (kv("*"), "invalid"),
        (file("data/x", false), "allow"),
        (file("data/x", true), "deny"),
        (file("out/x", true), "allow"),
        (file("data2/x", false), "deny"),
        (file("a.txt", false), "allow"),
        (file("data/../a", false), "invalid"),
        (file("/etc/passwd", false), "deny"),
        (file("./a.txt", false), "invalid"),
        (file("data/x:rw", false), "invalid"),
        (file("data//etc", false), "invalid"),
        (file("data/", false), "invalid"),
        (secret, "allow"),
        (reveal, "deny"),
        (Request::Now, "allow"),
        (Request::Random { len: 1 }, "deny"),
        (Request::Blob(BlobOp::Put(vec![])), "deny"),
    ];
    for (request, expected) in rows {
        let found = match decide(&some, &request) {
            Decision::Allow => "allow",
            Decision::Invalid(_) => "invalid",
            Decision::Deny { missing } => {
                // The refusal names exactly what would help.
                let more = some.clone().union(&missing);
                assert_eq!(decide(&more, &request), Decision::Allow, "{request:?}");
                "deny"
            }
        };
        assert_eq!(found, expected, "{request:?}");
        assert_ne!(
            decide(&Default::default(), &request),
            Decision::Allow,
            "{request:?} without a grant"
        );
    }
}

#[test]
fn methods_and_headers_that_steer_the_connection_are_refused() {
    let all = grants(r#"{"http":["a.test"]}"#);
    let invalid = |change: &dyn Fn(&mut HttpRequest)| {
        let mut request = HttpRequest::get("https://a.test/");
        change(&mut request);
        matches!(decide(&all, &Request::Http(request)), Decision::Invalid(_))
    };
    for method in ["CONNECT", "TRACE", "get", "", "GET /x HTTP/1.1\r\n"] {
        assert!(invalid(&|r| r.method = method.into()), "{method:?}");
    }
    for (name, value) in [
        ("Host", "b"),
        ("Content-Length", "1"),
        ("transfer-encoding", "chunked"),
        ("Proxy-Authorization", "x"),
        ("x", "a\r\nb: c"),
        ("x y", "a"),
        ("", "a"),
        ("x", "\0"),
    ] {
        assert!(invalid(&|r| r.headers = vec![(name.into(), value.into())]), "{name:?}");
    }
    assert!(!invalid(&|r| r.headers = vec![("X-Key".into(), "v".into())]));
}

#[test]
fn effects_and_digests_tell_requests_apart() {
    let with = |method: &str, key: Option<&str>| {
        let headers =
            key.map(|k| ("Idempotency-Key".to_owned(), k.to_owned())).into_iter().collect();
        Request::Http(HttpRequest {
            method: method.into(),
            headers,
            ..HttpRequest::get("https://a.test/")
        })
    };
    for (request, effect) in [
        (with("GET", None), Effect::Read),
        (with("PUT", None), Effect::Idempotent),
        (with("DELETE", None), Effect::Idempotent),
        (with("POST", None), Effect::Once),
        (with("PATCH", None), Effect::Once),
        (with("POST", Some("k")), Effect::Idempotent),
        (with("POST", Some("")), Effect::Once),
        (kv("a"), Effect::Read),
        (file("a", true), Effect::Idempotent),
    ] {
        assert_eq!(request.effect(), effect, "{request:?}");
    }
    let set = |key: &str, value: &str| Request::Kv {
        store: "s".into(),
        op: KvOp::Set { key: key.into(), value: value.into() },
    };
    assert_ne!(set("ab", "c").digest(), set("a", "bc").digest());
    assert_eq!(set("a", "b").digest(), set("a", "b").digest());
    assert_eq!(format!("{:?}", set("a", "payload")), "kv set s/a");
}
