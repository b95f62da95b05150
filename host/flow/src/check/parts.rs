//! Models, triggers, and the chains around steps: which plugin plays which part, with which configuration.

use std::collections::BTreeMap;

use super::{Checker, keys};
use crate::diagnostic::{Finding, Span};
use crate::document::{Data, Node};
use crate::graph::{Guards, Model, PartUse, Trigger};
use crate::limits::Unit;
use crate::signature::{PluginKind, Signature};
use crate::types::validate_fields;
use crate::value::Value;

/// Guards or filters of one chain: each is a sandboxed call for the same content.
pub const MAX_CHAIN: usize = 16;

/// Triggers of a flow: each is asked again and again by whoever listens.
pub const MAX_TRIGGERS: usize = 16;

/// Milliseconds between two questions to a trigger that had nothing new, when the flow says nothing.
const EVERY: u64 = 10_000;

/// Keys of a model in the long form.
const MODEL: &[&str] =
    &["use", "config", "guard", "filters", "cache", "cache_ttl", "tokenizer", "max_input"];

impl Checker<'_> {
    /// The key `models:` of a flow.
    pub(super) fn models(&self, root: &Node) -> BTreeMap<String, Model> {
        let Some(entry) = root.get("models") else { return BTreeMap::new() };
        let mut models = BTreeMap::new();
        for model in self.map(&entry.value, "a map of names to `alias/model`") {
            if let Err(error) = model.key.parse::<crate::address::NodeId>() {
                self.find(Finding::error("CG0105", model.key_span, error.to_string()));
            }
            models.extend(self.model(&model.value).map(|read| (model.key.to_string(), read)));
        }
        models
    }

    fn model(&self, node: &Node) -> Option<Model> {
        let reference = match &node.data {
            Data::Map(_) => {
                self.keys(node, MODEL, &[], "a model");
                let Some(reference) = node.get("use") else {
                    let message = "a model needs `use`: the alias of a provider, as `alias/model`";
                    self.find(Finding::error("CG0102", node.span, message));
                    return None;
                };
                &reference.value
            }
            _ => node,
        };
        let Some(text) = reference.as_str() else {
            self.shape(reference, "`alias/model`, or a map with `use`");
            return None;
        };
        let (alias, model) = text.split_once('/').unwrap_or((text, ""));
        let get = |key: &str| node.get(key).map(|entry| &entry.value);
        let config =
            self.part_config(alias, PluginKind::Provider, reference.span, get("config"))?;
        let part = |key: &str, kind| get(key).and_then(|node| self.part(node, kind));
        Some(Model {
            provider: PartUse { alias: alias.into(), config },
            model: model.into(),
            guard: get("guard")
                .map(|node| self.guards(node, &["before", "after"]))
                .unwrap_or_default(),
            filters: get("filters")
                .map(|node| self.chain(node, PluginKind::Filter))
                .unwrap_or_default(),
            cache: part("cache", PluginKind::Cache),
            cache_ttl: get("cache_ttl").and_then(|node| self.duration(node)),
            tokenizer: part("tokenizer", PluginKind::Tokenizer),
            max_input: get("max_input").and_then(|node| self.unit(node, Unit::Count)),
        })
    }

    /// The key `triggers:` of a flow.
    pub(super) fn triggers(&self, root: &Node) -> BTreeMap<String, Trigger> {
        let Some(entry) = root.get("triggers") else { return BTreeMap::new() };
        let entries = self.map(&entry.value, "a map of names to `{ use: alias }`");
        if entries.len() > MAX_TRIGGERS {
            let message =
                format!("a flow has at most {MAX_TRIGGERS} triggers, this one {}", entries.len());
            self.find(Finding::error("CG0109", entry.key_span, message));
        }
        let mut triggers = BTreeMap::new();
        for trigger in entries.iter().take(MAX_TRIGGERS) {
            if let Err(error) = trigger.key.parse::<crate::address::NodeId>() {
                self.find(Finding::error("CG0105", trigger.key_span, error.to_string()));
            }
            if let Some(canary) = trigger.value.get("canary") {
                let name = super::canary_of_trigger(&trigger.key);
                self.is_broken(&name, &format!("the canary of `{}`", trigger.key), &canary.value);
            }
            triggers
                .extend(self.trigger(&trigger.value).map(|read| (trigger.key.to_string(), read)));
        }
        triggers
    }

    fn trigger(&self, node: &Node) -> Option<Trigger> {
        if !matches!(node.data, Data::Map(_)) {
            self.shape(node, "a trigger: `{ use: alias }`");
            return None;
        }
        self.keys(node, &["use", "config", "every", "canary"], &[], "a trigger");
        let get = |key: &str| node.get(key).map(|entry| &entry.value);
        let Some(alias) = get("use") else {
            let message = "a trigger needs `use`: the alias of a plugin that brings events";
            self.find(Finding::error("CG0102", node.span, message));
            return None;
        };
        let Some(name) = alias.as_str() else {
            self.shape(alias, "an alias of `use:`");
            return None;
        };
        let every = get("every").map_or(Some(EVERY), |every| self.duration(every));
        let config = self.part_config(name, PluginKind::Trigger, alias.span, get("config"))?;
        let canary = get("canary").and_then(|canary| self.canary(canary));
        Some(Trigger { part: PartUse { alias: name.into(), config }, every: every?, canary })
    }

    /// The key `guard:` of a node that is performed.
    pub(super) fn leaf_guards(&self, node: &Node) -> Guards {
        let guard = node.get("guard").map(|entry| &entry.value);
        guard.map(|guard| self.guards(guard, keys::GUARD)).unwrap_or_default()
    }

    fn guards(&self, node: &Node, known: &[&str]) -> Guards {
        self.map(node, "a map such as `{ before: [alias], after: [alias] }`");
        self.keys(node, known, &[], "`guard`");
        let chain = |key: &str| {
            let chain = node.get(key).map(|entry| self.chain(&entry.value, PluginKind::Guardrail));
            chain.unwrap_or_default()
        };
        Guards {
            before: chain("before"),
            after: chain("after"),
            tool_call: chain("tool_call"),
            tool_result: chain("tool_result"),
        }
    }

    /// One part, or a list of them, in the order in which they see the content.
    fn chain(&self, node: &Node, kind: PluginKind) -> Vec<PartUse> {
        let items = match &node.data {
            Data::List(items) => items.as_slice(),
            _ => std::slice::from_ref(node),
        };
        if items.len() > MAX_CHAIN {
            let message =
                format!("a chain has at most {MAX_CHAIN} links, this one {}", items.len());
            self.find(Finding::error("CG0109", node.span, message));
            return Vec::new();
        }
        items.iter().filter_map(|item| self.part(item, kind)).collect()
    }

    /// An alias, or `{ use: alias, config: { … } }`.
    fn part(&self, node: &Node, kind: PluginKind) -> Option<PartUse> {
        let (alias, config) = match &node.data {
            Data::Map(_) => {
                self.keys(node, &["use", "config"], &[], "a link of a chain");
                let get = |key: &str| node.get(key).map(|entry| &entry.value);
                (get("use"), get("config"))
            }
            _ => (Some(node), None),
        };
        let Some((at, alias)) = alias.and_then(|node| Some((node.span, node.as_str()?))) else {
            self.shape(node, "an alias of `use:`, or `{ use: alias, config: { … } }`");
            return None;
        };
        let config = self.part_config(alias, kind, at, config)?;
        Some(PartUse { alias: alias.into(), config })
    }

    /// The configuration of a part with its defaults, when the alias plays the part.
    fn part_config(
        &self,
        alias: &str,
        kind: PluginKind,
        at: Span,
        config: Option<&Node>,
    ) -> Option<Value> {
        let fields = match self.signatures.part(alias, kind) {
            Ok(fields) => fields,
            // Said where the alias is written, under `use:`.
            Err(_) if self.signatures.broken(alias).is_some() => return None,
            Err(why) => {
                self.find(Finding::error("CG0302", at, why));
                return None;
            }
        };
        let written = config.map_or_else(Value::empty, Node::to_value);
        if let Some(config) = config.filter(|_| written.as_map().is_none()) {
            self.shape(config, "a map");
            return None;
        }
        let Some(fields) = fields else { return Some(written) };
        match validate_fields(&written, &fields) {
            Ok(full) => {
                let set = full.as_map().into_iter().flatten().filter(|(_, v)| !v.is_null());
                Some(Value::record(set.map(|(k, v)| (k.clone(), v.clone()))))
            }
            Err(mismatch) => {
                let key = mismatch.pointer.trim_start_matches('/').replace('/', ".");
                let place = if key.is_empty() { String::new() } else { format!(" `{key}`") };
                let message = format!("configuration{place} of `{alias}`: {}", mismatch.why);
                self.find(Finding::error("CG0206", config.map_or(at, |node| node.span), message));
                None
            }
        }
    }

    /// A node that asks a model names one of the flow.
    pub(super) fn names_a_model(
        &self,
        signature: &Signature,
        node: &Node,
        models: &BTreeMap<String, Model>,
    ) {
        let Some(entry) = signature.model_key.and_then(|key| node.get(key)) else { return };
        let Some(name) = entry.value.as_str().filter(|name| !models.contains_key(*name)) else {
            return;
        };
        let message = format!("there is no model `{name}` under `models:`");
        let near = self.hints.near(name, models.keys().map(String::as_str));
        let help = near.unwrap_or_else(|| {
            format!(
                "name it there: `models: {{ {name}: alias/model }}`, with the alias of a provider"
            )
        });
        self.find(Finding::error("CG0313", entry.value.span, message).help(help));
    }
}
