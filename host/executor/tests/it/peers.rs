//! Calls of plugins by plugins: they have rights of their own, an end, and a place in the journal.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use async_trait::async_trait;
use cleargate_executor::{CallScope, End, Failure, MAX_CALL_DEPTH, NodeContext, Output, Peers};
use cleargate_flow::limits::Limits;
use cleargate_flow::signature::Effect;
use cleargate_flow::{ErrorCode, Event, Outcome, Value};
use cleargate_gate::{HttpRequest, KvOp, PeerTool, Request};
use cleargate_store::Store;

use crate::crash::{assert_sound, die_and_resume};
use crate::world::{Process, graph};

/// Tools that a node may call: `peer.post` sends a request, `peer.again` calls itself.
pub(crate) struct Neighbours {
    tools: Vec<PeerTool>,
}

impl Neighbours {
    pub(crate) fn shared() -> Arc<dyn Peers> {
        let tool = |name: &str| PeerTool {
            name: name.into(),
            description: String::new(),
            input: "{}".into(),
            effect: Effect::Idempotent,
        };
        Arc::new(Self { tools: ["peer.post", "peer.again", "other.tool"].map(tool).into() })
    }
}

fn scope(grants: &str) -> CallScope {
    CallScope {
        name: "peer".into(),
        grants: Arc::new(Value::from_json(grants).unwrap().to().unwrap()),
        limits: Limits::combine(&[]),
        folder: None,
        peers: Some(Neighbours::shared()),
    }
}

#[async_trait]
impl Peers for Neighbours {
    fn tools(&self) -> &[PeerTool] {
        &self.tools
    }

    async fn complete(&self, _: NodeContext, model: &str, _: Value) -> Result<Output, Failure> {
        Err(Failure::new(ErrorCode::InvalidInput, format!("no {model}")))
    }

    async fn call(&self, ctx: NodeContext, tool: &str, given: Value) -> Result<Output, Failure> {
        if tool == "peer.again" {
            let own = ctx.within(&scope(r#"{"tools": ["peer.*"]}"#), Value::Null);
            return Ok(own.pass.tool(tool, given).await?.into());
        }
        let own = ctx.within(&scope(r#"{"kv": ["s"], "http": ["world.example"]}"#), Value::Null);
        let op = KvOp::Set { key: "k".into(), value: b"v".to_vec() };
        own.pass.perform(Request::Kv { store: "s".into(), op }).await?;
        let url = "https://world.example/";
        let post = HttpRequest { method: "POST".into(), ..HttpRequest::get(url) };
        own.pass.perform(Request::Http(post)).await?;
        Ok(Value::Int(1).into())
    }
}

#[tokio::test]
async fn a_tool_that_was_cut_off_goes_on_where_its_calls_are_recorded() {
    let flow = graph("  a: { type: idem, with: { act: delegate } }\n", "\"${a}\"");
    let (mut k, mut whole, mut unknown) = (0, 0, 0);
    loop {
        let (end, ledger, store, died) = die_and_resume(&flow, k, true).await;
        assert_sound(&store).await;
        let sent = ledger.sent.load(Ordering::SeqCst);
        // The node calls the tool twice and then posts itself.
        assert!(sent <= 3, "{sent} requests left, death at append {k}");
        match end {
            End::Finished(Outcome::Succeeded { .. }) => {
                assert_eq!(sent, 3, "death at append {k}");
                whole += 1;
            }
            End::Finished(Outcome::Failed { error, .. }) => {
                assert_eq!(error.code, ErrorCode::UnknownOutcome, "{error}");
                unknown += 1;
            }
            other => panic!("{other:?}"),
        }
        if !died {
            let journal = store.whole_journal(&"run-1".parse().unwrap()).await.unwrap();
            let calls: Vec<(Vec<u32>, u32)> = journal
                .iter()
                .filter_map(|record| match &record.event {
                    Event::CallFinished { within, call, .. } => Some((within.clone(), *call)),
                    _ => None,
                })
                .collect();
            let expected = [
                (vec![0], 0),
                (vec![0], 1),
                (vec![], 0),
                (vec![1], 0),
                (vec![1], 1),
                (vec![], 1),
                (vec![], 2),
            ];
            assert_eq!(calls, expected);
            break;
        }
        k += 1;
    }
    assert!(whole > 5 && unknown > 0, "{whole} whole and {unknown} unknown of {k}");
}

#[tokio::test]
async fn a_call_needs_a_grant_of_the_caller_and_ends_in_depth() {
    for (act, code, said) in [
        ("forbidden tool", ErrorCode::Denied, "`tool other.tool` is not granted"),
        ("absent model", ErrorCode::Denied, "`model fast` is not granted"),
        ("deep tool", ErrorCode::Limit, &format!("more than {MAX_CALL_DEPTH} deep")),
    ] {
        let process = Process::new();
        let text = format!("  a: {{ type: idem, with: {{ act: {act} }} }}\n");
        let end = process.start(&graph(&text, "\"${a}\"")).await.outcome().await;
        let End::Finished(Outcome::Failed { error, .. }) = end else { panic!("{act}: {end:?}") };
        assert_eq!(error.code, code, "{act}: {error}");
        assert!(error.message.contains(said), "{act}: {error}");
    }
}
