//! How a sub-flow is shown to the checker, and its failures to the run above. What it does when it runs is the
//! executor's and tested there.

use cleargate_flow::check::check;
use cleargate_flow::signature::Signatures;
use cleargate_flow::{ErrorCode, NodeError};

use super::*;

struct BuiltIns;

impl Signatures for BuiltIns {
    fn find(&self, name: &str) -> Result<Option<Signature>, String> {
        Ok(crate::catalogue().get(name).cloned())
    }

    fn names(&self) -> Vec<String> {
        Vec::new()
    }
}

#[test]
fn a_flow_is_a_node_with_its_own_ports() {
    let text = "\
cleargate: 1
flow: review
input:
  text: string@pii
  depth: { type: int, default: 3 }
output:
  words: ${count.n}
  same: ${input.text}
  maybe: ${count.n}
  sure: \"${has(long) ? string(long.n) : ''}\"
  skipped: ${string(long.n)}
nodes:
  count:
    type: transform
    with: { n: \"${size(input.text)}\" }
  route:
    switch:
      - { when: input.depth > 3, to: long }
  long:
    type: transform
    with: { n: 1 }
";
    let checked = check(text, "review.flow.yaml", &BuiltIns);
    let graph = checked.graph.unwrap_or_else(|| panic!("{:?}", checked.findings));
    let signature = SubFlow::signature(&graph);
    assert_eq!(signature.input.keys().collect::<Vec<_>>(), ["text", "depth"]);
    assert!(signature.input["depth"].may_be_absent() && !signature.input["text"].may_be_absent());
    let output = signature.output.to_string();
    for part in ["words: any @pii", "same: string @pii", "skipped: opt<string>", "sure: string"] {
        assert!(output.contains(part), "{part} in {output}");
    }
    assert_eq!(signature.effect, Effect::Idempotent);
    assert!(signature.origin.starts_with("flow review "), "{}", signature.origin);
}

#[test]
fn a_failure_of_the_child_keeps_its_code_and_names_the_run() {
    let child: RunId = "sub-1".parse().unwrap();
    let detail = Value::record([("limit", "fuel".into())]);
    let failure = NodeError::new(ErrorCode::Limit, "too much").with_detail(detail);
    let error = above(&child, failure.into()).error;
    assert_eq!((error.code, &*error.message), (ErrorCode::Limit, "sub-flow sub-1: too much"));
    assert_eq!(error.detail.to_json(), r#"{"run":"sub-1","detail":{"limit":"fuel"}}"#);
}
