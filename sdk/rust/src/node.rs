//! A step of a flow: typed ports in, one typed record out.

use schemars::JsonSchema;

use crate::bindings::node::exports::cleargate::node::node as export;
use crate::bindings::services::cleargate::types::types as wit;
use crate::{Context, Error, media, schema};

/// What a node may do to the world; decides what happens after a crash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Nothing: the output is a function of the input.
    Pure,
    /// Reads the world and may be repeated.
    Read,
    /// Writes, and repeating with the same idempotency key does no harm.
    Idempotent,
    /// Writes, and must not be repeated.
    Once,
    /// Writes, and another node can undo it.
    Compensable,
}

/// What a palette shows of a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeDescription {
    /// Unique in the component.
    pub id: &'static str,
    /// One sentence.
    pub summary: &'static str,
    /// JSON Schema of the input record; each property is a port.
    pub input: String,
    /// JSON Schema of the output.
    pub output: String,
    /// What the node may do to the world.
    pub effect: Effect,
}

impl NodeDescription {
    /// A description with the schemas of two types.
    pub fn of<In: JsonSchema, Out: JsonSchema>(
        id: &'static str,
        summary: &'static str,
        effect: Effect,
    ) -> Self {
        Self {
            id,
            summary,
            input: schema::schema_of::<In>(),
            output: schema::output_schema_of::<Out>(),
            effect,
        }
    }
}

/// A node; `#[cleargate::node]` implements it.
pub trait Node {
    /// The type that the input is read into.
    type Input: serde::de::DeserializeOwned;
    /// The type that the output is written from.
    type Output: serde::Serialize;

    /// The name in the component.
    const ID: &'static str;

    /// What a palette shows.
    fn description() -> NodeDescription;

    /// Runs once.
    ///
    /// # Errors
    /// Those of the author's function.
    fn run(ctx: &Context, input: Self::Input) -> Result<Self::Output, Error>;
}

impl From<NodeDescription> for export::Description {
    fn from(node: NodeDescription) -> Self {
        let effect = match node.effect {
            Effect::Pure => export::Effect::Pure,
            Effect::Read => export::Effect::Read,
            Effect::Idempotent => export::Effect::Idempotent,
            Effect::Once => export::Effect::Once,
            Effect::Compensable => export::Effect::Compensable,
        };
        Self {
            id: node.id.into(),
            summary: node.summary.into(),
            input: node.input,
            output: node.output,
            effect,
        }
    }
}

#[doc(hidden)]
pub fn serve<N: Node>(ctx: wit::CallContext, input: wit::Value) -> Result<wit::Value, wit::Error> {
    let run = || media::write(&N::run(&ctx.into(), media::read("input", input)?)?);
    run().map_err(Into::into)
}
