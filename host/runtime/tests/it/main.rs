//! The runtime from outside: hostile guests (cases WA-01…WA-28, TI-05), and the host's interfaces as a guest sees them.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]
#![allow(clippy::disallowed_methods, reason = "whoever runs a soak says so in the environment")]
#![allow(clippy::print_stderr, reason = "a failure says which component it was")]

mod attack;
mod crossings;
mod descriptions;
mod foreign;
mod guests;
mod hostile;
mod interfaces;
mod lifetime;
mod mutate;
mod passage;
mod promise;
mod random;
mod values;
mod waiting;
mod wasi;
mod wasi3;
mod wasi_files;
mod wasi_http;
#[cfg(target_os = "linux")]
mod workers;

use std::sync::Arc;

use cleargate_flow::limits::Limits;
use cleargate_flow::value::Value;
use cleargate_runtime::Fault;

use guests::{Stage, apart};

const MIB: u64 = 1024 * 1024;

/// A count for the usual run, or the one for the soak.
fn scale(usual: u64, soak: u64) -> u64 {
    if std::env::var_os("CLEARGATE_SOAK").is_some() { soak } else { usual }
}

fn stage() -> Arc<Stage> {
    Arc::default()
}

/// Bounds of which time is what ends a call.
fn time(ms: u64) -> Limits {
    Limits {
        time: Some(ms),
        fuel: Some(1_000_000_000_000),
        host_calls: Some(10_000_000),
        ..Limits::default()
    }
}

#[track_caller]
fn limited(result: Result<Value, Fault>, expected: &str) {
    match result {
        Err(Fault::Limit { limit, .. }) => assert_eq!(limit, expected),
        other => panic!("limit {expected} was not reached: {other:?}"),
    }
}

/// Where the guests attack.
const ATTACKS: &[&str] = &[
    include_str!("hostile.rs"),
    include_str!("values.rs"),
    include_str!("crossings.rs"),
    include_str!("descriptions.rs"),
    include_str!("random.rs"),
    include_str!("wasi.rs"),
    include_str!("wasi3.rs"),
    include_str!("wasi_files.rs"),
    include_str!("wasi_http.rs"),
    include_str!("waiting.rs"),
    include_str!("workers.rs"),
];

/// Where the other promises of `SECURITY.md` are proved: beside the code that keeps them, and in the tests of the gate
/// and of the command.
const PROOFS: &[&str] = &[
    include_str!("foreign.rs"),
    include_str!("interfaces.rs"),
    include_str!("../../src/inspect.rs"),
    include_str!("../../src/instance.rs"),
    include_str!("../../src/linker.rs"),
    include_str!("../../src/cache/tests.rs"),
    include_str!("../../src/compiler/tests.rs"),
    include_str!("../../src/worker/process/filter.rs"),
    include_str!("../../src/worker/process/near/tests.rs"),
    include_str!("../../../gate/tests/it/doors.rs"),
    include_str!("../../../gate/tests/it/echoes.rs"),
    include_str!("../../../gate/tests/it/egress.rs"),
    include_str!("../../../gate/tests/it/files.rs"),
    include_str!("../../../gate/tests/it/masking.rs"),
    include_str!("../../../gate/tests/it/races.rs"),
    include_str!("../../../gate/tests/it/silence.rs"),
    include_str!("../../../gate/tests/it/smuggling.rs"),
    include_str!("../../../gate/tests/it/tls.rs"),
    include_str!("../../../../tests/cli/compiler.rs"),
    include_str!("../../../../tests/cli/foreign.rs"),
    include_str!("../../../../tests/cli/messages.rs"),
    include_str!("../../../../tests/cli/models.rs"),
    include_str!("../../../executor/tests/it/peers.rs"),
];

fn proved(name: &str) -> bool {
    ATTACKS.iter().chain(PROOFS).any(|code| code.contains(name))
}

/// The names of the tests in the last column of a row.
fn named(row: &str) -> Vec<&str> {
    let proofs = row.trim_end().trim_end_matches('|').rsplit('|').next().unwrap_or_default();
    let names = proofs.split(", ").map(|name| name.trim().trim_matches('`'));
    names.filter(|name| name.contains('_') && !name.contains(' ')).collect()
}

#[test]
fn every_promised_limit_names_the_test_that_proves_it() {
    let page = include_str!("../../../SECURITY.md");
    for limit in cleargate_flow::limits::TABLE {
        let begin = format!("| `{}` | ", limit.name);
        let row = page.lines().find(|line| line.starts_with(&begin));
        let row = row.unwrap_or_else(|| panic!("no row begins with `{begin}`"));
        let default = row[begin.len()..].split(" |").next().unwrap();
        assert_eq!(limit.unit.parse(default), Ok(limit.default), "{}", limit.name);
        assert!(!named(row).is_empty(), "`{}` has a row and no test", limit.name);
    }
    let rows = page.lines().filter(|line| line.starts_with("| ") && line.ends_with("` |"));
    let names: Vec<&str> = rows.flat_map(named).collect();
    for name in &names {
        assert!(proved(&format!("fn {name}()")), "there is no test `{name}`");
    }
    assert!(names.len() > 60, "{} tests are named", names.len());
}

/// The cases of the threat model that plugins and their requests are held to. A test of a case begins with its id.
#[test]
fn every_hostile_case_has_a_test_and_a_row() {
    let page = include_str!("../../../SECURITY.md");
    let guests = (1..=28).map(|n| format!("wa_{n:02}"));
    let egress = (10..=13).map(|n| format!("ht_{n}"));
    let packages = (4..=6).map(|n| format!("pk_{n:02}"));
    let smuggling = (3..=5).map(|n| format!("ti_{n:02}"));
    for case in guests.chain(egress).chain(packages).chain(smuggling) {
        assert!(proved(&format!("fn {case}_")), "no test begins with `{case}`");
        assert!(
            page.contains(&format!("`{case}_")),
            "no row of SECURITY.md names a test of `{case}`"
        );
    }
}

#[test]
fn every_guest_has_a_test() {
    for entry in std::fs::read_dir(guests::folder()).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "wat") {
            let guest = format!("\"{}\"", path.file_stem().unwrap().to_str().unwrap());
            assert!(ATTACKS.iter().any(|test| test.contains(&guest)), "{guest} attacks nobody");
        }
    }
}
