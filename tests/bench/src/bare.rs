//! The least that the machine needs for a component: the engine as it comes, without a limit, a world or an account.
//!
//! Each call has a fresh instance from a pool here too, so that what lies between is the price of ours.

use std::thread::JoinHandle;

use wasmtime::component::{Component, ComponentExportIndex, InstancePre, Linker};
use wasmtime::{Config, Engine, InstanceAllocationStrategy, PoolingAllocationConfig, Store};

use types::cleargate::types::types::{CallContext, Error, Value};

/// The contract's types, made from the folders of `wit/`.
mod types {
    #![allow(
        dead_code,
        unreachable_pub,
        clippy::allow_attributes_without_reason,
        reason = "generated, and little of it is used"
    )]
    wasmtime::component::bindgen!({
        path: ["../../wit/types@0.1.0", "../../wit/node@0.1.0"],
        world: "cleargate:node/plugin",
    });
}

/// What a node or tool gives.
type Answer = (Result<Value, Error>,);

/// Instances at once: as many as a bench asks for.
const PLACES: u32 = 80;

/// Fuel and ticks that no bench reaches.
const ENDLESS: u64 = u64::MAX / 2;

/// How the engine counts what a guest does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Metering {
    pub(crate) fuel: bool,
    pub(crate) epochs: bool,
}

/// A component that is ready to be instantiated.
pub(crate) struct Bare {
    metering: Metering,
    pre: InstancePre<()>,
    function: ComponentExportIndex,
    _ticker: Option<Ticker>,
}

impl Bare {
    /// Compiles a component, whose imports are there and trap.
    pub(crate) fn new(bytes: &[u8], metering: Metering, (interface, name): (&str, &str)) -> Self {
        let engine = engine(metering);
        let component = Component::new(&engine, bytes).unwrap();
        let interface = component.get_export_index(None, interface).unwrap();
        let function = component.get_export_index(Some(&interface), name).unwrap();
        let mut linker = Linker::new(&engine);
        linker.define_unknown_imports_as_traps(&component).unwrap();
        let pre = linker.instantiate_pre(&component).unwrap();
        let _ticker = metering.epochs.then(|| Ticker::start(engine));
        Self { metering, pre, function, _ticker }
    }

    /// One call in a fresh instance.
    pub(crate) async fn call(&self, id: &str, input: &str) -> usize {
        let mut store = Store::new(self.pre.engine(), ());
        if self.metering.fuel {
            store.set_fuel(ENDLESS).unwrap();
        }
        if self.metering.epochs {
            store.set_epoch_deadline(ENDLESS);
        }
        let instance = self.pre.instantiate_async(&mut store).await.unwrap();
        let function = instance.get_func(&mut store, self.function).unwrap();
        let function = function.typed::<(String, CallContext, Value), Answer>(&store).unwrap();
        let parameters = (id.to_owned(), context(), Value::Json(input.to_owned()));
        match function.call_async(&mut store, parameters).await.unwrap().0 {
            Ok(Value::Json(text)) => text.len(),
            other => panic!("{other:?}"),
        }
    }
}

/// Compiles and gives nothing: the time of the engine's own compiler.
pub(crate) fn compile(bytes: &[u8]) {
    Component::new(&engine(Metering::default()), bytes).unwrap();
}

fn engine(metering: Metering) -> Engine {
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(PLACES)
        .total_core_instances(16 * PLACES)
        .total_memories(2 * PLACES)
        .total_tables(16 * PLACES)
        .total_stacks(2 * PLACES)
        .max_core_instances_per_component(160)
        .max_tables_per_component(80)
        .table_elements(128 * 1024);
    let mut config = Config::new();
    config
        .wasm_component_model_async(true)
        .consume_fuel(metering.fuel)
        .epoch_interruption(metering.epochs)
        .allocation_strategy(InstanceAllocationStrategy::Pooling(pool));
    Engine::new(&config).unwrap()
}

fn context() -> CallContext {
    CallContext {
        run_id: "run".into(),
        address: "node".into(),
        attempt: 1,
        deadline: None,
        idempotency_key: "key".into(),
        binding: "guest".into(),
        tenant: "default".into(),
        trace_parent: None,
    }
}

/// Moves the epoch on, as often as ours does.
struct Ticker {
    stop: std::sync::mpsc::Sender<()>,
    thread: Option<JoinHandle<()>>,
}

impl Ticker {
    fn start(engine: Engine) -> Self {
        let (stop, stopped) = std::sync::mpsc::channel();
        let tick = cleargate_runtime::engine::TICK;
        let thread = std::thread::spawn(move || {
            while stopped.recv_timeout(tick) == Err(std::sync::mpsc::RecvTimeoutError::Timeout) {
                engine.increment_epoch();
            }
        });
        Self { stop, thread: Some(thread) }
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        self.stop.send(()).unwrap();
        self.thread.take().unwrap().join().unwrap();
    }
}
