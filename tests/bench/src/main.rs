//! Figures of ClearGate, each beside the limit of this machine measured in the same run: an absolute time says
//! nothing on another machine, a ratio does.
//!
//! `bench [--table] [--peers] [--only ID] [--command PATH]` prints one JSON line for each figure, or a table that explains
//! them; `--peers` installs other programs for the same work and measures them in turns with ours; `--only` measures the figures of one id alone, for a profiler. `--write FILE` makes a baseline, and
//! `--gate FILE` compares with one and fails.
//! `PATH` is a `cleargate` that was built in release; without it, the one beside this binary is taken when
//! it is there. Every measurement is bounded in count and in time, so that the whole takes some three
//! minutes on a slow machine too. The first run builds and compiles plugins, which takes minutes more.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::disallowed_methods,
    reason = "a bench prints, spawns what it measures, and stops when it cannot measure"
)]

mod bare;
mod durable;
mod figure;
mod gate;
mod languages;
mod memory;
mod metering;
mod peers;
mod process;
mod ring;
mod sandbox;
mod scale;
mod swap;
mod wanted;
mod world;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use figure::Figure;
use wanted::Wanted;

fn main() -> ExitCode {
    let (mut table, mut peers) = (false, false);
    let (mut command, mut only, mut gate, mut baseline) = (None, None, None, None);
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--table" => table = true,
            "--peers" => peers = true,
            "--only" => only = arguments.next(),
            "--command" => command = arguments.next().map(PathBuf::from),
            "--gate" => gate = arguments.next().map(PathBuf::from),
            "--write" => baseline = arguments.next().map(PathBuf::from),
            // What a process costs that does nothing: the limit of the figure of a start.
            process::NOTHING => return ExitCode::SUCCESS,
            ring::WORKER => return ring::serve(),
            other => {
                eprintln!("bench does not know {other}; its options are in `main.rs`");
                return ExitCode::FAILURE;
            }
        }
    }
    if cfg!(debug_assertions) {
        eprintln!("built without optimization: these figures say nothing; use --release");
    }
    let command = command.or_else(process::beside);
    if let Some(path) = gate {
        let holds = gate::holds(&path, command.as_deref());
        return if holds { ExitCode::SUCCESS } else { ExitCode::FAILURE };
    }
    if let Some(path) = baseline {
        gate::write(&path, command.as_deref());
        return ExitCode::SUCCESS;
    }
    let figures = measured(&Wanted { only, peers }, command.as_deref());
    if table {
        print!("{}", figure::table(&figures));
    } else {
        for figure in &figures {
            println!("{}", figure.json());
        }
    }
    ExitCode::SUCCESS
}

fn measured(wanted: &Wanted, command: Option<&Path>) -> Vec<Figure> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    // Memory first, before other measurements leave the allocator with room to spare.
    let mut figures = runtime.block_on(memory::idle(wanted));
    figures.extend(runtime.block_on(memory::figures(wanted)));
    figures.extend(runtime.block_on(durable::figures(wanted)));
    figures.extend(runtime.block_on(scale::figures(wanted)));
    if wanted.peers {
        figures.extend(runtime.block_on(peers::figures(wanted)));
    }
    if sandbox::IDS.iter().any(|id| wanted.has(id)) {
        figures.extend(runtime.block_on(sandbox::figures()));
    }
    if wanted.has(ring::ID) {
        figures.extend(runtime.block_on(ring::figures()));
    }
    if wanted.has("M4") {
        figures.extend(runtime.block_on(metering::figures()));
    }
    if wanted.has("M7") {
        figures.extend(runtime.block_on(swap::figures()));
    }
    match command {
        Some(command) => {
            figures.extend(runtime.block_on(languages::figures(wanted, command)));
            figures.extend(process::figures(wanted, command));
        }
        None => eprintln!(
            "no `cleargate` beside this binary: languages, P9 and the size are left out; \
             `cargo build --release -p cleargate-cli`, or name one with --command"
        ),
    }
    figures
}
