//! What golden cases cannot show: media, and the forms of rules.

use cleargate::http::Response;
use cleargate::testing::{Services, run};

use super::*;

#[test]
fn what_is_no_text_is_kept_behind_a_handle() {
    let bytes = vec![0x89, b'P', b'N', b'G', 0xff];
    let answer = Response {
        status: 200,
        headers: vec![("Content-Type".into(), "image/png; q=1".into())],
        body: bytes.clone(),
    };
    let services = Services { http: Box::new(move |_| Ok(answer.clone())), ..Services::default() };
    let input = json!({ "url": "https://a.example/x.png", "robots": false, "accept": ["image/*"] });
    let input: Input = serde_json::from_value(input).unwrap();
    let (output, after) = run(services, || fetch(input));
    let output = output.unwrap();
    let media = output.media.unwrap();
    assert_eq!((media.mime.as_str(), media.size), ("image/png", 5));
    assert_eq!(after.blobs[&media.digest], bytes);
    assert_eq!(output.text, None);
}

#[test]
fn rules_fit_as_the_standard_says() {
    let rows = [
        ("/fish", "/fish.html", true),
        ("/fish", "/Fish", false),
        ("/fish/", "/fish", false),
        ("/*.php", "/a/b.php?c", true),
        ("/*.php$", "/a.php/b.php", true),
        ("/*.php$", "/a.php?b", false),
        ("/$", "/", true),
        ("/$", "/a", false),
        ("/a*b*c", "/a--b--c--", true),
        ("/a*b*c", "/a--c--b", false),
    ];
    for (rule, path, fits) in rows {
        let rules = format!("User-agent: *\nDisallow: {rule}");
        assert_eq!(robots::forbids(&rules, path).is_some(), fits, "{rule} {path}");
    }
    assert_eq!(robots::forbids("User-agent: *\nDisallow:", "/a"), None);
    assert_eq!(robots::forbids("<html>no: rules</html>", "/a"), None);
}
