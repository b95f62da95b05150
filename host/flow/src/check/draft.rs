//! First pass: keys are read, expressions parsed. Nothing is resolved yet.

mod blocks;
mod guarantees;
mod table;
mod waits;

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;

pub(super) use blocks::{
    DEFAULT_CLEANUP, DraftBody, DraftBranches, DraftCase, DraftCatch, DraftLoop, DraftMap, DraftTry,
};
pub use blocks::{MAX_BRANCHES, MAX_LOOP_DEPTH};
pub use table::MAX_ROWS;
pub(super) use table::{Cell, DraftRow, DraftTable};
pub use waits::MAX_ASKED;
pub(super) use waits::{DraftDeadline, DraftEmit, DraftHuman, DraftThen, DraftWait};

use indexmap::IndexMap;

use super::assets::DraftAsset;
use super::made::Said;
use super::program::{self, Ports};
use super::site::Bound;
use super::templates::{Extended, Given};
use super::text::DraftText;
use super::{Around, Checker, keys};
use crate::address::NodeId;
use crate::diagnostic::{Finding, Span, short};
use crate::document::{Data, Entry, Node};
use crate::graph::{COMPENSATE, GraphNode, Guards, Join, NodeIx, Policy, Scope, VERIFIES};
use crate::signature::Signature;
use crate::types::{Field, Type, to_json_schema, validate_fields};
use crate::value::Value;

/// Names that mean something else in expressions.
const RESERVED: &[&str] = &["input", "run", "state", "index", "true", "false", "null", "in", "has"];

/// What a node can be, in a message.
const FORMS: &str =
    "`type`, `switch`, `map`, `loop`, `parallel`, `race`, `try`, `wait`, `emit`, `machine`";

/// The node type that nothing performs: people answer.
pub const HUMAN: &str = "human";

/// A scope as written.
#[derive(Debug)]
pub(super) struct Draft {
    pub(super) nodes: Vec<DraftNode>,
}

#[derive(Debug)]
pub(super) struct DraftNode {
    pub(super) id: NodeId,
    pub(super) span: Span,
    pub(super) join: Join,
    /// Order only: names with their places.
    pub(super) after: Vec<(String, Span)>,
    pub(super) kind: DraftKind,
    /// What undoes it: a scope of one node.
    pub(super) undo: Option<Draft>,
    /// What finds out whether an attempt happened: a scope of one node.
    pub(super) verify: Option<Draft>,
    /// Bounds on the time of a block.
    pub(super) times: Times,
    /// What it gives to the template that it was written out of.
    pub(super) given: Vec<Given>,
    /// What it writes to state channels.
    pub(super) writes: IndexMap<String, DraftWrite>,
}

/// How long a block may take, and how long nothing may be heard of it, in milliseconds.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Times {
    pub(super) deadline: Option<u64>,
    pub(super) idle: Option<u64>,
}

#[derive(Debug)]
pub(super) struct DraftWrite {
    pub(super) span: Span,
    pub(super) bound: Bound,
    /// What the channel takes.
    pub(super) ty: Type,
}

impl DraftNode {
    /// A node that nobody wrote, with an id that is one.
    pub(super) fn made(id: &str, span: Span, kind: DraftKind) -> Self {
        Self {
            id: id.parse().expect("the id of a node that is made"),
            span,
            join: Join::All,
            after: Vec::new(),
            kind,
            undo: None,
            verify: None,
            times: Times::default(),
            given: Vec::new(),
            writes: IndexMap::new(),
        }
    }

    /// The scopes inside, by the number of the body.
    pub(super) fn bodies(&self) -> Vec<(usize, &Draft)> {
        let undo = self.undo.iter().map(|undo| (0, undo));
        let verify = self.verify.iter().map(|verify| (VERIFIES, verify));
        self.kind.bodies().into_iter().chain(undo).chain(verify).collect()
    }
}

/// Goes through the nodes of a scope and of those inside it: tells the way there (nodes to go through, with the number of
/// the body), the place of the node in its scope, the node, and what was written of it.
pub(super) fn beside<'s>(
    scope: &'s Scope,
    draft: &'s Draft,
    way: &mut Vec<(NodeIx, usize)>,
    tell: &mut impl FnMut(&[(NodeIx, usize)], NodeIx, &'s GraphNode, &'s DraftNode),
) {
    let written: HashMap<&NodeId, &DraftNode> =
        draft.nodes.iter().map(|node| (&node.id, node)).collect();
    for (at, node) in scope.nodes.iter().enumerate() {
        let own = written[&node.id];
        for (body, inside) in own.bodies() {
            if let Some(inner) = node.scope(body) {
                way.push((at, body));
                beside(inner, inside, way, tell);
                way.pop();
            }
        }
        tell(way, at, node, own);
    }
}

#[derive(Debug)]
pub(super) enum DraftKind {
    Leaf(Box<DraftLeaf>),
    Switch(DraftSwitch),
    Map(Box<DraftMap>),
    Loop(Box<DraftLoop>),
    Parallel(DraftBranches),
    Race(DraftBranches),
    Try(Box<DraftTry>),
    Wait(Box<DraftWait>),
    Human(Box<DraftHuman>),
    Emit(Box<DraftEmit>),
    /// Something is wrong with it and was said; its value is not known.
    Broken,
}

#[derive(Debug)]
pub(super) struct DraftSwitch {
    pub(super) cases: Vec<DraftCase>,
    /// The table that the cases were made of.
    pub(super) table: Option<DraftTable>,
}

#[derive(Debug)]
pub(super) struct DraftLeaf {
    pub(super) uses: String,
    pub(super) signature: Rc<Signature>,
    pub(super) with: Ports,
    pub(super) config: Value,
    pub(super) text: Option<DraftText>,
    pub(super) policy: Policy,
    pub(super) guard: Guards,
    pub(super) asset: Option<DraftAsset>,
    /// What the node itself says of its value.
    pub(super) output: Option<Type>,
}

impl<'a> Checker<'a> {
    pub(super) fn draft(&self, nodes: &Node, around: &Around<'_>) -> Draft {
        let entries = self.map(nodes, "a map of ids to nodes");
        if entries.is_empty() && !matches!(nodes.data, Data::List(_)) {
            let finding = Finding::error("CG0102", nodes.span, "there is no node");
            self.find(finding.help("add one: `hello: { type: template, text: \"Hello\" }`"));
        }
        Draft { nodes: entries.iter().filter_map(|entry| self.draft_node(entry, around)).collect() }
    }

    /// A node as it is, and what it gives to the template that it was written out of. Nothing when that cannot be.
    fn written_out<'e>(
        &self,
        entry: &'e Entry,
        around: &Around<'_>,
    ) -> Option<(Cow<'e, Entry>, Vec<Given>)> {
        match self.extended(entry, around.templates) {
            None => Some((Cow::Borrowed(entry), Vec::new())),
            Some(Ok(Extended { entry, given })) => Some((Cow::Owned(entry), given)),
            Some(Err(Said)) => None,
        }
    }

    fn draft_node(&self, entry: &Entry, around: &Around<'_>) -> Option<DraftNode> {
        let written = self.written_out(entry, around);
        let broken = written.is_none();
        let (entry, given) = written.unwrap_or_else(|| (Cow::Borrowed(entry), Vec::new()));
        let node = self.draft_written(&entry, broken, around)?;
        Some(DraftNode { given, ..node })
    }

    /// A node that is what it says, without a template.
    fn draft_written(&self, entry: &Entry, broken: bool, around: &Around<'_>) -> Option<DraftNode> {
        let id: NodeId = match entry.key.parse() {
            Ok(id) => id,
            Err(error) => {
                self.find(Finding::error("CG0105", entry.key_span, format!("{error}")));
                return None;
            }
        };
        if RESERVED.contains(&id.as_str()) {
            let message =
                format!("`{id}` means something else in expressions; no node can have this id");
            self.find(Finding::error("CG0311", entry.key_span, message));
        }
        let longer = self.hooked(entry).map(Ok).or_else(|| self.machine(entry));
        let entry = longer.as_ref().and_then(|longer| longer.as_ref().ok()).unwrap_or(entry);
        let node = &entry.value;
        let kind = match longer {
            Some(Err(Said)) => DraftKind::Broken,
            _ if broken => DraftKind::Broken,
            _ => self.draft_kind(entry, &id, around),
        };
        let join = node.get("join").and_then(|e| self.join(&e.value)).unwrap_or_default();
        let undo = node.get(COMPENSATE).and_then(|entry| self.undo(entry, &kind, around));
        let verify =
            node.get("on_unknown").and_then(|entry| self.verify(&id, entry, &kind, around));
        let after = node.get("after").map(|e| self.names(&e.value)).unwrap_or_default();
        let writes = self.writes(node, around.channels);
        let (span, times, given) = (entry.key_span, self.times(node, &kind), Vec::new());
        Some(DraftNode { id, span, join, after, kind, undo, verify, times, given, writes })
    }

    fn draft_kind(&self, entry: &Entry, id: &NodeId, around: &Around<'_>) -> DraftKind {
        let node = &entry.value;
        let mut forms = keys::FORMS.iter().filter_map(|form| Some((*form, &node.get(form)?.value)));
        match (forms.next(), forms.next()) {
            (Some(("type", ty)), None) if ty.as_str() == Some(HUMAN) => self.draft_human(node, ty),
            (Some(("type", ty)), None) => self.leaf(node, ty, around),
            (Some(("switch", cases)), None) => self.switch(node, cases, around),
            (Some(("map", over)), None) => self.draft_map(node, over, around),
            (Some(("loop", bounds)), None) => self.draft_loop(node, bounds, around),
            (Some(("try", body)), None) => self.draft_try(node, body, around),
            (Some(("wait", wait)), None) => self.draft_wait(node, wait, around),
            (Some(("emit", emit)), None) => self.draft_emit(node, emit, around),
            (Some((form, branches)), None) => self.branches(node, form, branches, around),
            (None, _) => {
                self.formless(entry);
                DraftKind::Broken
            }
            (Some(_), Some(_)) => {
                let message = format!("`{id}` is several things at once: keep one of {FORMS}");
                self.find(Finding::error("CG0110", entry.key_span, message));
                DraftKind::Broken
            }
        }
    }

    /// `all`, `any`, `first_success`, or `n_of(2)`.
    fn join(&self, node: &Node) -> Option<Join> {
        let text = node.as_str().unwrap_or_default();
        let number = text.strip_prefix("n_of(").and_then(|rest| rest.strip_suffix(')'));
        if let Some(number) = number.and_then(|n| n.trim().parse().ok()).filter(|n| *n > 0) {
            return Some(Join::NOf(number));
        }
        let joins = [
            ("all", Join::All),
            ("any", Join::Any),
            ("first_success", Join::FirstSuccess),
            ("n_of(2)", Join::NOf(2)),
        ];
        self.choice(node, &joins)
    }

    /// A node that is nothing.
    fn formless(&self, entry: &Entry) {
        if !matches!(entry.value.data, Data::Map(_)) {
            self.shape(&entry.value, &format!("a node: a map with one of {FORMS}"));
            return;
        }
        let later = entry.value.entries().iter().any(|e| keys::NODE_LATER.contains(&&*e.key));
        self.keys(&entry.value, &keys::all_of_nodes(), keys::NODE_LATER, "a node");
        if !later {
            let finding =
                Finding::error("CG0102", entry.key_span, format!("a node needs one of {FORMS}"));
            self.find(finding.help("write `type: template`, or another node type"));
        }
    }

    /// One name or a list of names.
    fn names(&self, node: &Node) -> Vec<(String, Span)> {
        let items = match &node.data {
            Data::List(items) => items.as_slice(),
            _ => std::slice::from_ref(node),
        };
        let mut names = Vec::new();
        for item in items {
            match item.as_str() {
                Some(name) => names.push((name.to_owned(), item.span)),
                None => self.shape(item, "the id of a node"),
            }
        }
        names
    }

    fn signature(&self, ty: &Node, uses: &BTreeMap<String, String>) -> Option<Rc<Signature>> {
        let Some(name) = ty.as_str() else {
            self.shape(ty, "the name of a node type");
            return None;
        };
        if let Some(known) = self.found.borrow().get(name)
            && known.is_some()
        {
            return known.clone();
        }
        let alias = name.split('.').next().unwrap_or(name);
        let found = match self.signatures.find(name) {
            _ if self.signatures.broken(alias).is_some() => None,
            Ok(Some(signature)) => Some(Rc::new(signature)),
            Ok(None) => {
                self.unknown_type(name, ty.span, uses);
                None
            }
            Err(why) => {
                self.find(Finding::error(
                    "CG0302",
                    ty.span,
                    format!("`{name}` cannot be used: {why}"),
                ));
                None
            }
        };
        self.found.borrow_mut().insert(name.to_owned(), found.clone());
        found
    }

    fn unknown_type(&self, name: &str, span: Span, uses: &BTreeMap<String, String>) {
        let mut names = if self.hints.spent() { Vec::new() } else { self.signatures.names() };
        names.push(HUMAN.into());
        let all = names.iter().map(String::as_str).chain(uses.keys().map(String::as_str));
        let help = self.hints.near(name, all).unwrap_or_else(|| {
            let known = short(&names.join(", "));
            format!("there are {known}; a package or a file is named under `use:`")
        });
        let message = format!("there is no node type `{}`", short(&name));
        self.find(Finding::error("CG0301", span, message).help(help));
    }

    fn leaf(&self, node: &Node, ty: &Node, around: &Around<'_>) -> DraftKind {
        let Some(signature) = self.signature(ty, around.uses) else { return DraftKind::Broken };
        let mut known = [keys::NODE, keys::LEAF].concat();
        known.extend(signature.typed_by);
        known.extend(signature.program.then_some(program::KEYS).into_iter().flatten());
        // A type may open a key that every node has, as `effect`.
        let own = signature.config.keys().map(String::as_str);
        known.extend(own.filter(|key| !keys::LEAF.contains(key)));
        let name = format!("`{}`", ty.as_str().unwrap_or_default());
        self.keys_beside(node, &known, keys::NODE_LATER, &name, |key| {
            let port = signature.input.contains_key(key);
            port.then(|| {
                format!("`{key}` is an input: put it under `with:`, as `with: {{ {key}: … }}`")
            })
        });
        let with = match signature.program {
            true => self.program(node, ty.span),
            false => self.inputs(node),
        };
        self.names_a_model(&signature, node, around.models);
        let output = signature.typed_by.and_then(|key| node.get(key));
        let output = output.map(|entry| self.port(&entry.value).ty);
        let mut config = self.config(node, &signature.config, ty.span);
        if let (Some(key), Some(ty)) = (signature.typed_by, &output) {
            config = with_schema(config, key, ty);
        }
        DraftKind::Leaf(Box::new(DraftLeaf {
            uses: ty.as_str().unwrap_or_default().to_owned(),
            config,
            guard: self.leaf_guards(node),
            output,
            text: self.draft_text(node, &signature, ty.span),
            asset: node.get("asset").and_then(|entry| self.asset(entry, around)),
            policy: self.policy(node, &signature, around.defaults),
            signature,
            with,
        }))
    }

    /// What `with:` binds to each port.
    fn inputs(&self, node: &Node) -> Ports {
        let Some(entry) = node.get("with") else { return Ports::new() };
        let ports = self.map(&entry.value, "a map of input ports to values").iter();
        let bound = |port: &Entry| (port.key_span, self.bound_value(&port.value));
        ports.map(|port| (port.key.to_string(), bound(port))).collect()
    }

    fn config(&self, node: &Node, fields: &IndexMap<String, Field>, ty: Span) -> Value {
        let written = node.entries().iter().filter(|entry| fields.contains_key(&*entry.key));
        let value = Value::record(written.map(|entry| (entry.key.clone(), entry.value.to_value())));
        let full = validate_fields(&value, fields).unwrap_or_else(|mismatch| {
            let key = mismatch.pointer.split('/').nth(1).unwrap_or_default().to_owned();
            match node.get(&key) {
                Some(entry) => {
                    let message = format!("`{key}`: {}", mismatch.why);
                    self.find(Finding::error("CG0206", entry.value.span, message));
                }
                None => {
                    let message = format!("this node type needs the key `{key}`");
                    self.find(Finding::error("CG0102", ty, message));
                }
            }
            value
        });
        // A key that nobody wrote and that means nothing is left out: a release that adds one keeps identities.
        let entries = full.as_map().into_iter().flatten();
        Value::record(
            entries.filter(|(_, v)| **v != Value::Null).map(|(k, v)| (k.clone(), v.clone())),
        )
    }
}

/// The configuration with the type that a node gives its value, as the node gets it: a JSON Schema.
fn with_schema(config: Value, key: &str, ty: &Type) -> Value {
    let schema = Value::of(&to_json_schema(ty)).expect("a schema is JSON");
    let entries = config.as_map().into_iter().flatten().map(|(k, v)| (k.clone(), v.clone()));
    Value::record(entries.chain([(key.into(), schema)]))
}
