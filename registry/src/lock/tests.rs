//! Writing, reading and comparing locks.

use jiff::Timestamp;
use tempfile::TempDir;

use super::*;
use crate::resolve::{HostApis, Request, resolve};
use crate::source::{Dir, Source, test_package};

fn roots(requirement: &str) -> Vec<Root> {
    vec![("acme:redactor".parse().unwrap(), requirement.parse().unwrap())]
}

fn lock_of(dir: &Dir, requirement: &str, preferred: &Lock) -> Lock {
    let host: HostApis =
        [("cleargate:node".parse().unwrap(), [Version::new(0, 1, 0)].into())].into();
    let request =
        Request { roots: &roots(requirement), host: &host, locked: &preferred.preferred() };
    Lock::new(&resolve(dir, request).unwrap(), dir.label(), [])
}

fn registry(versions: &[&str]) -> (TempDir, Dir) {
    let folder = TempDir::new().unwrap();
    let dir = Dir::open(folder.path().join("registry"), "dir:./registry").unwrap();
    for version in versions {
        dir.publish(&test_package(version, ""), Timestamp::UNIX_EPOCH).unwrap();
    }
    (folder, dir)
}

#[test]
fn a_lock_reads_back_and_has_one_form() {
    let (folder, dir) = registry(&["1.0.0", "1.1.0"]);
    let lock = lock_of(&dir, "^1", &Lock::default());
    let path = folder.path().join(FILE_NAME);
    assert_eq!(Lock::read(&path).unwrap(), None);
    lock.write(&path).unwrap();
    assert_eq!(Lock::read(&path).unwrap(), Some(lock.clone()));
    let locked = &lock.plugins()[0];
    let expected = format!(
        "{HEADER}version = 1\n\n[[plugin]]\nname = \"acme:redactor\"\nversion = \"1.1.0\"\n\
         source = \"dir:./registry\"\nwasm = \"{}\"\nmanifest = \"{}\"\nkinds = [\"node\"]\n\
         permissions = \"{}\"\nrequirements = [\"^1\"]\n",
        locked.wasm, locked.manifest, locked.permissions
    );
    assert_eq!(lock.to_toml(), expected);
}

#[test]
fn a_lock_holds_while_newer_versions_appear() {
    let (_folder, dir) = registry(&["1.0.0"]);
    let lock = lock_of(&dir, "^1", &Lock::default());
    dir.publish(&test_package("1.1.0", ""), Timestamp::UNIX_EPOCH).unwrap();
    assert_eq!(lock_of(&dir, "^1", &lock), lock);
    lock.covers(&roots("^1"), &[]).unwrap();
    let fresh = lock_of(&dir, "^1", &Lock::default());
    assert_ne!(fresh, lock);
    let message = lock.covers(&roots("^2"), &[]).unwrap_err().to_string();
    assert!(message.contains("acme:redactor@^2 is needed and not locked"), "{message}");
    assert!(
        message.ends_with("run the flow once without `--locked` and commit the file"),
        "{message}"
    );
}

#[test]
fn plugins_named_by_path_are_locked_by_their_bytes() {
    let locked = |more: &str| {
        let component = Component::read(&test_package("1.0.0", more)).unwrap();
        Locked::of_path("./plugins/redactor", &component).unwrap()
    };
    let lock = Lock::new(&Resolution::default(), "dir:x", [locked("")]);
    let found = lock.find(&"./plugins/redactor".parse().unwrap()).unwrap();
    found.verify(&test_package("1.0.0", "")).unwrap();
    let message = found.verify(b"other").unwrap_err().to_string();
    assert!(message.contains(&found.wasm.to_string()), "{message}");
    assert!(message.contains(&Digest::of(b"other").to_string()), "{message}");
    assert_eq!(lock.find(&"acme:redactor@^1".parse().unwrap()), None);
    lock.covers(&[], &[locked("")]).unwrap();
    let message = lock.covers(&[], &[locked("license = \"MIT\"")]).unwrap_err().to_string();
    assert!(message.contains("acme:redactor 1.0.0: wasm is locked as sha256:"), "{message}");
    let message = Lock::default().covers(&[], &[locked("")]).unwrap_err().to_string();
    assert!(message.contains("from path:./plugins/redactor is needed and not locked"), "{message}");
}

#[test]
fn damaged_and_newer_files_are_refused_with_the_way_out() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join(FILE_NAME);
    for (text, expected) in [
        ("version = 2\n[new]\n", "form 2 is newer than this ClearGate"),
        ("version = ", "restore it from version control"),
        ("version = 1\nextra = 1\n", "unknown field `extra`"),
        ("version = 1\n[[plugin]]\nname = \"acme:x\"\n", "missing field `version`"),
    ] {
        std::fs::write(&path, text).unwrap();
        let message = Lock::read(&path).unwrap_err().to_string();
        assert!(message.contains(expected), "{message}");
    }
}
