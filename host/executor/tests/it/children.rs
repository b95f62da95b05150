//! Sub-flows: a step has one child, whoever performs it and however often.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use cleargate_executor::limits::MAX_DEPTH;
use cleargate_executor::{
    CallScope, End, ManualClock, NodeContext, RunHandle, StartError, StartRun, child_id,
};
use cleargate_flow::limits::Limits;
use cleargate_flow::{Graph, Outcome, RunId, Value};
use cleargate_store::{MemoryStore, Store};

use crate::world::{Process, graph};

/// The context of the node `sub` of `run`.
fn context(process: &Process, run: &str) -> NodeContext {
    let scope = CallScope {
        name: "flow".into(),
        grants: Arc::default(),
        limits: Limits::combine(&[]),
        folder: None,
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
    assert_eq!((first.id(), first.id()), (again.id(), &child_id(&ctx.run, &ctx.address)));
    process.ledger.open.notify_one();
    let end = first.outcome().await;
    assert!(matches!(end, End::Finished(Outcome::Succeeded { .. })), "{end:?}");
    let after = child(&process, &ctx, &flow).await.unwrap();
    assert_eq!((again.outcome().await, after.outcome().await), (end.clone(), end));
    assert_eq!(process.ledger.keys()["a"].len(), 1, "the child ran once");
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
