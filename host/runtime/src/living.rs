//! An instance that lives on between calls: what a call left in its memory is there for the next one.
//!
//! Each call has limits, a world and an account of its own, as any other; only the memory stays. A call that does not come
//! to its end takes the instance along, because nobody knows in which state it was left.

use std::time::{Duration, Instant};

use cleargate_flow::event::Usage;
use cleargate_flow::signature::PluginKind;
use cleargate_flow::value::Value;
use tokio::sync::{Mutex, OwnedSemaphorePermit};
use wasmtime::Store;
use wasmtime::component::Instance;

use crate::bindings::wire;
use crate::component::Plugin;
use crate::fault::Fault;
use crate::instance::{Call, Called, Entry, Typed, prepare, renew, settle};
use crate::plugin::{Caller, to_wire, value};

/// A place for one instance, which is made by the first call.
#[derive(Default)]
pub struct Living(Mutex<Option<Open>>);

/// An instance between two calls.
struct Open {
    store: Store<Call>,
    instance: Instance,
    /// Of the pool, as long as it lives.
    _place: OwnedSemaphorePermit,
}

type Outcome = (Result<wire::Value, wire::Error>,);

impl Living {
    /// Whether there is an instance: none before the first call, and after one that did not come to its end.
    pub async fn is_there(&self) -> bool {
        self.0.lock().await.is_some()
    }
}

impl Plugin {
    /// Calls the tool `name` in the instance that lives there; one call at a time.
    pub async fn call_living(
        &self,
        living: &Living,
        name: &str,
        caller: &Caller,
        arguments: &Value,
    ) -> Called<Value> {
        let nothing = |fault| Called { result: Err(fault), usage: Usage::default() };
        if self.is_elsewhere() {
            return nothing(Fault::Contract("its calls are executed elsewhere".into()));
        }
        let mut place = living.0.lock().await;
        let time = Duration::from_millis(caller.limits.time.value);
        let opened = match place.take() {
            Some(open) => Ok((open, Instant::now())),
            None => self.open(caller, time).await,
        };
        let (mut open, started) = match opened {
            Ok(opened) => opened,
            Err(fault) => return nothing(fault),
        };
        let world = Some(caller.world.clone());
        if let Err(error) = renew(&mut open.store, &caller.limits, world, started + time) {
            return nothing(Fault::of(error, &caller.limits, false));
        }
        let Some(export) = self.function(PluginKind::Tool, "call") else {
            return nothing(Fault::Contract("the component is no tool".into()));
        };
        let parameters = (name.to_owned(), caller.context.clone(), to_wire(arguments));
        let work = async {
            let function = open.instance.get_func(&mut open.store, export);
            let absent = || wasmtime::format_err!("the export is no function");
            let entry = Typed::<_, Outcome>::new(parameters);
            entry.call(&mut open.store, function.ok_or_else(absent)?).await
        };
        let outcome = tokio::time::timeout(time, work).await;
        let called = settle(&mut open.store, &caller.limits, started, outcome);
        if called.result.is_ok() {
            *place = Some(open);
        }
        called.and_then(|(outcome,)| value(outcome, &caller.limits))
    }

    /// A new instance, with the moment at which there was a place for it.
    async fn open(&self, caller: &Caller, time: Duration) -> Result<(Open, Instant), Fault> {
        let place = tokio::time::timeout(time, self.enter_for_long()).await;
        let place = place.map_err(|_| Fault::Busy)?;
        let (pre, started) = (self.pre(), Instant::now());
        let (limits, world) = (&caller.limits, Some(caller.world.clone()));
        let fault = |error| Fault::of(error, limits, false);
        let mut store = prepare(pre.engine(), limits, world, started + time).map_err(fault)?;
        let instance = tokio::time::timeout(time, pre.instantiate_async(&mut store)).await;
        let late = |_| Fault::Timeout { after: limits.time.value };
        let instance = instance.map_err(late)?.map_err(fault)?;
        Ok((Open { store, instance, _place: place }, started))
    }
}
