//! What a case expects, held against what a call gave: one sentence for each difference.

use cleargate_flow::limits::Unit;
use cleargate_flow::{NodeError, Value};
use cleargate_runtime::Fault;

use super::compare;

/// What a call answered, in the form that `expect` is compared with.
#[derive(PartialEq)]
pub(super) enum Answer {
    Output(Value),
    Verdict(&'static str, Value),
}

/// How an answer differs from what the case expects.
pub(super) fn expected(expect: &Value, answer: &Answer) -> Vec<String> {
    if let Some(error) = expect.get("error") {
        let got = match answer {
            Answer::Output(value) | Answer::Verdict(_, value) => value.to_json(),
        };
        return vec![format!("expected the error {}, got {got}", error.to_json())];
    }
    let mut differences = Vec::new();
    let value = match answer {
        Answer::Output(value) => {
            if expect.get("verdict").is_some() {
                differences.push("verdict: only a guardrail gives one".into());
            }
            value
        }
        Answer::Verdict(word, value) => {
            let wanted = expect.get("verdict").and_then(Value::as_str);
            if let Some(wanted) = wanted.filter(|wanted| wanted != word) {
                differences.push(format!("verdict: expected {wanted}, got {word}"));
            }
            value
        }
    };
    if let Some(exact) = expect.get("output") {
        compare::exact("output", exact, value, &mut differences);
    }
    if let Some(part) = expect.get("contains") {
        compare::contains("output", part, value, &mut differences);
    }
    let said =
        ["output", "contains", "verdict", "kv", "log"].iter().any(|key| expect.get(key).is_some());
    if !said {
        differences
            .push("the case expects nothing: write output, contains, verdict or error".into());
    }
    differences
}

/// The same for a call that failed.
pub(super) fn expected_error(expect: &Value, fault: &Fault) -> Vec<String> {
    let error: NodeError = fault.clone().into();
    let Some(wanted) = expect.get("error") else {
        return vec![format!("expected an answer, got the error {error}")];
    };
    let mut differences = Vec::new();
    let code = wanted.get("code").and_then(Value::as_str).unwrap_or_default();
    if code != error.code.as_str() {
        differences.push(format!("error code: expected {code}, got {error}"));
    }
    let words = wanted.get("message").and_then(Value::as_str).unwrap_or_default();
    if !error.message.contains(words) {
        differences.push(format!("error message: expected `{words}` in `{}`", error.message));
    }
    differences
}

/// What was used beyond what the case allows.
pub(super) fn at_most(expect: &Value, key: &str, unit: Unit, used: u64) -> Option<String> {
    let most = match unit.parse(&expect.get(key)?.to_string()) {
        Ok(most) => most,
        Err(why) => return Some(format!("{key}: {why}")),
    };
    let what = key.trim_start_matches("max_");
    (used > most)
        .then(|| format!("{what}: used {}, at most {}", unit.print(used), unit.print(most)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_verdict_is_not_expected_of_what_gives_none() {
        let expect = Value::from_json(r#"{"verdict":"pass"}"#).unwrap();
        assert!(expected(&expect, &Answer::Verdict("pass", Value::empty())).is_empty());
        assert!(!expected(&expect, &Answer::Verdict("reject", Value::empty())).is_empty());
        assert!(!expected(&expect, &Answer::Output(Value::empty())).is_empty());
    }
}
