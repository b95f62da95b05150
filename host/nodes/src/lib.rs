//! The node types that need no package. Each is an ordinary [`Node`](cleargate_executor::Node): it holds
//! the same pass as a plugin, so it can do nothing that a component in its place could not.
//!
//! [`Transform`] and [`Template`] compute; [`FileRead`] and [`Http`] ask the gate; [`GuardrailNode`] runs a
//! chain of checks, each with rights of its own; [`ModelNode`] asks a model of the flow, behind which a [`ModelChain`]
//! stands; [`SubFlow`] runs another flow. [`Guarded`] puts chains of checks around any step, and [`asset::Kept`] keeps its
//! value for other runs. [`catalogue`] tells the
//! checker about them before anything runs.

pub mod asset;
mod file_read;
mod guarded;
mod guardrail;
mod http;
mod model;
mod model_chain;
mod sub_flow;
mod template;
mod transform;

#[cfg(test)]
mod fixture;

use std::collections::BTreeMap;

use cleargate_executor::{Failure, NodeContext, Output};
use cleargate_flow::error::ErrorCode;
use cleargate_flow::grant::Grants;
use cleargate_flow::limits::Limits;
use cleargate_flow::signature::{Effect, Signature};
use cleargate_flow::types::{Field, Type};
use cleargate_flow::{NodeError, Usage, Value};
use indexmap::IndexMap;
use serde::de::DeserializeOwned;

pub use file_read::FileRead;
pub use guarded::Guarded;
pub use guardrail::{
    ChainError, Guard, GuardUse, GuardrailNode, MAX_FINDINGS, MAX_GUARDS, MAX_SENTENCE, Passed,
    chain_of,
};
pub use http::Http;
pub use model::ModelNode;
pub use model_chain::{Linked, ModelChain};
pub use sub_flow::SubFlow;
pub use template::{Template, TextError};
pub use transform::Transform;

/// The signature of each built-in by the name that flows write after `type:`. A sub-flow is not among them:
/// its name is an alias and its ports are those of its flow, see [`SubFlow::signature`].
pub fn catalogue() -> BTreeMap<&'static str, Signature> {
    BTreeMap::from([
        (Transform::NAME, Transform::signature()),
        (Template::NAME, Template::signature()),
        (FileRead::NAME, FileRead::signature()),
        (Http::NAME, Http::signature()),
        (GuardrailNode::NAME, GuardrailNode::signature()),
        (ModelNode::NAME, ModelNode::signature()),
    ])
}

/// A signature without ports and configuration, for a built-in to add its own to.
fn signature(summary: &str, effect: Effect, output: &str) -> Signature {
    Signature {
        summary: summary.into(),
        input: IndexMap::new(),
        open: false,
        output: ty(output),
        config: IndexMap::new(),
        effect,
        requests: Grants::default(),
        limits: Limits::default(),
        texts: Vec::new(),
        typed_by: None,
        model_key: None,
        origin: "built-in".into(),
    }
}

/// A port or key: name, type as flows write it, one sentence.
fn field(name: &str, written: &str, doc: &str) -> (String, Field) {
    (name.into(), Field { doc: Some(doc.into()), ..ty(written).into() })
}

fn ty(written: &str) -> Type {
    written.parse().expect("the types of built-ins are constants")
}

/// The input of an attempt as typed data.
fn read<T: DeserializeOwned>(node: &str, input: &Value) -> Result<T, Failure> {
    input.to().map_err(|error| invalid(format!("input of `{node}`: {error}")))
}

fn invalid(message: impl Into<String>) -> Failure {
    Failure::new(ErrorCode::InvalidInput, message)
}

/// The result of an attempt with the calls that it made.
fn measured(ctx: &NodeContext, result: Result<Value, NodeError>) -> Result<Output, Failure> {
    let usage = Usage { host_calls: ctx.pass.host_calls(), ..Usage::default() };
    match result {
        Ok(value) => Ok(Output { value, usage }),
        Err(error) => Err(Failure { error, usage }),
    }
}

/// Sums what calls used one after the other; memory is the greatest of them.
fn add(sum: &mut Usage, used: Usage) {
    sum.micros = sum.micros.saturating_add(used.micros);
    sum.fuel = sum.fuel.saturating_add(used.fuel);
    sum.peak_memory = sum.peak_memory.max(used.peak_memory);
    sum.host_calls = sum.host_calls.saturating_add(used.host_calls);
}

/// The failure of a door that answered another question. Cannot happen with a sound gate and journal.
fn foreign_answer(node: &str) -> NodeError {
    let message = format!("the gate answered `{node}` with something that it did not ask for");
    NodeError::new(ErrorCode::Bug, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_built_in_is_known_by_its_name_and_documented() {
        let catalogue = catalogue();
        let names: Vec<&str> = catalogue.keys().copied().collect();
        assert_eq!(names, ["file.read", "guardrail", "http", "model", "template", "transform"]);
        for (name, signature) in &catalogue {
            assert!(signature.summary.ends_with('.'), "{name} says nothing");
            assert_eq!(signature.origin, "built-in");
            assert_eq!(signature.requests, Grants::default(), "{name} has a privilege");
            for (port, field) in signature.input.iter().chain(&signature.config) {
                let doc = field.doc.as_deref().unwrap_or_default();
                assert!(doc.ends_with('.'), "{name}: `{port}` says nothing");
            }
        }
        let effects = catalogue.values().map(|signature| signature.effect);
        let expected = [
            Effect::Read,
            Effect::Pure,
            Effect::Once,
            Effect::Idempotent,
            Effect::Pure,
            Effect::Pure,
        ];
        assert!(effects.eq(expected));
    }
}
