//! Small graphs without a document, and a world that answers attempts.

use std::collections::BTreeMap;
use std::sync::Arc;

use indexmap::IndexMap;

use crate::address::{Address, FlowHash};
use crate::error::{ErrorCode, NodeError};
use crate::event::{EVENT_VERSION, Event, Outcome, Usage};
use crate::expr::{Expr, Template};
use crate::graph::*;
use crate::limits::Limits;
use crate::run::*;
use crate::signature::Effect as Class;
use crate::types::Kind;
use crate::value::Value;

pub(super) fn expr(text: &str) -> Expr {
    Expr::parse(text).expect("an expression of a test")
}

pub(super) fn read(text: &str) -> Template {
    Template::Expr(expr(text))
}

/// The state channel to which every node of a test adds 1 as it succeeds.
pub(super) const SEEN: &str = "seen";

fn counted() -> IndexMap<String, Template> {
    IndexMap::from([(SEEN.to_owned(), read("1"))])
}

pub(super) fn node(id: &str, kind: NodeKind, needs: Vec<Edge>) -> GraphNode {
    let id = id.parse().unwrap();
    GraphNode {
        id,
        kind,
        needs,
        join: Join::All,
        compensate: None,
        verify: None,
        deadline: None,
        idle: None,
        write: counted(),
        output: Kind::Any.into(),
    }
}

pub(super) fn any(mut node: GraphNode) -> GraphNode {
    node.join = Join::Any;
    node
}

pub(super) fn leaf() -> Leaf {
    Leaf {
        uses: "test".into(),
        with: IndexMap::new(),
        config: Value::Null,
        defaults: IndexMap::new(),
        policy: Policy {
            effect: Class::Pure,
            timeout: None,
            deadline: None,
            idle: None,
            retry: BTreeMap::new(),
            limits: Limits::default(),
        },
        guard: Default::default(),
        asset: None,
    }
}

pub(super) fn step(id: &str, needs: Vec<Edge>) -> GraphNode {
    node(id, NodeKind::Leaf(leaf().into()), needs)
}

/// A leaf changed by `with`.
pub(super) fn tuned(id: &str, needs: Vec<Edge>, with: impl FnOnce(&mut Leaf)) -> GraphNode {
    let mut leaf = leaf();
    with(&mut leaf);
    node(id, NodeKind::Leaf(leaf.into()), needs)
}

pub(super) fn retry(max: u32) -> BTreeMap<ErrorCode, Retry> {
    BTreeMap::from([(ErrorCode::Transient, Retry { max, backoff_min: 10, backoff_max: 15 })])
}

pub(super) fn edge(from: usize, kind: EdgeKind) -> Edge {
    Edge { from, kind }
}

pub(super) fn data(from: usize) -> Edge {
    edge(from, EdgeKind::Data)
}

pub(super) fn case(from: usize, case: usize) -> Edge {
    edge(from, EdgeKind::Case { case })
}

/// A switch; an empty condition is `else`.
pub(super) fn switch(id: &str, whens: &[&str], needs: Vec<Edge>) -> GraphNode {
    let case = |when: &&str| Case {
        when: (!when.is_empty()).then(|| expr(when)),
        weight: None,
        to: vec![],
        body: None,
    };
    node(id, NodeKind::Switch { cases: whens.iter().map(case).collect() }, needs)
}

pub(super) fn map(over: &str, body: Vec<GraphNode>, with: impl FnOnce(&mut Map)) -> NodeKind {
    let mut map = Map {
        over: expr(over),
        item: "item".into(),
        key: None,
        concurrency: 2,
        max: 10,
        on_item_error: OnItemError::Fail,
        body: Scope { nodes: body },
        out: read("item"),
    };
    with(&mut map);
    NodeKind::Map(Box::new(map))
}

pub(super) fn graph(nodes: Vec<GraphNode>, output: &[(&str, Template)]) -> Arc<Graph> {
    Arc::new(Graph {
        id: "test".parse().unwrap(),
        version: "1".into(),
        hash: FlowHash::of(b"test"),
        input: IndexMap::new(),
        output: output.iter().map(|(name, t)| ((*name).into(), t.clone())).collect(),
        value: crate::types::Kind::Any.into(),
        uses: BTreeMap::new(),
        models: BTreeMap::new(),
        canaries: Default::default(),
        triggers: BTreeMap::new(),
        state: IndexMap::from([(
            SEEN.to_owned(),
            Channel { ty: Kind::Int.into(), reducer: Reducer::Sum, start: Value::Int(0) },
        )]),
        events: IndexMap::new(),
        root: Scope { nodes },
        bound: 1000,
        durability: Default::default(),
        plan: Default::default(),
    })
}

pub(super) fn at(address: &str) -> Address {
    address.parse().unwrap()
}

pub(super) fn run_of(graph: &Arc<Graph>) -> Run {
    Run::new(graph.clone(), &"r1".parse().unwrap())
}

pub(super) fn started(graph: &Graph, input: Value) -> Event {
    let (flow, hash) = (graph.id.clone(), graph.hash.clone());
    Event::RunStarted { flow, hash, input, parent: None, v: EVENT_VERSION }
}

pub(super) fn intent(address: &str, attempt: u32) -> Event {
    Event::AttemptStarted { address: at(address), attempt, key: "k".into() }
}

pub(super) fn ok(address: &str, attempt: u32, output: impl Into<Value>) -> Event {
    let (address, output) = (at(address), output.into());
    Event::AttemptSucceeded { address, attempt, output, usage: Usage::default() }
}

/// What was found out about an attempt: its value, when it happened.
pub(super) fn found(address: &str, attempt: u32, value: Option<i64>) -> Event {
    let told = [("happened", Value::Bool(value.is_some()))].into_iter();
    ok(address, attempt, Value::record(told.chain(value.map(|value| ("value", Value::Int(value))))))
}

pub(super) fn failed(address: &str, attempt: u32, code: ErrorCode) -> Event {
    let (address, error) = (at(address), NodeError::new(code, "made to fail"));
    Event::AttemptFailed { address, attempt, error, usage: Usage::default() }
}

pub(super) fn resumed() -> Event {
    Event::RunResumed { fence: 1 }
}

/// An effect on one line: what the tables of rules compare.
pub(super) fn line(effect: &Effect) -> String {
    match effect {
        Effect::Perform(a) => format!("{}#{}", a.address, a.attempt),
        Effect::Wait { address, attempt, after_ms } => {
            format!("wait {address}#{attempt} {after_ms}")
        }
        Effect::Deadline { address, after_ms, cleanup: false } => {
            format!("deadline {address} {after_ms}")
        }
        Effect::Deadline { address, after_ms, .. } => format!("cleanup {address} {after_ms}"),
        Effect::Idle { address, after_ms } => format!("idle {address} {after_ms}"),
        Effect::Rest(rest) => {
            let what = match (&rest.task, &rest.event) {
                (Some(task), _) => format!("ask {}", task.get("assignee").unwrap_or(&Value::Null)),
                (None, Some(event)) => format!("listen {event}"),
                (None, None) => "rest".into(),
            };
            match &rest.moment {
                Some(Moment::After(ms)) => format!("{what} {} {ms}", rest.address),
                Some(Moment::At(at)) => format!("{what} {} at {at}", rest.address),
                Some(Moment::Next(next)) => format!("{what} {} {}", rest.address, next.pattern),
                None => format!("{what} {}", rest.address),
            }
        }
        Effect::Ended { address } => format!("ended {address}"),
        Effect::Emit { address, to, event, payload } => {
            format!("emit {address} to {to}: {event} {payload}")
        }
        Effect::Draw { address, below } => format!("draw {address} below {below}"),
        Effect::Cancel { address } => format!("cancel {address}"),
        Effect::Finish(Outcome::Succeeded { output }) => format!("done {output}"),
        Effect::Finish(Outcome::Failed { address, error }) => {
            let address = address.as_ref().map_or("output".into(), Address::to_string);
            format!("failed {address} {}", error.code)
        }
        Effect::Finish(Outcome::Cancelled) => "cancelled".into(),
    }
}

pub(super) fn lines(step: &Step) -> String {
    step.effects.iter().map(line).collect::<Vec<_>>().join(", ")
}
