//! A disk that loses its power, fails and stalls, under the process that is shipped.
//!
//! [`shim`] runs a process whose calls of the system are noted by a few lines of C, [`trace`] reads what they noted, and
//! [`disk`] works out what a disk may hold after a power cut at any of them. Between the process and the system rather
//! than inside the database, because a store is more than its database: names that are linked, folders that are made
//! and synced, files that nobody should have written. Nothing in the product knows of it, and no Rust here is unsafe.

#![expect(clippy::unwrap_used, reason = "a trace that cannot be read proves nothing")]

pub mod dice;
pub mod disk;
pub mod shim;
pub mod trace;
