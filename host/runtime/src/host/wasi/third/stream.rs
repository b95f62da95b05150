//! Streams of the component model: what a guest reads from the host and writes to it, piece by piece, with a future
//! that says how it ended.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{self, Poll};

use tokio::sync::oneshot;
use wasmtime::AsContextMut;
use wasmtime::component::{
    Destination, FutureReader, Lift, Lower, Source, StreamConsumer, StreamProducer, StreamReader,
    StreamResult, VecBuffer,
};

use super::super::io::{Input, Output, ROOM, append, bounded};
use super::Turn;
use crate::fault::Fault;
use crate::host::Context;
use crate::instance::Call;
use crate::meter::{carries, enter};
use crate::world::{Answer, World};

/// What a stream is read from.
pub(super) trait Supply: Send + Sync + Unpin + 'static {
    type Item: Lift + Lower + Send + Sync + Unpin + 'static;

    /// At most so many of the next items; nothing at the end.
    fn next(
        &mut self,
        world: Option<Arc<dyn World>>,
        most: usize,
    ) -> impl Future<Output = Answer<Option<Vec<Self::Item>>>> + Send;
}

impl Supply for Input {
    type Item = u8;

    async fn next(
        &mut self,
        world: Option<Arc<dyn World>>,
        most: usize,
    ) -> Answer<Option<Vec<u8>>> {
        Self::next(self, world, most).await
    }
}

/// Says how a stream ended, once: well, when it is just given up.
struct End(Option<oneshot::Sender<Answer<()>>>);

impl End {
    fn tell(&mut self, how: Answer<()>) {
        if let Some(end) = self.0.take() {
            // The guest may have given up the future.
            let _ = end.send(how);
        }
    }
}

impl Drop for End {
    fn drop(&mut self) {
        self.tell(Ok(()));
    }
}

/// How a stream ended, in the words of its interface.
fn ended<T>(
    store: &mut Context<'_>,
    end: oneshot::Receiver<Answer<()>>,
    say: fn(Answer<()>) -> T,
) -> wasmtime::Result<FutureReader<T>>
where
    T: Lift + Lower + Send + Sync + 'static,
{
    FutureReader::new(store.as_context_mut(), async move {
        Ok::<_, wasmtime::Error>(say(end.await.unwrap_or(Ok(()))))
    })
}

/// A future that is there.
fn ready<T>(store: &mut Context<'_>, value: T) -> wasmtime::Result<FutureReader<T>>
where
    T: Lift + Lower + Send + Sync + 'static,
{
    FutureReader::new(store.as_context_mut(), async move { Ok::<_, wasmtime::Error>(value) })
}

type Step<S> = Pin<Box<dyn Future<Output = (S, Answer<Option<Vec<<S as Supply>::Item>>>)> + Send>>;

struct Producer<S: Supply> {
    supply: Option<S>,
    step: Option<Step<S>>,
    end: End,
}

/// A stream that gives what `supply` has; it is empty, and its end says why, when there is none.
pub(super) fn source<S: Supply, T>(
    store: &mut Context<'_>,
    supply: Result<S, T>,
    say: fn(Answer<()>) -> T,
) -> wasmtime::Result<(StreamReader<S::Item>, FutureReader<T>)>
where
    T: Lift + Lower + Send + Sync + 'static,
{
    let (tell, end) = oneshot::channel();
    match supply {
        Ok(supply) => {
            let end = ended(store, end, say)?;
            let producer = Producer { supply: Some(supply), step: None, end: End(Some(tell)) };
            Ok((StreamReader::new(store.as_context_mut(), producer)?, end))
        }
        Err(refused) => {
            let end = ready(store, refused)?;
            Ok((StreamReader::new(store.as_context_mut(), Vec::<S::Item>::new())?, end))
        }
    }
}

impl<S: Supply> StreamProducer<Call> for Producer<S> {
    type Item = S::Item;
    type Buffer = VecBuffer<S::Item>;

    /// What was begun is waited for, also when the guest would rather not: it is in the journal.
    fn poll_produce<'a>(
        mut self: Pin<&mut Self>,
        cx: &mut task::Context<'_>,
        mut store: Context<'a>,
        mut to: Destination<'a, Self::Item, Self::Buffer>,
        _finish: bool,
    ) -> Poll<wasmtime::Result<StreamResult>> {
        let this = &mut *self;
        if this.step.is_none() {
            let room = to.remaining(&mut store);
            if room == Some(0) {
                return Poll::Ready(Ok(StreamResult::Completed));
            }
            let Some(mut supply) = this.supply.take() else {
                return Poll::Ready(Ok(StreamResult::Dropped));
            };
            enter(&mut store, 0)?;
            let most = bounded(store.data(), room.map_or(ROOM, |room| room as u64));
            let world = store.data().world.clone();
            let turn = Turn::take(store.data_mut());
            this.step = Some(Box::pin(async move {
                let got = supply.next(world, most).await;
                turn.end().await;
                (supply, got)
            }));
        }
        let step = this.step.as_mut().expect("it was just begun");
        let (supply, got) = task::ready!(step.as_mut().poll(cx));
        this.step = None;
        match got {
            Ok(Some(items)) => {
                carries(store.data(), size_of::<S::Item>() * items.len())?;
                to.set_buffer(items.into());
                this.supply = Some(supply);
                Poll::Ready(Ok(StreamResult::Completed))
            }
            Ok(None) => {
                this.end.tell(Ok(()));
                Poll::Ready(Ok(StreamResult::Dropped))
            }
            Err(error) => {
                this.end.tell(Err(error));
                Poll::Ready(Ok(StreamResult::Dropped))
            }
        }
    }
}

type Write = Pin<Box<dyn Future<Output = (Output, Answer<()>)> + Send>>;

struct Consumer {
    output: Option<Output>,
    step: Option<Write>,
    end: End,
}

/// Takes a stream into `output`; when there is none, it takes nothing, and the end says why.
pub(super) fn sink<T>(
    store: &mut Context<'_>,
    mut data: StreamReader<u8>,
    output: Result<Output, T>,
    say: fn(Answer<()>) -> T,
) -> wasmtime::Result<FutureReader<T>>
where
    T: Lift + Lower + Send + Sync + 'static,
{
    match output {
        Ok(output) => {
            let end = drain(store, data, output)?;
            ended(store, end, say)
        }
        Err(refused) => {
            data.close(store.as_context_mut())?;
            ready(store, refused)
        }
    }
}

/// Takes a stream into `output`, and says how it ended.
pub(super) fn drain(
    store: &mut Context<'_>,
    data: StreamReader<u8>,
    output: Output,
) -> wasmtime::Result<oneshot::Receiver<Answer<()>>> {
    let (tell, end) = oneshot::channel();
    let consumer = Consumer { output: Some(output), step: None, end: End(Some(tell)) };
    data.pipe(store.as_context_mut(), consumer)?;
    Ok(end)
}

impl StreamConsumer<Call> for Consumer {
    type Item = u8;

    /// What was begun is waited for, as in reading.
    fn poll_consume(
        mut self: Pin<&mut Self>,
        cx: &mut task::Context<'_>,
        mut store: Context<'_>,
        mut from: Source<'_, u8>,
        _finish: bool,
    ) -> Poll<wasmtime::Result<StreamResult>> {
        let this = &mut *self;
        if this.step.is_none() {
            let length = from.remaining(&mut store);
            let Some(output) = this.output.take() else {
                return Poll::Ready(Ok(StreamResult::Dropped));
            };
            if length == 0 {
                this.output = Some(output);
                return Poll::Ready(Ok(StreamResult::Completed));
            }
            let mut bytes = Vec::with_capacity(bounded(store.data(), length as u64));
            from.read(&mut store, &mut bytes)?;
            enter(&mut store, bytes.len())?;
            this.step = Some(written(store.data_mut(), output, bytes)?);
        }
        let step = this.step.as_mut().expect("it was just begun");
        let (output, done) = task::ready!(step.as_mut().poll(cx));
        this.step = None;
        match done {
            Ok(()) => {
                this.output = Some(output);
                Poll::Ready(Ok(StreamResult::Completed))
            }
            Err(error) => {
                this.end.tell(Err(error));
                Poll::Ready(Ok(StreamResult::Dropped))
            }
        }
    }
}

/// Gives bytes away, in their turn.
fn written(call: &mut Call, mut output: Output, bytes: Vec<u8>) -> wasmtime::Result<Write> {
    let world = call.world.clone();
    match &output {
        Output::Stdout => call.stdout.write(&bytes, &mut call.log, world.as_deref()),
        Output::Stderr => call.stderr.write(&bytes, &mut call.log, world.as_deref()),
        Output::Body(exchange) => {
            let closed = || Fault::Contract("writes to a request that is finished".into());
            exchange.write(&bytes, call.limits.payload.value)?.ok_or_else(closed)?;
        }
        Output::File { .. } => {}
    }
    let turn = Turn::take(call);
    Ok(Box::pin(async move {
        let done = match (&mut output, world) {
            (Output::File { path, at }, Some(world)) => append(&*world, path, at, bytes).await,
            _ => Ok(()),
        };
        turn.end().await;
        (output, done)
    }))
}
