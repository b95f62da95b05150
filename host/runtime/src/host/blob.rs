//! `cleargate:host/blob`: the bytes behind media handles.

use wasmtime::component::Linker;

use super::{Context, ask, no_bytes, reply};
use crate::instance::Call;
use crate::world::Media;

pub(crate) fn link(linker: &mut Linker<Call>, name: &str) -> wasmtime::Result<()> {
    let mut blob = linker.instance(name)?;
    blob.func_wrap_async(
        "put",
        |mut store: Context<'_>, (bytes, mime, name): (Vec<u8>, String, Option<String>)| {
            Box::new(async move {
                let size = bytes.len() + mime.len() + name.as_ref().map_or(0, String::len);
                let answer = ask(&mut store, size)?.blob_put(bytes, mime, name).await;
                reply(&store, answer, no_bytes)
            })
        },
    )?;
    blob.func_wrap_async(
        "get",
        |mut store: Context<'_>, (media, offset, length): (Media, u64, u32)| {
            Box::new(async move {
                // Refused by the length that is asked for, before anything is read.
                let world = ask(&mut store, length as usize)?;
                let answer = world.blob_get(media, offset, length).await;
                reply(&store, answer, Vec::len)
            })
        },
    )
}
