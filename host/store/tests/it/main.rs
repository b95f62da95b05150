//! The store that lasts, held to its promises from outside: against the memory store, against other
//! writers, against the end of the process, and against damage.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says where and ends")]

mod crowd;
mod damage;
mod differential;
mod fencing;
mod kill;
mod opening;
mod retention;
mod space;

use std::path::Path;

use cleargate_flow::{Event, FlowHash, Record, RunId, Value};
use cleargate_store::sqlite::Class;
use cleargate_store::{Durability, Lease, NewRun, SqliteConfig, SqliteStore, Store};

/// `usual`, or `soak` when somebody has asked for the slow proof: `make soak`.
#[expect(clippy::disallowed_methods, reason = "who runs the tests says how long they may take")]
fn soaked<T>(usual: T, soak: T) -> T {
    if std::env::var_os("CLEARGATE_SOAK").is_some() { soak } else { usual }
}

/// The store at `path`, created when it is missing.
fn open(path: &Path) -> SqliteStore {
    SqliteStore::open(path, &SqliteConfig::new(Class::ProcessSafe)).expect("a store opens")
}

fn id(run: &str) -> RunId {
    run.parse().expect("an id")
}

fn new_run(run: &str, key: Option<&str>) -> NewRun {
    let (flow, hash) = ("f".parse().expect("an id"), FlowHash::of(b"f"));
    let input = Value::record([("name", "Ada".into())]);
    let first = Event::RunStarted { flow, hash: hash.clone(), input, parent: None, v: 1 };
    NewRun {
        id: id(run),
        flow: "f".parse().expect("an id"),
        hash,
        idempotency_key: key.map(Into::into),
        parent: None,
        origin: None,
        created_at: 1,
        first: vec![Record { seq: 0, at: 1, event: first }],
    }
}

/// A record that follows from its position, with a payload that is large for every third one.
fn call(seq: u64) -> Record {
    let size = if seq.is_multiple_of(3) { 6000 } else { 20 };
    let event = Event::CallFinished {
        address: "node".parse().expect("an address"),
        attempt: 1,
        within: Vec::new(),
        call: 0,
        request: None,
        digest: format!("digest of {seq}"),
        outcome: Ok(format!("{seq} {}", "x".repeat(size)).into()),
    };
    Record { seq, at: 2, event }
}

/// Creates a run and takes it until 10.
async fn held(store: &dyn Store, run: &str) -> Lease {
    store.create_run(new_run(run, None)).await.expect("a run is created");
    store.acquire(&id(run), "test", 0, 10).await.expect("a new run is free")
}

/// Creates a run with `count` records after the first.
async fn filled(store: &dyn Store, run: &str, count: u64) -> Lease {
    let lease = held(store, run).await;
    let records = (1..=count).map(call).collect();
    store.append(&lease, records, Durability::Sync).await.expect("records are appended");
    lease
}
