//! A step with chains of guards around it: what goes in and what comes out passes them, or the step fails.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use cleargate_executor::{CallScope, Failure, Node, NodeContext, Output};
use cleargate_flow::error::ErrorCode;
use cleargate_flow::types::{Type, validate};
use cleargate_flow::{Usage, Value};

use crate::guardrail::{GuardrailNode, Passed};

/// See the module.
pub struct Guarded {
    /// The step.
    pub node: Arc<dyn Node>,
    /// What the step may do.
    pub scope: CallScope,
    /// What the step's input passes.
    pub before: Option<GuardrailNode>,
    /// What the step's value passes.
    pub after: Option<GuardrailNode>,
    /// The type of the value, which holds behind the guards as well.
    pub output: Type,
}

impl fmt::Debug for Guarded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Guarded").field("scope", &self.scope).finish_non_exhaustive()
    }
}

#[async_trait]
impl Node for Guarded {
    async fn run(&self, ctx: NodeContext, mut input: Value) -> Result<Output, Failure> {
        let mut used = Usage::default();
        if let Some(chain) = &self.before {
            let Passed { content, usage, .. } = chain.pass(&ctx, input).await?;
            crate::add(&mut used, usage);
            if content.as_map().is_none() {
                return Err(misfit("input", "a record of inputs", &content, used));
            }
            input = content;
        }
        // Guards have made calls of the attempt: those of the step come after them.
        let own = ctx.within(&self.scope, ctx.config.clone());
        let mut output = match self.node.run(own, input).await {
            Ok(output) => output,
            Err(Failure { error, usage }) => {
                crate::add(&mut used, usage);
                return Err(Failure { error, usage: used });
            }
        };
        crate::add(&mut used, output.usage);
        if let Some(chain) = &self.after {
            let passed = chain.pass(&ctx, output.value).await.map_err(|failure| {
                let mut usage = used;
                crate::add(&mut usage, failure.usage);
                Failure { error: failure.error, usage }
            })?;
            crate::add(&mut used, passed.usage);
            if let Err(mismatch) = validate(&passed.content, &self.output) {
                let wanted = format!("`{}`, {mismatch}", self.output);
                return Err(misfit("value", &wanted, &passed.content, used));
            }
            output.value = passed.content;
        }
        Ok(Output { value: output.value, usage: used })
    }

    fn waits_for_runs(&self) -> bool {
        self.node.waits_for_runs()
    }
}

/// A guard put something in the place of the content that has no place there.
fn misfit(what: &str, wanted: &str, found: &Value, usage: Usage) -> Failure {
    let message = format!(
        "a guard of `guard:` replaced the {what}: expected {wanted}, found {}",
        found.shape()
    );
    let error = cleargate_flow::NodeError::new(ErrorCode::InvalidInput, message).with_help(
        "let the guard reject what it cannot mend, or guard a part of it with a `guardrail` node",
    );
    Failure { error, usage }
}
