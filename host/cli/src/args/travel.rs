//! Arguments of the verbs that travel in time over stored runs.

use clap::Args as ClapArgs;

/// Arguments of `replay`.
#[derive(Debug, ClapArgs)]
pub struct ReplayArgs {
    /// Id of the run, or its unique beginning
    pub run: String,
    /// Perform each node again, with its host calls answered from the record and no way to the world
    #[arg(long, conflicts_with = "swap")]
    pub execute: bool,
    /// Go on live with another plugin: a node or an alias, and `namespace:name@requirement` or the path of a `.wasm`
    #[arg(long, value_name = "NODE=PLUGIN")]
    pub swap: Option<String>,
    /// What happens anew with the other plugin, with all that depends on it; each step that has it, when absent. `/` leads
    /// into a sub-flow, here and in `--swap`: `review/answer`
    #[arg(long, value_name = "NODE", requires = "swap")]
    pub from: Option<String>,
    /// Perform steps again that must not be repeated
    #[arg(long, requires = "swap")]
    pub allow_effects: bool,
}

/// Arguments of `fork`.
#[derive(Debug, ClapArgs)]
pub struct ForkArgs {
    /// Id of the run, or its unique beginning
    pub run: String,
    /// What happens anew, with all that depends on it: `assess`, `scan[3].assess`, `scan.assess` for each item, or
    /// `scan[3].review/answer` inside of a sub-flow, which goes on from what it did too
    #[arg(long, value_name = "ADDRESS", required_unless_present_any = ["set", "input", "flow"])]
    pub at: Vec<String>,
    /// Go on with another version of the flow, when what is kept fits it: the path of its file
    #[arg(long, value_name = "FLOW")]
    pub flow: Option<String>,
    /// Refuse when the lock file of that version would change
    #[arg(long, requires = "flow")]
    pub locked: bool,
    /// Another value for an input port: `port=value`, `port=@file`, `@file` with a JSON object, or `-` for one on stdin
    #[arg(long, short, value_name = "INPUT")]
    pub input: Vec<String>,
    /// The value of a node, as JSON, instead of what it would answer
    #[arg(long, value_name = "ADDRESS=JSON")]
    pub set: Vec<String>,
    /// Perform steps again that must not be repeated
    #[arg(long)]
    pub allow_effects: bool,
    /// Say what would be kept, and start nothing
    #[arg(long)]
    pub dry_run: bool,
}

/// Arguments of `restart`.
#[derive(Debug, ClapArgs)]
pub struct RestartArgs {
    /// Id of the run, or its unique beginning
    pub run: String,
    /// What happens anew, with all that depends on it; the node that failed, inside of sub-flows too, when absent
    #[arg(long, value_name = "NODE")]
    pub from: Option<String>,
    /// Perform steps again that must not be repeated
    #[arg(long)]
    pub allow_effects: bool,
}

/// Arguments of `migrate`.
#[derive(Debug, ClapArgs)]
pub struct MigrateArgs {
    /// Id of the run, or its unique beginning
    pub run: String,
    /// Path of the flow file with the new version
    #[arg(long, value_name = "FLOW")]
    pub to: String,
    /// Say what does not fit, and change nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Refuse when the lock file would change
    #[arg(long)]
    pub locked: bool,
}

/// Arguments of `step`.
#[derive(Debug, ClapArgs)]
pub struct StepArgs {
    /// Id of the run, or its unique beginning
    pub run: String,
    /// Where to stop: CEL over `event`, `node` and `value`
    #[arg(long = "break", value_name = "CEL")]
    pub breaks: Vec<String>,
    /// Only the steps at which a breakpoint is true
    #[arg(long, requires = "breaks")]
    pub only_breaks: bool,
}
