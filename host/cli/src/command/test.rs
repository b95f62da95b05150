//! `cleargate test`: cases of flows for people, programs and build servers.

use std::path::PathBuf;

use cleargate::{Coverage, FlowCaseReport, FlowTestOptions, Kind, Unit};

use super::{Context, junit};
use crate::args::{Format, TestArgs};
use crate::failure::{Failure, exit_code};
use crate::output::{Talk, escaped, inset};

/// Places without a case that are named for each flow; `--output json` has all.
const MOST_PLACES: usize = 40;

pub async fn test(context: &Context<'_>, args: TestArgs) -> Result<u8, Failure> {
    let host = context.host().await?;
    if let Some(run) = &args.record {
        let run = host.find_run(run).await?;
        context.talk.data(&host.fixture(&run, &context.environment.folder).await?);
        return Ok(0);
    }
    let here = vec![PathBuf::from(".")];
    let places = if args.places.is_empty() { here } else { args.places };
    let TestArgs { filter, update, locked, .. } = args;
    let report = host.test_flows(&places, &FlowTestOptions { filter, update, locked }).await?;
    let talk = context.talk;
    match talk.format {
        Format::Ndjson => talk.documents(&report.cases, String::new),
        _ => talk.document(&report, || cases_text(&report.cases, talk)),
    }
    for file in &report.updated {
        talk.say(&format!("wrote {}", escaped(&file.display().to_string())));
    }
    let asked = args.coverage || args.coverage_min.is_some();
    for flow in report.coverage.iter().filter(|_| asked && talk.format == Format::Human) {
        talk.say(&coverage_text(flow, talk));
    }
    let failed = report.cases.iter().filter(|case| !case.passed).count();
    talk.say(&format!("{} passed, {failed} failed", report.cases.len() - failed));
    if let Some(file) = &args.junit {
        junit::write(context, file, "flows", report.cases.iter().map(junit_case).collect())?;
    }
    let least = args.coverage_min.unwrap_or(0);
    let bare: Vec<&Coverage> = report.coverage.iter().filter(|flow| flow.percent < least).collect();
    for flow in &bare {
        let (name, percent) = (escaped(&flow.flow), flow.percent);
        talk.warn(&format!("the cases of `{name}` cover {percent}%, less than {least}%"));
    }
    Ok(if failed == 0 && bare.is_empty() { 0 } else { exit_code(Kind::Failed) })
}

/// One line for each case, with what was not as expected below it.
fn cases_text(cases: &[FlowCaseReport], talk: &Talk) -> String {
    let lines = cases.iter().map(|case| {
        let head =
            if case.passed { talk.paint_data("✓", "32") } else { talk.paint_data("✗", "31") };
        let took = match case.latency_ms {
            0 => String::new(),
            ms => format!("  ({} of its own time)", Unit::Millis.print(ms)),
        };
        let mut text = format!("{head} {}: {}{took}", escaped(&case.file), escaped(&case.name));
        for difference in &case.differences {
            text.push_str(&format!("\n    {}", inset(difference)));
        }
        text
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// How much of a flow is covered, and what is not.
fn coverage_text(flow: &Coverage, talk: &Talk) -> String {
    let mut text = format!(
        "{} {}%: {} of {} places",
        talk.paint(&escaped(&flow.flow), "1"),
        flow.percent,
        flow.covered,
        flow.total
    );
    let bare: Vec<_> = flow.places.iter().filter(|place| place.cases == 0).collect();
    for place in bare.iter().take(MOST_PLACES) {
        text.push_str(&format!("\n  no case: {} {}", place.kind, escaped(&place.place)));
    }
    if bare.len() > MOST_PLACES {
        text.push_str(&format!("\n  … and {} more", bare.len() - MOST_PLACES));
    }
    text
}

/// A class for each file, properties for what a run used.
fn junit_case(case: &FlowCaseReport) -> junit::Case<'_> {
    let file = case.file.rsplit_once(':').map_or(&*case.file, |(file, _)| file);
    let properties = vec![
        ("latency_ms", case.latency_ms),
        ("fuel", case.usage.fuel),
        ("peak_memory", case.usage.peak_memory),
        ("host_calls", case.usage.host_calls),
    ];
    junit::Case { file, name: &case.name, properties, differences: &case.differences }
}
