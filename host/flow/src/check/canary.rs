//! What aliases mean, and the versions of flows that some of them are split with.

use std::collections::BTreeMap;

use super::Checker;
use crate::diagnostic::Finding;
use crate::document::{Data, Entry, Node};
use crate::graph::Canary;

/// What the alias of a canary is called where aliases are resolved. No alias has such a name.
pub fn canary_of_alias(alias: &str) -> String {
    format!("{alias}@canary")
}

/// The same for the canary of a trigger.
pub fn canary_of_trigger(trigger: &str) -> String {
    format!("@trigger/{trigger}")
}

impl Checker<'_> {
    /// The key `use:`: references by alias, and canaries.
    pub(super) fn uses(&self, root: &Node) -> (BTreeMap<String, String>, BTreeMap<String, Canary>) {
        let (mut uses, mut canaries) = (BTreeMap::new(), BTreeMap::new());
        let Some(entry) = root.get("use") else { return (uses, canaries) };
        for alias in self.map(&entry.value, "a map of aliases to packages or files") {
            if let Some((reference, canary)) = self.reference(alias) {
                uses.insert(alias.key.to_string(), reference);
                canaries.extend(canary.map(|canary| (alias.key.to_string(), canary)));
            }
            if let Err(error) = alias.key.parse::<crate::address::NodeId>() {
                self.find(Finding::error("CG0105", alias.key_span, error.to_string()));
            }
            self.is_broken(&alias.key, &format!("`{}`", alias.key), &alias.value);
        }
        (uses, canaries)
    }

    /// Says where an alias is written that it cannot be used.
    pub(super) fn is_broken(&self, alias: &str, name: &str, at: &Node) {
        if let Some(why) = self.signatures.broken(alias) {
            let message = format!("{name} cannot be used: {why}");
            self.find(Finding::error("CG0302", at.span, message));
        }
    }

    /// A package or a file; or a file with the version that it is split with.
    fn reference(&self, alias: &Entry) -> Option<(String, Option<Canary>)> {
        let node = &alias.value;
        if !matches!(node.data, Data::Map(_)) {
            return match node.as_str() {
                Some(text) => Some((text.to_owned(), None)),
                None => {
                    self.shape(node, "a package or a file, such as `cleargate:pii-redactor@^1`");
                    None
                }
            };
        }
        self.keys(node, &["version", "canary"], &[], "an alias that is split");
        let (version, canary) = (node.get("version"), node.get("canary"));
        for (key, there) in [("version", version.is_some()), ("canary", canary.is_some())] {
            if !there {
                let message = format!("an alias that is split needs `{key}`");
                let help = "review: { version: ./review.yaml, canary: { version: ./next.yaml, weight: 10 } }";
                self.find(Finding::error("CG0102", node.span, message).help(help));
            }
        }
        let canary = canary.and_then(|canary| {
            let name = canary_of_alias(&alias.key);
            self.is_broken(&name, &format!("the canary of `{}`", alias.key), &canary.value);
            self.canary(&canary.value)
        });
        let version = self.flow_file(&version?.value)?;
        Some((version, canary))
    }

    /// `{ version: ./next.yaml, weight: 10 }`.
    pub(super) fn canary(&self, node: &Node) -> Option<Canary> {
        if !matches!(node.data, Data::Map(_)) {
            self.shape(node, "`{ version: ./next.yaml, weight: 10 }`");
            return None;
        }
        self.keys(node, &["version", "weight"], &[], "a canary");
        let get = |key: &str| {
            let entry = node.get(key).map(|entry| &entry.value);
            if entry.is_none() {
                let message = format!("a canary needs `{key}`");
                self.find(Finding::error("CG0102", node.span, message));
            }
            entry
        };
        let (version, weight) = (get("version"), get("weight"));
        let version = self.flow_file(version?)?;
        Some(Canary { version, weight: self.whole(weight?, 0..=100)? })
    }

    fn flow_file(&self, node: &Node) -> Option<String> {
        let is_flow = |text: &&str| text.ends_with(".yaml") || text.ends_with(".yml");
        let text = node.as_str().filter(is_flow);
        if text.is_none() {
            self.shape(node, "the file of a flow, such as `./review.yaml`");
        }
        text.map(str::to_owned)
    }
}
