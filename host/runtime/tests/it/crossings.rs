//! Guests that abuse host calls, handles and what is left between calls (WA-12, WA-15…WA-28).

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Waker};
use std::time::{Duration, Instant};

use cleargate_flow::grant::Grants;
use cleargate_flow::limits::Limits;
use cleargate_flow::value::Value;
use cleargate_runtime::engine::LIVE_CALLS;
use cleargate_runtime::{Fault, LoadError, Plugin};

use tokio::task::coop::unconstrained;

use crate::guests::{attack, caller, component, load, load_apart, runtime};
use crate::promise::{Resident, alone, ends_within};
use crate::{MIB, limited, scale, stage, time};

const STOP: Duration = Duration::from_millis(50);

#[tokio::test]
async fn wa_12_host_call_flood_is_stopped_by_its_count_by_fuel_and_by_time() {
    for guest in ["wa_12_host_call_flood", "wa_12_kv_flood"] {
        let called = attack(guest, Limits::default(), &stage()).await;
        limited(called.result, "host_calls");
        assert_eq!(called.usage.host_calls, 10_001);
        assert!(called.usage.fuel >= 10_000 * 1_000, "host calls are not free: {:?}", called.usage);

        let limits = Limits { fuel: Some(1_000_000), ..Limits::default() };
        let called = attack(guest, limits, &stage()).await;
        limited(called.result, "fuel");
        assert!(called.usage.host_calls <= 1_000, "{:?}", called.usage);

        let plugin = load(guest).await.unwrap();
        ends_within(Duration::from_millis(20), STOP, || async {
            let called = plugin.run("x", &caller(time(20), &stage()), &Value::Null).await;
            assert_eq!(called.result, Err(Fault::Timeout { after: 20 }));
        })
        .await;
    }
}

#[tokio::test]
async fn wa_12_requests_have_a_count_of_their_own() {
    let stage = stage();
    let called = attack("wa_12_request_flood", Limits::default(), &stage).await;
    limited(called.result, "http_calls");
    // The one too many never reached the world.
    assert_eq!((called.usage.host_calls, stage.asked.lock().unwrap().len()), (101, 100));
}

#[tokio::test]
async fn wa_12_calls_of_tools_have_a_count_of_their_own() {
    let limits = Limits { tool_calls: Some(50), ..Limits::default() };
    let called = attack("wa_12_tool_flood", limits, &stage()).await;
    limited(called.result, "tool_calls");
    assert_eq!(called.usage.host_calls, 51);
}

#[tokio::test]
async fn wa_15_a_wait_in_the_host_ends_with_the_time() {
    let plugin = load("wa_15_sleeps").await.unwrap();
    ends_within(Duration::from_millis(50), Duration::from_millis(100), || async {
        let called = plugin.run("x", &caller(time(50), &stage()), &Value::Null).await;
        assert_eq!(called.result, Err(Fault::Timeout { after: 50 }));
    })
    .await;
}

/// How long the slowest of a hundred calls takes.
async fn slowest_of_a_hundred(plugin: &Plugin) -> Duration {
    let (caller, mut slowest) = (caller(Limits::default(), &stage()), Duration::ZERO);
    for _ in 0..100 {
        let started = Instant::now();
        let called = plugin.run("x", &caller, &Value::Null).await;
        assert_eq!(called.result, Ok(Value::Null));
        slowest = slowest.max(started.elapsed());
    }
    slowest
}

#[tokio::test]
async fn wa_16_guests_that_wait_in_the_host_hold_no_thread() {
    // There are fewer workers than places in this process.
    if crate::apart() {
        return;
    }
    let stuck = load("wa_15_sleeps").await.unwrap();
    let quick = load("wa_14_forged_log_lines").await.unwrap();
    // One thread for all of them, and attempts as in `promise`: what others do to this machine is no defect.
    let kept = async {
        loop {
            let alone = slowest_of_a_hundred(&quick).await;
            let (stage, mut calls) = (stage(), tokio::task::JoinSet::new());
            for _ in 0..64 {
                let (plugin, caller) = (stuck.clone(), caller(time(60_000), &stage));
                calls.spawn(async move { plugin.run("x", &caller, &Value::Null).await });
            }
            while stage.asleep.lock().unwrap().0 < 64 {
                tokio::task::yield_now().await;
            }
            if slowest_of_a_hundred(&quick).await <= 2 * alone {
                return;
            }
        }
    };
    let kept = tokio::time::timeout(Duration::from_secs(20), kept).await;
    kept.expect("64 calls that wait do not make another one take twice as long");
}

#[tokio::test]
async fn wa_17_a_cancelled_call_gives_its_place_back() {
    let plugin = load_apart("wa_15_sleeps").await.unwrap();
    let stage = stage();
    let caller = caller(time(10_000), &stage);
    // More often than there are places.
    for call in 0..=LIVE_CALLS as usize {
        let mut running = pin!(unconstrained(plugin.run("x", &caller, &Value::Null)));
        // On a busy machine it yields on its way into the host, and is polled again.
        while stage.asleep.lock().unwrap().0 <= call {
            let polled = running.as_mut().poll(&mut Context::from_waker(Waker::noop()));
            assert!(polled.is_pending(), "the guest waits in the host");
        }
    }
    stage.alarm.add_permits(1);
    let called = plugin.run("x", &caller, &Value::Null).await;
    assert_eq!(called.result, Ok(Value::Null));
}

#[tokio::test]
async fn calls_beyond_the_pool_wait_for_their_turn() {
    let plugin = load_apart("wa_15_sleeps").await.unwrap();
    let stage = stage();
    let patient = caller(time(60_000), &stage);
    let mut calls = tokio::task::JoinSet::new();
    for _ in 0..LIVE_CALLS + 44 {
        let (plugin, caller) = (plugin.clone(), patient.clone());
        calls.spawn(async move { plugin.run("x", &caller, &Value::Null).await.result });
    }
    while stage.asleep.lock().unwrap().0 < LIVE_CALLS as usize {
        tokio::task::yield_now().await;
    }
    // Who gets no place within its time is told to try again, and that nothing happened.
    let hasty = plugin.run("x", &caller(time(5), &stage), &Value::Null).await;
    assert_eq!((hasty.result, hasty.usage.fuel), (Err(Fault::Busy), 0));
    stage.alarm.add_permits(LIVE_CALLS as usize + 44);
    for result in calls.join_all().await {
        assert_eq!(result, Ok(Value::Null));
    }
    assert_eq!(*stage.asleep.lock().unwrap(), (0, LIVE_CALLS as usize));
}

#[tokio::test]
async fn wa_18_a_store_is_never_used_again() {
    let plugin = load("wa_18_trap_leaves_a_mark").await.unwrap();
    let fuel = Limits { fuel: Some(10_000_000), ..Limits::default() };
    for _ in 0..3 {
        let called = plugin.run("x", &caller(fuel, &stage()), &Value::Null).await;
        limited(called.result, "fuel");
        let called = plugin.run("x", &caller(time(5), &stage()), &Value::Null).await;
        assert_eq!(called.result, Err(Fault::Timeout { after: 5 }));
        // Cancelled in the middle: dropped where it yields first.
        let (caller, nothing) = (caller(time(1_000), &stage()), Value::Null);
        let mut running = pin!(plugin.run("x", &caller, &nothing));
        assert!(running.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    }
}

#[tokio::test]
async fn wa_19_no_byte_of_one_call_is_seen_by_another() {
    // Two plugins, as of two owners, that get one another's slots of the pool.
    let first = load("wa_19_reads_what_others_left").await.unwrap();
    let second = load("wa_18_trap_leaves_a_mark").await.unwrap();
    let fuel = Limits { fuel: Some(200_000), ..Limits::default() };
    for _ in 0..scale(500, 10_000) {
        let seen = first.run("x", &caller(Limits::default(), &stage()), &Value::Null).await;
        assert_eq!(seen.result, Ok(Value::Null));
        let seen = second.run("x", &caller(fuel, &stage()), &Value::Null).await;
        limited(seen.result, "fuel");
    }
}

#[tokio::test]
async fn wa_20_imports_that_were_not_granted_are_refused_at_load() {
    match runtime().load(component("wa_20_asks_for_a_store"), &Grants::default()).await {
        Err(LoadError::NotGranted { import, line }) => {
            assert_eq!((import.as_str(), line), ("cleargate:host/kv@0.1.0", "kv = [\"STORE\"]"));
        }
        other => panic!("{other:?}"),
    }
    let granted = Grants { kv: ["notes".parse().unwrap()].into(), ..Grants::default() };
    let plugin = runtime().load(component("wa_20_asks_for_a_store"), &granted).await.unwrap();
    let called = plugin.run("x", &caller(Limits::default(), &stage()), &Value::Null).await;
    assert_eq!(called.result, Ok(Value::Null), "what is granted is linked");

    // What it can do without is a refusal, which has no way to the world, also not to one that would answer.
    let bytes = component("wa_20_is_denied_a_store");
    let plugin = runtime().load_with_optional(bytes, &Grants::default(), &granted).await.unwrap();
    let called = plugin.run("x", &caller(Limits::default(), &stage()), &Value::Null).await;
    assert_eq!((called.result, called.usage.host_calls), (Ok(Value::Null), 1));

    for import in ["wasi:sockets/network@0.2.0", "wasi:sockets/tcp@0.2.0", "env:any/thing"] {
        let text = format!(
            "(component (import \"{import}\" (instance))
               (instance $i) (export \"cleargate:node/node@0.1.0\" (instance $i)))"
        );
        let bytes = wat::parse_str(text).unwrap();
        match runtime().load(bytes.into(), &granted).await {
            Err(LoadError::NotServed { import: named, .. }) => assert_eq!(named, import),
            other => panic!("{import}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn wa_21_forged_and_dropped_handles_trap() {
    for guest in ["wa_21_forged_handle", "wa_21_double_drop", "wa_21_use_after_drop"] {
        let stage = stage();
        let called = attack(guest, Limits::default(), &stage).await;
        assert!(matches!(called.result, Err(Fault::Trap { .. })), "{guest}: {called:?}");
        assert_eq!(std::sync::Arc::strong_count(&stage.open), 1, "{guest} left a body open");
    }
}

#[tokio::test]
async fn a_plugin_for_another_series_of_the_contract_is_refused_by_name() {
    for kind in ["node", "tool", "guardrail", "filter"] {
        for version in ["0.0.9", "0.2.0", "1.0.0", "0.1.0-rc.1"] {
            let name = format!("cleargate:{kind}/{kind}@{version}");
            let text = format!(
                r#"(component
                    (core module $m (func (export "f")))
                    (core instance $i (instantiate $m))
                    (func $f (canon lift (core func $i "f")))
                    (instance $x (export "run" (func $f)))
                    (export "{name}" (instance $x)))"#
            );
            let bytes = wat::parse_str(text).unwrap().into();
            let refused = runtime().load(bytes, &Grants::default()).await;
            let error = refused.unwrap_err().to_string();
            assert!(error.contains(&name) && error.contains("0.1"), "{error}");
        }
    }
}

#[tokio::test]
async fn wa_22_handles_have_a_cap_and_are_closed_with_the_call() {
    let stage = stage();
    let limits = Limits { http_calls: Some(100_000), ..Limits::default() };
    let called = attack("wa_22_hoards_handles", limits, &stage).await;
    limited(called.result, "handles");
    // The engine counts handles of its own among them.
    assert!((1_000..=1_025).contains(&called.usage.host_calls), "{:?}", called.usage);
    assert_eq!(std::sync::Arc::strong_count(&stage.open), 1, "bodies are open after the call");
}

#[tokio::test]
async fn wa_26_no_clock_is_finer_than_a_millisecond_and_none_can_be_built() {
    // A time of WASI has room for nanoseconds. The stage's moment has milliseconds, which is all that a world can say.
    let text = r#"(component
        (type $clock (instance
            (type $datetime (record (field "seconds" u64) (field "nanoseconds" u32)))
            (export "datetime" (type $d (eq $datetime)))
            (export "now" (func (result $d)))
            (export "resolution" (func (result $d)))))
        (import "wasi:clocks/wall-clock@0.2.6" (instance $clock (type $clock)))
        (alias export $clock "now" (func $now))
        (alias export $clock "resolution" (func $resolution))
        (core module $memory (memory (export "memory") 1))
        (core instance $memory (instantiate $memory))
        (core func $now (canon lower (func $now) (memory (core memory $memory "memory"))))
        (core func $resolution
            (canon lower (func $resolution) (memory (core memory $memory "memory"))))
        (core module $m
            (import "" "memory" (memory 1))
            (import "" "now" (func $now (param i32)))
            (import "" "resolution" (func $resolution (param i32)))
            (func (export "grain") (result i32)
                (call $resolution (i32.const 0)) (i32.load (i32.const 8)))
            (func (export "below") (result i32)
                (call $now (i32.const 0)) (i32.rem_u (i32.load (i32.const 8)) (i32.const 1000000))))
        (core instance $m (instantiate $m (with "" (instance
            (export "memory" (memory $memory "memory"))
            (export "now" (func $now)) (export "resolution" (func $resolution))))))
        (func (export "grain") (result u32) (canon lift (core func $m "grain")))
        (func (export "below") (result u32) (canon lift (core func $m "below"))))"#;
    let bytes = wat::parse_str(text).unwrap();
    let plugin = runtime().load(bytes.into(), &crate::guests::everything()).await.unwrap();
    for (tool, expected) in [("grain", 1_000_000), ("below", 0)] {
        let called = plugin.call(tool, &caller(Limits::default(), &stage()), &Value::empty()).await;
        assert_eq!(called.result, Ok(Value::from(expected)), "{tool}");
    }
    // What counts beside the guest, in a memory that both see, would be a clock as fine as the processor.
    for module in [
        "(memory 1 1 shared)",
        "(memory 1 1 shared) (func (drop (i32.atomic.rmw.add (i32.const 0) (i32.const 1))))",
        "(memory 1) (func (drop (memory.atomic.wait32 (i32.const 0) (i32.const 0) (i64.const 1))))",
    ] {
        let text = format!(
            "(component (core module {module})
               (instance $i) (export \"cleargate:node/node@0.1.0\" (instance $i)))"
        );
        let refused =
            runtime().load(wat::parse_str(text).unwrap().into(), &Grants::default()).await;
        assert!(refused.is_err(), "{module} was loaded");
    }
}

#[tokio::test]
async fn wa_27_floats_carry_nothing_and_are_the_same_on_each_processor() {
    let called = attack("wa_27_looks_at_nan", Limits::default(), &stage()).await;
    assert_eq!(called.result, Ok(Value::Null));
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn wa_28_a_flood_of_traps_leaves_nothing_behind() {
    if !alone() {
        return;
    }
    let plugin = load("wa_28_traps").await.unwrap();
    let caller = caller(Limits::default(), &stage());
    let trap = async || match plugin.run("x", &caller, &Value::Null).await.result {
        Err(Fault::Trap { backtrace, .. }) => {
            assert_eq!(backtrace.len(), 16);
            assert!(backtrace.iter().all(|name| name.len() <= 128), "{backtrace:?}");
        }
        other => panic!("{other:?}"),
    };
    for _ in 0..100 {
        trap().await;
    }
    let before = Resident::mark();
    for _ in 0..scale(1_000, 100_000) {
        trap().await;
    }
    assert!(before.now() <= MIB, "{} bytes more after all those traps", before.now());
}
