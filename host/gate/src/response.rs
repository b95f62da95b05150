//! What a door answers, and its form in the journal: records with bytes as base64.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use cleargate_flow::Value;
use serde::{Deserialize, Serialize};

use crate::request::{FileEntry, FileInfo};

/// The answer to a [`Request`](crate::Request).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Response {
    /// Done; there is nothing to say.
    Done,
    /// The value of a key, when there is one.
    Value(Option<Bytes>),
    /// Whether a swap happened.
    Swapped(bool),
    /// Keys of a store.
    Keys {
        /// In byte order.
        keys: Vec<String>,
        /// What to give as `after`; absent on the last page.
        next: Option<String>,
    },
    /// Bytes of a file, of a blob, or random ones.
    Bytes(Bytes),
    /// What a file or a folder is.
    File(FileInfo),
    /// Names in a folder.
    Entries {
        /// In byte order.
        entries: Vec<FileEntry>,
        /// What to give as `after`; absent on the last page.
        next: Option<String>,
    },
    /// The next piece of a body; absent at its end.
    Piece(Option<Bytes>),
    /// The answer of a host; the body is empty when it is streamed.
    Http(HttpResponse),
    /// A placeholder for a secret.
    Placeholder {
        /// What stands for the value until the request leaves.
        token: String,
        /// Name of the secret.
        label: String,
    },
    /// The value of a secret. It never enters the journal: only its label does.
    Revealed {
        /// Name of the secret.
        label: String,
        /// The value; empty in the journal.
        #[serde(skip)]
        value: String,
    },
    /// The digest under which bytes were kept.
    Digest(String),
    /// Milliseconds since 1970-01-01T00:00:00Z.
    Time(i64),
    /// What a model or a tool answered.
    Reply(Value),
}

impl Response {
    /// Bytes that a store or a file answered with: what the limit `payload` counts.
    pub(crate) fn payload(&self) -> u64 {
        let bytes = match self {
            Self::Value(Some(bytes)) | Self::Bytes(bytes) => bytes.0.len(),
            Self::Keys { keys, .. } => keys.iter().map(String::len).sum(),
            Self::Entries { entries, .. } => entries.iter().map(|entry| entry.name.len()).sum(),
            Self::Reply(value) => value.to_json().len(),
            _ => 0,
        };
        bytes as u64
    }
}

/// The answer of a host.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HttpResponse {
    /// Status code of the last hop.
    pub status: u16,
    /// Names in lower case and values, in order.
    pub headers: Vec<(String, String)>,
    /// After decompression.
    pub body: Bytes,
}

/// Bytes that are base64 in the journal.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bytes(pub Vec<u8>);

impl Serialize for Bytes {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(&STANDARD.encode(&self.0))
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = String::deserialize(d)?;
        STANDARD.decode(text).map(Self).map_err(serde::de::Error::custom)
    }
}

impl From<&Response> for Value {
    fn from(response: &Response) -> Self {
        Value::of(response).expect("an answer is a flat record of text and numbers")
    }
}

impl TryFrom<&Value> for Response {
    type Error = cleargate_flow::value::ValueError;

    fn try_from(value: &Value) -> Result<Self, Self::Error> {
        value.to()
    }
}
