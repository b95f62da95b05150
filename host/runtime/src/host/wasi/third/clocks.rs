//! `wasi:clocks` 0.3: the clocks of the call, with functions that wait.

use wasmtime::component::{Accessor, ComponentType, Lift, Linker, Lower};

use super::super::clocks::{MILLISECOND, elapsed, grain, now, wait_until};
use super::super::serve;
use super::{Later, wait};
use crate::host::{Context, demand};
use crate::instance::Call;

/// Milliseconds of a second.
const SECOND: u64 = 1_000;

/// `instant` of `wasi:clocks/system-clock`.
#[derive(Clone, Copy, Debug, ComponentType, Lift, Lower)]
#[component(record)]
pub(super) struct Instant {
    seconds: i64,
    nanoseconds: u32,
}

impl Instant {
    /// The moment so many milliseconds after 1970-01-01T00:00:00Z.
    pub(super) fn of(at: u64) -> Self {
        // A thousandth of a number of 64 bits, and less than a second: both fit.
        Self { seconds: (at / SECOND) as i64, nanoseconds: ((at % SECOND) * MILLISECOND) as u32 }
    }
}

pub(super) fn link_system(linker: &mut Linker<Call>, name: &str) -> wasmtime::Result<()> {
    serve!(linker, name, { "now" => system, "get-resolution" => grain })
}

pub(super) fn link_monotonic(linker: &mut Linker<Call>, name: &str) -> wasmtime::Result<()> {
    let served: wasmtime::Result<()> =
        serve!(linker, name, { "now" => now, "get-resolution" => grain });
    served?;
    wait!(linker, name, { "wait-until" => until, "wait-for" => after })
}

async fn system(store: &mut Context<'_>, (): ()) -> wasmtime::Result<(Instant,)> {
    let Some(world) = store.data().world.clone() else { return Ok((Instant::of(0),)) };
    let (now,) = demand(world.now().await)?;
    Ok((Instant::of(now),))
}

async fn until(store: &mut Later<'_>, (when,): (u64,)) -> wasmtime::Result<()> {
    wait_until(store, when.div_ceil(MILLISECOND)).await?;
    Ok(())
}

async fn after(store: &mut Later<'_>, (length,): (u64,)) -> wasmtime::Result<()> {
    let first = elapsed(store).await?.saturating_add(length.div_ceil(MILLISECOND));
    wait_until(store, first).await?;
    Ok(())
}
