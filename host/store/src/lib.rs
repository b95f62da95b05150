//! Where runs live: journals, blobs, small values and flow bundles behind one trait.
//!
//! A run's truth is its journal, so the store promises little and keeps it exactly: records of a run have
//! no gaps, an acknowledged record is there after a crash, a writer that lost its lease cannot add to a run,
//! and damage is reported for the run that has it instead of being read as data. It decides nothing about
//! flows and reads no clock: times come from the caller.
//!
//! The way through the crate: [`Store`] is the contract; [`run`], [`waits`], [`kv`], [`blob`] and [`quota`] are its words;
//! [`memory`] is the contract as plain code and [`sqlite`] the one that lasts. Which append is lawful is
//! decided once, in `head`, for every store.

mod head;
mod store;

pub mod blob;
#[cfg(any(test, feature = "conformance"))]
pub mod conformance;
pub mod error;
pub mod kv;
pub mod memory;
pub mod quota;
pub mod run;
pub mod sqlite;
pub mod trouble;
pub mod waits;

pub use blob::BlobDigest;
pub use error::StoreError;
pub use kv::{KvPage, KvSpace};
pub use memory::MemoryStore;
pub use quota::Quota;
pub use run::{
    Created, ErrorSummary, Lease, LeaseInfo, NewRun, Removed, RunFilter, RunRow, RunStatus,
};
pub use sqlite::{OpenError, SqliteConfig, SqliteStore};
pub use store::{Durability, MAX_PAGE, Store};
pub use trouble::Trouble;
pub use waits::{Letter, OpenWait, Posted, Says, WaitFilter, WaitsFor};
