//! Components as what a flow is made of: nodes, tools, guardrails and filters of the executor.

use std::sync::Arc;

use async_trait::async_trait;
use cleargate_executor as executor;
use cleargate_executor::{Chunk, Failure, Filtered, Judged, NodeContext, Output};
use cleargate_flow::Value;
use cleargate_flow::signature::PluginKind;
use cleargate_flow::types::{Type, validate};

use crate::component::Plugin;
use crate::describe::Described;
use crate::fault::Fault;
use crate::foreign::CONFIG;
use crate::instance::Called;
use crate::living::Living;
use crate::passage::Passage;
use crate::plugin::{CallContext, Caller, Finding, Judgement, Piece, Stage};

/// A node, a tool or a function of a part of a component, as a step of a flow.
pub fn node(plugin: &Plugin, described: &Described) -> Arc<dyn executor::Node> {
    Arc::new(Step {
        plugin: plugin.clone(),
        id: described.id.clone(),
        kind: described.kind,
        output: described.signature.output.clone(),
    })
}

/// A tool of a component in an instance that lives on between calls: one call at a time.
pub fn living(plugin: &Plugin, tool: &Described, place: Arc<Living>) -> Arc<dyn executor::Node> {
    let (plugin, id, output) = (plugin.clone(), tool.id.clone(), tool.signature.output.clone());
    Arc::new(Cell { plugin, id, output, place })
}

/// The guardrail of a component; calling one that has none fails.
pub fn guardrail(plugin: &Plugin) -> Arc<dyn executor::Guardrail> {
    Arc::new(Guard(plugin.clone()))
}

/// The filter of a component; calling one that has none fails.
pub fn filter(plugin: &Plugin) -> Arc<dyn executor::Filter> {
    Arc::new(Rewriter(plugin.clone()))
}

/// A part of a component; calling one that it does not play fails.
pub fn part(plugin: &Plugin, kind: PluginKind) -> Arc<dyn executor::Part> {
    Arc::new(Player { plugin: plugin.clone(), kind })
}

struct Player {
    plugin: Plugin,
    kind: PluginKind,
}

#[async_trait]
impl executor::Part for Player {
    async fn ask(
        &self,
        ctx: NodeContext,
        function: &str,
        arguments: Value,
    ) -> Result<Output, Failure> {
        let called = self.plugin.ask_part(self.kind, function, &caller(ctx), &arguments).await;
        output(&self.plugin, called)
    }
}

struct Step {
    plugin: Plugin,
    id: String,
    kind: PluginKind,
    /// What it says that it gives: the flow was checked with it.
    output: Type,
}

struct Guard(Plugin);

struct Rewriter(Plugin);

struct Cell {
    plugin: Plugin,
    id: String,
    output: Type,
    place: Arc<Living>,
}

#[async_trait]
impl executor::Node for Cell {
    async fn run(&self, ctx: NodeContext, input: Value) -> Result<Output, Failure> {
        let mut called = self.plugin.call_living(&self.place, &self.id, &caller(ctx), &input).await;
        called.result = called.result.and_then(|value| keeps_word(value, &self.output));
        output(&self.plugin, called)
    }
}

fn caller(ctx: NodeContext) -> Caller {
    let context = CallContext {
        run_id: ctx.run.to_string(),
        address: ctx.address.to_string(),
        attempt: ctx.attempt,
        deadline: ctx.deadline.and_then(|at| u64::try_from(at).ok()),
        idempotency_key: ctx.key.clone(),
        binding: ctx.binding.clone(),
        tenant: ctx.tenant.clone(),
        trace_parent: ctx.trace_parent.clone(),
    };
    Caller { context, limits: ctx.limits, world: Arc::new(Passage::new(ctx)) }
}

fn answer<T, U>(
    plugin: &Plugin,
    called: Called<T>,
    to: impl FnOnce(T, cleargate_flow::Usage) -> U,
) -> Result<U, Failure> {
    let usage = called.usage;
    match called.result {
        Ok(value) => Ok(to(value, usage)),
        Err(fault) => {
            plugin.report(&fault);
            Err(Failure { error: fault.into(), usage })
        }
    }
}

fn output(plugin: &Plugin, called: Called<Value>) -> Result<Output, Failure> {
    answer(plugin, called, |value, usage| Output { value, usage })
}

#[async_trait]
impl executor::Node for Step {
    async fn run(&self, mut ctx: NodeContext, input: Value) -> Result<Output, Failure> {
        // Of its keys only one is the plugin's.
        ctx.config = ctx.config.get(CONFIG).cloned().unwrap_or(Value::Null);
        let caller = caller(ctx);
        let mut called = match self.kind {
            PluginKind::Tool => self.plugin.call(&self.id, &caller, &input).await,
            kind if kind.is_part() => self.plugin.ask_part(kind, &self.id, &caller, &input).await,
            _ => self.plugin.run(&self.id, &caller, &input).await,
        };
        called.result = called.result.and_then(|value| keeps_word(value, &self.output));
        output(&self.plugin, called)
    }
}

/// A value that is not what its plugin says it gives would fail some later node that is not to blame.
fn keeps_word(value: Value, promised: &Type) -> Result<Value, Fault> {
    match validate(&value, promised) {
        Ok(_) => Ok(value),
        Err(mismatch) => {
            let why = format!("its output is not of the type it describes: {mismatch}");
            Err(Fault::Contract(why))
        }
    }
}

#[async_trait]
impl executor::Guardrail for Guard {
    async fn check(
        &self,
        ctx: NodeContext,
        stage: executor::Stage,
        content: Value,
        config: Value,
    ) -> Result<Judged, Failure> {
        let stage = match stage {
            executor::Stage::Input => Stage::Input,
            executor::Stage::Output => Stage::Output,
            executor::Stage::ToolCall => Stage::ToolCall,
            executor::Stage::ToolResult => Stage::ToolResult,
            executor::Stage::Other(name) => Stage::Other(name),
        };
        let judged = self.0.check(&caller(ctx), stage, &content, &config).await;
        answer(&self.0, judged, |judgement, usage| Judged { verdict: verdict(judgement), usage })
    }
}

fn verdict(judgement: Judgement) -> executor::Verdict {
    match judgement {
        Judgement::Pass => executor::Verdict::Pass,
        Judgement::Modify(content, found) => {
            executor::Verdict::Modify { content, findings: findings(found) }
        }
        Judgement::Reject(reason, found) => {
            executor::Verdict::Reject { reason, findings: findings(found) }
        }
        Judgement::Escalate(reason, found) => {
            executor::Verdict::Escalate { reason, findings: findings(found) }
        }
    }
}

fn findings(found: Vec<Finding>) -> Vec<executor::Finding> {
    let to = |f: Finding| executor::Finding { label: f.label, message: f.message, path: f.path };
    found.into_iter().map(to).collect()
}

#[async_trait]
impl executor::Filter for Rewriter {
    async fn before(
        &self,
        ctx: NodeContext,
        request: Value,
        config: Value,
    ) -> Result<Output, Failure> {
        output(&self.0, self.0.before(&caller(ctx), &request, &config).await)
    }

    async fn after(
        &self,
        ctx: NodeContext,
        request: Value,
        response: Value,
        config: Value,
    ) -> Result<Output, Failure> {
        output(&self.0, self.0.after(&caller(ctx), &request, &response, &config).await)
    }

    async fn on_chunk(
        &self,
        ctx: NodeContext,
        piece: Chunk,
        config: Value,
    ) -> Result<Filtered, Failure> {
        let piece = Piece { text: piece.text, carry: piece.carry, last: piece.last };
        let called = self.0.on_chunk(&caller(ctx), piece, &config).await;
        answer(&self.0, called, |(text, carry), usage| Filtered { text, carry, usage })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_output_is_what_the_plugin_describes_or_a_broken_contract() {
        let promised: Type = "record{sum: int, note: opt<string>}".parse().unwrap();
        for (value, kept) in [
            (r#"{"sum": 1}"#, true),
            (r#"{"sum": 1, "note": null}"#, true),
            (r#"{"sum": "1"}"#, false),
            (r#""1""#, false),
            ("{}", false),
        ] {
            let value = Value::from_json(value).unwrap();
            match keeps_word(value.clone(), &promised) {
                Ok(same) => assert!(kept && same == value, "{value}"),
                Err(fault) => {
                    assert!(!kept && fault.to_string().contains("its output is not"), "{fault}");
                }
            }
        }
        let any: Type = "any".parse().unwrap();
        assert!(keeps_word(Value::Null, &any).is_ok());
    }
}
