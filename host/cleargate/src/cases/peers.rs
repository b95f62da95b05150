//! What models and other plugins' tools answer in a golden case. Each answer is given once.

use std::sync::Mutex;

use cleargate_flow::Value;
use cleargate_flow::error::{ErrorCode, NodeError};
use cleargate_runtime::world::{Answer, ToolView};
use serde::Deserialize;

use super::compare;
use super::script::Fail;

/// One question to a model, and what comes of it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ModelTurn {
    /// As the plugin calls the model.
    model: String,
    /// What the request must hold, besides whatever else.
    #[serde(default)]
    contains: Value,
    /// The content of the answer.
    text: Option<String>,
    /// The whole message, in its place.
    message: Option<Value>,
    /// What it took; nothing when it is absent.
    #[serde(default = "Value::empty")]
    usage: Value,
    fail: Option<Fail>,
}

/// One call of a tool, and what comes of it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ToolTurn {
    /// As the plugin calls the tool.
    tool: String,
    /// The arguments that it must be called with.
    arguments: Option<Value>,
    #[serde(default)]
    result: Value,
    fail: Option<Fail>,
}

/// The turns that nobody has asked for yet.
#[derive(Default)]
pub(super) struct Peers {
    models: Mutex<Vec<ModelTurn>>,
    tools: Mutex<Vec<ToolTurn>>,
    /// Names of the tools that there are.
    names: Vec<String>,
}

impl Peers {
    pub(super) fn new(models: Vec<ModelTurn>, tools: Vec<ToolTurn>) -> Self {
        let mut names: Vec<String> = tools.iter().map(|turn| turn.tool.clone()).collect();
        names.sort();
        names.dedup();
        Self { models: Mutex::new(models), tools: Mutex::new(tools), names }
    }

    pub(super) fn unasked(&self) -> Vec<String> {
        let models = self.models.lock().expect("no holder of this lock panics");
        let tools = self.tools.lock().expect("no holder of this lock panics");
        let models = models.iter().map(|turn| format!("model {} was not asked", turn.model));
        models
            .chain(tools.iter().map(|turn| format!("tool {} was not called", turn.tool)))
            .collect()
    }

    pub(super) fn complete(&self, model: &str, request: &Value) -> Answer<Value> {
        let mut turns = self.models.lock().expect("no holder of this lock panics");
        let fits = |turn: &ModelTurn| turn.model == model && holds(request, &turn.contains);
        let Some(found) = turns.iter().position(fits) else {
            return Err(unscripted("model", model));
        };
        let turn = turns.remove(found);
        if let Some(fail) = turn.fail {
            return Err(fail.into());
        }
        let content = Value::from(turn.text.unwrap_or_default());
        let message = turn.message.unwrap_or_else(|| {
            Value::record([("role", Value::from("assistant")), ("content", content)])
        });
        Ok(Value::record([("message", message), ("usage", turn.usage)]))
    }

    pub(super) fn tools(&self) -> Vec<ToolView> {
        let view = |name: &String| ToolView {
            name: name.clone(),
            description: String::new(),
            input: r#"{"type":"object"}"#.into(),
        };
        self.names.iter().map(view).collect()
    }

    pub(super) fn call(&self, tool: &str, arguments: &Value) -> Answer<Value> {
        let mut turns = self.tools.lock().expect("no holder of this lock panics");
        let fits = |turn: &ToolTurn| {
            turn.tool == tool && turn.arguments.as_ref().is_none_or(|wanted| wanted == arguments)
        };
        let Some(found) = turns.iter().position(fits) else {
            return Err(unscripted("tool", tool));
        };
        let turn = turns.remove(found);
        turn.fail.map_or(Ok(turn.result), |fail| Err(fail.into()))
    }
}

fn holds(request: &Value, wanted: &Value) -> bool {
    let mut differences = Vec::new();
    if !wanted.is_null() {
        compare::contains("request", wanted, request, &mut differences);
    }
    differences.is_empty()
}

fn unscripted(kind: &str, name: &str) -> NodeError {
    let message = format!("the case has no answer of the {kind} `{name}` to this");
    NodeError::new(ErrorCode::Denied, message)
}
