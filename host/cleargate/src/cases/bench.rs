//! What a plugin costs: its golden cases as a load. Fuel and memory are the same on every machine and are held to a
//! budget that lies beside the plugin; times are this machine's and are only shown.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

use cleargate_flow::Usage;
use cleargate_runtime::Plugin;
use serde::{Deserialize, Serialize};

use super::{Case, Setting, broken, cases, engine, load, run_in};
use crate::config::Config;
use crate::error::{Error, Kind, Result};
use crate::plugins::read;

/// The budget's file in the folder of the plugin.
const BUDGET: &str = "bench.json";
/// Part of a budget by which a figure may grow before it counts as worse: a compiler's update moves figures a little.
const SLACK: f64 = 0.05;
/// Calls before the clock counts, so that pages and caches are warm.
const WARM_UP: u32 = 3;

/// What a plugin costs.
#[derive(Clone, Debug, Serialize)]
pub struct BenchReport {
    /// Bytes of the component.
    pub size: u64,
    /// Microseconds from bytes to a plugin that can be called, compiled anew.
    pub compile_micros: u64,
    /// The same, with the compiled code in the cache.
    pub load_micros: u64,
    /// By case, in the order of the files.
    pub cases: Vec<CaseCost>,
    /// What is worse than the budget, one sentence each.
    pub worse: Vec<String>,
    /// Whether there is a budget.
    pub budget: bool,
}

/// What one case costs. Each call has a fresh instance.
#[derive(Clone, Debug, Serialize)]
pub struct CaseCost {
    /// File and name.
    pub name: String,
    /// Fuel of one call.
    pub fuel: u64,
    /// Greatest sum of memories of one call, in bytes: what its instance takes.
    pub peak_memory: u64,
    /// Microseconds of the first call in a process that has just begun: the compiled code comes from the cache, and
    /// nothing of it is in memory yet.
    pub cold_micros: u64,
    /// Wall clock of one call in microseconds, when there were others before.
    pub micros: Quantiles,
    /// What it may cost, when there is a budget for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub budget: Option<CaseBudget>,
}

/// What one case may cost, as `bench.json` says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CaseBudget {
    /// Fuel of one call.
    pub fuel: u64,
    /// Greatest sum of memories of one call, in bytes.
    pub memory: u64,
}

/// How times are spread.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Quantiles {
    /// Half of the calls took at most this.
    pub p50: u64,
    /// 95 of 100.
    pub p95: u64,
    /// 99 of 100.
    pub p99: u64,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Budget {
    cases: BTreeMap<String, CaseBudget>,
}

/// Calls each golden case of the project in `folder` `calls` times, and compares fuel and memory with the budget in
/// `bench.json`; `save` makes what was measured the budget.
///
/// # Errors
/// The component cannot be loaded, a case file or the budget is not well formed, or a case does not pass: what
/// a wrong answer costs is no figure.
pub async fn bench_plugin(
    config: &Config,
    folder: &Path,
    bytes: &[u8],
    calls: u32,
    save: bool,
) -> Result<BenchReport> {
    let (component, manifest) = read(bytes)?;
    let (compile, plugin) = timed(load(&engine(config, None)?, bytes, &manifest.asked())).await;
    let plugin = plugin?;
    let folder_of_cache = tempfile::tempdir().map_err(|e| {
        Error::new(Kind::Store, "there is no place for a compile cache").caused_by(&e)
    })?;
    let cache = || Some(folder_of_cache.path().to_path_buf());
    load(&engine(config, cache())?, bytes, &manifest.asked()).await?;
    let runtime = engine(config, cache())?;
    let (cached, again) = timed(load(&runtime, bytes, &manifest.asked())).await;
    again?;
    let setting = Setting { manifest: &manifest, network: None };
    let mut costs = Vec::new();
    for case in cases(folder, &manifest, None)? {
        // A process that has just begun has an engine of its own.
        let process = async {
            let runtime = engine(config, cache())?;
            let plugin = load(&runtime, bytes, &manifest.asked()).await?;
            measured(&plugin, &setting, &case).await
        };
        let (cold, first) = timed(process).await;
        first?;
        costs.push(cost(&plugin, &setting, case, calls, micros(cold)).await?);
    }
    let path = folder.join(BUDGET);
    if save {
        write(&path, &costs)?;
    }
    let budget = budget(&path)?;
    for cost in &mut costs {
        cost.budget = budget.as_ref().and_then(|budget| budget.cases.get(&cost.name).copied());
    }
    Ok(BenchReport {
        size: component.size,
        compile_micros: micros(compile),
        load_micros: micros(cached),
        worse: budget.as_ref().map(|budget| worse(budget, &costs)).unwrap_or_default(),
        budget: budget.is_some(),
        cases: costs,
    })
}

/// Calls a case again and again.
async fn cost(
    plugin: &Plugin,
    setting: &Setting<'_>,
    case: Case,
    calls: u32,
    cold_micros: u64,
) -> Result<CaseCost> {
    let mut times = Vec::with_capacity(calls as usize);
    let (mut fuel, mut peak_memory) = (0, 0);
    for call in 0..calls + WARM_UP {
        let (took, usage) = measured(plugin, setting, &case).await?;
        fuel = fuel.max(usage.fuel);
        peak_memory = peak_memory.max(usage.peak_memory);
        if call >= WARM_UP {
            times.push(took);
        }
    }
    let micros = quantiles(times);
    Ok(CaseCost { name: case.name, fuel, peak_memory, cold_micros, micros, budget: None })
}

/// One call, which must pass.
async fn measured(
    plugin: &Plugin,
    setting: &Setting<'_>,
    case: &Case,
) -> Result<(Duration, Usage)> {
    let (took, (report, _)) = match setting.world(case) {
        Ok(world) => timed(run_in(world, plugin, setting, case)).await,
        Err(why) => (Duration::ZERO, (broken(case, why), None)),
    };
    if report.passed {
        return Ok((took, report.usage));
    }
    let why = format!("{} does not pass: {}", case.name, report.differences.join("; "));
    Err(Error::new(Kind::Failed, why).with_help("cleargate plugin test"))
}

async fn timed<T>(work: impl Future<Output = T>) -> (Duration, T) {
    let begun = Instant::now();
    let done = work.await;
    (begun.elapsed(), done)
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

fn quantiles(mut times: Vec<Duration>) -> Quantiles {
    times.sort_unstable();
    let at = |part: usize| {
        let last = times.len().saturating_sub(1);
        times.get((times.len() * part / 100).min(last)).copied().map_or(0, micros)
    };
    Quantiles { p50: at(50), p95: at(95), p99: at(99) }
}

fn worse(budget: &Budget, costs: &[CaseCost]) -> Vec<String> {
    let mut worse = Vec::new();
    for cost in costs {
        let Some(ceiling) = budget.cases.get(&cost.name) else {
            worse.push(format!("{}: it has no budget; `--save` gives it one", cost.name));
            continue;
        };
        let figures =
            [("fuel", cost.fuel, ceiling.fuel), ("memory", cost.peak_memory, ceiling.memory)];
        for (what, found, most) in figures {
            if found as f64 > most as f64 * (1.0 + SLACK) {
                worse.push(format!("{}: {what} is {found}, the budget is {most}", cost.name));
            }
        }
    }
    worse
}

fn budget(path: &Path) -> Result<Option<Budget>> {
    let bad = || Error::new(Kind::Invalid, format!("{} is no budget", path.display()));
    match std::fs::read_to_string(path) {
        Ok(text) => serde_json::from_str(&text).map(Some).map_err(|e| bad().caused_by(&e)),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(bad().caused_by(&e)),
    }
}

fn write(path: &Path, costs: &[CaseCost]) -> Result<()> {
    let ceiling = |cost: &CaseCost| CaseBudget { fuel: cost.fuel, memory: cost.peak_memory };
    let cases = costs.iter().map(|cost| (cost.name.clone(), ceiling(cost))).collect();
    let text = serde_json::to_string_pretty(&Budget { cases }).expect("names and numbers are JSON");
    std::fs::write(path, text + "\n").map_err(|e| {
        Error::new(Kind::Store, format!("{} cannot be written", path.display())).caused_by(&e)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cost(fuel: u64, peak_memory: u64) -> CaseCost {
        let micros = Quantiles { p50: 1, p95: 1, p99: 1 };
        let (name, budget) = ("a: b".into(), None);
        CaseCost { name, fuel, peak_memory, cold_micros: 1, micros, budget }
    }

    #[test]
    fn a_figure_may_grow_a_little_and_no_more() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(BUDGET);
        assert!(budget(&path).unwrap().is_none());
        write(&path, &[cost(1_000, 2_000)]).unwrap();
        let budget = budget(&path).unwrap().unwrap();
        for (fuel, memory, complaints) in
            [(1_000, 2_000, 0), (1_050, 2_100, 0), (1_051, 2_000, 1), (1_200, 4_000, 2), (1, 1, 0)]
        {
            assert_eq!(worse(&budget, &[cost(fuel, memory)]).len(), complaints, "{fuel} {memory}");
        }
        let other = CaseCost { name: "new".into(), ..cost(1, 1) };
        assert!(worse(&budget, &[other])[0].contains("no budget"));
    }

    #[test]
    fn quantiles_are_of_the_sorted_times() {
        let times = (1..=100).rev().map(Duration::from_micros).collect();
        let found = quantiles(times);
        assert_eq!((found.p50, found.p95, found.p99), (51, 96, 100));
        assert_eq!(quantiles(Vec::new()).p99, 0);
    }
}
