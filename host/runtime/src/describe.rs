//! What a component says of itself: asked without a world, within tight bounds, and checked before it is
//! believed.
//!
//! A description decides what a person sees and what the checker proves, so every text has a bound and every
//! id must be one. Grants and limits are not taken from here: they come from the manifest.

use cleargate_flow::address::NodeId;
use cleargate_flow::grant::Grants;
use cleargate_flow::limits::{Effective, Layer, Limits};
use cleargate_flow::signature::{Effect, PluginKind, Signature};
use cleargate_flow::types::{Field, Kind, Type, from_json_schema};
use indexmap::IndexMap;

use crate::bindings::exports::cleargate::{filter, guardrail, node, tool};
use crate::component::Plugin;
use crate::fault::Fault;
use crate::foreign::{CONFIG, Tool};
use crate::instance::{Called, Typed, invoke};
use crate::place::Said;

/// Nodes or tools of one component.
const MAX_ITEMS: usize = 256;

/// Bytes of a summary or a tool's description, as the contract says.
const MAX_TEXT: usize = 4 * 1024;

/// Bytes of one JSON Schema.
const MAX_SCHEMA: usize = 64 * 1024;

/// Bounds of a call that describes: enough for an interpreter to start. There is no world behind it, so that
/// nothing that was granted can colour what a component says of itself; the calls of the host are those that a
/// standard library makes as it starts, whose answers are always the same.
const DESCRIBE: Limits = Limits {
    fuel: Some(500_000_000),
    time: Some(5_000),
    memory: Some(128 * 1024 * 1024),
    output: Some(1024 * 1024),
    payload: Some(1024 * 1024),
    log: Some(0),
    host_calls: Some(1_000),
    http_calls: Some(0),
    tool_calls: Some(0),
};

/// Why a component's description cannot be used.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum DescribeError {
    /// The call failed.
    #[error("the component could not describe itself: {0}")]
    Fault(#[from] Fault),
    /// It broke a rule of the contract.
    #[error("the description of `{id}` cannot be used: {why}")]
    Rule {
        /// Which node, tool, guardrail or filter.
        id: String,
        /// Which rule.
        why: String,
    },
}

/// Something that a component offers.
#[derive(Clone, Debug, PartialEq)]
pub struct Described {
    /// What it is.
    pub kind: PluginKind,
    /// Unique among those of its kind in the component.
    pub id: String,
    /// As the checker sees it. For a guardrail or filter the input ports are those of its configuration.
    pub signature: Signature,
}

impl Plugin {
    /// Asks the component what it offers: its nodes, tools, guardrail and filter, in this order.
    ///
    /// # Errors
    /// The first fault, or the first rule that a description breaks.
    pub async fn describe(&self) -> Result<Vec<Described>, DescribeError> {
        let mut all = Vec::new();
        for kind in self.kinds() {
            if self.typed().any(|function| function.kind() == kind) {
                let own = self.typed().filter(|function| function.kind() == kind);
                for function in own {
                    all.push(typed(function, self)?);
                }
                continue;
            }
            let said = self.ask_what_it_offers(kind).await.result?;
            for one in bounded(said)? {
                all.push(checked(kind, one, self)?);
            }
        }
        unique(&all)?;
        let steps =
            all.iter_mut().filter(|d| matches!(d.kind, PluginKind::Node | PluginKind::Tool));
        for one in steps.filter(|_| self.is_configured()) {
            one.signature.config.insert(CONFIG.into(), configuration());
        }
        Ok(all)
    }

    /// Lets the component say, in this process, what it offers of a kind.
    pub(crate) async fn say(&self, kind: PluginKind, limits: &Effective) -> Called<Vec<Said>> {
        match kind {
            PluginKind::Node => {
                let called = self.described(kind, "describe", limits).await;
                called.and_then(|(nodes,): (Vec<node::node::Description>,)| {
                    Ok(nodes.into_iter().map(node).collect())
                })
            }
            PluginKind::Tool => {
                let called = self.described(kind, "list-tools", limits).await;
                called.and_then(|(tools,): (Vec<tool::tool::Description>,)| {
                    Ok(tools.into_iter().map(tool).collect())
                })
            }
            PluginKind::Guardrail => {
                let called = self.described(kind, "describe", limits).await;
                called.and_then(|(one,): (guardrail::guardrail::Description,)| {
                    Ok(vec![set_by(one.id, one.summary, one.config)])
                })
            }
            PluginKind::Filter => {
                let called = self.described(kind, "describe", limits).await;
                called.and_then(|(one,): (filter::filter::Description,)| {
                    Ok(vec![set_by(one.id, one.summary, one.config)])
                })
            }
            part => {
                let why = format!("the functions of a {} are typed", part.as_str());
                Called { result: Err(Fault::Contract(why)), usage: Default::default() }
            }
        }
    }

    async fn described<R>(&self, kind: PluginKind, function: &str, limits: &Effective) -> Called<R>
    where
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
        invoke(self, export, Typed::new(()), limits, None).await
    }
}

/// The key beside `with:` that gives a step what its service `config` returns. A plugin describes nothing of it.
fn configuration() -> Field {
    let any = Kind::Map(Box::new(Kind::Json.into()));
    let field = Field::from(Type::from(Kind::Opt(Box::new(any.into()))));
    Field { doc: Some("What its service `config` returns.".into()), ..field }
}

/// Bounds of a description.
pub(crate) fn limits() -> Effective {
    Limits::combine(&[(Layer::Engine, DESCRIBE)])
}

/// What the types of a function say. Without imports nothing but its arguments can decide what it returns.
fn typed(tool: &Tool, plugin: &Plugin) -> Result<Described, DescribeError> {
    let signature = tool.signature().map_err(|why| rule(tool.id(), why))?;
    let effect = if plugin.is_closed() { Effect::Pure } else { tool.effect() };
    let signature = Signature { effect, origin: plugin.digest().to_string(), ..signature };
    Ok(Described { kind: tool.kind(), id: tool.id().into(), signature })
}

fn node(one: node::node::Description) -> Said {
    use crate::bindings::exports::cleargate::node::node::Effect as Wire;
    let effect = match one.effect {
        Wire::Pure => Effect::Pure,
        Wire::Read => Effect::Read,
        Wire::Idempotent => Effect::Idempotent,
        Wire::Compensable => Effect::Compensable,
        // What this host does not know is treated as what must not be repeated.
        Wire::Once | Wire::Other(_) => Effect::Once,
    };
    let (id, summary) = (one.id, one.summary);
    Said { id, summary, input: one.input, output: Some(one.output), effect }
}

fn tool(one: tool::tool::Description) -> Said {
    // Hints inform; a tool that claims nothing is one that must not be repeated.
    let hints = &one.annotations;
    let effect = match (hints.read_only, hints.open_world, hints.idempotent) {
        (true, false, _) => Effect::Pure,
        (true, true, _) => Effect::Read,
        (false, _, true) => Effect::Idempotent,
        (false, _, false) => Effect::Once,
    };
    Said { id: one.name, summary: one.description, input: one.input, output: one.output, effect }
}

/// A guardrail or a filter, of which only the configuration has a type.
fn set_by(id: String, summary: String, config: String) -> Said {
    Said { id, summary, input: config, output: None, effect: Effect::Pure }
}

/// Checks what all kinds have: an id, a text, a schema of an object and one of what comes out.
fn checked(kind: PluginKind, said: Said, plugin: &Plugin) -> Result<Described, DescribeError> {
    let Said { id, summary, input, output, effect } = said;
    if id.parse::<NodeId>().is_err() {
        let shown = crate::fault::cut(id, 64);
        return Err(rule(&shown, "an id is `[a-z][a-z0-9_]*`, at most 64 characters"));
    }
    if summary.len() > MAX_TEXT {
        return Err(rule(
            &id,
            format!("its text has {} bytes; it may have {MAX_TEXT}", summary.len()),
        ));
    }
    let output = match output {
        Some(schema) => ty(&id, "output", &schema)?,
        None => Kind::Json.into(),
    };
    let input = match ty(&id, "input", &input)?.kind {
        Kind::Record(fields) => fields,
        Kind::Any | Kind::Json => IndexMap::<String, Field>::new(),
        // An object of which nothing is said: what types without fields become.
        Kind::Map(of) if matches!(of.kind, Kind::Any | Kind::Json) => IndexMap::new(),
        other => return Err(rule(&id, format!("its input is no object but `{other}`"))),
    };
    let signature = Signature {
        summary,
        input,
        open: false,
        output,
        config: IndexMap::new(),
        effect,
        requests: Grants::default(),
        limits: Limits::default(),
        texts: Vec::new(),
        typed_by: None,
        program: false,
        model_key: None,
        origin: plugin.digest().to_string(),
    };
    Ok(Described { kind, id, signature })
}

fn ty(id: &str, port: &str, schema: &str) -> Result<Type, DescribeError> {
    if schema.len() > MAX_SCHEMA {
        let why = format!(
            "its schema of the {port} has {} bytes; it may have {MAX_SCHEMA}",
            schema.len()
        );
        return Err(rule(id, why));
    }
    let json: serde_json::Value = serde_json::from_str(schema)
        .map_err(|error| rule(id, format!("its schema of the {port} is no JSON: {error}")))?;
    from_json_schema(&json).map_err(|error| rule(id, format!("its schema of the {port}: {error}")))
}

fn bounded<T>(items: Vec<T>) -> Result<Vec<T>, DescribeError> {
    if items.len() > MAX_ITEMS {
        return Err(rule("*", format!("{} descriptions; there may be {MAX_ITEMS}", items.len())));
    }
    Ok(items)
}

fn unique(all: &[Described]) -> Result<(), DescribeError> {
    let mut seen = std::collections::BTreeSet::new();
    match all.iter().find(|one| !seen.insert((one.kind, &one.id))) {
        Some(twice) => Err(rule(&twice.id, "the id appears twice")),
        None => Ok(()),
    }
}

fn rule(id: &str, why: impl Into<String>) -> DescribeError {
    DescribeError::Rule { id: id.into(), why: why.into() }
}
