//! Lines for the run's journal; bounded by the host, and cut with a marker.

use super::host::log as host;
use crate::bindings::services::cleargate::host::log::Level as Wit;

/// How much a line matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// For following single steps.
    Trace,
    /// For the plugin's author.
    Debug,
    /// For the operator.
    Info,
    /// Something is odd and the call goes on.
    Warn,
    /// Something failed.
    Error,
}

/// Writes a line with named fields.
pub fn write(level: Level, message: &str, fields: &[(&str, &str)]) {
    let level = match level {
        Level::Trace => Wit::Trace,
        Level::Debug => Wit::Debug,
        Level::Info => Wit::Info,
        Level::Warn => Wit::Warn,
        Level::Error => Wit::Error,
    };
    let fields: Vec<_> = fields.iter().map(|(k, v)| ((*k).to_string(), (*v).to_string())).collect();
    host::write(level, message, &fields);
}

/// Writes a line for the plugin's author.
pub fn debug(message: &str) {
    write(Level::Debug, message, &[]);
}

/// Writes a line for the operator.
pub fn info(message: &str) {
    write(Level::Info, message, &[]);
}

/// Says that something is odd.
pub fn warn(message: &str) {
    write(Level::Warn, message, &[]);
}

/// Says that something failed.
pub fn error(message: &str) {
    write(Level::Error, message, &[]);
}
