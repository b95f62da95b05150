//! What plugins cost: a call in a fresh instance with all limits on, a host call, and a limit of time.

#[path = "../../../host/runtime/tests/it/guests.rs"]
#[allow(
    dead_code,
    clippy::allow_attributes_without_reason,
    reason = "shared with the tests of the runtime, which use all of it"
)]
pub(crate) mod guests;

use std::sync::Arc;
use std::time::{Duration, Instant};

use cleargate_flow::limits::Limits;
use cleargate_flow::value::Value;
use cleargate_runtime::{Caller, Plugin, Runtime, RuntimeConfig};

use crate::bare::{Bare, Metering};
use crate::figure::{Budget, Figure, Goal, Samples, Turns, micros};

/// Calls before a measurement, and measured ones.
const WARM: usize = 500;
const MEASURED: usize = 20_000;

/// Host calls of one call: enough that the call itself costs next to nothing of them.
const HOST_CALLS: usize = 1_000;

/// Time of a call that computes for ever.
const LIMIT: Duration = Duration::from_millis(200);

/// Calls at the same time, and how often all of them.
const AT_ONCE: usize = 64;
const ROUNDS: usize = 200;

/// What a call of a node is in the contract.
pub(crate) const RUN: (&str, &str) = ("cleargate:node/node@0.1.0", "run");

/// Figures that are measured together.
pub(crate) const IDS: [&str; 3] = ["P11", "P13", "P18"];

pub(crate) async fn figures() -> Vec<Figure> {
    let runtime = Runtime::new(RuntimeConfig::default()).unwrap();
    let allocation = format!("{:?}", runtime.engine().allocation()).to_lowercase();
    let figure = |id, what: String, unit, samples, most| Figure {
        id,
        what,
        unit,
        samples,
        limit: None,
        goal: Goal::Most(most),
    };
    vec![
        fresh(&runtime).await.figure(
            "P11",
            format!("plugin call of 1 KiB, fresh instance, all limits on ({allocation})"),
            "µs/call",
            Goal::Most(20.0),
            ENGINE,
        ),
        crowd(&runtime).await.figure(
            "P11",
            format!("plugin call of 1 KiB, fresh instance, {AT_ONCE} at the same time"),
            "µs/call",
            Goal::Most(20.0),
            "the same calls one after another, on as many processors as there are",
        ),
        figure(
            "P13",
            "host call that answers at once (`log.write` of 5 bytes)".into(),
            "µs/call",
            host_call(&runtime, LOG).await,
            0.5,
        ),
        figure(
            "P13",
            "host call that may wait (`kv.get` of a small value)".into(),
            "µs/call",
            host_call(&runtime, KV).await,
            2.0,
        ),
        figure(
            "P18",
            "how late a loop without end is stopped after 200 ms".into(),
            "ms",
            overshoot(&runtime).await,
            10.0,
        ),
    ]
}

pub(crate) async fn load(runtime: &Runtime, module: &str) -> Plugin {
    runtime.load(guests::wrap(module), &guests::everything()).await.unwrap()
}

pub(crate) fn caller(limits: Limits) -> Caller {
    let stage: Arc<guests::Stage> = Arc::default();
    guests::caller(limits, &stage)
}

/// What stands beside a call of ours.
pub(crate) const ENGINE: &str = "the same call of the bare engine: no limit, no world, no account";

/// One call after another, ours and the engine's in turns.
async fn fresh(runtime: &Runtime) -> Turns {
    let module = answering(1_024);
    let plugin = load(runtime, &module).await;
    let bare = Bare::new(&guests::wrap(&module), Metering::default(), RUN);
    let caller = caller(Limits::default());
    let input = Value::record([("text", "x".repeat(1_000).into())]);
    let json = input.to_json();
    for _ in 0..WARM {
        plugin.run("echo", &caller, &input).await.result.unwrap();
        bare.call("echo", &json).await;
    }
    let (mut turns, mut budget) = (Turns::default(), Budget::of(MEASURED));
    while budget.more() {
        let started = Instant::now();
        let called = plugin.run("echo", &caller, &input).await;
        let ours = micros(started);
        called.result.unwrap();
        let started = Instant::now();
        bare.call("echo", &json).await;
        turns.add(ours, micros(started));
    }
    turns
}

/// Many calls at once, and as many one after another.
async fn crowd(runtime: &Runtime) -> Turns {
    let plugin = load(runtime, &answering(1_024)).await;
    let input = Value::record([("text", "x".repeat(1_000).into())]);
    let processors = std::thread::available_parallelism().map_or(1, usize::from) as f64;
    let (mut turns, mut budget) = (Turns::default(), Budget::of(ROUNDS));
    while budget.more() {
        let started = Instant::now();
        let calls: Vec<_> = (0..AT_ONCE)
            .map(|_| {
                let (plugin, input) = (plugin.clone(), input.clone());
                let caller = caller(Limits::default());
                tokio::spawn(async move { plugin.run("echo", &caller, &input).await.result })
            })
            .collect();
        for call in calls {
            call.await.unwrap().unwrap();
        }
        let ours = micros(started) / AT_ONCE as f64;
        let caller = caller(Limits::default());
        let started = Instant::now();
        for _ in 0..AT_ONCE {
            plugin.run("echo", &caller, &input).await.result.unwrap();
        }
        turns.add(ours, micros(started) / AT_ONCE as f64 / processors);
    }
    turns
}

/// A function of the host: interface, name, parameters, and the call of it.
pub(crate) type Function = (&'static str, &'static str, &'static str, &'static str);

const LOG: Function = (
    "log",
    "write",
    "i32 i32 i32 i32 i32",
    "(i32.const 2) (i32.const 512) (i32.const 5) (i32.const 0) (i32.const 0)",
);
pub(crate) const KV: Function = (
    "kv",
    "get",
    "i32 i32 i32 i32 i32",
    "(i32.const 512) (i32.const 5) (i32.const 512) (i32.const 5) (i32.const 1024)",
);

/// Microseconds of one host call, from calls that make many of them.
pub(crate) async fn host_call(
    runtime: &Runtime,
    (interface, name, types, arguments): Function,
) -> Samples {
    let module = format!(
        "(module (import \"cleargate:host/{interface}@0.1.0\" \"{name}\" (func $ask (param {types})))
           (memory (export \"memory\") 1) (data (i32.const 512) \"small\")
           (func (export \"cleargate:node/node@0.1.0#run\") (param i32) (result i32) (local $n i32)
             (loop $more
               (global.set $top (i32.const 8192))
               (call $ask {arguments})
               (local.set $n (i32.add (local.get $n) (i32.const 1)))
               (br_if $more (i32.lt_u (local.get $n) (i32.const {HOST_CALLS}))))
             i32.const 64)
           {})",
        guests::prelude()
    );
    let plugin = load(runtime, &module).await;
    let mut samples = Vec::new();
    let mut budget = Budget::of(MEASURED / 10);
    while budget.more() {
        // A stage for each call: what it writes down does not add up.
        let caller = caller(Limits::default());
        let started = Instant::now();
        let called = plugin.run("ask", &caller, &Value::Null).await;
        samples.push(micros(started) / HOST_CALLS as f64);
        called.result.unwrap();
    }
    Samples::new(samples)
}

/// Milliseconds between the end of a call's time and the end of the call.
async fn overshoot(runtime: &Runtime) -> Samples {
    let guest = guests::component("wa_01_endless_loop");
    let plugin = runtime.load(guest, &guests::everything()).await.unwrap();
    let time = u64::try_from(LIMIT.as_millis()).unwrap();
    let limits = Limits { time: Some(time), fuel: Some(u64::MAX), ..Limits::default() };
    let caller = caller(limits);
    let mut samples = Vec::new();
    let mut budget = Budget::of(MEASURED);
    while budget.more() {
        let started = Instant::now();
        let called = plugin.run("spin", &caller, &Value::Null).await;
        samples.push((started.elapsed() - LIMIT).as_secs_f64() * 1_000.0);
        called.result.unwrap_err();
    }
    Samples::new(samples)
}

/// A node that answers with a JSON string of `length` bytes.
pub(crate) fn answering(length: u32) -> String {
    let text = format!("\\22{}\\22", "y".repeat(length as usize - 2));
    let bytes: String = length.to_le_bytes().iter().map(|b| format!("\\{b:02x}")).collect();
    format!(
        "(module (memory (export \"memory\") 17)
           (data (i32.const 1024) \"{text}\")
           (data (i32.const 272) \"\\00\\04\\00\\00{bytes}\")
           (func (export \"cleargate:node/node@0.1.0#run\") (param i32) (result i32) i32.const 256)
           {})",
        guests::prelude()
    )
}
