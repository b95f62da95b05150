//! A run as a table: per node how often, how long, how much. Folded from the journal, never stored.

use indexmap::IndexMap;
use serde::Serialize;

use cleargate_flow::{Address, Event, Outcome, Record};

/// One run with its nodes.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Timeline {
    /// In the order in which they first answered. The items of a map are one row.
    pub nodes: Vec<NodeRow>,
    /// Milliseconds from the first record to the last.
    pub wall_ms: i64,
    /// How often the run was taken over by another process.
    pub resumed: u32,
    /// Records in the journal.
    pub events: usize,
    /// Values of steps that are kept for other runs.
    #[serde(skip_serializing_if = "AssetsUsed::is_nothing")]
    pub assets: AssetsUsed,
    /// How it ended; absent while it has not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outcome: Option<Outcome>,
}

/// Assets that were made anew that a timeline tells of: a person reads them.
const MAX_MADE_TOLD: usize = 20;

/// The assets that the nodes of a run gave.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct AssetsUsed {
    /// Steps that were not performed because their value was known.
    pub reused: u64,
    /// Steps that were performed.
    pub made: u64,
    /// Why they were, of the first ones.
    pub reasons: Vec<AssetMade>,
}

/// Why an asset was made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AssetMade {
    /// `flow/name`.
    pub asset: String,
    /// Which part of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// In words.
    pub why: Vec<String>,
}

impl AssetsUsed {
    fn is_nothing(&self) -> bool {
        *self == Self::default()
    }

    fn add(&mut self, asset: &str, key: &Option<String>, why: &[String], known: bool) {
        if known {
            self.reused += 1;
            return;
        }
        self.made += 1;
        if self.reasons.len() < MAX_MADE_TOLD {
            self.reasons.push(AssetMade {
                asset: asset.into(),
                key: key.clone(),
                why: why.to_vec(),
            });
        }
    }
}

/// What the journal knows of one node, over all items and attempts.
#[derive(Clone, Debug, Default, Serialize)]
pub struct NodeRow {
    /// Node ids from the outermost scope inwards.
    pub path: String,
    /// Addresses that succeeded.
    pub succeeded: u64,
    /// Attempts that failed.
    pub failed_attempts: u64,
    /// Sum of wall clocks in microseconds.
    pub total_micros: u64,
    /// Greatest wall clock of one attempt in microseconds.
    pub max_micros: u64,
    /// Sum of fuel.
    pub fuel: u64,
    /// Greatest sum of memories of one attempt, in bytes.
    pub peak_memory: u64,
    /// Calls of host functions.
    pub host_calls: u64,
    /// Milliseconds from the start of the run to the first and the last answer.
    pub span_ms: (i64, i64),
}

/// A timeline that is folded record by record, because a journal may be larger than what is in memory at once.
#[derive(Default)]
pub(crate) struct Folding {
    timeline: Timeline,
    rows: IndexMap<String, NodeRow>,
    start: Option<i64>,
}

impl Folding {
    pub(crate) fn add(&mut self, record: &Record) {
        let (timeline, rows) = (&mut self.timeline, &mut self.rows);
        // A clock that was set back took no time.
        let at = record.at.saturating_sub(*self.start.get_or_insert(record.at)).max(0);
        timeline.wall_ms = at;
        timeline.events += 1;
        match &record.event {
            Event::AttemptSucceeded { address, usage, .. } => {
                let row = row(rows, address, at);
                row.succeeded += 1;
                row.add(*usage);
            }
            Event::AttemptFailed { address, usage, .. } => {
                let row = row(rows, address, at);
                row.failed_attempts += 1;
                row.add(*usage);
            }
            Event::AssetChecked { asset, key, why, from, .. } => {
                timeline.assets.add(asset, key, why, from.is_some());
            }
            Event::RunResumed { .. } => timeline.resumed += 1,
            Event::RunFinished { outcome } => timeline.outcome = Some(outcome.clone()),
            _ => {}
        }
    }

    pub(crate) fn timeline(self) -> Timeline {
        Timeline { nodes: self.rows.into_values().collect(), ..self.timeline }
    }
}

fn row<'a>(rows: &'a mut IndexMap<String, NodeRow>, address: &Address, at: i64) -> &'a mut NodeRow {
    let path = address.static_path();
    let row = rows.entry(path.clone()).or_insert_with(|| NodeRow {
        path,
        span_ms: (at, at),
        ..NodeRow::default()
    });
    row.span_ms.1 = at;
    row
}

impl NodeRow {
    fn add(&mut self, usage: cleargate_flow::Usage) {
        self.total_micros += usage.micros;
        self.max_micros = self.max_micros.max(usage.micros);
        self.fuel += usage.fuel;
        self.peak_memory = self.peak_memory.max(usage.peak_memory);
        self.host_calls += usage.host_calls;
    }
}
