//! The chain with scripted guards: order, replacement, refusal, and rights that do not leak.

use std::sync::Mutex;

use cleargate_executor::Judged;
use cleargate_gate::{HttpRequest, Request};

use super::*;
use crate::fixture::{World, scope};

/// Answers what the test says, and keeps what it was asked.
struct Scripted {
    answer: Result<Judged, Failure>,
    seen: Mutex<Vec<(String, Value, Value)>>,
}

#[async_trait]
impl Guardrail for Scripted {
    async fn check(
        &self,
        ctx: NodeContext,
        stage: Stage,
        content: Value,
        config: Value,
    ) -> Result<Judged, Failure> {
        assert_eq!((stage, &ctx.config), (Stage::Output, &config));
        self.seen.lock().unwrap().push((ctx.binding, content, config));
        self.answer.clone()
    }
}

fn used() -> Usage {
    Usage { micros: 1, fuel: 10, peak_memory: 5, host_calls: 2 }
}

fn verdict(verdict: Verdict) -> Result<Judged, Failure> {
    Ok(Judged { verdict, usage: used() })
}

fn findings(n: usize) -> Vec<Finding> {
    let finding = Finding { label: "key".into(), message: "a key".into(), path: "/a".into() };
    vec![finding; n]
}

fn scripted(answer: Result<Judged, Failure>) -> Arc<Scripted> {
    Arc::new(Scripted { answer, seen: Mutex::default() })
}

fn guard(name: &str, guardrail: Arc<dyn Guardrail>) -> Guard {
    Guard {
        guardrail,
        config: Value::record([("of", name.into())]),
        scope: scope(name, "{}", None),
    }
}

async fn run(chain: Vec<Guard>) -> Result<Output, Failure> {
    let node = GuardrailNode::new(Stage::Output, chain).unwrap();
    node.run(World::default().context(), Value::record([("content", "x".into())])).await
}

#[tokio::test]
async fn each_guard_sees_what_the_one_before_left() {
    let first = scripted(verdict(Verdict::Modify { content: "y".into(), findings: findings(1) }));
    let second = scripted(verdict(Verdict::Pass));
    let output = run(vec![guard("a", first.clone()), guard("b", second.clone())]).await.unwrap();
    let expected =
        r#"{"content":"y","findings":[{"guard":"a","label":"key","message":"a key","path":"/a"}]}"#;
    assert_eq!(output.value.to_json(), expected);
    assert_eq!(output.usage, Usage { micros: 2, fuel: 20, peak_memory: 5, host_calls: 4 });
    let of = |name: &str| Value::record([("of", name.into())]);
    assert_eq!(*first.seen.lock().unwrap(), [("a".to_owned(), "x".into(), of("a"))]);
    assert_eq!(*second.seen.lock().unwrap(), [("b".to_owned(), "y".into(), of("b"))]);
}

#[tokio::test]
async fn whatever_is_not_a_pass_stops_the_chain() {
    let reason = || "r".repeat(2 * MAX_SENTENCE);
    for (answer, code, says, help) in [
        (
            verdict(Verdict::Reject { reason: reason(), findings: findings(1) }),
            ErrorCode::Denied,
            "guard `a` refused: r",
            false,
        ),
        (
            verdict(Verdict::Escalate { reason: reason(), findings: vec![] }),
            ErrorCode::Denied,
            "asks for a person: r",
            true,
        ),
        (
            Err(Failure { error: NodeError::limit("fuel", "out of fuel"), usage: used() }),
            ErrorCode::Limit,
            "nothing passes: out of fuel",
            false,
        ),
        (
            Err(Failure { error: NodeError::new(ErrorCode::Bug, "trap"), usage: used() }),
            ErrorCode::Bug,
            "nothing passes: trap",
            false,
        ),
    ] {
        let after = scripted(verdict(Verdict::Pass));
        let failure =
            run(vec![guard("a", scripted(answer)), guard("b", after.clone())]).await.unwrap_err();
        assert_eq!(failure.error.code, code);
        assert!(failure.error.message.contains(says), "{}", failure.error);
        assert!(
            failure.error.message.chars().count() < MAX_SENTENCE + 100,
            "a sentence has no bound"
        );
        assert_eq!(failure.error.help.is_some(), help);
        assert_eq!(failure.usage, used());
        assert!(after.seen.lock().unwrap().is_empty(), "the chain went on");
    }
}

#[tokio::test]
async fn a_refusal_carries_its_findings_and_they_are_bounded() {
    let changes =
        verdict(Verdict::Modify { content: "y".into(), findings: findings(MAX_FINDINGS) });
    let refuses = verdict(Verdict::Reject { reason: "no".into(), findings: findings(3) });
    let chain = vec![guard("a", scripted(changes)), guard("b", scripted(refuses))];
    let detail = run(chain).await.unwrap_err().error.detail;
    let field = |name: &str| detail.get(name).unwrap().to_string();
    assert_eq!([field("guard"), field("stage"), field("verdict")], ["b", "output", "reject"]);
    let findings = detail.get("findings").unwrap().as_list().unwrap();
    assert_eq!(findings.len(), MAX_FINDINGS + 1);
    assert_eq!(findings[MAX_FINDINGS].get("message"), Some(&"3 more findings are left out".into()));
}

/// Asks for a host.
struct Curious;

#[async_trait]
impl Guardrail for Curious {
    async fn check(
        &self,
        ctx: NodeContext,
        _: Stage,
        _: Value,
        _: Value,
    ) -> Result<Judged, Failure> {
        ctx.pass.perform(Request::Http(HttpRequest::get("https://api.test/"))).await?;
        Ok(Verdict::Pass.into())
    }
}

#[tokio::test]
async fn a_guard_has_its_own_rights_and_not_those_of_the_node_or_a_neighbour() {
    let world = World::granting(r#"{"http":["api.test"]}"#);
    let granted = || Guard { scope: world.scope("a"), ..guard("a", Arc::new(Curious)) };
    let input = Value::record([("content", "x".into())]);
    for (second, code) in [
        // The host is reached, and does not answer.
        (granted(), ErrorCode::Transient),
        (guard("b", Arc::new(Curious)), ErrorCode::Denied),
    ] {
        let chain = vec![guard("quiet", scripted(verdict(Verdict::Pass))), second];
        let node = GuardrailNode::new(Stage::Output, chain).unwrap();
        let failure = node.run(world.context(), input.clone()).await.unwrap_err();
        assert_eq!(failure.error.code, code, "{}", failure.error);
    }
}

#[tokio::test]
async fn content_must_be_there() {
    let node = GuardrailNode::new(Stage::Input, vec![guard("a", Arc::new(Curious))]).unwrap();
    let failure = node.run(World::default().context(), Value::empty()).await.unwrap_err();
    assert_eq!(failure.error.code, ErrorCode::InvalidInput);
}

#[test]
fn a_chain_is_read_in_both_forms_or_refused() {
    let read = |text: &str| chain_of(&Value::from_json(text).unwrap());
    let (stage, uses) =
        read(r#"{"stage":"input","guards":["a",{"use":"b","config":{"k":1}}]}"#).unwrap();
    assert_eq!(stage, Stage::Input);
    let config = Value::record([("k", Value::Int(1))]);
    let expected = [
        GuardUse { alias: "a".into(), config: Value::empty() },
        GuardUse { alias: "b".into(), config },
    ];
    assert_eq!(uses, expected);
    assert_eq!(read(r#"{"guards":["a"]}"#).unwrap().0, Stage::Output);
    for bad in ["1", "{}", r#"{"use":1}"#, r#"{"use":"a","cfg":{}}"#, r#"{"use":"a","config":1}"#] {
        let guards = format!(r#"{{"guards":["a",{bad}]}}"#);
        assert_eq!(read(&guards), Err(ChainError::Form(2)), "{bad} was accepted");
    }
    assert_eq!(read(r#"{"guards":[]}"#), Err(ChainError::Empty));
    let many = vec![guard("a", Arc::new(Curious)); MAX_GUARDS + 1];
    assert!(GuardrailNode::new(Stage::Output, many[1..].to_vec()).is_ok());
    assert_eq!(
        GuardrailNode::new(Stage::Output, many).unwrap_err(),
        ChainError::Long(MAX_GUARDS + 1)
    );
    assert_eq!(GuardrailNode::new(Stage::Output, vec![]).unwrap_err(), ChainError::Empty);
}
