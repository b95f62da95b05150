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
pub(crate) mod model;
pub(crate) mod random;
pub(crate) mod secret;
pub(crate) mod tools;
pub(crate) mod wasi;

use std::sync::Arc;

use cleargate_flow::error::{ErrorCode, NodeError};
use cleargate_flow::value::Value;
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

/// What a guest gives as a value. Text that is no JSON is its mistake, which it is told.
fn given(value: wire::Value) -> Answer<Value> {
    let invalid = |why: String| NodeError::new(ErrorCode::InvalidInput, why);
    match value {
        wire::Value::Json(text) => {
            Value::from_json(&text).map_err(|error| invalid(format!("the value is {error}")))
        }
        wire::Value::Media(_) => Err(invalid("a media handle has no place here".into())),
        wire::Value::Other(_) => {
            Err(invalid("the value is of a case that this host does not know".into()))
        }
    }
}

/// Bytes of a value as it crosses.
fn length(value: &wire::Value) -> usize {
    match value {
        wire::Value::Json(text) | wire::Value::Other(text) => text.len(),
        wire::Value::Media(media) => {
            media.digest.len() + media.mime.len() + media.name.as_ref().map_or(0, String::len)
        }
    }
}
