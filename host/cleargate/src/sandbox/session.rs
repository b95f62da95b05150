//! A session: programs given one at a time, each of which finds what those before it left.
//!
//! It is a run that waits for the next program. So it costs nothing while nobody asks, another process can go on with it, and
//! it can be forked, replayed and looked at as any other run.

use std::time::Duration;

use cleargate_flow::event::{Event, Record};
use cleargate_flow::{Address, RunId, Value};

use super::{Language, limits_text};
use crate::error::{Error, Kind, Result};
use crate::host::{Host, StartOptions};
use crate::running::Running;
use crate::source::FlowSource;
use crate::uses::Locking;
use crate::waits::TellOptions;

/// Programs of one session: each adds to what is executed again when a process goes on with it.
const MAX_PROGRAMS: u32 = 1_000;

/// How long a session waits for its next program before it ends.
const PATIENCE: &str = "30d";

/// How often the journal is looked at while a program runs.
const LOOK: Duration = Duration::from_millis(2);

/// The flow of a session, and the ends of the addresses of its steps in it.
const CELL: &str = "cell";
const PROGRAM: &str = ".program";

/// Programs that are executed one after the other, in one state.
pub struct Session<'h> {
    host: &'h Host,
    run: Running,
    /// How far the journal was read.
    seen: u64,
}

/// What a program printed while it ran.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Printed {
    /// Whether it went to stderr.
    pub error: bool,
    /// The text, without its last line break.
    pub text: String,
}

impl Host {
    /// Begins a session of a language; each program in it has `limits`, as [`Host::sandbox`] takes them.
    ///
    /// # Errors
    /// As of [`Host::sandbox`], and those of starting a run.
    pub async fn open_session(
        &self,
        language: Language,
        limits: &[(String, String)],
    ) -> Result<Session<'_>> {
        let name = format!("sandbox_session_{language}");
        let text = flow(language, &limits_text(limits)?);
        let flow = self.load_source(FlowSource::made(&name, text), Locking::Write).await?;
        let run = self.start(&flow, Vec::new(), StartOptions::default()).await?;
        Ok(Session { host: self, run, seen: 0 })
    }

    /// Goes on with a session, after the process that had it ended for example.
    ///
    /// # Errors
    /// As of [`Host::resume`]; the run is no session, or has ended.
    pub async fn session(&self, run: &RunId) -> Result<Session<'_>> {
        let flow = self.flow_of(run).await?;
        if !flow.id().starts_with("sandbox_session_") {
            let why = format!("run {run} is one of `{}`, and no session", flow.id());
            return Err(Error::new(Kind::Invalid, why).with_help("cleargate sandbox repl"));
        }
        let records = self.events(run).await?;
        if let Some(Event::RunFinished { .. }) = records.last().map(|last| &last.event) {
            let why = format!("the session {run} has ended");
            return Err(Error::new(Kind::Invalid, why).with_help("cleargate sandbox repl"));
        }
        let seen = records.len() as u64;
        let run = self.resume(run).await?;
        Ok(Session { host: self, run, seen })
    }
}

impl Session<'_> {
    /// The run that it is.
    pub fn id(&self) -> &RunId {
        self.run.id()
    }

    /// Executes a program and gives the report of it: `ok`, `result`, `stdout`, `stderr`, `truncated`, `error`, `files`.
    /// `told` hears what is printed as soon as the journal has it.
    ///
    /// A program that a limit ended has a report too, whose `error` says which; the session is then as it was before it.
    ///
    /// # Errors
    /// The session has ended, or the journal cannot be written.
    pub async fn execute(&mut self, source: &str, mut told: impl FnMut(Printed)) -> Result<Value> {
        self.tell(source, false).await?;
        loop {
            let records = self.host.events_from(self.id(), self.seen).await?;
            self.seen += records.len() as u64;
            if let Some(report) = records.iter().find_map(|record| heard(record, &mut told)) {
                return Ok(report);
            }
            if let Some(Event::RunFinished { outcome }) = records.last().map(|last| &last.event) {
                let why = format!("the session ended: {outcome:?}");
                return Err(Error::new(Kind::Invalid, why));
            }
            if records.is_empty() {
                tokio::time::sleep(LOOK).await;
            }
        }
    }

    /// Ends the session: it cannot be gone on with.
    ///
    /// # Errors
    /// The journal cannot be written.
    pub async fn end(mut self) -> Result<()> {
        self.tell("", true).await?;
        self.run.outcome().await.map(drop)
    }

    async fn tell(&mut self, source: &str, end: bool) -> Result<()> {
        let payload = Value::record([("source", source.into()), ("end", Value::Bool(end))]);
        let by = TellOptions { by: "session".into(), id: None };
        self.host.signal(self.run.id(), CELL, payload, by).await?;
        if self.run.has_ended() {
            // It did nothing but wait, and was given back.
            self.run = self.host.resume(&self.run.id().clone()).await?;
        }
        Ok(())
    }
}

/// The report, when a record is the answer of a program; what is printed is told.
fn heard(record: &Record, told: &mut impl FnMut(Printed)) -> Option<Value> {
    let is_program = |address: &Address| address.to_string().ends_with(PROGRAM);
    match &record.event {
        Event::Logged { address, level, message } if is_program(address) => {
            told(Printed { error: level == "warn", text: message.clone() });
            None
        }
        Event::AttemptSucceeded { address, output, .. } if is_program(address) => {
            Some(output.clone())
        }
        Event::AttemptFailed { address, error, .. } if is_program(address) => {
            let error = Value::record([
                ("type", Value::from(error.code.as_str())),
                ("message", Value::from(error.message.as_str())),
            ]);
            Some(Value::record([("ok", Value::Bool(false)), ("error", error)]))
        }
        _ => None,
    }
}

fn flow(language: Language, limits: &str) -> String {
    format!(
        "cleargate: 1\nflow: sandbox_session_{language}\nevents: {{ {CELL}: {{ source: string, end: bool }} }}\nnodes:\n  \
         session:\n    loop: {{ max: {MAX_PROGRAMS}, until: \"{CELL}.end\" }}\n    do:\n      \
         {CELL}: {{ wait: {{ event: {CELL}, timeout: {PATIENCE} }} }}\n      ran:\n        try:\n          \
         program: {{ type: code, lang: {language}, session: session, source: \"${{{CELL}.source}}\", limits: {{ {limits} }} }}\n        \
         catch: {{ do: {{ no: {{ type: transform, with: {{ ok: false }} }} }}, out: \"${{no.ok}}\" }}\n        \
         out: \"${{program.ok}}\"\n    out: \"${{ran}}\"\noutput: {{ ok: \"${{session}}\" }}\n"
    )
}
