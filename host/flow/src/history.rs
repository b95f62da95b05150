//! A stored run, read back: walked step by step, folded again, compared with another one, cut at a place, fitted to
//! another version of its flow.
//!
//! The journal of a run holds what cannot be computed, and the machine computes the rest. So each of these is a fold
//! over recorded events, and none of them performs anything: replay, fork, diff and migration are proved here, and
//! whoever embeds this adds the store and the world.

mod compare;
mod cut;
mod fit;
mod inside;
mod partitions;
mod pointer;
mod reach;
mod recorded;
mod steps;
mod walk;

pub use compare::{Comparison, NodeDifference, PathSpent, Side, Spent, compare};
pub use cut::{Cut, CutError, Kept, begun_once, cut};
pub use fit::{Unfit, fit, fit_kept};
pub use inside::{SubRun, is_later, sub_runs};
pub use partitions::{Partition, Partitions};
pub use pointer::{Difference, Differences, differences, first_difference};
pub use reach::{NoSuchPlace, find_place};
pub use recorded::{Call, Misfit, Recorded, Refolded, refold};
pub use steps::{Breakpoint, ChangeView, StepView, Steps};
pub use walk::{Change, NodeState, Status, Walk, Walked};
