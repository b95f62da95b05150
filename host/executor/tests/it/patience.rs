//! What a run waits for: a store that is full or locked, and the end of a node that takes longer than a lease.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use cleargate_executor::limits::MAX_MAIL_KIB;
use cleargate_executor::{End, ManualClock, StartError};
use cleargate_flow::{Outcome, Value};
use cleargate_store::{KvSpace, MemoryStore, Store, StoreError};

use crate::world::{Mortal, Process, graph};

const ONE: &str = "  a: { type: once, with: { v: 1 } }\n";

/// Lets everything happen that can happen without time.
async fn settle() {
    for _ in 0..200 {
        tokio::task::yield_now().await;
    }
}

fn succeeded(end: &End) -> bool {
    matches!(end, End::Finished(Outcome::Succeeded { .. }))
}

fn on(store: Arc<dyn Store>, owner: &str, clock: &ManualClock) -> Process {
    Process::on(store, owner, Arc::default(), clock.clone(), |_| {})
}

#[tokio::test]
async fn a_full_or_locked_store_is_asked_again_after_growing_pauses() {
    let (store, clock) = (Arc::new(MemoryStore::default()), ManualClock::at(1_000));
    let grudges = (0..9)
        .map(|n| if n % 2 == 0 { StoreError::Full { limit: None } } else { StoreError::Locked });
    let store = Mortal::grudging(store, grudges);
    let process = Process::on(store, "a", Arc::default(), clock.clone(), |config| {
        // The keeper of leases sleeps by the same clock: it is not to wake in between.
        config.lease_ttl = Duration::from_hours(1);
    });
    let handle = process.start(&graph(ONE, "\"${a}\"")).await;
    let mut pauses = Vec::new();
    loop {
        settle().await;
        if handle.ended().is_some() {
            break;
        }
        assert!(process.ledger.keys().is_empty(), "performed before its intent was stored");
        let why = process.executor.hold_up().expect("somebody who waits wants to know for what");
        assert!(why.contains("the store"), "{why}");
        let pause = clock.next_wake().expect("a run that has not ended waits for something");
        pauses.push(pause);
        clock.advance(pause);
    }
    assert_eq!(pauses, [50, 100, 200, 400, 800, 1_600, 2_000, 2_000, 2_000]);
    assert_eq!(process.executor.hold_up(), None);
    let end = handle.outcome().await;
    assert!(succeeded(&end), "{end:?}");
    assert_eq!(process.ledger.keys()["a"].len(), 1);
}

#[tokio::test]
async fn a_run_that_waits_for_space_can_be_parked_and_goes_on_elsewhere() {
    let (store, clock) = (Arc::new(MemoryStore::default()), ManualClock::at(1_000));
    let full =
        Mortal::grudging(store.clone(), std::iter::repeat_n(StoreError::Full { limit: None }, 100));
    let first = on(full, "a", &clock);
    let flow = graph(ONE, "\"${a}\"");
    let handle = first.start(&flow).await;
    settle().await;
    let shutdown = first.executor.shutdown(Duration::ZERO);
    let (end, ()) = tokio::join!(
        async {
            settle().await;
            clock.advance(50);
            handle.outcome().await
        },
        shutdown
    );
    assert_eq!(end, End::Parked);
    let second = on(store, "b", &clock);
    let end = second.resume(handle.id(), &flow).await.unwrap().outcome().await;
    assert!(succeeded(&end), "{end:?}");
    assert!(first.ledger.keys().is_empty());
}

#[tokio::test]
async fn an_error_that_does_not_pass_ends_the_run_here_with_its_reason() {
    let (store, clock) = (Arc::new(MemoryStore::default()), ManualClock::at(1_000));
    let failed = StoreError::Io { reason: "the sync failed".into() };
    let process = on(Mortal::grudging(store, [failed.clone()]), "a", &clock);
    let handle = process.start(&graph(ONE, "\"${a}\"")).await;
    assert_eq!(handle.outcome().await, End::Broken(failed.to_string()));
    assert!(process.ledger.keys().is_empty(), "performed before its intent was stored");
}

#[tokio::test]
async fn a_run_that_takes_longer_than_its_lease_keeps_it() {
    const LEASE_MS: u64 = 15_000;
    let (store, clock) = (Arc::new(MemoryStore::default()), ManualClock::at(1_000));
    let first = on(store.clone(), "a", &clock);
    let flow = graph("  a: { type: read, with: { v: 1, act: wait } }\n", "\"${a}\"");
    let handle = first.start(&flow).await;
    first.ledger.began.notified().await;
    let second = on(store.clone(), "b", &clock);
    let fence = store.run(handle.id()).await.unwrap().unwrap().fence;
    for _ in 0..20 {
        clock.advance(LEASE_MS / 3);
        settle().await;
        assert!(second.executor.recover().await.unwrap().is_empty());
        let refused = second.resume(handle.id(), &flow).await.err();
        assert!(matches!(refused, Some(StartError::Held { .. })), "{refused:?}");
    }
    first.ledger.open.notify_one();
    let end = handle.outcome().await;
    assert_eq!(
        end,
        End::Finished(Outcome::Succeeded { output: Value::record([("out", 1.into())]) })
    );
    assert_eq!(store.run(handle.id()).await.unwrap().unwrap().fence, fence);
}

#[tokio::test]
async fn what_waits_for_a_full_store_does_not_fill_the_memory() {
    const READS: usize = 100;
    let (memory, clock) = (Arc::new(MemoryStore::default()), ManualClock::at(1_000));
    let big = vec![b'x'; 1 << 20];
    memory.kv_set(KvSpace::new("default", "s"), "big", big).await.unwrap();
    let full = std::iter::repeat_n(StoreError::Full { limit: None }, 20);
    let process = on(Mortal::grudging(memory.clone(), full), "a", &clock);
    let node = format!("{{ type: read, with: {{ act: read, v: {READS} }} }}");
    let flow = graph(&format!("  a: {node}\n  b: {node}\n"), "\"${[a, b]}\"");
    let handle = process.start(&flow).await;
    let read = || process.ledger.sent.load(Ordering::SeqCst);
    for _ in 0..10 {
        settle().await;
        clock.advance(100);
    }
    assert!(process.executor.hold_up().is_some(), "the store was not full");
    let most = MAX_MAIL_KIB as usize / 1024;
    assert!((2..=most).contains(&read()), "{} MiB were read meanwhile", read());
    while handle.ended().is_none() {
        settle().await;
        clock.advance(2_000);
    }
    assert!(succeeded(&handle.outcome().await));
    assert_eq!(read(), 2 * READS);
}
