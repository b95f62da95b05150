//! How long the run machine takes for one node, as JSON lines: chains, a fan-out with its join, a map.
//!
//! Nothing is stored or performed, so a figure is the machine alone: the part of P1 and P2 that no driver can
//! better. Beside each stands the machine's limit, one boxed future polled once. Run it with
//! `cargo run --release -p cleargate-flow --example machine`.

use std::collections::{BTreeMap, VecDeque};
use std::hint::black_box;
use std::io::{self, Write};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Waker};
use std::time::Instant;

use cleargate_flow::event::EVENT_VERSION;
use cleargate_flow::expr::{Expr, Template};
use cleargate_flow::graph::{
    Edge, EdgeKind, Graph, GraphNode, Join, Leaf, Map, NodeKind, OnItemError, Policy, Scope,
};
use cleargate_flow::limits::Limits;
use cleargate_flow::run::{Effect, Run};
use cleargate_flow::signature::Effect as Class;
use cleargate_flow::types::Kind;
use cleargate_flow::{Event, FlowHash, Usage, Value};

/// Nodes that all samples of one figure perform together, about: enough for steady percentiles.
const NODES_PER_FIGURE: usize = 200_000;
/// Fewest samples of one figure.
const MIN_SAMPLES: usize = 20;

fn main() -> io::Result<()> {
    let limit = boxed_call();
    let mut out = io::stdout().lock();
    for length in [10, 100, 1_000, 10_000] {
        figure(&mut out, "P1", "chain", length, limit, &chain(length), Value::Null)?;
    }
    for width in [100, 1_000, 10_000] {
        figure(&mut out, "P2", "fan_out_join", width, limit, &fan(width), Value::Null)?;
    }
    for items in [10, 1_000, 10_000] {
        let list = Value::list((0..items as i64).map(Value::from));
        figure(&mut out, "P2", "map", items, limit, &mapped(), list)?;
    }
    Ok(())
}

/// Nanoseconds of one boxed future that is ready at once.
fn boxed_call() -> f64 {
    let rounds = 1_000_000_u32;
    let start = Instant::now();
    for n in 0..rounds {
        let mut call: Pin<Box<dyn Future<Output = u32>>> = Box::pin(async move { black_box(n) });
        let _ = black_box(call.as_mut().poll(&mut Context::from_waker(Waker::noop())));
    }
    start.elapsed().as_nanos() as f64 / f64::from(rounds)
}

fn figure(
    out: &mut impl Write,
    id: &str,
    what: &str,
    size: usize,
    limit: f64,
    graph: &Arc<Graph>,
    input: Value,
) -> io::Result<()> {
    let samples = (NODES_PER_FIGURE / size).max(MIN_SAMPLES);
    let (mut build, mut apply) = (Vec::new(), Vec::new());
    for _ in 0..samples {
        let start = Instant::now();
        let run = Run::new(graph.clone(), &"bench".parse().expect("a run id"));
        let built = start.elapsed();
        let nodes = drive(run, graph, input.clone());
        let whole = start.elapsed();
        build.push(built.as_nanos() as f64 / nodes as f64);
        apply.push((whole - built).as_nanos() as f64 / nodes as f64);
    }
    let [p50, p95, p99] = percentiles(&mut apply);
    let [new, ..] = percentiles(&mut build);
    writeln!(
        out,
        r#"{{"id":"{id}","what":"{what}","size":{size},"unit":"ns/node","p50":{p50:.0},"p95":{p95:.0},"p99":{p99:.0},"new_p50":{new:.0},"limit":{limit:.0}}}"#
    )
}

fn percentiles(samples: &mut [f64]) -> [f64; 3] {
    samples.sort_by(f64::total_cmp);
    [50, 95, 99].map(|p| samples[(samples.len() - 1) * p / 100])
}

/// Answers each attempt with 1, first come first served; says how many there were.
fn drive(mut run: Run, graph: &Graph, input: Value) -> usize {
    let (flow, hash) = (graph.id.clone(), graph.hash.clone());
    let mut event = Event::RunStarted { flow, hash, input, parent: None, v: EVENT_VERSION };
    let (mut queue, mut performed) = (VecDeque::new(), 0);
    loop {
        let step = run.apply(&event).expect("the events fit");
        black_box(&step.derived);
        for effect in step.effects {
            match effect {
                Effect::Perform(attempt) => queue.push_back(attempt),
                Effect::Finish(_) => return performed,
                other => unreachable!("nothing waits or fails: {other:?}"),
            }
        }
        let next = queue.pop_front().expect("the run has not ended");
        performed += 1;
        let (address, attempt, output) = (next.address, next.attempt, 1.into());
        event = Event::AttemptSucceeded { address, attempt, output, usage: Usage::default() };
    }
}

fn read(text: &str) -> Template {
    Template::Expr(Expr::parse(text).expect("an expression"))
}

fn node(id: &str, kind: NodeKind, needs: impl IntoIterator<Item = usize>) -> GraphNode {
    let needs = needs.into_iter().map(|from| Edge { from, kind: EdgeKind::Data }).collect();
    let id = id.parse().expect("an id");
    GraphNode {
        id,
        kind,
        needs,
        join: Join::All,
        compensate: None,
        verify: None,
        deadline: None,
        idle: None,
        write: Default::default(),
        output: Kind::Any.into(),
    }
}

/// A trivial leaf that reads one name.
fn leaf(reads: Option<&str>) -> NodeKind {
    let leaf = Leaf {
        uses: "trivial".into(),
        with: reads.map(|name| ("value".into(), read(name))).into_iter().collect(),
        config: Value::Null,
        defaults: Default::default(),
        policy: Policy {
            effect: Class::Pure,
            timeout: None,
            deadline: None,
            idle: None,
            retry: BTreeMap::new(),
            limits: Limits::default(),
        },
        guard: Default::default(),
        asset: None,
    };
    NodeKind::Leaf(leaf.into())
}

fn graph(nodes: Vec<GraphNode>) -> Arc<Graph> {
    Arc::new(Graph {
        id: "bench".parse().expect("an id"),
        version: "1".into(),
        hash: FlowHash::of(b"bench"),
        input: Default::default(),
        output: Default::default(),
        value: cleargate_flow::types::Kind::Any.into(),
        uses: BTreeMap::new(),
        models: BTreeMap::new(),
        events: Default::default(),
        canaries: Default::default(),
        triggers: Default::default(),
        bound: nodes.len() as u64,
        root: Scope { nodes },
        state: Default::default(),
        durability: Default::default(),
        plan: Default::default(),
    })
}

fn chain(length: usize) -> Arc<Graph> {
    let first = node("n0", leaf(None), []);
    let rest = (1..length).map(|n| {
        let before = format!("n{}", n - 1);
        node(&format!("n{n}"), leaf(Some(&before)), [n - 1])
    });
    graph(std::iter::once(first).chain(rest).collect())
}

fn fan(width: usize) -> Arc<Graph> {
    let first = node("first", leaf(None), []);
    let fan = (1..=width).map(|n| node(&format!("n{n}"), leaf(Some("first")), [0]));
    let join = node("join", leaf(None), 1..=width);
    graph(std::iter::once(first).chain(fan).chain([join]).collect())
}

fn mapped() -> Arc<Graph> {
    let map = Map {
        over: Expr::parse("input").expect("an expression"),
        key: None,
        item: "item".into(),
        concurrency: 8,
        max: 10_000,
        on_item_error: OnItemError::Fail,
        body: Scope { nodes: vec![node("body", leaf(Some("item")), [])] },
        out: read("body"),
    };
    graph(vec![node("map", NodeKind::Map(Box::new(map)), [])])
}
