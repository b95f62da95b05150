//! The runtime from outside: hostile guests (cases WA-01…WA-20) and what a call costs.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod guests;
mod hostile;
