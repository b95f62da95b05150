//! The power is cut under a run, and another process goes on with it: nothing is done to the world twice that must not be,
//! and the end is the one that the run would have had, or says of which step nobody knows whether it happened.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use cleargate_executor::testing::{self, NoNetwork, NodeTypes, OneNode};
use cleargate_executor::{
    Counted, End, Executor, ExecutorConfig, Failure, ManualClock, Node, NodeContext, Output,
    StartRun,
};
use cleargate_flow::signature::Effect;
use cleargate_flow::{ErrorCode, Graph, Outcome, RunId, Value};
use cleargate_power::dice::Dice;
use cleargate_power::disk::{Image, SAID};
use cleargate_power::shim::{Bench, told};
use cleargate_store::sqlite::Class;
use cleargate_store::{SqliteStore, Store};

use crate::cut::{MOMENTS, cut, traced};
use crate::{block_on, history};

const TYPES: NodeTypes =
    NodeTypes(&[("pure", Effect::Pure), ("idem", Effect::Idempotent), ("once", Effect::Once)]);

fn flow() -> Arc<Graph> {
    let text = "cleargate: 1\nflow: test\noutput: { out: \"${z}\" }\nnodes:\n  \
        a: { type: pure, with: { v: 1 } }\n  \
        b: { type: once, with: { v: \"${a + 1}\" } }\n  \
        m: { map: \"${[b, 20, 30]}\", max: 3, concurrency: 2, as: x, \
             do: { i: { type: idem, with: { v: \"${x}\" } } }, out: \"${i}\" }\n  \
        z: { type: once, with: { v: \"${m}\" } }\n";
    testing::graph(text, &TYPES)
}

/// What is done to the world: addresses and keys, said aloud when somebody listens.
struct World {
    said: Option<Mutex<std::fs::File>>,
    done: Mutex<Vec<String>>,
}

#[async_trait]
impl Node for World {
    async fn run(&self, ctx: NodeContext, input: Value) -> Result<Output, Failure> {
        let line = format!("{} {}", ctx.address, ctx.key);
        if let Some(said) = &self.said {
            said.lock().unwrap().write_all(format!("{line}\n").as_bytes()).unwrap();
        }
        self.done.lock().unwrap().push(line);
        Ok(input.get("v").cloned().unwrap_or_default().into())
    }
}

fn executor(store: Arc<dyn Store>, now: u64) -> Executor {
    let (gate, ids) =
        (testing::gate(store.clone(), Arc::new(NoNetwork)), Arc::<Counted>::default());
    let config = ExecutorConfig::new(format!("at {now}"));
    Executor::new(store, gate, Arc::new(ManualClock::at(now)), ids, config)
}

fn open(root: &Path) -> SqliteStore {
    history::open(root, Class::PowerSafe).unwrap()
}

/// The process whose power is cut. Says what it does to the world, and how the run has ended.
#[test]
#[ignore = "started by the test below"]
fn runner() {
    let Some((root, _)) = told() else { return };
    let said = Mutex::new(std::fs::File::create(root.join(SAID)).unwrap());
    block_on(async {
        let world = Arc::new(World { said: Some(said), done: Mutex::default() });
        let executor = executor(Arc::new(open(&root)), 1_000);
        let start = StartRun { input: Value::empty(), ..StartRun::default() };
        let catalog = Arc::new(OneNode::new(world.clone()));
        let run = executor.start(flow(), catalog, start).await.unwrap();
        let end = run.outcome().await;
        let mut said = world.said.as_ref().unwrap().lock().unwrap();
        said.write_all(format!("ended: {end:?}\n").as_bytes()).unwrap();
    });
}

/// Goes on with the run that is on a disk, in a world to which `said` was done.
async fn go_on(image: &Image, said: &[String], whole: &Outcome) {
    let folder = crate::folder();
    image.lay(folder.path());
    let store: Arc<dyn Store> = Arc::new(open(folder.path()));
    let run: RunId = "run-1".parse().unwrap();
    let ended = said.iter().any(|line| line.starts_with("ended: "));
    let Some(row) = store.run(&run).await.unwrap() else {
        assert!(said.is_empty(), "a run that did something is not there: {said:?}");
        return;
    };
    assert!(!ended || row.status.is_finished(), "a run that has ended goes on");
    let mut done: Vec<String> = said.to_vec();
    done.retain(|line| !line.starts_with("ended: "));
    let world = Arc::new(World { said: None, done: Mutex::new(done) });
    let executor = executor(store, 100_000);
    let catalog = Arc::new(OneNode::new(world.clone()));
    let End::Finished(outcome) =
        executor.resume(&run, flow(), catalog).await.unwrap().outcome().await
    else {
        panic!("the run does not end")
    };
    match &outcome {
        Outcome::Failed { error, .. } => assert_eq!(error.code, ErrorCode::UnknownOutcome),
        other => assert_eq!(other, whole),
    }
    let mut keys: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for line in world.done.lock().unwrap().iter() {
        let (address, key) = line.split_once(' ').unwrap();
        keys.entry(address.to_owned()).or_default().push(key.to_owned());
    }
    for (address, keys) in keys {
        assert!(keys.iter().all(|key| *key == keys[0]), "{address} changed its key");
        let most = if ["b", "z"].contains(&address.as_str()) { 1 } else { 2 };
        assert!(keys.len() <= most, "{address} was done {} times", keys.len());
    }
}

#[test]
fn du_03_a_run_whose_power_was_cut_goes_on_and_does_nothing_twice() {
    let expected = r#"{"out":[2,20,30]}"#;
    let whole = Outcome::Succeeded { output: Value::from_json(expected).unwrap() };
    for seed in 0..crate::soaked(1, 50) {
        let Some(bench) = Bench::new() else { return };
        let trace = traced(&bench, "resume::runner", "");
        cut(
            &format!("seed {seed}"),
            &trace,
            2 * MOMENTS,
            &mut Dice::new(seed),
            |disk, _, image, _| {
                block_on(go_on(image, &disk.said(), &whole));
            },
        );
    }
}
