//! Runs flows: drives the run machine over a store, performs nodes, and recovers what was interrupted.
//!
//! The life of a run: [`Executor::start`] stores the first event and takes the lease → the driver folds events
//! into `cleargate_flow::run`, appends them, and performs what comes back → nodes ([`node`]) ask the world through
//! their pass → [`RunHandle`] tells how far it is → the last event frees the lease. A process that dies in
//! between leaves a journal; [`Executor::resume`] goes on from there.

mod attempt;
mod calls;
pub mod catalog;
pub mod clock;
mod driver;
mod executor;
mod handle;
pub mod limits;
mod log;
pub mod node;
mod tasks;

pub use catalog::{Binding, Catalog, CatalogError};
pub use clock::{Clock, ManualClock, SystemClock};
pub use executor::{Executor, RunError, StartRun};
pub use handle::{Ended, RunHandle};
pub use limits::ExecutorConfig;
pub use log::Log;
pub use node::{
    Chunk, Failure, Filter, Filtered, Finding, Guardrail, Judged, Node, NodeContext, Output, Stage, Verdict,
};
