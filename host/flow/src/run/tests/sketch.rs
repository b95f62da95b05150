//! A flow small enough to read in a failed test: what proptest draws, what is shown, what is run.
//!
//! A node's value is 1 plus the sum of what it reads, so a value that was lost, doubled or seen too early
//! changes the result. A join that does not wait for all reads nothing, and a race gives 1: which path wins is the
//! order's business.

mod drawn;
mod shown;

use std::sync::Arc;

pub(super) use self::drawn::{hurried, sketches};
use super::fixture;
use super::fixture::{expr, read};
use crate::address::Address;
use crate::error::ErrorCode;
use crate::expr::Template;
use crate::graph::{
    self, Awaited, Body, Branches, COMPENSATE, Case, Catch, Edge, EdgeKind, Emit, Escalation,
    Graph, GraphNode, Human, Join, Listen, Loop, NodeKind, OnDeadline, OnItemError, OnMax,
    OnTimeout, Retry, Scope, Try, VERIFY, Wait,
};
use crate::signature::Effect as Class;
use crate::types::{Field, Kind, Type};

/// Remainder by which a switch chooses.
pub(super) const WAYS: i64 = 4;
/// What a switch counts as when its value is read and no case was taken.
pub(super) const NO_CASE: i64 = 7;
/// Milliseconds; nobody waits, the world of the tests fires it when it likes.
const DEADLINE: u64 = 5;

#[derive(Clone)]
pub(super) struct Sketch {
    pub(super) nodes: Vec<Piece>,
    /// What scripted failures say. Only `transient` is retried.
    pub(super) code: ErrorCode,
    /// Whether leaves and blocks have a deadline, and blocks must let hear of them.
    pub(super) deadlines: bool,
}

#[derive(Clone, Debug)]
pub(super) struct Piece {
    pub(super) needs: Vec<Edge>,
    pub(super) join: Join,
    pub(super) what: What,
    /// A leaf that can be undone. Only a failing `try` around it does it.
    pub(super) undo: bool,
    /// Who can find out about a leaf when nobody knows whether it happened.
    pub(super) verify: Option<Finder>,
}

/// Who finds out whether an attempt happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Finder {
    Node,
    Person,
}

#[derive(Clone, Debug)]
pub(super) enum What {
    Leaf(Script),
    Wait(Waits),
    /// Takes case `(sum + by) % WAYS` when there is one.
    Switch {
        cases: usize,
        otherwise: bool,
        by: i64,
        /// Chance decides instead.
        chance: bool,
        /// By case, `otherwise` last; a case that is not here, or empty, has no body.
        bodies: Vec<Vec<Piece>>,
    },
    Map {
        items: Vec<i64>,
        concurrency: u32,
        mode: OnItemError,
        body: Vec<Piece>,
    },
    /// Carries `item`, from `first` on, while it is below `limit`, `max` times at most.
    Loop {
        first: i64,
        limit: i64,
        max: u32,
        body: Vec<Piece>,
    },
    Parallel {
        mode: OnItemError,
        branches: Vec<Vec<Piece>>,
    },
    Race(Vec<Vec<Piece>>),
    Try {
        body: Vec<Piece>,
        catch: Option<(Catches, Vec<Piece>)>,
        finally: Option<Vec<Piece>>,
    },
}

impl What {
    /// The nodes of a body, by its number.
    fn inside(&self, index: usize) -> &Vec<Piece> {
        match self {
            Self::Leaf(_) | Self::Wait(_) => unreachable!("the way leads inside"),
            Self::Map { body, .. } | Self::Loop { body, .. } => body,
            Self::Switch { bodies, .. } => &bodies[index],
            Self::Parallel { branches, .. } | Self::Race(branches) => &branches[index],
            Self::Try { body, catch, finally } => {
                let catch = catch.as_ref().map(|(_, body)| body);
                [Some(body), catch, finally.as_ref()].into_iter().flatten().nth(index).unwrap()
            }
        }
    }
}

/// What a handler does with the failures of a flow.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Catches {
    Nothing,
    All,
    /// It runs, and the failure stands.
    Rethrows,
}

impl Catches {
    fn codes(self) -> Vec<ErrorCode> {
        if self == Self::Nothing { vec![ErrorCode::Budget] } else { vec![] }
    }
}

/// A node that nothing performs, and whether what it waits for comes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Waits {
    pub(super) what: Waiting,
    pub(super) comes: bool,
}

/// What it waits for, and what its value counts as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Waiting {
    /// `{ until }`; what does not come is that there is no such moment.
    Time,
    /// `{ n }`; what does not come is late.
    Event,
    /// `{ n, by, at }`; what does not come is late, also for those who are asked then.
    Human,
    /// `{}`; what does not come is the run that is told.
    Emit,
}

impl Waiting {
    /// Fields of the value.
    pub(super) fn counts(self) -> i64 {
        match self {
            Self::Time | Self::Event => 1,
            Self::Human => 3,
            Self::Emit => 0,
        }
    }
}

/// The moment of everything in a sketch.
pub(super) const MOMENT: i64 = 5;

/// The number that chance gives at an address: in a test it is no chance.
pub(super) fn drawn(address: &str, below: usize) -> usize {
    address.len() % below
}

/// How the world answers the attempts of a leaf.
#[derive(Clone, Copy, Debug)]
pub(super) struct Script {
    pub(super) class: Class,
    /// Attempts that fail before one succeeds.
    pub(super) fails: u32,
    /// Attempts that the policy allows.
    pub(super) tries: u32,
    /// The one item or case of the innermost block in which it fails; each when absent.
    pub(super) only: Option<u32>,
}

/// What undoes a leaf.
const UNDO: Script = Script { class: Class::Idempotent, fails: 0, tries: 1, only: None };

/// A leaf that succeeds.
pub(super) const SOUND: Script = Script { class: Class::Pure, fails: 0, tries: 1, only: None };

/// `a`, `b`, … in the flow; `ca`, `cb`, … in each body of `c`.
pub(super) fn name(prefix: &str, node: usize) -> String {
    format!("{prefix}{}", char::from(b'a' + u8::try_from(node).expect("a small flow")))
}

impl Script {
    /// Whether attempt `attempt` fails in item or case `index`.
    pub(super) fn fails_at(&self, attempt: u32, index: Option<u32>) -> bool {
        attempt <= self.fails && self.only.is_none_or(|only| index.is_none_or(|i| i == only))
    }
}

impl Sketch {
    /// The script of the leaf at an address.
    pub(super) fn script(&self, address: &Address) -> Script {
        match &self.piece(address).what {
            _ if address.node().as_str() == COMPENSATE => UNDO,
            _ if address.node().as_str() == VERIFY => SOUND,
            What::Leaf(script) => *script,
            _ => panic!("`{address}` is no leaf of\n{self:?}"),
        }
    }

    /// What the node at an address waits for.
    pub(super) fn waits(&self, address: &Address) -> Waits {
        match &self.piece(address).what {
            What::Wait(waits) => *waits,
            _ => panic!("`{address}` does not wait in\n{self:?}"),
        }
    }

    /// The piece at an address; for a compensation, the one that it undoes.
    pub(super) fn piece(&self, address: &Address) -> &Piece {
        let mut nodes = &self.nodes;
        for (at, segment) in address.segments().iter().enumerate() {
            let last = segment.node.as_str().bytes().last().expect("an id has a letter");
            let piece = &nodes[usize::from(last - b'a')];
            let rest = address.segments().len() - at - 1;
            match segment.index {
                Some(_) if matches!(piece.what, What::Leaf(_)) => return piece,
                Some(index) if rest > 0 => nodes = piece.what.inside(index as usize),
                _ => return piece,
            }
        }
        panic!("`{address}` is nothing of\n{self:?}")
    }

    pub(super) fn graph(&self) -> Arc<Graph> {
        let nodes = self.scope(&self.nodes, "", "0", false);
        let values: Vec<(String, Template)> = (0..self.nodes.len())
            .map(|node| (name("", node), read(&optional(&name("", node), "null"))))
            .collect();
        let output: Vec<_> = values.iter().map(|(id, t)| (id.as_str(), t.clone())).collect();
        fixture::graph(nodes, &output)
    }

    fn scope(&self, pieces: &[Piece], prefix: &str, around: &str, body: bool) -> Vec<GraphNode> {
        let made = pieces.iter().enumerate();
        made.map(|(at, piece)| self.node(pieces, at, piece, prefix, around, body)).collect()
    }

    fn node(
        &self,
        scope: &[Piece],
        at: usize,
        piece: &Piece,
        prefix: &str,
        around: &str,
        body: bool,
    ) -> GraphNode {
        let id = name(prefix, at);
        let reads = match piece.join {
            Join::All => sum_of(scope, piece, prefix, around),
            _ => "0".into(),
        };
        let here = if body { format!("{reads} + item + index") } else { reads.clone() };
        let kind = match &piece.what {
            What::Leaf(script) => self.leaf(script, &here),
            What::Wait(waits) => waiting(*waits, &id),
            What::Switch { cases, otherwise, by, chance, bodies } => {
                let when = |case| {
                    let when = format!("({here} + {by}) % {WAYS} == {case}");
                    (!chance).then(|| expr(&when))
                };
                let inner = |case: usize| {
                    let pieces = bodies.get(case).filter(|pieces| !pieces.is_empty())?;
                    let nodes = Scope { nodes: self.scope(pieces, &id, &reads, body) };
                    Some(Body { nodes, out: Some(ends(&id, pieces.len())), each: false })
                };
                let weight = chance.then_some(1);
                let case = |when, at| Case { when, weight, to: vec![], body: inner(at) };
                let mut all: Vec<_> = (0..*cases).map(|at| case(when(at), at)).collect();
                all.extend(otherwise.then(|| case(None, *cases)));
                NodeKind::Switch { cases: all }
            }
            What::Map { items, concurrency, mode, body } => {
                let inner = self.scope(body, &id, &reads, true);
                fixture::map(&format!("{items:?}"), inner, |map| {
                    map.concurrency = *concurrency;
                    map.on_item_error = *mode;
                    map.out = ends(&id, body.len());
                })
            }
            What::Loop { first, limit, max, body } => {
                let body = self.body(body, &id, &reads, true);
                looped((*first, *limit, *max), body)
            }
            What::Parallel { mode, branches } => {
                NodeKind::Parallel(Box::new(self.branches(branches, *mode, &id, &reads, body)))
            }
            What::Race(branches) => {
                let mut branches = self.branches(branches, OnItemError::Fail, &id, &reads, body);
                branches.bodies.values_mut().for_each(|body| body.out = Some(read("1")));
                NodeKind::Race(Box::new(branches))
            }
            What::Try { body: tried, catch, finally } => NodeKind::Try(Box::new(Try {
                body: self.body(tried, &id, &reads, body),
                catch: catch
                    .iter()
                    .map(|(takes, pieces)| Catch {
                        code: takes.codes(),
                        rethrow: *takes == Catches::Rethrows,
                        body: self.body(pieces, &id, &reads, body),
                    })
                    .collect(),
                finally: finally
                    .as_ref()
                    .map(|pieces| Scope { nodes: self.scope(pieces, &id, &reads, body) }),
                cleanup: DEADLINE,
                stands: false,
            })),
        };
        let mut node = fixture::node(&id, kind, piece.needs.clone());
        node.join = piece.join;
        let timed = self.deadlines && !node.kind.scopes().is_empty();
        (node.deadline, node.idle) = (timed.then_some(DEADLINE), timed.then_some(DEADLINE));
        self.guarantees(&mut node, piece, &here);
        node
    }

    /// What undoes a node, and who finds out about it.
    fn guarantees(&self, node: &mut GraphNode, piece: &Piece, here: &str) {
        let beside = |name, script, sum: &str| {
            let kind = self.leaf(script, sum);
            Box::new(Scope { nodes: vec![fixture::node(name, kind, vec![])] })
        };
        node.compensate =
            piece.undo.then(|| beside(COMPENSATE, &UNDO, &format!("{} + 1", node.id)));
        node.verify = piece.verify.map(|finder| match finder {
            Finder::Node => beside(VERIFY, &SOUND, here),
            Finder::Person => {
                Box::new(Scope { nodes: vec![fixture::node(VERIFY, person(), vec![])] })
            }
        });
    }

    fn body(&self, pieces: &[Piece], prefix: &str, around: &str, body: bool) -> Body {
        let nodes = Scope { nodes: self.scope(pieces, prefix, around, body) };
        Body { nodes, out: Some(ends(prefix, pieces.len())), each: false }
    }

    fn branches(
        &self,
        branches: &[Vec<Piece>],
        on_branch_error: OnItemError,
        prefix: &str,
        around: &str,
        body: bool,
    ) -> Branches {
        let named = branches
            .iter()
            .enumerate()
            .map(|(at, pieces)| (format!("branch_{at}"), self.body(pieces, prefix, around, body)));
        Branches { bodies: named.collect(), on_branch_error }
    }

    fn leaf(&self, script: &Script, sum: &str) -> NodeKind {
        let mut leaf = fixture::leaf();
        leaf.with.insert("value".into(), read(&format!("1 + {sum}")));
        leaf.policy.effect = script.class;
        leaf.policy.deadline = self.deadlines.then_some(DEADLINE);
        let retry = Retry { max: script.tries, backoff_min: 1, backoff_max: 2 };
        leaf.policy.retry = [(ErrorCode::Transient, retry)].into();
        NodeKind::Leaf(leaf.into())
    }
}

/// A loop that counts `item` from a number on while it is below another, so often at most.
fn looped((first, limit, max): (i64, i64, u32), body: Body) -> NodeKind {
    NodeKind::Loop(Box::new(Loop {
        max,
        go_on: Some(expr(&format!("item < {limit}"))),
        until: None,
        on_max: OnMax::Stop,
        carry: [("item".to_owned(), read(&first.to_string()))].into_iter().collect(),
        next: [("item".to_owned(), read("item + 1"))].into_iter().collect(),
        body,
    }))
}

/// A node that waits. The event of one that does not come has a name of its own: nodes of two branches have one id.
fn waiting(waits: Waits, id: &str) -> NodeKind {
    let awaited = match waits.what {
        Waiting::Time => Awaited::Time(Template::Literal("1m".into())),
        Waiting::Event => Awaited::Event(Box::new(Listen {
            event: if waits.comes { id.into() } else { "never".into() },
            only: Some(expr("event.n == 1")),
            timeout: Some(DEADLINE),
            on_timeout: OnTimeout::Fail,
        })),
        Waiting::Human => {
            let int: Field = Type::from(Kind::Int).into();
            let last = graph::Deadline { after: DEADLINE, then: OnDeadline::Fail };
            let to = Template::Literal("boss".into());
            let then = OnDeadline::Escalate(Box::new(Escalation { to, deadline: Some(last) }));
            return NodeKind::Human(Box::new(Human {
                title: Template::Literal("n?".into()),
                text: None,
                form: [("n".to_owned(), int)].into(),
                assignee: None,
                quorum: None,
                deadline: Some(graph::Deadline { after: DEADLINE, then }),
            }));
        }
        Waiting::Emit => {
            let to = Some(Template::Literal("other".into()));
            return NodeKind::Emit(Box::new(Emit { event: id.into(), payload: None, to }));
        }
    };
    NodeKind::Wait(Box::new(Wait { awaited }))
}

/// A person who says whether an attempt happened.
fn person() -> NodeKind {
    let field = |kind| Field::from(Type::from(kind));
    let value = field(Kind::Opt(Box::new(Type::from(Kind::Int))));
    NodeKind::Human(Box::new(Human {
        title: read("attempt.key"),
        text: None,
        form: [("happened".to_owned(), field(Kind::Bool)), ("value".to_owned(), value)].into(),
        assignee: None,
        quorum: None,
        deadline: None,
    }))
}

/// The list of the values of a body's nodes.
fn ends(prefix: &str, nodes: usize) -> Template {
    let values = (0..nodes).map(|node| read(&optional(&name(prefix, node), "null")));
    Template::List(values.collect())
}

fn optional(name: &str, otherwise: &str) -> String {
    format!("has({name}) ? {name} : {otherwise}")
}

/// What a node with `join: all` reads, with what its map reads.
fn sum_of(scope: &[Piece], piece: &Piece, prefix: &str, around: &str) -> String {
    let mut sum = around.to_string();
    for edge in &piece.needs {
        let from = name(prefix, edge.from);
        let term = match &scope[edge.from].what {
            What::Leaf(_) => from.clone(),
            What::Switch { bodies, .. } if bodies.iter().any(|body| !body.is_empty()) => {
                format!("({from} == null ? {NO_CASE} : size({from}))")
            }
            What::Switch { .. } => format!("({from}.case == null ? {NO_CASE} : {from}.case)"),
            What::Map { .. }
            | What::Loop { .. }
            | What::Parallel { .. }
            | What::Try { .. }
            | What::Wait(_) => {
                format!("size({from})")
            }
            What::Race(_) => from.clone(),
        };
        match edge.kind {
            EdgeKind::Data => sum += &format!(" + {term}"),
            EdgeKind::Optional => sum += &format!(" + (has({from}) ? {term} : 0)"),
            EdgeKind::After | EdgeKind::Case { .. } => {}
        }
    }
    sum
}
