//! What a runtime takes of the process, and gives back: addresses and a thread.

use std::process::Command;
use std::time::{Duration, Instant};

use cleargate_flow::limits::Limits;
use cleargate_flow::value::Value;
use cleargate_runtime::engine::Allocation;
use cleargate_runtime::{Runtime, RuntimeConfig};

use crate::guests::{caller, component, everything};
use crate::promise::alone;
use crate::stage;

/// Threads of this process that move an epoch on.
fn tickers() -> usize {
    let tasks = std::fs::read_dir("/proc/self/task").unwrap();
    let name = |task: std::fs::DirEntry| std::fs::read_to_string(task.path().join("comm"));
    // A thread that ends between the two looks has no name any more.
    let names = tasks.filter_map(|task| name(task.unwrap()).ok());
    names.filter(|name| name.trim() == "cleargate-epoch").count()
}

/// Waits for so many of them: a thread names itself once it runs, and is listed a moment longer than it is joined.
fn tick(count: usize) -> bool {
    let began = Instant::now();
    while tickers() != count {
        if began.elapsed() > Duration::from_secs(10) {
            return false;
        }
        std::thread::yield_now();
    }
    true
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn the_ticking_thread_ends_with_the_last_plugin() {
    if !alone() {
        return;
    }
    let runtime = Runtime::new(RuntimeConfig::default()).unwrap();
    let plugin = runtime.load(component("wa_10_deep_json"), &everything()).await.unwrap();
    assert!(tick(1), "a thread moves the epoch on");
    drop(runtime);
    assert_eq!(tickers(), 1, "a plugin that can be called needs it");
    drop(plugin);
    assert!(tick(0), "nobody needs it any more");
}

/// KiB of addresses: enough for instances one by one, a hundredth of what the pool reserves.
const ADDRESSES: &str = "33554432";

#[cfg(target_os = "linux")]
#[tokio::test]
async fn too_few_addresses_for_a_pool_mean_instances_on_demand() {
    let limits = std::fs::read_to_string("/proc/self/limits").unwrap();
    let addresses = limits.lines().find(|line| line.starts_with("Max address space")).unwrap();
    if addresses.contains("unlimited") {
        let thread = std::thread::current();
        let mut child = Command::new("sh");
        let script = format!("ulimit -v {ADDRESSES} && exec \"$0\" \"$@\"");
        child.args(["-c", &script]).arg(std::env::current_exe().unwrap());
        let output =
            child.args([thread.name().unwrap(), "--exact", "--nocapture"]).output().unwrap();
        let told = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() && told.contains("1 passed"), "{told}");
        return;
    }
    let runtime = Runtime::new(RuntimeConfig::default()).unwrap();
    assert_eq!(runtime.engine().allocation(), Allocation::OnDemand);
    let plugin = runtime.load(component("wa_14_forged_log_lines"), &everything()).await.unwrap();
    let called = plugin.run("x", &caller(Limits::default(), &stage()), &Value::Null).await;
    assert_eq!(called.result, Ok(Value::Null));
}
