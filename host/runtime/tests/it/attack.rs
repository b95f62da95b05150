//! Attacks as their own victims: plugins with one fault each are found out, an honest one is not, and the host keeps
//! what it promises.

use cleargate_flow::limits::{Layer, Limits};
use cleargate_runtime::attack::{AttackOptions, FaultKind, PluginReport, attack, attack_host};

use crate::guests::{component, everything, runtime, wrap};

/// The one component of the kit that takes the contract is the guest of the tests.
#[test]
fn the_kit_holds_the_guest_of_the_tests() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/src/attack/kit/deep_json.wasm");
    let guest = component("wa_10_deep_json");
    if std::env::var_os("CLEARGATE_BLESS").is_some() {
        std::fs::write(path, &guest).unwrap();
    }
    assert!(std::fs::read(path).unwrap() == *guest, "bless it with CLEARGATE_BLESS=1");
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn this_host_keeps_what_it_promises() {
    if crate::apart() || !crate::promise::alone() {
        return;
    }
    let report = attack_host(&runtime(), None, &[], &AttackOptions::default()).await;
    for promise in &report.promises {
        assert!(promise.kept, "{}: {}", promise.promise, promise.measured);
    }
    assert!(report.host_kept() && report.promises.len() > 40, "{}", report.promises.len());
    assert_eq!(report.unpromised.len(), 1, "{:?}", report.unpromised);
}

/// A node `x` that is `pure` and takes `{ text: string }`, with this schema of its output. At 64 lies `ok(json("null"))`, at 192
/// `err` with the code `bug` and an empty message; `input` is the place of the text that it is given.
fn node(output: &str, imports: &str, run: &str) -> String {
    let input = r#"{"type":"object","properties":{"text":{"type":"string"}}}"#;
    let text = |text: &str| text.replace('"', "\\22");
    let number = |n: usize| -> String {
        (n as u32).to_le_bytes().iter().map(|byte| format!("\\{byte:02x}")).collect()
    };
    let (input_length, output_length) = (number(input.len()), number(output.len()));
    format!(
        "(module {imports}
           (memory (export \"memory\") 64)
           (data (i32.const 32) \"null\")
           (data (i32.const 40) \"{{\")
           (data (i32.const 80) \"\\20\\00\\00\\00\\04\\00\\00\\00\")
           (data (i32.const 192) \"\\01\\00\\00\\00\\00\\00\\00\\00\\09\")
           (data (i32.const 300) \"x\")
           (data (i32.const 400) \"{}\")
           (data (i32.const 600) \"{}\")
           (data (i32.const 800) \"\\00\\04\\00\\00\\01\\00\\00\\00\")
           (data (i32.const 1024) \"\\2c\\01\\00\\00\\01\\00\\00\\00\\2c\\01\\00\\00\\01\\00\\00\\00\")
           (data (i32.const 1040) \"\\90\\01\\00\\00{input_length}\\58\\02\\00\\00{output_length}\\00\")
           (global $top (mut i32) (i32.const 8192))
           (func (export \"cabi_realloc\") (param i32 i32 i32 i32) (result i32)
             (global.set $top (i32.and (i32.add (global.get $top) (i32.const 7)) (i32.const -8)))
             (global.get $top)
             (global.set $top (i32.add (global.get $top) (local.get 3))))
           (func (export \"cleargate:node/node@0.1.0#describe\") (result i32) (i32.const 800))
           (func (export \"cleargate:node/node@0.1.0#run\") (param $given i32) (result i32) {run}))",
        text(input),
        text(output)
    )
}

async fn report(module: &str, seed: u64) -> PluginReport {
    let plugin = runtime().load(wrap(module), &everything()).await.unwrap();
    let layers = [(Layer::Node, Limits { fuel: Some(5_000_000), ..Limits::default() })];
    attack(&plugin, &layers, &[], &AttackOptions { seed, calls: 60 }).await
}

const CLOCK: &str = r#"(import "cleargate:host/clock@0.1.0" "now" (func $now (result i64)))"#;
const REVEAL: &str =
    r#"(import "cleargate:host/secret-reveal@0.1.0" "reveal" (func $reveal (param i32 i32 i32)))"#;
const LOG: &str =
    r#"(import "cleargate:host/log@0.1.0" "write" (func $write (param i32 i32 i32 i32 i32)))"#;

/// The message of the error at 192 becomes the text whose place and length stand at these addresses.
const TELL: &str = "(i32.store8 (i32.const 200) (i32.const 1))
    (i32.store (i32.const 204) (i32.load (PLACE))) (i32.store (i32.const 208) (i32.load (LENGTH)))
    (i32.const 192)";

#[tokio::test]
async fn each_fault_of_a_plugin_is_found_and_an_honest_one_has_none() {
    let given = TELL
        .replace("PLACE", "i32.add (local.get $given) (i32.const 96)")
        .replace("LENGTH", "i32.add (local.get $given) (i32.const 100)");
    let shown = TELL.replace("PLACE", "i32.const 1204").replace("LENGTH", "i32.const 1208");
    let shown = format!(
        "(call $reveal (i32.const 300) (i32.const 1) (i32.const 1200))
        (if (i32.load8_u (i32.const 1200)) (then (return (i32.const 64)))) {shown}"
    );
    let logs = "(call $write (i32.const 2)
        (i32.load (i32.add (local.get $given) (i32.const 96)))
        (i32.load (i32.add (local.get $given) (i32.const 100))) (i32.const 0) (i32.const 0))
        (i32.const 64)";
    // `null` at an even time, and at an odd one a number.
    let clock = "(if (i64.eqz (i64.and (call $now) (i64.const 1))) (then (return (i32.const 64))))
        (i32.store8 (i32.const 32) (i32.const 0x37)) (i32.store (i32.const 84) (i32.const 1))
        (i32.const 64)";
    let rows: [(&str, String, Option<FaultKind>); 10] = [
        ("honest", node("{}", "", "(i32.const 64)"), None),
        ("traps", node("{}", "", "(unreachable)"), Some(FaultKind::Trap)),
        ("throws", node("{}", "", "(i32.const 192)"), Some(FaultKind::Bug)),
        (
            "no JSON",
            node(
                "{}",
                "",
                "(i32.store8 (i32.const 80) (i32.const 40)) (i32.store (i32.const 84) (i32.const 1)) (i32.const 64)",
            ),
            Some(FaultKind::Contract),
        ),
        ("no number", node(r#"{"type":"integer"}"#, "", "(i32.const 64)"), Some(FaultKind::Schema)),
        ("spins", node("{}", "", "(loop $a (br $a)) (unreachable)"), Some(FaultKind::Greedy)),
        ("asks for the time", node("{}", CLOCK, clock), Some(FaultKind::Impure)),
        ("repeats", node("{}", "", &given), Some(FaultKind::Echo)),
        ("logs", node("{}", LOG, logs), Some(FaultKind::Echo)),
        ("tells", node("{}", REVEAL, &shown), Some(FaultKind::Secret)),
    ];
    for (what, module, expected) in rows {
        let report = report(&module, 1).await;
        let kinds: Vec<FaultKind> = report.faults.iter().map(|fault| fault.kind).collect();
        assert_eq!(kinds, expected.into_iter().collect::<Vec<_>>(), "{what}: {report:#?}");
        assert!(report.host_kept(), "{what}: {:#?}", report.promises);
        let [export] = &report.exports[..] else { panic!("{what}: one export") };
        assert_eq!((export.id.as_str(), export.cancelled > 0), ("x", true), "{what}");
        assert!(export.calls > 60 || expected == Some(FaultKind::Greedy), "{what}: {export:?}");
        if let Some(witness) = report.faults.first() {
            assert!(witness.times > 0 && !witness.with.is_empty(), "{what}: {witness:?}");
        }
    }
}

#[tokio::test]
async fn a_seed_makes_the_same_calls_again() {
    let trapping = node(
        "{}",
        "",
        "(if (i32.gt_u (i32.load (i32.add (local.get $given) (i32.const 100)))
        (i32.const 40)) (then (unreachable))) (i32.const 64)",
    );
    let (first, again, other) =
        (report(&trapping, 3).await, report(&trapping, 3).await, report(&trapping, 4).await);
    let told = |report: &PluginReport| {
        let witness = &report.faults[0];
        (report.calls, report.exports[0].worst.fuel, witness.times, witness.input.clone())
    };
    assert_eq!(told(&first), told(&again));
    assert_ne!(told(&first), told(&other));
}

#[tokio::test]
async fn functions_of_no_contract_are_attacked_by_their_types() {
    let text = r#"(component
        (core module $m (func (export "f") (param i32) (result i32)
            (if (i32.eq (local.get 0) (i32.const -1)) (then (unreachable))) (local.get 0)))
        (core instance $m (instantiate $m))
        (func (export "same") (param "n" u32) (result u32) (canon lift (core func $m "f"))))"#;
    let plugin = runtime().load(wat::parse_str(text).unwrap().into(), &everything()).await.unwrap();
    let report = attack(&plugin, &[], &[], &AttackOptions { seed: 1, calls: 120 }).await;
    // The one number at the end of its type.
    let [fault] = &report.faults[..] else { panic!("{:#?}", report.faults) };
    assert_eq!((fault.kind, fault.export.as_str()), (FaultKind::Trap, "tool same"));
    assert!(fault.input.contains("4294967295"), "{fault:?}");
    assert!(report.exports[0].errors["invalid_input"] > 20, "{:?}", report.exports);
}
