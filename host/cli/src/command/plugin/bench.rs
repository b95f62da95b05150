//! `cleargate plugin bench`: what the cases cost, beside what they may cost.

use std::path::Path;

use cleargate::{BenchReport, CaseCost, Kind};

use super::build;
use crate::command::Context;
use crate::command::runs::{bytes, count, millis};
use crate::failure::{Failure, exit_code};
use crate::output::{escaped, table};

pub(super) async fn bench(
    context: &Context<'_>,
    folder: &Path,
    calls: u32,
    save: bool,
) -> Result<u8, Failure> {
    let built = build(context, folder, false)?;
    let report =
        cleargate::bench_plugin(&context.config()?, folder, &built.bytes, calls, save).await?;
    context.talk.document(&report, || text(&report, calls));
    for worse in &report.worse {
        context.talk.say(&escaped(worse));
    }
    if !report.budget {
        context.talk.say("no budget yet: --save makes these figures the budget");
    }
    Ok(if report.worse.is_empty() { 0 } else { exit_code(Kind::Failed) })
}

fn text(report: &BenchReport, calls: u32) -> String {
    let time = |micros: u64| millis(micros as f64 / 1000.0);
    let row = |case: &CaseCost| {
        let fuel = case.budget.map(|budget| budget.fuel);
        let memory = case.budget.map(|budget| budget.memory);
        vec![
            escaped(&case.name),
            beside(&count(case.fuel), case.fuel, fuel),
            beside(&bytes(case.peak_memory), case.peak_memory, memory),
            time(case.cold_micros),
            time(case.micros.p50),
            time(case.micros.p95),
            time(case.micros.p99),
        ]
    };
    let rows: Vec<_> = report.cases.iter().map(row).collect();
    let memory = || report.cases.iter().map(|case| case.peak_memory);
    let (least, most) = (bytes(memory().min().unwrap_or(0)), bytes(memory().max().unwrap_or(0)));
    let memory = if least == most { most } else { format!("{least} to {most}") };
    format!(
        "{} KiB, compiled in {}, loaded from the cache in {}; {calls} calls of each case\n\
         an instance takes {memory}\n\n{}",
        report.size / 1024,
        time(report.compile_micros),
        time(report.load_micros),
        table(&["CASE", "FUEL", "MEMORY", "COLD", "P50", "P95", "P99"], &rows)
    )
}

/// A figure, and how far it is from its budget.
fn beside(shown: &str, found: u64, budget: Option<u64>) -> String {
    match budget {
        Some(0) | None => shown.to_owned(),
        Some(budget) => {
            let percent = (found as f64 / budget as f64 - 1.0) * 100.0;
            match percent.abs() < 0.05 {
                true => format!("{shown} (=)"),
                false => format!("{shown} ({percent:+.1} %)"),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_figure_stands_beside_its_budget() {
        for (found, budget, said) in [
            (100, None, "100"),
            (100, Some(100), "100 (=)"),
            (104, Some(100), "104 (+4.0 %)"),
            (50, Some(100), "50 (-50.0 %)"),
            (5, Some(0), "5"),
        ] {
            assert_eq!(beside(&found.to_string(), found, budget), said);
        }
    }
}
