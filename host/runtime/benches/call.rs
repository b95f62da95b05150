//! What a call in a fresh instance costs with all limits on: 1 KiB of JSON in, 1 KiB out.
//!
//! Prints one JSON line for each kind of allocation: microseconds at p50, p95 and p99.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a bench prints"
)]

#[path = "../tests/it/guests.rs"]
#[allow(dead_code, reason = "shared with the integration tests, which use all of it")]
mod guests;

use std::sync::Arc;
use std::time::Instant;

use cleargate_flow::limits::Limits;
use cleargate_flow::value::Value;
use cleargate_runtime::engine::Allocation;
use cleargate_runtime::{Engine, Runtime, RuntimeConfig};

/// Calls before the measurement, and measured ones.
const WARM: usize = 2_000;
const MEASURED: usize = 20_000;

fn main() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    for (name, allocation) in [("pool", Allocation::Pool), ("on_demand", Allocation::OnDemand)] {
        match Engine::with_allocation(allocation) {
            Ok(engine) => runtime.block_on(measure(name, engine)),
            Err(error) => eprintln!("{name}: {error}"),
        }
    }
}

async fn measure(name: &str, engine: Engine) {
    let runtime = Runtime::with_engine(engine, RuntimeConfig::default()).unwrap();
    let plugin = runtime.load(answering(1024), &guests::everything()).await.unwrap();
    let stage: Arc<guests::Stage> = Arc::default();
    let caller = guests::caller(Limits::default(), &stage);
    let input = Value::record([("text", "x".repeat(1000).into())]);
    let mut times = Vec::with_capacity(MEASURED);
    for call in 0..WARM + MEASURED {
        let started = Instant::now();
        let called = plugin.run("echo", &caller, &input).await;
        if call >= WARM {
            times.push(started.elapsed().as_nanos());
        }
        called.result.unwrap();
    }
    times.sort_unstable();
    let at = |percent: usize| times[times.len() * percent / 100] as f64 / 1000.0;
    println!(
        r#"{{"bench":"plugin_call_fresh_1kib","allocation":"{name}","unit":"us","p50":{},"p95":{},"p99":{}}}"#,
        at(50),
        at(95),
        at(99)
    );
}

/// A node that answers with a JSON string of `length` bytes.
fn answering(length: u32) -> Arc<[u8]> {
    let prelude = std::fs::read_to_string(guests::folder().join("prelude.wat.part")).unwrap();
    let text = format!("\\22{}\\22", "y".repeat(length as usize - 2));
    let bytes: String = length.to_le_bytes().iter().map(|b| format!("\\{b:02x}")).collect();
    guests::wrap(&format!(
        "(module (memory (export \"memory\") 17)
           (data (i32.const 1024) \"{text}\")
           (data (i32.const 272) \"\\00\\04\\00\\00{bytes}\")
           (func (export \"cleargate:node/node@0.1.0#run\") (param i32) (result i32) i32.const 256)
           {prelude})"
    ))
}
