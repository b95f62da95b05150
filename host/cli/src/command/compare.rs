//! `cleargate compare`: a new version of a flow on recorded runs.

use cleargate::{
    CompareOptions, Costs, Kind, Otherwise, PlaceDifference, RunDifference, VersionComparison,
};

use super::Context;
use crate::args::{CompareArgs, NewRequests};
use crate::failure::{Failure, exit_code};
use crate::output::{Talk, escaped, inset, table};

/// Characters of a value that are shown; `--output json` has all.
const SHOWN: usize = 80;

pub async fn compare(context: &Context<'_>, args: CompareArgs) -> Result<u8, Failure> {
    let host = context.host().await?;
    let (new, old) = args.flows.split_last().expect("the arguments name one flow at least");
    let new = super::check::load(context, &host, new, args.locked).await?;
    let old = match old.first() {
        Some(old) => Some(super::check::load(context, &host, old, args.locked).await?),
        None => None,
    };
    let otherwise = match args.new_requests {
        NewRequests::Refuse => Otherwise::Refuse,
        NewRequests::Alike => Otherwise::Alike,
        NewRequests::Live => Otherwise::Live,
    };
    let options = CompareOptions { runs: args.history, otherwise };
    let comparison = host.compare_versions(&new, old.as_ref(), options).await?;
    context.talk.document(&comparison, || text(&comparison, context.talk));
    let VersionComparison { same, differ, .. } = comparison;
    context.talk.say(&format!("{same} the same, {differ} differ"));
    Ok(if differ == 0 { 0 } else { exit_code(Kind::Failed) })
}

/// One line for each run, with what differs below it, and the sums.
pub fn text(comparison: &VersionComparison, talk: &Talk) -> String {
    let mut out = format!("{} {}\n", talk.paint_data(&comparison.flow, "1"), comparison.hash);
    for run in &comparison.runs {
        let head = if run.same { talk.paint_data("=", "32") } else { talk.paint_data("≠", "31") };
        out.push_str(&format!("{head} {}\n", run.run));
        differences(run).iter().for_each(|line| out.push_str(&format!("    {}\n", inset(line))));
    }
    let row = |name: &str, costs: Costs| {
        let Costs { attempts, fuel, host_calls, tokens, micro_usd } = costs;
        let figures = [attempts, fuel, host_calls, tokens, micro_usd];
        [name.to_owned()].into_iter().chain(figures.map(|n| n.to_string())).collect()
    };
    let rows = [row("recorded", comparison.before), row("now", comparison.after)];
    out + &table(&["", "ATTEMPTS", "FUEL", "REQUESTS", "TOKENS", "MICRO USD"], &rows)
}

fn differences(run: &RunDifference) -> Vec<String> {
    let mut lines = Vec::new();
    lines.extend(run.untried.as_ref().map(|why| format!("not tried: {why}")));
    if run.status.0 != run.status.1 {
        lines.push(format!("{} → {}", run.status.0, run.status.1));
    }
    for PlaceDifference { pointer, before, after } in &run.places {
        let shown = |value: &Option<cleargate::Value>| {
            let Some(value) = value else { return "nothing".to_owned() };
            let text = value.to_json();
            let short: String = text.chars().take(SHOWN).collect();
            if short.len() < text.len() { format!("{short}…") } else { short }
        };
        lines.push(format!("{pointer}: {} → {}", shown(before), shown(after)));
    }
    if run.more_places > 0 {
        lines.push(format!("… and {} more places", run.more_places));
    }
    for (what, nodes) in [("does not run any more", &run.gone), ("runs now", &run.added)] {
        if !nodes.is_empty() {
            lines.push(format!("{what}: {}", nodes.join(", ")));
        }
    }
    lines.extend(run.turned.iter().cloned());
    lines.extend(run.asks_anew.iter().map(|request| format!("asks anew: {}", escaped(request))));
    let (then, now) = (run.before, run.after);
    if run.untried.is_none() && then.fuel != now.fuel {
        lines.push(format!("fuel: {} → {}", then.fuel, now.fuel));
    }
    lines
}
