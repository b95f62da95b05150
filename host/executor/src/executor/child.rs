//! Runs inside runs: an attempt that is a sub-flow starts its child, or finds the one it started before it was cut off.

use std::future::pending;
use std::sync::Arc;

use cleargate_flow::error::ErrorCode;
use cleargate_flow::{Event, Graph, NodeError, Outcome, RunId, Usage, Value};

use super::{Executor, StartError, StartRun, millis};
use crate::attempt::cancelled;
use crate::catalog::Catalog;
use crate::context::NodeContext;
use crate::handle::{End, RunHandle};
use crate::ids;
use crate::limits::{LOOK_MS, STORE_PAUSE_MS};
use crate::node::{Failure, Output};

impl Executor {
    /// Runs the sub-flow that is the attempt of `ctx`, and returns its output when it has ended. When `ctx.cancel`
    /// fires, the child is cancelled and awaited. An attempt that is performed again after a crash attaches to the
    /// child it had; a retry starts a new one.
    ///
    /// While the process parks its runs this does not return: the child goes on where the parent does.
    ///
    /// # Errors
    /// The error that the child ended with; `cancelled`; or why there could be no child.
    pub async fn run_child(
        &self,
        ctx: &NodeContext,
        graph: Arc<Graph>,
        catalog: Arc<dyn Catalog>,
        input: Value,
    ) -> Result<Output, Failure> {
        loop {
            let begun = self.child(ctx, graph.clone(), catalog.clone(), input.clone()).await;
            let child = match begun {
                Ok(child) => child,
                Err(StartError::Stopping) => return pending().await,
                Err(error) => return Err(not_started(&error).into()),
            };
            let end = tokio::select! {
                biased;
                end = child.outcome() => end,
                () = ctx.cancel.cancelled() => {
                    child.cancel("parent");
                    child.outcome().await
                }
            };
            match end {
                End::Finished(outcome) => return ended(&child, outcome).await,
                End::Parked => return pending().await,
                End::Waiting => self.rest_with(ctx, child.id()).await,
                // Another process drives it now: wait for that one.
                End::Lost => {}
                End::Broken(why) => return Err(Failure::new(ErrorCode::Transient, why)),
            }
        }
    }

    /// The child only waits, and costs nothing: returns when it has to go on, or has to be stopped.
    async fn rest_with(&self, ctx: &NodeContext, child: &RunId) {
        let parent = self.shared.live.get(&ctx.run).map(|live| live.clone());
        let rest = |rests| parent.iter().for_each(|live| live.control.rest(&ctx.address, rests));
        rest(true);
        loop {
            tokio::select! {
                biased;
                () = ctx.cancel.cancelled() => break,
                () = self.shared.clock.sleep(LOOK_MS) => {}
            }
            match self.shared.store.due(self.shared.clock.now(), Some(child)).await {
                Ok(due) if due.is_empty() => {}
                // Also when the store cannot say: whoever goes on with the child is told why.
                _ => break,
            }
        }
        rest(false);
    }

    /// Starts the child of an attempt, or attaches to it. While a process that may be dead holds it, this waits.
    ///
    /// # Errors
    /// See [`StartError`].
    pub async fn child(
        &self,
        ctx: &NodeContext,
        graph: Arc<Graph>,
        catalog: Arc<dyn Catalog>,
        input: Value,
    ) -> Result<RunHandle, StartError> {
        let id = ids::child_id(&ctx.run, &ctx.address, ctx.attempt);
        let around = self.shared.live.get(&ctx.run).map(|live| live.clone());
        let kept = around.as_ref().and_then(|around| around.kept(&ctx.address, ctx.attempt));
        let kept = kept.map(|kept| events(&id, &kept)).transpose()?;
        let start = StartRun {
            idempotency_key: Some(id.to_string()),
            id: Some(id),
            input,
            parent: Some((ctx.run.clone(), ctx.address.clone())),
            trace_parent: ctx.trace_parent.clone(),
        };
        loop {
            match self.begin(graph.clone(), catalog.clone(), start.clone(), kept.clone()).await {
                Err(StartError::Held { until, .. }) => {
                    let left = until.saturating_sub(self.shared.clock.now());
                    let left = u64::try_from(left).unwrap_or_default();
                    let most = millis(self.shared.config.lease_ttl).max(STORE_PAUSE_MS.0);
                    self.shared.clock.sleep(left.clamp(STORE_PAUSE_MS.0, most)).await;
                }
                begun => {
                    // From now on its own journal has what it began with.
                    if let (Ok(_), Some(around)) = (&begun, &around) {
                        around.forget(&ctx.address, ctx.attempt);
                    }
                    return begun;
                }
            }
        }
    }
}

/// The events that a sub-flow begins with, as the journal of the run around it has them.
fn events(run: &RunId, kept: &Value) -> Result<Vec<Event>, StartError> {
    serde_json::from_str(&kept.to_json()).map_err(|error| StartError::Damaged {
        run: run.clone(),
        why: format!("what it begins with cannot be read: {error}"),
    })
}

/// What a run begins with that goes on from what another one did, when it is started as that one was.
pub(super) fn from_kept(
    run: &RunId,
    start: &Event,
    kept: Vec<Event>,
) -> Result<Vec<Event>, StartError> {
    let other = |why| StartError::OtherBeginning { run: run.clone(), why };
    let (
        Event::RunStarted { hash, input, .. },
        Some(Event::RunStarted { hash: of, input: then, .. }),
    ) = (start, kept.first())
    else {
        return Err(other("it does not begin with a start"));
    };
    if hash != of {
        return Err(other("it belongs to another version of the flow"));
    }
    if input != then {
        return Err(other("it is given another input than that one was"));
    }
    Ok(kept)
}

async fn ended(child: &RunHandle, outcome: Outcome) -> Result<Output, Failure> {
    // The clock of this attempt is its own: its nodes may have worked side by side.
    let usage = Usage { micros: 0, ..child.progress().await.usage };
    let error = match outcome {
        Outcome::Succeeded { output } => return Ok(Output { value: output, usage }),
        Outcome::Failed { error, .. } => error,
        Outcome::Cancelled => cancelled(),
    };
    Err(Failure { error, usage })
}

/// The failure of a node whose sub-flow could not be started.
fn not_started(error: &StartError) -> NodeError {
    let message = error.to_string();
    match error {
        StartError::Input(error) => error.clone(),
        // A code that few try again: a second attempt begins from nothing.
        StartError::OtherBeginning { .. } => NodeError::new(ErrorCode::InvalidInput, message)
            .with_help("fork the run at the sub-flow itself: all of it happens anew"),
        StartError::TooDeep => NodeError::limit("depth", message)
            .with_help("look for a flow that runs itself, directly or through another flow"),
        // What passes by itself: places for runs, the store.
        StartError::TooManyRuns(_) | StartError::Store(_) => {
            NodeError::new(ErrorCode::Transient, message)
        }
        _ => NodeError::new(ErrorCode::Permanent, message),
    }
}
