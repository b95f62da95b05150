//! `cleargate plugin dev`: one loop over what can happen meanwhile: a file changes, a build ends, a run ends, a
//! component is taken back, somebody presses Ctrl-C. Each is one line; what a flow gives is data.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use cleargate::{
    Approval, Error, Host, InputValue, InstallOptions, Kind, Outcome, SwapEvent, TestOptions,
};
use cleargate_toolchain::{BuildError, Builder, Built, Progress};
use serde_json::json;
use tokio::sync::broadcast::{Receiver, error::RecvError};
use tokio::sync::mpsc::{Sender, channel};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{Interval, MissedTickBehavior};

use super::test::cases_text;
use crate::args::DevArgs;
use crate::command::Context;
use crate::command::run::stop::Stop;
use crate::command::run::watch::Watch;
use crate::command::run::{GRACE, human_output, inputs};
use crate::failure::Failure;
use crate::output::{escaped, escaped_lines, inset};

/// How long files must stay as they are before a build: editors write more than one, and in pieces.
const SETTLED: Duration = Duration::from_millis(150);

/// Runs of the flow at the same time: beyond, `--every` leaves one out.
const MOST_RUNS: usize = 8;

/// Lines of a build that wait to be shown.
const MOST_TALK: usize = 64;

/// Characters of a digest that are shown: enough to tell builds apart.
const SHORT: usize = "sha256:".len() + 12;

pub(super) async fn dev(context: &Context<'_>, args: &DevArgs) -> Result<u8, Failure> {
    let input = inputs(context, &args.input)?;
    // A flow without its plugin is nothing to begin with, so nothing is read of it before the first good build.
    let host = match &args.flow {
        Some(_) => Some(context.host().await?),
        None => None,
    };
    let mut session = Session {
        context,
        args,
        input,
        folder: context.environment.folder.join(&args.folder),
        good: None,
        begun: false,
        installed: Vec::new(),
        runs: JoinSet::new(),
        approval: if args.grant { Approval::Requested } else { Approval::Nothing },
        host,
    };
    let mut stop = Stop::listen();
    tokio::select! {
        failure = session.watch() => failure,
        () = stop.asked() => {
            session.end(&mut stop).await;
            Err(Error::new(Kind::Interrupted, "interrupted").into())
        }
    }
}

/// One `plugin dev`.
struct Session<'a> {
    context: &'a Context<'a>,
    args: &'a DevArgs,
    host: Option<Host>,
    input: Vec<InputValue>,
    folder: PathBuf,
    /// Digest of the build that the flow has.
    good: Option<String>,
    /// Whether a build was ever good enough for the flow.
    begun: bool,
    /// Builds that were not installed before.
    installed: Vec<String>,
    runs: JoinSet<(String, cleargate::Result<Outcome>)>,
    /// What the next build may be granted.
    approval: Approval,
}

/// What a build gave, with the time that it took.
type Building = JoinHandle<(Duration, Result<Built, String>)>;

impl Session<'_> {
    /// Builds, and builds again after each change. Ends only with an error.
    async fn watch(&mut self) -> Result<u8, Failure> {
        let mut events = self.host.as_ref().map(Host::swap_events);
        let mut every = self.args.every.map(|time| {
            let mut every = tokio::time::interval(time.max(Duration::from_millis(1)));
            every.set_missed_tick_behavior(MissedTickBehavior::Delay);
            every
        });
        let files = Watch::project(&self.folder);
        let mut changed = Box::pin(settled(self.folder.clone(), files));
        let (talk, mut talked) = channel(MOST_TALK);
        let mut building: Option<Building> = Some(self.build(&talk));
        let mut again = false;
        self.say(&format!("building and watching {}; Ctrl-C ends", self.args.folder.display()));
        loop {
            tokio::select! {
                done = ended(&mut building) => {
                    building = None;
                    self.built(done).await;
                    if std::mem::take(&mut again) {
                        building = Some(self.build(&talk));
                    }
                }
                files = &mut changed => {
                    changed = Box::pin(settled(self.folder.clone(), files));
                    match building {
                        Some(_) => again = true,
                        None => building = Some(self.build(&talk)),
                    }
                }
                Some(line) = talked.recv() => self.say(&line),
                event = next(&mut events) => self.tell(event),
                Some(Ok((run, outcome))) = self.runs.join_next() => self.told(&run, outcome),
                () = tick(&mut every), if self.begun => self.run().await,
            }
        }
    }

    /// Builds beside everything else.
    fn build(&self, talk: &Sender<String>) -> Building {
        let talk = talk.clone();
        let config = cleargate_toolchain::Config::new(&self.context.environment.build);
        let folder = self.folder.clone();
        tokio::task::spawn_blocking(move || {
            let begun = Instant::now();
            let mut progress = |step: Progress| {
                // What takes long for the first time; a line too many is none to wait for.
                let line = match step {
                    Progress::Installing(what) => format!("installing {}", escaped(&what)),
                    Progress::Waiting(what) => {
                        format!("waiting for a build of `{}`", escaped(&what))
                    }
                    _ => return,
                };
                let _full = talk.try_send(line);
            };
            let built = Builder::new(config).build(&folder, &mut progress);
            (begun.elapsed(), built.map_err(|error| why(&error)))
        })
    }

    /// A build has ended: its cases, its place in the flow, and one line that says so.
    async fn built(&mut self, (took, built): (Duration, Result<Built, String>)) {
        let built = match built {
            Ok(built) => built,
            Err(why) => return self.refuse("does not build", &why),
        };
        let name = format!("{} {}", built.manifest.plugin.name, built.manifest.plugin.version);
        let took = format!("built in {:.1} s, {} KiB", took.as_secs_f64(), built.size / 1024);
        let cases = match self.cases(&built).await {
            Ok(cases) => cases,
            Err(why) => return self.refuse(&format!("{name} {took}, not right"), &why),
        };
        let said = match self.swap(&built).await {
            Ok(said) => said,
            Err(error) => {
                let why = inset(&lines(&error));
                return self.refuse(&format!("{name} {took}, {cases}, refused"), &why);
            }
        };
        let tick = self.context.talk.paint("✓", "32");
        self.say(&format!("{tick} {name}: {took}, {cases}{said}"));
        if self.good.is_some() && self.args.every.is_none() {
            self.run().await;
        }
    }

    /// How many cases pass, or what those that fail say.
    async fn cases(&self, built: &Built) -> Result<String, String> {
        let config = self.context.config().map_err(|failure| failure.error.to_string())?;
        let options = TestOptions::default();
        let report = cleargate::test_plugin(&config, &self.folder, &built.bytes, &options).await;
        let mut report = report.map_err(|error| lines(&error))?;
        let all = report.cases.len();
        report.cases.retain(|case| !case.passed);
        match report.cases.is_empty() {
            true => Ok(format!("{all} cases pass")),
            false => Err(cases_text(&report.cases, self.context.talk)),
        }
    }

    /// Installs a build and gives it to the flow; says what changed.
    async fn swap(&mut self, built: &Built) -> cleargate::Result<String> {
        let (Some(host), Some(flow)) = (&self.host, &self.args.flow) else {
            return Ok(String::new());
        };
        let digest = built.digest.to_string();
        if self.good.as_ref() == Some(&digest) {
            return Ok(", the same as before".into());
        }
        let plugins = host.plugins();
        let new = plugins.list()?.iter().all(|row| row.digest != digest);
        let options = InstallOptions { approval: self.approval.clone(), dry_run: false };
        let path = built.wasm_path.to_string_lossy();
        plugins.install(&path, &options).map_err(|mut error| {
            if error.kind == Kind::Denied {
                error.help = vec!["end this, and begin it with --grant".into()];
            }
            error
        })?;
        if new {
            self.installed.push(digest.clone());
        }
        self.approval = Approval::Nothing;
        host.swap(&digest, &[flow]).await?;
        self.begun = true;
        let before = self.good.replace(digest.clone());
        let on = before.map_or(0, |before| host.users_of(&before));
        let beside =
            if on == 0 { String::new() } else { format!("; {on} go on with the one before") };
        Ok(format!(", in use as {}{beside}", short(&digest)))
    }

    /// Starts the flow once more.
    async fn run(&mut self) {
        let (Some(host), Some(flow)) = (&self.host, &self.args.flow) else { return };
        if self.runs.len() >= MOST_RUNS {
            return;
        }
        let started = async {
            let flow = host.load(flow, false).await?;
            host.start(&flow, self.input.clone(), Default::default()).await
        };
        match started.await {
            Ok(running) => {
                self.runs.spawn(async move {
                    let outcome = running.outcome().await;
                    (running.id().to_string(), outcome)
                });
            }
            Err(error) => self.say(&format!("the flow cannot run: {}", inset(&lines(&error)))),
        }
    }

    /// A run has ended: what it gave is data, also what it failed with.
    fn told(&self, run: &str, outcome: cleargate::Result<Outcome>) {
        let talk = self.context.talk;
        match outcome {
            Ok(outcome) => {
                if let Outcome::Failed { error, .. } = &outcome {
                    let why = inset(&error.to_string());
                    self.say(&format!("{} run {run} failed: {why}", talk.paint("✗", "31")));
                }
                talk.document(&json!({ "run": run, "outcome": outcome }), || match &outcome {
                    Outcome::Succeeded { output } => human_output(&output.to_serde()),
                    _ => String::new(),
                });
            }
            Err(error) => self.say(&format!("run {run}: {}", inset(&error.to_string()))),
        }
    }

    /// Something happened to a component.
    fn tell(&mut self, event: SwapEvent) {
        match event {
            // The line of the build says so.
            SwapEvent::Swapped(_) => {}
            SwapEvent::RolledBack { from, to, why, .. } => {
                let to_what = to.as_deref().map_or("what the lock of the flow says", short);
                let from = short(&from);
                let why = inset(&why);
                let mark = self.context.talk.paint("↩", "33");
                self.say(&format!("{mark} {from} broke down too often, back to {to_what}: {why}"));
                self.good = to;
            }
            SwapEvent::Drained { digest } => {
                self.say(&format!("the last run on {} has ended", short(&digest)));
            }
        }
    }

    /// Nothing changes: what is good goes on.
    fn refuse(&self, what: &str, why: &str) {
        let goes_on = self.good.as_deref().map(|digest| format!("; {} goes on", short(digest)));
        let cross = self.context.talk.paint("✗", "31");
        self.say(&format!("{cross} {what}{}", goes_on.unwrap_or_default()));
        why.lines().for_each(|line| self.say(&format!("    {line}")));
    }

    /// Runs are parked, and builds that nothing needs any more are removed.
    async fn end(&mut self, stop: &mut Stop) {
        let Some(host) = &self.host else { return };
        if !self.runs.is_empty() {
            self.say("stopping; press Ctrl-C again to stop at once");
        }
        tokio::select! {
            () = host.shutdown(GRACE) => {}
            () = stop.asked() => {}
        }
        // A run that was parked needs its build to be resumed.
        self.runs.abort_all();
        for digest in self.installed.iter().filter(|digest| self.good.as_ref() != Some(*digest)) {
            if host.users_of(digest) == 0 {
                drop(host.plugins().discard(digest));
            }
        }
    }

    fn say(&self, line: &str) {
        self.context.talk.say(line);
    }
}

/// The project as it is after files changed and then stayed as they are.
async fn settled(folder: PathBuf, files: Watch) -> Watch {
    files.changed().await;
    loop {
        let now = Watch::project(&folder);
        if tokio::time::timeout(SETTLED, now.changed()).await.is_err() {
            return now;
        }
    }
}

/// The end of a build; never when there is none.
async fn ended(building: &mut Option<Building>) -> (Duration, Result<Built, String>) {
    match building {
        Some(building) => building
            .await
            .unwrap_or_else(|error| (Duration::ZERO, Err(format!("the build broke off: {error}")))),
        None => std::future::pending().await,
    }
}

async fn next(events: &mut Option<Receiver<SwapEvent>>) -> SwapEvent {
    let Some(events) = events else { return std::future::pending().await };
    loop {
        match events.recv().await {
            Ok(event) => return event,
            Err(RecvError::Lagged(_)) => {}
            Err(RecvError::Closed) => return std::future::pending().await,
        }
    }
}

async fn tick(every: &mut Option<Interval>) {
    match every {
        Some(every) => drop(every.tick().await),
        None => std::future::pending().await,
    }
}

/// What a compiler said, without its colours, or why there was none to ask.
fn why(error: &BuildError) -> String {
    let mut text = escaped_lines(&error.to_string());
    let mut next = std::error::Error::source(error);
    while let Some(cause) = next {
        text.push_str(&format!("\n{}", escaped_lines(&cause.to_string())));
        next = cause.source();
    }
    text
}

/// An error with its causes and what helps, one a line.
fn lines(error: &Error) -> String {
    let help = error.help.iter().map(|help| format!("help: {help}"));
    let all = std::iter::once(error.message.clone()).chain(error.causes.clone()).chain(help);
    all.map(|line| escaped(&line)).collect::<Vec<_>>().join("\n")
}

fn short(digest: &str) -> &str {
    digest.get(..SHORT).unwrap_or(digest)
}
