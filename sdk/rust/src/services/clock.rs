//! Time as the journal keeps it: a replay sees the same.

use super::host::clock as host;

/// Milliseconds since 1970-01-01T00:00:00Z.
pub fn now() -> u64 {
    host::now()
}

/// Milliseconds since the call began; never goes back.
pub fn elapsed() -> u64 {
    host::elapsed()
}

/// Waits, at most until the call's deadline.
pub fn sleep(ms: u32) {
    host::sleep(ms);
}
