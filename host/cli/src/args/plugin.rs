//! Arguments of `cleargate plugin`, from a template to what may be granted. Apart, because an author's verbs change when
//! the operator's do not.

use std::path::PathBuf;
use std::time::Duration;

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use clap::{Args as ClapArgs, Subcommand};
use cleargate_toolchain::Kind;

/// The life of a plugin.
#[derive(Debug, Subcommand)]
pub enum Plugin {
    /// Make a plugin project that builds and passes its tests
    #[command(
        after_help = "Example:\n  cleargate plugin new --kind tool --lang rust word_count\n  \
        cleargate plugin build word_count && cleargate plugin test word_count\n  \
        cleargate plugin new --kind guardrail --lang javascript no_shouting"
    )]
    New {
        /// Folder to make; its name becomes the plugin's
        folder: PathBuf,
        /// What the plugin exports
        #[arg(long, value_parser = kind())]
        kind: Kind,
        /// The language: rust, javascript, python, c, cpp or go
        #[arg(long, default_value = "rust")]
        lang: String,
        /// Namespace of the plugin's name
        #[arg(long, default_value = "my")]
        namespace: String,
    },
    /// Build plugin projects to components
    #[command(after_help = "Examples:\n  cleargate plugin build word_count\n  \
        cleargate plugin build --install plugins/one plugins/two\n\n\
        Prints the path of each component. `[package.metadata.cleargate] target = \"wasm32-wasip2\"` in Cargo.toml \
        builds for WASI. The tools that build JavaScript are installed once, into the folder of build results.")]
    Build {
        /// Folders with a `plugin.toml`
        #[arg(default_value = ".")]
        folders: Vec<PathBuf>,
        /// Install what the toolchain lacks
        #[arg(long)]
        install: bool,
    },
    /// Run the golden cases of a plugin
    #[command(after_help = "Examples:\n  cleargate plugin test word_count\n  \
        cleargate plugin test word_count --filter empty\n  \
        cleargate plugin test word_count --junit report.xml\n  \
        cleargate plugin test fetch --record --allow api.example.org\n\n\
        Cases reach no network. With --record, those without `http:` under `world:`, and those with `record: true`, ask \
        the hosts that plugin.toml asks for and --allow names, and their answers are written into the case files; \
        secrets are not.")]
    Test {
        /// Folder with a `plugin.toml`
        #[arg(default_value = ".")]
        folder: PathBuf,
        /// Only cases whose name contains this
        #[arg(long)]
        filter: Option<String>,
        /// Write a report in the form of JUnit
        #[arg(long, value_name = "FILE")]
        junit: Option<PathBuf>,
        /// Ask the real network where a case has no answers, and write them into the case
        #[arg(long, requires = "allow")]
        record: bool,
        /// A host that may be asked while recording, as in `[permissions]`
        #[arg(long, value_name = "HOST", requires = "record")]
        allow: Vec<String>,
    },
    /// Build and test a plugin whenever a file changes, and swap it into a flow
    #[command(after_help = "Examples:\n  cleargate plugin dev word_count\n  \
        cleargate plugin dev word_count --flow review.yaml --input text=hello\n  \
        cleargate plugin dev word_count --flow review.yaml --every 2s --grant\n\n\
        With --flow, each build whose cases pass takes the place of what the lock of the flow says, in this process \
        alone, and the flow runs with it. Runs that have begun end with the build that they began with. A build that does \
        not compile, fails a case, does not fit the flow or asks for more than was granted changes nothing: the last good \
        one goes on. One that breaks down three times within 30 seconds is taken back. Ctrl-C ends it, with code 130.")]
    Dev(DevArgs),
    /// Measure what the golden cases cost, and hold fuel and memory to a budget
    #[command(after_help = "Examples:\n  cleargate plugin bench word_count\n  \
        cleargate plugin bench word_count --save\n\n\
        The budget is `bench.json` beside plugin.toml: commit it. Fuel and memory do not depend on the machine; \
        times do, and are only shown: COLD is the first call of a process, with the compiled code in the cache, the \
        others are of calls that follow. Each call has an instance of its own, so its memory is that of one instance. \
        Exit code 1 when a figure is more than 5 % over its budget.")]
    Bench {
        /// Folder with a `plugin.toml`
        #[arg(default_value = ".")]
        folder: PathBuf,
        /// Calls of each case
        #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=100_000))]
        calls: u32,
        /// Make what is measured the budget
        #[arg(long)]
        save: bool,
    },
    /// Drive a plugin with hostile inputs, or this host with hostile components
    #[command(after_help = "Examples:\n  cleargate plugin attack ./word-count.wasm\n  \
        cleargate plugin attack plugins/csv --calls 50 --seed 7\n  cleargate plugin attack\n\n\
        A plugin is given inputs at the boundaries of its schema and beyond them, worlds that deny, fail, lie and never \
        answer, and too little of each limit. Without FILE this very host, as it is configured, is attacked with the \
        components that are built in, and each promise is printed with what was measured. Nothing is reached, and a seed \
        makes the same calls again.\n\n\
        Exit code 1 when the plugin has faults, 70 when the host broke a promise.")]
    Attack {
        /// A component, or a folder with a `plugin.toml`; without it the host is attacked
        #[arg(value_name = "FILE")]
        plugin: Option<PathBuf>,
        /// Calls of each export
        #[arg(long, default_value_t = 500, value_parser = clap::value_parser!(u32).range(10..=1_000_000))]
        calls: u32,
        /// Decides every input and every answer
        #[arg(long, default_value_t = 1)]
        seed: u64,
    },
    /// Publish built plugins to the directory registry
    #[command(after_help = "Examples:\n  cleargate plugin publish word_count\n  \
        cleargate plugin publish --if-new plugins/one plugins/two\n\n\
        A published version never changes. A version that breaks flows of the one before it is refused, with \
        the version that it must have.")]
    Publish {
        /// Folders with a `plugin.toml`
        #[arg(default_value = ".")]
        folders: Vec<PathBuf>,
        /// Succeed without doing anything when the same bytes are there already
        #[arg(long)]
        if_new: bool,
    },
    /// Install a plugin and grant what it asks for
    #[command(after_help = "Examples:\n  cleargate plugin install cleargate:pii-redactor@^0.1\n  \
        cleargate plugin install acme:fetch --dry-run\n  cleargate plugin install acme:fetch --grant\n  \
        cleargate plugin install acme:fetch --grant=allowed.toml\n\n\
        FILE has the form of `[permissions]` in plugin.toml: http = [\"api.example.org\"]\n\
        What was granted to an installed version goes over to one that asks for the same or less. One that asks for \
        more is not installed without --grant: the difference is printed, the version before goes on, and the exit \
        code is 5.")]
    Install {
        /// `namespace:name`, with `@requirement` when not the newest
        reference: String,
        /// Grant what the manifest asks for, at most what FILE says when there is one
        #[arg(long, value_name = "FILE", num_args = 0..=1, require_equals = true)]
        grant: Option<Option<PathBuf>>,
        /// Print what would be granted, and do nothing
        #[arg(long)]
        dry_run: bool,
    },
    /// Bring installed plugins, and the lock files of flows, to the newest versions that are approved
    #[command(after_help = "Examples:\n  cleargate plugin update\n  \
        cleargate plugin update acme:fetch --dry-run\n  cleargate plugin update acme:fetch --grant\n\n\
        Moves cleargate.lock in the working folder and the locks of the bundled flows. Versions stay in their series: \
        1.x does not become 2.x. A version that asks for more than was granted waits, the one before goes on, and \
        the exit code is 5. Runs that have begun keep the version that they began with.")]
    Update {
        /// `namespace:name`; every plugin when absent
        names: Vec<String>,
        /// Grant what the manifests ask for, at most what FILE says when there is one
        #[arg(long, value_name = "FILE", num_args = 0..=1, require_equals = true)]
        grant: Option<Option<PathBuf>>,
        /// Print what would change, and do nothing
        #[arg(long)]
        dry_run: bool,
    },
    /// List installed plugins
    #[command(after_help = "Example:\n  cleargate plugin list --output json")]
    List,
    /// Say in plain language what a plugin is and may do
    #[command(after_help = "Examples:\n  cleargate plugin inspect cleargate:pii-redactor\n  \
        cleargate plugin inspect ./word-count.wasm")]
    Inspect {
        /// Name of an installed or published plugin, or path of a component
        plugin: String,
    },
    /// Give a component that was not written for ClearGate a name: its functions are tools
    #[command(after_help = "Examples:\n  cleargate plugin inspect ./calc.wasm\n  \
        cleargate plugin wrap calc.wasm --name acme:calc --version 1.0.0\n  \
        cleargate plugin install ./calc.plugin.wasm\n\n\
        Writes `calc.plugin.wasm` beside the component. For permissions and limits, write a plugin.toml with\n\
        `[build] language = \"prebuilt\"` and `component = \"calc.wasm\"` instead.")]
    Wrap {
        /// The component
        file: PathBuf,
        /// `namespace:name`
        #[arg(long)]
        name: String,
        /// Semantic version
        #[arg(long, default_value = "0.1.0")]
        version: String,
        /// One sentence
        #[arg(long)]
        description: Option<String>,
        /// SPDX expression
        #[arg(long)]
        license: Option<String>,
        /// Where the plugin is written
        #[arg(long)]
        out: Option<PathBuf>,
    },
    /// Print each limit of a plugin and the layer that decided it
    #[command(after_help = "Example:\n  cleargate plugin limits cleargate:pii-redactor")]
    Limits {
        /// Name of an installed or published plugin, or path of a component
        plugin: String,
    },
    /// Remove an installed plugin and its grants
    #[command(after_help = "Example:\n  cleargate plugin remove acme:fetch")]
    Remove {
        /// `namespace:name`, with `@requirement` when not every installed version is meant
        plugin: String,
    },
}

/// Arguments of `plugin dev`.
#[derive(Debug, ClapArgs)]
pub struct DevArgs {
    /// Folder with a `plugin.toml`
    #[arg(default_value = ".")]
    pub folder: PathBuf,
    /// Path of a flow file that uses the plugin
    #[arg(long)]
    pub flow: Option<String>,
    /// Input of the flow, as `cleargate run` takes it
    #[arg(long, short, value_name = "INPUT", requires = "flow")]
    pub input: Vec<String>,
    /// Run the flow again and again, not only after a change: 500ms, 2s
    #[arg(long, value_name = "TIME", requires = "flow", value_parser = super::span)]
    pub every: Option<Duration>,
    /// Grant what the first build asks for; a later build that asks for more is refused
    #[arg(long, requires = "flow")]
    pub grant: bool,
}

/// Each kind by its word, with what it is.
fn kind() -> impl TypedValueParser<Value = Kind> {
    let known = Kind::ALL.map(|kind| PossibleValue::new(kind.as_str()).help(kind.about()));
    PossibleValuesParser::new(known)
        .map(|word| Kind::named(&word).expect("the parser lets known words through"))
}
