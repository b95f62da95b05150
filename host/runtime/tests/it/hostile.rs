//! Guests that compute, grow, multiply or recurse (WA-01…WA-08). The case ids are those of the threat model;
//! each test asserts the figures of its row.

use std::sync::Arc;
use std::time::Duration;

use cleargate_flow::error::{ErrorCode, NodeError};
use cleargate_flow::limits::Limits;
use cleargate_flow::value::Value;
use cleargate_runtime::inspect::InspectError;
use cleargate_runtime::{Fault, LoadError};

use crate::guests::{attack, caller, everything, load, prelude, runtime, wrap};
use crate::promise::{Resident, alone, ends_within};
use crate::{MIB, limited, stage, time};

/// Time of a call that would compute for ever.
const TIME: Duration = Duration::from_millis(100);

/// How late a call that computes may be stopped.
const STOP: Duration = Duration::from_millis(50);

async fn ends_by_timeout(guest: &str) {
    let plugin = load(guest).await.unwrap();
    ends_within(TIME, STOP, || async {
        let called = plugin.run("x", &caller(time(100), &stage()), &Value::Null).await;
        assert_eq!(called.result, Err(Fault::Timeout { after: 100 }));
        // The account is honest about what was cut off as well.
        let honest = called.usage.micros >= 100_000 && called.usage.fuel >= 1_000_000;
        assert!(honest, "{:?}", called.usage);
    })
    .await;
}

async fn ends_by_fuel(guest: &str) {
    let plugin = load(guest).await.unwrap();
    let limits = Limits { fuel: Some(1_000_000), ..Limits::default() };
    for _ in 0..2 {
        let called = plugin.run("x", &caller(limits, &stage()), &Value::Null).await;
        limited(called.result, "fuel");
        assert_eq!(called.usage.fuel, 1_000_000);
    }
}

#[tokio::test]
async fn wa_01_endless_loop_is_stopped() {
    ends_by_timeout("wa_01_endless_loop").await;
    ends_by_fuel("wa_01_endless_loop").await;
}

#[tokio::test]
async fn wa_01_a_loop_is_stopped_soon_after_a_time_shorter_than_a_slice() {
    let plugin = load("wa_01_endless_loop").await.unwrap();
    ends_within(Duration::from_millis(3), Duration::from_millis(10), || async {
        let called = plugin.run("x", &caller(time(3), &stage()), &Value::Null).await;
        assert_eq!(called.result, Err(Fault::Timeout { after: 3 }));
    })
    .await;
}

#[tokio::test]
async fn wa_01_a_loop_leaves_the_thread_to_others() {
    let plugin = load("wa_01_endless_loop").await.unwrap();
    let stage = stage();
    let caller = caller(time(200), &stage);
    let spin = plugin.run("x", &caller, &Value::Null);
    // One thread drives both: the other one advances only when the loop yields.
    let others = async {
        for _ in 0..3 {
            tokio::task::yield_now().await;
        }
    };
    let (called, ()) = tokio::join!(spin, others);
    assert_eq!(called.result, Err(Fault::Timeout { after: 200 }));
}

#[tokio::test]
async fn wa_02_loop_in_start_is_stopped() {
    ends_by_timeout("wa_02_loop_in_start").await;
    ends_by_fuel("wa_02_loop_in_start").await;
}

#[tokio::test]
async fn wa_03_loop_after_return_is_stopped() {
    ends_by_timeout("wa_03_loop_after_return").await;
    ends_by_fuel("wa_03_loop_after_return").await;
}

#[tokio::test]
async fn wa_03_a_loop_where_the_host_asks_for_room_is_stopped() {
    ends_by_timeout("wa_03_loop_in_realloc").await;
    ends_by_fuel("wa_03_loop_in_realloc").await;
}

#[tokio::test]
async fn wa_03_a_loop_in_a_destructor_is_stopped() {
    // Which runs when the guest itself lets go of what it made: nobody outside holds its resources.
    let text = r#"(component
        (core module $d (func (export "dtor") (param i32) (loop $again (br $again))))
        (core instance $d (instantiate $d))
        (type $r (resource (rep i32) (dtor (core func $d "dtor"))))
        (core func $new (canon resource.new $r))
        (core func $drop (canon resource.drop $r))
        (core module $m
            (import "" "new" (func $new (param i32) (result i32)))
            (import "" "drop" (func $drop (param i32)))
            (func (export "let-go") (call $drop (call $new (i32.const 7))))
            (func (export "keep") (drop (call $new (i32.const 7)))))
        (core instance $m (instantiate $m (with "" (instance
            (export "new" (func $new)) (export "drop" (func $drop))))))
        (func (export "let-go") (canon lift (core func $m "let-go")))
        (func (export "keep") (canon lift (core func $m "keep"))))"#;
    let bytes: Arc<[u8]> = wat::parse_str(text).unwrap().into();
    let plugin = runtime().load(bytes, &everything()).await.unwrap();
    ends_within(TIME, STOP, || async {
        let called = plugin.call("let_go", &caller(time(100), &stage()), &Value::empty()).await;
        assert_eq!(called.result, Err(Fault::Timeout { after: 100 }));
    })
    .await;
    let limits = Limits { fuel: Some(1_000_000), ..Limits::default() };
    let called = plugin.call("let_go", &caller(limits, &stage()), &Value::empty()).await;
    limited(called.result, "fuel");
    // What it keeps goes with its store, and no code of it runs any more.
    let called = plugin.call("keep", &caller(limits, &stage()), &Value::empty()).await;
    assert_eq!(called.result, Ok(Value::Null));
}

#[tokio::test]
async fn wa_01_one_instruction_over_all_memory_pays_for_each_byte_before_it_begins() {
    let plugin = load("wa_01_copies_a_gibibyte").await.unwrap();
    let memory = Some(2 * 1024 * MIB);
    let half = 0x1fff_0000_u64;
    // With less fuel than bytes the instruction does not begin.
    let limits = Limits { fuel: Some(half / 2), memory, ..Limits::default() };
    ends_within(Duration::ZERO, STOP, || async {
        let called = plugin.run("x", &caller(limits, &stage()), &Value::Null).await;
        limited(called.result, "fuel");
    })
    .await;
    // One is not cut in the middle: the call ends behind it.
    let limits = Limits { memory, ..time(1) };
    let called = plugin.run("x", &caller(limits, &stage()), &Value::Null).await;
    assert_eq!(called.result, Err(Fault::Timeout { after: 1 }));
    assert!(called.usage.fuel <= 3 * half, "{:?}", called.usage);
}

#[tokio::test]
async fn wa_04_all_memories_together_are_bounded() {
    let called = attack("wa_04_many_memories", Limits::default(), &stage()).await;
    limited(called.result, "memory");
    let peak = called.usage.peak_memory;
    assert!((60 * MIB..=64 * MIB).contains(&peak), "{peak} bytes of sixteen memories");
}

#[tokio::test]
async fn what_the_engine_was_not_built_for_is_refused_at_load() {
    for (what, module) in [
        (
            "a garbage collector",
            "(module (type (struct (field i32))) (global (ref null 0) (ref.null 0)))",
        ),
        ("exceptions", "(module (tag) (func (throw 0)))"),
        ("threads", "(module (memory 1 1 shared) (func (drop (i32.atomic.load (i32.const 0)))))"),
        ("many memories", &format!("(module {})", "(memory 1)".repeat(32))),
    ] {
        let Ok(bytes) = wat::parse_str(format!("(component (core {})", &module[1..])) else {
            panic!("{what} is no text")
        };
        let refused = runtime().load(bytes.into(), &everything()).await;
        assert!(refused.is_err(), "{what} was loaded");
    }
}

#[tokio::test]
async fn wa_04_grow_to_4gib_is_refused() {
    let called = attack("wa_04_grow_to_4gib", Limits::default(), &stage()).await;
    limited(called.result, "memory");
    assert_eq!(called.usage.peak_memory, 65_536, "only the first page was ever given");
    for module in [
        "(module (memory i64 1))",
        &format!("(module {})", "(memory 1)".repeat(17)),
        "(module (memory 1 1 shared))",
    ] {
        let bytes = wat::parse_str(format!("(component (core {}", &module[1..]) + ")").unwrap();
        let refused = runtime().load(bytes.into(), &everything()).await;
        assert!(refused.is_err(), "{module} was loaded");
    }
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn wa_05_touched_pages_stay_below_the_cap_and_are_given_back() {
    if crate::apart() || !alone() {
        return;
    }
    let plugin = load("wa_05_touch_every_page").await.unwrap();
    let limits = Limits { memory: Some(32 * MIB), ..Limits::default() };
    let caller = caller(limits, &stage());
    let before = Resident::mark();
    let called = plugin.run("x", &caller, &Value::Null).await;
    // Given back when the call returns, and not only within the second that is promised.
    let (peak, left) = (before.peak(), before.now());
    limited(called.result, "memory");
    assert_eq!(called.usage.peak_memory, 32 * MIB);
    assert!(peak > MIB, "the measurement sees the guest's {peak} bytes");
    assert!(peak <= (32 + 8) * MIB, "{peak} bytes at the worst moment");
    assert!(left <= 8 * MIB, "{left} bytes are still resident");
}

#[tokio::test]
async fn wa_06_a_table_that_grows_is_refused() {
    let called = attack("wa_06_table_bomb", Limits::default(), &stage()).await;
    limited(called.result, "memory");
    assert!(called.usage.peak_memory <= 64 * MIB);
}

#[tokio::test]
async fn wa_06_a_table_that_is_declared_huge_is_refused() {
    // All that 32 bits count; all that is valid; and all that the pool has, and one.
    for elements in [u32::MAX, 10_000_000, 131_073] {
        let declared = format!(
            "(module (memory (export \"memory\") 1) (table {elements} funcref)
               (func (export \"cleargate:node/node@0.1.0#run\") (param i32) (result i32) i32.const 64)
               {})",
            prelude()
        );
        match runtime().load(wrap(&declared), &everything()).await {
            Err(LoadError::Invalid(_)) => {}
            Ok(plugin) => {
                let caller = caller(Limits::default(), &stage());
                limited(plugin.run("x", &caller, &Value::Null).await.result, "memory");
            }
            other => panic!("{elements} elements: {other:?}"),
        }
    }
}

#[tokio::test]
async fn wa_07_a_crowd_is_refused_before_compilation() {
    let crowd = |before: &str, item: &str, after: &str| {
        wat::parse_str(format!("(component {before} {} {after})", item.repeat(100_000))).unwrap()
    };
    let crowds: [(&str, Vec<u8>); 6] = [
        ("core instances", crowd("(core module $m)", "(core instance (instantiate $m))", "")),
        ("instances", crowd("(component $c)", "(instance (instantiate $c))", "")),
        ("core modules", crowd("", "(core module)", "")),
        ("memories", crowd("(core module", "(memory 1)", ")")),
        ("tables", crowd("(core module", "(table 1 funcref)", ")")),
        ("memories", crowd("", "(core module (memory 1) (table 1 funcref))", "")),
    ];
    for (expected, bytes) in crowds {
        let bytes: Arc<[u8]> = bytes.into();
        let runtime = runtime();
        ends_within(Duration::ZERO, Duration::from_millis(100), || async {
            match runtime.load(bytes.clone(), &everything()).await {
                Err(LoadError::Inspect(InspectError::TooMany { what, .. })) => {
                    assert_eq!(what, expected);
                }
                other => panic!("{expected}: {other:?}"),
            }
        })
        .await;
    }
}

#[tokio::test]
async fn wa_08_recursion_ends_with_the_stack_limit() {
    let plugin = load("wa_08_recursion").await.unwrap();
    ends_within(Duration::ZERO, Duration::from_millis(10), || async {
        let called = plugin.run("x", &caller(Limits::default(), &stage()), &Value::Null).await;
        limited(called.result, "stack");
    })
    .await;
}

#[tokio::test]
async fn wa_08_the_host_is_not_entered_again_while_it_answers() {
    let called = attack("wa_08_realloc_calls_the_host", Limits::default(), &stage()).await;
    match called.result {
        Err(Fault::Trap { reason, .. }) => assert!(reason.contains("leave"), "{reason}"),
        other => panic!("{other:?}"),
    }
    assert_eq!(called.usage.host_calls, 1);
}

#[tokio::test]
async fn a_fault_says_what_would_help() {
    let limits = Limits { fuel: Some(1000), ..Limits::default() };
    let called = attack("wa_01_endless_loop", limits, &stage()).await;
    let error = NodeError::from(called.result.unwrap_err());
    assert_eq!(error.code, ErrorCode::Limit);
    assert_eq!(error.detail.get("limit").and_then(Value::as_str), Some("fuel"));
    assert!(error.help.unwrap().contains("limits: { fuel"));
}
