//! A journal folded again and held against itself: what each attempt was given and answered, and whether the outcome
//! that was stored is the one that follows from the rest.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::pointer::{Difference, first_difference};
use crate::address::{Address, RunId};
use crate::error::NodeError;
use crate::event::{Event, Outcome, Record};
use crate::graph::Graph;
use crate::run::{Attempt, Effect, Run};
use crate::value::Value;

/// A host call inside an attempt.
#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    /// Numbers of the calls around it, and its own.
    pub place: Vec<u32>,
    /// What was asked, without payload.
    pub request: String,
    /// Digest of the whole request.
    pub digest: String,
    /// What was answered; absent when the process ended before.
    pub outcome: Option<Result<Value, NodeError>>,
}

/// An attempt as the journal has it.
#[derive(Clone, Debug)]
pub struct Recorded {
    /// Position of its answer.
    pub seq: u64,
    /// When it was begun, in milliseconds since 1970-01-01T00:00:00Z: the record that led to it.
    pub begun_at: i64,
    /// What was performed, with its input.
    pub attempt: Attempt,
    /// Its host calls, by their place.
    pub calls: Vec<Call>,
    /// What it answered.
    pub answer: Result<Value, NodeError>,
    /// Whether it was told to stop before it answered.
    pub stopped: bool,
    /// The run that performed it: another one when the record was taken over from there.
    pub run: RunId,
    /// Whether somebody gave the answer instead of the node.
    pub set: bool,
    /// Whether its answer was known before: an asset that was not made.
    pub known: bool,
}

/// What a journal gives when it is folded again.
#[derive(Clone, Debug, Default)]
pub struct Refolded {
    /// Records that were folded.
    pub records: u64,
    /// What was computed on the way: branches, skips, lists, settled nodes.
    pub decisions: u64,
    /// SHA-256 over all that was computed, in order, as hex: two folds of one journal have the same.
    pub digest: String,
    /// Attempts that have answered, in the order of their answers.
    pub attempts: Vec<Recorded>,
    /// How the run ended, when it has.
    pub outcome: Option<Outcome>,
}

/// The first place where a journal does not say what follows from it.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Misfit {
    /// A record cannot be where it is.
    #[error("record {seq} cannot be: {why}")]
    Record {
        /// Which.
        seq: u64,
        /// Why.
        why: String,
    },
    /// Another outcome follows than the one that was stored.
    #[error("record {seq} stores another outcome than the one that follows, at `{}`", .difference.pointer)]
    Outcome {
        /// The last record.
        seq: u64,
        /// Where: stored on the left, computed on the right.
        difference: Box<Difference>,
    },
}

/// Folds a journal again from its first record.
///
/// # Errors
/// The first place where it does not say what follows from it.
pub fn refold(graph: &Arc<Graph>, id: &RunId, records: &[Record]) -> Result<Refolded, Misfit> {
    let mut fold = Fold {
        run: Run::new(graph.clone(), id),
        digest: Sha256::new(),
        asked: HashMap::new(),
        calls: HashMap::new(),
        stopped: HashSet::new(),
        known: HashSet::new(),
        due: None,
        done: Refolded::default(),
    };
    for record in records {
        fold.record(record)?;
    }
    fold.done.digest = hex::encode(fold.digest.finalize());
    name_runs(&mut fold.done.attempts, id, records);
    Ok(fold.done)
}

struct Fold {
    run: Run,
    digest: Sha256,
    /// Attempts that have not answered, and when they were asked for.
    asked: HashMap<Address, (Attempt, i64)>,
    calls: HashMap<Address, BTreeMap<Vec<u32>, Call>>,
    stopped: HashSet<Address>,
    /// Attempts whose answer was known.
    known: HashSet<Address>,
    /// The outcome that follows.
    due: Option<Outcome>,
    done: Refolded,
}

impl Fold {
    fn record(&mut self, record: &Record) -> Result<(), Misfit> {
        let (seq, event) = (record.seq, &record.event);
        if let Event::RunFinished { outcome } = event {
            self.hold(seq, outcome)?;
        }
        self.remember(event);
        if let Some((address, attempt, answer)) = answer_of(event)
            && self.asked.get(address).is_some_and(|(asked, _)| asked.attempt == attempt)
        {
            self.answered(seq, address, answer);
        }
        let step = self.run.apply(event);
        let step = step.map_err(|error| Misfit::Record { seq, why: error.0 })?;
        self.done.records += 1;
        self.done.decisions += step.derived.len() as u64;
        for derived in &step.derived {
            self.digest.update(format!("{derived:?}\n"));
        }
        for effect in step.effects {
            self.digest.update(format!("{}\n", told(&effect)));
            self.follow(effect, record.at);
        }
        Ok(())
    }

    fn follow(&mut self, effect: Effect, at: i64) {
        match effect {
            Effect::Perform(attempt) => {
                let entry = self.asked.entry(attempt.address.clone());
                let entry = entry.or_insert_with(|| (attempt.clone(), at));
                entry.0 = attempt;
            }
            Effect::Cancel { address } => drop(self.stopped.insert(address)),
            Effect::Finish(outcome) => self.due = Some(outcome),
            _ => {}
        }
    }

    /// Holds the outcome that was stored against the one that follows, byte for byte.
    fn hold(&mut self, seq: u64, stored: &Outcome) -> Result<(), Misfit> {
        if let Some(due) = &self.due
            && let Some(difference) = first_difference(&as_value(stored), &as_value(due))
        {
            return Err(Misfit::Outcome { seq, difference: difference.into() });
        }
        self.done.outcome = Some(stored.clone());
        Ok(())
    }

    fn remember(&mut self, event: &Event) {
        match event {
            Event::CallStarted { address, within, call, request, digest, .. } => {
                let place: Vec<u32> = within.iter().copied().chain([*call]).collect();
                let (request, digest) = (request.clone(), digest.clone());
                let call = Call { place: place.clone(), request, digest, outcome: None };
                self.calls.entry(address.clone()).or_default().insert(place, call);
            }
            Event::CallFinished { address, within, call, request, digest, outcome, .. } => {
                let place: Vec<u32> = within.iter().copied().chain([*call]).collect();
                let calls = self.calls.entry(address.clone()).or_default();
                let intent = calls.remove(&place).map(|call| call.request);
                let request = request.clone().or(intent).unwrap_or_default();
                let (digest, outcome) = (digest.clone(), Some(outcome.clone()));
                calls.insert(place.clone(), Call { place, request, digest, outcome });
            }
            Event::AssetChecked { address, from: Some(_), .. } => {
                self.known.insert(address.clone());
            }
            _ => {}
        }
    }

    fn answered(&mut self, seq: u64, address: &Address, answer: Result<&Value, &NodeError>) {
        let (attempt, begun_at) = self.asked.remove(address).expect("it was just seen");
        let calls = self.calls.remove(address).unwrap_or_default().into_values().collect();
        let stopped = self.stopped.remove(address);
        let answer = answer.cloned().map_err(Clone::clone);
        // Who performed it is told by records behind it.
        let run = "unknown".parse().expect("letters");
        let (set, known) = (false, self.known.remove(address));
        let recorded = Recorded { seq, begun_at, attempt, calls, answer, stopped, run, set, known };
        self.done.attempts.push(recorded);
    }
}

fn answer_of(event: &Event) -> Option<(&Address, u32, Result<&Value, &NodeError>)> {
    match event {
        Event::AttemptSucceeded { address, attempt, output, .. } => {
            Some((address, *attempt, Ok(output)))
        }
        Event::AttemptFailed { address, attempt, error, .. } => {
            Some((address, *attempt, Err(error)))
        }
        _ => None,
    }
}

/// What was taken over from another run was performed by that one: a `Forked` speaks of the records before it, back to
/// the `Forked` before that.
fn name_runs(attempts: &mut [Recorded], id: &RunId, records: &[Record]) {
    let mut left = attempts.iter_mut().peekable();
    for record in records {
        let Event::Forked { from, set, .. } = &record.event else { continue };
        while let Some(recorded) = left.next_if(|recorded| recorded.seq < record.seq) {
            recorded.run = from.clone();
            recorded.set = set.contains(&recorded.attempt.address);
        }
    }
    left.for_each(|recorded| recorded.run = id.clone());
}

/// An outcome as data.
pub(super) fn as_value(outcome: &Outcome) -> Value {
    let status = ("status", Value::from(outcome.status()));
    match outcome {
        Outcome::Succeeded { output } => Value::record([status, ("output", output.clone())]),
        Outcome::Failed { address, error } => {
            let address = address.as_ref().map_or(Value::Null, |at| at.to_string().into());
            Value::record([status, ("address", address), ("error", of_error(error))])
        }
        Outcome::Cancelled => Value::record([status]),
    }
}

/// An error as data.
pub(super) fn of_error(error: &NodeError) -> Value {
    let help = error.help.as_deref().map_or(Value::Null, Value::from);
    Value::record([
        ("code", Value::from(error.code.as_str())),
        ("message", error.message.as_str().into()),
        ("detail", error.detail.clone()),
        ("help", help),
    ])
}

/// An effect in a line that says all of it.
fn told(effect: &Effect) -> String {
    match effect {
        Effect::Perform(attempt) => {
            format!("perform {} {} {}", attempt.address, attempt.attempt, attempt.input.to_json())
        }
        Effect::Wait { address, attempt, after_ms } => {
            format!("wait {address} {attempt} {after_ms}")
        }
        Effect::Deadline { address, after_ms, .. } => format!("deadline {address} {after_ms}"),
        Effect::Idle { address, after_ms } => format!("idle {address} {after_ms}"),
        Effect::Rest(rest) => format!("rest {rest:?}"),
        Effect::Ended { address } => format!("ended {address}"),
        Effect::Emit { address, to, event, payload } => {
            format!("emit {address} {to} {event} {}", payload.to_json())
        }
        Effect::Draw { address, below } => format!("draw {address} {below}"),
        Effect::Cancel { address } => format!("cancel {address}"),
        Effect::Finish(outcome) => {
            format!("finish {}", serde_json::to_string(outcome).expect("an outcome is JSON"))
        }
    }
}
