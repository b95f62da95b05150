//! Files of WASI inside a run: a real gate, a real folder, and a guest that tries to leave it.
#![cfg(unix)]

use std::os::unix::fs::symlink;
use std::sync::Arc;

use cleargate_executor::{CallScope, NodeContext};
use cleargate_flow::error::NodeError;
use cleargate_flow::grant::{FilePattern, Grants};
use cleargate_flow::limits::{Layer, Limits};
use cleargate_flow::value::Value;
use cleargate_gate::Folder;
use cleargate_runtime::Plugin;
use cleargate_runtime::describe::Described;
use cleargate_runtime::node::node;
use tempfile::TempDir;

use crate::guests::{everything, runtime};
use crate::passage::gate;
use crate::wasi::{WRITTEN, encode, world};

const EXPORTS: &str = "
    export act: func(pre: u32, path: string, links: u32, how: u32, %flags: u32, what: u32) -> string;
    export hoard: func(); export reread: func(path: string);";

/// Bits of `open-flags` and of `descriptor-flags`.
const CREATE: u32 = 1;
const FOLDER: u32 = 2;
const EXCLUSIVE: u32 = 4;
const TRUNCATE: u32 = 8;
const READ: u32 = 1;
const WRITE: u32 = 2;

/// What the guest does, as it numbers it.
const OPEN: u32 = 0;
const STREAM: u32 = 1;
const PUT: u32 = 2;
const APPEND: u32 = 3;
const READ_AT: u32 = 4;
const WRITE_AT: u32 = 5;
const RESIZE: u32 = 6;
const LIST: u32 = 7;
const NAME: u32 = 19;
const MAKE_FOLDER: u32 = 20;
const REMOVE_FOLDER: u32 = 21;
const REMOVE_FILE: u32 = 22;
const SYMLINK: u32 = 23;
const HARD_LINK: u32 = 24;
/// To `moved` in the first folder.
const RENAME: u32 = 25;
const LOOK: u32 = 26;
const READ_LINK: u32 = 27;

/// `error-code`, as far as it comes up.
fn code(said: &str) -> &str {
    match said {
        "!A" => "access",
        "!D" => "bad-descriptor",
        "!H" => "exist",
        "!I" => "file-too-large",
        "!O" => "is-directory",
        "!P" => "loop",
        "!U" => "no-entry",
        "!Y" => "not-directory",
        "!Z" => "not-empty",
        "!`" => "not-permitted",
        said => said,
    }
}

struct Home {
    dir: TempDir,
    plugin: Plugin,
    described: Vec<Described>,
    grants: Grants,
}

impl Home {
    /// `read/` may be read, `work/` changed, `one.txt` read; `secret/` is not granted.
    async fn new() -> Self {
        let module = format!("(module {})", include_str!("files.wat"));
        let bytes = encode(wat::parse_str(module).unwrap(), &world(EXPORTS, WRITTEN));
        Self::with(bytes, &["read/", "work/:rw", "one.txt"]).await
    }

    /// The same folders for another guest, of which it is granted these.
    async fn with(bytes: Arc<[u8]>, files: &[&str]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let at = |path: &str| dir.path().join(path);
        for folder in ["read/sub", "work/sub/deep", "secret"] {
            std::fs::create_dir_all(at(folder)).unwrap();
        }
        for file in ["read/a.txt", "work/a.txt", "secret/a.txt", "one.txt", "two.txt"] {
            std::fs::write(at(file), "0123456789").unwrap();
        }
        for (link, to) in [
            ("out", "../secret"),
            ("out.txt", "../secret/a.txt"),
            ("here", "a.txt"),
            ("zero", "/dev/zero"),
        ] {
            symlink(to, at("work").join(link)).unwrap();
        }
        let files = files.iter().map(|text| text.parse::<FilePattern>().unwrap()).collect();
        let grants = Grants { files, ..everything() };
        let plugin = runtime().load(bytes, &grants).await.unwrap();
        let described = plugin.describe().await.unwrap();
        Self { dir, plugin, described, grants }
    }

    async fn call(&self, tool: &str, input: &str, limits: Limits) -> Result<Value, NodeError> {
        let gate = gate();
        let limits = Limits::combine(&[(Layer::Node, limits)]);
        let folder = Some(Folder::open(self.dir.path()));
        let grants = Arc::new(self.grants.clone());
        let scope = CallScope { name: "guest".into(), grants, limits, folder, peers: None };
        let ctx = NodeContext::outside(&gate, "default", &scope, Value::Null);
        let described = self.described.iter().find(|one| one.id == tool).unwrap();
        let output = node(&self.plugin, described).run(ctx, Value::from_json(input).unwrap()).await;
        output.map(|output| output.value).map_err(|failure| failure.error)
    }

    /// One use of a path, from the folder of that number: `.`, `read`, `work`.
    async fn uses(
        &self,
        pre: usize,
        path: &str,
        links: bool,
        how: (u32, u32),
        what: u32,
    ) -> String {
        let input = format!(
            r#"{{"pre": {pre}, "path": {}, "links": {}, "how": {}, "flags": {}, "what": {what}}}"#,
            Value::from(path).to_json(),
            u8::from(links),
            how.0,
            how.1
        );
        let said = self.call("act", &input, Limits::default()).await.unwrap();
        code(said.as_str().unwrap()).to_owned()
    }

    fn text(&self, path: &str) -> String {
        std::fs::read_to_string(self.dir.path().join(path)).unwrap()
    }
}

#[tokio::test]
async fn a_guest_uses_the_folders_that_are_granted() {
    let home = Home::new().await;
    for (pre, name) in [".", "read", "work", "none"].into_iter().enumerate() {
        assert_eq!(home.uses(pre, "", true, (0, READ), NAME).await, name);
    }
    for (pre, path, how, what, answer) in [
        (1, "a.txt", (0, READ), STREAM, "0123456789"),
        (1, "./sub//../a.txt", (0, READ), READ_AT, "2345"),
        (0, "one.txt", (0, READ), STREAM, "0123456789"),
        (2, "here", (0, READ), STREAM, "0123456789"),
        (2, "a.txt", (0, READ | WRITE), PUT, "ok"),
        (2, "a.txt", (0, READ), STREAM, "0hello6789"),
        (2, "a.txt", (0, WRITE), APPEND, "ok"),
        (2, "a.txt", (0, WRITE), RESIZE, "ok"),
        (2, "a.txt", (0, READ), STREAM, "0hel"),
        (2, "a.txt", (TRUNCATE, WRITE), WRITE_AT, "ok"),
        (2, "a.txt", (0, READ), READ_AT, "\0hel"),
        (2, "new.txt", (CREATE | EXCLUSIVE, WRITE), OPEN, "ok"),
        (2, "new.txt", (0, READ), STREAM, "closed"),
        (2, "made", (0, 0), MAKE_FOLDER, "ok"),
        (2, "made", (0, 0), LOOK, "30"),
        (2, "made/", (0, 0), REMOVE_FOLDER, "ok"),
        (2, "new.txt", (0, 0), LOOK, "60"),
        (2, "new.txt", (0, 0), REMOVE_FILE, "ok"),
        (2, "sub", (FOLDER, READ), LIST, "deep"),
        (1, ".", (FOLDER, READ), LIST, "a.txt"),
        (0, ".", (0, 0), LOOK, "30"),
    ] {
        assert_eq!(home.uses(pre, path, true, how, what).await, answer, "{path} {what}");
    }
    assert_eq!(home.uses(2, "here", false, (0, 0), LOOK).await, "50", "a link, when asked");
    assert_eq!(home.text("work/a.txt"), "\0\0\0hello");
}

#[tokio::test]
async fn wa_20_no_path_and_no_link_leads_out_of_the_granted_folders() {
    let home = Home::new().await;
    let all = READ | WRITE;
    for (pre, path, how, what, refused) in [
        // By name.
        (2, "..", (FOLDER, READ), OPEN, "not-permitted"),
        (2, "../secret/a.txt", (0, READ), OPEN, "not-permitted"),
        (2, "sub/../../secret/a.txt", (0, READ), OPEN, "not-permitted"),
        (2, "/etc/passwd", (0, READ), OPEN, "not-permitted"),
        (2, "../read/a.txt/", (0, READ), LOOK, "not-permitted"),
        (0, "two.txt", (0, READ), OPEN, "access"),
        (0, "secret/a.txt", (0, READ), OPEN, "access"),
        (0, "work:rw", (0, READ), OPEN, "not-permitted"),
        (0, ".", (FOLDER, READ), LIST, "access"),
        // By links, also with a slash at the end of what is no folder.
        (2, "out", (FOLDER, READ), OPEN, "not-permitted"),
        (2, "out/", (FOLDER, READ), OPEN, "not-permitted"),
        (2, "out/a.txt", (0, READ), OPEN, "not-permitted"),
        (2, "out.txt", (0, READ), OPEN, "not-permitted"),
        (2, "out.txt/", (0, READ), OPEN, "not-permitted"),
        (2, "out.txt/", (0, 0), LOOK, "not-permitted"),
        (2, "out/", (0, 0), LOOK, "not-permitted"),
        (2, "out.txt", (TRUNCATE, WRITE), OPEN, "not-permitted"),
        (2, "out/new", (CREATE, WRITE), OPEN, "not-permitted"),
        (2, "out/new/", (0, 0), MAKE_FOLDER, "not-permitted"),
        (2, "out/a.txt", (0, 0), REMOVE_FILE, "not-permitted"),
        (2, "a.txt/", (0, READ), OPEN, "not-directory"),
        (2, "a.txt/", (0, 0), LOOK, "not-directory"),
        (2, "a.txt/", (0, 0), REMOVE_FILE, "not-directory"),
        (2, "a.txt/", (0, 0), RENAME, "not-directory"),
        (2, "here", (EXCLUSIVE | CREATE, WRITE), OPEN, "exist"),
        // No second name for anything.
        (2, "../secret/a.txt", (0, 0), SYMLINK, "not-permitted"),
        (2, "a.txt", (0, 0), HARD_LINK, "not-permitted"),
        (2, "here", (0, 0), READ_LINK, "not-permitted"),
        // To where nothing is granted; and from where nothing may be changed.
        (2, "a.txt", (0, 0), RENAME, "access"),
        (1, "a.txt", (0, 0), RENAME, "access"),
        // Reading is not writing, in any form.
        (1, "a.txt", (TRUNCATE, READ), OPEN, "access"),
        (1, "a.txt", (0, all), OPEN, "access"),
        (1, "new", (CREATE, READ), OPEN, "access"),
        (1, "a.txt", (0, READ), PUT, "bad-descriptor"),
        (1, "a.txt", (0, READ), APPEND, "bad-descriptor"),
        (1, "a.txt", (0, READ), WRITE_AT, "bad-descriptor"),
        (1, "a.txt", (0, READ), RESIZE, "bad-descriptor"),
        (1, "a.txt", (0, 0), REMOVE_FILE, "access"),
        (1, "sub", (0, 0), REMOVE_FOLDER, "access"),
        (0, "one.txt", (TRUNCATE, WRITE), OPEN, "access"),
        (2, "a.txt", (0, WRITE), STREAM, "bad-descriptor"),
        // Devices are no files, and a link to one is none.
        (2, "zero", (0, READ), OPEN, "not-permitted"),
        // What is told apart.
        (2, "no", (0, READ), OPEN, "no-entry"),
        (2, "sub", (0, WRITE), OPEN, "is-directory"),
        (2, "sub", (0, 0), REMOVE_FOLDER, "not-empty"),
        (2, ".", (0, 0), REMOVE_FOLDER, "not-permitted"),
    ] {
        let said = home.uses(pre, path, true, how, what).await;
        assert_eq!(said, refused, "{path} {how:?} {what}");
    }
    assert_eq!(home.uses(2, "here", false, (0, READ), OPEN).await, "loop");
    for file in ["read/a.txt", "work/a.txt", "secret/a.txt", "one.txt", "two.txt"] {
        assert_eq!(home.text(file), "0123456789", "{file}");
    }
}

#[tokio::test]
async fn wa_22_files_are_held_to_the_limits_of_the_call() {
    let home = Home::new().await;
    let many = Limits { host_calls: Some(1_000_000), ..Limits::default() };
    let error = home.call("hoard", "{}", many).await.unwrap_err();
    assert!(error.message.contains("1024 open handles"), "{error}");
    let path = home.dir.path().join("two.txt");
    std::fs::write(&path, vec![b'x'; 1 << 20]).unwrap();
    std::fs::rename(path, home.dir.path().join("one.txt")).unwrap();
    let read = r#"{"path": "one.txt"}"#;
    assert_eq!(home.call("reread", read, Limits::default()).await, Ok(Value::Null));
    // With less at once there are more readings.
    let little = Limits { payload: Some(1_000), ..Limits::default() };
    assert_eq!(home.call("reread", read, little).await, Ok(Value::Null));
    let few = Limits { host_calls: Some(10), ..Limits::default() };
    let error = home.call("reread", read, few).await.unwrap_err();
    assert!(error.message.contains("more than 10 host calls"), "{error}");
}

#[tokio::test]
async fn without_a_grant_there_is_no_folder_to_begin_with() {
    let mut home = Home::new().await;
    home.grants.files.clear();
    assert_eq!(home.uses(0, "one.txt", true, (0, READ), STREAM).await, "none");
}

#[tokio::test]
async fn wasi_3_uses_the_same_folders_by_the_same_rules() {
    let home = Home::with(crate::wasi3::component(), &["work/:rw"]).await;
    // The numbers of `error-code` are others: `would-block` is gone.
    let (bad_descriptor, is_directory, no_entry, not_permitted) = ("!C", "!N", "!T", "!_");
    for (path, how, flags, said) in [
        ("a.txt", 0, READ, "0123456789"),
        ("sub/../here", 0, READ, "0123456789"),
        ("new.txt", CREATE, WRITE, "one"),
        ("new.txt", 0, READ, "one\ntwo"),
        ("new.txt", 0, WRITE, "one"),
        ("new.txt", 0, READ, "one\ntwoone\ntwo"),
        ("a.txt", 0, 0, bad_descriptor),
        ("sub", 0, READ, is_directory),
        ("absent", 0, READ, no_entry),
        ("../secret/a.txt", 0, READ, not_permitted),
        ("/etc/passwd", 0, READ, not_permitted),
        ("out.txt", 0, READ, not_permitted),
        ("out/a.txt", CREATE, WRITE, not_permitted),
    ] {
        let path = Value::from(path).to_json();
        let input = format!(r#"{{"path": {path}, "how": {how}, "flags": {flags}}}"#);
        let got = home.call("file", &input, Limits::default()).await.unwrap();
        assert_eq!(got, said.into(), "{input}");
    }
    assert_eq!(home.text("secret/a.txt"), "0123456789");
    // Seven entries, and a folder among them; nothing without a grant.
    let look = home.call("look", r#"{"path": "sub"}"#, Limits::default()).await;
    assert_eq!(look, Ok("72".into()));
    let none = Home::with(crate::wasi3::component(), &[]).await;
    let input = r#"{"path": "a.txt", "how": 0, "flags": 1}"#;
    assert_eq!(none.call("file", input, Limits::default()).await, Ok("!U".into()));
}
