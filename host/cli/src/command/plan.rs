//! `cleargate plan`: what a run would do and reach, what would be refused, and what runs before took.

use cleargate::{History, Kind, Plan, Spread, Unit};

use super::Context;
use crate::args::PlanArgs;
use crate::failure::{Failure, exit_code};
use crate::output::{Talk, escaped, table};

pub async fn plan(context: &Context<'_>, args: PlanArgs) -> Result<u8, Failure> {
    let host = context.host().await?;
    let flow = super::check::load(context, &host, &args.flow, args.locked).await?;
    let plan = host.plan_with_history(&flow, args.history).await?;
    context.talk.document(&plan, || text(&plan, context.talk));
    Ok(if plan.blocked.is_empty() { 0 } else { exit_code(Kind::Denied) })
}

fn text(plan: &Plan, talk: &Talk) -> String {
    let mut out = super::check::plan_text(plan, talk);
    out.push_str("\nwaves\n");
    for (n, wave) in plan.waves.iter().enumerate() {
        out.push_str(&format!("  {n}: {}\n", wave.join(", ")));
    }
    if !plan.effects.is_empty() {
        let rows = plan.effects.iter().map(|effect| {
            let times = match effect.attempts {
                1 => effect.most.to_string(),
                n => format!("{} × {n} attempts", effect.most),
            };
            vec![
                format!("  {}", effect.path),
                effect.class.clone(),
                times,
                escaped(&effect.may.join(", ")),
            ]
        });
        let rows: Vec<_> = rows.collect();
        out.push_str(&format!(
            "\n{}\n",
            table(&["  EFFECT OF", "CLASS", "AT MOST", "MAY REACH"], &rows)
        ));
    }
    if let Some(history) = &plan.history {
        out.push_str(&history_text(history));
    }
    for blocked in &plan.blocked {
        out.push_str(&format!(
            "\n{} {}: {}\n  help: {}\n",
            talk.paint_data("would be refused:", "1;31"),
            blocked.path,
            escaped(&blocked.why),
            escaped(&blocked.help)
        ));
    }
    out
}

/// Half of them, and 95 of 100.
fn spread(unit: Unit, spread: Spread) -> String {
    format!("{} … {}", unit.print(spread.p50), unit.print(spread.p95))
}

fn micros(spread: Spread) -> String {
    let shown = |n: u64| match n {
        n if n < 1000 => format!("{n}µs"),
        n => Unit::Millis.print(n / 1000),
    };
    format!("{} … {}", shown(spread.p50), shown(spread.p95))
}

fn history_text(history: &History) -> String {
    if history.runs == 0 {
        return "\nno run of it has ended: nothing is known of its time and cost\n".into();
    }
    let mut out = format!(
        "\nlast {} runs ({} succeeded, {} of this version): half of them … 95 of 100\n  \
         a run: {}, fuel {}, {} requests, {} tokens, {} µUSD\n",
        history.runs,
        history.succeeded,
        history.same_version,
        spread(Unit::Millis, history.duration_ms),
        spread(Unit::Count, history.fuel),
        spread(Unit::Count, history.host_calls),
        spread(Unit::Count, history.tokens),
        spread(Unit::Count, history.micro_usd),
    );
    let rows: Vec<_> = history
        .nodes
        .iter()
        .map(|node| {
            vec![
                format!("  {}", node.path),
                node.attempts.to_string(),
                node.failed.to_string(),
                micros(node.micros),
                spread(Unit::Count, node.fuel),
                spread(Unit::Count, node.tokens),
            ]
        })
        .collect();
    out.push_str(&format!(
        "{}\n",
        table(&["  NODE", "ATTEMPTS", "FAILED", "TIME", "FUEL", "TOKENS"], &rows)
    ));
    out
}
