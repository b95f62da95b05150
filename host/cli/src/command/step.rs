//! `cleargate step`: a run to step through, on a terminal; and every step as data for everybody else.

mod screen;

use std::io::IsTerminal;

use cleargate::{Breakpoint, Error, Kind, StepView, Steps};

use super::Context;
use crate::args::{Format, StepArgs};
use crate::failure::Failure;
use crate::output::{Talk, escaped};

/// Characters of a value on a line.
const MOST_VALUE: usize = 100;

pub async fn step(context: &Context<'_>, args: StepArgs) -> Result<u8, Failure> {
    let breakpoints = args.breaks.iter().map(|text| {
        Breakpoint::parse(text).map_err(|why| {
            Error::new(Kind::Invalid, format!("`--break {text}` cannot be used: {why}"))
                .with_help("write --break 'node.id == \"x\" && value.score < 0.5'")
        })
    });
    let breakpoints = breakpoints.collect::<Result<Vec<_>, _>>()?;
    let host = context.host().await?;
    let id = host.find_run(&args.run).await?;
    let steps = host.steps(&id).await?;
    let talk = context.talk;
    let terminal = std::io::stdout().is_terminal() && std::io::stdin().is_terminal();
    if talk.format == Format::Human && terminal && !args.only_breaks {
        return Ok(screen::show(&id, steps, breakpoints, talk.colored())?);
    }
    tell(talk, &steps, &breakpoints, args.only_breaks);
    if !breakpoints.is_empty() {
        never(talk, &steps, &breakpoints);
    }
    Ok(0)
}

/// Every step, one by one: together they may be more than what is in memory twice.
fn tell(talk: &Talk, steps: &Steps, breakpoints: &[Breakpoint], only: bool) {
    let mut pages = talk.pages();
    for at in 0..steps.records().len() {
        let view = steps.view(at, breakpoints);
        if !only || view.breaks.is_some() {
            pages.add(std::slice::from_ref(&view), || text(&view));
        }
    }
    pages.end();
}

/// Breakpoints at which nothing stops: a typing error as a rule.
fn never(talk: &Talk, steps: &Steps, breakpoints: &[Breakpoint]) {
    for breakpoint in breakpoints {
        let one = std::slice::from_ref(breakpoint);
        if !(0..steps.records().len()).any(|at| steps.view(at, one).breaks.is_some()) {
            talk.warn(&format!("`{}` is true at no step", escaped(breakpoint.source())));
        }
    }
}

fn text(view: &StepView<'_>) -> String {
    let mark = if view.breaks.is_some() { "●" } else { " " };
    let mut lines = vec![format!("{mark}{:>5}  {}", view.record.seq, event(view))];
    for change in &view.changes {
        let node = change.node;
        let before = change.before.filter(|before| *before != node.status.as_str());
        let before = before.map(|before| format!("{before} → ")).unwrap_or_default();
        let attempt = if node.attempt > 1 { format!(" #{}", node.attempt) } else { String::new() };
        let value = match (&node.value, &node.error) {
            (Some(value), _) => format!("  {}", brief(&value.to_json())),
            (None, Some(error)) => format!("  {}", brief(&error.to_string())),
            (None, None) => String::new(),
        };
        let status = node.status.as_str();
        lines.push(format!("         {}{attempt}: {before}{status}{value}", change.address));
    }
    lines.join("\n")
}

/// What happened, and where.
fn event(view: &StepView<'_>) -> String {
    let event = serde_json::to_value(&view.record.event).expect("an event is JSON");
    let word = |name: &str| event[name].as_str().unwrap_or_default().to_owned();
    let more = [word("address"), word("request"), word("message"), word("by")];
    let more: Vec<_> = more.into_iter().filter(|text| !text.is_empty()).collect();
    let attempt = event["attempt"].as_u64().map(|n| format!(" #{n}")).unwrap_or_default();
    brief(&format!("{} {}{attempt}", word("event"), more.join("  ")))
}

/// A text on a line, safe for a terminal.
fn brief(text: &str) -> String {
    let short: String = text.chars().take(MOST_VALUE).collect();
    let more = if short.len() < text.len() { "…" } else { "" };
    escaped(&format!("{short}{more}"))
}
