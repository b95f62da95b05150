//! What a swap costs those who run meanwhile: runs that begin while components take each other's place, beside runs of
//! which nobody takes notice.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use cleargate::{Approval, Config, Host, InputValue, InstallOptions, Outcome, StartOptions};
use cleargate_registry::{Manifest, embed_manifest};

use crate::figure::{Budget, Figure, Goal, Samples, Turns, micros};

/// Measured runs.
const RUNS: usize = 2_000;

const FLOW: &str = "\
cleargate: 1
flow: ask
input: { n: int }
output: { said: \"${a}\" }
use: { adds: bench:adds@^1 }
nodes:
  a: { type: adds.add, with: { n: \"${input.n}\" } }
";

/// A plugin that adds so much to its input.
fn adds(add: u32) -> Vec<u8> {
    let component = wat::parse_str(format!(
        r#"(component
            (core module $m (func (export "add") (param i32) (result i32)
                (i32.add (local.get 0) (i32.const {add}))))
            (core instance $i (instantiate $m))
            (func (export "add") (param "n" u32) (result u32) (canon lift (core func $i "add"))))"#
    ));
    let manifest =
        format!("[plugin]\nname = 'bench:adds'\nversion = '1.0.{add}'\ndescription = 'Adds'");
    embed_manifest(&component.unwrap(), &Manifest::from_toml(&manifest).unwrap()).unwrap()
}

fn install(host: &Host, folder: &Path, bytes: &[u8]) -> String {
    let path = folder.join("adds.wasm");
    std::fs::write(&path, bytes).unwrap();
    let options = InstallOptions { approval: Approval::Nothing, dry_run: false };
    host.plugins().install(path.to_str().unwrap(), &options).unwrap().plugin.digest
}

/// Microseconds of one run, from the flow's name to its outcome.
async fn run(host: &Host) -> f64 {
    let started = Instant::now();
    let flow = host.load("ask.yaml", false).await.unwrap();
    let input = vec![InputValue::Json(r#"{"n":7}"#.into())];
    let running = host.start(&flow, input, StartOptions::default()).await.unwrap();
    let outcome = running.outcome().await.unwrap();
    assert!(matches!(outcome, Outcome::Succeeded { .. }), "{outcome:?}");
    micros(started)
}

pub(crate) async fn figures() -> Vec<Figure> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    std::fs::write(path.join("ask.yaml"), FLOW).unwrap();
    // In memory: the disk has figures of its own.
    let mut config = Config::new(path.join("home"), path);
    config.durability = cleargate::Durability::Memory;
    let host = Arc::new(Host::open(config).await.unwrap());
    host.plugins().publish(&adds(1)).await.unwrap();
    let digests = [install(&host, path, &adds(2)), install(&host, path, &adds(3))];
    for digest in &digests {
        host.swap(digest, &["ask.yaml"]).await.unwrap();
        run(&host).await;
    }
    let (mut turns, mut swaps, mut budget) = (Turns::default(), Vec::new(), Budget::of(RUNS));
    let mut at = 0;
    while budget.more() {
        let alone = run(&host).await;
        at += 1;
        let swapped = Arc::new(AtomicBool::new(false));
        let swap = {
            let (host, digest, swapped) = (host.clone(), digests[at % 2].clone(), swapped.clone());
            tokio::spawn(async move {
                let started = Instant::now();
                host.swap(&digest, &["ask.yaml"]).await.unwrap();
                swapped.store(true, Ordering::Release);
                micros(started)
            })
        };
        // The slowest of those that begin before the swap is over.
        let mut slowest = run(&host).await;
        while !swapped.load(Ordering::Acquire) {
            slowest = slowest.max(run(&host).await);
        }
        swaps.push(swap.await.unwrap());
        turns.add(slowest, alone);
    }
    let what = "the slowest run that begins while a component is swapped in".into();
    vec![
        turns.figure("M7", what, "µs/run", Goal::None, "a run while nothing is swapped"),
        Figure {
            id: "M7",
            what: "a swap: the component loaded, the flow checked, new runs get it".into(),
            unit: "µs/swap",
            samples: Samples::new(swaps),
            limit: None,
            goal: Goal::None,
        },
    ]
}
