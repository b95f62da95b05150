//! What a node may ask for, as data: it is decided, digested and recorded before anything performs it.

use std::fmt;
use std::time::Duration;

use cleargate_flow::Value;
use cleargate_flow::signature::Effect;
use sha2::{Digest, Sha256};

use crate::target::Target;

mod file;

pub use file::{FileAction, FileEntry, FileInfo, FileKind, FileOp, Opening};

/// Characters of a summary: it is repeated in the journal, in the audit and on screens.
const MAX_SUMMARY_CHARS: usize = 200;

/// One wish of a node.
#[derive(Clone, PartialEq)]
pub enum Request {
    /// An operation on a named store of values.
    Kv {
        /// Name of the store, as grants write it.
        store: String,
        /// What to do.
        op: KvOp,
    },
    /// An operation on a file or a folder below a granted folder.
    File(FileOp),
    /// A request to a granted host; the whole answer is read.
    Http(HttpRequest),
    /// Like [`Request::Http`], and the body is read piece by piece.
    HttpOpen(HttpRequest),
    /// The next piece of an open body.
    HttpNext {
        /// Number of the call that opened it.
        stream: u32,
        /// Greatest length of the piece, in bytes.
        max: u32,
    },
    /// A placeholder for a secret.
    Secret {
        /// Name of the secret.
        label: String,
    },
    /// The value of a secret.
    Reveal {
        /// Name of the secret.
        label: String,
    },
    /// An operation on the blob store.
    Blob(BlobOp),
    /// A question to a model.
    Model {
        /// As the flow calls it.
        name: String,
        /// A record with `messages`.
        request: Value,
    },
    /// A call of another plugin's tool.
    Tool {
        /// `alias`, or `alias.tool`.
        name: String,
        /// A record.
        arguments: Value,
        /// What the tool does to the world.
        effect: Effect,
    },
    /// Milliseconds since 1970-01-01T00:00:00Z.
    Now,
    /// Random bytes.
    Random {
        /// How many.
        len: u32,
    },
}

/// An operation on a store of values.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are those of the host interface `kv`")]
pub enum KvOp {
    /// The value of a key.
    Get { key: String },
    /// Sets a value.
    Set { key: String, value: Vec<u8> },
    /// Removes a key.
    Delete { key: String },
    /// Sets a value when the present one equals `expected`.
    Swap { key: String, expected: Option<Vec<u8>>, value: Vec<u8> },
    /// Keys in byte order that start with `prefix` and come after `after`.
    List { prefix: String, after: Option<String> },
}

/// A request to a host.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HttpRequest {
    /// `GET`, `HEAD`, `OPTIONS`, `POST`, `PUT`, `PATCH` or `DELETE`.
    pub method: String,
    /// `http` or `https`, without user name and password.
    pub url: String,
    /// Names and values in order.
    pub headers: Vec<(String, String)>,
    /// Bytes to send.
    pub body: Option<Vec<u8>>,
    /// The deadline of the pass holds when it is earlier.
    pub timeout: Option<Duration>,
}

/// An operation on the blob store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BlobOp {
    /// Keeps bytes; the answer is their digest.
    Put(Vec<u8>),
    /// At most `length` bytes from `offset`.
    Get {
        /// `sha256-<64 hex digits>`.
        digest: String,
        /// First byte.
        offset: u64,
        /// Greatest length of the answer.
        length: u32,
    },
}

impl Request {
    /// What is asked, without payload: `http GET api.example.org`, `kv get notes/x`.
    pub fn summary(&self) -> String {
        let text = match self {
            Self::Kv { store, op } => format!("kv {} {store}/{}", op.name(), op.subject()),
            Self::File(op) => op.summary(),
            Self::Http(http) | Self::HttpOpen(http) => {
                format!("http {} {}", http.method, http.host())
            }
            Self::HttpNext { stream, .. } => format!("http next {stream}"),
            Self::Secret { label } => format!("secret {label}"),
            Self::Reveal { label } => format!("reveal {label}"),
            Self::Blob(BlobOp::Put(bytes)) => format!("blob put {} bytes", bytes.len()),
            Self::Blob(BlobOp::Get { digest, .. }) => format!("blob get {digest}"),
            Self::Model { name, .. } => format!("model {name}"),
            Self::Tool { name, .. } => format!("tool {name}"),
            Self::Now => "clock now".into(),
            Self::Random { len } => format!("random {len}"),
        };
        text.chars().take(MAX_SUMMARY_CHARS).collect()
    }

    /// SHA-256 over all of the request, as 64 hex digits. Fields are framed by their length, so that no two
    /// requests have the same bytes.
    pub fn digest(&self) -> String {
        let mut frame = Frame(Sha256::new());
        match self {
            Self::Kv { store, op } => {
                frame.text("kv").text(op.name()).text(store).text(op.subject());
                match op {
                    KvOp::Get { .. } | KvOp::Delete { .. } => {}
                    KvOp::Set { value, .. } => {
                        frame.bytes(value);
                    }
                    KvOp::Swap { expected, value, .. } => {
                        frame.maybe(expected.as_deref()).bytes(value);
                    }
                    KvOp::List { after, .. } => {
                        frame.maybe(after.as_ref().map(String::as_bytes));
                    }
                }
            }
            Self::File(op) => op.frame(&mut frame),
            Self::Http(http) => http.frame(frame.text("http")),
            Self::HttpOpen(http) => http.frame(frame.text("http open")),
            Self::HttpNext { stream, max } => {
                frame.text("http next").number(*stream).number(*max);
            }
            Self::Secret { label } => {
                frame.text("secret").text(label);
            }
            Self::Reveal { label } => {
                frame.text("reveal").text(label);
            }
            Self::Blob(BlobOp::Put(bytes)) => {
                frame.text("blob put").bytes(bytes);
            }
            Self::Blob(BlobOp::Get { digest, offset, length }) => {
                frame.text("blob get").text(digest).number(*offset).number(*length);
            }
            Self::Model { name, request } => {
                frame.text("model").text(name).text(&request.to_canonical_json());
            }
            Self::Tool { name, arguments, .. } => {
                frame.text("tool").text(name).text(&arguments.to_canonical_json());
            }
            Self::Now => {
                frame.text("now");
            }
            Self::Random { len } => {
                frame.text("random").number(*len);
            }
        }
        hex::encode(frame.0.finalize())
    }

    /// What the request does to the world, which decides what happens after a crash.
    ///
    /// Methods that RFC 9110 §9.2.2 calls idempotent may be sent again. `POST` and `PATCH` may not, unless
    /// the peer was given an `Idempotency-Key`. A swap that is repeated says "no" where it said "yes".
    pub fn effect(&self) -> Effect {
        match self {
            Self::Kv { op: KvOp::Get { .. } | KvOp::List { .. }, .. } => Effect::Read,
            Self::Kv { op: KvOp::Set { .. } | KvOp::Delete { .. }, .. } => Effect::Idempotent,
            Self::Kv { op: KvOp::Swap { .. }, .. } => Effect::Once,
            Self::File(op) => op.effect(),
            Self::Blob(BlobOp::Put(_)) => Effect::Idempotent,
            Self::Http(http) | Self::HttpOpen(http) => http.effect(),
            // It costs, and asking again does no harm.
            Self::Model { .. } => Effect::Idempotent,
            Self::Tool { effect, .. } => *effect,
            Self::HttpNext { .. } | Self::Blob(_) | Self::Secret { .. } | Self::Reveal { .. } => {
                Effect::Read
            }
            Self::Now | Self::Random { .. } => Effect::Read,
        }
    }

    /// Bytes that the request carries: what the limit `payload` counts.
    pub fn payload(&self) -> u64 {
        let bytes = match self {
            Self::Kv { op, .. } => {
                op.subject().len()
                    + match op {
                        KvOp::Set { value, .. } => value.len(),
                        KvOp::Swap { value, expected, .. } => {
                            value.len() + expected.as_ref().map_or(0, Vec::len)
                        }
                        _ => 0,
                    }
            }
            Self::File(op) => op.payload(),
            Self::Blob(BlobOp::Put(bytes)) => bytes.len(),
            Self::Model { request: value, .. } | Self::Tool { arguments: value, .. } => {
                value.to_json().len()
            }
            Self::Http(http) | Self::HttpOpen(http) => {
                http.url.len()
                    + http
                        .headers
                        .iter()
                        .map(|(name, value)| name.len() + value.len())
                        .sum::<usize>()
                    + http.body.as_ref().map_or(0, Vec::len)
            }
            _ => 0,
        };
        bytes as u64
    }
}

impl fmt::Debug for Request {
    /// The summary: a payload may hold what no log may hold.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.summary())
    }
}

impl KvOp {
    fn name(&self) -> &'static str {
        match self {
            Self::Get { .. } => "get",
            Self::Set { .. } => "set",
            Self::Delete { .. } => "delete",
            Self::Swap { .. } => "swap",
            Self::List { .. } => "list",
        }
    }

    fn subject(&self) -> &str {
        match self {
            Self::Get { key }
            | Self::Set { key, .. }
            | Self::Delete { key }
            | Self::Swap { key, .. } => key,
            Self::List { prefix, .. } => prefix,
        }
    }
}

impl HttpRequest {
    /// A `GET` without headers.
    pub fn get(url: impl Into<String>) -> Self {
        Self { method: "GET".into(), url: url.into(), ..Self::default() }
    }

    fn host(&self) -> String {
        Target::parse(&self.url).map_or_else(|_| "(unreadable URL)".into(), |t| t.to_string())
    }

    fn effect(&self) -> Effect {
        let keyed = || {
            (self.headers.iter()).any(|(name, value)| {
                name.eq_ignore_ascii_case("idempotency-key") && !value.is_empty()
            })
        };
        match self.method.as_str() {
            "GET" | "HEAD" | "OPTIONS" => Effect::Read,
            "PUT" | "DELETE" => Effect::Idempotent,
            _ if keyed() => Effect::Idempotent,
            _ => Effect::Once,
        }
    }

    fn frame(&self, frame: &mut Frame) {
        frame.text(&self.method).text(&self.url).number(self.headers.len() as u64);
        for (name, value) in &self.headers {
            frame.text(name).text(value);
        }
        let timeout = self.timeout.map_or(u64::MAX, |t| t.as_millis() as u64);
        frame.maybe(self.body.as_deref()).number(timeout);
    }
}

struct Frame(Sha256);

impl Frame {
    fn bytes(&mut self, bytes: &[u8]) -> &mut Self {
        self.0.update((bytes.len() as u64).to_le_bytes());
        self.0.update(bytes);
        self
    }

    fn text(&mut self, text: &str) -> &mut Self {
        self.bytes(text.as_bytes())
    }

    fn number(&mut self, number: impl Into<u64>) -> &mut Self {
        self.0.update(number.into().to_le_bytes());
        self
    }

    fn maybe(&mut self, bytes: Option<&[u8]>) -> &mut Self {
        self.0.update([u8::from(bytes.is_some())]);
        self.bytes(bytes.unwrap_or_default())
    }
}
