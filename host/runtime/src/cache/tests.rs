//! Case PK-06: what is not exactly what we wrote is compiled again, and never executed.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::*;
use crate::compiler::tests::Counting;
use crate::compiler::{Compiler, InProcess};
use crate::engine::Allocation;

fn engine() -> Engine {
    Engine::with_allocation(Allocation::OnDemand).unwrap()
}

/// Reads through a cache as a load does, and says whether it compiled.
fn load(folder: &Path, engine: &Engine, component: &[u8]) -> bool {
    let cache = Cache::open(folder).unwrap();
    let digest = Digest::of(component);
    let compiler = Arc::new(Counting::default());
    let code = cache.get(&digest, engine).unwrap_or_else(|| {
        let code = Artifact::compile(&*compiler, engine, component).unwrap();
        cache.put(&digest, engine, &code).unwrap();
        code
    });
    code.component(engine).unwrap();
    compiler.0.load(Ordering::Relaxed) == 1
}

fn entry(folder: &Path) -> PathBuf {
    let mut entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.find(|path| !path.ends_with("key")).unwrap()
}

#[test]
fn pk_06_a_tampered_entry_is_compiled_again() {
    let folder = tempfile::tempdir().unwrap();
    let engine = engine();
    let component = wat::parse_str("(component)").unwrap();
    let other = wat::parse_str("(component (core module))").unwrap();
    assert!(load(folder.path(), &engine, &component));
    assert!(!load(folder.path(), &engine, &component), "an untouched entry is used");
    let path = entry(folder.path());
    let whole = fs::read(&path).unwrap();

    let mut flipped_tag = whole.clone();
    flipped_tag[0] ^= 1;
    let mut flipped_code = whole.clone();
    *flipped_code.last_mut().unwrap() ^= 1;
    let bare = InProcess.compile(&engine, &component).unwrap();
    let foreign = {
        let elsewhere = tempfile::tempdir().unwrap();
        assert!(load(elsewhere.path(), &engine, &component));
        fs::read(entry(elsewhere.path())).unwrap()
    };
    let misplaced = {
        let cache = Cache::open(folder.path()).unwrap();
        let code = Artifact::compile(&InProcess, &engine, &other).unwrap();
        cache.put(&Digest::of(&other), &engine, &code).unwrap();
        let theirs = cache.path(&Digest::of(&other), &engine);
        let bytes = fs::read(&theirs).unwrap();
        fs::remove_file(theirs).unwrap();
        bytes
    };
    for (case, bytes) in [
        ("flipped byte in the tag", flipped_tag),
        ("flipped byte in the code", flipped_code),
        ("truncated code", whole[..whole.len() / 2].to_vec()),
        ("truncated tag", whole[..TAG_BYTES - 1].to_vec()),
        ("empty", Vec::new()),
        ("code without a tag", bare),
        ("entry of another installation", foreign),
        ("entry of another component", misplaced),
        ("text", b"not machine code".repeat(100)),
    ] {
        fs::write(&path, bytes).unwrap();
        assert!(load(folder.path(), &engine, &component), "{case} was used");
        assert!(!load(folder.path(), &engine, &component), "{case} was not replaced");
    }
}

#[test]
fn pk_06_an_entry_of_another_engine_is_not_found() {
    let folder = tempfile::tempdir().unwrap();
    let component = wat::parse_str("(component)").unwrap();
    let (pool, on_demand) = (Engine::with_allocation(Allocation::Pool), engine());
    assert!(load(folder.path(), &on_demand, &component));
    let Ok(pool) = pool else { return };
    if fingerprint(&pool) != fingerprint(&on_demand) {
        assert!(load(folder.path(), &pool, &component), "code for other settings was used");
    }
    // The tag covers the fingerprint: an entry that is renamed to fit is not authentic.
    let cache = Cache::open(folder.path()).unwrap();
    let digest = Digest::of(&component);
    let bytes = fs::read(cache.path(&digest, &on_demand)).unwrap();
    let mut mac = Hmac::<Sha256>::new_from_slice(&cache.key).unwrap();
    mac.update(digest.bytes());
    mac.update(&(fingerprint(&on_demand) ^ 1).to_be_bytes());
    mac.update(&bytes[TAG_BYTES..]);
    assert!(mac.verify_slice(&bytes[..TAG_BYTES]).is_err());
}

#[cfg(unix)]
#[test]
fn pk_06_folder_and_key_are_private_and_an_open_one_voids_the_entries() {
    use std::os::unix::fs::PermissionsExt;
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let base = tempfile::tempdir().unwrap();
    let folder = base.path().join("compiled");
    let (engine, component) = (engine(), wat::parse_str("(component)").unwrap());
    assert!(load(&folder, &engine, &component));
    assert_eq!((mode(&folder), mode(&folder.join("key"))), (0o700, 0o600));
    for (path, open, closed) in [(folder.clone(), 0o755, 0o700), (folder.join("key"), 0o644, 0o600)]
    {
        fs::set_permissions(&path, fs::Permissions::from_mode(open)).unwrap();
        assert!(load(&folder, &engine, &component), "an entry outlived an open {}", path.display());
        assert_eq!(mode(&path), closed);
        assert!(!load(&folder, &engine, &component));
    }
}

#[test]
fn what_was_used_longest_ago_makes_room() {
    use std::time::Duration;
    let folder = tempfile::tempdir().unwrap();
    let engine = engine();
    let component = wat::parse_str("(component)").unwrap();
    let code = Artifact::compile(&InProcess, &engine, &component).unwrap();
    let size = (TAG_BYTES + code.bytes().len()) as u64;
    let digest = |n: u64| Digest::of(&n.to_le_bytes());
    // Two caches over one folder, as in two processes.
    let open = || Cache { max_bytes: 4 * size, ..Cache::open(folder.path()).unwrap() };
    let (ours, theirs) = (open(), open());
    let aged = |n: u64, minutes: u64| {
        let file = fs::File::options().append(true).open(ours.path(&digest(n), &engine)).unwrap();
        file.set_modified(now() - Duration::from_secs(60 * minutes)).unwrap();
    };
    for n in 0..4 {
        ours.put(&digest(n), &engine, &code).unwrap();
        aged(n, 100 - n);
    }
    // A draft of a process that was killed counts, and goes like everything else.
    let draft = folder.path().join(".tmpdraft");
    fs::write(&draft, vec![0; 10]).unwrap();
    fs::File::options()
        .append(true)
        .open(&draft)
        .unwrap()
        .set_modified(SystemTime::UNIX_EPOCH)
        .unwrap();
    // The oldest is used by the other process.
    assert!(theirs.get(&digest(0), &engine).is_some());
    theirs.put(&digest(4), &engine, &code).unwrap();
    let there = |n| ours.path(&digest(n), &engine).exists();
    assert_eq!([0, 1, 2, 3, 4].map(there), [true, false, false, true, true]);
    assert!(!draft.exists());
    assert_eq!(ours.bytes().unwrap(), 3 * size);
    // What is gone is compiled again, and the key is no file that goes.
    assert!(ours.get(&digest(1), &engine).is_none());
    let tiny = Cache { max_bytes: 1, ..open() };
    tiny.put(&digest(9), &engine, &code).unwrap();
    assert_eq!(tiny.bytes().unwrap(), size, "what was just kept stays");
    assert!(Cache::open(folder.path()).unwrap().get(&digest(9), &engine).is_some());
}
