//! Values as they cross the boundary: JSON text, or a handle to bytes that stay with the host.

use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::Error;
use crate::bindings::services::cleargate::types::types as wit;

/// A handle to bytes in the host's blob store; read them with [`crate::blob::get`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Media {
    /// `sha256:<64 hex digits>` of the bytes.
    pub digest: String,
    /// Media type, for example `image/png`.
    pub mime: String,
    /// Length in bytes.
    pub size: u64,
    /// File name, when there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

impl From<wit::Media> for Media {
    fn from(media: wit::Media) -> Self {
        Self { digest: media.digest, mime: media.mime, size: media.size, name: media.name }
    }
}

impl From<Media> for wit::Media {
    fn from(media: Media) -> Self {
        Self { digest: media.digest, mime: media.mime, size: media.size, name: media.name }
    }
}

/// Characters of an error that quotes what it could not read: enough to find it, and no second copy of the input.
const MOST_QUOTED: usize = 300;

/// The error without the greater part of what it quotes. The end says where it was.
fn brief(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let length = text.chars().count();
    if length <= MOST_QUOTED {
        return text;
    }
    let half = MOST_QUOTED / 2;
    let start: String = text.chars().take(half).collect();
    let end: String = text.chars().skip(length - half).collect();
    format!("{start} … {end}")
}

/// Typed data from a value; `what` names it in the refusal.
pub(crate) fn read<T: DeserializeOwned>(what: &str, value: wit::Value) -> Result<T, Error> {
    match value {
        wit::Value::Json(text) => serde_json::from_str(&text)
            .map_err(|e| Error::invalid_input(format!("the {what} cannot be read: {}", brief(&e)))),
        wit::Value::Media(_) => {
            Err(Error::invalid_input(format!("the {what} must be JSON; it is media")))
        }
        wit::Value::Other(_) => Err(Error::invalid_input(format!(
            "the {what} is of a kind that came after this plugin was built; rebuild the plugin"
        ))),
    }
}

/// A value from typed data.
pub(crate) fn write<T: Serialize + ?Sized>(data: &T) -> Result<wit::Value, Error> {
    serde_json::to_string(data)
        .map(wit::Value::Json)
        .map_err(|e| Error::bug(format!("the result cannot be written as JSON: {e}")))
}
