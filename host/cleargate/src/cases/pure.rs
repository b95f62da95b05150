//! Whether a node that says it is pure depends on its input alone.
//!
//! A result of a pure node is computed again when it was lost, and is taken from another run with the same input. One
//! that is made of the time or of chance would then be another, and nothing else would notice.

use cleargate_flow::Value;
use cleargate_flow::signature::{Effect, PluginKind};
use cleargate_registry::Manifest;
use cleargate_runtime::Plugin;
use cleargate_runtime::describe::Described;

use super::{CaseReport, broken, run_in, world};

/// Whether the case calls a node that promises it.
pub(super) fn promised(offers: &[Described], case: &Value) -> bool {
    let node = case.get("call").and_then(|call| call.get("node")).and_then(Value::as_str);
    offers.iter().any(|one| {
        one.kind == PluginKind::Node
            && one.signature.effect == Effect::Pure
            && Some(one.id.as_str()) == node
    })
}

/// Runs the case, and when it passes once more at another time and with other chance.
pub(super) async fn run(
    plugin: &Plugin,
    manifest: &Manifest,
    name: String,
    case: &Value,
) -> CaseReport {
    let worlds = world(case).and_then(|first| Ok((first, world(case)?.elsewhen())));
    let (first, second) = match worlds {
        Ok(worlds) => worlds,
        Err(why) => return broken(name, why),
    };
    let (mut report, answer) = run_in(first, plugin, manifest, name.clone(), case).await;
    if report.passed && answer.is_some() {
        let (_, other) = run_in(second, plugin, manifest, name, case).await;
        if other != answer {
            report.passed = false;
            report.differences.push(
                "another time and other chance gave another answer, though the node says that it is pure; \
                 its effect is `read`"
                    .into(),
            );
        }
    }
    report
}
