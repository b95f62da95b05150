//! `cleargate:host/random`: random bytes as the journal keeps them.

use wasmtime::component::Linker;

use super::{Context, ask, demand};
use crate::fault::Fault;
use crate::instance::Call;

/// Bytes of one request, as the contract says.
pub(super) const MOST: u32 = 64 * 1024;

pub(crate) fn link(linker: &mut Linker<Call>, name: &str) -> wasmtime::Result<()> {
    linker.instance(name)?.func_wrap_async("bytes", |mut store: Context<'_>, (length,): (u32,)| {
        Box::new(async move {
            let world = ask(&mut store, 0)?;
            if length > MOST {
                let message = format!("{length} random bytes; one call gives {MOST}");
                return Err(Fault::limit("payload", message).into());
            }
            demand(world.random(length).await)
        })
    })
}
