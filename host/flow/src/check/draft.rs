//! First pass: keys are read, expressions parsed. Nothing is resolved yet.

use std::collections::BTreeMap;
use std::rc::Rc;

use indexmap::IndexMap;

use super::site::{Bound, Site};
use super::text::DraftText;
use super::{Around, Checker, keys, policy};
use crate::address::NodeId;
use crate::diagnostic::{Finding, Span, short};
use crate::document::{Data, Entry, Node};
use crate::graph::{Guards, Join, OnItemError, Policy};
use crate::signature::Signature;
use crate::types::{Field, Type, to_json_schema, validate_fields};
use crate::value::Value;

/// Names that mean something else in expressions.
const RESERVED: &[&str] = &["input", "run", "index", "true", "false", "null", "in", "has"];

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
}

#[derive(Debug)]
pub(super) enum DraftKind {
    Leaf(Box<DraftLeaf>),
    Switch(Vec<DraftCase>),
    Map(Box<DraftMap>),
    /// Something is wrong with it and was said; its value is not known.
    Broken,
}

#[derive(Debug)]
pub(super) struct DraftLeaf {
    pub(super) uses: String,
    pub(super) signature: Rc<Signature>,
    pub(super) with: IndexMap<String, (Span, Bound)>,
    pub(super) config: Value,
    pub(super) text: Option<DraftText>,
    pub(super) policy: Policy,
    pub(super) guard: Guards,
    /// What the node itself says of its value.
    pub(super) output: Option<Type>,
}

#[derive(Debug)]
pub(super) struct DraftCase {
    pub(super) when: Option<Site>,
    pub(super) to: Vec<(String, Span)>,
    pub(super) body: Option<(Draft, Option<Bound>)>,
}

#[derive(Debug)]
pub(super) struct DraftMap {
    pub(super) over: Site,
    pub(super) item: String,
    pub(super) concurrency: u32,
    pub(super) max: u32,
    pub(super) on_item_error: OnItemError,
    pub(super) body: Draft,
    pub(super) out: Bound,
}

impl DraftKind {
    /// The scopes inside, those of cases with the index of the case.
    pub(super) fn bodies(&self) -> Vec<(usize, &Draft)> {
        match self {
            Self::Leaf(_) | Self::Broken => Vec::new(),
            Self::Map(map) => vec![(0, &map.body)],
            Self::Switch(cases) => {
                let cases = cases.iter().enumerate();
                cases.filter_map(|(at, case)| Some((at, &case.body.as_ref()?.0))).collect()
            }
        }
    }
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

    fn draft_node(&self, entry: &Entry, around: &Around<'_>) -> Option<DraftNode> {
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
        let node = &entry.value;
        let kind = match ["type", "switch", "map"].map(|key| node.get(key)) {
            [Some(ty), None, None] => self.leaf(node, &ty.value, around),
            [None, Some(switch), None] => self.switch(node, &switch.value, around),
            [None, None, Some(map)] => self.draft_map(node, &map.value, around),
            [None, None, None] => {
                self.formless(entry);
                DraftKind::Broken
            }
            _ => {
                let message = format!(
                    "`{id}` is several things at once: keep one of `type`, `switch`, `map`"
                );
                self.find(Finding::error("CG0110", entry.key_span, message));
                DraftKind::Broken
            }
        };
        let joins = [("all", Join::All), ("any", Join::Any)];
        let join = node.get("join").and_then(|e| self.choice(&e.value, &joins)).unwrap_or_default();
        let after = node.get("after").map(|e| self.names(&e.value)).unwrap_or_default();
        Some(DraftNode { id, span: entry.key_span, join, after, kind })
    }

    /// A node without `type`, `switch` or `map`.
    fn formless(&self, entry: &Entry) {
        if !matches!(entry.value.data, Data::Map(_)) {
            self.shape(&entry.value, "a node: a map with `type`, `switch` or `map`");
            return;
        }
        let known = [keys::NODE, keys::LEAF, keys::SWITCH, keys::MAP].concat();
        let later = entry.value.entries().iter().any(|e| keys::NODE_LATER.contains(&&*e.key));
        self.keys(&entry.value, &known, keys::NODE_LATER, "a node");
        if !later {
            let finding =
                Finding::error("CG0102", entry.key_span, "a node needs `type`, `switch` or `map`");
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
        let names = if self.hints.spent() { Vec::new() } else { self.signatures.names() };
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
        let mut with = IndexMap::new();
        if let Some(entry) = node.get("with") {
            for input in self.map(&entry.value, "a map of input ports to values") {
                with.insert(
                    input.key.to_string(),
                    (input.key_span, self.bound_value(&input.value)),
                );
            }
        }
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
            policy: self.policy(node, &signature, around.defaults),
            signature,
            with,
        }))
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

    fn switch(&self, node: &Node, cases: &Node, around: &Around<'_>) -> DraftKind {
        self.keys(node, &[keys::NODE, keys::SWITCH].concat(), keys::NODE_LATER, "a `switch`");
        let Data::List(items) = &cases.data else {
            self.shape(cases, "a list of cases: `- when: …`, `to: …`");
            return DraftKind::Broken;
        };
        if items.is_empty() {
            self.find(Finding::error("CG0310", cases.span, "a `switch` needs at least one case"));
        }
        let last = items.len().saturating_sub(1);
        let cases = items.iter().enumerate();
        DraftKind::Switch(cases.map(|(at, item)| self.case(item, at == last, around)).collect())
    }

    /// `when:` or `else:`, and then `to:` (which may stand behind `else:` itself) or `do:` with `out:`.
    fn case(&self, item: &Node, last: bool, around: &Around<'_>) -> DraftCase {
        self.map(item, "a case: `when: …` and `to: …`, or `else: …`");
        self.keys(item, keys::CASE, &[], "a case");
        let broken = |message: &str| self.find(Finding::error("CG0310", item.span, message));
        let get = |key: &str| item.get(key).map(|entry| &entry.value);
        let (when, otherwise, to, body) = (get("when"), get("else"), get("to"), get("do"));
        if otherwise.is_some() && !last {
            broken("`else` must be the last case: cases behind it are never taken");
        }
        if when.is_some() == otherwise.is_some() {
            broken("a case begins with `when` or with `else`");
        }
        let behind_else = otherwise.filter(|node| !matches!(node.data, Data::Scalar(Value::Null)));
        let leads: Vec<&Node> = to.into_iter().chain(behind_else).collect();
        if leads.len() + usize::from(body.is_some()) != 1 {
            broken("a case leads to nodes beside the switch (`to`) or owns some (`do`): write one");
        }
        if let (Some(out), None) = (get("out"), body) {
            let message = "`out` is the value of the nodes under `do`";
            self.find(Finding::error("CG0310", out.span, message));
        }
        DraftCase {
            when: when.and_then(|when| self.bare(when)),
            to: leads.into_iter().flat_map(|names| self.names(names)).collect(),
            body: body.map(|body| {
                let out = get("out").map(|out| self.bound_value(out));
                (self.draft(body, around), out)
            }),
        }
    }

    fn draft_map(&self, node: &Node, over: &Node, around: &Around<'_>) -> DraftKind {
        self.keys(node, &[keys::NODE, keys::MAP].concat(), keys::NODE_LATER, "a `map`");
        let get = |key: &str| node.get(key).map(|entry| &entry.value);
        let item = match get("as").map(|name| (name, self.id::<NodeId>(name))) {
            Some((at, Some(name))) => {
                if RESERVED.contains(&name.as_str()) {
                    let message = format!("`{name}` means something else in expressions");
                    self.find(Finding::error("CG0311", at.span, message));
                }
                name.to_string()
            }
            _ => "item".to_owned(),
        };
        let missing = |key: &str, help: &str| {
            let message = format!("a `map` needs the key `{key}`");
            self.find(Finding::error("CG0102", over.span, message).help(help));
        };
        let Some(body) = get("do") else {
            missing("do", "the nodes that run for each item: `do: { … }`");
            return DraftKind::Broken;
        };
        let body = self.draft(body, around);
        let Some(out) = get("out").map(|out| self.bound_value(out)) else {
            missing("out", "what one item becomes: `out: ${node.field}`");
            return DraftKind::Broken;
        };
        let most = u32::try_from(super::MAX_EXECUTIONS).unwrap_or(u32::MAX);
        let concurrency =
            get("concurrency").and_then(|n| self.whole(n, 1..=policy::MAX_CONCURRENCY));
        let max = get("max").and_then(|n| self.whole(n, 1..=most));
        let on_item_error = get("on_item_error").map(|n| self.on_item_error(n)).unwrap_or_default();
        let Some(over) = self.bare(over) else { return DraftKind::Broken };
        DraftKind::Map(Box::new(DraftMap {
            over,
            item,
            concurrency: concurrency.unwrap_or(1),
            max: max.unwrap_or(policy::DEFAULT_MAP_MAX),
            on_item_error,
            body,
            out,
        }))
    }
}

/// The configuration with the type that a node gives its value, as the node gets it: a JSON Schema.
fn with_schema(config: Value, key: &str, ty: &Type) -> Value {
    let schema = Value::of(&to_json_schema(ty)).expect("a schema is JSON");
    let entries = config.as_map().into_iter().flatten().map(|(k, v)| (k.clone(), v.clone()));
    Value::record(entries.chain([(key.into(), schema)]))
}
