//! Publishing: alone, at once, cut off, and read back from a folder that somebody changed.

use std::sync::Barrier;

use tempfile::TempDir;

use super::*;
use crate::index::{Event, Notice, append_event};
use crate::source::test_package as package;

fn registry() -> (TempDir, Dir) {
    let folder = TempDir::new().unwrap();
    let dir = Dir::open(folder.path().join("registry"), "dir:test").unwrap();
    (folder, dir)
}

fn name() -> PackageName {
    "acme:redactor".parse().unwrap()
}

const EPOCH: Timestamp = Timestamp::UNIX_EPOCH;

#[test]
fn what_is_published_is_found_fetched_and_never_replaced() {
    let (_folder, dir) = registry();
    assert_eq!(dir.history(&name()).unwrap(), None);
    let bytes = package("1.0.0", "");
    let release = dir.publish(&bytes, EPOCH).unwrap();
    assert_eq!(dir.packages().unwrap(), [name()]);
    assert_eq!(dir.fetch(&name(), &release).unwrap(), bytes);
    let again = dir.publish(&bytes, EPOCH).unwrap_err().to_string();
    assert!(again.contains("1.0.0 is published already; raise `version`"), "{again}");
}

#[test]
fn wider_permissions_need_a_minor_version() {
    const HTTP: &str = "[permissions]\nhttp = [\"a.example\"]\n[reasons]\nhttp = \"asks\"\n";
    let (_folder, dir) = registry();
    dir.publish(&package("1.0.0", ""), EPOCH).unwrap();
    let refused = dir.publish(&package("1.0.1", HTTP), EPOCH).unwrap_err().to_string();
    assert!(refused.contains("asks for more than 1.0.0 (http a.example)"), "{refused}");
    dir.publish(&package("1.1.0", HTTP), EPOCH).unwrap();
    let unasked = package("1.2.0", "# http");
    assert!(matches!(dir.publish(&unasked, EPOCH), Err(PublishError::Disagree(_))));
}

/// PK-05 at the source: the index says X, the bytes are Y.
#[test]
fn changed_bytes_are_refused_with_both_digests() {
    let (_folder, dir) = registry();
    let release = dir.publish(&package("1.0.0", ""), EPOCH).unwrap();
    let path = dir.package_path(&name(), &release.vers, "wasm");
    let other = package("1.0.0", "license = \"MIT\"");
    fs::write(&path, &other).unwrap();
    let message = dir.fetch(&name(), &release).unwrap_err().to_string();
    assert!(message.contains(&release.wasm.to_string()), "{message}");
    assert!(message.contains(&crate::Digest::of(&other).to_string()), "{message}");
    fs::remove_file(&path).unwrap();
    assert!(matches!(dir.fetch(&name(), &release), Err(SourceError::Gone { .. })));
}

#[cfg(unix)]
/// The index says the truth about the bytes and a lie about what they are.
#[test]
fn an_index_that_lies_about_a_component_is_refused() {
    let (_folder, dir) = registry();
    let release = dir.publish(&package("1.0.0", ""), EPOCH).unwrap();
    type Lie = fn(&mut Release);
    let lies: [(&str, Lie); 4] = [
        ("kind", |r| r.kind.clear()),
        ("imports", |r| r.imports.push("cleargate:host/log@0.1.0".parse().unwrap())),
        ("description", |r| r.description.push_str(", and more")),
        ("size", |r| r.size += 1),
    ];
    for (what, lie) in lies {
        let mut told = release.clone();
        lie(&mut told);
        let refused = dir.fetch(&name(), &told);
        assert!(matches!(refused, Err(SourceError::Lies { .. })), "{what}: {refused:?}");
    }
    let mut later = release.clone();
    later.published = Timestamp::MAX;
    dir.fetch(&name(), &later).expect("the day is nothing that the bytes know");
}

#[test]
fn links_and_large_files_are_refused() {
    let (folder, dir) = registry();
    let release = dir.publish(&package("1.0.0", ""), EPOCH).unwrap();
    let path = dir.package_path(&name(), &release.vers, "wasm");
    let elsewhere = folder.path().join("elsewhere.wasm");
    fs::rename(&path, &elsewhere).unwrap();
    std::os::unix::fs::symlink(&elsewhere, &path).unwrap();
    let message = dir.fetch(&name(), &release).unwrap_err().to_string();
    assert!(message.contains("is no regular file"), "{message}");
    let index = dir.index_path(&name());
    File::create(index).unwrap().set_len(MAX_FILE_LEN + 1).unwrap();
    assert!(dir.history(&name()).unwrap_err().to_string().contains("has more than"));
}

#[test]
fn publishers_at_once_lose_nothing() {
    const PUBLISHERS: usize = 8;
    let (_folder, dir) = registry();
    let barrier = Barrier::new(PUBLISHERS);
    let won: usize = std::thread::scope(|scope| {
        let publish = |i: usize| {
            let (dir, barrier) = (&dir, &barrier);
            scope.spawn(move || {
                barrier.wait();
                // Two threads for each version: one of them must lose.
                usize::from(dir.publish(&package(&format!("1.{}.0", i / 2), ""), EPOCH).is_ok())
            })
        };
        let threads: Vec<_> = (0..PUBLISHERS).map(publish).collect();
        threads.into_iter().map(|t| t.join().unwrap()).sum()
    });
    assert_eq!(won, PUBLISHERS / 2);
    let history = dir.history(&name()).unwrap().unwrap();
    assert_eq!(history.releases.len(), PUBLISHERS / 2);
    for release in &history.releases {
        dir.fetch(&name(), release).unwrap();
    }
}

#[test]
fn what_a_killed_publisher_left_is_no_package_and_in_nobodys_way() {
    let (_folder, dir) = registry();
    let bytes = package("1.0.0", "");
    let version = "1.0.0".parse().unwrap();
    let path = dir.package_path(&name(), &version, "wasm");
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, &bytes[..20]).unwrap();
    fs::create_dir_all(dir.index_path(&name()).parent().unwrap()).unwrap();
    fs::write(dir.index_path(&name()).with_file_name(".new-x7"), "{\"v\":").unwrap();
    assert_eq!(dir.packages().unwrap(), []);
    let release = dir.publish(&bytes, EPOCH).unwrap();
    assert_eq!(dir.fetch(&name(), &release).unwrap(), bytes);
}

#[test]
fn what_is_revoked_is_fetched_no_more() {
    let (_folder, dir) = registry();
    let release = dir.publish(&package("1.0.0", ""), EPOCH).unwrap();
    let path = dir.index_path(&name());
    let revoked = Event::Revoke(Notice {
        vers: Some("1.0.0".parse().unwrap()),
        reason: "malware".into(),
        instead: None,
        id: None,
        at: EPOCH,
        by: "acme".into(),
    });
    fs::write(&path, append_event(&fs::read(&path).unwrap(), &revoked).unwrap()).unwrap();
    assert!(matches!(dir.fetch(&name(), &release), Err(SourceError::Revoked { .. })));
}

#[test]
fn a_folder_of_a_newer_form_is_refused() {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("config.json"), "{\"v\":2}").unwrap();
    let message = Dir::open(folder.path(), "dir").unwrap_err().to_string();
    assert!(message.contains("newer than this ClearGate"), "{message}");
}
