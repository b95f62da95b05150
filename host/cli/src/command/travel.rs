//! `cleargate replay`, `fork`, `restart`, `diff` and `migrate`: stored runs, again and otherwise.

use cleargate::{
    Differences, Error, Fork, ForkPlan, Forked, Host, Kind, NodeDifference, Replay, ReplayOptions,
    RunComparison, RunId, Side, Spent, SwapPlan,
};

use super::Context;
use super::run::{follow, inputs, stop::Stop};
use super::runs::{bytes, count, millis};
use crate::args::{ForkArgs, Format, MigrateArgs, ReplayArgs, RestartArgs};
use crate::failure::{Failure, exit_code};
use crate::output::{Talk, escaped, table};

/// Nodes that `diff` tells a person; JSON has them all.
const MOST_NODES: usize = 20;

/// Characters of a value on a line.
const MOST_VALUE: usize = 60;

pub async fn replay(context: &Context<'_>, args: ReplayArgs) -> Result<u8, Failure> {
    let host = context.host().await?;
    let id = host.find_run(&args.run).await?;
    if let Some(swap) = &args.swap {
        let (of, plugin) = pair("--swap", swap, "--swap triage=acme:triage@2")?;
        let (from, allow_effects) = (args.from.clone(), args.allow_effects);
        let swap = SwapPlan { of, plugin, from, allow_effects };
        let Forked { plan, running } = host.replay_swapped(&id, &swap).await?;
        let new = running.id().clone();
        say(context.talk, &plan, &new);
        let code = follow(context, &host, running, &mut Stop::listen()).await?;
        if context.talk.format == Format::Human {
            let compared = host.compare_runs(&id, &new).await?;
            context.talk.say(&format!("\n{}", comparison(&compared, context.talk)));
        }
        return Ok(code);
    }
    let replay = host.replay(&id, ReplayOptions { execute: args.execute }).await?;
    context.talk.document(&replay, || replayed(&replay, args.execute));
    match replay.error() {
        None => Ok(0),
        Some(error) => Err(error.into()),
    }
}

pub async fn fork(context: &Context<'_>, args: ForkArgs) -> Result<u8, Failure> {
    let set = args.set.iter().map(|set| pair("--set", set, "--set 'triage={\"team\":\"tech\"}'"));
    let (set, input) = (set.collect::<Result<_, _>>()?, inputs(context, &args.input)?);
    let host = context.host().await?;
    let id = host.find_run(&args.run).await?;
    let to = match &args.flow {
        Some(flow) => Some(super::check::load(context, &host, flow, args.locked).await?),
        None => None,
    };
    let fork = Fork { at: args.at, input, set, allow_effects: args.allow_effects, to };
    if args.dry_run {
        let plan = host.plan_fork(&id, &fork).await?;
        context.talk.document(&plan, || planned(&plan));
        return Ok(0);
    }
    forked(context, &host, &id, &fork).await
}

pub async fn restart(context: &Context<'_>, args: RestartArgs) -> Result<u8, Failure> {
    let host = context.host().await?;
    let id = host.find_run(&args.run).await?;
    let from = match args.from {
        Some(from) => from,
        None => host.failed_at(&id).await?,
    };
    let fork = Fork { at: vec![from], allow_effects: args.allow_effects, ..Fork::default() };
    forked(context, &host, &id, &fork).await
}

async fn forked(
    context: &Context<'_>,
    host: &Host,
    id: &RunId,
    fork: &Fork,
) -> Result<u8, Failure> {
    let Forked { plan, running } = host.fork(id, fork).await?;
    say(context.talk, &plan, running.id());
    follow(context, host, running, &mut Stop::listen()).await
}

pub async fn diff(context: &Context<'_>, left: &str, right: &str) -> Result<u8, Failure> {
    let host = context.host().await?;
    let (left, right) = (host.find_run(left).await?, host.find_run(right).await?);
    let compared = host.compare_runs(&left, &right).await?;
    context.talk.document(&compared, || comparison(&compared, context.talk));
    Ok(if compared.comparison.is_same() { 0 } else { exit_code(Kind::Failed) })
}

pub async fn migrate(context: &Context<'_>, args: MigrateArgs) -> Result<u8, Failure> {
    let host = context.host().await?;
    let id = host.find_run(&args.run).await?;
    let flow = super::check::load(context, &host, &args.to, args.locked).await?;
    let done = host.migrate(&id, &flow, args.dry_run).await?;
    context.talk.document(&done, || match (done.migrated, done.misfits.is_empty()) {
        (true, _) => format!("run {id} belongs to {} now", done.to),
        (false, true) if done.from == done.to => format!("run {id} belongs to {} already", done.to),
        (false, true) => format!("run {id} fits {}; nothing was changed", done.to),
        (false, false) => String::new(),
    });
    if done.misfits.is_empty() {
        if done.migrated {
            context.talk.say(&format!("go on with it: cleargate resume {id}"));
        }
        return Ok(0);
    }
    let why = format!("run {id} does not fit {}; nothing was changed", escaped(&args.to));
    let mut error = Error::new(Kind::Invalid, why);
    error.causes = done.misfits.iter().map(ToString::to_string).collect();
    Err(error
        .with_help(format!("cleargate resume {id} goes on with the version that it has"))
        .into())
}

/// The two halves of `left=right`.
fn pair(flag: &str, text: &str, example: &str) -> Result<(String, String), Failure> {
    let halves = text.split_once('=').map(|(a, b)| (a.to_owned(), b.to_owned()));
    Ok(halves.ok_or_else(|| {
        let why = format!("`{flag} {text}` has no `=`");
        Error::new(Kind::Invalid, why).with_help(format!("write {example}"))
    })?)
}

fn say(talk: &Talk, plan: &ForkPlan, run: &RunId) {
    let mut what: Vec<String> = plan.at.clone();
    what.extend(plan.set.iter().map(|set| format!("{set} (given)")));
    let what = if what.is_empty() { "another input".into() } else { what.join(", ") };
    talk.say(&format!(
        "forked from {} at {what}: {} step(s) kept · run {run}",
        plan.from, plan.kept
    ));
}

fn planned(plan: &ForkPlan) -> String {
    let mut lines = vec![format!(
        "{} step(s) of run {} would be kept, with {} record(s); all else would happen anew",
        plan.kept, plan.from, plan.records
    )];
    for misfit in &plan.misfits {
        lines.push(format!("  does not fit the other version: {}", escaped(&misfit.to_string())));
    }
    for again in &plan.again {
        lines.push(format!("  {again} must not be repeated and would be: needs --allow-effects"));
    }
    lines.join("\n")
}

fn replayed(replay: &Replay, execute: bool) -> String {
    let inner = match replay.sub_flows {
        0 => String::new(),
        n => format!(" with {n} sub-flow(s)"),
    };
    let mut lines = vec![format!(
        "run {}{inner}: {} record(s) folded, {} decision(s) computed again",
        replay.run, replay.records, replay.decisions
    )];
    if execute {
        lines
            .push(format!("{} of {} attempt(s) performed again", replay.executed, replay.attempts));
        let left = replay.not_executed.iter();
        lines.extend(left.map(|(why, n)| format!("  {n} not, because {why}")));
    }
    if replay.is_same() {
        lines.push("the same, byte for byte".into());
    }
    let told = replay.divergences.iter();
    lines.extend(told.map(|divergence| format!("✗ {}", escaped(&divergence.to_string()))));
    lines.join("\n")
}

fn comparison(compared: &RunComparison, talk: &Talk) -> String {
    let told = &compared.comparison;
    let mut text = match (&told.first, told.is_same()) {
        (_, true) => format!("both did the same at {} node(s)", told.same),
        (Some(first), _) => {
            let first = talk.paint_data(&first.to_string(), "1");
            format!("{} node(s) differ, {} do not; the first is {first}", told.differ, told.same)
        }
        (None, _) => format!("all {} node(s) are the same", told.same),
    };
    for (what, found) in
        [("input", &told.input), ("outcome", &told.outcome), ("state", &told.state)]
    {
        if !found.is_empty() {
            text += &format!("\n  {what}{}", places(found));
        }
    }
    for node in told.nodes.iter().take(MOST_NODES) {
        text += &format!("\n  {}", node_line(node));
    }
    if told.differ > MOST_NODES {
        text += &format!("\n  … and {} more: --output json", told.differ - MOST_NODES);
    }
    format!("{text}\n\n{}", costs(compared))
}

fn node_line(node: &NodeDifference) -> String {
    let side = |side: &Option<Side>| match side {
        None => "not reached".to_owned(),
        Some(side) => {
            let attempts = match side.attempts {
                0 | 1 => String::new(),
                n => format!(" after {n} attempts"),
            };
            let case = side.case.map(|case| format!(", case {case}")).unwrap_or_default();
            let items = side.items.map(|items| format!(", {items} item(s)")).unwrap_or_default();
            format!("{}{attempts}{case}{items}", side.status.as_str())
        }
    };
    let (left, right) = (side(&node.left), side(&node.right));
    let status = if left == right { left } else { format!("{left} → {right}") };
    let mut line = format!("{}: {status}", node.address);
    for (what, found) in [("\n      was given", &node.input), ("\n      gave", &node.value)] {
        if !found.is_empty() {
            line += &format!("{what}{}", places(found));
        }
    }
    line
}

fn places(found: &Differences) -> String {
    let brief = |value: &Option<cleargate::Value>| match value {
        None => "nothing".to_owned(),
        Some(value) => {
            let text = value.to_json();
            let cut =
                text.char_indices().nth(MOST_VALUE).map(|(end, _)| format!("{}…", &text[..end]));
            escaped(&cut.unwrap_or(text))
        }
    };
    let mut lines: Vec<_> = found
        .found
        .iter()
        .map(|one| {
            format!(" {}: {} → {}", escaped(&one.pointer), brief(&one.left), brief(&one.right))
        })
        .collect();
    if found.count > lines.len() {
        lines.push(format!(" and {} more places", found.count - lines.len()));
    }
    lines.join("\n       ")
}

fn costs(compared: &RunComparison) -> String {
    let told = &compared.comparison;
    let row = |name: String, left: &Spent, right: &Spent| {
        let pair = |left: String, right: String| {
            if left == right { left } else { format!("{left} → {right}") }
        };
        let time = |costs: &Spent| millis(costs.micros as f64 / 1000.0);
        vec![
            name,
            pair(left.attempts.to_string(), right.attempts.to_string()),
            pair(time(left), time(right)),
            pair(count(left.fuel), count(right.fuel)),
            pair(left.calls.to_string(), right.calls.to_string()),
            pair(bytes(left.peak_memory), bytes(right.peak_memory)),
        ]
    };
    let mut rows: Vec<_> = told
        .costs
        .iter()
        .map(|path| row(format!("  {}", path.path), &path.left, &path.right))
        .collect();
    let sum =
        told.costs.iter().fold((Spent::default(), Spent::default()), |(left, right), path| {
            (left.and(path.left), right.and(path.right))
        });
    rows.push(row("  in all".into(), &sum.0, &sum.1));
    table(&["  NODE", "ATTEMPTS", "TIME", "FUEL", "CALLS", "PEAK MEMORY"], &rows)
}
