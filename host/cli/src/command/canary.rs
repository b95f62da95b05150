//! `cleargate canary`: both versions of a split side by side, and what becomes of it.

use cleargate::{
    Arm, CanaryView, CompareOptions, Error, Flow, Host, Kind, Otherwise, Spread, Unit, Verdict,
    VersionComparison,
};
use serde::Serialize;

use super::Context;
use crate::args::Canary;
use crate::failure::{Failure, exit_code};
use crate::output::{Talk, escaped, table};

pub async fn canary(context: &Context<'_>, verb: Canary) -> Result<u8, Failure> {
    let host = context.host().await?;
    match verb {
        Canary::Status { flow, history, compare } => {
            status(context, &host, &flow, history, compare).await
        }
        Canary::Promote { flow, name } => {
            decide(context, &host, &flow, name, Verdict::Promote).await
        }
        Canary::Rollback { flow, name } => {
            decide(context, &host, &flow, name, Verdict::Rollback).await
        }
    }
}

/// A split as it is shown.
#[derive(Serialize)]
struct Shown {
    #[serde(flatten)]
    view: CanaryView,
    /// The canary on the runs of the other version.
    #[serde(skip_serializing_if = "Option::is_none")]
    comparison: Option<VersionComparison>,
}

async fn status(
    context: &Context<'_>,
    host: &Host,
    flow: &str,
    history: usize,
    compare: Option<usize>,
) -> Result<u8, Failure> {
    let flow = super::check::load(context, host, flow, false).await?;
    let mut shown = Vec::new();
    for view in host.canaries(&flow, history).await? {
        let comparison = match compare.filter(|_| view.main.history.runs > 0) {
            Some(runs) => {
                let (main, canary) = host.arms_of(&flow, &view.name)?;
                let options = CompareOptions { runs, otherwise: Otherwise::Refuse };
                Some(host.compare_versions(&canary, Some(&main), options).await?)
            }
            None => None,
        };
        shown.push(Shown { view, comparison });
    }
    if shown.is_empty() {
        return Err(none(&flow).into());
    }
    context.talk.documents(&shown, || {
        let texts: Vec<String> = shown.iter().map(|one| text(one, context.talk)).collect();
        texts.join("\n\n")
    });
    let differ = shown.iter().filter_map(|one| one.comparison.as_ref()).any(|c| c.differ > 0);
    Ok(if differ { exit_code(Kind::Failed) } else { 0 })
}

fn none(flow: &Flow) -> Error {
    Error::new(Kind::Invalid, format!("`{}` has no canary", flow.id())).with_help(
        "use: { review: { version: ./review.yaml, canary: { version: ./next.yaml, weight: 10 } } }",
    )
}

async fn decide(
    context: &Context<'_>,
    host: &Host,
    flow: &str,
    name: Option<String>,
    verdict: Verdict,
) -> Result<u8, Failure> {
    let flow = super::check::load(context, host, flow, false).await?;
    let views = host.canaries(&flow, 0).await?;
    let name = match (name, views.as_slice()) {
        (Some(name), _) => name,
        (None, [one]) => one.name.clone(),
        (None, []) => return Err(none(&flow).into()),
        (None, many) => {
            let names: Vec<&str> = many.iter().map(|view| view.name.as_str()).collect();
            let why = format!("`{}` has several canaries; name one", flow.id());
            return Err(Error::new(Kind::Invalid, why).with_help(names.join(", ")).into());
        }
    };
    let decided = host.decide_canary(&flow, &name, verdict)?;
    context.talk.document(&decided, || {
        let (file, version) = (decided.file.display().to_string(), escaped(&decided.version));
        format!("{}: `{name}` is {version}", escaped(&file))
    });
    if let Some(before) = &decided.before {
        context.talk.say(&format!("what it was is in {}", escaped(&before.display().to_string())));
    }
    Ok(0)
}

/// Both arms as columns.
fn text(shown: &Shown, talk: &Talk) -> String {
    let CanaryView { name, of, weight, main, canary } = &shown.view;
    let mut out = format!(
        "{} ({of}): {weight} of 100 runs are {}\n",
        talk.paint_data(name, "1"),
        escaped(&canary.version)
    );
    let row =
        |what: &str, of: &dyn Fn(&Arm) -> String| vec![format!("  {what}"), of(main), of(canary)];
    let spread = |unit: Unit, spread: Spread| {
        format!("{} … {}", unit.print(spread.p50), unit.print(spread.p95))
    };
    let hash = |arm: &Arm| arm.hash.chars().take("sha256-".len() + 12).collect();
    let rows = [
        row("flow", &|arm| arm.flow.clone()),
        row("hash", &hash),
        row("runs", &|arm| arm.history.runs.to_string()),
        row("succeeded", &|arm| arm.history.succeeded.to_string()),
        row("time", &|arm| spread(Unit::Millis, arm.history.duration_ms)),
        row("fuel", &|arm| spread(Unit::Count, arm.history.fuel)),
        row("tokens", &|arm| spread(Unit::Count, arm.history.tokens)),
        row("micro usd", &|arm| spread(Unit::Count, arm.history.micro_usd)),
    ];
    let heading = ["", &escaped(&main.version), &escaped(&canary.version)];
    out.push_str(&table(&heading, &rows));
    if let Some(comparison) = &shown.comparison {
        out.push_str("\nthe canary on the runs of the other version\n");
        out.push_str(&super::compare::text(comparison, talk));
    }
    out
}
