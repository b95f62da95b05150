//! `wasi:io`: streams, what fails in them, and polling. They open nothing: each stream comes from an interface that
//! was granted.
//!
//! A read that must wait waits in the read, so a stream is always ready. Only time is waited for by polling.

use std::sync::Arc;

use cleargate_flow::error::NodeError;
use wasmtime::component::{ComponentType, Lift, Linker, Lower, Resource};

use super::clocks::wait_until;
use super::http::Exchange;
use super::{Context, files, resource, serve};
use crate::fault::Fault;
use crate::instance::Call;
use crate::meter::carries;
use crate::world::{Answer, Pieces, World};

/// Bytes that a stream takes or gives at once: more than the buffers of standard libraries, less than any `payload`
/// that an operator would set.
pub(super) const ROOM: u64 = 64 * 1024;

/// What a guest reads from.
pub(crate) enum Input {
    /// Nothing, as standard input.
    Empty,
    /// A file, from here on.
    File { path: String, at: u64 },
    /// The body of an answer.
    Body(Box<dyn Pieces>),
}

/// What a guest writes to.
pub(crate) enum Output {
    /// Lines of the log.
    Stdout,
    /// Lines of the log that warn.
    Stderr,
    /// A file, from here on, or always at its end.
    File { path: String, at: Option<u64> },
    /// The body of a request.
    Body(Arc<Exchange>),
}

/// What a guest waits for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Pollable {
    /// Nothing.
    Ready,
    /// A moment, in milliseconds of the call's clock.
    At(u64),
}

/// `error` of `wasi:io/error`: why an operation on a stream failed.
pub(crate) struct Failure(pub(super) NodeError);

/// `stream-error` of `wasi:io/streams`.
#[derive(ComponentType, Lift, Lower)]
#[component(variant)]
pub(crate) enum StreamError {
    #[component(name = "last-operation-failed")]
    Failed(Resource<Failure>),
    #[component(name = "closed")]
    Closed,
}

/// How an operation on a stream ends.
enum End {
    Closed,
    Failed(NodeError),
}

impl From<NodeError> for End {
    fn from(error: NodeError) -> Self {
        Self::Failed(error)
    }
}

type Reply<T> = wasmtime::Result<(Result<T, StreamError>,)>;

/// Hands an outcome to the guest; what failed gets a handle, to ask why.
fn reply<T>(store: &mut Context<'_>, outcome: Result<T, End>) -> Reply<T> {
    Ok((match outcome {
        Ok(value) => Ok(value),
        Err(End::Closed) => Err(StreamError::Closed),
        Err(End::Failed(error)) => {
            Err(StreamError::Failed(store.data_mut().table.push(Failure(error))?))
        }
    },))
}

pub(super) fn link_error(linker: &mut Linker<Call>, name: &str) -> wasmtime::Result<()> {
    resource::<Failure>(linker, name, "error")?;
    serve!(linker, name, { "[method]error.to-debug-string" => told })
}

async fn told(
    store: &mut Context<'_>,
    (error,): (Resource<Failure>,),
) -> wasmtime::Result<(String,)> {
    Ok((store.data().table.get(&error)?.0.to_string(),))
}

pub(super) fn link_poll(linker: &mut Linker<Call>, name: &str) -> wasmtime::Result<()> {
    resource::<Pollable>(linker, name, "pollable")?;
    serve!(linker, name, {
        "[method]pollable.ready" => ready,
        "[method]pollable.block" => block,
        "poll" => poll,
    })
}

async fn ready(
    store: &mut Context<'_>,
    (pollable,): (Resource<Pollable>,),
) -> wasmtime::Result<(bool,)> {
    let Pollable::At(at) = *store.data().table.get(&pollable)? else { return Ok((true,)) };
    Ok((super::clocks::elapsed(store).await? >= at,))
}

async fn block(
    store: &mut Context<'_>,
    (pollable,): (Resource<Pollable>,),
) -> wasmtime::Result<()> {
    if let Pollable::At(at) = *store.data().table.get(&pollable)? {
        wait_until(store, at).await?;
    }
    Ok(())
}

async fn poll(
    store: &mut Context<'_>,
    (list,): (Vec<Resource<Pollable>>,),
) -> wasmtime::Result<(Vec<u32>,)> {
    if list.is_empty() {
        return Err(Fault::Contract("polls nothing, which would never end".into()).into());
    }
    let table = &store.data().table;
    let all: Vec<Pollable> =
        list.iter().map(|one| table.get(one).copied()).collect::<Result<_, _>>()?;
    let first = all.iter().map(|one| match one {
        Pollable::Ready => 0,
        Pollable::At(at) => *at,
    });
    // Nothing is asked of the clock while something is ready anyway.
    let now = match first.min().unwrap_or(0) {
        0 => 0,
        first => wait_until(store, first).await?,
    };
    let over = |one: &Pollable| {
        matches!(one, Pollable::Ready) || matches!(one, Pollable::At(at) if *at <= now)
    };
    let indexes = (0..).zip(&all).filter(|(_, one)| over(one)).map(|(index, _)| index);
    Ok((indexes.collect(),))
}

pub(super) fn link_streams(linker: &mut Linker<Call>, name: &str) -> wasmtime::Result<()> {
    resource::<Input>(linker, name, "input-stream")?;
    resource::<Output>(linker, name, "output-stream")?;
    serve!(linker, name, {
        "[method]input-stream.read" => read,
        "[method]input-stream.blocking-read" => read,
        "[method]input-stream.skip" => skip,
        "[method]input-stream.blocking-skip" => skip,
        "[method]input-stream.subscribe" => input_ready,
        "[method]output-stream.check-write" => check_write,
        "[method]output-stream.write" => write,
        "[method]output-stream.blocking-write-and-flush" => write,
        "[method]output-stream.flush" => flush,
        "[method]output-stream.blocking-flush" => flush,
        "[method]output-stream.subscribe" => output_ready,
        "[method]output-stream.write-zeroes" => write_zeroes,
        "[method]output-stream.blocking-write-zeroes-and-flush" => write_zeroes,
        "[method]output-stream.splice" => splice,
        "[method]output-stream.blocking-splice" => splice,
    })
}

impl Input {
    /// At most so many of the next bytes; nothing at the end.
    pub(super) async fn next(
        &mut self,
        world: Option<Arc<dyn World>>,
        most: usize,
    ) -> Answer<Option<Vec<u8>>> {
        match (self, world) {
            (Self::Empty, _) | (_, None) => Ok(None),
            (Self::Body(_), Some(_)) if most == 0 => Ok(Some(Vec::new())),
            (Self::Body(pieces), Some(_)) => pieces.next(most).await,
            (Self::File { path, at }, Some(world)) => {
                let bytes = files::read(&*world, path.clone(), *at, most).await?;
                *at += bytes.len() as u64;
                Ok(Some(bytes).filter(|bytes| most == 0 || !bytes.is_empty()))
            }
        }
    }
}

/// At most so many of the next bytes.
async fn take(
    store: &mut Context<'_>,
    input: &Resource<Input>,
    most: usize,
) -> wasmtime::Result<Result<Vec<u8>, End>> {
    let world = store.data().world.clone();
    let taken = store.data_mut().table.get_mut(input)?.next(world, most).await;
    let taken = taken.map_err(End::Failed).and_then(|bytes| bytes.ok_or(End::Closed));
    carries(store.data(), taken.as_ref().map_or(0, Vec::len))?;
    Ok(taken)
}

/// Writes bytes into a file, and moves on behind them.
pub(super) async fn append(
    world: &dyn World,
    path: &str,
    at: &mut Option<u64>,
    bytes: Vec<u8>,
) -> Answer<()> {
    let count = bytes.len() as u64;
    files::write(world, path.to_owned(), *at, bytes).await?;
    *at = at.map(|at| at + count);
    Ok(())
}

/// Gives all of the bytes away.
async fn put(
    store: &mut Context<'_>,
    output: &Resource<Output>,
    bytes: Vec<u8>,
) -> wasmtime::Result<Result<(), End>> {
    carries(store.data(), bytes.len())?;
    let call = store.data_mut();
    let world = call.world.clone();
    match (call.table.get_mut(output)?, world) {
        (Output::Stdout, world) => call.stdout.write(&bytes, &mut call.log, world.as_deref()),
        (Output::Stderr, world) => call.stderr.write(&bytes, &mut call.log, world.as_deref()),
        (Output::File { .. }, None) => return Ok(Err(End::Closed)),
        (Output::Body(exchange), _) => {
            let taken = exchange.write(&bytes, call.limits.payload.value)?;
            return Ok(taken.ok_or(End::Closed));
        }
        (Output::File { path, at }, Some(world)) => {
            return Ok(append(&*world, path, at, bytes).await.map_err(End::from));
        }
    }
    Ok(Ok(()))
}

/// A number of bytes as a stream gives or takes them at once.
pub(super) fn bounded(call: &Call, length: u64) -> usize {
    length.min(ROOM).min(call.limits.payload.value) as usize
}

async fn read(store: &mut Context<'_>, (input, length): (Resource<Input>, u64)) -> Reply<Vec<u8>> {
    let most = bounded(store.data(), length);
    let taken = take(store, &input, most).await?;
    reply(store, taken)
}

async fn skip(store: &mut Context<'_>, (input, length): (Resource<Input>, u64)) -> Reply<u64> {
    let most = bounded(store.data(), length);
    let taken = take(store, &input, most).await?;
    reply(store, taken.map(|bytes| bytes.len() as u64))
}

type Handle = wasmtime::Result<(Resource<Pollable>,)>;

async fn input_ready(store: &mut Context<'_>, (_input,): (Resource<Input>,)) -> Handle {
    Ok((store.data_mut().table.push(Pollable::Ready)?,))
}

async fn output_ready(store: &mut Context<'_>, (_output,): (Resource<Output>,)) -> Handle {
    Ok((store.data_mut().table.push(Pollable::Ready)?,))
}

async fn check_write(store: &mut Context<'_>, (_output,): (Resource<Output>,)) -> Reply<u64> {
    reply(store, Ok(ROOM))
}

async fn write(store: &mut Context<'_>, (output, bytes): (Resource<Output>, Vec<u8>)) -> Reply<()> {
    let done = put(store, &output, bytes).await?;
    reply(store, done)
}

async fn flush(store: &mut Context<'_>, (_output,): (Resource<Output>,)) -> Reply<()> {
    reply(store, Ok(()))
}

async fn write_zeroes(
    store: &mut Context<'_>,
    (output, length): (Resource<Output>, u64),
) -> Reply<()> {
    if length > ROOM {
        let message = format!("{length} zeroes in one write; a stream takes {ROOM} bytes");
        return Err(Fault::limit("payload", message).into());
    }
    let done = put(store, &output, vec![0; length as usize]).await?;
    reply(store, done)
}

async fn splice(
    store: &mut Context<'_>,
    (output, input, length): (Resource<Output>, Resource<Input>, u64),
) -> Reply<u64> {
    let most = bounded(store.data(), length);
    let bytes = match take(store, &input, most).await? {
        Ok(bytes) => bytes,
        Err(end) => return reply(store, Err(end)),
    };
    let count = bytes.len() as u64;
    let done = put(store, &output, bytes).await?;
    reply(store, done.map(|()| count))
}
