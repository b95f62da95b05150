//! The configuration that the flow gives to this binding.

use serde::de::DeserializeOwned;

use super::host::config as host;
use crate::Error;

/// The configuration as typed data; the same during one call.
///
/// # Errors
/// `invalid_input` when it does not fit `T`.
pub fn get<T: DeserializeOwned>() -> Result<T, Error> {
    serde_json::from_str(&host::get())
        .map_err(|e| Error::invalid_input(format!("the configuration does not fit: {e}")))
}
