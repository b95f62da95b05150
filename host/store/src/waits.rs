//! What runs wait for, and what others have for them: the words of a run's inbox and of the lists of what is open.
//!
//! The inbox is truth until the run has taken what is in it: the record that takes it and the note that it is taken are
//! one transaction. The list of what is open is derived: each change follows from one record alone, so it can be made
//! anew from the journals.

use cleargate_flow::{Address, Event, FlowId, Record, RunId, Value};
use serde::{Deserialize, Serialize};

use crate::blob::check_size;
use crate::error::StoreError;

/// Letters that wait in the inbox of one run: more than a run that works has, and few enough to read at once.
pub const MAX_INBOX: usize = 1_000;

/// Bytes of JSON of one letter: large data is kept elsewhere and named.
pub const MAX_LETTER_BYTES: usize = 64 * 1024;

/// Bytes of what makes a letter unique, and of who sent it.
pub const MAX_LETTER_ID_BYTES: usize = 256;

/// Characters of a title in a list; the journal has all of it.
const MAX_TITLE: usize = 200;

/// Something that somebody wants a run to know.
#[derive(Clone, Debug, PartialEq)]
pub struct Letter {
    /// The run.
    pub run: RunId,
    /// Two letters to a run with the same one are the same letter. At most [`MAX_LETTER_ID_BYTES`].
    pub id: String,
    /// Who sent it. At most [`MAX_LETTER_ID_BYTES`].
    pub by: String,
    /// When, in milliseconds since 1970-01-01T00:00:00Z.
    pub at: i64,
    /// What it says.
    pub says: Says,
}

/// What a letter says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Says {
    /// An event has happened.
    Signal {
        /// Its name.
        name: String,
        /// What it carries.
        payload: Value,
    },
    /// The answer to a task.
    Answer {
        /// The node that asks.
        address: Address,
        /// The fields of its form.
        answer: Value,
    },
}

/// What became of a letter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Posted {
    /// It is in the inbox now.
    New,
    /// The run has one with this id, or had it; nothing was changed.
    Known,
}

/// What a node waits for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WaitsFor {
    /// A moment.
    Time,
    /// An event.
    Event {
        /// Its name.
        name: String,
    },
    /// People.
    Task {
        /// What they are asked, in a line.
        title: String,
        /// Who is asked; nobody: anybody.
        assignee: Vec<String>,
    },
    /// A deadline or a pause of a node that is not itself in this list.
    Alarm,
}

/// A node that waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenWait {
    /// Its run.
    pub run: RunId,
    /// The run's flow.
    pub flow: FlowId,
    /// The node. Absent for [`WaitsFor::Alarm`].
    pub address: Option<Address>,
    /// What it waits for.
    pub waits_for: WaitsFor,
    /// Until when, in milliseconds since 1970-01-01T00:00:00Z.
    pub until: Option<i64>,
    /// Since when.
    pub since: i64,
    /// The record that says it.
    pub seq: u64,
}

/// Which nodes that wait are asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WaitFilter {
    /// Of this run only.
    pub run: Option<RunId>,
    /// Tasks only.
    pub tasks: bool,
    /// At most so many, and at most [`MAX_PAGE`](crate::MAX_PAGE).
    pub limit: usize,
    /// Those behind this one only: run and record of the last one of the page before.
    pub after: Option<(RunId, u64)>,
}

/// What a record changes in the list of what is open.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Change {
    Opens {
        address: Address,
        waits_for: WaitsFor,
        until: Option<i64>,
        since: i64,
        seq: u64,
    },
    Closes(Address),
    /// A letter was taken.
    Takes(String),
    ClosesAll,
}

/// What records change.
pub(crate) fn changes(records: &[Record]) -> Vec<Change> {
    records.iter().filter_map(change).collect()
}

fn change(record: &Record) -> Option<Change> {
    let (since, seq) = (record.at, record.seq);
    Some(match &record.event {
        Event::WaitStarted { address, name, until } => {
            let waits_for = name.clone().map_or(WaitsFor::Time, |name| WaitsFor::Event { name });
            Change::Opens { address: address.clone(), waits_for, until: *until, since, seq }
        }
        Event::TaskOpened { address, task, until } => {
            let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            let title = task.get("title").map(text).unwrap_or_default();
            let title = title.chars().take(MAX_TITLE).collect();
            let assignee = task.get("assignee").and_then(Value::as_list).unwrap_or_default();
            let assignee = assignee.iter().map(text).collect();
            let waits_for = WaitsFor::Task { title, assignee };
            Change::Opens { address: address.clone(), waits_for, until: *until, since, seq }
        }
        Event::WaitOver { address } | Event::WaitEnded { address } => {
            Change::Closes(address.clone())
        }
        Event::SignalReceived { id, .. }
        | Event::SignalRefused { id, .. }
        | Event::TaskAnswered { id, .. }
        | Event::AnswerRefused { id, .. } => Change::Takes(id.clone()),
        Event::RunFinished { .. } => Change::ClosesAll,
        _ => return None,
    })
}

/// Refuses a letter that no inbox takes, and gives its JSON.
pub(crate) fn check_letter(letter: &Letter) -> Result<String, StoreError> {
    check_size("id of a letter", letter.id.as_bytes(), MAX_LETTER_ID_BYTES)?;
    check_size("name of a sender", letter.by.as_bytes(), MAX_LETTER_ID_BYTES)?;
    let (Says::Signal { payload: value, .. } | Says::Answer { answer: value, .. }) = &letter.says;
    if value.depth() > cleargate_flow::event::MAX_PAYLOAD_DEPTH {
        let limit = cleargate_flow::event::MAX_PAYLOAD_DEPTH;
        return Err(StoreError::TooDeep { run: letter.run.clone(), seq: 0, limit });
    }
    let body = serde_json::to_string(&letter.says).expect("a letter holds nothing JSON cannot");
    check_size("letter", body.as_bytes(), MAX_LETTER_BYTES)?;
    Ok(body)
}
