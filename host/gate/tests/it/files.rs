//! What is no regular file: pipes, devices, links; and what cannot hold a thread.
#![cfg(unix)]

use std::path::Path;
use std::process::Command;
use std::sync::Arc;
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

fn ask(path: &str, action: FileAction) -> Request {
    Request::File(FileOp { path: path.into(), action })
}

/// The word that a program is told with a failure, or the code of it.
fn word(error: &cleargate_flow::NodeError) -> String {
    let word = error.detail.as_map().and_then(|detail| detail.get("file"));
    word.and_then(|word| word.as_str()).map_or_else(|| error.code.to_string(), str::to_owned)
}

fn opening(letters: &str) -> FileAction {
    let has = |letter| letters.contains(letter);
    FileAction::Open(Opening {
        write: has('w'),
        create: has('c'),
        exclusive: has('x'),
        truncate: has('t'),
        folder: has('d'),
        follow: !has('n'),
    })
}

/// A folder that may be read and one that may be changed, with something in both.
fn home() -> (tempfile::TempDir, Bench) {
    let home = tempfile::tempdir().unwrap();
    let at = |path: &str| home.path().join(path);
    for folder in ["read/sub", "work/sub", "secret"] {
        std::fs::create_dir_all(at(folder)).unwrap();
    }
    for file in ["read/a.txt", "work/a.txt", "secret/a.txt", "one.txt"] {
        std::fs::write(at(file), "0123456789").unwrap();
    }
    for (link, to) in [
        ("work/out", "../secret"),
        ("work/read", "../read/a.txt"),
        ("work/here", "a.txt"),
        ("work/gone", "nothing"),
    ] {
        std::os::unix::fs::symlink(to, at(link)).unwrap();
    }
    (home, Bench::new(r#"{"files":["read/","work/:rw","one.txt"]}"#))
}

#[tokio::test]
async fn a_file_is_used_piece_by_piece_as_programs_do() {
    let (home, bench) = home();
    let pass = bench.pass().in_folder(Folder::open(home.path()));
    let bytes = |text: &str| Response::Bytes(Bytes(text.as_bytes().to_vec()));
    let at = |offset, text: &str| FileAction::WriteAt { offset, bytes: text.as_bytes().to_vec() };
    for (path, action, answer) in [
        ("read/a.txt", FileAction::ReadAt { offset: 2, length: 3 }, bytes("234")),
        ("read/a.txt", FileAction::ReadAt { offset: 8, length: 9 }, bytes("89")),
        ("read/a.txt", FileAction::ReadAt { offset: u64::MAX / 2, length: 9 }, bytes("")),
        ("work/a.txt", at(8, "abcd"), Response::Done),
        ("work/a.txt", FileAction::Append(b"!".to_vec()), Response::Done),
        ("work/a.txt", FileAction::Read, bytes("01234567abcd!")),
        ("work/a.txt", FileAction::Resize(3), Response::Done),
        ("work/here", FileAction::Read, bytes("012")),
        ("work/a.txt", FileAction::Sync, Response::Done),
        ("work/sub/deep", FileAction::MakeFolder, Response::Done),
        ("work/a.txt", FileAction::Rename { to: "work/sub/b.txt".into() }, Response::Done),
        ("work/sub/b.txt", FileAction::RemoveFile, Response::Done),
        ("work/sub/deep", FileAction::RemoveFolder, Response::Done),
        ("work/gone", FileAction::RemoveFile, Response::Done),
    ] {
        assert_eq!(pass.perform(ask(path, action.clone())).await, Ok(answer), "{path} {action:?}");
    }
    let Ok(Response::File(made)) = pass.perform(ask("work/new.txt", opening("wc"))).await else {
        panic!("it is made");
    };
    assert_eq!((made.kind, made.size), (FileKind::File, 0));
    assert!(made.modified.is_some_and(|at| at > 1_600_000_000_000), "{made:?}");
    for (path, follow, kind) in [
        ("read", true, FileKind::Folder),
        ("work/here", false, FileKind::Link),
        ("one.txt", true, FileKind::File),
    ] {
        match pass.perform(ask(path, FileAction::Look { follow })).await {
            Ok(Response::File(info)) => assert_eq!(info.kind, kind, "{path}"),
            other => panic!("{path}: {other:?}"),
        }
    }
    let listed = pass.perform(ask("work", FileAction::List { after: Some("here".into()) })).await;
    let Ok(Response::Entries { entries, next: None }) = listed else { panic!("{listed:?}") };
    let names: Vec<&str> = entries.iter().map(|entry| entry.name.as_str()).collect();
    assert_eq!(names, ["new.txt", "out", "read", "sub"]);
}

#[tokio::test]
async fn what_is_not_granted_or_leads_away_is_refused_for_each_operation() {
    let (home, bench) = home();
    let pass = bench.pass().in_folder(Folder::open(home.path()));
    let to = |to: &str| FileAction::Rename { to: to.into() };
    let at = |offset| FileAction::WriteAt { offset, bytes: b"x".to_vec() };
    let look = || FileAction::Look { follow: true };
    let list = || FileAction::List { after: None };
    for (path, action, refused) in [
        // Read-only is read-only, also for what only empties it.
        ("read/a.txt", opening("t"), "denied"),
        ("read/a.txt", opening("w"), "denied"),
        ("read/new.txt", opening("c"), "denied"),
        ("read/a.txt", at(0), "denied"),
        ("read/a.txt", FileAction::Append(b"x".to_vec()), "denied"),
        ("read/a.txt", FileAction::Resize(0), "denied"),
        ("read/a.txt", FileAction::RemoveFile, "denied"),
        ("read/new", FileAction::MakeFolder, "denied"),
        ("read/sub", FileAction::RemoveFolder, "denied"),
        ("one.txt", opening("t"), "denied"),
        // Names do not move what one grant covers to where another one does.
        ("read/a.txt", to("work/b.txt"), "denied"),
        ("work/a.txt", to("read/b.txt"), "denied"),
        ("work/a.txt", to("secret/b.txt"), "denied"),
        ("work/a.txt", to("work/../secret/b.txt"), "invalid_input"),
        // Neither `..`, nor a slash at the end, nor a link leads out.
        ("work/../secret/a.txt", look(), "invalid_input"),
        ("work/a.txt/", look(), "invalid_input"),
        ("work//a.txt", look(), "invalid_input"),
        ("./work/a.txt", look(), "invalid_input"),
        ("secret", list(), "denied"),
        (".", list(), "invalid_input"),
        ("work/out", list(), "refused"),
        ("work/out/a.txt", look(), "refused"),
        ("work/out/a.txt", FileAction::RemoveFile, "refused"),
        ("work/out/new", FileAction::MakeFolder, "refused"),
        ("work/a.txt", to("work/out/a.txt"), "refused"),
        ("work/out", opening("d"), "refused"),
        ("work/read", opening(""), "refused"),
        ("work/read", at(0), "refused"),
        ("work/here", opening("n"), "link"),
        ("work/gone", opening("wcx"), "exists"),
        // The folder stays where its operator put it.
        ("work", FileAction::RemoveFolder, "refused"),
        ("work", to("work/sub/work"), "refused"),
        ("work/sub", to("work"), "refused"),
        // What programs tell apart.
        ("work/no", opening(""), "absent"),
        ("work/a.txt", opening("d"), "no_folder"),
        ("work/a.txt", opening("wcx"), "exists"),
        ("work/sub", opening("w"), "folder"),
        ("work/sub", at(0), "no_file"),
        ("work/a.txt", list(), "no_folder"),
        ("work/a.txt", FileAction::MakeFolder, "exists"),
        ("work/a.txt", at(4 * 1024 * 1024 * 1024), "limit"),
        ("work/a.txt", FileAction::Resize(u64::MAX), "limit"),
    ] {
        let outcome = pass.perform(ask(path, action.clone())).await;
        let error = outcome.expect_err(&format!("{path} {action:?}"));
        assert_eq!(word(&error), refused, "{path} {action:?}: {error}");
    }
    for file in ["read/a.txt", "work/a.txt", "secret/a.txt", "one.txt"] {
        let text = std::fs::read_to_string(home.path().join(file)).unwrap();
        assert_eq!(text, "0123456789", "{file}");
    }
}

#[tokio::test]
async fn a_large_folder_is_listed_page_by_page() {
    let (home, mut bench) = home();
    for index in 0..1_500 {
        std::fs::write(home.path().join(format!("work/sub/{index:04}")), "").unwrap();
    }
    let (mut after, mut all, mut pages) = (None, Vec::new(), 0);
    let pass = bench.pass().in_folder(Folder::open(home.path()));
    loop {
        let list = ask("work/sub", FileAction::List { after: after.clone() });
        let Ok(Response::Entries { entries, next }) = pass.perform(list).await else { panic!() };
        all.extend(entries.into_iter().map(|entry| entry.name));
        pages += 1;
        after = next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!((pages, all.len(), all.is_sorted()), (2, 1_500, true));
    // A page has no more bytes than may cross at once.
    bench.quotas.payload = 100;
    let pass = bench.fresh("acme", "p").in_folder(Folder::open(home.path()));
    match pass.perform(ask("work/sub", FileAction::List { after: None })).await {
        Ok(Response::Entries { entries, next }) => {
            assert_eq!((entries.len(), next.as_deref()), (25, Some("0024")));
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_secret_is_masked_wherever_a_range_cuts_it() {
    let (home, _) = home();
    let secret = "correct-horse-battery";
    std::fs::write(home.path().join("work/a.txt"), format!("....{secret}....")).unwrap();
    let entry = SecretEntry::new(secret, vec![]).unwrap();
    let secrets = MemorySecrets::from_iter([("KEY".to_owned(), entry)]);
    let bench = Bench::with(r#"{"files":["work/"]}"#, &[], Arc::new(SystemResolver), secrets);
    let pass = bench.pass().in_folder(Folder::open(home.path()));
    for length in [1, 2, 7, 64] {
        let mut all = Vec::new();
        for offset in (0..29).step_by(length as usize) {
            let range = FileAction::ReadAt { offset, length };
            match pass.perform(ask("work/a.txt", range)).await {
                Ok(Response::Bytes(bytes)) => all.extend(bytes.0),
                other => panic!("{other:?}"),
            }
        }
        let text = String::from_utf8(all).unwrap();
        assert!(text.starts_with("....") && text.len() == 29, "{text}");
        assert!(
            !secret
                .as_bytes()
                .windows(4)
                .any(|part| text.contains(std::str::from_utf8(part).unwrap())),
            "{text}"
        );
    }
}
