//! What a run would ask of the world: which effects, at most how often, with which permissions, and what would be refused.

use cleargate_flow::expr::{Part, Template};
use cleargate_flow::grant::Grants;
use cleargate_flow::graph::{Leaf, NodeKind, Scope};
use cleargate_flow::signature::Effect;
use cleargate_gate::Target;
use cleargate_nodes::{FileRead, Http, ModelNode};
use serde::Serialize;

use crate::builtin::BUILT_IN;
use crate::flows::Flow;

/// One node that asks something of the world.
#[derive(Clone, Debug, Serialize)]
pub struct PlannedEffect {
    /// The node, as in the steps.
    pub path: String,
    /// `read`, `idempotent`, `once` or `compensable`.
    pub class: String,
    /// Executions in one run at most, without retries.
    pub most: u64,
    /// Attempts of one execution at most.
    pub attempts: u32,
    /// What it may reach: granted and asked for, one line each. Empty: nothing but what the host gives everybody.
    pub may: Vec<String>,
}

/// Something that would be refused.
#[derive(Clone, Debug, Serialize)]
pub struct Blocked {
    /// The node, as in the steps.
    pub path: String,
    /// What would be refused, and why.
    pub why: String,
    /// What would grant it.
    pub help: String,
}

/// What a flow and those inside it reach.
#[derive(Default)]
pub(super) struct Reach {
    pub effects: Vec<PlannedEffect>,
    pub blocked: Vec<Blocked>,
}

impl Reach {
    pub(super) fn add(&mut self, flow: &Flow, prefix: &str, times: u64) {
        self.scope(flow, &flow.graph().root, prefix, times);
    }

    fn scope(&mut self, flow: &Flow, scope: &Scope, prefix: &str, times: u64) {
        for node in &scope.nodes {
            let path = format!("{prefix}{}", node.id);
            if let NodeKind::Leaf(leaf) = &node.kind {
                self.leaf(flow, leaf, &path, times);
                if let Some(inner) = flow.catalog.flows.get(&leaf.uses) {
                    self.add(inner, &format!("{path}/"), times);
                }
            }
            let times = times.saturating_mul(repeats(&node.kind));
            for (_, inner) in node.scopes() {
                self.scope(flow, inner, &format!("{path}."), times);
            }
        }
    }

    fn leaf(&mut self, flow: &Flow, leaf: &Leaf, path: &str, most: u64) {
        self.missing(flow, leaf, path);
        if leaf.policy.effect == Effect::Pure || flow.catalog.flows.contains_key(&leaf.uses) {
            return;
        }
        let attempts = leaf.policy.retry.values().map(|retry| retry.max).max().unwrap_or(1);
        self.effects.push(PlannedEffect {
            path: path.to_owned(),
            class: format!("{:?}", leaf.policy.effect).to_lowercase(),
            most,
            attempts,
            may: may(flow, leaf),
        });
    }

    /// What nobody granted, and what a built-in node will certainly ask for.
    fn missing(&mut self, flow: &Flow, leaf: &Leaf, path: &str) {
        let mut refuse = |why: String, help: String| {
            self.blocked.push(Blocked { path: path.to_owned(), why, help });
        };
        for alias in aliases(flow, leaf) {
            let Some(plugin) = flow.plugins.iter().find(|plugin| plugin.alias == alias) else {
                continue;
            };
            if !plugin.missing.is_empty() {
                let help = format!(
                    "cleargate plugin install {}@={} --grant",
                    plugin.package, plugin.version
                );
                refuse(format!("`{alias}` is not granted {}", plugin.missing.join(", ")), help);
            }
        }
        let Some(needed) = surely(leaf) else { return };
        let missing = flow.catalog.builtin_grants.missing(&needed);
        if !missing.is_empty() {
            let lines = missing.lines().join(", ");
            let help =
                format!("grant it to the plugin `{BUILT_IN}` in grants.toml of the home folder");
            refuse(format!("built-in `{}` is not granted {lines}", leaf.uses), help);
        }
    }
}

/// Executions of a body for one of its block, at most.
pub(super) fn repeats(kind: &NodeKind) -> u64 {
    match kind {
        NodeKind::Map(map) => map.max.into(),
        NodeKind::Loop(looped) => looped.max.into(),
        _ => 1,
    }
}

/// Aliases of the plugins that a step uses: its own, those of its guards, and those behind its model.
fn aliases(flow: &Flow, leaf: &Leaf) -> Vec<String> {
    let own = leaf.uses.split('.').next().unwrap_or(&leaf.uses).to_owned();
    let mut found = vec![own];
    let guards = &leaf.guard;
    let chains = [&guards.before, &guards.after, &guards.tool_call, &guards.tool_result];
    found.extend(chains.into_iter().flatten().map(|part| part.alias.clone()));
    let model = leaf.config.get("model").and_then(|model| model.as_str());
    let model = model.filter(|_| leaf.uses == ModelNode::NAME);
    if let Some(model) = model.and_then(|name| flow.graph().models.get(name)) {
        let parts = [Some(&model.provider), model.cache.as_ref(), model.tokenizer.as_ref()];
        let chains = model.guard.before.iter().chain(&model.guard.after).chain(&model.filters);
        found.extend(parts.into_iter().flatten().chain(chains).map(|part| part.alias.clone()));
    }
    found
}

/// What a step may reach, through whatever stands behind it.
fn may(flow: &Flow, leaf: &Leaf) -> Vec<String> {
    let used = aliases(flow, leaf);
    let used = used.iter().filter_map(|alias| flow.catalog.peers.used(alias));
    let mut lines: Vec<String> = used.flat_map(|used| used.grants.lines()).collect();
    if leaf.uses == ModelNode::NAME {
        let model = leaf.config.get("model").and_then(|model| model.as_str()).unwrap_or_default();
        lines.insert(0, format!("model {model}"));
    }
    if [Http::NAME, FileRead::NAME].contains(&leaf.uses.as_str()) {
        let grants = &flow.catalog.builtin_grants;
        let own = match leaf.uses.as_str() {
            Http::NAME => Grants {
                http: grants.http.clone(),
                secrets: grants.secrets.clone(),
                ..Grants::default()
            },
            _ => Grants { files: grants.files.clone(), ..Grants::default() },
        };
        lines.extend(own.lines());
    }
    lines.sort();
    lines.dedup();
    lines
}

/// What a built-in node asks for whatever its input is: a host or a file that the flow writes out.
fn surely(leaf: &Leaf) -> Option<Grants> {
    match leaf.uses.as_str() {
        Http::NAME => {
            let url = start(leaf.with.get("url")?)?;
            let (scheme, rest) = url.split_once("://")?;
            // A host that goes on in an expression is not known yet.
            let (host, _) = rest.split_once(['/', '?'])?;
            let target = Target::parse(&format!("{scheme}://{host}/")).ok()?;
            Some(Grants { http: [target.pattern()].into(), ..Grants::default() })
        }
        FileRead::NAME => match leaf.with.get("path")? {
            Template::Literal(path) => {
                let file = path.as_str()?.parse().ok()?;
                Some(Grants { files: [file].into(), ..Grants::default() })
            }
            _ => None,
        },
        _ => None,
    }
}

/// The text that a template certainly begins with; all of one without expressions, closed by `/`.
fn start(template: &Template) -> Option<String> {
    match template {
        Template::Literal(text) => Some(format!("{}/", text.as_str()?)),
        Template::Text(parts) => match parts.first()? {
            Part::Text(text) => Some(text.clone()),
            Part::Expr(_) => None,
        },
        _ => None,
    }
}
