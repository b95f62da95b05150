//! Swap: a new run that keeps what an old one did before a node, and goes on from there with another plugin.

use std::collections::BTreeSet;

use cleargate_flow::RunId;

use super::address;
use super::fork::{Forked, harmless, plan};
use super::level::Level;
use super::place::Place;
use crate::error::{Error, Kind, Result};
use crate::flows::Flow;
use crate::host::Host;

/// A plugin that stands in for another from a node on.
#[derive(Clone, Debug, Default)]
pub struct SwapPlan {
    /// A node, by its path, or an alias of `use:`: every step with that alias has the other plugin. `/` leads into a sub-flow:
    /// `review/answer`.
    pub of: String,
    /// `namespace:name@requirement`, or the path of a `.wasm` file.
    pub plugin: String,
    /// What happens anew, with all that depends on it; absent: each step that has the other plugin.
    pub from: Option<String>,
    /// Whether steps that must not be repeated may be performed.
    pub allow_effects: bool,
}

impl Host {
    /// Starts a new run that keeps what `id` did before a node, and goes on live from there, with another plugin behind
    /// one alias. Steps that must not be repeated and depend on that node are refused unless the plan allows them.
    ///
    /// # Errors
    /// As [`Host::fork`]; there is no such alias or plugin, or the flow is not right with it.
    pub async fn replay_swapped(&self, id: &RunId, swap: &SwapPlan) -> Result<Forked> {
        let from = self.flow_of(id).await?;
        let pin = self.plugins.pin_of(&swap.plugin, &self.config.folder)?;
        let mut pinned = from.pinned.clone();
        let (mut flow, mut inner, mut of) = (&from, &mut pinned, swap.of.as_str());
        while let Some((sub_flow, rest)) = of.split_once('/') {
            let alias = alias(flow, sub_flow, Of::Flow)?;
            inner = inner.flows.get_mut(&alias).expect("it is one of the flow's flows");
            (flow, of) = (&flow.catalog.flows[&alias], rest);
        }
        let alias = alias(flow, of, Of::Plugin)?;
        inner.plugins.insert(alias.clone(), pin);
        let to = self.ready(pinned).await?;
        let at = match &swap.from {
            Some(place) => vec![Place::of(place)?],
            None if swap.of.contains('/') => {
                let why = "a plugin inside of a sub-flow is swapped from a place on";
                return Err(Error::new(Kind::Invalid, why)
                    .with_help(format!("--from '{}', or with the index of an item", swap.of)));
            }
            None => self.used_in(&from, id, &alias).await?,
        };
        let level = Level { swap: true, at, ..self.outermost(id, from, to) };
        let mut begun = self.cut_level(level.clone()).await?;
        if !swap.allow_effects {
            let again = begun.again.iter().map(|place| without_indices(place));
            let again: BTreeSet<String> =
                again.chain(begun.once.iter().cloned().map(Ok)).collect::<Result<_>>()?;
            harmless(&again.into_iter().collect::<Vec<_>>())?;
        }
        let running = self.begin_from(&level, &mut begun).await?;
        Ok(Forked { plan: plan(&level, begun), running })
    }

    /// The steps with an alias that a run has come to.
    async fn used_in(&self, flow: &Flow, id: &RunId, alias: &str) -> Result<Vec<Place>> {
        let steps = self.steps_of(flow, id).await?;
        let mut found = Vec::new();
        let mut paths = Vec::new();
        flow.graph.root.leaves(&mut |path, leaf| {
            if alias_of(&leaf.uses) == alias {
                paths.push(path.to_owned());
            }
        });
        let reached = |path: &&String| steps.reached().any(|at| at.static_path() == **path);
        for path in paths.iter().filter(reached) {
            found.push(address(path)?.into());
        }
        match found.is_empty() {
            true => {
                let why = format!("run {id} has performed no step with the plugin `{alias}`");
                Err(Error::new(Kind::Invalid, why).with_help("say where to go on: --from NODE"))
            }
            false => Ok(found),
        }
    }
}

/// What an alias means.
#[derive(Clone, Copy)]
enum Of {
    Plugin,
    Flow,
}

/// The alias that is meant: of a node, or itself.
fn alias(flow: &Flow, of: &str, what: Of) -> Result<String> {
    let mut found = None;
    flow.graph.root.leaves(&mut |path, leaf| {
        if path == of {
            found = Some(alias_of(&leaf.uses).to_owned());
        }
    });
    let alias = found.unwrap_or_else(|| of.to_owned());
    let (known, word): (Vec<&String>, _) = match what {
        Of::Plugin => (flow.pinned.plugins.keys().collect(), "plugin"),
        Of::Flow => (flow.pinned.flows.keys().collect(), "sub-flow"),
    };
    if known.contains(&&alias) {
        return Ok(alias);
    }
    let why = format!("`{of}` is no step of a {word}, and no alias of one");
    Err(Error::new(Kind::Invalid, why).with_help(match known.is_empty() {
        true => format!("the flow `{}` uses no {word}s", flow.id()),
        false => {
            let known: Vec<&str> = known.into_iter().map(String::as_str).collect();
            format!("its {word}s are {}", known.join(", "))
        }
    }))
}

/// A place as a path of nodes: the same for each item of a map.
fn without_indices(place: &str) -> Result<String> {
    let parts = place.split('/').map(|part| Ok(address(part)?.static_path()));
    Ok(parts.collect::<Result<Vec<_>>>()?.join("/"))
}

fn alias_of(uses: &str) -> &str {
    uses.split('.').next().unwrap_or_default()
}
