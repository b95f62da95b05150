//! What runs of a flow took until now: the best guess at what the next one will take.

use std::collections::BTreeMap;

use cleargate_flow::{Event, RunId};
use indexmap::IndexMap;
use serde::Serialize;

use crate::comparison::MAX_COMPARED;
use crate::error::Result;
use crate::host::Host;
use crate::rehearsal::spent;
use crate::runs::{RunQuery, RunView};

/// How figures of runs are spread.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Spread {
    /// Half of them are at most this.
    pub p50: u64,
    /// 95 of 100.
    pub p95: u64,
    /// All of them.
    pub max: u64,
}

/// The last runs of a flow.
#[derive(Clone, Debug, Default, Serialize)]
pub struct History {
    /// Runs that have ended and were looked at.
    pub runs: usize,
    /// Of them: succeeded.
    pub succeeded: usize,
    /// Of them: by exactly this version.
    pub same_version: usize,
    /// Milliseconds from the first record to the last.
    pub duration_ms: Spread,
    /// Fuel of all attempts.
    pub fuel: Spread,
    /// Requests of all attempts.
    pub host_calls: Spread,
    /// Tokens that models took and gave.
    pub tokens: Spread,
    /// Millionths of a US dollar that models cost.
    pub micro_usd: Spread,
    /// Each node that was performed, in the order in which they answered first.
    pub nodes: Vec<NodeHistory>,
}

/// The attempts of one node in those runs.
#[derive(Clone, Debug, Default, Serialize)]
pub struct NodeHistory {
    /// Node ids from the outermost scope inwards.
    pub path: String,
    /// Attempts.
    pub attempts: usize,
    /// Of them: failed.
    pub failed: usize,
    /// Microseconds of one attempt.
    pub micros: Spread,
    /// Fuel of one attempt.
    pub fuel: Spread,
    /// Bytes of memory of one attempt.
    pub memory: Spread,
    /// Tokens of one run.
    pub tokens: Spread,
}

impl Spread {
    /// The spread of figures; nothing of none.
    pub fn of(mut figures: Vec<u64>) -> Self {
        figures.sort_unstable();
        let Some(last) = figures.len().checked_sub(1) else { return Self::default() };
        let at = |part: usize| figures[(figures.len() * part / 100).min(last)];
        Self { p50: at(50), p95: at(95), max: figures[last] }
    }
}

#[derive(Default)]
struct Node {
    failed: usize,
    micros: Vec<u64>,
    fuel: Vec<u64>,
    memory: Vec<u64>,
    /// By run.
    tokens: BTreeMap<RunId, u64>,
}

#[derive(Default)]
struct Figures {
    durations: Vec<u64>,
    fuel: Vec<u64>,
    host_calls: Vec<u64>,
    tokens: Vec<u64>,
    micro_usd: Vec<u64>,
    nodes: IndexMap<String, Node>,
}

impl Host {
    /// What the last `limit` runs of a flow took that have ended, as sub-flows too. `hash` is the version that counts
    /// as the same.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn history(&self, flow: &str, hash: &str, limit: usize) -> Result<History> {
        let query =
            RunQuery { flow: Some(flow.into()), sub_flows: true, limit, ..RunQuery::default() };
        self.figures(self.runs(query).await?, hash).await
    }

    /// What the last `limit` runs of exactly one version took, among the last [`MAX_COMPARED`] of the flow.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn history_of_version(
        &self,
        flow: &str,
        hash: &str,
        limit: usize,
    ) -> Result<History> {
        let (flow, most) = (Some(flow.to_owned()), MAX_COMPARED);
        let query = RunQuery { flow, sub_flows: true, limit: most, ..RunQuery::default() };
        let runs = self.runs(query).await?.into_iter();
        let runs = runs.filter(|run| run.hash == hash && run.status != "running");
        self.figures(runs.take(limit).collect(), hash).await
    }

    async fn figures(&self, runs: Vec<RunView>, hash: &str) -> Result<History> {
        let (mut history, mut figures) = (History::default(), Figures::default());
        for run in runs.into_iter().filter(|run| run.status != "running") {
            history.runs += 1;
            history.succeeded += usize::from(run.status == "succeeded");
            history.same_version += usize::from(run.hash == hash);
            let duration = u64::try_from(run.duration_ms.unwrap_or_default()).unwrap_or_default();
            figures.durations.push(duration);
            let id: RunId = run.id.parse().expect("it was an id");
            self.look(&id, &mut figures).await?;
        }
        history.duration_ms = Spread::of(figures.durations);
        history.fuel = Spread::of(figures.fuel);
        history.host_calls = Spread::of(figures.host_calls);
        history.tokens = Spread::of(figures.tokens);
        history.micro_usd = Spread::of(figures.micro_usd);
        history.nodes = figures.nodes.into_iter().map(|(path, node)| node.history(path)).collect();
        Ok(history)
    }

    /// Takes the figures of one run, page by page.
    async fn look(&self, id: &RunId, figures: &mut Figures) -> Result<()> {
        let (mut fuel, mut calls, mut spoken, mut cost, mut next) = (0, 0, 0, 0, 0);
        loop {
            let page = self.events_from(id, next).await?;
            let Some(last) = page.last() else { break };
            next = last.seq + 1;
            for record in &page {
                let (address, usage, failed) = match &record.event {
                    Event::AttemptSucceeded { address, usage, .. } => (address, usage, false),
                    Event::AttemptFailed { address, usage, .. } => (address, usage, true),
                    Event::CallFinished { address, outcome: Ok(answer), .. } => {
                        let (n, micro_usd) = spent(answer);
                        cost += micro_usd;
                        if n > 0 {
                            let node = figures.nodes.entry(address.static_path()).or_default();
                            *node.tokens.entry(id.clone()).or_default() += n;
                            spoken += n;
                        }
                        continue;
                    }
                    _ => continue,
                };
                let node = figures.nodes.entry(address.static_path()).or_default();
                node.failed += usize::from(failed);
                node.micros.push(usage.micros);
                node.fuel.push(usage.fuel);
                node.memory.push(usage.peak_memory);
                fuel += usage.fuel;
                calls += usage.host_calls;
            }
        }
        figures.fuel.push(fuel);
        figures.host_calls.push(calls);
        figures.tokens.push(spoken);
        figures.micro_usd.push(cost);
        Ok(())
    }
}

impl Node {
    fn history(self, path: String) -> NodeHistory {
        NodeHistory {
            path,
            attempts: self.micros.len(),
            failed: self.failed,
            micros: Spread::of(self.micros),
            fuel: Spread::of(self.fuel),
            memory: Spread::of(self.memory),
            tokens: Spread::of(self.tokens.into_values().collect()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_spread_from_the_middle_to_the_greatest() {
        assert_eq!(Spread::of(Vec::new()), Spread::default());
        assert_eq!(Spread::of(vec![7]), Spread { p50: 7, p95: 7, max: 7 });
        let hundred = Spread::of((1..=100).rev().collect());
        assert_eq!(hundred, Spread { p50: 51, p95: 96, max: 100 });
    }
}
