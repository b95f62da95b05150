//! One call of one export: a fresh store, all limits, and an honest account at the end.
//!
//! The store lives inside `invoke` and nowhere else, so a store that trapped, timed out or was cancelled
//! cannot be used again: nobody can name it. A guest that left something behind left it in memory that is
//! wiped before the pool gives it out again.

use std::sync::Arc;
use std::time::{Duration, Instant};

use cleargate_flow::event::Usage;
use cleargate_flow::limits::Effective;
use wasmtime::component::{
    ComponentExportIndex, ComponentNamedList, InstancePre, Lift, Lower, ResourceTable,
};
use wasmtime::{Store, UpdateDeadline};

use crate::engine::{TICK, YIELD_TICKS};
use crate::fault::Fault;
use crate::host::log::LogBudget;
use crate::meter::Meter;
use crate::world::World;

/// Live resource handles of one call, such as open response bodies.
pub(crate) const MAX_HANDLES: usize = 1_024;

/// What host functions see of the call that they are part of.
pub(crate) struct Call {
    pub(crate) limits: Effective,
    pub(crate) meter: Meter,
    pub(crate) log: LogBudget,
    pub(crate) table: ResourceTable,
    /// Absent while a component describes itself: nothing is linked then that could ask for it.
    pub(crate) world: Option<Arc<dyn World>>,
}

/// The outcome of a call and what it used, which is known for failed calls as well.
#[derive(Clone, Debug, PartialEq)]
pub struct Called<T> {
    /// The result, or why there is none.
    pub result: Result<T, Fault>,
    /// Fuel, greatest memory, wall clock and host calls.
    pub usage: Usage,
}

impl<T> Called<T> {
    /// Turns the result into what the caller wants; the usage stays.
    pub(crate) fn and_then<U>(self, next: impl FnOnce(T) -> Result<U, Fault>) -> Called<U> {
        Called { result: self.result.and_then(next), usage: self.usage }
    }
}

/// Calls `export` once in a fresh instance of `pre`.
///
/// The wall clock covers everything: instantiation with its start functions, the call, host functions, and
/// what the guest does after it returned.
pub(crate) async fn invoke<P, R>(
    pre: &InstancePre<Call>,
    export: &ComponentExportIndex,
    parameters: P,
    limits: &Effective,
    world: Option<Arc<dyn World>>,
) -> Called<R>
where
    P: ComponentNamedList + Lower + Send + Sync + 'static,
    R: ComponentNamedList + Lift + Send + Sync + 'static,
{
    let started = Instant::now();
    let time = Duration::from_millis(limits.time.value);
    let mut store = match prepare(pre, limits, world, started + time) {
        Ok(store) => store,
        Err(error) => {
            let result = Err(Fault::of(error, limits, false));
            return Called { result, usage: Usage::default() };
        }
    };
    let work = async {
        let instance = pre.instantiate_async(&mut store).await?;
        let function = instance.get_typed_func::<P, R>(&mut store, export)?;
        function.call_async(&mut store, parameters).await
    };
    let outcome = tokio::time::timeout(time, work).await;
    let usage = usage(&store, limits, started);
    let call = store.data_mut();
    call.log.close(call.world.as_deref());
    let result = match outcome {
        Err(_elapsed) => Err(Fault::Timeout { after: limits.time.value }),
        Ok(Err(error)) => Err(Fault::of(error, limits, call.meter.refused)),
        Ok(Ok(result)) => Ok(result),
    };
    Called { result, usage }
}

fn prepare(
    pre: &InstancePre<Call>,
    limits: &Effective,
    world: Option<Arc<dyn World>>,
    deadline: Instant,
) -> wasmtime::Result<Store<Call>> {
    let call = Call {
        limits: *limits,
        meter: Meter::new(limits),
        log: LogBudget::new(limits),
        table: ResourceTable::new(),
        world,
    };
    let mut store = Store::new(pre.engine(), call);
    store.limiter(|call| &mut call.meter);
    store.set_fuel(limits.fuel.value)?;
    // The engine checks this before it copies; each direction's own bound is checked right after.
    let carried = limits.payload.value.max(limits.output.value);
    store.set_hostcall_fuel(usize::try_from(carried).unwrap_or(usize::MAX));
    store.set_max_component_handles(MAX_HANDLES);
    let ticks = limits.time.value / TICK.as_millis() as u64 + 1;
    store.set_epoch_deadline(YIELD_TICKS.min(ticks));
    let after = limits.time.value;
    store.epoch_deadline_callback(move |_| {
        if Instant::now() >= deadline {
            return Err(Fault::Timeout { after }.into());
        }
        // Through the executor's own yield, so that its budget for this task is respected.
        Ok(UpdateDeadline::YieldCustom(YIELD_TICKS, Box::pin(tokio::task::yield_now())))
    });
    Ok(store)
}

fn usage(store: &Store<Call>, limits: &Effective, started: Instant) -> Usage {
    let left = store.get_fuel().expect("fuel is always on");
    let meter = &store.data().meter;
    Usage {
        micros: u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX),
        fuel: limits.fuel.value.saturating_sub(left),
        peak_memory: meter.peak as u64,
        host_calls: meter.host_calls,
    }
}
