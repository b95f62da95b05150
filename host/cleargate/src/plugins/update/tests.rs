//! Updates against a real registry folder, from the first approval to the lock that moves.

use cleargate_registry::{Manifest, embed_manifest};
use tempfile::TempDir;

use super::*;
use crate::config::Config;
use crate::plugins::Approval;
use crate::source::FlowSource;
use crate::uses::Locking;

const GRANT: InstallOptions = InstallOptions { approval: Approval::Requested, dry_run: false };
const ASK: InstallOptions = InstallOptions { approval: Approval::Nothing, dry_run: false };

/// A version of `acme:x` that asks for these stores, and has other bytes than any other version.
fn version(version: &str, stores: &[&str]) -> Vec<u8> {
    let kv = r#"(import "cleargate:host/kv@0.1.0" (instance))"#;
    let component = wat::parse_str(format!(
        r#"(component {} (component $empty) (instance $i (instantiate $empty))
            (export "cleargate:node/node@0.1.0" (instance $i)))"#,
        if stores.is_empty() { "" } else { kv }
    ));
    let mut manifest =
        format!("[plugin]\nname = 'acme:x'\nversion = '{version}'\ndescription = 'x'\n");
    if !stores.is_empty() {
        let asks = format!("[permissions]\nkv = {stores:?}\n[reasons]\nkv = 'To remember.'");
        manifest.push_str(&asks);
    }
    embed_manifest(&component.unwrap(), &Manifest::from_toml(&manifest).unwrap()).unwrap()
}

struct Home {
    folder: TempDir,
    plugins: Plugins,
}

impl Home {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let plugins = Plugins::open(&Config::new(folder.path(), folder.path())).unwrap();
        std::fs::write(folder.path().join("flow.yaml"), "use: { x: 'acme:x@^1' }").unwrap();
        Self { folder, plugins }
    }

    fn publish(&self, vers: &str, stores: &[&str]) {
        let at = jiff::Timestamp::UNIX_EPOCH;
        self.plugins.registry.publish(&version(vers, stores), at).unwrap();
    }

    fn installed(&self) -> Vec<String> {
        self.plugins.list().unwrap().into_iter().map(|row| row.version).collect()
    }

    /// The version that the flow's alias means.
    fn runs(&self) -> String {
        let path = self.folder.path();
        let source = FlowSource::find("flow.yaml", path).unwrap();
        let pinned = self.plugins.pin(source, path, Locking::Write, &BTreeMap::new());
        pinned.unwrap().plugins["x"].version.clone()
    }

    fn forget_lock(&self) {
        std::fs::remove_file(self.folder.path().join(FILE_NAME)).unwrap();
    }

    fn grants(&self) -> usize {
        self.plugins.grants().unwrap().len()
    }
}

fn lines(requests: &[crate::plugins::Requested]) -> Vec<&str> {
    requests.iter().map(|request| request.permission.as_str()).collect()
}

#[test]
fn an_update_that_asks_for_more_waits_and_the_approved_version_goes_on() {
    let home = Home::new();
    home.publish("1.0.0", &["a", "b"]);
    home.plugins.install("acme:x", &GRANT).unwrap();
    assert_eq!(home.runs(), "1.0.0");

    home.publish("1.3.0", &["a", "c"]);
    let refused = home.plugins.install("acme:x", &ASK).unwrap_err();
    assert_eq!(refused.kind, Kind::Denied);
    assert!(refused.message.contains("1.3.0 asks for more than 1.0.0"), "{refused}");
    assert_eq!(refused.help, ["cleargate plugin install acme:x@=1.3.0 --grant"]);
    let update = &home.plugins.update(&["acme:x".into()], &ASK).unwrap();
    assert_eq!(update.plugins[0].state, UpdateState::Waits);
    assert_eq!((&*update.plugins[0].from, &*update.plugins[0].to), ("1.0.0", "1.3.0"));
    let difference = update.plugins[0].difference.as_ref().unwrap();
    assert_eq!(lines(&difference.added), ["kv c"]);
    assert_eq!(difference.added[0].reason.as_deref(), Some("To remember."));
    assert_eq!(lines(&difference.dropped), ["kv b"]);
    assert!(update.locks.is_empty());
    assert_eq!((home.installed(), home.grants()), (vec!["1.0.0".to_owned()], 1));

    // With its lock and without one, the flow has what was approved, and says what waits.
    assert_eq!(home.runs(), "1.0.0");
    home.forget_lock();
    assert_eq!(home.runs(), "1.0.0");
    assert_eq!(home.plugins.list().unwrap()[0].waiting.as_deref(), Some("1.3.0"));

    let done = home.plugins.update(&["acme:x".into()], &GRANT).unwrap();
    assert_eq!(done.plugins[0].state, UpdateState::Updated);
    assert_eq!((&*done.locks[0].from, &*done.locks[0].to), ("1.0.0", "1.3.0"));
    assert_eq!(home.runs(), "1.3.0");
    assert_eq!(home.installed(), ["1.0.0", "1.3.0"], "runs that began keep the version they have");
    assert!(home.plugins.list().unwrap().iter().all(|row| row.waiting.is_none()));
}

#[test]
fn an_update_that_asks_for_the_same_or_less_goes_through() {
    for stores in [&["a", "b"][..], &["b"], &[]] {
        let home = Home::new();
        home.publish("1.0.0", &["a", "b"]);
        home.plugins.install("acme:x", &GRANT).unwrap();
        home.runs();
        home.publish("1.0.1", stores);
        assert!(home.plugins.list().unwrap()[0].waiting.is_none(), "{stores:?}");
        assert_eq!(home.runs(), "1.0.0", "a lock moves when somebody asks for it");
        let look = InstallOptions { dry_run: true, ..ASK };
        let would = home.plugins.update(&[], &look).unwrap();
        assert_eq!(would.plugins[0].state, UpdateState::WouldUpdate);
        assert_eq!(home.installed(), ["1.0.0"]);
        let done = home.plugins.update(&[], &ASK).unwrap();
        assert_eq!(done.plugins[0].state, UpdateState::Updated, "{stores:?}");
        assert_eq!(home.runs(), "1.0.1");
        let row = home.plugins.list().unwrap().pop().unwrap();
        assert!(row.missing.is_empty(), "{row:?}");
        // Nothing that it did not ask for went over.
        let granted = home.plugins.grants().unwrap().pop().unwrap();
        assert_eq!(granted.allow.len(), if stores.is_empty() { 2 } else { stores.len() });
        assert_eq!(home.plugins.update(&[], &ASK).unwrap().plugins[0].state, UpdateState::Current);
    }
}

#[test]
fn what_was_taken_back_or_approved_elsewhere_does_not_go_over() {
    let home = Home::new();
    home.publish("1.0.0", &["a"]);
    home.plugins.install("acme:x", &GRANT).unwrap();
    // The same name and requests in a file: nobody knows whose it is.
    let file = home.folder.path().join("x.wasm");
    std::fs::write(&file, version("1.0.1", &["a"])).unwrap();
    let refused = home.plugins.install(file.to_str().unwrap(), &ASK).unwrap_err();
    assert!(refused.causes[0].starts_with("it comes from path:"), "{refused}");
    assert!(refused.help[0].contains("x.wasm --grant"), "{refused:?}");
    home.plugins.install(file.to_str().unwrap(), &GRANT).unwrap();
    std::fs::write(&file, version("1.0.2", &["a"])).unwrap();
    home.plugins.install(file.to_str().unwrap(), &ASK).expect("it is the file that was approved");

    home.plugins.revoke("acme:x").unwrap();
    home.publish("1.1.0", &["a"]);
    let update = home.plugins.update(&[], &ASK).unwrap();
    assert_eq!(update.plugins[0].state, UpdateState::Waits);
    assert!(update.plugins[0].difference.is_none(), "no version is approved to compare with");
}

#[test]
fn a_ceiling_bounds_an_update_and_a_series_is_not_left() {
    let home = Home::new();
    home.publish("1.0.0", &["a"]);
    home.plugins.install("acme:x", &GRANT).unwrap();
    home.publish("1.1.0", &["a", "b"]);
    home.publish("2.0.0", &[]);
    let ceiling = |store: &str| {
        let most = serde_json::from_str(&format!(r#"{{"kv":["{store}"]}}"#)).unwrap();
        InstallOptions { approval: Approval::Ceiling(most), dry_run: false }
    };
    let update =
        |options: InstallOptions| home.plugins.update(&[], &options).unwrap().plugins.remove(0);
    assert_eq!(update(ceiling("c")).state, UpdateState::Waits);
    let done = update(ceiling("b"));
    assert_eq!((done.state, &*done.to), (UpdateState::Updated, "1.1.0"));
    assert_eq!(done.beyond.as_deref(), Some("2.0.0"));
    assert_eq!(home.runs(), "1.1.0");
    for (name, kind) in [("acme:y", Kind::Resolution), ("acme:x@^1", Kind::Invalid)] {
        assert_eq!(home.plugins.update(&[name.into()], &ASK).unwrap_err().kind, kind, "{name}");
    }
}

#[test]
fn without_an_approved_version_there_is_nothing_to_go_on_with() {
    let home = Home::new();
    home.publish("1.0.0", &["a"]);
    assert_eq!(home.runs(), "1.0.0");
    home.publish("1.1.0", &["b"]);
    home.forget_lock();
    assert_eq!(home.runs(), "1.1.0", "neither may run, so the newest is what to approve");
}

#[test]
fn of_a_request_that_was_granted_in_part_the_part_is_told() {
    let home = Home::new();
    home.publish("1.0.0", &["a", "notes_*"]);
    let most = serde_json::from_str(r#"{"kv":["a","notes_1"]}"#).unwrap();
    let some = InstallOptions { approval: Approval::Ceiling(most), dry_run: false };
    let done = home.plugins.install("acme:x", &some).unwrap().plugin;
    let later = home.plugins.inspect("acme:x").unwrap();
    for requests in [done.requests, later.requests] {
        assert_eq!(lines(&requests), ["kv a", "kv notes_*"]);
        assert!(requests.iter().all(|request| request.granted));
        assert_eq!(
            [&requests[0].only[..], &requests[1].only],
            [&[][..], &["kv notes_1".to_owned()]]
        );
    }
    // All of it is no part.
    home.plugins.install("acme:x", &GRANT).unwrap();
    assert!(home.plugins.inspect("acme:x").unwrap().requests.iter().all(|r| r.granted));
}
