//! `model`: asks a model of the flow with a prompt, for text or for typed data.
//!
//! The node does no more than a plugin could: it asks its pass for the model, and the gate decides. With `out:` the
//! answer must be JSON of that type. What does not fit goes back to the model with the reason, so often as `repair:`
//! says, and then fails the node: what follows never sees data of another type.

use std::collections::BTreeMap;

use async_trait::async_trait;
use cleargate_executor::{Failure, Node, NodeContext, Output};
use cleargate_flow::error::ErrorCode;
use cleargate_flow::expr::{Names, Prose};
use cleargate_flow::signature::{Effect, Signature, TextKey};
use cleargate_flow::types::{Type, from_json_schema, validate};
use cleargate_flow::{NodeError, Usage, Value};

use crate::template::TextError;

/// Answers that do not fit and are sent back, when the flow does not say.
const REPAIR: i64 = 1;

/// Answers that may be sent back: each costs as much as the first.
const MAX_REPAIR: i64 = 5;

/// Characters of an answer that an error shows.
const SHOWN: usize = 200;

/// See the module.
#[derive(Clone, Debug)]
pub struct ModelNode {
    model: String,
    prompt: Prose,
    system: Option<String>,
    /// What every request says besides: `temperature`, `max_tokens`, `schema`.
    settings: Vec<(&'static str, Value)>,
    out: Option<Type>,
    repair: i64,
}

impl ModelNode {
    /// What flows write after `type:`.
    pub const NAME: &str = "model";

    /// What the checker knows.
    pub fn signature() -> Signature {
        let summary = "Asks a model with the values of `with:` in the prompt.";
        let config = [
            ("model", "string", "The model, by its name under `models:`."),
            ("prompt", "opt<string>", "The prompt, with `${…}`, `{% for %}` and `{% if %}`."),
            ("file", "opt<string>", "Name of a file beside the flow that holds the prompt."),
            ("system", "opt<string>", "What the model is told first, as it stands."),
            ("temperature", "opt<float>", "How freely it answers; the provider's own when absent."),
            ("max_tokens", "opt<int>", "Tokens that an answer may have."),
            ("repair", "opt<int>", "How often an answer that is not of `out:` is sent back."),
        ];
        let usage = "record{input_tokens: int, output_tokens: int, micro_usd: int}";
        let mut config: indexmap::IndexMap<_, _> =
            config.into_iter().map(|(name, ty, doc)| crate::field(name, ty, doc)).collect();
        let bound = |name: &str, least: f64, most: f64| (name.to_owned(), least, most);
        for (name, least, most) in [
            bound("temperature", 0.0, 2.0),
            bound("max_tokens", 1.0, f64::from(i32::MAX)),
            bound("repair", 0.0, MAX_REPAIR as f64),
        ] {
            let field = config.get_mut(&name).expect("it was just put there");
            (field.min, field.max) = (Some(least), Some(most));
        }
        Signature {
            open: true,
            texts: vec![TextKey::Inline("prompt"), TextKey::File("file")],
            typed_by: Some("out"),
            model_key: Some("model"),
            config,
            ..crate::signature(
                summary,
                Effect::Idempotent,
                &format!("record{{text: string, usage: {usage}}}"),
            )
        }
    }

    /// The node of a configuration. `files` are the texts of the files that the flow names.
    ///
    /// # Errors
    /// See [`TextError`]; the checker finds all of it before a run.
    pub fn new(config: &Value, files: &BTreeMap<String, String>) -> Result<Self, TextError> {
        let text = |name: &str| config.get(name).and_then(Value::as_str);
        let prompt = match (text("prompt"), text("file")) {
            (Some(text), None) => text,
            (None, Some(file)) => files.get(file).ok_or_else(|| TextError::NoFile(file.into()))?,
            _ => return Err(TextError::NotOne),
        };
        let schema = config.get("out").filter(|out| !out.is_null());
        let out = schema.map(|schema| from_json_schema(&schema.to_serde()));
        let out = out.transpose().map_err(|error| TextError::Type(error.to_string()))?;
        let mut settings = Vec::new();
        for name in ["temperature", "max_tokens"] {
            settings.extend(config.get(name).filter(|v| !v.is_null()).map(|v| (name, v.clone())));
        }
        settings.extend(schema.map(|schema| ("schema", schema.clone())));
        Ok(Self {
            model: text("model").unwrap_or_default().into(),
            prompt: Prose::parse(prompt)?,
            system: text("system").map(str::to_owned),
            settings,
            out,
            repair: config.get("repair").and_then(Value::as_int).unwrap_or(REPAIR),
        })
    }

    /// The name of the model that it asks.
    pub fn model(&self) -> &str {
        &self.model
    }

    async fn ask(&self, ctx: &NodeContext, messages: &[Value]) -> Result<Value, NodeError> {
        let messages = ("messages", Value::list(messages.iter().cloned()));
        let request = Value::record([messages].into_iter().chain(self.settings.iter().cloned()));
        ctx.pass.complete(&self.model, request).await
    }

    async fn converse(&self, ctx: &NodeContext, prompt: String) -> Result<Value, NodeError> {
        let mut messages: Vec<Value> =
            self.system.iter().map(|text| message("system", text)).collect();
        messages.push(message("user", &prompt));
        let mut left = self.repair;
        loop {
            let reply = self.ask(ctx, &messages).await?;
            let content = reply.get("message").and_then(|m| m.get("content"));
            let content = content.and_then(Value::as_str).unwrap_or_default();
            let Some(out) = &self.out else {
                let usage = reply.get("usage").cloned().unwrap_or_default();
                return Ok(Value::record([("text", content.into()), ("usage", usage)]));
            };
            let why = match fitting(content, out) {
                Ok(value) => return Ok(value),
                Err(why) => why,
            };
            if left <= 0 {
                return Err(unfit(&self.model, out, &why, content));
            }
            left -= 1;
            messages.push(message("assistant", content));
            let again = format!(
                "This does not fit: {why}. Answer with JSON of this schema alone, without any other text."
            );
            messages.push(message("user", &again));
        }
    }
}

fn message(role: &str, content: &str) -> Value {
    Value::record([("role", Value::from(role)), ("content", content.into())])
}

/// The value in an answer: JSON, whether or not it stands in a code fence.
fn fitting(content: &str, out: &Type) -> Result<Value, String> {
    let text = content.trim();
    let fenced = text.strip_prefix("```").and_then(|rest| rest.strip_suffix("```"));
    let text = fenced.map_or(text, |rest| rest.strip_prefix("json").unwrap_or(rest).trim());
    let value = Value::from_json(text).map_err(|error| format!("the answer is {error}"))?;
    validate(&value, out).map_err(|mismatch| mismatch.to_string())
}

fn unfit(model: &str, out: &Type, why: &str, content: &str) -> NodeError {
    let shown: String = content.chars().take(SHOWN).collect();
    NodeError::new(
        ErrorCode::Permanent,
        format!("the answer of the model `{model}` is not of the type `{out}`: {why}"),
    )
    .with_detail(Value::record([("answer", shown.into())]))
    .with_help("say in the prompt what the fields mean, raise `repair:`, or take another model")
}

/// The inputs under their own names.
struct Inputs<'v>(&'v Value);

impl Names for Inputs<'_> {
    fn get(&self, name: &str) -> Option<Value> {
        self.0.get(name).cloned()
    }
}

#[async_trait]
impl Node for ModelNode {
    async fn run(&self, ctx: NodeContext, input: Value) -> Result<Output, Failure> {
        let prompt = self.prompt.eval(&Inputs(&input))?;
        let answer = self.converse(&ctx, prompt).await;
        let usage = Usage { host_calls: ctx.pass.host_calls(), ..Usage::default() };
        match answer {
            Ok(value) => Ok(Output { value, usage }),
            Err(error) => Err(Failure { error, usage }),
        }
    }
}
