//! `cleargate run` and `cleargate resume`: start, show progress, print the output, the timeline and where the
//! journal is.

pub(super) mod stop;
pub(super) mod watch;

use std::io::Read;
use std::path::PathBuf;
use std::time::Duration;

use cleargate::{Error, Flow, Host, InputValue, Kind, Outcome, Plan, Running, StartOptions, Value};
use serde_json::json;

use self::stop::Stop;
use self::watch::Watch;
use super::Context;
use crate::args::RunArgs;
use crate::command::runs;
use crate::failure::{Failure, exit_code};
use crate::output::{escaped, escaped_lines, inset};
use crate::progress;

/// Bytes that `-` and `@file` may have: the journal keeps the input.
const MAX_INPUT: u64 = 64 << 20;

/// Nodes in the table after a run: a screen of them. `runs show` has all.
const MOST_NODES: usize = 30;

/// Commands that are shown for a run that waits: a screen of them. `runs show` has all.
const MOST_COMMANDS: usize = 10;

/// How often somebody looks whether another process is done with a run.
const LOOK: Duration = Duration::from_millis(200);

/// How long a first interrupt waits for the run to end in a structured way.
pub(super) const GRACE: Duration = Duration::from_secs(10);

pub async fn run(context: &Context<'_>, args: RunArgs) -> Result<u8, Failure> {
    if args.explain {
        return explain(context, &args).await;
    }
    let host = if args.wait { context.waiting_host().await? } else { context.host().await? };
    if !args.watch {
        return once(context, &host, &args, &mut Watch::default(), &mut None).await;
    }
    let mut watch = Watch::default();
    let mut stop = None;
    loop {
        watch.again(named(context, &host, &args));
        match once(context, &host, &args, &mut watch, &mut stop).await {
            Ok(_) => {}
            Err(failure) if failure.error.kind == Kind::Interrupted => return Err(failure),
            Err(failure) => {
                context.talk.failure(&failure);
            }
        }
        context.talk.say("watching for changes; Ctrl-C ends");
        tokio::select! {
            () = watch.changed() => {}
            () = stop.get_or_insert_with(Stop::listen).asked() => return Ok(0),
        }
    }
}

async fn once(
    context: &Context<'_>,
    host: &Host,
    args: &RunArgs,
    watch: &mut Watch,
    stop: &mut Option<Stop>,
) -> Result<u8, Failure> {
    let input = inputs(context, &args.input)?;
    // Not before: whoever types the input ends it with Ctrl-C at once.
    let stop = stop.get_or_insert_with(Stop::listen);
    let flow = tokio::select! {
        flow = super::check::load(context, host, &args.flow, args.locked) => flow?,
        () = stop.asked() => {
            let why = "interrupted before the run began";
            return Err(Error::new(Kind::Interrupted, why).into());
        }
    };
    watch.add(flow.files());
    let options = StartOptions { key: args.key.clone() };
    let Some(running) = started(context, host, &flow, input, options, stop).await? else {
        let why = "interrupted; the run goes on in its own process";
        return Err(Error::new(Kind::Interrupted, why).into());
    };
    let name = context.talk.paint(flow.id(), "1");
    let version =
        Some(flow.version()).filter(|v| !v.is_empty()).map(|v| format!(" {}", escaped(v)));
    context.talk.say(&format!("{name}{} · run {}", version.unwrap_or_default(), running.id()));
    follow(context, host, running, stop).await
}

/// Starts the run. One with the same key that another process drives is waited for: what it gives is what was asked for.
/// Nothing when somebody interrupted that.
async fn started(
    context: &Context<'_>,
    host: &Host,
    flow: &Flow,
    input: Vec<InputValue>,
    options: StartOptions,
    stop: &mut Stop,
) -> Result<Option<Running>, Failure> {
    let mut told = false;
    loop {
        match host.start(flow, input.clone(), options.clone()).await {
            Err(error) if error.kind == Kind::Waiting && options.key.is_some() => {
                if !told {
                    context.talk.say(&format!("{}; waiting for it", inset(&error.message)));
                }
                told = true;
                tokio::select! {
                    () = tokio::time::sleep(LOOK) => {}
                    () = stop.asked() => return Ok(None),
                }
            }
            decided => return Ok(Some(decided?)),
        }
    }
}

/// Goes on with one run, or with all that are due.
pub async fn resume(
    context: &Context<'_>,
    run: Option<&str>,
    due: bool,
    wait: bool,
) -> Result<u8, Failure> {
    let host = if wait { context.waiting_host().await? } else { context.host().await? };
    let Some(run) = run.filter(|_| !due) else {
        return resume_due(context, &host).await;
    };
    let id = host.find_run(run).await?;
    let running = host.resume(&id).await?;
    context.talk.say(&format!("resuming run {id}"));
    follow(context, &host, running, &mut Stop::listen()).await
}

/// Goes on with every run whose time has come; the exit code is the one of the last that did not end well.
async fn resume_due(context: &Context<'_>, host: &Host) -> Result<u8, Failure> {
    let (mut stop, mut code, mut before) = (Stop::listen(), 0, Vec::new());
    loop {
        let due = host.due().await?;
        // One that is due again at once would keep the others from their end.
        let fresh: Vec<_> = due.into_iter().filter(|run| !before.contains(run)).collect();
        if fresh.is_empty() {
            context.talk.say("no run is due any more");
            return Ok(code);
        }
        for id in fresh {
            context.talk.say(&format!("resuming run {id}"));
            before.push(id.clone());
            let gone_on = match host.resume(&id).await {
                Ok(running) => follow(context, host, running, &mut stop).await,
                Err(error) => Err(error.into()),
            };
            match gone_on {
                Ok(done) => code = if done == 0 { code } else { done },
                Err(failure) if failure.error.kind == Kind::Interrupted => return Err(failure),
                Err(failure) => code = context.talk.failure(&failure),
            }
        }
    }
}

async fn explain(context: &Context<'_>, args: &RunArgs) -> Result<u8, Failure> {
    let host = context.host().await?;
    let flow = super::check::load(context, &host, &args.flow, args.locked).await?;
    let plan = host.plan(&flow);
    let denied = plan.plugins.iter().any(|p| !p.missing.is_empty());
    context.talk.document(&plan, || super::check::plan_text(&plan, context.talk));
    Ok(if denied { exit_code(Kind::Denied) } else { 0 })
}

/// Waits for the end of a run with progress; the first interrupt parks it with time to end, the second at once.
pub(super) async fn follow(
    context: &Context<'_>,
    host: &Host,
    running: Running,
    stop: &mut Stop,
) -> Result<u8, Failure> {
    let shown = progress::show(&running, context.talk);
    let ended = async {
        tokio::select! {
            () = shown_and_ended(shown, &running) => None,
            () = progress::tell_hold_ups(host, context.talk) => None,
            () = progress::tell_waits(host, &running, context.talk) => None,
            () = stop.asked() => Some(()),
        }
    };
    if ended.await.is_some() {
        return interrupted(context, host, &running, stop).await;
    }
    if running.waits() {
        return waits(context, host, &running).await;
    }
    let outcome = running.outcome().await?;
    finish(context, host, &running, outcome).await
}

/// Says what the run waits for, and the commands that answer it.
async fn waits(context: &Context<'_>, host: &Host, running: &Running) -> Result<u8, Failure> {
    let waits = host.waits(running.id()).await?;
    let document = json!({ "run": running.id(), "waits": waits });
    let now = runs::now();
    context.talk.document(&document, || super::tasks::waits_text(&waits, now));
    let why = format!("run {} waits, and costs nothing meanwhile", running.id());
    let mut error = Error::new(Kind::Waiting, why);
    error.help.extend(waits.iter().filter_map(cleargate::WaitView::command).take(MOST_COMMANDS));
    Err(error.with_help(format!("cleargate resume {}", running.id())).into())
}

async fn shown_and_ended(shown: impl Future<Output = ()>, running: &Running) {
    tokio::join!(shown, running.ended());
}

/// A first Ctrl-C: what is being done is stopped and awaited, what is done is kept.
async fn interrupted(
    context: &Context<'_>,
    host: &Host,
    running: &Running,
    stop: &mut Stop,
) -> Result<u8, Failure> {
    context.talk.say("stopping; press Ctrl-C again to stop at once");
    tokio::select! {
        () = host.shutdown(GRACE) => {}
        () = stop.asked() => {}
    }
    let error = Error::new(Kind::Interrupted, format!("run {} was interrupted", running.id()))
        .with_help(format!("cleargate resume {}", running.id()));
    Err(error.into())
}

async fn finish(
    context: &Context<'_>,
    host: &Host,
    running: &Running,
    outcome: Outcome,
) -> Result<u8, Failure> {
    let talk = context.talk;
    let details = host.run_details(running.id()).await?;
    let document = json!({ "run": running.id(), "outcome": outcome, "timeline": details.timeline });
    talk.document(&document, || match &outcome {
        Outcome::Succeeded { output } => human_output(&output.to_serde()),
        _ => String::new(),
    });
    if talk.format == crate::args::Format::Human {
        talk.say(&format!("\n{}", runs::timeline_text(&details.timeline, MOST_NODES, talk)));
        talk.say(&format!(
            "journal: {}   again: cleargate runs show {}",
            host.journal_name(),
            running.id()
        ));
    }
    match outcome {
        Outcome::Succeeded { .. } => Ok(0),
        Outcome::Cancelled => {
            Err(Error::new(Kind::Interrupted, format!("run {} was cancelled", running.id())).into())
        }
        Outcome::Failed { address, error } => {
            let path = address.as_ref().map(|a| a.static_path()).unwrap_or_default();
            let missing = error.detail.get("missing").cloned();
            let place = address.map(|a| format!(" at `{a}`")).unwrap_or_default();
            let mut failure: Error = error.into();
            if let (Some(missing), Kind::Denied) = (missing, failure.kind)
                && let Ok(flow) = host.flow_of(running.id()).await
            {
                failure.help.push(grant_help(context, &host.plan(&flow), &path, &missing));
            }
            failure.message = format!("the flow failed{place}: {}", failure.message);
            if matches!(failure.kind, Kind::Invalid | Kind::Bug | Kind::Interrupted) {
                failure.kind = Kind::Failed;
            }
            Err(failure.with_help(format!("cleargate runs show {}", running.id())).into())
        }
    }
}

/// Where the line that was missing is written, and the command that grants it: a plugin asks in its manifest, a built-in
/// node has none.
fn grant_help(context: &Context<'_>, plan: &Plan, path: &str, missing: &Value) -> String {
    let uses = plan.steps.iter().find(|step| step.path == path).map_or("", |step| &step.uses);
    // A list of texts is the same in JSON and TOML.
    let fields = missing.as_map().into_iter().flatten();
    let allow: Vec<_> = fields.map(|(key, list)| format!("{key} = {}", list.to_json())).collect();
    let alias = uses.split('.').next().unwrap_or_default();
    match plan.plugins.iter().find(|plugin| plugin.alias == alias) {
        Some(plugin) => format!(
            "a plugin asks for it under `[permissions]` of its plugin.toml; then: cleargate plugin install {}@={} --grant",
            plugin.package, plugin.version
        ),
        None => format!(
            "`{uses}` is built in; it and all other built-in nodes may do what {} says:\n\
             [[grant]]\nplugin = \"built-in\"\nversion = \"0\"\ndigest = \"built-in\"\nallow = {{ {} }}",
            context.environment.home.join("grants.toml").display(),
            allow.join(", ")
        ),
    }
}

/// A report for a person: text fields as they are, everything else as JSON.
pub(super) fn human_output(output: &serde_json::Value) -> String {
    let Some(fields) = output.as_object() else { return escaped_lines(&output.to_string()) };
    let mut out = String::new();
    let (long, short): (Vec<_>, Vec<_>) =
        fields.iter().partition(|(_, v)| v.as_str().is_some_and(|text| text.contains('\n')));
    for (_, value) in long {
        out.push_str(&escaped_lines(value.as_str().unwrap_or_default()));
        out.push('\n');
    }
    for (name, value) in short {
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        out.push_str(&format!("{name}: {}\n", escaped_lines(&text)));
    }
    out
}

/// Text as typed, of `@file`, or of standard input.
pub(super) fn text_of(context: &Context<'_>, arg: &str) -> Result<String, Failure> {
    match arg.strip_prefix('@') {
        _ if arg == "-" => {
            Ok(bounded(std::io::stdin().lock()).map_err(|why| unusable("stdin", &why))?)
        }
        Some(path) => read(context, path),
        None => Ok(arg.to_owned()),
    }
}

/// Arguments of `--input`, read.
pub(super) fn inputs(context: &Context<'_>, args: &[String]) -> Result<Vec<InputValue>, Failure> {
    args.iter()
        .map(|arg| {
            if arg == "-" {
                let text = bounded(std::io::stdin().lock());
                let text = text.map_err(|why| unusable("stdin", &why))?;
                return Ok(InputValue::Json(text));
            }
            if let Some(path) = arg.strip_prefix('@') {
                return Ok(InputValue::Json(read(context, path)?));
            }
            let (port, value) = arg.split_once('=').ok_or_else(|| {
                Error::new(Kind::Invalid, format!("`--input {arg}` has no `=`"))
                    .with_help("write port=value, port=@file, @file or -")
            })?;
            let text = match value.strip_prefix('@') {
                Some(path) => read(context, path)?,
                None => value.to_owned(),
            };
            Ok(InputValue::Port { name: port.to_owned(), text })
        })
        .collect()
}

fn read(context: &Context<'_>, path: &str) -> Result<String, Failure> {
    let path = context.environment.folder.join(path);
    let bad = |why: &str| unusable(&format!("the input file {}", path.display()), why);
    let file = std::fs::File::open(&path).map_err(|e| bad(&e.to_string()))?;
    Ok(bounded(file).map_err(|why| bad(&why))?)
}

fn unusable(what: &str, why: &str) -> Error {
    Error::new(Kind::Invalid, format!("{what} cannot be used: {why}"))
}

/// The text of a stream, whose length nobody knows: a pipe and a device have none to ask for.
fn bounded(from: impl Read) -> Result<String, String> {
    let mut bytes = Vec::new();
    from.take(MAX_INPUT + 1).read_to_end(&mut bytes).map_err(|e| e.to_string())?;
    if bytes.len() as u64 > MAX_INPUT {
        return Err(format!("it has more than {} MiB", MAX_INPUT >> 20));
    }
    let text = String::from_utf8(bytes);
    text.map_err(|e| format!("it is no UTF-8 text at byte {}", e.utf8_error().valid_up_to()))
}

/// The files beside the flow and those of `--input`.
fn named(context: &Context<'_>, host: &Host, args: &RunArgs) -> Vec<PathBuf> {
    let folder = &context.environment.folder;
    let path = |arg: &str| {
        let path = arg.strip_prefix('@').or_else(|| Some(arg.split_once("=@")?.1))?;
        Some(folder.join(path))
    };
    let inputs = args.input.iter().filter_map(|arg| path(arg));
    host.files_of(&args.flow).into_iter().chain(inputs).collect()
}
