//! What stands behind the name of a model: guards, filters, a counter and a cache around a provider.
//!
//! The order is fixed, so that each link sees what its place promises: guards judge what the caller asks and what the
//! caller gets; filters rewrite between them; counter and cache see what would really be asked. Each link runs with
//! rights of its own.

use std::fmt;
use std::sync::Arc;

use cleargate_executor::{CallScope, Failure, Filter, NodeContext, Output, Part};
use cleargate_flow::error::ErrorCode;
use cleargate_flow::{FlowHash, NodeError, Usage, Value};

use crate::guardrail::{GuardrailNode, Passed};

/// A plugin in its place: what it is, its configuration there, and what it may do.
#[derive(Clone)]
pub struct Linked<T: ?Sized> {
    /// The plugin.
    pub link: Arc<T>,
    /// A record that fits the schema of its configuration.
    pub config: Value,
    /// The name under which the flow uses it, and its rights.
    pub scope: CallScope,
}

/// See the module.
pub struct ModelChain {
    /// Who answers.
    pub provider: Linked<dyn Part>,
    /// Which bytes answer: answers of others are not taken from the cache.
    pub identity: String,
    /// What the provider calls the model.
    pub model: String,
    /// What requests pass.
    pub before: Option<GuardrailNode>,
    /// What answers pass.
    pub after: Option<GuardrailNode>,
    /// Rewriters: requests in this order, answers in the opposite one.
    pub filters: Vec<Linked<dyn Filter>>,
    /// Counts the tokens of requests.
    pub tokenizer: Option<Linked<dyn Part>>,
    /// Tokens that a request may have.
    pub max_input: Option<u64>,
    /// Keeps answers.
    pub cache: Option<Linked<dyn Part>>,
    /// Milliseconds that an answer is kept; for ever when absent.
    pub cache_ttl: Option<u64>,
}

impl fmt::Debug for ModelChain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ModelChain").field("model", &self.model).finish_non_exhaustive()
    }
}

impl ModelChain {
    /// Asks the model. `request` is a record with `messages`; the answer is one with `message`, `usage` and `cached`.
    ///
    /// # Errors
    /// The refusal of a guard, `limit` for a request with too many tokens, and failures of the links.
    pub async fn complete(&self, ctx: &NodeContext, request: Value) -> Result<Output, Failure> {
        let mut used = Usage::default();
        match self.answer(ctx, request, &mut used).await {
            Ok(value) => Ok(Output { value, usage: used }),
            Err(error) => Err(Failure { error, usage: used }),
        }
    }

    async fn answer(
        &self,
        ctx: &NodeContext,
        mut request: Value,
        used: &mut Usage,
    ) -> Result<Value, NodeError> {
        if request.get("messages").and_then(Value::as_list).is_none_or(<[Value]>::is_empty) {
            let message =
                "a request to a model is a record with a list `messages` that is not empty";
            return Err(NodeError::new(ErrorCode::InvalidInput, message));
        }
        if let Some(chain) = &self.before {
            request = passed(chain.pass(ctx, request).await, used)?;
        }
        for filter in &self.filters {
            let own = ctx.within(&filter.scope, filter.config.clone());
            let done = filter.link.before(own, request, filter.config.clone()).await;
            request = taken(done, used)?;
        }
        self.count(ctx, &request, used).await?;
        let (reply, cached) = self.reply(ctx, &request, used).await?;
        let mut message = reply.get("message").cloned().unwrap_or_default();
        for filter in self.filters.iter().rev() {
            let own = ctx.within(&filter.scope, filter.config.clone());
            let done =
                filter.link.after(own, request.clone(), message, filter.config.clone()).await;
            message = taken(done, used)?;
        }
        if let Some(chain) = &self.after {
            message = passed(chain.pass(ctx, message).await, used)?;
        }
        // What a cache gives costs nothing.
        let usage =
            if cached { Value::empty() } else { reply.get("usage").cloned().unwrap_or_default() };
        let count = |name: &str| usage.get(name).cloned().unwrap_or(Value::Int(0));
        let usage = ["input_tokens", "output_tokens", "micro_usd"].map(|name| (name, count(name)));
        Ok(Value::record([
            ("message", message),
            ("usage", Value::record(usage)),
            ("cached", cached.into()),
        ]))
    }

    /// Refuses a request that is too long, before it costs anything.
    async fn count(
        &self,
        ctx: &NodeContext,
        request: &Value,
        used: &mut Usage,
    ) -> Result<(), NodeError> {
        let (Some(tokenizer), Some(most)) = (&self.tokenizer, self.max_input) else {
            return Ok(());
        };
        let messages = request.get("messages").and_then(Value::as_list).unwrap_or_default();
        let text: Vec<String> = messages.iter().map(content).collect();
        let arguments = [("text", Value::from(text.join("\n")))];
        let counted = ask(ctx, tokenizer, "count", arguments.into(), used).await?;
        match counted.as_int().and_then(|n| u64::try_from(n).ok()) {
            Some(count) if count <= most => Ok(()),
            Some(count) => Err(NodeError::limit(
                "max_input",
                format!("the request has {count} tokens; the model takes {most} here"),
            )
            .with_help("shorten it, or raise `max_input` of the model under `models:`")),
            None => Err(NodeError::new(ErrorCode::Bug, "the tokenizer counted no number")),
        }
    }

    /// The answer of the cache, or else of the provider. A cache that fails is as good as none.
    async fn reply(
        &self,
        ctx: &NodeContext,
        request: &Value,
        used: &mut Usage,
    ) -> Result<(Value, bool), NodeError> {
        let key = self.cache.as_ref().map(|_| self.key(request));
        if let (Some(cache), Some(key)) = (&self.cache, &key) {
            let arguments = [("key", Value::from(key.as_str()))];
            match ask(ctx, cache, "get", arguments.into(), used).await {
                Ok(reply) if reply.get("message").is_some() => return Ok((reply, true)),
                Ok(_) => {}
                Err(error) => {
                    ctx.log.line("warn", &format!("the cache was not read: {error}"));
                }
            }
        }
        let arguments =
            vec![("model", Value::from(self.model.as_str())), ("request", request.clone())];
        let reply = ask(ctx, &self.provider, "complete", arguments, used).await?;
        if let (Some(cache), Some(key)) = (&self.cache, key) {
            let ttl = self.cache_ttl.and_then(|ms| i64::try_from(ms).ok());
            let arguments = vec![
                ("key", key.into()),
                ("entry", reply.clone()),
                ("ttl_ms", ttl.map_or(Value::Null, Value::Int)),
            ];
            if let Err(error) = ask(ctx, cache, "put", arguments, used).await {
                ctx.log.line("warn", &format!("the cache was not written: {error}"));
            }
        }
        Ok((reply, false))
    }

    fn key(&self, request: &Value) -> String {
        let asked = Value::record([
            ("provider", Value::from(self.identity.as_str())),
            ("config", self.provider.config.clone()),
            ("model", self.model.as_str().into()),
            ("request", request.clone()),
        ]);
        FlowHash::of(asked.to_canonical_json().as_bytes()).to_string()
    }
}

/// The text of a message, with that of its parts when it has some.
fn content(message: &Value) -> String {
    let content = message.get("content").cloned().unwrap_or_default();
    match &content {
        Value::String(text) => text.to_string(),
        Value::List(parts) => {
            let texts = parts.iter().filter_map(|part| part.get("text")?.as_str());
            texts.collect::<Vec<_>>().join("\n")
        }
        _ => String::new(),
    }
}

async fn ask(
    ctx: &NodeContext,
    part: &Linked<dyn Part>,
    function: &str,
    arguments: Vec<(&str, Value)>,
    used: &mut Usage,
) -> Result<Value, NodeError> {
    let config = [("config", part.config.clone())];
    let arguments = Value::record(arguments.into_iter().chain(config));
    let own = ctx.within(&part.scope, part.config.clone());
    taken(part.link.ask(own, function, arguments).await, used)
}

fn taken(done: Result<Output, Failure>, used: &mut Usage) -> Result<Value, NodeError> {
    match done {
        Ok(Output { value, usage }) => {
            crate::add(used, usage);
            Ok(value)
        }
        Err(Failure { error, usage }) => {
            crate::add(used, usage);
            Err(error)
        }
    }
}

fn passed(done: Result<Passed, Failure>, used: &mut Usage) -> Result<Value, NodeError> {
    taken(done.map(|passed| Output { value: passed.content, usage: passed.usage }), used)
}

#[cfg(test)]
mod tests;
