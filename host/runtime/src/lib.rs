//! WebAssembly components as steps of a flow: the only crate that names wasmtime.
//!
//! The way of a plugin: bytes → [`inspect`] (names and counts, nothing is compiled) → `linker` (imports
//! from the effective grants) → [`compiler`] (in a process of its own) → [`artifact`] and [`cache`] (machine code,
//! ours and authenticated) →
//! [`component::Plugin`]. The way of a call: [`plugin`] (values to the contract's types) → [`instance`] (a
//! fresh store under all limits) → `host` (metered imports) → [`world::World`] (what the gate stands
//! behind) → [`fault`] (who caused the failure, if there was one).
//!
//! # How exports are called
//!
//! The contract's exports are `async func`, and guests may lift them synchronously. One way takes both: a
//! typed function and `call_async`, which runs the guest on a fiber, so that sync-typed imports can wait on
//! the host's side. A whole call in a fresh instance (store, instantiation, 1 KiB in and out, drop, all
//! limits on) is measured by `tests/bench`.

pub mod artifact;
pub mod attack;
mod bindings;
pub mod cache;
pub mod compiler;
pub mod component;
pub mod describe;
pub mod engine;
pub mod fault;
pub mod foreign;
mod host;
pub mod inspect;
pub mod instance;
mod linker;
mod living;
pub mod meter;
pub mod node;
mod passage;
pub mod place;
pub mod plugin;
mod surface;
pub mod worker;
pub mod world;

pub use component::{Breakdowns, Digest, LoadError, Plugin, Runtime, RuntimeConfig, RuntimeError};
pub use engine::Engine;
pub use fault::Fault;
pub use instance::Called;
pub use linker::{SERVED, meaning, unserved};
pub use living::Living;
pub use plugin::{CallContext, Caller};
