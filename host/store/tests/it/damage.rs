//! Damage is reported for the run that has it; no damaged record is ever read as data.

use std::fs;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use cleargate_flow::{Record, RunId};
use cleargate_store::sqlite::Class;
use cleargate_store::{
    Durability, KvSpace, Quota, RunRow, SqliteConfig, SqliteStore, Store, StoreError,
};

const RUNS: u64 = 6;

/// Flipped bits of the sample: a prime stride spreads them over every page.
const FLIPS: u64 = 400;

struct Sample {
    path: PathBuf,
    runs: Vec<(RunId, RunRow, Vec<Record>)>,
}

const SPACE: KvSpace<'static> = KvSpace { tenant: "t", store: "s" };

async fn sample(folder: &Path) -> Sample {
    let path = folder.join("sample.db");
    let store = crate::open(&path);
    let mut runs = Vec::new();
    for n in 0..RUNS {
        let lease = crate::held(&store, &format!("run{n}")).await;
        let run = lease.run.clone();
        // Payloads of its own: a blob that two runs share would hurt both.
        let own = |seq| Record { seq, ..crate::call(seq + 300 * n) };
        store.append(&lease, (1..=12).map(own).collect(), Durability::Sync).await.unwrap();
        let row = store.run(&run).await.unwrap().unwrap();
        runs.push((run.clone(), row, store.whole_journal(&run).await.unwrap()));
    }
    store.kv_set(SPACE, "key", vec![7; 500]).await.unwrap();
    store.put_flow(&cleargate_flow::FlowHash::of(b"f"), vec![8; 500]).await.unwrap();
    Sample { path, runs }
}

/// Whether an answer is the true one; panics when it is another one that passes for true.
fn is_true<T: PartialEq>(answer: Result<T, StoreError>, truth: &T, place: &str) -> bool {
    match answer {
        Ok(answer) => {
            assert!(answer == *truth, "{place}: damage was read as data");
            true
        }
        Err(_) => false,
    }
}

#[tokio::test]
async fn a_flipped_bit_is_found_or_harmless() {
    let folder = tempfile::tempdir().unwrap();
    let sample = sample(folder.path()).await;
    let bytes = fs::read(&sample.path).unwrap();
    let (mut found, mut refused, mut apart) = (0, 0, 0);
    for n in 0..FLIPS {
        let bit = (n * 7_368_787) % (bytes.len() as u64 * 8);
        let path = folder.path().join(format!("flip{n}.db"));
        fs::write(&path, &bytes).unwrap();
        let at = (bit / 8) as usize;
        let flipped = [bytes[at] ^ (1 << (bit % 8))];
        fs::File::options()
            .write(true)
            .open(&path)
            .unwrap()
            .write_all_at(&flipped, at as u64)
            .unwrap();
        let place = format!("bit {bit}");
        let config =
            cleargate_store::SqliteConfig::new(cleargate_store::sqlite::Class::ProcessSafe);
        let Ok(store) = SqliteStore::open(&path, &config) else {
            refused += 1;
            continue;
        };
        let mut sound = 0;
        for (run, row, journal) in &sample.runs {
            // A run whose entry in the index is damaged cannot be found: that is no other data.
            let same = match store.run(run).await {
                Ok(None) => false,
                answer => is_true(answer.map(|row| row.expect("asked above")), row, &place),
            };
            sound += u64::from(is_true(store.whole_journal(run).await, journal, &place) && same);
        }
        if let Ok(Some(value)) = store.kv_get(SPACE, "key").await {
            assert!(value == vec![7; 500], "{place}: a value was changed");
        }
        if let Ok(Some(flow)) = store.get_flow(&cleargate_flow::FlowHash::of(b"f")).await {
            assert!(flow == vec![8; 500], "{place}: a flow was changed");
        }
        found += usize::from(sound < RUNS);
        apart += usize::from(sound > 0 && sound < RUNS);
        drop(store);
        fs::remove_file(&path).unwrap();
    }
    // Most of the file is records: the samples hit them, and mostly hurt one run.
    assert!(found > 100 && apart > found / 2, "{found} found, {apart} apart, {refused} refused");
}

/// What is done to the record at position 1 of `hurt`, whose place is 2^32 + 1, and the reason that is given.
const HARMS: &[(&str, &str)] = &[
    ("UPDATE record SET at = at + 1 WHERE place = 4294967297", "it has another checksum"),
    ("UPDATE record SET event = replace(event, '1', '2') WHERE place = 4294967297", "checksum"),
    ("UPDATE record SET payload = '\"other\"' WHERE place = 4294967297", "checksum"),
    ("UPDATE record SET payload = NULL WHERE place = 4294967297", "checksum"),
    ("DELETE FROM record WHERE place = 4294967297", "it is missing"),
    ("UPDATE record SET place = place + 98 WHERE place = 4294967297", "it is missing"),
    (
        "DELETE FROM record WHERE place = 4294967297; \
         INSERT INTO record SELECT 4294967297, at, event, payload, sum FROM record \
         WHERE place = 8589934593",
        "it has another checksum",
    ),
];

/// Does something to a closed store that has the runs `hurt` and `sound`.
async fn harmed(folder: &Path, records: u64, sql: &str) -> SqliteStore {
    let path = folder.join("store.db");
    let store = crate::open(&path);
    crate::filled(&store, "hurt", records).await;
    crate::filled(&store, "sound", records).await;
    drop(store);
    rusqlite::Connection::open(&path).unwrap().execute_batch(sql).unwrap();
    crate::open(&path)
}

#[tokio::test]
async fn a_damaged_record_hurts_its_run_alone() {
    for (sql, wanted) in HARMS {
        let folder = tempfile::tempdir().unwrap();
        let store = harmed(folder.path(), 2, sql).await;
        match store.whole_journal(&crate::id("hurt")).await {
            Err(StoreError::Damaged { run, seq: 1, reason }) => {
                assert_eq!(run, crate::id("hurt"));
                assert!(reason.contains(wanted), "{sql}: {reason}");
            }
            other => panic!("{sql}: {other:?}"),
        }
        // What lies before the damage can be read, and so can everybody else.
        assert_eq!(store.journal(&crate::id("hurt"), 0, 1).await.unwrap().len(), 1);
        assert_eq!(store.whole_journal(&crate::id("sound")).await.unwrap().len(), 3);
    }
}

#[tokio::test]
async fn a_damaged_figure_of_what_a_space_holds_is_counted_anew() {
    for sql in ["UPDATE used SET bytes = 0", "DELETE FROM used", "UPDATE used SET sum = x'00'"] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("store.db");
        let quota = Quota { values: 2_000, blobs: 2_000 };
        let config = SqliteConfig { quota, ..SqliteConfig::new(Class::ProcessSafe) };
        let store = SqliteStore::open(&path, &config).unwrap();
        store.kv_set(SPACE, "é", vec![7; 1500]).await.unwrap();
        store.put_blob("t", vec![7; 1500]).await.unwrap();
        rusqlite::Connection::open(&path).unwrap().execute_batch(sql).unwrap();
        let wanted = 2 * 128 + "é".len() as u64 + 1 + 1500 + 500;
        match store.kv_set(SPACE, "k", vec![7; 500]).await {
            Err(StoreError::OverQuota { wanted: found, .. }) => assert_eq!(found, wanted, "{sql}"),
            other => panic!("{sql}: {other:?}"),
        }
        let refused = store.put_blob("t", vec![8; 500]).await;
        assert!(matches!(refused, Err(StoreError::OverQuota { .. })), "{sql}: {refused:?}");
    }
}

#[tokio::test]
async fn a_damaged_blob_or_row_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let sql = "UPDATE blob SET bytes = zeroblob(6000); UPDATE run SET status = 1 WHERE nr = 1";
    let store = harmed(folder.path(), 3, sql).await;
    let row = store.run(&crate::id("hurt")).await;
    assert!(matches!(row, Err(StoreError::DamagedRun { .. })), "{row:?}");
    let rows = store.runs(&Default::default()).await.unwrap();
    assert_eq!(rows.iter().map(|row| row.id.as_str()).collect::<Vec<_>>(), ["sound"]);
    let journal = store.whole_journal(&crate::id("sound")).await;
    assert!(matches!(journal, Err(StoreError::Damaged { seq: 3, .. })), "{journal:?}");
    // The same bytes mend it.
    let cleargate_flow::Event::CallFinished { outcome: Ok(value), .. } = crate::call(3).event
    else {
        panic!("a call");
    };
    store.put_blob("t", value.to_json().into_bytes()).await.unwrap();
    assert_eq!(store.whole_journal(&crate::id("sound")).await.unwrap()[3], crate::call(3));
}
