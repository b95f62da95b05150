//! A check on content that enters or leaves a step. It decides; the host acts.

use serde_json::Value;

use crate::bindings::guardrail::exports::cleargate::guardrail::guardrail as export;
use crate::bindings::services::cleargate::types::types as wit;
use crate::{Context, Error, media};

/// Where in a run the content was met.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Before a node or model sees it.
    Input,
    /// After a node or model made it.
    Output,
    /// Arguments of a tool call.
    ToolCall,
    /// Result of a tool call.
    ToolResult,
    /// A stage that came after this plugin was built.
    Other(String),
}

/// One thing that was found. Never holds the thing itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What kind of thing, for example `aws_access_key`.
    pub label: String,
    /// One sentence, without the content that was found.
    pub message: String,
    /// JSON Pointer to the string that holds it; empty for the whole content.
    pub path: String,
}

/// What a guardrail decides.
#[derive(Clone, Debug, PartialEq)]
pub enum Verdict {
    /// Go on.
    Pass,
    /// Go on with other content.
    Modify {
        /// What takes the content's place.
        content: Value,
        /// Why.
        findings: Vec<Finding>,
    },
    /// Stop: the step fails with `denied`.
    Reject {
        /// One sentence, without the content that was found.
        reason: String,
        /// What was found.
        findings: Vec<Finding>,
    },
    /// Ask a person.
    Escalate {
        /// One sentence, without the content that was found.
        reason: String,
        /// What was found.
        findings: Vec<Finding>,
    },
}

/// A guardrail; `#[cleargate::guardrail]` implements it.
pub trait Guardrail {
    /// The type that the configuration is read into.
    type Config: serde::de::DeserializeOwned + schemars::JsonSchema;

    /// The name in the component.
    const ID: &'static str;
    /// One sentence.
    const SUMMARY: &'static str;

    /// Decides about one piece of content.
    ///
    /// # Errors
    /// Those of the author's function; a chain fails closed.
    fn check(
        ctx: &Context,
        stage: Stage,
        content: Value,
        config: Self::Config,
    ) -> Result<Verdict, Error>;
}

impl From<export::Stage> for Stage {
    fn from(stage: export::Stage) -> Self {
        match stage {
            export::Stage::Input => Self::Input,
            export::Stage::Output => Self::Output,
            export::Stage::ToolCall => Self::ToolCall,
            export::Stage::ToolResult => Self::ToolResult,
            export::Stage::Other(name) => Self::Other(name),
        }
    }
}

fn found(findings: Vec<Finding>) -> Vec<export::Finding> {
    findings
        .into_iter()
        .map(|f| export::Finding { label: f.label, message: f.message, path: f.path })
        .collect()
}

fn verdict(verdict: Verdict) -> Result<export::Verdict, Error> {
    let objection = |reason, findings| export::Objection { reason, findings: found(findings) };
    Ok(match verdict {
        Verdict::Pass => export::Verdict::Pass,
        Verdict::Modify { content, findings } => export::Verdict::Modify(export::Modification {
            content: media::write(&content)?,
            findings: found(findings),
        }),
        Verdict::Reject { reason, findings } => {
            export::Verdict::Reject(objection(reason, findings))
        }
        Verdict::Escalate { reason, findings } => {
            export::Verdict::Escalate(objection(reason, findings))
        }
    })
}

#[doc(hidden)]
pub fn describe<G: Guardrail>() -> export::Description {
    export::Description {
        id: G::ID.into(),
        summary: G::SUMMARY.into(),
        config: crate::schema_of::<G::Config>(),
    }
}

#[doc(hidden)]
pub fn serve<G: Guardrail>(
    ctx: wit::CallContext,
    stage: export::Stage,
    content: wit::Value,
    config: wit::Value,
) -> Result<export::Verdict, wit::Error> {
    let check = || {
        let config = media::read("configuration", config)?;
        let content = media::read("content", content)?;
        verdict(G::check(&ctx.into(), stage.into(), content, config)?)
    };
    check().map_err(Into::into)
}
