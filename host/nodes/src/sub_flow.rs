//! A flow as a node of another flow: its own scope, its own journal, typed in and out.

use std::sync::Arc;

use async_trait::async_trait;
use cleargate_executor::{Catalog, Executor, Failure, Node, NodeContext, Output, child_id};
use cleargate_flow::graph::Graph;
use cleargate_flow::signature::{Effect, Signature};
use cleargate_flow::{RunId, Value};

/// Runs a version of a flow. Output: the record of the flow's `output:`.
#[derive(Clone)]
pub struct SubFlow {
    executor: Executor,
    graph: Arc<Graph>,
    catalog: Arc<dyn Catalog>,
}

impl SubFlow {
    /// A node that runs `graph`, whose nodes are those of `catalog`.
    pub fn new(executor: Executor, graph: Arc<Graph>, catalog: Arc<dyn Catalog>) -> Self {
        Self { executor, graph, catalog }
    }

    /// What the checker knows of a checked flow as a node: its input ports, and the fields of its output.
    pub fn signature(graph: &Graph) -> Signature {
        Signature {
            input: graph.input.clone(),
            output: graph.value.clone(),
            origin: format!("flow {} {}", graph.id, graph.hash),
            ..crate::signature(&format!("Runs the flow `{}`.", graph.id), Effect::Idempotent, "any")
        }
    }
}

#[async_trait]
impl Node for SubFlow {
    async fn run(&self, ctx: NodeContext, input: Value) -> Result<Output, Failure> {
        let done = self.executor.run_child(&ctx, self.graph.clone(), self.catalog.clone(), input);
        done.await.map_err(|failure| above(&child_id(&ctx.run, &ctx.address, ctx.attempt), failure))
    }

    fn waits_for_runs(&self) -> bool {
        true
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
