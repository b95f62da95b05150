//! The smallest world that an executor runs in: trivial nodes, and a gate that lets nothing out.

use std::fmt::Write;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use cleargate_executor::testing::{self, NoNetwork, NodeTypes, OneNode};
use cleargate_executor::{
    End, Executor, ExecutorConfig, Failure, Node, NodeContext, Output, RunHandle, StartRun,
    SystemClock, TimeOrdered,
};
use cleargate_flow::check::{Checked, check};
use cleargate_flow::signature::Effect;
use cleargate_flow::{Graph, Outcome, Value};
use cleargate_store::Store;

/// Runs and attempts that a bench drives at the same time at most.
const MOST_AT_ONCE: usize = 2_000;

/// Node types: a step that can be computed again, one that may happen once, one that never ends.
const TYPES: NodeTypes =
    NodeTypes(&[("pure", Effect::Pure), ("once", Effect::Once), ("waits", Effect::Read)]);

/// The text of nodes of type `kind` of which each reads the one before.
pub(crate) fn chain(kind: &str, length: usize) -> String {
    let mut text = format!("  n0: {{ type: {kind}, with: {{ v: 1 }} }}\n");
    for at in 1..length {
        let before = at - 1;
        let _ = writeln!(text, "  n{at}: {{ type: {kind}, with: {{ v: '${{n{before}}}' }} }}");
    }
    flow(&text, &format!("n{}", length - 1))
}

/// The text of `width` nodes beside each other and one that reads them all.
pub(crate) fn fan(width: usize) -> String {
    let mut text = String::new();
    for at in 0..width {
        let _ = writeln!(text, "  n{at}: {{ type: pure, with: {{ v: {at} }} }}");
    }
    let all = (0..width).map(|at| format!("n{at}")).collect::<Vec<_>>().join(", ");
    let _ = writeln!(text, "  all: {{ type: pure, with: {{ v: '${{[{all}]}}' }} }}");
    flow(&text, "all")
}

/// The text of a map over the input's `items`, at most `most`.
pub(crate) fn map(most: usize) -> String {
    let node = format!(
        "  m:\n    map: ${{input.items}}\n    max: {most}\n    concurrency: 64\n    do:\n      \
         x: {{ type: pure, with: {{ v: '${{item}}' }} }}\n    out: ${{x}}\n"
    );
    flow(&node, "m").replace("flow: bench\n", "flow: bench\ninput: { items: list<int> }\n")
}

/// The text of a loop of `iterations` of one node.
pub(crate) fn looped(iterations: usize) -> String {
    let node = format!(
        "  l:\n    loop: {{ max: {iterations} }}\n    carry: {{ v: 0 }}\n    do:\n      \
         x: {{ type: pure, with: {{ v: '${{v + 1}}' }} }}\n    next: {{ v: '${{v + 1}}' }}\n    out: ${{v}}\n"
    );
    flow(&node, "l")
}

/// The text of a chain of steps with a node behind it that never ends.
pub(crate) fn parking(steps: usize) -> String {
    let last = steps - 1;
    let text = chain("once", steps);
    text + &format!("  stays: {{ type: waits, with: {{ v: '${{n{last}}}' }} }}\n")
}

/// A flow that waits for what does not come.
pub(crate) const WAITS: &str = "cleargate: 1\nflow: bench\nnodes:\n  w: { wait: { event: go } }\n";

fn flow(nodes: &str, last: &str) -> String {
    format!("cleargate: 1\nflow: bench\noutput: {{ out: '${{{last}}}' }}\nnodes:\n{nodes}")
}

pub(crate) fn checked(text: &str) -> Checked {
    check(text, "bench.flow.yaml", &TYPES)
}

pub(crate) fn graph(text: &str) -> Arc<Graph> {
    testing::graph(text, &TYPES)
}

/// Gives what it is given, or waits for ever.
pub(crate) struct Trivial;

#[async_trait]
impl Node for Trivial {
    async fn run(&self, ctx: NodeContext, input: Value) -> Result<Output, Failure> {
        if ctx.binding == "waits" {
            std::future::pending::<()>().await;
        }
        Ok(input.get("v").cloned().unwrap_or_default().into())
    }
}

/// An executor with the bounds of a process, over a store.
pub(crate) fn executor(store: Arc<dyn Store>) -> Executor {
    executing(store, None)
}

fn executing(store: Arc<dyn Store>, linger: Option<Duration>) -> Executor {
    let gate = testing::gate(store.clone(), Arc::new(NoNetwork));
    let mut config = ExecutorConfig::new("bench");
    config.max_attempts = MOST_AT_ONCE;
    config.linger = linger;
    let clock = Arc::new(SystemClock::default());
    Executor::new(store, gate, clock, Arc::new(TimeOrdered), config)
}

/// One that gives a run back as soon as it does nothing but wait.
pub(crate) fn waiting(store: Arc<dyn Store>) -> Executor {
    executing(store, Some(Duration::ZERO))
}

pub(crate) async fn start(executor: &Executor, graph: &Arc<Graph>, input: Value) -> RunHandle {
    let start = StartRun { input, ..StartRun::default() };
    let catalog = Arc::new(OneNode::new(Arc::new(Trivial)));
    executor.start(graph.clone(), catalog, start).await.unwrap()
}

/// Runs a flow to its good end.
pub(crate) async fn run(executor: &Executor, graph: &Arc<Graph>, input: Value) {
    let end = start(executor, graph, input).await.outcome().await;
    assert!(matches!(end, End::Finished(Outcome::Succeeded { .. })), "{end:?}");
}
