//! Replay: a stored run folded again and held against itself, and with its nodes performed again in a world that holds
//! only what was recorded.

use std::collections::BTreeMap;

use cleargate_executor::{CallMismatch, Reenacted, child_id, step_key};
use cleargate_flow::history::{Misfit, Recorded, Refolded, first_difference, refold};
use cleargate_flow::{ErrorCode, Event, NodeError, Outcome, Record, RunId, Value};
use futures::future::BoxFuture;
use futures::{FutureExt, StreamExt, stream};
use serde::Serialize;

use crate::error::{Error, Kind, Result};
use crate::flows::Flow;
use crate::host::Host;
use crate::runs::store_error;

/// Divergences that are told; a replay that differs in more places is another flow.
const MAX_TOLD: usize = 100;

/// Attempts that are performed again at the same time: what one replay may take of the process.
const TOGETHER: usize = 4;

/// Journals by their runs.
pub type Journals = BTreeMap<RunId, Vec<Record>>;

/// How a run is replayed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReplayOptions {
    /// Whether nodes are performed again, with each host call answered from the record.
    pub execute: bool,
}

/// What a replay found.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Replay {
    /// The run.
    pub run: String,
    /// Its flow.
    pub flow: String,
    /// The version that it is pinned to.
    pub hash: String,
    /// Records that were folded, of sub-flows too.
    pub records: u64,
    /// Branches, skips, lists and settled nodes that were computed again.
    pub decisions: u64,
    /// SHA-256 over all that was computed for the run itself, in order: two replays have the same.
    pub digest: String,
    /// Attempts with an answer in the journal.
    pub attempts: u64,
    /// Attempts that were performed again.
    pub executed: u64,
    /// Attempts that were not, by why.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub not_executed: BTreeMap<&'static str, u64>,
    /// Runs inside it that were replayed with it.
    pub sub_flows: u64,
    /// How the run ended, when it has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outcome: Option<Outcome>,
    /// Where something else came of it, the first ones.
    pub divergences: Vec<Divergence>,
}

/// A place where a replay is not what was recorded.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Divergence {
    /// The run, which may be a sub-flow.
    pub run: String,
    /// Position in its journal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seq: Option<u64>,
    /// Which node.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// Which attempt.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attempt: Option<u32>,
    /// Which host call: numbers of the calls around it, and its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub call: Option<Vec<u32>>,
    /// JSON pointer to the first part that differs; empty for the whole.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pointer: Option<String>,
    /// What was recorded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expected: Option<Value>,
    /// What came now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub got: Option<Value>,
    /// What it is, in a sentence.
    pub what: String,
}

impl Replay {
    /// Whether everything was as recorded.
    pub fn is_same(&self) -> bool {
        self.divergences.is_empty()
    }

    /// The error of a replay that is not.
    pub fn error(&self) -> Option<Error> {
        let first = self.divergences.first()?;
        let why = format!("the replay of run {} is not what was recorded", self.run);
        let mut error = Error::new(Kind::Failed, why);
        error.causes.push(first.to_string());
        let more = self.divergences.len() - 1;
        if more > 0 {
            error.causes.push(format!("and {more} more"));
        }
        Some(error.with_help(format!("cleargate runs events {}", first.run)))
    }

    fn tell(&mut self, divergence: Divergence) {
        if self.divergences.len() < MAX_TOLD {
            self.divergences.push(divergence);
        }
    }
}

impl std::fmt::Display for Divergence {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if let Some(address) = &self.address {
            write!(f, "`{address}`")?;
            self.attempt.map_or(Ok(()), |attempt| write!(f, " attempt {attempt}"))?;
            if let Some(call) = &self.call {
                let call: Vec<_> = call.iter().map(ToString::to_string).collect();
                write!(f, " call {}", call.join("."))?;
            }
            f.write_str(": ")?;
        } else if let Some(seq) = self.seq {
            write!(f, "record {seq}: ")?;
        }
        f.write_str(&self.what)?;
        if let Some(pointer) = self.pointer.as_deref().filter(|pointer| !pointer.is_empty()) {
            write!(f, " at {pointer}")?;
        }
        let short = |value: &Option<Value>| value.as_ref().map_or("nothing".into(), brief);
        if self.expected.is_some() || self.got.is_some() {
            write!(f, ": recorded {}, got {}", short(&self.expected), short(&self.got))?;
        }
        Ok(())
    }
}

/// A value on a line.
fn brief(value: &Value) -> String {
    const MOST: usize = 120;
    let text = value.to_json();
    match text.char_indices().nth(MOST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

impl Host {
    /// Replays a run from its journal. Nothing reaches the world.
    ///
    /// # Errors
    /// There is no such run, its flow or plugins are gone, or the store cannot be read. What is not as recorded is in
    /// [`Replay::divergences`].
    pub async fn replay(&self, id: &RunId, options: ReplayOptions) -> Result<Replay> {
        let (row, flow) = (self.row(id).await?, self.flow_of(id).await?);
        let records = self.events(id).await?;
        let mut replay = self.replay_journal(&flow, id, &records, options).await?;
        let stored = row.status.as_str();
        let told = replay.outcome.as_ref().map_or("running", Outcome::status);
        if stored != told {
            let what = format!("the list of runs says {stored}, and its journal {told}");
            replay.tell(Divergence { run: id.to_string(), what, ..Divergence::default() });
        }
        Ok(replay)
    }

    /// Replays a journal that need not be in the store, of a run of this flow.
    ///
    /// # Errors
    /// The store cannot be read, where it holds the sub-flows of the run.
    pub async fn replay_journal(
        &self,
        flow: &Flow,
        id: &RunId,
        records: &[Record],
        options: ReplayOptions,
    ) -> Result<Replay> {
        self.replay_journals(flow, id, records, &Journals::new(), options).await
    }

    /// The same with the journals of the runs inside it, which need not be in the store either.
    ///
    /// # Errors
    /// As [`Host::replay_journal`].
    pub async fn replay_journals(
        &self,
        flow: &Flow,
        id: &RunId,
        records: &[Record],
        inside: &Journals,
        options: ReplayOptions,
    ) -> Result<Replay> {
        let mut replay = Replay {
            run: id.to_string(),
            flow: flow.id().into(),
            hash: flow.hash().to_string(),
            ..Replay::default()
        };
        let folded = self.replay_run(flow, id, records, (inside, options), &mut replay).await?;
        if let Some(folded) = folded {
            (replay.digest, replay.outcome) = (folded.digest, folded.outcome);
        }
        Ok(replay)
    }

    /// Replays one run, and those inside it.
    fn replay_run<'a>(
        &'a self,
        flow: &'a Flow,
        id: &'a RunId,
        records: &'a [Record],
        how: (&'a Journals, ReplayOptions),
        replay: &'a mut Replay,
    ) -> BoxFuture<'a, Result<Option<Refolded>>> {
        async move {
            let mut folded = match refold(&flow.graph, id, records) {
                Ok(folded) => folded,
                Err(misfit) => {
                    replay.tell(of_misfit(id, misfit));
                    return Ok(None);
                }
            };
            replay.records += folded.records;
            replay.decisions += folded.decisions;
            replay.attempts += folded.attempts.len() as u64;
            keys(id, records, replay);
            let attempts = std::mem::take(&mut folded.attempts);
            let (inner, own): (Vec<_>, Vec<_>) = attempts
                .into_iter()
                .partition(|recorded| flow.catalog.flows.contains_key(&recorded.attempt.leaf.uses));
            for recorded in inner {
                self.replay_inner(flow, id, &recorded, how, replay).await?;
            }
            if how.1.execute {
                self.execute(flow, id, own, replay).await;
            }
            Ok(Some(folded))
        }
        .boxed()
    }

    /// Replays the run that an attempt was, and holds what went in and came out against the attempt.
    async fn replay_inner(
        &self,
        flow: &Flow,
        id: &RunId,
        recorded: &Recorded,
        how: (&Journals, ReplayOptions),
        replay: &mut Replay,
    ) -> Result<()> {
        let attempt = &recorded.attempt;
        // What was taken over from another run is replayed with that one, and where the answer was known there is none.
        if recorded.run != *id || recorded.known {
            return Ok(());
        }
        let inner = &flow.catalog.flows[&attempt.leaf.uses];
        let child = child_id(id, &attempt.address, attempt.attempt);
        let known = match how.0.get(&child) {
            Some(records) => Some(records.clone()),
            None if self.store().run(&child).await.map_err(store_error)?.is_none() => None,
            None => Some(self.events(&child).await?),
        };
        let Some(records) = known else {
            if recorded.answer.is_ok() {
                let what = format!("its run {child} is not in the store");
                replay.tell(Divergence { what, ..at(id, recorded) });
            }
            return Ok(());
        };
        replay.sub_flows += 1;
        let folded = self.replay_run(inner, &child, &records, how, replay).await?;
        // Guards stand between the attempt and its run, and may change both.
        let plain = attempt.leaf.guard.is_empty();
        if let (Some(Refolded { outcome: Some(outcome), .. }), true) = (folded, plain)
            && let (Ok(answer), Outcome::Succeeded { output }) = (&recorded.answer, &outcome)
            && let Some(found) = first_difference(answer, output)
        {
            let what = format!("its run {child} gave something else");
            let (pointer, expected, got) = (Some(found.pointer), found.left, found.right);
            replay.tell(Divergence { what, pointer, expected, got, ..at(id, recorded) });
        }
        Ok(())
    }

    /// Performs attempts again, some at a time, and tells what differs in the order of the journal.
    async fn execute(&self, flow: &Flow, id: &RunId, attempts: Vec<Recorded>, replay: &mut Replay) {
        let mut again = Vec::new();
        for recorded in attempts {
            match why_not(&recorded) {
                Some(why) => *replay.not_executed.entry(why).or_default() += 1,
                None => again.push(recorded),
            }
        }
        let done = stream::iter(again).map(|recorded| async move {
            let done = self.executor.reenact(&recorded, &flow.graph, &*flow.catalog).await;
            (recorded, done)
        });
        let mut done = std::pin::pin!(done.buffered(TOGETHER));
        while let Some((recorded, done)) = done.next().await {
            match done {
                Ok(Reenacted::Run) => {}
                Ok(Reenacted::Answered { result, calls }) => {
                    replay.executed += 1;
                    let result = result.map(|output| output.value).map_err(|f| f.error);
                    held(id, &recorded, &result, &calls, replay);
                }
                Err(error) => {
                    let what = format!("it cannot be performed: {error}");
                    replay.tell(Divergence { what, ..at(id, &recorded) });
                }
            }
        }
    }
}

fn at(id: &RunId, recorded: &Recorded) -> Divergence {
    Divergence {
        run: id.to_string(),
        seq: Some(recorded.seq),
        address: Some(recorded.attempt.address.to_string()),
        attempt: Some(recorded.attempt.attempt),
        ..Divergence::default()
    }
}

fn of_misfit(id: &RunId, misfit: Misfit) -> Divergence {
    let run = id.to_string();
    match misfit {
        Misfit::Record { seq, why } => {
            Divergence { run, seq: Some(seq), what: why, ..Divergence::default() }
        }
        Misfit::Outcome { seq, difference } => Divergence {
            run,
            seq: Some(seq),
            pointer: Some(difference.pointer),
            expected: difference.left,
            got: difference.right,
            what: "another outcome follows".into(),
            ..Divergence::default()
        },
    }
}

/// Keys follow from the place of a step. Those of records that were taken over are the other run's.
fn keys(id: &RunId, records: &[Record], replay: &mut Replay) {
    let forked = |record: &Record| matches!(record.event, Event::Forked { .. });
    let own = records.iter().rposition(forked).map_or(0, |at| at + 1);
    for record in &records[own..] {
        let Event::AttemptStarted { address, attempt, key } = &record.event else { continue };
        let due = step_key(id, address);
        if *key != due {
            replay.tell(Divergence {
                run: id.to_string(),
                seq: Some(record.seq),
                address: Some(address.to_string()),
                attempt: Some(*attempt),
                expected: Some(key.as_str().into()),
                got: Some(due.into()),
                what: "another key follows".into(),
                ..Divergence::default()
            });
        }
    }
}

/// Why an attempt is not performed again: its answer was not its own.
fn why_not(recorded: &Recorded) -> Option<&'static str> {
    let code = recorded.answer.as_ref().err().map(|error| error.code);
    match code {
        _ if recorded.set => Some("its value was given by hand"),
        Some(ErrorCode::Timeout) => Some("it was ended by the clock"),
        Some(ErrorCode::Cancelled) => Some("it was stopped"),
        Some(_) if recorded.stopped => Some("it was stopped"),
        Some(ErrorCode::UnknownOutcome) => Some("its outcome was never known"),
        _ => None,
    }
}

/// Holds what came of an attempt against what was recorded: its calls first, which are the cause.
fn held(
    id: &RunId,
    recorded: &Recorded,
    result: &Result<Value, NodeError>,
    calls: &[CallMismatch],
    replay: &mut Replay,
) {
    for call in calls {
        let what = match (&call.recorded, &call.asked) {
            (Some(then), Some(now)) if then == now => format!("`{now}` with another payload"),
            (Some(_), Some(_)) => "another host call".into(),
            (None, _) => "a host call that was not made then".into(),
            (_, None) => "a host call that is not made now".into(),
        };
        let text = |text: &Option<String>| text.as_deref().map(Value::from);
        let same = call.recorded == call.asked;
        let (expected, got) = match same {
            true => (None, None),
            false => (text(&call.recorded), text(&call.asked)),
        };
        let call = Some(call.place.clone());
        replay.tell(Divergence { what, call, expected, got, ..at(id, recorded) });
    }
    let found = match (&recorded.answer, result) {
        (Ok(then), Ok(now)) => first_difference(then, now),
        (then, now) => first_difference(&told(then), &told(now)),
    };
    if let Some(found) = found {
        let what = "another answer".into();
        let (pointer, expected, got) = (Some(found.pointer), found.left, found.right);
        replay.tell(Divergence { what, pointer, expected, got, ..at(id, recorded) });
    }
}

/// An answer as data. What a limit says about itself may change with the build; that it was reached may not.
fn told(answer: &Result<Value, NodeError>) -> Value {
    match answer {
        Ok(value) => Value::record([("value", value.clone())]),
        Err(error) => {
            let code = ("code", Value::from(error.code.as_str()));
            match error.code {
                ErrorCode::Limit => Value::record([code, ("detail", error.detail.clone())]),
                _ => Value::record([code, ("message", error.message.as_str().into())]),
            }
        }
    }
}
