//! What plugins in real languages cost: the conformance plugin in Rust, in JavaScript (QuickJS) and in Python (CPython),
//! built by the command as anybody builds one.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Instant;

use cleargate_flow::grant::Grants;
use cleargate_flow::limits::Limits;
use cleargate_flow::value::Value;
use cleargate_runtime::{Plugin, Runtime, RuntimeConfig};

use crate::bare::{self, Bare, Metering};
use crate::figure::{Budget, Figure, Goal, Samples, Turns, micros};
use crate::process;
use crate::sandbox::{ENGINE, caller, guests};
use crate::wanted::Wanted;

/// Measured calls of each size.
const CALLS: usize = 5_000;

/// Calls that wait at once, so that their memory can be counted.
const LIVE: usize = 24;

/// Loads from the cache.
const LOADS: usize = 200;

/// Sizes of a payload, each way.
const SIZES: [(&str, usize); 2] = [("1 KiB", 1024), ("1 MiB", 1024 * 1024)];

/// What a call of a tool is in the contract.
const CALL: (&str, &str) = ("cleargate:tool/tool@0.1.0", "call");

/// Figures of this module.
pub(crate) const IDS: [&str; 6] = ["P11", "P14", "P15", "P17", "M5", "M6"];

struct Language {
    name: &'static str,
    source: &'static str,
    target: &'static str,
    /// The figure of its calls, and microseconds that one of 1 KiB may take.
    call: (&'static str, f64),
    /// KiB that a live one may take.
    live: f64,
    /// Whether its machine code is made in seconds: the others are compiled once for all runs of the bench.
    quick: bool,
}

const LANGUAGES: [Language; 3] = [
    Language {
        name: "rust",
        source: "rust/plugin.rs",
        target: "src/lib.rs",
        call: ("P11", 20.0),
        live: 32.0,
        quick: true,
    },
    Language {
        name: "javascript",
        source: "javascript/plugin.js",
        target: "src/plugin.js",
        call: ("P14", 500.0),
        live: 512.0,
        quick: true,
    },
    Language {
        name: "python",
        source: "python/plugin.py",
        target: "src/plugin.py",
        call: ("P15", 4_000.0),
        live: 8.0 * 1024.0,
        quick: false,
    },
];

pub(crate) async fn figures(wanted: &Wanted, command: &Path) -> Vec<Figure> {
    let mut figures = Vec::new();
    if !IDS.iter().any(|id| wanted.has(id)) {
        return figures;
    }
    for language in &LANGUAGES {
        match component(language, command) {
            Ok(bytes) => figures.extend(measured(language, &bytes.into(), wanted).await),
            Err(why) => eprintln!("plugins in {} are left out: {why}", language.name),
        }
    }
    figures
}

async fn measured(language: &Language, bytes: &Arc<[u8]>, wanted: &Wanted) -> Vec<Figure> {
    let mut figures = Vec::new();
    let folder = cache(language);
    let config = RuntimeConfig { cache: Some(folder.clone()), ..RuntimeConfig::default() };
    let runtime = Runtime::new(config).unwrap();
    let plugin = load(&runtime, bytes).await;
    if wanted.has(language.call.0) {
        figures.extend(calls(language, &plugin, bytes).await);
    }
    if wanted.has("P17") {
        figures.extend(live(language, &plugin).await);
    }
    drop(plugin);
    if wanted.has("M5") && language.quick {
        figures.push(compiling(language, bytes).await);
    }
    if wanted.has("M6") {
        figures.push(cached(language, bytes, &runtime, &folder).await);
    }
    figures
}

/// Calls of both sizes in fresh instances.
async fn calls(language: &Language, plugin: &Plugin, bytes: &[u8]) -> Vec<Figure> {
    let bare = language.quick.then(|| Bare::new(bytes, Metering::default(), CALL));
    let this = std::env::current_exe().unwrap();
    // Nobody's limits here: what an interpreter takes for a mebibyte is what is asked.
    let limits = Limits { fuel: Some(u64::MAX / 2), memory: Some(1 << 30), ..Limits::default() };
    let caller = caller(limits);
    let mut figures = Vec::new();
    for (size, length) in SIZES {
        let input = Value::record([("value", "x".repeat(length - 16).into())]);
        let json = input.to_json();
        let (mut turns, mut budget) = (Turns::default(), Budget::of(CALLS));
        while budget.more() {
            let started = Instant::now();
            let called = plugin.call("echo", &caller, &input).await;
            let ours = micros(started);
            assert_eq!(called.result.as_ref(), Ok(&input), "{}", language.name);
            let started = Instant::now();
            match &bare {
                Some(bare) => drop(bare.call("echo", &json).await),
                None => drop(Command::new(&this).arg(process::NOTHING).status().unwrap()),
            }
            turns.add(ours, micros(started));
        }
        let (id, most) = language.call;
        let goal = if length > 1024 { Goal::None } else { Goal::Most(most) };
        let what = format!("call of a {} plugin with {size}, fresh instance", language.name);
        let limit = if bare.is_some() { ENGINE } else { "a process that does nothing" };
        figures.push(turns.figure(id, what, "µs/call", goal, limit));
    }
    figures
}

/// Memory of a call that waits in the host.
async fn live(language: &Language, plugin: &Plugin) -> Option<Figure> {
    let stage: Arc<guests::Stage> = Arc::default();
    let caller = guests::caller(Limits { time: Some(60_000), ..Limits::default() }, &stage);
    let input = Value::record([("what", "clock".into())]);
    let begin = || {
        let (plugin, caller, input) = (plugin.clone(), caller.clone(), input.clone());
        tokio::spawn(async move { plugin.call("service", &caller, &input).await.result })
    };
    let asleep = |calls: usize| {
        let stage = stage.clone();
        async move {
            while stage.asleep.lock().unwrap().0 < calls {
                tokio::task::yield_now().await;
            }
        }
    };
    // What the first one makes, all share.
    let first = begin();
    asleep(1).await;
    let before = process::resident();
    let others: Vec<_> = (0..LIVE).map(|_| begin()).collect();
    asleep(1 + LIVE).await;
    let after = process::resident();
    stage.alarm.add_permits(1 + LIVE);
    for call in others.into_iter().chain([first]) {
        call.await.unwrap().unwrap();
    }
    Some(Figure {
        id: "P17",
        what: format!("resident memory of a live {} instance, out of {LIVE}", language.name),
        unit: "KiB",
        samples: Samples::one((after? - before?) / LIVE as f64),
        limit: None,
        goal: Goal::Most(language.live),
    })
}

/// From bytes to machine code, and the engine's compiler alone.
async fn compiling(language: &Language, bytes: &Arc<[u8]>) -> Figure {
    let runtime = Runtime::new(RuntimeConfig::default()).unwrap();
    let (mut turns, mut budget) = (Turns::default(), Budget::of(LOADS));
    while budget.more() {
        let started = Instant::now();
        drop(load(&runtime, bytes).await);
        let ours = micros(started) / 1_000.0;
        let started = Instant::now();
        bare::compile(bytes);
        turns.add(ours, micros(started) / 1_000.0);
    }
    let size = bytes.len() as f64 / 1024.0 / 1024.0;
    let what = format!("compiling a {} plugin of {size:.1} MiB", language.name);
    turns.figure("M5", what, "ms", Goal::None, "the engine's compiler without our limits")
}

/// From bytes to a plugin that can be called, when the machine code is in the cache.
async fn cached(
    language: &Language,
    bytes: &Arc<[u8]>,
    runtime: &Runtime,
    folder: &Path,
) -> Figure {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let file = entries.max_by_key(|path| std::fs::metadata(path).unwrap().len()).unwrap();
    let (mut turns, mut budget) = (Turns::default(), Budget::of(LOADS));
    while budget.more() {
        let started = Instant::now();
        drop(load(runtime, bytes).await);
        let ours = micros(started) / 1_000.0;
        let started = Instant::now();
        std::hint::black_box(std::fs::read(&file).unwrap());
        turns.add(ours, micros(started) / 1_000.0);
    }
    let what = format!("loading a {} plugin whose machine code is in the cache", language.name);
    turns.figure("M6", what, "ms", Goal::None, "reading a file of the same size")
}

async fn load(runtime: &Runtime, bytes: &Arc<[u8]>) -> Plugin {
    let names = || ["label".parse().unwrap()].into();
    let grants = Grants { model: names(), tools: names(), ..guests::everything() };
    runtime.load(bytes.clone(), &grants).await.unwrap()
}

/// A folder of a language's compiled code beside this binary, for all runs of it.
fn cache(language: &Language) -> PathBuf {
    let folder = std::env::current_exe().unwrap().with_file_name("bench-cache").join(language.name);
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

/// The component of the language's conformance plugin.
fn component(language: &Language, command: &Path) -> Result<Vec<u8>, String> {
    let folder = tempfile::tempdir().unwrap();
    let ours = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../sdk/conformance");
    let said = |arguments: &[&str]| {
        let mut command = Command::new(command);
        let command = command.args(arguments).current_dir(folder.path()).stdin(Stdio::null());
        let done = command.output().map_err(|error| error.to_string())?;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        if done.status.success() { Ok(text(&done.stdout)) } else { Err(text(&done.stderr)) }
    };
    said(&["plugin", "new", "--lang", language.name, "--kind", "tool", "conformance"])?;
    let project = folder.path().join("conformance");
    std::fs::copy(ours.join(language.source), project.join(language.target)).unwrap();
    let manifest = std::fs::read_to_string(ours.join("plugin.toml")).unwrap();
    let manifest = manifest.replace("LANGUAGE", language.name);
    std::fs::write(project.join("plugin.toml"), manifest).unwrap();
    let built = said(&["plugin", "build", "--install", "conformance"])?;
    let path = built.lines().last().unwrap_or_default();
    std::fs::read(folder.path().join(path)).map_err(|error| format!("{path}: {error}"))
}
