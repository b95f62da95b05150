//! Fork and restart: a new run that keeps what an old one did, without one place and all that follows from it.

use std::sync::Arc;

use cleargate_executor::{Clock, RunIds, TimeOrdered, child_id};
use cleargate_flow::graph::Graph;
use cleargate_flow::history::Unfit;
use cleargate_flow::types::validate;
use cleargate_flow::{Address, Event, Record, RunId, Value};
use cleargate_store::{Created, NewRun};
use serde::Serialize;

use super::level::{Beginning, Level};
use super::place::Place;
use crate::error::{Error, Kind, Result};
use crate::flows::Flow;
use crate::host::{Host, complete};
use crate::inputs::{InputValue, record};
use crate::running::Running;
use crate::runs::store_error;

/// A run that is to be forked.
#[derive(Clone, Debug, Default)]
pub struct Fork {
    /// What happens anew, with all that depends on it: addresses, in which an index that is left out means every body. `/`
    /// leads into the run of a sub-flow: `scan[3].review/answer`. That run goes on from what it did, too.
    pub at: Vec<String>,
    /// Input ports that have another value in the new run.
    pub input: Vec<InputValue>,
    /// Addresses of nodes with the value that they have in the new run, as JSON text. What depends on them happens anew.
    pub set: Vec<(String, String)>,
    /// Whether effects that must not be repeated, and may have happened in the old run, may happen again in the new one.
    pub allow_effects: bool,
    /// Another version of the flow, with which the new run goes on when what is kept fits it; absent: the same.
    pub to: Option<Flow>,
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
    /// What of it does not fit the other version that the new run shall go on with.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub misfits: Vec<Unfit>,
}

/// A run that was forked.
pub struct Forked {
    /// What it kept.
    pub plan: ForkPlan,
    /// The new run.
    pub running: Running,
}

impl Host {
    /// What a fork would keep, and what would happen anew. Nothing is changed.
    ///
    /// # Errors
    /// As [`Host::fork`], but for effects.
    pub async fn plan_fork(&self, id: &RunId, fork: &Fork) -> Result<ForkPlan> {
        let level = self.level(id, fork).await?;
        let begun = self.cut_level(level.clone()).await?;
        Ok(plan(&level, begun))
    }

    /// Starts a new run that keeps what `id` did, without the places of the fork and all that depends on them; these
    /// happen anew. The old run stays as it is, and may still be under way.
    ///
    /// # Errors
    /// The run never came to a place, or nothing would be left to do ([`Kind::Invalid`]); an effect would be repeated that
    /// must not be ([`Kind::Denied`]); what is kept does not fit the other version ([`Kind::Invalid`]); the flow or its plugins are gone; the journal cannot be written.
    pub async fn fork(&self, id: &RunId, fork: &Fork) -> Result<Forked> {
        let level = self.level(id, fork).await?;
        let mut begun = self.cut_level(level.clone()).await?;
        if !begun.misfits.is_empty() {
            return Err(unfit(&level, &begun.misfits));
        }
        if !fork.allow_effects {
            harmless(&begun.again)?;
        }
        let running = self.begin_from(&level, &mut begun).await?;
        Ok(Forked { plan: plan(&level, begun), running })
    }

    /// Where a run failed, inside of its sub-flows too: what `restart` begins at when nobody says.
    ///
    /// # Errors
    /// The run has not failed, or not at a node.
    pub async fn failed_at(&self, id: &RunId) -> Result<String> {
        let mut place = String::new();
        let mut run = id.clone();
        loop {
            let row = match place.is_empty() {
                true => self.row(&run).await?,
                false => match self.store().run(&run).await.map_err(store_error)? {
                    Some(row) => row,
                    None => return Ok(place),
                },
            };
            let Some(address) = row.error.and_then(|error| error.address) else {
                if !place.is_empty() {
                    return Ok(place);
                }
                let why = format!("run {id} has {}, and not failed at a node", row.status);
                return Err(Error::new(Kind::Invalid, why)
                    .with_help(format!("cleargate restart {id} --from NODE")));
            };
            let stroke = if place.is_empty() { "" } else { "/" };
            place += &format!("{stroke}{address}");
            let flow = self.pinned_flow(&run, &row.hash).await?;
            let subs = self.subs(&flow, &run, &self.journal(&run).await?)?;
            let Some(sub) = subs.into_iter().find(|sub| sub.address == address) else {
                return Ok(place);
            };
            run = child_id(&sub.around, &sub.address, sub.attempt);
        }
    }

    /// The outermost run of a fork.
    async fn level(&self, id: &RunId, fork: &Fork) -> Result<Level> {
        let from = self.flow_of(id).await?;
        let to = fork.to.clone().unwrap_or_else(|| from.clone());
        let set = fork.set.iter().map(|(place, json)| Ok((Place::of(place)?, json.clone())));
        let input = match fork.input.is_empty() && from.hash() == to.hash() {
            true => None,
            false => Some(self.other_input(id, &to.graph, fork.input.clone()).await?),
        };
        Ok(Level {
            at: fork.at.iter().map(|text| Place::of(text)).collect::<Result<_>>()?,
            set: set.collect::<Result<_>>()?,
            input,
            ..self.outermost(id, from, to)
        })
    }

    /// A new run from an old one, with nothing left out.
    pub(super) fn outermost(&self, id: &RunId, from: Flow, to: Flow) -> Level {
        Level {
            from,
            to,
            swap: false,
            old: id.clone(),
            new: TimeOrdered.next(self.clock().now()),
            parent: None,
            at: Vec::new(),
            set: Vec::new(),
            input: None,
            way: String::new(),
        }
    }

    /// Stores the beginning of a new run, in one piece, and goes on with it.
    pub(super) async fn begin_from(&self, of: &Level, begun: &mut Beginning) -> Result<Running> {
        self.keep_bundles(&of.to).await?;
        let at = self.clock().now();
        let records = std::mem::take(&mut begun.events).into_iter().zip(0..);
        let new = NewRun {
            id: of.new.clone(),
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
        Ok(Running::new(self.take_over(&of.new, &of.to).await?))
    }

    /// The input of an old run with other values for some ports, as a version of its flow takes it.
    async fn other_input(
        &self,
        id: &RunId,
        graph: &Arc<Graph>,
        inputs: Vec<InputValue>,
    ) -> Result<Value> {
        let first = self.store().journal(id, 0, 1).await.map_err(store_error)?;
        let mut fields = match first.first().map(|record| &record.event) {
            Some(Event::RunStarted { input, .. }) => input.as_map().cloned().unwrap_or_default(),
            _ => return Err(Error::new(Kind::Store, "the journal does not begin with a start")),
        };
        let other = record(graph, inputs)?;
        fields.extend(other.as_map().into_iter().flatten().map(|(k, v)| (k.clone(), v.clone())));
        complete(graph, Value::from(fields))
    }
}

pub(super) fn plan(of: &Level, begun: Beginning) -> ForkPlan {
    let set = of.set.iter();
    ForkPlan {
        from: of.old.to_string(),
        at: of.at.iter().map(ToString::to_string).collect(),
        set: set.map(|(place, _)| place.to_string()).collect(),
        records: begun.records,
        kept: begun.kept,
        again: begun.again,
        misfits: begun.misfits,
    }
}

fn unfit(of: &Level, misfits: &[Unfit]) -> Error {
    let Level { old, to, .. } = of;
    let why = format!("what run {old} would keep does not fit {}; nothing was started", to.hash());
    let mut error = Error::new(Kind::Invalid, why);
    error.causes = misfits.iter().map(ToString::to_string).collect();
    error
        .with_help("add the places as --at: what happens anew may be anything in the other version")
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

/// A value for a node, checked against its type.
pub(super) fn given(graph: &Graph, address: &Address, json: &str) -> Result<(Address, Value)> {
    let value = Value::from_json(json).map_err(|e| {
        Error::new(Kind::Invalid, format!("the value for `{address}` is no JSON"))
            .caused_by(&e)
            .with_help(format!(
                "--set '{address}=\"some text\"', --set '{address}={{\"field\": 1}}'"
            ))
    })?;
    let address = address.clone();
    // The cut says who there is when there is none.
    let Some(node) = graph.node(&address) else { return Ok((address, value)) };
    let value = validate(&value, &node.output).map_err(|mismatch| {
        Error::new(Kind::Invalid, format!("the value does not fit `{address}`: {mismatch}"))
            .with_help(format!("its type is {}", node.output))
    })?;
    Ok((address, value))
}
