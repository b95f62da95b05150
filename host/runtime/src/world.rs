//! What a call may ask of the world: one method for each function of the host's interfaces.
//!
//! The runtime knows WebAssembly and the contract; it does not decide, journal or perform. It asks a `World`,
//! which the gate stands behind. Everything here may be called only for interfaces that were granted, because
//! no other is linked; whether *this* store, host or secret is covered is decided on the other side.

use std::collections::BTreeSet;

use async_trait::async_trait;
use cleargate_flow::error::{ErrorCode, NodeError};
use cleargate_flow::grant::FilePattern;
use cleargate_flow::value::Value;
pub use cleargate_gate::{
    FileAction, FileEntry, FileInfo, FileKind, FileOp, Opening, Response as FileAnswer,
};

pub use crate::bindings::cleargate::host::http::{Header, Request, Response};
pub use crate::bindings::cleargate::host::kv::Page;
pub use crate::bindings::cleargate::host::log::Level;
pub use crate::bindings::cleargate::host::tools::Description as ToolView;
pub use crate::bindings::wire::Media;

/// The answer of a request to the world; a refusal reaches the plugin as a value.
pub type Answer<T> = Result<T, NodeError>;

/// The world as one call of a plugin sees it.
#[async_trait]
pub trait World: Send + Sync {
    /// Takes a line for the journal: already bounded, not escaped.
    fn log(&self, level: Level, message: String);

    /// The configuration of the binding, as JSON text of an object.
    fn config(&self) -> String;

    /// Milliseconds since 1970-01-01T00:00:00Z, as the journal keeps them.
    async fn now(&self) -> Answer<u64>;

    /// Milliseconds since the call began.
    async fn elapsed(&self) -> Answer<u64>;

    /// Waits. The call's own time bounds the wait.
    async fn sleep(&self, ms: u32) -> Answer<()>;

    /// Random bytes, as the journal keeps them.
    async fn random(&self, length: u32) -> Answer<Vec<u8>>;

    /// The value under a key.
    async fn kv_get(&self, store: String, key: String) -> Answer<Option<Vec<u8>>>;

    /// Sets the value under a key.
    async fn kv_set(&self, store: String, key: String, value: Vec<u8>) -> Answer<()>;

    /// Removes a key.
    async fn kv_delete(&self, store: String, key: String) -> Answer<()>;

    /// Sets the value only when the present one is `expected`.
    async fn kv_swap(
        &self,
        store: String,
        key: String,
        expected: Option<Vec<u8>>,
        value: Vec<u8>,
    ) -> Answer<bool>;

    /// Keys in byte order that start with `prefix`.
    async fn kv_list(&self, store: String, prefix: String, after: Option<String>) -> Answer<Page>;

    /// Sends a request and reads the whole answer, at most `most` bytes of it.
    async fn http_send(&self, request: Request, most: u64) -> Answer<Response>;

    /// Sends a request and returns with the head of the answer.
    async fn http_open(&self, request: Request) -> Answer<Opened>;

    /// A placeholder for a secret, which the host replaces as a request leaves.
    async fn placeholder(&self, label: String) -> Answer<String>;

    /// The value of a secret.
    async fn reveal(&self, label: String) -> Answer<String>;

    /// Stores bytes and gives a handle.
    async fn blob_put(&self, bytes: Vec<u8>, mime: String, name: Option<String>) -> Answer<Media>;

    /// At most `length` bytes from `offset`.
    async fn blob_get(&self, media: Media, offset: u64, length: u32) -> Answer<Vec<u8>>;

    /// Folders and files that are granted. None, in a world without files.
    fn files(&self) -> BTreeSet<FilePattern> {
        BTreeSet::new()
    }

    /// An operation on a file.
    async fn file(&self, op: FileOp) -> Answer<FileAnswer> {
        let message = format!("there are no files here, and no `{}`", op.path);
        Err(NodeError::new(ErrorCode::Denied, message))
    }

    /// Asks a model: a record with `messages` for a record with `message` and `usage`.
    async fn complete(&self, model: String, _request: Value) -> Answer<Value> {
        let message = format!("there are no models here, and no `{model}`");
        Err(NodeError::new(ErrorCode::Denied, message))
    }

    /// The tools that may be called. None, in a world without other plugins.
    fn tools(&self) -> Vec<ToolView> {
        Vec::new()
    }

    /// Calls a tool.
    async fn call_tool(&self, name: String, _arguments: Value) -> Answer<Value> {
        let message = format!("there are no tools here, and no `{name}`");
        Err(NodeError::new(ErrorCode::Denied, message))
    }
}

/// The head of an answer, and the way to its body.
pub struct Opened {
    /// HTTP status.
    pub status: u16,
    /// Header fields in the order of the answer.
    pub headers: Vec<Header>,
    /// The body.
    pub body: Box<dyn Pieces>,
}

/// A body that is read piece by piece. Dropping it closes the connection.
#[async_trait]
pub trait Pieces: Send + Sync {
    /// At most `most` bytes; `None` at the end.
    async fn next(&mut self, most: usize) -> Answer<Option<Vec<u8>>>;
}
