//! One call under observation: what it was given, how it ended, and whether the host kept its promises meanwhile.

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use cleargate_flow::event::Usage;
use cleargate_flow::limits::Effective;
use cleargate_flow::signature::PluginKind;
use cleargate_flow::value::Value;

use super::world::{Stage, Temper};
use crate::component::Plugin;
use crate::fault::Fault;
use crate::instance::Called;
use crate::plugin::{CallContext, Caller, Finding, Judgement, Piece, Stage as At};

/// What is called, with what.
#[derive(Clone, Debug)]
pub(super) enum Target {
    Node { id: String, input: Value },
    Tool { name: String, arguments: Value },
    Guardrail { stage: At, content: Value, config: Value },
    Before { request: Value, config: Value },
    After { request: Value, response: Value, config: Value },
    Chunk { text: String, carry: Value, last: bool, config: Value },
    Part { kind: PluginKind, function: String, arguments: Value },
}

impl Target {
    /// Calls it, and gives its answer as one value.
    pub(super) async fn call(&self, plugin: &Plugin, caller: &Caller) -> Called<Value> {
        match self {
            Self::Node { id, input } => plugin.run(id, caller, input).await,
            Self::Tool { name, arguments } => plugin.call(name, caller, arguments).await,
            Self::Guardrail { stage, content, config } => {
                let called = plugin.check(caller, stage.clone(), content, config).await;
                called.and_then(|judgement| Ok(verdict(judgement)))
            }
            Self::Before { request, config } => plugin.before(caller, request, config).await,
            Self::After { request, response, config } => {
                plugin.after(caller, request, response, config).await
            }
            Self::Chunk { text, carry, last, config } => {
                let piece = Piece { text: text.clone(), carry: carry.clone(), last: *last };
                let called = plugin.on_chunk(caller, piece, config).await;
                called.and_then(|(text, carry)| {
                    Ok(Value::record([("text", Value::from(text)), ("carry", carry)]))
                })
            }
            Self::Part { kind, function, arguments } => {
                plugin.ask_part(*kind, function, caller, arguments).await
            }
        }
    }

    /// All that it is given, as one value.
    pub(super) fn given(&self) -> Value {
        match self {
            Self::Node { input: value, .. }
            | Self::Tool { arguments: value, .. }
            | Self::Part { arguments: value, .. } => value.clone(),
            Self::Guardrail { content, config, .. } => {
                Value::record([("content", content.clone()), ("config", config.clone())])
            }
            Self::Before { request, config } => {
                Value::record([("request", request.clone()), ("config", config.clone())])
            }
            Self::After { request, response, config } => Value::record([
                ("request", request.clone()),
                ("response", response.clone()),
                ("config", config.clone()),
            ]),
            Self::Chunk { text, carry, last, config } => Value::record([
                ("text", text.as_str().into()),
                ("carry", carry.clone()),
                ("last", Value::Bool(*last)),
                ("config", config.clone()),
            ]),
        }
    }

    /// What the binding is configured with.
    fn config(&self) -> Value {
        match self {
            Self::Node { .. } | Self::Tool { .. } | Self::Part { .. } => Value::empty(),
            Self::Guardrail { config, .. }
            | Self::Before { config, .. }
            | Self::After { config, .. }
            | Self::Chunk { config, .. } => config.clone(),
        }
    }
}

fn verdict(judgement: Judgement) -> Value {
    let found = |all: Vec<Finding>| {
        Value::list(all.into_iter().map(|one| {
            Value::record(
                [("label", one.label), ("message", one.message), ("path", one.path)]
                    .map(|(name, text)| (name, Value::from(text))),
            )
        }))
    };
    match judgement {
        Judgement::Pass => Value::record([("verdict", "pass".into())]),
        Judgement::Modify(content, all) => Value::record([
            ("verdict", "modify".into()),
            ("content", content),
            ("findings", found(all)),
        ]),
        Judgement::Reject(reason, all) => Value::record([
            ("verdict", "reject".into()),
            ("reason", reason.into()),
            ("findings", found(all)),
        ]),
        Judgement::Escalate(reason, all) => Value::record([
            ("verdict", "escalate".into()),
            ("reason", reason.into()),
            ("findings", found(all)),
        ]),
    }
}

/// One call that is to be made.
#[derive(Clone, Debug)]
pub(super) struct Shot {
    /// What is done to the plugin, in a few words.
    pub(super) what: String,
    pub(super) target: Target,
    pub(super) temper: Temper,
    pub(super) limits: Effective,
    /// A limit of the call is below what the plugin may have: that it is reached says nothing.
    pub(super) tight: bool,
    /// Dropped after it has been polled so often.
    pub(super) cancel: Option<u32>,
}

/// How it ended.
pub(super) enum End {
    Returned(Called<Value>),
    Cancelled,
    /// The host did.
    Panicked(String),
}

/// What was seen of one call.
pub(super) struct Seen {
    pub(super) end: End,
    /// How long after its time it ended.
    pub(super) late: Duration,
    pub(super) lines: Vec<String>,
    pub(super) log_bytes: usize,
    /// Bodies that are open though the call is over.
    pub(super) left_open: usize,
}

impl Seen {
    pub(super) fn usage(&self) -> Usage {
        match &self.end {
            End::Returned(called) => called.usage,
            End::Cancelled | End::Panicked(_) => Usage::default(),
        }
    }

    pub(super) fn result(&self) -> Option<&Result<Value, Fault>> {
        match &self.end {
            End::Returned(called) => Some(&called.result),
            End::Cancelled | End::Panicked(_) => None,
        }
    }
}

/// Makes the call.
pub(super) async fn observe(plugin: &Plugin, shot: &Shot, seed: u64) -> Seen {
    let payload = shot.limits.payload.value;
    let stage = Arc::new(Stage::new(shot.temper, shot.target.config(), payload, seed));
    let caller = Caller { context: context(), limits: shot.limits, world: stage.clone() };
    let started = Instant::now();
    let end = match shot.cancel {
        Some(polls) => cancelled(shot.target.call(plugin, &caller), polls).await,
        None => match Caught(Box::pin(shot.target.call(plugin, &caller))).await {
            Ok(called) => End::Returned(called),
            Err(panic) => End::Panicked(panic),
        },
    };
    let late = started.elapsed().saturating_sub(Duration::from_millis(shot.limits.time.value));
    let (lines, log_bytes) = stage.log();
    let left_open = Arc::strong_count(&stage.open) - 1;
    Seen { end, late, lines, log_bytes, left_open }
}

/// Polls a call so often, and drops it.
async fn cancelled(call: impl Future<Output = Called<Value>> + Send, polls: u32) -> End {
    let mut caught = pin!(Caught(Box::pin(call)));
    for _ in 0..polls {
        match caught.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(Ok(called)) => return End::Returned(called),
            Poll::Ready(Err(panic)) => return End::Panicked(panic),
            Poll::Pending => tokio::task::yield_now().await,
        }
    }
    End::Cancelled
}

/// A future whose panics are values.
pub(super) struct Caught<F: ?Sized>(pub(super) Pin<Box<F>>);

impl<F: Future + ?Sized> Future for Caught<F> {
    type Output = Result<F::Output, String>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let inner = self.0.as_mut();
        // After a panic the future is not polled again, and what it held is dropped.
        match catch_unwind(AssertUnwindSafe(move || inner.poll(context))) {
            Ok(Poll::Pending) => Poll::Pending,
            Ok(Poll::Ready(value)) => Poll::Ready(Ok(value)),
            Err(panic) => Poll::Ready(Err(said(&*panic))),
        }
    }
}

fn said(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().cloned();
    let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
    text.unwrap_or_else(|| "a panic without words".into())
}

/// As a run would say it.
pub(super) fn context() -> CallContext {
    CallContext {
        run_id: "attack".into(),
        address: "attack".into(),
        attempt: 1,
        deadline: None,
        idempotency_key: "attack".into(),
        binding: "attack".into(),
        tenant: "default".into(),
        trace_parent: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_of_the_host_is_a_value() {
        let panics = async {
            tokio::task::yield_now().await;
            assert!(std::hint::black_box(false), "the host is {}", "wrong");
        };
        assert_eq!(Caught(Box::pin(panics)).await, Err("the host is wrong".into()));
        assert_eq!(Caught(Box::pin(async { 7 })).await, Ok(7));
    }
}
