//! Components that nobody wrote: random ones, and mutants of real ones (WA-24, WA-25).
//!
//! Nothing is known of what they do, so the promise is the one that holds for all: the process lives, no call
//! takes more than its limits, and each outcome has a type. Everything follows from a seed. A component that
//! fails stays in the temporary folder under its seed, also when it ends the process.

use std::collections::BTreeMap;
use std::future::Future;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use arbitrary::Unstructured;
use cleargate_flow::event::Usage;
use cleargate_flow::limits::Limits;
use cleargate_flow::signature::PluginKind;
use cleargate_flow::value::Value;
use cleargate_runtime::plugin::{Piece, Stage as At};
use cleargate_runtime::{Called, Caller, Fault, LoadError, Plugin, Runtime};
use wasm_smith::{Config, Module};
use wit_component::StringEncoding;

use crate::guests::{caller, component, encode_binary, everything, folder, runtime, shape};
use crate::mutate::{Random, functions, mutate};
use crate::promise::{Resident, alone};
use crate::{MIB, scale, stage};

/// Mutants in the usual run, and in the soak.
const MUTANTS: (u64, u64) = (600, 30_000);

/// Random components in the usual run, and in the soak.
const RANDOM: (u64, u64) = (2_000, 100_000);

/// Bounds of one call: tight, so that thousands of loops and floods are over soon.
const BOUNDS: Limits = Limits {
    fuel: Some(200_000),
    time: Some(50),
    memory: Some(4 * MIB),
    output: Some(64 * 1024),
    payload: Some(64 * 1024),
    log: Some(4 * 1024),
    host_calls: Some(100),
    http_calls: Some(10),
    tool_calls: Some(10),
};

/// What a machine that others use may add to a call's time.
const NOISE: Duration = Duration::from_secs(5);

/// Bytes that the process may have at the worst moment: the compiler's for the largest function so far, once for
/// each core, and what the pool and the allocators keep. One component that explodes shows here.
const WORST: u64 = 384 * MIB;

/// Bytes that components may leave behind when they come a second time. By then the compiler and the pool have most
/// of what they keep, a part for each thread; what comes on top leaks. In the soak 2 KiB for each component show.
const LEFT: u64 = 32 * MIB;

/// Of the components, one of so many comes again.
const AGAIN: u64 = 8;

/// How often they come again until no more than that is left behind: what a compiler's threads keep has an end, a leak
/// has none.
const PASSES: usize = 4;

/// Bytes of randomness for one component: a few functions of some dozen instructions.
const ENTROPY: usize = 1024;

/// How the components of a run ended, by the name of the outcome.
type Outcomes = BTreeMap<String, u64>;

#[cfg(target_os = "linux")]
#[tokio::test]
async fn wa_24_mutants_of_real_components_are_refused_or_end_within_their_limits() {
    if !alone() {
        return;
    }
    let guests = guests();
    let plugins = plugins();
    let outcomes = all("mutant", MUTANTS, |random| {
        // Those of a toolchain have a hundred times the code.
        let whole = match random.pick(&plugins) {
            Some(plugin) if random.below(100) == 0 => plugin,
            _ => random.pick(&guests).expect("there are guests"),
        };
        mutate(whole, random).into()
    });
    let outcomes = outcomes.await;
    // Most are what a validator stands for.
    reached(&outcomes, 8, &["refused: damaged", "refused: invalid", "value", "trap", "limit fuel"]);
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn wa_25_random_components_end_in_a_value_or_a_typed_fault() {
    if !alone() {
        return;
    }
    let shape = shape();
    let outcomes = all("random", RANDOM, |random| match random.below(8) {
        0 => composed(random),
        _ => node(&shape, random),
    });
    let outcomes = outcomes.await;
    reached(
        &outcomes,
        1,
        &["contract", "trap", "limit fuel", "limit memory", "limit stack", "limit host_calls"],
    );
}

/// Asserts that the components got as far as it takes to say something of each of these outcomes, and that there
/// is a call for so many refusals.
#[track_caller]
fn reached(outcomes: &Outcomes, refusals: u64, expected: &[&str]) {
    // One component that is tried again says nothing of all.
    if std::env::var_os("CLEARGATE_SEED").is_some() {
        return;
    }
    for name in expected {
        assert!(outcomes.contains_key(*name), "no component ended in {name}: {outcomes:?}");
    }
    let of = |what: fn(&str) -> bool| -> u64 {
        outcomes.iter().filter(|(name, _)| what(name)).map(|(_, count)| count).sum()
    };
    let (run, refused) = (of(|name| !name.starts_with("ref")), of(|name| name.starts_with("ref")));
    assert!(run * refusals >= refused, "only {run} calls beside {refused} refusals: {outcomes:?}");
}

/// The real hostile guests.
fn guests() -> Vec<Arc<[u8]>> {
    let entries = std::fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path());
    let mut names: Vec<_> =
        entries.filter(|path| path.extension().is_some_and(|e| e == "wat")).collect();
    names.sort();
    names.iter().map(|path| component(path.file_stem().unwrap().to_str().unwrap())).collect()
}

/// The plugins of this repository, when they were built.
fn plugins() -> Vec<Arc<[u8]>> {
    let Some(built) = std::env::var_os("CLEARGATE_BUILD") else { return Vec::new() };
    let (mut open, mut found) = (vec![PathBuf::from(built).join("components")], Vec::new());
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(folder).into_iter().flatten() {
            let path = entry.unwrap().path();
            match path.extension() {
                _ if path.is_dir() => open.push(path),
                Some(extension) if extension == "wasm" => found.push(path),
                _ => {}
            }
        }
    }
    found.sort();
    found.iter().map(|path| std::fs::read(path).unwrap().into()).collect()
}

/// A component of random sections, types, imports and modules.
fn composed(random: &mut Random) -> Arc<[u8]> {
    let bytes = random.bytes(ENTROPY);
    let component = wasm_smith::Component::new(Config::default(), &mut Unstructured::new(&bytes));
    component.map(|component| component.to_bytes()).unwrap_or_default().into()
}

/// A node of random code that imports the services of the host.
fn node(shape: &[u8], random: &mut Random) -> Arc<[u8]> {
    let bytes = random.bytes(ENTROPY);
    let config = Config {
        available_imports: Some(shape.to_vec()),
        exports: Some(wat::parse_str(EXPORTS).unwrap()),
        max_memory32_bytes: 1 << 26,
        max_funcs: 5,
        max_instructions: 40,
        max_table_elements: 1_000,
        threads_enabled: random.below(50) == 0,
        memory64_enabled: random.below(50) == 0,
        exceptions_enabled: false,
        gc_enabled: false,
        reference_types_enabled: random.below(20) == 0,
        ..Config::default()
    };
    let module = Module::new(config, &mut Unstructured::new(&bytes));
    let mut module = module.map(|module| module.to_bytes()).unwrap_or_default();
    // An allocator of random code refuses nearly each argument: most get one that works.
    if random.below(4) > 0 {
        allocate(&mut module);
    }
    let strings = match random.below(3) {
        0 => StringEncoding::UTF8,
        1 => StringEncoding::UTF16,
        _ => StringEncoding::CompactUTF16,
    };
    encode_binary(module, strings).unwrap_or_default()
}

/// What a node exports.
const EXPORTS: &str = r#"(module
    (memory (export "memory") 2)
    (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) unreachable)
    (func (export "cleargate:node/node@0.1.0#describe") (result i32) unreachable)
    (func (export "cleargate:node/node@0.1.0#run")
      (param i32) (result i32) unreachable))"#;

/// Gives the module an allocator that always answers with the same place, when there is room for its code.
fn allocate(module: &mut [u8]) {
    // No locals; `i32.const 8192`; end.
    const BODY: [u8; 6] = [0x00, 0x41, 0x80, 0xc0, 0x00, 0x0b];
    const NOP: u8 = 0x01;
    let Some(body) = allocator(module).filter(|body| body.len() >= BODY.len()) else { return };
    let body = &mut module[body];
    body.fill(NOP);
    body[0] = BODY[0];
    let code = body.len() - (BODY.len() - 1);
    body[code..].copy_from_slice(&BODY[1..]);
}

/// Where the code of the exported allocator lies.
fn allocator(module: &[u8]) -> Option<std::ops::Range<usize>> {
    let (mut imported, mut index) = (0, None);
    for payload in wasmparser::Parser::new(0).parse_all(module).map_while(Result::ok) {
        match payload {
            wasmparser::Payload::ImportSection(imports) => {
                let imports = imports.into_imports().map_while(Result::ok);
                let functions = imports.filter(|i| matches!(i.ty, wasmparser::TypeRef::Func(_)));
                imported = functions.count();
            }
            wasmparser::Payload::ExportSection(exports) => {
                let mut exports = exports.into_iter().map_while(Result::ok);
                index = exports.find(|e| e.name == "cabi_realloc").map(|e| e.index as usize);
            }
            _ => {}
        }
    }
    functions(module).get(index?.checked_sub(imported)?).cloned()
}

/// Makes components, loads them and calls what they export. Counts how that ended.
async fn all(kind: &str, counts: (u64, u64), make: impl Fn(&mut Random) -> Arc<[u8]>) -> Outcomes {
    let runtime = runtime();
    let seeds = match std::env::var("CLEARGATE_SEED") {
        Ok(seed) => seed.parse().map(|seed| seed..seed + 1).expect("a seed is a number"),
        Err(_) => 0..scale(counts.0, counts.1),
    };
    let mut outcomes = Outcomes::new();
    let before = Resident::mark();
    for seed in seeds.clone() {
        let bytes = make(&mut Random::new(seed));
        let suspect = Suspect::new(kind, seed, &bytes);
        one(&runtime, bytes, seed, &mut outcomes).await;
        suspect.acquit();
    }
    assert!(before.peak() <= WORST, "{} bytes at the worst moment; {WORST} may be", before.peak());
    let some = (seeds.end - seeds.start).div_ceil(AGAIN);
    let mut left = [0; PASSES];
    for left in &mut left {
        let before = Resident::mark();
        for seed in seeds.start..seeds.start + some {
            one(&runtime, make(&mut Random::new(seed)), seed, &mut Outcomes::new()).await;
        }
        *left = before.now();
        if *left <= LEFT {
            return outcomes;
        }
    }
    panic!("{left:?} bytes are left behind by components that came again; {LEFT} may be");
}

/// The component that is being tried. It stays in its file unless it is acquitted.
struct Suspect(PathBuf);

impl Suspect {
    fn new(kind: &str, seed: u64, bytes: &[u8]) -> Self {
        // The same test may run beside this one.
        let name = format!("cleargate-{kind}-{seed}-{}.wasm", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::write(&path, bytes).unwrap();
        Self(path)
    }

    fn acquit(self) {
        std::fs::remove_file(&self.0).unwrap();
    }
}

impl Drop for Suspect {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("this component did it: {}", self.0.display());
        }
    }
}

async fn one(runtime: &Runtime, bytes: Arc<[u8]>, seed: u64, outcomes: &mut Outcomes) {
    let mut count = |name: String| *outcomes.entry(name).or_default() += 1;
    let plugin = match runtime.load(bytes, &everything()).await {
        Ok(plugin) => plugin,
        Err(error) => return count(format!("refused: {}", refusal(&error))),
    };
    // It has bounds of its own, which are wide.
    if seed.is_multiple_of(64) {
        let started = Instant::now();
        count(match plugin.describe().await {
            Ok(_) => "described".into(),
            Err(_) => "not described".into(),
        });
        assert!(started.elapsed() < 2 * NOISE, "{:?} to describe itself", started.elapsed());
    }
    let stage = stage();
    let caller = caller(BOUNDS, &stage);
    for kind in plugin.kinds() {
        for outcome in call(&plugin, kind, &caller).await {
            count(outcome);
        }
    }
}

fn refusal(error: &LoadError) -> &'static str {
    use cleargate_runtime::inspect::InspectError;
    match error {
        LoadError::Inspect(InspectError::Damaged { .. }) => "damaged",
        LoadError::Inspect(_) => "inspected",
        LoadError::NoKind | LoadError::NoTool(_) => "no plugin",
        LoadError::NotGranted { .. } => "not granted",
        LoadError::NotServed { .. } => "not served",
        LoadError::Invalid(_) => "invalid",
        LoadError::TooMuch { .. } => "too much",
        LoadError::Compiler(why) => panic!("the compiler panicked: {why}"),
    }
}

/// Calls each function of the kind.
async fn call(plugin: &Plugin, kind: PluginKind, caller: &Caller) -> Vec<String> {
    let value = Value::record([("text", "some input".into())]);
    match kind {
        PluginKind::Node => vec![ended(timed(plugin.run("x", caller, &value)).await)],
        PluginKind::Tool => vec![ended(timed(plugin.call("x", caller, &value)).await)],
        PluginKind::Guardrail => {
            vec![ended(timed(plugin.check(caller, At::Input, &value, &value)).await)]
        }
        PluginKind::Filter => {
            let piece = Piece { text: "some text".into(), carry: Value::Null, last: true };
            vec![
                ended(timed(plugin.before(caller, &value, &value)).await),
                ended(timed(plugin.after(caller, &value, &value, &value)).await),
                ended(timed(plugin.on_chunk(caller, piece, &value)).await),
            ]
        }
        // Mutants of what was built here.
        part => {
            let described = plugin.describe().await.unwrap_or_default();
            let mut outcomes = Vec::new();
            for one in described.iter().filter(|one| one.kind == part) {
                let asked = plugin.ask_part(part, &one.id, caller, &value);
                outcomes.push(ended(timed(asked).await));
            }
            outcomes
        }
    }
}

/// Asserts that the call ends, however it does.
async fn timed<T>(call: impl Future<Output = Called<T>>) -> Called<T> {
    let called = tokio::time::timeout(NOISE, call).await;
    called.expect("a call ends within its time")
}

/// Asserts that the call kept its limits, and names how it ended.
fn ended<T>(called: Called<T>) -> String {
    let Usage { fuel, peak_memory, host_calls, .. } = called.usage;
    let (most_fuel, most_memory) = (BOUNDS.fuel.unwrap(), BOUNDS.memory.unwrap());
    let kept = fuel <= most_fuel && peak_memory <= most_memory && host_calls <= 101;
    assert!(kept, "{:?}", called.usage);
    match called.result {
        Ok(_) => "value".into(),
        Err(Fault::Returned(_)) => "error value".into(),
        Err(Fault::Limit { limit, .. }) => format!("limit {limit}"),
        Err(Fault::Timeout { .. }) => "timeout".into(),
        Err(Fault::Trap { reason, backtrace }) => {
            assert!(reason.len() <= 4 * 1024 && backtrace.len() <= 16, "{reason} {backtrace:?}");
            "trap".into()
        }
        Err(Fault::Contract(_)) => "contract".into(),
        Err(Fault::Host(_)) => "host".into(),
        Err(Fault::Busy) => panic!("the only call found no place"),
        Err(fault @ Fault::Crashed { .. }) => panic!("{fault}"),
    }
}
