//! Requests of `wasi:http/types` as a guest makes them: method, address, fields, options and a body that is written
//! piece by piece.
//!
//! A request leaves as a whole, because that is what the gate decides and journals: at once when it has no body, and
//! otherwise when the guest finishes it.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use wasmtime::component::{Linker, Resource};

use super::super::io::Output;
use super::super::{Context, resource, serve, world};
use super::fields::Fields;
use super::shape::{ErrorCode, Method, Scheme};
use crate::fault::Fault;
use crate::host::http::count;
use crate::instance::Call;
use crate::world::{Answer, Opened, Request};

/// Nanoseconds of a millisecond.
const MILLISECOND: u64 = 1_000_000;

/// `outgoing-request`.
pub(in super::super) struct Outgoing {
    pub(in super::super) method: Method,
    pub(in super::super) path: Option<String>,
    pub(in super::super) scheme: Option<Scheme>,
    pub(in super::super) authority: Option<String>,
    pub(in super::super) fields: Fields,
    body: Option<Arc<Exchange>>,
}

/// `request-options`, in nanoseconds.
#[derive(Clone, Copy, Default)]
pub(in super::super) struct Options {
    pub(in super::super) connect: Option<u64>,
    pub(in super::super) first_byte: Option<u64>,
    pub(in super::super) between: Option<u64>,
}

/// A body on its way out, and what came of the request.
pub(crate) struct Exchange {
    state: Mutex<State>,
    /// Bytes of all bodies that the call has written and not sent.
    held: Arc<AtomicUsize>,
}

#[derive(Default)]
struct State {
    body: Vec<u8>,
    written_to: bool,
    finished: bool,
    request: Option<Request>,
    answer: Option<Answer<Opened>>,
}

impl Exchange {
    pub(in super::super) fn new(held: &Arc<AtomicUsize>) -> Arc<Self> {
        Arc::new(Self { state: Mutex::default(), held: held.clone() })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes bytes of the body. Nothing, when it is finished.
    pub(crate) fn write(&self, bytes: &[u8], most: u64) -> Result<Option<()>, Fault> {
        let mut state = self.state();
        if state.finished {
            return Ok(None);
        }
        let held = self.held.fetch_add(bytes.len(), Ordering::Relaxed) + bytes.len();
        state.body.extend_from_slice(bytes);
        if held as u64 > most {
            let message = format!("{held} bytes of requests are held back; {most} may be");
            return Err(Fault::limit("payload", message));
        }
        Ok(Some(()))
    }

    /// What the guest waits for; nothing, when it has not finished the request.
    pub(super) fn answer(&self) -> Option<Answer<Opened>> {
        self.state().answer.take()
    }

    pub(in super::super) fn take_body(&self) -> Vec<u8> {
        let body = std::mem::take(&mut self.state().body);
        self.held.fetch_sub(body.len(), Ordering::Relaxed);
        body
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        self.take_body();
    }
}

/// `outgoing-body`.
pub(super) struct Body(Arc<Exchange>);

/// `future-incoming-response`.
pub(super) struct Pending {
    pub(super) exchange: Arc<Exchange>,
    /// Whether the guest has had it.
    pub(super) taken: bool,
}

type Own = Resource<Outgoing>;
type Bounds = Resource<Options>;
type Set = wasmtime::Result<(Result<(), ()>,)>;

pub(super) fn link(linker: &mut Linker<Call>, name: &str) -> wasmtime::Result<()> {
    resource::<Outgoing>(linker, name, "outgoing-request")?;
    resource::<Body>(linker, name, "outgoing-body")?;
    resource::<Options>(linker, name, "request-options")?;
    serve!(linker, name, {
        "[constructor]outgoing-request" => new,
        "[method]outgoing-request.body" => body,
        "[method]outgoing-request.method" => method,
        "[method]outgoing-request.set-method" => set_method,
        "[method]outgoing-request.path-with-query" => path,
        "[method]outgoing-request.set-path-with-query" => set_path,
        "[method]outgoing-request.scheme" => scheme,
        "[method]outgoing-request.set-scheme" => set_scheme,
        "[method]outgoing-request.authority" => authority,
        "[method]outgoing-request.set-authority" => set_authority,
        "[method]outgoing-request.headers" => headers,
        "[method]outgoing-body.write" => write,
        "[static]outgoing-body.finish" => finish,
        "[constructor]request-options" => options,
        "[method]request-options.connect-timeout" => connect,
        "[method]request-options.set-connect-timeout" => set_connect,
        "[method]request-options.first-byte-timeout" => first_byte,
        "[method]request-options.set-first-byte-timeout" => set_first_byte,
        "[method]request-options.between-bytes-timeout" => between,
        "[method]request-options.set-between-bytes-timeout" => set_between,
    })
}

pub(crate) fn link_handler(linker: &mut Linker<Call>, name: &str) -> wasmtime::Result<()> {
    serve!(linker, name, { "handle" => handle })
}

async fn new(store: &mut Context<'_>, (fields,): (Resource<Fields>,)) -> wasmtime::Result<(Own,)> {
    let fields = store.data_mut().table.delete(fields)?;
    Ok((store.data_mut().table.push(Outgoing::of(&fields))?,))
}

/// Hands out the way to the body, once.
async fn body(
    store: &mut Context<'_>,
    (own,): (Own,),
) -> wasmtime::Result<(Result<Resource<Body>, ()>,)> {
    let call = store.data_mut();
    let request = call.table.get_mut(&own)?;
    if request.body.is_some() {
        return Ok((Err(()),));
    }
    let exchange = Exchange::new(&call.held);
    request.body = Some(exchange.clone());
    Ok((Ok(call.table.push(Body(exchange))?),))
}

async fn write(
    store: &mut Context<'_>,
    (own,): (Resource<Body>,),
) -> wasmtime::Result<(Result<Resource<Output>, ()>,)> {
    let exchange = store.data().table.get(&own)?.0.clone();
    if std::mem::replace(&mut exchange.state().written_to, true) {
        return Ok((Err(()),));
    }
    Ok((Ok(store.data_mut().table.push(Output::Body(exchange))?),))
}

async fn finish(
    store: &mut Context<'_>,
    (own, trailers): (Resource<Body>, Option<Resource<Fields>>),
) -> wasmtime::Result<(Result<(), ErrorCode>,)> {
    let Body(exchange) = store.data_mut().table.delete(own)?;
    exchange.state().finished = true;
    if let Some(trailers) = trailers {
        store.data_mut().table.delete(trailers)?;
        return Ok((Err(ErrorCode::HttpRequestTrailerSectionSize(Some(0))),));
    }
    let request = exchange.state().request.take();
    if let Some(request) = request {
        send(store, &exchange, request).await?;
    }
    Ok((Ok(()),))
}

/// Sends a request whose body is complete; what comes of it is kept for who waits for it.
async fn send(
    store: &mut Context<'_>,
    exchange: &Exchange,
    mut request: Request,
) -> wasmtime::Result<()> {
    let body = exchange.take_body();
    request.body = Some(body).filter(|body| !body.is_empty());
    count(store, &request)?;
    let answer = world(store)?.http_open(request).await;
    exchange.state().answer = Some(answer);
    Ok(())
}

async fn handle(
    store: &mut Context<'_>,
    (own, options): (Own, Option<Bounds>),
) -> wasmtime::Result<(Result<Resource<Pending>, ErrorCode>,)> {
    let outgoing = store.data_mut().table.delete(own)?;
    let options = match options {
        Some(options) => store.data_mut().table.delete(options)?,
        None => Options::default(),
    };
    let request = match outgoing.request(options) {
        Ok(request) => request,
        Err(refused) => return Ok((Err(refused),)),
    };
    let exchange = match outgoing.body {
        Some(exchange) => exchange,
        None => {
            let exchange = Exchange::new(&store.data().held);
            exchange.state().finished = true;
            exchange
        }
    };
    if exchange.state().finished {
        send(store, &exchange, request).await?;
    } else {
        exchange.state().request = Some(request);
    }
    Ok((Ok(store.data_mut().table.push(Pending { exchange, taken: false })?),))
}

impl Outgoing {
    /// A request with these fields, to nobody yet.
    pub(in super::super) fn of(fields: &Fields) -> Self {
        let (path, scheme, authority) = (None, None, None);
        let (method, fields) = (Method::Get, fields.fixed());
        Self { method, path, scheme, authority, fields, body: None }
    }

    /// As the gate takes it.
    pub(in super::super) fn request(&self, options: Options) -> Result<Request, ErrorCode> {
        let scheme = match &self.scheme {
            None | Some(Scheme::Https) => "https",
            Some(Scheme::Http) => "http",
            Some(Scheme::Other(_)) => return Err(ErrorCode::HttpRequestUriInvalid),
        };
        let authority = self.authority.as_deref().ok_or(ErrorCode::HttpRequestUriInvalid)?;
        let path = self.path.as_deref().unwrap_or("/");
        // Beginning with `?`, it is a query of the root.
        let slash = if path.starts_with('/') { "" } else { "/" };
        // One time for all: the shorter of the two that come before an answer.
        let wait = match (options.connect, options.first_byte) {
            (Some(connect), Some(first)) => Some(connect.saturating_add(first)),
            (_, first) => first,
        };
        let wait = wait.map(|wait| wait.div_ceil(MILLISECOND));
        Ok(Request {
            method: self.method.text().to_owned(),
            url: format!("{scheme}://{authority}{slash}{path}"),
            headers: self.fields.headers().ok_or(ErrorCode::HttpProtocolError)?,
            body: None,
            timeout_ms: wait.map(|wait| u32::try_from(wait).unwrap_or(u32::MAX)),
        })
    }
}

/// A part of a request or of its options that a guest reads and sets.
macro_rules! part {
    ($get:ident, $set:ident, $own:ty, $value:ty, $field:ident) => {
        async fn $get(store: &mut Context<'_>, (own,): ($own,)) -> wasmtime::Result<($value,)> {
            Ok((store.data().table.get(&own)?.$field.clone(),))
        }

        async fn $set(store: &mut Context<'_>, (own, value): ($own, $value)) -> Set {
            store.data_mut().table.get_mut(&own)?.$field = value;
            Ok((Ok(()),))
        }
    };
}
part!(method, set_method, Own, Method, method);
part!(path, set_path, Own, Option<String>, path);
part!(scheme, set_scheme, Own, Option<Scheme>, scheme);
part!(authority, set_authority, Own, Option<String>, authority);
part!(connect, set_connect, Bounds, Option<u64>, connect);
part!(first_byte, set_first_byte, Bounds, Option<u64>, first_byte);
part!(between, set_between, Bounds, Option<u64>, between);

async fn headers(store: &mut Context<'_>, (own,): (Own,)) -> wasmtime::Result<(Resource<Fields>,)> {
    let fields = store.data().table.get(&own)?.fields.fixed();
    Ok((store.data_mut().table.push(fields)?,))
}

async fn options(store: &mut Context<'_>, (): ()) -> wasmtime::Result<(Bounds,)> {
    Ok((store.data_mut().table.push(Options::default())?,))
}
