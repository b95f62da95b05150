//! Write ClearGate plugins in Rust: one annotated function is a node, a tool or a guardrail; a trait makes a filter or a
//! part, such as a provider of models.
//!
//! ```
//! use cleargate::{Error, JsonSchema};
//! use serde::{Deserialize, Serialize};
//!
//! #[derive(Deserialize, JsonSchema)]
//! struct Greet {
//!     /// Who is greeted.
//!     name: String,
//! }
//!
//! #[derive(Serialize, JsonSchema)]
//! struct Greeting {
//!     text: String,
//! }
//!
//! /// Greets a person.
//! #[cleargate::node(effect = "pure")]
//! fn greet(input: Greet) -> Result<Greeting, Error> {
//!     Ok(Greeting { text: format!("Good day, {}.", input.name) })
//! }
//!
//! cleargate::export! { nodes: [greet] }
//!
//! assert_eq!(greet(Greet { name: "Ada".into() }).unwrap().text, "Good day, Ada.");
//! ```
//!
//! The function stays an ordinary function: call it in `cargo test`. Ports and JSON Schemas come from the
//! types. The host's services are the modules `log`, `config`, `kv`, `http`, `secret`, `model`, `tools`,
//! `blob`, `clock` and `random`; a component imports exactly those that it calls. Natively they are served
//! by [`testing`].

extern crate self as cleargate;

/// The snippets of the guide for authors, run as tests.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Guide;

mod context;
mod error;
mod export;
mod export_parts;
mod filter;
mod guardrail;
mod media;
mod node;
mod parts;
mod schema;
mod services;
mod tool;

#[doc(hidden)]
pub mod bindings;
#[cfg(not(target_arch = "wasm32"))]
pub mod testing;

pub use cleargate_sdk_macros::{filter, guardrail, node, tool};
pub use context::Context;
pub use error::{Code, Error};
#[doc(hidden)]
pub use export::__private;
pub use filter::{Chunk, Filter, Filtered, Named};
pub use guardrail::{Finding, Guardrail, Stage, Verdict};
pub use media::Media;
pub use node::{Effect, Node, NodeDescription};
pub use parts::{
    Batch, Cache, Embedder, Event, Passage, Provider, Reply, Retriever, Summarizer, Tokenizer,
    Trigger,
};
pub use schema::{NoConfig, schema_of};
pub use services::{blob, clock, config, http, kv, log, model, random, secret, tools};
pub use tool::{Annotations, Tool, ToolDescription};

pub use schemars::{self, JsonSchema};
pub use serde_json::{Value, json};
#[doc(hidden)]
pub use wit_bindgen;
