//! The host's interfaces inside a run: what a guest asks goes through the pass of its attempt, to a real gate
//! with a store in memory.

use std::sync::Arc;

use async_trait::async_trait;
use cleargate_executor::{CallScope, NodeContext};
use cleargate_flow::error::{ErrorCode, NodeError};
use cleargate_flow::limits::Limits;
use cleargate_flow::signature::{Effect, PluginKind, Signature};
use cleargate_flow::types::Kind;
use cleargate_flow::value::Value;
use cleargate_gate::{
    Answer, BodySource, Gate, GateConfig, Hop, MemoryAudit, MemorySecrets, SecretEntry, Sources,
    Transport,
};
use cleargate_runtime::describe::Described;
use cleargate_runtime::node::node;
use cleargate_store::MemoryStore;

use crate::guests::{everything, runtime, wrap};
use crate::interfaces::{Ask, GET, LABEL, RANDOM, SEND};

/// A network that answers each `GET`.
struct Wire;

struct Body(Option<Vec<u8>>);

#[async_trait]
impl BodySource for Body {
    async fn next(&mut self) -> Result<Option<Vec<u8>>, NodeError> {
        Ok(self.0.take())
    }
}

#[async_trait]
impl Transport for Wire {
    async fn send(&self, hop: Hop) -> Result<Answer, NodeError> {
        assert_eq!((hop.method.as_str(), hop.headers.len()), ("GET", 1), "{hop:?}");
        let body = Body(Some(br#"{"from":"http"}"#.to_vec()));
        Ok(Answer { status: 200, headers: vec![], body: Box::new(body) })
    }
}

/// A gate with one secret.
pub(crate) fn gate() -> Arc<Gate> {
    let sources = Sources { now: Arc::new(|| 0), random: Arc::new(|bytes| bytes.fill(b'7')) };
    let secret = SecretEntry::new("\"a secret\"", vec![]).unwrap();
    Gate::new(
        Arc::new(MemoryStore::new()),
        Arc::new(Wire),
        Arc::new(MemorySecrets::from_iter([("label".to_owned(), secret)])),
        Arc::new(MemoryAudit::new(16)),
        sources,
        GateConfig::default(),
    )
}

/// The context of one attempt with the same grants as the component's.
fn context() -> NodeContext {
    let gate = gate();
    let mut grants = everything();
    grants.kv = ["label".parse().unwrap()].into();
    let limits = Limits::combine(&[]);
    let scope = CallScope {
        name: "guest".into(),
        grants: Arc::new(grants),
        limits,
        folder: None,
        peers: None,
    };
    let config = Value::record([("from", "flow".into())]);
    NodeContext::outside(&gate, "default", &scope, Value::record([("config", config)]))
}

/// Performs one host call inside the attempt.
async fn perform(ask: &Ask, ctx: &NodeContext) -> Result<Value, NodeError> {
    let plugin = runtime().load(wrap(&ask.module()), &everything()).await.unwrap();
    let signature = Signature {
        summary: String::new(),
        input: Default::default(),
        open: false,
        output: Kind::Json.into(),
        config: Default::default(),
        effect: Effect::Once,
        requests: everything(),
        limits: Limits::default(),
        texts: Vec::new(),
        typed_by: None,
        program: false,
        model_key: None,
        origin: "test".into(),
    };
    let described = Described { kind: PluginKind::Node, id: "guest".into(), signature };
    let output = node(&plugin, &described).run(ctx.clone(), Value::empty()).await;
    output.map(|output| output.value).map_err(|failure| failure.error)
}

#[tokio::test]
async fn a_node_reaches_what_the_gate_keeps() {
    let ctx = context();
    let ask = |name, arguments, text| Ask { name, arguments, align: Some(4), text };
    let set =
        "(i32.const 512) (i32.const 5) (i32.const 520) (i32.const 4) (i32.const 600) (i32.const 4)";
    let put = "(i32.const 600) (i32.const 4) (i32.const 520) (i32.const 10) (i32.const 0) \
        (i32.const 0) (i32.const 0)";
    let read = "(i32.const 616) (i32.const 71) (i32.const 520) (i32.const 10) (i64.const 4) \
        (i32.const 0) (i32.const 0) (i32.const 0) (i64.const 0) (i32.const 3)";
    let fetch = "(i32.const 704) (i32.const 3) (i32.const 544) (i32.const 13) (i32.const 576) \
        (i32.const 1) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 250)";
    for (ask, expected) in [
        (
            Ask { name: ("config", "get"), arguments: "", align: None, text: Some(0) },
            Value::record([("from", "flow".into())]),
        ),
        (RANDOM, 7777.into()),
        (ask(("kv", "set"), set, None), Value::Null),
        (GET, 4711.into()),
        (ask(("http", "send"), fetch, Some(16)), Value::record([("from", "http".into())])),
        (ask(("secret", "placeholder"), LABEL, None), Value::Null),
        (ask(("secret-reveal", "reveal"), LABEL, Some(4)), "a secret".into()),
        (Ask { name: ("blob", "put"), arguments: put, align: Some(8), text: None }, Value::Null),
        // The digest as the contract writes it; the store writes it in another way.
        (ask(("blob", "get"), read, Some(4)), 471.into()),
    ] {
        assert_eq!(perform(&ask, &ctx).await, Ok(expected), "{:?}", ask.name);
    }
}

#[tokio::test]
async fn what_the_gate_refuses_is_the_nodes_error() {
    let ctx = context();
    let other = "(i32.const 560) (i32.const 9) (i32.const 520) (i32.const 4)";
    for ask in [
        Ask { name: ("kv", "get"), arguments: other, align: Some(4), text: None },
        // `label` is no method.
        SEND,
    ] {
        let error = perform(&ask, &ctx).await.unwrap_err();
        assert!(matches!(error.code, ErrorCode::Denied | ErrorCode::InvalidInput), "{error:?}");
    }
}
