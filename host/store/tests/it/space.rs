//! How much space a store takes, and what it does when there is none.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use cleargate_flow::{Event, Outcome, Record, Value, event::Usage};
use cleargate_store::sqlite::Class;
use cleargate_store::{Durability, OpenError, SqliteConfig, SqliteStore, Store, StoreError};

/// Bytes of the journal per node beyond its payload.
const NODE_BYTES: u64 = 300;

#[tokio::test]
async fn a_full_store_keeps_what_it_has_and_goes_on_later() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let small = SqliteConfig { max_bytes: Some(400 * 1024), ..SqliteConfig::new(Class::PowerSafe) };
    let store = SqliteStore::open(&path, &small).unwrap();
    let lease = crate::held(&store, "r").await;
    let mut kept = 0;
    let refused = loop {
        match store.append(&lease, vec![crate::call(kept + 1)], Durability::Sync).await {
            Ok(()) => kept += 1,
            Err(error) => break error,
        }
    };
    assert_eq!(refused, StoreError::Full { limit: small.max_bytes });
    assert!(kept > 50, "{kept} records fit into 400 KiB");
    let whole = |journal: Vec<Record>, kept| {
        journal[1..] == (1..=kept).map(crate::call).collect::<Vec<_>>()
    };
    assert!(whole(store.whole_journal(&lease.run).await.unwrap(), kept));
    drop(store);
    // More space: the same call does what it could not do.
    let store = crate::open(&path);
    store.append(&lease, vec![crate::call(kept + 1)], Durability::Sync).await.unwrap();
    kept += 1;
    assert!(whole(store.whole_journal(&lease.run).await.unwrap(), kept));
}

#[tokio::test]
async fn space_that_returns_is_used_without_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let config = SqliteConfig { max_bytes: Some(1 << 20), ..SqliteConfig::new(Class::ProcessSafe) };
    let store = SqliteStore::open(folder.path().join("store.db"), &config).unwrap();
    let lease = crate::held(&store, "r").await;
    let space = cleargate_store::KvSpace::new("t", "s");
    store.kv_set(space, "ballast", vec![0; 650 * 1024]).await.unwrap();
    let records: Vec<_> = (1..=60).map(crate::call).collect();
    let append = || store.append(&lease, records.clone(), Durability::Sync);
    assert_eq!(append().await, Err(StoreError::Full { limit: config.max_bytes }));
    assert_eq!(store.run(&lease.run).await.unwrap().unwrap().last_seq, 0);
    store.kv_delete(space, "ballast").await.unwrap();
    assert_eq!(append().await, Ok(()));
    assert_eq!(store.whole_journal(&lease.run).await.unwrap()[1..], records);
}

#[tokio::test]
async fn a_full_store_has_room_again_once_a_run_is_removed() {
    let folder = tempfile::tempdir().unwrap();
    let config = SqliteConfig { max_bytes: Some(1 << 20), ..SqliteConfig::new(Class::PowerSafe) };
    let store = SqliteStore::open(folder.path().join("store.db"), &config).unwrap();
    // Payloads in rows and apart from them.
    let large = |n: u64| node(n, &"x".repeat(3_000 + 3_000 * (n as usize % 2)).into());
    let fill = async |run: &str| {
        let lease = crate::held(&store, run).await;
        let mut nodes = 0;
        while store.append(&lease, large(nodes).to_vec(), Durability::Sync).await.is_ok() {
            nodes += 1;
        }
        (lease, nodes)
    };
    let (lease, nodes) = fill("first").await;
    let outcome = Outcome::Cancelled;
    let last = Record { seq: 2 * nodes + 1, at: 1, event: Event::RunFinished { outcome } };
    // What ends a run has to fit: the store grows by an operator's hand, or the node is a smaller one.
    let told = store.append(&lease, vec![last.clone()], Durability::Sync).await;
    assert!(matches!(told, Ok(()) | Err(StoreError::Full { .. })), "{told:?}");
    assert!(nodes > 80, "{nodes} fit");
    assert_eq!(told, Ok(()));
    store.remove_run(&lease.run).await.unwrap();
    let (_, again) = fill("second").await;
    assert!(again + 5 > nodes, "{again} nodes fit where {nodes} did");
}

/// Bytes of the disk that the test below fills.
const DISK_BYTES: usize = 4 << 20;

/// The part of them that comes back: the store's own share is what fits beside it.
const BALLAST_BYTES: usize = 2 << 20;

/// The process on the small disk, which the test below starts: only there a disk can be filled. Without a
/// folder on its input there is nothing to do.
#[tokio::test]
#[ignore = "started by a_disk_that_is_full_costs_nothing_that_was_acknowledged"]
async fn on_a_small_disk() {
    let Some(Ok(folder)) = std::io::stdin().lines().next() else { return };
    let folder = Path::new(&folder);
    for (name, class) in [("process", Class::ProcessSafe), ("power", Class::PowerSafe)] {
        let ballast = folder.join("ballast");
        std::fs::write(&ballast, vec![1; BALLAST_BYTES]).unwrap();
        let path = folder.join(name).join("store.db");
        // A bound that is far away has no part in it.
        let config = SqliteConfig { max_bytes: Some(1 << 30), ..SqliteConfig::new(class) };
        let store = SqliteStore::open(&path, &config).unwrap();
        let lease = crate::held(&store, "r").await;
        let mut kept = 0;
        let refused = loop {
            match store.append(&lease, vec![crate::call(kept + 1)], Durability::Sync).await {
                Ok(()) => kept += 1,
                Err(error) => break error,
            }
        };
        assert_eq!(refused, StoreError::Full { limit: None }, "{name}");
        assert!(kept > 50, "{name}: {kept} records fit");
        let expected = |kept| (1..=kept).map(crate::call).collect::<Vec<_>>();
        assert_eq!(store.whole_journal(&lease.run).await.unwrap()[1..], expected(kept), "{name}");
        // Still full: the same answer, and nothing is lost by asking.
        let again = store.append(&lease, vec![crate::call(kept + 1)], Durability::Sync).await;
        assert_eq!(again, Err(StoreError::Full { limit: None }), "{name}");
        std::fs::remove_file(&ballast).unwrap();
        for _ in 0..20 {
            kept += 1;
            store.append(&lease, vec![crate::call(kept)], Durability::Sync).await.unwrap();
        }
        drop(store);
        let store = crate::open(&path);
        assert_eq!(store.whole_journal(&lease.run).await.unwrap()[1..], expected(kept), "{name}");
        drop(store);
        opening_without_room(folder, &path, &SqliteConfig::new(class));
        std::fs::remove_dir_all(folder.join(name)).unwrap();
    }
    let path = folder.join("store.db");
    drop(crate::open(&path));
    let remount = Command::new("mount").args(["-o", "remount,ro"]).arg(folder).status().unwrap();
    assert!(remount.success());
    for path in [path, folder.join("new.db")] {
        let refused = SqliteStore::open(&path, &SqliteConfig::new(Class::PowerSafe)).map(|_| ());
        assert!(matches!(refused, Err(OpenError::ReadOnly { .. })), "{refused:?}");
    }
    println!("both classes went on");
}

/// A store that is there, and one that is to be made, on a disk without room.
fn opening_without_room(folder: &Path, path: &Path, config: &SqliteConfig) {
    let ballast = folder.join("ballast");
    let mut file = std::fs::File::create(&ballast).unwrap();
    while file.write(&[1; 4096]).is_ok() {}
    for path in [path, &folder.join("new.db")] {
        let refused = SqliteStore::open(path, config).map(|_| ());
        assert_eq!(refused, Err(OpenError::Full { path: path.into() }));
    }
    let left = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name());
    let left: Vec<_> = left.filter(|name| name.to_string_lossy().starts_with("new.db")).collect();
    assert!(left.is_empty(), "half a store is left: {left:?}");
    drop(file);
    std::fs::remove_file(&ballast).unwrap();
    SqliteStore::open(path, config).unwrap();
}

#[test]
fn a_disk_that_is_full_costs_nothing_that_was_acknowledged() {
    let mounted = |arguments: &[&str]| {
        let mut command = Command::new("unshare");
        command.args(["--user", "--map-root-user", "--mount"]).args(arguments);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    };
    // A mount of one's own needs a system that lets users have one.
    if !mounted(&["true"]).output().is_ok_and(|done| done.status.success()) {
        println!("left out: this system lets no user mount a disk");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let script = format!("mount -t tmpfs -o size={DISK_BYTES} none \"$0\" && exec \"$@\"");
    let (folder, program) = (folder.path().to_str().unwrap(), std::env::current_exe().unwrap());
    let test = ["--exact", "space::on_a_small_disk", "--ignored", "--nocapture"];
    let mut child = mounted(&["sh", "-c", &script, folder, program.to_str().unwrap()])
        .args(test)
        .spawn()
        .unwrap();
    writeln!(child.stdin.take().unwrap(), "{folder}").unwrap();
    let done = child.wait_with_output().unwrap();
    let (out, err) = (String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr));
    assert!(done.status.success() && out.contains("both classes went on"), "{out}\n{err}");
}

/// The records of one node of a linear flow, as the executor writes them.
fn node(n: u64, output: &Value) -> [Record; 2] {
    let address: cleargate_flow::Address = format!("step_{n:05}").parse().unwrap();
    let usage = Usage { micros: 1234, ..Usage::default() };
    let key = format!("cg-{n:032x}");
    let started = Event::AttemptStarted { address: address.clone(), attempt: 1, key };
    let output = output.clone();
    let succeeded = Event::AttemptSucceeded { address, attempt: 1, output, usage };
    let at = 1_790_000_000_000;
    [Record { seq: 2 * n + 1, at, event: started }, Record { seq: 2 * n + 2, at, event: succeeded }]
}

#[tokio::test]
async fn a_node_takes_little_more_than_its_payload() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let run = "r0199f0a1_7c3e_7d5b_9c1a_2f4b6d8e0a1c";
    let mut sizes = Vec::new();
    let output = Value::record([("text", "x".repeat(100).into())]);
    let mut written = 0;
    for nodes in [1000, 6000] {
        let store = crate::open(&path);
        if written == 0 {
            store.create_run(crate::new_run(run, None)).await.unwrap();
        }
        let lease = store.acquire(&crate::id(run), "w", written as i64, 0).await.unwrap();
        while written < nodes {
            store
                .append(&lease, node(written, &output).to_vec(), Durability::Batched)
                .await
                .unwrap();
            written += 1;
        }
        drop(store);
        sizes.push(std::fs::metadata(&path).unwrap().len());
    }
    let per_node = (sizes[1] - sizes[0]) / 5000;
    let payload = output.to_json().len() as u64;
    assert!(
        per_node - payload <= NODE_BYTES,
        "{} bytes per node beside {payload}",
        per_node - payload
    );
    let store = crate::open(&path);
    let lease = store.acquire(&crate::id(run), "w", 9999, 1).await.unwrap();
    let end = Event::RunFinished { outcome: Outcome::Cancelled };
    let end = Record { seq: 2 * written + 1, at: 1, event: end };
    store.append(&lease, vec![end], Durability::Sync).await.unwrap();
}

/// Bytes that a log reaches when it is folded at 4 MiB, with what one commit adds.
const FOLDED_LOG: u64 = 6 * 1024 * 1024;

fn log_of(path: &Path) -> u64 {
    std::fs::metadata(path.with_extension("db-wal")).unwrap().len()
}

#[tokio::test]
async fn the_log_is_folded_while_the_store_is_used() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let store = crate::open(&path);
    let lease = crate::held(&store, "r").await;
    // Ten times what is folded at once, in changes that the caller makes and that the writer makes.
    for n in 0..1_000 {
        let records = (1..=10).map(|k| crate::call(10 * n + k)).collect();
        let durability = if n % 2 == 0 { Durability::Sync } else { Durability::Batched };
        store.append(&lease, records, durability).await.unwrap();
    }
    assert!(log_of(&path) <= FOLDED_LOG, "{} bytes of log", log_of(&path));
}

#[tokio::test]
async fn a_reader_that_never_ends_stops_the_log_from_growing_for_ever() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let config = SqliteConfig {
        max_bytes: Some(8 << 20),
        lock_wait: std::time::Duration::from_millis(20),
        ..SqliteConfig::new(Class::PowerSafe)
    };
    let store = SqliteStore::open(&path, &config).unwrap();
    let lease = crate::held(&store, "r").await;
    let reader = rusqlite::Connection::open(&path).unwrap();
    reader.execute_batch("BEGIN; SELECT count(*) FROM record").unwrap();
    let mut kept = 0;
    let refused = loop {
        match store.append(&lease, vec![crate::call(kept + 1)], Durability::Sync).await {
            Ok(()) => kept += 1,
            Err(error) => break error,
        }
    };
    assert_eq!(refused, StoreError::Locked);
    assert!(log_of(&path) <= (8 << 20) / 4 + (64 << 10), "{} bytes of log", log_of(&path));
    drop(reader);
    store.append(&lease, vec![crate::call(kept + 1)], Durability::Sync).await.unwrap();
    let records: Vec<_> = (1..=kept + 1).map(crate::call).collect();
    assert_eq!(store.whole_journal(&lease.run).await.unwrap()[1..], records);
}
