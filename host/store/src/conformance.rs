//! What every store has to pass: the contract's refusals and promises, as checks that panic.
//!
//! They ask through the trait alone, so a store written elsewhere is held to the same.

mod troubles;

use cleargate_flow::event::MAX_PAYLOAD_DEPTH;
use cleargate_flow::{Event, FlowHash, Outcome, Record, RunId, Value};

use crate::kv::{MAX_KEY_BYTES, MAX_VALUE_BYTES};
use crate::quota::{ENTRY_BYTES, Quota};
use crate::run::MAX_LEASE_MS;
use crate::waits::{MAX_INBOX, MAX_LETTER_BYTES, MAX_LETTER_ID_BYTES};
use crate::{
    Created, Durability, KvSpace, Letter, NewRun, Posted, Removed, RunFilter, RunStatus, Says,
    Store, StoreError, WaitFilter,
};

pub use troubles::leaves_alone_what_was_set_aside;

/// A run of flow `f` with its first record.
pub(crate) fn new_run(id: &str, key: Option<&str>) -> NewRun {
    let (flow, hash) = ("f".parse().expect("an id"), FlowHash::of(b"f"));
    let first = Event::RunStarted {
        flow,
        hash: hash.clone(),
        input: Value::empty(),
        parent: None,
        v: cleargate_flow::event::EVENT_VERSION,
    };
    NewRun {
        id: id.parse().expect("an id"),
        flow: "f".parse().expect("an id"),
        hash,
        idempotency_key: key.map(Into::into),
        parent: None,
        origin: None,
        created_at: 1,
        first: vec![Record { seq: 0, at: 1, event: first }],
    }
}

fn cancel(seq: u64) -> Record {
    Record { seq, at: 2, event: Event::CancelRequested { by: "operator".into() } }
}

fn finish(seq: u64) -> Record {
    Record { seq, at: 3, event: Event::RunFinished { outcome: Outcome::Cancelled } }
}

async fn put(store: &dyn Store, id: &str) -> RunId {
    assert_eq!(store.create_run(new_run(id, None)).await, Ok(Created::New));
    id.parse().expect("an id")
}

/// One idempotency key is one run; an id is used once; first records count from 0.
pub async fn creates_once(store: &dyn Store) {
    assert_eq!(store.create_run(new_run("k1", Some("key"))).await, Ok(Created::New));
    let again = store.create_run(new_run("k2", Some("key"))).await;
    assert_eq!(again, Ok(Created::Exists("k1".parse().expect("an id"))));
    let taken = store.create_run(new_run("k1", None)).await;
    assert!(matches!(taken, Err(StoreError::RunExists { .. })), "{taken:?}");
    for first in [vec![], vec![cancel(1)]] {
        let refused = store.create_run(NewRun { first, ..new_run("k3", None) }).await;
        assert!(matches!(refused, Err(StoreError::Sequence { expected: 0, .. })), "{refused:?}");
    }
    assert_eq!(store.run(&"k3".parse().expect("an id")).await, Ok(None));
    let parent = ("k1".parse().expect("an id"), "sub".parse().expect("an address"));
    let child = NewRun { parent: Some(parent), ..new_run("k4", None) };
    assert_eq!(store.create_run(child).await, Ok(Created::New));
    for (top_only, seen) in [(false, true), (true, false)] {
        let rows = store.runs(&RunFilter { top_only, ..RunFilter::default() }).await.expect("runs");
        assert_eq!(rows.iter().any(|row| row.id.as_str() == "k4"), seen, "top_only: {top_only}");
    }
}

/// A lease excludes others until it runs out; a taken-over writer is refused and changes nothing.
pub async fn fences(store: &dyn Store) {
    let run = put(store, "fenced").await;
    let old = store.acquire(&run, "a", 0, 10).await.expect("the run is free");
    let busy = store.acquire(&run, "a", 9, 10).await;
    assert!(matches!(busy, Err(StoreError::Leased { until: 10, .. })), "{busy:?}");
    let new = store.acquire(&run, "b", 10, 10).await.expect("the lease ran out");
    assert!(new.fence > old.fence);
    let late = store.append(&old, vec![cancel(1)], Durability::Sync).await;
    assert!(matches!(late, Err(StoreError::Fenced { .. })), "{late:?}");
    assert!(matches!(store.renew(&old, 11, 9).await, Err(StoreError::Fenced { .. })));
    assert_eq!(store.release(&old).await, Ok(()));
    assert_eq!(store.append(&new, vec![cancel(1)], Durability::Batched).await, Ok(()));
    assert_eq!(store.release(&new).await, Ok(()));
    let free = store.append(&new, vec![cancel(2)], Durability::Sync).await;
    assert!(matches!(free, Err(StoreError::Fenced { .. })), "{free:?}");
    assert_eq!(store.whole_journal(&run).await.expect("the journal").len(), 2);
}

/// A clock that was ahead, and was set right, keeps nobody from a run; and nobody holds one for ever.
pub async fn outlives_a_clock_that_was_ahead(store: &dyn Store) {
    let run = put(store, "ahead").await;
    let far = 1_000_000_000_000;
    let old = store.acquire(&run, "a", far, 10).await.expect("the run is free");
    for (now, free) in [(far + 10 - MAX_LEASE_MS.cast_signed(), false), (5, true)] {
        assert_eq!(store.outstanding(now).await.expect("runs").contains(&run), free, "at {now}");
    }
    let new = store.acquire(&run, "b", 5, u64::MAX).await.expect("the clock was set right");
    assert_eq!(new.until, 5 + MAX_LEASE_MS.cast_signed());
    let late = store.append(&old, vec![cancel(1)], Durability::Sync).await;
    assert!(matches!(late, Err(StoreError::Fenced { .. })), "{late:?}");
    let held = store.acquire(&run, "c", 6, 10).await;
    assert!(matches!(held, Err(StoreError::Leased { .. })), "{held:?}");
}

/// A journal has no gaps and nothing after its end, and the row follows it.
pub async fn appends_without_gaps(store: &dyn Store) {
    let run = put(store, "gapless").await;
    assert!(store.outstanding(0).await.expect("runs").contains(&run));
    let lease = store.acquire(&run, "a", 0, 10).await.expect("the run is free");
    assert!(!store.outstanding(0).await.expect("runs").contains(&run));
    assert!(store.outstanding(10).await.expect("runs").contains(&run));
    for bad in [vec![cancel(0)], vec![cancel(2)], vec![cancel(1), cancel(3)]] {
        let refused = store.append(&lease, bad, Durability::Sync).await;
        assert!(matches!(refused, Err(StoreError::Sequence { .. })), "{refused:?}");
    }
    let after_end = store.append(&lease, vec![finish(1), cancel(2)], Durability::Sync).await;
    assert!(matches!(after_end, Err(StoreError::Finished { .. })), "{after_end:?}");
    assert_eq!(store.append(&lease, vec![cancel(1), finish(2)], Durability::Sync).await, Ok(()));
    let row = store.run(&run).await.expect("the row").expect("the run");
    assert_eq!((row.status, row.last_seq, row.lease), (RunStatus::Cancelled, 2, None));
    assert_eq!(row.finished_at, Some(3));
    assert!(!store.outstanding(99).await.expect("runs").contains(&run));
    let ended = store.append(&lease, vec![cancel(3)], Durability::Sync).await;
    assert!(matches!(ended, Err(StoreError::Finished { .. })), "{ended:?}");
    assert_eq!(store.journal(&run, 1, 1).await, Ok(vec![cancel(1)]));
    let filter = RunFilter { status: Some(RunStatus::Cancelled), limit: 1, ..RunFilter::default() };
    assert_eq!(store.runs(&filter).await.expect("runs")[0].id, run);
}

/// A run keeps where it was forked from, belongs to another version after it was migrated, and is nobody's part.
pub async fn keeps_forks_apart(store: &dyn Store) {
    let origin = put(store, "origin").await;
    let forked = NewRun { origin: Some(origin.clone()), ..new_run("forked", None) };
    assert_eq!(store.create_run(forked).await, Ok(Created::New));
    let run = "forked".parse().expect("an id");
    let (from, to) = (FlowHash::of(b"f"), FlowHash::of(b"other"));
    let migrated = Record { seq: 1, at: 2, event: Event::Migrated { from, to: to.clone() } };
    let lease = store.acquire(&run, "a", 0, 10).await.expect("the run is free");
    assert_eq!(store.append(&lease, vec![migrated.clone()], Durability::Sync).await, Ok(()));
    let row = store.run(&run).await.expect("the row").expect("the run");
    assert_eq!((row.hash, row.origin, row.parent), (to, Some(origin.clone()), None));
    let top = RunFilter { top_only: true, ..RunFilter::default() };
    assert!(store.runs(&top).await.expect("runs").iter().any(|row| row.id == run));
    let lease = store.acquire(&origin, "a", 0, 10).await.expect("the run is free");
    assert_eq!(store.append(&lease, vec![finish(1)], Durability::Sync).await, Ok(()));
    assert_eq!(store.remove_run(&origin).await, Ok(Removed { runs: 1, records: 2 }));
    assert_eq!(store.journal(&run, 1, 9).await, Ok(vec![migrated]));
}

/// A finished run goes with its sub-flows and its key, and with nothing of anybody else.
pub async fn removes_what_is_finished(store: &dyn Store) {
    let large = Value::from("x".repeat(9_000));
    let started = |id: &'static str, parent: Option<&str>| {
        let parent =
            parent.map(|run| (run.parse().expect("an id"), "a".parse().expect("an address")));
        NewRun { parent, created_at: 7, ..new_run(id, (id == "gone").then_some("again")) }
    };
    let end = |output: &Value| Record {
        seq: 1,
        at: 70,
        event: Event::RunFinished { outcome: Outcome::Succeeded { output: output.clone() } },
    };
    for (id, parent) in
        [("gone", None), ("gone1", Some("gone")), ("gone2", Some("gone1")), ("stays", None)]
    {
        assert_eq!(store.create_run(started(id, parent)).await, Ok(Created::New));
    }
    let [gone, gone1, gone2, stays] =
        ["gone", "gone1", "gone2", "stays"].map(|id| id.parse::<RunId>().expect("an id"));
    let owned = store.put_blob("owner", large.to_json().into_bytes()).await.expect("a blob");
    for run in [&gone, &gone1, &stays, &gone2] {
        let refused = store.remove_run(&gone).await;
        assert!(matches!(refused, Err(StoreError::Unfinished { .. })), "{refused:?}");
        let lease = store.acquire(run, "a", 0, 10).await.expect("the run is free");
        assert_eq!(store.append(&lease, vec![end(&large)], Durability::Sync).await, Ok(()));
    }
    for child in [&gone1, &gone2] {
        let refused = store.remove_run(child).await;
        assert!(matches!(refused, Err(StoreError::SubFlow { .. })), "{refused:?}");
    }
    let ended =
        |time| RunFilter { finished_before: Some(time), top_only: true, ..RunFilter::default() };
    let ids = |rows: Vec<crate::RunRow>| rows.into_iter().map(|row| row.id).collect::<Vec<_>>();
    let late = ids(store.runs(&ended(71)).await.expect("runs"));
    assert!(late.contains(&gone) && late.contains(&stays) && !late.contains(&gone1), "{late:?}");
    assert!(!ids(store.runs(&ended(70)).await.expect("runs")).contains(&gone));
    assert_eq!(store.remove_run(&gone).await, Ok(Removed { runs: 3, records: 6 }));
    for run in [&gone, &gone1, &gone2] {
        assert_eq!(store.run(run).await, Ok(None));
        let nothing = Err(StoreError::NoSuchRun { run: run.clone() });
        assert_eq!(store.journal(run, 0, 9).await, nothing);
        assert_eq!(store.remove_run(run).await.map(|_| vec![]), nothing);
    }
    assert_eq!(store.journal(&stays, 1, 9).await, Ok(vec![end(&large)]));
    assert_eq!(store.create_run(started("gone", None)).await, Ok(Created::New));
    assert_eq!(store.journal(&gone, 1, 9).await, Ok(vec![]));
    assert_eq!(store.remove_run(&stays).await, Ok(Removed { runs: 1, records: 2 }));
    let kept = store.get_blob("owner", &owned).await;
    assert_eq!(kept, Ok(Some(large.to_json().into_bytes())));
}

/// A run that only waits is nobody's to go on with until its time has come or it has letters; a letter is taken once.
pub async fn wakes_who_waits(store: &dyn Store) {
    let (run, due) = (put(store, "waits").await, |now| store.due(now, None));
    let lease = store.acquire(&run, "a", 0, 10).await.expect("the run is free");
    let address: cleargate_flow::Address = "a".parse().expect("an address");
    let waits = |until| Event::WaitStarted { address: address.clone(), name: None, until };
    let record = |seq, event| vec![Record { seq, at: 2, event }];
    let append = |lease, records| store.append(lease, records, Durability::Sync);
    assert_eq!(append(&lease, record(1, waits(Some(50)))).await, Ok(()));
    assert_eq!(store.park(&lease, None).await, Ok(true));
    let row = store.run(&run).await.expect("the row").expect("the run");
    assert_eq!((row.status, row.lease), (RunStatus::Waiting, None));
    assert!(!store.outstanding(99).await.expect("runs").contains(&run));
    assert_eq!((due(49).await, due(50).await), (Ok(vec![]), Ok(vec![run.clone()])));
    let open = WaitFilter { run: Some(run.clone()), limit: 9, ..WaitFilter::default() };
    let found = store.waits(&open).await.expect("waits");
    assert_eq!((found.len(), found[0].until, found[0].seq), (1, Some(50), 1));
    let fenced = store.park(&lease, None).await;
    assert!(matches!(fenced, Err(StoreError::Fenced { .. })), "{fenced:?}");

    let says = |payload| Says::Signal { name: "e".into(), payload };
    let letter =
        |id: &str, says| Letter { run: run.clone(), id: id.into(), by: "b".into(), at: 3, says };
    let (first, second) = (letter("1", says(1.into())), letter("2", says(2.into())));
    assert_eq!(store.post(&first).await, Ok(Posted::New));
    assert_eq!(store.post(&letter("1", says(9.into()))).await, Ok(Posted::Known));
    assert_eq!(due(0).await, Ok(vec![run.clone()]));
    assert_eq!(store.due(0, Some(&run)).await, Ok(vec![run.clone()]));
    let lease = store.acquire(&run, "a", 60, 10).await.expect("the run is free");
    assert_eq!(due(60).await, Ok(vec![]), "somebody drives it");
    assert_eq!(store.park(&lease, None).await, Ok(false), "it has a letter");
    assert_eq!(store.post(&second).await, Ok(Posted::New));
    assert_eq!(store.inbox(&run, 9).await, Ok(vec![first.clone(), second.clone()]));
    let (name, by) = ("e".into(), "b".into());
    let taken = Event::SignalReceived { name, id: "1".into(), by, payload: 1.into() };
    assert_eq!(append(&lease, record(2, taken)).await, Ok(()));
    assert_eq!(store.inbox(&run, 9).await, Ok(vec![second]));
    assert_eq!(store.post(&first).await, Ok(Posted::Known), "it was taken before");
    let large = store.post(&letter("3", says("x".repeat(MAX_LETTER_BYTES).into()))).await;
    assert!(matches!(large, Err(StoreError::TooLarge { .. })), "{large:?}");
    let id = "i".repeat(MAX_LETTER_ID_BYTES + 1);
    let long = store.post(&letter(&id, says(Value::Null))).await;
    assert!(matches!(long, Err(StoreError::TooLarge { .. })), "{long:?}");
    for n in 1..MAX_INBOX {
        let posted = store.post(&letter(&format!("n{n}"), says(Value::Null))).await;
        assert_eq!(posted, Ok(Posted::New), "{n}");
    }
    let full = store.post(&letter("more", says(Value::Null))).await;
    assert!(matches!(full, Err(StoreError::InboxFull { .. })), "{full:?}");

    assert_eq!(
        append(&lease, record(3, Event::WaitEnded { address: address.clone() })).await,
        Ok(())
    );
    assert_eq!(store.waits(&open).await, Ok(vec![]));
    assert_eq!(append(&lease, record(4, waits(None))).await, Ok(()));
    assert_eq!(append(&lease, vec![finish(5)]).await, Ok(()));
    assert_eq!(store.waits(&open).await, Ok(vec![]));
    assert_eq!(due(99).await, Ok(vec![]));
    let ended = store.post(&letter("late", says(Value::Null))).await;
    assert!(matches!(ended, Err(StoreError::Finished { .. })), "{ended:?}");
    assert_eq!(store.remove_run(&run).await.map(|removed| removed.runs), Ok(1));

    // A deadline that is in no record.
    let run = put(store, "alarm").await;
    let lease = store.acquire(&run, "a", 0, 10).await.expect("the run is free");
    assert_eq!(store.park(&lease, Some(70)).await, Ok(true));
    assert_eq!(
        (store.due(69, None).await, store.due(70, None).await),
        (Ok(vec![]), Ok(vec![run.clone()]))
    );
    let lease = store.acquire(&run, "a", 70, 10).await.expect("the run is free");
    assert_eq!(store.park(&lease, None).await, Ok(true));
    assert_eq!(store.due(99, None).await, Ok(vec![]));
}

/// A payload that no reader could take back is refused, and the deepest one that is taken comes back.
pub async fn takes_what_can_be_read_back(store: &dyn Store) {
    let run = put(store, "deep").await;
    let lease = store.acquire(&run, "a", 0, 10).await.expect("the run is free");
    let ends = |levels| {
        let output = (1..levels).fold(Value::Null, |value, _| Value::list([value]));
        Record {
            seq: 1,
            at: 2,
            event: Event::RunFinished { outcome: Outcome::Succeeded { output } },
        }
    };
    let deep = ends(MAX_PAYLOAD_DEPTH + 1);
    let refused = store.append(&lease, vec![deep.clone()], Durability::Sync).await;
    assert!(matches!(refused, Err(StoreError::TooDeep { seq: 1, .. })), "{refused:?}");
    let first = Record { seq: 0, ..deep };
    let refused = store.create_run(NewRun { first: vec![first], ..new_run("d", None) }).await;
    assert!(matches!(refused, Err(StoreError::TooDeep { seq: 0, .. })), "{refused:?}");
    let deepest = ends(MAX_PAYLOAD_DEPTH);
    assert_eq!(store.append(&lease, vec![deepest.clone()], Durability::Sync).await, Ok(()));
    assert_eq!(store.journal(&run, 1, 1).await, Ok(vec![deepest]));
}

/// Values keep to their space, their bounds and their order.
pub async fn keeps_values_apart(store: &dyn Store) {
    let (ours, theirs) = (KvSpace::new("a", "s"), KvSpace::new("b", "s"));
    assert_eq!(store.kv_swap(ours, "k", None, b"1".to_vec()).await, Ok(true));
    assert_eq!(store.kv_swap(ours, "k", None, b"2".to_vec()).await, Ok(false));
    assert_eq!(store.kv_get(ours, "k").await, Ok(Some(b"1".to_vec())));
    assert_eq!(store.kv_get(theirs, "k").await, Ok(None));
    let long = "k".repeat(MAX_KEY_BYTES + 1);
    assert!(matches!(store.kv_get(ours, &long).await, Err(StoreError::TooLarge { .. })));
    assert_eq!(store.kv_set(ours, &long[1..], vec![0; MAX_VALUE_BYTES]).await, Ok(()));
    let large = store.kv_set(ours, "k", vec![0; MAX_VALUE_BYTES + 1]).await;
    assert!(matches!(large, Err(StoreError::TooLarge { .. })), "{large:?}");
    for n in 0..=crate::MAX_PAGE {
        store.kv_set(ours, &format!("p{n:04}"), vec![]).await.expect("a small value");
    }
    let page = store.kv_list(ours, "p", None).await.expect("keys");
    assert_eq!((page.keys.len(), page.next.as_deref()), (crate::MAX_PAGE, Some("p0999")));
    let rest = store.kv_list(ours, "p", page.next.as_deref()).await.expect("keys");
    assert_eq!((rest.keys, rest.next), (vec!["p1000".to_owned()], None));
    assert_eq!(store.kv_delete(ours, "k").await, Ok(true));
    assert_eq!(store.kv_delete(ours, "k").await, Ok(false));
}

/// A space and a tenant hold what they may, and room that is made is there again. `quota` is that of the store:
/// some thousand bytes.
pub async fn keeps_to_quotas(store: &dyn Store, quota: Quota) {
    let (full, other) = (KvSpace::new("q", "full"), KvSpace::new("q", "other"));
    let half = usize::try_from(quota.values / 2).expect("a small quota") - 200;
    let large = || vec![1; half];
    assert_eq!(store.kv_set(full, "a", large()).await, Ok(()));
    assert_eq!(store.kv_swap(full, "b", None, large()).await, Ok(true));
    // In place of itself it takes no more.
    assert_eq!(store.kv_set(full, "a", large()).await, Ok(()));
    for refused in [
        store.kv_set(full, "c", large()).await,
        store.kv_swap(full, "c", None, large()).await.map(|_| ()),
        store.kv_set(full, "a", vec![1; 2 * half]).await,
    ] {
        let Err(StoreError::OverQuota { key: "values", limit, .. }) = refused else {
            panic!("{refused:?}")
        };
        assert_eq!(limit, quota.values);
    }
    assert_eq!(store.kv_get(full, "a").await, Ok(Some(large())));
    assert_eq!(store.kv_get(full, "c").await, Ok(None));
    assert_eq!(store.kv_set(other, "c", large()).await, Ok(()));
    assert_eq!(store.kv_delete(full, "b").await, Ok(true));
    assert_eq!(store.kv_set(full, "c", large()).await, Ok(()));
    // Nothing is free: not even what is empty.
    let mut empty = 0;
    while store.kv_set(KvSpace::new("q", "empty"), &empty.to_string(), vec![]).await.is_ok() {
        empty += 1;
        assert!(empty <= quota.values / ENTRY_BYTES, "{empty} empty values");
    }
    let blob = |n| vec![n; usize::try_from(quota.blobs / 2).expect("a small quota") - 300];
    let digest = store.put_blob("q", blob(1)).await.expect("a blob");
    store.put_blob("q", blob(2)).await.expect("a blob");
    store.put_blob("q", blob(1)).await.expect("one that is there takes nothing");
    let refused = store.put_blob("q", blob(3)).await;
    assert!(matches!(refused, Err(StoreError::OverQuota { key: "blobs", .. })), "{refused:?}");
    assert_eq!(store.get_blob("r", &digest).await, Ok(None));
    assert_eq!(store.put_blob("r", blob(1)).await, Ok(digest));
    assert_eq!(store.get_blob("r", &digest).await, Ok(Some(blob(1))));
}

/// All of the above but the quotas, on one empty store.
pub async fn check(store: &dyn Store) {
    creates_once(store).await;
    fences(store).await;
    outlives_a_clock_that_was_ahead(store).await;
    appends_without_gaps(store).await;
    removes_what_is_finished(store).await;
    wakes_who_waits(store).await;
    leaves_alone_what_was_set_aside(store).await;
    keeps_forks_apart(store).await;
    takes_what_can_be_read_back(store).await;
    keeps_values_apart(store).await;
}
