//! The runtime from outside: hostile guests (cases WA-01…WA-22), and the host's interfaces as a guest sees them.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod crossings;
mod guests;
mod hostile;
mod interfaces;
mod lifetime;
mod passage;
mod promise;
mod values;

use std::sync::Arc;

use cleargate_flow::limits::Limits;
use cleargate_flow::value::Value;
use cleargate_runtime::Fault;

use guests::Stage;

const MIB: u64 = 1024 * 1024;

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

#[test]
fn every_guest_has_a_test() {
    let tests =
        [include_str!("hostile.rs"), include_str!("values.rs"), include_str!("crossings.rs")];
    for entry in std::fs::read_dir(guests::folder()).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "wat") {
            let guest = format!("\"{}\"", path.file_stem().unwrap().to_str().unwrap());
            assert!(tests.iter().any(|test| test.contains(&guest)), "{guest} attacks nobody");
        }
    }
}
