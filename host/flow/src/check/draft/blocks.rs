//! Blocks as written: a switch, a map, a loop, branches, a try.

use indexmap::IndexMap;

use super::super::site::{Bound, Site};
use super::super::{Around, Checker, MAX_EXECUTIONS, keys, policy};
use super::{Draft, DraftKind, DraftSwitch, RESERVED};
use crate::address::NodeId;
use crate::diagnostic::{Finding, Span};
use crate::document::{Data, Node};
use crate::error::ErrorCode;
use crate::graph::{OnItemError, OnMax};
use crate::value::Value;

/// Branches of one block: each may hold a plugin instance.
pub const MAX_BRANCHES: usize = 64;

/// Loops in each other. Types of carried variables are found by looking at a body again, so depth costs.
pub const MAX_LOOP_DEPTH: u32 = 6;

/// Milliseconds that a `try` may clean up in when it is stopped and says nothing.
pub(in super::super) const DEFAULT_CLEANUP: u64 = 60_000;

/// Nodes inside a block, and what is read from their end.
#[derive(Debug)]
pub(in super::super) struct DraftBody {
    pub(in super::super) nodes: Draft,
    pub(in super::super) out: Option<Bound>,
    /// The fields of what is read from their end, when each is read by itself.
    pub(in super::super) each: Option<IndexMap<String, Bound>>,
}

impl DraftBody {
    /// The expressions that are read from their end.
    pub(in super::super) fn end(&self) -> impl Iterator<Item = &Site> {
        let each = self.each.iter().flat_map(IndexMap::values);
        self.out.iter().chain(each).flat_map(|bound| &bound.sites)
    }
}

#[derive(Debug)]
pub(in super::super) struct DraftCase {
    pub(in super::super) when: Option<Site>,
    pub(in super::super) weight: Option<u32>,
    pub(in super::super) to: Vec<(String, Span)>,
    pub(in super::super) body: Option<DraftBody>,
}

#[derive(Debug)]
pub(in super::super) struct DraftMap {
    pub(in super::super) over: Site,
    pub(in super::super) item: String,
    pub(in super::super) key: Option<Site>,
    pub(in super::super) concurrency: u32,
    pub(in super::super) max: u32,
    pub(in super::super) on_item_error: OnItemError,
    pub(in super::super) body: Draft,
    pub(in super::super) out: Bound,
}

#[derive(Debug)]
pub(in super::super) struct DraftLoop {
    pub(in super::super) max: u32,
    pub(in super::super) go_on: Option<Site>,
    pub(in super::super) until: Option<Site>,
    pub(in super::super) on_max: OnMax,
    pub(in super::super) carry: IndexMap<String, Bound>,
    pub(in super::super) next: IndexMap<String, (Span, Bound)>,
    pub(in super::super) body: DraftBody,
}

#[derive(Debug)]
pub(in super::super) struct DraftBranches {
    pub(in super::super) bodies: IndexMap<String, DraftBody>,
    pub(in super::super) on_branch_error: OnItemError,
}

#[derive(Debug)]
pub(in super::super) struct DraftTry {
    pub(in super::super) body: DraftBody,
    pub(in super::super) catch: Vec<DraftCatch>,
    pub(in super::super) finally: Option<Draft>,
    pub(in super::super) cleanup: u64,
    pub(in super::super) stands: bool,
}

#[derive(Debug)]
pub(in super::super) struct DraftCatch {
    pub(in super::super) code: Vec<ErrorCode>,
    pub(in super::super) body: DraftBody,
    pub(in super::super) rethrow: bool,
}

impl DraftKind {
    /// The scopes inside, by the number of the body.
    pub(in super::super) fn bodies(&self) -> Vec<(usize, &Draft)> {
        match self {
            Self::Leaf(_) | Self::Wait(_) | Self::Human(_) | Self::Emit(_) | Self::Broken => {
                Vec::new()
            }
            Self::Map(map) => vec![(0, &map.body)],
            Self::Loop(looped) => vec![(0, &looped.body.nodes)],
            Self::Switch(switch) => {
                let cases = switch.cases.iter().enumerate();
                cases.filter_map(|(at, case)| Some((at, &case.body.as_ref()?.nodes))).collect()
            }
            Self::Parallel(branches) | Self::Race(branches) => {
                branches.bodies.values().map(|body| &body.nodes).enumerate().collect()
            }
            Self::Try(guarded) => {
                let handlers = guarded.catch.iter().map(|catch| &catch.body.nodes);
                let all = std::iter::once(&guarded.body.nodes).chain(handlers);
                all.chain(&guarded.finally).enumerate().collect()
            }
        }
    }
}

impl Checker<'_> {
    pub(super) fn switch(&self, node: &Node, cases: &Node, around: &Around<'_>) -> DraftKind {
        self.keys(node, &[keys::NODE, keys::SWITCH].concat(), keys::NODE_LATER, "a `switch`");
        if ["weighted", "table"].iter().any(|form| cases.get(form).is_some()) {
            return self.switch_by(cases, around);
        }
        let Data::List(items) = &cases.data else {
            self.shape(cases, "a list of cases: `- when: …`, `to: …`");
            return DraftKind::Broken;
        };
        if items.is_empty() {
            self.find(Finding::error("CG0310", cases.span, "a `switch` needs at least one case"));
        }
        let last = items.len().saturating_sub(1);
        let cases = items.iter().enumerate();
        let cases = cases.map(|(at, item)| self.case(item, at == last, around)).collect();
        DraftKind::Switch(DraftSwitch { cases, table: None })
    }

    /// `when:` or `else:`, and then `to:` (which may stand behind `else:` itself) or `do:` with `out:`.
    fn case(&self, item: &Node, last: bool, around: &Around<'_>) -> DraftCase {
        self.map(item, "a case: `when: …` and `to: …`, or `else: …`");
        self.keys(item, keys::CASE, &[], "a case");
        let broken = |message: &str| self.find(Finding::error("CG0310", item.span, message));
        let get = |key: &str| item.get(key).map(|entry| &entry.value);
        let (when, otherwise) = (get("when"), get("else"));
        if otherwise.is_some() && !last {
            broken("`else` must be the last case: cases behind it are never taken");
        }
        if when.is_some() == otherwise.is_some() {
            broken("a case begins with `when` or with `else`");
        }
        let (to, body) = self.leads(item, otherwise, around);
        DraftCase { when: when.and_then(|when| self.bare(when)), weight: None, to, body }
    }

    /// Where a case leads: to nodes beside the switch, or into nodes of its own.
    pub(super) fn leads(
        &self,
        item: &Node,
        otherwise: Option<&Node>,
        around: &Around<'_>,
    ) -> (Vec<(String, Span)>, Option<DraftBody>) {
        let get = |key: &str| item.get(key).map(|entry| &entry.value);
        let (to, body) = (get("to"), get("do"));
        let behind_else = otherwise.filter(|node| !matches!(node.data, Data::Scalar(Value::Null)));
        let leads: Vec<&Node> = to.into_iter().chain(behind_else).collect();
        let broken = |span, message: &str| self.find(Finding::error("CG0310", span, message));
        if leads.len() + usize::from(body.is_some()) != 1 {
            broken(
                item.span,
                "a case leads to nodes beside the switch (`to`) or owns some (`do`): write one",
            );
        }
        if let (Some(out), None) = (get("out"), body) {
            broken(out.span, "`out` is the value of the nodes under `do`");
        }
        let to = leads.into_iter().flat_map(|names| self.names(names)).collect();
        (to, body.map(|body| self.body(body, item, around)))
    }

    pub(super) fn draft_map(&self, node: &Node, over: &Node, around: &Around<'_>) -> DraftKind {
        self.keys(node, &[keys::NODE, keys::MAP].concat(), keys::NODE_LATER, "a `map`");
        let get = |key: &str| node.get(key).map(|entry| &entry.value);
        let item = get("as").and_then(|name| self.given_name(name));
        let missing = |key: &str, help: &str| {
            let message = format!("a `map` needs the key `{key}`");
            self.find(Finding::error("CG0102", over.span, message).help(help));
        };
        let Some(body) = get("do") else {
            missing("do", "the nodes that run for each item: `do: { … }`");
            return DraftKind::Broken;
        };
        let repeats = around.repeats.again(get("key").is_some());
        let body = self.draft(body, &Around { repeats, ..*around });
        let Some(out) = get("out").map(|out| self.bound_value(out)) else {
            missing("out", "what one item becomes: `out: ${node.field}`");
            return DraftKind::Broken;
        };
        let most = u32::try_from(MAX_EXECUTIONS).unwrap_or(u32::MAX);
        let concurrency =
            get("concurrency").and_then(|n| self.whole(n, 1..=policy::MAX_CONCURRENCY));
        let max = get("max").and_then(|n| self.whole(n, 1..=most));
        let on_item_error = get("on_item_error").map(|n| self.on_item_error(n)).unwrap_or_default();
        let key = get("key").and_then(|key| self.bare(key));
        let Some(over) = self.bare(over) else { return DraftKind::Broken };
        DraftKind::Map(Box::new(DraftMap {
            over,
            key,
            item: item.unwrap_or_else(|| "item".to_owned()),
            concurrency: concurrency.unwrap_or(1),
            max: max.unwrap_or(policy::DEFAULT_MAP_MAX),
            on_item_error,
            body,
            out,
        }))
    }

    /// A name that a block gives to what is inside it.
    fn given_name(&self, node: &Node) -> Option<String> {
        let name: NodeId = self.id(node)?;
        if RESERVED.contains(&name.as_str()) {
            let message = format!("`{name}` means something else in expressions");
            self.find(Finding::error("CG0311", node.span, message));
        }
        Some(name.to_string())
    }

    /// The nodes of a body with the `out:` that stands beside them.
    fn body(&self, nodes: &Node, beside: &Node, around: &Around<'_>) -> DraftBody {
        let out = beside.get("out").map(|out| self.bound_value(&out.value));
        DraftBody { nodes: self.draft(nodes, around), out, each: None }
    }

    pub(super) fn draft_loop(&self, node: &Node, bounds: &Node, around: &Around<'_>) -> DraftKind {
        self.keys(node, &[keys::NODE, keys::LOOP].concat(), keys::NODE_LATER, "a `loop`");
        self.map(bounds, "bounds such as `{ max: 5, while: \"score < 0.8\" }`");
        self.keys(bounds, keys::LOOP_BOUNDS, &[], "`loop`");
        let missing = |span, message: &str, help: &str| {
            self.find(Finding::error("CG0102", span, message).help(help));
            DraftKind::Broken
        };
        if around.loops >= MAX_LOOP_DEPTH {
            let message =
                format!("loops are nested {} deep; at most {MAX_LOOP_DEPTH}", around.loops + 1);
            let finding = Finding::error("CG0307", bounds.span, message);
            self.find(finding.help("put the inner ones into a flow of their own, under `use:`"));
            return DraftKind::Broken;
        }
        let get = |key: &str| bounds.get(key).map(|entry| &entry.value);
        let Some(max) = get("max") else {
            let message = "a `loop` needs `max`: every loop has a bound";
            return missing(bounds.span, message, "write `loop: { max: 5 }`");
        };
        let Some(body) = node.get("do") else {
            let message = "a `loop` needs the key `do`";
            return missing(bounds.span, message, "the nodes of one iteration: `do: { … }`");
        };
        let most = u32::try_from(MAX_EXECUTIONS).unwrap_or(u32::MAX);
        let choices = [("stop", OnMax::Stop), ("fail", OnMax::Fail)];
        let carry = node.get("carry").map(|entry| self.carried(&entry.value)).unwrap_or_default();
        let next = node.get("next").map(|entry| &entry.value);
        let next =
            next.map(|next| self.map(next, "a map of carried variables to their next values"));
        let next = next
            .into_iter()
            .flatten()
            .map(|entry| (entry.key.to_string(), (entry.key_span, self.bound_value(&entry.value))));
        DraftKind::Loop(Box::new(DraftLoop {
            max: self.whole(max, 1..=most).unwrap_or(1),
            go_on: get("while").and_then(|condition| self.bare(condition)),
            until: get("until").and_then(|condition| self.bare(condition)),
            on_max: get("on_max").and_then(|n| self.choice(n, &choices)).unwrap_or_default(),
            carry,
            next: next.collect(),
            body: self.body(
                &body.value,
                node,
                &Around {
                    loops: around.loops + 1,
                    repeats: around.repeats.again(false),
                    ..*around
                },
            ),
        }))
    }

    fn carried(&self, node: &Node) -> IndexMap<String, Bound> {
        let mut carry = IndexMap::new();
        for entry in self.map(node, "a map of names to their first values") {
            if let Err(error) = entry.key.parse::<NodeId>() {
                self.find(Finding::error("CG0105", entry.key_span, error.to_string()));
            }
            if RESERVED.contains(&&*entry.key) {
                let message = format!("`{}` means something else in expressions", entry.key);
                self.find(Finding::error("CG0311", entry.key_span, message));
            }
            carry.insert(entry.key.to_string(), self.bound_value(&entry.value));
        }
        carry
    }

    /// `parallel` or `race`.
    pub(super) fn branches(
        &self,
        node: &Node,
        form: &str,
        branches: &Node,
        around: &Around<'_>,
    ) -> DraftKind {
        let parallel = form == "parallel";
        let own = if parallel { keys::PARALLEL } else { keys::RACE };
        self.keys(node, &[keys::NODE, own].concat(), keys::NODE_LATER, &format!("a `{form}`"));
        let entries = self.map(branches, "a map of names to branches: `a: { do: …, out: … }`");
        if !(2..=MAX_BRANCHES).contains(&entries.len()) {
            let message =
                format!("a `{form}` has 2 to {MAX_BRANCHES} branches, not {}", entries.len());
            let help = "the same for each item of a list is a `map`";
            self.find(Finding::error("CG0310", branches.span, message).help(help));
        }
        let mut bodies = IndexMap::new();
        for entry in entries {
            if let Err(error) = entry.key.parse::<NodeId>() {
                self.find(Finding::error("CG0105", entry.key_span, error.to_string()));
            }
            self.map(&entry.value, "a branch: `{ do: { … }, out: … }`");
            self.keys(&entry.value, keys::BRANCH, &[], "a branch");
            let Some(nodes) = entry.value.get("do") else {
                let finding =
                    Finding::error("CG0102", entry.key_span, "a branch needs the key `do`");
                self.find(finding.help("its nodes: `do: { … }`"));
                continue;
            };
            bodies.insert(entry.key.to_string(), self.body(&nodes.value, &entry.value, around));
        }
        let on_branch_error = node.get("on_branch_error").map(|n| self.on_item_error(&n.value));
        let branches =
            DraftBranches { bodies, on_branch_error: on_branch_error.unwrap_or_default() };
        if parallel { DraftKind::Parallel(branches) } else { DraftKind::Race(branches) }
    }

    pub(super) fn draft_try(&self, node: &Node, body: &Node, around: &Around<'_>) -> DraftKind {
        self.keys(node, &[keys::NODE, keys::TRY].concat(), keys::NODE_LATER, "a `try`");
        let get = |key: &str| node.get(key).map(|entry| &entry.value);
        let handlers = match get("catch") {
            None => &[],
            Some(Node { data: Data::List(items), .. }) => items.as_slice(),
            Some(one) => std::slice::from_ref(one),
        };
        let inside = Around { within_try: true, ..*around };
        DraftKind::Try(Box::new(DraftTry {
            body: self.body(body, node, &inside),
            catch: handlers.iter().filter_map(|handler| self.catch(handler, around)).collect(),
            finally: get("finally").map(|nodes| self.draft(nodes, around)),
            cleanup: get("cleanup").and_then(|n| self.duration(n)).unwrap_or(DEFAULT_CLEANUP),
            stands: false,
        }))
    }

    /// `{ code: [transient, timeout], do: …, out: … }`.
    fn catch(&self, handler: &Node, around: &Around<'_>) -> Option<DraftCatch> {
        self.map(handler, "a handler: `{ code: [timeout], do: { … }, out: … }`");
        self.keys(handler, keys::CATCH, &[], "a handler");
        let codes = handler.get("code").map(|entry| self.names(&entry.value)).unwrap_or_default();
        let code = codes.into_iter().filter_map(|(name, span)| match name.parse::<ErrorCode>() {
            Ok(code) => Some(code),
            Err(why) => {
                self.find(Finding::error("CG0107", span, why));
                None
            }
        });
        let Some(nodes) = handler.get("do") else {
            let finding = Finding::error("CG0102", handler.span, "a handler needs the key `do`");
            self.find(
                finding.help("what is done instead: `do: { … }`, and what comes of it: `out:`"),
            );
            return None;
        };
        let rethrow = handler.get("rethrow").and_then(|entry| self.truth(&entry.value));
        let rethrow = rethrow.unwrap_or_default();
        if let (true, Some(out)) = (rethrow, handler.get("out")) {
            let message = "`rethrow` lets the failure stand, so nothing ever reads `out`";
            self.find(Finding::error("CG0110", out.key_span, message).help("keep one of them"));
        }
        let body = self.body(&nodes.value, handler, around);
        Some(DraftCatch { code: code.collect(), body, rethrow })
    }
}
