//! Tools of other plugins, under the names that were granted.

use serde::Serialize;
use serde_json::Value;

use super::host::tools as host;
use crate::{Error, media};

/// A tool that may be called.
#[derive(Clone, Debug, PartialEq)]
pub struct Callable {
    /// The granted name.
    pub name: String,
    /// What it does.
    pub description: String,
    /// JSON Schema of the arguments.
    pub input: Value,
}

/// The tools that may be called.
///
/// # Errors
/// Those of the host.
pub fn list() -> Result<Vec<Callable>, Error> {
    let tools = host::list()?.into_iter().map(|tool| {
        let input = serde_json::from_str(&tool.input)?;
        Ok(Callable { name: tool.name, description: tool.description, input })
    });
    tools.collect()
}

/// Calls a tool.
///
/// # Errors
/// `denied` for a name without a grant, and the errors of the tool.
pub fn call<T: Serialize + ?Sized>(name: &str, arguments: &T) -> Result<Value, Error> {
    media::read("result", host::call(name, &media::write(arguments)?)?)
}
