//! `hooks:` of a node: what runs before and after it, when it fails, and at the end whichever it was.
//!
//! They are no construct of their own. A node with hooks is written out as the `try` that somebody would have written by
//! hand, so the graph shows it, and nothing else has to know of hooks.

use super::made::{behind, list, map, text, truth, written};
use super::{Checker, keys};
use crate::diagnostic::Finding;
use crate::document::Entry;

/// Keys of a node that say how it stands among its neighbours: those of the `try`.
pub(super) const AROUND: &[&str] = &["after", "join", "write", "doc"];

impl Checker<'_> {
    /// Finds nodes of two maps that come into one scope and have the same id.
    pub(super) fn twice(&self, first: &[Entry], then: &[Entry]) {
        for entry in then {
            if let Some(other) = first.iter().find(|other| other.key == entry.key) {
                let message = format!("`{}` is written twice: both stand in one scope", entry.key);
                let finding = Finding::error("CG0006", entry.key_span, message);
                self.find(finding.and(other.key_span, "first written here"));
            }
        }
    }

    /// The `try` that a node with hooks stands for; nothing when it has none.
    pub(super) fn hooked(&self, entry: &Entry) -> Option<Entry> {
        let hooks = entry.value.get("hooks")?;
        let what = "a map of `before`, `after`, `on_error` and `finally` to nodes";
        self.map(&hooks.value, what);
        self.keys(&hooks.value, keys::HOOKS, &[], "`hooks`");
        let span = hooks.value.span;
        let get = |hook: &str| hooks.value.get(hook).map(|entry| &entry.value);
        let nodes = |hook: &str| {
            get(hook).map_or(&[][..], |nodes| self.map(nodes, "a map of ids to nodes"))
        };
        for hook in nodes("before").iter().chain(nodes("after")) {
            if hook.key == entry.key {
                let message = format!("`{}` is the node itself; a hook needs another id", hook.key);
                self.find(Finding::error("CG0311", hook.key_span, message));
            }
        }
        self.twice(nodes("before"), nodes("after"));
        let (around, mut own): (Vec<Entry>, Vec<Entry>) = entry
            .value
            .entries()
            .iter()
            .filter(|own| &*own.key != "hooks")
            .cloned()
            .partition(|own| AROUND.contains(&&*own.key) || own.key.starts_with("x-"));
        let first = nodes("before").iter().map(|hook| text(&hook.key, span)).collect();
        own.push(written("after", list(first, span), span));
        let step = Entry { value: map(own, entry.value.span), ..entry.clone() };
        let then = nodes("after").iter().map(|hook| behind(hook, &[text(&entry.key, span)]));
        let body = nodes("before").iter().cloned().chain([step]).chain(then).collect();
        let mut tried = around;
        tried.push(written("try", map(body, entry.value.span), span));
        if let Some(nodes) = get("on_error") {
            let rethrow = written("rethrow", truth(true, span), span);
            let handler = vec![written("do", nodes.clone(), span), rethrow];
            tried.push(written("catch", list(vec![map(handler, span)], span), span));
        }
        tried.extend(get("finally").map(|nodes| written("finally", nodes.clone(), span)));
        tried.push(written("out", text(&format!("${{{}}}", entry.key), span), span));
        Some(Entry { value: map(tried, entry.value.span), ..entry.clone() })
    }
}
