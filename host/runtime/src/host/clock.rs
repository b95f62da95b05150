//! `cleargate:host/clock`: time as the journal keeps it. Milliseconds are its finest grain.

use wasmtime::component::Linker;

use super::{Context, ask, demand};
use crate::instance::Call;

pub(crate) fn link(linker: &mut Linker<Call>, name: &str) -> wasmtime::Result<()> {
    let mut clock = linker.instance(name)?;
    clock.func_wrap_async("now", |mut store: Context<'_>, (): ()| {
        Box::new(async move { demand(ask(&mut store, 0)?.now().await) })
    })?;
    clock.func_wrap_async("elapsed", |mut store: Context<'_>, (): ()| {
        Box::new(async move { demand(ask(&mut store, 0)?.elapsed().await) })
    })?;
    clock.func_wrap_async("sleep", |mut store: Context<'_>, (ms,): (u32,)| {
        Box::new(async move { demand(ask(&mut store, 0)?.sleep(ms).await).map(drop) })
    })
}
