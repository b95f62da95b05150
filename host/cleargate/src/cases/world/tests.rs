//! What a plugin meets in a case, read from the text of one.

use super::*;

fn world(text: &str) -> Mock {
    let case = cleargate_flow::document::read(text).0.unwrap().to_value();
    Mock::new(Value::empty(), Script::of(&case).unwrap()).unwrap()
}

fn request(method: &str, url: &str) -> Request {
    let (method, url) = (method.into(), url.into());
    Request { method, url, headers: Vec::new(), body: None, timeout_ms: None }
}

#[tokio::test]
async fn the_network_answers_what_the_case_says_each_once() {
    let mock = world(
        "world:\n  http:\n    - { url: \"https://a.test/\", response: { json: { n: 1 } } }\n    \
         - { method: POST, url: \"https://a.test/\", body: hi, fail: { code: transient, message: busy } }\n    \
         - { url: \"https://a.test/\", response: { status: 404, text: gone, headers: { x: y } } }\n",
    );
    let get = request("GET", "https://a.test/");
    let first = mock.http_send(get.clone(), 100).await.unwrap();
    assert_eq!((first.status, first.body), (200, br#"{"n":1}"#.to_vec()));
    assert_eq!(first.headers[0].name, "content-type");
    let wrong = mock.http_send(request("POST", "https://a.test/"), 100).await.unwrap_err();
    assert!(wrong.message.contains("POST https://a.test/, GET https://a.test/"), "{wrong}");
    let body = Some(b"hi".to_vec());
    let post = Request { body, ..request("POST", "https://a.test/") };
    let busy = mock.http_send(post, 100).await.unwrap_err();
    assert_eq!((busy.code, &*busy.message), (ErrorCode::Transient, "busy"));
    assert_eq!(mock.unasked(), ["GET https://a.test/ was not asked for"]);
    let mut opened = mock.http_open(get.clone()).await.unwrap();
    assert_eq!(opened.body.next(3).await.unwrap().unwrap(), b"gon");
    assert_eq!(opened.body.next(3).await.unwrap().unwrap(), b"e");
    assert_eq!(opened.body.next(3).await.unwrap(), None);
    assert!(mock.unasked().is_empty());
    assert_eq!(mock.http_send(get, 100).await.unwrap_err().code, ErrorCode::Denied);
}

#[tokio::test]
async fn clock_random_stores_and_secrets_are_as_the_case_says() {
    let text = "world:\n  now: 2026-03-01T00:00:00Z\n  seed: 7\n  kv: { s: { k: v } }\n  \
                secrets: [A]\n";
    let (mock, again) = (world(text), world(text));
    assert_eq!(mock.now().await, Ok(1_772_323_200_000));
    let bytes = mock.random(8).await.unwrap();
    assert_eq!(bytes, again.random(8).await.unwrap());
    assert_ne!(bytes, world("world: { seed: 8 }").random(8).await.unwrap());
    assert_eq!(mock.kv_get("s".into(), "k".into()).await, Ok(Some(b"v".to_vec())));
    mock.kv_set("s".into(), "l".into(), b"w".to_vec()).await.unwrap();
    assert_eq!(mock.kv().to_json(), r#"{"s":{"k":"v","l":"w"}}"#);
    assert!(mock.placeholder("A".into()).await.is_ok());
    assert!(mock.placeholder("B".into()).await.is_err());
    let denied = world("world: { deny: [kv, http, random, secrets] }");
    assert!(denied.kv_get("s".into(), "k".into()).await.is_err());
    assert!(denied.random(1).await.is_err() && denied.placeholder("A".into()).await.is_err());
}

#[test]
fn a_world_with_a_typing_error_is_refused() {
    for (bad, said) in [
        ("world: { htp: [] }", "htp"),
        ("world: { now: yesterday }", "now"),
        ("world: { deny: [files] }", "files"),
        ("world: { http: [ { url: x } ] }", "http"),
    ] {
        let case = cleargate_flow::document::read(bad).0.unwrap().to_value();
        let why = Script::of(&case).unwrap_err();
        assert!(why.contains(said) || why.contains("world"), "{bad}: {why}");
    }
}
