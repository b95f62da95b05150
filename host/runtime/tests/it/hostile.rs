//! Hostile guests. The case ids are those of the threat model; each test asserts the promise of its row.
//!
//! Times have a generous margin, because the machine that runs the tests is shared; the figures of the
//! promises are the benches' affair. A guest without a test here fails `every_guest_has_a_test`.

use std::sync::Arc;
use std::time::{Duration, Instant};

use cleargate_flow::error::{ErrorCode, NodeError};
use cleargate_flow::grant::Grants;
use cleargate_flow::limits::Limits;
use cleargate_flow::value::Value;
use cleargate_runtime::inspect::InspectError;
use cleargate_runtime::{Fault, LoadError};

use crate::guests::{Stage, attack, caller, component, folder, load, runtime, wrap};

const MIB: u64 = 1024 * 1024;

/// How much later than its time a call may end in a test: the promise and a margin for shared machines.
const MARGIN: Duration = Duration::from_millis(1_000);

fn stage() -> Arc<Stage> {
    Arc::default()
}

fn time(ms: u64) -> Limits {
    // Fuel for minutes, so that time is what ends the call.
    Limits { time: Some(ms), fuel: Some(1_000_000_000_000), ..Limits::default() }
}

#[track_caller]
fn limited(result: Result<Value, Fault>, expected: &str) {
    match result {
        Err(Fault::Limit { limit, .. }) => assert_eq!(limit, expected),
        other => panic!("limit {expected} was not reached: {other:?}"),
    }
}

async fn ends_by_timeout(guest: &str) {
    let plugin = load(guest).await.unwrap();
    let started = Instant::now();
    let called = plugin.run("x", &caller(time(100), &stage()), &Value::Null).await;
    assert_eq!(called.result, Err(Fault::Timeout { after: 100 }));
    assert!(started.elapsed() < Duration::from_millis(100) + MARGIN, "{:?}", started.elapsed());
    assert!(called.usage.micros >= 100_000 && called.usage.fuel > 0, "{:?}", called.usage);
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
async fn wa_01_a_loop_leaves_the_thread_to_others() {
    let plugin = load("wa_01_endless_loop").await.unwrap();
    let stage = stage();
    let caller = caller(time(200), &stage);
    let spin = plugin.run("x", &caller, &Value::Null);
    // One thread drives both: the other one advances only when the loop yields.
    let others = async {
        let mut turns = 0;
        loop {
            tokio::task::yield_now().await;
            turns += 1;
            if turns == 3 {
                return;
            }
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
        let refused = runtime().load(bytes.into(), &Grants::default()).await;
        assert!(refused.is_err(), "{module} was loaded");
    }
}

#[tokio::test]
async fn wa_05_touch_every_page_stays_below_the_cap() {
    let before = resident();
    let limits = Limits { memory: Some(32 * MIB), ..Limits::default() };
    let called = attack("wa_05_touch_every_page", limits, &stage()).await;
    limited(called.result, "memory");
    assert_eq!(called.usage.peak_memory, 32 * MIB);
    // Released after the call; other tests of this process have their own share.
    let after = resident();
    assert!(after < before + (32 + 8 + 128) * MIB, "resident memory went from {before} to {after}");
}

#[tokio::test]
async fn wa_06_table_bomb_is_refused() {
    let called = attack("wa_06_table_bomb", Limits::default(), &stage()).await;
    limited(called.result, "memory");
    assert!(called.usage.peak_memory <= 64 * MIB);
    let prelude = std::fs::read_to_string(folder().join("prelude.wat.part")).unwrap();
    let declared = format!(
        "(module (memory (export \"memory\") 1) (table 4294967295 funcref)
           (func (export \"cleargate:node/node@0.1.0#run\") (param i32) (result i32) i32.const 64)
           {prelude})"
    );
    if let Ok(plugin) = runtime().load(wrap(&declared), &Grants::default()).await {
        let called = plugin.run("x", &caller(Limits::default(), &stage()), &Value::Null).await;
        limited(called.result, "memory");
    }
}

#[tokio::test]
async fn wa_07_a_crowd_of_instances_is_refused_before_compilation() {
    let instances = "(core instance (instantiate $m))".repeat(100_000);
    let bomb = wat::parse_str(format!("(component (core module $m) {instances})")).unwrap();
    let modules = wat::parse_str(format!("(component {})", "(core module)".repeat(100_000)));
    for bytes in [bomb, modules.unwrap()] {
        let bytes: Arc<[u8]> = bytes.into();
        let started = Instant::now();
        match runtime().load(bytes, &Grants::default()).await {
            Err(LoadError::Inspect(InspectError::TooMany { .. })) => {}
            other => panic!("{other:?}"),
        }
        assert!(started.elapsed() < Duration::from_millis(100) + MARGIN, "{:?}", started.elapsed());
    }
}

#[tokio::test]
async fn wa_08_recursion_ends_with_the_stack_limit() {
    let called = attack("wa_08_recursion", Limits::default(), &stage()).await;
    limited(called.result, "stack");
}

#[tokio::test]
async fn wa_09_huge_strings_are_refused_by_their_length() {
    let before = resident();
    let called = attack("wa_09_string_of_4gib", Limits::default(), &stage()).await;
    assert!(matches!(called.result, Err(Fault::Trap { .. } | Fault::Limit { .. })), "{called:?}");
    let called = attack("wa_09_string_over_the_limit", Limits::default(), &stage()).await;
    limited(called.result, "payload");
    let limits = Limits { payload: Some(64 * MIB), ..Limits::default() };
    let called = attack("wa_09_string_over_the_limit", limits, &stage()).await;
    limited(called.result, "output");
    assert!(resident() < before + 256 * MIB);
}

#[tokio::test]
async fn wa_10_deep_json_is_refused() {
    let called = attack("wa_10_deep_json", Limits::default(), &stage()).await;
    assert!(matches!(called.result, Err(Fault::Contract(_))), "{called:?}");
}

#[tokio::test]
async fn wa_11_malformed_results_are_typed_faults() {
    for guest in ["wa_11_invalid_utf8", "wa_11_wrong_discriminant", "wa_11_unaligned_result"] {
        let called = attack(guest, Limits::default(), &stage()).await;
        assert!(matches!(called.result, Err(Fault::Trap { .. })), "{guest}: {called:?}");
    }
}

#[tokio::test]
async fn wa_12_host_call_flood_is_stopped_by_its_count_and_by_fuel() {
    let called = attack("wa_12_host_call_flood", Limits::default(), &stage()).await;
    limited(called.result, "host_calls");
    assert_eq!(called.usage.host_calls, 10_001);
    assert!(called.usage.fuel >= 10_000 * 1_000, "host calls are not free: {:?}", called.usage);

    let limits = Limits { fuel: Some(1_000_000), ..Limits::default() };
    let called = attack("wa_12_host_call_flood", limits, &stage()).await;
    limited(called.result, "fuel");
    assert!(called.usage.host_calls <= 1_000);
}

#[tokio::test]
async fn wa_13_log_flood_is_cut_and_admitted() {
    let stage = stage();
    let called = attack("wa_13_log_flood", Limits::default(), &stage).await;
    assert_eq!(called.result, Ok(Value::Null), "a flood of log text fails no call");
    let lines = stage.lines.lock().unwrap().clone();
    let kept: usize = lines.iter().map(String::len).sum();
    assert!(kept <= 64 * 1024, "{kept} bytes were kept");
    assert!(lines[0].ends_with("[cut]") && lines.len() > 10);
    assert!(lines.last().unwrap().contains("lines and"), "{:?}", lines.last());
}

#[tokio::test]
async fn wa_13_one_huge_line_is_refused() {
    let limits = Limits { memory: Some(64 * MIB), ..Limits::default() };
    let stage = stage();
    limited(attack("wa_13_one_huge_line", limits, &stage).await.result, "payload");
    assert!(stage.lines.lock().unwrap().is_empty());
}

#[tokio::test]
async fn wa_14_forged_log_lines_stay_one_event() {
    let stage = stage();
    let called = attack("wa_14_forged_log_lines", Limits::default(), &stage).await;
    assert_eq!(called.result, Ok(Value::Null));
    let lines = stage.lines.lock().unwrap().clone();
    assert_eq!(lines.len(), 1);
    // Data, whole; as JSON, which is how the journal stores it, it is one line without control characters.
    let stored = Value::from(lines[0].as_str()).to_json();
    assert!(lines[0].contains("\u{1b}[31m") && lines[0].contains('\n'));
    assert!(!stored.chars().any(char::is_control), "{stored}");
}

#[tokio::test]
async fn wa_18_a_store_is_never_used_again() {
    let plugin = load("wa_18_trap_leaves_a_mark").await.unwrap();
    let limits = Limits { fuel: Some(10_000_000), ..Limits::default() };
    for _ in 0..3 {
        let called = plugin.run("x", &caller(limits, &stage()), &Value::Null).await;
        limited(called.result, "fuel");
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

    for import in ["wasi:filesystem/types@0.2.0", "wasi:clocks/wall-clock@0.2.0", "env:any/thing"] {
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
async fn a_fault_says_what_would_help() {
    let limits = Limits { fuel: Some(1000), ..Limits::default() };
    let called = attack("wa_01_endless_loop", limits, &stage()).await;
    let error = NodeError::from(called.result.unwrap_err());
    assert_eq!(error.code, ErrorCode::Limit);
    assert_eq!(error.detail.get("limit").and_then(Value::as_str), Some("fuel"));
    assert!(error.help.unwrap().contains("limits: { fuel"));
}

#[test]
fn every_guest_has_a_test() {
    let tests = include_str!("hostile.rs");
    for entry in std::fs::read_dir(folder()).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "wat") {
            let guest = path.file_stem().unwrap().to_str().unwrap();
            assert!(tests.contains(&format!("\"{guest}\"")), "{guest} attacks nobody");
        }
    }
}

/// Resident bytes of this process; 0 where the system does not say.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|rest| rest.trim().strip_suffix(" kB")?.parse::<u64>().ok());
    kib.unwrap_or(0) * 1024
}
