//! What one node, or one run, cannot take from the others: log lines, bytes of a result, places.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use cleargate_executor::{End, ManualClock, RunHandle, StartError, StartRun};
use cleargate_flow::event::MAX_PAYLOAD_DEPTH;
use cleargate_flow::{ErrorCode, Event, Outcome, Value};
use cleargate_store::sqlite::Class;
use cleargate_store::{MemoryStore, SqliteConfig, SqliteStore, Store};

use crate::world::{CHATTER, Process, graph};

/// Lines of each node, with the bytes of them.
async fn said(handle: &RunHandle, node: &str) -> (usize, usize) {
    let (mut events, mut lines, mut bytes) = (handle.events(0), 0, 0);
    while let Some(event) = events.next().await.unwrap() {
        if let Event::Logged { address, message, .. } = &event.record.event
            && address.to_string() == node
        {
            lines += 1;
            bytes += message.len();
        }
    }
    (lines, bytes)
}

#[tokio::test]
async fn each_node_has_its_own_bound_of_log_lines() {
    let process = Process::new();
    let flow = graph(
        "  a: { type: read, with: { v: 1, act: chatter }, limits: { log: 1KiB } }\n  \
         b: { type: read, with: { v: \"${a}\", act: chatter } }\n",
        "\"${b}\"",
    );
    let handle = process.start(&flow).await;
    let end = handle.outcome().await;
    assert!(matches!(end, End::Finished(Outcome::Succeeded { .. })), "{end:?}");
    let (lines, bytes) = said(&handle, "a").await;
    assert_eq!(lines, 1024 / CHATTER.1 + 1, "what fits, and one line that says so");
    assert!(bytes < 1024 + 100, "{bytes} bytes");
    assert_eq!(said(&handle, "b").await, (CHATTER.0, CHATTER.0 * CHATTER.1));
}

#[tokio::test]
async fn a_result_is_held_to_its_length_whoever_makes_it() {
    let flow = |value: &str| {
        let node =
            format!("  a: {{ type: pure, with: {{ v: {value} }}, limits: {{ output: 1KiB }} }}\n");
        graph(&node, "\"${a}\"")
    };
    // Two bytes are the quotes; an escape takes as many bytes as it has in JSON.
    let escaped = |count: usize| format!("\"{}\"", "\\x01".repeat(count));
    for (value, fits) in [
        ("x".repeat(1022), true),
        ("x".repeat(1023), false),
        (escaped(1022 / 6), true),
        (escaped(1022 / 6 + 1), false),
        (format!("[{}]", "[[1, {}], null], ".repeat(70)), true),
        (format!("[{}]", "[[1, {}], null], ".repeat(80)), false),
    ] {
        let process = Process::new();
        let end = process.start(&flow(&value)).await.outcome().await;
        match end {
            End::Finished(Outcome::Succeeded { .. }) => assert!(fits, "{value}"),
            End::Finished(Outcome::Failed { error, .. }) => {
                assert!(!fits, "{value}: {error}");
                assert_eq!(error.code, ErrorCode::Limit);
                assert_eq!(error.detail.get("limit"), Some(&Value::from("output")));
                assert!(error.help.unwrap().contains("`limits:`"));
            }
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn a_wide_run_does_not_starve_a_narrow_one() {
    const ITEMS: u32 = 1_000;
    const STEPS: usize = 20;
    let store = Arc::new(MemoryStore::default());
    let process = Process::on(store, "a", Arc::default(), ManualClock::at(1_000), |config| {
        config.max_attempts = 2;
    });
    let items: Vec<String> = (0..ITEMS).map(|item| item.to_string()).collect();
    let wide = graph(
        &format!(
            "  m: {{ map: \"${{[{}]}}\", max: {ITEMS}, concurrency: 64, as: x, \
             do: {{ a: {{ type: pure, with: {{ v: \"${{x}}\", act: yield }} }} }}, out: \"${{a}}\" }}\n",
            items.join(",")
        ),
        "\"${m}\"",
    );
    let chain: String = (0..STEPS)
        .map(|step| match step {
            0 => "  n0: { type: pure, with: { v: 0, act: yield } }\n".to_owned(),
            _ => format!(
                "  n{step}: {{ type: pure, with: {{ v: \"${{n{}}}\", act: yield }} }}\n",
                step - 1
            ),
        })
        .collect();
    let narrow = graph(&chain, &format!("\"${{n{}}}\"", STEPS - 1));
    let wide = process.start(&wide).await;
    // The wide run has all places and a queue before the narrow one comes.
    while wide.progress().await.queued == 0 {
        tokio::task::yield_now().await;
    }
    let narrow = process.start(&narrow).await;
    let end = narrow.outcome().await;
    assert!(matches!(end, End::Finished(Outcome::Succeeded { .. })), "{end:?}");
    let done = wide.progress().await.nodes[0].items.unwrap().done;
    // Each step of the narrow run waits for a place behind one asker of the wide run, not behind its queue.
    assert!(done < 8 * STEPS as u32, "{done} of {ITEMS} items came before {STEPS} steps");
    let end = wide.outcome().await;
    assert!(matches!(end, End::Finished(Outcome::Succeeded { .. })), "{end:?}");
}

#[tokio::test]
async fn what_no_journal_takes_fails_its_node_and_the_rules_for_failures_hold() {
    let deep = |levels: usize| format!("act: deep, v: {levels}");
    for (with, code, says) in [
        (deep(MAX_PAYLOAD_DEPTH), None, ""),
        (deep(MAX_PAYLOAD_DEPTH + 1), Some(ErrorCode::Limit), "at most 120 are kept"),
        ("act: no number".into(), Some(ErrorCode::Bug), "no number"),
        ("act: verbose".into(), Some(ErrorCode::Permanent), "…"),
    ] {
        let flow = format!(
            "  m: {{ map: \"${{[1]}}\", max: 1, as: x, on_item_error: skip, \
                  do: {{ i: {{ type: pure, with: {{ {with} }} }} }}, out: \"${{true}}\" }}\n"
        );
        let folder = tempfile::tempdir().unwrap();
        let config = SqliteConfig::new(Class::ProcessSafe);
        let store = Arc::new(SqliteStore::open(folder.path().join("s.db"), &config).unwrap());
        let process = Process::on(store.clone(), "a", Arc::default(), ManualClock::at(1), |_| {});
        let handle = process.start(&graph(&flow, "\"${m}\"")).await;
        let End::Finished(Outcome::Succeeded { output }) = handle.outcome().await else {
            panic!("{with}: the run is not over: {:?}", handle.ended())
        };
        let items = output.get("out").and_then(Value::as_list).unwrap().len();
        assert_eq!(items, usize::from(code.is_none()), "{with}");
        let journal = store.journal(handle.id(), 0, 1_000).await.unwrap();
        let failure = journal.into_iter().find_map(|record| match record.event {
            Event::AttemptFailed { error, .. } => Some(error),
            _ => None,
        });
        assert_eq!(failure.as_ref().map(|error| error.code), code, "{with}");
        assert!(failure.is_none_or(|error| error.message.contains(says)), "{with}");
    }
}

#[tokio::test]
async fn an_output_or_an_input_that_no_journal_takes_is_a_failure_with_a_name() {
    let a = format!("  a: {{ type: pure, with: {{ act: deep, v: {MAX_PAYLOAD_DEPTH} }} }}\n");
    let process = Process::new();
    let end = process.start(&graph(&a, "\"${a}\"")).await.outcome().await;
    let End::Finished(Outcome::Failed { address: None, error }) = end else { panic!("{end:?}") };
    assert_eq!(error.code, ErrorCode::Limit, "{error}");

    let input = (0..MAX_PAYLOAD_DEPTH).fold(Value::Null, |inner, _| Value::list([inner]));
    let start = StartRun { input, ..StartRun::default() };
    let flow = graph("  a: { type: pure }\n", "1");
    let refused = process.executor.start(flow, process.catalog(), start).await.err();
    assert!(matches!(refused, Some(StartError::Input(_))), "{refused:?}");
}

#[tokio::test]
async fn du_15_a_peer_that_is_down_costs_a_bounded_number_of_attempts_and_holds_nobody_up() {
    const ITEMS: usize = 64;
    const TRIES: usize = 4;
    const PLACES: usize = 8;
    let clock = ManualClock::at(1_000);
    let store = Arc::new(MemoryStore::default());
    let process =
        Process::on(store, "a", Arc::default(), clock.clone(), |c| c.max_attempts = PLACES);
    let items: Vec<String> = (0..ITEMS).map(|n| n.to_string()).collect();
    let storm = graph(
        &format!(
            "  m:\n    map: \"[{}]\"\n    max: {ITEMS}\n    concurrency: {ITEMS}\n    as: n\n    \
             on_item_error: skip\n    do:\n      i:\n        type: read\n        with: {{ v: \"${{n}}\", act: down }}\n        \
             retry: {{ transient: {{ max: {TRIES}, backoff: 1s..4s }} }}\n    out: \"${{i}}\"\n",
            items.join(", ")
        ),
        "\"${m}\"",
    );
    let run = process.start(&storm).await;
    let attempts = || process.ledger.done.lock().unwrap().len();
    while attempts() < ITEMS {
        tokio::task::yield_now().await;
    }
    // Between two attempts nothing is held: others have the places, and nothing is asked until the pause is over.
    let well = process.start(&graph("  a: { type: read, with: { v: 1 } }\n", "\"${a}\"")).await;
    assert!(matches!(well.outcome().await, End::Finished(Outcome::Succeeded { .. })));
    clock.advance(999);
    for _ in 0..200 {
        tokio::task::yield_now().await;
    }
    assert_eq!(attempts(), ITEMS + 1);
    while run.ended().is_none() {
        clock.advance(100);
        tokio::task::yield_now().await;
    }
    assert!(matches!(run.outcome().await, End::Finished(Outcome::Succeeded { .. })));
    assert_eq!(attempts(), ITEMS * TRIES + 1);
    assert!(
        process.ledger.most.load(Ordering::SeqCst) <= PLACES,
        "more at once than there are places"
    );
}
