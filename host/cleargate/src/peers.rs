//! The plugins of one flow as they find each other: chains of guards, models, and tools that plugins call.
//!
//! Every one of them runs with its own grants and limits, whoever calls it: what a flow composes never widens what an
//! operator granted to one plugin.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use cleargate_executor::{CallScope, Failure, NodeContext, Output, Peers, Stage};
use cleargate_flow::error::ErrorCode;
use cleargate_flow::graph::{Guards, Model, PartUse};
use cleargate_flow::limits::{Effective, Layer, Limits};
use cleargate_flow::signature::{PluginKind, Signature};
use cleargate_flow::types::{fields_to_json_schema, validate_fields};
use cleargate_flow::{NodeError, Value};
use cleargate_gate::{Folder, PeerTool};
use cleargate_nodes::{Guard, GuardrailNode, Linked, ModelChain};
use cleargate_runtime::describe::Described;
use cleargate_runtime::node as performed;

use crate::programs::is_interpreter;
use crate::uses::Used;

/// The plugins of a flow around one leaf.
#[derive(Clone)]
pub(crate) struct FlowPeers {
    used: Arc<[Used]>,
    tools: Arc<[PeerTool]>,
    models: Arc<BTreeMap<String, Model>>,
    /// Of the leaf: what stands around the tools that it calls.
    guard: Arc<Guards>,
    operator: Limits,
    /// The flow's layer of the leaf's limits. It holds for what the leaf calls as well.
    leaf: Limits,
    folder: Option<Folder>,
}

impl FlowPeers {
    pub(crate) fn new(
        used: Arc<[Used]>,
        tools: Arc<[PeerTool]>,
        models: &BTreeMap<String, Model>,
        operator: Limits,
        folder: Option<Folder>,
    ) -> Self {
        let (models, guard) = (Arc::new(models.clone()), Arc::default());
        Self { used, tools, models, guard, operator, leaf: Limits::default(), folder }
    }

    /// What relative paths begin at, from now on.
    pub(crate) fn set_folder(&mut self, folder: Folder) {
        self.folder = Some(folder);
    }

    /// The same for a leaf.
    pub(crate) fn around(mut self, guard: &Guards, limits: Limits) -> Self {
        self.guard = Arc::new(guard.clone());
        self.leaf = limits;
        self
    }

    /// What a plugin may do here. One that may call others finds them.
    pub(crate) fn scope(&self, used: &Used) -> CallScope {
        let calls = !(used.grants.model.is_empty() && used.grants.tools.is_empty());
        CallScope {
            name: used.alias.clone(),
            grants: used.grants.clone(),
            limits: self.limits(used.manifest.limits),
            folder: self.folder.clone(),
            peers: calls.then(|| Arc::new(self.clone()) as Arc<dyn Peers>),
        }
    }

    /// Which bytes all of them are, and how the models are put together.
    pub(crate) fn identity(&self) -> String {
        let used = self.used.iter().map(|used| format!("{} {}\n", used.alias, used.pin.digest));
        used.chain([serde_json::to_string(&*self.models).unwrap_or_default()]).collect()
    }

    pub(crate) fn limits(&self, manifest: Limits) -> Effective {
        Limits::combine(&[
            (Layer::Operator, self.operator),
            (Layer::Manifest, manifest),
            (Layer::Node, self.leaf),
        ])
    }

    pub(crate) fn used(&self, alias: &str) -> Option<&Used> {
        self.used.iter().find(|used| used.alias == alias)
    }

    fn playing(&self, part: &PartUse, kind: PluginKind) -> Result<&Used, NodeError> {
        let used = self.used(&part.alias).filter(|used| used.exports(kind));
        used.ok_or_else(|| {
            let message = format!("`{}` is no alias of a {} in `use:`", part.alias, kind.as_str());
            NodeError::new(ErrorCode::InvalidInput, message)
        })
    }

    /// A chain of guardrails; none when it has no link.
    pub(crate) fn chain(
        &self,
        stage: Stage,
        parts: &[PartUse],
    ) -> Result<Option<GuardrailNode>, NodeError> {
        if parts.is_empty() {
            return Ok(None);
        }
        let guards = parts.iter().map(|part| {
            let used = self.playing(part, PluginKind::Guardrail)?;
            let guardrail = performed::guardrail(&used.plugin);
            Ok(Guard { guardrail, config: part.config.clone(), scope: self.scope(used) })
        });
        let guards = guards.collect::<Result<Vec<_>, NodeError>>()?;
        let node = GuardrailNode::new(stage, guards);
        node.map(Some).map_err(|e| NodeError::new(ErrorCode::InvalidInput, e.to_string()))
    }

    fn part(
        &self,
        part: &PartUse,
        kind: PluginKind,
    ) -> Result<Linked<dyn cleargate_executor::Part>, NodeError> {
        let used = self.playing(part, kind)?;
        let link = performed::part(&used.plugin, kind);
        Ok(Linked { link, config: part.config.clone(), scope: self.scope(used) })
    }

    /// What stands behind the name of a model.
    fn model(&self, name: &str) -> Result<ModelChain, NodeError> {
        let model = self.models.get(name).ok_or_else(|| {
            let message = format!("the flow has no model `{name}` under `models:`");
            NodeError::new(ErrorCode::InvalidInput, message)
                .with_help(format!("models: {{ {name}: alias/model }}"))
        })?;
        let filter = |part: &PartUse| {
            let used = self.playing(part, PluginKind::Filter)?;
            let link = performed::filter(&used.plugin);
            Ok(Linked { link, config: part.config.clone(), scope: self.scope(used) })
        };
        let maybe = |part: &Option<PartUse>, kind| {
            part.as_ref().map(|part| self.part(part, kind)).transpose()
        };
        let provider = self.playing(&model.provider, PluginKind::Provider)?;
        Ok(ModelChain {
            identity: provider.pin.digest.to_string(),
            provider: self.part(&model.provider, PluginKind::Provider)?,
            model: model.model.clone(),
            before: self.chain(Stage::Input, &model.guard.before)?,
            after: self.chain(Stage::Output, &model.guard.after)?,
            filters: model.filters.iter().map(filter).collect::<Result<_, NodeError>>()?,
            tokenizer: maybe(&model.tokenizer, PluginKind::Tokenizer)?,
            max_input: model.max_input,
            cache: maybe(&model.cache, PluginKind::Cache)?,
            cache_ttl: model.cache_ttl,
        })
    }

    fn tool(&self, name: &str) -> Option<(&Used, &Described)> {
        let (alias, id) = name.split_once('.')?;
        let used = self.used(alias)?;
        let mut tools = used.described.iter().filter(|d| d.kind == PluginKind::Tool);
        tools.find(|described| described.id == id).map(|described| (used, described))
    }

    async fn guarded(
        &self,
        ctx: &NodeContext,
        stage: Stage,
        chain: &[PartUse],
        content: Value,
    ) -> Result<Value, Failure> {
        match self.chain(stage, chain)? {
            Some(chain) => Ok(chain.pass(ctx, content).await?.content),
            None => Ok(content),
        }
    }
}

#[async_trait]
impl Peers for FlowPeers {
    fn tools(&self) -> &[PeerTool] {
        &self.tools
    }

    async fn complete(
        &self,
        ctx: NodeContext,
        model: &str,
        request: Value,
    ) -> Result<Output, Failure> {
        self.model(model)?.complete(&ctx, request).await
    }

    async fn call(
        &self,
        ctx: NodeContext,
        tool: &str,
        arguments: Value,
    ) -> Result<Output, Failure> {
        let Some((used, described)) = self.tool(tool) else {
            let names: Vec<&str> = self.tools.iter().map(|tool| tool.name.as_str()).collect();
            let message = format!("the flow has no tool `{tool}`; there are {}", names.join(", "));
            return Err(NodeError::new(ErrorCode::InvalidInput, message).into());
        };
        let arguments =
            self.guarded(&ctx, Stage::ToolCall, &self.guard.tool_call, arguments).await?;
        let arguments = fitting(tool, &described.signature, &arguments)?;
        let own = ctx.within(&self.scope(used), Value::Null);
        let mut done = performed::node(&used.plugin, described).run(own, arguments).await?;
        done.value =
            self.guarded(&ctx, Stage::ToolResult, &self.guard.tool_result, done.value).await?;
        Ok(done)
    }
}

/// Arguments come from a plugin, and may come from a model: they are checked as nothing else was.
fn fitting(tool: &str, signature: &Signature, arguments: &Value) -> Result<Value, NodeError> {
    validate_fields(arguments, &signature.input).map_err(|mismatch| {
        let message = format!("arguments of the tool `{tool}`: {mismatch}");
        NodeError::new(ErrorCode::InvalidInput, message)
    })
}

/// The tools of the plugins of a flow, as others may name them.
pub(crate) fn tools(used: &[Used]) -> Arc<[PeerTool]> {
    let of = |used: &Used| {
        let alias = used.alias.clone();
        let tools = used.described.iter().filter(|d| d.kind == PluginKind::Tool);
        let tools = tools.map(move |described| PeerTool {
            name: format!("{alias}.{}", described.id),
            description: described.signature.summary.clone(),
            input: fields_to_json_schema(&described.signature.input).to_string(),
            effect: described.signature.effect,
        });
        tools.collect::<Vec<_>>()
    };
    // Interpreters of programs are called by the nodes that have one.
    used.iter().filter(|used| !is_interpreter(&used.alias)).flat_map(of).collect()
}
