//! The node types that need no package. Each is an ordinary [`Node`](cleargate_executor::Node): it holds
//! the same pass as a plugin, so it can do nothing that a component in its place could not.
//!
//! [`Transform`] and [`Template`] compute; [`FileRead`] and [`Http`] ask the gate; [`GuardrailNode`] runs a
//! chain of checks, each with rights of its own; [`ModelNode`] asks a model of the flow, behind which a [`ModelChain`]
//! stands; [`Code`] runs a program; [`SubFlow`] runs another flow. [`Guarded`] puts chains of checks around any step, and [`asset::Kept`] keeps its
//! value for other runs. [`catalogue`] tells the
//! checker about them before anything runs.

pub mod asset;
mod catalogue;
mod code;
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

use cleargate_executor::{Failure, NodeContext, Output};
use cleargate_flow::error::ErrorCode;
use cleargate_flow::{NodeError, Usage, Value};
use serde::de::DeserializeOwned;

pub use catalogue::catalogue;
use catalogue::{field, signature};
pub use code::{Code, Program, TOOL_CALLS};
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
