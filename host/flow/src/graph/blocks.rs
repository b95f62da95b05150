//! Blocks: nodes that own bodies. Every fork has its one matching join, the block itself, so that nested parallelism is
//! right by construction.
//!
//! A body is addressed by a number in its block: the item of a map, the iteration of a loop, the case of a switch, the
//! branch of a `parallel` or a `race`; for a `try` see [`Try::scopes`].

use std::sync::Arc;

use indexmap::IndexMap;
use serde::Serialize;

use super::{Emit, Human, Leaf, Scope, Wait};
use crate::address::NodeId;
use crate::error::ErrorCode;
use crate::expr::{Expr, Template};

/// The id of the node that undoes another: `book[0].seat[0].compensate`.
pub const COMPENSATE: &str = "compensate";

/// The id of the node that finds out whether an attempt of another happened: `pay[2].verify` for the second.
pub const VERIFY: &str = "verify";

/// The name of an item's key in the body of a map that has keys.
pub const KEY: &str = "key";

/// Bytes of the key of an item: people read it, and it is a part of names.
pub const MAX_KEY_BYTES: usize = 256;

/// The number of its scope: behind that of what undoes the node. An address names it by the number of the attempt.
pub const VERIFIES: usize = 1;

/// What a node is.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum NodeKind {
    /// Performed by a node type: a built-in, a plugin, a sub-flow.
    /// Shared with the attempts of each run.
    Leaf(Arc<Leaf>),
    /// Chooses the first case whose `when` is true. When no case has a body, its value is the record
    /// `{ case: <int> }`; else it is the `out` of the case that was taken.
    Switch {
        /// In order. The last may have no `when`: `else`.
        cases: Vec<Case>,
    },
    /// Runs a body for each item. Its value is the list of `out`, ordered by index.
    Map(Box<Map>),
    /// Runs a body again and again, with variables that it carries from one iteration to the next.
    Loop(Box<Loop>),
    /// Runs all branches at once. Its value is the record of their `out`.
    Parallel(Box<Branches>),
    /// Runs all branches at once. Its value is the `out` of the first that succeeds; the others are cancelled.
    Race(Box<Branches>),
    /// Runs a body, and says what happens when it fails.
    Try(Box<Try>),
    /// Waits for a moment or an event.
    Wait(Box<Wait>),
    /// Asks people.
    Human(Box<Human>),
    /// Tells a run of an event.
    Emit(Box<Emit>),
}

impl NodeKind {
    /// The scopes inside it, with the index by which an address names them. What runs several times is here once.
    pub fn scopes(&self) -> Vec<(usize, &Scope)> {
        match self {
            Self::Leaf(_) | Self::Wait(_) | Self::Human(_) | Self::Emit(_) => Vec::new(),
            Self::Map(map) => vec![(0, &map.body)],
            Self::Loop(looped) => vec![(0, &looped.body.nodes)],
            Self::Switch { cases } => {
                let bodies = cases.iter().enumerate();
                bodies.filter_map(|(at, case)| Some((at, &case.body.as_ref()?.nodes))).collect()
            }
            Self::Parallel(branches) | Self::Race(branches) => {
                branches.bodies.values().map(|body| &body.nodes).enumerate().collect()
            }
            Self::Try(guarded) => guarded.scopes(),
        }
    }
}

impl NodeKind {
    /// One of [`Self::scopes`].
    pub(super) fn scope(&self, index: usize) -> Option<&Scope> {
        match self {
            Self::Leaf(_) | Self::Wait(_) | Self::Human(_) | Self::Emit(_) => None,
            Self::Map(map) => Some(&map.body),
            Self::Loop(looped) => Some(&looped.body.nodes),
            Self::Switch { cases } => Some(&cases.get(index)?.body.as_ref()?.nodes),
            Self::Parallel(branches) | Self::Race(branches) => {
                branches.bodies.get_index(index).map(|(_, body)| &body.nodes)
            }
            Self::Try(guarded) => match index {
                0 => Some(&guarded.body.nodes),
                _ if index == guarded.finally_index() => guarded.finally.as_ref(),
                _ => guarded.catch.get(index - 1).map(|catch| &catch.body.nodes),
            },
        }
    }
}

/// Nodes inside a block, with the value that they give it.
#[derive(Clone, Debug, Serialize)]
pub struct Body {
    /// The nodes.
    pub nodes: Scope,
    /// What is read from their end; absent: `null`.
    pub out: Option<Template>,
    /// `out` is a record whose fields are read one by one, as the output of a flow: one that speaks of a node that was
    /// skipped is `null`, and the others are what they are.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub each: bool,
}

/// One case of a switch.
#[derive(Clone, Debug, Serialize)]
pub struct Case {
    /// Absent for `else`.
    pub when: Option<Expr>,
    /// How often it is taken, beside the weights of the other cases: then no case has a `when`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weight: Option<u32>,
    /// Nodes of the same scope that it leads to.
    pub to: Vec<NodeId>,
    /// Nodes of its own, instead.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body: Option<Body>,
}

/// A body that runs once for each item of a list.
#[derive(Clone, Debug, Serialize)]
pub struct Map {
    /// The list.
    pub over: Expr,
    /// Name of the item in the body. `index` is always there too.
    pub item: String,
    /// What tells the items apart, read for each item before the first body starts: then the value is a map from it to
    /// `out`, and the body sees it as [`KEY`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<Expr>,
    /// Bodies at the same time.
    pub concurrency: u32,
    /// Items that the list may have: more fail the node with `limit`.
    pub max: u32,
    /// What a failed item does.
    pub on_item_error: OnItemError,
    /// The nodes of the body.
    pub body: Scope,
    /// The value of one item.
    pub out: Template,
}

/// What a failed item of a map, or a failed branch, does.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, serde::Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum OnItemError {
    /// The block fails with the first failure that was recorded; siblings are cancelled.
    #[default]
    Fail,
    /// The item's value is the record `{ error: { code, message } }`.
    Collect,
    /// The item is left out; a branch is `null`.
    Skip,
}

/// A body that runs until it is told to stop. Iterations follow each other.
#[derive(Clone, Debug, Serialize)]
pub struct Loop {
    /// Iterations at most.
    pub max: u32,
    /// Asked before each iteration, with the carried variables.
    #[serde(rename = "while", skip_serializing_if = "Option::is_none")]
    pub go_on: Option<Expr>,
    /// Asked after each iteration, with the carried variables as they are then, and the nodes of the iteration.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<Expr>,
    /// What to do when `max` is reached and the condition would go on.
    pub on_max: OnMax,
    /// Variables with their first values. `index`, the number of iterations before this one, is always there too.
    pub carry: IndexMap<String, Template>,
    /// Their next values, read at the end of an iteration. A variable that is not here keeps its value.
    pub next: IndexMap<String, Template>,
    /// The nodes, and what is read from the end of the last iteration, with the carried variables as they are then.
    pub body: Body,
}

/// What a loop does that may not go on and would.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum OnMax {
    /// It ends well, with what it has.
    #[default]
    Stop,
    /// It fails with `limit`.
    Fail,
}

/// Named bodies that run side by side.
#[derive(Clone, Debug, Serialize)]
pub struct Branches {
    /// In the order of the file.
    pub bodies: IndexMap<String, Body>,
    /// What a failed branch of a `parallel` does. A race only ends when no branch is left.
    pub on_branch_error: OnItemError,
}

/// A body whose failure is handled.
#[derive(Clone, Debug, Serialize)]
pub struct Try {
    /// What is tried.
    pub body: Body,
    /// The first one that takes the code of the failure gives the value instead.
    pub catch: Vec<Catch>,
    /// Runs at the end, whichever it is: after success, failure, and a cancellation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub finally: Option<Scope>,
    /// Milliseconds that compensation and `finally` may take once the block is to stop.
    pub cleanup: u64,
    /// What was done stands when it fails: nothing is undone that a `try` inside has left done.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub stands: bool,
}

impl Try {
    /// The index of `finally`: behind the body (0) and the handlers (1, 2, …).
    pub fn finally_index(&self) -> usize {
        1 + self.catch.len()
    }

    fn scopes(&self) -> Vec<(usize, &Scope)> {
        let handlers = self.catch.iter().map(|catch| &catch.body.nodes);
        let all = std::iter::once(&self.body.nodes).chain(handlers).chain(&self.finally);
        all.enumerate().collect()
    }
}

/// A handler. Its nodes see the failure as `error: { code, message, node }`.
#[derive(Clone, Debug, Serialize)]
pub struct Catch {
    /// The codes that it takes; empty: all.
    pub code: Vec<ErrorCode>,
    /// What it does.
    pub body: Body,
    /// Whether the failure stands all the same: then the handler gives no value, and its own failure says nothing more.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub rethrow: bool,
}

impl Catch {
    /// Whether it is for failures with this code.
    pub fn takes(&self, code: ErrorCode) -> bool {
        self.code.is_empty() || self.code.contains(&code)
    }
}
