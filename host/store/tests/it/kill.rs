//! The end of the process at any moment: what was acknowledged is there, and nothing has a gap.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use cleargate_flow::RunId;
use cleargate_store::{Durability, Store};

/// Processes that are killed on one file. Each goes on with what the one before left.
const ROUNDS: i64 = 20;

/// Files, one after another: what is in them is read whole after each kill, so none becomes long.
fn files() -> usize {
    crate::soaked(1, 50)
}

/// Runs that one process writes to at once, so that a kill hits groups of changes.
const RUNS: usize = 4;

fn runs() -> impl Iterator<Item = RunId> {
    (0..RUNS).map(|n| crate::id(&format!("r{n}")))
}

/// The process that is killed: the test below starts it and says on its input where the store is and which
/// round it is. Without that there is nothing to do.
#[test]
#[ignore = "started by acknowledged_records_survive_kills"]
fn victim() {
    let mut lines = std::io::stdin().lines().map_while(Result::ok);
    let (Some(path), Some(round)) = (lines.next(), lines.next()) else { return };
    let now: i64 = round.parse().unwrap();
    let rt = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
    rt.block_on(async {
        let store: Arc<dyn Store> = Arc::new(crate::open(Path::new(&path)));
        let writers: tokio::task::JoinSet<_> =
            runs().map(|run| write_for_ever(Arc::clone(&store), run, now)).collect();
        writers.join_all().await;
    });
}

async fn write_for_ever(store: Arc<dyn Store>, run: RunId, now: i64) {
    let mut next = store.run(&run).await.unwrap().unwrap().last_seq + 1;
    let lease = store.acquire(&run, "victim", now, 1).await.unwrap();
    loop {
        let count = 1 + next % 3;
        let records = (next..next + count).map(crate::call).collect();
        let durability =
            if next.is_multiple_of(2) { Durability::Sync } else { Durability::Batched };
        store.append(&lease, records, durability).await.unwrap();
        next += count;
        // One write, so that a kill leaves whole lines but for the last.
        std::io::stdout().write_all(format!("ack {run} {}\n", next - 1).as_bytes()).unwrap();
    }
}

/// Lets a process write for a while, kills it, and returns what it said was kept.
fn kill_one(path: &Path, round: i64, after: Duration) -> HashMap<RunId, u64> {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "kill::victim", "--ignored", "--nocapture"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    writeln!(input, "{}\n{round}", path.display()).unwrap();
    let mut acknowledged = HashMap::new();
    let mut killed = None;
    let mut lines = BufReader::new(child.stdout.take().unwrap()).split(b'\n');
    let mut first = None;
    while let Some(Ok(line)) = lines.next() {
        let line = String::from_utf8(line).unwrap();
        if let ["ack", run, seq] = line.split(' ').collect::<Vec<_>>()[..] {
            let seq = seq.parse().unwrap();
            assert!(acknowledged.insert(crate::id(run), seq) < Some(seq));
            let first = *first.get_or_insert_with(Instant::now);
            if killed.is_none() && first.elapsed() >= after {
                killed = Some(child.kill());
            }
        }
    }
    killed.expect("the victim wrote until it was killed").unwrap();
    child.wait().unwrap();
    acknowledged
}

async fn create_runs(path: &Path) {
    let store = crate::open(path);
    for run in runs() {
        store.create_run(crate::new_run(run.as_str(), None)).await.unwrap();
    }
}

#[tokio::test]
async fn acknowledged_records_survive_kills() {
    for _ in 0..files() {
        kill_many_on_one_file().await;
    }
}

async fn kill_many_on_one_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    create_runs(&path).await;
    for round in 1..=ROUNDS {
        // Spread over 0 to 40 ms, never the same twice.
        let after = Duration::from_micros((round.unsigned_abs() * 7919) % 40_000);
        let acknowledged = kill_one(&path, round, after);
        let store = crate::open(&path);
        for run in runs() {
            let journal = store.whole_journal(&run).await.unwrap();
            let expected: Vec<_> = (1..journal.len() as u64).map(crate::call).collect();
            assert!(journal[1..] == expected, "round {round}: {run} has other records");
            let last = acknowledged.get(&run).copied().unwrap_or(0);
            assert!(journal.len() as u64 > last, "round {round}: {run} lost {last}");
            let row = store.run(&run).await.unwrap().unwrap();
            assert_eq!(row.last_seq, journal.len() as u64 - 1);
        }
    }
}

/// Bits of the log that are flipped, one in each copy.
const FLIPS: u64 = 60;

/// The log ends where its checksums do not fit: what a flipped bit costs is the end of the history. It is
/// never other data and never a hole.
#[tokio::test]
async fn a_damaged_log_is_a_shorter_history() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    create_runs(&path).await;
    kill_one(&path, 1, Duration::from_millis(5));
    // Nobody has the file open now, so it may be read like any other.
    let log = std::fs::read(path.with_extension("db-wal")).unwrap();
    let mut shorter = 0;
    for flip in 0..FLIPS {
        let copy = folder.path().join(format!("copy{flip}.db"));
        std::fs::copy(&path, &copy).unwrap();
        let mut log = log.clone();
        let bit = flip * 7_368_787 % (log.len() as u64 * 8);
        log[(bit / 8) as usize] ^= 1 << (bit % 8);
        std::fs::write(copy.with_extension("db-wal"), &log).unwrap();
        let store = crate::open(&copy);
        for run in runs() {
            let journal = store.whole_journal(&run).await.unwrap();
            let expected: Vec<_> = (1..journal.len() as u64).map(crate::call).collect();
            assert!(journal[1..] == expected, "bit {bit}: {run} has other records");
            shorter += usize::from(journal.len() == 1);
        }
    }
    assert!(shorter > 0, "no flip was early enough to cost a whole run");
}
