//! A world of scripted nodes that remembers what was done to it, and a store that can die.

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use cleargate_executor::testing::{self, NodeTypes, OneNode};
use cleargate_executor::{
    Catalog, Clock, Counted, Executor, ExecutorConfig, Failure, ManualClock, Node, NodeContext,
    Output, RunHandle, StartError, StartRun,
};
use cleargate_flow::error::ErrorCode;
use cleargate_flow::signature::Effect;
use cleargate_flow::{FlowHash, Graph, NodeError, Record, RunId, Value};
use cleargate_gate::{Answer, Gate, Hop, HttpRequest, KvOp, Request, Transport};
use cleargate_store::{
    BlobDigest, Created, Durability, KvPage, KvSpace, Lease, Letter, MemoryStore, NewRun, OpenWait,
    Posted, Removed, RunFilter, RunRow, Store, StoreError, Trouble, WaitFilter,
};
use tokio::sync::Notify;

pub(crate) const TYPES: NodeTypes = NodeTypes(&[
    ("pure", Effect::Pure),
    ("read", Effect::Read),
    ("idem", Effect::Idempotent),
    ("once", Effect::Once),
]);

pub(crate) fn graph(nodes: &str, output: &str) -> Arc<Graph> {
    let head = "cleargate: 1\nflow: test\nversion: 1.0.0";
    testing::graph(&format!("{head}\noutput:\n  out: {output}\nnodes:\n{nodes}"), &TYPES)
}

/// What was done to the world: (address, attempt, key), in order.
#[derive(Default)]
pub(crate) struct Ledger {
    pub(crate) done: Mutex<Vec<(String, u32, String)>>,
    /// Requests that left through the gate.
    pub(crate) sent: AtomicUsize,
    pub(crate) now: AtomicUsize,
    pub(crate) most: AtomicUsize,
    /// Nodes that are told to `wait` end when this is told.
    pub(crate) open: Notify,
    pub(crate) began: Notify,
}

impl Ledger {
    pub(crate) fn keys(&self) -> BTreeMap<String, Vec<String>> {
        let mut keys: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (address, _, key) in self.done.lock().unwrap().iter() {
            keys.entry(address.clone()).or_default().push(key.clone());
        }
        keys
    }
}

#[derive(Clone)]
struct Scripted(Arc<Ledger>);

struct Inside<'l>(&'l Ledger);

impl Drop for Inside<'_> {
    fn drop(&mut self) {
        self.0.now.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Lines that a node says which is told to chatter, and bytes of each.
pub(crate) const CHATTER: (usize, usize) = (100, 64);

/// What must not be sent twice.
fn post() -> Request {
    let url = "https://world.example/";
    Request::Http(HttpRequest { method: "POST".into(), ..HttpRequest::get(url) })
}

#[async_trait]
impl Node for Scripted {
    async fn run(&self, ctx: NodeContext, input: Value) -> Result<Output, Failure> {
        let ledger = &*self.0;
        let now = ledger.now.fetch_add(1, Ordering::SeqCst) + 1;
        ledger.most.fetch_max(now, Ordering::SeqCst);
        let _inside = Inside(ledger);
        let entry = (ctx.address.to_string(), ctx.attempt, ctx.key.clone());
        ledger.done.lock().unwrap().push(entry);
        ledger.began.notify_one();
        match input.get("act").and_then(Value::as_str).unwrap_or("give") {
            "panic" => panic!("scripted"),
            "fail" => return Err(Failure::new(ErrorCode::Permanent, "scripted")),
            act @ ("flaky" | "down") if ctx.attempt < 3 || act == "down" => {
                return Err(Failure::new(ErrorCode::Transient, "scripted"));
            }
            "hang" => std::future::pending().await,
            "polite" => {
                ctx.cancel.cancelled().await;
                return Err(Failure::new(ErrorCode::Cancelled, "as asked"));
            }
            "wait" => ledger.open.notified().await,
            "yield" => {
                for _ in 0..20 {
                    tokio::task::yield_now().await;
                }
            }
            // As many levels as `v` says.
            "deep" => {
                let levels = input.get("v").and_then(Value::as_int).unwrap();
                let value = (1..levels).fold(Value::Null, |inner, _| Value::list([inner]));
                return Ok(value.into());
            }
            "no number" => return Ok(Value::list([Value::Float(f64::NAN)]).into()),
            "verbose" => {
                let error = Failure::new(ErrorCode::Permanent, "é".repeat(1 << 20));
                let detail = (0..1_000).fold(Value::Null, |inner, _| Value::list([inner]));
                let error = error.error.with_detail(detail).with_help("h".repeat(1 << 20));
                return Err(error.into());
            }
            // Reads what is under `big`, as often as `v` says.
            "read" => {
                for _ in 0..input.get("v").and_then(Value::as_int).unwrap() {
                    let op = KvOp::Get { key: "big".into() };
                    ctx.pass.perform(Request::Kv { store: "s".into(), op }).await?;
                    ledger.sent.fetch_add(1, Ordering::SeqCst);
                }
            }
            // Says something each time that it is let.
            "talk" => loop {
                ledger.open.notified().await;
                ctx.log.line("info", "said");
            },
            "say" => drop(ctx.log.line("info", "said")),
            "chatter" => {
                for _ in 0..CHATTER.0 {
                    ctx.log.line("info", &"x".repeat(CHATTER.1));
                }
            }
            "call" => {
                let op = KvOp::Set { key: "k".into(), value: b"v".to_vec() };
                ctx.pass.perform(Request::Kv { store: "s".into(), op }).await?;
                ctx.pass.perform(post()).await?;
            }
            "delegate" => {
                for _ in 0..2 {
                    ctx.pass.tool("peer.post", Value::empty()).await?;
                }
                ctx.pass.perform(post()).await?;
            }
            "forbidden tool" => drop(ctx.pass.tool("other.tool", Value::empty()).await?),
            "absent model" => drop(ctx.pass.complete("fast", Value::empty()).await?),
            "deep tool" => drop(ctx.pass.tool("peer.again", Value::empty()).await?),
            _ => {}
        }
        Ok(input.get("v").cloned().unwrap_or_default().into())
    }
}

/// Counts what leaves. It may say that the process dies right after a request has left.
struct Wire(Arc<Ledger>);

struct Nothing;

#[async_trait]
impl cleargate_gate::BodySource for Nothing {
    async fn next(&mut self) -> Result<Option<Vec<u8>>, NodeError> {
        Ok(None)
    }
}

#[async_trait]
impl Transport for Wire {
    async fn send(&self, _: Hop) -> Result<Answer, NodeError> {
        self.0.sent.fetch_add(1, Ordering::SeqCst);
        Ok(Answer { status: 200, headers: Vec::new(), body: Box::new(Nothing) })
    }
}

/// The k-th append and all after it fail, as if the process had ended. `lands`: the k-th is stored all the
/// same, and only its acknowledgement is lost.
pub(crate) struct Mortal {
    pub(crate) inner: Arc<MemoryStore>,
    left: AtomicUsize,
    lands: bool,
    pub(crate) died: std::sync::atomic::AtomicBool,
    /// How durable each append was to be.
    pub(crate) asked: Mutex<Vec<Durability>>,
    /// What the next appends are answered instead of being made, in order.
    grudges: Mutex<VecDeque<StoreError>>,
    /// Who says when each operation happens and when its caller hears of it; at once when absent.
    order: Option<Arc<dyn Order>>,
}

/// Says when something in a process may happen.
#[async_trait]
pub(crate) trait Order: Send + Sync {
    /// Ends when it may; never when its process has ended.
    async fn turn(&self);
}

impl Mortal {
    pub(crate) fn new(inner: Arc<MemoryStore>, appends: usize, lands: bool) -> Arc<Self> {
        let (left, died) = (AtomicUsize::new(appends), false.into());
        let (asked, grudges) = (Mutex::default(), Mutex::default());
        Arc::new(Self { inner, left, lands, died, asked, grudges, order: None })
    }

    /// A store that lives, whose operations happen and are answered when somebody says so.
    pub(crate) fn in_order(inner: Arc<MemoryStore>, order: Arc<dyn Order>) -> Arc<Self> {
        let mut store = Self::new(inner, usize::MAX, false);
        Arc::get_mut(&mut store).expect("nobody else has it yet").order = Some(order);
        store
    }

    async fn ordered<T>(&self, operation: impl Future<Output = T>) -> T {
        let Some(order) = &self.order else { return operation.await };
        order.turn().await;
        let done = operation.await;
        order.turn().await;
        done
    }

    /// A store that lives, and refuses to append this often before it does.
    pub(crate) fn grudging(
        inner: Arc<MemoryStore>,
        grudges: impl IntoIterator<Item = StoreError>,
    ) -> Arc<Self> {
        let store = Self::new(inner, usize::MAX, false);
        store.grudges.lock().unwrap().extend(grudges);
        store
    }

    fn alive(&self) -> Result<(), StoreError> {
        if self.died.load(Ordering::SeqCst) { Err(StoreError::Closed) } else { Ok(()) }
    }
}

#[async_trait]
impl Store for Mortal {
    async fn append(&self, l: &Lease, r: Vec<Record>, d: Durability) -> Result<(), StoreError> {
        self.alive()?;
        self.asked.lock().unwrap().push(d);
        if let Some(grudge) = self.grudges.lock().unwrap().pop_front() {
            return Err(grudge);
        }
        let left = self.left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |n| n.checked_sub(1));
        if left.is_ok() {
            return self.ordered(self.inner.append(l, r, d)).await;
        }
        self.died.store(true, Ordering::SeqCst);
        if self.lands {
            self.ordered(self.inner.append(l, r, d)).await?;
        }
        Err(StoreError::Closed)
    }

    async fn release(&self, lease: &Lease) -> Result<(), StoreError> {
        self.alive()?;
        self.ordered(self.inner.release(lease)).await
    }

    async fn renew(&self, l: &Lease, now: i64, ttl: u64) -> Result<Lease, StoreError> {
        self.alive()?;
        self.ordered(self.inner.renew(l, now, ttl)).await
    }

    async fn put_flow(&self, h: &FlowHash, b: Vec<u8>) -> Result<(), StoreError> {
        self.ordered(self.inner.put_flow(h, b)).await
    }
    async fn get_flow(&self, h: &FlowHash) -> Result<Option<Vec<u8>>, StoreError> {
        self.ordered(self.inner.get_flow(h)).await
    }
    async fn create_run(&self, run: NewRun) -> Result<Created, StoreError> {
        // A store that lasts answers later: others have their turn before.
        tokio::task::yield_now().await;
        self.ordered(self.inner.create_run(run)).await
    }
    async fn run(&self, run: &RunId) -> Result<Option<RunRow>, StoreError> {
        self.ordered(self.inner.run(run)).await
    }
    async fn runs(&self, filter: &RunFilter) -> Result<Vec<RunRow>, StoreError> {
        self.ordered(self.inner.runs(filter)).await
    }
    async fn run_ids(&self, prefix: &str, limit: usize) -> Result<Vec<RunId>, StoreError> {
        self.ordered(self.inner.run_ids(prefix, limit)).await
    }
    async fn next_due(&self, after: i64) -> Result<Option<i64>, StoreError> {
        self.ordered(self.inner.next_due(after)).await
    }
    async fn set_trouble(&self, run: &RunId, t: Option<Trouble>) -> Result<(), StoreError> {
        self.alive()?;
        self.ordered(self.inner.set_trouble(run, t)).await
    }
    async fn trouble(&self, run: &RunId) -> Result<Option<Trouble>, StoreError> {
        self.ordered(self.inner.trouble(run)).await
    }
    async fn set_aside(
        &self,
        before: Option<&RunId>,
        limit: usize,
    ) -> Result<Vec<(RunId, Trouble)>, StoreError> {
        self.ordered(self.inner.set_aside(before, limit)).await
    }
    async fn undelivered(&self, run: &RunId, limit: usize) -> Result<Vec<Letter>, StoreError> {
        self.ordered(self.inner.undelivered(run, limit)).await
    }
    async fn outstanding(&self, now: i64) -> Result<Vec<RunId>, StoreError> {
        self.ordered(self.inner.outstanding(now)).await
    }
    async fn acquire(&self, r: &RunId, o: &str, now: i64, t: u64) -> Result<Lease, StoreError> {
        self.ordered(self.inner.acquire(r, o, now, t)).await
    }
    async fn park(&self, l: &Lease, due: Option<i64>) -> Result<bool, StoreError> {
        self.alive()?;
        self.ordered(self.inner.park(l, due)).await
    }
    async fn post(&self, letter: &Letter) -> Result<Posted, StoreError> {
        self.alive()?;
        self.ordered(self.inner.post(letter)).await
    }
    async fn inbox(&self, run: &RunId, limit: usize) -> Result<Vec<Letter>, StoreError> {
        self.alive()?;
        self.ordered(self.inner.inbox(run, limit)).await
    }
    async fn waits(&self, filter: &WaitFilter) -> Result<Vec<OpenWait>, StoreError> {
        self.ordered(self.inner.waits(filter)).await
    }
    async fn due(&self, now: i64, below: Option<&RunId>) -> Result<Vec<RunId>, StoreError> {
        self.ordered(self.inner.due(now, below)).await
    }
    async fn children(&self, run: &RunId) -> Result<Vec<RunId>, StoreError> {
        self.ordered(self.inner.children(run)).await
    }
    async fn journal(&self, r: &RunId, from: u64, n: usize) -> Result<Vec<Record>, StoreError> {
        self.ordered(self.inner.journal(r, from, n)).await
    }
    async fn remove_run(&self, run: &RunId) -> Result<Removed, StoreError> {
        self.ordered(self.inner.remove_run(run)).await
    }
    async fn put_blob(&self, tenant: &str, bytes: Vec<u8>) -> Result<BlobDigest, StoreError> {
        self.ordered(self.inner.put_blob(tenant, bytes)).await
    }
    async fn get_blob(&self, t: &str, blob: &BlobDigest) -> Result<Option<Vec<u8>>, StoreError> {
        self.ordered(self.inner.get_blob(t, blob)).await
    }
    async fn kv_get(&self, s: KvSpace<'_>, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        self.ordered(self.inner.kv_get(s, key)).await
    }
    async fn kv_set(&self, s: KvSpace<'_>, key: &str, v: Vec<u8>) -> Result<(), StoreError> {
        self.ordered(self.inner.kv_set(s, key, v)).await
    }
    async fn kv_delete(&self, s: KvSpace<'_>, key: &str) -> Result<bool, StoreError> {
        self.ordered(self.inner.kv_delete(s, key)).await
    }
    async fn kv_swap(
        &self,
        s: KvSpace<'_>,
        key: &str,
        expected: Option<&[u8]>,
        value: Vec<u8>,
    ) -> Result<bool, StoreError> {
        self.ordered(self.inner.kv_swap(s, key, expected, value)).await
    }
    async fn kv_list(
        &self,
        s: KvSpace<'_>,
        prefix: &str,
        after: Option<&str>,
    ) -> Result<KvPage, StoreError> {
        self.ordered(self.inner.kv_list(s, prefix, after)).await
    }
}

/// One process.
pub(crate) struct Process {
    pub(crate) executor: Executor,
    pub(crate) gate: Arc<Gate>,
    pub(crate) clock: ManualClock,
    pub(crate) ledger: Arc<Ledger>,
}

impl Process {
    pub(crate) fn new() -> Self {
        let store = Arc::new(MemoryStore::default());
        Self::on(store, "a", Arc::default(), ManualClock::at(1_000), |_| {})
    }

    pub(crate) fn on(
        store: Arc<dyn Store>,
        owner: &str,
        ledger: Arc<Ledger>,
        clock: ManualClock,
        set: impl FnOnce(&mut ExecutorConfig),
    ) -> Self {
        let shown = Arc::new(clock.clone());
        Self::showing(store, owner, ledger, (clock, shown), set)
    }

    /// A process whose clock shows something else than the time that passes.
    pub(crate) fn showing(
        store: Arc<dyn Store>,
        owner: &str,
        ledger: Arc<Ledger>,
        (clock, shown): (ManualClock, Arc<dyn Clock>),
        set: impl FnOnce(&mut ExecutorConfig),
    ) -> Self {
        let gate = testing::gate(store.clone(), Arc::new(Wire(ledger.clone())));
        let mut config = ExecutorConfig::new(owner);
        set(&mut config);
        let ids = Arc::new(Counted::default());
        let executor = Executor::new(store, gate.clone(), shown, ids, config);
        Self { executor, gate, clock, ledger }
    }

    pub(crate) fn catalog(&self) -> Arc<dyn Catalog> {
        let grants = r#"{"kv": ["s"], "http": ["world.example"], "tools": ["peer.*"]}"#;
        let grants = Value::from_json(grants).unwrap().to().unwrap();
        let node = OneNode::new(Arc::new(Scripted(self.ledger.clone()))).granted(grants);
        Arc::new(node.among(crate::peers::Neighbours::shared()))
    }

    pub(crate) async fn start(&self, graph: &Arc<Graph>) -> RunHandle {
        let start = StartRun { input: Value::empty(), ..StartRun::default() };
        self.executor.start(graph.clone(), self.catalog(), start).await.unwrap()
    }

    pub(crate) async fn resume(
        &self,
        run: &RunId,
        graph: &Arc<Graph>,
    ) -> Result<RunHandle, StartError> {
        self.executor.resume(run, graph.clone(), self.catalog()).await
    }
}
