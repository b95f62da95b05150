//! Fork and restart: a new run that keeps what an old one did, without one place and all that follows from it.

use std::sync::Arc;

use cleargate_executor::{Clock, RunIds, TimeOrdered};
use cleargate_flow::graph::Graph;
use cleargate_flow::history::{Cut, CutError, Kept, cut};
use cleargate_flow::types::validate;
use cleargate_flow::{Address, Event, Outcome, Record, RunId, Value};
use cleargate_store::{Created, NewRun};
use indexmap::IndexMap;
use serde::Serialize;

use super::address;
use crate::error::{Error, Kind, Result};
use crate::flows::Flow;
use crate::host::{Host, complete};
use crate::inputs::{InputValue, record};
use crate::running::Running;
use crate::runs::store_error;

/// A run that is to be forked.
#[derive(Clone, Debug, Default)]
pub struct Fork {
    /// What happens anew, with all that depends on it: addresses, in which an index that is left out means every body.
    pub at: Vec<String>,
    /// Input ports that have another value in the new run.
    pub input: Vec<InputValue>,
    /// Addresses of nodes with the value that they have in the new run, as JSON text. What depends on them happens anew.
    pub set: Vec<(String, String)>,
    /// Whether effects that must not be repeated, and may have happened in the old run, may happen again in the new one.
    pub allow_effects: bool,
}

/// What a fork keeps.
#[derive(Clone, Debug, Serialize)]
pub struct ForkPlan {
    /// The run that it is from.
    pub from: String,
    /// What happens anew, with all that depends on it.
    pub at: Vec<String>,
    /// Nodes whose value was given.
    pub set: Vec<String>,
    /// Records that are taken over.
    pub records: usize,
    /// Steps whose answers are taken over.
    pub kept: usize,
    /// Steps that must not be repeated, may have had their effect in the old run, and are performed anew.
    pub again: Vec<String>,
}

/// A run that was forked.
pub struct Forked {
    /// What it kept.
    pub plan: ForkPlan,
    /// The new run.
    pub running: Running,
}

/// What the new run is made of.
pub(super) struct Beginning<'b> {
    pub(super) from: &'b Flow,
    pub(super) to: &'b Flow,
    pub(super) old: &'b RunId,
    pub(super) at: Vec<Address>,
    pub(super) set: IndexMap<Address, Value>,
    pub(super) input: Option<Value>,
}

impl Host {
    /// What a fork would keep, and what would happen anew. Nothing is changed.
    ///
    /// # Errors
    /// As [`Host::fork`], but for effects.
    pub async fn plan_fork(&self, id: &RunId, fork: &Fork) -> Result<ForkPlan> {
        let flow = self.flow_of(id).await?;
        let (beginning, journal) = self.beginning(id, &flow, fork).await?;
        let (_, kept) = self.cut(&beginning, &journal)?;
        Ok(plan(&beginning, &kept))
    }

    /// Starts a new run that keeps what `id` did, without the places of the fork and all that depends on them; these
    /// happen anew. The old run stays as it is, and may still be under way.
    ///
    /// # Errors
    /// The run never came to a place, or nothing would be left to do ([`Kind::Invalid`]); an effect would be repeated that
    /// must not be ([`Kind::Denied`]); the flow or its plugins are gone; the journal cannot be written.
    pub async fn fork(&self, id: &RunId, fork: &Fork) -> Result<Forked> {
        let flow = self.flow_of(id).await?;
        let (beginning, journal) = self.beginning(id, &flow, fork).await?;
        let (new, kept) = self.cut(&beginning, &journal)?;
        if !fork.allow_effects {
            harmless(&kept.again.iter().map(ToString::to_string).collect::<Vec<_>>())?;
        }
        let plan = plan(&beginning, &kept);
        let running = self.begin_from(&beginning, new, kept).await?;
        Ok(Forked { plan, running })
    }

    /// Where a run failed: what `restart` begins at when nobody says.
    ///
    /// # Errors
    /// The run has not failed, or not at a node.
    pub async fn failed_at(&self, id: &RunId) -> Result<String> {
        let row = self.row(id).await?;
        let address = row.error.as_ref().and_then(|error| error.address.as_ref());
        let why = || {
            let why = format!("run {id} has {}, and not failed at a node", row.status);
            Error::new(Kind::Invalid, why).with_help(format!("cleargate restart {id} --from NODE"))
        };
        address.map(ToString::to_string).ok_or_else(why)
    }

    async fn beginning<'b>(
        &self,
        id: &'b RunId,
        flow: &'b Flow,
        fork: &Fork,
    ) -> Result<(Beginning<'b>, Vec<Event>)> {
        let journal = self.journal(id).await?;
        let at = fork.at.iter().map(|text| address(text)).collect::<Result<Vec<_>>>()?;
        let set = fork.set.iter().map(|(place, json)| given(&flow.graph, place, json));
        let set = set.collect::<Result<IndexMap<_, _>>>()?;
        let input = match fork.input.is_empty() {
            true => None,
            false => Some(other_input(&flow.graph, &journal, fork.input.clone())?),
        };
        Ok((Beginning { from: flow, to: flow, old: id, at, set, input }, journal))
    }

    /// Decides what a new run keeps.
    pub(super) fn cut(&self, of: &Beginning<'_>, journal: &[Event]) -> Result<(RunId, Kept)> {
        let new = TimeOrdered.next(self.clock().now());
        let kept = cut(&Cut {
            from: &of.from.graph,
            to: &of.to.graph,
            old: of.old,
            new: &new,
            journal,
            at: &of.at,
            set: &of.set,
            input: of.input.clone(),
        });
        Ok((new, kept.map_err(|error| refused(of.old, error))?))
    }

    /// Stores the beginning of a new run, in one piece, and goes on with it.
    pub(super) async fn begin_from(
        &self,
        of: &Beginning<'_>,
        id: RunId,
        kept: Kept,
    ) -> Result<Running> {
        self.keep_bundles(of.to).await?;
        let at = self.clock().now();
        let records = kept.events.into_iter().zip(0..);
        let new = NewRun {
            id: id.clone(),
            flow: of.to.graph.id.clone(),
            hash: of.to.graph.hash.clone(),
            idempotency_key: None,
            parent: None,
            origin: Some(of.old.clone()),
            created_at: at,
            first: records.map(|(event, seq)| Record { seq, at, event }).collect(),
        };
        match self.store().create_run(new).await.map_err(store_error)? {
            Created::New => {}
            Created::Exists(other) => {
                let why = format!("the id of the new run belongs to run {other}");
                return Err(Error::new(Kind::Bug, why));
            }
        }
        Ok(Running::new(self.take_over(&id, of.to).await?))
    }
}

pub(super) fn plan(of: &Beginning<'_>, kept: &Kept) -> ForkPlan {
    ForkPlan {
        from: of.old.to_string(),
        at: of.at.iter().map(ToString::to_string).collect(),
        set: of.set.keys().map(ToString::to_string).collect(),
        records: kept.events.len(),
        kept: kept.settled.len(),
        again: kept.again.iter().map(ToString::to_string).collect(),
    }
}

/// Refuses to repeat what must not be repeated.
pub(super) fn harmless(again: &[String]) -> Result<()> {
    if again.is_empty() {
        return Ok(());
    }
    let why = "effects that must not be repeated would happen in the new run too";
    let mut error = Error::new(Kind::Denied, why);
    let each = again.iter().map(|at| format!("`{at}` has the effect `once`, and was begun before"));
    error.causes = each.collect();
    Err(error.with_help("add --allow-effects when they may happen again"))
}

/// The input of the old run with other values for some ports.
fn other_input(graph: &Arc<Graph>, journal: &[Event], inputs: Vec<InputValue>) -> Result<Value> {
    let mut fields = match journal.first() {
        Some(Event::RunStarted { input, .. }) => input.as_map().cloned().unwrap_or_default(),
        _ => return Err(Error::new(Kind::Store, "the journal does not begin with a start")),
    };
    let other = record(graph, inputs)?;
    fields.extend(other.as_map().into_iter().flatten().map(|(k, v)| (k.clone(), v.clone())));
    complete(graph, Value::from(fields))
}

/// A value for a node, checked against its type.
fn given(graph: &Graph, place: &str, json: &str) -> Result<(Address, Value)> {
    let address = address(place)?;
    let value = Value::from_json(json).map_err(|e| {
        Error::new(Kind::Invalid, format!("the value for `{place}` is no JSON"))
            .caused_by(&e)
            .with_help(format!("--set '{place}=\"some text\"', --set '{place}={{\"field\": 1}}'"))
    })?;
    // The cut says who there is when there is none.
    let Some(node) = graph.node(&address) else { return Ok((address, value)) };
    let value = validate(&value, &node.output).map_err(|mismatch| {
        Error::new(Kind::Invalid, format!("the value does not fit `{place}`: {mismatch}"))
            .with_help(format!("its type is {}", node.output))
    })?;
    Ok((address, value))
}

fn refused(run: &RunId, error: CutError) -> Error {
    let why = error.to_string();
    match error {
        CutError::NoSuchPlace(_) => Error::new(Kind::Invalid, why),
        CutError::NotReached(_) | CutError::NotSet(_) => Error::new(Kind::Invalid, why)
            .with_help(format!("cleargate step {run} --output ndjson")),
        CutError::NothingLeft(Outcome::Failed { address: Some(at), .. }) => {
            Error::new(Kind::Invalid, why).with_help(format!("add --at {at}"))
        }
        CutError::NothingLeft(_) => Error::new(Kind::Invalid, why),
        CutError::Damaged { .. } => {
            Error::new(Kind::Store, format!("run {run} cannot be forked: {why}"))
        }
    }
}
