//! A function that a model, an agent or a flow may call by name.

use schemars::JsonSchema;

use crate::bindings::services::cleargate::types::types as wit;
use crate::bindings::tool::exports::cleargate::tool::tool as export;
use crate::{Context, Error, media, schema};

/// Hints with the meaning that MCP gives them. Hints inform; grants decide.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Annotations {
    /// A name for people.
    pub title: Option<&'static str>,
    /// Changes nothing.
    pub read_only: bool,
    /// May remove or overwrite.
    pub destructive: bool,
    /// Repeating does no more than once.
    pub idempotent: bool,
    /// Meets things outside of a closed system.
    pub open_world: bool,
}

/// What a model reads before it calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToolDescription {
    /// Unique in the component.
    pub name: &'static str,
    /// What it does and when to use it.
    pub description: &'static str,
    /// JSON Schema of the arguments.
    pub input: String,
    /// JSON Schema of the result.
    pub output: String,
    /// Hints.
    pub annotations: Annotations,
}

impl ToolDescription {
    /// A description with the schemas of two types.
    pub fn of<In: JsonSchema, Out: JsonSchema>(
        name: &'static str,
        description: &'static str,
        annotations: Annotations,
    ) -> Self {
        Self {
            name,
            description,
            input: schema::schema_of::<In>(),
            output: schema::output_schema_of::<Out>(),
            annotations,
        }
    }
}

/// A tool; `#[cleargate::tool]` implements it.
pub trait Tool {
    /// The type that the arguments are read into.
    type Input: serde::de::DeserializeOwned;
    /// The type that the result is written from.
    type Output: serde::Serialize;

    /// The name in the component.
    const NAME: &'static str;

    /// What a model reads.
    fn description() -> ToolDescription;

    /// Calls once.
    ///
    /// # Errors
    /// Those of the author's function.
    fn call(ctx: &Context, arguments: Self::Input) -> Result<Self::Output, Error>;
}

impl From<ToolDescription> for export::Description {
    fn from(tool: ToolDescription) -> Self {
        let hints = tool.annotations;
        Self {
            name: tool.name.into(),
            description: tool.description.into(),
            input: tool.input,
            output: Some(tool.output),
            annotations: export::Annotations {
                title: hints.title.map(Into::into),
                read_only: hints.read_only,
                destructive: hints.destructive,
                idempotent: hints.idempotent,
                open_world: hints.open_world,
            },
        }
    }
}

#[doc(hidden)]
pub fn serve<T: Tool>(
    ctx: wit::CallContext,
    arguments: wit::Value,
) -> Result<wit::Value, wit::Error> {
    let call = || media::write(&T::call(&ctx.into(), media::read("arguments", arguments)?)?);
    call().map_err(Into::into)
}
