//! Random histories on the memory store and on the file, which is closed and opened in between: every answer
//! is the same.

use cleargate_flow::{ErrorCode, Event, FlowHash, NodeError, Outcome, Record, RunId, Value};
use cleargate_store::quota::ENTRY_BYTES;
use cleargate_store::sqlite::Class;
use cleargate_store::{
    BlobDigest, Durability, KvSpace, Lease, MemoryStore, Quota, RunFilter, RunStatus, SqliteConfig,
    SqliteStore, Store,
};
use cleargate_store::{Letter, Says, Trouble, WaitFilter};
use proptest::prelude::*;

/// What can be asked. Names are drawn from few, so that questions meet.
#[derive(Clone, Debug)]
enum Ask {
    Create {
        run: u8,
        key: Option<u8>,
        flow: u8,
        at: i64,
    },
    Acquire {
        run: u8,
        now: i64,
        ttl: u64,
    },
    Renew {
        lease: usize,
        now: i64,
    },
    Release {
        lease: usize,
    },
    /// `skip` shifts the positions, so that some batches do not continue the journal.
    Append {
        lease: usize,
        payloads: Vec<Value>,
        skip: u8,
        end: Option<u8>,
    },
    List {
        flow: Option<u8>,
        status: Option<usize>,
        limit: usize,
        before: Option<u8>,
    },
    Remove {
        run: u8,
    },
    Park {
        lease: usize,
        due: Option<i64>,
    },
    Post {
        run: u8,
        id: u8,
        says: Value,
    },
    Inbox {
        run: u8,
        limit: usize,
    },
    Waits {
        run: Option<u8>,
        tasks: bool,
        limit: usize,
        after: Option<(u8, u64)>,
    },
    Due {
        now: i64,
        below: Option<u8>,
    },
    Journal {
        run: u8,
        from: u64,
        limit: usize,
    },
    Ids {
        prefix: String,
        limit: usize,
    },
    Outstanding {
        now: i64,
    },
    Trouble {
        run: u8,
        tries: Option<u32>,
        set_aside: bool,
    },
    Aside {
        run: u8,
        before: Option<u8>,
        limit: usize,
    },
    Set {
        tenant: bool,
        key: String,
        value: Vec<u8>,
    },
    Swap {
        tenant: bool,
        key: String,
        expected: Option<Vec<u8>>,
        value: Vec<u8>,
    },
    Delete {
        tenant: bool,
        key: String,
    },
    Keys {
        tenant: bool,
        prefix: String,
        after: Option<String>,
    },
    Blob {
        bytes: Vec<u8>,
    },
    Bundle {
        flow: u8,
        bytes: Vec<u8>,
    },
    Reopen,
}

fn run_id(n: u8) -> RunId {
    crate::id(&format!("run{n}"))
}

fn values() -> impl Strategy<Value = Value> {
    let digest = BlobDigest::of(b"").to_string();
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        any::<i64>().prop_map(Value::Int),
        any::<f64>().prop_filter("finite", |x| x.is_finite()).prop_map(Value::Float),
        any::<String>().prop_map(Value::from),
        // What looks like the store's own marks is data like any other.
        Just(Value::from(digest)),
        // Below, at and above the size from which a payload becomes a blob.
        (4090..4100_usize).prop_map(|n| Value::from("x".repeat(n))),
        prop::collection::vec(any::<f32>().prop_filter("finite", |x| x.is_finite()), 0..4)
            .prop_map(|xs| Value::list(xs.into_iter().map(|x| Value::Float(x.into())))),
        prop::collection::btree_map("[a-z\0é]{0,3}", any::<i64>(), 0..4)
            .prop_map(|fields| Value::record(fields.into_iter().map(|(k, v)| (k, v.into())))),
    ]
}

fn keys() -> impl Strategy<Value = String> {
    prop::sample::select(vec!["", "a", "aa", "ab", "a\0", "b", "é", "a\u{10ffff}", "%", "A"])
        .prop_map(str::to_owned)
}

fn bytes() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(0..3_u8, 0..3)
}

fn asks() -> impl Strategy<Value = Ask> {
    let maybe = |n: std::ops::Range<u8>| prop::option::of(n);
    prop_oneof![
        3 => (0..5_u8, maybe(0..3), 0..2_u8, 0..50_i64)
            .prop_map(|(run, key, flow, at)| Ask::Create { run, key, flow, at }),
        4 => (0..6_u8, prop_oneof![9 => 0..50_i64, 1 => Just(i64::MAX)], prop_oneof![9 => 0..20_u64, 1 => Just(u64::MAX)])
            .prop_map(|(run, now, ttl)| Ask::Acquire { run, now, ttl }),
        2 => (any::<usize>(), 0..50_i64).prop_map(|(lease, now)| Ask::Renew { lease, now }),
        1 => any::<usize>().prop_map(|lease| Ask::Release { lease }),
        8 => (any::<usize>(), prop::collection::vec(values(), 0..4),
              prop_oneof![9 => Just(0_u8), 1 => 0..3_u8],
              prop_oneof![8 => Just(None), 1 => (0..3_u8).prop_map(Some)])
            .prop_map(|(lease, payloads, skip, end)| Ask::Append { lease, payloads, skip, end }),
        2 => (maybe(0..2), prop::option::of(0..5_usize), 0..4_usize, maybe(0..6))
            .prop_map(|(flow, status, limit, before)| Ask::List { flow, status, limit, before }),
        1 => (0..6_u8).prop_map(|run| Ask::Remove { run }),
        3 => (any::<usize>(), prop::option::of(0..50_i64))
            .prop_map(|(lease, due)| Ask::Park { lease, due }),
        3 => (0..6_u8, 0..3_u8, values()).prop_map(|(run, id, says)| Ask::Post { run, id, says }),
        2 => (0..6_u8, 0..3_usize).prop_map(|(run, limit)| Ask::Inbox { run, limit }),
        2 => (maybe(0..6), any::<bool>(), 0..4_usize, prop::option::of((0..6_u8, 0..6_u64))).prop_map(
            |(run, tasks, limit, after)| Ask::Waits { run, tasks, limit, after }),
        2 => (0..50_i64, maybe(0..6)).prop_map(|(now, below)| Ask::Due { now, below }),
        2 => (0..6_u8, prop_oneof![0..6_u64, Just(u64::MAX)], prop_oneof![0..9_usize, Just(usize::MAX)])
            .prop_map(|(run, from, limit)| Ask::Journal { run, from, limit }),
        1 => ("(r(un[0-9]?)?)?|x|run0\u{10ffff}", 0..4_usize)
            .prop_map(|(prefix, limit)| Ask::Ids { prefix, limit }),
        1 => (0..50_i64).prop_map(|now| Ask::Outstanding { now }),
        2 => (0..6_u8, prop::option::of(0..9_u32), any::<bool>())
            .prop_map(|(run, tries, set_aside)| Ask::Trouble { run, tries, set_aside }),
        1 => (0..6_u8, maybe(0..6), 0..4_usize)
            .prop_map(|(run, before, limit)| Ask::Aside { run, before, limit }),
        2 => (any::<bool>(), keys(), bytes())
            .prop_map(|(tenant, key, value)| Ask::Set { tenant, key, value }),
        1 => (any::<bool>(), keys(), prop::option::of(bytes()), bytes())
            .prop_map(|(tenant, key, expected, value)| Ask::Swap { tenant, key, expected, value }),
        1 => (any::<bool>(), keys()).prop_map(|(tenant, key)| Ask::Delete { tenant, key }),
        2 => (any::<bool>(), keys(), prop::option::of(keys()))
            .prop_map(|(tenant, prefix, after)| Ask::Keys { tenant, prefix, after }),
        1 => bytes().prop_map(|bytes| Ask::Blob { bytes }),
        1 => (0..2_u8, bytes()).prop_map(|(flow, bytes)| Ask::Bundle { flow, bytes }),
        1 => Just(Ask::Reopen),
    ]
}

fn space(tenant: bool) -> KvSpace<'static> {
    KvSpace::new(if tenant { "a" } else { "ab" }, "s")
}

fn create(run: u8, key: Option<u8>, flow: u8, at: i64) -> cleargate_store::NewRun {
    let name = format!("run{run}");
    let key = key.map(|key| format!("key{key}"));
    let mut new = crate::new_run(&name, key.as_deref());
    new.flow = format!("flow{flow}").parse().unwrap();
    new.created_at = at;
    new.origin = (flow == 0 && at % 2 == 1).then(|| run_id(1));
    new.parent = (flow == 1).then(|| (run_id(0), "each[2].step".parse().unwrap()));
    new
}

fn events(payloads: &[Value], end: Option<u8>) -> Vec<Event> {
    let address: cleargate_flow::Address = "a.b[3]".parse().unwrap();
    let failure =
        NodeError::new(ErrorCode::Denied, "no: é".repeat(200)).with_detail(Value::Float(0.1));
    let calls = payloads.iter().enumerate().map(|(call, value)| Event::CallFinished {
        address: address.clone(),
        attempt: 1,
        within: Vec::new(),
        call: call as u32,
        request: None,
        digest: "d".into(),
        outcome: if value.is_null() { Err(failure.clone()) } else { Ok(value.clone()) },
    });
    let calls = calls.chain(payloads.iter().filter_map(wait));
    let migrated = (payloads.len() == 2).then(|| Event::Migrated {
        from: FlowHash::of(b"f"),
        to: FlowHash::of(payloads[0].to_json().as_bytes()),
    });
    let calls = calls.chain(migrated);
    let outcome = match end {
        Some(0) => Some(Outcome::Cancelled),
        Some(1) => Some(Outcome::Failed { address: Some(address.clone()), error: failure.clone() }),
        Some(_) => Some(Outcome::Succeeded { output: Value::list(payloads.to_vec()) }),
        None => None,
    };
    calls.chain(outcome.map(|outcome| Event::RunFinished { outcome })).collect()
}

/// Some of what opens and ends waits, and takes letters.
fn wait(value: &Value) -> Option<Event> {
    let Value::Int(n) = value else { return None };
    let address: cleargate_flow::Address = ["w", "m[1].w"][(n & 1) as usize].parse().unwrap();
    let until = (n & 2 == 0).then_some(n & 63);
    let (id, by) = (format!("id{}", n & 3), "ada".to_owned());
    Some(match (n >> 6) & 7 {
        0 => Event::WaitStarted { address, name: None, until },
        1 => Event::WaitStarted { address, name: Some("paid".into()), until },
        2 | 3 => {
            let title = Value::from("é".repeat(300));
            let assignee = Value::list(["ada".into(), value.clone()]);
            let task = Value::record([("title", title), ("assignee", assignee)]);
            Event::TaskOpened { address, task, until }
        }
        4 => Event::WaitOver { address },
        5 => Event::WaitEnded { address },
        6 => Event::SignalReceived { name: "paid".into(), id, by, payload: value.clone() },
        _ => Event::TaskAnswered { address, id, by, given: 1, answer: value.clone() },
    })
}

/// Asks a store; the answer as text, which is the same for equal answers.
async fn answer(store: &dyn Store, ask: &Ask, leases: &mut Vec<Lease>) -> String {
    let pick = |leases: &[Lease], n: usize| match leases.len() {
        0 => Lease { run: run_id(0), owner: "w".into(), fence: 1, until: 0 },
        len => leases[n % len].clone(),
    };
    match ask.clone() {
        Ask::Create { run, key, flow, at } => {
            format!("{:?}", store.create_run(create(run, key, flow, at)).await)
        }
        Ask::Acquire { run, now, ttl } => {
            let lease = store.acquire(&run_id(run), "w", now, ttl).await;
            leases.extend(lease.clone());
            format!("{lease:?}")
        }
        Ask::Renew { lease, now } => {
            format!("{:?}", store.renew(&pick(leases, lease), now, 5).await)
        }
        Ask::Release { lease } => format!("{:?}", store.release(&pick(leases, lease)).await),
        Ask::Append { lease, payloads, skip, end } => {
            let lease = pick(leases, lease);
            let last = store.run(&lease.run).await.unwrap().map_or(0, |row| row.last_seq);
            let first = last + 1 + u64::from(skip);
            let records = (first..)
                .zip(events(&payloads, end))
                .map(|(seq, event)| Record { seq, at: seq.cast_signed(), event })
                .collect();
            format!("{:?}", store.append(&lease, records, Durability::Sync).await)
        }
        Ask::List { flow, status, limit, before } => {
            let filter = RunFilter {
                flow: flow.map(|n| format!("flow{n}").parse().unwrap()),
                status: status.map(|n| RunStatus::ALL[n]),
                top_only: limit % 2 == 0,
                finished_before: (limit == 3).then_some(3),
                limit,
                before: before.map(run_id),
            };
            format!("{:?}", store.runs(&filter).await)
        }
        Ask::Remove { run } => format!("{:?}", store.remove_run(&run_id(run)).await),
        Ask::Park { lease, due } => {
            format!("{:?}", store.park(&pick(leases, lease), due).await)
        }
        Ask::Post { run, id, says } => {
            let says = Says::Signal { name: "paid".into(), payload: says };
            let (run, id) = (run_id(run), format!("id{id}"));
            let letter = Letter { run, id, by: "bo".into(), at: 7, says };
            format!("{:?}", store.post(&letter).await)
        }
        Ask::Inbox { run, limit } => format!("{:?}", store.inbox(&run_id(run), limit).await),
        Ask::Waits { run, tasks, limit, after } => {
            let (run, after) = (run.map(run_id), after.map(|(run, seq)| (run_id(run), seq)));
            let filter = WaitFilter { run, tasks, limit, after };
            format!("{:?}", store.waits(&filter).await)
        }
        Ask::Due { now, below } => {
            let below = below.map(run_id);
            let children = store.children(&run_id(0)).await;
            let next = store.next_due(now).await;
            format!("{:?} {children:?} {next:?}", store.due(now, below.as_ref()).await)
        }
        Ask::Journal { run, from, limit } => {
            format!("{:?}", store.journal(&run_id(run), from, limit).await)
        }
        Ask::Ids { prefix, limit } => format!("{:?}", store.run_ids(&prefix, limit).await),
        Ask::Outstanding { now } => format!("{:?}", store.outstanding(now).await),
        other => troubles_answer(store, other).await,
    }
}

async fn troubles_answer(store: &dyn Store, ask: Ask) -> String {
    match ask {
        Ask::Trouble { run, tries, set_aside } => {
            let note = |tries| Trouble {
                tries,
                records: u64::from(tries) * 3,
                at: 5,
                why: "é".repeat(tries as usize * 99),
                set_aside,
            };
            let set = store.set_trouble(&run_id(run), tries.map(note)).await;
            format!("{set:?} {:?}", store.trouble(&run_id(run)).await)
        }
        Ask::Aside { run, before, limit } => {
            let undelivered = store.undelivered(&run_id(run), limit).await;
            let before = before.map(run_id);
            format!("{undelivered:?} {:?}", store.set_aside(before.as_ref(), limit).await)
        }
        other => values_answer(store, other).await,
    }
}

async fn values_answer(store: &dyn Store, ask: Ask) -> String {
    match ask {
        Ask::Set { tenant, key, value } => {
            let set = store.kv_set(space(tenant), &key, value).await;
            format!("{set:?} {:?}", store.kv_get(space(tenant), &key).await)
        }
        Ask::Swap { tenant, key, expected, value } => {
            let swap = store.kv_swap(space(tenant), &key, expected.as_deref(), value).await;
            format!("{swap:?} {:?}", store.kv_get(space(tenant), &key).await)
        }
        Ask::Delete { tenant, key } => format!("{:?}", store.kv_delete(space(tenant), &key).await),
        Ask::Keys { tenant, prefix, after } => {
            format!("{:?}", store.kv_list(space(tenant), &prefix, after.as_deref()).await)
        }
        Ask::Blob { bytes } => {
            let put = store.put_blob("a", bytes).await;
            let got = match &put {
                Ok(digest) => store.get_blob("a", digest).await,
                Err(_) => Ok(None),
            };
            format!("{put:?} {got:?}")
        }
        Ask::Bundle { flow, bytes } => {
            let hash = FlowHash::of(&[flow]);
            let put = store.put_flow(&hash, bytes).await;
            format!("{put:?} {:?}", store.get_flow(&hash).await)
        }
        other => panic!("{other:?} is asked elsewhere"),
    }
}

async fn compare(asks: Vec<Ask>) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    // So little that some histories reach it.
    let quota = Quota { values: 4 * ENTRY_BYTES, blobs: 7 * ENTRY_BYTES };
    let memory = MemoryStore::bounded(quota);
    let config = SqliteConfig { quota, ..SqliteConfig::new(Class::ProcessSafe) };
    let open = || SqliteStore::open(&path, &config).unwrap();
    let mut file = open();
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for ask in &asks {
        if matches!(ask, Ask::Reopen) {
            drop(file);
            file = open();
            continue;
        }
        let wanted = answer(&memory, ask, &mut ours).await;
        assert_eq!(answer(&file, ask, &mut theirs).await, wanted, "{ask:?}");
    }
    for run in (0..6).map(run_id) {
        assert_eq!(file.run(&run).await, memory.run(&run).await);
        assert_eq!(file.whole_journal(&run).await, memory.whole_journal(&run).await);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: crate::soaked(48, 5_000), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_answer_is_that_of_the_memory_store(asks in prop::collection::vec(asks(), 1..60)) {
        let rt = tokio::runtime::Builder::new_current_thread().build().unwrap();
        rt.block_on(compare(asks));
    }
}
