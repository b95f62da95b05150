//! Attacks: strangers' plugins driven with hostile inputs in a hostile world, and this host driven by hostile components.
//!
//! Two questions are asked, and they have different owners. *What does the plugin do wrong?* It traps on an input instead
//! of refusing it, breaks its own schema, or is not as pure as it says: its author mends that. *Does the host keep its
//! promises?* No limit is overrun, nothing panics, nothing is left behind: whoever embeds the host has to know, with the
//! configuration that is really used. Everything follows from a seed, so what was found once is found again.
//!
//! [`attack`] asks the first question of one plugin and the second one on the way; [`attack_host`] asks the second one
//! with components that were written to break it, and that are built in.

mod chance;
mod exports;
mod host;
mod inputs;
mod judge;
mod kit;
mod observe;
mod plan;
mod report;
mod resident;
mod words;
mod world;

pub use exports::attack;
pub use host::attack_host;
pub use report::{ExportReport, FaultKind, HostReport, PluginReport, Promise, Witness, Worst};

use cleargate_flow::signature::PluginKind;
use cleargate_flow::value::Value;

/// How an attack is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AttackOptions {
    /// Decides every input and every answer: the same one makes the same calls.
    pub seed: u64,
    /// Calls of each export, those that repeat another one not counted.
    pub calls: u32,
}

/// A call of an export that makes sense: what is hostile is made of it.
#[derive(Clone, Debug)]
pub struct Example {
    /// What the export is.
    pub kind: PluginKind,
    /// Its id; that of a guardrail or a filter is not looked at.
    pub id: String,
    /// What it is given; for a guardrail or a filter what it judges.
    pub input: Value,
    /// Its configuration.
    pub config: Value,
}

impl Default for AttackOptions {
    /// A minute of an interpreter, some seconds of compiled code.
    fn default() -> Self {
        Self { seed: 1, calls: 500 }
    }
}
