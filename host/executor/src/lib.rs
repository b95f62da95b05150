//! Runs flows: loads a journal, applies it, performs what follows, and stores what came of it.
//!
//! What happens next is decided by [`cleargate_flow::run`]; this crate gives it a clock, a store and a
//! world. The way through: [`Executor`] starts and resumes runs and hands out a [`RunHandle`]; a driver
//! folds events in turns and stores each turn with one append before it performs anything; an attempt is
//! held to its time whatever the [`Node`] does. How a leaf of a graph becomes a node is the embedder's
//! answer, a [`Catalog`].

mod attempt;
mod calendar;
mod calls;
mod catalog;
mod clock;
mod context;
mod driver;
mod executor;
mod handle;
mod ids;
mod log;
mod mailbox;
mod node;
mod peers;
mod reenact;
mod skipping;
mod tasks;
mod timers;
mod worker;

pub mod limits;
#[cfg(feature = "testing")]
pub mod testing;

pub use calendar::moment;
pub use catalog::{Binding, CallScope, Catalog, CatalogError};
pub use clock::{Clock, ManualClock, SystemClock};
pub use context::{NodeContext, Passes};
pub use executor::{Executor, Recovery, StartError, StartRun};
pub use handle::{End, RunEvent, RunEvents, RunHandle, RunProgress};
pub use ids::{Counted, RunIds, TimeOrdered, child_id, step_key};
pub use limits::ExecutorConfig;
pub use log::Log;
pub use node::{
    Chunk, Failure, Filter, Filtered, Finding, Guardrail, Judged, Node, Output, Part, Stage,
    Verdict,
};
pub use peers::{MAX_CALL_DEPTH, Peers};
pub use reenact::{CallMismatch, Reenacted};
pub use skipping::{HORIZON_MS, Hold, SkippingClock};
pub use worker::{Flows, WorkConfig, Worked};
