//! What is known of one trigger: where it is, and which runs have not ended. Pure: no clock, no store, no plugin.
//!
//! A trigger may give an event twice, and a process may end at any point. Two rules make one run of each event all the
//! same: the id of an event is the key of its run, and the cursor is kept only when each event before it has a run, in
//! one write with the names of those runs. So what was not kept is given again and finds its run, and what was kept is
//! known to be answered still.

use std::collections::BTreeMap;

use cleargate_flow::Value;
use cleargate_flow::error::{ErrorCode, NodeError};
use serde::{Deserialize, Serialize};

/// Runs of one trigger that have not ended: beyond, it is not asked, so that a queue waits where it is.
pub(super) const MAX_OPEN: usize = 64;

/// Events that are asked for at once.
const MAX_EVENTS: usize = 32;

/// Bytes of the id of an event: it is part of the key of a run.
const MAX_ID: usize = 256;

/// Bytes of a cursor.
const MAX_CURSOR: usize = 16 * 1024;

/// Milliseconds between two questions to a trigger that fails again and again, at most.
const MAX_PAUSE: u64 = 5 * 60 * 1000;

/// What survives the process.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Kept {
    /// What the next question gives.
    pub(super) cursor: Option<String>,
    /// Runs that were started and not answered, by the ids of their events.
    pub(super) open: BTreeMap<String, String>,
}

/// One event as the trigger gave it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Event {
    pub(super) id: String,
    pub(super) input: Value,
}

/// What a trigger answered.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Batch {
    pub(super) events: Vec<Event>,
    pub(super) cursor: Option<String>,
}

/// What is to be done next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// Ask the trigger at a time, in milliseconds since 1970, for so many events.
    Ask { at: i64, cursor: Option<String>, limit: usize },
    /// Wait until a run has ended.
    Full,
}

/// One trigger.
#[derive(Debug)]
pub(super) struct Inbox {
    kept: Kept,
    /// Milliseconds between two questions when there was nothing new.
    every: u64,
    /// When to ask.
    at: i64,
    /// Questions in a row that failed.
    failures: u32,
    /// Whether the last question brought nothing.
    quiet: bool,
}

impl Inbox {
    pub(super) fn new(kept: Kept, every: u64, now: i64) -> Self {
        Self { kept, every, at: now, failures: 0, quiet: false }
    }

    pub(super) fn kept(&self) -> &Kept {
        &self.kept
    }

    /// Whether the last question brought nothing.
    pub(super) fn is_quiet(&self) -> bool {
        self.quiet
    }

    pub(super) fn next(&self) -> Next {
        match MAX_OPEN.saturating_sub(self.kept.open.len()) {
            0 => Next::Full,
            room => Next::Ask {
                at: self.at,
                cursor: self.kept.cursor.clone(),
                limit: room.min(MAX_EVENTS),
            },
        }
    }

    /// Each event of a batch has its run now, but for those that no run can be started for.
    pub(super) fn took(
        &mut self,
        now: i64,
        batch: Batch,
        runs: impl IntoIterator<Item = (String, String)>,
    ) {
        self.failures = 0;
        self.quiet = batch.events.is_empty();
        self.at = if self.quiet { later(now, self.every) } else { now };
        self.kept.open.extend(runs);
        if batch.cursor.is_some() {
            self.kept.cursor = batch.cursor;
        }
    }

    /// The trigger could not be asked; returns the milliseconds until it is asked again.
    pub(super) fn failed(&mut self, now: i64) -> u64 {
        let pause = self.every.saturating_mul(1 << self.failures.min(20)).min(MAX_PAUSE);
        self.failures += 1;
        self.at = later(now, pause);
        pause
    }

    /// The run of an event has ended, and whoever sent the event was told.
    pub(super) fn answered(&mut self, event: &str) {
        self.kept.open.remove(event);
    }
}

fn later(now: i64, ms: u64) -> i64 {
    now.saturating_add(i64::try_from(ms).unwrap_or(i64::MAX))
}

impl Batch {
    /// A trigger's answer, held to its bounds.
    pub(super) fn read(answer: &Value, limit: usize) -> Result<Self, NodeError> {
        let wrong = |why: String| NodeError::new(ErrorCode::Bug, format!("the trigger {why}"));
        let text = |of: &Value, name: &str| Some(of.get(name)?.as_str()?.to_owned());
        let given = answer.get("events").and_then(Value::as_list).unwrap_or_default();
        if given.len() > limit {
            return Err(wrong(format!("gave {} events, asked for {limit}", given.len())));
        }
        let mut events = Vec::new();
        for event in given {
            let id = text(event, "id").unwrap_or_default();
            if id.is_empty() || id.len() > MAX_ID {
                let bytes = id.len();
                return Err(wrong(format!(
                    "gave an event whose id has {bytes} bytes; it may have 1 to {MAX_ID}"
                )));
            }
            let input = event.get("input").cloned().unwrap_or_default();
            events.push(Event { id, input });
        }
        let cursor = text(answer, "cursor");
        if let Some(bytes) = cursor.as_ref().map(String::len).filter(|bytes| *bytes > MAX_CURSOR) {
            return Err(wrong(format!("gave a cursor of {bytes} bytes; it may have {MAX_CURSOR}")));
        }
        Ok(Self { events, cursor })
    }
}

#[cfg(test)]
mod tests;
