//! What happened in a run, read from its journal: who ran, how often, which way a switch went, what it took.

use std::collections::BTreeMap;
use std::sync::Arc;

use cleargate_flow::run::{Derived, Run};
use cleargate_flow::{Address, Event, Graph, Outcome, Record, RunId, Usage, Value};
use indexmap::IndexMap;
use serde::Serialize;

/// What became of one node.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub(crate) struct Stop {
    /// `succeeded`, `failed`, `cancelled` or `skipped`; absent while it is under way.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    /// Number of its last attempt; 0 for a block and for what was not performed.
    #[serde(skip_serializing_if = "is_zero")]
    pub attempts: u32,
    /// Its value, when it is no block.
    #[serde(skip)]
    pub value: Option<Value>,
    /// The case that a switch took.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub case: Option<Option<usize>>,
}

fn is_zero(n: &u32) -> bool {
    *n == 0
}

/// A run.
#[derive(Clone, Debug, Default)]
pub(crate) struct Trace {
    pub outcome: Option<Outcome>,
    pub input: Value,
    /// By address, in the order in which they first spoke.
    pub nodes: IndexMap<String, Stop>,
    /// How often, by the name of the event.
    pub events: BTreeMap<String, u64>,
    /// Sums over all attempts; the greatest for memory.
    pub usage: Usage,
    /// Tokens that models took and gave.
    pub tokens: u64,
    /// Millionths of a US dollar that models cost.
    pub micro_usd: u64,
    /// Milliseconds from the first record to the last.
    pub latency_ms: u64,
}

impl Trace {
    /// Folds a journal.
    pub(crate) fn of(graph: &Arc<Graph>, run: &RunId, records: &[Record]) -> Self {
        let mut trace = Self::default();
        let mut machine = Run::new(graph.clone(), run);
        for record in records {
            trace.add(&record.event);
            // A journal that does not fit ends here; what it says was taken.
            for derived in machine.apply(&record.event).unwrap_or_default().derived {
                trace.follow(derived);
            }
        }
        if let (Some(first), Some(last)) = (records.first(), records.last()) {
            trace.latency_ms = u64::try_from(last.at.saturating_sub(first.at)).unwrap_or_default();
        }
        trace
    }

    /// How it ended: `succeeded`, `failed`, `cancelled`; `running` when it did not.
    pub(crate) fn status(&self) -> &str {
        self.outcome.as_ref().map_or("running", Outcome::status)
    }

    /// Paths of the nodes that ran, in the order in which they first spoke.
    pub(crate) fn ran(&self) -> Vec<String> {
        let ran = self.nodes.iter().filter(|(_, stop)| stop.status.as_deref() != Some("skipped"));
        let mut paths: Vec<String> = Vec::new();
        for (at, _) in ran {
            let path = at.parse::<Address>().map_or_else(|_| at.clone(), |at| at.static_path());
            if !paths.contains(&path) {
                paths.push(path);
            }
        }
        paths
    }

    fn add(&mut self, event: &Event) {
        *self.events.entry(event.name().into()).or_default() += 1;
        match event {
            Event::RunStarted { input, .. } => self.input = input.clone(),
            Event::AttemptStarted { address, attempt, .. } => {
                let stop = self.stop(address);
                stop.attempts = stop.attempts.max(*attempt);
            }
            Event::AttemptSucceeded { address, attempt, output, usage } => {
                let stop = self.stop(address);
                stop.attempts = stop.attempts.max(*attempt);
                stop.value = Some(output.clone());
                self.used(*usage);
            }
            Event::AttemptFailed { address, attempt, usage, .. } => {
                let stop = self.stop(address);
                stop.attempts = stop.attempts.max(*attempt);
                self.used(*usage);
            }
            Event::CallFinished { outcome: Ok(answer), .. } => {
                let (tokens, micro_usd) = spent(answer);
                self.tokens = self.tokens.saturating_add(tokens);
                self.micro_usd = self.micro_usd.saturating_add(micro_usd);
            }
            Event::RunFinished { outcome } => self.outcome = Some(outcome.clone()),
            _ => {}
        }
    }

    fn used(&mut self, usage: Usage) {
        let sum = &mut self.usage;
        sum.micros = sum.micros.saturating_add(usage.micros);
        sum.fuel = sum.fuel.saturating_add(usage.fuel);
        sum.host_calls = sum.host_calls.saturating_add(usage.host_calls);
        sum.peak_memory = sum.peak_memory.max(usage.peak_memory);
    }

    fn follow(&mut self, derived: Derived) {
        match derived {
            Derived::SwitchTaken { address, case } => self.stop(&address).case = Some(case),
            Derived::Skipped { address } => self.stop(&address).status = Some("skipped".into()),
            Derived::Settled { address, status } => {
                self.stop(&address).status = Some(status.into())
            }
            _ => {}
        }
    }

    fn stop(&mut self, address: &Address) -> &mut Stop {
        self.nodes.entry(address.to_string()).or_default()
    }
}

/// What an answer of a model says that it cost: tokens, and millionths of a US dollar. Nothing, for any other answer.
pub(crate) fn spent(answer: &Value) -> (u64, u64) {
    let usage = answer.get("reply").and_then(|reply| reply.get("usage"));
    let count = |name: &str| {
        let count = usage.and_then(|usage| usage.get(name)?.as_int()).unwrap_or_default();
        u64::try_from(count).unwrap_or_default()
    };
    (count("input_tokens").saturating_add(count("output_tokens")), count("micro_usd"))
}
