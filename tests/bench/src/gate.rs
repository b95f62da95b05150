//! The gate: a figure that got worse against the limit of the machine, in two runs of three, ends with an error.
//!
//! A baseline is a file of gauges by figure, made on any machine: what is compared is how far we are from the
//! machine's own limit. One bad run proves nothing; two do.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Stdio};

/// How much worse a figure may be.
const WORSE: f64 = 1.25;

/// Runs that are made at most, and bad ones that fail a figure.
const RUNS: usize = 3;
const BAD: usize = 2;

type Gauges = BTreeMap<String, f64>;

/// Measures in a process of its own: what one run leaves in memory is no part of the next.
fn measured(command: Option<&Path>) -> Gauges {
    let mut bench = Command::new(std::env::current_exe().unwrap());
    if let Some(command) = command {
        bench.arg("--command").arg(command);
    }
    let done = bench.stderr(Stdio::inherit()).output().unwrap();
    assert!(done.status.success(), "{}", done.status);
    let gauge = |line: &str| {
        let figure: serde_json::Value = serde_json::from_str(line).unwrap();
        let name = format!("{}: {}", figure["id"].as_str()?, figure["what"].as_str()?);
        Some((name, figure["gauge"].as_f64()?))
    };
    String::from_utf8(done.stdout).unwrap().lines().filter_map(gauge).collect()
}

/// Writes a baseline: the median of three runs.
pub(crate) fn write(path: &Path, command: Option<&Path>) {
    let runs: Vec<Gauges> = (0..RUNS).map(|_| measured(command)).collect();
    let median = |name: &String| {
        let mut all: Vec<f64> = runs.iter().filter_map(|run| run.get(name).copied()).collect();
        all.sort_by(f64::total_cmp);
        (name.clone(), all[all.len() / 2])
    };
    let baseline: Gauges = runs[0].keys().map(median).collect();
    let mut text = serde_json::to_string_pretty(&baseline).unwrap();
    text.push('\n');
    std::fs::write(path, text).unwrap();
}

/// Whether no figure of the baseline got worse.
pub(crate) fn holds(path: &Path, command: Option<&Path>) -> bool {
    let text = std::fs::read_to_string(path)
        .unwrap_or_else(|error| panic!("{}: {error}; make it with --write", path.display()));
    let baseline: Gauges = serde_json::from_str(&text).unwrap();
    let mut bad: BTreeMap<String, usize> = BTreeMap::new();
    for run in 1..=RUNS {
        let now = measured(command);
        for (name, was) in &baseline {
            match now.get(name) {
                Some(is) if *is <= was * WORSE => {}
                Some(is) => {
                    eprintln!("run {run}: {name}: {is} against {was}, {:.0} %", is / was * 100.0);
                    *bad.entry(name.clone()).or_default() += 1;
                }
                None => eprintln!("run {run}: {name}: not measured"),
            }
        }
        // Nobody can fail, or nobody can be saved, by the runs that are left.
        let left = RUNS - run;
        if bad.values().all(|count| *count >= BAD || count + left < BAD) && left < BAD {
            break;
        }
    }
    let holds = bad.values().all(|count| *count < BAD);
    match holds {
        true => eprintln!("no figure of {} got worse", path.display()),
        false => eprintln!("measure again on a quiet machine, or look for what the change costs"),
    }
    holds
}
