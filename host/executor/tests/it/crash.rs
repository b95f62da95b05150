//! The process ends at each append, and another one goes on: same outcome, and the world was not harmed.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use cleargate_executor::{End, ManualClock, StartError};
use cleargate_flow::{ErrorCode, Event, Graph, Outcome};
use cleargate_store::{MemoryStore, Store};

use crate::world::{Ledger, Mortal, Process, graph};

const LEASE_MS: u64 = 15_000;

/// Starts, dies at append `k`, resumes on the same store. Gives the end and whether it died at all.
pub(crate) async fn die_and_resume(
    flow: &Arc<Graph>,
    k: usize,
    lands: bool,
) -> (End, Arc<Ledger>, Arc<MemoryStore>, bool) {
    let (store, clock) = (Arc::new(MemoryStore::default()), ManualClock::at(1_000));
    let mortal = Mortal::new(store.clone(), k, lands);
    let first = Process::on(mortal.clone(), "a", Arc::default(), clock.clone(), |_| {});
    let handle = first.start(flow).await;
    let end = handle.outcome().await;
    if !mortal.died.load(Ordering::SeqCst) {
        return (end, first.ledger.clone(), store, false);
    }
    assert!(matches!(end, End::Broken(_)), "a dead store was taken for something else: {end:?}");
    let second = Process::on(store.clone(), "b", first.ledger.clone(), clock.clone(), |_| {});
    let row = store.run(handle.id()).await.unwrap().unwrap();
    if !row.status.is_finished() {
        let held = second.resume(handle.id(), flow).await.err();
        assert!(matches!(held, Some(StartError::Held { .. })), "{held:?}");
        assert!(second.executor.recover().await.unwrap().is_empty());
        clock.advance(LEASE_MS + 1);
        assert_eq!(second.executor.recover().await.unwrap().len(), 1);
    }
    let handle = second.resume(handle.id(), flow).await.unwrap();
    (handle.outcome().await, second.ledger.clone(), store, true)
}

pub(crate) async fn assert_sound(store: &MemoryStore) {
    let run = "run-1".parse().unwrap();
    let journal = store.whole_journal(&run).await.unwrap();
    let mut answered = std::collections::BTreeSet::new();
    for (seq, record) in journal.iter().enumerate() {
        assert_eq!(record.seq, seq as u64, "the journal has a gap");
        if let Event::AttemptSucceeded { address, .. } = &record.event {
            assert!(answered.insert(address.to_string()), "{address} has two results");
        }
    }
    assert!(matches!(journal.last().unwrap().event, Event::RunFinished { .. }));
}

#[tokio::test]
async fn du_01_a_run_that_dies_at_any_append_has_the_same_outcome() {
    let flow = graph(
        "  a: { type: pure, with: { v: 1 } }\n\
         \x20 b: { type: read, with: { v: \"${a + 1}\" } }\n\
         \x20 m: { map: \"${[b, 20, 30]}\", max: 3, concurrency: 2, as: x, \
              do: { i: { type: idem, with: { v: \"${x}\", act: yield } } }, out: \"${i}\" }\n\
         \x20 z: { type: idem, with: { v: \"${m}\" } }\n",
        "\"${z}\"",
    );
    let (expected, ..) = die_and_resume(&flow, usize::MAX, false).await;
    assert!(matches!(expected, End::Finished(Outcome::Succeeded { .. })), "{expected:?}");
    for lands in [false, true] {
        let mut deaths = 0;
        loop {
            let (end, ledger, store, died) = die_and_resume(&flow, deaths, lands).await;
            assert_eq!(end, expected, "death at append {deaths}, lands: {lands}");
            assert_sound(&store).await;
            for (address, keys) in ledger.keys() {
                assert!(keys.len() <= 2, "{address} was performed {} times", keys.len());
                assert!(keys.iter().all(|key| *key == keys[0]), "{address} changed its key");
            }
            if !died {
                break;
            }
            deaths += 1;
        }
        // Five steps need the one before: a, b, two waves of the map, z. Each has an append of its own.
        assert!(deaths >= 5, "only {deaths} appends were tried");
    }
}

#[tokio::test]
async fn du_17_an_effect_that_must_not_be_repeated_never_is() {
    let flow = graph(
        "  a: { type: once, with: { v: 1 } }\n  b: { type: once, with: { v: \"${a}\" } }\n",
        "\"${b}\"",
    );
    for lands in [false, true] {
        let (mut k, mut unknown, mut whole) = (0, 0, 0);
        loop {
            let (end, ledger, store, died) = die_and_resume(&flow, k, lands).await;
            assert_sound(&store).await;
            for (address, keys) in ledger.keys() {
                assert_eq!(keys.len(), 1, "{address} was performed twice, death at append {k}");
            }
            match end {
                End::Finished(Outcome::Succeeded { .. }) => whole += 1,
                End::Finished(Outcome::Failed { error, .. }) => {
                    assert_eq!(error.code, ErrorCode::UnknownOutcome);
                    unknown += 1;
                }
                other => panic!("{other:?}"),
            }
            if !died {
                break;
            }
            k += 1;
        }
        assert!(unknown > 0 && whole > 1, "{unknown} unknown, {whole} whole of {k}");
    }
}

#[tokio::test]
async fn du_17_host_calls_of_a_cut_off_attempt_are_answered_from_the_record() {
    let flow = graph("  a: { type: idem, with: { v: 1, act: call } }\n", "\"${a}\"");
    for lands in [false, true] {
        let (mut k, mut repeated, mut unknown) = (0, 0, 0);
        loop {
            let (end, ledger, store, died) = die_and_resume(&flow, k, lands).await;
            assert_sound(&store).await;
            let sent = ledger.sent.load(Ordering::SeqCst);
            assert!(sent <= 1, "the POST left {sent} times, death at append {k}");
            match end {
                End::Finished(Outcome::Succeeded { .. }) => {
                    assert_eq!(sent, 1, "a success without its effect, death at append {k}");
                    repeated += usize::from(ledger.keys()["a"].len() == 2);
                }
                End::Finished(Outcome::Failed { error, .. }) => {
                    assert_eq!(error.code, ErrorCode::UnknownOutcome, "{error}");
                    unknown += 1;
                }
                other => panic!("{other:?}"),
            }
            if !died {
                break;
            }
            k += 1;
        }
        assert!(repeated > 0 && unknown > 0, "{repeated} repeated, {unknown} unknown of {k}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn du_09_of_many_processes_that_resume_a_run_one_wins() {
    let processes = crate::soaked(16, 64);
    let flow = graph("  a: { type: once, with: { v: 1, act: yield } }\n", "\"${a}\"");
    let mut refused = 0;
    for round in 0..crate::soaked(150, 1_000) {
        let (store, clock) = (Arc::new(MemoryStore::default()), ManualClock::at(1_000));
        let mortal = Mortal::new(store.clone(), 0, false);
        let dead = Process::on(mortal, "dead", Arc::default(), clock.clone(), |_| {});
        let handle = dead.start(&flow).await;
        let run = handle.id().clone();
        assert!(matches!(handle.outcome().await, End::Broken(_)));
        clock.advance(LEASE_MS + 1);
        let ledger: Arc<Ledger> = Arc::default();
        let barrier = Arc::new(tokio::sync::Barrier::new(processes));
        let mut racing = tokio::task::JoinSet::new();
        for number in 0..processes {
            let owner = format!("p{number}");
            let process = Process::on(store.clone(), &owner, ledger.clone(), clock.clone(), |_| {});
            let (flow, run, barrier) = (flow.clone(), run.clone(), barrier.clone());
            racing.spawn(async move {
                barrier.wait().await;
                match process.resume(&run, &flow).await {
                    Ok(handle) => Ok(handle.outcome().await),
                    Err(error) => Err(error),
                }
            });
        }
        let mut ended = 0;
        for result in racing.join_all().await {
            match result {
                Ok(End::Finished(Outcome::Succeeded { .. })) => ended += 1,
                Err(StartError::Held { .. }) => refused += 1,
                other => panic!("round {round}: {other:?}"),
            }
        }
        assert!(ended >= 1, "nobody drove the run in round {round}");
        assert_eq!(ledger.keys()["a"].len(), 1, "performed twice in round {round}");
        assert_sound(&store).await;
    }
    assert!(refused > 0, "no two processes ever met");
}

#[tokio::test]
async fn a_writer_that_lost_its_run_stops_and_stores_nothing() {
    let (store, clock) = (Arc::new(MemoryStore::default()), ManualClock::at(1_000));
    let first = Process::on(store.clone(), "a", Arc::default(), clock.clone(), |_| {});
    let flow = graph("  a: { type: read, with: { v: 1, act: wait } }\n", "\"${a}\"");
    let slow = first.start(&flow).await;
    first.ledger.began.notified().await;
    // Taken over behind its back, as after a long stall of the first process.
    store.acquire(slow.id(), "b", 1_000 + 2 * LEASE_MS as i64, LEASE_MS).await.unwrap();
    first.ledger.open.notify_one();
    assert_eq!(slow.outcome().await, End::Lost);
    assert_eq!(store.whole_journal(slow.id()).await.unwrap().len(), 1);
}
