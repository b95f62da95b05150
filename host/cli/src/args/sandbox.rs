//! Arguments of the verbs for programs that nobody has read.

use clap::Subcommand;

/// Programs that nobody has read, each in an interpreter of its own without files, network or packages.
#[derive(Debug, Subcommand)]
pub enum Sandbox {
    /// Run a program of Python or JavaScript
    #[command(after_help = "Examples:\n  cleargate sandbox run fit.py --input '[1,2,6]'\n  \
        echo 'sum(input)' | cleargate sandbox run - --lang python --input '[1,2]'\n  \
        cleargate sandbox run --limit time=200ms --limit memory=32MiB check.js\n\n\
        The program sees `input`, and gives the value of its last line. What it prints goes to stdout and stderr, what it gives \
        to stdout, as JSON behind that; with --output json all of it is one document. Exit code 1 when the program made a \
        mistake, 7 when a limit ended it. It is a run: `cleargate runs show` and `cleargate replay` know it.")]
    Run {
        /// Path of the program; `-` for standard input
        file: String,
        /// `python` or `js`; by the end of the file's name, when absent
        #[arg(long)]
        lang: Option<String>,
        /// What the program sees as `input`: JSON, `@file`, or null when absent
        #[arg(long, value_name = "JSON")]
        input: Option<String>,
        /// A bound of the call: time=200ms, memory=64MiB, fuel=500M, output=1MiB
        #[arg(long, value_name = "NAME=VALUE")]
        limit: Vec<String>,
    },
    /// Give programs one at a time, each of which finds what those before it left
    #[command(
        after_help = "Examples:\n  cleargate sandbox repl\n  cleargate sandbox repl --lang js --limit time=2s\n  \
        cleargate sandbox repl --resume 01a20132-f9fe-7665-8168-52ad42b01b51\n\n\
        A line is a program when it is complete; what ends with `:` or leaves a bracket open goes on until an empty line. \
        Ctrl-D leaves the session, which then waits for 30 days: it is a run, survives `kill -9`, and `--resume` goes on with it. \
        `:end` ends it for good. With --output ndjson each program's report is a line."
    )]
    Repl {
        /// `python` or `js`
        #[arg(long, default_value = "python")]
        lang: String,
        /// A bound of each program: time=2s, memory=64MiB, fuel=500M
        #[arg(long, value_name = "NAME=VALUE")]
        limit: Vec<String>,
        /// Go on with a session, by the id of its run
        #[arg(long, value_name = "RUN", conflicts_with_all = ["lang", "limit"])]
        resume: Option<String>,
    },
}
