//! What is no regular file: pipes, devices, links; and what cannot hold a thread.
#![cfg(unix)]

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use cleargate_flow::error::ErrorCode;
use cleargate_gate::*;

use crate::bench::Bench;

fn read(path: &str) -> Request {
    Request::File(FileOp { path: path.into(), action: FileAction::Read })
}

fn write(path: &str) -> Request {
    let action = FileAction::Write(b"new".to_vec());
    Request::File(FileOp { path: path.into(), action })
}

fn pipe(path: &Path) {
    assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
}

#[tokio::test]
async fn pipes_and_devices_are_refused_at_once() {
    let home = tempfile::tempdir().unwrap();
    std::fs::create_dir(home.path().join("data")).unwrap();
    pipe(&home.path().join("data/pipe"));
    pipe(&home.path().join("pipe"));
    std::os::unix::net::UnixListener::bind(home.path().join("data/socket")).unwrap();
    let bench = Bench::new(r#"{"files":["data/:rw","pipe:rw","/dev/zero:rw","/dev/:rw"]}"#);
    let pass = bench.pass().in_folder(Folder::open(home.path()));
    for path in ["data/pipe", "pipe", "data/socket", "/dev/zero", "/dev/full", "/dev/tty"] {
        for request in [read(path), write(path)] {
            let done = tokio::time::timeout(Duration::from_secs(5), pass.perform(request.clone()));
            let error = done.await.expect("nothing waits for the other end").unwrap_err();
            assert_eq!(error.code, ErrorCode::Permanent, "{request:?}: {error}");
        }
    }
}

#[tokio::test]
async fn links_lead_nowhere_else_for_writes_too() {
    let home = tempfile::tempdir().unwrap();
    let at = |path: &str| home.path().join(path);
    std::fs::create_dir_all(at("flow/data/in")).unwrap();
    std::fs::write(at("outside.txt"), "old").unwrap();
    std::fs::write(at("flow/private.txt"), "old").unwrap();
    for (link, to) in [
        ("flow/data/up", "../../outside.txt"),
        ("flow/data/side", "../private.txt"),
        ("flow/data/absolute", at("outside.txt").to_str().unwrap()),
        ("flow/data/absent", "../made.txt"),
        ("flow/data/loop", "loop"),
        ("flow/one.txt", "private.txt"),
    ] {
        std::os::unix::fs::symlink(to, at(link)).unwrap();
    }
    let bench = Bench::new(r#"{"files":["data/:rw","one.txt:rw"]}"#);
    let pass = bench.pass().in_folder(Folder::open(&at("flow")));
    for path in
        ["data/up", "data/side", "data/absolute", "data/absent", "data/loop", "one.txt", "data/in"]
    {
        let error = pass.perform(write(path)).await.unwrap_err();
        assert_eq!(error.code, ErrorCode::Permanent, "{path}: {error}");
    }
    for path in ["outside.txt", "flow/private.txt"] {
        assert_eq!(std::fs::read_to_string(at(path)).unwrap(), "old", "{path}");
    }
    assert!(!at("flow/made.txt").exists());
    // A shorter text leaves nothing of the longer one.
    std::fs::write(at("flow/data/a.txt"), "a longer text").unwrap();
    assert_eq!(pass.perform(write("data/a.txt")).await, Ok(Response::Done));
    assert_eq!(std::fs::read_to_string(at("flow/data/a.txt")).unwrap(), "new");
}

#[tokio::test]
async fn a_folder_that_cannot_be_opened_says_why_when_it_is_used() {
    let home = tempfile::tempdir().unwrap();
    let bench = Bench::new(r#"{"files":["data/:rw"]}"#);
    let pass = bench.pass().in_folder(Folder::open(&home.path().join("gone")));
    let error = pass.perform(write("data/a.txt")).await.unwrap_err();
    assert_eq!(error.code, ErrorCode::Permanent);
    for words in ["`data/a.txt`", "the flow's folder", "gone", "No such file"] {
        assert!(error.message.contains(words), "{error}");
    }
}
