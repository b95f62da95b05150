//! The system interface that C libraries and the runtime of Go were written for, answered inside the component.
//!
//! It is older than components: a set of functions over numbers, which no host of components serves. None of them is a
//! capability here, as in [`crate::wasi`]: there is nobody logged in, there are no files, and what is written is gone.
//! Go's runtime asks for time and chance before any plugin runs, so these have answers, too, and the same in every
//! instance; the SDK leads plugins to the host's. C asks only when a plugin does, and is refused with what to use.

use wasm_encoder::{ConstExpr, Function, GlobalSection, GlobalType, MemArg, ValType};
use wasmparser::FuncType;

use crate::wasi::{self, imports};

/// The name of the interface.
pub(crate) const NAME: &str = "wasi_snapshot_preview1";

/// What a function answers that has no file to speak of: `badf`. A list of open folders ends with it, too.
const NO_FILE: i32 = 8;
/// What all others answer: `notcapable`.
const NOT_CAPABLE: i32 = 76;

/// Nanoseconds by which the clock goes on each time when somebody looks, so that no loop waits for ever.
const TICK: i64 = 1_000_000;

/// The globals of a stand-in: what the clock says, and how often chance was asked for.
const CLOCK: u32 = 0;
const ASKED: u32 = 1;

/// Functions that need something which only the host has, and what an author in C uses for it.
const REFUSED: [(&str, &str); 4] = [
    ("clock_", "use cg_now, cg_elapsed and cg_sleep"),
    ("poll_oneoff", "use cg_sleep"),
    ("random_get", "use cg_random"),
    ("path_", "take the content as an input, or use cg_blob_get; a plugin has no files"),
];

/// The functions of the system that `module` imports and that only a host could answer, with what to use instead.
pub(crate) fn refused(module: &[u8]) -> wasmparser::Result<Vec<String>> {
    let names = imports(module)?.into_iter().filter(|(from, ..)| from == NAME);
    let line = |(_, name, _): (String, String, FuncType)| {
        let (_, instead) = REFUSED.iter().find(|(start, _)| name.starts_with(start))?;
        Some(format!("  {name}: {instead}"))
    };
    Ok(names.filter_map(line).collect())
}

/// A module that answers what `module` imports of the system; nothing when it imports nothing of it.
pub(crate) fn stand_in(module: &[u8]) -> wasmparser::Result<Option<Vec<u8>>> {
    // Each package of a program may name the same function.
    let mut wanted: Vec<_> =
        imports(module)?.into_iter().filter(|(from, ..)| from == NAME).collect();
    wanted.sort_by(|(_, a, _), (_, b, _)| a.cmp(b));
    wanted.dedup_by(|(_, a, _), (_, b, _)| a == b);
    if wanted.is_empty() {
        return Ok(None);
    }
    let mut state = GlobalSection::new();
    for number in [CLOCK, ASKED] {
        let global = GlobalType { val_type: ValType::I64, mutable: true, shared: false };
        assert_eq!(state.len(), number, "globals are numbered as they are added");
        state.global(global, &ConstExpr::i64_const(0));
    }
    let parts = wanted.iter().map(|(_, name, ty)| (name.as_str(), ty, body(name)));
    Ok(Some(wasi::module(parts.collect(), &state)))
}

/// The body of a function.
fn body(name: &str) -> Function {
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
            code.global_get(ASKED).i64_const(0).i64_ne().if_(wasm_encoder::BlockType::Empty);
            code.unreachable().end().i64_const(1).global_set(ASKED);
            code.block(wasm_encoder::BlockType::Empty).loop_(wasm_encoder::BlockType::Empty);
            code.local_get(2).local_get(1).i32_ge_u().br_if(1);
            code.local_get(0).local_get(2).i32_add();
            code.local_get(2).i32_const(167).i32_mul().i32_const(89).i32_add();
            code.i32_store8(at(0, 0));
            code.local_get(2).i32_const(1).i32_add().local_set(2);
            code.br(0).end().end().i32_const(0);
        }
        // (file, parts, count, written): everything is taken.
        "fd_write" => {
            code.block(wasm_encoder::BlockType::Empty).loop_(wasm_encoder::BlockType::Empty);
            code.local_get(2).i32_eqz().br_if(1);
            code.local_get(4).local_get(1).i32_load(at(4, 2)).i32_add().local_set(4);
            code.local_get(1).i32_const(8).i32_add().local_set(1);
            code.local_get(2).i32_const(1).i32_sub().local_set(2);
            code.br(0).end().end();
            code.local_get(3).local_get(4).i32_store(at(0, 2)).i32_const(0);
        }
        // (subscriptions, events, count, ready): everything that is waited for has happened.
        "poll_oneoff" => {
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
    }

    #[test]
    fn what_only_a_host_has_is_refused_by_name() {
        let module = module(&[("fd_write", "nnnn"), ("clock_time_get", "nwn"), ("path_open", "n")]);
        let lines = refused(&module).unwrap();
        assert_eq!(lines.len(), 2, "{lines:?}");
        assert!(lines[0].contains("clock_time_get: use cg_now"), "{lines:?}");
    }
}
