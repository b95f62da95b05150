//! Arguments as typed. Each verb teaches with an example.

mod assets;
mod plugin;
mod sandbox;
mod testing;
mod travel;
mod waits;
mod work;

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args as ClapArgs, Parser, Subcommand, ValueEnum};

pub use assets::Assets;
pub use plugin::{DevArgs, Plugin};
pub use sandbox::Sandbox;
pub use testing::{Canary, CompareArgs, NewRequests, PlanArgs, TestArgs};
pub use travel::{ForkArgs, MigrateArgs, ReplayArgs, RestartArgs, StepArgs};
pub use waits::{SignalArgs, Tasks};
pub use work::WorkArgs;

/// Runs typed graphs of agents, models, tools and code, in which every step can be a sandboxed
/// WebAssembly component, held to what you granted. Runs survive `kill -9`.
#[derive(Debug, Parser)]
#[command(
    name = "cleargate",
    version,
    max_term_width = 110,
    after_help = "Begin with:\n  cleargate run dependency_review --input lockfile=@Cargo.lock\n  \
                  cleargate new --example dependency_review review\n  \
                  cleargate plugin new --kind tool --lang rust my_tool\n\n\
                  Exit codes: 0 done, 1 the flow failed, 2 usage, 3 invalid flow, plugin or input, 5 denied, \
                  6 resolution or lock, 7 deadline or limit, 8 stopped and waiting, 9 the store cannot be used, \
                  70 a defect, 130 interrupted."
)]
pub struct Args {
    #[command(flatten)]
    pub global: Global,
    #[command(subcommand)]
    pub verb: Verb,
}

/// Taken by every verb.
#[derive(Debug, ClapArgs)]
pub struct Global {
    /// How data is written to stdout
    #[arg(long, global = true, value_enum, default_value_t = Format::Human)]
    pub output: Format,
    /// When to use colour
    #[arg(long, global = true, value_enum, default_value_t = Color::Auto)]
    pub color: Color,
    /// No progress, only data and errors
    #[arg(long, short, global = true)]
    pub quiet: bool,
    /// More diagnostics on stderr: -v decisions, -vv everything of ours
    #[arg(long, short, global = true, action = clap::ArgAction::Count)]
    pub verbose: u8,
}

/// The form of data on stdout.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people
    Human,
    /// One JSON document
    Json,
    /// One JSON document a line
    Ndjson,
    /// Findings for code scanners (`check` only)
    Sarif,
}

/// When to use colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// On a terminal, unless NO_COLOR is set
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Find everything that is wrong with a flow, before it runs
    #[command(
        after_help = "Example:\n  cleargate check review.yaml --output sarif > findings.sarif"
    )]
    Check {
        /// Path of a flow file, or id of a bundled flow
        flow: String,
    },
    /// Say more about a finding or a refusal
    #[command(after_help = "Example:\n  cleargate explain CG0101")]
    Explain {
        /// The code; without one, every code with its title
        code: Option<String>,
    },
    /// Run a flow
    #[command(after_help = "Examples:\n  \
        cleargate run dependency_review --input lockfile=@Cargo.lock\n  \
        echo '{\"lockfile\": \"…\"}' | cleargate run dependency_review --input -\n  \
        cleargate run review.yaml --input n=3 --explain\n\n\
        A value is taken as the port's type says: text stays text, `3` is a number for an `int` port, \
        JSON for records and lists. `@path` reads a file.")]
    Run(RunArgs),
    /// Say what a run of a flow would do, and what it will take, without running it
    #[command(after_help = "Examples:\n  \
        cleargate plan dependency_review\n  \
        cleargate plan review.yaml --history 200 --output json\n\n\
        Nodes by the moment at which they can run, executions at most, effects with what they may reach, what a missing \
        grant or a limit would refuse (exit code 5), and time, fuel and tokens of the runs in the journal.")]
    Plan(PlanArgs),
    /// Try a new version of a flow on the runs in the journal
    #[command(after_help = "Examples:\n  \
        cleargate compare review.yaml --history 50\n  \
        cleargate compare review.yaml review-next.yaml --new-requests alike --output json\n\n\
        Each recorded run is rehearsed with its own input: a request that is still the same gets the recorded answer, and \
        nothing of the world is touched unless --new-requests says live. After a change of a plugin or a prompt, the flow \
        itself is the new version. Exit code 1 when a run ends otherwise or by another way.")]
    Compare(CompareArgs),
    /// Watch a version that takes a part of the runs, and let it take all or none
    #[command(
        subcommand,
        after_help = "Example:\n  cleargate canary status support.yaml\n  cleargate canary promote support.yaml review\n\n\
            In the flow: use: { review: { version: ./review.yaml, canary: { version: ./next.yaml, weight: 10 } } }, and the \
            same `canary` under a trigger. Runs that have begun keep their version."
    )]
    Canary(Canary),
    /// Run the cases of flows, without touching the world
    #[command(after_help = "Examples:\n  \
        cleargate test\n  \
        cleargate test review.yaml --coverage-min 80 --junit report.xml\n  \
        cleargate test --record 01938f2e > as-it-was.test.yaml\n\n\
        Cases stand beside a flow, in review.test.yaml or cases/*.yaml: an input, what hosts, models and nodes answer, \
        what goes wrong, what is expected. Plugins run as in a run; what they ask of the world is answered by the case or \
        refused, and waiting takes no time. host/flow/TESTING.md has every key. Exit code 1 when a case fails.")]
    Test(TestArgs),
    /// Start a run for each event that the triggers of a flow bring
    #[command(after_help = "Examples:\n  cleargate listen support.yaml\n  \
        cleargate listen support.yaml --once --output ndjson\n\n\
        `triggers:` of the flow names plugins that bring events: a queue, a mailbox, a chat. An event has one run, \
        however often it is given and whenever this process ends: its id is the key of the run. Where a trigger is, is \
        kept; the same command goes on there.")]
    Listen {
        /// Path of a flow file
        flow: String,
        /// End when nothing is new and every run has ended
        #[arg(long)]
        once: bool,
        /// Refuse to run when the lock file would change
        #[arg(long)]
        locked: bool,
    },
    /// Go on with a run that was interrupted or killed, or that waited
    #[command(
        after_help = "Examples:\n  cleargate resume 01938f2e-7c1d-7e3a-9d5c-2f6b1a4e8c77\n  \
        cleargate resume 01938f2e --wait\n  cleargate resume --due\n\n\
        A run that does nothing but wait ends the command with exit code 8; it costs nothing until it is resumed. `--due` \
        goes on with every run whose time has come or that was answered: a timer of the system may give it."
    )]
    Resume {
        /// Id of the run, or its unique beginning
        #[arg(required_unless_present = "due", conflicts_with = "due")]
        run: Option<String>,
        /// Every run that waited and need not any more
        #[arg(long)]
        due: bool,
        /// Stay until what it waits for has come
        #[arg(long)]
        wait: bool,
    },
    /// Go on with every run that can: those that a process left which is gone, and those whose moment comes
    #[command(after_help = "Examples:\n  cleargate work\n  \
        cleargate work --until-idle --output ndjson\n  \
        cleargate work --for 8h --jobs 32 --prune-after 30d\n\n\
        A run is taken when its moment comes, when it was told something, and when the process that drove it is gone. \
        Several workers share the work. SIGTERM or Ctrl-C ends it: runs have `--grace` to come to a stored point, and are \
        given back, so that another worker takes them at once. A run that ends its process, or cannot go on, five times in \
        a row is set aside: cleargate runs list --dead, cleargate runs retry RUN. Exit code 0 however its runs end.")]
    Work(WorkArgs),
    /// Tell a run of an event that it waits for, or will wait for
    #[command(
        after_help = "Examples:\n  cleargate signal 01938f2e approved '{\"by\":\"ada\"}'\n  \
        cleargate signal 01938f2e approved @approval.json --id mail-17\n  \
        cleargate signal 01938f2e approved\n\n\
        The event is kept before this command ends, whoever drives the run, also when nobody does and when no node waits \
        for it yet. With the same --id it is told once, however often the command is given. A run that has ended \
        refuses it: exit code 1; one with a thousand events that it has not taken, too: exit code 7."
    )]
    Signal(SignalArgs),
    /// See and answer what flows ask people
    #[command(
        subcommand,
        after_help = "Examples:\n  cleargate tasks list\n  cleargate tasks show 01938f2e\n  \
        cleargate tasks answer 01938f2e:page --set approve=true"
    )]
    Tasks(Tasks),
    /// Fold a stored run again and hold it against itself; nothing reaches the world
    #[command(after_help = "Examples:\n  cleargate replay 01938f2e\n  \
        cleargate replay 01938f2e --execute\n  \
        cleargate replay 01938f2e --swap triage=acme:triage@2 --from triage\n\n\
        What follows from the journal (branches, skips, values of blocks, keys, the outcome) is computed again and \
        compared byte for byte. With --execute each node is performed again too: its host calls, the clock and chance \
        included, are answered from the record, and one that is not there is refused. Exit code 1 says where it differs: \
        node, attempt, call, and the first place in the value.\n\n\
        With --swap a new run keeps what happened before, and goes on live with another plugin; then both are compared.")]
    Replay(ReplayArgs),
    /// Start a new run that keeps what a run did, without one place and all that follows from it
    #[command(after_help = "Examples:\n  cleargate fork 01938f2e --at assess\n  \
        cleargate fork 01938f2e --at scan[3].assess --dry-run\n  \
        cleargate fork 01938f2e --input urgency=0.9\n  \
        cleargate fork 01938f2e --set 'triage={\"team\":\"tech\"}'\n  \
        cleargate fork 01938f2e --at scan[3].review/answer --flow review.yaml\n\n\
        `/` leads into the run of a sub-flow: that run keeps what it did before the place, as the one around it does. \
        With --flow the new run goes on with another version of the flow, when what is kept fits it; otherwise each thing \
        that does not is listed, with exit code 3.\n\n\
        An answer is kept when the new run asks for it with the same input; all else happens anew, live. The old run stays \
        as it is. A step with the effect `once` that was begun before is not performed again without --allow-effects.")]
    Fork(ForkArgs),
    /// Run a node again, and all that depends on it: a new run that keeps the rest
    #[command(
        after_help = "Examples:\n  cleargate restart 01938f2e\n  cleargate restart 01938f2e --from assess\n\n\
        Without --from it is the node that the run failed at, inside of sub-flows too."
    )]
    Restart(RestartArgs),
    /// Compare two runs: where they first differ, node by node, and what each cost
    #[command(after_help = "Examples:\n  cleargate diff 01938f2e 01938f31\n  \
        cleargate diff 01938f2e 01938f31 --output json\n\n\
        Nodes are aligned by address. Exit code 0 when both did the same, whatever it took, and 1 when not.")]
    Diff {
        /// Id of a run, or its unique beginning
        left: String,
        /// Id of another one
        right: String,
    },
    /// Move a run that has not ended to another version of its flow, when that is proved to fit
    #[command(
        after_help = "Examples:\n  cleargate migrate 01938f2e --to review.yaml --dry-run\n  \
        cleargate migrate 01938f2e --to review.yaml && cleargate resume 01938f2e\n\n\
        Everything that the run has settled or begun must be in the new version, be of the same kind, and follow from the \
        same. Otherwise nothing is changed, and each thing that does not fit is listed, with exit code 3."
    )]
    Migrate(MigrateArgs),
    /// Step through a run, forward and back, with the state of each node
    #[command(after_help = "Examples:\n  cleargate step 01938f2e\n  \
        cleargate step 01938f2e --break 'node.status==\"failed\"'\n  \
        cleargate step 01938f2e --output ndjson --break 'value.score<0.5'\n\n\
        A breakpoint is asked for each node that a record changed. `event` is the record as `runs events` shows it; `node` \
        has id, address, path, status, before, attempt, calls, case, items, error and input; `value` is what the node gives. \
        Without a terminal, or with --output json or ndjson, every step is written with what it changed.")]
    Step(StepArgs),
    /// Look at runs
    #[command(
        subcommand,
        after_help = "Examples:\n  cleargate runs list --status failed\n  \
        cleargate runs show 01938f2e"
    )]
    Runs(Runs),
    /// Make a flow to start from
    #[command(after_help = "Examples:\n  cleargate new --example dependency_review review\n  \
        cleargate new --list")]
    New {
        /// Folder to make; the example's name when absent
        folder: Option<PathBuf>,
        /// The bundled example to write
        #[arg(long, default_value = "dependency_review")]
        example: String,
        /// List the examples instead
        #[arg(long)]
        list: bool,
    },
    /// Write, build, test, publish, install and inspect plugins
    #[command(
        subcommand,
        after_help = "Example:\n  cleargate plugin new --kind tool word_count\n  \
            cleargate plugin test word_count\n  cleargate plugin publish word_count\n  \
            cleargate plugin install my:word-count"
    )]
    Plugin(Plugin),
    /// See and take back what plugins may do
    #[command(
        subcommand,
        after_help = "Examples:\n  cleargate grant list\n  cleargate grant revoke acme:fetch"
    )]
    Grant(Grant),
    /// Keep secrets that plugins use and never see
    #[command(
        subcommand,
        after_help = "Example:\n  cleargate secret set API_KEY --host api.example.org < key.txt"
    )]
    Secret(Secret),
    /// Say what of this machine is ready, and how to mend what is not
    #[command(after_help = "Examples:\n  cleargate doctor\n  cleargate doctor --output json\n\n\
        Exit code 9 when the home, the configuration, the journal or the plugins cannot be used. A toolchain \
        that is missing matters to authors of plugins alone, and does not count.")]
    Doctor,
    /// The compiler's process: reads a component, answers with machine code
    #[command(
        hide = true,
        after_help = "Example:\n  cleargate compile-component < bounds-and-component > machine-code"
    )]
    CompileComponent,
    /// A worker: executes plugins for its parent, confined for good
    #[command(
        hide = true,
        after_help = "Example:\n  cleargate execute-plugins < socket-of-the-parent"
    )]
    ExecutePlugins,
    /// Run a program that nobody has read
    #[command(
        subcommand,
        after_help = "Example:\n  cleargate sandbox run fit.py --input '[1,2,6]'"
    )]
    Sandbox(Sandbox),
    /// Values of steps that are kept for the runs that follow
    #[command(subcommand, after_help = "Example:\n  cleargate assets list")]
    Assets(Assets),
    /// Print a JSON Schema for editors and validators
    #[command(after_help = "Example:\n  cleargate schema flow > cleargate-flow.schema.json")]
    Schema {
        /// Of which format
        #[arg(value_enum)]
        of: SchemaOf,
    },
    /// Print completions for a shell
    #[command(
        after_help = "Example:\n  cleargate completions bash > ~/.local/share/bash-completion/completions/cleargate"
    )]
    Completions {
        /// Which shell
        shell: clap_complete::Shell,
    },
}

/// A format with a schema.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum SchemaOf {
    /// The flow file
    Flow,
    /// `plugin.toml`
    Plugin,
}

/// Arguments of `run`.
#[derive(Debug, ClapArgs)]
pub struct RunArgs {
    /// Path of a flow file, or id of a bundled flow
    pub flow: String,
    /// `port=value`, `port=@file`, `@file` with a JSON object, or `-` for a JSON object on stdin
    #[arg(long, short, value_name = "INPUT")]
    pub input: Vec<String>,
    /// Print order, plugins with digests, grants, limits and bounds, and run nothing
    #[arg(long)]
    pub explain: bool,
    /// Run again whenever the flow or an input file changes
    #[arg(long, conflicts_with = "explain")]
    pub watch: bool,
    /// Refuse to run when the lock file would change
    #[arg(long)]
    pub locked: bool,
    /// Stay when the run does nothing but wait, and go on when what it waits for has come
    #[arg(long, conflicts_with = "explain")]
    pub wait: bool,
    /// Start exactly one run for this key, however often the command is given
    #[arg(long, value_name = "KEY", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    pub key: Option<String>,
}

/// Looking at runs.
#[derive(Debug, Subcommand)]
pub enum Runs {
    /// Newest first
    #[command(after_help = "Examples:\n  cleargate runs list\n  \
        cleargate runs list --flow dependency_review --status failed --limit 5\n  \
        cleargate runs list --dead\n  \
        cleargate runs list --output ndjson")]
    List {
        /// Only runs of this flow
        #[arg(long)]
        flow: Option<String>,
        /// Only runs in this state
        #[arg(long, value_enum)]
        status: Option<Status>,
        /// Only runs that were set aside, because they could not go on again and again
        #[arg(long, conflicts_with = "status")]
        dead: bool,
        /// Show the sub-flows of runs too
        #[arg(long)]
        sub_flows: bool,
        /// How many
        #[arg(long, default_value_t = 20)]
        limit: u32,
    },
    /// Outcome and timeline of one run
    #[command(after_help = "Example:\n  cleargate runs show 01938f2e")]
    Show {
        /// Id of the run, or its unique beginning
        run: String,
    },
    /// Let a run be taken up again that was set aside
    #[command(
        after_help = "Example:\n  cleargate runs list --dead && cleargate runs retry 01938f2e\n\n\
        `cleargate work` goes on with it then. Mend first what kept it from going on: the list says what that was."
    )]
    Retry {
        /// Id of the run, or its unique beginning
        run: String,
    },
    /// Remove runs that have ended, with their journals
    #[command(after_help = "Examples:\n  cleargate runs prune --older-than 30d --dry-run\n  \
        cleargate runs prune --older-than 30d\n  \
        cleargate runs prune --older-than 12h --status succeeded\n\n\
        With a run go its records, its sub-flows and the payloads that no other run has, and its --key can be used \
        again. A run that can still go on stays. The room is used for what comes next; the file of the journal does \
        not shrink. Other commands may run meanwhile.")]
    Prune {
        /// Ended at least so long ago: 30d, 12h, 10m
        #[arg(long, value_name = "AGE", value_parser = span)]
        older_than: Duration,
        /// Only runs that ended so
        #[arg(long, value_enum)]
        status: Option<Ended>,
        /// List them, and remove nothing
        #[arg(long)]
        dry_run: bool,
    },
    /// The items of maps with a `key:`, one by one: which are done, which failed and why
    #[command(after_help = "Examples:\n  cleargate runs partitions 01938f2e\n  \
        cleargate runs partitions 01938f2e --status failed --output ndjson\n\n\
        An item is named by its number: `cleargate restart 01938f2e --from 'reports[3]'` does one again.")]
    Partitions {
        /// Id of the run, or its unique beginning
        run: String,
        /// Only items in this state
        #[arg(long, value_parser = ["waiting", "running", "succeeded", "failed", "cancelled"])]
        status: Option<String>,
    },
    /// The journal of one run
    #[command(after_help = "Example:\n  cleargate runs events 01938f2e --output ndjson")]
    Events {
        /// Id of the run, or its unique beginning
        run: String,
    },
}

/// What plugins may do. `plugin install --grant` grants.
#[derive(Debug, Subcommand)]
pub enum Grant {
    /// Everything that was granted
    #[command(after_help = "Example:\n  cleargate grant list --output json")]
    List,
    /// What one plugin was granted
    #[command(after_help = "Example:\n  cleargate grant show acme:fetch")]
    Show {
        /// `namespace:name`
        plugin: String,
    },
    /// Take back what a plugin was granted; it stays installed
    #[command(after_help = "Examples:\n  cleargate grant revoke acme:fetch\n  \
        cleargate grant revoke acme:fetch@=1.2.0")]
    Revoke {
        /// `namespace:name`, with `@requirement` when not every version is meant
        plugin: String,
    },
}

/// Secrets of the home folder: sealed in a file, put into requests to their hosts by the gate, never shown.
#[derive(Debug, Subcommand)]
pub enum Secret {
    /// Store a secret, or replace it; the value comes from standard input
    #[command(
        after_help = "Examples:\n  cleargate secret set API_KEY --host api.example.org < key.txt\n  \
        cleargate secret set API_KEY --host api.example.org --host '*.example.net'\n\n\
        On a terminal the value is asked for and not shown. A plugin gets the secret only when `[permissions]` \
        of its manifest asks for the label, somebody granted that, and the request goes to one of the hosts."
    )]
    Set {
        /// What manifests call it: letters, digits and `_`
        label: String,
        /// A host that may get it; none may when this is not given
        #[arg(long, value_name = "HOST")]
        host: Vec<String>,
    },
    /// Labels and hosts; no values
    #[command(after_help = "Example:\n  cleargate secret list")]
    List,
    /// Remove a secret
    #[command(after_help = "Example:\n  cleargate secret rm API_KEY")]
    Rm {
        /// The label
        label: String,
    },
}

/// State of a run.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Status {
    /// Not finished, and driven by a process
    Running,
    /// Not finished, and driven by nobody
    Interrupted,
    /// Not finished, and nothing to do until a moment, an event or people
    Waiting,
    /// Finished well
    Succeeded,
    /// Finished with an error
    Failed,
    /// Ended on request
    Cancelled,
    /// Set aside, because it could not go on again and again
    Dead,
}

/// How a run ended.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Ended {
    /// Finished well
    Succeeded,
    /// Finished with an error
    Failed,
    /// Ended on request
    Cancelled,
}

/// A span of time as people write it.
fn span(text: &str) -> Result<Duration, String> {
    cleargate::Unit::Millis.parse(text).map(Duration::from_millis)
}

#[cfg(test)]
mod tests {
    use clap::{Command, CommandFactory, Parser};

    use super::Args;

    #[test]
    fn arguments_are_consistent() {
        Args::command().debug_assert();
    }

    /// Every command below `command`, with its path.
    fn all(command: &Command, path: &str, found: &mut Vec<(String, String)>) {
        let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
        found.push((path.to_owned(), help));
        for verb in command.get_subcommands() {
            all(verb, &format!("{path} {}", verb.get_name()), found);
        }
    }

    #[test]
    fn each_verb_teaches_with_examples_that_are_right() {
        let mut verbs = Vec::new();
        all(&Args::command(), "cleargate", &mut verbs);
        assert!(verbs.len() > 20, "{verbs:?}");
        for (path, help) in verbs {
            let title = if path == "cleargate" { "Begin with:" } else { "Example" };
            assert!(help.starts_with(title), "`{path}` has no examples: {help:?}");
            let lines = help.lines().filter(|line| line.starts_with("  "));
            let examples: Vec<&str> = lines.filter_map(|l| l.split("cleargate ").nth(1)).collect();
            assert!(!examples.is_empty(), "{path}");
            for example in examples {
                // What follows belongs to the shell.
                let typed = example.split(['>', '<', '&', '|']).next().unwrap_or_default();
                let words = typed.split_whitespace();
                let parsed = Args::try_parse_from(["cleargate"].into_iter().chain(words));
                assert!(parsed.is_ok(), "`{path}` shows `{example}`: {}", parsed.unwrap_err());
            }
            let own = path.strip_prefix("cleargate ").unwrap_or_default();
            assert!(help.contains(own), "the examples of `{path}` show another verb: {help}");
        }
    }
}
