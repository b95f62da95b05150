//! `wasi:http`: requests to granted hosts, as `cleargate:host/http` sends them: the same allow-list, the same limits,
//! the same placeholders of secrets, the same journal.
//!
//! Several requests leave one after the other, and reading an answer waits for it: what a guest sees does not depend
//! on which host was faster.

pub(super) mod fields;
pub(super) mod request;
mod server;
pub(super) mod shape;

use wasmtime::component::{Linker, Resource};

use super::io::{Failure, Input, Pollable};
use super::{Context, resource, serve};
use crate::fault::Fault;
use crate::instance::Call;
use crate::meter::carries;
use crate::world::Pieces;
use fields::Fields;
use request::Pending;
use shape::{ErrorCode, code};

pub(crate) use request::Exchange;
pub(super) use request::link_handler;

/// `incoming-response`.
struct Incoming {
    status: u16,
    fields: Fields,
    body: Option<Box<dyn Pieces>>,
}

/// `incoming-body`; the stream takes it.
struct Body(Option<Box<dyn Pieces>>);

/// `future-trailers`: no answer has any.
struct Trailers {
    taken: bool,
}

pub(super) fn link_types(linker: &mut Linker<Call>, name: &str) -> wasmtime::Result<()> {
    fields::link(linker, name)?;
    request::link(linker, name)?;
    resource::<Pending>(linker, name, "future-incoming-response")?;
    resource::<Incoming>(linker, name, "incoming-response")?;
    resource::<Body>(linker, name, "incoming-body")?;
    resource::<Trailers>(linker, name, "future-trailers")?;
    server::link(linker, name)?;
    serve!(linker, name, {
        "[method]future-incoming-response.subscribe" => response_ready,
        "[method]future-incoming-response.get" => response,
        "[method]incoming-response.status" => status,
        "[method]incoming-response.headers" => headers,
        "[method]incoming-response.consume" => consume,
        "[method]incoming-body.stream" => stream,
        "[static]incoming-body.finish" => finish,
        "[method]future-trailers.subscribe" => trailers_ready,
        "[method]future-trailers.get" => trailers,
        "http-error-code" => why,
    })
}

/// What is waited for is waited for where it is read.
fn ready(store: &mut Context<'_>) -> wasmtime::Result<(Resource<Pollable>,)> {
    Ok((store.data_mut().table.push(Pollable::Ready)?,))
}

async fn response_ready(
    store: &mut Context<'_>,
    (_own,): (Resource<Pending>,),
) -> wasmtime::Result<(Resource<Pollable>,)> {
    ready(store)
}

async fn trailers_ready(
    store: &mut Context<'_>,
    (_own,): (Resource<Trailers>,),
) -> wasmtime::Result<(Resource<Pollable>,)> {
    ready(store)
}

type Got = Option<Result<Result<Resource<Incoming>, ErrorCode>, ()>>;

async fn response(
    store: &mut Context<'_>,
    (own,): (Resource<Pending>,),
) -> wasmtime::Result<(Got,)> {
    let pending = store.data_mut().table.get_mut(&own)?;
    if pending.taken {
        return Ok((Some(Err(())),));
    }
    let waits =
        || Fault::Contract("waits for the answer to a request that it has not finished".into());
    let answer = pending.exchange.answer().ok_or_else(waits)?;
    pending.taken = true;
    let opened = match answer {
        Ok(opened) => opened,
        Err(error) => return Ok((Some(Ok(Err(code(&error)))),)),
    };
    let size = opened.headers.iter().map(|header| header.name.len() + header.value.len()).sum();
    carries(store.data(), size)?;
    let fields = Fields::of(opened.headers);
    let incoming = Incoming { status: opened.status, fields, body: Some(opened.body) };
    Ok((Some(Ok(Ok(store.data_mut().table.push(incoming)?))),))
}

async fn status(
    store: &mut Context<'_>,
    (own,): (Resource<Incoming>,),
) -> wasmtime::Result<(u16,)> {
    Ok((store.data().table.get(&own)?.status,))
}

async fn headers(
    store: &mut Context<'_>,
    (own,): (Resource<Incoming>,),
) -> wasmtime::Result<(Resource<Fields>,)> {
    let fields = store.data().table.get(&own)?.fields.fixed();
    Ok((store.data_mut().table.push(fields)?,))
}

async fn consume(
    store: &mut Context<'_>,
    (own,): (Resource<Incoming>,),
) -> wasmtime::Result<(Result<Resource<Body>, ()>,)> {
    let table = &mut store.data_mut().table;
    Ok((match table.get_mut(&own)?.body.take() {
        Some(body) => Ok(table.push(Body(Some(body)))?),
        None => Err(()),
    },))
}

async fn stream(
    store: &mut Context<'_>,
    (own,): (Resource<Body>,),
) -> wasmtime::Result<(Result<Resource<Input>, ()>,)> {
    let table = &mut store.data_mut().table;
    Ok((match table.get_mut(&own)?.0.take() {
        Some(pieces) => Ok(table.push(Input::Body(pieces))?),
        None => Err(()),
    },))
}

async fn finish(
    store: &mut Context<'_>,
    (own,): (Resource<Body>,),
) -> wasmtime::Result<(Resource<Trailers>,)> {
    store.data_mut().table.delete(own)?;
    Ok((store.data_mut().table.push(Trailers { taken: false })?,))
}

type Ended = Option<Result<Result<Option<Resource<Fields>>, ErrorCode>, ()>>;

async fn trailers(
    store: &mut Context<'_>,
    (own,): (Resource<Trailers>,),
) -> wasmtime::Result<(Ended,)> {
    let taken = std::mem::replace(&mut store.data_mut().table.get_mut(&own)?.taken, true);
    Ok((Some(if taken { Err(()) } else { Ok(Ok(None)) }),))
}

async fn why(
    store: &mut Context<'_>,
    (error,): (Resource<Failure>,),
) -> wasmtime::Result<(Option<ErrorCode>,)> {
    Ok((Some(code(&store.data().table.get(&error)?.0)),))
}
