//! `wasi:clocks`: time as the journal keeps it, with a grain of a millisecond.
//!
//! Standard libraries look at the clock as they start; while a component describes itself the clock stands still.

use wasmtime::component::{ComponentType, Lift, Linker, Lower, Resource};

use super::io::Pollable;
use super::{Context, Reach, serve};
use crate::host::demand;
use crate::instance::Call;

/// Milliseconds of a second.
const SECOND: u64 = 1_000;

/// Nanoseconds of a millisecond, which is the finest grain of a clock.
pub(super) const MILLISECOND: u64 = 1_000_000;

/// `datetime` of `wasi:clocks/wall-clock`.
#[derive(Clone, Copy, Debug, ComponentType, Lift, Lower)]
#[component(record)]
pub(super) struct Datetime {
    seconds: u64,
    nanoseconds: u32,
}

impl Datetime {
    /// The moment so many milliseconds after 1970-01-01T00:00:00Z.
    pub(super) fn of(at: u64) -> Self {
        // Less than a second, so it fits.
        let nanoseconds = ((at % SECOND) * MILLISECOND) as u32;
        Self { seconds: at / SECOND, nanoseconds }
    }

    /// The same in milliseconds.
    pub(super) fn millis(self) -> u64 {
        self.seconds * SECOND + u64::from(self.nanoseconds) / MILLISECOND
    }
}

pub(super) fn link_wall(linker: &mut Linker<Call>, name: &str) -> wasmtime::Result<()> {
    serve!(linker, name, { "now" => wall, "resolution" => wall_grain })
}

pub(super) fn link_monotonic(linker: &mut Linker<Call>, name: &str) -> wasmtime::Result<()> {
    serve!(linker, name, {
        "now" => now,
        "resolution" => grain,
        "subscribe-instant" => at,
        "subscribe-duration" => after,
    })
}

async fn wall(store: &mut Context<'_>, (): ()) -> wasmtime::Result<(Datetime,)> {
    let Some(world) = store.data().world.clone() else { return Ok((Datetime::of(0),)) };
    let (now,) = demand(world.now().await)?;
    Ok((Datetime::of(now),))
}

async fn wall_grain(_: &mut Context<'_>, (): ()) -> wasmtime::Result<(Datetime,)> {
    Ok((Datetime::of(1),))
}

/// Milliseconds since the call first looked.
pub(super) async fn elapsed(store: &mut impl Reach) -> wasmtime::Result<u64> {
    let Some(world) = store.call(|call| call.world.clone()) else { return Ok(0) };
    Ok(demand(world.elapsed().await)?.0)
}

pub(super) async fn now(store: &mut Context<'_>, (): ()) -> wasmtime::Result<(u64,)> {
    Ok((elapsed(store).await?.saturating_mul(MILLISECOND),))
}

pub(super) async fn grain(_: &mut Context<'_>, (): ()) -> wasmtime::Result<(u64,)> {
    Ok((MILLISECOND,))
}

type Handle = wasmtime::Result<(Resource<Pollable>,)>;

async fn at(store: &mut Context<'_>, (when,): (u64,)) -> Handle {
    let at = when.div_ceil(MILLISECOND);
    Ok((store.data_mut().table.push(Pollable::At(at))?,))
}

async fn after(store: &mut Context<'_>, (wait,): (u64,)) -> Handle {
    let pollable = match wait.div_ceil(MILLISECOND) {
        0 => Pollable::Ready,
        wait => Pollable::At(elapsed(store).await?.saturating_add(wait)),
    };
    Ok((store.data_mut().table.push(pollable)?,))
}

/// Waits until the first of these moments, and gives the time at which it is over.
pub(super) async fn wait_until(store: &mut impl Reach, first: u64) -> wasmtime::Result<u64> {
    let now = elapsed(store).await?;
    let left = first.saturating_sub(now);
    if left > 0 {
        // The call's own time ends a longer wait.
        let left = u32::try_from(left).unwrap_or(u32::MAX);
        demand(super::world(store)?.sleep(left).await)?;
    }
    Ok(now.max(first))
}
