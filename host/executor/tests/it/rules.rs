//! What one process keeps: retries, times, cancellation, panics, bounds, events, parking, sub-flows.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use cleargate_executor::{End, ManualClock, StartError, StartRun};
use cleargate_flow::{ErrorCode, Event, Outcome, Value};
use cleargate_store::{MemoryStore, Store};

use crate::world::{Process, graph};

fn output(end: &End) -> &Value {
    match end {
        End::Finished(Outcome::Succeeded { output }) => output.get("out").unwrap(),
        other => panic!("{other:?}"),
    }
}

fn failure(end: &End) -> (ErrorCode, &str) {
    match end {
        End::Finished(Outcome::Failed { error, .. }) => (error.code, error.message.as_str()),
        other => panic!("{other:?}"),
    }
}

async fn settle() {
    for _ in 0..200 {
        tokio::task::yield_now().await;
    }
}

/// Moves the clock to whatever is waited for next, until the run has ended.
async fn play(process: &Process, handle: &cleargate_executor::RunHandle) -> End {
    loop {
        for _ in 0..200 {
            if let Some(end) = handle.ended() {
                return end;
            }
            tokio::task::yield_now().await;
        }
        if let Some(ms) = process.clock.next_wake() {
            process.clock.advance(ms);
        }
    }
}

#[tokio::test]
async fn a_chain_gives_its_value_and_its_events_in_order() {
    let process = Process::new();
    let flow = graph(
        "  a: { type: pure, with: { v: 1 } }\n  b: { type: once, with: { v: \"${a}\", act: say } }\n",
        "\"${b}\"",
    );
    let handle = process.start(&flow).await;
    let end = handle.outcome().await;
    assert_eq!(output(&end), &Value::Int(1));
    let (mut events, mut seen) = (handle.events(0), Vec::new());
    while let Some(event) = events.next().await.unwrap() {
        let record = &event.record;
        assert_eq!(record.seq, seen.len() as u64);
        seen.push(Value::of(record).unwrap().get("event").unwrap().to_string());
    }
    let expected = [
        "run_started",
        "attempt_succeeded",
        "attempt_started",
        "logged",
        "attempt_succeeded",
        "run_finished",
    ];
    assert_eq!(seen, expected);
    assert_eq!(handle.progress().await.records, 6);
}

#[tokio::test]
async fn a_slow_subscriber_misses_nothing() {
    let store = Arc::new(MemoryStore::default());
    let small = |config: &mut cleargate_executor::ExecutorConfig| config.event_buffer = 2;
    let process = Process::on(store, "a", Arc::default(), ManualClock::at(1_000), small);
    let nodes: String = (0..40)
        .map(|i| match i {
            0 => "  n0: { type: pure, with: { v: 0, act: wait } }\n".to_owned(),
            _ => format!("  n{i}: {{ type: pure, with: {{ v: \"${{n{}}}\" }} }}\n", i - 1),
        })
        .collect();
    let handle = process.start(&graph(&nodes, "\"${n39}\"")).await;
    let mut events = handle.events(0);
    assert_eq!(events.next().await.unwrap().unwrap().record.seq, 0);
    process.ledger.open.notify_one();
    handle.outcome().await;
    let mut next = 1;
    while let Some(event) = events.next().await.unwrap() {
        assert_eq!(event.record.seq, next);
        next += 1;
    }
    assert_eq!(next, 42, "the start, forty answers and the end");
}

#[tokio::test]
async fn failures_are_tried_again_as_the_flow_says() {
    let process = Process::new();
    let flow = graph(
        "  a: { type: idem, with: { v: 7, act: flaky }, retry: { transient: { max: 4, backoff: 1s..60s } } }\n",
        "\"${a}\"",
    );
    let handle = process.start(&flow).await;
    assert_eq!(output(&play(&process, &handle).await), &Value::Int(7));
    assert!(process.clock.next_wake().is_some(), "the keeper of leases goes on");
    let keys = process.ledger.keys().remove("a").unwrap();
    assert_eq!(keys.len(), 3);
    assert!(keys.iter().all(|key| *key == keys[0]), "each attempt has the same key");
}

#[tokio::test]
async fn an_attempt_and_a_node_are_held_to_their_time() {
    for (policy, message) in
        [("timeout: 50ms", "within 50 ms"), ("deadline: 70ms", "deadline of 70 ms")]
    {
        let process = Process::new();
        let flow =
            graph(&format!("  a: {{ type: read, with: {{ act: hang }}, {policy} }}\n"), "\"${a}\"");
        let handle = process.start(&flow).await;
        let end = play(&process, &handle).await;
        let (code, text) = failure(&end);
        assert_eq!(code, ErrorCode::Timeout, "{policy}");
        assert!(text.contains(message), "{text}");
        assert_eq!(process.ledger.now.load(Ordering::SeqCst), 0, "what hung was dropped");
    }
}

/// An attempt of which nothing is heard is a failure like another, and may be tried again; so is a block.
#[tokio::test]
async fn silence_ends_an_attempt_and_a_block() {
    const IDLE: u64 = 100;
    let leaf = "  a: { type: read, with: { act: talk }, idle: 100ms, retry: { timeout: { max: 2, backoff: 1ms } } }\n";
    let block = "  a: { try: { b: { type: read, with: { act: talk } } }, idle: 100ms }\n";
    for (node, begun, message) in
        [(leaf, 2, "of the attempt for 100 ms"), (block, 1, "inside for 100ms")]
    {
        let process = Process::new();
        let handle = process.start(&graph(node, "\"${a}\"")).await;
        for _ in 0..10 {
            // As long as it says something it may take any time.
            process.clock.advance(IDLE - 1);
            settle().await;
            process.ledger.open.notify_one();
            settle().await;
        }
        assert!(handle.ended().is_none(), "{node}");
        assert_eq!(process.ledger.done.lock().unwrap().len(), 1);
        let end = play(&process, &handle).await;
        let (code, text) = failure(&end);
        assert_eq!(code, ErrorCode::Timeout, "{node}");
        assert!(text.contains(message), "{text}");
        assert_eq!(process.ledger.done.lock().unwrap().len(), begun, "{node}");
    }
}

#[tokio::test]
async fn a_panic_fails_its_node_and_nothing_else() {
    let process = Process::new();
    let alone = graph("  a: { type: pure, with: { act: panic } }\n", "\"${a}\"");
    let wide = graph(
        "  m: { map: \"${[1, 2, 3]}\", max: 3, concurrency: 3, on_item_error: skip, as: x, \
         do: { a: { type: pure, with: { v: \"${x}\", act: \"${x == 2 ? 'panic' : 'yield'}\" } } }, \
         out: \"${a}\" }\n",
        "\"${m}\"",
    );
    let end = process.start(&alone).await.outcome().await;
    let (code, text) = failure(&end);
    assert_eq!((code, text), (ErrorCode::Bug, "the node panicked: scripted"));
    let end = process.start(&wide).await.outcome().await;
    assert_eq!(output(&end), &Value::list([1, 3].map(Value::from)));
}

#[tokio::test]
async fn cancelling_stops_polite_and_stubborn_nodes() {
    for act in ["polite", "hang"] {
        let process = Process::new();
        let flow = graph(&format!("  a: {{ type: read, with: {{ act: {act} }} }}\n"), "\"${a}\"");
        let handle = process.start(&flow).await;
        process.ledger.began.notified().await;
        handle.cancel("operator");
        handle.cancel("somebody else");
        let end = play(&process, &handle).await;
        assert_eq!(end, End::Finished(Outcome::Cancelled), "{act}");
        let (mut events, mut asked) = (handle.events(0), Vec::new());
        while let Some(event) = events.next().await.unwrap() {
            if let Event::CancelRequested { by } = &event.record.event {
                asked.push(by.clone());
            }
        }
        assert_eq!(asked, ["operator"]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bounds_on_attempts_are_reached_and_held() {
    for (places, concurrency, most) in [(64, 5, 5), (3, 16, 3)] {
        let store = Arc::new(MemoryStore::default());
        let process = Process::on(store, "a", Arc::default(), ManualClock::at(1_000), |config| {
            config.max_attempts = places;
        });
        let flow = graph(
            &format!(
                "  m: {{ map: \"${{[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16]}}\", max: 16, \
                 concurrency: {concurrency}, as: x, \
                 do: {{ a: {{ type: once, with: {{ v: \"${{x}}\", act: wait }} }} }}, \
                 out: \"${{a}}\" }}\n"
            ),
            "\"${m}\"",
        );
        let handle = process.start(&flow).await;
        // Nobody is let go before the bound is reached, so reaching it is no accident.
        while process.ledger.now.load(Ordering::SeqCst) < most {
            tokio::task::yield_now().await;
        }
        while handle.ended().is_none() {
            process.ledger.open.notify_one();
            tokio::task::yield_now().await;
        }
        assert_eq!(output(&handle.outcome().await), &Value::list((1..=16).map(Value::from)));
        assert_eq!(process.ledger.most.load(Ordering::SeqCst), most);
    }
}

#[tokio::test]
async fn too_many_runs_are_refused() {
    let store = Arc::new(MemoryStore::default());
    let one = |config: &mut cleargate_executor::ExecutorConfig| config.max_runs = 1;
    let process = Process::on(store, "a", Arc::default(), ManualClock::at(1_000), one);
    let flow = graph("  a: { type: read, with: { act: hang } }\n", "\"${a}\"");
    let _first = process.start(&flow).await;
    let refused = process.executor.start(flow, process.catalog(), StartRun::default()).await;
    assert_eq!(refused.err(), Some(StartError::TooManyRuns(1)));
}

#[tokio::test]
async fn a_key_means_one_run() {
    let process = Process::new();
    let flow = graph("  a: { type: once, with: { v: 1 } }\n", "\"${a}\"");
    let start = StartRun { idempotency_key: Some("k".into()), ..StartRun::default() };
    let mut ids = Vec::new();
    for _ in 0..3 {
        let handle =
            process.executor.start(flow.clone(), process.catalog(), start.clone()).await.unwrap();
        assert_eq!(output(&handle.outcome().await), &Value::Int(1));
        ids.push(handle.id().clone());
    }
    assert!(ids.iter().all(|id| *id == ids[0]));
    assert_eq!(process.ledger.keys()["a"].len(), 1);

    let other = StartRun { input: Value::record([("n", Value::Int(2))]), ..start };
    let refused = process.executor.start(flow, process.catalog(), other).await.err();
    let Some(StartError::OtherInput { key, run }) = refused else { panic!("{refused:?}") };
    assert_eq!((key.as_str(), run), ("k", ids[0].clone()));
}

#[tokio::test]
async fn a_parked_run_goes_on_elsewhere_at_once() {
    let store = Arc::new(MemoryStore::default());
    let clock = ManualClock::at(1_000);
    let first = Process::on(store.clone(), "a", Arc::default(), clock.clone(), |_| {});
    let flow = graph(
        "  a: { type: once, with: { v: 1 } }\n  b: { type: read, with: { v: \"${a}\", act: wait } }\n",
        "\"${b}\"",
    );
    let handle = first.start(&flow).await;
    first.ledger.began.notified().await;
    first.ledger.began.notified().await;
    first.executor.shutdown(Duration::ZERO).await;
    assert_eq!(handle.outcome().await, End::Parked);
    let refused = first.executor.start(flow.clone(), first.catalog(), StartRun::default()).await;
    assert_eq!(refused.err(), Some(StartError::Stopping));
    let second = Process::on(store, "b", first.ledger.clone(), clock, |_| {});
    let found = second.executor.recover().await.unwrap();
    assert_eq!(found.len(), 1);
    let handle = second.resume(&found[0].run, &flow).await.unwrap();
    second.ledger.open.notify_one();
    assert_eq!(output(&handle.outcome().await), &Value::Int(1));
    assert_eq!(second.ledger.keys()["a"].len(), 1, "what was stored is not done again");
}

#[tokio::test]
async fn a_run_keeps_its_version() {
    let store = Arc::new(MemoryStore::default());
    let process = Process::on(store.clone(), "a", Arc::default(), ManualClock::at(0), |_| {});
    let old = graph("  a: { type: pure, with: { v: 1 } }\n", "\"${a}\"");
    let new = graph("  a: { type: pure, with: { v: 2 } }\n", "\"${a}\"");
    let handle = process.start(&old).await;
    handle.outcome().await;
    let refused = process.resume(handle.id(), &new).await.err();
    assert!(matches!(refused, Some(StartError::OtherVersion { .. })), "{refused:?}");
    assert_eq!(store.run(handle.id()).await.unwrap().unwrap().last_seq, 2);
}
