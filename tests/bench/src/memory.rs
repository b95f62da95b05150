//! What ClearGate itself costs: the run machine alone, the executor over a store in memory, the checker.

use std::sync::Arc;
use std::time::Instant;

use async_trait::async_trait;
use cleargate_flow::event::EVENT_VERSION;
use cleargate_flow::run::{Effect, Run};
use cleargate_flow::{Event, Graph, Usage, Value};
use cleargate_store::MemoryStore;

use crate::figure::{Budget, Figure, Goal, Limit, Samples, micros};
use crate::process;
use crate::world::{chain, checked, executor, fan, graph, map, run, start};

/// Nodes of the longest chain: eight keys and values each, of the 50,000 that a flow file may have.
const LONGEST: usize = 6_000;

/// Nodes beside each other, and items of a map.
const WIDTH: usize = 100;
const ITEMS: usize = 1_000;

/// Waiting runs that the memory of one is computed from.
const WAITING: usize = 1_000;

/// Calls and tasks of a limit's sample.
const CALLS: usize = 10_000;

/// Memory of a run that waits for a node.
pub(crate) async fn idle() -> Vec<Figure> {
    let before = process::resident();
    let executor = executor(Arc::new(MemoryStore::default()));
    let graph = graph(&chain("waits", 2));
    for _ in 0..WAITING {
        start(&executor, &graph, Value::empty()).await;
    }
    // Runs are begun by tasks of their own: all of them wait once each has stored what it began.
    tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    let (Some(before), Some(after)) = (before, process::resident()) else { return Vec::new() };
    let figure = |id, what: &str, value| Figure {
        id,
        what: what.into(),
        unit: "KiB",
        samples: Samples::one(value),
        limit: None,
        goal: Goal::None,
    };
    vec![
        figure("M1", "resident memory of a process with an executor and no run", before),
        figure(
            "M2",
            "resident memory of one run that waits for its node, out of 1,000",
            (after - before) / WAITING as f64,
        ),
    ]
}

pub(crate) async fn figures() -> Vec<Figure> {
    let call = boxed_call().await;
    let mut figures = vec![machine(1_000, call)];
    for (length, count) in [(10, 2_000), (1_000, 40), (LONGEST, 8)] {
        let graph = graph(&chain("pure", length));
        let what = format!("chain of {length} trivial nodes, executor and store in memory");
        let samples = per_node(&graph, Value::empty(), length, count).await;
        figures.push(per("P1", what, samples, call, Goal::Most(3.0)));
    }
    figures.push(watched(call).await);
    let task = spawned_task().await;
    let fan = graph(&fan(WIDTH));
    let samples = per_node(&fan, Value::empty(), WIDTH + 1, 200).await;
    figures.push(per("P2", format!("fan-out of {WIDTH} and join"), samples, task, Goal::Most(4.0)));
    let map = graph(&map(ITEMS));
    let items = Value::list((0..ITEMS).map(|at| Value::Int(at as i64)));
    let input = Value::record([("items", items)]);
    let samples = per_node(&map, input, ITEMS, 40).await;
    let what = format!("map over {ITEMS} items, 64 at the same time");
    figures.push(per("P2", what, samples, task, Goal::Most(4.0)));
    figures.push(check());
    figures
}

fn per(id: &'static str, what: String, samples: Samples, limit: Limit, goal: Goal) -> Figure {
    Figure { id, what, unit: "µs/node", samples, limit: Some(limit), goal }
}

/// Microseconds per node of whole runs.
async fn per_node(graph: &Arc<Graph>, input: Value, nodes: usize, count: usize) -> Samples {
    let executor = executor(Arc::new(MemoryStore::default()));
    run(&executor, graph, input.clone()).await;
    let mut samples = Vec::with_capacity(count);
    let mut budget = Budget::of(count);
    while budget.more() {
        let started = Instant::now();
        run(&executor, graph, input.clone()).await;
        samples.push(micros(started) / nodes as f64);
    }
    Samples::new(samples)
}

/// The same with a reader of all events.
async fn watched(limit: Limit) -> Figure {
    const LENGTH: usize = 1_000;
    let graph = graph(&chain("pure", LENGTH));
    let executor = executor(Arc::new(MemoryStore::default()));
    let mut samples = Vec::new();
    let mut budget = Budget::of(40);
    while budget.more() {
        let started = Instant::now();
        let handle = start(&executor, &graph, Value::empty()).await;
        let mut events = handle.events(0);
        let mut count = 0;
        while events.next().await.unwrap().is_some() {
            count += 1;
        }
        samples.push(micros(started) / LENGTH as f64);
        assert!(count > LENGTH, "{count} events of {LENGTH} nodes");
    }
    let what = format!("chain of {LENGTH} trivial nodes while somebody reads every event");
    per("P1", what, Samples::new(samples), limit, Goal::Most(3.0))
}

/// The run machine alone: no executor, no store.
fn machine(length: usize, limit: Limit) -> Figure {
    let graph = graph(&chain("pure", length));
    let mut samples = Vec::new();
    let mut budget = Budget::of(100);
    while budget.more() {
        let mut run = Run::new(graph.clone(), &"bench".parse().unwrap());
        let (hash, flow) = (graph.hash.clone(), graph.id.clone());
        let mut event =
            Event::RunStarted { flow, hash, input: Value::empty(), parent: None, v: EVENT_VERSION };
        let started = Instant::now();
        while let Some(effect) = run.apply(&event).unwrap().effects.into_iter().next() {
            event = match effect {
                Effect::Perform(attempt) => Event::AttemptSucceeded {
                    address: attempt.address,
                    attempt: attempt.attempt,
                    output: Value::Int(1),
                    usage: Usage::default(),
                },
                Effect::Finish(outcome) => Event::RunFinished { outcome },
                other => panic!("a chain of trivial nodes asks for {other:?}"),
            };
        }
        samples.push(micros(started) / length as f64);
        assert!(run.outcome().is_some(), "the run has not ended");
    }
    let what = format!("chain of {length} trivial nodes, the run machine alone");
    per("P1", what, Samples::new(samples), limit, Goal::None)
}

/// Checking the text of a flow, from bytes to graph.
fn check() -> Figure {
    let text = chain("pure", 1_000);
    let mut samples = Vec::new();
    let mut budget = Budget::of(100);
    while budget.more() {
        let started = Instant::now();
        let graph = checked(&text).graph;
        samples.push(micros(started) / 1000.0);
        assert!(graph.is_some());
    }
    Figure {
        id: "P8",
        what: "load and check of a flow of 1,000 nodes".into(),
        unit: "ms",
        samples: Samples::new(samples),
        limit: None,
        goal: Goal::Most(5.0),
    }
}

#[async_trait]
trait Step: Send + Sync {
    async fn step(&self, value: Value) -> Value;
}

struct Same;

#[async_trait]
impl Step for Same {
    async fn step(&self, value: Value) -> Value {
        value
    }
}

async fn boxed_call() -> Limit {
    let step: Arc<dyn Step> = std::hint::black_box(Arc::new(Same));
    let mut samples = Vec::new();
    let mut budget = Budget::of(50);
    while budget.more() {
        let started = Instant::now();
        for at in 0..CALLS {
            std::hint::black_box(step.step(Value::Int(at as i64)).await);
        }
        samples.push(micros(started) / CALLS as f64);
    }
    Limit { value: Samples::new(samples).at(50), what: "an async call through a trait object" }
}

async fn spawned_task() -> Limit {
    let mut samples = Vec::new();
    let mut budget = Budget::of(200);
    while budget.more() {
        let started = Instant::now();
        let tasks: Vec<_> = (0..WIDTH).map(|at| tokio::spawn(async move { at })).collect();
        for task in tasks {
            task.await.unwrap();
        }
        samples.push(micros(started) / WIDTH as f64);
    }
    Limit { value: Samples::new(samples).at(50), what: "a task spawned and joined" }
}
