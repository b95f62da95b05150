//! `wasi:cli`: what a program finds around itself. Here: nobody, no variables, no terminal, and the log of the run.
//!
//! What is printed becomes lines of the log, with its bounds. Standard input is at its end.

use cleargate_flow::error::{ErrorCode, NodeError};
use wasmtime::component::{Linker, Resource};

use super::io::{Input, Output};
use super::{Context, resource, serve};
use crate::fault::Fault;
use crate::host::log::{LogBudget, MAX_LINE};
use crate::instance::Call;
use crate::world::{Level, World};

/// What was printed and is no whole line yet.
#[derive(Debug)]
pub(crate) struct Printed {
    level: Level,
    line: Vec<u8>,
    /// Bytes beyond what is kept of a line.
    lost: usize,
}

impl Printed {
    /// Nothing yet, and the level that its lines will have.
    pub(crate) fn new(level: Level) -> Self {
        Self { level, line: Vec::new(), lost: 0 }
    }

    /// Takes bytes and logs the lines that they end.
    pub(super) fn write(&mut self, bytes: &[u8], log: &mut LogBudget, world: Option<&dyn World>) {
        let mut parts = bytes.split(|byte| *byte == b'\n');
        // `split` gives one part more than there are ends of lines.
        let last = parts.next_back().unwrap_or_default();
        for part in parts {
            self.keep(part);
            self.end(log, world);
        }
        self.keep(last);
    }

    fn keep(&mut self, part: &[u8]) {
        // One byte more than a line may have, so that the log sees that it must cut.
        let room = (MAX_LINE + 1).saturating_sub(self.line.len()).min(part.len());
        self.line.extend_from_slice(&part[..room]);
        self.lost += part.len() - room;
    }

    fn end(&mut self, log: &mut LogBudget, world: Option<&dyn World>) {
        let line = String::from_utf8_lossy(&self.line).into_owned();
        let lost = std::mem::take(&mut self.lost);
        self.line.clear();
        if let (Some(line), Some(world)) = (log.admit_cut(line, lost), world) {
            world.log(self.level, line);
        }
    }

    /// Logs what was printed last and has no end of its line.
    pub(crate) fn close(&mut self, log: &mut LogBudget, world: Option<&dyn World>) {
        if !self.line.is_empty() {
            self.end(log, world);
        }
    }
}

/// The resources of `wasi:cli/terminal-*`: there is never one.
struct Terminal;

pub(super) fn link_environment(linker: &mut Linker<Call>, name: &str) -> wasmtime::Result<()> {
    serve!(linker, name, {
        "get-environment" => no_variables,
        "get-arguments" => no_arguments,
        "initial-cwd" => no_folder,
    })
}

pub(super) async fn no_variables(
    _: &mut Context<'_>,
    (): (),
) -> wasmtime::Result<(Vec<(String, String)>,)> {
    Ok((Vec::new(),))
}

pub(super) async fn no_arguments(_: &mut Context<'_>, (): ()) -> wasmtime::Result<(Vec<String>,)> {
    Ok((Vec::new(),))
}

pub(super) async fn no_folder(_: &mut Context<'_>, (): ()) -> wasmtime::Result<(Option<String>,)> {
    Ok((None,))
}

pub(super) fn link_exit(linker: &mut Linker<Call>, name: &str) -> wasmtime::Result<()> {
    serve!(linker, name, { "exit" => exit, "exit-with-code" => exit_with_code })
}

async fn exit(_: &mut Context<'_>, (status,): (Result<(), ()>,)) -> wasmtime::Result<()> {
    Err(ended(if status.is_ok() { "success" } else { "failure" }.into()))
}

async fn exit_with_code(_: &mut Context<'_>, (code,): (u8,)) -> wasmtime::Result<()> {
    Err(ended(format!("code {code}")))
}

fn ended(how: String) -> wasmtime::Error {
    let message = format!("the component ended its program with {how} and gave no result");
    Fault::Returned(NodeError::new(ErrorCode::Permanent, message)).into()
}

pub(super) fn link_stdin(linker: &mut Linker<Call>, name: &str) -> wasmtime::Result<()> {
    serve!(linker, name, { "get-stdin" => stdin })
}

async fn stdin(store: &mut Context<'_>, (): ()) -> wasmtime::Result<(Resource<Input>,)> {
    Ok((store.data_mut().table.push(Input::Empty)?,))
}

pub(super) fn link_stdout(linker: &mut Linker<Call>, name: &str) -> wasmtime::Result<()> {
    serve!(linker, name, { "get-stdout" => stdout })
}

async fn stdout(store: &mut Context<'_>, (): ()) -> wasmtime::Result<(Resource<Output>,)> {
    Ok((store.data_mut().table.push(Output::Stdout)?,))
}

pub(super) fn link_stderr(linker: &mut Linker<Call>, name: &str) -> wasmtime::Result<()> {
    serve!(linker, name, { "get-stderr" => stderr })
}

async fn stderr(store: &mut Context<'_>, (): ()) -> wasmtime::Result<(Resource<Output>,)> {
    Ok((store.data_mut().table.push(Output::Stderr)?,))
}

pub(super) fn link_terminal_input(linker: &mut Linker<Call>, name: &str) -> wasmtime::Result<()> {
    resource::<Terminal>(linker, name, "terminal-input")
}

pub(super) fn link_terminal_output(linker: &mut Linker<Call>, name: &str) -> wasmtime::Result<()> {
    resource::<Terminal>(linker, name, "terminal-output")
}

pub(super) fn link_terminal_stdin(linker: &mut Linker<Call>, name: &str) -> wasmtime::Result<()> {
    serve!(linker, name, { "get-terminal-stdin" => no_terminal })
}

pub(super) fn link_terminal_stdout(linker: &mut Linker<Call>, name: &str) -> wasmtime::Result<()> {
    serve!(linker, name, { "get-terminal-stdout" => no_terminal })
}

pub(super) fn link_terminal_stderr(linker: &mut Linker<Call>, name: &str) -> wasmtime::Result<()> {
    serve!(linker, name, { "get-terminal-stderr" => no_terminal })
}

async fn no_terminal(
    _: &mut Context<'_>,
    (): (),
) -> wasmtime::Result<(Option<Resource<Terminal>>,)> {
    Ok((None,))
}
