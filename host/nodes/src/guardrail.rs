//! `guardrail`: content passes a chain of checks, or the step fails.
//!
//! The chain is ordered: what one guard changes, the next one sees. It fails closed: a guard that cannot decide
//! keeps the content back as surely as one that objects. And each guard runs with rights of its own: its
//! [`Guard::scope`], so that a guard that may reach a host does not share that with its neighbours or with the node.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use cleargate_executor::{
    CallScope, Failure, Finding, Guardrail, Node, NodeContext, Output, Stage, Verdict,
};
use cleargate_flow::error::ErrorCode;
use cleargate_flow::signature::{Effect, Signature};
use cleargate_flow::{NodeError, Usage, Value};
use indexmap::IndexMap;

/// Guards of one chain: each is a sandboxed call for the same content.
pub const MAX_GUARDS: usize = cleargate_flow::check::MAX_CHAIN;
/// Findings that a chain reports: enough to act on, and no flood in the journal.
pub const MAX_FINDINGS: usize = 256;
/// Characters that are kept of a guard's sentence: it goes into messages and the journal.
pub const MAX_SENTENCE: usize = 500;

/// One check of a chain.
#[derive(Clone)]
pub struct Guard {
    /// What decides.
    pub guardrail: Arc<dyn Guardrail>,
    /// A record that fits the guardrail's own schema.
    pub config: Value,
    /// The name under which the flow uses it, and what it may do.
    pub scope: CallScope,
}

impl fmt::Debug for Guard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Guard").field("scope", &self.scope).finish_non_exhaustive()
    }
}

/// A guard as a flow writes it: an alias, or `{ use, config }`.
#[derive(Clone, Debug, PartialEq)]
pub struct GuardUse {
    /// Alias of `use:`, or `alias.export`.
    pub alias: String,
    /// Its configuration; an empty record when the flow says nothing.
    pub config: Value,
}

/// Why a configuration is no chain.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChainError {
    /// A guardrail node that checks nothing would look like protection.
    #[error("a `guardrail` needs at least one guard: write `guards: [alias]`")]
    Empty,
    /// More than [`MAX_GUARDS`].
    #[error("a `guardrail` has {0} guards, at most {MAX_GUARDS}; use two nodes")]
    Long(usize),
    /// An item that is neither form.
    #[error("guard {0} is neither an alias nor `{{ use: alias, config: {{ … }} }}`")]
    Form(usize),
}

/// The stage and the guards that the configuration of a node names, in order.
///
/// # Errors
/// No guard, too many, or one in another form.
pub fn chain_of(config: &Value) -> Result<(Stage, Vec<GuardUse>), ChainError> {
    let stage = match config.get("stage").and_then(Value::as_str) {
        None | Some("output") => Stage::Output,
        Some("input") => Stage::Input,
        Some("tool_call") => Stage::ToolCall,
        Some("tool_result") => Stage::ToolResult,
        Some(other) => Stage::Other(other.into()),
    };
    let guards = config.get("guards").and_then(Value::as_list).unwrap_or_default();
    bounded(guards.len())?;
    let uses =
        guards.iter().enumerate().map(|(i, item)| guard_use(item).ok_or(ChainError::Form(i + 1)));
    Ok((stage, uses.collect::<Result<_, _>>()?))
}

fn bounded(guards: usize) -> Result<(), ChainError> {
    match guards {
        0 => Err(ChainError::Empty),
        1..=MAX_GUARDS => Ok(()),
        more => Err(ChainError::Long(more)),
    }
}

fn guard_use(item: &Value) -> Option<GuardUse> {
    if let Some(alias) = item.as_str() {
        return Some(GuardUse { alias: alias.into(), config: Value::empty() });
    }
    let fields = item.as_map()?;
    if fields.keys().any(|key| !matches!(&**key, "use" | "config")) {
        return None;
    }
    let config = match fields.get("config") {
        None | Some(Value::Null) => Value::empty(),
        Some(config @ Value::Map(_)) => config.clone(),
        Some(_) => return None,
    };
    Some(GuardUse { alias: fields.get("use")?.as_str()?.into(), config })
}

/// Runs a chain of guards over `content`. Output: `{ content, findings }`.
#[derive(Clone, Debug)]
pub struct GuardrailNode {
    stage: Stage,
    chain: Vec<Guard>,
}

impl GuardrailNode {
    /// What flows write after `type:`.
    pub const NAME: &str = "guardrail";

    /// What the checker knows. A guard may put other content in the place of what came, so the output's
    /// `content` is `any`.
    pub fn signature() -> Signature {
        let finding = "record{guard: string, label: string, message: string, path: string}";
        let guards =
            "Aliases of guardrails, or `{ use, config }`, in the order in which they check.";
        let stages = "enum(input, output, tool_call, tool_result)";
        let mut stage =
            crate::field("stage", stages, "Where the content was met; `output` when absent.");
        stage.1.default = Some("output".into());
        Signature {
            input: IndexMap::from([crate::field("content", "json", "What is checked.")]),
            config: IndexMap::from([crate::field("guards", "list<json>", guards), stage]),
            ..crate::signature(
                "Lets content pass a chain of checks, each of which may change or refuse it.",
                Effect::Pure,
                &format!("record{{content: any, findings: list<{finding}>}}"),
            )
        }
    }

    /// A node that runs `chain` in order.
    ///
    /// # Errors
    /// No guard, or more than [`MAX_GUARDS`].
    pub fn new(stage: Stage, chain: Vec<Guard>) -> Result<Self, ChainError> {
        bounded(chain.len())?;
        Ok(Self { stage, chain })
    }
}

#[async_trait]
impl Node for GuardrailNode {
    async fn run(&self, ctx: NodeContext, input: Value) -> Result<Output, Failure> {
        let content = input.get("content").cloned();
        let content =
            content.ok_or_else(|| crate::invalid("input of `guardrail`: `content` is missing"))?;
        let Passed { content, findings, usage } = self.pass(&ctx, content).await?;
        let value = Value::record([("content", content), ("findings", findings)]);
        Ok(Output { value, usage })
    }
}

/// What a chain let pass.
#[derive(Clone, Debug, PartialEq)]
pub struct Passed {
    /// The content as it leaves the last guard.
    pub content: Value,
    /// What was found, a list of records.
    pub findings: Value,
    /// What all guards used.
    pub usage: Usage,
}

impl GuardrailNode {
    /// Lets content pass the chain, each guard with the rights of its own scope inside the attempt of `ctx`.
    ///
    /// # Errors
    /// `denied` with what was found, or the failure of a guard that could not decide.
    pub async fn pass(&self, ctx: &NodeContext, mut content: Value) -> Result<Passed, Failure> {
        let mut report = Report::default();
        for guard in &self.chain {
            content = match self.judge(guard, ctx, content, &mut report).await {
                Ok(content) => content,
                Err(error) => return Err(Failure { error, usage: report.usage }),
            };
        }
        Ok(Passed { content, findings: report.value(), usage: report.usage })
    }

    /// The content as it leaves a guard.
    async fn judge(
        &self,
        guard: &Guard,
        ctx: &NodeContext,
        content: Value,
        report: &mut Report,
    ) -> Result<Value, NodeError> {
        let config = guard.config.clone();
        let own = ctx.within(&guard.scope, config.clone());
        let judged = guard.guardrail.check(own, self.stage.clone(), content.clone(), config).await;
        let judged = judged.map_err(|failure| {
            report.add(failure.usage);
            undecided(&guard.scope.name, failure.error)
        })?;
        report.add(judged.usage);
        match judged.verdict {
            Verdict::Pass => Ok(content),
            Verdict::Modify { content, findings } => {
                report.keep(&guard.scope.name, findings);
                Ok(content)
            }
            Verdict::Reject { reason, findings } => {
                report.keep(&guard.scope.name, findings);
                let message =
                    format!("guard `{}` refused: {}", guard.scope.name, sentence(&reason));
                Err(self.refusal("reject", guard, message, report))
            }
            Verdict::Escalate { reason, findings } => {
                report.keep(&guard.scope.name, findings);
                let message = format!(
                    "guard `{}` asks for a person: {}",
                    guard.scope.name,
                    sentence(&reason)
                );
                let help = "a person must look at the content and decide; this version cannot wait for an answer \
                            inside a run, so start the run again with content that a person has approved";
                Err(self.refusal("escalate", guard, message, report).with_help(help))
            }
        }
    }

    fn refusal(&self, verdict: &str, guard: &Guard, message: String, report: &Report) -> NodeError {
        NodeError::new(ErrorCode::Denied, message).with_detail(Value::record([
            ("guard", guard.scope.name.as_str().into()),
            ("stage", self.stage.as_str().into()),
            ("verdict", verdict.into()),
            ("findings", report.value()),
        ]))
    }
}

/// A guard that cannot decide: nothing passes. The code stays, so that a retry can help where one may.
fn undecided(guard: &str, error: NodeError) -> NodeError {
    let message = format!("guard `{guard}` could not decide, so nothing passes: {}", error.message);
    NodeError { message, ..error }
}

/// The start of a sentence that a guard wrote.
fn sentence(text: &str) -> String {
    match text.char_indices().nth(MAX_SENTENCE) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.into(),
    }
}

/// What a chain found and used so far.
#[derive(Default)]
struct Report {
    findings: Vec<Value>,
    left_out: usize,
    usage: Usage,
}

impl Report {
    fn keep(&mut self, guard: &str, findings: Vec<Finding>) {
        for finding in findings {
            if self.findings.len() == MAX_FINDINGS {
                self.left_out += 1;
                continue;
            }
            self.findings.push(entry(guard, &finding.label, &finding.message, &finding.path));
        }
    }

    fn add(&mut self, used: Usage) {
        crate::add(&mut self.usage, used);
    }

    fn value(&self) -> Value {
        let mut findings = self.findings.clone();
        if self.left_out > 0 {
            let message = format!("{} more findings are left out", self.left_out);
            findings.push(entry("", "left_out", &message, ""));
        }
        Value::list(findings)
    }
}

fn entry(guard: &str, label: &str, message: &str, path: &str) -> Value {
    let texts = [("guard", guard), ("label", label), ("message", message), ("path", path)];
    Value::record(texts.map(|(name, text)| (name, sentence(text).into())))
}

#[cfg(test)]
mod tests;
