//! WASI 0.3: functions that wait, streams and futures, before the same world and with the same limits as 0.2.

use std::sync::Arc;

use cleargate_flow::error::NodeError;
use cleargate_flow::grant::{Grants, Service};
use cleargate_flow::limits::Limits;
use cleargate_flow::value::Value;
use cleargate_runtime::{Called, Fault, LoadError, Plugin};
use wit_component::dummy_module;
use wit_parser::{LiftLowerAbi, ManglingAndAbi};

use crate::guests::{Stage, caller, everything, runtime};
use crate::wasi::{encode, world_of};
use crate::{limited, stage, time};

/// What is served, by its signatures, and the version that this text writes.
const SERVED: (&str, &str) = (include_str!("wasi3.wit"), "0.3.0");

const EXPORTS: &str = "
    export rest: async func(length: u64) -> s64; export chance: async func() -> u64;
    export input: async func() -> u32; export print: async func() -> u32; export flood: async func() -> u32;
    export widen: async func() -> u32; export race: async func(authority: string) -> bool;
    export file: async func(path: string, how: u32, %flags: u32) -> string;
    export look: async func(path: string) -> string;
    export fetch: async func(authority: string, body: string) -> string;";

pub(crate) fn component() -> Arc<[u8]> {
    let module = format!("(module {})", include_str!("wasi3.wat"));
    let module = wat::parse_str(module).unwrap_or_else(|error| panic!("{error}"));
    encode(module, &world_of(SERVED, EXPORTS, SERVED.1))
}

async fn load() -> Plugin {
    runtime().load(component(), &everything()).await.unwrap()
}

async fn call(
    plugin: &Plugin,
    tool: &str,
    input: &str,
    limits: Limits,
    world: &Arc<Stage>,
) -> Called<Value> {
    plugin.call(tool, &caller(limits, world), &Value::from_json(input).unwrap()).await
}

#[tokio::test]
async fn every_function_of_wasi_3_has_the_type_that_components_are_built_against() {
    for version in ["0.3.0", "0.3.2"] {
        let built = world_of(SERVED, "export f: func();", version);
        let module = dummy_module(&built.0, built.1, ManglingAndAbi::Legacy(LiftLowerAbi::Sync));
        let plugin = runtime().load(encode(module, &built), &everything()).await;
        assert!(plugin.is_ok(), "{version}: {plugin:?}");
    }
}

#[tokio::test]
async fn streams_of_wasi_3_carry_what_is_printed_and_nothing_comes_in() {
    let (plugin, stage) = (load().await, stage());
    for (tool, input, expected) in [
        ("print", "{}", 0.into()),
        // `dropped`, and no bytes.
        ("input", "{}", 1.into()),
        // The stage gives `4` for each byte.
        ("chance", "{}", 0.into()),
        ("rest", r#"{"length": 0}"#, 0.into()),
    ] {
        let called = call(&plugin, tool, input, Limits::default(), &stage).await;
        assert_eq!(called.result, Ok(expected), "{tool}");
    }
    assert_eq!(*stage.lines.lock().unwrap(), ["one", "two"]);
    // Each piece counts as a call, and each stream as a handle.
    let many = Limits { host_calls: Some(500), ..time(20_000) };
    limited(call(&plugin, "flood", "{}", many, &stage).await.result, "host_calls");
    limited(call(&plugin, "widen", "{}", time(20_000), &stage).await.result, "handles");
}

#[tokio::test]
async fn wa_15_a_wait_of_wasi_3_ends_with_the_time() {
    let plugin = load().await;
    let hour = r#"{"length": 3600000000000}"#;
    let called = call(&plugin, "rest", hour, time(30), &stage()).await;
    assert_eq!(called.result, Err(Fault::Timeout { after: 30 }));
    let awake = stage();
    awake.alarm.add_permits(1);
    assert_eq!(call(&plugin, "rest", hour, time(5_000), &awake).await.result, Ok(0.into()));
}

#[tokio::test]
async fn a_request_of_wasi_3_leaves_when_its_body_has_ended() {
    let plugin = load().await;
    for (input, sent, said) in [
        (
            r#"{"authority": "null:81", "body": ""}"#,
            r#"open GET https://null:81/ ["label=value"] Some(250)"#,
            "2\"first\"\"second\"",
        ),
        (
            r#"{"authority": "null", "body": "text"}"#,
            r#"open POST https://null/ ["label=value"] Some(250)"#,
            "2\"first\"\"second\"",
        ),
        // `HTTP-request-denied`, the sixteenth of its errors.
        (
            r#"{"authority": "forbidden", "body": ""}"#,
            r#"open GET https://forbidden/ ["label=value"] Some(250)"#,
            "!P",
        ),
    ] {
        let stage = stage();
        let called = call(&plugin, "fetch", input, Limits::default(), &stage).await;
        let asked = stage.asked.lock().unwrap().clone();
        assert_eq!((called.result, asked), (Ok(said.into()), vec![sent.to_owned()]), "{input}");
        assert_eq!(Arc::strong_count(&stage.open), 1, "every body is closed with the call");
    }
    let none = Limits { http_calls: Some(0), ..Limits::default() };
    let input = r#"{"authority": "null", "body": ""}"#;
    limited(call(&plugin, "fetch", input, none, &stage()).await.result, "http_calls");
    let little = Limits { payload: Some(1_000), ..Limits::default() };
    let input = format!(r#"{{"authority": "null", "body": "{}"}}"#, "x".repeat(1_500));
    limited(call(&plugin, "fetch", &input, little, &stage()).await.result, "payload");
}

/// A replay has every answer at once, so an answer that overtakes another one would be a different run.
#[tokio::test]
async fn answers_come_in_the_order_of_the_questions_however_fast_they_are() {
    let (plugin, stage) = (load().await, stage());
    let race = call(&plugin, "race", r#"{"authority": "null"}"#, time(20_000), &stage);
    let wake = async {
        // The request was answered long before the hour is over.
        while stage.asked.lock().unwrap().is_empty() {
            tokio::task::yield_now().await;
        }
        stage.alarm.add_permits(1);
    };
    let (called, ()) = tokio::join!(race, wake);
    assert_eq!(called.result, Ok(true.into()));
}

#[tokio::test]
async fn wasi_3_needs_the_same_grants() {
    let mut grants = Grants { http: everything().http, ..Grants::default() };
    for service in [Service::Clock, Service::Random, Service::Log] {
        match runtime().load(component(), &grants).await {
            Err(LoadError::NotGranted { import, line }) => {
                assert_eq!(line, format!("services = [\"{}\"]", service.as_str()));
                assert!(import.ends_with("@0.3.0"), "{import}");
            }
            other => panic!("{other:?}"),
        }
        grants.services.insert(service);
    }
    assert!(runtime().load(component(), &grants).await.is_ok());
    let without = Grants { http: Default::default(), ..grants };
    let error: NodeError = match runtime().load(component(), &without).await {
        Err(LoadError::NotGranted { import, line }) => {
            assert_eq!(import, "wasi:http/client@0.3.0");
            NodeError::new(cleargate_flow::error::ErrorCode::Denied, line)
        }
        other => panic!("{other:?}"),
    };
    assert_eq!(error.message, "http = [\"HOST\"]");
}
