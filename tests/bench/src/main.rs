//! Figures of ClearGate, each beside the limit of this machine measured in the same run: an absolute time says
//! nothing on another machine, a ratio does.
//!
//! `bench [--table] [--command PATH]` prints one JSON line for each figure, or a table that explains them.
//! `PATH` is a `cleargate` that was built in release; without it, the one beside this binary is taken when
//! it is there. Every measurement is bounded in count and in time, so that the whole takes less than two
//! minutes on a slow machine too.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::disallowed_methods,
    reason = "a bench prints, spawns what it measures, and stops when it cannot measure"
)]

mod durable;
mod figure;
mod memory;
mod process;
mod sandbox;
mod world;

use std::path::PathBuf;

use figure::Figure;

fn main() {
    let mut table = false;
    let mut command = None;
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--table" => table = true,
            "--command" => command = arguments.next().map(PathBuf::from),
            // What a process costs that does nothing: the limit of the figure of a start.
            process::NOTHING => return,
            other => {
                eprintln!("bench knows --table and --command PATH, not {other}");
                return;
            }
        }
    }
    if cfg!(debug_assertions) {
        eprintln!("built without optimization: these figures say nothing; use --release");
    }
    let figures = measured(command);
    if table {
        print!("{}", figure::table(&figures));
    } else {
        for figure in &figures {
            println!("{}", figure.json());
        }
    }
}

fn measured(command: Option<PathBuf>) -> Vec<Figure> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    // Memory first, before other measurements leave the allocator with room to spare.
    let mut figures = runtime.block_on(memory::idle());
    figures.extend(runtime.block_on(memory::figures()));
    figures.extend(runtime.block_on(durable::figures()));
    figures.extend(runtime.block_on(sandbox::figures()));
    match command.or_else(process::beside) {
        Some(command) => figures.extend(process::figures(&command)),
        None => eprintln!(
            "no `cleargate` beside this binary: P9 and the size are left out; \
             `cargo build --release -p cleargate-cli`, or name one with --command"
        ),
    }
    figures
}
