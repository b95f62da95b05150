//! The disk fails or keeps somebody waiting: what was acknowledged stays, nothing is acknowledged by hope, and whoever
//! comes next begins clean.

use std::cell::Cell;
use std::io::{BufRead, BufReader, Write};
use std::process::Stdio;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use cleargate_flow::Record;
use cleargate_power::dice::Dice;
use cleargate_power::disk::SAID;
use cleargate_power::shim::{Bench, Fault, told};
use cleargate_store::sqlite::Class;
use cleargate_store::{Durability, SqliteConfig, SqliteStore, Store, StoreError};

use crate::block_on;
use crate::cut::{MOMENTS, cut, examine, least, states};
use crate::history::{self, Step, config, make, seen, steps};

/// Steps of a history: the fault comes early, and the rest shows what is thought of the disk afterwards.
const STEPS: usize = 60;

/// The process whose disk fails, and the one after it. Goes on where the store is, says each step that was acknowledged, and
/// how it ended.
#[test]
#[ignore = "started by the tests below"]
fn victim() {
    let Some((root, input)) = told() else { return };
    let (seed, end) = input.split_once(' ').unwrap();
    let mut said =
        std::fs::File::options().create(true).append(true).open(root.join(SAID)).unwrap();
    let steps = steps(&mut Dice::new(seed.parse().unwrap()), STEPS);
    let steps: Vec<Step> = steps.into_iter().filter(|s| !matches!(s, Step::Reopen)).collect();
    block_on(async {
        let store = match history::open(&root, Class::PowerSafe) {
            Ok(store) => store,
            Err(error) => {
                println!("cannot be opened: {error}");
                return;
            }
        };
        let found = seen(&store).await;
        let there = states(&steps).await.iter().rposition(|state| *state == found);
        let there = there.expect("the store holds what it once held");
        for (at, step) in steps.iter().enumerate().skip(there) {
            if let Err(error) = make(&store, step).await {
                println!("stopped: {error}");
                stays_stopped(&store, &error, &steps[at..]).await;
                if end == "killed" {
                    std::process::abort();
                }
                return;
            }
            said.write_all(format!("{at}\n").as_bytes()).unwrap();
        }
        println!("made all");
    });
}

/// A store whose disk has failed changes nothing more, and reads go on or say why they do not.
async fn stays_stopped(store: &dyn Store, why: &StoreError, steps: &[Step]) {
    assert!(matches!(why, StoreError::Io { .. }), "{why:?}");
    let before = seen(store).await;
    for step in steps.iter().take(5) {
        // Steps that are refused by the rules before they would be written are no changes.
        let told = make(store, step).await;
        assert!(told.is_ok() || told.as_ref() == Err(why), "{told:?}");
    }
    let key = cleargate_store::KvSpace::new("t", "s");
    assert_eq!(store.kv_set(key, "k", vec![1]).await.as_ref(), Err(why));
    assert_eq!(seen(store).await, before);
}

fn live(bench: &Bench, seed: u64, fault: Option<Fault<'_>>, end: &str) -> String {
    let mut process = bench.process("sync::victim", &format!("{seed} {end}"), fault);
    let done = process.stdout(Stdio::piped()).stderr(Stdio::piped()).output().unwrap();
    let (out, err) = (String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr));
    let killed = done.status.code().is_none() && end == "killed" && out.contains("stopped: ");
    assert!(done.status.success() || killed, "{fault:?}: {out}\n{err}");
    out.into_owned()
}

/// One fault in the life of one process, then a process with a sound disk, and the power is cut at any time.
/// Says whether the first one stopped.
fn fail(seed: u64, fault: Fault<'_>, end: &str) -> bool {
    let Some(bench) = Bench::new() else { return true };
    let first = live(&bench, seed, Some(fault), end);
    let stopped = first.contains("stopped: ") || first.contains("cannot be opened: ");
    let second = live(&bench, seed, None, "closed");
    assert!(second.contains("made all"), "{fault:?}: {second}");
    let steps = steps(&mut Dice::new(seed), STEPS);
    let steps: Vec<Step> = steps.into_iter().filter(|s| !matches!(s, Step::Reopen)).collect();
    let states = block_on(states(&steps));
    let images = Cell::new(0);
    let name = format!("seed {seed}, {fault:?}, {end}");
    cut(&name, &bench.trace(), MOMENTS / 5, &mut Dice::new(seed), |disk, _, image, _| {
        let said = disk.said();
        let said = said.last().map_or(0, |last| last.parse::<usize>().unwrap() + 1);
        // What the first one had made and not acknowledged may be there, and what the second one is making.
        let least = least(&steps, &states, said);
        block_on(examine(image, &steps, &states, least, steps.len().min(said + 2)));
        images.set(images.get() + 1);
    });
    println!("{name}: {} images", images.get());
    stopped
}

/// How the process ends whose disk has failed.
const ENDS: [&str; 2] = ["closed", "killed"];

#[test]
fn du_07_after_a_sync_that_failed_nothing_is_acknowledged_and_nothing_is_lost() {
    for end in ENDS {
        for number in crate::soaked(vec![1, 9], (1..150).collect()) {
            assert!(fail(number.into(), ("sync", "-wal", 1 + number % 20, "eio"), end));
        }
        assert!(fail(4, ("sync", "-wal", 5, "eintr"), end));
        assert!(fail(5, ("sync", "store.db", 1, "eio"), end));
    }
}

#[test]
fn du_07_a_write_that_failed_stops_the_store_and_one_that_was_short_goes_on() {
    for end in ENDS {
        assert!(fail(10, ("write", "-wal", 40, "eio"), end));
        assert!(fail(11, ("write", "store.db", 3, "eio"), end));
    }
    for kind in ["short", "eintr"] {
        assert!(!fail(12, ("write", "-wal", 40, kind), "closed"), "{kind}");
        assert!(!fail(13, ("write", "store.db", 3, kind), "closed"), "{kind}");
    }
}

/// The process whose disk keeps it waiting in the append of a run that it holds. Says how many reads were answered
/// meanwhile, and what it is told when it goes on after another one has taken the run.
#[test]
#[ignore = "started by the test below"]
fn stalled() {
    let Some((root, _)) = told() else { return };
    let mut rt = tokio::runtime::Builder::new_multi_thread();
    rt.worker_threads(2).enable_time().build().unwrap().block_on(async {
        let store = std::sync::Arc::new(history::open(&root, Class::PowerSafe).unwrap());
        make(&*store, &Step::Create(0)).await.unwrap();
        let lease = store.acquire(&history::id(0), "a", 0, 10_000).await.unwrap();
        let append = async |seq| {
            let record = Record { seq, at: 2, event: history::called(seq, 10) };
            store.append(&lease, vec![record], Durability::Sync).await
        };
        let (reader, done) = (store.clone(), std::sync::Arc::new(AtomicBool::new(false)));
        let seen = done.clone();
        let reads = tokio::task::JoinSet::from_iter([async move {
            let mut reads = 0;
            while !seen.load(Ordering::SeqCst) {
                assert_eq!(reader.run(&history::id(0)).await.unwrap().unwrap().last_seq, 0);
                reads += 1;
                println!("read {reads}");
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        }]);
        append(1).await.unwrap();
        done.store(true, Ordering::SeqCst);
        println!("appended");
        drop(reads);
        std::io::stdin().read_line(&mut String::new()).unwrap();
        println!("then: {:?}", append(2).await);
    });
}

#[test]
fn du_08_a_sync_that_stalls_costs_no_lease_and_doubles_no_work() {
    let Some(bench) = Bench::new() else { return };
    // The log is begun, the run is made, and the third sync of the log is that of the append.
    let mut process = bench.process("sync::stalled", "", Some(("sync", "-wal", 3, "stall")));
    let mut a = process.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(a.stdout.take().unwrap()).lines().map(Result::unwrap);
    while !bench.waits() {
        std::thread::sleep(Duration::from_millis(1));
    }
    // Reads that begin now are answered while the disk keeps the writer waiting.
    let number = |line: &str| line.strip_prefix("read ").and_then(|n| n.parse::<u64>().ok());
    let first = lines.by_ref().find_map(|line| number(&line)).unwrap();
    assert!(lines.by_ref().filter_map(|line| number(&line)).any(|read| read > first + 5));
    // By the clock of another worker the lease has long run out. Nobody writes before the disk has answered.
    let run = history::id(0);
    let patience =
        SqliteConfig { lock_wait: Duration::from_millis(20), ..config(Class::PowerSafe) };
    let b = SqliteStore::open(history::path(&bench.root()), &patience).unwrap();
    let taken = block_on(b.acquire(&run, "b", 60_000, 10_000));
    assert_eq!(taken, Err(StoreError::Locked));
    assert_eq!(block_on(b.run(&run)).unwrap().unwrap().last_seq, 0);
    bench.go_on();
    assert!(lines.by_ref().any(|line| line == "appended"));
    // What was kept waiting was stored, whoever holds the run now goes on behind it, and the first one is fenced.
    let lease = block_on(b.acquire(&run, "b", 60_000, 10_000)).unwrap();
    a.stdin.take().unwrap().write_all(b"\n").unwrap();
    let told = lines.by_ref().find(|line| line.starts_with("then: ")).unwrap();
    assert!(told.contains("Fenced"), "{told}");
    assert!(a.wait().unwrap().success());
    let record = Record { seq: 2, at: 2, event: history::called(2, 10) };
    block_on(b.append(&lease, vec![record], Durability::Sync)).unwrap();
    let journal = block_on(b.whole_journal(&run)).unwrap();
    assert_eq!(journal.iter().map(|record| record.seq).collect::<Vec<_>>(), [0, 1, 2]);
}
