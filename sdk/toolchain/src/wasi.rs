//! The part of WASI that needs no host: answered inside the component, so that it imports less.
//!
//! The standard library of a WASI target names environment, terminals and exit in every program, whether it uses them
//! or not. None of them is a capability here. A small module beside the plugin's own gives the answers of a machine on
//! which nobody is logged in, and the imports are gone. What reaches the log or the world (streams, files, clocks,
//! requests, real randomness) is never answered: it stays an import, which the host serves through its gate. What no
//! host serves is refused by [`crate::package`], with what to use instead.

use std::collections::BTreeMap;

use wasm_encoder::{
    CodeSection, EntityType, ExportKind, ExportSection, Function, FunctionSection, GlobalSection,
    ImportSection, InstructionSink, MemArg, MemoryType, Module, TypeSection, ValType,
};
use wasmparser::{CompositeInnerType, FuncType, Parser, Payload, TypeRef};

/// Seeds of hash maps, in place of chance: as on targets without a system interface, so the same input gives
/// the same order. They are the first digits of pi.
const SEEDS: [i64; 2] = [0x243f_6a88_85a3_08d3, 0x1319_8a2e_0370_7344];

/// What a function answers. `Option`s and `result`s are written where the last parameter points.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answer {
    /// Nothing happens.
    Nothing,
    /// The program ends; in a component, that is a trap.
    End,
    /// No items, no characters.
    Empty,
    /// `none`.
    Absent,
    /// Two numbers.
    Seeds,
}

/// The answer to a function, by interface without version; nothing when only a host could answer.
fn answer(interface: &str, function: &str) -> Option<Answer> {
    let (package, name) = interface.strip_prefix("wasi:")?.split_once('/')?;
    Some(match (package, name, function) {
        ("cli", _, drop) if drop.starts_with("[resource-drop]") => Answer::Nothing,
        ("cli", "environment", "get-environment" | "get-arguments") => Answer::Empty,
        ("cli", "environment", "initial-cwd") => Answer::Absent,
        ("cli", "exit", "exit" | "exit-with-code") => Answer::End,
        ("cli", terminal, get)
            if terminal.starts_with("terminal-") && get.starts_with("get-terminal-") =>
        {
            Answer::Absent
        }
        ("random", "insecure-seed", "insecure-seed" | "get-insecure-seed") => Answer::Seeds,
        _ => return None,
    })
}

impl Answer {
    /// Writes the body of a function with `params` parameters.
    fn write(self, code: &mut InstructionSink<'_>, params: u32) {
        // Results that do not fit a register go where the last parameter points.
        let out = params.saturating_sub(1);
        let at = |offset, align| MemArg { offset, align, memory_index: 0 };
        let mut long = |offset: u64, value: i64| {
            code.local_get(out).i64_const(value).i64_store(at(offset, 3));
        };
        match self {
            Self::Nothing => {}
            Self::Seeds => {
                long(0, SEEDS[0]);
                long(8, SEEDS[1]);
            }
            Self::End => drop(code.unreachable()),
            // A pointer that is not null and aligned for anything, and a length.
            Self::Empty => {
                code.local_get(out).i32_const(16).i32_store(at(0, 2));
                code.local_get(out).i32_const(0).i32_store(at(4, 2));
            }
            Self::Absent => {
                code.local_get(out).i32_const(0).i32_store8(at(0, 0));
            }
        }
        code.end();
    }
}

/// Modules that stand in for interfaces which `module` imports, by the name of the import. An interface is
/// answered whole or not at all: its handles must not come from two places.
pub(crate) fn answers(module: &[u8]) -> wasmparser::Result<BTreeMap<String, Vec<u8>>> {
    let mut wanted: BTreeMap<String, Option<Vec<Part>>> = BTreeMap::new();
    for (interface, function, ty) in imports(module)? {
        let path = interface.split('@').next().unwrap_or_default();
        let part = answer(path, &function).map(|answer| Part { function, ty, answer });
        let parts = wanted.entry(interface).or_insert_with(|| Some(Vec::new()));
        match (parts.as_mut(), part) {
            (Some(list), Some(part)) => list.push(part),
            _ => *parts = None,
        }
    }
    let whole = wanted.into_iter().filter_map(|(interface, parts)| Some((interface, parts?)));
    Ok(whole.map(|(interface, parts)| (interface, stand_in(&parts))).collect())
}

/// One function of a stand-in.
struct Part {
    function: String,
    ty: FuncType,
    answer: Answer,
}

/// Functions that a core module imports: interface, name, type.
pub(crate) fn imports(module: &[u8]) -> wasmparser::Result<Vec<(String, String, FuncType)>> {
    let (mut types, mut found) = (Vec::new(), Vec::new());
    for payload in Parser::new(0).parse_all(module) {
        match payload? {
            Payload::TypeSection(section) => {
                for group in section {
                    types.extend(group?.into_types().map(|ty| match ty.composite_type.inner {
                        CompositeInnerType::Func(ty) => Some(ty),
                        _ => None,
                    }));
                }
            }
            Payload::ImportSection(section) => {
                for import in section.into_imports() {
                    let import = import?;
                    if let TypeRef::Func(index) = import.ty
                        && let Some(Some(ty)) = types.get(index as usize)
                    {
                        found.push((import.module.into(), import.name.into(), ty.clone()));
                    }
                }
            }
            _ => {}
        }
    }
    Ok(found)
}

/// A core module that exports the functions and writes into the memory of the plugin's module.
fn stand_in(parts: &[Part]) -> Vec<u8> {
    let bodies = parts.iter().map(|part| {
        let params = u32::try_from(part.ty.params().len()).expect("bounded by the format");
        let mut code = Vec::new();
        part.answer.write(&mut InstructionSink::new(&mut code), params);
        let mut function = Function::new([]);
        function.raw(code);
        (part.function.as_str(), &part.ty, function)
    });
    module(bodies.collect(), &GlobalSection::new(), &[])
}

/// A function that a stand-in calls: interface, name, parameters, results.
pub(crate) type Called = (String, &'static str, &'static [ValType], &'static [ValType]);

/// A core module with functions, which share a memory with the plugin's module.
pub(crate) fn module(
    parts: Vec<(&str, &FuncType, Function)>,
    globals: &GlobalSection,
    called: &[Called],
) -> Vec<u8> {
    let (mut types, mut functions) = (TypeSection::new(), FunctionSection::new());
    let (mut exports, mut codes) = (ExportSection::new(), CodeSection::new());
    let mut imports = ImportSection::new();
    for (index, (interface, name, params, results)) in (0..).zip(called) {
        types.ty().function(params.iter().copied(), results.iter().copied());
        imports.import(interface, name, EntityType::Function(index));
    }
    let first = imports.len();
    for (index, (name, ty, body)) in (first..).zip(parts) {
        types.ty().function(values(ty.params()), values(ty.results()));
        functions.function(index);
        exports.export(name, ExportKind::Func, index);
        codes.function(&body);
    }
    let memory = MemoryType {
        minimum: 0,
        maximum: None,
        memory64: false,
        shared: false,
        page_size_log2: None,
    };
    imports.import("env", "memory", EntityType::Memory(memory));
    let mut module = Module::new();
    module.section(&types).section(&imports).section(&functions);
    module.section(globals).section(&exports).section(&codes);
    module.finish()
}

/// The canonical form of calls knows numbers alone.
fn values(list: &[wasmparser::ValType]) -> Vec<ValType> {
    let value = |ty: &wasmparser::ValType| match ty {
        wasmparser::ValType::I64 => ValType::I64,
        wasmparser::ValType::F32 => ValType::F32,
        wasmparser::ValType::F64 => ValType::F64,
        _ => ValType::I32,
    };
    list.iter().map(value).collect()
}

/// What to use in place of an interface of WASI that no host serves.
pub(crate) fn instead(interface: &str) -> &'static str {
    let package = interface.strip_prefix("wasi:").and_then(|rest| rest.split('/').next());
    match package.unwrap_or_default() {
        "sockets" | "tls" => {
            "send requests with `wasi:http` or `cleargate::http`, which ask the gate"
        }
        "keyvalue" => "use `cleargate::kv`",
        "config" => "use `cleargate::config`",
        "logging" => "use `cleargate::log`",
        "cli" | "clocks" | "filesystem" | "http" | "io" | "random" => {
            "build it for WASI 0.2 or 0.3"
        }
        _ => "use the interfaces of `cleargate:host`",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A module that imports functions, each `(i32) -> ()`.
    fn module(names: &[(&str, &str)]) -> Vec<u8> {
        let (mut types, mut imports) = (TypeSection::new(), ImportSection::new());
        types.ty().function([ValType::I32], []);
        for (interface, function) in names {
            imports.import(interface, function, EntityType::Function(0));
        }
        let mut module = Module::new();
        module.section(&types).section(&imports);
        module.finish()
    }

    #[test]
    fn an_interface_is_answered_whole_or_not_at_all() {
        let environment = ("wasi:cli/environment@0.2.6", "get-environment");
        for (names, answered) in [
            (vec![environment], vec!["wasi:cli/environment@0.2.6"]),
            (vec![environment, ("wasi:cli/environment@0.2.6", "set")], vec![]),
            (vec![("wasi:cli/environment@0.2.6", "set"), environment], vec![]),
            (
                vec![environment, ("wasi:filesystem/types@0.2.6", "[resource-drop]descriptor")],
                vec!["wasi:cli/environment@0.2.6"],
            ),
            (vec![("wasi:clocks/monotonic-clock@0.2.6", "now")], vec![]),
            (vec![("wasi:random/random@0.2.6", "get-random-u64")], vec![]),
            (vec![("wasi:cli/stdout@0.2.6", "get-stdout")], vec![]),
            (vec![("wasi:io/streams@0.2.6", "[resource-drop]output-stream")], vec![]),
            (vec![("cleargate:host/log@0.1.0", "write"), ("env", "exit")], vec![]),
        ] {
            let found = answers(&module(&names)).unwrap();
            assert_eq!(found.keys().collect::<Vec<_>>(), answered, "{names:?}");
        }
    }

    #[test]
    fn every_stand_in_is_a_valid_module() {
        let i32s = |n| std::iter::repeat_n(wasmparser::ValType::I32, n);
        for (interface, function, params, results) in [
            ("wasi:cli/environment", "get-environment", 1, 0),
            ("wasi:cli/environment", "initial-cwd", 1, 0),
            ("wasi:cli/exit", "exit", 1, 0),
            ("wasi:cli/terminal-stdin", "get-terminal-stdin", 1, 0),
            ("wasi:random/insecure-seed", "insecure-seed", 1, 0),
        ] {
            let answer = answer(interface, function).expect(function);
            let ty = FuncType::new(i32s(params), i32s(results));
            let bytes = stand_in(&[Part { function: function.into(), ty, answer }]);
            wasmparser::validate(&bytes).unwrap_or_else(|e| panic!("{interface} {function}: {e}"));
        }
    }
}
