//! A sub-flow of a fork goes on from what it did in the old run: at any depth, and wherever a process ends.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use cleargate_executor::{Clock, End, ManualClock, RunHandle, child_id};
use cleargate_flow::history::{Cut, cut};
use cleargate_flow::{Address, ErrorCode, Event, Graph, Outcome, Record, RunId, Value};
use cleargate_store::{Created, MemoryStore, NewRun, Store};
use indexmap::IndexMap;

use crate::children::family;
use crate::world::{Ledger, Mortal, Process, graph};

const LEASE_MS: u64 = 15_000;

/// A flow in a flow in a flow; what the innermost does first must not be repeated.
fn graphs() -> [Arc<Graph>; 3] {
    [
        graph("  mid: { type: idem }\n", "\"${mid.out}\""),
        graph(
            "  each: { map: \"[1, 2]\", max: 2, concurrency: 1, do: { sub: { type: idem } }, out: \"${sub.out}\" }\n",
            "\"${each}\"",
        ),
        graph(
            "  first: { type: once, with: { v: 1 } }\n\
             \x20 then: { type: idem, with: { v: \"${first + 1}\" } }\n\
             \x20 last: { type: idem, with: { v: \"${then + 1}\" } }\n",
            "\"${last}\"",
        ),
    ]
}

fn at(address: &str) -> Address {
    address.parse().unwrap()
}

/// What a run does that keeps what another one did, without some places and with what its sub-flow begins with.
async fn kept(
    store: &MemoryStore,
    graph: &Arc<Graph>,
    ids: [&RunId; 2],
    parent: Option<(RunId, Address)>,
    [places, inside]: [&[Address]; 2],
) -> Vec<Event> {
    let records = store.whole_journal(ids[0]).await.unwrap();
    let journal: Vec<Event> = records.into_iter().map(|record| record.event).collect();
    let cut = cut(&Cut {
        from: graph,
        to: graph,
        old: ids[0],
        new: ids[1],
        journal: &journal,
        at: places,
        inside,
        set: &IndexMap::new(),
        input: None,
        parent,
    });
    cut.unwrap().events
}

/// Puts what a sub-flow begins with into the journal of the run around it.
fn begin_with(around: &mut Vec<Event>, address: Address, from: &RunId, events: &[Event]) {
    let kept: Value = serde_json::from_str(&serde_json::to_string(events).unwrap()).unwrap();
    let from = from.clone();
    around.insert(around.len() - 1, Event::SubFlowForked { address, attempt: 1, from, kept });
}

/// A run from its beginning to its end, and a fork of it in which the second item's innermost run does `then` anew.
async fn fork(store: &Arc<MemoryStore>, clock: &ManualClock, ledger: Arc<Ledger>) -> RunId {
    let [outer, middle, inner] = graphs();
    let process = Process::on(store.clone(), "before", ledger, clock.clone(), |_| {});
    let catalog = family(&process, &middle, &inner);
    let run = process.executor.start(outer.clone(), catalog, Default::default()).await.unwrap();
    assert!(matches!(run.outcome().await, End::Finished(Outcome::Succeeded { .. })));

    let (mid, sub) = (at("mid"), at("each[1].sub"));
    let new: RunId = "forked".parse().unwrap();
    let old = [run.id().clone(), child_id(run.id(), &mid, 1)];
    let old = [&old[..], &[child_id(&old[1], &sub, 1)]].concat();
    let child = child_id(&new, &mid, 1);
    let grandchild = child_id(&child, &sub, 1);
    let parent = Some((child.clone(), sub.clone()));
    let innermost = kept(store, &inner, [&old[2], &grandchild], parent, [&[at("then")], &[]]).await;
    let parent = Some((new.clone(), mid.clone()));
    let mut within =
        kept(store, &middle, [&old[1], &child], parent, [&[], std::slice::from_ref(&sub)]).await;
    begin_with(&mut within, sub, &old[2], &innermost);
    let mut events =
        kept(store, &outer, [&old[0], &new], None, [&[], std::slice::from_ref(&mid)]).await;
    begin_with(&mut events, mid, &old[1], &within);
    store_run(store, &new, &outer, events, 0).await;
    new
}

async fn store_run(store: &MemoryStore, id: &RunId, graph: &Graph, events: Vec<Event>, at: i64) {
    let records = events.into_iter().zip(0..);
    let new = NewRun {
        id: id.clone(),
        flow: graph.id.clone(),
        hash: graph.hash.clone(),
        idempotency_key: None,
        parent: None,
        origin: None,
        created_at: at,
        first: records.map(|(event, seq)| Record { seq, at, event }).collect(),
    };
    assert_eq!(store.create_run(new).await.unwrap(), Created::New);
}

fn done(ledger: &Ledger, address: &str) -> usize {
    ledger.keys().get(address).map_or(0, Vec::len)
}

#[tokio::test]
async fn a_fork_inside_of_sub_flows_repeats_nothing_wherever_a_process_ends() {
    let [outer, middle, inner] = graphs();
    for lands in [false, true] {
        let mut deaths = 0;
        loop {
            let (store, clock) = (Arc::new(MemoryStore::default()), ManualClock::at(1_000));
            let ledger: Arc<Ledger> = Arc::default();
            let new = fork(&store, &clock, ledger.clone()).await;
            let before = ["first", "then", "last"].map(|address| done(&ledger, address));
            assert_eq!(before, [2, 2, 2]);
            let mortal = Mortal::new(store.clone(), deaths, lands);
            let first = Process::on(mortal.clone(), "a", ledger.clone(), clock.clone(), |_| {});
            let catalog = family(&first, &middle, &inner);
            let run = first.executor.resume(&new, outer.clone(), catalog).await.unwrap();
            let mut end = run.outcome().await;
            let died = mortal.died.load(Ordering::SeqCst);
            if died {
                clock.advance(LEASE_MS + 1);
                let second = Process::on(store.clone(), "b", ledger.clone(), clock.clone(), |_| {});
                let catalog = family(&second, &middle, &inner);
                let run = second.executor.resume(&new, outer.clone(), catalog).await.unwrap();
                end = run.outcome().await;
            }
            let End::Finished(Outcome::Succeeded { output }) = end else {
                panic!("death at append {deaths}, lands: {lands}: {end:?}")
            };
            assert_eq!(output.to_json(), r#"{"out":[3,3]}"#);
            let [once, then, last] = ["first", "then", "last"].map(|at| done(&ledger, at));
            assert_eq!(once, 2, "what was kept was repeated, death at append {deaths}");
            let most = 3 + usize::from(died);
            assert!((3..=most).contains(&then) && (3..=most).contains(&last), "{then} {last}");
            let grandchild = child_id(&child_id(&new, &at("mid"), 1), &at("each[1].sub"), 1);
            let journal = store.whole_journal(&grandchild).await.unwrap();
            let forked = |record: &&Record| matches!(record.event, Event::Forked { .. });
            assert_eq!(journal.iter().filter(forked).count(), 1);
            if !died {
                break;
            }
            deaths += 1;
        }
        assert!(deaths >= 6, "only {deaths} appends were tried");
    }
}

#[tokio::test]
async fn a_sub_flow_does_not_go_on_from_what_was_given_something_else() {
    let (store, clock) = (Arc::new(MemoryStore::default()), ManualClock::at(1_000));
    let [outer, middle, inner] = graphs();
    let ledger: Arc<Ledger> = Arc::default();
    let new = fork(&store, &clock, ledger.clone()).await;
    let records = store.whole_journal(&new).await.unwrap();
    for (n, change) in ["input", "hash"].into_iter().enumerate() {
        let mut events: Vec<Event> = records.iter().map(|record| record.event.clone()).collect();
        let Some(Event::SubFlowForked { kept, .. }) = events.iter_mut().rev().nth(1) else {
            panic!("{events:?}")
        };
        let mut begins: Vec<Event> = serde_json::from_str(&kept.to_json()).unwrap();
        let Event::RunStarted { input, hash, .. } = &mut begins[0] else { panic!("{begins:?}") };
        match change {
            "input" => *input = Value::record([("other", Value::Int(1))]),
            _ => *hash = inner.hash.clone(),
        }
        *kept = serde_json::from_str(&serde_json::to_string(&begins).unwrap()).unwrap();
        let id = format!("other-{n}").parse().unwrap();
        store_run(&store, &id, &outer, events, 0).await;
        let process = Process::on(store.clone(), "a", ledger.clone(), clock.clone(), |_| {});
        let catalog = family(&process, &middle, &inner);
        let run = process.executor.resume(&id, outer.clone(), catalog).await.unwrap();
        let End::Finished(Outcome::Failed { error, .. }) = run.outcome().await else { panic!() };
        assert_eq!(error.code, ErrorCode::InvalidInput, "{error}");
        assert!(error.help.unwrap().contains("fork the run at the sub-flow"));
    }
    assert_eq!(done(&ledger, "first"), 2, "nothing was begun");
}

/// A block in which the second step takes as long as it is let.
fn hurried() -> Arc<Graph> {
    graph(
        "  hurry:\n    map: \"[1]\"\n    max: 1\n    as: n\n    deadline: 10s\n    do:\n      \
         a: { type: once, with: { v: \"${n}\" } }\n      \
         b: { type: read, after: a, with: { v: 2, act: wait } }\n    out: \"${b}\"\n",
        "\"${hurry}\"",
    )
}

/// Lets whatever can happen now happen.
async fn settle() {
    for _ in 0..50 {
        tokio::task::yield_now().await;
    }
}

/// How a run ends, once its attempts have had their time to.
async fn in_the_end(run: &RunHandle, clock: &ManualClock) -> End {
    while run.ended().is_none() {
        settle().await;
        clock.advance(100);
    }
    run.outcome().await
}

#[tokio::test]
async fn a_fork_inside_of_a_block_has_the_time_of_the_block_anew_from_its_own_beginning() {
    let graph = hurried();
    for in_time in [true, false] {
        let (store, clock) = (Arc::new(MemoryStore::default()), ManualClock::at(1_000));
        let before = Process::on(store.clone(), "a", Arc::default(), clock.clone(), |_| {});
        let ledger = before.ledger.clone();
        let run = before.start(&graph).await;
        ledger.began.notified().await;
        settle().await;
        clock.advance(10_000);
        let End::Finished(Outcome::Failed { error, .. }) = in_the_end(&run, &clock).await else {
            panic!()
        };
        assert_eq!(error.code, ErrorCode::Timeout);

        // Hours later.
        clock.advance(10_000_000);
        let new: RunId = "forked".parse().unwrap();
        let place = [at("hurry[0].b")];
        let events = kept(&store, &graph, [run.id(), &new], None, [&place, &[]]).await;
        let passed = events.iter().any(|event| matches!(event, Event::DeadlinePassed { .. }));
        assert!(!passed, "the time that has passed in the old run was taken over: {events:?}");
        store_run(&store, &new, &graph, events, clock.now()).await;
        let first = Process::on(store.clone(), "b", ledger.clone(), clock.clone(), |_| {});
        let run = first.resume(&new, &graph).await.unwrap();
        settle().await;
        clock.advance(6_000);
        settle().await;
        assert_eq!(run.ended(), None, "it has ten seconds of its own");
        first.executor.shutdown(std::time::Duration::ZERO).await;

        // The time goes on while nobody drives the run, as for any other.
        let second = Process::on(store.clone(), "c", ledger.clone(), clock.clone(), |_| {});
        let run = second.resume(&new, &graph).await.unwrap();
        settle().await;
        clock.advance(if in_time { 3_999 } else { 4_000 });
        settle().await;
        let journal = store.whole_journal(&new).await.unwrap();
        let passed = |record: &Record| matches!(record.event, Event::DeadlinePassed { .. });
        assert_eq!(journal.iter().any(passed), !in_time);
        if in_time {
            ledger.open.notify_one();
        }
        match (in_time, in_the_end(&run, &clock).await) {
            (true, End::Finished(Outcome::Succeeded { output })) => {
                assert_eq!(output.to_json(), r#"{"out":[2]}"#);
            }
            (false, End::Finished(Outcome::Failed { error, .. })) => {
                assert_eq!(error.code, ErrorCode::Timeout);
            }
            (_, end) => panic!("{end:?}"),
        }
        assert_eq!(done(&ledger, "hurry[0].a"), 1);
    }
}
