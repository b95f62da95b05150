//! What an attack found, as data: for a person, for a gate of somebody's own, for a bug report.

use std::collections::BTreeMap;

use cleargate_flow::signature::PluginKind;
use serde::Serialize;

/// What became of a plugin under attack.
#[derive(Clone, Debug, Serialize)]
pub struct PluginReport {
    /// `sha256:…` of the component.
    pub digest: String,
    /// What all calls followed from.
    pub seed: u64,
    /// Calls of all exports, repeated ones included.
    pub calls: u64,
    /// One for each node, tool, guardrail and filter.
    pub exports: Vec<ExportReport>,
    /// What the plugin did wrong, each kind of each export once.
    pub faults: Vec<Witness>,
    /// What is no fault, and worth a look.
    pub notes: Vec<Witness>,
    /// What the host promises of each call, and whether it kept it here.
    pub promises: Vec<Promise>,
}

/// How the calls of one export ended.
#[derive(Clone, Debug, Serialize)]
pub struct ExportReport {
    /// What it is.
    pub kind: PluginKind,
    /// Its id.
    pub id: String,
    /// All of them.
    pub calls: u64,
    /// Those that gave a value.
    pub values: u64,
    /// Error values of the plugin, by code.
    pub errors: BTreeMap<String, u64>,
    /// Limits that were reached, by name; those that were made tight on purpose included.
    pub limits: BTreeMap<String, u64>,
    /// Calls that ended with their time.
    pub timeouts: u64,
    /// Calls in which its code stopped itself.
    pub traps: u64,
    /// Answers that the contract does not allow.
    pub broken: u64,
    /// Failures of the world that the plugin could not answer to.
    pub unanswered: u64,
    /// Calls that were dropped in the middle, as a cancelled run does.
    pub cancelled: u64,
    /// The most that one call used.
    pub worst: Worst,
}

/// The most that one call used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Worst {
    /// In the engine's unit.
    pub fuel: u64,
    /// Bytes of all memories and tables.
    pub memory: u64,
    /// Wall clock. Differs from run to run.
    pub micros: u64,
}

/// What a plugin can do wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FaultKind {
    /// It cannot say what it is.
    Description,
    /// Its code stopped itself, as a panic does. Bad input is refused with `invalid_input`, and a refusal of the host is an
    /// error value like any other.
    Trap,
    /// It answered with the code `bug`: an exception that nobody caught.
    Bug,
    /// Its answer is none that the contract allows.
    Contract,
    /// Its output is not of the type that it describes.
    Schema,
    /// It says that it is pure, and another time or other chance gave another answer.
    Impure,
    /// A small input made it reach a limit.
    Greedy,
    /// It repeats inputs in errors or logs, whatever their length.
    Echo,
    /// It tells a secret that it was shown, in an output, an error or a log.
    Secret,
}

impl FaultKind {
    /// What is wrong, in a few words.
    pub fn words(self) -> &'static str {
        match self {
            Self::Description => "cannot describe itself",
            Self::Trap => "traps",
            Self::Bug => "fails with an exception that nobody caught",
            Self::Contract => "breaks the contract",
            Self::Schema => "breaks its own schema",
            Self::Impure => "is not pure",
            Self::Greedy => "reaches a limit with a small input",
            Self::Echo => "repeats inputs in errors or logs",
            Self::Secret => "tells a secret",
        }
    }
}

/// Something that a plugin did, with the first call that showed it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Witness {
    /// Which rule.
    pub kind: FaultKind,
    /// `node parse`, `tool search`, …
    pub export: String,
    /// How many calls showed it.
    pub times: u64,
    /// What was done to the plugin in the first of them.
    pub with: String,
    /// What it was given there, as JSON; cut.
    pub input: String,
    /// What it answered; cut.
    pub said: String,
}

/// Something that the host promises.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Promise {
    /// What, in a few words.
    pub promise: String,
    /// Whether it was kept.
    pub kept: bool,
    /// What was measured; why, when it was not kept.
    pub measured: String,
}

/// What became of the host under attack.
#[derive(Clone, Debug, Serialize)]
pub struct HostReport {
    /// What all chance followed from.
    pub seed: u64,
    /// How instances are allocated: `pool` or `on_demand`.
    pub allocation: String,
    /// One for each hostile component.
    pub promises: Vec<Promise>,
    /// What this configuration does not promise at all, and what would.
    pub unpromised: Vec<String>,
}

impl PluginReport {
    /// Whether the host kept all that it promises.
    pub fn host_kept(&self) -> bool {
        self.promises.iter().all(|promise| promise.kept)
    }
}

impl HostReport {
    /// Whether the host kept all that it promises.
    pub fn host_kept(&self) -> bool {
        self.promises.iter().all(|promise| promise.kept)
    }
}

impl ExportReport {
    pub(super) fn new(kind: PluginKind, id: &str) -> Self {
        Self {
            kind,
            id: id.into(),
            calls: 0,
            values: 0,
            errors: BTreeMap::new(),
            limits: BTreeMap::new(),
            timeouts: 0,
            traps: 0,
            broken: 0,
            unanswered: 0,
            cancelled: 0,
            worst: Worst::default(),
        }
    }

    /// As people name it.
    pub(super) fn name(&self) -> String {
        format!("{} {}", self.kind.as_str(), self.id)
    }
}
