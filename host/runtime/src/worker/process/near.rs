//! One call from the side of the parent: gives the order, asks the world what the worker asks, and believes the worker
//! nothing but its answer.
//!
//! The worker is held to the limits of the call here as well, by figures of our own: how long a message may be, how many
//! requests there may be and how many of them over HTTP, how much log, how much time. An honest one never meets them,
//! because the same limits are met in it first.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use cleargate_flow::event::Usage;
use cleargate_flow::grant::{Grants, Service};
use cleargate_flow::limits::Effective;
use futures::StreamExt;
use futures::future::{AbortHandle, Abortable, Aborted, BoxFuture};
use futures::stream::FuturesUnordered;
use tokio::sync::Mutex;

use super::frame::{FrameError, Frames};
use super::message::{
    Answer, Bounds, Order, Reply, Report, Request, Setting, Word, from_file, mixed_up,
};
use crate::fault::{Fault, MAX_MESSAGE, cut};
use crate::host::log::LINE_COST;
use crate::instance::{Called, MAX_HANDLES};
use crate::place::form::{Bytes, Failed, Refusal, pairs};
use crate::place::{Job, Told};
use crate::world::{self, Pieces, World};

/// What a worker may be late: its own clock has ended the call, and its answer is on the way.
const GRACE: Duration = Duration::from_millis(250);

/// Bytes of a message beside what limits bound: names, lengths, a sentence of an error.
const BESIDE: usize = 64 * 1024;

/// How much longer a value can be as we write it: `1e15` becomes a number with all its digits.
const WRITTEN_OUT: usize = 4;

/// Requests to the world for each call of a host function: that which it makes, and what it takes back.
const REQUESTS_PER_CALL: u64 = 4;

/// Frames of a backtrace, and bytes of each.
const MAX_FRAMES: (usize, usize) = (16, 128);

/// Bytes of the longest message that a worker may send during a call.
pub(super) fn longest(limits: &Effective) -> usize {
    let most = limits.payload.value.max(limits.output.value);
    usize::try_from(most).unwrap_or(usize::MAX).saturating_mul(WRITTEN_OUT).saturating_add(BESIDE)
}

/// Why a worker is not to be used again.
#[derive(Debug, thiserror::Error)]
pub(super) enum Broken {
    /// It cannot be spoken to.
    #[error(transparent)]
    Frame(#[from] FrameError),
    /// It did what no plugin can make it do.
    #[error("it {0}")]
    Rule(&'static str),
    /// It did not end the call at its time.
    #[error("it did not answer in time")]
    Late,
}

/// A body that is read piece by piece. Whoever reads it holds it; when the worker lets go of it, nobody else does.
type Body = Arc<Mutex<Box<dyn Pieces>>>;

/// What was performed: the answer, unless it was taken back, and a body that was opened.
type Performed = (u32, Result<Outcome, Aborted>);

/// One call in a worker.
pub(super) struct Attendance<'a> {
    frames: &'a mut Frames,
    limits: Effective,
    grants: &'a Grants,
    world: Option<Arc<dyn World>>,
    performing: FuturesUnordered<BoxFuture<'static, Performed>>,
    /// By the number of a request.
    aborts: HashMap<u32, AbortHandle>,
    /// By their number.
    bodies: HashMap<u32, Body>,
    last_body: u32,
    requests: u64,
    http: u64,
    tools: u64,
    logged: u64,
}

impl<'a> Attendance<'a> {
    /// Executes a job in the worker at the other end.
    pub(super) async fn execute(
        frames: &'a mut Frames,
        grants: &'a Grants,
        job: &Job,
    ) -> Result<Called<Told>, Broken> {
        let (limits, world) = (job.limits, job.world.clone());
        let mut it = Self {
            frames,
            limits,
            grants,
            world,
            performing: FuturesUnordered::new(),
            aborts: HashMap::new(),
            bodies: HashMap::new(),
            last_body: 0,
            requests: 0,
            http: 0,
            tools: 0,
            logged: 0,
        };
        let order = Order {
            ask: job.ask.clone(),
            context: job.context.clone(),
            limits: Bounds::from(&limits),
            setting: it.setting(),
        };
        it.frames.send(&Word::Order(Box::new(order)))?;
        let started = Instant::now();
        let time = Duration::from_millis(limits.time.value) + GRACE;
        match tokio::time::timeout(time, it.attend()).await {
            Ok(ended) => {
                let (result, usage) = ended?;
                it.frames.flush().await?;
                Ok(believe(result, usage, &limits, started.elapsed()))
            }
            Err(_elapsed) => Err(Broken::Late),
        }
    }

    fn serves(&self, service: Service) -> bool {
        self.grants.services.contains(&service)
    }

    fn setting(&self) -> Option<Setting> {
        let world = self.world.as_deref()?;
        let tools = if self.grants.tools.is_empty() { Vec::new() } else { world.tools() };
        Some(Setting {
            config: self.serves(Service::Config).then(|| world.config()),
            tools: tools.into_iter().map(Into::into).collect(),
            files: world.files().iter().map(ToString::to_string).collect(),
        })
    }

    async fn attend(&mut self) -> Result<(Result<Told, Failed>, Usage), Broken> {
        loop {
            tokio::select! {
                // What it said first counts first: a line of a log belongs before the request that follows.
                biased;
                report = self.frames.next() => match report? {
                    Report::End { result, usage } => return Ok((result, usage)),
                    report => self.hear(report)?,
                },
                Some(performed) = self.performing.next() => self.reply(performed)?,
            }
        }
    }

    fn hear(&mut self, report: Report) -> Result<(), Broken> {
        match report {
            Report::Log(level, line) => {
                // The notice of what is missing is one line more.
                self.logged += (line.len() + LINE_COST) as u64;
                if self.logged > self.limits.log.value + MAX_MESSAGE as u64 {
                    return Err(Broken::Rule("wrote more log than it may"));
                }
                match &self.world {
                    Some(world) if self.serves(Service::Log) => world.log(level, line),
                    _ => return Err(Broken::Rule("wrote a log without the service")),
                }
            }
            Report::Request { id, request } => self.perform(id, request)?,
            Report::Forget(id) => {
                if let Some(abort) = self.aborts.remove(&id) {
                    abort.abort();
                }
            }
            Report::Close(body) => drop(self.bodies.remove(&body)),
            Report::End { .. } => {}
        }
        Ok(())
    }

    /// Begins to perform a request.
    fn perform(&mut self, id: u32, request: Request) -> Result<(), Broken> {
        let Some(world) = self.world.clone() else {
            return Err(Broken::Rule("asked the world where there is none"));
        };
        self.requests += 1;
        let most = self.limits.host_calls.value.saturating_mul(REQUESTS_PER_CALL);
        if self.requests > most.saturating_add(REQUESTS_PER_CALL) {
            return Err(Broken::Rule("asked more often than it may"));
        }
        if matches!(request, Request::HttpSend { .. } | Request::HttpOpen(_)) {
            self.http += 1;
            if self.http > self.limits.http_calls.value {
                return Err(Broken::Rule("sent more requests than it may"));
            }
        }
        if matches!(request, Request::CallTool { .. }) {
            self.tools += 1;
            if self.tools > self.limits.tool_calls.value {
                return Err(Broken::Rule("called more tools than it may"));
            }
        }
        if self.aborts.len() >= MAX_HANDLES || self.bodies.len() > MAX_HANDLES {
            return Err(Broken::Rule("asked for more at once than it may"));
        }
        let body = match &request {
            Request::Next { body, .. } => match self.bodies.get(body) {
                Some(body) => Some(body.clone()),
                None => return Err(Broken::Rule("read a body that it has not")),
            },
            _ => None,
        };
        let (abort, registration) = AbortHandle::new_pair();
        if self.aborts.insert(id, abort).is_some() {
            return Err(Broken::Rule("asked twice under one number"));
        }
        self.performing.push(Box::pin(async move {
            (id, Abortable::new(perform(world, request, body), registration).await)
        }));
        Ok(())
    }

    /// Sends the answer to a request that is performed.
    fn reply(&mut self, (id, outcome): Performed) -> Result<(), Broken> {
        self.aborts.remove(&id);
        // Nobody waits for one that was taken back.
        let Ok((answer, opened)) = outcome else { return Ok(()) };
        let answer = answer.map(|answer| match (answer, opened) {
            (Answer::Opened { status, headers, .. }, Some(opened)) => {
                self.last_body += 1;
                self.bodies.insert(self.last_body, Arc::new(Mutex::new(opened)));
                Answer::Opened { status, headers, body: self.last_body }
            }
            (answer, _) => answer,
        });
        Ok(self.frames.send(&Word::Reply(Reply { id, answer: answer.map_err(Refusal) }))?)
    }
}

/// What performing gives: the answer, and a body that was opened.
type Outcome = (world::Answer<Answer>, Option<Box<dyn Pieces>>);

async fn perform(world: Arc<dyn World>, request: Request, body: Option<Body>) -> Outcome {
    match (request, body) {
        (Request::HttpOpen(request), _) => match world.http_open(request.into()).await {
            Ok(opened) => {
                let (status, headers) = (opened.status, pairs(opened.headers));
                (Ok(Answer::Opened { status, headers, body: 0 }), Some(opened.body))
            }
            Err(error) => (Err(error), None),
        },
        (Request::Next { most, .. }, Some(body)) => {
            let piece = body.lock().await.next(most as usize).await;
            (piece.map(|piece| Answer::Maybe(piece.map(Bytes))), None)
        }
        (request, _) => (answer(&*world, request).await, None),
    }
}

/// Asks the world everything that has no body.
async fn answer(world: &dyn World, request: Request) -> world::Answer<Answer> {
    let text = |text: String| Answer::Text(text);
    let bytes = |bytes: Vec<u8>| Answer::Bytes(Bytes(bytes));
    let done = |(): ()| Answer::Done;
    match request {
        Request::Now => world.now().await.map(Answer::Number),
        Request::Elapsed => world.elapsed().await.map(Answer::Number),
        Request::Sleep(ms) => world.sleep(ms).await.map(done),
        Request::Random(length) => world.random(length).await.map(bytes),
        Request::KvGet { store, key } => {
            world.kv_get(store, key).await.map(|value| Answer::Maybe(value.map(Bytes)))
        }
        Request::KvSet { store, key, value } => world.kv_set(store, key, value.0).await.map(done),
        Request::KvDelete { store, key } => world.kv_delete(store, key).await.map(done),
        Request::KvSwap { store, key, expected, value } => {
            let expected = expected.map(|bytes| bytes.0);
            world.kv_swap(store, key, expected, value.0).await.map(Answer::Flag)
        }
        Request::KvList { store, prefix, after } => {
            let page = world.kv_list(store, prefix, after).await?;
            Ok(Answer::Page { keys: page.keys, next: page.next })
        }
        Request::HttpSend { request, most } => {
            let response = world.http_send(request.into(), most).await?;
            let (status, headers) = (response.status, pairs(response.headers));
            Ok(Answer::Response { status, headers, body: Bytes(response.body) })
        }
        Request::Placeholder(label) => world.placeholder(label).await.map(text),
        Request::Reveal(label) => world.reveal(label).await.map(text),
        Request::BlobPut { bytes, mime, name } => {
            world.blob_put(bytes.0, mime, name).await.map(Answer::Media)
        }
        Request::BlobGet { media, offset, length } => {
            world.blob_get(media, offset, length).await.map(bytes)
        }
        Request::File(op) => from_file(world.file(op).await?),
        Request::Complete { model, request } => {
            world.complete(model, request).await.map(Answer::Value)
        }
        Request::CallTool { name, arguments } => {
            world.call_tool(name, arguments).await.map(Answer::Value)
        }
        Request::HttpOpen(_) | Request::Next { .. } => Err(mixed_up()),
    }
}

/// The end of a call as the journal may have it: a worker's account is held to the limits, its words to their bounds.
fn believe(
    result: Result<Told, Failed>,
    usage: Usage,
    limits: &Effective,
    elapsed: Duration,
) -> Called<Told> {
    let elapsed = u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX);
    let usage = Usage {
        micros: usage.micros.min(elapsed),
        fuel: usage.fuel.min(limits.fuel.value),
        peak_memory: usage.peak_memory.min(limits.memory.value),
        host_calls: usage.host_calls.min(limits.host_calls.value.saturating_add(1)),
    };
    let result = result.map_err(|Failed(fault)| match fault {
        Fault::Returned(mut error) => {
            error.message = cut(error.message, MAX_MESSAGE);
            Fault::Returned(error.bounded())
        }
        Fault::Host(error) => Fault::Host(error.bounded()),
        Fault::Limit { limit, message } => {
            Fault::Limit { limit, message: cut(message, MAX_MESSAGE) }
        }
        Fault::Trap { reason, mut backtrace } => {
            let (frames, bytes) = MAX_FRAMES;
            backtrace.truncate(frames);
            let backtrace = backtrace.into_iter().map(|frame| cut(frame, bytes)).collect();
            Fault::Trap { reason: cut(reason, MAX_MESSAGE), backtrace }
        }
        Fault::Contract(why) => Fault::Contract(cut(why, MAX_MESSAGE)),
        Fault::Crashed { how, signal: _ } => Fault::crashed(cut(how, MAX_MESSAGE)),
        Fault::Timeout { .. } => Fault::Timeout { after: limits.time.value },
        Fault::Busy => Fault::Busy,
    });
    Called { result, usage }
}

#[cfg(test)]
mod tests;
