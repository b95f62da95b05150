//! Parts: what others use by the functions of a kind, each a trait with one type of configuration.
//!
//! A part describes nothing. What it takes and gives is in the contract; what its configuration may hold is between
//! the part and whoever writes it, so say it in the README and refuse what is wrong.

use std::time::Duration;

use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::{Context, Error};

/// Answers for models.
pub trait Provider {
    /// What the configuration is read into.
    type Config: DeserializeOwned;

    /// Asks the model once. `request` has `messages`, and maybe `tools`, `schema`, `max_tokens`, `temperature`.
    ///
    /// # Errors
    /// The author's: `transient` when asking again may help.
    fn complete(
        ctx: &Context,
        model: &str,
        request: Value,
        config: Self::Config,
    ) -> Result<Reply, Error>;
}

/// What a model answered, and what it took.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Reply {
    /// An object with `role`, `content` and, when there are any, `tool_calls`.
    pub message: Value,
    /// Tokens of the request.
    pub input_tokens: u64,
    /// Tokens of the answer.
    pub output_tokens: u64,
    /// Millionths of a US dollar.
    pub micro_usd: u64,
}

/// Counts and cuts text as a model does.
pub trait Tokenizer {
    /// What the configuration is read into.
    type Config: DeserializeOwned;

    /// How many tokens the text has.
    ///
    /// # Errors
    /// The author's.
    fn count(ctx: &Context, text: &str, config: Self::Config) -> Result<u64, Error> {
        Self::encode(ctx, text, config).map(|tokens| tokens.len() as u64)
    }

    /// The tokens of the text.
    ///
    /// # Errors
    /// The author's.
    fn encode(ctx: &Context, text: &str, config: Self::Config) -> Result<Vec<u32>, Error>;

    /// The text of the tokens.
    ///
    /// # Errors
    /// The author's.
    fn decode(ctx: &Context, tokens: &[u32], config: Self::Config) -> Result<String, Error>;
}

/// Turns texts into vectors.
pub trait Embedder {
    /// What the configuration is read into.
    type Config: DeserializeOwned;

    /// A vector for each text, in their order, all of one length.
    ///
    /// # Errors
    /// The author's.
    fn embed(
        ctx: &Context,
        texts: Vec<String>,
        config: Self::Config,
    ) -> Result<Vec<Vec<f32>>, Error>;
}

/// Finds passages for a question.
pub trait Retriever {
    /// What the configuration is read into.
    type Config: DeserializeOwned;

    /// At most `limit` passages, the best first.
    ///
    /// # Errors
    /// The author's.
    fn search(
        ctx: &Context,
        query: &str,
        limit: u32,
        config: Self::Config,
    ) -> Result<Vec<Passage>, Error>;
}

/// What a retriever finds.
#[derive(Clone, Debug, PartialEq)]
pub struct Passage {
    /// The same for the same passage in each search.
    pub id: String,
    /// Its text.
    pub text: String,
    /// Greater is better.
    pub score: f64,
    /// An object: where it comes from, and whatever else is known.
    pub metadata: Value,
}

/// Makes a text shorter.
pub trait Summarizer {
    /// What the configuration is read into.
    type Config: DeserializeOwned;

    /// A text of at most `max_tokens` tokens that keeps what matters.
    ///
    /// # Errors
    /// The author's.
    fn summarize(
        ctx: &Context,
        text: &str,
        max_tokens: u32,
        config: Self::Config,
    ) -> Result<String, Error>;
}

/// Keeps answers of models.
pub trait Cache {
    /// What the configuration is read into.
    type Config: DeserializeOwned;

    /// What was kept under the key, when it still holds.
    ///
    /// # Errors
    /// The author's; the host asks the model then.
    fn get(ctx: &Context, key: &str, config: Self::Config) -> Result<Option<Value>, Error>;

    /// Keeps an entry, for ever when there is no `ttl`.
    ///
    /// # Errors
    /// The author's; the answer is used all the same.
    fn put(
        ctx: &Context,
        key: &str,
        entry: Value,
        ttl: Option<Duration>,
        config: Self::Config,
    ) -> Result<(), Error>;
}

/// Brings events from outside, each of which starts a run.
pub trait Trigger {
    /// What the configuration is read into.
    type Config: DeserializeOwned;

    /// At most `limit` events behind `cursor`.
    ///
    /// # Errors
    /// The author's.
    fn poll(
        ctx: &Context,
        cursor: Option<String>,
        limit: u32,
        config: Self::Config,
    ) -> Result<Batch, Error>;

    /// Takes the output of the run that the event started.
    ///
    /// # Errors
    /// The author's.
    fn reply(ctx: &Context, id: &str, output: Value, config: Self::Config) -> Result<(), Error> {
        let _ = (ctx, id, output, config);
        Ok(())
    }
}

/// Events, and where the next ones begin.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Batch {
    /// In the order in which they happened.
    pub events: Vec<Event>,
    /// Is given to the next call; the one before when there is none.
    pub cursor: Option<String>,
}

/// One event.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// The same whenever the same event is given again: one run is started for it.
    pub id: String,
    /// An object: the input of the run.
    pub input: Value,
}

/// What the export macro calls: the contract's types on one side, the traits on the other.
#[doc(hidden)]
pub mod serve {
    use std::time::Duration;

    use crate::bindings::services::cleargate::types::types as wit;
    use crate::bindings::{
        provider::exports::cleargate::provider::provider,
        retriever::exports::cleargate::retriever::retriever,
        trigger::exports::cleargate::trigger::trigger,
    };
    use crate::{Error, media};

    type Answer<T> = Result<T, wit::Error>;

    fn config<T: serde::de::DeserializeOwned>(config: wit::Value) -> Result<T, Error> {
        media::read("configuration", config)
    }

    pub fn complete<P: super::Provider>(
        ctx: wit::CallContext,
        model: String,
        request: wit::Value,
        settings: wit::Value,
    ) -> Answer<provider::Reply> {
        let work = || {
            let request = media::read("request", request)?;
            let reply = P::complete(&ctx.into(), &model, request, config(settings)?)?;
            let usage = provider::Usage {
                input_tokens: reply.input_tokens,
                output_tokens: reply.output_tokens,
                micro_usd: reply.micro_usd,
            };
            Ok(provider::Reply { message: media::write(&reply.message)?, usage })
        };
        work().map_err(|e: Error| e.into())
    }

    pub fn count<T: super::Tokenizer>(
        ctx: wit::CallContext,
        text: String,
        settings: wit::Value,
    ) -> Answer<u64> {
        let work = || T::count(&ctx.into(), &text, config(settings)?);
        work().map_err(Into::into)
    }

    pub fn encode<T: super::Tokenizer>(
        ctx: wit::CallContext,
        text: String,
        settings: wit::Value,
    ) -> Answer<Vec<u32>> {
        let work = || T::encode(&ctx.into(), &text, config(settings)?);
        work().map_err(Into::into)
    }

    pub fn decode<T: super::Tokenizer>(
        ctx: wit::CallContext,
        tokens: Vec<u32>,
        settings: wit::Value,
    ) -> Answer<String> {
        let work = || T::decode(&ctx.into(), &tokens, config(settings)?);
        work().map_err(Into::into)
    }

    pub fn embed<E: super::Embedder>(
        ctx: wit::CallContext,
        texts: Vec<String>,
        settings: wit::Value,
    ) -> Answer<Vec<Vec<f32>>> {
        let work = || E::embed(&ctx.into(), texts, config(settings)?);
        work().map_err(Into::into)
    }

    pub fn search<R: super::Retriever>(
        ctx: wit::CallContext,
        query: String,
        limit: u32,
        settings: wit::Value,
    ) -> Answer<Vec<retriever::Passage>> {
        let work = || {
            let found = R::search(&ctx.into(), &query, limit, config(settings)?)?;
            let passage = |super::Passage { id, text, score, metadata }| {
                Ok(retriever::Passage { id, text, score, metadata: media::write(&metadata)? })
            };
            found.into_iter().map(passage).collect::<Result<Vec<_>, Error>>()
        };
        work().map_err(|e: Error| e.into())
    }

    pub fn summarize<S: super::Summarizer>(
        ctx: wit::CallContext,
        text: String,
        max_tokens: u32,
        settings: wit::Value,
    ) -> Answer<String> {
        let work = || S::summarize(&ctx.into(), &text, max_tokens, config(settings)?);
        work().map_err(Into::into)
    }

    pub fn get<C: super::Cache>(
        ctx: wit::CallContext,
        key: String,
        settings: wit::Value,
    ) -> Answer<Option<wit::Value>> {
        let work = || {
            let found = C::get(&ctx.into(), &key, config(settings)?)?;
            found.map(|entry| media::write(&entry)).transpose()
        };
        work().map_err(|e: Error| e.into())
    }

    pub fn put<C: super::Cache>(
        ctx: wit::CallContext,
        key: String,
        entry: wit::Value,
        ttl_ms: Option<u64>,
        settings: wit::Value,
    ) -> Answer<()> {
        let work = || {
            let ttl = ttl_ms.map(Duration::from_millis);
            C::put(&ctx.into(), &key, media::read("entry", entry)?, ttl, config(settings)?)
        };
        work().map_err(Into::into)
    }

    pub fn poll<T: super::Trigger>(
        ctx: wit::CallContext,
        cursor: Option<String>,
        limit: u32,
        settings: wit::Value,
    ) -> Answer<trigger::Batch> {
        let work = || {
            let batch = T::poll(&ctx.into(), cursor, limit, config(settings)?)?;
            let event = |super::Event { id, input }| {
                Ok(trigger::Event { id, input: media::write(&input)? })
            };
            let events = batch.events.into_iter().map(event).collect::<Result<_, Error>>()?;
            Ok(trigger::Batch { events, cursor: batch.cursor })
        };
        work().map_err(|e: Error| e.into())
    }

    pub fn reply<T: super::Trigger>(
        ctx: wit::CallContext,
        id: String,
        output: wit::Value,
        settings: wit::Value,
    ) -> Answer<()> {
        let work = || T::reply(&ctx.into(), &id, media::read("output", output)?, config(settings)?);
        work().map_err(Into::into)
    }
}
