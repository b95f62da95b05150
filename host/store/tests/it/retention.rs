//! Years of runs in some minutes: each day adds runs and removes those that are old. The file stays as large as what is
//! kept, and so does what a day costs.

use std::path::Path;
use std::time::{Duration, Instant};

use cleargate_flow::{Event, Outcome, Record, Value};
use cleargate_store::{Durability, Letter, RunFilter, Says, Store};

/// Runs of one day, and days that are kept.
const RUNS: u64 = 250;
const KEPT: u64 = 8;

/// Bytes that the log may have, whatever happens.
const MAX_LOG: u64 = 64 * 1024 * 1024;

fn bytes(path: &Path) -> u64 {
    std::fs::metadata(path).map_or(0, |file| file.len())
}

/// A run of `day` from its beginning to its end: a large payload of its own, a wait, and letters, one of which it never
/// takes.
async fn live(store: &dyn Store, day: u64, n: u64) {
    let name = format!("r{day}-{n}");
    let (run, now) = (crate::id(&name), day.cast_signed());
    store.create_run(crate::new_run(&name, Some(&name))).await.unwrap();
    let lease = store.acquire(&run, "w", now, 10).await.unwrap();
    let says = || Says::Signal { name: "paid".into(), payload: Value::Int(now) };
    for id in ["taken", "late"] {
        let (id, by) = (id.to_owned(), "ada".to_owned());
        store.post(&Letter { run: run.clone(), id, by, at: now, says: says() }).await.unwrap();
    }
    let address: cleargate_flow::Address = "a".parse().unwrap();
    let large = Value::from(format!("{name} {}", "x".repeat(6_000)));
    let (id, by, output) = ("taken".to_owned(), "ada".to_owned(), Value::Int(now));
    let events = [
        Event::WaitStarted { address: address.clone(), name: Some("paid".into()), until: Some(9) },
        Event::SignalReceived { name: "paid".into(), id, by, payload: Value::Int(now) },
        Event::WaitEnded { address: address.clone() },
        Event::CallFinished {
            address,
            attempt: 1,
            within: Vec::new(),
            call: 0,
            request: None,
            digest: name,
            outcome: Ok(large),
        },
        Event::RunFinished { outcome: Outcome::Succeeded { output } },
    ];
    for (seq, event) in (1..).zip(events) {
        let records = vec![Record { seq, at: now, event }];
        store.append(&lease, records, Durability::Sync).await.unwrap();
    }
}

/// Removes what ended before `day`.
async fn prune(store: &dyn Store, day: u64) -> u64 {
    let finished_before = Some(day.cast_signed());
    let old = RunFilter { top_only: true, finished_before, ..RunFilter::default() };
    let mut removed = 0;
    loop {
        let page = store.runs(&old).await.unwrap();
        if page.is_empty() {
            return removed;
        }
        for row in page {
            removed += store.remove_run(&row.id).await.unwrap().runs;
        }
    }
}

#[tokio::test]
async fn du_21_a_store_with_retention_stays_as_large_as_what_it_keeps() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let log = folder.path().join("store.db-wal");
    let store = crate::open(&path);
    // Ten thousand runs, and three hundred thousand when somebody has asked for the slow proof.
    let days = crate::soaked(40, 1_200);
    let (mut full, mut times) = (0, Vec::<Duration>::new());
    for day in 0..days {
        let began = Instant::now();
        for n in 0..RUNS {
            live(&store, day, n).await;
            assert!(bytes(&log) <= MAX_LOG, "the log has {} bytes", bytes(&log));
        }
        let removed = prune(&store, day.saturating_sub(KEPT)).await;
        assert_eq!(removed, if day > KEPT { RUNS } else { 0 });
        times.push(began.elapsed());
        // Once as much is there as will be.
        if day == KEPT + 1 {
            full = bytes(&path) + bytes(&log);
        }
    }
    let size = bytes(&path) + bytes(&log);
    assert!(size < full + full / 10, "{full} bytes have become {size}");
    let kept = RunFilter { limit: 1, ..RunFilter::default() };
    let newest = store.runs(&kept).await.unwrap().remove(0).id;
    assert_eq!(store.undelivered(&newest, 9).await.unwrap().len(), 1);
    drop(store);
    let left = |of: &str| {
        let db = rusqlite::Connection::open(&path).unwrap();
        let count = format!("SELECT count(*) FROM {of}");
        db.query_row(&count, (), |row| row.get::<_, i64>(0)).unwrap().cast_unsigned()
    };
    for (table, of_a_run) in
        [("run", 1), ("record", 6), ("blob", 1), ("letter", 1), ("undelivered", 1), ("wait", 0)]
    {
        assert_eq!(left(table), (KEPT + 1) * RUNS * of_a_run, "{table}");
    }
    // What a day takes is told, and held against the first days only where nobody else is at work.
    let sum = |days: &[Duration]| days.iter().sum::<Duration>().as_secs_f64();
    let part = times.len() / 5;
    let first = &times[KEPT as usize + 1..][..part];
    let ratio = sum(&times[times.len() - part..]) / sum(first);
    assert!(crate::soaked(f64::MAX, 1.2) > ratio, "a day takes {ratio:.2} times as long");
}
