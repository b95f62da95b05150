//! Requests of WASI: the same allow-list, limits and journal as those of the contract's own interface.

use std::sync::Arc;

use cleargate_flow::grant::Grants;
use cleargate_flow::limits::Limits;
use cleargate_flow::value::Value;
use cleargate_runtime::{Called, Fault, LoadError, Plugin};

use crate::guests::{Stage, caller, everything, runtime};
use crate::wasi::{WRITTEN, encode, world};
use crate::{limited, stage};

const EXPORTS: &str = "
    export fetch: func(authority: string, body: string, early: bool) -> string; export field: func() -> string;
    export flood: func(authority: string); export widen: func(); export swell: func(authority: string);";

fn component() -> Arc<[u8]> {
    let module = format!("(module {})", include_str!("http.wat"));
    encode(wat::parse_str(module).unwrap(), &world(EXPORTS, WRITTEN))
}

async fn load() -> Plugin {
    runtime().load(component(), &everything()).await.unwrap()
}

async fn call(
    plugin: &Plugin,
    tool: &str,
    limits: Limits,
    input: &str,
    world: &Arc<Stage>,
) -> Called<Value> {
    plugin.call(tool, &caller(limits, world), &Value::from_json(input).unwrap()).await
}

fn asked(stage: &Stage) -> Vec<String> {
    stage.asked.lock().unwrap().clone()
}

#[tokio::test]
async fn a_request_reaches_the_world_whole_and_its_answer_comes_back_in_pieces() {
    let plugin = load().await;
    for (input, sent, said) in [
        (
            r#"{"authority": "null:81", "body": "", "early": false}"#,
            r#"open GET https://null:81/a?b=c ["label=value"] Some(250)"#,
            "200 \"first\"",
        ),
        (
            r#"{"authority": "null", "body": "text", "early": false}"#,
            r#"open POST https://null/a?b=c ["label=value"] Some(250)"#,
            "200 \"first\"",
        ),
        // `HTTP-request-denied`, the sixteenth of its errors.
        (
            r#"{"authority": "forbidden", "body": "", "early": false}"#,
            r#"open GET https://forbidden/a?b=c ["label=value"] Some(250)"#,
            "!P",
        ),
    ] {
        let stage = stage();
        let called = call(&plugin, "fetch", Limits::default(), input, &stage).await;
        assert_eq!(
            (called.result, asked(&stage)),
            (Ok(said.into()), vec![sent.to_owned()]),
            "{input}"
        );
    }
    let field = call(&plugin, "field", Limits::default(), "{}", &stage()).await;
    assert_eq!(field.result, Ok("!B".into()), "`host` is forbidden");
}

#[tokio::test]
async fn who_waits_for_an_answer_without_having_asked_is_told() {
    let input = r#"{"authority": "null", "body": "text", "early": true}"#;
    let stage = stage();
    let called = call(&load().await, "fetch", Limits::default(), input, &stage).await;
    match called.result {
        Err(Fault::Contract(why)) => assert!(why.contains("has not finished"), "{why}"),
        other => panic!("{other:?}"),
    }
    assert_eq!(asked(&stage), Vec::<String>::new());
}

#[tokio::test]
async fn wa_12_requests_of_wasi_are_held_to_the_limits_of_the_call() {
    let plugin = load().await;
    let to = r#"{"authority": "null"}"#;
    let many =
        Limits { host_calls: Some(1_000_000), http_calls: Some(1_000_000), ..Limits::default() };
    for (tool, limits, limit) in [
        ("flood", Limits::default(), "http_calls"),
        ("flood", many, "handles"),
        ("widen", many, "payload"),
        // Sixteen bodies of 64 KiB are a mebibyte.
        ("swell", Limits { payload: Some(1 << 20), ..Limits::default() }, "payload"),
        ("swell", Limits { host_calls: Some(20), ..Limits::default() }, "host_calls"),
    ] {
        let stage = stage();
        let input = if tool == "widen" { "{}" } else { to };
        limited(call(&plugin, tool, limits, input, &stage).await.result, limit);
        assert_eq!(Arc::strong_count(&stage.open), 1, "every body is closed with the call");
        assert!(asked(&stage).len() <= 1_024, "{tool}");
    }
}

#[tokio::test]
async fn requests_need_a_host_that_is_granted() {
    let grants = Grants { http: Default::default(), ..everything() };
    let refused = runtime().load(component(), &grants).await;
    match refused {
        Err(LoadError::NotGranted { import, line }) => {
            assert_eq!(line, "http = [\"HOST\"]");
            assert_eq!(import, "wasi:http/outgoing-handler@0.2.12");
        }
        other => panic!("{other:?}"),
    }
}
