//! `cleargate listen`: what the triggers of a flow bring, run by run. What a run gives is data, everything else is talk.

use std::sync::atomic::{AtomicU64, Ordering};

use cleargate::{Error, Heard, Kind, ListenOptions, Outcome};
use serde_json::json;

use super::Context;
use super::run::stop::Stop;
use super::run::{GRACE, human_output};
use crate::failure::{Failure, exit_code};
use crate::output::{Talk, escaped, inset};
use crate::progress;

pub async fn listen(
    context: &Context<'_>,
    flow: &str,
    once: bool,
    locked: bool,
) -> Result<u8, Failure> {
    // The answer of a run goes back to whoever sent the event: runs stay here until they have one.
    let host = context.waiting_host().await?;
    let mut stop = Stop::listen();
    let flow = super::check::load(context, &host, flow, locked).await?;
    let talk = context.talk;
    if !once && !flow.graph().triggers.is_empty() {
        let names: Vec<&str> = flow.graph().triggers.keys().map(String::as_str).collect();
        talk.say(&format!("{} listens to {}; Ctrl-C ends", flow.id(), names.join(", ")));
    }
    let failed = AtomicU64::new(0);
    let heard = |heard| {
        failed.fetch_add(u64::from(told(talk, &heard)), Ordering::Relaxed);
    };
    let ended = tokio::select! {
        ended = host.listen(&flow, ListenOptions { once }, &heard) => Some(ended),
        () = progress::tell_hold_ups(&host, talk) => None,
        () = stop.asked() => None,
    };
    if let Some(ended) = ended {
        ended?;
        return Ok(if failed.into_inner() == 0 { 0 } else { exit_code(Kind::Failed) });
    }
    talk.say("stopping; press Ctrl-C again to stop at once");
    tokio::select! {
        () = host.shutdown(GRACE) => {}
        () = stop.asked() => {}
    }
    let error = Error::new(Kind::Interrupted, "interrupted");
    Err(error.with_help("the same command goes on where this one ended").into())
}

/// Says what was heard, and whether something failed for good.
fn told(talk: &Talk, heard: &Heard) -> bool {
    let cross = || talk.paint("✗", "31");
    let name = |trigger: &str, event: &str| escaped(&format!("{trigger} {event}"));
    match heard {
        Heard::Started { trigger, event, run } => {
            talk.say(&format!("{}: run {run}", name(trigger, event)));
            false
        }
        Heard::Refused { trigger, event, error } => {
            let why = inset(
                &std::iter::once(&error.message)
                    .chain(&error.causes)
                    .cloned()
                    .collect::<Vec<_>>()
                    .join("; "),
            );
            talk.say(&format!("{} {}: {why}", cross(), name(trigger, event)));
            true
        }
        Heard::Ended { trigger, event, run, outcome } => {
            if let Outcome::Failed { error, .. } = outcome {
                let why = inset(&error.to_string());
                talk.say(&format!("{} {}: run {run} failed: {why}", cross(), name(trigger, event)));
            }
            let whole =
                json!({ "trigger": trigger, "event": event, "run": run, "outcome": outcome });
            talk.document(&whole, || match outcome {
                Outcome::Succeeded { output } => human_output(&output.to_serde()),
                _ => String::new(),
            });
            !matches!(outcome, Outcome::Succeeded { .. })
        }
        Heard::Unanswered { trigger, event, error } => {
            let why = inset(&error.to_string());
            talk.say(&format!("{} {}: was not answered: {why}", cross(), name(trigger, event)));
            true
        }
        Heard::Failing { trigger, error, again_in } => {
            let (why, seconds) = (inset(&error.to_string()), again_in.as_secs_f64());
            talk.say(&format!(
                "{} {}: {why}; asked again in {seconds:.0} s",
                cross(),
                escaped(trigger)
            ));
            false
        }
    }
}
