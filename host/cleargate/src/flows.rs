//! A flow made ready: text → pinned plugins → checked graph → what performs its nodes.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use cleargate_executor::{Binding, CallScope, Catalog, CatalogError, Executor, Node, Stage};
use cleargate_flow::check::check;
use cleargate_flow::diagnostic::{Finding, Severity};
use cleargate_flow::grant::Grants;
use cleargate_flow::graph::{Canary, Graph, Leaf, Moment, NodeKind, Scope};
use cleargate_flow::limits::Limits;
use cleargate_flow::signature::{PluginKind, Signature, Signatures};
use cleargate_flow::types::{Field, Type, from_json_schema};
use cleargate_flow::{FlowHash, NodeError, Value};
use cleargate_gate::Folder;
use cleargate_nodes::{Guarded, Program, SubFlow, catalogue};
use cleargate_runtime::describe::Described;
use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Kind, Result};
use crate::peers::FlowPeers;
use crate::plan::PluginPlan;
use crate::plugins::Waiting;
use crate::programs::is_interpreter;
use crate::sessions::Sessions;
use crate::source::FlowSource;
use crate::swaps::Lease;
use crate::uses::{Pin, Used};

/// A flow that was checked and can be started.
#[derive(Clone)]
pub struct Flow {
    pub(crate) graph: Arc<Graph>,
    pub(crate) catalog: Arc<FlowCatalog>,
    pub(crate) plugins: Vec<PluginPlan>,
    pub(crate) pinned: Pinned,
    pub(crate) waiting: Vec<Waiting>,
}

/// Everything that a run is pinned to, as it is stored: enough to make the flow ready again.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Pinned {
    pub source: FlowSource,
    pub plugins: BTreeMap<String, Pin>,
    /// Flows that this one uses, by alias.
    pub flows: BTreeMap<String, Pinned>,
    /// Aliases that mean nothing, with why: such a flow does not get as far as being stored.
    #[serde(skip)]
    pub broken: BTreeMap<String, String>,
}

/// What a check found, with the text that it is about.
#[derive(Clone, Debug, Serialize)]
pub struct Checked {
    /// The flow's file, as people know it.
    pub file: String,
    /// Its text: spans point into it.
    #[serde(skip)]
    pub text: String,
    /// Everything that was found, by place.
    pub findings: Vec<Finding>,
}

impl std::fmt::Debug for Flow {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Flow({} {})", self.graph.id, self.graph.hash)
    }
}

impl Flow {
    /// The flow's name.
    pub fn id(&self) -> &str {
        self.graph.id.as_str()
    }

    /// Human label of its version.
    pub fn version(&self) -> &str {
        &self.graph.version
    }

    /// Identity: of the graph, the files that it names, and the bytes of its plugins.
    pub fn hash(&self) -> &FlowHash {
        &self.graph.hash
    }

    /// Newer versions that its aliases would mean if somebody approved what they ask for. The flow has the approved
    /// ones.
    pub fn waiting(&self) -> &[Waiting] {
        &self.waiting
    }

    /// The files that it is made of, for watching: templates, flows and plugins that are named by path.
    pub fn files(&self) -> Vec<PathBuf> {
        let named = |flow: &Flow| {
            let FlowSource { text, files, .. } = &flow.pinned.source;
            let paths = crate::uses::aliases(text).into_values().filter(|of| of.contains('/'));
            let folder = flow.pinned.source.own_folder()?;
            let names: Vec<_> = files.keys().cloned().chain(paths).collect();
            Some(names.into_iter().map(move |name| folder.join(name)))
        };
        self.all().into_iter().filter_map(named).flatten().collect()
    }

    /// The flow itself and all flows inside it, each once for every place where it is used.
    pub(crate) fn all(&self) -> Vec<&Flow> {
        let inner = self.catalog.flows.values().flat_map(Flow::all);
        std::iter::once(self).chain(inner).collect()
    }

    /// The checked graph.
    pub fn graph(&self) -> &Graph {
        &self.graph
    }
}

/// Node types of one flow, for the checker.
struct FlowSignatures<'a> {
    source: &'a FlowSource,
    parts: &'a Parts,
}

/// What the aliases of one flow mean.
#[derive(Default)]
pub(crate) struct Parts {
    pub used: Vec<Used>,
    pub flows: BTreeMap<String, Flow>,
    /// Aliases that could not be loaded, with why.
    pub broken: BTreeMap<String, String>,
}

impl Signatures for FlowSignatures<'_> {
    fn find(&self, name: &str) -> Result<Option<Signature>, String> {
        if let Some(signature) = catalogue().get(name) {
            return Ok(Some(signature.clone()));
        }
        let (alias, export) = split(name);
        // A canary is met by chance, and never by its name.
        if let Some(flow) = self.parts.flows.get(name).filter(|_| !name.contains('@')) {
            return Ok(Some(SubFlow::signature(&flow.graph)));
        }
        let used = self.parts.used.iter().find(|u| u.alias == alias && !is_interpreter(alias));
        let Some(used) = used else { return Ok(None) };
        let described = callable(used, export)?;
        let mut signature = described.signature.clone();
        signature.requests = used.manifest.permissions.clone();
        signature.limits = used.manifest.limits;
        signature.origin = format!("{} {} {}", used.pin.package, used.pin.version, used.pin.digest);
        Ok(Some(signature))
    }

    fn part(
        &self,
        alias: &str,
        kind: PluginKind,
    ) -> Result<Option<IndexMap<String, Field>>, String> {
        let used = self.parts.used.iter().find(|used| used.alias == alias);
        let Some(used) = used.filter(|used| used.exports(kind)) else {
            let known = self.parts.used.iter().filter(|used| used.exports(kind));
            let known: Vec<&str> = known.map(|used| used.alias.as_str()).collect();
            let there = match known.as_slice() {
                [] => format!("no alias of `use:` is a {}", kind.as_str()),
                known => format!("there are {}", known.join(", ")),
            };
            return Err(format!("`{alias}` is no alias of a {}; {there}", kind.as_str()));
        };
        // Parts describe no configuration: they take any.
        let described = used.described.iter().find(|described| described.kind == kind);
        Ok(described.filter(|_| !kind.is_part()).map(|described| described.signature.input.clone()))
    }

    fn file(&self, name: &str) -> Result<String, String> {
        self.source.text_of(name).map_err(|error| error.to_string())
    }

    fn broken(&self, alias: &str) -> Option<String> {
        self.parts.broken.get(alias).cloned()
    }

    fn moment(&self, moment: &Moment) -> Result<(), String> {
        // From the beginning of time: whether there is one must not depend on when somebody asks.
        cleargate_executor::moment(moment, 0).map(drop)
    }

    fn names(&self) -> Vec<String> {
        let builtin = catalogue();
        let builtin = builtin.keys().map(ToString::to_string);
        let plugins = self.parts.used.iter().filter(|used| !is_interpreter(&used.alias));
        let plugins = plugins.map(|u| u.alias.clone());
        let flows = self.parts.flows.keys().filter(|alias| !alias.contains('@')).cloned();
        builtin.chain(plugins).chain(flows).collect()
    }
}

/// `alias` or `alias.export`.
fn split(name: &str) -> (&str, Option<&str>) {
    match name.split_once('.') {
        Some((alias, export)) => (alias, Some(export)),
        None => (name, None),
    }
}

/// The node or tool that a type names.
fn callable<'a>(used: &'a Used, export: Option<&str>) -> Result<&'a Described, String> {
    let callable = |d: &&Described| !matches!(d.kind, PluginKind::Guardrail | PluginKind::Filter);
    let all: Vec<_> = used.described.iter().filter(callable).collect();
    let names = || {
        let names: Vec<String> = all.iter().map(|d| format!("{}.{}", used.alias, d.id)).collect();
        names.join(", ")
    };
    match (export, all.as_slice()) {
        (_, []) => Err(format!(
            "`{}` is a {}, not a node: name it in `guards:` of a `guardrail` node",
            used.alias,
            used.kinds.join(" and ")
        )),
        (None, [one]) => Ok(one),
        (None, _) => Err(format!("`{}` exports several: {}", used.alias, names())),
        (Some(export), all) => all
            .iter()
            .find(|d| d.id == export)
            .copied()
            .ok_or_else(|| format!("`{}` has no `{export}`; there are {}", used.alias, names())),
    }
}

/// Checks a flow against what its aliases mean. The graph is there when there was no error.
pub(crate) fn checked(source: &FlowSource, parts: &Parts) -> (Checked, Option<Graph>) {
    let done = check(&source.text, &source.name, &FlowSignatures { source, parts });
    let errors = done.findings.iter().any(|f| f.severity == Severity::Error);
    let checked =
        Checked { file: source.name.clone(), text: source.text.clone(), findings: done.findings };
    (checked, done.graph.filter(|_| !errors))
}

/// Reads the files that templates name, and pins the graph to everything that decides what it does.
pub(crate) fn pin(
    graph: &mut Graph,
    pinned: &mut Pinned,
    flows: &BTreeMap<String, Flow>,
) -> Result<()> {
    let mut names = Vec::new();
    template_files(&graph.root, &mut names);
    for name in names {
        pinned.source.file(&name)?;
    }
    // What the canary of a trigger does is its own.
    let decisive = flows.iter().filter(|(alias, _)| !alias.starts_with('@'));
    let identity = Value::record([
        ("graph", Value::from(graph.hash.to_string())),
        (
            "files",
            Value::record(
                pinned.source.files.iter().map(|(k, v)| (k.as_str(), Value::from(v.as_str()))),
            ),
        ),
        (
            "plugins",
            Value::record(
                pinned.plugins.iter().map(|(k, v)| (k.as_str(), Value::from(v.digest.to_string()))),
            ),
        ),
        ("flows", Value::record(decisive.map(|(k, v)| (k.as_str(), v.hash().as_str().into())))),
    ]);
    graph.hash = FlowHash::of(identity.to_canonical_json().as_bytes());
    Ok(())
}

fn template_files(scope: &Scope, names: &mut Vec<String>) {
    for node in &scope.nodes {
        if let NodeKind::Leaf(leaf) = &node.kind {
            names.extend(leaf.config.get("file").and_then(Value::as_str).map(str::to_owned));
        }
        node.scopes().iter().for_each(|(_, scope)| template_files(scope, names));
    }
}

/// What performs a leaf before its guards stand around it.
pub(crate) struct Bare {
    pub binding: Binding,
    /// Whether the guards are asked as around a tool.
    tool: bool,
    /// The type of its value.
    pub output: Type,
}

/// What runs a flow inside of another.
pub(crate) type Inner<'a> = dyn Fn(&Flow) -> SubFlow + 'a;

/// What performs the nodes of one flow.
#[derive(Clone)]
pub(crate) struct FlowCatalog {
    /// The plugins, and how they find each other.
    pub peers: FlowPeers,
    pub flows: BTreeMap<String, Flow>,
    /// Versions that aliases of flows are split with.
    pub canaries: Arc<BTreeMap<String, Canary>>,
    /// Tells when the last run on these components has ended.
    pub _leases: Vec<Arc<Lease>>,
    /// What runs the flows.
    pub executor: Executor,
    pub files: BTreeMap<String, String>,
    /// What built-in nodes may do.
    pub builtin_grants: Arc<Grants>,
    /// What relative paths begin at.
    pub folder: Option<Folder>,
    /// Interpreters that live on between programs.
    pub sessions: Arc<Sessions>,
}

impl FlowCatalog {
    /// The same flow in a rehearsal: in a folder of its own, and with built-in nodes that may ask for anything, because
    /// nothing of it reaches the world.
    pub(crate) fn rehearsed(&self, executor: Executor, folder: Folder, files: Grants) -> Self {
        let everything = Grants { http: ["*".parse().expect("a pattern")].into(), ..files };
        let mut rehearsed = self.clone();
        rehearsed.peers.set_folder(folder.clone());
        rehearsed.builtin_grants =
            Arc::new(self.builtin_grants.as_ref().clone().union(&everything));
        rehearsed.folder = Some(folder);
        rehearsed.executor = executor;
        rehearsed.sessions = Arc::default();
        rehearsed
    }

    /// The plugins as they are around a leaf.
    pub(crate) fn around(&self, leaf: &Leaf) -> FlowPeers {
        self.peers.clone().around(&leaf.guard, leaf.policy.limits)
    }

    /// What runs a flow inside this one.
    fn sub_flow(&self, leaf: &Leaf, node: Arc<dyn Node>) -> Binding {
        let scope = CallScope {
            name: leaf.uses.clone(),
            // What the flow's own nodes may do is theirs; the node itself asks for nothing.
            grants: Arc::default(),
            limits: self.around(leaf).limits(Limits::default()),
            folder: None,
            peers: None,
        };
        Binding { node, scope }
    }

    fn plugin(&self, leaf: &Leaf) -> Result<Bare, CatalogError> {
        let (alias, export) = split(&leaf.uses);
        let unknown = |why: String| CatalogError::Unknown { uses: leaf.uses.clone(), why };
        let peers = self.around(leaf);
        let used = peers.used(alias);
        let used = used.ok_or_else(|| unknown("no alias of `use:` has that name".into()))?;
        let described = callable(used, export).map_err(unknown)?;
        let node = cleargate_runtime::node::node(&used.plugin, described);
        let binding = Binding { node, scope: peers.scope(used) };
        let tool = described.kind == PluginKind::Tool;
        Ok(Bare { binding, tool, output: described.signature.output.clone() })
    }

    /// What performs a leaf, without its guards.
    pub(crate) fn bare(
        &self,
        leaf: &Leaf,
        graph: &Graph,
        inner: &Inner<'_>,
    ) -> Result<Bare, CatalogError> {
        if let Some(signature) = catalogue().get(leaf.uses.as_str()) {
            let binding = match leaf.uses.as_str() {
                Program::NAME => self.code(leaf, graph)?,
                _ => self.builtin(leaf)?,
            };
            let said = leaf.config.get("out").filter(|_| signature.typed_by.is_some());
            let said = said.and_then(|schema| from_json_schema(&schema.to_serde()).ok());
            let output = said.unwrap_or(signature.output.clone());
            return Ok(Bare { binding, tool: false, output });
        }
        match self.flows.get(&leaf.uses) {
            Some(flow) => {
                let binding = self.sub_flow(leaf, self.split(&leaf.uses, flow, inner));
                Ok(Bare { binding, tool: false, output: flow.graph.value.clone() })
            }
            None => self.plugin(leaf),
        }
    }

    /// The step with the chains of its `guard:` around it.
    pub(crate) fn guarded(&self, leaf: &Leaf, bare: Bare) -> Result<Binding, CatalogError> {
        let Bare { binding: Binding { node, scope }, tool, output } = bare;
        let config =
            |why: NodeError| CatalogError::Config { uses: leaf.uses.clone(), why: why.to_string() };
        let (before, after) = match tool {
            true => (Stage::ToolCall, Stage::ToolResult),
            false => (Stage::Input, Stage::Output),
        };
        let peers = self.around(leaf);
        let before = peers.chain(before, &leaf.guard.before).map_err(config)?;
        let after = peers.chain(after, &leaf.guard.after).map_err(config)?;
        if before.is_none() && after.is_none() {
            return Ok(Binding { node, scope });
        }
        let guarded = Guarded { node, scope: scope.clone(), before, after, output };
        Ok(Binding { node: Arc::new(guarded), scope })
    }
}

impl Catalog for FlowCatalog {
    fn node(&self, leaf: &Leaf, flow: &Graph) -> Result<Binding, CatalogError> {
        let inner = |flow: &Flow| {
            SubFlow::new(self.executor.clone(), flow.graph.clone(), flow.catalog.clone())
        };
        let guarded = self.guarded(leaf, self.bare(leaf, flow, &inner)?)?;
        Ok(match &leaf.asset {
            Some(asset) => self.kept(leaf, asset, flow, guarded),
            None => guarded,
        })
    }
}

pub(crate) fn invalid(checked: &Checked) -> Error {
    let errors = checked.findings.iter().filter(|f| f.severity == Severity::Error);
    let mut error = Error::new(Kind::Invalid, format!("{} has errors", checked.file));
    error.causes = errors
        .map(|f| {
            format!("{}:{}:{} {}: {}", checked.file, f.span.line, f.span.column, f.code, f.message)
        })
        .collect();
    error.with_help(format!("cleargate check {}", checked.file))
}
