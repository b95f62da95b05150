//! What a step is to the executor: something that turns an input into an output, or fails with a reason.
//!
//! Built-in nodes, plugins and sub-flows all implement [`Node`] and are given the same [`NodeContext`].
//! There is no second way to the world: whatever a node does outside itself goes through its
//! [`Pass`](cleargate_gate::Pass), which the gate decides, counts and records.

use async_trait::async_trait;
use cleargate_flow::error::ErrorCode;
use cleargate_flow::event::Usage;
use cleargate_flow::{NodeError, Value};

use crate::context::NodeContext;

/// A step of a flow.
///
/// The future may be dropped at any await point: on a timeout, when the grace after a cancellation is
/// over, and when the process parks its runs. What it then leaves half done is what its effect class says.
#[async_trait]
pub trait Node: Send + Sync {
    /// Performs one attempt. `input` is the record of the input ports.
    async fn run(&self, ctx: NodeContext, input: Value) -> Result<Output, Failure>;

    /// Whether an attempt only waits for runs inside it.
    ///
    /// Such an attempt takes none of the places that the executor's bound on attempts gives out: if it held one while
    /// the nodes inside ask for one, enough of them would wait for each other for ever. It is awaited when it was
    /// cancelled or is out of time, because what is inside it ends in bounded time; and it is dropped when the process
    /// parks, because what is inside is parked too.
    fn waits_for_runs(&self) -> bool {
        false
    }
}

/// A check on content that enters or leaves a step. It decides; the host acts.
#[async_trait]
pub trait Guardrail: Send + Sync {
    /// Judges `content`. `config` is a record that fits the guardrail's own schema.
    async fn check(
        &self,
        ctx: NodeContext,
        stage: Stage,
        content: Value,
        config: Value,
    ) -> Result<Judged, Failure>;
}

/// Rewrites what goes to a model and what comes back. A filter always answers with content.
#[async_trait]
pub trait Filter: Send + Sync {
    /// Rewrites a request before the model sees it.
    async fn before(
        &self,
        ctx: NodeContext,
        request: Value,
        config: Value,
    ) -> Result<Output, Failure>;

    /// Rewrites a whole response. `request` is what [`Filter::before`] returned.
    async fn after(
        &self,
        ctx: NodeContext,
        request: Value,
        response: Value,
        config: Value,
    ) -> Result<Output, Failure>;

    /// Rewrites streamed text. A filter may hold text back to see a pattern that spans chunks.
    async fn on_chunk(
        &self,
        ctx: NodeContext,
        piece: Chunk,
        config: Value,
    ) -> Result<Filtered, Failure>;
}

/// Something that others use by the functions of its kind: a provider, a cache, a tokenizer.
#[async_trait]
pub trait Part: Send + Sync {
    /// Calls a function with a record of its parameters.
    async fn ask(
        &self,
        ctx: NodeContext,
        function: &str,
        arguments: Value,
    ) -> Result<Output, Failure>;
}

/// What an attempt that went well gives.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Output {
    /// The node's value.
    pub value: Value,
    /// What it used. The executor measures the wall clock when `micros` is 0.
    pub usage: Usage,
}

impl From<Value> for Output {
    fn from(value: Value) -> Self {
        Self { value, usage: Usage::default() }
    }
}

/// What an attempt that failed gives.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{error}")]
pub struct Failure {
    /// Why.
    pub error: NodeError,
    /// What it used until then.
    pub usage: Usage,
}

impl Failure {
    /// A failure without usage.
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        NodeError::new(code, message).into()
    }
}

impl From<NodeError> for Failure {
    fn from(error: NodeError) -> Self {
        Self { error, usage: Usage::default() }
    }
}

/// Where in a run content was met.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Before a node or model sees it.
    Input,
    /// After a node or model made it.
    Output,
    /// Arguments of a tool call.
    ToolCall,
    /// Result of a tool call.
    ToolResult,
    /// A stage that a later contract names.
    Other(String),
}

impl Stage {
    /// The stage as flows write it: `input`, `output`, `tool_call`, `tool_result`, or its own name.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Input => "input",
            Self::Output => "output",
            Self::ToolCall => "tool_call",
            Self::ToolResult => "tool_result",
            Self::Other(name) => name,
        }
    }
}

/// One thing that a guardrail found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What kind of thing, for example `aws_access_key`. Never the thing itself.
    pub label: String,
    /// One sentence, without the content that was found.
    pub message: String,
    /// JSON Pointer to the string that holds it; empty for the whole content.
    pub path: String,
}

/// What a guardrail decided.
#[derive(Clone, Debug, PartialEq)]
pub enum Verdict {
    /// Go on.
    Pass,
    /// Go on with other content.
    Modify {
        /// What replaces the content.
        content: Value,
        /// Why.
        findings: Vec<Finding>,
    },
    /// Stop: the step fails with `denied`.
    Reject {
        /// One sentence, without the content that was found.
        reason: String,
        /// Why.
        findings: Vec<Finding>,
    },
    /// Ask a person.
    Escalate {
        /// One sentence, without the content that was found.
        reason: String,
        /// Why.
        findings: Vec<Finding>,
    },
}

/// A verdict and what it took.
#[derive(Clone, Debug, PartialEq)]
pub struct Judged {
    /// The decision.
    pub verdict: Verdict,
    /// What the check used.
    pub usage: Usage,
}

impl From<Verdict> for Judged {
    fn from(verdict: Verdict) -> Self {
        Self { verdict, usage: Usage::default() }
    }
}

/// A piece of streamed text on its way through a filter.
#[derive(Clone, Debug, PartialEq)]
pub struct Chunk {
    /// The text.
    pub text: String,
    /// What the call before returned; `null` in the first call.
    pub carry: Value,
    /// No more text follows: give back what was held.
    pub last: bool,
}

/// What a filter made of a piece.
#[derive(Clone, Debug, PartialEq)]
pub struct Filtered {
    /// The text that may go on.
    pub text: String,
    /// State for the next call.
    pub carry: Value,
    /// What the call used.
    pub usage: Usage,
}
