//! Arguments of the verbs that say what a flow does, will do and would do otherwise.

use std::path::PathBuf;

use clap::{Args as ClapArgs, Subcommand, ValueEnum};

/// Arguments of `test`.
#[derive(Debug, ClapArgs)]
pub struct TestArgs {
    /// Files of cases, flows, or folders with flows below them; this folder when there is none
    pub places: Vec<PathBuf>,
    /// Only cases whose name contains this
    #[arg(long, value_name = "TEXT")]
    pub filter: Option<String>,
    /// Take what cases of `snapshot: true` give as their snapshots
    #[arg(long)]
    pub update: bool,
    /// Also write the report in the form of build servers
    #[arg(long, value_name = "FILE")]
    pub junit: Option<PathBuf>,
    /// Say which nodes, cases of switches, handlers, bodies and guards no case came through
    #[arg(long)]
    pub coverage: bool,
    /// Fail when a flow is covered less than so many percent
    #[arg(long, value_name = "PERCENT", value_parser = clap::value_parser!(u32).range(0..=100))]
    pub coverage_min: Option<u32>,
    /// Refuse to run when a lock file would change
    #[arg(long)]
    pub locked: bool,
    /// Print a case made of a recorded run instead: its input, the answers of the world, its outcome
    #[arg(long, value_name = "RUN", conflicts_with_all = ["places", "filter", "update", "junit", "coverage", "coverage_min"])]
    pub record: Option<String>,
}

/// Arguments of `plan`.
#[derive(Debug, ClapArgs)]
pub struct PlanArgs {
    /// Path of a flow file, or id of a bundled flow
    pub flow: String,
    /// How many of its last runs tell what the next one will take
    #[arg(long, value_name = "RUNS", default_value_t = 50)]
    pub history: usize,
    /// Refuse when the lock file would change
    #[arg(long)]
    pub locked: bool,
}

/// Arguments of `compare`.
#[derive(Debug, ClapArgs)]
pub struct CompareArgs {
    /// The new version; before it, the version whose runs are meant: every version, when there is none
    #[arg(value_name = "[OLD] NEW", num_args = 1..=2, required = true)]
    pub flows: Vec<String>,
    /// How many of the last runs that have ended
    #[arg(long, value_name = "RUNS", default_value_t = 20)]
    pub history: usize,
    /// What becomes of a request that a recorded run does not have
    #[arg(long, value_enum, default_value_t = NewRequests::Refuse)]
    pub new_requests: NewRequests,
    /// Refuse when a lock file would change
    #[arg(long)]
    pub locked: bool,
}

/// What becomes of a request that a recorded run does not have.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum NewRequests {
    /// It is refused
    Refuse,
    /// It gets the answer to a request of the same kind to the same host by the same node
    Alike,
    /// It goes out into the world, with what the operator granted, whatever it does there
    Live,
}

/// Versions that take a part of the runs.
#[derive(Debug, Subcommand)]
pub enum Canary {
    /// What the runs of both versions took, side by side
    #[command(after_help = "Examples:\n  cleargate canary status support.yaml\n  \
        cleargate canary status support.yaml --compare 20 --output json\n\n\
        --compare tries the canary on the last runs of the version beside it too, without touching the world; exit code 1 \
        when one ends otherwise.")]
    Status {
        /// Path of the flow file that has the canary
        flow: String,
        /// How many of the last runs of each version
        #[arg(long, value_name = "RUNS", default_value_t = 100)]
        history: usize,
        /// Try the canary on so many runs of the other version
        #[arg(long, value_name = "RUNS")]
        compare: Option<usize>,
    },
    /// Let the canary take all runs: the flow's file says so from then on
    #[command(after_help = "Example:\n  cleargate canary promote support.yaml review")]
    Promote {
        /// Path of the flow file that has the canary
        flow: String,
        /// The alias or trigger that is split; not needed when there is one
        name: Option<String>,
    },
    /// Let the canary take no runs: the flow's file says so from then on
    #[command(after_help = "Example:\n  cleargate canary rollback support.yaml review")]
    Rollback {
        /// Path of the flow file that has the canary
        flow: String,
        /// The alias or trigger that is split; not needed when there is one
        name: Option<String>,
    },
}
