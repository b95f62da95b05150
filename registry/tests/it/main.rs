//! What a registry in a folder promises when the process that publishes is killed.
//!
//! The child is this test program again: its working directory is the registry, so nothing has to be
//! handed over but the name of one ignored test, which does nothing without the parent's mark.
#![allow(clippy::unwrap_used, reason = "a test ends at the first surprise")]

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use cleargate_registry::source::{Dir, Source};
use cleargate_registry::{Manifest, PackageName, embed_manifest};

const CHILD: &str = "publish_until_killed";
/// Kills, each a little later than the one before, so that they hit every step of publishing.
const KILLS: u32 = 30;
/// Tells the child that the folder is the parent's.
const MARK: &str = "child-may-publish";
/// Made by the child when it begins, so that a slow start of the process counts for nothing.
const BEGUN: &str = "child-has-begun";

fn package(minor: usize) -> Vec<u8> {
    let component = r#"(component (component $empty) (instance $i (instantiate $empty))
        (export "cleargate:node/node@0.1.0" (instance $i)))"#;
    let manifest = format!(
        "[plugin]\nname = \"acme:redactor\"\nversion = \"1.{minor}.0\"\ndescription = \"x\"\n"
    );
    let manifest = Manifest::from_toml(&manifest).unwrap();
    embed_manifest(&wat::parse_str(component).unwrap(), &manifest).unwrap()
}

fn name() -> PackageName {
    "acme:redactor".parse().unwrap()
}

/// Reads everything as a stranger would; returns how many versions there are.
fn whole(dir: &Dir) -> usize {
    let releases = dir.history(&name()).unwrap().unwrap_or_default().releases;
    for (i, release) in releases.iter().enumerate() {
        assert_eq!(dir.fetch(&name(), release).unwrap(), package(i));
    }
    releases.len()
}

#[test]
#[ignore = "the child of the test below"]
fn publish_until_killed() {
    let dir = Dir::open(Path::new("."), "dir:.").unwrap();
    if Path::new(MARK).exists() {
        std::fs::write(BEGUN, "").unwrap();
    }
    while Path::new(MARK).exists() {
        dir.publish(&package(whole(&dir)), jiff::Timestamp::UNIX_EPOCH).unwrap();
    }
}

#[test]
fn a_killed_publisher_never_leaves_half_a_package() {
    let folder = tempfile::TempDir::new().unwrap();
    let dir = Dir::open(folder.path(), "dir:.").unwrap();
    std::fs::write(folder.path().join(MARK), "").unwrap();
    let mut published = 0;
    for kill in 0..KILLS {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args([CHILD, "--exact", "--ignored"])
            .current_dir(folder.path())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let begun = folder.path().join(BEGUN);
        while !begun.exists() && child.try_wait().unwrap().is_none() {
            std::thread::sleep(Duration::from_millis(1));
        }
        // Every other child is killed after it has published something, however busy the machine is.
        while kill % 2 == 1 && whole(&dir) == published && child.try_wait().unwrap().is_none() {
            std::thread::sleep(Duration::from_millis(1));
        }
        std::thread::sleep(Duration::from_millis(u64::from(kill)));
        child.kill().unwrap();
        child.wait().unwrap();
        std::fs::remove_file(begun).unwrap();
        let now = whole(&dir);
        assert!(now >= published, "a published version is gone");
        published = now;
        // The lock died with its holder, and what is left over is in nobody's way.
        dir.publish(&package(published), jiff::Timestamp::UNIX_EPOCH).unwrap();
        published += 1;
    }
    assert!(published > KILLS as usize, "no child ever published anything");
}
