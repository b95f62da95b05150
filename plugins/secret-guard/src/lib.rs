//! A guardrail that finds credentials in any text of a JSON value.
//!
//! It knows credentials by their shape: a prefix that an issuer gives, a frame such as PEM, a place such as the
//! password of a URL, or a random value that is assigned to a telling name. Random text alone is no
//! finding, because digests and lock files are full of it. Nothing that leaves the check holds what was
//! found: not a message, not a path.

mod content;
mod entropy;
mod scan;

use cleargate::{Error, Finding, Stage, Value, Verdict};
use schemars::JsonSchema;
use serde::Deserialize;

/// Findings of one check that are listed; a person who sees this many reads no further. Redaction goes on.
const MAX_FINDINGS: usize = 100;

/// What happens when a credential is found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// The content is refused.
    #[default]
    Reject,
    /// The content goes on, with a label in the place of each credential.
    Redact,
    /// The content goes on as it is, with the findings.
    Report,
}

/// What the flow configures.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// What happens when a credential is found.
    pub action: Action,
    /// Credentials that may pass, each written in full: those of documentation and of tests.
    pub allow: Vec<String>,
}

/// Finds credentials in any text of a value.
#[cleargate::guardrail]
pub fn secret_guard(stage: Stage, content: Value, config: Config) -> Result<Verdict, Error> {
    let _ = stage; // a credential is as wrong in a prompt as in an answer
    let checked = content::check(content, &config.allow);
    if checked.count == 0 {
        return Ok(Verdict::Pass);
    }
    let findings = checked.findings;
    Ok(match config.action {
        Action::Reject => Verdict::Reject { reason: reason(checked.count, &findings), findings },
        Action::Redact => Verdict::Modify { content: checked.redacted, findings },
        Action::Report => Verdict::Modify { content: checked.original, findings },
    })
}

/// One sentence with the labels, and where to let an intended value through.
fn reason(count: usize, findings: &[Finding]) -> String {
    let mut labels: Vec<&str> = findings.iter().map(|f| f.label.as_str()).collect();
    labels.sort_unstable();
    labels.dedup();
    let noun = if count == 1 { "credential was" } else { "credentials were" };
    format!(
        "{count} {noun} found ({}); remove them, set `action: redact`, or list intended ones under `allow`",
        labels.join(", ")
    )
}

cleargate::export! { guardrail: secret_guard }

#[cfg(test)]
mod tests;
