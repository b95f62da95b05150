//! What grows: wide maps, long loops, long journals, many runs that wait, many runs that end.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use cleargate_executor::testing::OneNode;
use cleargate_executor::{End, Executor};
use cleargate_flow::{Graph, RunId, Value};
use cleargate_store::sqlite::Class;
use cleargate_store::{Store, StoreError};

use crate::durable::{bare, commit, open};
use crate::figure::{Budget, Figure, Goal, Samples, Turns, micros};
use crate::memory::TASK;
use crate::process;
use crate::wanted::Wanted;
use crate::world::{
    Trivial, chain, executor, fan, graph, looped, map, parking, run, start, waiting,
};

/// Nodes beside each other, items, iterations.
const WIDE: usize = 1_000;
const MANY: usize = 10_000;

/// Steps of the run that is resumed: two records each.
const STEPS: usize = 5_000;

/// Runs that wait.
const WAITING: usize = 10_000;

/// Runs that are started together, and how often.
const TOGETHER: usize = 64;
const ROUNDS: usize = 30;

pub(crate) async fn figures(wanted: &Wanted) -> Vec<Figure> {
    let mut figures = Vec::new();
    if wanted.has("E1") {
        figures.extend(wide().await);
    }
    if wanted.has("E2") {
        figures.push(resumed().await);
    }
    if wanted.has("E3") {
        figures.extend(waits().await);
    }
    if wanted.has("E4") {
        for class in [Class::ProcessSafe, Class::PowerSafe] {
            figures.push(ended(class).await);
        }
    }
    figures
}

async fn wide() -> Vec<Figure> {
    let items = Value::list((0..MANY).map(|at| Value::Int(at as i64)));
    let input = Value::record([("items", items)]);
    let mut figures = Vec::new();
    for (what, text, input, nodes) in [
        (format!("fan-out of {WIDE} and join"), fan(WIDE), Value::empty(), WIDE + 1),
        (format!("map over {MANY} items, 64 at the same time"), map(MANY), input, MANY),
        (format!("loop of {MANY} iterations of one node"), looped(MANY), Value::empty(), MANY),
    ] {
        let turns = crate::memory::runs(&graph(&text), input, nodes, 20, &TASK).await;
        figures.push(turns.figure("E1", what, "µs/node", Goal::Most(4.0), TASK.what));
    }
    figures
}

/// A run with a long journal that another process goes on with.
async fn resumed() -> Figure {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path(), Class::ProcessSafe);
    let graph = graph(&parking(STEPS));
    let first = executor(store.clone());
    let handle = start(&first, &graph, Value::empty()).await;
    let id = handle.id().clone();
    let records = until_it_waits(&*store, &id).await;
    first.shutdown(Duration::ZERO).await;
    let (mut turns, mut budget) = (Turns::default(), Budget::of(20));
    while budget.more() {
        let next = executor(store.clone());
        let started = Instant::now();
        let handle = resume(&next, &id, &graph).await;
        let ours = micros(started) / 1000.0;
        let started = Instant::now();
        std::hint::black_box(store.whole_journal(&id).await.unwrap());
        turns.add(ours, micros(started) / 1000.0);
        next.shutdown(Duration::ZERO).await;
        assert!(matches!(handle.outcome().await, End::Parked));
    }
    let what = format!("a run of {records} records is taken over and goes on");
    turns.figure("E2", what, "ms", Goal::Times(3.0), "reading its records from the store")
}

async fn resume(
    executor: &Executor,
    id: &RunId,
    graph: &Arc<Graph>,
) -> cleargate_executor::RunHandle {
    let catalog = Arc::new(OneNode::new(Arc::new(Trivial)));
    executor.resume(id, graph.clone(), catalog).await.unwrap()
}

/// Records of a run once all of its steps but the last have answered.
async fn until_it_waits(store: &dyn Store, id: &RunId) -> usize {
    let mut last = 0;
    loop {
        tokio::time::sleep(Duration::from_millis(100)).await;
        let records = store.whole_journal(id).await.unwrap().len();
        if records == last && records > STEPS {
            return records;
        }
        last = records;
    }
}

/// Runs that do nothing but wait, and a process that starts over them.
async fn waits() -> Vec<Figure> {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path(), Class::ProcessSafe);
    let path = folder.path().join("journal.db");
    let empty = std::fs::metadata(&path).unwrap().len();
    let first = waiting(store.clone());
    let graph = graph(crate::world::WAITS);
    for _ in 0..WAITING / TOGETHER + 1 {
        let mut handles = Vec::new();
        for _ in 0..TOGETHER {
            handles.push(start(&first, &graph, Value::empty()).await);
        }
        for handle in handles {
            assert!(matches!(handle.outcome().await, End::Waiting));
        }
    }
    let before = process::resident();
    first.shutdown(Duration::ZERO).await;
    drop((first, store));
    let (mut turns, mut budget) = (Turns::default(), Budget::of(50));
    while budget.more() {
        let started = Instant::now();
        let (due, left) = restart(folder.path()).await.unwrap();
        let ours = micros(started) / 1000.0;
        assert_eq!((due, left), (0, 0), "nobody has anything to do");
        let other = tempfile::tempdir().unwrap();
        drop(open(other.path(), Class::ProcessSafe));
        let started = Instant::now();
        restart(other.path()).await.unwrap();
        turns.add(ours, micros(started) / 1000.0);
    }
    let file = std::fs::metadata(&path).unwrap().len();
    let each = (file - empty) as f64 / (WAITING / TOGETHER * TOGETHER + TOGETHER) as f64;
    let store = open(folder.path(), Class::ProcessSafe);
    let after = process::resident();
    drop(store);
    let counted = |what: String, unit, value| Figure {
        id: "E3",
        what,
        unit,
        samples: Samples::one(value),
        limit: None,
        goal: Goal::None,
    };
    let what =
        format!("a process starts over {WAITING} runs that wait, and knows that none is due");
    let none = "the same over a store without runs";
    let mut figures = vec![
        turns.figure("E3", what, "ms", Goal::Times(2.0), none),
        counted("bytes of the file for a run that waits".into(), "B", each),
    ];
    if let (Some(before), Some(after)) = (before, after) {
        let what = format!("resident memory that {WAITING} runs that wait take in a process");
        figures.push(counted(what, "KiB", (after - before).max(0.0)));
    }
    figures
}

/// What a process does first.
async fn restart(folder: &Path) -> Result<(usize, usize), StoreError> {
    let executor = executor(open(folder, Class::ProcessSafe));
    Ok((executor.due().await?.len(), executor.recover().await?.len()))
}

/// Whole runs of one step: their begin, their step and their end are stored.
async fn ended(class: Class) -> Figure {
    let folder = tempfile::tempdir().unwrap();
    let executor = executor(open(folder.path(), class));
    let (graph, db) = (graph(&chain("once", 1)), bare(folder.path(), class));
    let body = [b'x'; 200];
    let (mut turns, mut budget) = (Turns::default(), Budget::of(ROUNDS));
    while budget.more() {
        let started = Instant::now();
        let runs: Vec<_> = (0..TOGETHER)
            .map(|_| {
                let (executor, graph) = (executor.clone(), graph.clone());
                tokio::spawn(async move { run(&executor, &graph, Value::empty()).await })
            })
            .collect();
        for run in runs {
            run.await.unwrap();
        }
        let ours = TOGETHER as f64 / started.elapsed().as_secs_f64();
        let started = Instant::now();
        for _ in 0..4 {
            commit(&db, TOGETHER, &body);
        }
        turns.add(ours, TOGETHER as f64 / started.elapsed().as_secs_f64());
    }
    let what = match class {
        Class::ProcessSafe => "whole runs of one step that survive `kill -9`, 64 at the same time",
        Class::PowerSafe => "whole runs of one step that survive a power cut, 64 at the same time",
    };
    let bare = "bare commits of their four records each, 64 runs to a commit";
    turns.figure("E4", what.into(), "runs/s", Goal::Least(3_000.0), bare)
}
