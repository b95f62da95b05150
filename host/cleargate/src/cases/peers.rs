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
pub(crate) struct ModelTurn {
    /// As the plugin calls the model.
    model: String,
    /// What the request must hold, besides whatever else.
    #[serde(default)]
    contains: Value,
    /// The content of the answer.
    text: Option<String>,
    /// The content of the answer, as data: it is the text of this JSON.
    json: Option<Value>,
    /// The whole message, in its place.
    message: Option<Value>,
    /// What it took; nothing when it is absent.
    #[serde(default = "Value::empty")]
    usage: Value,
    fail: Option<Fail>,
    /// The answer to each question like this, not to one alone.
    #[serde(default)]
    always: bool,
}

/// One call of a tool, and what comes of it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ToolTurn {
    /// As the plugin calls the tool.
    tool: String,
    /// What the tool says of itself.
    #[serde(default)]
    description: String,
    /// The JSON Schema of its input: any record when it is absent.
    input: Option<Value>,
    /// The arguments that it must be called with.
    arguments: Option<Value>,
    #[serde(default)]
    result: Value,
    fail: Option<Fail>,
    /// The answer to each call like this, not to one alone.
    #[serde(default)]
    always: bool,
}

impl ToolTurn {
    fn view(&self) -> ToolView {
        let input = self.input.as_ref().map(Value::to_json);
        ToolView {
            name: self.tool.clone(),
            description: self.description.clone(),
            input: input.unwrap_or_else(|| r#"{"type":"object"}"#.into()),
        }
    }
}

/// The turns that nobody has asked for yet.
#[derive(Default)]
pub(crate) struct Peers {
    turns: Mutex<Vec<ModelTurn>>,
    tools: Mutex<Vec<ToolTurn>>,
    /// Names of the models that there are.
    models: Vec<String>,
    /// The tools that there are, by name.
    views: Vec<ToolView>,
}

impl Peers {
    pub(crate) fn new(models: Vec<ModelTurn>, tools: Vec<ToolTurn>) -> Self {
        let mut views: Vec<ToolView> = tools.iter().map(ToolTurn::view).collect();
        views.sort_by(|a, b| a.name.cmp(&b.name));
        views.dedup_by(|later, first| later.name == first.name);
        let asked = models.iter().map(|turn| turn.model.clone()).collect();
        let (turns, tools) = (Mutex::new(models), Mutex::new(tools));
        Self { models: asked, turns, tools, views }
    }

    pub(crate) fn unasked(&self) -> Vec<String> {
        let models = self.turns.lock().expect("no holder of this lock panics");
        let tools = self.tools.lock().expect("no holder of this lock panics");
        let models = models.iter().filter(|turn| !turn.always);
        let models = models.map(|turn| format!("model {} was not asked", turn.model));
        let tools = tools.iter().filter(|turn| !turn.always);
        models.chain(tools.map(|turn| format!("tool {} was not called", turn.tool))).collect()
    }

    /// Whether the case scripts this model.
    pub(crate) fn plays_model(&self, name: &str) -> bool {
        self.models.iter().any(|model| model == name)
    }

    /// Whether the case scripts this tool.
    pub(crate) fn plays_tool(&self, name: &str) -> bool {
        self.views.iter().any(|tool| tool.name == name)
    }

    pub(crate) fn complete(&self, model: &str, request: &Value) -> Answer<Value> {
        let mut turns = self.turns.lock().expect("no holder of this lock panics");
        let fits = |turn: &ModelTurn| turn.model == model && holds(request, &turn.contains);
        let Some(found) = turns.iter().position(fits) else {
            return Err(unscripted("model", model));
        };
        let turn = given(&mut turns, found, |turn| turn.always);
        if let Some(fail) = turn.fail {
            return Err(fail.into());
        }
        let json = turn.json.map(|json| json.to_json());
        let content = Value::from(turn.text.or(json).unwrap_or_default());
        let message = turn.message.unwrap_or_else(|| {
            Value::record([("role", Value::from("assistant")), ("content", content)])
        });
        Ok(Value::record([("message", message), ("usage", turn.usage)]))
    }

    pub(crate) fn tools(&self) -> Vec<ToolView> {
        self.views.clone()
    }

    pub(crate) fn call(&self, tool: &str, arguments: &Value) -> Answer<Value> {
        let mut turns = self.tools.lock().expect("no holder of this lock panics");
        let fits = |turn: &ToolTurn| {
            turn.tool == tool && turn.arguments.as_ref().is_none_or(|wanted| wanted == arguments)
        };
        let Some(found) = turns.iter().position(fits) else {
            return Err(unscripted("tool", tool));
        };
        let turn = given(&mut turns, found, |turn| turn.always);
        turn.fail.map_or(Ok(turn.result), |fail| Err(fail.into()))
    }
}

/// Takes a turn, which stays when it is given always.
fn given<T: Clone>(turns: &mut Vec<T>, at: usize, always: impl Fn(&T) -> bool) -> T {
    if always(&turns[at]) { turns[at].clone() } else { turns.remove(at) }
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
