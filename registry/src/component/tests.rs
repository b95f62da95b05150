//! Components that say who they are, and hostile ones that must be refused before any work is done.

use std::time::{Duration, Instant};

use cleargate_flow::signature::PluginKind;
use wasm_encoder as enc;

use super::*;
use crate::manifest::{Disagreement, disagreements};

fn wasm(text: &str) -> Vec<u8> {
    wat::parse_str(text).unwrap()
}

fn manifest(permissions: &str) -> Manifest {
    Manifest::from_toml(&format!(
        "[plugin]\nname = \"acme:x\"\nversion = \"1.0.0\"\ndescription = \"x\"\n{permissions}"
    ))
    .unwrap()
}

const NODE_WITH_HTTP: &str = r#"(component
    (import "cleargate:host/http@0.1.0" (instance $http))
    (import "wasi:cli/environment@0.2.3" (instance))
    (instance $node)
    (export "cleargate:node/node@0.1.0" (instance $http)))"#;

#[test]
fn kinds_and_interfaces_come_from_the_bytes() {
    let component = Component::read(&wasm(NODE_WITH_HTTP)).unwrap();
    assert_eq!(component.kinds, [PluginKind::Node].into());
    let imports: Vec<String> = component.imports.iter().map(ToString::to_string).collect();
    assert_eq!(imports, ["cleargate:host/http@0.1.0", "wasi:cli/environment@0.2.3"]);
    let functions = r#"(component (core module $m (func (export "f"))) (core instance $i (instantiate $m))
        (func $f (canon lift (core func $i "f"))) (export "greet" (func $f)))"#;
    let component = Component::read(&wasm(functions)).unwrap();
    assert_eq!(component.kinds, [PluginKind::Tool].into());
    assert_eq!(component.functions, ["greet"]);
    assert!(Component::read(&wasm("(component)")).unwrap().kinds.is_empty());
}

#[test]
fn junk_is_refused_with_a_reason() {
    let damaged = {
        let mut bytes = wasm(NODE_WITH_HTTP);
        bytes.truncate(bytes.len() - 3);
        bytes
    };
    for (bytes, expected) in [
        (wasm("(module)"), "this is a core module, not a component"),
        (b"#!/bin/sh".to_vec(), "this is no WebAssembly"),
        (Vec::new(), "this is no WebAssembly"),
        (b"\0asm\x0d\0\x01".to_vec(), "damaged at byte"),
        (damaged, "damaged at byte"),
        (vec![0; MAX_PACKAGE_LEN as usize + 1], "a package has at most"),
    ] {
        let message = Component::read(&bytes).unwrap_err().to_string();
        assert!(message.contains(expected), "{message}");
    }
}

#[test]
fn the_manifest_inside_is_replaced_and_the_rest_kept() {
    let bytes = wasm(NODE_WITH_HTTP);
    let first = embed_manifest(&bytes, &manifest("")).unwrap();
    let asks = manifest("[permissions]\nhttp = [\"a.example\"]\n[reasons]\nhttp = \"asks\"");
    let second = embed_manifest(&first, &asks).unwrap();
    assert_eq!(second, embed_manifest(&bytes, &asks).unwrap());
    assert!(second.starts_with(&bytes));
    assert_eq!(Component::read(&second).unwrap().manifest, Some(asks));
    assert_eq!(Component::read(&bytes).unwrap().manifest, None);
    let twice = [second.as_slice(), &first[bytes.len()..]].concat();
    assert!(Component::read(&twice).unwrap_err().to_string().contains("appears twice"));
}

#[test]
fn manifest_and_imports_are_compared() {
    let component = Component::read(&wasm(NODE_WITH_HTTP)).unwrap();
    let messages = |text: &str| -> Vec<String> {
        disagreements(&manifest(text), &component).iter().map(Disagreement::to_string).collect()
    };
    let none = messages("");
    assert_eq!(none.len(), 1);
    let expected = "imports cleargate:host/http@0.1.0, but [permissions] asks for no http";
    assert!(none[0].contains(expected), "{none:?}");
    assert!(messages("[permissions]\nhttp = [\"a.example\"]")[0].contains("without a reason"));
    let good = "[permissions]\nhttp = [\"a.example\"]\n[reasons]\nhttp = \"asks\"\n";
    assert_eq!(messages(good), Vec::<String>::new());
    assert!(messages(&format!("{good}[requires]\nhost = \"^0.2\""))[0].contains("excludes"));
    let extra = good.replace("[reasons]", "kv = [\"s\"]\n[reasons]\nkv = \"stores\"");
    assert!(messages(&extra)[0].contains("asks for kv, but the component imports nothing"));
}

/// WA-07: 100,000 of anything ends in a typed error within 100 ms.
#[test]
fn wa_07_counts_are_refused_before_any_work() {
    for (name, bytes) in hostile() {
        let read = || {
            let start = Instant::now();
            let error = Component::read(&bytes).unwrap_err();
            assert!(matches!(error, ComponentError::TooMany { .. }), "{name}: {error}");
            start.elapsed()
        };
        // The quickest of some: a busy machine may take the others' time for its own.
        let took = [read(), read(), read()].into_iter().min().unwrap();
        assert!(took < Duration::from_millis(100), "{name} took {took:?}");
    }
}

fn hostile() -> Vec<(&'static str, Vec<u8>)> {
    const MANY: u32 = 100_000;
    let empty = enc::Module::new();
    let mut instances = enc::Component::new();
    instances.section(&enc::ModuleSection(&empty));
    let mut section = enc::InstanceSection::new();
    for _ in 0..MANY {
        section.instantiate(0, std::iter::empty::<(&str, enc::ModuleArg)>());
    }
    instances.section(&section);

    let memory = enc::MemoryType {
        minimum: 0,
        maximum: None,
        memory64: false,
        shared: false,
        page_size_log2: None,
    };
    let mut memories = enc::MemorySection::new();
    (0..MANY).for_each(|_| {
        memories.memory(memory);
    });
    let table = enc::TableType {
        element_type: enc::RefType::FUNCREF,
        table64: false,
        minimum: 0,
        maximum: None,
        shared: false,
    };
    let mut tables = enc::TableSection::new();
    (0..MANY).for_each(|_| {
        tables.table(table);
    });
    let in_component = |section: &dyn Fn(&mut enc::Module)| {
        let mut module = enc::Module::new();
        section(&mut module);
        let mut component = enc::Component::new();
        component.section(&enc::ModuleSection(&module));
        component.finish()
    };
    let mut modules = enc::Component::new();
    (0..MANY).for_each(|_| {
        modules.section(&enc::ModuleSection(&empty));
    });
    // A section each: the sum counts.
    let mut imports = enc::Component::new();
    (0..MANY).for_each(|n| {
        let mut section = enc::ComponentImportSection::new();
        section.import(format!("i{n}"), enc::ComponentTypeRef::Instance(0));
        imports.section(&section);
    });
    vec![
        ("imports", imports.finish()),
        ("instances", instances.finish()),
        (
            "memories",
            in_component(&|m| {
                m.section(&memories);
            }),
        ),
        (
            "tables",
            in_component(&|m| {
                m.section(&tables);
            }),
        ),
        ("modules", modules.finish()),
        ("multiplied", multiplied()),
    ]
}

/// Ten instances of a component with ten instances of a component …: 10^6 in a few hundred bytes.
fn multiplied() -> Vec<u8> {
    let ten = |what: &str| format!("({what} (instantiate $x))").repeat(10);
    let mut inner = format!("(component $x (core module $x) {})", ten("core instance"));
    for _ in 0..5 {
        inner = format!("(component $x {inner} {})", ten("instance"));
    }
    wasm(&format!("(component {inner} (instance (instantiate $x)))"))
}

#[test]
fn what_has_no_bound_is_refused() {
    let given = r#"(component (import "m" (core module $m)) (core instance (instantiate $m)))"#;
    assert!(matches!(Component::read(&wasm(given)), Err(ComponentError::Unbounded)));
    let deep = format!("{}{}", "(component ".repeat(20), ")".repeat(20));
    assert!(matches!(Component::read(&wasm(&deep)), Err(ComponentError::TooDeep)));
}

/// What the toolchains make of the contract in `wit/`: the shape of every real plugin.
fn built(world: &str) -> Vec<u8> {
    let mut resolve = wit_parser::Resolve { all_features: true, ..Default::default() };
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../wit");
    let kinds = PluginKind::ALL.map(PluginKind::as_str);
    for package in ["types"].into_iter().chain(kinds).chain(["host"]) {
        resolve.push_dir(format!("{root}/{package}@0.1.0")).unwrap();
    }
    let world = format!("package acme:x; world plugin {{ {world} }}");
    let package = resolve.push_str("plugin.wit", &world).unwrap();
    let world = resolve.select_world(&[package], None).unwrap();
    let abi = wit_parser::ManglingAndAbi::Legacy(wit_parser::LiftLowerAbi::Sync);
    let mut module = wit_component::dummy_module(&resolve, world, abi);
    let encoding = wit_component::StringEncoding::UTF8;
    wit_component::embed_component_metadata(&mut module, &resolve, world, encoding).unwrap();
    wit_component::ComponentEncoder::default().module(&module).unwrap().encode().unwrap()
}

#[test]
fn the_contract_gives_the_kinds_and_the_permissions_that_it_names() {
    let all = PluginKind::ALL
        .map(|kind| format!("export cleargate:{0}/{0}@0.1.0;", kind.as_str()))
        .concat();
    let component = Component::read(&built(&all)).unwrap();
    assert_eq!(component.kinds, PluginKind::ALL.into());
    assert_eq!(component.bare_imports, Vec::<String>::new());

    let services = format!("include cleargate:host/services@0.1.0; {all}");
    let component = Component::read(&built(&services)).unwrap();
    let found = disagreements(&manifest(""), &component);
    let words: std::collections::BTreeSet<&str> = found
        .iter()
        .map(|d| match d {
            Disagreement::NotAsked { word, .. } => *word,
            other => panic!("{other}"),
        })
        .collect();
    let expected = ["http", "kv", "model", "reveal", "secrets", "services", "tools"];
    assert_eq!(words, expected.into());
}
