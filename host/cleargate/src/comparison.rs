//! A new version of a flow on what happened: the runs that are in the journal, once more, without touching the world.
//!
//! Each run is rehearsed with its own input. A request that is still the same gets the answer that was recorded; what
//! becomes of another one is the caller's choice. What differs is told by run and in sum.

use std::collections::BTreeMap;

use cleargate_flow::history::{Difference, Differences, differences};
use cleargate_flow::{Outcome, RunId, Value};
use serde::Serialize;

use crate::error::{Error, Kind, Result};
use crate::flows::Flow;
use crate::host::{Host, complete};
use crate::rehearsal::{Otherwise, Props, Rehearsal, StoreFaults, Trace};
use crate::runs::RunQuery;

/// Places of an outcome that are named for one run; the others are counted.
const MAX_PLACES: usize = 20;

/// Runs that one comparison looks at: each is in memory while it is rehearsed, and a person waits.
pub const MAX_COMPARED: usize = 10_000;

/// How versions are compared.
#[derive(Clone, Copy, Debug)]
pub struct CompareOptions {
    /// How many of the last runs that have ended.
    pub runs: usize,
    /// What becomes of a request that the recorded run does not have.
    pub otherwise: Otherwise,
}

/// A version of a flow beside the runs of others.
#[derive(Clone, Debug, Default, Serialize)]
pub struct VersionComparison {
    /// The flow's name.
    pub flow: String,
    /// The new version.
    pub hash: String,
    /// Runs that ended the same, by the same way.
    pub same: usize,
    /// Runs that did not.
    pub differ: usize,
    /// What all of the recorded runs used.
    pub before: Costs,
    /// What the new version used on them.
    pub after: Costs,
    /// Each run, newest first.
    pub runs: Vec<RunDifference>,
}

/// One recorded run beside the new version.
#[derive(Clone, Debug, Default, Serialize)]
pub struct RunDifference {
    /// The recorded run.
    pub run: String,
    /// The version that it was of.
    pub hash: String,
    /// Whether nothing differs but what was used.
    pub same: bool,
    /// How it ended then and ends now.
    pub status: (String, String),
    /// Where the outcomes differ, the first places.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub places: Vec<PlaceDifference>,
    /// Further places.
    #[serde(skip_serializing_if = "is_zero")]
    pub more_places: usize,
    /// Nodes that ran then and do not now.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub gone: Vec<String>,
    /// Nodes that run now and did not then.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub added: Vec<String>,
    /// Switches that take another case, with both.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub turned: Vec<String>,
    /// Requests that the recorded run does not have.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub asks_anew: Vec<String>,
    /// What it used then.
    pub before: Costs,
    /// What it uses now.
    pub after: Costs,
    /// Why the new version could not be tried: its input does not fit, its recorded version is gone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub untried: Option<String>,
}

/// A place of the outcome that differs.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PlaceDifference {
    /// JSON pointer into `{ output }` or `{ error: { code, message, node } }`.
    pub pointer: String,
    /// What was there; absent when nothing was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<Value>,
    /// What is there now; absent when nothing is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<Value>,
}

/// What runs used. Time is not among it: a recorded answer takes none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Costs {
    /// Attempts.
    pub attempts: u64,
    /// Fuel.
    pub fuel: u64,
    /// Requests.
    pub host_calls: u64,
    /// Tokens that models took and gave.
    pub tokens: u64,
    /// Millionths of a US dollar that models cost.
    pub micro_usd: u64,
}

fn is_zero(n: &usize) -> bool {
    *n == 0
}

impl Costs {
    fn of(trace: &Trace) -> Self {
        Self {
            attempts: trace.nodes.values().map(|stop| u64::from(stop.attempts)).sum(),
            fuel: trace.usage.fuel,
            host_calls: trace.usage.host_calls,
            tokens: trace.tokens,
            micro_usd: trace.micro_usd,
        }
    }

    fn add(&mut self, other: Self) {
        self.attempts += other.attempts;
        self.fuel += other.fuel;
        self.host_calls += other.host_calls;
        self.tokens += other.tokens;
        self.micro_usd += other.micro_usd;
    }
}

impl Host {
    /// Tries a version of a flow on the last runs of the flow, or on those of exactly the version `of`, as sub-flows of
    /// others too. Nothing is kept.
    ///
    /// # Errors
    /// There is no such run, or the store cannot be read.
    pub async fn compare_versions(
        &self,
        new: &Flow,
        of: Option<&Flow>,
        options: CompareOptions,
    ) -> Result<VersionComparison> {
        let mut comparison = VersionComparison {
            flow: new.id().to_owned(),
            hash: new.hash().to_string(),
            ..VersionComparison::default()
        };
        let mut known: BTreeMap<String, Flow> = BTreeMap::new();
        for (id, hash) in self.ended(new, of, options.runs.min(MAX_COMPARED)).await? {
            let compared = self.beside(&id, &hash, new, &mut known, options.otherwise).await?;
            match compared.same {
                true => comparison.same += 1,
                false => comparison.differ += 1,
            }
            comparison.before.add(compared.before);
            comparison.after.add(compared.after);
            comparison.runs.push(compared);
        }
        Ok(comparison)
    }

    /// The last runs that have ended, with their versions.
    async fn ended(
        &self,
        new: &Flow,
        of: Option<&Flow>,
        most: usize,
    ) -> Result<Vec<(RunId, String)>> {
        let name = of.unwrap_or(new).id().to_owned();
        let version = of.map(|flow| flow.hash().to_string());
        let limit = version.as_ref().map_or(most, |_| MAX_COMPARED);
        let query =
            RunQuery { flow: Some(name.clone()), sub_flows: true, limit, ..RunQuery::default() };
        let runs = self.runs(query).await?.into_iter().filter(|run| run.status != "running");
        let runs = runs.filter(|run| version.as_ref().is_none_or(|version| *version == run.hash));
        let runs = runs.take(most).map(|run| (run.id.parse().expect("it was an id"), run.hash));
        let runs: Vec<_> = runs.collect();
        if runs.is_empty() {
            let which = version.map_or_else(String::new, |hash| format!(" of the version {hash}"));
            let why =
                format!("no run of `{name}`{which} has ended, so there is nothing to compare with");
            return Err(Error::new(Kind::Invalid, why)
                .with_help(format!("cleargate runs list --flow {name}")));
        }
        Ok(runs)
    }

    /// One recorded run beside the new version.
    async fn beside(
        &self,
        id: &RunId,
        hash: &str,
        new: &Flow,
        known: &mut BTreeMap<String, Flow>,
        otherwise: Otherwise,
    ) -> Result<RunDifference> {
        let mut out =
            RunDifference { run: id.to_string(), hash: hash.into(), ..RunDifference::default() };
        if !known.contains_key(hash) {
            match self.flow_of(id).await {
                Ok(flow) => drop(known.insert(hash.into(), flow)),
                Err(error) => {
                    out.untried = Some(error.to_string());
                    return Ok(out);
                }
            }
        }
        let old = &known[hash];
        let mut recording = self.recording(id).await?;
        let records = self.events(id).await?;
        let before = Trace::of(&old.graph, id, &records);
        out.before = Costs::of(&before);
        let input = match complete(&new.graph, std::mem::take(&mut recording.input)) {
            Ok(input) => input,
            Err(error) => {
                out.untried = Some(error.message);
                return Ok(out);
            }
        };
        let props = Props { otherwise, ..recording.props(id) };
        let (flow, faults, config) = (new.clone(), StoreFaults::default(), self.config.clone());
        let done = Rehearsal { flow, input, props, faults, config }.perform().await?;
        let after = Trace::of(&new.graph, &done.run, &done.records);
        out.after = Costs::of(&after);
        out.asks_anew = done.heard.fresh;
        out.untried = done.stuck;
        out.differ(&before, &after);
        Ok(out)
    }
}

impl RunDifference {
    fn differ(&mut self, before: &Trace, after: &Trace) {
        self.status = (before.status().to_owned(), after.status().to_owned());
        (self.places, self.more_places) = places(&told(before), &told(after));
        let (then, now) = (before.ran(), after.ran());
        self.gone = then.iter().filter(|path| !now.contains(path)).cloned().collect();
        self.added = now.iter().filter(|path| !then.contains(path)).cloned().collect();
        let case =
            |case: Option<usize>| case.map_or_else(|| "none".into(), |case| format!("case {case}"));
        let both = before
            .nodes
            .iter()
            .filter_map(|(at, then)| Some((at, then.case?, after.nodes.get(at)?.case?)));
        let turned = both.filter(|(_, then, now)| then != now);
        self.turned =
            turned.map(|(at, then, now)| format!("{at}: {} → {}", case(then), case(now))).collect();
        let same_way = self.gone.is_empty() && self.added.is_empty() && self.turned.is_empty();
        self.same = self.untried.is_none()
            && self.places.is_empty()
            && same_way
            && self.status.0 == self.status.1;
    }
}

/// What an outcome says, without what is another each time.
fn told(trace: &Trace) -> Value {
    match &trace.outcome {
        Some(Outcome::Succeeded { output }) => Value::record([("output", output.clone())]),
        Some(Outcome::Failed { address, error }) => {
            let node = address.as_ref().map_or(Value::Null, |at| at.to_string().into());
            let (code, message) = (error.code.as_str().into(), error.message.as_str().into());
            let error = Value::record([("code", code), ("message", message), ("node", node)]);
            Value::record([("error", error)])
        }
        Some(Outcome::Cancelled) | None => Value::empty(),
    }
}

/// Where two outcomes differ: the first places, and how many more there are.
fn places(before: &Value, after: &Value) -> (Vec<PlaceDifference>, usize) {
    let Differences { found, count } = differences(before, after, MAX_PLACES);
    let more = count - found.len();
    let place = |Difference { pointer, left: before, right: after }| PlaceDifference {
        pointer,
        before,
        after,
    };
    (found.into_iter().map(place).collect(), more)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_pointers_and_the_rest_is_counted() {
        let value = |text: &str| Value::from_json(text).unwrap();
        let (then, now) =
            (value(r#"{"a/b":[1,2],"c":{"d":null}}"#), value(r#"{"a/b":[1,3,4],"e":1}"#));
        let (found, _) = places(&then, &now);
        let pointers: Vec<&str> = found.iter().map(|place| place.pointer.as_str()).collect();
        assert_eq!(pointers, ["/a~1b/1", "/a~1b/2", "/c", "/e"]);
        assert_eq!((&found[1].before, &found[1].after), (&None, &Some(4.into())));
        let many = |n: i64| Value::list((0..100).map(|at| Value::Int(at * n)));
        let (found, more) = places(&many(1), &many(2));
        assert_eq!((found.len(), more), (MAX_PLACES, 99 - MAX_PLACES));
    }
}
