//! `cleargate plugin test`: cases for people, programs and build servers; answers of the network that were recorded.

use std::path::Path;

use cleargate::{CaseReport, Error, Kind, TestOptions};

use super::build;
use crate::command::Context;
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
        std::fs::write(context.environment.folder.join(file), junit_text(&suite, &report.cases))
            .map_err(|e| {
                let why = format!("{} cannot be written", file.display());
                Error::new(Kind::Invalid, why).caused_by(&e)
            })?;
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

/// The form that build servers read: a class for each file, a property for what a call used.
fn junit_text(suite: &str, cases: &[CaseReport]) -> String {
    let failed = cases.iter().filter(|case| !case.passed).count();
    let mut out = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n  \
         <testsuite name=\"{}\" tests=\"{}\" failures=\"{failed}\">\n",
        xml(suite),
        cases.len()
    );
    for case in cases {
        let (file, name) = case.name.split_once(": ").unwrap_or(("", &case.name));
        out.push_str(&format!(
            "    <testcase classname=\"{}\" name=\"{}\">\n      <properties>\n        \
             <property name=\"fuel\" value=\"{}\"/>\n        \
             <property name=\"peak_memory\" value=\"{}\"/>\n      </properties>\n",
            xml(file),
            xml(name),
            case.usage.fuel,
            case.usage.peak_memory
        ));
        if !case.passed {
            let first = case.differences.first().map(String::as_str).unwrap_or_default();
            let all = xml(&case.differences.join("\n"));
            out.push_str(&format!("      <failure message=\"{}\">{all}</failure>\n", xml(first)));
        }
        out.push_str("    </testcase>\n");
    }
    out + "  </testsuite>\n</testsuites>\n"
}

/// Text in XML. Characters that it cannot hold are shown as what stands for them everywhere.
fn xml(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\n' => out.push_str("&#10;"),
            '\t' => out.push('\t'),
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_of_plugins_stays_text_in_xml() {
        let case = CaseReport {
            name: "a: <b> & \"c\"".into(),
            passed: false,
            differences: vec!["got \u{1b}[31m\nand ]]>".into()],
            usage: Default::default(),
        };
        let text = junit_text("my:x", &[case]);
        assert!(text.contains("classname=\"a\" name=\"&lt;b&gt; &amp; &quot;c&quot;\""), "{text}");
        assert!(text.contains("message=\"got \u{fffd}[31m&#10;and ]]&gt;\""), "{text}");
        assert!(text.contains("tests=\"1\" failures=\"1\""), "{text}");
    }
}
