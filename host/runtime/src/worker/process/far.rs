//! The world as it is seen from a worker: each request is a message to the parent, who asks the real one.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use cleargate_flow::error::{ErrorCode, NodeError};
use cleargate_flow::grant::FilePattern;
use cleargate_flow::value::Value;
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::oneshot;

use super::message::{Answer as Told, Reply, Report, Request as Ask, Setting, mixed_up, of_file};
use crate::place::form::{Bytes, Refusal, headers};
use crate::world::{
    Answer, FileAnswer, FileOp, Level, Media, Opened, Page, Pieces, Request, Response, ToolView,
    World,
};

/// The way to the parent during one call. Cloning is cheap.
#[derive(Clone)]
pub(super) struct Far {
    line: Arc<Line>,
    setting: Arc<Setting>,
}

struct Line {
    reports: UnboundedSender<Report>,
    waiting: Mutex<Waiting>,
}

#[derive(Default)]
struct Waiting {
    /// Number of the last request.
    last: u32,
    replies: HashMap<u32, oneshot::Sender<Result<Told, Refusal>>>,
}

impl Far {
    /// The world of a call whose reports go to `reports`. What the guest may put there is bounded by its limits.
    pub(super) fn new(setting: Setting, reports: UnboundedSender<Report>) -> Self {
        let line = Line { reports, waiting: Mutex::default() };
        Self { line: Arc::new(line), setting: Arc::new(setting) }
    }

    /// Hands a reply to whoever waits for it. Who does not wait any more has said so.
    pub(super) fn reply(&self, reply: Reply) {
        let waiter = self.line.waiting().replies.remove(&reply.id);
        let unheard = match waiter {
            Some(waiter) => waiter.send(reply.answer).err(),
            None => Some(reply.answer),
        };
        // A body that came too late is held by nobody here.
        if let Some(Ok(Told::Opened { body, .. })) = unheard {
            self.line.report(Report::Close(body));
        }
    }

    async fn ask(&self, request: Ask) -> Answer<Told> {
        self.line.ask(request).await
    }

    async fn done(&self, request: Ask) -> Answer<()> {
        self.ask(request).await.map(drop)
    }

    async fn number(&self, request: Ask) -> Answer<u64> {
        match self.ask(request).await? {
            Told::Number(number) => Ok(number),
            _ => Err(mixed_up()),
        }
    }

    async fn bytes(&self, request: Ask) -> Answer<Vec<u8>> {
        match self.ask(request).await? {
            Told::Bytes(bytes) => Ok(bytes.0),
            _ => Err(mixed_up()),
        }
    }

    async fn text(&self, request: Ask) -> Answer<String> {
        match self.ask(request).await? {
            Told::Text(text) => Ok(text),
            _ => Err(mixed_up()),
        }
    }

    async fn value(&self, request: Ask) -> Answer<Value> {
        match self.ask(request).await? {
            Told::Value(value) => Ok(value),
            _ => Err(mixed_up()),
        }
    }
}

impl Line {
    fn waiting(&self) -> std::sync::MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn report(&self, report: Report) {
        // When the parent does not listen, the process is about to end.
        let _gone = self.reports.send(report);
    }

    async fn ask(&self, request: Ask) -> Answer<Told> {
        let (sender, receiver) = oneshot::channel();
        let id = {
            let mut waiting = self.waiting();
            waiting.last = waiting.last.wrapping_add(1);
            let id = waiting.last;
            waiting.replies.insert(id, sender);
            id
        };
        let mut asked = Asked { line: self, id, answered: false };
        self.report(Report::Request { id, request });
        let answer = receiver.await;
        asked.answered = true;
        match answer {
            Ok(answer) => answer.map_err(|refusal| refusal.0),
            Err(_) => Err(NodeError::new(ErrorCode::Cancelled, "the call has ended")),
        }
    }
}

/// A request on its way. When nobody waits for it any more, the parent stops to perform it.
struct Asked<'a> {
    line: &'a Line,
    id: u32,
    answered: bool,
}

impl Drop for Asked<'_> {
    fn drop(&mut self) {
        if !self.answered {
            self.line.waiting().replies.remove(&self.id);
            self.line.report(Report::Forget(self.id));
        }
    }
}

/// A body that the parent holds.
struct Body {
    line: Arc<Line>,
    id: u32,
}

#[async_trait]
impl Pieces for Body {
    async fn next(&mut self, most: usize) -> Answer<Option<Vec<u8>>> {
        let most = u32::try_from(most).unwrap_or(u32::MAX);
        match self.line.ask(Ask::Next { body: self.id, most }).await? {
            Told::Maybe(piece) => Ok(piece.map(|bytes| bytes.0)),
            _ => Err(mixed_up()),
        }
    }
}

impl Drop for Body {
    fn drop(&mut self) {
        self.line.report(Report::Close(self.id));
    }
}

#[async_trait]
impl World for Far {
    fn log(&self, level: Level, message: String) {
        self.line.report(Report::Log(level, message));
    }

    fn config(&self) -> String {
        self.setting.config.clone().unwrap_or_else(|| "{}".into())
    }

    async fn now(&self) -> Answer<u64> {
        self.number(Ask::Now).await
    }

    async fn elapsed(&self) -> Answer<u64> {
        self.number(Ask::Elapsed).await
    }

    async fn sleep(&self, ms: u32) -> Answer<()> {
        self.done(Ask::Sleep(ms)).await
    }

    async fn random(&self, length: u32) -> Answer<Vec<u8>> {
        self.bytes(Ask::Random(length)).await
    }

    async fn kv_get(&self, store: String, key: String) -> Answer<Option<Vec<u8>>> {
        match self.ask(Ask::KvGet { store, key }).await? {
            Told::Maybe(value) => Ok(value.map(|bytes| bytes.0)),
            _ => Err(mixed_up()),
        }
    }

    async fn kv_set(&self, store: String, key: String, value: Vec<u8>) -> Answer<()> {
        self.done(Ask::KvSet { store, key, value: Bytes(value) }).await
    }

    async fn kv_delete(&self, store: String, key: String) -> Answer<()> {
        self.done(Ask::KvDelete { store, key }).await
    }

    async fn kv_swap(
        &self,
        store: String,
        key: String,
        expected: Option<Vec<u8>>,
        value: Vec<u8>,
    ) -> Answer<bool> {
        let (expected, value) = (expected.map(Bytes), Bytes(value));
        match self.ask(Ask::KvSwap { store, key, expected, value }).await? {
            Told::Flag(swapped) => Ok(swapped),
            _ => Err(mixed_up()),
        }
    }

    async fn kv_list(&self, store: String, prefix: String, after: Option<String>) -> Answer<Page> {
        match self.ask(Ask::KvList { store, prefix, after }).await? {
            Told::Page { keys, next } => Ok(Page { keys, next }),
            _ => Err(mixed_up()),
        }
    }

    async fn http_send(&self, request: Request, most: u64) -> Answer<Response> {
        match self.ask(Ask::HttpSend { request: request.into(), most }).await? {
            Told::Response { status, headers: fields, body } => {
                Ok(Response { status, headers: headers(fields), body: body.0 })
            }
            _ => Err(mixed_up()),
        }
    }

    async fn http_open(&self, request: Request) -> Answer<Opened> {
        match self.ask(Ask::HttpOpen(request.into())).await? {
            Told::Opened { status, headers: fields, body: id } => {
                let body = Box::new(Body { line: self.line.clone(), id });
                Ok(Opened { status, headers: headers(fields), body })
            }
            _ => Err(mixed_up()),
        }
    }

    async fn placeholder(&self, label: String) -> Answer<String> {
        self.text(Ask::Placeholder(label)).await
    }

    async fn reveal(&self, label: String) -> Answer<String> {
        self.text(Ask::Reveal(label)).await
    }

    async fn blob_put(&self, bytes: Vec<u8>, mime: String, name: Option<String>) -> Answer<Media> {
        match self.ask(Ask::BlobPut { bytes: Bytes(bytes), mime, name }).await? {
            Told::Media(media) => Ok(media),
            _ => Err(mixed_up()),
        }
    }

    async fn blob_get(&self, media: Media, offset: u64, length: u32) -> Answer<Vec<u8>> {
        self.bytes(Ask::BlobGet { media, offset, length }).await
    }

    fn files(&self) -> BTreeSet<FilePattern> {
        self.setting.files.iter().filter_map(|pattern| pattern.parse().ok()).collect()
    }

    async fn file(&self, op: FileOp) -> Answer<FileAnswer> {
        of_file(self.ask(Ask::File(op)).await?)
    }

    async fn complete(&self, model: String, request: Value) -> Answer<Value> {
        self.value(Ask::Complete { model, request }).await
    }

    fn tools(&self) -> Vec<ToolView> {
        let tools = self.setting.tools.iter().cloned();
        tools.map(|(name, description, input)| ToolView { name, description, input }).collect()
    }

    async fn call_tool(&self, name: String, arguments: Value) -> Answer<Value> {
        self.value(Ask::CallTool { name, arguments }).await
    }
}
