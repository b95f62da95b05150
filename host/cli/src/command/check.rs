//! `cleargate check` and `explain`: findings for people, programs and code scanners; the plan of a run.

use cleargate::{Error, Finding, Flow, Host, Kind, Plan, Severity, Span, Waiting};
use miette::{
    GraphicalReportHandler, GraphicalTheme, LabeledSpan, MietteDiagnostic, NamedSource, Report,
};
use serde_json::json;
use textwrap::{WordSeparator, WordSplitter};

use super::Context;
use crate::args::Format;
use crate::failure::{Failure, exit_code};
use crate::output::{Talk, escaped, escaped_lines, harmless, table};

pub async fn check(context: &Context<'_>, flow: &str) -> Result<u8, Failure> {
    let host = context.host().await?;
    let checked = host.check(flow).await?;
    let talk = context.talk;
    let errors = count(&checked.findings, Severity::Error);
    match talk.format {
        Format::Human => {
            for finding in &checked.findings {
                talk.data(&finding_text(finding, &checked.file, &checked.text, talk));
            }
            let file = escaped(&checked.file);
            let warnings = count(&checked.findings, Severity::Warning);
            talk.say(&match (errors, warnings) {
                (0, 0) => format!("{} {file} is right", talk.paint("✓", "32")),
                (e, w) => format!("{file}: {e} error(s), {w} warning(s)"),
            });
        }
        Format::Json => talk
            .document(&json!({ "file": checked.file, "findings": checked.findings }), String::new),
        Format::Ndjson => talk.documents(&checked.findings, String::new),
        Format::Sarif => talk.document(&sarif(&checked.findings, &checked.file), String::new),
    }
    Ok(if errors == 0 { 0 } else { exit_code(Kind::Invalid) })
}

/// Loads a flow for running; findings are printed as `check` prints them.
pub async fn load(
    context: &Context<'_>,
    host: &Host,
    flow: &str,
    locked: bool,
) -> Result<Flow, Failure> {
    // Most flows are right: only one that is not is checked once more, for its findings.
    let refused = match host.load(flow, locked).await {
        Err(error) if error.kind == Kind::Invalid => error,
        decided => {
            let flow = decided?;
            for Waiting { plugin, version, newer, .. } in flow.waiting() {
                context.talk.say(&format!(
                    "{plugin} {newer} waits for approval, {version} goes on: cleargate plugin update {plugin}"
                ));
            }
            return Ok(flow);
        }
    };
    let checked = host.check(flow).await?;
    let errors = count(&checked.findings, Severity::Error);
    if errors == 0 {
        return Err(refused.into());
    }
    let error = Error::new(Kind::Invalid, format!("{} has {errors} error(s)", checked.file));
    if context.talk.format != Format::Human {
        return Err(error.with_help(format!("cleargate check {flow}")).into());
    }
    for finding in &checked.findings {
        context.talk.say(&finding_text(finding, &checked.file, &checked.text, context.talk));
    }
    context.talk.say(&format!("{}: {errors} error(s); nothing was run", escaped(&checked.file)));
    Err(Failure::told(error))
}

pub fn explain(context: &Context<'_>, code: Option<&str>) -> Result<u8, Failure> {
    let Some(code) = code else {
        let pages = cleargate::codes::pages;
        let documents: Vec<_> =
            pages().map(|p| json!({ "code": p.code, "title": p.title })).collect();
        let rows: Vec<_> = pages().map(|p| vec![p.code.into(), p.title.into()]).collect();
        context.talk.documents(&documents, || table(&["CODE", "TITLE"], &rows));
        return Ok(0);
    };
    let page = cleargate::codes::explain(code).ok_or_else(|| {
        let error = Error::new(Kind::Invalid, format!("there is no code `{code}`"));
        match nearest(code, cleargate::codes::pages().map(|page| page.code)) {
            Some(near) => error.with_help(format!("did you mean `cleargate explain {near}`?")),
            None => error.with_help("cleargate explain lists every code"),
        }
    })?;
    let document = json!({
        "code": page.code, "title": page.title, "text": page.text,
        "wrong": page.failing, "right": page.mended,
    });
    context.talk.document(&document, || {
        let indent =
            |text: &str| text.lines().map(|l| format!("    {l}")).collect::<Vec<_>>().join("\n");
        format!(
            "{}\n\n{}\n\nWrong:\n\n{}\n\nRight:\n\n{}",
            heading(page.code, page.title, context.talk),
            textwrap::fill(page.text.trim(), whole_words(context.talk)),
            indent(page.failing),
            indent(page.mended)
        )
    });
    Ok(0)
}

/// Lines as wide as the terminal. Paths, options and code stay whole, so that they can be copied.
fn whole_words(talk: &Talk) -> textwrap::Options<'static> {
    textwrap::Options::new(talk.width())
        .word_separator(WordSeparator::AsciiSpace)
        .word_splitter(WordSplitter::NoHyphenation)
        .break_words(false)
}

/// The code stands out of its title.
fn heading(code: &str, title: &str, talk: &Talk) -> String {
    let text = textwrap::fill(&format!("{code}: {title}"), whole_words(talk));
    text.replacen(code, &talk.paint_data(code, "1"), 1)
}

/// The word that was probably meant: at most a third of it is mistyped.
fn nearest<'a>(typed: &str, words: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let typed = typed.to_uppercase();
    words
        .map(|word| (strsim::damerau_levenshtein(&typed, word), word))
        .filter(|(distance, word)| *distance <= word.len() / 3)
        .min()
        .map(|(_, word)| word)
}

fn count(findings: &[Finding], severity: Severity) -> usize {
    findings.iter().filter(|f| f.severity == severity).count()
}

/// The lines around a place are printed whole, so that a place in a longer line is shown without them: the line of a file
/// that a program wrote may have a mebibyte.
const LONGEST_LINE: usize = 1000;

/// Bytes of a longer line that are shown: the beginning of what is wrong.
const PIECE: usize = 80;

/// Whether a place is among lines that a person can read.
fn is_readable(span: Span, text: &str) -> bool {
    let (before, behind) = text.split_at(text.floor_char_boundary(span.offset));
    let near = before.rsplit('\n').take(2).chain(behind.split('\n').take(2));
    near.map(str::len).sum::<usize>() <= LONGEST_LINE
}

fn finding_text(finding: &Finding, file: &str, text: &str, talk: &Talk) -> String {
    if !is_readable(finding.span, text) {
        let span = finding.span;
        let place = format!("{file}:{}:{}", span.line, span.column);
        let end = text.floor_char_boundary(span.offset + span.len.min(PIECE));
        let piece = text.get(span.offset..end).unwrap_or_default();
        let short = Finding {
            span: Span { offset: 0, len: piece.len(), ..span },
            second: None,
            ..finding.clone()
        };
        return snippet(&short, &place, piece, talk);
    }
    let second = finding.second.clone().filter(|(span, _)| is_readable(*span, text));
    snippet(&Finding { second, ..finding.clone() }, file, text, talk)
}

fn snippet(finding: &Finding, file: &str, text: &str, talk: &Talk) -> String {
    let at = |offset: usize, len: usize| (offset.min(text.len()), len);
    let mut labels =
        vec![LabeledSpan::new_primary_with_span(None, at(finding.span.offset, finding.span.len))];
    if let Some((span, label)) = &finding.second {
        labels.push(LabeledSpan::new_with_span(Some(escaped(label)), at(span.offset, span.len)));
    }
    let severity = match finding.severity {
        Severity::Error => miette::Severity::Error,
        Severity::Warning => miette::Severity::Warning,
    };
    let mut diagnostic = MietteDiagnostic::new(escaped_lines(&finding.message))
        .with_code(finding.code)
        .with_severity(severity)
        .with_labels(labels);
    if let Some(help) = &finding.help {
        diagnostic = diagnostic.with_help(escaped_lines(help));
    }
    let theme =
        if talk.colored() { GraphicalTheme::unicode() } else { GraphicalTheme::unicode_nocolor() };
    let report = Report::new(diagnostic)
        .with_source_code(NamedSource::new(escaped(file), harmless(text).into_owned()));
    let mut out = String::new();
    GraphicalReportHandler::new_themed(theme)
        .with_width(talk.width())
        .with_word_separator(WordSeparator::AsciiSpace)
        .with_word_splitter(WordSplitter::NoHyphenation)
        .with_break_words(false)
        .render_report(&mut out, report.as_ref())
        .expect("writing to a string does not fail");
    out
}

/// Findings in the form of code scanners: SARIF 2.1.0.
fn sarif(findings: &[Finding], file: &str) -> serde_json::Value {
    let results: Vec<_> = findings
        .iter()
        .map(|f| {
            let level = if f.severity == Severity::Error { "error" } else { "warning" };
            let help = f.help.as_ref().map(|h| format!(" {h}")).unwrap_or_default();
            json!({
                "ruleId": f.code,
                "level": level,
                "message": { "text": format!("{}{help}", f.message) },
                "locations": [{ "physicalLocation": {
                    "artifactLocation": { "uri": file },
                    "region": {
                        "startLine": f.span.line, "startColumn": f.span.column,
                        "byteOffset": f.span.offset, "byteLength": f.span.len,
                    },
                }}],
            })
        })
        .collect();
    let mut used: Vec<&str> = findings.iter().map(|f| f.code).collect();
    used.sort_unstable();
    used.dedup();
    let rules: Vec<_> = used
        .into_iter()
        .filter_map(cleargate::codes::explain)
        .map(|p| json!({ "id": p.code, "shortDescription": { "text": p.title } }))
        .collect();
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "cleargate", "version": env!("CARGO_PKG_VERSION"), "rules": rules,
            }},
            "results": results,
        }],
    })
}

/// The plan of a run for a person.
pub fn plan_text(plan: &Plan, talk: &Talk) -> String {
    let mut out = format!(
        "{} {}  {}\nat most {} node executions\n\n",
        talk.paint_data(&plan.flow, "1"),
        escaped(&plan.version),
        plan.hash,
        plan.bound
    );
    let rows: Vec<_> = plan
        .steps
        .iter()
        .map(|step| {
            let depth = step.path.matches('.').count();
            vec![
                format!("{}{}", "  ".repeat(depth + 1), step.path),
                step.level.to_string(),
                escaped(&step.uses),
                step.effect.clone().unwrap_or_default(),
                escaped(&step.notes.join("; ")),
            ]
        })
        .collect();
    out.push_str(&table(&["  NODE", "LEVEL", "TYPE", "EFFECT", "NOTES"], &rows));
    out.push_str(if plan.plugins.is_empty() { "\n" } else { "\n\nplugins\n" });
    for plugin in &plan.plugins {
        out.push_str(&format!(
            "  {} = {} {} ({})\n    {}\n",
            plugin.alias,
            plugin.package,
            plugin.version,
            plugin.kinds.join(", "),
            plugin.digest
        ));
        let granted = if plugin.granted.is_empty() {
            "nothing".into()
        } else {
            escaped(&plugin.granted.join(", "))
        };
        out.push_str(&format!("    granted: {granted}\n"));
        if !plugin.missing.is_empty() {
            out.push_str(&format!(
                "    {} {}\n    help: cleargate plugin install {}@={} --grant\n",
                talk.paint_data("not granted:", "1;31"),
                escaped(&plugin.missing.join(", ")),
                plugin.package,
                plugin.version
            ));
        }
    }
    let limited: Vec<_> = plan.steps.iter().filter(|s| !s.limits.is_empty()).collect();
    if !limited.is_empty() {
        out.push_str("\nlimits of one call (and the layer that decided)\n");
        for step in limited {
            let limits: Vec<String> = step
                .limits
                .iter()
                .map(|l| format!("{} {} ({})", l.name, l.value, l.layer))
                .collect();
            out.push_str(&format!("  {}: {}\n", step.path, limits.join(", ")));
        }
    }
    out
}
