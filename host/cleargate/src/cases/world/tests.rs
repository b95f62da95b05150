//! What a plugin meets in a case, read from the text of one.

use super::*;

fn world(text: &str) -> Mock {
    let case = cleargate_flow::document::read(text).0.unwrap().to_value();
    Mock::new(Value::empty(), Script::of(&case).unwrap(), 10_000).unwrap()
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

#[tokio::test]
async fn a_slow_answer_takes_time_of_the_case_and_none_of_ours() {
    let text = "world:\n  http:\n    - { url: \"https://a.test/\", response: { slow: 3s } }\n    \
                - { url: \"https://a.test/\", response: { slow: 1m } }\n";
    let mock = world(text);
    let begun = mock.now().await.unwrap();
    let patient = Request { timeout_ms: Some(3_000), ..request("GET", "https://a.test/") };
    assert_eq!(mock.http_send(patient.clone(), 100).await.unwrap().status, 200);
    assert_eq!((mock.now().await, mock.elapsed().await), (Ok(begun + 3_000), Ok(3_000)));
    let late = mock.http_send(patient, 100).await.unwrap_err();
    assert_eq!((late.code, mock.elapsed().await), (ErrorCode::Timeout, Ok(6_000)));
    assert_eq!(mock.sleep(4_000).await, Ok(()));
    let over = mock.sleep(1).await.unwrap_err();
    assert!(over.code == ErrorCode::Timeout && over.message.contains("10s"), "{over}");
}

#[tokio::test]
async fn a_body_that_is_cut_off_comes_so_far_and_breaks() {
    let answer = "{ url: \"https://a.test/\", response: { text: hello, cut: 3 } }";
    let mock = world(&format!("world:\n  http: [{answer}, {answer}]"));
    let get = request("GET", "https://a.test/");
    let mut opened = mock.http_open(get.clone()).await.unwrap();
    assert_eq!(opened.body.next(10).await.unwrap().unwrap(), b"hel");
    for broken in [
        opened.body.next(10).await.unwrap_err(),
        mock.http_send(get, 100).await.expect_err("the whole answer never came"),
    ] {
        assert_eq!(broken.code, ErrorCode::Transient);
        assert!(broken.message.contains("after 3 bytes"), "{broken}");
    }
}

#[tokio::test]
async fn services_fail_when_the_case_says_so_and_media_are_kept() {
    let mock = world("world: { fail: [{ call: kv.set, after: 1 }, { call: blob.get, times: 1 }] }");
    let set = || mock.kv_set("s".into(), "k".into(), b"v".to_vec());
    assert!(set().await.is_ok());
    assert_eq!(set().await.unwrap_err().code, ErrorCode::Transient);
    assert!(mock.kv_get("s".into(), "k".into()).await.is_ok());
    assert_eq!(mock.unasked(), ["`blob.get` was not called so often as to fail"]);
    let media = mock.blob_put(b"hello".to_vec(), "text/plain".into(), None).await.unwrap();
    assert!(media.digest.starts_with("sha256:") && media.size == 5);
    assert!(mock.blob_get(media.clone(), 1, 3).await.is_err());
    assert_eq!(mock.blob_get(media.clone(), 1, 3).await, Ok(b"ell".to_vec()));
    assert_eq!(mock.blob_get(media, 9, 3).await, Ok(Vec::new()));
    let denied = world("world: { deny: [clock, blob] }");
    assert_eq!(denied.now().await.unwrap_err().code, ErrorCode::Denied);
    assert!(denied.blob_put(Vec::new(), "a/b".into(), None).await.is_err());
}

#[test]
fn a_world_with_a_typing_error_is_refused() {
    for (bad, said) in [
        ("world: { htp: [] }", "htp"),
        ("world: { now: yesterday }", "now"),
        ("world: { deny: [files] }", "files"),
        ("world: { http: [ { url: x } ] }", "needs a `response`"),
        ("world: { http: [ { url: x, response: { slow: soon } } ] }", "slow"),
        ("world: { http: [ { url: x, response: { text: ab, cut: 2 } } ] }", "does not cut"),
        ("world: { http: [ { url: x, response: { text: ab, json: 1 } } ] }", "one of `text`"),
        ("world: { http: [ { url: x, response: { base64: ab! } } ] }", "base64"),
        ("world: { fail: [ { call: files } ] }", "no service"),
    ] {
        let case = cleargate_flow::document::read(bad).0.unwrap().to_value();
        let why = Script::of(&case).unwrap_err();
        assert!(why.contains(said), "{bad}: {why}");
    }
}
