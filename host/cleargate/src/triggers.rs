//! A flow that listens: its triggers are asked, each event starts a run, and whoever sent the event gets the output.
//!
//! What to do when is in [`inbox`]; here it is done. The place of a trigger is kept under the flow's name and its own, so
//! it goes on there whatever became of the process, and of the plugin's version. A question to a trigger is outside of
//! any run: it passes the gate with the plugin's grants, and no journal has it. What it brought is the input of a run.

mod inbox;

use std::time::Duration;

use cleargate_executor::{Clock, Failure, StartError};
use cleargate_flow::check::canary_of_trigger;
use cleargate_flow::error::{ErrorCode, NodeError};
use cleargate_flow::graph::Trigger;
use cleargate_flow::signature::PluginKind;
use cleargate_flow::{Outcome, RunId, Value};
use cleargate_runtime::node as performed;
use cleargate_store::KvSpace;
use futures::future::{BoxFuture, FutureExt, pending, try_join_all};
use futures::stream::{FuturesUnordered, StreamExt};

use self::inbox::{Batch, Event, Inbox, Kept, Next};
use crate::canary::takes;
use crate::error::{Error, Kind, Result};
use crate::flows::Flow;
use crate::host::{Host, complete, start_error};
use crate::running::Running;
use crate::runs::store_error;
use crate::uses::Used;

/// Whose values the places of triggers are: no run works for it, so no plugin reaches them.
const TENANT: &str = "cleargate";
const STORE: &str = "triggers";

/// How often an answer is given to a trigger that fails.
const REPLIES: u32 = 5;

/// Milliseconds before an answer is given again, and before somebody looks whether a run is free; doubled each time
/// for answers.
const PAUSE: u64 = 500;

/// How to listen.
#[derive(Clone, Copy, Debug, Default)]
pub struct ListenOptions {
    /// End when nothing is new and every run has ended. A trigger that fails ends it with that error.
    pub once: bool,
}

/// Something that happened while a flow listens.
#[derive(Clone, Debug)]
pub enum Heard {
    /// A run was started for an event, or is the one that was started for it before.
    Started {
        /// Name of the trigger in the flow.
        trigger: String,
        /// Id of the event.
        event: String,
        /// Its run.
        run: RunId,
    },
    /// No run can be started for an event, or its run cannot go on. The next one is taken.
    Refused {
        /// Name of the trigger in the flow.
        trigger: String,
        /// Id of the event.
        event: String,
        /// Why.
        error: Error,
    },
    /// The run of an event has ended.
    Ended {
        /// Name of the trigger in the flow.
        trigger: String,
        /// Id of the event.
        event: String,
        /// Its run.
        run: RunId,
        /// How.
        outcome: Outcome,
    },
    /// The trigger did not take the output of a run.
    Unanswered {
        /// Name of the trigger in the flow.
        trigger: String,
        /// Id of the event.
        event: String,
        /// Why.
        error: NodeError,
    },
    /// The trigger cannot be asked at the moment.
    Failing {
        /// Name of the trigger in the flow.
        trigger: String,
        /// Why.
        error: NodeError,
        /// When it is asked again.
        again_in: Duration,
    },
}

impl Host {
    /// Asks the triggers of a flow for events, starts one run for each, and gives outputs back, until the future is
    /// dropped. Nothing is lost or done twice when it is, or when the process ends: listening again goes on. One answer
    /// may then be given a second time, with the same id.
    ///
    /// # Errors
    /// The flow has no triggers; a trigger lacks a grant or refuses its configuration; another process listens to the
    /// same trigger ([`Kind::Waiting`]); the journal cannot be written.
    pub async fn listen(
        &self,
        flow: &Flow,
        options: ListenOptions,
        heard: &(dyn Fn(Heard) + Sync),
    ) -> Result<()> {
        if flow.graph.triggers.is_empty() {
            let message = format!("`{}` has no triggers to listen to", flow.id());
            let help = "triggers: { inbox: { use: alias } }, with the alias of a trigger";
            return Err(Error::new(Kind::Invalid, message).with_help(help));
        }
        let listeners = flow.graph.triggers.iter().map(|(name, trigger)| async move {
            let used = flow.catalog.peers.used(&trigger.part.alias);
            let used = used.expect("a checked flow names its triggers in `use:`");
            let once = options.once;
            Listener { host: self, flow, name, trigger, used, once, heard }.listen().await
        });
        try_join_all(listeners).await.map(drop)
    }
}

/// One trigger of a flow.
struct Listener<'a> {
    host: &'a Host,
    flow: &'a Flow,
    name: &'a str,
    trigger: &'a Trigger,
    used: &'a Used,
    once: bool,
    heard: &'a (dyn Fn(Heard) + Sync),
}

/// What is under way.
enum Done {
    Asked(std::result::Result<Batch, NodeError>),
    /// The run of an event has ended and was answered.
    Ended(String),
}

/// An event with its run.
struct Started {
    event: String,
    run: RunId,
    running: Option<Running>,
}

impl Listener<'_> {
    async fn listen(&self) -> Result<()> {
        let mut stored = self.read().await?;
        let kept = stored.as_deref().map(|bytes| self.parsed(bytes)).transpose()?;
        let mut inbox = Inbox::new(kept.unwrap_or_default(), self.trigger.every, self.now());
        let mut work: FuturesUnordered<BoxFuture<'_, Result<Done>>> = FuturesUnordered::new();
        for (event, run) in &inbox.kept().open {
            let run = run.parse().map_err(|_| self.damaged())?;
            let before = Started { event: event.clone(), run, running: None };
            work.push(self.finish(before).boxed());
        }
        let mut asking = false;
        loop {
            let enough = asking || (self.once && inbox.is_quiet());
            if let (false, Next::Ask { at, cursor, limit }) = (enough, inbox.next()) {
                work.push(self.ask(at, cursor, limit).map(|asked| Ok(Done::Asked(asked))).boxed());
                asking = true;
            }
            let Some(done) = work.next().await else { return Ok(()) };
            let mut begun = Vec::new();
            match done? {
                Done::Ended(event) => inbox.answered(&event),
                Done::Asked(answer) => {
                    asking = false;
                    match answer {
                        Err(error) => self.failing(&mut inbox, error)?,
                        Ok(batch) => {
                            begun = self.begin(&batch).await?;
                            let runs = begun.iter().map(|s| (s.event.clone(), s.run.to_string()));
                            inbox.took(self.now(), batch, runs);
                        }
                    }
                }
            }
            self.keep(&inbox, &mut stored).await?;
            work.extend(begun.into_iter().map(|started| self.finish(started).boxed()));
        }
    }

    /// Asks the trigger, at its time.
    async fn ask(
        &self,
        at: i64,
        cursor: Option<String>,
        limit: usize,
    ) -> std::result::Result<Batch, NodeError> {
        let wait = u64::try_from(at.saturating_sub(self.now())).unwrap_or_default();
        if wait > 0 {
            self.host.clock().sleep(wait).await;
        }
        let arguments = [
            ("cursor", cursor.map_or(Value::Null, Value::from)),
            ("limit", Value::from(i64::try_from(limit).unwrap_or(i64::MAX))),
        ];
        let answer = self.call("poll", arguments, None).await?;
        Batch::read(&answer, limit)
    }

    /// Calls a function of the trigger with its configuration.
    async fn call<const N: usize>(
        &self,
        function: &str,
        arguments: [(&str, Value); N],
        about: Option<(&str, &RunId)>,
    ) -> std::result::Result<Value, NodeError> {
        let scope = self.flow.catalog.peers.scope(self.used);
        let mut context = self.host.executor.outside(&scope, Value::Null);
        if let Some((event, run)) = about {
            // The same each time that the answer to this event is given.
            context.key = self.key(event);
            context.run = run.clone();
        }
        let config = [("config", self.trigger.part.config.clone())];
        let arguments = Value::record(arguments.into_iter().chain(config));
        let part = performed::part(&self.used.plugin, PluginKind::Trigger);
        let done = part.ask(context, function, arguments).await;
        done.map(|output| output.value).map_err(|Failure { error, .. }| error)
    }

    /// A run for each event.
    async fn begin(&self, batch: &Batch) -> Result<Vec<Started>> {
        let mut begun = Vec::new();
        for event in &batch.events {
            begun.extend(self.begin_one(event).await?);
        }
        Ok(begun)
    }

    /// The run of an event: a new one, or the one that was started for it before.
    async fn begin_one(&self, event: &Event) -> Result<Option<Started>> {
        let flow = self.arm(&event.id);
        let input = match complete(&flow.graph, event.input.clone()) {
            Ok(input) => input,
            Err(error) => return Ok(self.refused(&event.id, error)),
        };
        let (run, running) = loop {
            let key = Some(self.key(&event.id));
            match self.host.begin(flow, input.clone(), key).await? {
                Ok(handle) => break (handle.id().clone(), Some(Running::new(handle))),
                // It was begun by a process that may be gone, by another version of the flow, or its event has
                // changed since: one run for each id.
                Err(
                    StartError::Held { run, .. }
                    | StartError::OtherVersion { run, .. }
                    | StartError::OtherInput { run, .. },
                ) => break (run, None),
                Err(StartError::TooManyRuns(_)) => self.host.clock().sleep(PAUSE).await,
                Err(error @ StartError::Input(_)) => {
                    return Ok(self.refused(&event.id, start_error(error)));
                }
                Err(error) => return Err(start_error(error)),
            }
        };
        let (trigger, id) = (self.name.to_owned(), event.id.clone());
        (self.heard)(Heard::Started { trigger, event: id.clone(), run: run.clone() });
        Ok(Some(Started { event: id, run, running }))
    }

    fn refused(&self, event: &str, error: Error) -> Option<Started> {
        let (trigger, event) = (self.name.to_owned(), event.to_owned());
        (self.heard)(Heard::Refused { trigger, event, error });
        None
    }

    /// Waits for the end of a run and gives its output back.
    async fn finish(&self, Started { event, run, mut running }: Started) -> Result<Done> {
        let outcome = loop {
            let here = match running.take() {
                Some(running) => Ok(running),
                None => self.host.resume(&run).await,
            };
            let ended = match here {
                Ok(running) => running.outcome().await,
                Err(error) => match error.kind {
                    Kind::Waiting | Kind::Interrupted => Err(error),
                    _ => {
                        self.refused(&event, error);
                        return Ok(Done::Ended(event));
                    }
                },
            };
            match ended {
                Ok(outcome) => break outcome,
                Err(error) if error.kind == Kind::Waiting => self.host.clock().sleep(PAUSE).await,
                // The process stops: whoever listens next goes on.
                Err(error) if error.kind == Kind::Interrupted => pending().await,
                Err(error) => return Err(error),
            }
        };
        let output = match &outcome {
            Outcome::Succeeded { output } => Some(output.clone()),
            _ => None,
        };
        let trigger = self.name.to_owned();
        (self.heard)(Heard::Ended { trigger, event: event.clone(), run: run.clone(), outcome });
        if let Some(output) = output {
            self.reply(&event, &run, output).await;
        }
        Ok(Done::Ended(event))
    }

    async fn reply(&self, event: &str, run: &RunId, output: Value) {
        let mut tries = 0;
        loop {
            let arguments = [("id", Value::from(event)), ("output", output.clone())];
            let Err(error) = self.call("reply", arguments, Some((event, run))).await else {
                return;
            };
            tries += 1;
            if !mended_by_time(&error) || tries == REPLIES {
                let (trigger, event) = (self.name.to_owned(), event.to_owned());
                (self.heard)(Heard::Unanswered { trigger, event, error });
                return;
            }
            self.host.clock().sleep(PAUSE << tries).await;
        }
    }

    /// A question failed: it is asked again later, when that can help.
    fn failing(&self, inbox: &mut Inbox, error: NodeError) -> Result<()> {
        if self.once || matches!(error.code, ErrorCode::Denied | ErrorCode::InvalidInput) {
            return Err(self.hopeless(error));
        }
        let again_in = Duration::from_millis(inbox.failed(self.now()));
        (self.heard)(Heard::Failing { trigger: self.name.to_owned(), error, again_in });
        Ok(())
    }

    fn hopeless(&self, error: NodeError) -> Error {
        let kind = match error.code {
            ErrorCode::Denied => Kind::Denied,
            ErrorCode::InvalidInput => Kind::Invalid,
            ErrorCode::Limit | ErrorCode::Timeout => Kind::Limit,
            _ => Kind::Failed,
        };
        // A denial that went through a plugin has the line that would grant it in its detail.
        let told = || Some(error.detail.get("help")?.as_str()?.to_owned());
        let help = error.help.clone().or_else(told);
        let message = format!("the trigger `{}` of `{}` failed", self.name, self.flow.id());
        let out = Error::new(kind, message).caused_by(&error);
        match help {
            Some(help) => out.with_help(help),
            None => out,
        }
    }

    /// The version that an event starts: the same one however often it is given.
    fn arm(&self, event: &str) -> &Flow {
        let Some(canary) = &self.trigger.canary else { return self.flow };
        let flow = self.flow.catalog.flows.get(&canary_of_trigger(self.name));
        flow.filter(|_| takes(canary.weight, &[self.name, event])).unwrap_or(self.flow)
    }

    fn key(&self, event: &str) -> String {
        format!("trigger {} {event}", self.name)
    }

    fn now(&self) -> i64 {
        self.host.clock().now()
    }

    fn place(&self) -> String {
        format!("{}/{}", self.flow.id(), self.name)
    }

    async fn read(&self) -> Result<Option<Vec<u8>>> {
        let space = KvSpace::new(TENANT, STORE);
        self.host.store().kv_get(space, &self.place()).await.map_err(store_error)
    }

    fn parsed(&self, bytes: &[u8]) -> Result<Kept> {
        serde_json::from_slice(bytes).map_err(|cause| self.damaged().caused_by(&cause))
    }

    fn damaged(&self) -> Error {
        Error::new(Kind::Store, format!("the place of the trigger `{}` cannot be read", self.name))
    }

    /// Keeps what changed, where nobody else has.
    async fn keep(&self, inbox: &Inbox, stored: &mut Option<Vec<u8>>) -> Result<()> {
        let bytes = serde_json::to_vec(inbox.kept()).expect("texts are JSON");
        if stored.as_ref() == Some(&bytes) {
            return Ok(());
        }
        let (space, place) = (KvSpace::new(TENANT, STORE), self.place());
        let kept = self.host.store().kv_swap(space, &place, stored.as_deref(), bytes.clone());
        if !kept.await.map_err(store_error)? {
            let message =
                format!("another process listens to `{}` of `{}`", self.name, self.flow.id());
            return Err(Error::new(Kind::Waiting, message));
        }
        *stored = Some(bytes);
        Ok(())
    }
}

/// Whether the same call may succeed later.
fn mended_by_time(error: &NodeError) -> bool {
    matches!(error.code, ErrorCode::Transient | ErrorCode::Timeout)
}
