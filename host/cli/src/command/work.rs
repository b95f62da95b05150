//! `cleargate work`: goes on with runs until it is told to end. In ndjson each thing that happens is a line; a person reads
//! what matters and the totals.

use std::pin::pin;
use std::sync::Mutex;
use std::time::Duration;

use cleargate::{Error, Kind, WorkEvent, WorkOptions, WorkTotals};
use tokio::sync::oneshot;

use super::Context;
use super::run::stop::Stop;
use crate::args::{Format, WorkArgs};
use crate::failure::Failure;
use crate::output::{Talk, inset};

/// How often a person is told how much was done.
const PULSE: Duration = Duration::from_secs(10);

pub async fn work(context: &Context<'_>, args: WorkArgs) -> Result<u8, Failure> {
    let mut stop = Stop::listen();
    let host = context.host().await?;
    let talk = context.talk;
    let options = options(&args);
    if !args.until_idle {
        talk.say(&format!("working on {}; Ctrl-C ends", host.journal_name()));
    }
    let totals = Mutex::new(WorkTotals::default());
    let tell = |event: WorkEvent| {
        totals.lock().expect("no holder panics").count(&event);
        told(talk, &event);
    };
    let (end, ended) = oneshot::channel();
    let asked = async { drop(ended.await) };
    let mut work = pin!(host.work(options, asked, &tell));
    let ended = tokio::select! {
        totals = &mut work => Some(totals),
        () = crate::progress::tell_hold_ups(&host, talk) => None,
        () = pulse(talk, &totals) => None,
        () = stop.asked() => None,
    };
    let totals = match ended {
        Some(totals) => totals?,
        None => {
            talk.say("stopping; press Ctrl-C again to stop at once");
            let _ = end.send(());
            tokio::select! {
                totals = &mut work => totals?,
                () = stop.asked() => {
                    let why = "stopped at once; what was under way goes on when its lease is over";
                    return Err(Error::new(Kind::Interrupted, why).with_help("cleargate work").into());
                }
            }
        }
    };
    if talk.format == Format::Human {
        talk.data(&totals_text(&totals));
    } else {
        let document = serde_json::json!({ "event": "totals", "totals": totals });
        talk.document(&document, String::new);
    }
    Ok(0)
}

fn options(args: &WorkArgs) -> WorkOptions {
    WorkOptions {
        jobs: args.jobs as usize,
        poll: args.poll,
        grace: args.grace,
        until_idle: args.until_idle,
        lasts: args.lasts,
        prune_after: args.prune_after,
    }
}

/// Says from time to time how much was done, when something was. Never returns.
async fn pulse(talk: &Talk, totals: &Mutex<WorkTotals>) {
    let mut told = WorkTotals::default();
    loop {
        tokio::time::sleep(PULSE).await;
        let now = *totals.lock().expect("no holder panics");
        if now != told && talk.format == Format::Human {
            talk.say(&totals_text(&now));
            told = now;
        }
    }
}

/// Says what happened: to a program all of it, to a person what did not go well. What did is in the totals.
fn told(talk: &Talk, event: &WorkEvent) {
    if talk.format != Format::Human {
        // A stream of documents has a line for each, in either form.
        return talk.line(event);
    }
    let cross = || talk.paint("✗", "31");
    match event {
        WorkEvent::Finished { run, why: Some(why), .. } => {
            talk.say(&format!("{} {run} failed: {}", cross(), inset(why)));
        }
        WorkEvent::Taken { .. }
        | WorkEvent::Finished { .. }
        | WorkEvent::Waiting { .. }
        | WorkEvent::GivenBack { .. } => {}
        WorkEvent::Lost { run } => talk.say(&format!("- {run} was taken over")),
        WorkEvent::Failing { run, why, again_in_ms } => {
            let again = super::runs::millis(*again_in_ms as f64);
            talk.say(&format!("{} {run} cannot go on: {}; again in {again}", cross(), inset(why)));
        }
        WorkEvent::SetAside { run, why } => talk.warn(&format!(
            "run {run} was set aside: {}\n  {} cleargate runs retry {run}",
            inset(why),
            talk.paint("help:", "1;36")
        )),
        WorkEvent::Pruned { runs } => talk.say(&format!("removed {runs} old run(s)")),
        WorkEvent::NotPruned { why } => {
            talk.warn(&format!("old runs were not removed: {}", inset(why)));
        }
    }
}

fn totals_text(totals: &WorkTotals) -> String {
    let counts = [
        (totals.succeeded, "succeeded"),
        (totals.failed, "failed"),
        (totals.cancelled, "cancelled"),
        (totals.waiting, "given back to wait"),
        (totals.given_back, "given back unfinished"),
        (totals.lost, "taken over by another process"),
        (totals.set_aside, "set aside"),
        (totals.pruned, "removed"),
    ];
    let said: Vec<String> =
        counts.iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!("{n} {what}")).collect();
    let colon = if said.is_empty() { "" } else { ": " };
    format!("{} taken{colon}{}", totals.taken, said.join(", "))
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::args::{Args, Verb};

    #[test]
    fn what_nobody_asks_for_is_what_the_library_does() {
        let Verb::Work(args) = Args::parse_from(["cleargate", "work"]).verb else {
            panic!("it is this verb")
        };
        assert_eq!(options(&args), WorkOptions::default());
    }

    #[test]
    fn totals_say_what_happened_and_nothing_else() {
        assert_eq!(totals_text(&WorkTotals::default()), "0 taken");
        let totals = WorkTotals { taken: 3, succeeded: 2, set_aside: 1, ..WorkTotals::default() };
        assert_eq!(totals_text(&totals), "3 taken: 2 succeeded, 1 set aside");
    }
}
