//! `cleargate:host/secret` and `cleargate:host/secret-reveal`: placeholders, and the loud exception.

use wasmtime::component::Linker;

use super::{Context, ask, reply};
use crate::instance::Call;

pub(crate) fn link(linker: &mut Linker<Call>, name: &str) -> wasmtime::Result<()> {
    linker.instance(name)?.func_wrap_async(
        "placeholder",
        |mut store: Context<'_>, (label,): (String,)| {
            Box::new(async move {
                let answer = ask(&mut store, label.len())?.placeholder(label).await;
                reply(&store, answer, String::len)
            })
        },
    )
}

pub(crate) fn link_reveal(linker: &mut Linker<Call>, name: &str) -> wasmtime::Result<()> {
    linker.instance(name)?.func_wrap_async(
        "reveal",
        |mut store: Context<'_>, (label,): (String,)| {
            Box::new(async move {
                let answer = ask(&mut store, label.len())?.reveal(label).await;
                reply(&store, answer, String::len)
            })
        },
    )
}
