//! What is no store of this version is named, refused and left as it was.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use cleargate_store::sqlite::Class;
use cleargate_store::{OpenError, SqliteConfig, SqliteStore, Store, StoreError};

/// Opens without creating, and without waiting for others.
fn strict() -> SqliteConfig {
    let lock_wait = Duration::ZERO;
    SqliteConfig { create: false, lock_wait, ..SqliteConfig::new(Class::ProcessSafe) }
}

fn sql(path: &Path, sql: &str) {
    rusqlite::Connection::open(path).unwrap().execute_batch(sql).unwrap();
}

/// A closed store with a few pages of records.
async fn sample(folder: &Path) -> PathBuf {
    let path = folder.join("store.db");
    crate::filled(&crate::open(&path), "r", 40).await;
    assert!(!folder.join("store.db-wal").exists(), "a closed store is one file");
    path
}

type Harm = fn(&Path);

/// Name of the case, what is done to a store, and the kind of refusal.
const HARMS: &[(&str, Harm, &str)] = &[
    ("missing", |p| fs::remove_file(p).unwrap(), "Missing"),
    ("a folder", |p| fs::remove_file(p).and_then(|()| fs::create_dir(p)).unwrap(), "NotAStore"),
    ("empty", |p| fs::write(p, "").unwrap(), "NotAStore"),
    ("text", |p| fs::write(p, "a letter, not a database\n".repeat(400)).unwrap(), "NotAStore"),
    ("zeroed", |p| fs::write(p, vec![0; fs::read(p).unwrap().len()]).unwrap(), "NotAStore"),
    ("cut in the header", |p| cut(p, 60), "NotAStore"),
    ("cut to one page", |p| cut(p, 4096), "Damaged"),
    ("cut in half", |p| cut(p, fs::metadata(p).unwrap().len() / 8192 * 4096), "Damaged"),
    ("foreign", |p| sql(p, "PRAGMA application_id = 7"), "NotAStore"),
    ("newer", |p| sql(p, "PRAGMA user_version = 6"), "Newer"),
    ("no version", |p| sql(p, "PRAGMA user_version = 0"), "Damaged"),
    ("version 1 with a table of version 2", |p| sql(p, "PRAGMA user_version = 1"), "Damaged"),
    ("another table", |p| sql(p, "CREATE TABLE more (x)"), "Damaged"),
    ("a trigger", |p| sql(p, TRIGGER), "Damaged"),
    ("a table less", |p| sql(p, "DROP TABLE value"), "Damaged"),
];

const TRIGGER: &str = "CREATE TRIGGER t AFTER INSERT ON run BEGIN DELETE FROM record; END";

fn cut(path: &Path, bytes: u64) {
    fs::File::options().write(true).open(path).unwrap().set_len(bytes).unwrap();
}

#[tokio::test]
async fn what_is_no_store_is_refused_and_kept() {
    for (case, harm, kind) in HARMS {
        let folder = tempfile::tempdir().unwrap();
        let path = sample(folder.path()).await;
        harm(&path);
        let before = fs::read(&path).ok();
        // A file that is there is refused whether or not a store may be created.
        for create in [false, *kind != "Missing"] {
            let refused = SqliteStore::open(&path, &SqliteConfig { create, ..strict() });
            let refused = refused.map(|_| ()).expect_err(case);
            assert!(format!("{refused:?}").starts_with(kind), "{case}: {refused:?}");
            assert!(refused.to_string().contains("store.db"), "{case}: {refused}");
        }
        assert!(fs::read(&path).ok() == before, "{case}: the file was changed");
    }
}

#[tokio::test]
async fn the_version_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = sample(folder.path()).await;
    sql(&path, "PRAGMA user_version = 9");
    let newer = OpenError::Newer { path: path.clone(), found: 9, supported: 5 };
    assert_eq!(SqliteStore::open(&path, &strict()).map(|_| ()), Err(newer));
}

/// Makes of a closed store what version 1 left behind.
fn of_version_1(path: &Path) {
    let indexes = "DROP INDEX run_by_parent; DROP INDEX record_by_blob; DROP INDEX value_of_blob;";
    let tables = "DROP TABLE used; DROP TABLE letter; DROP TABLE wait; DROP TABLE trouble; DROP TABLE undelivered;";
    sql(path, &format!("{indexes} {tables} PRAGMA user_version = 1"));
}

#[tokio::test]
async fn a_store_of_the_version_before_is_brought_up_to_date() {
    let folder = tempfile::tempdir().unwrap();
    let path = sample(folder.path()).await;
    let space = cleargate_store::KvSpace::new("t", "s");
    crate::open(&path).kv_set(space, "k", vec![7; 1500]).await.unwrap();
    of_version_1(&path);
    let quota = cleargate_store::Quota { values: 2_000, ..Default::default() };
    let config = SqliteConfig { quota, ..strict() };
    // Many at once: all of them end up with the same store.
    std::thread::scope(|scope| {
        for _ in 0..8 {
            let config = SqliteConfig { lock_wait: Duration::from_secs(5), ..config.clone() };
            let path = &path;
            scope.spawn(move || SqliteStore::open(path, &config).unwrap());
        }
    });
    let store = SqliteStore::open(&path, &config).unwrap();
    assert_eq!(store.whole_journal(&crate::id("r")).await.unwrap().len(), 41);
    assert_eq!(store.kv_get(space, "k").await, Ok(Some(vec![7; 1500])));
    // What was there before counts.
    let refused = store.kv_set(space, "l", vec![7; 500]).await;
    assert!(matches!(refused, Err(StoreError::OverQuota { .. })), "{refused:?}");
}

/// Version 4 kept letters that nobody can take any more among those that somebody will.
#[tokio::test]
async fn what_ended_runs_never_took_is_laid_aside_when_the_store_is_brought_up_to_date() {
    let folder = tempfile::tempdir().unwrap();
    let path = sample(folder.path()).await;
    let store = crate::open(&path);
    let says = cleargate_store::Says::Signal { name: "e".into(), payload: 7.into() };
    let mut letters = Vec::new();
    for id in ["r", "open"] {
        if id == "open" {
            store.create_run(crate::new_run(id, None)).await.unwrap();
        }
        let (run, by) = (crate::id(id), "b".into());
        letters.push(cleargate_store::Letter {
            run,
            id: "1".into(),
            by,
            at: 3,
            says: says.clone(),
        });
        store.post(letters.last().unwrap()).await.unwrap();
    }
    drop(store);
    // As that version left it: the run has ended, and its letter is where it was.
    let end = "SELECT count(*) FROM letter; UPDATE run SET status = 1 WHERE id = 'r';";
    sql(
        &path,
        &format!("{end} DROP TABLE trouble; DROP TABLE undelivered; PRAGMA user_version = 4"),
    );
    let store = SqliteStore::open(&path, &strict()).unwrap();
    assert_eq!(store.inbox(&crate::id("open"), 9).await, Ok(vec![letters[1].clone()]));
    drop(store);
    let count = |of: &str| {
        let db = rusqlite::Connection::open(&path).unwrap();
        db.query_row(of, (), |row| row.get::<_, i64>(0)).unwrap()
    };
    assert_eq!(count("SELECT count(*) FROM letter"), 1);
    assert_eq!(
        count("SELECT count(*) FROM undelivered u JOIN run r ON r.nr = u.run AND r.id = 'r'"),
        1
    );
    // It is read as it was written: the checksum went with it.
    sql(&path, "UPDATE run SET status = 0 WHERE id = 'r'");
    let store = SqliteStore::open(&path, &strict()).unwrap();
    assert_eq!(store.undelivered(&crate::id("r"), 9).await, Ok(vec![letters[0].clone()]));
}

#[test]
fn a_log_without_its_store_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let log = folder.path().join("store.db-wal");
    fs::write(&log, "acknowledged records").unwrap();
    let refused = SqliteStore::open(&path, &SqliteConfig::new(Class::ProcessSafe)).map(|_| ());
    assert_eq!(refused, Err(OpenError::OnlyLog { path: path.clone(), log: log.clone() }));
    assert_eq!(fs::read(&log).unwrap(), b"acknowledged records");
    assert!(!path.exists());
}

#[test]
fn only_the_owner_can_read_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("new/deep/store.db");
    let _store = crate::open(&path);
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&path), 0o600);
    assert_eq!(mode(&path.with_file_name("store.db-wal")), 0o600);
    assert_eq!(mode(path.parent().unwrap()), 0o700);
    let names = fs::read_dir(path.parent().unwrap()).unwrap();
    assert_eq!(names.filter(|n| is_draft(n.as_ref().unwrap())).count(), 0);
}

fn is_draft(entry: &fs::DirEntry) -> bool {
    entry.file_name().to_string_lossy().ends_with(".new")
}

#[test]
fn many_creators_share_one_store() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    std::thread::scope(|scope| {
        for n in 0..8 {
            let path = &path;
            scope.spawn(move || {
                let store = crate::open(path);
                let rt = tokio::runtime::Builder::new_current_thread().build().unwrap();
                rt.block_on(crate::held(&store, &format!("r{n}")));
            });
        }
    });
    let rt = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let runs = rt.block_on(crate::open(&path).outstanding(99)).unwrap();
    assert_eq!(runs.len(), 8);
}

#[tokio::test]
async fn another_process_that_writes_is_named_and_passes() {
    let folder = tempfile::tempdir().unwrap();
    let path = sample(folder.path()).await;
    let store = SqliteStore::open(&path, &strict()).unwrap();
    let other = rusqlite::Connection::open(&path).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let create = || store.create_run(crate::new_run("late", None));
    assert_eq!(create().await, Err(StoreError::Locked));
    assert_eq!(store.run(&crate::id("late")).await, Ok(None));
    other.execute_batch("ROLLBACK").unwrap();
    assert!(create().await.is_ok());
}

#[tokio::test]
async fn a_folder_that_may_not_be_written_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = sample(folder.path()).await;
    let mode = |mode| fs::set_permissions(folder.path(), fs::Permissions::from_mode(mode)).unwrap();
    mode(0o500);
    // Who may do everything is refused nothing; the disk in `space` refuses them too.
    let bound = fs::write(folder.path().join("try"), "").is_err();
    for path in [path, folder.path().join("new.db"), folder.path().join("new/store.db")] {
        let refused = SqliteStore::open(&path, &SqliteConfig::new(Class::ProcessSafe)).map(|_| ());
        if bound {
            assert!(matches!(refused, Err(OpenError::ReadOnly { .. })), "{path:?}: {refused:?}");
        }
    }
    mode(0o700);
}
