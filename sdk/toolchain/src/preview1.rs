//! The system interface that C libraries and the runtime of Go were written for, answered inside the component.
//!
//! It is older than components: a set of functions over numbers, which no host of components serves. None of them is a
//! capability here, as in [`crate::wasi`]: there is nobody logged in, and there are no files; a plugin that asks for some
//! has the whole interface from the engine's own adapter instead, see [`crate::package`]. What a plugin in C asks of
//! a machine, its SDK leads to the host before anything is linked. Go's runtime asks for time and chance before any
//! plugin runs, so these have answers of their own; but when a plugin imports the host's clock or log, `time.Now`,
//! `time.Sleep` and what is printed are led to them. Chance has one answer, for the runtime's own tables.

use wasm_encoder::{
    BlockType, ConstExpr, Function, GlobalSection, GlobalType, InstructionSink, MemArg, ValType,
};
use wasmparser::FuncType;
use wit_component::StringEncoding;

use crate::wasi::{self, Called, imports};

/// The name of the interface.
pub(crate) const NAME: &str = "wasi_snapshot_preview1";

/// What a function answers that has no file to speak of: `badf`. A list of open folders ends with it, too.
const NO_FILE: i32 = 8;
/// What all others answer: `notcapable`.
const NOT_CAPABLE: i32 = 76;

/// Nanoseconds by which the clock goes on each time when somebody looks, so that no loop waits for ever.
const TICK: i64 = 1_000_000;

/// The globals of a stand-in: what the clock says, in nanoseconds, and how often chance was asked for.
const CLOCK: u32 = 0;
const ASKED: u32 = 1;
/// What the host's clock said first, less what the clock said then: so that both go on together.
const FIRST: u32 = 2;

/// Levels of the contract's log for what is printed and for what is printed as an error.
const INFO: i32 = 2;

/// The services of the host that a module imports and that its language's own functions are led to.
#[derive(Default)]
struct Lent {
    called: Vec<Called>,
    now: Option<u32>,
    sleep: Option<u32>,
    log: Option<u32>,
}

impl Lent {
    fn of(all: &[(String, String, FuncType)]) -> Self {
        let mut lent = Self::default();
        let find = |service: &str| {
            let start = format!("cleargate:host/{service}@");
            all.iter().map(|(from, ..)| from).find(|from| from.starts_with(&start)).cloned()
        };
        let mut call = |from: &str, name, params, results| {
            lent.called.push((from.to_owned(), name, params, results));
            Some(lent.called.len() as u32 - 1)
        };
        if let Some(clock) = find("clock") {
            lent.now = call(&clock, "now", &[], &[ValType::I64]);
            lent.sleep = call(&clock, "sleep", &[ValType::I32], &[]);
        }
        if let Some(log) = find("log") {
            lent.log = call(&log, "write", &[ValType::I32; 5], &[]);
        }
        lent
    }
}

/// The functions that `module` imports and that open files by their paths: only a host has some.
pub(crate) fn paths(module: &[u8]) -> wasmparser::Result<Vec<String>> {
    let names = imports(module)?.into_iter().filter(|(from, ..)| from == NAME);
    Ok(names.map(|(_, name, _)| name).filter(|name| name.starts_with("path_")).collect())
}

/// A module that answers what `module` imports of the system; nothing when it imports nothing of it.
///
/// # Errors
/// The module cannot be read, or names services of another contract than it carries.
pub(crate) fn stand_in(module: &[u8]) -> Result<Option<Vec<u8>>, String> {
    let all = imports(module).map_err(|e| e.to_string())?;
    let lent = Lent::of(&all);
    // Each package of a program may name the same function.
    let mut wanted: Vec<_> = all.into_iter().filter(|(from, ..)| from == NAME).collect();
    wanted.sort_by(|(_, a, _), (_, b, _)| a.cmp(b));
    wanted.dedup_by(|(_, a, _), (_, b, _)| a == b);
    if wanted.is_empty() {
        return Ok(None);
    }
    let mut state = GlobalSection::new();
    for number in [CLOCK, ASKED, FIRST] {
        let global = GlobalType { val_type: ValType::I64, mutable: true, shared: false };
        assert_eq!(state.len(), number, "globals are numbered as they are added");
        state.global(global, &ConstExpr::i64_const(0));
    }
    let parts = wanted.iter().map(|(_, name, ty)| (name.as_str(), ty, body(name, &lent)));
    let stand_in = wasi::module(parts.collect(), &state, &lent.called);
    match lent.called.is_empty() {
        true => Ok(Some(stand_in)),
        false => marked(stand_in, module, &lent).map(Some).map_err(|e| format!("{e:#}")),
    }
}

/// Writes into a stand-in of which types the services are that it calls: those of the plugin's own module.
fn marked(
    mut stand_in: Vec<u8>,
    module: &[u8],
    lent: &Lent,
) -> Result<Vec<u8>, Box<dyn std::error::Error + Send + Sync>> {
    let (_, bound) = wit_component::metadata::decode(module)?;
    let mut resolve = bound.resolve;
    let mut names: Vec<&str> = lent.called.iter().map(|(from, ..)| from.as_str()).collect();
    names.dedup();
    let imports: String = names.iter().map(|name| format!("    import {name};\n")).collect();
    let text = format!("package cleargate:system;\n\nworld system {{\n{imports}}}\n");
    let package = resolve.push_str("system.wit", &text)?;
    let world = resolve.select_world(&[package], Some("system"))?;
    wit_component::embed_component_metadata(&mut stand_in, &resolve, world, StringEncoding::UTF8)?;
    Ok(stand_in)
}

/// The body of a function.
fn body(name: &str, lent: &Lent) -> Function {
    let at = |offset, align| MemArg { offset, align, memory_index: 0 };
    // Two numbers besides the parameters: enough for every body here.
    let mut function = Function::new([(2, ValType::I32)]);
    let mut code = function.instructions();
    match name {
        // Two counts: no arguments, no environment.
        "args_sizes_get" | "environ_sizes_get" => {
            code.local_get(0).i32_const(0).i32_store(at(0, 2));
            code.local_get(1).i32_const(0).i32_store(at(0, 2));
            code.i32_const(0);
        }
        "args_get" | "environ_get" | "sched_yield" => drop(code.i32_const(0)),
        // (id, precision, to)
        "clock_time_get" => {
            if let Some(now) = lent.now {
                // The time of day: the host's, and the other clock goes along.
                code.local_get(0).i32_eqz().if_(BlockType::Empty);
                code.local_get(2).call(now).i64_const(TICK).i64_mul().i64_store(at(0, 3));
                code.global_get(FIRST).i64_eqz().if_(BlockType::Empty);
                code.local_get(2).i64_load(at(0, 3)).global_get(CLOCK).i64_sub();
                code.global_set(FIRST).end();
                code.local_get(2).i64_load(at(0, 3)).global_get(FIRST).i64_sub();
                code.global_get(CLOCK).i64_gt_s().if_(BlockType::Empty);
                code.local_get(2).i64_load(at(0, 3)).global_get(FIRST).i64_sub();
                code.global_set(CLOCK).end();
                code.i32_const(0).return_().end();
            }
            code.global_get(CLOCK).i64_const(TICK).i64_add().global_set(CLOCK);
            code.local_get(2).global_get(CLOCK).i64_store(at(0, 3)).i32_const(0);
        }
        // (id, to)
        "clock_res_get" => {
            code.local_get(1).i64_const(TICK).i64_store(at(0, 3)).i32_const(0);
        }
        // (to, length): bytes that are different from each other, for the runtime's tables. It asks once, as it starts;
        // who asks later wants a secret, and must not get one that everybody knows.
        "random_get" => {
            code.global_get(ASKED).i64_const(0).i64_ne().if_(BlockType::Empty);
            code.unreachable().end().i64_const(1).global_set(ASKED);
            code.block(BlockType::Empty).loop_(BlockType::Empty);
            code.local_get(2).local_get(1).i32_ge_u().br_if(1);
            code.local_get(0).local_get(2).i32_add();
            code.local_get(2).i32_const(167).i32_mul().i32_const(89).i32_add();
            code.i32_store8(at(0, 0));
            code.local_get(2).i32_const(1).i32_add().local_set(2);
            code.br(0).end().end().i32_const(0);
        }
        // (file, parts, count, written): everything is taken.
        "fd_write" => {
            code.block(BlockType::Empty).loop_(BlockType::Empty);
            code.local_get(2).i32_eqz().br_if(1);
            code.local_get(4).local_get(1).i32_load(at(4, 2)).i32_add().local_set(4);
            if let Some(log) = lent.log {
                print(&mut code, log);
            }
            code.local_get(1).i32_const(8).i32_add().local_set(1);
            code.local_get(2).i32_const(1).i32_sub().local_set(2);
            code.br(0).end().end();
            code.local_get(3).local_get(4).i32_store(at(0, 2)).i32_const(0);
        }
        // (subscriptions, events, count, ready): everything that is waited for has happened.
        "poll_oneoff" => {
            if let Some(sleep) = lent.sleep {
                wait(&mut code, sleep);
            }
            code.local_get(1).i32_const(0).i32_const(32).memory_fill(0);
            code.local_get(1).local_get(0).i64_load(at(0, 3)).i64_store(at(0, 3));
            code.local_get(3).i32_const(1).i32_store(at(0, 2)).i32_const(0);
        }
        "proc_exit" => drop(code.unreachable()),
        name if name.starts_with("fd_") => drop(code.i32_const(NO_FILE)),
        _ => drop(code.i32_const(NOT_CAPABLE)),
    }
    code.end();
    function
}

/// Logs a part of what is written, without the end of its line: one write of the language is one line.
fn print(code: &mut InstructionSink<'_>, log: u32) {
    let at = |offset, align| MemArg { offset, align, memory_index: 0 };
    // Standard output and the stream of errors; nothing else is open.
    code.local_get(0).i32_const(1).i32_sub().i32_const(2).i32_lt_u();
    code.local_get(1).i32_load(at(4, 2)).local_tee(5).i32_const(0).i32_ne().i32_and();
    code.if_(BlockType::Empty);
    // The length, less one when the last byte ends a line.
    code.local_get(5).local_get(1).i32_load(at(0, 2)).local_get(5).i32_add();
    code.i32_const(1).i32_sub().i32_load8_u(at(0, 0)).i32_const(i32::from(b'\n')).i32_eq();
    code.i32_sub().local_set(5);
    code.i32_const(INFO - 1).local_get(0).i32_add();
    code.local_get(1).i32_load(at(0, 2)).local_get(5);
    // No fields: a pointer that is aligned, and no length.
    code.i32_const(16).i32_const(0).call(log).end();
}

/// Waits as the first subscription says, when it is one of time, and sets the clock on.
fn wait(code: &mut InstructionSink<'_>, sleep: u32) {
    let at = |offset, align| MemArg { offset, align, memory_index: 0 };
    code.local_get(0).i32_load8_u(at(8, 0)).i32_eqz().if_(BlockType::Empty);
    // An absolute moment is one of the clock in here.
    code.local_get(0).i32_load16_u(at(40, 1)).i32_const(1).i32_and().if_(BlockType::Empty);
    code.local_get(0).local_get(0).i64_load(at(24, 3)).global_get(CLOCK).i64_sub();
    code.i64_store(at(24, 3)).end();
    code.local_get(0).i64_load(at(24, 3)).i64_const(0).i64_gt_s().if_(BlockType::Empty);
    code.local_get(0).i64_load(at(24, 3)).i64_const(TICK - 1).i64_add();
    code.i64_const(TICK).i64_div_u().i32_wrap_i64().call(sleep);
    code.global_get(CLOCK).local_get(0).i64_load(at(24, 3)).i64_add().global_set(CLOCK);
    code.end().end();
}

#[cfg(test)]
mod tests {
    use wasm_encoder::{EntityType, ImportSection, Module, TypeSection};

    use super::*;

    /// A module that imports functions of the system, by name and number of parameters; `w` is a wide one.
    fn module(names: &[(&str, &str)]) -> Vec<u8> {
        let (mut types, mut imports) = (TypeSection::new(), ImportSection::new());
        for (index, (name, params)) in (0..).zip(names) {
            let ty = |c| if c == 'w' { ValType::I64 } else { ValType::I32 };
            let results = if *name == "proc_exit" { vec![] } else { vec![ValType::I32] };
            types.ty().function(params.chars().map(ty).collect::<Vec<_>>(), results);
            imports.import(NAME, name, EntityType::Function(index));
        }
        let mut module = Module::new();
        module.section(&types).section(&imports);
        module.finish()
    }

    #[test]
    fn every_body_is_valid() {
        let module = module(&[
            ("args_sizes_get", "nn"),
            ("environ_get", "nn"),
            ("clock_time_get", "nwn"),
            ("clock_res_get", "nn"),
            ("random_get", "nn"),
            ("fd_write", "nnnn"),
            ("fd_prestat_get", "nn"),
            ("path_open", "nnnnnwwnn"),
            ("poll_oneoff", "nnnn"),
            ("proc_exit", "n"),
            ("sock_accept", "nnn"),
        ]);
        let stand_in = stand_in(&module).unwrap().unwrap();
        wasmparser::validate(&stand_in).unwrap();
        // The same when the host's clock and log are imported.
        let (from, nothing) = ("cleargate:host/clock@0.1.0", FuncType::new([], []));
        let lent = Lent::of(&[
            (from.into(), "now".into(), nothing.clone()),
            ("cleargate:host/log@0.1.0".into(), "write".into(), nothing),
        ]);
        let all = imports(&module).unwrap();
        let parts = all.iter().map(|(_, name, ty)| (name.as_str(), ty, body(name, &lent)));
        let mut state = GlobalSection::new();
        for _ in 0..3 {
            let global = GlobalType { val_type: ValType::I64, mutable: true, shared: false };
            state.global(global, &ConstExpr::i64_const(0));
        }
        wasmparser::validate(&wasi::module(parts.collect(), &state, &lent.called)).unwrap();
    }

    #[test]
    fn what_only_a_host_has_is_found_by_name() {
        let module = module(&[("fd_write", "nnnn"), ("clock_time_get", "nwn"), ("path_open", "n")]);
        assert_eq!(paths(&module).unwrap(), ["path_open"]);
    }
}
