//! Guests that answer with what is too long, too deep or malformed, and that flood the log (WA-09…WA-14).

use cleargate_flow::limits::Limits;
use cleargate_flow::value::Value;
use cleargate_runtime::Fault;

use crate::guests::{attack, caller, load};
use crate::promise::{Resident, alone};
use crate::{MIB, limited, stage};

/// Runs a guest that answers with too much, in a process of its own, and gives what its answer cost.
async fn answer(guest: &str, limits: Limits) -> (Result<Value, Fault>, u64) {
    let plugin = load(guest).await.unwrap();
    let caller = caller(limits, &stage());
    // Once before the measurement, so that only the answer is new.
    plugin.run("x", &caller, &Value::Null).await.result.unwrap_err();
    let before = Resident::mark();
    let called = plugin.run("x", &caller, &Value::Null).await;
    (called.result, before.peak())
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn wa_09_huge_strings_are_refused_by_their_length_before_they_are_copied() {
    if !alone() {
        return;
    }
    let wide = Limits { payload: Some(64 * MIB), ..Limits::default() };
    let (result, peak) = answer("wa_09_string_of_4gib", wide).await;
    assert!(matches!(result, Err(Fault::Trap { .. })), "{result:?}");
    assert!(peak <= MIB, "{peak} bytes");
    // What host calls may carry does not widen what may be returned.
    for limits in [Limits::default(), wide] {
        let (result, peak) = answer("wa_09_string_over_the_limit", limits).await;
        limited(result, "output");
        assert!(peak <= MIB, "{peak} bytes");
    }
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn wa_09_an_asynchronous_guest_is_bounded_by_payload_and_then_by_output() {
    if !alone() {
        return;
    }
    let (result, peak) = answer("wa_09_task_return_over_the_limit", Limits::default()).await;
    limited(result, "payload");
    assert!(peak <= MIB, "{peak} bytes");
    // Copied once, as `payload` allows, and refused then.
    let wide = Limits { payload: Some(64 * MIB), ..Limits::default() };
    limited(answer("wa_09_task_return_over_the_limit", wide).await.0, "output");
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn wa_09_huge_arguments_of_host_calls_are_refused_before_they_are_copied() {
    if !alone() {
        return;
    }
    for guest in ["wa_09_argument_of_200_mib", "wa_09_list_of_a_million"] {
        let limits = Limits { memory: Some(512 * MIB), ..Limits::default() };
        let (result, peak) = answer(guest, limits).await;
        limited(result, "payload");
        assert!(peak <= MIB, "{guest}: {peak} bytes");
    }
}

#[tokio::test]
async fn wa_10_deep_json_is_refused() {
    let called = attack("wa_10_deep_json", Limits::default(), &stage()).await;
    assert!(matches!(called.result, Err(Fault::Contract(_))), "{called:?}");
}

#[tokio::test]
async fn wa_11_malformed_results_are_typed_faults() {
    for guest in [
        "wa_11_invalid_utf8",
        "wa_11_wrong_discriminant",
        "wa_11_unaligned_result",
        "wa_11_error_with_high_bits",
        "wa_11_utf16_unaligned",
        "wa_11_utf16_lone_surrogate",
        "wa_11_utf16_length_wraps",
        "wa_11_latin1_tag_beyond_the_end",
    ] {
        let called = attack(guest, Limits::default(), &stage()).await;
        assert!(matches!(called.result, Err(Fault::Trap { .. })), "{guest}: {called:?}");
    }
}

#[tokio::test]
async fn wa_13_log_flood_is_cut_and_admitted() {
    let stage = stage();
    let called = attack("wa_13_log_flood", Limits::default(), &stage).await;
    assert_eq!(called.result, Ok(Value::Null), "a flood of log text fails no call");
    let lines = stage.lines.lock().unwrap().clone();
    assert!(stored(&lines) <= 64 * 1024, "{} bytes are kept", stored(&lines));
    assert!(lines[0].ends_with("[cut]") && lines.len() > 10);
    // Every line of the thousand is there or counted.
    let dropped = 1_000 - (lines.len() - 1);
    let notice = lines.last().unwrap();
    assert!(notice.contains(&format!("{dropped} lines and")), "{notice}");
}

#[tokio::test]
async fn wa_13_lines_cost_what_they_take_in_the_journal() {
    let stage = stage();
    let called = attack("wa_13_control_flood", Limits::default(), &stage).await;
    assert_eq!(called.result, Ok(Value::Null));
    let lines = stage.lines.lock().unwrap().clone();
    assert!(stored(&lines) <= 64 * 1024, "{} bytes are kept", stored(&lines));
    assert!(lines.last().unwrap().contains("lines and"), "{:?}", lines.last());
}

/// Bytes of lines as the journal stores them: as strings of JSON.
fn stored(lines: &[String]) -> usize {
    lines.iter().map(|line| Value::from(line.as_str()).to_json().len()).sum()
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
