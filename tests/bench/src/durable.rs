//! What durability costs: steps in a file on disk beside bare commits of one row in the same folder.
//!
//! Ours and the bare commit take turns, so that both meet the same disk.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use cleargate_flow::{Event, FlowHash, Record, RunId, Usage, Value};
use cleargate_store::sqlite::Class;
use cleargate_store::{Durability, Lease, NewRun, SqliteConfig, SqliteStore, Store};
use rusqlite::Connection;

use crate::figure::{Budget, Figure, Goal, Samples, Turns, micros};
use crate::wanted::Wanted;
use crate::world::{chain, executor, graph, run};

/// Commits that are measured.
const COMMITS: usize = 5_000;

/// Runs at the same time, the nodes of each, and how often.
const RUNS: usize = 64;
const STEPS: usize = 40;
const ROUNDS: usize = 8;

/// Milliseconds that the lease of a bench lasts: longer than the bench.
const LEASE_MS: u64 = 600_000;

pub(crate) async fn figures(wanted: &Wanted) -> Vec<Figure> {
    let mut figures = Vec::new();
    for (id, class) in [("P4", Class::ProcessSafe), ("P5", Class::PowerSafe)] {
        if wanted.has(id) {
            figures.push(steps(class).await);
        }
    }
    if wanted.has("P6") {
        figures.push(runs().await);
    }
    if wanted.has("P7") {
        for (nodes, payload) in [(100, 64), (1_000, 64), (1_000, 1_024)] {
            figures.push(bytes(nodes, payload).await);
        }
    }
    figures
}

pub(crate) fn open(folder: &Path, class: Class) -> Arc<SqliteStore> {
    Arc::new(SqliteStore::open(folder.join("journal.db"), &SqliteConfig::new(class)).unwrap())
}

/// A connection with one table, set as the store sets its own.
pub(crate) fn bare(folder: &Path, class: Class) -> Connection {
    let db = Connection::open(folder.join("bare.db")).unwrap();
    let synchronous = match class {
        Class::ProcessSafe => "NORMAL",
        Class::PowerSafe => "FULL",
    };
    db.pragma_update(None, "journal_mode", "WAL").unwrap();
    db.pragma_update(None, "synchronous", synchronous).unwrap();
    db.execute_batch("CREATE TABLE row (id INTEGER PRIMARY KEY, body BLOB NOT NULL)").unwrap();
    db
}

/// Adds rows in one transaction.
pub(crate) fn commit(db: &Connection, rows: usize, body: &[u8]) {
    let transaction = db.unchecked_transaction().unwrap();
    let mut insert = db.prepare_cached("INSERT INTO row (body) VALUES (?1)").unwrap();
    for _ in 0..rows {
        insert.execute([body]).unwrap();
    }
    transaction.commit().unwrap();
}

fn record(seq: u64, event: Event) -> Record {
    Record { seq, at: 0, event }
}

fn step(seq: u64) -> Record {
    let event = Event::AttemptSucceeded {
        address: "step".parse().unwrap(),
        attempt: 1,
        output: Value::Int(1),
        usage: Usage::default(),
    };
    record(seq, event)
}

async fn leased(store: &dyn Store) -> Lease {
    let id: RunId = "bench".parse().unwrap();
    let (flow, hash) = ("bench".parse().unwrap(), FlowHash::of(b"bench"));
    let new = NewRun {
        id: id.clone(),
        flow,
        hash,
        idempotency_key: None,
        parent: None,
        origin: None,
        created_at: 0,
        first: vec![step(0)],
    };
    store.create_run(new).await.unwrap();
    store.acquire(&id, "bench", 0, LEASE_MS).await.unwrap()
}

/// Steps one after another, each acknowledged before the next begins.
async fn steps(class: Class) -> Figure {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path(), class);
    let lease = leased(&*store).await;
    let db = bare(folder.path(), class);
    let body = serde_json::to_vec(&step(1)).unwrap();
    let (mut turns, mut budget) = (Turns::default(), Budget::of(COMMITS));
    let mut seq = 1;
    while budget.more() {
        let started = Instant::now();
        store.append(&lease, vec![step(seq)], Durability::Sync).await.unwrap();
        let ours = micros(started);
        let started = Instant::now();
        commit(&db, 1, &body);
        turns.add(ours, micros(started));
        seq += 1;
    }
    let (id, what, goal) = match class {
        Class::ProcessSafe => ("P4", "a durable step that survives `kill -9`", Goal::Times(3.0)),
        Class::PowerSafe => ("P5", "a durable step that survives a power cut", Goal::Times(1.3)),
    };
    let bare = "a bare SQLite commit of one row in the same folder";
    turns.figure(id, what.into(), "µs/step", goal, bare)
}

/// Many runs at once: their steps share commits.
async fn runs() -> Figure {
    let folder = tempfile::tempdir().unwrap();
    let executor = executor(open(folder.path(), Class::PowerSafe));
    let graph = graph(&chain("once", STEPS));
    let db = bare(folder.path(), Class::PowerSafe);
    let body = serde_json::to_vec(&step(1)).unwrap();
    let (mut turns, mut budget) = (Turns::default(), Budget::of(ROUNDS));
    while budget.more() {
        let started = Instant::now();
        let runs: Vec<_> = (0..RUNS)
            .map(|_| {
                let (executor, graph) = (executor.clone(), graph.clone());
                tokio::spawn(async move { run(&executor, &graph, Value::empty()).await })
            })
            .collect();
        for run in runs {
            run.await.unwrap();
        }
        let ours = (RUNS * STEPS) as f64 / started.elapsed().as_secs_f64();
        let started = Instant::now();
        for _ in 0..STEPS {
            // A step is two records: that it begins, and what came of it.
            commit(&db, 2 * RUNS, &body);
        }
        turns.add(ours, (RUNS * STEPS) as f64 / started.elapsed().as_secs_f64());
    }
    let what = format!("steps of {RUNS} concurrent runs that survive a power cut");
    let bare = "bare SQLite commits of 128 rows: 64 steps of two records";
    turns.figure("P6", what, "steps/s", Goal::Least(5_000.0), bare)
}

/// Bytes of the file for each node, without the payload. A payload above a page would be kept once for all
/// nodes that give it, so smaller ones are measured.
async fn bytes(nodes: usize, payload: usize) -> Figure {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal.db");
    drop(open(folder.path(), Class::ProcessSafe));
    let empty = std::fs::metadata(&path).unwrap().len();
    let text = chain("once", nodes).replace("v: 1 }", &format!("v: {} }}", "x".repeat(payload)));
    let graph = graph(&text);
    let store = open(folder.path(), Class::ProcessSafe);
    let executor = executor(store.clone());
    run(&executor, &graph, Value::empty()).await;
    executor.shutdown(std::time::Duration::ZERO).await;
    drop(executor);
    // The last owner folds the log into the file; tasks that just ended may still hold the store.
    let mut store = store;
    let mut budget = Budget::of(usize::MAX);
    while Arc::get_mut(&mut store).is_none() {
        assert!(budget.more(), "somebody keeps the store");
        tokio::task::yield_now().await;
    }
    drop(store);
    let full = std::fs::metadata(&path).unwrap().len();
    // Each node's value, and once more as the output of the run.
    let payloads = (nodes + 1) * payload;
    let per_node = ((full - empty) as f64 - payloads as f64) / nodes as f64;
    Figure {
        id: "P7",
        what: format!("bytes of the file per node beside its {payload} bytes, {nodes} nodes"),
        unit: "B/node",
        samples: Samples::one(per_node),
        limit: None,
        goal: Goal::Most(300.0),
    }
}
