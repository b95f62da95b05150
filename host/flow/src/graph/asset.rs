//! Assets: values that are kept beyond the run that made them, and made again only when something of what they are made
//! of has changed.

use serde::Serialize;

use crate::expr::Template;

/// What keeps the value of a step.
#[derive(Clone, Debug, Serialize)]
pub struct Asset {
    /// Its name in the flow.
    pub name: String,
    /// What tells its parts apart, when there are several: text or a whole number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<Template>,
    /// Milliseconds for which it is fresh. None: for as long as nothing of what it is made of changes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fresh: Option<u64>,
}
