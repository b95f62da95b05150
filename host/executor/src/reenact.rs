//! A recorded attempt, performed again in a world that holds nothing but what was recorded.
//!
//! The node is called as it was: same input, place, key and bounds. Each host call that it makes is answered from the
//! journal, and one that is not there, or asks for something else, is refused: the log below never says
//! [`Begun::Proceed`], which is the only word that opens a door. So nothing reaches the world, whatever the node does.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use cleargate_flow::graph::Graph;
use cleargate_flow::history::{Call as RecordedCall, Recorded};
use cleargate_flow::signature::Effect;
use cleargate_flow::{NodeError, Value};
use cleargate_gate::{Begun, CallLog, Identity, diverged};
use tokio::sync::OwnedSemaphorePermit;
use tokio_util::sync::CancellationToken;

use crate::attempt::Call;
use crate::calls::{place, unknown};
use crate::catalog::Catalog;
use crate::context::{NodeContext, Passes};
use crate::executor::Executor;
use crate::ids;
use crate::log::Log;
use crate::node::{Failure, Output};

/// What came of an attempt that was performed again.
#[derive(Clone, Debug, PartialEq)]
pub enum Reenacted {
    /// The attempt is a run of its own, with a journal of its own: it was not performed.
    Run,
    /// The node has answered.
    Answered {
        /// What it answered.
        result: Result<Output, Failure>,
        /// Host calls that were not as recorded, in the order in which that was seen.
        calls: Vec<CallMismatch>,
    },
}

/// A host call that is not as it was recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallMismatch {
    /// Numbers of the calls around it, and its own.
    pub place: Vec<u32>,
    /// What was asked then; absent when nothing was.
    pub recorded: Option<String>,
    /// What is asked now; absent when nothing is. The same words as then when the payload alone differs.
    pub asked: Option<String>,
}

impl Executor {
    /// Performs a recorded attempt again, with its host calls answered from the record and every door closed.
    ///
    /// # Errors
    /// There is no such node any more, or it may not run.
    pub async fn reenact(
        &self,
        recorded: &Recorded,
        graph: &Graph,
        catalog: &dyn Catalog,
    ) -> Result<Reenacted, NodeError> {
        let place = self.shared.place().await;
        self.reenact_in(Some(place), recorded, graph, catalog).await
    }

    /// The same as a part of an attempt, which has its place among those that are performed at the same time: waiting
    /// for another one, attempts could wait for each other for ever.
    ///
    /// # Errors
    /// As of [`Executor::reenact`].
    pub async fn reenact_within(
        &self,
        recorded: &Recorded,
        graph: &Graph,
        catalog: &dyn Catalog,
    ) -> Result<Reenacted, NodeError> {
        self.reenact_in(None, recorded, graph, catalog).await
    }

    async fn reenact_in(
        &self,
        place: Option<OwnedSemaphorePermit>,
        recorded: &Recorded,
        graph: &Graph,
        catalog: &dyn Catalog,
    ) -> Result<Reenacted, NodeError> {
        let attempt = &recorded.attempt;
        let binding = catalog.node(&attempt.leaf, graph).map_err(NodeError::from)?;
        // Where the answer was known, no run was begun.
        if binding.node.waits_for_runs() && !recorded.known {
            return Ok(Reenacted::Run);
        }
        let (shared, leaf, scope) = (&self.shared, &attempt.leaf, &binding.scope);
        let timeout = leaf.policy.timeout;
        let seen = Arc::new(Seen::new(&recorded.calls));
        let log = Arc::new(Sealed::new(seen.clone(), Vec::new()));
        let passes = Passes::over(shared.gate.clone(), log, timeout);
        let (run, address) = (recorded.run.clone(), attempt.address.clone());
        let identity = Identity {
            run: run.clone(),
            address: address.clone(),
            attempt: attempt.attempt,
            plugin: scope.name.clone(),
            tenant: shared.config.tenant.clone(),
        };
        let ctx = NodeContext {
            key: ids::step_key(&run, &address),
            run,
            address,
            attempt: attempt.attempt,
            binding: scope.name.clone(),
            tenant: shared.config.tenant.clone(),
            deadline: timeout.map(|ms| recorded.begun_at.saturating_add_unsigned(ms)),
            limits: scope.limits,
            cancel: CancellationToken::new(),
            pass: passes.pass(identity, scope),
            log: Log::unread(scope.limits.log.value),
            config: leaf.config.clone(),
            trace_parent: None,
            passes,
            depth: 0,
            asset_key: attempt.asset_key.clone(),
        };
        let ctx = ctx.among(scope);
        let (node, input, grace) =
            (binding.node.clone(), attempt.input.clone(), shared.cancel_grace_ms());
        let call = Call { node, ctx, input, timeout, idle: None, grace, place };
        let result = call.perform(shared.clock.clone()).await.result;
        Ok(Reenacted::Answered { result, calls: seen.mismatches() })
    }
}

/// What was recorded, and what was asked of it.
struct Seen {
    recorded: BTreeMap<Vec<u32>, RecordedCall>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    asked: Vec<Vec<u32>>,
    mismatches: Vec<CallMismatch>,
}

impl Seen {
    fn new(calls: &[RecordedCall]) -> Self {
        let recorded = calls.iter().map(|call| (call.place.clone(), call.clone())).collect();
        Self { recorded, state: Mutex::default() }
    }

    fn answer(&self, place: Vec<u32>, request: &str, digest: &str) -> Result<Begun, NodeError> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.asked.push(place.clone());
        let call = place.last().copied().unwrap_or_default();
        let known = self.recorded.get(&place);
        match known.filter(|known| known.digest == digest) {
            Some(RecordedCall { outcome: Some(outcome), .. }) => {
                return Ok(Begun::Recorded(outcome.clone()));
            }
            // It was cut off, and what the attempt saw when it was performed again is this.
            Some(_) => return Err(unknown(request)),
            None => {}
        }
        let recorded = known.map(|known| known.request.clone());
        let then = recorded.clone().unwrap_or_else(|| "nothing".into());
        state.mismatches.push(CallMismatch { place, recorded, asked: Some(request.into()) });
        Err(diverged(call, &then, request))
    }

    /// All that was not as recorded; calls that were not made come last.
    fn mismatches(&self) -> Vec<CallMismatch> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let mut found = std::mem::take(&mut state.mismatches);
        // What was asked inside a call that is answered from the record is not asked again.
        let outermost = self.recorded.iter().filter(|(place, _)| place.len() == 1);
        let left = outermost.filter(|(place, _)| !state.asked.contains(place));
        found.extend(left.map(|(place, call)| CallMismatch {
            place: place.clone(),
            recorded: Some(call.request.clone()),
            asked: None,
        }));
        found
    }
}

/// Calls of one pass, answered from the record alone.
struct Sealed {
    seen: Arc<Seen>,
    within: Vec<u32>,
    /// Number of the first call of this pass.
    base: u32,
    /// Number of the next call of all passes here.
    next: Arc<AtomicU32>,
}

impl Sealed {
    fn new(seen: Arc<Seen>, within: Vec<u32>) -> Self {
        Self { seen, within, base: 0, next: Arc::default() }
    }
}

#[async_trait]
impl CallLog for Sealed {
    async fn begin(
        &self,
        call: u32,
        request: &str,
        digest: &str,
        _: Effect,
    ) -> Result<Begun, NodeError> {
        let call = self.base.saturating_add(call);
        self.next.fetch_max(call.saturating_add(1), Ordering::Relaxed);
        self.seen.answer(place(&self.within, call), request, digest)
    }

    async fn finish(
        &self,
        _: u32,
        _: &str,
        _: &str,
        _: Effect,
        _: &Result<Value, NodeError>,
    ) -> Result<(), NodeError> {
        unreachable!("no call proceeds, so none is finished")
    }

    fn inside(&self, call: u32) -> Arc<dyn CallLog> {
        let within = place(&self.within, self.base.saturating_add(call));
        Arc::new(Self::new(self.seen.clone(), within))
    }

    fn beside(&self) -> Arc<dyn CallLog> {
        Arc::new(Self {
            seen: self.seen.clone(),
            within: self.within.clone(),
            base: self.next.load(Ordering::Relaxed),
            next: self.next.clone(),
        })
    }
}
