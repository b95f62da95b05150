//! The host calls of an attempt in the journal: known before they are made, answered from the record when
//! the attempt was cut off and is performed again.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use async_trait::async_trait;
use cleargate_flow::error::ErrorCode;
use cleargate_flow::event::check_payload;
use cleargate_flow::signature::Effect;
use cleargate_flow::{Event, NodeError, Value};
use cleargate_gate::{Begun, CallLog, diverged};

use crate::mailbox::{Mail, Sender};

/// A call of an attempt that was cut off.
#[derive(Clone, Debug)]
pub(crate) struct RecordedCall {
    pub(crate) request: String,
    pub(crate) digest: String,
    /// Absent when the attempt was cut off while the call was under way.
    pub(crate) outcome: Option<Result<Value, NodeError>>,
}

/// Calls of an attempt that was cut off, by [`place`].
pub(crate) type Recorded = BTreeMap<Vec<u32>, RecordedCall>;

/// Where a call stands among those of its attempt: the numbers of the calls around it, and its own.
pub(crate) fn place(within: &[u32], call: u32) -> Vec<u32> {
    within.iter().copied().chain([call]).collect()
}

/// All calls of one attempt, or all inside one of them, over all passes that make them.
pub(crate) struct AttemptCalls {
    to: Sender,
    recorded: Arc<Recorded>,
    within: Vec<u32>,
    /// Number of the next call here.
    next: AtomicU32,
}

impl AttemptCalls {
    pub(crate) fn new(to: Sender, recorded: Recorded) -> Arc<Self> {
        let (recorded, within, next) = (Arc::new(recorded), Vec::new(), AtomicU32::new(0));
        Arc::new(Self { to, recorded, within, next })
    }

    /// Calls that were begun.
    pub(crate) fn made(&self) -> u32 {
        self.next.load(Ordering::Relaxed)
    }

    /// The log of one more pass. A pass counts its calls from 0; passes of an attempt follow one another,
    /// so that the numbers of the later one come after those of the earlier one in each execution.
    pub(crate) fn lane(self: &Arc<Self>) -> Arc<dyn CallLog> {
        Arc::new(Lane { calls: self.clone(), base: self.made() })
    }
}

struct Lane {
    calls: Arc<AttemptCalls>,
    base: u32,
}

#[async_trait]
impl CallLog for Lane {
    async fn begin(
        &self,
        call: u32,
        request: &str,
        digest: &str,
        effect: Effect,
    ) -> Result<Begun, NodeError> {
        let calls = &*self.calls;
        let call = self.base.saturating_add(call);
        calls.next.fetch_max(call.saturating_add(1), Ordering::Relaxed);
        if let Some(recorded) = calls.recorded.get(&place(&calls.within, call)) {
            if recorded.digest != digest {
                return Err(diverged(call, &recorded.request, request));
            }
            return match &recorded.outcome {
                Some(outcome) => Ok(Begun::Recorded(outcome.clone())),
                None if effect.repeatable() => Ok(Begun::Proceed),
                None => Err(unknown(request)),
            };
        }
        if effect.needs_intent() {
            let (address, attempt) = (calls.to.address.clone(), calls.to.attempt);
            let (request, digest, within) = (request.into(), digest.into(), calls.within.clone());
            let intent = Event::CallStarted { address, attempt, within, call, request, digest };
            if !calls.to.store(intent).await {
                return Err(gone());
            }
        }
        Ok(Begun::Proceed)
    }

    async fn finish(
        &self,
        call: u32,
        request: &str,
        digest: &str,
        effect: Effect,
        outcome: &Result<Value, NodeError>,
    ) -> Result<(), NodeError> {
        let to = &self.calls.to;
        // It happened; what cannot be kept cannot be answered from the record, so nobody sees it now either.
        let kept = outcome
            .as_ref()
            .map_err(Clone::clone)
            .and_then(|value| check_payload(value).map(|()| value.clone()));
        let refused = if outcome.is_ok() { kept.clone().err() } else { None };
        let event = Event::CallFinished {
            address: to.address.clone(),
            attempt: to.attempt,
            within: self.calls.within.clone(),
            call: self.base.saturating_add(call),
            request: (!effect.needs_intent()).then(|| request.into()),
            digest: digest.into(),
            outcome: kept.map_err(NodeError::bounded),
        };
        if effect.needs_intent() {
            if !to.store(event).await {
                return Err(gone());
            }
        } else {
            // Stored before anything that follows from it: records of a run keep their order.
            let bytes = match &event {
                Event::CallFinished { outcome: Ok(value), .. } => value.measure().longest_json,
                _ => 0,
            };
            let room = Some(to.room(bytes).await);
            to.send(Mail { room, ..Mail::batched(event) });
        }
        refused.map_or(Ok(()), Err)
    }

    fn inside(&self, call: u32) -> Arc<dyn CallLog> {
        let calls = &*self.calls;
        let within = place(&calls.within, self.base.saturating_add(call));
        let (to, recorded) = (calls.to.clone(), calls.recorded.clone());
        Arc::new(AttemptCalls { to, recorded, within, next: AtomicU32::new(0) }).lane()
    }

    fn beside(&self) -> Arc<dyn CallLog> {
        self.calls.lane()
    }
}

/// The failure of a call that was cut off and must not be made again.
pub(crate) fn unknown(request: &str) -> NodeError {
    let message = format!("the process ended during `{request}`; whether it happened is not known");
    NodeError::new(ErrorCode::UnknownOutcome, message).with_help(
        "look at the other side whether it happened; a request with an `Idempotency-Key` header is sent again",
    )
}

fn gone() -> NodeError {
    NodeError::new(ErrorCode::Cancelled, "the run is not driven by this process any more")
}
