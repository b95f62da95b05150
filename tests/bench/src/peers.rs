//! Other programs for the same work, in the same run and in turns with ours: each is installed from its public package
//! into a folder of its own, at the version that `peers/requirements.txt` names.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::time::Instant;

use cleargate_flow::Value;
use cleargate_store::sqlite::Class;
use cleargate_store::{MemoryStore, Store};

use crate::durable::open;
use crate::figure::{Budget, Figure, Goal, Turns, micros};
use crate::wanted::Wanted;
use crate::world::{chain, executor, fan, graph, looped, run};

/// Nodes of a chain and of a fan-out; iterations of a loop.
const NODES: usize = 100;
const ITERATIONS: usize = 1_000;

/// Turns of each figure.
const ROUNDS: usize = 20;

/// One shape of a flow.
struct Shape {
    name: &'static str,
    what: String,
    text: String,
    nodes: usize,
}

fn shapes() -> Vec<Shape> {
    let chain_of = |kind| chain(kind, NODES);
    vec![
        Shape {
            name: "chain",
            what: format!("chain of {NODES} trivial nodes"),
            text: chain_of("pure"),
            nodes: NODES,
        },
        Shape {
            name: "fan",
            what: format!("fan-out of {NODES} and join"),
            text: fan(NODES),
            nodes: NODES + 1,
        },
        Shape {
            name: "loop",
            what: format!("loop of {ITERATIONS} iterations"),
            text: looped(ITERATIONS),
            nodes: ITERATIONS,
        },
        Shape {
            name: "durable-chain",
            what: format!("chain of {NODES} steps that survive a power cut"),
            text: chain_of("once"),
            nodes: NODES,
        },
    ]
}

/// Figures of ours with those of LangGraph as the limit: a ratio below one is how much of its time we take.
pub(crate) async fn figures(wanted: &Wanted) -> Vec<Figure> {
    if !wanted.has("L1") {
        return Vec::new();
    }
    let Some(mut peer) = LangGraph::start() else {
        eprintln!("LangGraph is left out: it needs python3 with pip, and its packages");
        return Vec::new();
    };
    let mut figures = Vec::new();
    for shape in shapes() {
        let folder = tempfile::tempdir().unwrap();
        let durable = shape.name.starts_with("durable");
        let store: Arc<dyn Store> = match durable {
            true => open(folder.path(), Class::PowerSafe),
            false => Arc::new(MemoryStore::default()),
        };
        let (executor, graph) = (executor(store), graph(&shape.text));
        run(&executor, &graph, Value::empty()).await;
        peer.measure(shape.name, shape.nodes);
        let (mut turns, mut budget) = (Turns::default(), Budget::of(ROUNDS));
        while budget.more() {
            let started = Instant::now();
            run(&executor, &graph, Value::empty()).await;
            let ours = micros(started) / shape.nodes as f64;
            turns.add(ours, peer.measure(shape.name, shape.nodes));
        }
        let (goal, what) = match durable {
            true => (Goal::Times(0.5), "LangGraph with its SQLite checkpointer: a snapshot a step"),
            false => (Goal::Times(0.02), "LangGraph without a checkpointer"),
        };
        figures.push(turns.figure("L1", shape.what, "µs/node", goal, what));
    }
    figures
}

/// A process of the peer, which measures on request.
struct LangGraph {
    process: Child,
    ask: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl LangGraph {
    fn start() -> Option<Self> {
        let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("peers");
        let packages = installed(&here)?;
        let mut process = Command::new("python3")
            .arg(here.join("langgraph_bench.py"))
            .env("PYTHONPATH", packages)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .ok()?;
        let ask = process.stdin.take()?;
        let answers = BufReader::new(process.stdout.take()?);
        Some(Self { process, ask, answers })
    }

    /// Microseconds of one run for each node.
    fn measure(&mut self, shape: &str, nodes: usize) -> f64 {
        writeln!(self.ask, "{shape} {nodes}").unwrap();
        self.ask.flush().unwrap();
        let mut line = String::new();
        self.answers.read_line(&mut line).unwrap();
        line.trim().parse::<f64>().unwrap_or_else(|_| panic!("the peer said {line:?}"))
    }
}

impl Drop for LangGraph {
    fn drop(&mut self) {
        // It ends with its input; whoever is still there after that is stopped.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The folder of the peer's packages, installed once for each list.
fn installed(here: &Path) -> Option<PathBuf> {
    let list = here.join("requirements.txt");
    let text = std::fs::read_to_string(&list).ok()?;
    let folder = std::env::temp_dir().join(format!(
        "cleargate-bench-peers-{}",
        &cleargate_flow::FlowHash::of(text.as_bytes()).as_str()[..16]
    ));
    let done = folder.join(".complete");
    if !done.is_file() {
        eprintln!("installing {} for the comparison", list.display());
        let status = Command::new("python3")
            .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"])
            .args(["--only-binary=:all:", "--target"])
            .arg(&folder)
            .arg("--requirement")
            .arg(&list)
            .status()
            .ok()?;
        if !status.success() {
            return None;
        }
        std::fs::write(&done, "").ok()?;
    }
    Some(folder)
}
