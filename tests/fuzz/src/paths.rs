//! Paths of files, as nodes write them into requests and as guests give them to WASI: whatever they name, only granted
//! folders are read and changed.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::sync::Arc;

use cleargate_executor::testing::{NoNetwork, gate};
use cleargate_executor::{CallScope, Node, NodeContext};
use cleargate_flow::Value;
use cleargate_flow::grant::{FilePattern, Grants, Service};
use cleargate_flow::limits::Limits;
use cleargate_gate::{
    FileAction, FileOp, Folder, Gate, Identity, NoLog, Opening, Pass, Quotas, Request, Response,
};
use cleargate_runtime::node::node;
use cleargate_store::MemoryStore;
use tempfile::TempDir;
use walkdir::WalkDir;
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

use crate::guests;

/// What stands in the files that nobody may read, or change.
const CANARY: &str = "the canary of the files";

/// A folder of a flow with granted and other files in it, and files beside it.
struct Home {
    dir: TempDir,
    driver: tokio::runtime::Runtime,
    gate: Arc<Gate>,
    scope: CallScope,
    pass: Pass,
    guest: Arc<dyn Node>,
    /// All that is not to change: what is there, and what is in it.
    before: Vec<(String, Vec<u8>)>,
}

thread_local! {
    static HOME: Home = Home::new();
}

impl Home {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let at = |path: &str| dir.path().join(path);
        for folder in ["flow/read/sub", "flow/secret", "absolute", "beside"] {
            fs::create_dir_all(at(folder)).unwrap();
        }
        for file in ["flow/secret/a.txt", "flow/two.txt", "beside/a.txt", "outside.txt"] {
            fs::write(at(file), CANARY).unwrap();
        }
        for file in ["flow/read/a.txt", "flow/one.txt"] {
            fs::write(at(file), "0123456789").unwrap();
        }
        let absolute = format!("{}/", at("absolute").display());
        let patterns = ["work/:rw", "read/", "one.txt", &format!("{absolute}:rw")];
        let files = patterns.iter().map(|text| text.parse().unwrap()).collect();
        let gate = gate(Arc::new(MemoryStore::new()), Arc::new(NoNetwork));
        let identity = Identity {
            run: "fuzz".parse().unwrap(),
            address: "fuzz".parse().unwrap(),
            attempt: 1,
            plugin: "fuzz".into(),
            tenant: "default".into(),
        };
        let mut limits = Limits::combine(&[]);
        limits.host_calls.value = u64::MAX;
        let quotas = Quotas::new(&limits, Arc::default());
        let grants = Arc::new(Grants { files, services: Service::ALL.into(), ..Grants::default() });
        let folder = Folder::open(&at("flow"));
        let pass = gate.pass(identity, (*grants).clone(), quotas, Arc::new(NoLog));
        let pass = pass.in_folder(folder.clone());
        let driver = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let guest = driver.block_on(guest(&grants));
        let scope =
            CallScope { name: "guest".into(), grants, limits, folder: Some(folder), peers: None };
        let mut home = Self { dir, driver, gate, scope, pass, guest, before: Vec::new() };
        home.clear();
        home.before = home.kept();
        home
    }

    /// Makes the granted folders anew, links that lead out of them included.
    fn clear(&self) {
        let at = |path: &str| self.dir.path().join(path);
        for folder in [at("flow/work"), at("absolute")] {
            let _ = fs::remove_dir_all(&folder);
            fs::create_dir_all(folder.join("sub")).unwrap();
            fs::write(folder.join("a.txt"), "0123456789").unwrap();
            symlink(at("beside"), folder.join("up")).unwrap();
            symlink("../secret/a.txt", folder.join("out.txt")).unwrap();
            symlink("loop", folder.join("loop")).unwrap();
        }
    }

    fn kept(&self) -> Vec<(String, Vec<u8>)> {
        let granted = |path: &Path| path.ends_with("flow/work") || path.ends_with("absolute");
        let entries = WalkDir::new(self.dir.path()).sort_by_file_name().into_iter();
        let entries = entries.filter_entry(|entry| !granted(entry.path())).map(Result::unwrap);
        entries
            .map(|entry| {
                (entry.path().display().to_string(), fs::read(entry.path()).unwrap_or_default())
            })
            .collect()
    }

    /// Asks for each line's word and path; whether anything may be changed.
    fn asked(&self, text: &str) -> bool {
        let text = text.replace('@', &self.dir.path().join("absolute").display().to_string());
        let mut changed = false;
        for op in text.split('\n').take(8).filter_map(operation) {
            let answer = self.driver.block_on(self.pass.perform(Request::File(op.clone())));
            let told = format!("{answer:?}");
            assert!(!told.contains(CANARY), "{op:?} tells {told}");
            changed |= answer == Ok(Response::Done) || matches!(op.action, FileAction::Open(_));
        }
        for (at, input) in text.split('\n').take(4).filter_map(call).enumerate() {
            let ctx = NodeContext::outside(&self.gate, "default", &self.scope, Value::Null);
            let told = format!("{:?}", self.driver.block_on(self.guest.run(ctx, input)));
            assert!(!told.contains(CANARY), "line {at} tells {told}");
            changed = true;
        }
        changed
    }
}

/// A component that uses files by WASI, as the tests of the runtime do.
async fn guest(grants: &Grants) -> Arc<dyn Node> {
    let wit = "package test:files; world guest {
        import wasi:io/streams@0.2.12;
        import wasi:filesystem/types@0.2.12; import wasi:filesystem/preopens@0.2.12;
        export act: func(pre: u32, path: string, links: u32, how: u32, %flags: u32, what: u32) -> string;
        export hoard: func(); export reread: func(path: string); }";
    let wasi = include_str!("../../../host/runtime/tests/it/wasi.wit");
    let mut resolve = Resolve::default();
    let package = resolve.push_str("guest.wit", &format!("{wit}\n{wasi}")).unwrap();
    let world = resolve.select_world(&[package], Some("guest")).unwrap();
    let text = include_str!("../../../host/runtime/tests/it/files.wat");
    let mut module = wat::parse_str(format!("(module {text})")).unwrap();
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8).unwrap();
    let bytes = ComponentEncoder::default().module(&module).unwrap().encode().unwrap();
    let plugin = guests::runtime().load(bytes.into(), grants).await.unwrap();
    let all = plugin.describe().await.unwrap();
    node(&plugin, all.iter().find(|tool| tool.id == "act").unwrap())
}

/// The same for WASI: the folder that it begins with and how a file is opened follow from the length of the line, what
/// is done with it from the word.
fn call(line: &str) -> Option<Value> {
    let (word, path) = line.split_once(' ')?;
    let (open, what) = match word {
        "read" => (0, 1),
        "piece" => (0, 4),
        "write" => (9, 2),
        "append" => (1, 3),
        "resize" => (1, 6),
        "list" => (2, 7),
        "look" => (0, 26),
        "open" => (0, 27),
        "create" => (5, 0),
        "make" => (0, 20),
        "clear" => (0, 21),
        "remove" => (0, 22),
        "rename" => (0, 25),
        _ => return None,
    };
    let path = path.split(" -> ").next().unwrap_or_default();
    let number = |number: usize| Value::Int(number as i64);
    Some(Value::record([
        ("pre", number(path.len() % 4)),
        ("path", path.into()),
        ("links", number(path.len() / 4 % 2)),
        ("how", number(open)),
        ("flags", number(3)),
        ("what", number(what)),
    ]))
}

/// A word, a path, and for a new name ` -> ` and that.
fn operation(line: &str) -> Option<FileOp> {
    let (word, path) = line.split_once(' ')?;
    let opening = Opening { follow: true, ..Opening::default() };
    let (path, action) = match word {
        "read" => (path, FileAction::Read),
        "piece" => (path, FileAction::ReadAt { offset: 0, length: 64 }),
        "write" => (path, FileAction::Write(b"new".to_vec())),
        "append" => (path, FileAction::Append(b"new".to_vec())),
        "resize" => (path, FileAction::Resize(64)),
        "list" => (path, FileAction::List { after: None }),
        "look" => (path, FileAction::Look { follow: true }),
        "open" => (path, FileAction::Open(opening)),
        "create" => (path, FileAction::Open(Opening { write: true, create: true, ..opening })),
        "make" => (path, FileAction::MakeFolder),
        "remove" => (path, FileAction::RemoveFile),
        "clear" => (path, FileAction::RemoveFolder),
        "rename" => {
            let (from, to) = path.split_once(" -> ")?;
            (from, FileAction::Rename { to: to.into() })
        }
        _ => return None,
    };
    Some(FileOp { path: path.into(), action })
}

/// Lines of words and paths, and each line as a grant.
pub(crate) fn paths(text: &str) {
    HOME.with(|home| {
        let changed = home.asked(text);
        assert!(home.kept() == home.before, "something is changed that was not granted");
        if changed {
            home.clear();
        }
    });
    for line in text.lines().take(8) {
        if let Ok(pattern) = line.parse::<FilePattern>() {
            assert_eq!(
                pattern.to_string().parse(),
                Ok(pattern.clone()),
                "reads back what it prints"
            );
            let steps = || pattern.path.split('/');
            assert!(steps().all(|step| step != ".." && step != "."), "{line:?} leads elsewhere");
        }
    }
}
