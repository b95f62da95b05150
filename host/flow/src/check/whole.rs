//! What holds for the whole of a flow: its `hooks:`, its `deadline:` and its `idle:`.
//!
//! They are no construct of their own. The nodes of such a flow are what a `try` tries whose name is `output`; with hooks, that is
//! a step of another one, called `flow`, with what runs before and after it. So a flow may be cut off, crash and be cancelled
//! wherever a block may, and nothing else has to know.

use indexmap::IndexMap;

use super::draft::{DEFAULT_CLEANUP, Draft, DraftBody, DraftCatch, DraftKind, DraftNode, DraftTry};
use super::made::text;
use super::site::Bound;
use super::{Around, Checker, keys};
use crate::diagnostic::{Finding, Span};
use crate::document::{Entry, Node};

/// The node that is the work of the flow: hooks that run after it read it.
const OUTPUT: &str = "output";

/// The node around it and its hooks.
const FLOW: &str = "flow";

/// The nodes of a flow, and what is read from their end.
pub(super) type Whole = (Draft, IndexMap<String, Bound>);

impl Checker<'_> {
    /// A flow with what holds for all of it.
    pub(super) fn framed(&self, root: &Node, whole: Whole, around: &Around<'_>) -> Whole {
        let hooks = root.get("hooks");
        let bounds = ["deadline", "idle"].into_iter().find_map(|key| root.get(key));
        let Some(first) = hooks.or(bounds) else { return whole };
        let span = first.key_span;
        let (nodes, output) = whole;
        let fields: Vec<(String, Span)> =
            output.iter().map(|(name, bound)| (name.clone(), bound.span)).collect();
        let body = DraftBody { nodes, out: None, each: Some(output) };
        let kind = DraftKind::Try(Box::new(tries(body, Vec::new(), None)));
        let mut node = DraftNode::made(OUTPUT, span, kind);
        node.times = self.times(root, &node.kind);
        let mut read = OUTPUT;
        if let Some(hooks) = hooks {
            (node, read) = (self.with_hooks(hooks, node, around), FLOW);
        }
        let read = |(name, span): (String, Span)| {
            let value = self.bound_value(&text(&format!("${{{read}.{name}}}"), span));
            (name, value)
        };
        (Draft { nodes: vec![node] }, fields.into_iter().map(read).collect())
    }

    fn with_hooks(&self, hooks: &Entry, mut output: DraftNode, around: &Around<'_>) -> DraftNode {
        let what = "a map of `before`, `after`, `on_error` and `finally` to nodes";
        self.map(&hooks.value, what);
        self.keys(&hooks.value, keys::HOOKS, &[], "`hooks`");
        let get = |hook: &str| hooks.value.get(hook).map(|entry| &entry.value);
        let ids = |hook: &str| get(hook).map_or(&[][..], |nodes| nodes.entries());
        for hook in ids("before").iter().chain(ids("after")).filter(|hook| &*hook.key == OUTPUT) {
            let message = format!("`{OUTPUT}` is what the flow gives; a hook needs another id");
            self.find(Finding::error("CG0311", hook.key_span, message));
        }
        self.twice(ids("before"), ids("after"));
        let drafts = |hook: &str| get(hook).map(|nodes| self.draft(nodes, around));
        let nodes = |hook: &str| drafts(hook).map(|draft| draft.nodes).unwrap_or_default();
        let (span, mut all, mut then) = (hooks.key_span, nodes("before"), nodes("after"));
        for hooks in [&mut all, &mut then] {
            hooks.retain(|hook| hook.id.as_str() != OUTPUT);
        }
        output.after = all.iter().map(|hook| (hook.id.to_string(), span)).collect();
        then.iter_mut().for_each(|hook| hook.after.push((OUTPUT.into(), span)));
        all.push(output);
        all.extend(then);
        let out = self.bound_value(&text(&format!("${{{OUTPUT}}}"), span));
        let body = DraftBody { nodes: Draft { nodes: all }, out: Some(out), each: None };
        let handler = drafts("on_error").map(|nodes| DraftCatch {
            code: Vec::new(),
            body: DraftBody { nodes, out: None, each: None },
            rethrow: true,
        });
        let tried = tries(body, handler.into_iter().collect(), drafts("finally"));
        DraftNode::made(FLOW, span, DraftKind::Try(Box::new(tried)))
    }
}

/// A `try` whose steps stand when it fails: it says nothing of what was done before.
fn tries(body: DraftBody, catch: Vec<DraftCatch>, finally: Option<Draft>) -> DraftTry {
    DraftTry { body, catch, finally, cleanup: DEFAULT_CLEANUP, stands: true }
}
