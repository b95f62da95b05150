//! What a process around a plugin costs: a call in a worker beside the same call here, and a worker until it stands ready.

use std::process::{Command, ExitCode, Stdio};
use std::sync::Arc;
use std::time::Instant;

use cleargate_flow::limits::Limits;
use cleargate_flow::value::Value;
use cleargate_runtime::worker::{Workers, WorkersConfig, work};
use cleargate_runtime::{Runtime, RuntimeConfig};

use crate::figure::{Budget, Figure, Goal, Turns, micros};
use crate::process::NOTHING;
use crate::sandbox::{KV, answering, caller, host_call, load};

/// The argument that makes this binary a worker.
pub(crate) const WORKER: &str = "--worker";

/// The figures.
pub(crate) const ID: &str = "P19";

/// Calls before a measurement, measured ones, and starts.
const WARM: usize = 200;
const MEASURED: usize = 10_000;
const STARTS: usize = 100;

/// Milliseconds that a worker may take until it stands ready.
const READY: f64 = 200.0;

/// Is a worker, when this binary was started as one.
pub(crate) fn serve() -> ExitCode {
    if work().is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn config() -> WorkersConfig {
    WorkersConfig::new(std::env::current_exe().unwrap(), vec![WORKER.into()])
}

pub(crate) async fn figures() -> Vec<Figure> {
    let workers = match Workers::open(config()).await {
        Ok(workers) => workers,
        Err(why) => {
            eprintln!("worker processes are left out: {why}");
            return Vec::new();
        }
    };
    let here = Runtime::new(RuntimeConfig::default()).unwrap();
    let there = here.at(Arc::new(workers));
    let host_calls = Figure {
        id: ID,
        what: "host call of a plugin in a worker process (`kv.get` of a small value)".into(),
        unit: "µs/call",
        samples: host_call(&there, KV).await,
        limit: None,
        goal: Goal::None,
    };
    vec![
        call(&here, &there).await.figure(
            ID,
            "plugin call of 1 KiB in a worker process".into(),
            "µs/call",
            Goal::None,
            "the same call in this process",
        ),
        host_calls,
        ready().await.figure(
            ID,
            "a worker process until it is confined and stands ready".into(),
            "ms",
            Goal::Most(READY),
            "a process that does nothing",
        ),
    ]
}

/// One call after another, in a worker and here in turns.
async fn call(here: &Runtime, there: &Runtime) -> Turns {
    let module = answering(1_024);
    let (here, there) = (load(here, &module).await, load(there, &module).await);
    let caller = caller(Limits::default());
    let input = Value::record([("text", "x".repeat(1_000).into())]);
    for _ in 0..WARM {
        there.run("echo", &caller, &input).await.result.unwrap();
        here.run("echo", &caller, &input).await.result.unwrap();
    }
    let (mut turns, mut budget) = (Turns::default(), Budget::of(MEASURED));
    while budget.more() {
        let started = Instant::now();
        let called = there.run("echo", &caller, &input).await;
        let ours = micros(started);
        called.result.unwrap();
        let started = Instant::now();
        let called = here.run("echo", &caller, &input).await;
        turns.add(ours, micros(started));
        called.result.unwrap();
    }
    turns
}

/// Milliseconds of a start, beside those of a process that does nothing.
async fn ready() -> Turns {
    let this = std::env::current_exe().unwrap();
    let (mut turns, mut budget) = (Turns::default(), Budget::of(STARTS));
    while budget.more() {
        let started = Instant::now();
        let workers = Workers::open(config()).await.unwrap();
        let ours = micros(started) / 1_000.0;
        drop(workers);
        let started = Instant::now();
        let nothing = Command::new(&this).arg(NOTHING).stdout(Stdio::null()).status();
        assert!(nothing.unwrap().success());
        turns.add(ours, micros(started) / 1_000.0);
    }
    turns
}
