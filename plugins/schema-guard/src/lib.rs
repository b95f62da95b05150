//! A guardrail that holds content to a JSON Schema: what does not fit is refused, or mended where that is plain.
//!
//! A finding names the place, the keyword and what the schema asks for. It never holds a value of the content. Nothing
//! is fetched: a schema holds all that it refers to. Patterns run in linear time, so that no text can hold up a check.

mod check;
mod repair;
mod text;

use cleargate::{Error, Finding, Stage, Value, Verdict};
use schemars::JsonSchema;
use serde::Deserialize;

/// Findings of one check that are listed; a person who sees this many reads no further.
const MAX_FINDINGS: usize = 100;

/// What happens when the content does not fit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// The content is refused.
    #[default]
    Reject,
    /// A person decides.
    Escalate,
    /// The content goes on as it is, with the findings.
    Report,
}

/// What the flow configures.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// A JSON Schema of draft 4, 6, 7, 2019-09 or 2020-12, as `$schema` says; 2020-12 when it says nothing.
    pub schema: Value,
    /// JSON Pointer of the part that is checked; all of the content when absent.
    #[serde(default)]
    pub at: String,
    /// The part is a text that holds JSON, such as the answer of a model. It goes on as a text.
    #[serde(default)]
    pub text: bool,
    /// Makes values those that the schema asks for, where nothing is lost: the text `12` the number 12.
    #[serde(default)]
    pub coerce: bool,
    /// Takes out fields that the schema does not allow.
    #[serde(default)]
    pub strip_unknown: bool,
    /// What happens when the content does not fit, mended or not.
    #[serde(default)]
    pub action: Action,
}

/// Checks content against a JSON Schema, and mends what can be mended.
#[cleargate::guardrail]
pub fn schema_guard(stage: Stage, content: Value, config: Config) -> Result<Verdict, Error> {
    let _ = stage; // the flow binds a schema to the stage whose content it describes
    let schema = check::compile(&config.schema)?;
    let Some(part) = part(&content, &config.at)? else {
        let finding = found("missing", "the part that the schema describes is missing", &config.at);
        return Ok(objection(config.action, content, vec![finding]));
    };
    let data = match text::read(part, &config) {
        Ok(data) => data,
        Err(finding) => return Ok(objection(config.action, content, vec![finding])),
    };
    let repaired = repair::mend(&schema, data, &config);
    if !repaired.left.is_empty() {
        return Ok(objection(config.action, content, repaired.left));
    }
    if repaired.mended.is_empty() {
        return Ok(Verdict::Pass);
    }
    let data = text::write(repaired.data, &config)?;
    Ok(Verdict::Modify { content: with(content, &config.at, data), findings: repaired.mended })
}

/// The part of the content that the schema describes, when it is there.
fn part<'a>(content: &'a Value, at: &str) -> Result<Option<&'a Value>, Error> {
    if !at.is_empty() && !at.starts_with('/') {
        let message = format!("/at: `{at}` is no JSON Pointer: begin with a slash, as in `/{at}`");
        return Err(Error::invalid_input(message));
    }
    Ok(content.pointer(at))
}

/// The content with another part.
fn with(mut content: Value, at: &str, data: Value) -> Value {
    *content.pointer_mut(at).expect("the part was read from there") = data;
    content
}

fn objection(action: Action, content: Value, mut findings: Vec<Finding>) -> Verdict {
    let reason = reason(&findings);
    findings.truncate(MAX_FINDINGS);
    match action {
        Action::Reject => Verdict::Reject { reason, findings },
        Action::Escalate => Verdict::Escalate { reason, findings },
        Action::Report => Verdict::Modify { content, findings },
    }
}

/// One sentence with the keywords that are not kept.
fn reason(findings: &[Finding]) -> String {
    let mut labels: Vec<&str> = findings.iter().map(|f| f.label.as_str()).collect();
    labels.sort_unstable();
    labels.dedup();
    let noun = if findings.len() == 1 { "place does" } else { "places do" };
    format!("{} {noun} not fit the schema ({})", findings.len(), labels.join(", "))
}

fn found(label: &str, message: impl Into<String>, path: &str) -> Finding {
    Finding { label: label.into(), message: message.into(), path: path.into() }
}

cleargate::export! { guardrail: schema_guard }
