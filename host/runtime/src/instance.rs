//! One call of one export: a fresh store, all limits, and an honest account at the end.
//!
//! The store lives inside `invoke` and nowhere else, so a store that trapped, timed out or was cancelled
//! cannot be used again: nobody can name it. A guest that left something behind left it in memory that is
//! wiped before the pool gives it out again.

use std::future::Future;
use std::marker::PhantomData;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::time::{Duration, Instant};

use cleargate_flow::event::Usage;
use cleargate_flow::limits::Effective;
use tokio::sync::oneshot;
use tokio::time::error::Elapsed;
use wasmtime::component::{
    ComponentExportIndex, ComponentNamedList, Func, Lift, Lower, ResourceTable, Val,
};
use wasmtime::{CallHook, Store, UpdateDeadline};

use crate::component::Plugin;
use crate::engine::{TICK, YIELD_TICKS};
use crate::fault::Fault;
use crate::host::log::LogBudget;
use crate::host::wasi::Printed;
use crate::meter::Meter;
use crate::world::{Level, World};

/// Live resource handles of one call, such as open response bodies.
pub(crate) const MAX_HANDLES: usize = 1_024;

/// Fuel that is handed out at once. Code that computes keeps its count to itself until it calls something: a call
/// that is cut off at its time has used up to so much more than its account says.
const FUEL_SLICE: u64 = 1_000_000;

/// What host functions see of the call that they are part of.
pub(crate) struct Call {
    pub(crate) limits: Effective,
    pub(crate) meter: Meter,
    pub(crate) log: LogBudget,
    pub(crate) table: ResourceTable,
    /// What was printed and is no whole line yet.
    pub(crate) stdout: Printed,
    pub(crate) stderr: Printed,
    /// The end of what the guest asked for last and waits for.
    pub(crate) turn: Option<oneshot::Receiver<()>>,
    /// Bytes of requests that are written and not sent.
    pub(crate) held: Arc<AtomicUsize>,
    /// Absent while a component describes itself.
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

/// What is given to a function of a guest, and how its results are taken.
pub(crate) trait Entry: Send {
    /// What the function returns.
    type Results: Send;

    /// Calls the function and waits for it.
    fn call(
        self,
        store: &mut Store<Call>,
        function: Func,
    ) -> impl Future<Output = wasmtime::Result<Self::Results>> + Send;
}

/// A function of the contract: its types are known here.
pub(crate) struct Typed<P, R>(P, PhantomData<fn() -> R>);

impl<P, R> Typed<P, R> {
    pub(crate) fn new(parameters: P) -> Self {
        Self(parameters, PhantomData)
    }
}

impl<P, R> Entry for Typed<P, R>
where
    P: ComponentNamedList + Lower + Send + Sync + 'static,
    R: ComponentNamedList + Lift + Send + Sync + 'static,
{
    type Results = R;

    async fn call(self, store: &mut Store<Call>, function: Func) -> wasmtime::Result<R> {
        function.typed::<P, R>(&store)?.call_async(store, self.0).await
    }
}

/// A function of a foreign component: its types are known when it is read.
pub(crate) struct Untyped {
    pub(crate) parameters: Vec<Val>,
    /// How many values it returns.
    pub(crate) results: usize,
}

impl Entry for Untyped {
    type Results = Vec<Val>;

    async fn call(self, store: &mut Store<Call>, function: Func) -> wasmtime::Result<Vec<Val>> {
        let mut results = vec![Val::Bool(false); self.results];
        function.call_async(store, &self.parameters, &mut results).await?;
        Ok(results)
    }
}

/// Calls `export` once in a fresh instance of `plugin`.
///
/// The wall clock covers everything: instantiation with its start functions, the call, host functions, and
/// what the guest does after it returned. It starts when there is a place for the instance.
pub(crate) async fn invoke<E: Entry>(
    plugin: &Plugin,
    export: &ComponentExportIndex,
    entry: E,
    limits: &Effective,
    world: Option<Arc<dyn World>>,
) -> Called<E::Results> {
    let time = Duration::from_millis(limits.time.value);
    let Ok(_place) = tokio::time::timeout(time, plugin.enter()).await else {
        return Called { result: Err(Fault::Busy), usage: Usage::default() };
    };
    let pre = plugin.pre();
    let started = Instant::now();
    let mut store = match prepare(pre.engine(), limits, world, started + time) {
        Ok(store) => store,
        Err(error) => {
            let result = Err(Fault::of(error, limits, false));
            return Called { result, usage: Usage::default() };
        }
    };
    let work = async {
        let instance = pre.instantiate_async(&mut store).await?;
        let function = instance.get_func(&mut store, export);
        let absent = || wasmtime::format_err!("the export is no function");
        entry.call(&mut store, function.ok_or_else(absent)?).await
    };
    let outcome = tokio::time::timeout(time, work).await;
    settle(&mut store, limits, started, outcome)
}

/// What came of a call, and what it used. What it printed and logged is complete then.
pub(crate) fn settle<R>(
    store: &mut Store<Call>,
    limits: &Effective,
    started: Instant,
    outcome: Result<wasmtime::Result<R>, Elapsed>,
) -> Called<R> {
    let usage = usage(store, limits, started);
    let call = store.data_mut();
    let world = call.world.as_deref();
    call.stdout.close(&mut call.log, world);
    call.stderr.close(&mut call.log, world);
    call.log.close(world);
    let result = match outcome {
        Err(_elapsed) => Err(Fault::Timeout { after: limits.time.value }),
        Ok(Err(error)) => Err(Fault::of(error, limits, call.meter.refused)),
        Ok(Ok(result)) => Ok(result),
    };
    Called { result, usage }
}

/// A store with all limits, for one call.
pub(crate) fn prepare(
    engine: &wasmtime::Engine,
    limits: &Effective,
    world: Option<Arc<dyn World>>,
    deadline: Instant,
) -> wasmtime::Result<Store<Call>> {
    let mut table = ResourceTable::new();
    table.set_max_capacity(MAX_HANDLES);
    let call = Call {
        limits: *limits,
        meter: Meter::new(limits),
        log: LogBudget::new(limits),
        table,
        stdout: Printed::new(Level::Info),
        stderr: Printed::new(Level::Warn),
        turn: None,
        held: Arc::default(),
        world,
    };
    let mut store = Store::new(engine, call);
    store.limiter(|call| &mut call.meter);
    store.set_max_component_handles(MAX_HANDLES);
    bound(&mut store, limits, deadline)?;
    Ok(store)
}

/// The same store for another call: memory and handles stay, everything that is counted begins anew.
pub(crate) fn renew(
    store: &mut Store<Call>,
    limits: &Effective,
    world: Option<Arc<dyn World>>,
    deadline: Instant,
) -> wasmtime::Result<()> {
    let call = store.data_mut();
    call.limits = *limits;
    call.meter.renew(limits);
    call.log = LogBudget::new(limits);
    (call.stdout, call.stderr) = (Printed::new(Level::Info), Printed::new(Level::Warn));
    call.world = world;
    bound(store, limits, deadline)
}

fn bound(store: &mut Store<Call>, limits: &Effective, deadline: Instant) -> wasmtime::Result<()> {
    store.set_fuel(limits.fuel.value)?;
    store.fuel_async_yield_interval(Some(FUEL_SLICE))?;
    bound_crossing(store, limits);
    bound_computing(store, limits, deadline);
    Ok(())
}

/// Bounds the bytes that the guest may make the host copy. The engine checks them by their length, before it
/// copies: `payload` for what a host function is given, `output` for what the guest returns.
fn bound_crossing(store: &mut Store<Call>, limits: &Effective) {
    let bytes = |bound: u64| usize::try_from(bound).unwrap_or(usize::MAX);
    let (payload, output) = (bytes(limits.payload.value), bytes(limits.output.value));
    store.set_hostcall_fuel(output);
    store.call_hook(move |mut store, crossing| {
        match crossing {
            CallHook::CallingHost => store.set_hostcall_fuel(payload),
            CallHook::ReturningFromHost => store.set_hostcall_fuel(output),
            CallHook::CallingWasm | CallHook::ReturningFromWasm => {}
        }
        Ok(())
    });
}

/// Lets a guest that computes yield at each slice, and ends it at its deadline.
fn bound_computing(store: &mut Store<Call>, limits: &Effective, deadline: Instant) {
    let after = limits.time.value;
    store.set_epoch_deadline(slice(Duration::from_millis(after)));
    store.epoch_deadline_callback(move |_| {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(Fault::Timeout { after }.into());
        }
        // Through the executor's own yield, so that its budget for this task is respected.
        Ok(UpdateDeadline::YieldCustom(slice(left), Box::pin(tokio::task::yield_now())))
    });
}

/// Ticks until a call with so much time left is looked at: the end of its slice, or the first tick after its
/// time when that comes before.
fn slice(left: Duration) -> u64 {
    let ticks = left.as_nanos() / TICK.as_nanos() + 1;
    u64::try_from(ticks).unwrap_or(u64::MAX).min(YIELD_TICKS)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_is_looked_at_after_each_slice_and_right_after_its_time() {
        let looks = |millis: u64| slice(Duration::from_millis(millis)) * TICK.as_millis() as u64;
        assert_eq!([3_600_000, 100, 9, 7, 1].map(looks), [10, 10, 10, 8, 2]);
    }
}
