//! Which images are shown.

use super::*;

fn shown(hosts: &[&str], base: Option<&str>, address: &str) -> bool {
    let hosts: Vec<_> = hosts.iter().map(|host| (*host).to_owned()).collect();
    let base = base.map(|base| Url::parse(base).unwrap());
    shows(&hosts, base.as_ref(), address)
}

#[test]
fn images_are_shown_by_their_host() {
    for (hosts, address, expected) in [
        (&["a.example"][..], "https://a.example/x.png", true),
        (&["a.example"], "https://A.example:8443/x.png", true),
        (&["a.example"], "//a.example/x.png", true),
        (&["a.example"], "https://b.a.example/x.png", false),
        (&["a.example"], "https://a.example@evil.example/x.png", false),
        (&["a.example"], "https://evil.example/?a.example", false),
        (&["a.example"], "https:\\\\evil.example\\x", false),
        (&["a.example"], "/x.png", false),
        (&["*.a.example"], "https://b.a.example/x.png", true),
        (&["*.a.example"], "https://a.example/x.png", false),
        (&["*.a.example"], "https://evila.example/x.png", false),
        (&["*"], "https://b.example/x.png", true),
        (&["*"], "x.png", true),
        (&["*"], "data:image/png;base64,AA", false),
        (&["*"], "javascript:alert(1)", false),
        (&[], "https://a.example/x.png", false),
    ] {
        assert_eq!(shown(hosts, None, address), expected, "{hosts:?} {address}");
    }
    assert!(shown(&["a.example"], Some("https://a.example/docs/"), "../x.png"));
    assert!(!shown(&["a.example"], Some("https://a.example/docs/"), "//evil.example/x.png"));
}
