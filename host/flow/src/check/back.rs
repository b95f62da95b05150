//! `back:` — a way back to a node that has run. There is none, and who asks for one is shown the loop to write.
//!
//! A node has one result at one place for ever: that is what replay, fork, diff and the end of a join rest on. A node that runs
//! again has to have another place, and a place needs a number; the number is that of an iteration, and what is numbered
//! is the body of a `loop`. So a marked way back would be a loop whose body nobody can see.

use super::Checker;
use crate::diagnostic::{Finding, short};
use crate::document::{Data, Entry, Node};
use crate::value::Value;

/// The key.
pub(super) const BACK: &str = "back";

impl Checker<'_> {
    /// Shows the loop that a way back would be; `around` is the node or the case that it stands in.
    pub(super) fn refuse_back(&self, around: &Node, back: &Entry) {
        let text = |node: &Node, key: &str| {
            node.get(key).and_then(|entry| entry.value.as_text()).map(|text| short(&text))
        };
        let max = match &back.value.data {
            Data::Scalar(Value::Int(max)) => Some(max.to_string()),
            _ => text(&back.value, "max"),
        };
        let max = max.unwrap_or_else(|| "5".into());
        let go_on =
            text(around, "when").map_or(String::new(), |when| format!(", while: \"{when}\""));
        let from = text(around, "to").or_else(|| text(&back.value, "to"));
        let nodes = from.map_or_else(
            || "what runs again".to_owned(),
            |from| format!("the nodes from `{from}` up to here"),
        );
        let help = format!(
            "write `loop: {{ max: {max}{go_on} }}` with {nodes} under `do:`, and what they hand on under `carry:` and \
             `next:`; where ways lead to several places, write a `machine:`"
        );
        let message = "a flow has no way back: what runs again is the body of a loop";
        self.find(Finding::error("CG0337", back.key_span, message).help(help));
    }
}
