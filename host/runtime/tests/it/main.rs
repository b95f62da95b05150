//! The runtime from outside: hostile guests (cases WA-01…WA-28), and the host's interfaces as a guest sees them.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]
#![allow(clippy::disallowed_methods, reason = "whoever runs a soak says so in the environment")]
#![allow(clippy::print_stderr, reason = "a failure says which component it was")]

mod crossings;
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

use std::sync::Arc;

use cleargate_flow::limits::Limits;
use cleargate_flow::value::Value;
use cleargate_runtime::Fault;

use guests::Stage;

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
const ATTACKS: [&str; 4] = [
    include_str!("hostile.rs"),
    include_str!("values.rs"),
    include_str!("crossings.rs"),
    include_str!("random.rs"),
];

#[test]
fn every_promised_limit_names_the_test_that_proves_it() {
    let page = include_str!("../../../SECURITY.md");
    let inside = [
        include_str!("foreign.rs"),
        include_str!("interfaces.rs"),
        include_str!("../../src/inspect.rs"),
        include_str!("../../src/instance.rs"),
        include_str!("../../src/compiler/tests.rs"),
        include_str!("../../../../tests/cli/compiler.rs"),
    ];
    for limit in cleargate_flow::limits::TABLE {
        let row = format!("| `{}` | ", limit.name);
        let cells = page.split_once(&row).unwrap_or_else(|| panic!("no row begins with `{row}`")).1;
        let default = cells.split_once(" |").unwrap().0;
        assert_eq!(limit.unit.parse(default), Ok(limit.default), "{}", limit.name);
    }
    // The last column of both tables.
    let rows = page.lines().filter(|line| line.starts_with("| ") && line.ends_with("` |"));
    let proofs = rows.filter_map(|row| row.rsplit('|').nth(1)).filter(|c| c.contains("_"));
    let mut count = 0;
    for name in proofs.flat_map(|proofs| proofs.split(", ")) {
        let function = format!("fn {}()", name.trim().trim_matches('`'));
        assert!(ATTACKS.iter().chain(&inside).any(|code| code.contains(&function)), "{function}");
        count += 1;
    }
    assert!(count > 20, "{count} tests are named");
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
