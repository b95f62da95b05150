//! Guests that use what the component model has for waiting against the host: streams and futures of their own, sets of
//! what is waited for, tasks that yield for ever. No interface of the contract has any of them, and a guest can make them.

use std::sync::Arc;
use std::time::Duration;

use cleargate_flow::limits::Limits;
use cleargate_flow::value::Value;
use cleargate_runtime::{Fault, Plugin};

use wit_parser::Resolve;

use crate::guests::{caller, everything, prelude, root, runtime};
use crate::promise::{Resident, alone, ends_within};
use crate::wasi::encode;
use crate::{MIB, limited, stage, time};

/// How late a call that waits or computes may be stopped.
const STOP: Duration = Duration::from_millis(100);

/// A component with functions of one module, which imports the built-in functions that are defined for it.
async fn load(types: &str, builtins: &[(&str, &str, &str)], body: &str, lifts: &str) -> Plugin {
    let define =
        |(name, canon, _): &(&str, &str, &str)| format!("(core func ${name} (canon {canon}))\n");
    let import = |(name, _, ty): &(&str, &str, &str)| {
        format!("(import \"\" \"{name}\" (func ${name} {ty}))\n")
    };
    let export =
        |(name, _, _): &(&str, &str, &str)| format!("(export \"{name}\" (func ${name}))\n");
    let text = format!(
        "(component
           (core module $memory (memory (export \"memory\") 700))
           (core instance $memory (instantiate $memory))
           {types} {}
           (core module $m (import \"\" \"memory\" (memory 700)) {} {body})
           (core instance $m (instantiate $m (with \"\" (instance
             (export \"memory\" (memory $memory \"memory\")) {}))))
           {lifts})",
        builtins.iter().map(define).collect::<String>(),
        builtins.iter().map(import).collect::<String>(),
        builtins.iter().map(export).collect::<String>(),
    );
    let bytes: Arc<[u8]> =
        wat::parse_str(&text).unwrap_or_else(|error| panic!("{error}\n{text}")).into();
    runtime().load(bytes, &everything()).await.unwrap()
}

#[tokio::test]
async fn wa_22_streams_futures_and_sets_are_handles_too() {
    for (what, types, canon, ty) in [
        ("streams", "(type $t (stream u8))", "stream.new $t", "(result i64)"),
        ("futures", "(type $t (future u8))", "future.new $t", "(result i64)"),
        ("sets", "", "waitable-set.new", "(result i32)"),
    ] {
        let body = "(func (export \"hoard\") (loop (drop (call $new)) (br 0)))";
        let lift = "(func (export \"hoard\") (canon lift (core func $m \"hoard\")))";
        let plugin = load(types, &[("new", canon, ty)], body, lift).await;
        let called = plugin.call("hoard", &caller(time(5_000), &stage()), &Value::empty()).await;
        assert!(called.usage.fuel < 1_000_000, "{what}: {:?}", called.usage);
        limited(called.result, "handles");
    }
}

#[tokio::test]
async fn wa_15_a_task_that_yields_or_waits_for_nothing_ends() {
    // What a task returns: 0 that it is done, 1 that others may run, 2 and a set that it waits.
    for (what, first, ends) in [
        ("yields", "(i32.const 1)", true),
        ("waits", "(i32.or (i32.const 2) (i32.shl (call $set) (i32.const 4)))", false),
    ] {
        let body = format!(
            "(func (export \"go\") (result i32) {first})
             (func (export \"back\") (param i32 i32 i32) (result i32) {first})"
        );
        let lift = "(func (export \"go\") async (canon lift (core func $m \"go\") async (callback (core func $m \"back\"))))";
        let plugin = load("", &[("set", "waitable-set.new", "(result i32)")], &body, lift).await;
        ends_within(Duration::from_millis(100), STOP, || async {
            let called = plugin.call("go", &caller(time(100), &stage()), &Value::empty()).await;
            match called.result {
                Err(Fault::Timeout { after: 100 }) => {}
                // Nobody is left who could wake it.
                Err(Fault::Trap { .. }) if !ends => {}
                other => panic!("{what}: {other:?}"),
            }
        })
        .await;
        let limits = Limits { fuel: Some(100_000), ..time(60_000) };
        if ends {
            let called = plugin.call("go", &caller(limits, &stage()), &Value::empty()).await;
            limited(called.result, "fuel");
        }
    }
}

#[tokio::test]
async fn wa_01_bytes_that_a_guest_sends_to_itself_are_stopped_by_time() {
    let builtins = [
        ("new", "stream.new $s", "(result i64)"),
        (
            "read",
            "stream.read $s async (memory (core memory $memory \"memory\"))",
            "(param i32 i32 i32) (result i32)",
        ),
        (
            "write",
            "stream.write $s async (memory (core memory $memory \"memory\"))",
            "(param i32 i32 i32) (result i32)",
        ),
    ];
    // Forty MiB in each round, for the price of some ten instructions.
    let body = "(func (export \"copy\") (local $ends i64)
        (loop
          (local.set $ends (call $new))
          (drop (call $write (i32.wrap_i64 (i64.shr_u (local.get $ends) (i64.const 32)))
            (i32.const 0) (i32.const 41943040)))
          (drop (call $read (i32.wrap_i64 (local.get $ends)) (i32.const 1) (i32.const 41943040)))
          (br 0)))";
    let lift = "(func (export \"copy\") (canon lift (core func $m \"copy\")))";
    let plugin = load("(type $s (stream u8))", &builtins, body, lift).await;
    ends_within(Duration::from_millis(100), STOP, || async {
        let called = plugin.call("copy", &caller(time(100), &stage()), &Value::empty()).await;
        assert_eq!(called.result, Err(Fault::Timeout { after: 100 }));
    })
    .await;
}

/// Two components beside each other: one sends texts that all lie in the same mebibyte, the other takes them.
const TEXTS: &str = r#"(component
  (component $sender
    (core module $memory (memory (export "memory") 20))
    (core instance $memory (instantiate $memory))
    (type $s (stream string))
    (core func $new (canon stream.new $s))
    (core func $write (canon stream.write $s async (memory (core memory $memory "memory"))))
    (core module $m
      (import "" "memory" (memory 20))
      (import "" "new" (func $new (result i64)))
      (import "" "write" (func $write (param i32 i32 i32) (result i32)))
      (func (export "begin") (result i32) (local $ends i64) (local $at i32)
        (local.set $ends (call $new))
        (loop
          (i32.store (local.get $at) (i32.const 65536))
          (i32.store offset=4 (local.get $at) (i32.const 1048576))
          (local.set $at (i32.add (local.get $at) (i32.const 8)))
          (br_if 0 (i32.lt_u (local.get $at) (i32.const 8000))))
        (drop (call $write (i32.wrap_i64 (i64.shr_u (local.get $ends) (i64.const 32))) (i32.const 0) (i32.const 1000)))
        (i32.wrap_i64 (local.get $ends))))
    (core instance $m (instantiate $m (with "" (instance
      (export "memory" (memory $memory "memory")) (export "new" (func $new)) (export "write" (func $write))))))
    (func (export "begin") (result (stream string)) (canon lift (core func $m "begin"))))
  (component $taker
    (import "begin" (func $begin (result (stream string))))
    (core module $memory (memory (export "memory") 20)
      (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 65536)))
    (core instance $memory (instantiate $memory))
    (type $s (stream string))
    (core func $begin (canon lower (func $begin)))
    (core func $read (canon stream.read $s async (memory (core memory $memory "memory")) (realloc (core func $memory "realloc"))))
    (core module $m
      (import "" "begin" (func $begin (result i32)))
      (import "" "read" (func $read (param i32 i32 i32) (result i32)))
      (func (export "take") (result i32) (call $read (call $begin) (i32.const 0) (i32.const 1000))))
    (core instance $m (instantiate $m (with "" (instance
      (export "begin" (func $begin)) (export "read" (func $read))))))
    (func (export "take") (result u32) (canon lift (core func $m "take"))))
  (instance $sender (instantiate $sender))
  (instance $taker (instantiate $taker (with "begin" (func $sender "begin"))))
  (func (export "take") (alias export $taker "take")))"#;

#[cfg(target_os = "linux")]
#[tokio::test]
async fn wa_09_texts_between_components_are_counted_before_they_are_copied() {
    if !alone() {
        return;
    }
    let bytes: Arc<[u8]> = wat::parse_str(TEXTS).unwrap().into();
    let plugin = runtime().load(bytes, &everything()).await.unwrap();
    let caller = caller(Limits { payload: Some(2 * MIB), ..Limits::default() }, &stage());
    let take = async || plugin.call("take", &caller, &Value::empty()).await;
    let before = Resident::mark();
    limited(take().await.result, "payload");
    assert!(before.peak() <= 4 * MIB, "{} bytes", before.peak());
}

/// A toolchain that knows less, or more, of waiting than the contract makes plugins that work.
#[tokio::test]
async fn a_function_that_may_wait_where_the_contract_has_none_works_and_the_other_way_round() {
    let contract = std::fs::read_to_string(root().join("wit/node@0.1.0/node.wit")).unwrap();
    for (what, from, to) in [
        ("run", "run: async func", "run: func"),
        ("describe", "describe: func", "describe: async func"),
    ] {
        assert!(contract.contains(from), "{from}");
        let mut resolve = Resolve::default();
        resolve.push_dir(root().join("wit/types@0.1.0")).unwrap();
        let package = resolve.push_str("node.wit", &contract.replace(from, to)).unwrap();
        let world = resolve.select_world(&[package], Some("plugin")).unwrap();
        let module = format!(
            "(module (memory (export \"memory\") 1)
               (func (export \"cleargate:node/node@0.1.0#run\") (param i32) (result i32) i32.const 64) {})",
            prelude()
        );
        let bytes = encode(wat::parse_str(module).unwrap(), &(resolve, world));
        let plugin = runtime().load(bytes, &everything()).await.unwrap();
        let called = plugin.run("x", &caller(Limits::default(), &stage()), &Value::Null).await;
        assert_eq!(called.result, Ok(Value::Null), "{what}");
        assert_eq!(plugin.describe().await, Ok(Vec::new()), "{what}");
    }
}
