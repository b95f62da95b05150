//! A flow as a node of another flow: its own scope, its own journal, typed in and out.
//!
//! The child's run id is computed from the parent's and the address (`executor::child_id`). A parent that is
//! performed again after a crash therefore attaches to the child that it started before. The same holds for a
//! retry: the child has ended and ends the same again, so retries belong inside the child.

use std::sync::Arc;

use async_trait::async_trait;
use cleargate_executor::{Failure, Node, NodeContext, Output, StartError, child_id};
use cleargate_flow::error::ErrorCode;
use cleargate_flow::graph::Graph;
use cleargate_flow::signature::{Effect, Signature};
use cleargate_flow::types::{Field, Kind, Type};
use cleargate_flow::{FlowHash, NodeError, RunId, Value};

/// Runs flows on behalf of the flows above them. The embedding program implements it over
/// `Executor::child`, which attaches to a child that exists, and refuses more than `MAX_DEPTH` levels.
#[async_trait]
pub trait SubFlows: Send + Sync {
    /// Runs the version `flow` as the child of the node of `ctx`, and returns its output when it has ended.
    /// When `ctx.cancel` fires, the child is cancelled and awaited before this returns.
    ///
    /// # Errors
    /// The error that the child ended with; `cancelled` when it was cancelled; [`not_started`].
    async fn run(&self, ctx: NodeContext, flow: &FlowHash, input: Value) -> Result<Value, Failure>;
}

/// The failure of a node whose sub-flow could not be started.
pub fn not_started(error: &StartError) -> Failure {
    let message = error.to_string();
    let error = match error {
        StartError::TooDeep => NodeError::limit("depth", message)
            .with_help("look for a flow that runs itself, directly or through another flow"),
        // What passes by itself: places for runs, the store, a restart.
        StartError::TooManyRuns(_) | StartError::Stopping | StartError::Store(_) => {
            NodeError::new(ErrorCode::Transient, message)
        }
        _ => NodeError::new(ErrorCode::Permanent, message),
    };
    error.into()
}

/// Runs a version of a flow. Output: the record of the flow's `output:`.
#[derive(Clone)]
pub struct SubFlow {
    flow: FlowHash,
    flows: Arc<dyn SubFlows>,
}

impl SubFlow {
    /// A node that runs the version `flow`.
    pub fn new(flow: FlowHash, flows: Arc<dyn SubFlows>) -> Self {
        Self { flow, flows }
    }

    /// What the checker knows of a checked flow as a node: its input ports, and the fields of its output. The
    /// types of those are not kept in a graph, so they are `any` and checked where they are used.
    pub fn signature(graph: &Graph) -> Signature {
        let output = graph.output.keys().map(|name| {
            let any = Type::from(Kind::Any);
            (name.clone(), Field::from(any))
        });
        Signature {
            input: graph.input.clone(),
            output: Kind::Record(output.collect()).into(),
            origin: format!("flow {} {}", graph.id, graph.hash),
            ..crate::signature(&format!("Runs the flow `{}`.", graph.id), Effect::Idempotent, "any")
        }
    }
}

#[async_trait]
impl Node for SubFlow {
    async fn run(&self, ctx: NodeContext, input: Value) -> Result<Output, Failure> {
        let child = child_id(&ctx.run, &ctx.address);
        match self.flows.run(ctx, &self.flow, input).await {
            Ok(value) => Ok(value.into()),
            Err(failure) => Err(above(&child, failure)),
        }
    }

    /// A sub-flow waits for nodes that take places themselves.
    fn takes_place(&self) -> bool {
        false
    }
}

/// The failure of a child as the run above sees it: the same code, and which run to look at.
fn above(run: &RunId, mut failure: Failure) -> Failure {
    let error = &mut failure.error;
    error.message = format!("sub-flow {run}: {}", error.message);
    let inner = std::mem::take(&mut error.detail);
    error.detail = Value::record([("run", run.as_str().into()), ("detail", inner)]);
    failure
}

#[cfg(test)]
mod tests;
