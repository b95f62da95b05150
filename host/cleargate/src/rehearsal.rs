//! A run in which nothing of the world is touched: the same flow, plugins, gate and machine over a store in memory, with
//! a clock that skips whatever is waited for.
//!
//! What answers in the place of the world is a [`Stage`]. Processes end where a case says so, and the next one finds
//! what a real one would find. Tests of flows and comparisons of versions are made of rehearsals.

mod part;
mod people;
mod stage;
mod tape;
mod torn;
mod trace;

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use cleargate_executor::{
    Binding, Catalog, CatalogError, Clock, Counted, End, Executor, ExecutorConfig, Failure,
    HORIZON_MS, Node, NodeContext, Output, RunIds, StartError, StartRun,
};
use cleargate_flow::error::ErrorCode;
use cleargate_flow::grant::Grants;
use cleargate_flow::graph::{Graph, Leaf};
use cleargate_flow::types::{Type, validate};
use cleargate_flow::{NodeError, Record, RunId, Value};
use cleargate_gate::{
    Answer, Folder, Gate, GateConfig, Hop, MemorySecrets, Sources, TracingAudit, Transport,
};
use cleargate_nodes::SubFlow;
use cleargate_store::memory::MemoryStore;
use cleargate_store::{KvSpace, Store};

use crate::cases::chance::Chance;
use crate::config::Config;
use crate::error::{Error, Kind, Result};
use crate::flows::{Flow, FlowCatalog};

pub(crate) use part::{AttemptFault, Part, Parts};
pub(crate) use people::{People, Reply, Signal};
pub use stage::Otherwise;
pub(crate) use stage::{Heard, Props};
pub(crate) use tape::{Tape, Taped};
pub(crate) use torn::StoreFaults;
pub(crate) use trace::{Trace, spent};

use stage::Stage;
use torn::TornStore;

/// Whose values a case has.
const TENANT: &str = "default";

/// What is to be rehearsed.
pub(crate) struct Rehearsal {
    pub flow: Flow,
    /// Complete.
    pub input: Value,
    pub props: Props,
    pub faults: StoreFaults,
    /// The operator's network and secrets, for what goes out into the world.
    pub config: Config,
}

/// What came of it.
pub(crate) struct Rehearsed {
    pub run: RunId,
    pub records: Vec<Record>,
    /// Why the run has no end, when it has none.
    pub stuck: Option<String>,
    /// What the case has and nothing came to.
    pub unasked: Vec<String>,
    pub heard: Heard,
    /// Texts in the stores at the end, by store and key.
    pub kv: Value,
}

/// How one process of a rehearsal ended.
enum Life {
    Ended(End),
    /// It could not begin.
    Refused(StartError),
    Crashed,
}

impl Rehearsal {
    /// Performs it, on a thread of its own.
    ///
    /// # Errors
    /// The machine gives no folder, thread or timer; the network of the operator cannot be used.
    pub(crate) async fn perform(self) -> Result<Rehearsed> {
        let done = tokio::task::spawn_blocking(move || self.on_this_thread()).await;
        done.map_err(|e| Error::new(Kind::Bug, "a rehearsal broke off").caused_by(&e))?
    }

    fn on_this_thread(mut self) -> Result<Rehearsed> {
        let failed = |what: &str, e: &std::io::Error| Error::new(Kind::Store, what).caused_by(e);
        let files = files_of(&self.props)?;
        let folder = tempfile::tempdir().map_err(|e| failed("no folder for a rehearsal", &e))?;
        for (name, text) in &self.props.files {
            let path = folder.path().join(name);
            let parent = path.parent().unwrap_or(folder.path());
            std::fs::create_dir_all(parent)
                .and_then(|()| std::fs::write(&path, text))
                .map_err(|e| failed("a file of the case cannot be made", &e))?;
        }
        let own = || "rehearsal".parse().expect("letters");
        let run: RunId = self.props.run.take().unwrap_or_else(own);
        let memory = Arc::new(MemoryStore::new());
        let store = Arc::new(TornStore::new(memory, run.clone(), std::mem::take(&mut self.faults)));
        let mut props = std::mem::take(&mut self.props);
        let people = std::mem::take(&mut props.people);
        let (kv, seed) = (props.script.kv.clone(), props.script.seed);
        let stores: Vec<String> = kv.keys().chain(&props.stores).cloned().collect();
        let outside = props.parts.live() || props.otherwise == Otherwise::Live;
        let draws = Mutex::new(std::mem::take(&mut props.draws).into());
        let company = Company {
            people,
            draws: Arc::new(draws),
            began: i64::try_from(props.now).unwrap_or(i64::MAX),
            store: store.clone(),
            stage: Arc::new(Stage::new(props)),
            chance: Arc::new(Chance::new(seed)),
            folder: Folder::open(folder.path()),
            files,
            transport: match outside {
                true => Arc::new(crate::host::network(&self.config)?),
                false => Arc::new(Nowhere),
            },
            secrets: Arc::new(match outside {
                true => crate::host::secrets(&self.config)?,
                false => MemorySecrets::default(),
            }),
        };
        let clock = company.stage.clock.clone();
        let mut begun = false;
        let stuck = loop {
            let life = self.life(&company, &run, (!begun).then_some(&kv));
            let life = clock.run(life).map_err(|e| failed("no timers", &e))?;
            begun = true;
            match life {
                Some(Life::Crashed) => {}
                Some(Life::Ended(End::Finished(_))) => break None,
                Some(Life::Ended(End::Broken(why))) => break Some(why),
                Some(Life::Ended(other)) => break Some(format!("the run was left: {other:?}")),
                Some(Life::Refused(error)) => break Some(error.to_string()),
                None => break Some("the run waits for what nobody brings".into()),
            }
        };
        let rest = async {
            let records = store.whole_journal(&run).await.unwrap_or_default();
            (records, texts(&*store, &stores).await)
        };
        let (records, kv) =
            clock.run(rest).map_err(|e| failed("no timers", &e))?.unwrap_or_default();
        let Company { stage, people, .. } = company;
        let mut unasked = stage.unasked();
        unasked.extend(people.unasked());
        unasked.extend(store.unmet());
        Ok(Rehearsed { run, records, stuck, unasked, heard: stage.heard(), kv })
    }

    /// One process: the first one starts the run, the others take it over.
    async fn life(&self, company: &Company, run: &RunId, first: Option<&Stores>) -> Life {
        for (name, values) in first.into_iter().flatten() {
            for (key, text) in values {
                let space = KvSpace::new(TENANT, name);
                let bytes = text.clone().into_bytes();
                // What is too large shows where it is read.
                let _ = company.store.kv_set(space, key, bytes).await;
            }
        }
        let executor = company.executor();
        let catalog = Arc::new(Cast::of(&self.flow, company, &executor, String::new()));
        let graph = self.flow.graph.clone();
        let work = async {
            let begun = match first {
                Some(_) => {
                    let (id, input) = (Some(run.clone()), self.input.clone());
                    let start = StartRun { id, input, ..StartRun::default() };
                    executor.start(graph, catalog, start).await
                }
                None => executor.resume(run, graph, catalog).await,
            };
            match begun {
                Ok(handle) => Life::Ended(handle.outcome().await),
                Err(error) => Life::Refused(error),
            }
        };
        let Company { people, store, stage, .. } = company;
        tokio::select! {
            biased;
            () = store.crashed.notified() => Life::Crashed,
            life = work => life,
            () = people.act(&executor, &stage.clock, store, (run, company.began)) => Life::Crashed,
        }
    }
}

type Stores = std::collections::BTreeMap<String, std::collections::BTreeMap<String, String>>;

/// The texts of these stores, as a record of records.
async fn texts(store: &dyn Store, names: &[String]) -> Value {
    let mut stores = Vec::new();
    for name in names {
        let space = KvSpace::new(TENANT, name);
        let keys = store.kv_list(space, "", None).await.map(|page| page.keys).unwrap_or_default();
        let mut values = Vec::new();
        for key in keys {
            let value = store.kv_get(space, &key).await.ok().flatten();
            let text = value.and_then(|bytes| String::from_utf8(bytes).ok());
            values.extend(text.map(|text| (key, Value::from(text))));
        }
        stores.push((name.clone(), Value::record(values)));
    }
    Value::record(stores)
}

/// Grants for the files of a case, whose names lead nowhere else.
fn files_of(props: &Props) -> Result<Grants> {
    let file = |name: &String| {
        if name.starts_with('/') {
            let why = format!("`mock.files`: `{name}` is not relative to the flow");
            return Err(Error::new(Kind::Invalid, why));
        }
        format!("{name}:rw").parse().map_err(|e: cleargate_flow::grant::GrantError| {
            Error::new(Kind::Invalid, "`mock.files`").caused_by(&e)
        })
    };
    let files = props.files.keys().map(file).collect::<Result<_>>()?;
    Ok(Grants { files, ..Grants::default() })
}

/// What all processes of a rehearsal share.
struct Company {
    people: People,
    draws: Arc<Mutex<VecDeque<u64>>>,
    /// When the run begins, in milliseconds since 1970.
    began: i64,
    store: Arc<TornStore>,
    stage: Arc<Stage>,
    chance: Arc<Chance>,
    folder: Folder,
    files: Grants,
    transport: Arc<dyn Transport>,
    secrets: Arc<MemorySecrets>,
}

impl Company {
    fn executor(&self) -> Executor {
        let (clock, chance) = (self.stage.clock.clone(), self.chance.clone());
        let now = clock.clone();
        let sources = Sources {
            now: Arc::new(move || now.now()),
            random: Arc::new(move |bytes: &mut [u8]| chance.fill(bytes)),
        };
        let gate = Gate::new(
            self.store.clone(),
            self.transport.clone(),
            self.secrets.clone(),
            Arc::new(TracingAudit),
            sources,
            GateConfig::default(),
        );
        let mut config = ExecutorConfig::new("rehearsal");
        // Nobody contends for it, so nobody has to wake up for it.
        config.lease_ttl = Duration::from_millis(HORIZON_MS.saturating_mul(4));
        config.look = None;
        let gate = gate.with_stand_in(self.stage.clone());
        let ids = Arc::new(Fixed {
            ids: Counted::default(),
            draws: self.draws.clone(),
            chance: self.chance.clone(),
        });
        Executor::new(self.store.clone(), gate, Arc::new(clock), ids, config)
    }
}

/// Names and draws that are the same each time.
struct Fixed {
    ids: Counted,
    draws: Arc<Mutex<VecDeque<u64>>>,
    chance: Arc<Chance>,
}

impl RunIds for Fixed {
    fn next(&self, now_ms: i64) -> RunId {
        self.ids.next(now_ms)
    }

    fn draw(&self, below: u64) -> u64 {
        let recorded = self.draws.lock().expect("no holder of this lock panics").pop_front();
        if let Some(drawn) = recorded {
            return drawn % below.max(1);
        }
        let mut bytes = [0; 8];
        self.chance.fill(&mut bytes);
        u64::from_le_bytes(bytes) % below.max(1)
    }
}

/// A network that leads nowhere.
struct Nowhere;

#[async_trait]
impl Transport for Nowhere {
    async fn send(&self, _: Hop) -> Result<Answer, NodeError> {
        Err(NodeError::new(ErrorCode::Denied, "a rehearsal has no network"))
    }
}

/// Who performs the nodes of a flow in a rehearsal.
struct Cast {
    /// With the folder of the rehearsal.
    catalog: FlowCatalog,
    /// As it is in a run, for nodes that go out.
    real: Option<Arc<FlowCatalog>>,
    stage: Arc<Stage>,
    executor: Executor,
    folder: Folder,
    files: Grants,
    /// Aliases that lead to this flow, `review/`.
    prefix: String,
}

impl Cast {
    fn of(flow: &Flow, company: &Company, executor: &Executor, prefix: String) -> Self {
        let Company { stage, folder, files, .. } = company;
        Self::new(flow, stage.clone(), executor, (folder.clone(), files.clone()), prefix)
    }

    fn new(
        flow: &Flow,
        stage: Arc<Stage>,
        executor: &Executor,
        (folder, files): (Folder, Grants),
        prefix: String,
    ) -> Self {
        let catalog = flow.catalog.rehearsed(executor.clone(), folder.clone(), files.clone());
        let real = stage.parts.live().then(|| flow.catalog.clone());
        Self { catalog, real, stage, executor: executor.clone(), folder, files, prefix }
    }

    fn inner(&self, leaf: &Leaf, flow: &Flow) -> SubFlow {
        let prefix = format!("{}{}/", self.prefix, leaf.uses);
        let place = (self.folder.clone(), self.files.clone());
        let cast = Self::new(flow, self.stage.clone(), &self.executor, place, prefix);
        SubFlow::new(self.executor.clone(), flow.graph.clone(), Arc::new(cast))
    }
}

impl Catalog for Cast {
    fn node(&self, leaf: &Leaf, graph: &Graph) -> Result<Binding, CatalogError> {
        let inner = |flow: &Flow| self.inner(leaf, flow);
        let mut bare = self.catalog.bare(leaf, graph, &inner)?;
        let real = self.real.as_ref().map(|real| real.bare(leaf, graph, &inner)).transpose()?;
        bare.binding.node = Arc::new(Player {
            node: bare.binding.node,
            real: real.map(|bare| bare.binding),
            uses: leaf.uses.clone(),
            output: bare.output.clone(),
            prefix: self.prefix.clone(),
            stage: self.stage.clone(),
        });
        self.catalog.guarded(leaf, bare)
    }
}

/// A node in a rehearsal: itself, or what the case puts in its place. Its guards stand around either.
struct Player {
    node: Arc<dyn Node>,
    real: Option<Binding>,
    uses: String,
    output: Type,
    prefix: String,
    stage: Arc<Stage>,
}

#[async_trait]
impl Node for Player {
    async fn run(&self, ctx: NodeContext, input: Value) -> Result<Output, Failure> {
        let keys = part::keys(&self.prefix, &ctx.address, &self.uses);
        if let Some(error) = self.stage.parts.fault(&keys, ctx.attempt) {
            return Err(error.into());
        }
        let act = match self.stage.parts.find(&keys) {
            None => return self.node.run(ctx, input).await,
            Some(part) => part.act(ctx.attempt)?,
        };
        let Some(act) = act else {
            let real =
                self.real.as_ref().expect("a node that goes out was bound as it is in a run");
            self.stage.go_live(&ctx.run, &ctx.address);
            let _time_stands_still = self.stage.clock.hold();
            let own = ctx.within(&real.scope, ctx.config.clone());
            return real.node.run(own, input).await;
        };
        if act.delay > 0 {
            tokio::select! {
                () = self.stage.clock.sleep(act.delay) => {}
                () = ctx.cancel.cancelled() => {
                    return Err(Failure::new(ErrorCode::Cancelled, "the attempt was cancelled"));
                }
            }
        }
        match act.answer {
            None => self.node.run(ctx, input).await,
            Some(Err(error)) => Err(error.into()),
            Some(Ok(value)) => match validate(&value, &self.output) {
                Ok(value) => Ok(value.into()),
                Err(mismatch) => {
                    let message = format!(
                        "the case puts a value in its place that is not of its type `{}`: {mismatch}",
                        self.output
                    );
                    Err(Failure::new(ErrorCode::InvalidInput, message))
                }
            },
        }
    }

    fn waits_for_runs(&self) -> bool {
        self.node.waits_for_runs()
    }
}
