//! The pure model of ClearGate: what a flow is, when it is right, and what happens next in a run.
//!
//! Nothing here observes time, randomness or the world, so the same events give the same effects on a
//! laptop, in a simulator, and inside another engine. The way through the crate:
//!
//! text → [`document`] (as authored, with spans) → [`check`] (all findings at once) → [`graph`] (what is
//! hashed, shown and run) → [`run`] (`apply(event)` gives effects). Beside the way: [`types`] say what
//! fits where, [`expr`] evaluates `${…}`, [`grant`] is the permission language, [`limits`] bound a call. Behind it:
//! [`history`] reads stored runs back, to replay, cut, compare and move them.

pub mod address;
pub mod check;
pub mod codes;
pub mod diagnostic;
pub mod document;
pub mod error;
pub mod event;
pub mod expr;
pub mod grant;
pub mod graph;
pub mod history;
pub mod limits;
pub mod run;
pub mod signature;
pub mod types;
pub mod value;

pub use address::{Address, FlowHash, FlowId, NodeId, RunId};
pub use error::{ErrorCode, NodeError};
pub use event::{Event, Outcome, Record, Usage};
pub use graph::Graph;
pub use value::Value;
