//! The node against a scripted host: what is sent, and what each answer becomes.

use std::sync::Arc;

use cleargate_flow::error::ErrorCode;

use super::*;
use crate::fixture::{Network, World};

fn world(config: &str, headers: &[(&'static str, &'static str)], body: &[u8]) -> World {
    let answer = Some((200, headers.to_vec(), body.to_vec()));
    World {
        config: Value::from_json(config).unwrap(),
        network: Arc::new(Network { answer, ..Network::default() }),
        ..World::granting(r#"{"http":["api.test"]}"#)
    }
}

async fn send(world: &World, input: &str) -> Result<Output, Failure> {
    Http.run(world.context(), Value::from_json(input).unwrap()).await
}

#[tokio::test]
async fn requests_leave_as_the_flow_says() {
    let kind = "application/json";
    for (config, input, method, headers, body) in [
        ("null", r#"{"url":"https://api.test/"}"#, "GET", vec![], None),
        (
            "{}",
            r#"{"url":"https://api.test/","method":"post","body":{"a":1}}"#,
            "POST",
            vec![("Content-Type", kind)],
            Some(r#"{"a":1}"#),
        ),
        (
            "{}",
            r#"{"url":"https://api.test/","method":"PUT","body":"x","headers":{"content-type":"a/b"}}"#,
            "PUT",
            vec![("content-type", "a/b")],
            Some("x"),
        ),
        (
            r#"{"effect":"idempotent"}"#,
            r#"{"url":"https://api.test/","method":"POST","headers":{"idempotency-key":"own"}}"#,
            "POST",
            vec![("idempotency-key", "own")],
            None,
        ),
    ] {
        let world = world(config, &[], b"");
        send(&world, input).await.unwrap();
        let sent = world.network.sent.lock().unwrap();
        assert_eq!(sent[0].method, method, "{input}");
        let expected: Vec<_> =
            headers.into_iter().map(|(k, v)| (k.to_owned(), v.to_owned())).collect();
        assert_eq!(sent[0].headers, expected, "{input}");
        assert_eq!(sent[0].body.as_deref(), body.map(str::as_bytes), "{input}");
    }
}

#[tokio::test]
async fn an_idempotent_request_carries_the_key_of_the_step() {
    let world = world(r#"{"effect":"idempotent"}"#, &[], b"");
    send(&world, r#"{"url":"https://api.test/","method":"POST"}"#).await.unwrap();
    let key = world.context().key;
    let sent = world.network.sent.lock().unwrap();
    assert_eq!(sent[0].headers, [("Idempotency-Key".to_owned(), key)]);
}

#[tokio::test]
async fn the_answer_is_read_as_what_the_peer_says_it_is() {
    for (headers, body, text, json, bytes) in [
        (
            vec![("content-type", "application/json; charset=utf-8")],
            &b"{\"a\":1}"[..],
            r#"{"a":1}"#,
            r#"{"a":1}"#,
            "null",
        ),
        (vec![("content-type", "application/problem+json")], b"[]", "[]", "[]", "null"),
        (vec![("content-type", "application/json")], b"{", "{", "null", "null"),
        (vec![("content-type", "text/plain")], b"{}", "{}", "null", "null"),
        (vec![], b"\xff", "", "null", r#""/w==""#),
    ] {
        let output =
            send(&world("{}", &headers, body), r#"{"url":"https://api.test/"}"#).await.unwrap();
        assert_eq!(output.value.get("text"), Some(&text.into()));
        assert_eq!(output.value.get("json").unwrap().to_json(), json);
        assert_eq!(output.value.get("bytes").unwrap().to_json(), bytes);
        assert_eq!(output.value.get("status"), Some(&Value::Int(200)));
        assert_eq!(output.usage.host_calls, 1);
    }
    let world = world("{}", &[("via", "a"), ("via", "b")], b"");
    let output = send(&world, r#"{"url":"https://api.test/"}"#).await.unwrap();
    assert_eq!(output.value.get("headers").unwrap().to_json(), r#"{"via":"a, b"}"#);
}

#[tokio::test]
async fn refusals_and_failures_are_typed() {
    for (config, input, code) in [
        ("{}", r#"{"url":"https://evil.test/"}"#, ErrorCode::Denied),
        ("{}", r#"{}"#, ErrorCode::InvalidInput),
        ("{}", r#"{"url":"https://api.test/","timeout_ms":0}"#, ErrorCode::InvalidInput),
        (
            r#"{"effect":"read"}"#,
            r#"{"url":"https://api.test/","method":"POST"}"#,
            ErrorCode::InvalidInput,
        ),
        (r#"{"effect":"pure"}"#, r#"{"url":"https://api.test/"}"#, ErrorCode::InvalidInput),
    ] {
        let world = world(config, &[], b"");
        let failure = send(&world, input).await.unwrap_err();
        assert_eq!(failure.error.code, code, "{input}: {}", failure.error);
        assert!(world.network.sent.lock().unwrap().is_empty(), "{input} was sent");
    }
    let silent = World::granting(r#"{"http":["api.test"]}"#);
    let failure = send(&silent, r#"{"url":"https://api.test/"}"#).await.unwrap_err();
    assert_eq!((failure.error.code, failure.usage.host_calls), (ErrorCode::Transient, 1));
}
