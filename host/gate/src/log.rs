//! What the gate needs of a journal: that a call is known before it is made, and its answer afterwards.
//!
//! Calls are a tree: what a pass asks another plugin for is one call, and the calls that the other one makes meanwhile
//! are inside it, numbered anew. So a call that is answered from the record leaves no hole in the numbers behind it.

use std::sync::Arc;

use async_trait::async_trait;
use cleargate_flow::error::ErrorCode;
use cleargate_flow::signature::Effect;
use cleargate_flow::{NodeError, Value};

/// What the journal knows about a call that is about to be made.
#[derive(Clone, Debug, PartialEq)]
pub enum Begun {
    /// It was made in an earlier life of this attempt, and this was the answer.
    Recorded(Result<Value, NodeError>),
    /// It was not; when the effect needs an intent, the intent is durable now.
    Proceed,
}

/// The host calls of one pass.
#[async_trait]
pub trait CallLog: Send + Sync {
    /// Looks the call up, and makes its intent durable when `effect` needs one. A refused call is given as
    /// [`Effect::Pure`].
    ///
    /// # Errors
    /// [`diverged`] when the recorded call has another digest, `unknown_outcome` when a call that must not be
    /// repeated was cut off, and failures of the journal.
    async fn begin(
        &self,
        call: u32,
        request: &str,
        digest: &str,
        effect: Effect,
    ) -> Result<Begun, NodeError>;

    /// Keeps the answer.
    ///
    /// # Errors
    /// Failures of the journal.
    async fn finish(
        &self,
        call: u32,
        request: &str,
        digest: &str,
        effect: Effect,
        outcome: &Result<Value, NodeError>,
    ) -> Result<(), NodeError>;

    /// The log of a pass that is used inside the call `call`.
    fn inside(&self, call: u32) -> Arc<dyn CallLog>;

    /// The log of another pass beside this one, whose calls come after all that were begun until now.
    fn beside(&self) -> Arc<dyn CallLog>;
}

/// Remembers nothing: for tests and tools outside a run.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoLog;

#[async_trait]
impl CallLog for NoLog {
    async fn begin(&self, _: u32, _: &str, _: &str, _: Effect) -> Result<Begun, NodeError> {
        Ok(Begun::Proceed)
    }

    async fn finish(
        &self,
        _: u32,
        _: &str,
        _: &str,
        _: Effect,
        _: &Result<Value, NodeError>,
    ) -> Result<(), NodeError> {
        Ok(())
    }

    fn inside(&self, _: u32) -> Arc<dyn CallLog> {
        Arc::new(Self)
    }

    fn beside(&self) -> Arc<dyn CallLog> {
        Arc::new(Self)
    }
}

/// The failure of a call that asks something else than the journal recorded.
pub fn diverged(call: u32, recorded: &str, asked: &str) -> NodeError {
    let message = format!("diverged: call {call} was `{recorded}` before and is `{asked}` now");
    NodeError::new(ErrorCode::Bug, message)
        .with_detail(Value::record([("diverged", Value::from(call))]))
        .with_help("start the run again: the node or its plugin has changed since the run began")
}
