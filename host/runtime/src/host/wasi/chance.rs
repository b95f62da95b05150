//! `wasi:random`: chance as the journal keeps it.
//!
//! Standard libraries take some as they start, so a component that describes itself gets bytes, too. They are the
//! same each time: a description must not depend on chance.

use wasmtime::component::Linker;

use super::{Context, serve};
use crate::fault::Fault;
use crate::host::demand;
use crate::host::random::MOST;
use crate::instance::Call;

/// What a component gets while it describes itself: digits of pi, as on targets without a system.
const FIXED: [u8; 8] = [0x24, 0x3f, 0x6a, 0x88, 0x85, 0xa3, 0x08, 0xd3];

pub(super) fn link_random(linker: &mut Linker<Call>, name: &str) -> wasmtime::Result<()> {
    serve!(linker, name, { "get-random-bytes" => bytes, "get-random-u64" => number })
}

pub(super) fn link_insecure(linker: &mut Linker<Call>, name: &str) -> wasmtime::Result<()> {
    serve!(linker, name, { "get-insecure-random-bytes" => bytes, "get-insecure-random-u64" => number })
}

pub(super) fn link_seed(linker: &mut Linker<Call>, name: &str) -> wasmtime::Result<()> {
    serve!(linker, name, { "insecure-seed" => seed })
}

pub(super) fn link_seed_3(linker: &mut Linker<Call>, name: &str) -> wasmtime::Result<()> {
    serve!(linker, name, { "get-insecure-seed" => seed })
}

async fn bytes(store: &mut Context<'_>, (length,): (u64,)) -> wasmtime::Result<(Vec<u8>,)> {
    let too_many = || format!("{length} random bytes; one call gives {MOST}");
    let length = u32::try_from(length).ok().filter(|length| *length <= MOST);
    let length = length.ok_or_else(|| Fault::limit("payload", too_many()))?;
    match store.data().world.clone() {
        Some(world) => demand(world.random(length).await),
        None => Ok((FIXED.into_iter().cycle().take(length as usize).collect(),)),
    }
}

async fn number(store: &mut Context<'_>, (): ()) -> wasmtime::Result<(u64,)> {
    let (bytes,) = bytes(store, (8,)).await?;
    let bytes: Result<[u8; 8], _> = bytes.try_into();
    let short = || Fault::Contract("the host gave other than eight random bytes".into());
    Ok((u64::from_le_bytes(bytes.map_err(|_| short())?),))
}

async fn seed(store: &mut Context<'_>, (): ()) -> wasmtime::Result<((u64, u64),)> {
    let (low,) = number(store, ()).await?;
    let (high,) = number(store, ()).await?;
    Ok(((low, high),))
}
