//! `cleargate sandbox`: programs that nobody has read.

use cleargate::{Error, InputValue, Kind, Language, Outcome, StartOptions, Value};

use super::Context;
use super::repl::repl;
use super::run::text_of;
use crate::args::Sandbox;
use crate::failure::Failure;
use crate::output::{Talk, harmless};

pub async fn sandbox(context: &Context<'_>, verb: Sandbox) -> Result<u8, Failure> {
    let (file, lang, input, limit) = match verb {
        Sandbox::Run { file, lang, input, limit } => (file, lang, input, limit),
        Sandbox::Repl { lang, limit, resume } => {
            return repl(context, &lang, &limit, resume.as_deref()).await;
        }
    };
    let language = match lang {
        Some(lang) => lang.parse()?,
        None => Language::of_file(&file).ok_or_else(|| {
            Error::new(Kind::Invalid, format!("`{file}` does not say its language"))
                .with_help("--lang python, or --lang js")
        })?,
    };
    let source = match file.as_str() {
        "-" => text_of(context, "-")?,
        path => text_of(context, &format!("@{path}"))?,
    };
    let mut inputs = vec![InputValue::Port { name: "source".into(), text: source }];
    if let Some(input) = input {
        let value = Value::from_json(&text_of(context, &input)?).map_err(|error| {
            Error::new(Kind::Invalid, "what the program is to see is no JSON")
                .caused_by(&error)
                .with_help("--input '[1, 2]', or --input @file.json")
        })?;
        inputs.push(InputValue::Port { name: "input".into(), text: value.to_json() });
    }
    let limits = bounds(&limit)?;
    let host = context.waiting_host().await?;
    let flow = host.sandbox(language, &limits).await?;
    let running = host.start(&flow, inputs, StartOptions::default()).await?;
    let outcome = running.outcome().await?;
    match outcome {
        Outcome::Succeeded { output } => Ok(shown(context.talk, &output)),
        Outcome::Failed { error, .. } => Err(Error::from(error)
            .with_help(format!("cleargate runs show {}", running.id()))
            .into()),
        Outcome::Cancelled => Err(Error::new(Kind::Interrupted, "somebody stopped it").into()),
    }
}

/// Limits as they are given: `time=200ms`.
pub(super) fn bounds(limit: &[String]) -> Result<Vec<(String, String)>, Error> {
    let limits = limit.iter().map(|limit| match limit.split_once('=') {
        Some((name, value)) => Ok((name.to_owned(), value.to_owned())),
        None => Err(Error::new(Kind::Invalid, format!("`{limit}` is no limit"))
            .with_help("--limit time=200ms")),
    });
    limits.collect()
}

/// What the program printed and gave.
fn shown(talk: &Talk, output: &Value) -> u8 {
    let text = |name: &str| output.get(name).and_then(Value::as_str).unwrap_or_default();
    let ok = output.get("ok") == Some(&Value::Bool(true));
    talk.document(output, || {
        let result = output.get("result").filter(|result| **result != Value::Null);
        let result = result.map(|result| result.to_json()).unwrap_or_default();
        format!("{}{result}", harmless(text("stdout"))).trim_end_matches('\n').to_owned()
    });
    for line in text("stderr").lines() {
        talk.say(&harmless(line));
    }
    told_of(talk, output);
    u8::from(!ok)
}

/// Says what of a report is no result: that something is missing, and what went wrong.
pub(super) fn told_of(talk: &Talk, report: &Value) {
    if report.get("truncated") == Some(&Value::Bool(true)) {
        talk.warn("it printed more than is kept");
    }
    if let Some(error) = report.get("error").filter(|error| **error != Value::Null) {
        let said = |name: &str| error.get(name).and_then(Value::as_str).unwrap_or_default();
        let text = match said("traceback") {
            "" => format!("{}: {}", said("type"), said("message")),
            traceback => traceback.to_owned(),
        };
        talk.warn(harmless(&text).trim_end());
    }
}
