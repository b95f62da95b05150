//! Runs that do not get on: how often somebody took one up in vain, and that nobody does any more.
//!
//! A process that a run has ended cannot write that down, so the note is made before the run is taken up and taken back
//! when that went well. It decides nothing here but who is found by [`Store::outstanding`](crate::Store::outstanding) and
//! [`Store::due`](crate::Store::due): a run that was set aside is not.

use crate::run::MAX_SUMMARY_BYTES;

/// What is held against a run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trouble {
    /// How often in a row it was taken up without getting on, the present time included.
    pub tries: u32,
    /// Records that it had when it was taken up for the first of these.
    pub records: u64,
    /// When this was noted, in milliseconds since 1970-01-01T00:00:00Z.
    pub at: i64,
    /// What went wrong last; empty when nobody could say. A store keeps the first
    /// [`MAX_SUMMARY_BYTES`].
    pub why: String,
    /// Whether it is left alone until somebody asks for it.
    pub set_aside: bool,
}

impl Trouble {
    /// As it is kept.
    pub(crate) fn cut(mut self) -> Self {
        self.why.truncate(self.why.floor_char_boundary(MAX_SUMMARY_BYTES));
        self
    }
}
