//! The world of a call inside a run: every request goes through the pass of its attempt.
//!
//! Nothing is decided here. The gate decides, counts, journals and performs; this turns the contract's types into
//! its requests and its answers back.

use std::collections::BTreeSet;

use async_trait::async_trait;
use cleargate_executor::NodeContext;
use cleargate_flow::error::{ErrorCode, NodeError};
use cleargate_flow::grant::FilePattern;
use cleargate_flow::value::Value;
use cleargate_gate::{
    BlobOp, FileOp, HttpRequest, KvOp, PeerTool, Request as Ask, Response as Told, StreamedBody,
};
use tokio::sync::OnceCell;

use crate::world::{
    Answer, Header, Level, Media, Opened, Page, Pieces, Request, Response, ToolView, World,
};

/// How the digest of a blob begins in the contract, and in the store.
const CONTRACT: &str = "sha256:";
const STORED: &str = "sha256-";

/// See the module.
pub(crate) struct Passage {
    ctx: NodeContext,
    /// The first time that was asked for: what `elapsed` counts from. Journaled like any other.
    began: OnceCell<u64>,
}

impl Passage {
    pub(crate) fn new(ctx: NodeContext) -> Self {
        Self { ctx, began: OnceCell::new() }
    }

    async fn ask(&self, request: Ask) -> Answer<Told> {
        self.ctx.pass.perform(request).await
    }

    async fn kv(&self, store: String, op: KvOp) -> Answer<Told> {
        self.ask(Ask::Kv { store, op }).await
    }
}

/// An answer that does not belong to its request: a defect of ours.
fn mixed_up<T>(told: &Told) -> Answer<T> {
    Err(NodeError::new(ErrorCode::Bug, format!("the gate gave {told:?}, which was not asked for")))
}

#[async_trait]
impl World for Passage {
    fn log(&self, level: Level, message: String) {
        let level = match level {
            Level::Trace => "trace",
            Level::Debug => "debug",
            Level::Info => "info",
            Level::Warn => "warn",
            Level::Error => "error",
        };
        self.ctx.log.line(level, &message);
    }

    fn config(&self) -> String {
        if self.ctx.config.is_null() { "{}".into() } else { self.ctx.config.to_json() }
    }

    async fn now(&self) -> Answer<u64> {
        match self.ask(Ask::Now).await? {
            Told::Time(at) => Ok(u64::try_from(at).unwrap_or(0)),
            told => mixed_up(&told),
        }
    }

    async fn elapsed(&self) -> Answer<u64> {
        let now = self.now().await?;
        let began = self.began.get_or_init(|| async { now }).await;
        Ok(now.saturating_sub(*began))
    }

    async fn sleep(&self, ms: u32) -> Answer<()> {
        self.ctx.pass.sleep(ms.into()).await;
        Ok(())
    }

    async fn random(&self, length: u32) -> Answer<Vec<u8>> {
        match self.ask(Ask::Random { len: length }).await? {
            Told::Bytes(bytes) => Ok(bytes.0),
            told => mixed_up(&told),
        }
    }

    async fn kv_get(&self, store: String, key: String) -> Answer<Option<Vec<u8>>> {
        match self.kv(store, KvOp::Get { key }).await? {
            Told::Value(value) => Ok(value.map(|bytes| bytes.0)),
            told => mixed_up(&told),
        }
    }

    async fn kv_set(&self, store: String, key: String, value: Vec<u8>) -> Answer<()> {
        self.kv(store, KvOp::Set { key, value }).await.map(drop)
    }

    async fn kv_delete(&self, store: String, key: String) -> Answer<()> {
        self.kv(store, KvOp::Delete { key }).await.map(drop)
    }

    async fn kv_swap(
        &self,
        store: String,
        key: String,
        expected: Option<Vec<u8>>,
        value: Vec<u8>,
    ) -> Answer<bool> {
        match self.kv(store, KvOp::Swap { key, expected, value }).await? {
            Told::Swapped(swapped) => Ok(swapped),
            told => mixed_up(&told),
        }
    }

    async fn kv_list(&self, store: String, prefix: String, after: Option<String>) -> Answer<Page> {
        match self.kv(store, KvOp::List { prefix, after }).await? {
            Told::Keys { keys, next } => Ok(Page { keys, next }),
            told => mixed_up(&told),
        }
    }

    async fn http_send(&self, request: Request, most: u64) -> Answer<Response> {
        let Told::Http(http) = self.ask(Ask::Http(to_gate(request))).await? else {
            return Err(NodeError::new(ErrorCode::Bug, "the gate gave no HTTP answer"));
        };
        if http.body.0.len() as u64 > most {
            return Err(NodeError::limit(
                "payload",
                format!("the answer has more than {most} bytes"),
            ));
        }
        let headers = to_guest(http.headers);
        Ok(Response { status: http.status, headers, body: http.body.0 })
    }

    async fn http_open(&self, request: Request) -> Answer<Opened> {
        let opened = self.ctx.pass.open(to_gate(request)).await?;
        let headers = to_guest(opened.headers);
        Ok(Opened { status: opened.status, headers, body: Box::new(Body(opened.body)) })
    }

    async fn placeholder(&self, label: String) -> Answer<String> {
        match self.ask(Ask::Secret { label }).await? {
            Told::Placeholder { token, .. } => Ok(token),
            told => mixed_up(&told),
        }
    }

    async fn reveal(&self, label: String) -> Answer<String> {
        match self.ask(Ask::Reveal { label }).await? {
            Told::Revealed { value, .. } => Ok(value),
            told => mixed_up(&told),
        }
    }

    async fn blob_put(&self, bytes: Vec<u8>, mime: String, name: Option<String>) -> Answer<Media> {
        let size = bytes.len() as u64;
        match self.ask(Ask::Blob(BlobOp::Put(bytes))).await? {
            Told::Digest(digest) => {
                let digest = digest.replacen(STORED, CONTRACT, 1);
                Ok(Media { digest, mime, size, name })
            }
            told => mixed_up(&told),
        }
    }

    async fn blob_get(&self, media: Media, offset: u64, length: u32) -> Answer<Vec<u8>> {
        let digest = media.digest.replacen(CONTRACT, STORED, 1);
        match self.ask(Ask::Blob(BlobOp::Get { digest, offset, length })).await? {
            Told::Bytes(bytes) => Ok(bytes.0),
            told => mixed_up(&told),
        }
    }

    fn files(&self) -> BTreeSet<FilePattern> {
        self.ctx.pass.grants().files.clone()
    }

    async fn file(&self, op: FileOp) -> Answer<Told> {
        self.ask(Ask::File(op)).await
    }

    async fn complete(&self, model: String, request: Value) -> Answer<Value> {
        self.ctx.pass.complete(&model, request).await
    }

    fn tools(&self) -> Vec<ToolView> {
        let view = |tool: &PeerTool| ToolView {
            name: tool.name.clone(),
            description: tool.description.clone(),
            input: tool.input.clone(),
        };
        self.ctx.pass.tools().into_iter().map(view).collect()
    }

    async fn call_tool(&self, name: String, arguments: Value) -> Answer<Value> {
        self.ctx.pass.tool(&name, arguments).await
    }
}

struct Body(StreamedBody);

#[async_trait]
impl Pieces for Body {
    async fn next(&mut self, most: usize) -> Answer<Option<Vec<u8>>> {
        self.0.next(u32::try_from(most).unwrap_or(u32::MAX)).await
    }
}

fn to_gate(request: Request) -> HttpRequest {
    HttpRequest {
        method: request.method,
        url: request.url,
        headers: request.headers.into_iter().map(|h| (h.name, h.value)).collect(),
        body: request.body,
        timeout: request.timeout_ms.map(|ms| std::time::Duration::from_millis(ms.into())),
    }
}

fn to_guest(headers: Vec<(String, String)>) -> Vec<Header> {
    headers.into_iter().map(|(name, value)| Header { name, value }).collect()
}
