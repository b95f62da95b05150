//! The command `cleargate`: parse, run, exit code. Everything else is in the library it calls.

#![allow(unreachable_pub, reason = "a program has no outside: `pub` says which module offers what")]

mod args;
mod command;
mod environment;
mod failure;
mod output;
mod progress;

use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{CommandFactory, Parser};

fn main() -> ExitCode {
    let environment = environment::Environment::read();
    let args = args::Args::parse();
    if args.global.output == args::Format::Sarif && !matches!(args.verb, args::Verb::Check { .. }) {
        let message = "`--output sarif` is for `cleargate check`; use json or ndjson here";
        args::Args::command().error(ErrorKind::ArgumentConflict, message).exit();
    }
    if matches!(args.verb, args::Verb::ExecutePlugins) {
        return command::execute().into();
    }
    let talk = output::Talk::new(&args.global, &environment);
    logging(&args.global);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .expect("threads and timers are there on every system that we support");
    let result = runtime.block_on(command::run(args, &environment, &talk));
    let code = match result {
        Ok(code) => talk.lost().map_or(code, |failure| talk.failure(&failure)),
        Err(failure) => talk.failure(&failure),
    };
    runtime.shutdown_timeout(std::time::Duration::from_millis(200));
    code.into()
}

/// Diagnostics of the library on stderr: nothing, `-v` for decisions, `-vv` for everything of ours.
fn logging(global: &args::Global) {
    let level = match global.verbose {
        0 => return,
        1 => "cleargate=info",
        2 => "cleargate=debug",
        _ => "trace",
    };
    tracing_subscriber::fmt()
        .with_env_filter(tracing_subscriber::EnvFilter::new(level))
        .with_writer(std::io::stderr)
        .with_target(false)
        .init();
}
