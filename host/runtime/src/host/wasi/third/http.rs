//! `wasi:http` 0.3: requests to granted hosts, as in 0.2, with bodies that are streams.
//!
//! A request leaves as a whole, when its body has ended. Trailers are not sent, and none come back.

use std::sync::Arc;

use tokio::sync::oneshot;
use wasmtime::AsContextMut;
use wasmtime::component::{
    Accessor, ComponentType, FutureReader, Lift, Linker, Lower, Resource, StreamReader,
};

use super::super::http::fields::{self, Fields};
use super::super::http::request::{Exchange, Options, Outgoing};
use super::super::http::shape::{ErrorCode, HeaderError as OldHeaderError, Method, Scheme, code};
use super::super::io::{Input, Output};
use super::super::{Reach, resource, serve};
use super::Later;
use super::stream::{drain, source};
use crate::fault::Fault;
use crate::host::Context;
use crate::host::http::count;
use crate::instance::Call;
use crate::meter::carries;
use crate::world::{Answer, Pieces};

/// `request`.
struct Request {
    outgoing: Outgoing,
    options: Option<Options>,
    body: Option<Contents>,
    /// Who waits until it is sent.
    sent: Option<oneshot::Sender<Result<(), ErrorCode>>>,
}

/// A body on its way out, and its end.
struct Contents {
    exchange: Arc<Exchange>,
    end: oneshot::Receiver<Answer<()>>,
}

/// `request-options`; those of a request are not to be changed.
struct Bounds {
    options: Options,
    fixed: bool,
}

/// `response`.
struct Response {
    status: u16,
    fields: Fields,
    body: Box<dyn Pieces>,
}

/// `header-error`.
#[derive(Clone, Debug, ComponentType, Lift, Lower)]
#[component(variant)]
enum HeaderError {
    #[component(name = "invalid-syntax")]
    InvalidSyntax,
    #[component(name = "forbidden")]
    Forbidden,
    #[component(name = "immutable")]
    Immutable,
    #[component(name = "size-exceeded")]
    SizeExceeded,
    #[component(name = "other")]
    Other(Option<String>),
}

impl From<OldHeaderError> for HeaderError {
    fn from(error: OldHeaderError) -> Self {
        match error {
            OldHeaderError::InvalidSyntax => Self::InvalidSyntax,
            OldHeaderError::Forbidden => Self::Forbidden,
            OldHeaderError::Immutable => Self::Immutable,
        }
    }
}

/// `request-options-error`.
#[derive(Clone, Debug, ComponentType, Lift, Lower)]
#[component(variant)]
enum OptionsError {
    #[component(name = "not-supported")]
    NotSupported,
    #[component(name = "immutable")]
    Immutable,
    #[component(name = "other")]
    Other(Option<String>),
}

type Own = Resource<Request>;
type Lines = Resource<Fields>;
type Times = Resource<Bounds>;
type Changed<T> = wasmtime::Result<(Result<T, HeaderError>,)>;
type Trailers = Result<Option<Lines>, ErrorCode>;
type Sent = Result<(), ErrorCode>;

pub(super) fn link_types(linker: &mut Linker<Call>, name: &str) -> wasmtime::Result<()> {
    resource::<Fields>(linker, name, "fields")?;
    resource::<Request>(linker, name, "request")?;
    resource::<Bounds>(linker, name, "request-options")?;
    resource::<Response>(linker, name, "response")?;
    link_fields(linker, name)?;
    link_request(linker, name)?;
    serve!(linker, name, {
        "[constructor]request-options" => options,
        "[method]request-options.get-connect-timeout" => connect,
        "[method]request-options.set-connect-timeout" => set_connect,
        "[method]request-options.get-first-byte-timeout" => first_byte,
        "[method]request-options.set-first-byte-timeout" => set_first_byte,
        "[method]request-options.get-between-bytes-timeout" => between,
        "[method]request-options.set-between-bytes-timeout" => set_between,
        "[method]request-options.clone" => copy_options,
        "[static]response.new" =>
            never::<(Lines, Option<StreamReader<u8>>, FutureReader<Trailers>),
                ((Resource<Response>, FutureReader<Sent>),)>,
        "[method]response.get-status-code" => status,
        "[method]response.set-status-code" => never::<(Resource<Response>, u16), (Result<(), ()>,)>,
        "[method]response.get-headers" => answered,
        "[static]response.consume-body" => consume,
    })
}

fn link_fields(linker: &mut Linker<Call>, name: &str) -> wasmtime::Result<()> {
    serve!(linker, name, {
        "[constructor]fields" => fields::empty,
        "[static]fields.from-list" => from_list,
        "[method]fields.get" => fields::get,
        "[method]fields.has" => fields::has,
        "[method]fields.set" => set,
        "[method]fields.delete" => delete,
        "[method]fields.get-and-delete" => take,
        "[method]fields.append" => append,
        "[method]fields.copy-all" => fields::entries,
        "[method]fields.clone" => fields::copy,
    })
}

fn link_request(linker: &mut Linker<Call>, name: &str) -> wasmtime::Result<()> {
    serve!(linker, name, {
        "[static]request.new" => new,
        "[method]request.get-method" => method,
        "[method]request.set-method" => set_method,
        "[method]request.get-path-with-query" => path,
        "[method]request.set-path-with-query" => set_path,
        "[method]request.get-scheme" => scheme,
        "[method]request.set-scheme" => set_scheme,
        "[method]request.get-authority" => authority,
        "[method]request.set-authority" => set_authority,
        "[method]request.get-options" => options_of,
        "[method]request.get-headers" => headers,
        "[static]request.consume-body" =>
            never::<(Own, FutureReader<Sent>), ((StreamReader<u8>, FutureReader<Trailers>),)>,
    })
}

/// The parts for servers: no plugin is one.
async fn never<P, R>(_: &mut Context<'_>, _: P) -> wasmtime::Result<R> {
    Err(Fault::Contract("answers requests of others, which no plugin does".into()).into())
}

fn told<T>((outcome,): (Result<T, OldHeaderError>,)) -> Changed<T> {
    Ok((outcome.map_err(HeaderError::from),))
}

async fn from_list(store: &mut Context<'_>, given: (Vec<(String, Vec<u8>)>,)) -> Changed<Lines> {
    told(fields::from_list(store, given).await?)
}

async fn set(store: &mut Context<'_>, given: (Lines, String, Vec<Vec<u8>>)) -> Changed<()> {
    told(fields::set(store, given).await?)
}

async fn delete(store: &mut Context<'_>, given: (Lines, String)) -> Changed<()> {
    told(fields::delete(store, given).await?)
}

async fn append(store: &mut Context<'_>, given: (Lines, String, Vec<u8>)) -> Changed<()> {
    told(fields::append(store, given).await?)
}

async fn take(store: &mut Context<'_>, (own, name): (Lines, String)) -> Changed<Vec<Vec<u8>>> {
    let same = Resource::new_borrow(own.rep());
    let (values,) = fields::get(store, (same, name.clone())).await?;
    let (done,) = delete(store, (own, name)).await?;
    Ok((done.map(|()| values),))
}

async fn new(
    store: &mut Context<'_>,
    (lines, contents, mut trailers, times): (
        Lines,
        Option<StreamReader<u8>>,
        FutureReader<Trailers>,
        Option<Times>,
    ),
) -> wasmtime::Result<((Own, FutureReader<Sent>),)> {
    trailers.close(store.as_context_mut())?;
    let call = store.data_mut();
    let outgoing = Outgoing::of(&call.table.delete(lines)?);
    let options = match times {
        Some(times) => Some(call.table.delete(times)?.options),
        None => None,
    };
    let body = match contents {
        Some(data) => {
            let exchange = Exchange::new(&store.data().held);
            let end = drain(store, data, Output::Body(exchange.clone()))?;
            Some(Contents { exchange, end })
        }
        None => None,
    };
    let (sent, done) = oneshot::channel();
    let request = Request { outgoing, options, body, sent: Some(sent) };
    let own = store.data_mut().table.push(request)?;
    let done = FutureReader::new(store.as_context_mut(), async move {
        // Given up, it was never sent.
        Ok::<_, wasmtime::Error>(done.await.unwrap_or(Err(ErrorCode::ConnectionTerminated)))
    })?;
    Ok(((own, done),))
}

/// A part of a request that a guest reads and sets.
macro_rules! part {
    ($get:ident, $set:ident, $value:ty, $field:ident) => {
        async fn $get(store: &mut Context<'_>, (own,): (Own,)) -> wasmtime::Result<($value,)> {
            Ok((store.data().table.get(&own)?.outgoing.$field.clone(),))
        }

        async fn $set(
            store: &mut Context<'_>,
            (own, value): (Own, $value),
        ) -> wasmtime::Result<(Result<(), ()>,)> {
            store.data_mut().table.get_mut(&own)?.outgoing.$field = value;
            Ok((Ok(()),))
        }
    };
}
part!(method, set_method, Method, method);
part!(path, set_path, Option<String>, path);
part!(scheme, set_scheme, Option<Scheme>, scheme);
part!(authority, set_authority, Option<String>, authority);

async fn headers(store: &mut Context<'_>, (own,): (Own,)) -> wasmtime::Result<(Lines,)> {
    let fields = store.data().table.get(&own)?.outgoing.fields.fixed();
    Ok((store.data_mut().table.push(fields)?,))
}

async fn options_of(store: &mut Context<'_>, (own,): (Own,)) -> wasmtime::Result<(Option<Times>,)> {
    let Some(options) = store.data().table.get(&own)?.options else { return Ok((None,)) };
    Ok((Some(store.data_mut().table.push(Bounds { options, fixed: true })?),))
}

async fn options(store: &mut Context<'_>, (): ()) -> wasmtime::Result<(Times,)> {
    let bounds = Bounds { options: Options::default(), fixed: false };
    Ok((store.data_mut().table.push(bounds)?,))
}

async fn copy_options(store: &mut Context<'_>, (own,): (Times,)) -> wasmtime::Result<(Times,)> {
    let options = store.data().table.get(&own)?.options;
    Ok((store.data_mut().table.push(Bounds { options, fixed: false })?,))
}

/// A time of the options, in nanoseconds.
macro_rules! time {
    ($get:ident, $set:ident, $field:ident) => {
        async fn $get(
            store: &mut Context<'_>,
            (own,): (Times,),
        ) -> wasmtime::Result<(Option<u64>,)> {
            Ok((store.data().table.get(&own)?.options.$field,))
        }

        async fn $set(
            store: &mut Context<'_>,
            (own, value): (Times, Option<u64>),
        ) -> wasmtime::Result<(Result<(), OptionsError>,)> {
            let bounds = store.data_mut().table.get_mut(&own)?;
            if bounds.fixed {
                return Ok((Err(OptionsError::Immutable),));
            }
            bounds.options.$field = value;
            Ok((Ok(()),))
        }
    };
}
time!(connect, set_connect, connect);
time!(first_byte, set_first_byte, first_byte);
time!(between, set_between, between);

pub(super) fn link_client(linker: &mut Linker<Call>, name: &str) -> wasmtime::Result<()> {
    linker.instance(name)?.func_wrap_concurrent("send", |accessor: &Accessor<Call>, (own,)| {
        Box::pin(async move { Ok((send(&mut Later(accessor), own).await?,)) })
    })
}

/// Sends a request, when all of its body is there: that is when its turn comes.
async fn send(
    store: &mut Later<'_>,
    own: Own,
) -> wasmtime::Result<Result<Resource<Response>, ErrorCode>> {
    let Request { outgoing, options, body, sent } = store.call(|call| call.table.delete(own))?;
    let mut request = match outgoing.request(options.unwrap_or_default()) {
        Ok(request) => request,
        Err(refused) => return Ok(Err(refused)),
    };
    if let Some(Contents { exchange, end }) = body {
        // However it ended, what was written is the body.
        let _ = end.await;
        request.body = Some(exchange.take_body()).filter(|body| !body.is_empty());
    }
    let turn = store.enter()?;
    let world = store.0.with(|mut access| count(&mut access.as_context_mut(), &request))?;
    let answer = world.http_open(request).await;
    turn.end().await;
    if let Some(sent) = sent {
        // The guest may have given up the future.
        let _ = sent.send(answer.as_ref().map(drop).map_err(code));
    }
    let opened = match answer {
        Ok(opened) => opened,
        Err(error) => return Ok(Err(code(&error))),
    };
    let size = opened.headers.iter().map(|header| header.name.len() + header.value.len()).sum();
    let fields = Fields::of(opened.headers);
    let response = Response { status: opened.status, fields, body: opened.body };
    store.call(|call| {
        carries(call, size)?;
        Ok(Ok(call.table.push(response)?))
    })
}

async fn status(
    store: &mut Context<'_>,
    (own,): (Resource<Response>,),
) -> wasmtime::Result<(u16,)> {
    Ok((store.data().table.get(&own)?.status,))
}

async fn answered(
    store: &mut Context<'_>,
    (own,): (Resource<Response>,),
) -> wasmtime::Result<(Lines,)> {
    let fields = store.data().table.get(&own)?.fields.fixed();
    Ok((store.data_mut().table.push(fields)?,))
}

async fn consume(
    store: &mut Context<'_>,
    (own, mut handled): (Resource<Response>, FutureReader<Sent>),
) -> wasmtime::Result<((StreamReader<u8>, FutureReader<Trailers>),)> {
    handled.close(store.as_context_mut())?;
    let body = store.data_mut().table.delete(own)?.body;
    let no_trailers = |how: Answer<()>| how.map(|()| None).map_err(|error| code(&error));
    Ok((source(store, Ok(Input::Body(body)), no_trailers)?,))
}
