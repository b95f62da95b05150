//! `cleargate:host/kv`: named stores of small values that outlive a run.

use wasmtime::component::{Linker, LinkerInstance};

use super::{Context, ask, no_bytes, reply};
use crate::instance::Call;
use crate::world::Page;

type Swap = (String, String, Option<Vec<u8>>, Vec<u8>);

pub(crate) fn link(linker: &mut Linker<Call>, name: &str) -> wasmtime::Result<()> {
    let mut kv = linker.instance(name)?;
    reads(&mut kv)?;
    writes(&mut kv)
}

fn reads(kv: &mut LinkerInstance<'_, Call>) -> wasmtime::Result<()> {
    kv.func_wrap_async("get", |mut store: Context<'_>, (name, key): (String, String)| {
        Box::new(async move {
            let answer = ask(&mut store, name.len() + key.len())?.kv_get(name, key).await;
            reply(&store, answer, |value| value.as_ref().map_or(0, Vec::len))
        })
    })?;
    kv.func_wrap_async(
        "list",
        |mut store: Context<'_>, (name, prefix, after): (String, String, Option<String>)| {
            Box::new(async move {
                let size = name.len() + prefix.len() + after.as_ref().map_or(0, String::len);
                let answer = ask(&mut store, size)?.kv_list(name, prefix, after).await;
                reply(&store, answer, |page: &Page| page.keys.iter().map(String::len).sum())
            })
        },
    )
}

fn writes(kv: &mut LinkerInstance<'_, Call>) -> wasmtime::Result<()> {
    kv.func_wrap_async(
        "set",
        |mut store: Context<'_>, (name, key, value): (String, String, Vec<u8>)| {
            Box::new(async move {
                let size = name.len() + key.len() + value.len();
                let answer = ask(&mut store, size)?.kv_set(name, key, value).await;
                reply(&store, answer, no_bytes)
            })
        },
    )?;
    kv.func_wrap_async("delete", |mut store: Context<'_>, (name, key): (String, String)| {
        Box::new(async move {
            let answer = ask(&mut store, name.len() + key.len())?.kv_delete(name, key).await;
            reply(&store, answer, no_bytes)
        })
    })?;
    kv.func_wrap_async("swap", |mut store: Context<'_>, (name, key, expected, value): Swap| {
        Box::new(async move {
            let old = expected.as_ref().map_or(0, Vec::len);
            let size = name.len() + key.len() + old + value.len();
            let answer = ask(&mut store, size)?.kv_swap(name, key, expected, value).await;
            reply(&store, answer, no_bytes)
        })
    })
}
