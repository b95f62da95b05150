//! What a node gives a template is read where the node stands, and would mean something else inside a block of the template that
//! has a name of its own for it. That is found, not guessed around.

use std::collections::BTreeSet;

use super::{Checker, Given};
use crate::diagnostic::Finding;
use crate::document::Node;

/// Keys under which nodes stand by their ids.
const NODES: [&str; 7] = ["do", "try", "finally", "enter", "before", "after", "on_error"];

/// Names that a construct gives to what is inside it, by its key.
const GIVEN: [(&str, &[&str]); 6] = [
    ("map", &["index"]),
    ("loop", &["index"]),
    ("catch", &["error"]),
    ("on_unknown", &["attempt"]),
    ("where", &["event"]),
    ("machine", &["at", "ended", "index", "event", "step", "moved"]),
];

/// Finds what reads a name that the written-out node gives to something inside it.
pub(super) fn refuse(checker: &Checker<'_>, node: &Node, given: &[Given]) {
    let mut names = BTreeSet::new();
    gather(node, &mut names);
    for Given { name, bound, .. } in given {
        let mut read = bound.sites.iter().flat_map(|site| site.expr.references());
        if let Some(taken) = read.find(|reference| names.contains(&*reference.name)) {
            let message = format!(
                "`{}` means something else inside the template, so `{name}` would read the wrong one",
                taken.name
            );
            let help = "rename what is around the node, or what is inside the template";
            checker.find(Finding::error("CG0336", bound.span, message).help(help));
        }
    }
}

fn gather(node: &Node, names: &mut BTreeSet<String>) {
    let named = |key: &str| node.get(key).and_then(|entry| entry.value.as_str());
    if node.get("map").is_some() {
        names.insert(named("as").unwrap_or("item").to_owned());
    }
    for (_, own) in GIVEN.iter().filter(|(key, _)| node.get(key).is_some()) {
        names.extend(own.iter().map(|name| (*name).to_owned()));
    }
    for entry in node.entries() {
        if NODES.contains(&&*entry.key) || &*entry.key == "carry" {
            names.extend(entry.value.entries().iter().map(|own| own.key.to_string()));
        }
    }
    super::inner(node).for_each(|inner| gather(inner, names));
}
