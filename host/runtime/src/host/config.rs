//! `cleargate:host/config`: the configuration that the flow gives to this binding.

use wasmtime::component::Linker;

use super::{Context, ask};
use crate::instance::Call;
use crate::meter::carries;

pub(crate) fn link(linker: &mut Linker<Call>, name: &str) -> wasmtime::Result<()> {
    linker.instance(name)?.func_wrap("get", |mut store: Context<'_>, (): ()| {
        let text = ask(&mut store, 0)?.config();
        carries(store.data(), text.len())?;
        Ok((text,))
    })
}
