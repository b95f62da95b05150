//! Document → checked graph. All findings at once, each with its place; a graph only when nothing is wrong.
//!
//! Three passes over a scope: *draft* reads keys and parses expressions, *order* turns references into edges
//! and sorts the nodes, *type* walks them in that order, so that each type is known before it is read.
//!
//! What a skipped node means to its readers: a bare reference makes a data edge, and a skip travels along it. A
//! reader therefore never sees a value that is not there, and needs no `has()`. Who wants to run anyway
//! asks with `has(node)`. Only two places have no node to skip: a flow's `output` and a map's `out` are
//! `null` then.

mod assets;
mod back;
mod bound;
mod canary;
mod canonical;
mod channels;
mod draft;
mod foreign;
mod hooks;
mod keys;
mod machine;
mod made;
mod order;
mod parts;
mod policy;
mod program;
mod races;
mod site;
mod table;
mod templates;
mod text;
mod typing;
mod whole;

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;

use indexmap::IndexMap;

use crate::address::{FlowHash, FlowId};
use crate::diagnostic::{Finding, Findings, Hints, Severity, Span};
use crate::document::{self, Data, Node};
use crate::graph::{Durability, Graph, Model};
use crate::signature::{Signature, Signatures};
use crate::types::{Field, Type};
use crate::value::Value;

pub use bound::MAX_EXECUTIONS;
pub use canary::{canary_of_alias, canary_of_trigger};
pub use channels::MAX_CHANNELS;
pub use draft::{HUMAN, MAX_ASKED, MAX_BRANCHES, MAX_LOOP_DEPTH, MAX_ROWS};
pub use keys::schema;
pub use machine::{MAX_CARRIED, MAX_STATES, MAX_WAYS};
pub use parts::{MAX_CHAIN, MAX_TRIGGERS};
pub use policy::{DEFAULT_MAP_MAX, MAX_CONCURRENCY, MAX_RETRIES};
pub use races::{MAX_FOLLOWED, MAX_WRITERS};
pub use templates::{MAX_EXTENDS, MAX_WRITTEN_OUT};

/// The format version that this release reads.
pub const FORMAT: i64 = 1;

/// What a check gives.
#[derive(Clone, Debug)]
pub struct Checked {
    /// The graph, when there is no error.
    pub graph: Option<Graph>,
    /// Everything that was found, by place.
    pub findings: Vec<Finding>,
}

impl Checked {
    /// The findings that keep the flow from running.
    pub fn errors(&self) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(|finding| finding.severity == Severity::Error)
    }
}

/// Checks the text of a flow. `file_name` stands in for the flow's name in messages when it has none.
pub fn check(text: &str, file_name: &str, signatures: &dyn Signatures) -> Checked {
    let (root, findings) = document::read(text);
    let checker = Checker {
        text,
        signatures,
        findings: RefCell::default(),
        found: RefCell::default(),
        hints: Hints::default(),
        uses: Default::default(),
    };
    if root.is_none() && findings.is_empty() {
        let finding = Finding::error("CG0104", Span::default(), format!("{file_name} is empty"));
        checker.find(finding.help("begin the file with `cleargate: 1`"));
    }
    findings.into_iter().for_each(|finding| checker.find(finding));
    let graph = root.and_then(|root| checker.flow(&root, file_name));
    let findings = checker.findings.into_inner().finish();
    let sound = !findings.iter().any(|finding| finding.severity == Severity::Error);
    Checked { graph: graph.filter(|_| sound), findings }
}

/// The events that the text of a flow lists, without checking the rest: for who tells a run of one.
pub fn events(text: &str) -> IndexMap<String, Field> {
    let (Some(root), _) = document::read(text) else { return IndexMap::new() };
    let Some(events) = root.get("events") else { return IndexMap::new() };
    let read =
        |entry: &document::Entry| Some((entry.key.to_string(), Field::read(&entry.value).ok()?));
    events.value.entries().iter().filter_map(read).collect()
}

/// What all passes share.
struct Checker<'a> {
    text: &'a str,
    signatures: &'a dyn Signatures,
    findings: RefCell<Findings>,
    hints: Hints,
    /// Nodes that were written out of templates.
    uses: templates::Uses,
    /// Node types that were looked up, by name as written.
    found: RefCell<HashMap<String, Option<Rc<Signature>>>>,
}

/// What holds for every node.
#[derive(Default)]
struct Defaults {
    timeout: Option<u64>,
    retry: Option<policy::Retries>,
}

/// What nodes in every scope may refer to, and what is around them.
#[derive(Clone, Copy)]
struct Around<'f> {
    uses: &'f BTreeMap<String, String>,
    models: &'f BTreeMap<String, Model>,
    events: &'f IndexMap<String, Field>,
    defaults: &'f Defaults,
    channels: &'f channels::Channels,
    templates: &'f templates::Templates,
    /// Whether a `try` would undo what succeeded here.
    within_try: bool,
    /// Loops around.
    loops: u32,
    /// How often a step here is performed, as far as it gives assets.
    repeats: assets::Repeats,
}

impl<'a> Checker<'a> {
    fn find(&self, finding: Finding) {
        let finding = self.uses.located(finding);
        self.findings.borrow_mut().push(finding);
    }

    fn flow(&self, root: &'a Node, file_name: &str) -> Option<Graph> {
        if !matches!(root.data, Data::Map(_)) {
            let message = format!("{file_name} holds a {}; a flow is a map", root.shape());
            self.find(Finding::error("CG0104", root.span, message));
            return None;
        }
        self.keys(root, keys::FLOW, keys::FLOW_LATER, "a flow");
        self.missing(root);
        self.format(root);
        let id = root.get("flow").and_then(|entry| self.id::<FlowId>(&entry.value));
        let version =
            root.get("version").and_then(|entry| entry.value.as_text()).unwrap_or_default();
        let input = root.get("input").map(|entry| self.ports(&entry.value)).unwrap_or_default();
        let (uses, canaries) = self.uses(root);
        let models = self.models(root);
        let triggers = self.triggers(root);
        let events = root.get("events").map(|entry| self.ports(&entry.value)).unwrap_or_default();
        let defaults = self.defaults(root);
        let state = self.channels(root);
        let durability = self.durability(root);
        let templates = self.templates(root);
        let nodes = root.get("nodes")?;
        let around = Around {
            uses: &uses,
            models: &models,
            events: &events,
            defaults: &defaults,
            channels: &state,
            templates: &templates,
            within_try: false,
            loops: 0,
            repeats: assets::Repeats::Not,
        };
        let draft = self.draft(&nodes.value, &around);
        let output = root.get("output").map(|entry| self.outputs(&entry.value)).unwrap_or_default();
        let (draft, output) = self.framed(root, (draft, output), &around);
        let names = typing::Outermost::new(&input, channels::state_type(&state), &self.hints);
        let order = self.order(&draft)?;
        let (scope, value) = self.type_scope(&draft, &order, &names, &output);
        if durability == Durability::None {
            self.unstored(&scope, &draft);
        }
        self.racing_writes(&scope, &draft, &state);
        self.assets_apart(&scope, &draft);
        let bound = self.bound(&scope, nodes.key_span);
        let output = output.into_iter().map(|(name, bound)| (name, bound.template)).collect();
        let hash = FlowHash::of(b"");
        let (id, root, plan) = (id?, scope, Default::default());
        let mut graph = Graph {
            id,
            version,
            hash,
            input,
            output,
            value,
            uses,
            models,
            canaries,
            triggers,
            durability,
            state,
            events,
            root,
            bound,
            plan,
        };
        graph.hash = canonical::hash(&graph);
        Some(graph)
    }

    /// Keys without which there is no flow.
    fn missing(&self, root: &Node) {
        let start = Span { len: 0, ..root.span };
        for key in ["cleargate", "flow", "nodes"] {
            if root.get(key).is_none() {
                let message = format!("the key `{key}` is missing");
                let help = match key {
                    "cleargate" => "begin the file with `cleargate: 1`",
                    "flow" => "name the flow: `flow: my_flow`",
                    _ => "a flow has at least one node under `nodes:`",
                };
                self.find(Finding::error("CG0102", start, message).help(help));
            }
        }
    }

    fn format(&self, root: &Node) {
        let Some(entry) = root.get("cleargate") else { return };
        match entry.value.data {
            Data::Scalar(Value::Int(FORMAT)) => {}
            Data::Scalar(Value::Int(other)) => {
                let message = format!(
                    "format {other} is not known; this version of ClearGate reads format {FORMAT}"
                );
                let help = "write `cleargate: 1`, or use a newer ClearGate";
                self.find(Finding::error("CG0106", entry.value.span, message).help(help));
            }
            _ => self.shape(&entry.value, "the number of the format: `cleargate: 1`"),
        }
    }

    fn shape(&self, node: &Node, wanted: &str) {
        let message = format!("expected {wanted}, found {}", node.shape());
        self.find(Finding::error("CG0104", node.span, message));
    }

    fn id<T: std::str::FromStr<Err = crate::address::NameError>>(&self, node: &Node) -> Option<T> {
        let text = node.as_text().unwrap_or_default();
        match text.parse() {
            Ok(id) => Some(id),
            Err(error) => {
                self.find(Finding::error("CG0105", node.span, error.to_string()));
                None
            }
        }
    }

    /// Keys that are not in `known`: typing errors, parts of the format that cannot be run yet, and `x-…`.
    fn keys(&self, map: &Node, known: &[&str], later: &[&str], what: &str) {
        self.keys_beside(map, known, later, what, |_| None);
    }

    /// As [`Self::keys`], where `place` says what stands elsewhere under such a key.
    fn keys_beside(
        &self,
        map: &Node,
        known: &[&str],
        later: &[&str],
        what: &str,
        place: impl Fn(&str) -> Option<String>,
    ) {
        for entry in map.entries() {
            let key = &*entry.key;
            if known.contains(&key) || key.starts_with("x-") || key == "<<" {
                continue;
            }
            if key == back::BACK
                && [keys::FORMS, keys::CASE].concat().iter().any(|k| known.contains(k))
            {
                self.refuse_back(map, entry);
                continue;
            }
            if later.contains(&key) {
                let message = format!(
                    "`{key}` is part of the format but this version of ClearGate cannot run it"
                );
                self.find(Finding::error("CG0103", entry.key_span, message));
                continue;
            }
            let near = || self.hints.near(key, known.iter().copied());
            let help = place(key)
                .or_else(|| foreign::ours(key, known))
                .or_else(near)
                .unwrap_or_else(|| {
                    format!(
                        "{what} has the keys {}; keys of your own begin with `x-`",
                        known.join(", ")
                    )
                });
            let message = format!("{what} has no key {key:?}");
            self.find(Finding::error("CG0101", entry.key_span, message).help(help));
        }
    }

    fn map<'n>(&self, node: &'n Node, what: &str) -> &'n [document::Entry] {
        match &node.data {
            Data::Map(entries) => entries,
            Data::Scalar(Value::Null) => &[],
            _ => {
                self.shape(node, what);
                &[]
            }
        }
    }

    fn defaults(&self, root: &Node) -> Defaults {
        let Some(entry) = root.get("defaults") else { return Defaults::default() };
        self.map(&entry.value, "a map");
        self.keys(&entry.value, &["timeout", "retry"], &[], "`defaults`");
        Defaults {
            timeout: entry.value.get("timeout").and_then(|e| self.duration(&e.value)),
            retry: entry.value.get("retry").map(|e| self.retries(&e.value)),
        }
    }

    /// A map of ports: `name: type`, or `name: { type: …, default: … }`.
    fn ports(&self, node: &Node) -> IndexMap<String, Field> {
        let mut ports = IndexMap::new();
        for entry in self.map(node, "a map of names to types") {
            if let Err(error) = entry.key.parse::<crate::address::NodeId>() {
                self.find(Finding::error("CG0105", entry.key_span, error.to_string()));
            }
            ports.insert(entry.key.to_string(), self.port(&entry.value));
        }
        ports
    }

    fn port(&self, node: &Node) -> Field {
        match Field::read(node) {
            Ok(field) => field,
            Err(errors) => {
                for (span, message) in errors {
                    self.find(Finding::error("CG0108", span, message));
                }
                Type::from(crate::types::Kind::Any).into()
            }
        }
    }
}

#[cfg(test)]
mod tests;
