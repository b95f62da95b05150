//! `cleargate runs`: what happened, from the journal.

use cleargate::{
    AssetMade, AssetsUsed, Host, Partition, Prune, Record, RunId, RunQuery, RunView, Timeline,
    Undelivered,
};

use super::Context;
use crate::args::{Ended, Runs, Status};
use crate::failure::Failure;
use crate::output::{Talk, escaped, table};

/// Shown in a new home.
const NO_RUNS: &str = "no runs yet: cleargate run dependency_review --input lockfile=@Cargo.lock";

/// Shown for a run without such maps.
const NO_PARTITIONS: &str = "no map of this run has a `key:` and has begun";

pub async fn runs(context: &Context<'_>, verb: Runs) -> Result<u8, Failure> {
    let host = context.host().await?;
    match verb {
        Runs::List { flow, status, dead, sub_flows, limit } => {
            let status = status.or(dead.then_some(Status::Dead));
            let status = status.map(|s| match s {
                Status::Running => "running",
                Status::Interrupted => "interrupted",
                Status::Dead => "dead",
                Status::Waiting => "waiting",
                Status::Succeeded => "succeeded",
                Status::Failed => "failed",
                Status::Cancelled => "cancelled",
            });
            let limit = limit as usize;
            let all = flow.is_none() && status.is_none() && limit > 0;
            let runs = host.runs(RunQuery { flow, status, sub_flows, limit }).await?;
            context.talk.documents(&runs, || match runs.is_empty() {
                true if all => NO_RUNS.into(),
                true => "no run fits: cleargate runs list".into(),
                false => list_text(&runs, context.talk),
            });
        }
        Runs::Show { run } => {
            let id = host.find_run(&run).await?;
            show(&host, &id, context.talk).await?;
        }
        Runs::Partitions { run, status } => {
            let id = host.find_run(&run).await?;
            let mut partitions = host.partitions(&id).await?;
            let all = partitions.len();
            partitions.retain(|item| status.as_deref().is_none_or(|status| item.status == status));
            context.talk.documents(&partitions, || match partitions.is_empty() {
                true if all == 0 => NO_PARTITIONS.into(),
                true => format!("none of the {all} item(s) is in this state"),
                false => partitions_text(&partitions, context.talk),
            });
        }
        Runs::Events { run } => {
            let id = host.find_run(&run).await?;
            events(&host, &id, context.talk).await?;
        }
        Runs::Retry { run } => retry(&host, &run, context.talk).await?,
        Runs::Prune { older_than, status, dry_run } => {
            let status = status.map(|status| match status {
                Ended::Succeeded => "succeeded",
                Ended::Failed => "failed",
                Ended::Cancelled => "cancelled",
            });
            prune(&host, Prune { older_than, status, dry_run }, context.talk).await?;
        }
    }
    Ok(0)
}

async fn show(host: &Host, id: &RunId, talk: &Talk) -> Result<(), Failure> {
    let details = host.run_details(id).await?;
    let now = now();
    talk.document(&details, || {
        let mut text = list_text(std::slice::from_ref(&details.run), talk);
        if let Some(parent) = &details.run.parent {
            text += &format!("\nthe sub-flow at {} of run {}", parent.address, parent.run);
        }
        if !details.waits.is_empty() {
            text += &format!("\n\n{}", super::tasks::waits_text(&details.waits, now));
        }
        if !details.undelivered.is_empty() {
            text += &format!("\n\n{}", undelivered_text(&details.undelivered));
        }
        if let Some(origin) = &details.run.origin {
            text += &format!("\nforked from run {origin}");
        }
        text += &format!("\n\n{}", timeline_text(&details.timeline, usize::MAX, talk));
        if !details.sub_flows.is_empty() {
            text += &format!("\n\nsub-flows\n{}", list_text(&details.sub_flows, talk));
        }
        text
    });
    Ok(())
}

async fn retry(host: &Host, run: &str, talk: &Talk) -> Result<(), Failure> {
    let id = host.find_run(run).await?;
    let was = host.retry(&id).await?;
    let document = serde_json::json!({ "run": id, "was_set_aside": was });
    talk.document(&document, || match was {
        true => format!("run {id} can be taken up again: cleargate work, or cleargate resume {id}"),
        false => format!("run {id} was not set aside: nothing was changed"),
    });
    Ok(())
}

fn partitions_text(partitions: &[Partition], talk: &Talk) -> String {
    let rows: Vec<_> = partitions
        .iter()
        .map(|item| {
            let (glyph, code) = match item.status {
                "succeeded" => ("✓", "32"),
                "failed" => ("✗", "31"),
                "cancelled" => ("-", "33"),
                _ => ("…", "36"),
            };
            let took =
                item.started.zip(item.ended).map(|(from, to)| to.saturating_sub(from).max(0));
            let at = item.failed.as_ref().map(|at| format!("{at}: ")).unwrap_or_default();
            let why = item.error.as_ref().map(|error| format!("{at}{error}"));
            vec![
                format!("{}[{}]", item.map, item.item),
                escaped(&item.key),
                format!("{} {}", talk.paint_data(glyph, code), item.status),
                took.map(|ms| millis(ms as f64)).unwrap_or_default(),
                cut(&escaped(&why.unwrap_or_default()), 80),
            ]
        })
        .collect();
    table(&["ITEM", "KEY", "STATUS", "TOOK", ""], &rows)
}

/// Page by page: a journal may be larger than what is in memory at once.
async fn events(host: &Host, id: &RunId, talk: &Talk) -> Result<(), Failure> {
    let mut pages = talk.pages();
    let mut page = host.events_from(id, 0).await?;
    while let Some(last) = page.last() {
        let next = last.seq + 1;
        pages.add(&page, || events_text(&page));
        page = host.events_from(id, next).await?;
    }
    pages.end();
    Ok(())
}

async fn prune(host: &Host, prune: Prune, talk: &Talk) -> Result<(), Failure> {
    let mut pages = talk.pages();
    let pruned = host.prune(prune, |runs| {
        if !runs.is_empty() {
            pages.add(runs, || list_text(runs, talk));
        }
    });
    let pruned = pruned.await?;
    pages.end();
    talk.say(&match (prune.dry_run, pruned.runs) {
        (_, 0) => "no run fits; runs that can still go on always stay".into(),
        (true, runs) => format!("{runs} run(s) would be removed; nothing was"),
        (false, runs) => format!(
            "removed {runs} run(s) with {} sub-flow(s) and {} record(s); the room is used for what comes next",
            pruned.sub_flows, pruned.records
        ),
    });
    Ok(())
}

fn events_text(events: &[Record]) -> String {
    let lines = events.iter().map(|record| {
        let mut event = serde_json::to_value(&record.event).expect("an event is JSON");
        let name = event["event"].as_str().unwrap_or_default().to_owned();
        let fields = event.as_object_mut().expect("an event is a record");
        fields.shift_remove("event");
        let rest = escaped(&serde_json::Value::Object(fields.clone()).to_string());
        format!("{:>5}  {}  {name:18} {}", record.seq, time(record.at), cut(&rest, 160))
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// What a run was told in vain.
fn undelivered_text(undelivered: &[Undelivered]) -> String {
    let lines = undelivered.iter().map(|told| {
        let Undelivered { what, by, at, .. } = told;
        let (what, by, at) = (escaped(what), escaped(by), time(*at));
        format!("  {what}, told by {by} at {at}, was not taken before the run ended")
    });
    lines.collect::<Vec<_>>().join("\n")
}

fn list_text(runs: &[RunView], talk: &Talk) -> String {
    let rows: Vec<_> = runs
        .iter()
        .map(|run| {
            let (glyph, code) = match run.status.as_str() {
                "succeeded" => ("✓", "32"),
                "failed" => ("✗", "31"),
                "cancelled" => ("-", "33"),
                "waiting" => ("⏸", "33"),
                "interrupted" => ("⏹", "33"),
                "dead" => ("✗", "1;31"),
                _ => ("…", "36"),
            };
            vec![
                run.id.clone(),
                run.flow.clone(),
                format!("{} {}", talk.paint_data(glyph, code), run.status),
                time(run.created_at),
                run.duration_ms.map_or_else(String::new, |ms| millis(ms as f64)),
                cut(&escaped(run.summary.as_deref().unwrap_or_default()), 60),
            ]
        })
        .collect();
    table(&["RUN", "FLOW", "STATUS", "STARTED", "TOOK", ""], &rows)
}

/// One row for each node, the `most` that took longest when there are more, and the sum.
pub fn timeline_text(timeline: &Timeline, most: usize, talk: &Talk) -> String {
    let mut longest: Vec<_> = timeline.nodes.iter().enumerate().collect();
    longest.sort_by_key(|(_, node)| std::cmp::Reverse(node.total_micros));
    let left_out = longest.split_off(longest.len().min(most)).len();
    longest.sort_by_key(|(place, _)| *place);
    let rows: Vec<_> = longest
        .into_iter()
        .map(|(_, node)| node)
        .map(|node| {
            let failed = match node.failed_attempts {
                0 => String::new(),
                n => format!("{n} failed"),
            };
            vec![
                format!("  {}", node.path),
                node.succeeded.to_string(),
                millis(node.total_micros as f64 / 1000.0),
                millis(node.max_micros as f64 / 1000.0),
                if node.fuel == 0 { "-".into() } else { count(node.fuel) },
                if node.peak_memory == 0 { "-".into() } else { bytes(node.peak_memory) },
                failed,
            ]
        })
        .collect();
    let text = table(&["  NODE", "DONE", "TIME", "SLOWEST", "FUEL", "PEAK MEMORY", ""], &rows);
    let resumed = match timeline.resumed {
        0 => String::new(),
        n => format!(", taken over {n} time(s)"),
    };
    let sum = format!(
        "  {} events, {} on the clock{resumed}",
        timeline.events,
        millis(timeline.wall_ms as f64)
    );
    let assets = assets_text(&timeline.assets);
    let more = match left_out {
        0 => String::new(),
        n => format!("  … and {n} more that took less time\n"),
    };
    format!("{text}\n{more}{assets}{}", talk.paint(&sum, "2"))
}

/// What was taken from the shelf, and why the rest was not.
fn assets_text(assets: &AssetsUsed) -> String {
    let AssetsUsed { reused, made, reasons } = assets;
    if reused + made == 0 {
        return String::new();
    }
    let mut text = format!("  assets: {reused} known before, {made} made\n");
    for AssetMade { asset, key, why } in reasons {
        let key = key.as_ref().map(|key| format!("#{key}")).unwrap_or_default();
        let why = cut(&escaped(&why.join("; ")), 80);
        text += &format!("    {}: {why}\n", escaped(&format!("{asset}{key}")));
    }
    match made.saturating_sub(reasons.len() as u64) {
        0 => {}
        more => text += &format!("    … and {more} more\n"),
    }
    text
}

/// Milliseconds since 1970-01-01T00:00:00Z.
pub fn now() -> i64 {
    jiff::Timestamp::now().as_millisecond()
}

pub fn time(at: i64) -> String {
    jiff::Timestamp::from_millisecond(at)
        .map(|t| t.strftime("%Y-%m-%d %H:%M:%S").to_string())
        .unwrap_or_default()
}

/// Milliseconds as people say them.
pub fn millis(ms: f64) -> String {
    match ms {
        ms if ms < 1.0 => format!("{:.0} µs", ms * 1000.0),
        ms if ms < 1000.0 => format!("{ms:.1} ms"),
        ms if ms < 60_000.0 => format!("{:.2} s", ms / 1000.0),
        ms if ms < 3_600_000.0 => format!("{:.1} min", ms / 60_000.0),
        ms if ms < 172_800_000.0 => format!("{:.1} h", ms / 3_600_000.0),
        ms => format!("{:.1} days", ms / 86_400_000.0),
    }
}

/// A number as people say it.
pub fn count(n: u64) -> String {
    match n {
        0..1_000 => n.to_string(),
        1_000..1_000_000 => format!("{:.1}k", n as f64 / 1e3),
        1_000_000..1_000_000_000 => format!("{:.1}M", n as f64 / 1e6),
        _ => format!("{:.1}G", n as f64 / 1e9),
    }
}

/// Bytes as people say them.
pub fn bytes(n: u64) -> String {
    match n {
        0..1_048_576 => format!("{:.0} KiB", n as f64 / 1024.0),
        _ => format!("{:.1} MiB", n as f64 / 1_048_576.0),
    }
}

pub fn cut(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.into();
    }
    let mut short: String = text.chars().take(most).collect();
    short.push('…');
    short
}
