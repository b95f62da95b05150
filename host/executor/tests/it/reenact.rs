//! Attempts that are performed again: each call is answered from the record, every door stays shut, and what differs is
//! found at its place.

use std::sync::Arc;

use async_trait::async_trait;
use cleargate_executor::testing::{self, NodeTypes, OneNode};
use cleargate_executor::{
    CallMismatch, Catalog, Counted, End, Executor, ExecutorConfig, Failure, ManualClock, Node,
    NodeContext, Output, Reenacted, StartRun,
};
use cleargate_flow::history::{Recorded, refold};
use cleargate_flow::signature::Effect;
use cleargate_flow::{Graph, NodeError, Value};
use cleargate_gate::{
    Answer, Gate, GateConfig, Hop, HttpRequest, KvOp, MemoryAudit, MemorySecrets, Request, Sources,
    Transport,
};
use cleargate_store::{KvSpace, MemoryStore, Store};

use crate::peers::Neighbours;

/// What a later build of the node does in another way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Build {
    Same,
    OtherPayload,
    OtherHost,
    OneMore,
    OneLess,
    OtherAnswer,
}

/// Asks the world for everything that a node can ask for.
struct Asker(Build);

fn set(value: &str) -> Request {
    let op = KvOp::Set { key: "k".into(), value: value.into() };
    Request::Kv { store: "s".into(), op }
}

fn post(host: &str) -> Request {
    let url = format!("https://{host}/");
    Request::Http(HttpRequest { method: "POST".into(), ..HttpRequest::get(url) })
}

#[async_trait]
impl Node for Asker {
    async fn run(&self, ctx: NodeContext, _: Value) -> Result<Output, Failure> {
        let ask = async |request| ctx.pass.perform(request).await;
        ask(set(if self.0 == Build::OtherPayload { "other" } else { "v" })).await?;
        let host = if self.0 == Build::OtherHost { "other.example" } else { "world.example" };
        let posted = ask(post(host)).await;
        let refused = ask(post("nobody.example")).await.unwrap_err();
        let told = ctx.pass.tool("peer.post", Value::empty()).await?;
        let now = ask(Request::Now).await?;
        let mut chance = Value::Null;
        if self.0 != Build::OneLess {
            chance = Value::from(&ask(Request::Random { len: 4 }).await?);
        }
        if self.0 == Build::OneMore {
            ask(set("more")).await?;
        }
        let other = self.0 == Build::OtherAnswer;
        Ok(Value::record([
            ("now", Value::from(&now)),
            ("chance", chance),
            ("refused", refused.message.into()),
            ("told", told),
            ("posted", posted.is_ok().into()),
            ("deep", Value::list([Value::record([("x", Value::from(i64::from(other)))])])),
        ])
        .into())
    }
}

struct Wire;

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
        Ok(Answer { status: 200, headers: Vec::new(), body: Box::new(Nothing) })
    }
}

/// A network, a clock and a chance that must not be asked.
struct Trap;

#[async_trait]
impl Transport for Trap {
    async fn send(&self, hop: Hop) -> Result<Answer, NodeError> {
        panic!("{hop:?} was sent");
    }
}

fn trapped(store: Arc<dyn Store>) -> Arc<Gate> {
    let sources = Sources {
        now: Arc::new(|| panic!("the clock was asked")),
        random: Arc::new(|_| panic!("chance was asked")),
    };
    let (secrets, audit) = (Arc::<MemorySecrets>::default(), Arc::new(MemoryAudit::new(64)));
    Gate::new(store, Arc::new(Trap), secrets, audit, sources, GateConfig::default())
}

fn executor(store: Arc<dyn Store>, gate: Arc<Gate>) -> Executor {
    let (clock, ids) = (Arc::new(ManualClock::at(1_000)), Arc::new(Counted::default()));
    Executor::new(store, gate, clock, ids, ExecutorConfig::new("a"))
}

fn catalog(build: Build) -> Arc<dyn Catalog> {
    let grants = r#"{"kv": ["s"], "http": ["world.example", "other.example"], "tools": ["peer.*"],
        "services": ["clock", "random"]}"#;
    let grants = Value::from_json(grants).unwrap().to().unwrap();
    Arc::new(OneNode::new(Arc::new(Asker(build))).granted(grants).among(Neighbours::shared()))
}

fn flow() -> Arc<Graph> {
    let types = NodeTypes(&[("asks", Effect::Idempotent)]);
    let text = "cleargate: 1\nflow: asking\noutput: { a: \"${a}\" }\nnodes:\n  a: { type: asks }\n";
    testing::graph(text, &types)
}

/// The attempt of a run in a world that answers.
async fn recorded(graph: &Arc<Graph>) -> Recorded {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::default());
    let executor = executor(store.clone(), testing::gate(store.clone(), Arc::new(Wire)));
    let start = StartRun { input: Value::empty(), ..StartRun::default() };
    let run = executor.start(graph.clone(), catalog(Build::Same), start).await.unwrap();
    assert!(matches!(run.outcome().await, End::Finished(o) if o.status() == "succeeded"));
    let records = store.whole_journal(run.id()).await.unwrap();
    let folded = refold(graph, run.id(), &records).unwrap();
    folded.attempts.into_iter().next().unwrap()
}

#[tokio::test]
async fn a_recorded_attempt_is_performed_again_without_a_world() {
    let graph = flow();
    let recorded = recorded(&graph).await;
    assert!(recorded.calls.iter().any(|call| call.place.len() == 2), "the tool asked for nothing");
    let other = |place: u32, recorded: Option<&str>, asked: Option<&str>| CallMismatch {
        place: vec![place],
        recorded: recorded.map(Into::into),
        asked: asked.map(Into::into),
    };
    let (kv, random) = ("kv set s/k", "random 4");
    let (here, there) = ("http POST world.example", "http POST other.example");
    for (build, expected) in [
        (Build::Same, None),
        (Build::OtherAnswer, None),
        (Build::OtherPayload, Some(other(0, Some(kv), Some(kv)))),
        (Build::OtherHost, Some(other(1, Some(here), Some(there)))),
        (Build::OneMore, Some(other(6, None, Some(kv)))),
        (Build::OneLess, Some(other(5, Some(random), None))),
    ] {
        let store = Arc::new(MemoryStore::default());
        let executor = executor(store.clone(), trapped(store.clone()));
        let done = executor.reenact(&recorded, &graph, &*catalog(build)).await.unwrap();
        let Reenacted::Answered { result, calls } = done else { panic!("{build:?}") };
        assert_eq!(calls.first(), expected.as_ref(), "{build:?}");
        let same =
            result.as_ref().ok().map(|output| &output.value) == recorded.answer.as_ref().ok();
        assert_eq!(same, build == Build::Same, "{build:?}: {result:?}");
        let space = KvSpace::new("default", "s");
        assert_eq!(store.kv_get(space, "k").await.unwrap(), None, "{build:?} wrote");
    }
}
