//! Journals of earlier releases: what was stored once replays for ever, and a journal that was changed is found out.

use std::path::{Path, PathBuf};

use cleargate::{
    Config, Event, Flow, Fork, Host, InputValue, Journals, Kind, Outcome, Record, ReplayOptions,
    RunId, Value,
};

const GRANTS: &str = "[[grant]]\nplugin = \"built-in\"\nversion = \"0\"\ndigest = \"built-in\"\n\
    allow = { files = [\"note.txt\"] }\n";

#[expect(clippy::disallowed_methods, reason = "who runs the tests says what is to be written")]
fn blessing() -> bool {
    std::env::var_os("CLEARGATE_BLESS").is_some()
}

fn cases() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/histories");
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut cases: Vec<_> = entries.filter(|path| path.is_dir()).collect();
    cases.sort();
    cases
}

/// The journals of a case, by the id of their run.
fn journals(case: &Path) -> Vec<(RunId, Vec<Record>)> {
    let entries = std::fs::read_dir(case).unwrap().map(|entry| entry.unwrap().path());
    let journals = entries.filter(|path| path.extension().is_some_and(|end| end == "ndjson"));
    let mut journals: Vec<_> = journals.collect();
    journals.sort();
    let read = |path: PathBuf| {
        let id = path.file_stem().unwrap().to_str().unwrap().parse().unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        let records = text.lines().map(|line| serde_json::from_str(line).unwrap());
        (id, records.collect())
    };
    journals.into_iter().map(read).collect()
}

/// Writes the journals of a run, and of those inside it.
async fn write(case: &Path, host: &Host, run: &RunId) {
    let mut runs = vec![run.clone()];
    while let Some(run) = runs.pop() {
        let records = host.events(&run).await.unwrap();
        let lines = records.iter().map(|record| serde_json::to_string(record).unwrap() + "\n");
        std::fs::write(case.join(format!("{run}.ndjson")), lines.collect::<String>()).unwrap();
        let inside = host.run_details(&run).await.unwrap().sub_flows;
        runs.extend(inside.into_iter().map(|run| run.id.parse::<RunId>().unwrap()));
    }
}

/// Makes the plugins of a case that are not there, of their text.
fn plugins(case: &Path) {
    for entry in std::fs::read_dir(case).unwrap() {
        let path = entry.unwrap().path();
        let made = path.with_extension("plugin.wasm");
        if path.extension().is_some_and(|end| end == "wat") && !made.exists() {
            let name = path.file_stem().unwrap().to_str().unwrap();
            let manifest =
                format!("[plugin]\nname = 'acme:{name}'\nversion = '1.0.0'\ndescription = 'x'\n");
            let manifest = cleargate_registry::Manifest::from_toml(&manifest).unwrap();
            let component = wat::parse_file(&path).unwrap();
            let plugin = cleargate_registry::embed_manifest(&component, &manifest).unwrap();
            std::fs::write(made, plugin).unwrap();
        }
    }
}

/// A folder with the flows and plugins of a case, in which a build may write.
fn copy(case: &Path) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for entry in std::fs::read_dir(case).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|end| end == "yaml" || end == "wasm") {
            std::fs::copy(&path, folder.path().join(path.file_name().unwrap())).unwrap();
        }
    }
    folder
}

/// Runs a case with this build, and keeps its journal; with a fork, that one's too.
async fn bless(case: &Path) {
    plugins(case);
    let home = copy(case);
    let path = |name: &str| home.path().join(name);
    std::fs::write(path("grants.toml"), GRANTS).unwrap();
    // What the world was then is not there when it is replayed.
    std::fs::write(path("note.txt"), "a note").unwrap();
    let host = Host::open(Config::new(home.path(), home.path()).in_memory()).await.unwrap();
    let flow = host.load("flow.yaml", false).await.unwrap();
    let input = std::fs::read_to_string(case.join("input.json")).ok().map(InputValue::Json);
    let run = host.start(&flow, Vec::from_iter(input), Default::default()).await.unwrap();
    run.outcome().await.unwrap();
    write(case, &host, run.id()).await;
    if let Ok(places) = std::fs::read_to_string(case.join("fork")) {
        let at = places.lines().map(str::to_owned).collect();
        let fork = Fork { at, allow_effects: true, ..Fork::default() };
        let forked = host.fork(run.id(), &fork).await.unwrap().running;
        forked.outcome().await.unwrap();
        write(case, &host, forked.id()).await;
    }
}

/// The journals of the runs inside of a run of this build's two levels.
fn inside<'j>(journals: &'j Journals, run: &RunId) -> impl Iterator<Item = &'j Vec<Record>> {
    journals.values().filter(move |records| {
        matches!(&records[0].event, Event::RunStarted { parent: Some((around, _)), .. } if around == run)
    })
}

/// Whether a record is the answer of a step that is a run of its own.
fn is_inside(flow: &Flow, record: &Record) -> bool {
    let Event::AttemptSucceeded { address, .. } = &record.event else { return false };
    let node = flow.graph().node(address).unwrap();
    matches!(&node.kind, cleargate_flow::graph::NodeKind::Leaf(leaf) if leaf.uses == "part")
}

#[tokio::test]
async fn golden_histories_replay_byte_for_byte() {
    let cases = cases();
    assert!(cases.len() > 2, "{cases:?}");
    for case in cases {
        if journals(&case).is_empty() && blessing() {
            bless(&case).await;
        }
        let home = copy(&case);
        let host = Host::open(Config::new(home.path(), home.path()).in_memory()).await.unwrap();
        let flow = host.load("flow.yaml", false).await.unwrap();
        let journals = Journals::from_iter(journals(&case));
        assert!(!journals.is_empty(), "{} has no journal: CLEARGATE_BLESS=1", case.display());
        for (run, records) in &journals {
            // The journal of a run inside is replayed with the run around it.
            let own = matches!(&records[0].event, Event::RunStarted { parent: None, .. });
            for execute in [false, true].into_iter().filter(|_| own) {
                let options = ReplayOptions { execute };
                let replay = host.replay_journals(&flow, run, records, &journals, options);
                let replay = replay.await.unwrap();
                assert!(replay.is_same(), "{}: {:#?}", case.display(), replay.divergences);
                assert!(replay.outcome.is_some() && replay.error().is_none());
                let subs = records.iter().filter(|record| is_inside(&flow, record)).count() as u64;
                let inside = inside(&journals, run).map(|records| records.len() as u64);
                assert_eq!(replay.records, records.len() as u64 + inside.sum::<u64>());
                assert_eq!(replay.executed, if execute { replay.attempts - subs } else { 0 });
            }
            // A journal reads back as it was written.
            let path = case.join(format!("{run}.ndjson"));
            let lines = records.iter().map(|record| serde_json::to_string(record).unwrap() + "\n");
            assert_eq!(std::fs::read_to_string(path).unwrap(), lines.collect::<String>());
        }
    }
}

#[tokio::test]
async fn a_journal_that_was_changed_is_told_with_its_place() {
    let case = cases().into_iter().find(|case| case.ends_with("v0.1-blocks")).unwrap();
    let home = tempfile::tempdir().unwrap();
    let host = Host::open(Config::new(home.path(), &case).in_memory()).await.unwrap();
    let flow = host.load("flow.yaml", false).await.unwrap();
    let (run, records) = journals(&case).into_iter().next().unwrap();
    let replay = async |records: &[Record], execute| {
        let options = ReplayOptions { execute };
        host.replay_journal(&flow, &run, records, options).await.unwrap()
    };
    let changed = |from: &str, to: &str| -> Vec<Record> {
        let change = |record: &Record| {
            let line = serde_json::to_string(record).unwrap();
            serde_json::from_str(&line.replace(from, to)).unwrap()
        };
        records.iter().map(change).collect()
    };
    // An answer that is another than the node gives, though the outcome follows from it.
    let found = replay(&changed("\"undone\":\"seat 4\"", "\"undone\":\"seat 5\""), true).await;
    let first = &found.divergences[0];
    let place = (first.address.as_deref(), first.attempt, first.pointer.as_deref());
    assert_eq!(place, (Some("trip[0].seat[0].compensate"), Some(1), Some("/undone")), "{first}");
    let text = Value::from("seat 5");
    assert_eq!((first.expected.as_ref(), first.got.is_some()), (Some(&text), true), "{first}");
    assert_eq!(found.error().unwrap().kind, Kind::Failed);
    assert!(
        replay(&changed("\"undone\":\"seat 4\"", "\"undone\":\"seat 5\""), false).await.is_same()
    );
    // An outcome that does not follow.
    let mut other = records.clone();
    let last = other.last_mut().unwrap();
    last.event = cleargate::Event::RunFinished {
        outcome: Outcome::Succeeded { output: Value::record([("each", Value::Null)]) },
    };
    let found = replay(&other, false).await;
    assert_eq!(found.divergences[0].seq, Some(records.len() as u64 - 1));
    // A record that cannot be where it is.
    let found = replay(&[&records[..1], &records[records.len() - 1..]].concat(), false).await;
    assert!(found.divergences[0].to_string().contains("while nodes are still open"), "{found:?}");
}
