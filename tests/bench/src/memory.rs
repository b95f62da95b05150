//! What ClearGate itself costs: the run machine alone, the executor over a store in memory, the checker.

use std::sync::Arc;
use std::time::Instant;

use async_trait::async_trait;
use cleargate_flow::event::EVENT_VERSION;
use cleargate_flow::run::{Effect, Run};
use cleargate_flow::{Event, Graph, Usage, Value};
use cleargate_store::MemoryStore;

use crate::figure::{Budget, Figure, Goal, Samples, Turns, micros};
use crate::process;
use crate::wanted::Wanted;
use crate::world::{chain, checked, executor, fan, graph, map, run, start};

/// Nodes of the longest chain: eight keys and values each, of the 50,000 that a flow file may have.
const LONGEST: usize = 6_000;

/// Nodes beside each other, and items of a map.
const WIDTH: usize = 100;
const ITEMS: usize = 1_000;

/// Waiting runs that the memory of one is computed from.
const WAITING: usize = 1_000;

/// Calls of a limit's sample.
const CALLS: usize = 10_000;

/// Messages of a state of some 14 KiB.
const MESSAGES: usize = 150;

const PER_NODE: &str = "µs/node";

type BoxFuture<'a, T> = std::pin::Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Memory of a run that waits for a node.
pub(crate) async fn idle(wanted: &Wanted) -> Vec<Figure> {
    if !wanted.has("M1") && !wanted.has("M2") {
        return Vec::new();
    }
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

pub(crate) async fn figures(wanted: &Wanted) -> Vec<Figure> {
    let mut figures = Vec::new();
    if wanted.has("P1") {
        figures.extend(chains().await);
    }
    if wanted.has("P2") {
        figures.extend(wide().await);
    }
    if wanted.has("P8") {
        figures.push(check());
    }
    if wanted.has("P20") {
        figures.push(state().await);
    }
    figures
}

/// Nodes one after another.
async fn chains() -> Vec<Figure> {
    let mut figures = vec![machine(1_000).await];
    for (length, count) in [(10, 2_000), (1_000, 40), (LONGEST, 8)] {
        let what = format!("chain of {length} trivial nodes, executor and store in memory");
        let graph = graph(&chain("pure", length));
        figures.push(runs(&graph, Value::empty(), length, count, &CALL).await.figure(
            "P1",
            what,
            PER_NODE,
            Goal::Most(3.0),
            CALL.what,
        ));
    }
    figures.push(watched().await);
    figures
}

/// Nodes beside each other.
async fn wide() -> Vec<Figure> {
    let items = Value::list((0..ITEMS).map(|at| Value::Int(at as i64)));
    let input = Value::record([("items", items)]);
    let mut figures = Vec::new();
    for (what, text, input, nodes) in [
        (format!("fan-out of {WIDTH} and join"), fan(WIDTH), Value::empty(), WIDTH + 1),
        (format!("map over {ITEMS} items, 64 at the same time"), map(ITEMS), input, ITEMS),
    ] {
        let turns = runs(&graph(&text), input, nodes, 200, &TASK).await;
        figures.push(turns.figure("P2", what, PER_NODE, Goal::Most(4.0), TASK.what));
    }
    figures
}

/// A large state that every node is given and passes on.
async fn state() -> Figure {
    let message = |at: usize| {
        let text = format!("message {at} of a conversation that has become rather long");
        Value::record([("role", "user".into()), ("text", Value::from(text.as_str()))])
    };
    let state = Value::list((0..MESSAGES).map(message));
    let json = state.to_serde();
    let text = chain("pure", WIDTH).replace("v: 1 }", "v: '${input.state}' }");
    let text = text.replace("flow: bench\n", "flow: bench\ninput: { state: any }\n");
    let (graph, input) = (graph(&text), Value::record([("state", state)]));
    let executor = executor(Arc::new(MemoryStore::default()));
    let (mut turns, mut budget) = (Turns::default(), Budget::of(200));
    while budget.more() {
        let started = Instant::now();
        run(&executor, &graph, input.clone()).await;
        let ours = micros(started) / WIDTH as f64;
        let started = Instant::now();
        std::hint::black_box(json.clone());
        turns.add(ours, micros(started));
    }
    let what = format!("a state of {} KiB through {WIDTH} nodes", json.to_string().len() / 1024);
    turns.figure("P20", what, PER_NODE, Goal::Most(10.0), "one copy of the state as a JSON tree")
}

/// Microseconds per node of whole runs, and of the limit.
pub(crate) async fn runs(
    graph: &Arc<Graph>,
    input: Value,
    nodes: usize,
    count: usize,
    least: &Least,
) -> Turns {
    let executor = executor(Arc::new(MemoryStore::default()));
    run(&executor, graph, input.clone()).await;
    let (mut turns, mut budget) = (Turns::default(), Budget::of(count));
    while budget.more() {
        let started = Instant::now();
        run(&executor, graph, input.clone()).await;
        turns.add(micros(started) / nodes as f64, (least.sample)().await);
    }
    turns
}

/// The same with a reader of all events.
async fn watched() -> Figure {
    const LENGTH: usize = 1_000;
    let graph = graph(&chain("pure", LENGTH));
    let executor = executor(Arc::new(MemoryStore::default()));
    let (mut turns, mut budget) = (Turns::default(), Budget::of(40));
    while budget.more() {
        let started = Instant::now();
        let handle = start(&executor, &graph, Value::empty()).await;
        let mut events = handle.events(0);
        let mut count = 0;
        while events.next().await.unwrap().is_some() {
            count += 1;
        }
        turns.add(micros(started) / LENGTH as f64, (CALL.sample)().await);
        assert!(count > LENGTH, "{count} events of {LENGTH} nodes");
    }
    let what = format!("chain of {LENGTH} trivial nodes while somebody reads every event");
    turns.figure("P1", what, PER_NODE, Goal::Most(3.0), CALL.what)
}

/// The run machine alone: no executor, no store.
async fn machine(length: usize) -> Figure {
    let graph = graph(&chain("pure", length));
    let (mut turns, mut budget) = (Turns::default(), Budget::of(100));
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
        turns.add(micros(started) / length as f64, (CALL.sample)().await);
        assert!(run.outcome().is_some(), "the run has not ended");
    }
    let what = format!("chain of {length} trivial nodes, the run machine alone");
    turns.figure("P1", what, PER_NODE, Goal::None, CALL.what)
}

/// Checking the text of a flow, from bytes to graph.
fn check() -> Figure {
    let text = chain("pure", 1_000);
    // The same nodes, as text that any program can read.
    let nodes = (0..1_000).map(|at| {
        let node = serde_json::json!({ "type": "pure", "with": { "v": format!("${{n{at}}}") } });
        (format!("n{at}"), node)
    });
    let json = serde_json::Value::Object(nodes.collect()).to_string();
    let (mut turns, mut budget) = (Turns::default(), Budget::of(100));
    while budget.more() {
        let started = Instant::now();
        let checked = checked(&text);
        let ours = micros(started) / 1_000.0;
        assert!(checked.graph.is_some());
        let started = Instant::now();
        std::hint::black_box(serde_json::from_str::<serde_json::Value>(&json).unwrap());
        turns.add(ours, micros(started) / 1_000.0);
    }
    let what = "load and check of a flow of 1,000 nodes".into();
    turns.figure("P8", what, "ms", Goal::Most(5.0), "reading the same nodes as JSON into a tree")
}

/// The least that the machine needs for a step of some kind.
pub(crate) struct Least {
    pub(crate) what: &'static str,
    /// Microseconds of one, over many.
    sample: fn() -> BoxFuture<'static, f64>,
}

const CALL: Least =
    Least { what: "an async call through a trait object", sample: || Box::pin(boxed_call()) };
pub(crate) const TASK: Least =
    Least { what: "a task spawned and joined", sample: || Box::pin(spawned_task()) };

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

async fn boxed_call() -> f64 {
    let step: Arc<dyn Step> = std::hint::black_box(Arc::new(Same));
    let started = Instant::now();
    for at in 0..CALLS {
        std::hint::black_box(step.step(Value::Int(at as i64)).await);
    }
    micros(started) / CALLS as f64
}

async fn spawned_task() -> f64 {
    let started = Instant::now();
    let tasks: Vec<_> = (0..WIDTH).map(|at| tokio::spawn(async move { at })).collect();
    for task in tasks {
        task.await.unwrap();
    }
    micros(started) / WIDTH as f64
}
