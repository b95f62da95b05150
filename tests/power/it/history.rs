//! A history of changes to a store, made from a seed, and everything that a store says about itself.
//!
//! Each step is one transaction. So what a store may hold after a power cut is what it held after some step, all of it
//! and nothing else: half a step, a step without an earlier one and a step twice are no such state.

use std::path::{Path, PathBuf};

use cleargate_flow::{Event, FlowHash, Outcome, Record, RunId, Value};
use cleargate_power::dice::Dice;
use cleargate_store::sqlite::Class;
use cleargate_store::{
    Durability, KvSpace, Lease, Letter, NewRun, OpenError, RunFilter, Says, SqliteConfig,
    SqliteStore, Store, StoreError, WaitFilter,
};

/// Runs of a history; one that is removed comes again under its name.
const RUNS: usize = 3;

const SPACE: KvSpace<'static> = KvSpace { tenant: "t", store: "s" };

/// One transaction.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    Create(usize),
    Acquire(usize),
    Append {
        run: usize,
        bytes: usize,
        count: u64,
        sync: bool,
    },
    Wait(usize),
    Park(usize),
    Post(usize, u64),
    End(usize),
    Remove(usize),
    Set {
        key: usize,
        bytes: usize,
    },
    Delete {
        key: usize,
    },
    Blob {
        byte: u8,
        bytes: usize,
    },
    /// No transaction: the store is closed and opened.
    Reopen,
}

impl Step {
    /// Whether a store of the power-safe class keeps it once it has been acknowledged.
    pub(crate) fn lasts(&self) -> bool {
        !matches!(
            self,
            Self::Acquire(_) | Self::Remove(_) | Self::Append { sync: false, .. } | Self::Reopen
        )
    }
}

/// The steps of a seed.
pub(crate) fn steps(dice: &mut Dice, count: usize) -> Vec<Step> {
    let mut steps: Vec<Step> = (0..RUNS).map(Step::Create).collect();
    while steps.len() < count {
        let run = dice.below(RUNS);
        // Within a page, over several, and apart from the row.
        let bytes = *dice.of(&[10, 900, 3_500, 6_000, 30_000]);
        match dice.below(20) {
            0 => steps.push(Step::Create(run)),
            1..=2 => steps.push(Step::Set { key: dice.below(4), bytes }),
            3 => steps.push(Step::Delete { key: dice.below(4) }),
            4 => steps.push(Step::Blob { byte: dice.below(3) as u8, bytes }),
            5 => steps.push(Step::Reopen),
            6 => steps.extend([Step::Acquire(run), Step::Wait(run), Step::Park(run)]),
            7 => steps.push(Step::Post(run, dice.roll() % 5)),
            8 => steps.extend([
                Step::Acquire(run),
                Step::End(run),
                Step::Remove(run),
                Step::Create(run),
            ]),
            _ => {
                let (count, sync) = (1 + dice.roll() % 3, dice.below(3) > 0);
                steps.extend([Step::Acquire(run), Step::Append { run, bytes, count, sync }]);
            }
        }
    }
    steps
}

/// A store that folds its log every few steps.
pub(crate) fn config(class: Class) -> SqliteConfig {
    SqliteConfig { max_bytes: Some(6 << 20), ..SqliteConfig::new(class) }
}

pub(crate) fn id(run: usize) -> RunId {
    format!("run{run}").parse().unwrap()
}

fn new_run(run: usize) -> NewRun {
    let (flow, hash) = ("f".parse().unwrap(), FlowHash::of(b"f"));
    let first = Event::RunStarted { flow, hash, input: Value::empty(), parent: None, v: 1 };
    NewRun {
        id: id(run),
        flow: "f".parse().unwrap(),
        hash: FlowHash::of(b"f"),
        idempotency_key: Some(format!("key{run}")),
        parent: None,
        origin: None,
        created_at: run as i64,
        first: vec![Record { seq: 0, at: 1, event: first }],
    }
}

pub(crate) fn called(seq: u64, bytes: usize) -> Event {
    Event::CallFinished {
        address: "node".parse().unwrap(),
        attempt: 1,
        within: Vec::new(),
        call: seq as u32,
        request: None,
        digest: format!("digest of {seq}"),
        outcome: Ok(format!("{seq} {}", "x".repeat(bytes)).into()),
    }
}

/// Makes a step. What the rules of runs refuse is refused in every store alike, and changes nothing.
///
/// # Panics
/// When the store fails for a reason that lies in the disk, unless the test wants to hear of it.
pub(crate) async fn make(store: &dyn Store, step: &Step) -> Result<(), StoreError> {
    let append = async |run: usize, events: Vec<Event>, sync: bool| {
        let Some(row) = store.run(&id(run)).await? else { return Ok(()) };
        let lease = Lease { run: id(run), owner: "w".into(), fence: row.fence, until: 0 };
        let records = (row.last_seq + 1..).zip(events);
        let records = records.map(|(seq, event)| Record { seq, at: 2, event }).collect();
        let durability = if sync { Durability::Sync } else { Durability::Batched };
        store.append(&lease, records, durability).await
    };
    let done = match step.clone() {
        Step::Create(run) => store.create_run(new_run(run)).await.map(drop),
        Step::Acquire(run) => store.acquire(&id(run), "w", 1, 0).await.map(drop),
        Step::Append { run, bytes, count, sync } => {
            append(run, (0..count).map(|n| called(n, bytes)).collect(), sync).await
        }
        Step::Wait(run) => {
            let address = "wait".parse().unwrap();
            append(run, vec![Event::WaitStarted { address, name: None, until: Some(9) }], true)
                .await
        }
        Step::Park(run) => match store.run(&id(run)).await? {
            Some(row) => {
                let lease = Lease { run: id(run), owner: "w".into(), fence: row.fence, until: 0 };
                store.park(&lease, Some(7)).await.map(drop)
            }
            None => Ok(()),
        },
        Step::Post(run, letter) => {
            let says = Says::Signal { name: "paid".into(), payload: Value::Int(letter as i64) };
            let letter =
                Letter { run: id(run), id: format!("l{letter}"), by: "bo".into(), at: 3, says };
            store.post(&letter).await.map(drop)
        }
        Step::End(run) => {
            append(run, vec![Event::RunFinished { outcome: Outcome::Cancelled }], true).await
        }
        Step::Remove(run) => store.remove_run(&id(run)).await.map(drop),
        Step::Set { key, bytes } => {
            store.kv_set(SPACE, &format!("k{key}"), vec![key as u8; bytes]).await
        }
        Step::Delete { key } => store.kv_delete(SPACE, &format!("k{key}")).await.map(drop),
        Step::Blob { byte, bytes } => store.put_blob("t", vec![byte; bytes]).await.map(drop),
        Step::Reopen => Ok(()),
    };
    match done {
        Err(
            error @ (StoreError::Io { .. } | StoreError::Full { .. } | StoreError::Corrupt { .. }),
        )
        | Err(error @ (StoreError::Locked | StoreError::Closed | StoreError::Database { .. })) => {
            Err(error)
        }
        _ => Ok(()),
    }
}

/// All that a store says about itself: equal for equal stores.
pub(crate) async fn seen(store: &dyn Store) -> String {
    let mut said = Vec::new();
    for run in (0..RUNS).map(id) {
        said.push(format!("{:?}", store.run(&run).await));
        said.push(format!("{:?}", store.whole_journal(&run).await));
        said.push(format!("{:?}", store.inbox(&run, 100).await));
    }
    said.push(format!("{:?}", store.runs(&RunFilter::default()).await));
    said.push(format!("{:?}", store.waits(&WaitFilter::default()).await));
    said.push(format!("{:?} {:?}", store.due(8, None).await, store.outstanding(8).await));
    for key in (0..4).map(|key| format!("k{key}")) {
        said.push(format!("{:?}", store.kv_get(SPACE, &key).await));
    }
    let blobs = KvSpace { tenant: "t", store: "#blobs" };
    said.push(format!("{:?}", store.kv_list(blobs, "", None).await));
    said.join("\n")
}

/// Where the store of a history is, in folders that it makes itself.
pub(crate) fn path(root: &Path) -> PathBuf {
    root.join("data/own/store.db")
}

/// Opens it.
pub(crate) fn open(root: &Path, class: Class) -> Result<SqliteStore, OpenError> {
    SqliteStore::open(path(root), &config(class))
}
