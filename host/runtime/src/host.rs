//! The host's interfaces, one file each: metered, bounded, and handed on to the [`World`].
//!
//! Each function opens with [`enter`], which counts the call, burns its fuel and checks its bytes, so that no
//! import is free. A refusal becomes an error value where the contract has one; interfaces without one
//! (`clock`, `random`) end the call.

pub(crate) mod blob;
pub(crate) mod clock;
pub(crate) mod config;
pub(crate) mod http;
pub(crate) mod kv;
pub(crate) mod log;
pub(crate) mod random;
pub(crate) mod secret;
pub(crate) mod wasi;

use std::sync::Arc;

use wasmtime::StoreContextMut;

use crate::bindings::wire;
use crate::fault::{Fault, to_wire};
use crate::instance::Call;
use crate::meter::{carries, enter};
use crate::world::{Answer, World};

type Context<'a> = StoreContextMut<'a, Call>;
type Reply<T> = wasmtime::Result<(Result<T, wire::Error>,)>;

/// Opens a host call and gives the world that it asks.
fn ask(store: &mut Context<'_>, payload: usize) -> wasmtime::Result<Arc<dyn World>> {
    enter(store, payload)?;
    let absent = || Fault::Contract("called the host while it described itself".into());
    Ok(store.data().world.clone().ok_or_else(absent)?)
}

/// Turns an answer into the contract's result, and checks the bytes that it carries back.
fn reply<T>(store: &Context<'_>, answer: Answer<T>, size: impl Fn(&T) -> usize) -> Reply<T> {
    match answer {
        Ok(value) => {
            carries(store.data(), size(&value))?;
            Ok((Ok(value),))
        }
        Err(error) => Ok((Err(to_wire(&error)),)),
    }
}

/// An answer of an interface that has no error values: a failure ends the call.
fn demand<T>(answer: Answer<T>) -> wasmtime::Result<(T,)> {
    Ok((answer.map_err(Fault::Host)?,))
}

fn no_bytes<T>(_: &T) -> usize {
    0
}
