//! What a flow asks to be stored before it goes on, and what a crash costs it.

use std::sync::Arc;

use cleargate_executor::{End, ManualClock, testing};
use cleargate_flow::{Graph, Outcome, Value};
use cleargate_store::{Durability, MemoryStore, Store};

use crate::world::{Mortal, Process, TYPES};

/// Steps one after the other, of which the last has the effect `last`.
fn flow(durability: &str, last: &str) -> Arc<Graph> {
    let steps: String = (1..40)
        .map(|n| format!("  n{n}: {{ type: read, with: {{ v: \"${{n{}}}\" }} }}\n", n - 1))
        .collect();
    let text = format!(
        "cleargate: 1\nflow: test\n{durability}\noutput: {{ out: \"${{last}}\" }}\nnodes:\n  \
         n0: {{ type: read, with: {{ v: 7 }} }}\n{steps}  \
         last: {{ type: {last}, with: {{ v: \"${{n39}}\" }} }}\n"
    );
    testing::graph(&text, &TYPES)
}

async fn asked(flow: &Arc<Graph>) -> Vec<Durability> {
    let store = Mortal::new(Arc::new(MemoryStore::default()), usize::MAX, false);
    let process = Process::on(store.clone(), "a", Arc::default(), ManualClock::at(1_000), |_| {});
    let handle = process.start(flow).await;
    assert_eq!(handle.outcome().await, End::Finished(seven()));
    let journal = store.whole_journal(handle.id()).await.unwrap();
    assert!(journal.iter().enumerate().all(|(at, record)| record.seq == at as u64));
    assert!(journal.len() > 41, "every step is on record: {}", journal.len());
    store.asked.lock().unwrap().clone()
}

fn seven() -> Outcome {
    Outcome::Succeeded { output: Value::record([("out", Value::Int(7))]) }
}

#[tokio::test]
async fn a_flow_says_what_is_stored_before_it_goes_on() {
    let sync = |all: &[Durability]| all.iter().filter(|d| **d == Durability::Sync).count();
    let usual = asked(&flow("", "once")).await;
    assert!(usual.len() > 40 && sync(&usual) >= 2, "{usual:?}");
    let batched = asked(&flow("durability: batched", "once")).await;
    assert!(batched.len() > 40 && sync(&batched) == 0, "{batched:?}");
    let none = asked(&flow("durability: none", "read")).await;
    assert_eq!(none.len(), 1, "all at the end");
}

#[tokio::test]
async fn a_run_that_stored_nothing_begins_anew_and_ends_as_it_would_have() {
    let (store, flow) = (Arc::new(MemoryStore::default()), flow("durability: none", "read"));
    let ledger = Arc::default();
    let mortal = Mortal::new(store.clone(), 0, false);
    let clock = ManualClock::at(1_000);
    let process = Process::on(mortal, "a", Arc::clone(&ledger), clock.clone(), |_| {});
    let handle = process.start(&flow).await;
    assert!(matches!(handle.outcome().await, End::Broken(_)));
    assert_eq!(store.whole_journal(handle.id()).await.unwrap().len(), 1, "it was started");
    let done = ledger.done.lock().unwrap().len();
    assert_eq!(done, 41, "all steps were performed, and none was stored");
    clock.advance(60_000);
    let other = Process::on(store, "b", Arc::clone(&ledger), clock, |_| {});
    let handle = other.resume(handle.id(), &flow).await.unwrap();
    assert_eq!(handle.outcome().await, End::Finished(seven()));
    assert_eq!(ledger.done.lock().unwrap().len(), 2 * done);
}
