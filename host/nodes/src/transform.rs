//! `transform`: gives expressions a name. The evaluator has done the work when the node runs, so the record of
//! the inputs is the value, shared and not copied.

use async_trait::async_trait;
use cleargate_executor::{Failure, Node, NodeContext, Output};
use cleargate_flow::Value;
use cleargate_flow::signature::{Effect, Signature};

/// Returns its input.
#[derive(Clone, Copy, Debug, Default)]
pub struct Transform;

impl Transform {
    /// What flows write after `type:`.
    pub const NAME: &str = "transform";

    /// What the checker knows. The fields of the output are those of `with:`, whatever they are, so they are read
    /// as `any` and checked where they are used.
    pub fn signature() -> Signature {
        let summary = "Evaluates the expressions of `with:`; the record of them is the value.";
        Signature { open: true, ..crate::signature(summary, Effect::Pure, "any") }
    }
}

#[async_trait]
impl Node for Transform {
    async fn run(&self, _ctx: NodeContext, input: Value) -> Result<Output, Failure> {
        Ok(input.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::World;

    #[tokio::test]
    async fn the_input_is_the_value_and_is_shared() {
        let input = Value::from_json(r#"{"high":[{"risk":"high"}],"n":2}"#).unwrap();
        let output = Transform.run(World::default().context(), input.clone()).await.unwrap();
        assert_eq!(output, input.clone().into());
        let (Value::Map(before), Value::Map(after)) = (&input, &output.value) else { panic!() };
        assert!(std::sync::Arc::ptr_eq(before, after), "a field was copied");
    }
}
