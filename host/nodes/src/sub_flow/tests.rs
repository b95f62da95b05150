//! The node over a scripted embedder: what is passed on, and how failures are told.

use cleargate_executor::limits::MAX_DEPTH;

use super::*;
use crate::fixture::World;

/// Answers with the input, fails, or waits until it is cancelled.
enum Scripted {
    Echo,
    Fails,
    Waits,
}

#[async_trait]
impl SubFlows for Scripted {
    async fn run(&self, ctx: NodeContext, flow: &FlowHash, input: Value) -> Result<Value, Failure> {
        match self {
            Self::Echo => Ok(Value::record([("flow", flow.as_str().into()), ("input", input)])),
            Self::Fails => {
                let detail = Value::record([("limit", "fuel".into())]);
                Err(NodeError::new(ErrorCode::Limit, "too much").with_detail(detail).into())
            }
            Self::Waits => {
                ctx.cancel.cancelled().await;
                Err(Failure::new(ErrorCode::Cancelled, "the child was cancelled"))
            }
        }
    }
}

fn node(flows: Scripted) -> SubFlow {
    SubFlow::new(FlowHash::of(b"child"), Arc::new(flows))
}

#[tokio::test]
async fn the_child_gets_the_input_and_its_output_is_the_value() {
    let node = node(Scripted::Echo);
    assert!(!node.takes_place());
    let output = node.run(World::default().context(), 7.into()).await.unwrap();
    assert_eq!(output.value.get("input"), Some(&Value::Int(7)));
    assert_eq!(output.value.get("flow"), Some(&FlowHash::of(b"child").as_str().into()));
}

#[tokio::test]
async fn a_failure_of_the_child_keeps_its_code_and_names_the_run() {
    let ctx = World::default().context();
    let child = child_id(&ctx.run, &ctx.address);
    let error = node(Scripted::Fails).run(ctx, Value::empty()).await.unwrap_err().error;
    assert_eq!(error.code, ErrorCode::Limit);
    assert_eq!(error.message, format!("sub-flow {child}: too much"));
    let expected = format!(r#"{{"run":"{child}","detail":{{"limit":"fuel"}}}}"#);
    assert_eq!(error.detail.to_json(), expected);
}

#[tokio::test]
async fn cancelling_the_parent_cancels_the_child() {
    let ctx = World::default().context();
    ctx.cancel.cancel();
    let error = node(Scripted::Waits).run(ctx, Value::empty()).await.unwrap_err().error;
    assert_eq!(error.code, ErrorCode::Cancelled);
}

#[test]
fn fl_04_too_many_levels_are_a_limit_with_help() {
    let error = not_started(&StartError::TooDeep).error;
    assert_eq!(error.code, ErrorCode::Limit);
    assert_eq!(error.detail.get("limit"), Some(&"depth".into()));
    assert!(error.message.contains(&MAX_DEPTH.to_string()) && error.help.is_some());
    for passing in [StartError::TooManyRuns(3), StartError::Stopping] {
        assert_eq!(not_started(&passing).error.code, ErrorCode::Transient);
    }
}
