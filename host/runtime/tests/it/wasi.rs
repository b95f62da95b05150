//! WASI 0.2 as components of other hosts use it: the same limits, the same log, the same world.

use std::sync::Arc;

use cleargate_flow::grant::{Grants, Service};
use cleargate_flow::limits::Limits;
use cleargate_flow::signature::Effect;
use cleargate_flow::value::Value;
use cleargate_runtime::{Called, Fault, LoadError, Plugin};
use wit_component::{ComponentEncoder, StringEncoding, dummy_module, embed_component_metadata};
use wit_parser::{LiftLowerAbi, ManglingAndAbi, Resolve, WorldId};

use crate::guests::{Stage, caller, everything, root, runtime};
use crate::{limited, stage, time};

/// What is served, by its signatures.
const WIT: &str = include_str!("wasi.wit");

/// The version that [`WIT`] writes.
pub(crate) const WRITTEN: &str = "0.2.12";

/// Memory, an allocator that never gives anything back, and the functions of the interfaces that guests use.
const PRELUDE: &str = r#"
    (import "wasi:cli/stdin@0.2.12" "get-stdin" (func $stdin (result i32)))
    (import "wasi:cli/stdout@0.2.12" "get-stdout" (func $stdout (result i32)))
    (import "wasi:cli/stderr@0.2.12" "get-stderr" (func $stderr (result i32)))
    (import "wasi:cli/environment@0.2.12" "get-environment" (func $variables (param i32)))
    (import "wasi:cli/exit@0.2.12" "exit" (func $exit (param i32)))
    (import "wasi:cli/terminal-stdout@0.2.12" "get-terminal-stdout" (func $terminal (param i32)))
    (import "wasi:io/streams@0.2.12" "[method]output-stream.blocking-write-and-flush"
        (func $write (param i32 i32 i32 i32)))
    (import "wasi:io/streams@0.2.12" "[method]output-stream.check-write" (func $room (param i32 i32)))
    (import "wasi:io/streams@0.2.12" "[method]output-stream.blocking-write-zeroes-and-flush"
        (func $zeroes (param i32 i64 i32)))
    (import "wasi:io/streams@0.2.12" "[method]output-stream.blocking-splice"
        (func $splice (param i32 i32 i64 i32)))
    (import "wasi:io/streams@0.2.12" "[method]output-stream.subscribe" (func $subscribe (param i32) (result i32)))
    (import "wasi:io/streams@0.2.12" "[method]input-stream.blocking-read" (func $read (param i32 i64 i32)))
    (import "wasi:io/poll@0.2.12" "poll" (func $poll (param i32 i32 i32)))
    (import "wasi:io/poll@0.2.12" "[method]pollable.block" (func $block (param i32)))
    (import "wasi:io/poll@0.2.12" "[method]pollable.ready" (func $ready (param i32) (result i32)))
    (import "wasi:clocks/wall-clock@0.2.12" "now" (func $wall (param i32)))
    (import "wasi:clocks/wall-clock@0.2.12" "resolution" (func $grain (param i32)))
    (import "wasi:clocks/monotonic-clock@0.2.12" "now" (func $now (result i64)))
    (import "wasi:clocks/monotonic-clock@0.2.12" "resolution" (func $tick (result i64)))
    (import "wasi:clocks/monotonic-clock@0.2.12" "subscribe-duration" (func $after (param i64) (result i32)))
    (import "wasi:random/random@0.2.12" "get-random-bytes" (func $bytes (param i64 i32)))
    (import "wasi:random/random@0.2.12" "get-random-u64" (func $u64 (result i64)))
    (import "wasi:random/insecure-seed@0.2.12" "insecure-seed" (func $seed (param i32)))
    (memory (export "memory") 4)
    (global $next (mut i32) (i32.const 4096))
    (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (local $at i32)
        (local.set $at (i32.and
            (i32.add (global.get $next) (i32.sub (local.get 2) (i32.const 1)))
            (i32.sub (i32.const 0) (local.get 2))))
        (global.set $next (i32.add (local.get $at) (local.get 3)))
        (local.get $at))"#;

/// A world that imports all of `WIT`, and has these exports.
pub(crate) fn world(exports: &str, version: &str) -> (Resolve, WorldId) {
    world_of((WIT, WRITTEN), exports, version)
}

/// The same for interfaces of another series, and the version that they write.
pub(crate) fn world_of(
    (wit, written): (&str, &str),
    exports: &str,
    version: &str,
) -> (Resolve, WorldId) {
    let mut imports = String::new();
    let mut package = "";
    for line in wit.lines() {
        if let Some(name) = line.strip_prefix("package ") {
            package = name.split('@').next().unwrap();
        } else if let Some(name) = line.strip_prefix("  interface ") {
            let name = name.split(' ').next().unwrap();
            imports.push_str(&format!("import {package}/{name}@{version};\n"));
        }
    }
    let wit = wit.replace(written, version);
    let text = format!("package test:wasi;\nworld guest {{\n{imports}{exports}\n}}\n{wit}");
    let mut resolve = Resolve::default();
    for package in ["types", "node"] {
        resolve.push_dir(root().join(format!("wit/{package}@0.1.0"))).unwrap();
    }
    let package = resolve.push_str("guest.wit", &text).unwrap_or_else(|e| panic!("{e:#}"));
    let world = resolve.select_world(&[package], Some("guest")).unwrap();
    (resolve, world)
}

pub(crate) fn encode(mut module: Vec<u8>, (resolve, world): &(Resolve, WorldId)) -> Arc<[u8]> {
    embed_component_metadata(&mut module, resolve, *world, StringEncoding::UTF8).unwrap();
    let encoder = ComponentEncoder::default().validate(true).module(&module);
    encoder.unwrap().encode().unwrap().into()
}

/// A component whose functions are given as text, with their types; it imports what it calls.
fn guest(exports: &str, body: &str) -> Arc<[u8]> {
    let text = format!("(module {PRELUDE} {body})");
    // What a guest does not call is no import of it.
    let used = |line: &&str| match line.split_once("(func $") {
        Some((_, rest)) if line.contains("(import ") => {
            let name = rest.split([' ', ')']).next().unwrap();
            body.contains(&format!("(call ${name}"))
        }
        _ => true,
    };
    let text: Vec<String> = joined(&text).lines().filter(used).map(str::to_owned).collect();
    encode(wat::parse_str(text.join("\n")).unwrap(), &world(exports, WRITTEN))
}

/// One import on each line.
fn joined(text: &str) -> String {
    text.replace("\"\n        (func", "\" (func")
}

async fn load(bytes: Arc<[u8]>) -> Plugin {
    runtime().load(bytes, &everything()).await.unwrap()
}

async fn call(plugin: &Plugin, tool: &str, limits: Limits, world: &Arc<Stage>) -> Called<Value> {
    plugin.call(tool, &caller(limits, world), &Value::empty()).await
}

async fn said(plugin: &Plugin, tool: &str) -> String {
    match call(plugin, tool, Limits::default(), &stage()).await.result {
        Ok(value) => value.to_json(),
        Err(fault) => {
            let error: cleargate_flow::error::NodeError = fault.into();
            format!("{}: {}", error.code, error.message)
        }
    }
}

fn lines(stage: &Stage) -> Vec<String> {
    stage.lines.lock().unwrap().clone()
}

#[tokio::test]
async fn every_function_has_the_type_that_components_are_built_against() {
    for version in ["0.2.0", "0.2.9", WRITTEN] {
        let built = world("export f: func();", version);
        let module = dummy_module(&built.0, built.1, ManglingAndAbi::Legacy(LiftLowerAbi::Sync));
        let plugin = runtime().load(encode(module, &built), &everything()).await;
        assert!(plugin.is_ok(), "{version}: {plugin:?}");
    }
}

#[tokio::test]
async fn a_program_finds_nobody_around_it() {
    let exports = "export bytes: func() -> u32; export variables: func() -> u32; export terminal: func() -> bool;
        export input: func() -> tuple<u8, u8>; export leave: func();
        export grain: func() -> tuple<u64, u32>; export tick: func() -> u64; export now: func() -> u64;
        export wall: func() -> tuple<u64, u32>; export number: func() -> u64; export room: func() -> u64;
        export seed: func() -> tuple<u64, u64>;";
    let body = r#"
        (func (export "bytes") (result i32)
            (call $bytes (i64.const 65537) (i32.const 16)) (i32.load (i32.const 20)))
        (func (export "variables") (result i32)
            (call $variables (i32.const 16)) (i32.load (i32.const 20)))
        (func (export "terminal") (result i32)
            (i32.store8 (i32.const 16) (i32.const 7)) (call $terminal (i32.const 16))
            (i32.load8_u (i32.const 16)))
        (func (export "input") (result i32)
            (call $read (call $stdin) (i64.const 10) (i32.const 16))
            (i32.store8 (i32.const 17) (i32.load8_u (i32.const 20))) (i32.const 16))
        (func (export "leave") (call $exit (i32.const 1)))
        (func (export "grain") (result i32) (call $grain (i32.const 16)) (i32.const 16))
        (func (export "tick") (result i64) (call $tick))
        (func (export "now") (result i64) (call $now))
        (func (export "wall") (result i32) (call $wall (i32.const 16)) (i32.const 16))
        (func (export "number") (result i64) (call $u64))
        (func (export "room") (result i64)
            (call $room (call $stdout) (i32.const 16)) (i64.load (i32.const 24)))
        (func (export "seed") (result i32) (call $seed (i32.const 16)) (i32.const 16))"#;
    let plugin = load(guest(exports, body)).await;
    for (tool, answer) in [
        ("variables", "0"),
        ("terminal", "false"),
        // An error, which is `closed`.
        ("input", "[1,1]"),
        ("leave", "permanent: the component ended its program with failure and gave no result"),
        ("grain", "[0,1000000]"),
        ("tick", "1000000"),
        ("now", "0"),
        ("wall", "[0,0]"),
        // The stage gives `4` for each byte.
        ("number", "3761688987579986996"),
        ("room", "65536"),
        ("seed", "[3761688987579986996,3761688987579986996]"),
    ] {
        assert_eq!(said(&plugin, tool).await, answer, "{tool}");
        let none = Limits { host_calls: Some(0), ..Limits::default() };
        limited(call(&plugin, tool, none, &stage()).await.result, "host_calls");
    }
    limited(call(&plugin, "bytes", Limits::default(), &stage()).await.result, "payload");
    // None of them is a function of its arguments.
    let described = plugin.describe().await.unwrap();
    assert!(described.iter().all(|tool| tool.signature.effect == Effect::Once));
}

#[tokio::test]
async fn what_is_printed_becomes_lines_of_the_log() {
    // Six bytes, in three writes of two, and what is left when the call ends.
    let body = r#"
        (data (i32.const 64) "a\nb\1b\n\n\ffcd")
        (func $put (param i32 i32) (local i32)
            (local.set 2 (call $stdout))
            (call $write (local.get 2) (local.get 0) (local.get 1) (i32.const 16)))
        (func (export "print")
            (call $put (i32.const 64) (i32.const 1)) (call $put (i32.const 65) (i32.const 3))
            (call $put (i32.const 68) (i32.const 3)) (call $put (i32.const 71) (i32.const 2))
            (call $write (call $stderr) (i32.const 71) (i32.const 2) (i32.const 16)))"#;
    let plugin = load(guest("export print: func();", body)).await;
    let stage = stage();
    let called = call(&plugin, "print", Limits::default(), &stage).await;
    assert_eq!(called.result, Ok(Value::Null));
    // Text that is no Unicode is replaced, and control characters are kept as data for whoever shows them.
    assert_eq!(lines(&stage), ["a", "b\u{1b}", "", "\u{fffd}cd", "cd"]);
}

/// Prints a byte, and again, without end.
const FLOOD: &str = r#"
    (data (i32.const 64) "x\n")
    (func (export "flood") (local i32)
        (local.set 0 (call $stdout))
        (loop (call $write (local.get 0) (i32.const 64) (i32.const 2) (i32.const 16)) (br 0)))
    (func (export "line") (local i32)
        (local.set 0 (call $stdout))
        (loop (call $write (local.get 0) (i32.const 64) (i32.const 1) (i32.const 16)) (br 0)))
    (func (export "huge")
        (call $write (call $stdout) (i32.const 0) (i32.const 262144) (i32.const 16)))
    (func (export "zeroes") (call $zeroes (call $stdout) (i64.const -1) (i32.const 16)))
    (func (export "spliced")
        (loop (call $splice (call $stdout) (call $stdin) (i64.const -1) (i32.const 16)) (br 0)))"#;

#[tokio::test]
async fn wa_13_prints_without_end_are_cut_and_admitted() {
    let exports =
        "export flood: func(); export line: func(); export huge: func(); export zeroes: func();
        export spliced: func();";
    let plugin = load(guest(exports, FLOOD)).await;
    let million = Limits { host_calls: Some(1_000_000), ..time(60_000) };
    let stage = stage();
    limited(call(&plugin, "flood", million, &stage).await.result, "host_calls");
    let kept = lines(&stage);
    let sum: usize = kept.iter().map(|line| line.len() + 16).sum();
    assert!((60_000..=65_536 + 200).contains(&sum), "{sum} bytes are kept");
    assert!(kept.last().unwrap().contains("[log limit reached: "), "{:?}", kept.last());
    // By default there are far fewer calls; and a line that never ends is one line, which is cut.
    for (tool, limit) in [("flood", "host_calls"), ("line", "host_calls"), ("zeroes", "payload")] {
        limited(call(&plugin, tool, Limits::default(), &stage).await.result, limit);
    }
    let line = lines(&stage).into_iter().rfind(|line| line.starts_with("xx")).unwrap();
    assert!(line.len() <= 4096 && line.ends_with("[cut]"), "{} bytes", line.len());
    let little = Limits { payload: Some(100_000), ..Limits::default() };
    limited(call(&plugin, "huge", little, &stage).await.result, "payload");
    assert_eq!(call(&plugin, "huge", Limits::default(), &stage).await.result, Ok(Value::Null));
    // Each reading of nothing is a handle that is never given back.
    limited(call(&plugin, "spliced", Limits::default(), &stage).await.result, "handles");
}

#[tokio::test]
async fn wa_15_a_wait_by_polling_ends_with_the_time() {
    let exports = "export wait: func(); export poll: func() -> u32; export nothing: func();
        export both: func() -> tuple<u32, u32>; export done: func() -> bool;";
    let body = r#"
        (func (export "wait") (call $block (call $after (i64.const -1))))
        (func (export "poll") (result i32)
            (i32.store (i32.const 64) (call $after (i64.const 3600000000000)))
            (call $poll (i32.const 64) (i32.const 1) (i32.const 16)) (i32.load (i32.const 20)))
        (func (export "nothing") (call $poll (i32.const 64) (i32.const 0) (i32.const 16)))
        (func (export "both") (result i32)
            (i32.store (i32.const 64) (call $after (i64.const 3600000000000)))
            (i32.store (i32.const 68) (call $subscribe (call $stdout)))
            (call $poll (i32.const 64) (i32.const 2) (i32.const 16))
            (i32.store (i32.const 24) (i32.load (i32.load (i32.const 16)))) (i32.const 20))
        (func (export "done") (result i32) (call $ready (call $after (i64.const 1))))"#;
    let plugin = load(guest(exports, body)).await;
    for tool in ["wait", "poll"] {
        let called = call(&plugin, tool, time(30), &stage()).await;
        assert_eq!(called.result, Err(Fault::Timeout { after: 30 }), "{tool}");
    }
    // When the world lets it wake, the moment is over.
    let awake = stage();
    awake.alarm.add_permits(1);
    assert_eq!(call(&plugin, "poll", time(5_000), &awake).await.result, Ok(1.into()));
    // What is ready is not waited for: one of the two, the second.
    assert_eq!(said(&plugin, "both").await, "[1,1]");
    assert_eq!(said(&plugin, "done").await, "false");
    let nothing = call(&plugin, "nothing", Limits::default(), &stage()).await;
    assert!(matches!(nothing.result, Err(Fault::Contract(_))), "{nothing:?}");
}

#[tokio::test]
async fn wa_22_handles_of_wasi_have_the_same_cap() {
    let exports = "export streams: func(); export waits: func();";
    let body = r#"
        (func (export "streams") (loop (drop (call $stdout)) (br 0)))
        (func (export "waits") (loop (drop (call $after (i64.const 1))) (br 0)))"#;
    let plugin = load(guest(exports, body)).await;
    let million = Limits { host_calls: Some(1_000_000), ..Limits::default() };
    for tool in ["streams", "waits"] {
        let called = call(&plugin, tool, million, &stage()).await;
        assert!(called.usage.host_calls <= 1_025, "{called:?}");
        limited(called.result, "handles");
    }
}

#[tokio::test]
async fn what_is_not_granted_or_not_served_is_refused_at_load() {
    let body = r#"(func (export "print") (drop (call $stdout)) (drop (call $now)))"#;
    let bytes = guest("export print: func();", body);
    let mut grants = Grants::default();
    for service in [Service::Clock, Service::Log] {
        let error = runtime().load(bytes.clone(), &grants).await.unwrap_err().to_string();
        let line = format!("this line grants it: services = [\"{}\"]", service.as_str());
        assert!(error.contains(&line), "{error}");
        grants.services.insert(service);
    }
    assert!(runtime().load(bytes, &grants).await.is_ok());
    let socket = r#"(component (import "wasi:sockets/tcp@0.2.9" (instance)) (core module $m (func (export "f")))
        (core instance $i (instantiate $m)) (func (export "f") (canon lift (core func $i "f"))))"#;
    match runtime().load(wat::parse_str(socket).unwrap().into(), &everything()).await {
        Err(LoadError::NotServed { why, .. }) => {
            assert!(why.contains("cleargate:host/http"), "{why}")
        }
        other => panic!("{other:?}"),
    }
}

/// A node that asks for time and chance and prints whenever it is called, also to describe itself.
#[tokio::test]
async fn a_standard_library_may_start_while_a_component_describes_itself() {
    let body = r#"
        (data (i32.const 64) "hello\n")
        (data (i32.const 80) "null") (data (i32.const 104) "\50\00\00\00\04\00\00\00")
        (func $start
            (call $bytes (i64.const 16) (i32.const 16)) (drop (call $u64)) (drop (call $now))
            (call $wall (i32.const 16))
            (call $write (call $stdout) (i32.const 64) (i32.const 6) (i32.const 16)))
        (func (export "cleargate:node/node@0.1.0#describe") (result i32)
            (call $start) (i32.const 128))
        (func (export "cleargate:node/node@0.1.0#run") (param i32) (result i32)
            (call $start) (i32.const 88))"#;
    let plugin = load(guest("export cleargate:node/node@0.1.0;", body)).await;
    assert_eq!(plugin.describe().await, Ok(vec![]));
    // With a world, each of them reaches it.
    let stage = stage();
    let called = plugin.run("x", &caller(Limits::default(), &stage), &Value::empty()).await;
    assert_eq!((called.result, lines(&stage)), (Ok(Value::Null), vec!["hello".to_owned()]));
    assert_eq!(called.usage.host_calls, 6);
}
