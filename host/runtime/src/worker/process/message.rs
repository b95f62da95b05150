//! What a process and its worker say to each other.
//!
//! The parent says [`Begin`], [`Load`] and then one [`Order`] after the other; during one, [`Reply`]s. The worker answers
//! with [`Hello`], [`Loaded`], and during an order with [`Report`]s, of which the last is its end.

use std::collections::BTreeMap;

use cleargate_flow::error::{ErrorCode, NodeError};
use cleargate_flow::event::Usage;
use cleargate_flow::limits::{Effective, Layer, Limits};
use cleargate_flow::value::Value;
use serde::{Deserialize, Serialize};

use crate::place::form::{self, Bytes, Failed, Fields, Refusal, RequestParts};
use crate::place::{Ask, Told};
use crate::plugin::CallContext;
use crate::surface::Surface;
use crate::world::{self, FileAnswer, FileEntry, FileInfo, FileOp, Level, Media, ToolView};

/// The first word: how the worker has to confine itself.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Begin {
    /// Process id of the parent.
    pub(super) parent: u32,
    /// Bytes of memory that the process may write to.
    pub(super) memory: u64,
    /// Whether there is no worker without Landlock.
    pub(super) landlock: bool,
}

/// The answer to it.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Hello {
    /// It is confined.
    Ready {
        /// With Landlock, too.
        landlock: bool,
    },
    /// It cannot be confined, and ends.
    Refused(String),
}

/// The plugin that the worker serves from now on.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Load {
    /// What was read of its bytes.
    pub(super) surface: Surface,
    /// What it was granted, and what it can do without, as JSON text.
    pub(super) grants: String,
    pub(super) optional: String,
    /// Digest of its bytes.
    pub(super) digest: [u8; 32],
    /// Its machine code.
    pub(super) code: Bytes,
}

/// The answer to it: nothing, or why not.
pub(super) type Loaded = Result<(), String>;

/// A call.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Order {
    pub(super) ask: Ask,
    #[serde(with = "form::ContextParts")]
    pub(super) context: CallContext,
    pub(super) limits: Bounds,
    /// What the world says without being asked; absent where there is no world.
    pub(super) setting: Option<Setting>,
}

/// What of the world does not change during a call.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Setting {
    /// The configuration, when it was granted.
    pub(super) config: Option<String>,
    /// The tools: name, description, schema.
    pub(super) tools: Vec<(String, String, String)>,
    /// The files, as a grant writes them.
    pub(super) files: Vec<String>,
}

/// The bounds of a call.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Bounds(BTreeMap<String, u64>);

impl From<&Effective> for Bounds {
    fn from(limits: &Effective) -> Self {
        Self(limits.iter().map(|(name, bound)| (name.into(), bound.value)).collect())
    }
}

impl From<&Bounds> for Effective {
    fn from(bounds: &Bounds) -> Self {
        let mut limits = Limits::default();
        for (name, value) in &bounds.0 {
            limits.set(name, *value);
        }
        Limits::combine(&[(Layer::Engine, limits)])
    }
}

/// What the worker says during a call.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) enum Report {
    /// A line for the log.
    Log(#[serde(with = "form::LevelParts")] Level, String),
    /// A request to the world.
    Request {
        /// Names it in the reply.
        id: u32,
        /// What is asked.
        request: Request,
    },
    /// Nobody waits for the reply to a request any more.
    Forget(u32),
    /// A body is not read any more.
    Close(u32),
    /// The end.
    End {
        /// The answer of the plugin, or why there is none.
        result: Result<Told, Failed>,
        /// What the call used.
        #[serde(with = "form::UsageParts")]
        usage: Usage,
    },
}

/// What the parent says to a worker that has its plugin.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Word {
    /// A call.
    Order(Box<Order>),
    /// The answer to a request of it.
    Reply(Reply),
}

/// The answer to a request.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Reply {
    pub(super) id: u32,
    pub(super) answer: Result<Answer, Refusal>,
}

/// One method of the world.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) enum Request {
    Now,
    Elapsed,
    Sleep(u32),
    Random(u32),
    KvGet {
        store: String,
        key: String,
    },
    KvSet {
        store: String,
        key: String,
        value: Bytes,
    },
    KvDelete {
        store: String,
        key: String,
    },
    KvSwap {
        store: String,
        key: String,
        expected: Option<Bytes>,
        value: Bytes,
    },
    KvList {
        store: String,
        prefix: String,
        after: Option<String>,
    },
    HttpSend {
        request: RequestParts,
        most: u64,
    },
    HttpOpen(RequestParts),
    /// The next piece of a body that was opened.
    Next {
        body: u32,
        most: u32,
    },
    Placeholder(String),
    Reveal(String),
    BlobPut {
        bytes: Bytes,
        mime: String,
        name: Option<String>,
    },
    BlobGet {
        #[serde(with = "form::MediaParts")]
        media: Media,
        offset: u64,
        length: u32,
    },
    File(FileOp),
    Complete {
        model: String,
        #[serde(with = "form::json")]
        request: Value,
    },
    CallTool {
        name: String,
        #[serde(with = "form::json")]
        arguments: Value,
    },
}

/// What it gives.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) enum Answer {
    Done,
    Number(u64),
    Flag(bool),
    Text(String),
    Bytes(Bytes),
    /// A value of a key, or a piece of a body.
    Maybe(Option<Bytes>),
    Page {
        keys: Vec<String>,
        next: Option<String>,
    },
    Response {
        status: u16,
        headers: Fields,
        body: Bytes,
    },
    Opened {
        status: u16,
        headers: Fields,
        body: u32,
    },
    Media(#[serde(with = "form::MediaParts")] Media),
    FileInfo(FileInfo),
    Entries {
        entries: Vec<FileEntry>,
        next: Option<String>,
    },
    Value(#[serde(with = "form::json")] Value),
}

/// An answer that does not belong to its request: a defect of ours.
pub(super) fn mixed_up() -> NodeError {
    NodeError::new(ErrorCode::Bug, "an answer of the host does not belong to its request")
}

/// What an answer to [`Request::File`] says.
pub(super) fn of_file(answer: Answer) -> world::Answer<FileAnswer> {
    match answer {
        Answer::Done => Ok(FileAnswer::Done),
        Answer::Bytes(bytes) => Ok(FileAnswer::Bytes(cleargate_gate::Bytes(bytes.0))),
        Answer::FileInfo(info) => Ok(FileAnswer::File(info)),
        Answer::Entries { entries, next } => Ok(FileAnswer::Entries { entries, next }),
        _ => Err(mixed_up()),
    }
}

/// The same on its way to the worker.
pub(super) fn from_file(answer: FileAnswer) -> world::Answer<Answer> {
    match answer {
        FileAnswer::Done => Ok(Answer::Done),
        FileAnswer::Bytes(bytes) => Ok(Answer::Bytes(Bytes(bytes.0))),
        FileAnswer::File(info) => Ok(Answer::FileInfo(info)),
        FileAnswer::Entries { entries, next } => Ok(Answer::Entries { entries, next }),
        _ => Err(mixed_up()),
    }
}

impl From<ToolView> for (String, String, String) {
    fn from(tool: ToolView) -> Self {
        (tool.name, tool.description, tool.input)
    }
}
