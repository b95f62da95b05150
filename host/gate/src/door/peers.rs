//! The door to the other plugins of a flow: models and tools, under the names that the flow gives them.
//!
//! Such a call is decided, counted and recorded like any other. Who performs it comes with the pass, because what
//! answers runs with rights and bounds of its own; and what it asks the gate for is recorded inside the call.

use std::sync::Arc;

use async_trait::async_trait;
use cleargate_flow::error::ErrorCode;
use cleargate_flow::signature::Effect;
use cleargate_flow::{NodeError, Value};

use crate::log::CallLog;

/// A tool that a pass may name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeerTool {
    /// `alias`, or `alias.tool` when the package has several.
    pub name: String,
    /// What it does and when to use it.
    pub description: String,
    /// JSON Schema of its arguments, as JSON text.
    pub input: String,
    /// What it does to the world.
    pub effect: Effect,
}

/// The other plugins of a flow, as one pass reaches them.
#[async_trait]
pub trait Peers: Send + Sync {
    /// The tools that there are, granted or not, in a fixed order.
    fn tools(&self) -> &[PeerTool];

    /// Asks a model. `request` and the answer are records, see `cleargate:host/model`.
    async fn complete(
        &self,
        model: &str,
        request: Value,
        log: Arc<dyn CallLog>,
    ) -> Result<Value, NodeError>;

    /// Calls a tool.
    async fn call(
        &self,
        tool: &str,
        arguments: Value,
        log: Arc<dyn CallLog>,
    ) -> Result<Value, NodeError>;
}

/// The failure of a call where no other plugin is in reach, or none of that name.
pub(crate) fn nobody(kind: &str, name: &str) -> NodeError {
    let message = format!("there is no {kind} `{name}` in reach of this call");
    NodeError::new(ErrorCode::InvalidInput, message)
}
