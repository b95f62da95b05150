//! Swap: a new run that keeps what an old one did before a node, and goes on from there with another plugin.

use cleargate_flow::{Address, RunId};
use indexmap::IndexMap;

use super::address;
use super::fork::{Beginning, Forked, harmless, plan};
use crate::error::{Error, Kind, Result};
use crate::flows::Flow;
use crate::host::Host;

/// A plugin that stands in for another from a node on.
#[derive(Clone, Debug, Default)]
pub struct SwapPlan {
    /// A node, by its path, or an alias of `use:`: every step with that alias has the other plugin.
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
        let alias = alias(&from, &swap.of)?;
        let pin = self.plugins.pin_of(&swap.plugin, &self.config.folder)?;
        let mut pinned = from.pinned.clone();
        pinned.plugins.insert(alias.clone(), pin);
        let to = self.ready(pinned).await?;
        let journal = self.journal(id).await?;
        let at = match &swap.from {
            Some(place) => vec![address(place)?],
            None => self.used_in(&from, id, &alias).await?,
        };
        let (set, input) = (IndexMap::new(), None);
        let beginning = Beginning { from: &from, to: &to, old: id, at, set, input };
        let (new, kept) = self.cut(&beginning, &journal)?;
        if !swap.allow_effects {
            let again = kept.again.iter().map(Address::static_path).chain(kept.once.clone());
            let again: std::collections::BTreeSet<String> = again.collect();
            harmless(&again.into_iter().collect::<Vec<_>>())?;
        }
        let plan = plan(&beginning, &kept);
        let running = self.begin_from(&beginning, new, kept).await?;
        Ok(Forked { plan, running })
    }

    /// The steps with an alias that a run has come to.
    async fn used_in(&self, flow: &Flow, id: &RunId, alias: &str) -> Result<Vec<Address>> {
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
            found.push(address(path)?);
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

/// The alias that is meant: of a node, or itself.
fn alias(flow: &Flow, of: &str) -> Result<String> {
    let mut found = None;
    flow.graph.root.leaves(&mut |path, leaf| {
        if path == of {
            found = Some(alias_of(&leaf.uses).to_owned());
        }
    });
    let alias = found.unwrap_or_else(|| of.to_owned());
    if flow.pinned.plugins.contains_key(&alias) {
        return Ok(alias);
    }
    let known: Vec<&str> = flow.pinned.plugins.keys().map(String::as_str).collect();
    let why = format!("`{of}` is no step of a plugin, and no alias of one");
    Err(Error::new(Kind::Invalid, why).with_help(match known.is_empty() {
        true => "the flow uses no plugins".into(),
        false => format!("its plugins are {}", known.join(", ")),
    }))
}

fn alias_of(uses: &str) -> &str {
    uses.split('.').next().unwrap_or_default()
}
