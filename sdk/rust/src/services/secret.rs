//! Secrets as placeholders: the host puts the value in as a request leaves, for granted hosts only.

use super::host;
use crate::Error;

/// A placeholder for header values, query values and bodies of requests.
///
/// # Errors
/// `denied` when the label is not granted.
pub fn placeholder(label: &str) -> Result<String, Error> {
    Ok(host::secret::placeholder(label)?)
}

/// The value itself, in this component's memory: a capability of its own, and a loud one.
///
/// # Errors
/// `denied` unless `secret-reveal` is granted for the label.
pub fn reveal(label: &str) -> Result<String, Error> {
    Ok(host::secret_reveal::reveal(label)?)
}
