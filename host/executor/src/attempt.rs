//! One attempt of a node, held to its time: whatever the node does, it ends with an answer.

use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;

use cleargate_flow::error::ErrorCode;
use cleargate_flow::event::check_payload;
use cleargate_flow::{Address, NodeError, Value};
use cleargate_gate::Pass;
use futures::FutureExt;
use futures::future::BoxFuture;
use tokio::sync::{Notify, OwnedSemaphorePermit};
use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use crate::context::NodeContext;
use crate::node::{Failure, Node, Output};

/// How an attempt ended.
pub(crate) struct Answer {
    pub(crate) address: Address,
    pub(crate) attempt: u32,
    pub(crate) result: Result<Output, Failure>,
}

/// An attempt that is ready to be performed.
pub(crate) struct Call {
    pub(crate) node: Arc<dyn Node>,
    pub(crate) ctx: NodeContext,
    pub(crate) input: Value,
    /// Milliseconds for the whole attempt.
    pub(crate) timeout: Option<u64>,
    /// Milliseconds that nothing may be heard of it, and who is told of what is.
    pub(crate) idle: Option<(u64, Arc<Notify>)>,
    /// Milliseconds between a cancellation and the end of patience.
    pub(crate) grace: u64,
    /// Given back when the attempt has ended.
    pub(crate) place: Option<OwnedSemaphorePermit>,
}

impl Call {
    /// Performs the attempt. What it used is measured here unless the node says more.
    ///
    /// Not an `async fn`: each of them would hold the context once more, and one attempt of a trivial node
    /// is moving and freeing memory, mostly.
    pub(crate) fn perform(self, clock: Arc<dyn Clock>) -> BoxFuture<'static, Answer> {
        let Self { node, ctx, input, timeout, idle, grace, place } = self;
        let (address, attempt) = (ctx.address.clone(), ctx.attempt);
        let most = ctx.limits.output.value;
        let (pass, passes, cancel) = (ctx.pass.clone(), ctx.passes.clone(), ctx.cancel.clone());
        let waits = node.waits_for_runs();
        // The first poll is inside, so that a panic before the first await is caught too.
        let work = AssertUnwindSafe(async move { node.run(ctx, input).await }).catch_unwind();
        let work = Box::pin(work);
        let answer = async move {
            let began = clock.micros();
            let grace = (!waits).then_some(grace);
            let result = bounded(&*clock, work, cancel, (timeout, idle), grace).await;
            drop(place);
            let result = result.and_then(|output| within(most, output));
            let mut result = result.map_err(|f| Failure { error: f.error.bounded(), ..f });
            let usage = match &mut result {
                Ok(output) => &mut output.usage,
                Err(failure) => &mut failure.usage,
            };
            if usage.micros == 0 {
                usage.micros = clock.micros().saturating_sub(began);
            }
            usage.host_calls = usage.host_calls.max(passes.calls());
            mask(&pass, &mut result);
            Answer { address, attempt, result }
        };
        answer.boxed()
    }
}

/// Lets the work end in its time and its cancellation in its grace; without a grace it is awaited, because it
/// waits for runs that end by themselves.
async fn bounded(
    clock: &dyn Clock,
    mut work: Pin<Box<impl Future<Output = std::thread::Result<Result<Output, Failure>>>>>,
    cancel: CancellationToken,
    (timeout, idle): (Option<u64>, Option<(u64, Arc<Notify>)>),
    grace: Option<u64>,
) -> Result<Output, Failure> {
    if cancel.is_cancelled() {
        return Err(cancelled().into());
    }
    let patience = async {
        cancel.cancelled().await;
        after(clock, grace).await;
    };
    let error = tokio::select! {
        biased;
        result = &mut work => {
            return result.unwrap_or_else(|panic| Err(panicked(&*panic).into()));
        }
        () = after(clock, timeout) => timed_out(timeout.unwrap_or_default()),
        error = silence(clock, idle) => error,
        () = patience => return Err(cancelled().into()),
    };
    // Work inside the attempt learns that it was given up, before it is dropped.
    cancel.cancel();
    if grace.is_none() {
        let _too_late = work.await;
    }
    Err(error.into())
}

/// Waits until nothing was heard for so long.
async fn silence(clock: &dyn Clock, idle: Option<(u64, Arc<Notify>)>) -> NodeError {
    let Some((ms, heard)) = idle else { return std::future::pending().await };
    loop {
        tokio::select! {
            biased;
            () = heard.notified() => {}
            () = clock.sleep(ms) => {
                let message = format!("nothing was heard of the attempt for {ms} ms");
                return NodeError::new(ErrorCode::Timeout, message)
                    .with_help("raise `idle:` of the node; log lines and host calls are heard");
            }
        }
    }
}

/// Holds a result to the limit of its length and to what a journal takes, whoever made it.
fn within(most: u64, output: Output) -> Result<Output, Failure> {
    let usage = output.usage;
    if let Err(error) = check_payload(&output.value) {
        return Err(Failure { error, usage });
    }
    // Measuring nearly always answers the question.
    let longest = output.value.measure().longest_json;
    if longest <= most || output.value.to_json().len() as u64 <= most {
        return Ok(output);
    }
    let message = format!("the result is longer than the limit `output` of {most} bytes");
    let error = NodeError::limit("output", message)
        .with_help("raise `output` in the `limits:` of the node and in the operator's file");
    Err(Failure { error, usage })
}

fn after(clock: &dyn Clock, ms: Option<u64>) -> BoxFuture<'static, ()> {
    ms.map_or_else(|| std::future::pending().boxed(), |ms| clock.sleep(ms))
}

/// Secrets never enter the journal, also when a node puts one into its value.
fn mask(pass: &Pass, result: &mut Result<Output, Failure>) {
    match result {
        Ok(output) => output.value = pass.scrub(&output.value),
        Err(Failure { error, .. }) => *error = pass.scrub_error(error.clone()),
    }
}

/// The answer of an attempt that was stopped or never begun.
pub(crate) fn cancelled() -> NodeError {
    NodeError::new(ErrorCode::Cancelled, "the attempt was cancelled")
}

fn timed_out(ms: u64) -> NodeError {
    NodeError::new(ErrorCode::Timeout, format!("the attempt was not done within {ms} ms"))
        .with_help("raise `timeout:` of the node")
}

/// The failure of a node whose code panicked. A guest cannot cause it: its traps are errors.
pub(crate) fn panicked(panic: &(dyn std::any::Any + Send)) -> NodeError {
    let text = (panic.downcast_ref::<&str>().copied())
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no message");
    NodeError::new(ErrorCode::Bug, format!("the node panicked: {text}"))
        .with_help("report it with the journal of this run; other nodes and runs go on")
}
