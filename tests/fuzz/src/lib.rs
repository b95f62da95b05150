//! The boundaries where a stranger's bytes come in: one function for each. It may refuse what it is given, and must not
//! panic, hang or take memory without measure.
//!
//! [`drive`] calls each with damaged seeds, the same ones in each run of the tests and many more in `make soak`. People
//! with a nightly compiler and `cargo fuzz` find the same functions behind `libfuzzer/`, one target each:
//!
//! ```text
//! cargo +nightly fuzz run --fuzz-dir tests/fuzz/libfuzzer lock tests/fuzz/seeds/lock
//! ```

#![expect(clippy::unwrap_used, reason = "a target that cannot be set up cannot be tried")]

mod components;
pub mod drive;
mod files;
mod journal;
mod paths;
mod targets;
mod texts;
mod tokens;
mod urls;

#[path = "../../../host/runtime/tests/it/guests.rs"]
#[allow(dead_code, reason = "shared with the tests of the runtime, which use all of it")]
mod guests;
#[path = "../../../host/flow/tests/it/sample.rs"]
mod sample;
#[path = "../../../host/flow/tests/it/world.rs"]
mod world;

pub use targets::TARGETS;

/// A boundary.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// Its name, and that of the folder with its seeds.
    pub name: &'static str,
    /// Gives it some bytes.
    pub run: fn(&[u8]),
    /// Pieces that mean something there.
    pub tokens: &'static [&'static str],
    /// Files of the repository that are seeds beside those of the folder: where, and how their paths end.
    pub files: &'static [(&'static str, &'static str)],
    /// Rounds of one run of the tests.
    pub rounds: u64,
    /// Rounds of a soak: minutes.
    pub soak: u64,
    /// Milliseconds that one round may take.
    pub slow: u64,
}

/// Gives some bytes to the boundary `name`.
///
/// # Panics
/// When there is none of that name, and when the boundary has a defect.
pub fn run(name: &str, bytes: &[u8]) {
    let target = TARGETS.iter().find(|target| target.name == name);
    (target.unwrap_or_else(|| panic!("there is no boundary `{name}`")).run)(bytes);
}
