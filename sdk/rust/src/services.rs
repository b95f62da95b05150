//! The host's services. A component imports exactly those whose functions it calls.
//!
//! Natively the same functions are served by [`crate::testing`], so plugin code runs under `cargo test`.

pub mod blob;
pub mod clock;
pub mod config;
pub mod http;
pub mod kv;
pub mod log;
pub mod model;
pub mod random;
pub mod secret;
pub mod tools;

/// Where calls go: the imports in a component, the test double elsewhere.
#[cfg(target_arch = "wasm32")]
pub(crate) use crate::bindings::services::cleargate::host;
#[cfg(not(target_arch = "wasm32"))]
pub(crate) use crate::testing::host;
