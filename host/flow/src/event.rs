//! What happened in a run: the only persisted form of a run, versioned from the first day.
//!
//! The journal holds facts that cannot be computed: that a run was started with this input, that an attempt
//! was begun, what it answered, that somebody cancelled. Everything else (which branch a switch took,
//! what was skipped, when a map was complete) follows from the facts and the graph, and is computed again
//! by [`crate::run`] when somebody asks.

use serde::{Deserialize, Serialize};

use crate::address::{Address, FlowHash, FlowId, RunId};
use crate::error::{ErrorCode, NodeError};
use crate::value::Value;

/// Version of the persisted form. A reader refuses a greater one.
pub const EVENT_VERSION: u16 = 1;

/// Levels of nesting that a payload may have. Readers of JSON stop at 128, so a deeper one could be written and never
/// read. Values from outside have 64 at most.
pub const MAX_PAYLOAD_DEPTH: usize = 120;

/// Bytes of JSON that a payload may have: it has to fit into memory several times over while a node works on it.
pub const MAX_PAYLOAD_BYTES: usize = 64 * 1024 * 1024;

/// Bytes of the sentences of an error, and of its detail: a person reads them.
pub const MAX_ERROR_BYTES: usize = 64 * 1024;

/// Refuses a value that no journal takes, before anything depends on it.
///
/// # Errors
/// `limit` for what is too deep or too long, `bug` for a float that is no number.
pub fn check_payload(value: &Value) -> Result<(), NodeError> {
    let measure = value.measure();
    if measure.levels > MAX_PAYLOAD_DEPTH {
        let levels = measure.levels;
        let message =
            format!("the value has {levels} levels; at most {MAX_PAYLOAD_DEPTH} are kept");
        return Err(NodeError::limit("depth", message).with_help("flatten it"));
    }
    if !measure.finite {
        let message = "the value holds a float that is no number, which nothing could read back";
        return Err(NodeError::new(ErrorCode::Bug, message));
    }
    let most = MAX_PAYLOAD_BYTES;
    if measure.longest_json > most as u64 && value.to_json().len() > most {
        let message = format!("the value is longer than the {most} bytes that a journal keeps");
        return Err(NodeError::limit("journal", message)
            .with_help("keep large data in a file or a blob, and pass its name"));
    }
    Ok(())
}

/// One entry of a journal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// Position in the run's journal: 0, 1, 2, … without gaps.
    pub seq: u64,
    /// Milliseconds since 1970-01-01T00:00:00Z, by the clock of the writer. Informs; never decides.
    pub at: i64,
    /// What happened.
    #[serde(flatten)]
    pub event: Event,
}

/// A fact about a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// The first event of each run.
    RunStarted {
        /// The flow's name.
        flow: FlowId,
        /// The version that this run is pinned to.
        hash: FlowHash,
        /// The input after defaults.
        input: Value,
        /// The run and address that started this one, for a sub-flow.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        parent: Option<(RunId, Address)>,
        /// Version of the persisted form.
        v: u16,
    },
    /// An attempt is about to be performed. Durable before the effect when the effect class asks for it.
    AttemptStarted {
        /// Which node.
        address: Address,
        /// First attempt is 1.
        attempt: u32,
        /// What the callee may deduplicate by; the same for all attempts of the step.
        key: String,
    },
    /// An attempt ended well. The first one recorded for an address is the node's result for ever.
    AttemptSucceeded {
        /// Which node.
        address: Address,
        /// Which attempt.
        attempt: u32,
        /// The node's value.
        output: Value,
        /// What it used.
        #[serde(default, skip_serializing_if = "Usage::is_nothing")]
        usage: Usage,
    },
    /// An attempt failed. Whether another follows is decided by the run machine, not by the writer.
    AttemptFailed {
        /// Which node.
        address: Address,
        /// Which attempt.
        attempt: u32,
        /// Why.
        error: NodeError,
        /// What it used.
        #[serde(default, skip_serializing_if = "Usage::is_nothing")]
        usage: Usage,
    },
    /// The pause before a retry is over.
    RetryDue {
        /// Which node.
        address: Address,
        /// The attempt that is now due.
        attempt: u32,
    },
    /// The deadline over all attempts of a node, or of a block, has passed.
    DeadlinePassed {
        /// Which node.
        address: Address,
    },
    /// Nothing was heard of what is inside a block for as long as it allows.
    IdlePassed {
        /// Which block.
        address: Address,
    },
    /// A host call inside an attempt is about to be performed.
    CallStarted {
        /// Which node.
        address: Address,
        /// Which attempt.
        attempt: u32,
        /// Numbers of the calls that this one is part of, the outermost first: a tool that a plugin calls makes
        /// calls of its own, which are numbered anew.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        within: Vec<u32>,
        /// Number of the call inside the attempt: 0, 1, 2, …
        call: u32,
        /// What is asked, without payload: `http GET api.example.org`, `kv get notes/x`.
        request: String,
        /// Digest of the whole request: a replay that asks something else has diverged.
        digest: String,
    },
    /// A host call inside an attempt has answered.
    CallFinished {
        /// Which node.
        address: Address,
        /// Which attempt.
        attempt: u32,
        /// As of the [`Event::CallStarted`].
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        within: Vec<u32>,
        /// Number of the call inside the attempt.
        call: u32,
        /// What is asked, when no [`Event::CallStarted`] was needed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        request: Option<String>,
        /// Digest of the whole request.
        digest: String,
        /// The answer, refusals included: a replay sees the same.
        outcome: Result<Value, NodeError>,
    },
    /// A bounded line of log text.
    Logged {
        /// Which node.
        address: Address,
        /// `trace`, `debug`, `info`, `warn` or `error`.
        level: String,
        /// The text as data: escaped on each output.
        message: String,
    },
    /// An attempt gives an asset: its value was known, or it is made now.
    AssetChecked {
        /// Which node.
        address: Address,
        /// `flow/name`.
        asset: String,
        /// Which part of it, when it has keys.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        key: Option<String>,
        /// Why it is made, in words; nothing when its value was known.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        why: Vec<String>,
        /// The run that made the value that was known, and when, in milliseconds since 1970-01-01T00:00:00Z.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        from: Option<(RunId, i64)>,
    },
    /// A node waits, for a moment or an event.
    WaitStarted {
        /// Which node.
        address: Address,
        /// Name of the event, when it waits for one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        name: Option<String>,
        /// Until when, in milliseconds since 1970-01-01T00:00:00Z.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        until: Option<i64>,
    },
    /// People are asked. Once more for the same node when the task goes to others.
    TaskOpened {
        /// Which node.
        address: Address,
        /// `{ title, text, assignee, form, quorum }`, as people see it; `form` is a JSON Schema.
        task: Value,
        /// Until when, in milliseconds since 1970-01-01T00:00:00Z.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        until: Option<i64>,
    },
    /// The moment until which a node waits has come.
    WaitOver {
        /// Which node.
        address: Address,
    },
    /// What a node wants cannot be: there is no such moment, or nobody takes its event.
    WaitFailed {
        /// Which node.
        address: Address,
        /// Why.
        error: NodeError,
    },
    /// A node that waited waits no more, whatever the reason. Follows from what came before; kept so that lists of what
    /// is open follow from the journal alone.
    WaitEnded {
        /// Which node.
        address: Address,
    },
    /// Somebody told the run of an event.
    SignalReceived {
        /// Name of the event.
        name: String,
        /// What made it unique in the run.
        id: String,
        /// Who told.
        by: String,
        /// What it carries.
        payload: Value,
    },
    /// Somebody told the run of an event that it does not take.
    SignalRefused {
        /// Name of the event.
        name: String,
        /// What made it unique in the run.
        id: String,
        /// Who told.
        by: String,
        /// Why.
        error: NodeError,
    },
    /// Somebody answered a task.
    TaskAnswered {
        /// Which node.
        address: Address,
        /// What made the answer unique in the run.
        id: String,
        /// Who answered.
        by: String,
        /// When it was given, in milliseconds since 1970-01-01T00:00:00Z.
        given: i64,
        /// The fields of the form.
        answer: Value,
    },
    /// Somebody answered a task too late, or with what does not fit its form.
    AnswerRefused {
        /// Which node.
        address: Address,
        /// What made the answer unique in the run.
        id: String,
        /// Who answered.
        by: String,
        /// Why.
        error: NodeError,
    },
    /// Another run was told of an event, once and for all.
    Emitted {
        /// Which node.
        address: Address,
    },
    /// Chance has decided.
    Drawn {
        /// Which node.
        address: Address,
        /// From 0 up to the sum of the weights.
        value: u64,
    },
    /// Somebody asked for the run to end.
    CancelRequested {
        /// Who or what: `interrupt`, `operator`, `parent`.
        by: String,
    },
    /// A process took the run over after another one ended without finishing it.
    RunResumed {
        /// Fencing token of the new writer.
        fence: u64,
    },
    /// The records up to here were taken over from another run. Its calls and keys are those of that run.
    Forked {
        /// The run that they are from.
        from: RunId,
        /// What was left out, with all that follows from it; it happens anew after this record.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        places: Vec<Address>,
        /// Nodes whose value somebody gave.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        set: Vec<Address>,
    },
    /// A sub-flow of a run that was forked begins, in one attempt, with what another run did: it is a fork as well. The
    /// records are kept here, so that the fork needs nothing of the run that it is from, and is stored in one piece.
    SubFlowForked {
        /// Which node.
        address: Address,
        /// Which attempt.
        attempt: u32,
        /// The run that they are from.
        from: RunId,
        /// The events that the sub-flow begins with, as a list. The last one is its own [`Event::Forked`].
        kept: Value,
    },
    /// The run belongs to another version of its flow from here on, which all records before fit too.
    Migrated {
        /// The version until now.
        from: FlowHash,
        /// The version that it is pinned to now.
        to: FlowHash,
    },
    /// The last event of each run.
    RunFinished {
        /// How it ended.
        outcome: Outcome,
    },
}

impl Event {
    /// The node that it is about.
    pub fn address(&self) -> Option<&Address> {
        match self {
            Self::AttemptStarted { address, .. }
            | Self::AttemptSucceeded { address, .. }
            | Self::AttemptFailed { address, .. }
            | Self::RetryDue { address, .. }
            | Self::DeadlinePassed { address }
            | Self::IdlePassed { address }
            | Self::CallStarted { address, .. }
            | Self::CallFinished { address, .. }
            | Self::AssetChecked { address, .. }
            | Self::Logged { address, .. }
            | Self::WaitStarted { address, .. }
            | Self::TaskOpened { address, .. }
            | Self::WaitOver { address }
            | Self::WaitFailed { address, .. }
            | Self::WaitEnded { address }
            | Self::TaskAnswered { address, .. }
            | Self::AnswerRefused { address, .. }
            | Self::Emitted { address }
            | Self::SubFlowForked { address, .. }
            | Self::Drawn { address, .. } => Some(address),
            Self::RunStarted { .. }
            | Self::CancelRequested { .. }
            | Self::RunResumed { .. }
            | Self::SignalReceived { .. }
            | Self::SignalRefused { .. }
            | Self::Forked { .. }
            | Self::Migrated { .. }
            | Self::RunFinished { .. } => None,
        }
    }

    /// What the journal calls it: `attempt_started`, `run_finished`, …
    pub fn name(&self) -> &'static str {
        match self {
            Self::RunStarted { .. } => "run_started",
            Self::AttemptStarted { .. } => "attempt_started",
            Self::AttemptSucceeded { .. } => "attempt_succeeded",
            Self::AttemptFailed { .. } => "attempt_failed",
            Self::RetryDue { .. } => "retry_due",
            Self::DeadlinePassed { .. } => "deadline_passed",
            Self::IdlePassed { .. } => "idle_passed",
            Self::CallStarted { .. } => "call_started",
            Self::CallFinished { .. } => "call_finished",
            Self::Logged { .. } => "logged",
            Self::AssetChecked { .. } => "asset_checked",
            Self::WaitStarted { .. } => "wait_started",
            Self::TaskOpened { .. } => "task_opened",
            Self::WaitOver { .. } => "wait_over",
            Self::WaitFailed { .. } => "wait_failed",
            Self::WaitEnded { .. } => "wait_ended",
            Self::SignalReceived { .. } => "signal_received",
            Self::SignalRefused { .. } => "signal_refused",
            Self::TaskAnswered { .. } => "task_answered",
            Self::AnswerRefused { .. } => "answer_refused",
            Self::Emitted { .. } => "emitted",
            Self::Drawn { .. } => "drawn",
            Self::CancelRequested { .. } => "cancel_requested",
            Self::RunResumed { .. } => "run_resumed",
            Self::Forked { .. } => "forked",
            Self::SubFlowForked { .. } => "sub_flow_forked",
            Self::Migrated { .. } => "migrated",
            Self::RunFinished { .. } => "run_finished",
        }
    }
}

/// How a run ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "status", rename_all = "snake_case")]
pub enum Outcome {
    /// With the flow's output.
    Succeeded {
        /// A record with the fields of `output:`.
        output: Value,
    },
    /// With the error of the node that could not be helped.
    Failed {
        /// Where.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        address: Option<Address>,
        /// Why.
        error: NodeError,
    },
    /// Because somebody asked for it.
    Cancelled,
}

impl Outcome {
    /// `succeeded`, `failed` or `cancelled`.
    pub fn status(&self) -> &'static str {
        match self {
            Self::Succeeded { .. } => "succeeded",
            Self::Failed { .. } => "failed",
            Self::Cancelled => "cancelled",
        }
    }
}

/// What an attempt used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Usage {
    /// Wall clock in microseconds.
    #[serde(skip_serializing_if = "is_zero")]
    pub micros: u64,
    /// Units of fuel; 0 for built-in nodes.
    #[serde(skip_serializing_if = "is_zero")]
    pub fuel: u64,
    /// Greatest sum of memories, in bytes; 0 for built-in nodes.
    #[serde(skip_serializing_if = "is_zero")]
    pub peak_memory: u64,
    /// Calls of host functions.
    #[serde(skip_serializing_if = "is_zero")]
    pub host_calls: u64,
}

impl Usage {
    /// Whether there is nothing to say.
    pub fn is_nothing(&self) -> bool {
        *self == Self::default()
    }
}

fn is_zero(n: &u64) -> bool {
    *n == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_journal_takes_is_refused() {
        let nested = |levels| (1..levels).fold(Value::Null, |inner, _| Value::list([inner]));
        // Quotes beside it, and six bytes for each character that has to be escaped.
        let text = |bytes: usize| Value::from("x".repeat(bytes - 2));
        for (value, refused) in [
            (nested(MAX_PAYLOAD_DEPTH), None),
            (nested(MAX_PAYLOAD_DEPTH + 1), Some(ErrorCode::Limit)),
            (text(MAX_PAYLOAD_BYTES), None),
            (text(MAX_PAYLOAD_BYTES + 1), Some(ErrorCode::Limit)),
            ("\u{1}".repeat(MAX_PAYLOAD_BYTES / 6 + 1).into(), Some(ErrorCode::Limit)),
            (Value::list([Value::Float(f64::NAN)]), Some(ErrorCode::Bug)),
            (Value::record([("x", Value::Float(f64::INFINITY))]), Some(ErrorCode::Bug)),
        ] {
            let found = check_payload(&value).map_err(|error| error.code);
            assert_eq!(found, refused.map_or(Ok(()), Err), "{:?}", value.measure());
        }
    }
}
