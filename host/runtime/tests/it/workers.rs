//! Plugins in processes of their own: the same answers and limits as here, and deaths that cost one call.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use cleargate_flow::error::{ErrorCode, NodeError};
use cleargate_flow::limits::Limits;
use cleargate_flow::value::Value;
use cleargate_runtime::worker::{Doing, Workers, WorkersConfig, WorkersError};
use cleargate_runtime::{Called, Fault, Plugin, Runtime, RuntimeConfig};
use rustix::process::{Pid, Signal, kill_process};

use crate::guests::{Stage, caller, component, everything, wrap};
use crate::interfaces::{GET, RANDOM, SEND};
use crate::{stage, time};

/// The program that is a worker here.
const PROGRAM: &str = env!("CARGO_BIN_EXE_cleargate-test-worker");

/// How long something is waited for that takes milliseconds.
const PATIENCE: Duration = Duration::from_secs(20);

fn config(act: &str) -> WorkersConfig {
    let arguments = if act.is_empty() { Vec::new() } else { vec![act.to_owned()] };
    WorkersConfig::new(PROGRAM.into(), arguments)
}

async fn open(config: WorkersConfig) -> Workers {
    Workers::open(config).await.unwrap()
}

fn here() -> Runtime {
    Runtime::new(RuntimeConfig::default()).unwrap()
}

async fn load(runtime: &Runtime, workers: &Workers, guest: &str) -> Plugin {
    let runtime = runtime.at(Arc::new(workers.clone()));
    runtime.load(component(guest), &everything()).await.unwrap()
}

/// Waits for something that other processes bring about.
async fn until(what: &str, holds: impl Fn() -> bool) {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < PATIENCE, "{what}");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

fn those(workers: &Workers, doing: Doing) -> Vec<u32> {
    let all = workers.processes().into_iter();
    all.filter(|(_, is)| *is == doing).map(|(pid, _)| pid).collect()
}

async fn spare_is_ready(workers: &Workers) {
    until("a spare stands ready", || !those(workers, Doing::Spare).is_empty()).await;
}

fn kill(pid: u32) {
    let pid = Pid::from_raw(pid.try_into().unwrap()).unwrap();
    kill_process(pid, Signal::KILL).unwrap();
}

/// Whether any of the process is there that is no corpse: its first thread may be the first to go.
fn lives(pid: u32) -> bool {
    let Ok(threads) = std::fs::read_dir(format!("/proc/{pid}/task")) else { return false };
    let mut states = threads
        .flatten()
        .map(|thread| std::fs::read_to_string(thread.path().join("stat")).unwrap_or_default());
    states.any(|stat| {
        let state = stat.rsplit(") ").next().and_then(|rest| rest.chars().next());
        state.is_some_and(|state| !['Z', 'X'].contains(&state))
    })
}

fn crashed(called: Called<Value>) -> (String, Option<String>) {
    match called.result {
        Err(Fault::Crashed { how, signal }) => (how, signal),
        other => panic!("{other:?}"),
    }
}

/// What a call shows: what it gave, what it used, what the world heard.
type Shown = (Result<Value, Fault>, u64, u64, u64, Vec<String>, Vec<String>);

fn shown(called: Called<Value>, stage: &Stage) -> Shown {
    let usage = called.usage;
    let said = |lines: &std::sync::Mutex<Vec<String>>| lines.lock().unwrap().clone();
    let (lines, asked) = (said(&stage.lines), said(&stage.asked));
    (called.result, usage.fuel, usage.peak_memory, usage.host_calls, lines, asked)
}

#[tokio::test]
async fn ag_10_a_call_is_the_same_here_and_in_a_worker() {
    let few = |fuel| Limits { fuel: Some(fuel), ..Limits::default() };
    let guests = [
        ("wa_01_endless_loop", few(1_000_000)),
        ("wa_02_loop_in_start", few(1_000_000)),
        ("wa_03_loop_after_return", few(1_000_000)),
        ("wa_04_many_memories", Limits::default()),
        ("wa_04_grow_to_4gib", Limits::default()),
        ("wa_05_touch_every_page", Limits { memory: Some(4 << 20), ..Limits::default() }),
        ("wa_06_table_bomb", Limits::default()),
        ("wa_08_recursion", Limits::default()),
        ("wa_09_string_over_the_limit", Limits::default()),
        ("wa_10_deep_json", Limits::default()),
        ("wa_11_error_with_high_bits", Limits::default()),
        ("wa_11_invalid_utf8", Limits::default()),
        ("wa_12_host_call_flood", Limits { host_calls: Some(100), ..Limits::default() }),
        ("wa_12_kv_flood", Limits { host_calls: Some(100), ..Limits::default() }),
        ("wa_12_request_flood", Limits { http_calls: Some(5), ..Limits::default() }),
        ("wa_13_log_flood", Limits { log: Some(1_000), ..Limits::default() }),
        ("wa_13_one_huge_line", Limits { payload: Some(1 << 20), ..Limits::default() }),
        ("wa_14_forged_log_lines", Limits::default()),
        ("wa_20_asks_for_a_store", Limits::default()),
        ("wa_21_double_drop", Limits::default()),
        ("wa_22_hoards_handles", Limits::default()),
        ("wa_27_looks_at_nan", Limits::default()),
        ("wa_28_traps", Limits::default()),
    ];
    let asks = [GET, SEND, RANDOM].map(|ask| (ask.module(), Limits::default()));
    let workers = open(config("")).await;
    let here = here();
    let there = here.at(Arc::new(workers.clone()));
    let parts = guests.into_iter().map(|(guest, limits)| (guest, component(guest), limits));
    let asks = asks.into_iter().map(|(module, limits)| ("an import", wrap(&module), limits));
    for (guest, bytes, limits) in parts.chain(asks) {
        let mut seen = Vec::new();
        for runtime in [&here, &there] {
            let plugin = runtime.load(bytes.clone(), &everything()).await.unwrap();
            let stage = stage();
            let called = plugin.run("x", &caller(limits, &stage), &Value::empty()).await;
            seen.push(shown(called, &stage));
        }
        assert_eq!(seen[0], seen[1], "{guest}");
    }
    assert!(those(&workers, Doing::Kept).len() <= 8, "no more are kept than there may be");
}

#[tokio::test]
async fn ag_10_a_loop_in_a_worker_is_stopped_at_its_time_and_leaves_the_worker_alive() {
    let workers = open(config("")).await;
    let plugin = load(&here(), &workers, "wa_01_endless_loop").await;
    for _ in 0..2 {
        let called = plugin.run("x", &caller(time(50), &stage()), &Value::Null).await;
        assert_eq!(called.result, Err(Fault::Timeout { after: 50 }));
        assert!(called.usage.fuel > 0 && called.usage.micros >= 50_000, "{:?}", called.usage);
    }
    spare_is_ready(&workers).await;
    assert_eq!(workers.started(), 2, "one that serves, and a spare");
}

#[tokio::test]
async fn ag_10_a_killed_worker_costs_its_own_call_and_the_next_one_starts_no_process() {
    let workers = open(config("")).await;
    let plugin = load(&here(), &workers, "wa_15_sleeps").await;
    let (killed, other) = (stage(), stage());
    let sleeps = |stage: &Arc<Stage>| stage.asleep.lock().unwrap().0 == 1;
    let first = async { plugin.run("x", &caller(time(60_000), &killed), &Value::Null).await };
    let second = async {
        until("the first one sleeps", || sleeps(&killed)).await;
        plugin.run("x", &caller(time(60_000), &other), &Value::Null).await
    };
    let strike = async {
        until("the first one sleeps", || sleeps(&killed)).await;
        let busy = those(&workers, Doing::Call);
        until("the second one sleeps", || sleeps(&other)).await;
        spare_is_ready(&workers).await;
        kill(busy[0]);
        let (spare, started) = (those(&workers, Doing::Spare), workers.started());
        until("its end was seen", || !lives(busy[0])).await;
        // Right behind the death: the spare executes, and nothing is started for it.
        let third = stage();
        third.alarm.add_permits(1);
        let called = plugin.run("x", &caller(time(60_000), &third), &Value::Null).await;
        assert!(called.result.is_ok(), "{:?}", called.result);
        assert_eq!(those(&workers, Doing::Kept), spare);
        spare_is_ready(&workers).await;
        assert_eq!(workers.started(), started + 1, "the one that is the next spare");
        other.alarm.add_permits(1);
    };
    let (first, second, ()) = tokio::join!(first, second, strike);
    assert!(second.result.is_ok(), "another call noticed nothing: {:?}", second.result);
    assert_eq!(
        crashed(first.clone()),
        ("the worker died of SIGKILL".into(), Some("SIGKILL".into()))
    );
    let error = NodeError::from(first.result.unwrap_err());
    assert_eq!(error.code, ErrorCode::Transient);
    let detail = [("reason", "sandbox_crashed".into()), ("signal", "SIGKILL".into())];
    assert_eq!(error.detail, Value::record(detail));
}

#[tokio::test]
async fn ag_10_a_worker_that_dies_between_calls_costs_none() {
    let workers = open(config("")).await;
    let plugin = load(&here(), &workers, "wa_20_asks_for_a_store").await;
    let run = async || plugin.run("x", &caller(Limits::default(), &stage()), &Value::Null).await;
    let before = run().await;
    spare_is_ready(&workers).await;
    for doing in [Doing::Kept, Doing::Spare] {
        let pid = those(&workers, doing)[0];
        kill(pid);
        until("it is gone", || !lives(pid)).await;
        let after = run().await;
        assert_eq!((&after.result, after.usage.fuel), (&before.result, before.usage.fuel));
        spare_is_ready(&workers).await;
    }
}

#[tokio::test]
async fn ag_10_a_dropped_call_ends_its_worker_and_what_it_had_asked_for() {
    let workers = open(config("")).await;
    let plugin = load(&here(), &workers, "wa_15_sleeps").await;
    let stage = stage();
    let caller = caller(time(60_000), &stage);
    let sleeps = until("it sleeps", || stage.asleep.lock().unwrap().0 == 1);
    tokio::select! {
        called = plugin.run("x", &caller, &Value::Null) => panic!("{called:?}"),
        () = sleeps => {}
    }
    until("its process is gone", || those(&workers, Doing::Call).is_empty()).await;
    // The sleeper of the world was dropped as well: a permit is there for the next one.
    stage.alarm.add_permits(1);
    let called = plugin.run("x", &caller, &Value::Null).await;
    assert!(called.result.is_ok(), "{:?}", called.result);
}

#[tokio::test]
async fn ag_10_what_a_worker_may_not_do_ends_it() {
    let here = here();
    for act in [
        "open", "stat", "create", "remove", "connect", "udp", "unix", "program", "thread", "kill",
        "limits", "code",
    ] {
        let workers = open(config(act)).await;
        let plugin = load(&here, &workers, "wa_20_asks_for_a_store").await;
        let called = plugin.run("x", &caller(Limits::default(), &stage()), &Value::Null).await;
        let (how, signal) = crashed(called);
        assert_eq!(signal.as_deref(), Some("SIGSYS"), "{act}: {how}");
    }
    assert!(!Path::new("/tmp/cleargate-escaped").exists());
    // What is no system call, and a limit of the system.
    for (act, ends) in [("abort", "SIGABRT"), ("memory", "SIGABRT")] {
        let workers = open(WorkersConfig { memory: 1 << 30, ..config(act) }).await;
        let plugin = load(&here, &workers, "wa_20_asks_for_a_store").await;
        let called = plugin.run("x", &caller(Limits::default(), &stage()), &Value::Null).await;
        assert_eq!(crashed(called).1.as_deref(), Some(ends), "{act}");
    }
}

#[tokio::test]
async fn ag_10_hostile_frames_end_the_worker_and_never_the_host() {
    let here = here();
    for (act, why) in [
        ("nonsense", "no message"),
        ("longer", "no message"),
        ("endless", "4294967295 bytes"),
        ("cut", "SIGABRT"),
    ] {
        let workers = open(config(act)).await;
        let plugin = load(&here, &workers, "wa_20_asks_for_a_store").await;
        for _ in 0..2 {
            let called = plugin.run("x", &caller(Limits::default(), &stage()), &Value::Null).await;
            let (how, _) = crashed(called);
            // What comes before the call is nothing that was asked for, whatever it says.
            assert!(how.contains(why) || how.contains("without being asked"), "{act}: {how}");
        }
    }
    // One that says nothing is ended at the time of the call.
    let workers = open(config("silent")).await;
    let plugin = load(&here, &workers, "wa_20_asks_for_a_store").await;
    let called = plugin.run("x", &caller(time(50), &stage()), &Value::Null).await;
    assert_eq!(called.result, Err(Fault::Timeout { after: 50 }));
    until("its process is gone", || those(&workers, Doing::Call).is_empty()).await;
}

#[tokio::test]
async fn ag_10_workers_end_with_their_parent() {
    let mut parent = Command::new(PROGRAM).arg("parent").stdout(Stdio::piped()).spawn().unwrap();
    let mut said = String::new();
    BufReader::new(parent.stdout.take().unwrap()).read_line(&mut said).unwrap();
    let pids: Vec<u32> = said.split_whitespace().map(|pid| pid.parse().unwrap()).collect();
    assert!(pids.len() == 2 && pids.iter().all(|pid| lives(*pid)), "{said}");
    parent.kill().unwrap();
    parent.wait().unwrap();
    // One of them sleeps and does not listen: the system ends it.
    until("nobody is left", || !pids.iter().any(|pid| lives(*pid))).await;
}

#[tokio::test]
async fn workers_end_with_the_last_that_needs_them() {
    let workers = open(config("")).await;
    let plugin = load(&here(), &workers, "wa_20_asks_for_a_store").await;
    plugin.run("x", &caller(Limits::default(), &stage()), &Value::Null).await.result.unwrap();
    spare_is_ready(&workers).await;
    let pids: Vec<u32> = workers.processes().into_iter().map(|(pid, _)| pid).collect();
    assert_eq!(pids.len(), 2);
    drop(workers);
    assert!(pids.iter().all(|pid| lives(*pid)), "the plugin needs them");
    drop(plugin);
    until("nobody is left", || !pids.iter().any(|pid| lives(*pid))).await;
}

#[tokio::test]
async fn workers_are_bounded_and_replaced_after_their_calls() {
    let workers = open(WorkersConfig { workers: 1, calls: 2, ..config("") }).await;
    let here = here();
    let first = load(&here, &workers, "wa_20_asks_for_a_store").await;
    let second = load(&here, &workers, "wa_28_traps").await;
    let caller = caller(Limits::default(), &stage());
    let run = async |plugin: &Plugin| plugin.run("x", &caller, &Value::Null).await;
    for _ in 0..2 {
        run(&first).await;
        run(&second).await;
        assert_eq!(those(&workers, Doing::Kept).len(), 1, "one is kept, of the last plugin");
    }
    run(&second).await;
    assert_eq!(those(&workers, Doing::Kept).len(), 0, "it has had its two calls");
    // With all places taken, a call waits as long as it has time.
    let sleeper = load(&here, &workers, "wa_15_sleeps").await;
    let stage = stage();
    let long = crate::guests::caller(time(60_000), &stage);
    let asleep = sleeper.run("x", &long, &Value::Null);
    let crowd = async {
        until("it sleeps", || stage.asleep.lock().unwrap().0 == 1).await;
        let short = crate::guests::caller(time(20), &stage);
        assert_eq!(first.run("x", &short, &Value::Null).await.result, Err(Fault::Busy));
        stage.alarm.add_permits(1);
    };
    let (asleep, ()) = tokio::join!(asleep, crowd);
    assert!(asleep.result.is_ok(), "{:?}", asleep.result);
}

#[tokio::test]
async fn a_program_that_is_no_worker_is_refused_in_words() {
    for (program, why) in [
        ("/bin/true", "`/bin/true` is no worker: it closed the connection"),
        ("no/such/program", "`no/such/program` cannot be started: "),
    ] {
        let config = WorkersConfig { program: program.into(), ..config("") };
        let error: WorkersError = Workers::open(config).await.unwrap_err();
        let begin = format!("plugins cannot be executed in processes of their own: {why}");
        assert!(error.to_string().starts_with(&begin), "{error}");
    }
}
