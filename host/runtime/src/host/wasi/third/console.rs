//! `wasi:cli` 0.3: the same empty surroundings as of 0.2, and streams of what is printed.

use wasmtime::component::{ComponentType, FutureReader, Lift, Linker, Lower, StreamReader};

use super::super::cli::{no_arguments, no_folder, no_variables};
use super::super::io::{Input, Output};
use super::super::serve;
use super::stream::{sink, source};
use crate::host::Context;
use crate::instance::Call;
use crate::world::Answer;

/// `error-code` of `wasi:cli/types`.
#[derive(Clone, Copy, Debug, ComponentType, Lift, Lower)]
#[component(enum)]
#[repr(u8)]
#[expect(dead_code, reason = "the whole interface is named; this host has no use for all of it")]
enum ErrorCode {
    #[component(name = "io")]
    Io,
    #[component(name = "illegal-byte-sequence")]
    IllegalByteSequence,
    #[component(name = "pipe")]
    Pipe,
}

fn say(how: Answer<()>) -> Result<(), ErrorCode> {
    how.map_err(|_| ErrorCode::Io)
}

type End = FutureReader<Result<(), ErrorCode>>;

pub(super) fn link_environment(linker: &mut Linker<Call>, name: &str) -> wasmtime::Result<()> {
    serve!(linker, name, {
        "get-environment" => no_variables,
        "get-arguments" => no_arguments,
        "get-initial-cwd" => no_folder,
    })
}

pub(super) fn link_stdin(linker: &mut Linker<Call>, name: &str) -> wasmtime::Result<()> {
    serve!(linker, name, { "read-via-stream" => stdin })
}

async fn stdin(store: &mut Context<'_>, (): ()) -> wasmtime::Result<((StreamReader<u8>, End),)> {
    Ok((source(store, Ok(Input::Empty), say)?,))
}

pub(super) fn link_stdout(linker: &mut Linker<Call>, name: &str) -> wasmtime::Result<()> {
    serve!(linker, name, { "write-via-stream" => stdout })
}

async fn stdout(store: &mut Context<'_>, (data,): (StreamReader<u8>,)) -> wasmtime::Result<(End,)> {
    Ok((sink(store, data, Ok(Output::Stdout), say)?,))
}

pub(super) fn link_stderr(linker: &mut Linker<Call>, name: &str) -> wasmtime::Result<()> {
    serve!(linker, name, { "write-via-stream" => stderr })
}

async fn stderr(store: &mut Context<'_>, (data,): (StreamReader<u8>,)) -> wasmtime::Result<(End,)> {
    Ok((sink(store, data, Ok(Output::Stderr), say)?,))
}
