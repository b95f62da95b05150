//! The engine: one configuration of wasmtime for all plugins of one trust class.
//!
//! Everything that makes a run repeatable or a stranger's code bounded is decided here and nowhere else:
//! Cranelift alone (the baseline compiler had memory-safety advisories and ignores epochs), fuel and epochs
//! always on, no threads, no shared or 64-bit memories, canonical NaNs, deterministic relaxed SIMD.
//! Instances come from a pool, because a pooled instance costs a quarter of one that is mapped on demand.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, SemaphorePermit};
use wasmtime::{Config, InstanceAllocationStrategy, OptLevel, PoolingAllocationConfig, Strategy};

/// How often the epoch moves on. A call that computes is looked at after at most this long.
pub const TICK: Duration = Duration::from_millis(2);

/// Ticks between two yields of a call that computes: 10 ms, so that one plugin cannot hold a worker thread.
pub(crate) const YIELD_TICKS: u64 = 5;

/// Bytes of stack for WebAssembly frames. wasmtime's own default; deep enough for interpreters.
const WASM_STACK: usize = 512 * 1024;

/// Bytes of the stack on which a call runs: frames of WebAssembly and of the host functions above them.
const FIBER_STACK: usize = 2 * 1024 * 1024;

/// Function names that a trap may list: enough to find the place, too few to flood a journal.
pub(crate) const BACKTRACE_FRAMES: NonZeroUsize = NonZeroUsize::new(16).expect("16 is not 0");

/// Components that may be instantiated at once. A call beyond them waits for its turn.
pub const LIVE_CALLS: u32 = 256;

/// Places that a call takes at least: a JavaScript component uses several core instances.
const PLACES_PER_CALL: u32 = 16;

/// Core instances in the pool, and as many tables.
const CORE_INSTANCES: u32 = PLACES_PER_CALL * LIVE_CALLS;

/// Stacks in the pool: one for each component of a call that may wait, and one for the call.
const STACKS: u32 = 2 * LIVE_CALLS;

/// Linear memories in the pool. Each reserves 4 GiB of addresses, so there are fewer of them.
const MEMORIES: u32 = 4 * LIVE_CALLS;

/// Core instances of one component. Python's ahead-of-time linked libraries need about 120.
pub(crate) const CORE_INSTANCES_PER_COMPONENT: u32 = 160;

/// Tables of one component. Python needs about 60.
pub(crate) const TABLES_PER_COMPONENT: u32 = 80;

/// Linear memories of one component.
pub(crate) const MEMORIES_PER_COMPONENT: u32 = 16;

/// Elements of one table. Python needs about 100,000.
pub(crate) const TABLE_ELEMENTS: usize = 128 * 1024;

/// Components with code of their own in one component: each can wait on a stack of its own.
pub(crate) const COMPONENTS_PER_COMPONENT: u32 = 16;

/// Bytes of one linear memory: all that 32-bit addresses reach. The limit of a call is below.
const MEMORY_BYTES: usize = 1 << 32;

/// Bytes of a memory slot that stay resident between calls: zeroing them costs less than unmapping them.
const MEMORY_RESIDENT: usize = 128 * 1024;

/// Bytes of a table slot that stay resident.
const TABLE_RESIDENT: usize = 16 * 1024;

/// Bytes of a stack that stay resident.
const STACK_RESIDENT: usize = 16 * 1024;

/// How instances get their memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Allocation {
    /// From slots that were reserved when the engine was made.
    Pool,
    /// Mapped for each call: slower, for processes whose address space is bounded.
    OnDemand,
}

/// Why there is no engine.
#[derive(Debug, thiserror::Error)]
#[error("the WebAssembly engine cannot be made on this machine: {0}")]
pub struct EngineError(pub(crate) String);

/// What one instance takes of the pool, at most.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Needs {
    pub(crate) core_instances: u32,
    /// Components with code of their own.
    pub(crate) components: u32,
    pub(crate) memories: u32,
    pub(crate) tables: u32,
}

/// One engine with its epoch ticker. Cloning is cheap; the ticker ends with the last clone.
#[derive(Clone)]
pub struct Engine(Arc<Inner>);

struct Inner {
    wasmtime: wasmtime::Engine,
    allocation: Allocation,
    /// What the pool has, so that calls wait for a place instead of failing for the lack of one.
    places: Arc<Semaphore>,
    /// Moves the epoch on, and ends with the engine.
    _ticker: Ticker,
}

/// The thread that moves the epoch on.
struct Ticker {
    /// Dropped first, which wakes the thread and ends it.
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Ticker {
    fn start(engine: wasmtime::Engine) -> Result<Self, EngineError> {
        let (stop, stopped) = channel::<()>();
        let (running, runs) = channel::<()>();
        let tick = move || {
            drop(running);
            while let Err(RecvTimeoutError::Timeout) = stopped.recv_timeout(TICK) {
                engine.increment_epoch();
            }
        };
        let thread = thread::Builder::new().name("cleargate-epoch".into()).spawn(tick);
        let thread = thread.map_err(|e| EngineError(format!("no thread for the epoch: {e}")))?;
        // It has made itself: whoever takes system calls from this process does not take those that a start needs.
        let _runs = runs.recv();
        Ok(Self { stop: Some(stop), thread: Some(thread) })
    }
}

impl Drop for Ticker {
    /// Waits for the thread, which has nothing else to do than to end.
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A panic of the thread has nothing left to spoil.
            let _ = thread.join();
        }
    }
}

impl Engine {
    /// Makes an engine with a pool, or without one when the address space is too short for it.
    ///
    /// Reserving the pool is the probe: no other test says whether this process may map that much.
    ///
    /// # Errors
    /// When the processor or the operating system lacks what Cranelift needs.
    pub fn new() -> Result<Self, EngineError> {
        match Self::with_allocation(Allocation::Pool) {
            Ok(engine) => Ok(engine),
            Err(reason) => {
                tracing::warn!(
                    %reason,
                    "no address space for a pool of instances: each call maps its own memory, which \
                     costs some 20 µs more; raise `ulimit -v` to get the pool"
                );
                Self::with_allocation(Allocation::OnDemand)
            }
        }
    }

    /// Makes an engine with the allocation that is asked for.
    ///
    /// # Errors
    /// The same as [`Engine::new`], and for a pool too little address space.
    pub fn with_allocation(allocation: Allocation) -> Result<Self, EngineError> {
        let failed = |error: wasmtime::Error| EngineError(format!("{error:#}"));
        let wasmtime = wasmtime::Engine::new(&config(allocation)).map_err(failed)?;
        let _ticker = Ticker::start(wasmtime.clone())?;
        let places = Arc::new(Semaphore::new(CORE_INSTANCES as usize));
        Ok(Self(Arc::new(Inner { wasmtime, allocation, places, _ticker })))
    }

    /// How instances get their memory.
    pub fn allocation(&self) -> Allocation {
        self.0.allocation
    }

    /// Places that one instance takes: as many as what it has most of, measured against the pool. However it
    /// is made, one call never takes more than a small part of them all.
    pub(crate) fn places(needs: Needs) -> u32 {
        let stacks = needs.components.saturating_add(1).saturating_mul(CORE_INSTANCES / STACKS);
        let memories = needs.memories.saturating_mul(CORE_INSTANCES / MEMORIES);
        let most = needs.core_instances.max(stacks).max(memories).max(needs.tables);
        // The engine gives no instance more, whatever was counted before names were resolved.
        most.clamp(PLACES_PER_CALL, CORE_INSTANCES_PER_COMPONENT)
    }

    /// Waits for `places` to be free. They are free again when the permit is dropped.
    pub(crate) async fn enter(&self, places: u32) -> SemaphorePermit<'_> {
        let permit = self.0.places.acquire_many(places).await;
        permit.expect("the semaphore is not closed")
    }

    /// The same for an instance that lives longer than a call.
    pub(crate) async fn enter_for_long(&self, places: u32) -> OwnedSemaphorePermit {
        let permit = self.0.places.clone().acquire_many_owned(places).await;
        permit.expect("the semaphore is not closed")
    }

    pub(crate) fn wasmtime(&self) -> &wasmtime::Engine {
        &self.0.wasmtime
    }
}

fn config(allocation: Allocation) -> Config {
    let mut config = Config::new();
    config
        .strategy(Strategy::Cranelift)
        .cranelift_opt_level(OptLevel::Speed)
        .cranelift_nan_canonicalization(true)
        .relaxed_simd_deterministic(true)
        .wasm_component_model(true)
        .wasm_component_model_async(true)
        .wasm_shared_everything_threads(false)
        .shared_memory(false)
        .wasm_memory64(false)
        .wasm_backtrace_max_frames(Some(BACKTRACE_FRAMES))
        .consume_fuel(true)
        .epoch_interruption(true)
        .max_wasm_stack(WASM_STACK)
        .async_stack_size(FIBER_STACK)
        .memory_init_cow(true);
    config.allocation_strategy(match allocation {
        Allocation::Pool => InstanceAllocationStrategy::Pooling(pool()),
        Allocation::OnDemand => InstanceAllocationStrategy::OnDemand,
    });
    config
}

fn pool() -> PoolingAllocationConfig {
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(LIVE_CALLS)
        .total_core_instances(CORE_INSTANCES)
        .total_memories(MEMORIES)
        .total_tables(CORE_INSTANCES)
        .total_stacks(STACKS)
        .max_core_instances_per_component(CORE_INSTANCES_PER_COMPONENT)
        .max_memories_per_component(MEMORIES_PER_COMPONENT)
        .max_tables_per_component(TABLES_PER_COMPONENT)
        // One module may have all of them: the engine's own bound is one of each.
        .max_memories_per_module(MEMORIES_PER_COMPONENT)
        .max_tables_per_module(TABLES_PER_COMPONENT)
        .max_memory_size(MEMORY_BYTES)
        .table_elements(TABLE_ELEMENTS)
        .linear_memory_keep_resident(MEMORY_RESIDENT)
        .table_keep_resident(TABLE_RESIDENT)
        .async_stack_keep_resident(STACK_RESIDENT);
    pool
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_allocations_make_an_engine_whose_epoch_moves() {
        for allocation in [Allocation::Pool, Allocation::OnDemand] {
            let engine = Engine::with_allocation(allocation).unwrap();
            assert_eq!(engine.allocation(), allocation);
        }
    }

    #[test]
    fn the_ticker_ends_with_the_last_engine() {
        let engine = Engine::with_allocation(Allocation::OnDemand).unwrap();
        let second = engine.clone();
        let weak = engine.wasmtime().weak();
        drop(engine);
        assert!(weak.upgrade().is_some());
        drop(second);
        // The thread owns an engine too: that there is none left says that the thread ended.
        assert!(weak.upgrade().is_none());
    }

    #[test]
    fn an_instance_takes_places_for_what_it_has_most_of() {
        let needs = |core_instances, components, memories, tables| {
            Engine::places(Needs { core_instances, components, memories, tables })
        };
        assert_eq!(needs(4, 1, 1, 2), 16);
        assert_eq!(needs(120, 1, 1, 60), 120);
        assert_eq!(needs(4, 1, 16, 2), 64);
        assert_eq!(needs(4, COMPONENTS_PER_COMPONENT, 1, 2), 136);
        assert_eq!(needs(4_000, 1, 1, 1), 160);
    }

    #[test]
    fn one_module_may_have_all_memories_and_tables_of_a_component() {
        let engine = Engine::with_allocation(Allocation::Pool).unwrap();
        let (memories, tables) = ("(memory 1)".repeat(16), "(table 1 funcref)".repeat(80));
        let bytes = wat::parse_str(format!("(component (core module {memories} {tables}))"));
        wasmtime::component::Component::new(engine.wasmtime(), bytes.unwrap()).unwrap();
    }

    #[test]
    fn threads_and_64_bit_memories_do_not_exist() {
        let engine = Engine::with_allocation(Allocation::OnDemand).unwrap();
        for module in [
            "(component (core module (memory 1 1 shared)))",
            "(component (core module (memory i64 1)))",
        ] {
            let bytes = wat::parse_str(module).unwrap();
            assert!(wasmtime::component::Component::new(engine.wasmtime(), bytes).is_err());
        }
    }
}
