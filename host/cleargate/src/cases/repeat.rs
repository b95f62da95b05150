//! Whether a call gives the same once more.
//!
//! A run that is resumed answers host calls from its journal, so the same world must give the same answer, whatever the
//! kind. What says that it is pure is computed again when it was lost, and is taken from another run with the same
//! input: its answer must not depend on the time or on chance either, and nothing else would notice.

use cleargate_flow::Value;
use cleargate_flow::signature::Effect;
use cleargate_runtime::Plugin;
use cleargate_runtime::describe::Described;

use super::{Case, CaseReport, Setting, broken, run_in};

/// Whether the case calls a node or tool that says it is pure.
fn pure(offers: &[Described], case: &Value) -> bool {
    let call = case.get("call").and_then(Value::as_map).and_then(|call| call.first());
    let Some((kind, id)) = call else { return false };
    offers.iter().any(|one| {
        one.signature.effect == Effect::Pure
            && one.kind.as_str() == &**kind
            && Some(one.id.as_str()) == id.as_str()
    })
}

/// Runs the case, and when it passes once more: what is pure at another time and with other chance.
pub(super) async fn run(
    plugin: &Plugin,
    setting: &Setting<'_>,
    offers: &[Described],
    case: &Case,
) -> CaseReport {
    let pure = pure(offers, &case.value);
    let worlds = || {
        let (first, again) = (setting.world(case)?, setting.world(case)?);
        Ok::<_, String>((first, if pure { again.elsewhen() } else { again }))
    };
    let (first, second) = match worlds() {
        Ok(worlds) => worlds,
        Err(why) => return broken(case, why),
    };
    let (mut report, answer) = run_in(first, plugin, setting, case).await;
    if report.passed && answer.is_some() {
        let (_, other) = run_in(second, plugin, setting, case).await;
        if other != answer {
            report.passed = false;
            report.differences.push(match pure {
                true => {
                    "another time and other chance gave another answer, though it says that it is pure; \
                     its effect is `read`"
                        .into()
                }
                false => "the same call in the same world gave another answer".into(),
            });
        }
    }
    report
}
