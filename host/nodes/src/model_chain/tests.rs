//! The chain with scripted links: order, counting, caching, and a node that mends an answer.

use std::sync::Mutex;

use async_trait::async_trait;
use cleargate_executor::{Chunk, Filtered, Guardrail, Judged, Peers, Stage, Verdict};
use cleargate_gate::PeerTool;

use super::*;
use crate::fixture::{World, scope};
use crate::guardrail::Guard;
use crate::{Guarded, ModelNode};

type Seen = Arc<Mutex<Vec<String>>>;

/// Notes who was asked, and answers by its name.
struct Link {
    name: &'static str,
    seen: Seen,
    kept: Mutex<Option<Value>>,
}

impl Link {
    fn say(&self, what: &str) {
        self.seen.lock().unwrap().push(format!("{} {what}", self.name));
    }
}

#[async_trait]
impl Part for Link {
    async fn ask(&self, _: NodeContext, function: &str, input: Value) -> Result<Output, Failure> {
        self.say(function);
        Ok(match function {
            "count" => Value::Int(input.get("text").unwrap().as_str().unwrap().len() as i64),
            "get" => self.kept.lock().unwrap().clone().unwrap_or_default(),
            "put" => {
                *self.kept.lock().unwrap() = input.get("entry").cloned();
                Value::Null
            }
            _ => {
                let asked = input.get("request").unwrap().to_json();
                assert_eq!(input.get("model"), Some(&"small".into()));
                let message =
                    Value::record([("role", "assistant".into()), ("content", Value::from(asked))]);
                Value::record([
                    ("message", message),
                    ("usage", Value::record([("input_tokens", Value::Int(7))])),
                ])
            }
        }
        .into())
    }
}

#[async_trait]
impl Filter for Link {
    async fn before(&self, _: NodeContext, request: Value, _: Value) -> Result<Output, Failure> {
        self.say("before");
        Ok(request.into())
    }
    async fn after(
        &self,
        _: NodeContext,
        _: Value,
        response: Value,
        _: Value,
    ) -> Result<Output, Failure> {
        self.say("after");
        Ok(response.into())
    }
    async fn on_chunk(&self, _: NodeContext, piece: Chunk, _: Value) -> Result<Filtered, Failure> {
        Ok(Filtered { text: piece.text, carry: piece.carry, usage: Usage::default() })
    }
}

#[async_trait]
impl Guardrail for Link {
    async fn check(
        &self,
        _: NodeContext,
        stage: Stage,
        content: Value,
        _: Value,
    ) -> Result<Judged, Failure> {
        self.say(stage.as_str());
        Ok(match content.to_json().contains("forbidden") {
            true => Verdict::Reject { reason: "it is forbidden".into(), findings: Vec::new() },
            false => Verdict::Pass,
        }
        .into())
    }
}

fn linked<T: ?Sized>(link: Arc<T>) -> Linked<T> {
    Linked { link, config: Value::empty(), scope: scope("link", "{}", None) }
}

fn guards(seen: &Seen, stage: Stage) -> Option<GuardrailNode> {
    let guardrail = Arc::new(Link { name: "guard", seen: seen.clone(), kept: Mutex::default() });
    let guard = Guard { guardrail, config: Value::empty(), scope: scope("guard", "{}", None) };
    Some(GuardrailNode::new(stage, vec![guard]).unwrap())
}

fn chain(seen: &Seen) -> ModelChain {
    let link = |name| Arc::new(Link { name, seen: seen.clone(), kept: Mutex::default() });
    let filter = |name| linked::<dyn Filter>(link(name));
    ModelChain {
        provider: linked(link("provider")),
        identity: "sha256:00".into(),
        model: "small".into(),
        before: guards(seen, Stage::Input),
        after: guards(seen, Stage::Output),
        filters: vec![filter("first"), filter("second")],
        tokenizer: Some(linked(link("words"))),
        max_input: Some(20),
        cache: Some(linked(link("cache"))),
        cache_ttl: None,
    }
}

fn request(text: &str) -> Value {
    let message = Value::record([("role", Value::from("user")), ("content", text.into())]);
    Value::record([("messages", Value::list([message]))])
}

#[tokio::test]
async fn each_link_has_its_place_and_what_is_kept_costs_nothing() {
    let seen = Seen::default();
    let (chain, ctx) = (chain(&seen), World::default().context());
    let first = chain.complete(&ctx, request("hi")).await.unwrap().value;
    let order = [
        "guard input",
        "first before",
        "second before",
        "words count",
        "cache get",
        "provider complete",
        "cache put",
        "second after",
        "first after",
        "guard output",
    ];
    assert_eq!(*seen.lock().unwrap(), order);
    assert_eq!(first.get("cached"), Some(&false.into()));
    assert_eq!(first.get("usage").unwrap().get("input_tokens"), Some(&Value::Int(7)));
    let second = chain.complete(&ctx, request("hi")).await.unwrap().value;
    assert_eq!(second.get("message"), first.get("message"));
    assert_eq!(second.get("cached"), Some(&true.into()));
    assert_eq!(second.get("usage").unwrap().get("input_tokens"), Some(&Value::Int(0)));
    let asked = seen.lock().unwrap().iter().filter(|line| *line == "provider complete").count();
    assert_eq!(asked, 1, "the second answer is the cache's, and its guards judge it again");
}

#[tokio::test]
async fn a_request_that_may_not_be_asked_reaches_nobody() {
    for (request, code) in [
        (request("this is longer than twenty letters"), ErrorCode::Limit),
        (request("forbidden"), ErrorCode::Denied),
        (Value::empty(), ErrorCode::InvalidInput),
        (Value::record([("messages", Value::list([]))]), ErrorCode::InvalidInput),
    ] {
        let seen = Seen::default();
        let refused =
            chain(&seen).complete(&World::default().context(), request).await.unwrap_err();
        assert_eq!(refused.error.code, code, "{}", refused.error);
        assert!(!seen.lock().unwrap().iter().any(|line| line.starts_with("provider")));
    }
}

/// A model that answers one text after the other.
struct Answers(Mutex<Vec<&'static str>>);

#[async_trait]
impl Peers for Answers {
    fn tools(&self) -> &[PeerTool] {
        &[]
    }
    async fn complete(
        &self,
        _: NodeContext,
        model: &str,
        request: Value,
    ) -> Result<Output, Failure> {
        assert_eq!(model, "fast");
        let turns = request.get("messages").unwrap().as_list().unwrap().len();
        let content = self.0.lock().unwrap().remove(0).replace("TURNS", &turns.to_string());
        let message =
            Value::record([("role", Value::from("assistant")), ("content", content.into())]);
        Ok(Value::record([("message", message), ("usage", Value::empty())]).into())
    }
    async fn call(&self, _: NodeContext, _: &str, _: Value) -> Result<Output, Failure> {
        unreachable!("a model node calls no tools")
    }
}

async fn ask(config: &str, answers: &[&'static str], grants: &str) -> Result<Value, NodeError> {
    let node = ModelNode::new(&Value::from_json(config).unwrap(), &Default::default()).unwrap();
    let peers: Arc<dyn Peers> = Arc::new(Answers(Mutex::new(answers.to_vec())));
    let scope = CallScope { peers: Some(peers), ..scope("model", grants, None) };
    let ctx = World::default().context();
    let guarded = Guarded {
        node: Arc::new(node),
        scope,
        before: None,
        after: guards(&Seen::default(), Stage::Output),
        output: "any".parse().unwrap(),
    };
    use cleargate_executor::Node;
    let done = guarded.run(ctx, Value::record([("name", "Ada".into())])).await;
    done.map(|output| output.value).map_err(|failure| failure.error)
}

const GRANTED: &str = r#"{"model":["fast"]}"#;
const TYPED: &str = r#"{"model":"fast","prompt":"${name}?",
    "out":{"type":"object","properties":{"n":{"type":"integer"}},"required":["n"]}}"#;

#[tokio::test]
async fn an_answer_is_text_or_data_of_its_type() {
    let plain =
        ask(r#"{"model":"fast","prompt":"Hello ${name}"}"#, &["Hi."], GRANTED).await.unwrap();
    assert_eq!(plain.get("text"), Some(&"Hi.".into()));
    for answers in [&["{\"n\": 1}"][..], &["```json\n{\"n\": 1}\n```"], &["one", "{\"n\": 1}"]] {
        let typed = ask(TYPED, answers, GRANTED).await.unwrap();
        assert_eq!(typed.get("n"), Some(&Value::Int(1)), "{answers:?}");
    }
    // What does not fit goes back with the reason: two messages more.
    assert_eq!(
        ask(TYPED, &["x", "{\"n\": TURNS}"], GRANTED).await.unwrap().get("n"),
        Some(&Value::Int(3))
    );
    let unfit = ask(TYPED, &["x", "{\"n\": \"1\"}"], GRANTED).await.unwrap_err();
    assert_eq!(unfit.code, ErrorCode::Permanent);
    assert!(unfit.message.contains("record{n: int}"), "{unfit}");
}

#[tokio::test]
async fn a_guard_around_a_step_and_the_gate_in_it_both_refuse() {
    let said = ask(TYPED, &["{\"n\": 1, \"x\": \"forbidden\"}", "{}"], GRANTED).await;
    assert_eq!(said.unwrap_err().code, ErrorCode::Denied);
    let denied = ask(TYPED, &["{\"n\": 1}"], "{}").await.unwrap_err();
    assert_eq!((denied.code, denied.message.contains("model fast")), (ErrorCode::Denied, true));
}
