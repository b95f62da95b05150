//! Who calls a node, from where, until when, and what the call may do.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use cleargate_flow::limits::Effective;
use cleargate_flow::{Address, RunId, Value};
use cleargate_gate::{CallLog, Gate, Identity, NoLog, Pass, Quotas, RunCounters};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::calls::AttemptCalls;
use crate::catalog::CallScope;
use crate::log::Log;

/// What an attempt is told and given.
#[derive(Clone, Debug)]
pub struct NodeContext {
    /// Which run.
    pub run: RunId,
    /// Which node of it.
    pub address: Address,
    /// First attempt is 1.
    pub attempt: u32,
    /// Idempotency key: the same for each attempt of the step, also after a crash. For peers that
    /// deduplicate.
    pub key: String,
    /// The name under which the flow uses the node type.
    pub binding: String,
    /// On whose behalf the run works.
    pub tenant: String,
    /// When the call is cut off, in milliseconds since 1970-01-01T00:00:00Z.
    pub deadline: Option<i64>,
    /// Bounds of the call after all layers.
    pub limits: Effective,
    /// Fires when the call should end early; whoever ignores it is dropped after a grace.
    pub cancel: CancellationToken,
    /// The way to the world.
    pub pass: Pass,
    /// Bounded lines in the journal.
    pub log: Log,
    /// Keys of the node beside `with:`, literal.
    pub config: Value,
    /// W3C trace context, when the run is traced.
    pub trace_parent: Option<String>,
    /// Makes the passes of calls inside this one.
    pub passes: Passes,
    /// Calls of plugins by plugins around this one.
    pub depth: u32,
    /// The key of the asset that the attempt gives, when that has keys.
    pub asset_key: Option<Arc<str>>,
}

impl NodeContext {
    /// The context of a call that this attempt makes of something else, such as a guardrail of a chain: same
    /// place, log and journal, and the rights and bounds of `scope` alone.
    ///
    /// Such calls must follow one another: their requests are numbered in order.
    #[must_use]
    pub fn within(&self, scope: &CallScope, config: Value) -> Self {
        let mut inner = self.clone();
        inner.binding.clone_from(&scope.name);
        inner.limits = scope.limits;
        inner.pass = self.passes.pass(self.identity(&scope.name), scope);
        inner.config = config;
        inner.among(scope)
    }

    /// The context of what the host itself keeps beside this attempt, in the space of `tenant`, which no node can name.
    #[must_use]
    pub fn for_host(&self, scope: &CallScope, tenant: String) -> Self {
        let mut own = self.within(scope, Value::Null);
        let identity = Identity { tenant: tenant.clone(), ..self.identity(&scope.name) };
        (own.pass, own.tenant) = (self.passes.pass(identity, scope), tenant);
        own
    }

    /// A call outside a run, which nothing remembers: for tools and tests of plugins.
    pub fn outside(gate: &Arc<Gate>, tenant: &str, scope: &CallScope, config: Value) -> Self {
        let run: RunId = "outside".parse().expect("letters");
        let address: Address = "call".parse().expect("an id");
        let calls = Calls::Unrecorded;
        let passes = Passes { gate: gate.clone(), calls, run: Arc::default(), until: None };
        let (tenant, binding) = (tenant.to_owned(), scope.name.clone());
        let identity = Identity {
            run: run.clone(),
            address: address.clone(),
            attempt: 1,
            plugin: binding.clone(),
            tenant: tenant.clone(),
        };
        Self {
            key: crate::ids::step_key(&run, &address),
            run,
            address,
            attempt: 1,
            binding,
            tenant,
            deadline: None,
            limits: scope.limits,
            cancel: CancellationToken::new(),
            pass: passes.pass(identity, scope),
            log: Log::unread(scope.limits.log.value),
            config,
            trace_parent: None,
            passes,
            depth: 0,
            asset_key: None,
        }
        .among(scope)
    }

    fn identity(&self, plugin: &str) -> Identity {
        Identity {
            run: self.run.clone(),
            address: self.address.clone(),
            attempt: self.attempt,
            plugin: plugin.into(),
            tenant: self.tenant.clone(),
        }
    }
}

/// What the passes of one attempt share: the gate, the journal of its calls, and the run's counters.
#[derive(Clone)]
pub struct Passes {
    gate: Arc<Gate>,
    calls: Calls,
    run: Arc<RunCounters>,
    /// When the attempt is cut off.
    until: Option<Instant>,
}

#[derive(Clone)]
enum Calls {
    Recorded(Arc<AttemptCalls>),
    /// Inside a call of the attempt.
    Inside(Arc<dyn CallLog>),
    Unrecorded,
}

impl Passes {
    pub(crate) fn new(
        gate: Arc<Gate>,
        calls: Arc<AttemptCalls>,
        run: Arc<RunCounters>,
        timeout_ms: Option<u64>,
    ) -> Self {
        let until = timeout_ms.map(|ms| Instant::now() + Duration::from_millis(ms));
        Self { gate, calls: Calls::Recorded(calls), run, until }
    }

    /// The passes of an attempt whose calls `log` answers.
    pub(crate) fn over(gate: Arc<Gate>, log: Arc<dyn CallLog>, timeout_ms: Option<u64>) -> Self {
        let until = timeout_ms.map(|ms| Instant::now() + Duration::from_millis(ms));
        Self { gate, calls: Calls::Inside(log), run: Arc::default(), until }
    }

    /// The same for what is asked inside a call whose own calls `log` keeps.
    pub(crate) fn inside(mut self, log: Arc<dyn CallLog>) -> Self {
        self.calls = Calls::Inside(log);
        self
    }

    /// Requests that all passes of the attempt have made.
    pub(crate) fn calls(&self) -> u64 {
        match &self.calls {
            Calls::Recorded(calls) => calls.made().into(),
            Calls::Inside(_) | Calls::Unrecorded => 0,
        }
    }

    pub(crate) fn pass(&self, identity: Identity, scope: &CallScope) -> Pass {
        let mut quotas = Quotas::new(&scope.limits, self.run.clone());
        if let Some(until) = self.until {
            quotas.deadline = quotas.deadline.min(until);
        }
        let log: Arc<dyn CallLog> = match &self.calls {
            Calls::Recorded(calls) => calls.lane(),
            Calls::Inside(log) => log.beside(),
            Calls::Unrecorded => Arc::new(NoLog),
        };
        let pass = self.gate.pass(identity, (*scope.grants).clone(), quotas, log);
        match &scope.folder {
            Some(folder) => pass.in_folder(folder.clone()),
            None => pass,
        }
    }
}

impl fmt::Debug for Passes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Passes").finish_non_exhaustive()
    }
}
