//! Sub-flows: a step has one child, whoever performs it and however often.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use async_trait::async_trait;
use cleargate_executor::limits::MAX_DEPTH;
use cleargate_executor::{
    Binding, CallScope, Catalog, CatalogError, End, Executor, Failure, ManualClock, Node,
    NodeContext, Output, RunHandle, StartError, StartRun, child_id,
};
use cleargate_flow::graph::Leaf;
use cleargate_flow::limits::Limits;
use cleargate_flow::{ErrorCode, Event, Graph, Outcome, RunId, Value};
use cleargate_store::{MemoryStore, Store};

use crate::world::{Mortal, Process, graph};

/// A node that is a sub-flow.
#[derive(Clone)]
struct Sub {
    executor: Executor,
    graph: Arc<Graph>,
    catalog: Arc<dyn Catalog>,
}

#[async_trait]
impl Node for Sub {
    async fn run(&self, ctx: NodeContext, input: Value) -> Result<Output, Failure> {
        let (graph, catalog) = (self.graph.clone(), self.catalog.clone());
        self.executor.run_child(&ctx, graph, catalog, input).await
    }

    fn waits_for_runs(&self) -> bool {
        true
    }
}

/// Every node is the sub-flow.
impl Catalog for Sub {
    fn node(&self, leaf: &Leaf, flow: &Graph) -> Result<Binding, CatalogError> {
        let Binding { scope, .. } = self.catalog.node(leaf, flow)?;
        Ok(Binding { node: Arc::new(self.clone()), scope })
    }
}

/// Starts a flow whose only node is a sub-flow of one node.
async fn nested(process: &Process, parent: &str, child: &str) -> RunHandle {
    let above = graph(&format!("  sub: {{ type: idem, {parent} }}\n"), "\"${sub.out}\"");
    process.executor.start(above, sub(process, child), StartRun::default()).await.unwrap()
}

fn sub(process: &Process, child: &str) -> Arc<dyn Catalog> {
    let graph = graph(&format!("  a: {{ {child} }}\n"), "\"${a}\"");
    let (executor, catalog) = (process.executor.clone(), process.catalog());
    Arc::new(Sub { executor, graph, catalog })
}

/// The catalog of a flow whose nodes are `middle`, whose nodes are `inner`.
pub(crate) fn family(
    process: &Process,
    middle: &Arc<Graph>,
    inner: &Arc<Graph>,
) -> Arc<dyn Catalog> {
    let sub = |graph: &Arc<Graph>, catalog| {
        let (executor, graph) = (process.executor.clone(), graph.clone());
        Arc::new(Sub { executor, graph, catalog })
    };
    sub(middle, sub(inner, process.catalog()))
}

/// Attempt `attempt` of the child of `run`.
fn child_of(run: &RunHandle, attempt: u32) -> RunId {
    child_id(run.id(), &"sub".parse().unwrap(), attempt)
}

async fn last_event(store: &MemoryStore, run: &RunId) -> Event {
    store.whole_journal(run).await.unwrap().pop().unwrap().event
}

/// The context of the node `sub` of `run`.
fn context(process: &Process, run: &str) -> NodeContext {
    let scope = CallScope {
        name: "flow".into(),
        grants: Arc::default(),
        limits: Limits::combine(&[]),
        folder: None,
        peers: None,
    };
    let mut ctx = NodeContext::outside(&process.gate, "default", &scope, Value::Null);
    ctx.run = run.parse().unwrap();
    ctx.address = "sub".parse().unwrap();
    ctx
}

async fn child(
    process: &Process,
    ctx: &NodeContext,
    flow: &Arc<Graph>,
) -> Result<RunHandle, StartError> {
    process.executor.child(ctx, flow.clone(), process.catalog(), Value::empty()).await
}

#[tokio::test]
async fn a_step_that_is_performed_again_attaches_to_its_child() {
    let process = Process::new();
    let flow = graph("  a: { type: once, with: { v: 1, act: wait } }\n", "\"${a}\"");
    let ctx = context(&process, "parent");
    let first = child(&process, &ctx, &flow).await.unwrap();
    process.ledger.began.notified().await;
    let again = child(&process, &ctx, &flow).await.unwrap();
    assert_eq!(
        (first.id(), first.id()),
        (again.id(), &child_id(&ctx.run, &ctx.address, ctx.attempt))
    );
    process.ledger.open.notify_one();
    let end = first.outcome().await;
    assert!(matches!(end, End::Finished(Outcome::Succeeded { .. })), "{end:?}");
    let after = child(&process, &ctx, &flow).await.unwrap();
    assert_eq!((again.outcome().await, after.outcome().await), (end.clone(), end));
    assert_eq!(process.ledger.keys()["a"].len(), 1, "the child ran once");
}

#[tokio::test]
async fn whoever_attaches_while_a_child_is_looked_for_is_told_how_it_ended() {
    let store = Mortal::new(Arc::default(), usize::MAX, true);
    let process = Process::on(store, "a", Arc::default(), ManualClock::at(0), |_| {});
    let flow = graph("  a: { type: pure, with: { v: 1 } }\n", "\"${a}\"");
    let ctx = context(&process, "parent");
    let end = child(&process, &ctx, &flow).await.unwrap().outcome().await;
    assert!(matches!(end, End::Finished(Outcome::Succeeded { .. })), "{end:?}");
    let both = tokio::join!(child(&process, &ctx, &flow), child(&process, &ctx, &flow));
    assert_eq!(both.0.unwrap().outcome().await, end);
    assert_eq!(both.1.unwrap().outcome().await, end);
}

#[tokio::test]
async fn a_child_that_a_dead_process_holds_is_waited_for() {
    let (store, clock) = (Arc::new(MemoryStore::default()), ManualClock::at(1_000));
    let dead = Process::on(store.clone(), "dead", Arc::default(), clock.clone(), |_| {});
    let flow = graph("  a: { type: read, with: { v: 1, act: wait } }\n", "\"${a}\"");
    let ctx = context(&dead, "parent");
    let held = child(&dead, &ctx, &flow).await.unwrap();
    dead.ledger.began.notified().await;
    let next = Process::on(store, "next", dead.ledger.clone(), clock.clone(), |_| {});
    let mut attach = std::pin::pin!(child(&next, &ctx, &flow));
    assert!(futures::poll!(&mut attach).is_pending(), "it was taken from a living process");
    // The first process does not renew: its keeper is not given a turn before the lease has run out.
    clock.advance(15_001);
    let taken = attach.await.unwrap();
    assert_eq!(taken.id(), held.id());
    dead.ledger.open.notify_waiters();
    while taken.ended().is_none() {
        dead.ledger.open.notify_waiters();
        tokio::task::yield_now().await;
    }
    assert!(matches!(taken.outcome().await, End::Finished(Outcome::Succeeded { .. })));
    assert_eq!(held.outcome().await, End::Lost);
}

#[tokio::test]
async fn fl_04_sub_flows_are_nested_to_a_bound() {
    let store = Arc::new(MemoryStore::default());
    let process = Process::on(store.clone(), "a", Arc::default(), ManualClock::at(0), |_| {});
    let flow = graph("  a: { type: pure, with: { v: 1 } }\n", "\"${a}\"");
    let mut above: Option<RunId> = None;
    for level in 0..=MAX_DEPTH + 1 {
        let parent = above.map(|run| (run, "sub".parse().unwrap()));
        let start = StartRun { parent, ..StartRun::default() };
        let begun = process.executor.start(flow.clone(), process.catalog(), start).await;
        if level > MAX_DEPTH {
            assert_eq!(begun.err(), Some(StartError::TooDeep), "level {level}");
            return assert_eq!(process.ledger.now.load(Ordering::SeqCst), 0);
        }
        let handle = begun.unwrap();
        handle.outcome().await;
        assert!(store.run(handle.id()).await.unwrap().is_some());
        above = Some(handle.id().clone());
    }
    panic!("no level was refused");
}

#[tokio::test]
async fn a_sub_flow_gives_its_output_and_what_it_used() {
    let process = Process::new();
    let run = nested(&process, "with: {}", "type: pure, with: { v: 7 }").await;
    let End::Finished(Outcome::Succeeded { output }) = run.outcome().await else { panic!() };
    assert_eq!(output.get("out"), Some(&Value::Int(7)));
    let keys = process.ledger.keys();
    assert_eq!((keys.len(), keys["a"].len()), (1, 1));
}

#[tokio::test]
async fn a_retry_of_a_sub_flow_is_a_new_child() {
    let store = Arc::new(MemoryStore::default());
    let process = Process::on(store.clone(), "a", Arc::default(), ManualClock::at(0), |_| {});
    let again = "retry: { permanent: { max: 2, backoff: 1ms..1ms } }";
    let run = nested(&process, again, "type: pure, with: { act: fail }").await;
    while process.ledger.keys().get("a").is_none_or(|keys| keys.len() < 2) {
        process.clock.advance(1);
        tokio::task::yield_now().await;
    }
    let end = run.outcome().await;
    let End::Finished(Outcome::Failed { error, .. }) = end else { panic!("{end:?}") };
    assert_eq!(error.code, ErrorCode::Permanent);
    let keys = &process.ledger.keys()["a"];
    assert_ne!(keys[0], keys[1], "the second child is another run");
    for attempt in [1, 2] {
        let row = store.run(&child_of(&run, attempt)).await.unwrap().unwrap();
        assert_eq!(row.parent, Some((run.id().clone(), "sub".parse().unwrap())));
    }
}

#[tokio::test]
async fn a_sub_flow_that_is_cut_off_is_cancelled_and_awaited() {
    for (parent, code) in [("timeout: 1s", ErrorCode::Timeout), ("doc: x", ErrorCode::Cancelled)] {
        let store = Arc::new(MemoryStore::default());
        let process = Process::on(store.clone(), "a", Arc::default(), ManualClock::at(0), |_| {});
        let run = nested(&process, parent, "type: read, with: { act: polite }").await;
        process.ledger.began.notified().await;
        match code {
            ErrorCode::Timeout => process.clock.advance(1_000),
            _ => run.cancel("operator"),
        }
        match run.outcome().await {
            End::Finished(Outcome::Failed { error, .. }) => assert_eq!(error.code, code),
            End::Finished(Outcome::Cancelled) => assert_eq!(code, ErrorCode::Cancelled),
            other => panic!("{other:?}"),
        }
        // When the parent has its end, the child's is stored.
        let last = last_event(&store, &child_of(&run, 1)).await;
        assert!(
            matches!(last, Event::RunFinished { outcome: Outcome::Cancelled }),
            "{parent}: {last:?}"
        );
        assert_eq!(process.ledger.now.load(Ordering::SeqCst), 0);
    }
}

#[tokio::test]
async fn parking_does_not_wait_for_sub_flows_and_they_go_on_elsewhere() {
    let store = Arc::new(MemoryStore::default());
    let clock = ManualClock::at(1_000);
    let first = Process::on(store.clone(), "a", Arc::default(), clock.clone(), |_| {});
    let child = "type: read, with: { v: 3, act: wait }";
    let run = nested(&first, "with: {}", child).await;
    first.ledger.began.notified().await;
    // Only the child has something to wait for, and it has no grace.
    first.executor.shutdown(Duration::ZERO).await;
    assert_eq!(run.outcome().await, End::Parked);
    let journal = store.whole_journal(run.id()).await.unwrap();
    assert!(matches!(journal.last().unwrap().event, Event::AttemptStarted { .. }), "{journal:?}");
    let next = Process::on(store, "b", first.ledger.clone(), clock, |_| {});
    let flow = graph("  sub: { type: idem, with: {} }\n", "\"${sub.out}\"");
    let resumed = next.executor.resume(run.id(), flow, sub(&next, child)).await.unwrap();
    next.ledger.began.notified().await;
    next.ledger.open.notify_one();
    let end = resumed.outcome().await;
    let End::Finished(Outcome::Succeeded { output }) = end else { panic!("{end:?}") };
    assert_eq!(output.get("out"), Some(&Value::Int(3)));
}
