//! Canaries: another version of a flow takes a part of the runs, is watched, and takes all of them or none.
//!
//! Which version a run gets follows from what is in the journal already: the run and the address that start a sub-flow, the
//! trigger and the id of an event that start a run. So it is the same for each attempt, after a crash and in a replay,
//! and the first record of the run that was started names the version. A word of it is in the log of the run around.

mod edit;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use cleargate_executor::{Failure, Node, NodeContext, Output};
use cleargate_flow::check::{canary_of_alias, canary_of_trigger};
use cleargate_flow::graph::{Canary, Graph};
use cleargate_flow::types::{Kind as Shape, fits};
use cleargate_flow::{Address, FlowHash, RunId, Value};
use cleargate_nodes::SubFlow;
use serde::Serialize;

use crate::error::{Error, Kind, Result};
use crate::flows::{Flow, FlowCatalog, Inner};
use crate::host::Host;
use crate::owned_file::Readers;
use crate::plan::History;

/// A canary with both of its arms.
#[derive(Clone, Debug, Serialize)]
pub struct CanaryView {
    /// The alias or the trigger that is split.
    pub name: String,
    /// `alias` or `trigger`.
    pub of: &'static str,
    /// How many of a hundred runs the canary takes.
    pub weight: u32,
    /// The version that takes the others.
    pub main: Arm,
    /// The canary.
    pub canary: Arm,
}

/// One version of a split.
#[derive(Clone, Debug, Serialize)]
pub struct Arm {
    /// Its file, as written; `this flow` for the main version of a trigger.
    pub version: String,
    /// The flow's name.
    pub flow: String,
    /// The version that runs are pinned to.
    pub hash: String,
    /// What its last runs took.
    pub history: History,
}

/// What becomes of a canary.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It takes all runs.
    Promote,
    /// It takes none.
    Rollback,
}

/// What was written.
#[derive(Clone, Debug, Serialize)]
pub struct Decided {
    /// The flow's file, which says it now.
    pub file: PathBuf,
    /// What it was before, when another file took its place.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<PathBuf>,
    /// The version that takes all runs.
    pub version: String,
}

/// Whether the canary takes what these words name: as many of a hundred as its weight says, and always the same ones.
pub(crate) fn takes(weight: u32, words: &[&str]) -> bool {
    let hash = FlowHash::of(words.join("\n").as_bytes());
    let digits = hash.as_str().rsplit('-').next().and_then(|hex| hex.get(..15)).unwrap_or_default();
    let number = u64::from_str_radix(digits, 16).expect("a digest in hex");
    number % 100 < u64::from(weight)
}

/// A sub-flow that is one of two versions.
struct Split {
    main: SubFlow,
    canary: SubFlow,
    weight: u32,
    alias: String,
    version: String,
}

#[async_trait]
impl Node for Split {
    async fn run(&self, ctx: NodeContext, input: Value) -> std::result::Result<Output, Failure> {
        let address = ctx.address.to_string();
        if !takes(self.weight, &[ctx.run.as_str(), &address]) {
            return self.main.run(ctx, input).await;
        }
        ctx.log.line("info", &format!("`{}` is its canary {}", self.alias, self.version));
        self.canary.run(ctx, input).await
    }

    fn waits_for_runs(&self) -> bool {
        true
    }
}

impl FlowCatalog {
    /// The flow that the sub-flow at an address of a run is: one version of it, or one of two.
    pub(crate) fn arm(&self, alias: &str, run: &RunId, address: &Address) -> Option<&Flow> {
        let canary = self.canaries.get(alias);
        let taken = canary
            .is_some_and(|canary| takes(canary.weight, &[run.as_str(), &address.to_string()]));
        let other = taken.then(|| self.flows.get(&canary_of_alias(alias))).flatten();
        other.or_else(|| self.flows.get(alias))
    }

    /// What runs a flow inside this one: one version of it, or one of two.
    pub(crate) fn split(&self, alias: &str, flow: &Flow, inner: &Inner<'_>) -> Arc<dyn Node> {
        let main = inner(flow);
        let canary = self.canaries.get(alias);
        let other = canary.and_then(|_| self.flows.get(&canary_of_alias(alias)));
        match canary.zip(other) {
            None => Arc::new(main),
            Some((Canary { version, weight }, other)) => Arc::new(Split {
                main,
                canary: inner(other),
                weight: *weight,
                alias: alias.to_owned(),
                version: version.clone(),
            }),
        }
    }
}

/// Canaries of aliases that cannot take the place of what they are split with, with why.
pub(crate) fn misfits(flows: &BTreeMap<String, Flow>) -> Vec<(String, String)> {
    let pairs = flows.iter().filter_map(|(alias, flow)| {
        let name = canary_of_alias(alias);
        let why = stands_in(flow.graph(), flows.get(&name)?.graph()).err()?;
        Some((name, why))
    });
    pairs.collect()
}

/// Whether a version takes whatever the other one takes, and gives what it gives.
fn stands_in(main: &Graph, canary: &Graph) -> std::result::Result<(), String> {
    for (name, field) in &main.input {
        let port = canary.input.get(name).ok_or_else(|| format!("it has no input `{name}`"))?;
        fits(&field.ty, &port.ty).map_err(|why| format!("its input `{name}`: {why}"))?;
    }
    let more = canary.input.iter().find(|(name, field)| {
        !main.input.contains_key(*name)
            && field.default.is_none()
            && !matches!(field.ty.kind, Shape::Opt(_))
    });
    if let Some((name, _)) = more {
        return Err(format!("it needs the input `{name}`, which nobody gives"));
    }
    fits(&canary.value, &main.value).map_err(|why| format!("its output: {why}"))
}

/// Refuses canaries of triggers that are no version of the flow: an event has one run, and its key belongs to the flow.
pub(crate) fn of_triggers(graph: &Graph, flows: &BTreeMap<String, Flow>) -> Result<()> {
    for name in graph.triggers.keys() {
        let Some(canary) = flows.get(&canary_of_trigger(name)) else { continue };
        let why = match canary.graph().id == graph.id {
            true => stands_in(graph, canary.graph()).err(),
            false => Some(format!("its name is `{}`", canary.id())),
        };
        if let Some(why) = why {
            let message = format!(
                "the canary of the trigger `{name}` is no version of `{}`: {why}",
                graph.id
            );
            return Err(Error::new(Kind::Invalid, message));
        }
    }
    Ok(())
}

impl Host {
    /// The canaries of a flow, each with what the last `runs` runs of both arms took.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn canaries(&self, flow: &Flow, runs: usize) -> Result<Vec<CanaryView>> {
        let mut views = Vec::new();
        for (main, canary, view) in arms(flow) {
            let CanaryView { main: mut first, canary: mut second, .. } = view.clone();
            first.history = self.history_of_version(main.id(), main.hash().as_str(), runs).await?;
            second.history =
                self.history_of_version(canary.id(), canary.hash().as_str(), runs).await?;
            views.push(CanaryView { main: first, canary: second, ..view });
        }
        Ok(views)
    }

    /// Both versions of a split of a flow: main and canary.
    ///
    /// # Errors
    /// The flow has no canary of that name.
    pub fn arms_of(&self, flow: &Flow, name: &str) -> Result<(Flow, Flow)> {
        let all = arms(flow);
        let known: Vec<String> = all.iter().map(|(.., view)| view.name.clone()).collect();
        let found = all.into_iter().find(|(.., view)| view.name == name);
        found.map(|(main, canary, _)| (main.clone(), canary.clone())).ok_or_else(|| {
            let there = if known.is_empty() { "none".into() } else { known.join(", ") };
            let why = format!("`{}` has no canary of `{name}`; there are: {there}", flow.id());
            Error::new(Kind::Invalid, why)
                .with_help("use: { review: { version: ./review.yaml, canary: { version: ./next.yaml, weight: 10 } } }")
        })
    }

    /// Lets a canary take all runs, or none: the flow's file says so from then on. Runs that have begun keep their version.
    /// Comments stay.
    ///
    /// # Errors
    /// There is no such canary, or the file is in a form that is not edited; then it is as it was.
    pub fn decide_canary(&self, flow: &Flow, name: &str, verdict: Verdict) -> Result<Decided> {
        self.arms_of(flow, name)?;
        let source = &flow.pinned.source;
        let Some(folder) = &source.folder else {
            let why = format!("`{}` is bundled, so its file is not changed", flow.id());
            return Err(Error::new(Kind::Invalid, why));
        };
        let file = folder.join(std::path::Path::new(&source.name).file_name().unwrap_or_default());
        let form = |why: String| {
            let what = format!("{} cannot be edited: {why}", file.display());
            Error::new(Kind::Invalid, what)
                .with_help(format!("write the version of `{name}` by hand"))
        };
        let alias = flow.graph().canaries.get(name);
        let Some(canary) = alias else { return self.decide_trigger(flow, name, verdict, file) };
        let version = match verdict {
            Verdict::Promote => canary.version.clone(),
            Verdict::Rollback => flow.graph().uses[name].clone(),
        };
        let text = edit::alias(&source.text, name, &version).map_err(form)?;
        crate::owned_file::replace(&file, text.as_bytes(), Readers::Everyone)?;
        Ok(Decided { file, before: None, version })
    }

    fn decide_trigger(
        &self,
        flow: &Flow,
        name: &str,
        verdict: Verdict,
        file: PathBuf,
    ) -> Result<Decided> {
        let source = &flow.pinned.source;
        if verdict == Verdict::Rollback {
            let text = edit::without_canary(&source.text, name).map_err(|why| {
                let what = format!("{} cannot be edited: {why}", file.display());
                Error::new(Kind::Invalid, what)
                    .with_help(format!("remove the `canary` of `{name}` by hand"))
            })?;
            crate::owned_file::replace(&file, text.as_bytes(), Readers::Everyone)?;
            return Ok(Decided { file, before: None, version: "this flow".into() });
        }
        let canary = &flow.catalog.flows[&canary_of_trigger(name)];
        match canary.graph().triggers.get(name) {
            None => {
                let why = format!(
                    "{} has no trigger `{name}`: nothing would start it",
                    canary.pinned.source.name
                );
                return Err(Error::new(Kind::Invalid, why));
            }
            Some(trigger) if trigger.canary.is_some() => {
                let why =
                    format!("the trigger `{name}` of {} is split again", canary.pinned.source.name);
                return Err(Error::new(Kind::Invalid, why));
            }
            Some(_) => {}
        }
        let mut before = file.as_os_str().to_owned();
        before.push(".before");
        let before = PathBuf::from(before);
        crate::owned_file::replace(&before, source.text.as_bytes(), Readers::Everyone)?;
        let text = canary.pinned.source.text.as_bytes();
        crate::owned_file::replace(&file, text, Readers::Everyone)?;
        let version = canary.pinned.source.name.clone();
        Ok(Decided { file, before: Some(before), version })
    }
}

/// The splits of a flow, with the versions of each.
fn arms(flow: &Flow) -> Vec<(&Flow, &Flow, CanaryView)> {
    let arm = |flow: &Flow, version: &str| Arm {
        version: version.to_owned(),
        flow: flow.id().to_owned(),
        hash: flow.hash().to_string(),
        history: History::default(),
    };
    let flows = &flow.catalog.flows;
    let aliases = flow.graph().canaries.iter().filter_map(|(alias, Canary { version, weight })| {
        let (main, canary) = (flows.get(alias)?, flows.get(&canary_of_alias(alias))?);
        let view = CanaryView {
            name: alias.clone(),
            of: "alias",
            weight: *weight,
            main: arm(main, flow.graph().uses.get(alias)?),
            canary: arm(canary, version),
        };
        Some((main, canary, view))
    });
    let triggers = flow.graph().triggers.iter().filter_map(|(name, trigger)| {
        let Canary { version, weight } = trigger.canary.as_ref()?;
        let canary = flows.get(&canary_of_trigger(name))?;
        let view = CanaryView {
            name: name.clone(),
            of: "trigger",
            weight: *weight,
            main: arm(flow, "this flow"),
            canary: arm(canary, version),
        };
        Some((flow, canary, view))
    });
    aliases.chain(triggers).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_canary_takes_its_part_and_always_the_same() {
        for (weight, least, most) in
            [(0, 0, 0), (10, 850, 1_150), (50, 4_700, 5_300), (100, 10_000, 10_000)]
        {
            let taken = |n: &usize| takes(weight, &["run", &n.to_string()]);
            let first: Vec<usize> = (0..10_000).filter(taken).collect();
            assert!((least..=most).contains(&first.len()), "{weight}: {}", first.len());
            assert_eq!(first, (0..10_000).filter(taken).collect::<Vec<_>>());
        }
        // A greater weight keeps what a smaller one took: nobody goes back and forth while it grows.
        assert!((0..1_000).all(|n: usize| {
            let words = ["run", &n.to_string()];
            !takes(10, &words) || takes(20, &words)
        }));
    }
}
