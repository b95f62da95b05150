//! Rewrites what goes to a model and what comes back. A filter always answers with content.

use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::bindings::filter::exports::cleargate::filter::filter as export;
use crate::bindings::services::cleargate::types::types as wit;
use crate::{Context, Error, media};

/// A piece of streamed text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chunk<Carry> {
    /// The text.
    pub text: String,
    /// What the call before returned; the default in the first call.
    pub carry: Carry,
    /// No more text follows: give back what was held.
    pub last: bool,
}

/// Text to pass on now, and what the next call gets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filtered<Carry> {
    /// The text.
    pub text: String,
    /// What the next call gets.
    pub carry: Carry,
}

/// Name and summary of a filter; `#[cleargate::filter]` takes them from the type and its documentation.
pub trait Named {
    /// The name in the component.
    const ID: &'static str;
    /// One sentence.
    const SUMMARY: &'static str;
}

/// The hooks of a filter. Those that are left out pass everything on.
///
/// Under `#[cleargate::filter]` the types may be left out too: no configuration, and nothing carried.
pub trait Filter {
    /// The type that the configuration is read into.
    type Config: DeserializeOwned + JsonSchema;
    /// State between the chunks of one stream; the host keeps it, so each call may meet a fresh instance.
    type Carry: Serialize + DeserializeOwned + Default;

    /// Rewrites a request before the model sees it.
    ///
    /// # Errors
    /// The author's; the chain fails closed.
    fn before(ctx: &Context, request: Value, config: Self::Config) -> Result<Value, Error> {
        let _ = (ctx, config);
        Ok(request)
    }

    /// Rewrites a whole response. `request` is what `before` returned.
    ///
    /// # Errors
    /// The author's; the chain fails closed.
    fn after(
        ctx: &Context,
        request: Value,
        response: Value,
        config: Self::Config,
    ) -> Result<Value, Error> {
        let _ = (ctx, request, config);
        Ok(response)
    }

    /// Rewrites streamed text. May hold text back to see a pattern that spans chunks.
    ///
    /// # Errors
    /// The author's; the chain fails closed.
    fn on_chunk(
        ctx: &Context,
        chunk: Chunk<Self::Carry>,
        config: Self::Config,
    ) -> Result<Filtered<Self::Carry>, Error> {
        let _ = (ctx, config);
        Ok(Filtered { text: chunk.text, carry: chunk.carry })
    }
}

#[doc(hidden)]
pub fn describe<F: Filter + Named>() -> export::Description {
    export::Description {
        id: F::ID.into(),
        summary: F::SUMMARY.into(),
        config: crate::schema_of::<F::Config>(),
    }
}

#[doc(hidden)]
pub fn serve_before<F: Filter>(
    ctx: wit::CallContext,
    request: wit::Value,
    config: wit::Value,
) -> Result<wit::Value, wit::Error> {
    let hook = || {
        let config = media::read("configuration", config)?;
        media::write(&F::before(&ctx.into(), media::read("request", request)?, config)?)
    };
    hook().map_err(Into::into)
}

#[doc(hidden)]
pub fn serve_after<F: Filter>(
    ctx: wit::CallContext,
    request: wit::Value,
    response: wit::Value,
    config: wit::Value,
) -> Result<wit::Value, wit::Error> {
    let hook = || {
        let config = media::read("configuration", config)?;
        let (request, response) =
            (media::read("request", request)?, media::read("response", response)?);
        media::write(&F::after(&ctx.into(), request, response, config)?)
    };
    hook().map_err(Into::into)
}

#[doc(hidden)]
pub fn serve_chunk<F: Filter>(
    ctx: wit::CallContext,
    piece: export::Chunk,
    config: wit::Value,
) -> Result<export::Filtered, wit::Error> {
    let hook = || {
        let config = media::read("configuration", config)?;
        let carry: Option<F::Carry> = media::read("carried state", piece.carry)?;
        let carry = carry.unwrap_or_default();
        let chunk = Chunk { text: piece.text, carry, last: piece.last };
        let out = F::on_chunk(&ctx.into(), chunk, config)?;
        Ok(export::Filtered { text: out.text, carry: media::write(&out.carry)? })
    };
    hook().map_err(|e: Error| e.into())
}
