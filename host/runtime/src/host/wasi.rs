//! Those interfaces of WASI 0.2 that open nothing of the world: chance, the time of day, an empty environment, and
//! the end of a program.
//!
//! Components that were written for other hosts import them, mostly because their standard library does. They are
//! the same requests as those of `cleargate:host`: granted, metered, and journaled, so a replay sees the same values.

use cleargate_flow::error::{ErrorCode, NodeError};
use wasmtime::component::{ComponentType, Lift, Linker, Lower};

use super::random::MOST;
use super::{Context, ask, demand};
use crate::fault::Fault;
use crate::instance::Call;

/// Milliseconds of a second.
const SECOND: u64 = 1_000;

/// Nanoseconds of a millisecond, which is the finest grain of a clock.
const MILLISECOND: u32 = 1_000_000;

/// `datetime` of `wasi:clocks/wall-clock`.
#[derive(Clone, Copy, ComponentType, Lift, Lower)]
#[component(record)]
struct Datetime {
    seconds: u64,
    nanoseconds: u32,
}

pub(crate) fn link_random(linker: &mut Linker<Call>, name: &str) -> wasmtime::Result<()> {
    link_chance(linker, name, "get-random-bytes", "get-random-u64")
}

pub(crate) fn link_insecure(linker: &mut Linker<Call>, name: &str) -> wasmtime::Result<()> {
    link_chance(linker, name, "get-insecure-random-bytes", "get-insecure-random-u64")
}

fn link_chance(
    linker: &mut Linker<Call>,
    name: &str,
    bytes: &str,
    number: &str,
) -> wasmtime::Result<()> {
    let mut random = linker.instance(name)?;
    random.func_wrap_async(bytes, |mut store: Context<'_>, (length,): (u64,)| {
        Box::new(async move {
            let world = ask(&mut store, 0)?;
            let too_many = || format!("{length} random bytes; one call gives {MOST}");
            let length = u32::try_from(length).ok().filter(|length| *length <= MOST);
            let length = length.ok_or_else(|| Fault::limit("payload", too_many()))?;
            demand(world.random(length).await)
        })
    })?;
    random.func_wrap_async(number, |mut store: Context<'_>, (): ()| {
        Box::new(async move { Ok((number_of(&mut store).await?,)) })
    })
}

pub(crate) fn link_seed(linker: &mut Linker<Call>, name: &str) -> wasmtime::Result<()> {
    linker.instance(name)?.func_wrap_async("insecure-seed", |mut store: Context<'_>, (): ()| {
        Box::new(async move {
            let low = number_of(&mut store).await?;
            Ok(((low, number_of(&mut store).await?),))
        })
    })
}

async fn number_of(store: &mut Context<'_>) -> wasmtime::Result<u64> {
    let (bytes,) = demand(ask(store, 0)?.random(8).await)?;
    let bytes: Result<[u8; 8], _> = bytes.try_into();
    let short = || Fault::Contract("the host gave other than eight random bytes".into());
    Ok(u64::from_le_bytes(bytes.map_err(|_| short())?))
}

pub(crate) fn link_wall_clock(linker: &mut Linker<Call>, name: &str) -> wasmtime::Result<()> {
    let mut clock = linker.instance(name)?;
    clock.func_wrap_async("now", |mut store: Context<'_>, (): ()| {
        Box::new(async move {
            let (now,) = demand(ask(&mut store, 0)?.now().await)?;
            // Less than a second, so it fits.
            let nanoseconds = (now % SECOND) as u32 * MILLISECOND;
            Ok((Datetime { seconds: now / SECOND, nanoseconds },))
        })
    })?;
    clock.func_wrap("resolution", |mut store: Context<'_>, (): ()| {
        ask(&mut store, 0)?;
        Ok((Datetime { seconds: 0, nanoseconds: MILLISECOND },))
    })
}

pub(crate) fn link_environment(linker: &mut Linker<Call>, name: &str) -> wasmtime::Result<()> {
    let mut environment = linker.instance(name)?;
    environment.func_wrap("get-environment", |mut store: Context<'_>, (): ()| {
        ask(&mut store, 0)?;
        Ok((Vec::<(String, String)>::new(),))
    })?;
    environment.func_wrap("get-arguments", |mut store: Context<'_>, (): ()| {
        ask(&mut store, 0)?;
        Ok((Vec::<String>::new(),))
    })?;
    environment.func_wrap("initial-cwd", |mut store: Context<'_>, (): ()| {
        ask(&mut store, 0)?;
        Ok((None::<String>,))
    })
}

pub(crate) fn link_exit(linker: &mut Linker<Call>, name: &str) -> wasmtime::Result<()> {
    linker.instance(name)?.func_wrap(
        "exit",
        |mut store: Context<'_>, (status,): (Result<(), ()>,)| -> wasmtime::Result<()> {
            ask(&mut store, 0)?;
            let how = if status.is_ok() { "success" } else { "failure" };
            let message = format!("the component ended its program with {how} and gave no result");
            Err(Fault::Returned(NodeError::new(ErrorCode::Permanent, message)).into())
        },
    )
}
