//! The kinds as functions: values in, values and usage out, with the contract checked on the way.

use std::sync::Arc;

use cleargate_flow::limits::Effective;
use cleargate_flow::signature::PluginKind;
use cleargate_flow::value::Value;
use wasmtime::component::ComponentExportIndex;

use crate::bindings::exports::cleargate::{filter, guardrail};
use crate::bindings::wire;
use crate::component::Plugin;
use crate::fault::{Fault, output_fits, returned};
use crate::foreign::Tool;
use crate::instance::{Called, Typed, Untyped, invoke};
use crate::place::{Ask, Told};
use crate::world::World;

pub use crate::bindings::exports::cleargate::guardrail::guardrail::{Stage, Verdict};
pub use crate::bindings::wire::CallContext;

/// Who calls, within which bounds, and the way to the world.
#[derive(Clone)]
pub struct Caller {
    /// Is given to the plugin.
    pub context: CallContext,
    /// Bounds of the call after all layers.
    pub limits: Effective,
    /// What host functions ask.
    pub world: Arc<dyn World>,
}

impl Plugin {
    /// Runs the node `id`.
    pub async fn run(&self, id: &str, caller: &Caller, input: &Value) -> Called<Value> {
        let ask = Ask::Run { id: id.to_owned(), input: input.clone() };
        self.execute(ask, caller).await.and_then(Told::value)
    }

    /// Calls the tool `name`.
    pub async fn call(&self, name: &str, caller: &Caller, arguments: &Value) -> Called<Value> {
        let ask = Ask::Call { name: name.to_owned(), arguments: arguments.clone() };
        self.execute(ask, caller).await.and_then(Told::value)
    }

    /// Lets the guardrail judge `content`.
    pub async fn check(
        &self,
        caller: &Caller,
        stage: Stage,
        content: &Value,
        config: &Value,
    ) -> Called<Judgement> {
        let ask = Ask::Check { stage, content: content.clone(), config: config.clone() };
        self.execute(ask, caller).await.and_then(Told::judged)
    }

    /// Lets the filter rewrite a request.
    pub async fn before(&self, caller: &Caller, request: &Value, config: &Value) -> Called<Value> {
        let ask = Ask::Before { request: request.clone(), config: config.clone() };
        self.execute(ask, caller).await.and_then(Told::value)
    }

    /// Lets the filter rewrite a response.
    pub async fn after(
        &self,
        caller: &Caller,
        request: &Value,
        response: &Value,
        config: &Value,
    ) -> Called<Value> {
        let (request, response, config) = (request.clone(), response.clone(), config.clone());
        let ask = Ask::After { request, response, config };
        self.execute(ask, caller).await.and_then(Told::value)
    }

    /// Lets the filter rewrite a piece of streamed text. Gives the text that may go on, and state for the
    /// next call.
    pub async fn on_chunk(
        &self,
        caller: &Caller,
        piece: Piece,
        config: &Value,
    ) -> Called<(String, Value)> {
        let Piece { text, carry, last } = piece;
        let ask = Ask::Chunk { text, carry, last, config: config.clone() };
        self.execute(ask, caller).await.and_then(Told::filtered)
    }

    /// Calls a function of a part: `complete` of a provider, `embed` of an embedder.
    pub async fn ask_part(
        &self,
        kind: PluginKind,
        function: &str,
        caller: &Caller,
        arguments: &Value,
    ) -> Called<Value> {
        let function = function.to_owned();
        let ask = Ask::Part { kind, function, arguments: arguments.clone() };
        self.execute(ask, caller).await.and_then(Told::value)
    }

    /// Executes a call in this process.
    pub(crate) async fn execute_here(&self, ask: Ask, caller: &Caller) -> Called<Told> {
        use PluginKind::{Filter, Guardrail, Node, Tool};
        let (context, limits) = (caller.context.clone(), &caller.limits);
        match ask {
            Ask::Describe(kind) => {
                self.say(kind, limits).await.and_then(|said| Ok(Told::Described(said)))
            }
            Ask::Run { id, input } => {
                self.give(Node, "run", (id, context, to_wire(&input)), caller).await
            }
            Ask::Call { name, arguments } => match self.typed_function(Tool, &name) {
                Some((tool, export)) => self.call_typed(tool, export, caller, &arguments).await,
                None => self.give(Tool, "call", (name, context, to_wire(&arguments)), caller).await,
            },
            Ask::Check { stage, content, config } => {
                let parameters = (context, stage, to_wire(&content), to_wire(&config));
                let called: Called<(Result<Verdict, wire::Error>,)> =
                    self.invoke(Guardrail, "check", parameters, caller).await;
                called.and_then(|(verdict,)| judgement(verdict, limits).map(Told::Judged))
            }
            Ask::Before { request, config } => {
                let parameters = (context, to_wire(&request), to_wire(&config));
                self.give(Filter, "before", parameters, caller).await
            }
            Ask::After { request, response, config } => {
                let parameters = (context, to_wire(&request), to_wire(&response), to_wire(&config));
                self.give(Filter, "after", parameters, caller).await
            }
            Ask::Chunk { text, carry, last, config } => {
                let chunk = filter::filter::Chunk { text, carry: to_wire(&carry), last };
                let called: Called<(Result<filter::filter::Filtered, wire::Error>,)> = self
                    .invoke(Filter, "on-chunk", (context, chunk, to_wire(&config)), caller)
                    .await;
                called.and_then(|(filtered,)| piece(filtered, limits))
            }
            Ask::Part { kind, function, arguments } => match self.typed_function(kind, &function) {
                Some((tool, export)) => self.call_typed(tool, export, caller, &arguments).await,
                None => {
                    let message =
                        format!("the component has no `{function}` of a {}", kind.as_str());
                    Called { result: Err(Fault::Contract(message)), usage: Default::default() }
                }
            },
        }
    }

    /// Calls a function that gives a value.
    async fn give<P>(
        &self,
        kind: PluginKind,
        function: &str,
        parameters: P,
        caller: &Caller,
    ) -> Called<Told>
    where
        P: wasmtime::component::ComponentNamedList
            + wasmtime::component::Lower
            + Send
            + Sync
            + 'static,
    {
        let called: Called<(Result<wire::Value, wire::Error>,)> =
            self.invoke(kind, function, parameters, caller).await;
        called.and_then(|(outcome,)| value(outcome, &caller.limits).map(Told::Value))
    }

    /// Calls a function by its own types. That of a component that knows nothing of this contract gets no context.
    async fn call_typed(
        &self,
        tool: &Tool,
        export: &ComponentExportIndex,
        caller: &Caller,
        arguments: &Value,
    ) -> Called<Told> {
        let parameters = match tool.arguments(arguments, &caller.context, &caller.limits) {
            Ok(parameters) => parameters,
            Err(fault) => return Called { result: Err(fault), usage: Default::default() },
        };
        let entry = Untyped { parameters, results: tool.results() };
        let called = invoke(self, export, entry, &caller.limits, Some(caller.world.clone())).await;
        called.and_then(|results| tool.outcome(results, &caller.limits).map(Told::Value))
    }

    async fn invoke<P, R>(
        &self,
        kind: PluginKind,
        function: &str,
        parameters: P,
        caller: &Caller,
    ) -> Called<R>
    where
        P: wasmtime::component::ComponentNamedList
            + wasmtime::component::Lower
            + Send
            + Sync
            + 'static,
        R: wasmtime::component::ComponentNamedList
            + wasmtime::component::Lift
            + Send
            + Sync
            + 'static,
    {
        let Some(export) = self.function(kind, function) else {
            let message = format!("the component is no {}", kind.as_str());
            return Called { result: Err(Fault::Contract(message)), usage: Default::default() };
        };
        let world = Some(caller.world.clone());
        invoke(self, export, Typed::<P, R>::new(parameters), &caller.limits, world).await
    }
}

/// A piece of streamed text on its way through a filter.
#[derive(Clone, Debug, PartialEq)]
pub struct Piece {
    /// The text.
    pub text: String,
    /// What the call before returned; `null` in the first call.
    pub carry: Value,
    /// No more text follows.
    pub last: bool,
}

/// What a guardrail decided, with content as a value.
#[derive(Clone, Debug)]
pub enum Judgement {
    /// Go on.
    Pass,
    /// Go on with other content.
    Modify(Value, Vec<Finding>),
    /// Stop.
    Reject(String, Vec<Finding>),
    /// Ask a person.
    Escalate(String, Vec<Finding>),
}

pub use guardrail::guardrail::Finding;

fn judgement(
    verdict: Result<Verdict, wire::Error>,
    limits: &Effective,
) -> Result<Judgement, Fault> {
    let bounded = |reason: &str, findings: &[Finding]| {
        let each = |f: &Finding| f.label.len() + f.message.len() + f.path.len();
        output_fits(reason.len() + findings.iter().map(each).sum::<usize>(), limits)
    };
    match verdict.map_err(|error| returned(error, limits))? {
        Verdict::Pass => Ok(Judgement::Pass),
        Verdict::Modify(change) => {
            bounded("", &change.findings)?;
            Ok(Judgement::Modify(value(Ok(change.content), limits)?, change.findings))
        }
        Verdict::Reject(objection) => {
            bounded(&objection.reason, &objection.findings)?;
            Ok(Judgement::Reject(objection.reason, objection.findings))
        }
        Verdict::Escalate(objection) => {
            bounded(&objection.reason, &objection.findings)?;
            Ok(Judgement::Escalate(objection.reason, objection.findings))
        }
        // A verdict that this host does not know is no permission to go on.
        Verdict::Other(name) => {
            let name = crate::fault::cut(name, 64);
            Err(Fault::Contract(format!("verdict `{name}` is not known to this host")))
        }
    }
}

fn piece(
    filtered: Result<filter::filter::Filtered, wire::Error>,
    limits: &Effective,
) -> Result<Told, Fault> {
    let filtered = filtered.map_err(|error| returned(error, limits))?;
    output_fits(filtered.text.len(), limits)?;
    Ok(Told::Filtered(filtered.text, value(Ok(filtered.carry), limits)?))
}

pub(crate) fn to_wire(value: &Value) -> wire::Value {
    wire::Value::Json(value.to_json())
}

/// The plugin's answer as a value: bounded in length before it is parsed, and in depth while it is.
pub(crate) fn value(
    outcome: Result<wire::Value, wire::Error>,
    limits: &Effective,
) -> Result<Value, Fault> {
    match outcome.map_err(|error| returned(error, limits))? {
        wire::Value::Json(text) => {
            output_fits(text.len(), limits)?;
            Value::from_json(&text).map_err(|e| Fault::Contract(format!("the result is {e}")))
        }
        wire::Value::Media(media) => {
            let name = media.name.as_ref().map_or(0, String::len);
            output_fits(media.digest.len() + media.mime.len() + name, limits)?;
            let size = i64::try_from(media.size)
                .map_err(|_| Fault::Contract("a media handle's size is beyond 2^63".into()))?;
            let mut fields = vec![
                ("digest", media.digest.into()),
                ("mime", media.mime.into()),
                ("size", size.into()),
            ];
            fields.extend(media.name.map(|name| ("name", name.into())));
            Ok(Value::record(fields))
        }
        wire::Value::Other(_) => {
            Err(Fault::Contract("the result is of a case that this host does not know".into()))
        }
    }
}
