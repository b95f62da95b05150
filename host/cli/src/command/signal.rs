//! `cleargate signal`: tells a run of an event.

use cleargate::{Error, Kind, Sent, TellOptions, Value};

use super::Context;
use super::run::text_of;
use crate::args::SignalArgs;
use crate::failure::Failure;

pub async fn signal(context: &Context<'_>, args: SignalArgs) -> Result<u8, Failure> {
    let payload = match &args.payload {
        None => Value::empty(),
        Some(text) => {
            let text = text_of(context, text)?;
            Value::from_json(&text).map_err(|error| {
                Error::new(Kind::Invalid, "what the event carries is no JSON")
                    .caused_by(&error)
                    .with_help("write '{\"by\":\"ada\"}', @file or -")
            })?
        }
    };
    let host = context.host().await?;
    let run = host.find_run(&args.run).await?;
    let by = args.by.unwrap_or_else(|| context.environment.user.clone());
    let sent = host.signal(&run, &args.name, payload, TellOptions { by, id: args.id }).await?;
    let what = format!("the event {}", args.name);
    context.talk.document(&sent, || sent_text(&sent, &what));
    Ok(0)
}

/// What became of what a run was told, for a person.
pub fn sent_text(sent: &Sent, what: &str) -> String {
    let kept = match sent.known {
        true => format!("run {} had {what} before: nothing was changed", sent.run),
        false => format!("run {} has {what}", sent.run),
    };
    match &sent.resume {
        Some(run) => format!("{kept}; nobody drives it: cleargate resume {run}"),
        None => kept,
    }
}
