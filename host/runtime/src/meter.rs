//! What one call has used, and the counters that stop it: memory, host calls, payload.

use cleargate_flow::limits::Effective;
use wasmtime::{AsContextMut, ResourceLimiter, StoreContextMut, Trap};

use crate::engine::{
    CORE_INSTANCES_PER_COMPONENT, MEMORIES_PER_COMPONENT, TABLE_ELEMENTS, TABLES_PER_COMPONENT,
};
use crate::fault::Fault;
use crate::instance::Call;

/// Fuel that each host call burns beside what the host does: a flood of cheap calls ends like a loop.
pub const HOST_CALL_FUEL: u64 = 1_000;

/// Bytes of host memory behind one element of a table.
const ELEMENT_BYTES: usize = size_of::<usize>();

/// Counters of one call.
#[derive(Debug)]
pub(crate) struct Meter {
    most_memory: usize,
    memory: usize,
    /// Greatest sum of memories and tables, in bytes.
    pub(crate) peak: usize,
    /// Whether a memory or table was not allowed to grow.
    pub(crate) refused: bool,
    /// Calls of host functions.
    pub(crate) host_calls: u64,
    /// HTTP requests.
    pub(crate) http_calls: u64,
    pub(crate) tool_calls: u64,
}

impl Meter {
    pub(crate) fn new(limits: &Effective) -> Self {
        Self {
            most_memory: usize::try_from(limits.memory.value).unwrap_or(usize::MAX),
            memory: 0,
            peak: 0,
            refused: false,
            host_calls: 0,
            http_calls: 0,
            tool_calls: 0,
        }
    }

    /// Begins to count anew. What was grown before still counts against the sum.
    pub(crate) fn renew(&mut self, limits: &Effective) {
        let memory = self.memory;
        *self = Self { memory, peak: memory, ..Self::new(limits) };
    }

    /// Counts growth against the one sum. A refusal is the `-1` that the instruction knows.
    fn grow(&mut self, current: usize, desired: usize) -> bool {
        let sum = self.memory.saturating_add(desired.saturating_sub(current));
        if sum > self.most_memory {
            self.refused = true;
            return false;
        }
        self.memory = sum;
        self.peak = self.peak.max(sum);
        true
    }
}

impl ResourceLimiter for Meter {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        // Growth beyond the memory's own maximum fails anyway, and must not be counted.
        let possible = maximum.is_none_or(|most| desired <= most);
        Ok(possible && self.grow(current, desired))
    }

    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let bytes = |elements: usize| elements.saturating_mul(ELEMENT_BYTES);
        if maximum.is_some_and(|most| desired > most) || desired > TABLE_ELEMENTS {
            // Shorter than the memory that is left, as the pool's slots are: still a bound of ours.
            self.refused = true;
            return Ok(false);
        }
        Ok(self.grow(bytes(current), bytes(desired)))
    }

    fn instances(&self) -> usize {
        CORE_INSTANCES_PER_COMPONENT as usize
    }

    fn tables(&self) -> usize {
        TABLES_PER_COMPONENT as usize
    }

    fn memories(&self) -> usize {
        MEMORIES_PER_COMPONENT as usize
    }
}

/// Opens each host call: counts it, burns its fuel, and checks the bytes that it carries.
pub(crate) fn enter(
    store: &mut StoreContextMut<'_, Call>,
    payload: usize,
) -> Result<(), wasmtime::Error> {
    let call = store.data_mut();
    call.meter.host_calls += 1;
    let most = call.limits.host_calls.value;
    if call.meter.host_calls > most {
        return Err(Fault::limit("host_calls", format!("more than {most} host calls")).into());
    }
    carries(call, payload)?;
    let fuel = store.get_fuel()?;
    let left = fuel.saturating_sub(HOST_CALL_FUEL);
    store.as_context_mut().set_fuel(left)?;
    if left == 0 { Err(Trap::OutOfFuel.into()) } else { Ok(()) }
}

/// Checks the bytes that cross in one host call, in either direction.
pub(crate) fn carries(call: &Call, bytes: usize) -> Result<(), Fault> {
    let most = call.limits.payload.value;
    if bytes as u64 > most {
        let message = format!("{bytes} bytes cross at once; {most} may");
        return Err(Fault::limit("payload", message));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use cleargate_flow::limits::{Layer, Limits};

    #[test]
    fn all_memories_and_tables_share_one_sum() {
        let asked = Limits { memory: Some(1000), ..Limits::default() };
        let mut meter = Meter::new(&Limits::combine(&[(Layer::Node, asked)]));
        assert!(meter.memory_growing(0, 400, None).unwrap());
        assert!(meter.memory_growing(0, 400, None).unwrap());
        assert!(meter.table_growing(0, 25, None).unwrap());
        assert_eq!((meter.peak, meter.refused), (1000, false));
        assert!(!meter.table_growing(25, 26, None).unwrap());
        assert_eq!((meter.peak, meter.refused), (1000, true));
    }

    #[test]
    fn growth_that_fails_by_itself_is_not_counted() {
        let mut meter = Meter::new(&Limits::combine(&[]));
        assert!(!meter.memory_growing(0, 400, Some(300)).unwrap());
        assert_eq!((meter.peak, meter.refused), (0, false));
    }
}
