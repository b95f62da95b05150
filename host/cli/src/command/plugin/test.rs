//! `cleargate plugin test`: cases for people, programs and build servers; answers of the network that were recorded.

use std::path::Path;

use cleargate::{CaseReport, Kind, TestOptions};

use super::build;
use crate::command::{Context, junit};
use crate::failure::{Failure, exit_code};
use crate::output::{Talk, escaped};

pub(super) async fn test(
    context: &Context<'_>,
    folder: &Path,
    options: &TestOptions,
    junit: Option<&Path>,
) -> Result<u8, Failure> {
    let built = build(context, folder, false)?;
    let talk = context.talk;
    let report = cleargate::test_plugin(&context.config()?, folder, &built.bytes, options).await?;
    talk.documents(&report.cases, || cases_text(&report.cases, talk));
    for recording in &report.recorded {
        talk.say(&format!(
            "recorded {} into {}",
            escaped(&recording.case),
            recording.file.display()
        ));
        recording.difference.iter().for_each(|line| talk.say(&format!("  {}", escaped(line))));
    }
    if options.record.is_some() && report.recorded.is_empty() {
        talk.say("nothing was recorded: no case without answers asked the network");
    }
    let failed = report.cases.iter().filter(|c| !c.passed).count();
    talk.say(&format!("{} passed, {failed} failed", report.cases.len() - failed));
    if let Some(file) = junit {
        let suite = built.manifest.plugin.name.to_string();
        junit::write(context, file, &suite, report.cases.iter().map(junit_case).collect())?;
    }
    Ok(if failed == 0 { 0 } else { exit_code(Kind::Failed) })
}

/// One line for each case, with what was not as expected below it.
pub(super) fn cases_text(cases: &[CaseReport], talk: &Talk) -> String {
    let lines = cases.iter().map(|case| {
        let head =
            if case.passed { talk.paint_data("✓", "32") } else { talk.paint_data("✗", "31") };
        let mut text = format!("{head} {}", escaped(&case.name));
        for difference in &case.differences {
            text.push_str(&format!("\n    {}", escaped(difference)));
        }
        text
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// A class for each file, a property for what a call used.
fn junit_case(case: &CaseReport) -> junit::Case<'_> {
    let (file, name) = case.name.split_once(": ").unwrap_or(("", &case.name));
    let properties = vec![("fuel", case.usage.fuel), ("peak_memory", case.usage.peak_memory)];
    junit::Case { file, name, properties, differences: &case.differences }
}
