//! Nodes that run programs: which interpreters a flow needs, and what they are linked with.
//!
//! A flow names a language and not the plugin that runs it: that plugin comes under an alias of its own, is locked as
//! every other one, and can be called by nothing but these nodes. What one of them may do is what the flow lists there; the
//! tools that it calls have the grants of their plugins, and hosts have to be granted to `built-in`.

use std::collections::BTreeMap;
use std::sync::Arc;

use cleargate_executor::{Binding, CallScope, CatalogError, Node};
use cleargate_flow::Value;
use cleargate_flow::document::{self, Node as Written};
use cleargate_flow::grant::{Grants, Service};
use cleargate_flow::graph::{Durability, Graph, Leaf};
use cleargate_flow::signature::{INTERPRETER, interpreter};
use cleargate_nodes::{Code, Program, TOOL_CALLS};
use cleargate_runtime::Living;
use cleargate_runtime::node::{living, node};

use crate::flows::FlowCatalog;
use crate::sandbox::Language;
use crate::sessions::SessionStep;

/// What the interpreter of a language is linked with in one flow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Linked {
    tools: bool,
    network: bool,
}

impl Linked {
    /// The interfaces that are there; what each node may ask of them is its own.
    pub(crate) fn grants(self) -> Grants {
        let everything = |wanted: bool| wanted.then(|| "*".parse().expect("a star is a label"));
        let anywhere = self.network.then(|| "*".parse().expect("a star is any host"));
        Grants {
            tools: everything(self.tools).into_iter().collect(),
            http: anywhere.into_iter().collect(),
            services: Service::ALL.into_iter().collect(),
            ..Grants::default()
        }
    }
}

/// The interpreters that a flow needs, by their aliases.
pub(crate) fn interpreters(text: &str) -> BTreeMap<String, (Language, Linked)> {
    let mut found = BTreeMap::new();
    if let (Some(root), _) = document::read(text) {
        let templates = root.get("templates").map(|entry| entry.value.entries());
        for template in templates.unwrap_or_default() {
            program(&template.value, &mut found);
        }
        look(&root, &mut found);
    }
    found
}

fn look(node: &Written, found: &mut BTreeMap<String, (Language, Linked)>) {
    let types = node.get("type").and_then(|entry| entry.value.as_str());
    if types == Some(Program::NAME) || (types.is_none() && node.get("extends").is_some()) {
        program(node, found);
    }
    node.children().for_each(|child| look(child, found));
}

/// A node that runs a program, or what one is written out of.
fn program(node: &Written, found: &mut BTreeMap<String, (Language, Linked)>) {
    let linked = Linked {
        tools: node.get("tools").is_some(),
        network: node.get("network").is_some_and(|entry| entry.value.as_str() != Some("none")),
    };
    let lang = node.get("lang").and_then(|entry| entry.value.as_str());
    let Some((lang, Ok(language))) = lang.map(|lang| (lang, lang.parse::<Language>())) else {
        return;
    };
    let (_, known) = found.entry(interpreter(lang)).or_insert((language, Linked::default()));
    known.tools |= linked.tools;
    known.network |= linked.network;
}

/// Whether an alias is that of an interpreter: no flow can write such a one.
pub(crate) fn is_interpreter(alias: &str) -> bool {
    alias.starts_with(INTERPRETER)
}

impl FlowCatalog {
    /// Which bytes run the program of a leaf.
    pub(crate) fn interpreter_of(&self, leaf: &Leaf) -> String {
        let lang = leaf.config.get("lang").and_then(Value::as_str).unwrap_or_default();
        let used = self.peers.used(&interpreter(lang));
        used.map(|used| used.pin.digest.to_string()).unwrap_or_default()
    }

    /// What runs the program of a leaf.
    pub(crate) fn code(&self, leaf: &Leaf, graph: &Graph) -> Result<Binding, CatalogError> {
        let binding = self.code_in(leaf, None)?;
        let Some(session) = leaf.config.get("session").and_then(Value::as_str) else {
            return Ok(binding);
        };
        if graph.durability == Durability::None {
            let why =
                "a session follows from the journal, which `durability: none` writes too late";
            return Err(CatalogError::Config { uses: leaf.uses.clone(), why: why.into() });
        }
        let (graph, session) = (Arc::new(graph.clone()), session.to_owned());
        let step = SessionStep { catalog: self.clone(), graph, leaf: leaf.clone(), session };
        Ok(Binding { node: Arc::new(step), ..binding })
    }

    /// The same in an instance that lives on, or in one of its own.
    pub(crate) fn code_in(
        &self,
        leaf: &Leaf,
        place: Option<Arc<Living>>,
    ) -> Result<Binding, CatalogError> {
        let config = |why: String| CatalogError::Config { uses: leaf.uses.clone(), why };
        let program = Program::new(&leaf.config, &self.files).map_err(config)?;
        let alias = interpreter(program.lang());
        let mut limits = leaf.policy.limits;
        limits.tool_calls.get_or_insert(TOOL_CALLS);
        let peers = self.peers.clone().around(&leaf.guard, limits);
        let unknown = || config(format!("the flow has no interpreter for `{}`", program.lang()));
        let used = peers.used(&alias).ok_or_else(unknown)?;
        let run = used.described.iter().find(|described| described.id == "run");
        let run = run.ok_or_else(unknown)?;
        if place.is_some() && used.plugin.is_elsewhere() {
            return Err(CatalogError::Denied {
                uses: leaf.uses.clone(),
                why: format!("a session lives in this process, and {} is executed in another", used.pin.package),
                help: Some("leave it out of `plugins` of `[sandbox]` in cleargate.toml, or write no `session:`".into()),
            });
        }
        let run: Arc<dyn Node> = match place {
            Some(place) => living(&used.plugin, run, place),
            None => node(&used.plugin, run),
        };
        let scope = CallScope {
            grants: Arc::new(program.grants(&self.builtin_grants)),
            name: alias,
            limits: peers.limits(used.manifest.limits),
            folder: None,
            peers: program.calls_tools().then(|| Arc::new(peers.clone()) as _),
        };
        Ok(Binding { node: Arc::new(Code { program, run, scope: scope.clone() }), scope })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flow_needs_the_interpreters_of_its_programs_and_no_others() {
        let text = "cleargate: 1\nflow: f\ntemplates:\n  t: { lang: js, network: [a.example] }\nnodes:\n  \
                    a: { type: code, lang: python, source: x }\n  m:\n    map: [1]\n    as: i\n    do:\n      \
                    b: { type: code, lang: python, source: y, tools: [m.e] }\n  c: { extends: t, type: code, source: z }\n  \
                    d: { type: transform, with: { lang: cobol } }\n";
        let found = interpreters(text);
        let linked = |alias: &str| found[alias].1;
        assert_eq!(found.keys().collect::<Vec<_>>(), ["code-js", "code-python"]);
        assert_eq!(linked("code-js"), Linked { tools: false, network: true });
        assert_eq!(linked("code-python"), Linked { tools: true, network: false });
        let other = text.replace("type: code", "type: template").replace("extends: t, ", "");
        assert_eq!(interpreters(&other).keys().collect::<Vec<_>>(), ["code-js"], "of the template");
        let grants = Linked { tools: true, network: false }.grants();
        assert_eq!((grants.tools.len(), grants.http.len()), (1, 0));
    }
}
