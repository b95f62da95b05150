//! Calls of a plugin by a plugin: the one place where a gate's request becomes a call with a context of its own.
//!
//! The gate has decided and recorded that this attempt may ask for it. What answers is called as part of the same
//! attempt: same run, place, deadline and cancellation, and the rights and bounds of its own [`CallScope`], which
//! whoever answers gives to [`NodeContext::within`].

use std::sync::Arc;

use async_trait::async_trait;
use cleargate_flow::{NodeError, Value};
use cleargate_gate::{CallLog, PeerTool};

use crate::catalog::CallScope;
use crate::context::NodeContext;
use crate::node::{Failure, Output};

/// Calls inside calls. Each keeps an instance of its caller alive: so few keep all of them below what the pool holds.
pub const MAX_CALL_DEPTH: u32 = 8;

/// What a node may call of its flow: models and tools.
///
/// A call is given the context of its caller's attempt, whose pass is not its own: it must go on with
/// [`NodeContext::within`].
#[async_trait]
pub trait Peers: Send + Sync {
    /// The tools, in a fixed order.
    fn tools(&self) -> &[PeerTool];

    /// Asks the model that the flow calls so.
    async fn complete(
        &self,
        ctx: NodeContext,
        model: &str,
        request: Value,
    ) -> Result<Output, Failure>;

    /// Calls the tool of that name.
    async fn call(&self, ctx: NodeContext, tool: &str, arguments: Value)
    -> Result<Output, Failure>;
}

/// Peers as the pass of one attempt reaches them.
struct Among {
    caller: NodeContext,
    peers: Arc<dyn Peers>,
}

impl NodeContext {
    /// Puts the pass among the peers of `scope`, when it has some.
    pub(crate) fn among(mut self, scope: &CallScope) -> Self {
        if let Some(peers) = &scope.peers {
            let among = Among { caller: self.clone(), peers: peers.clone() };
            self.pass = self.pass.among(Arc::new(among));
        }
        self
    }
}

impl Among {
    fn inside(&self, log: Arc<dyn CallLog>) -> Result<NodeContext, NodeError> {
        let mut ctx = self.caller.clone();
        ctx.depth += 1;
        if ctx.depth > MAX_CALL_DEPTH {
            let message =
                format!("calls of plugins by plugins are more than {MAX_CALL_DEPTH} deep");
            return Err(NodeError::limit("call_depth", message)
                .with_help("look for plugins that call each other"));
        }
        ctx.passes = ctx.passes.inside(log);
        Ok(ctx)
    }
}

#[async_trait]
impl cleargate_gate::Peers for Among {
    fn tools(&self) -> &[PeerTool] {
        self.peers.tools()
    }

    async fn complete(
        &self,
        model: &str,
        request: Value,
        log: Arc<dyn CallLog>,
    ) -> Result<Value, NodeError> {
        let answer = self.peers.complete(self.inside(log)?, model, request).await;
        answer.map(|output| output.value).map_err(|failure| failure.error)
    }

    async fn call(
        &self,
        tool: &str,
        arguments: Value,
        log: Arc<dyn CallLog>,
    ) -> Result<Value, NodeError> {
        let answer = self.peers.call(self.inside(log)?, tool, arguments).await;
        answer.map(|output| output.value).map_err(|failure| failure.error)
    }
}
