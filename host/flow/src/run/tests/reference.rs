//! What a flow means, said a second time: recursive, in the order of the graph, without time.
//!
//! Where something fails, the order of completion decides how far the rest came. The reference tells
//! what can be at most (`fates`) and, outside of failed scopes, what must be (`sure`).

use std::collections::{BTreeMap, BTreeSet};

use super::sketch::{
    Catches, MOMENT, NO_CASE, Piece, Script, Sketch, WAYS, Waiting, Waits, What, drawn, name,
};
use crate::error::ErrorCode;
use crate::graph::{EdgeKind, Join, OnItemError};
use crate::value::Value;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    Succeeded,
    Failed,
    Skipped,
}

#[derive(Debug, Default)]
pub(super) struct Told {
    /// What becomes of each address that is reached.
    pub(super) fates: BTreeMap<String, Fate>,
    /// Addresses that are settled whatever the order.
    pub(super) sure: BTreeSet<String>,
    /// Addresses that the run may fail with; empty when it succeeds.
    pub(super) failures: BTreeSet<String>,
    /// Bodies, as the beginning of an address, of which all that can be undone is undone.
    pub(super) undone: BTreeSet<String>,
    /// The flow's output when it succeeds, with collected errors [blurred](blur).
    pub(super) output: Value,
}

/// What a reader knows of a node.
#[derive(Clone)]
enum Known {
    /// Its value, the number it counts as, and its case.
    Value(Value, i64, Option<usize>),
    Skipped,
    /// It failed, and that was tolerated.
    Failed,
    /// It failed, or waits for one that did.
    Never,
}

/// The value of a node, or the addresses with which it may fail.
type Ending = Result<Known, BTreeSet<String>>;

/// What a scope sees of the blocks around it.
#[derive(Clone, Copy, Default)]
struct Around {
    /// What its block reads.
    sum: i64,
    /// Item and index of the innermost map.
    item: Option<(i64, u32)>,
    /// Item or case of the innermost block.
    index: Option<u32>,
}

/// Tells how `sketch` ends when the answers of the attempts in `lost` are never known.
pub(super) fn tell(sketch: &Sketch, lost: &BTreeSet<String>) -> Told {
    let teller = Teller { sketch, lost };
    let (mut told, known) = teller.scope(&sketch.nodes, "", "", Around::default());
    let values = known.into_iter().enumerate().map(|(n, known)| (name("", n), value_of(known)));
    told.output = Value::record(values);
    told
}

struct Teller<'s> {
    sketch: &'s Sketch,
    lost: &'s BTreeSet<String>,
}

impl Teller<'_> {
    fn scope(
        &self,
        nodes: &[Piece],
        prefix: &str,
        path: &str,
        around: Around,
    ) -> (Told, Vec<Known>) {
        let (mut told, mut known) = (Told::default(), Vec::new());
        for (at, piece) in nodes.iter().enumerate() {
            let (id, address) = (name(prefix, at), format!("{path}{}", name(prefix, at)));
            let sure = told.sure.clone();
            let ending = match readiness(piece, &known) {
                Readiness::Runs => {
                    let sum = sum_of(piece, &known, around.sum);
                    let here = sum + around.item.map_or(0, |(item, i)| item + i64::from(i));
                    let around = Around { sum, ..around };
                    Some(self.node(piece, &id, &address, here, around, &mut told))
                }
                Readiness::Fails => Some(Err([address.clone()].into())),
                Readiness::Skipped => Some(Ok(Known::Skipped)),
                Readiness::Never => None,
            };
            // Who fails first inside stops the others, also where the failure is tolerated.
            if matches!(ending, Some(Err(_))) {
                told.sure = sure;
            }
            let fate = match &ending {
                Some(Ok(Known::Skipped)) => Some(Fate::Skipped),
                Some(Ok(_)) => Some(Fate::Succeeded),
                Some(Err(_)) => Some(Fate::Failed),
                None => None,
            };
            if piece.undo && fate == Some(Fate::Succeeded) {
                told.fates.insert(format!("{address}[0].compensate"), Fate::Succeeded);
            }
            told.sure.insert(address.clone());
            told.fates.extend(fate.map(|fate| (address, fate)));
            known.push(match ending {
                Some(Ok(known)) => known,
                Some(Err(_)) if tolerated(nodes, at) => Known::Failed,
                Some(Err(failures)) => {
                    told.failures.extend(failures);
                    Known::Never
                }
                None => Known::Never,
            });
        }
        if !told.failures.is_empty() {
            told.sure.clear();
        }
        (told, known)
    }

    fn node(
        &self,
        piece: &Piece,
        id: &str,
        address: &str,
        here: i64,
        around: Around,
        told: &mut Told,
    ) -> Ending {
        match &piece.what {
            What::Leaf(script) => self.leaf(script, address, here, around.index),
            What::Wait(waits) => wait(*waits, address),
            What::Switch { cases, otherwise, by, chance, bodies } => {
                let way = match chance {
                    true => Some(drawn(address, cases + usize::from(*otherwise))),
                    false => way(*cases, *otherwise, here + by),
                };
                self.switch(way, bodies, id, address, around, told)
            }
            What::Map { items, mode, body, .. } => {
                let results = items.iter().enumerate().map(|(index, &item)| {
                    let index = u32::try_from(index).expect("a short list");
                    let around = Around { item: Some((item, index)), ..around };
                    self.inside(body, id, address, index, around, told)
                });
                let results: Vec<_> = results.collect();
                let results = all_of(results, *mode)?;
                Ok(list(results.into_iter().flatten()))
            }
            What::Loop { first, limit, max, body } => {
                let times = (limit - first).clamp(0, i64::from(*max));
                let mut last = vec![Value::Null; body.len()];
                for index in 0..u32::try_from(times).expect("a few times") {
                    let around = Around { item: Some((first + i64::from(index), index)), ..around };
                    last = self.inside(body, id, address, index, around, told)?;
                }
                Ok(list(last))
            }
            What::Parallel { mode, branches } => {
                let results = branches.iter().enumerate().map(|(at, body)| {
                    let index = u32::try_from(at).expect("a few branches");
                    self.inside(body, id, address, index, around, told)
                });
                let results: Vec<_> = results.collect();
                Ok(record(all_of(results, *mode)?))
            }
            What::Race(branches) => {
                let results = branches.iter().enumerate().map(|(at, body)| {
                    let index = u32::try_from(at).expect("a few branches");
                    // Whoever wins stops the others, so nothing in them is sure.
                    let mut one = Told::default();
                    let result = self.inside(body, id, address, index, around, &mut one);
                    told.fates.append(&mut one.fates);
                    result
                });
                let results: Vec<_> = results.collect();
                if results.iter().any(Result::is_ok) {
                    return Ok(Known::Value(1.into(), 1, None));
                }
                Err(results.into_iter().filter_map(Result::err).flatten().collect())
            }
            What::Try { body, catch, finally } => {
                let mut ending = self.inside(body, id, address, 0, around, told).map(list);
                if ending.is_err() {
                    told.undone.insert(format!("{address}[0]."));
                    let takes = |(how, _): &&(Catches, _)| *how != Catches::Nothing;
                    if let Some((how, body)) = catch.as_ref().filter(takes) {
                        let handled = self.inside(body, id, address, 1, around, told).map(list);
                        // Whether a handler fails that rethrows makes no difference.
                        ending = if *how == Catches::All { handled } else { ending };
                    }
                }
                if let Some(body) = finally {
                    let index = 1 + u32::from(catch.is_some());
                    self.inside(body, id, address, index, around, told)?;
                }
                ending
            }
        }
    }

    fn leaf(&self, script: &Script, address: &str, here: i64, index: Option<u32>) -> Ending {
        let tries = if self.sketch.code == ErrorCode::Transient { script.tries } else { 1 };
        let fails = script.fails_at(tries, index) || self.lost.contains(address);
        match fails {
            true => Err([address.to_owned()].into()),
            false => Ok(Known::Value((1 + here).into(), 1 + here, None)),
        }
    }

    /// The values of a body's nodes, or what it may fail with.
    fn inside(
        &self,
        body: &[Piece],
        id: &str,
        address: &str,
        index: u32,
        around: Around,
        told: &mut Told,
    ) -> Result<Vec<Value>, BTreeSet<String>> {
        let path = format!("{address}[{index}].");
        let (inner, known) = self.scope(body, id, &path, Around { index: Some(index), ..around });
        told.fates.extend(inner.fates);
        told.sure.extend(inner.sure);
        told.undone.extend(inner.undone);
        match inner.failures.is_empty() {
            true => Ok(known.into_iter().map(value_of).collect()),
            false => Err(inner.failures),
        }
    }

    fn switch(
        &self,
        taken: Option<usize>,
        bodies: &[Vec<Piece>],
        id: &str,
        address: &str,
        around: Around,
        told: &mut Told,
    ) -> Ending {
        let case = taken.map(|case| u32::try_from(case).expect("few cases"));
        if bodies.iter().all(Vec::is_empty) {
            let value = Value::record([("case", case.map_or(Value::Null, Value::from))]);
            return Ok(Known::Value(value, case.map_or(NO_CASE, i64::from), taken));
        }
        let body = taken.and_then(|case| bodies.get(case)).filter(|body| !body.is_empty());
        let (Some(body), Some(case)) = (body, case) else {
            return Ok(Known::Value(Value::Null, NO_CASE, taken));
        };
        let values = self.inside(body, id, address, case, around, told)?;
        let Known::Value(value, count, _) = list(values) else { unreachable!("a list is a value") };
        Ok(Known::Value(value, count, taken))
    }
}

/// The record of what came of branches, which counts as their number.
fn record(results: Vec<Option<Value>>) -> Known {
    let count = i64::try_from(results.len()).expect("a few branches");
    let fields = results.into_iter().enumerate();
    let fields = fields.map(|(at, value)| (format!("branch_{at}"), value.unwrap_or_default()));
    Known::Value(Value::record(fields), count, None)
}

/// What a node waits for comes, or it fails.
fn wait(Waits { what, comes }: Waits, address: &str) -> Ending {
    let fields: Vec<(&str, Value)> = match what {
        _ if !comes => return Err([address.to_owned()].into()),
        Waiting::Time => vec![("until", MOMENT.into())],
        Waiting::Event => vec![("n", 1.into())],
        Waiting::Human => vec![("n", 1.into()), ("by", "ada".into()), ("at", 0.into())],
        Waiting::Emit => vec![],
    };
    Ok(Known::Value(Value::record(fields), what.counts(), None))
}

/// A list of values, which counts as their number.
fn list(values: impl IntoIterator<Item = Value>) -> Known {
    let values: Vec<Value> = values.into_iter().collect();
    let count = i64::try_from(values.len()).expect("a short list");
    Known::Value(Value::list(values), count, None)
}

/// The values of items or branches; `None` where one is left out.
fn all_of(
    results: Vec<Result<Vec<Value>, BTreeSet<String>>>,
    mode: OnItemError,
) -> Result<Vec<Option<Value>>, BTreeSet<String>> {
    let mut failures = BTreeSet::new();
    let mut values = Vec::new();
    for result in results {
        values.push(match (result, mode) {
            (Ok(known), _) => Some(Value::list(known)),
            (Err(_), OnItemError::Collect) => Some("error".into()),
            (Err(_), OnItemError::Skip) => None,
            (Err(inner), OnItemError::Fail) => {
                failures.extend(inner);
                None
            }
        });
    }
    if failures.is_empty() { Ok(values) } else { Err(failures) }
}

/// Whether only nodes wait for this one that cope with its failure.
fn tolerated(nodes: &[Piece], at: usize) -> bool {
    let reads = |piece: &&Piece| piece.needs.iter().any(|edge| edge.from == at);
    let mut readers = nodes.iter().filter(reads).peekable();
    readers.peek().is_some() && readers.all(|piece| piece.join == Join::FirstSuccess)
}

enum Readiness {
    Runs,
    Fails,
    Skipped,
    Never,
}

/// What an input brings: life, death, death that does not matter, or nothing ever.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Input {
    Live,
    Dead,
    Passed,
    Never,
}

fn readiness(piece: &Piece, known: &[Known]) -> Readiness {
    let mut switches = BTreeSet::new();
    // The cases of one switch are one input.
    let mut counts =
        |kind: EdgeKind, from| !matches!(kind, EdgeKind::Case { .. }) || switches.insert(from);
    let inputs: Vec<Input> = piece
        .needs
        .iter()
        .filter(|edge| counts(edge.kind, edge.from))
        .map(|edge| input(piece, edge.from, edge.kind, known))
        .collect();
    let count = |what| inputs.iter().filter(|input| **input == what).count();
    if inputs.is_empty() {
        return Readiness::Runs;
    }
    let Some(enough) = piece.join.enough(inputs.len()) else {
        return match () {
            () if count(Input::Dead) > 0 => Readiness::Skipped,
            () if count(Input::Never) > 0 => Readiness::Never,
            () => Readiness::Runs,
        };
    };
    let failed = piece.needs.iter().any(|edge| matches!(known[edge.from], Known::Failed));
    match count(Input::Live) {
        live if live >= enough => Readiness::Runs,
        live if live + count(Input::Never) >= enough => Readiness::Never,
        _ if failed && piece.join == Join::FirstSuccess => Readiness::Fails,
        _ => Readiness::Skipped,
    }
}

fn input(piece: &Piece, from: usize, kind: EdgeKind, known: &[Known]) -> Input {
    let leads = |taken: usize| {
        let case = EdgeKind::Case { case: taken };
        piece.needs.iter().any(|edge| edge.from == from && edge.kind == case)
    };
    match (&known[from], kind) {
        (Known::Never, _) => Input::Never,
        (Known::Value(_, _, Some(taken)), EdgeKind::Case { .. }) if leads(*taken) => Input::Live,
        (_, EdgeKind::Case { .. }) | (Known::Skipped, EdgeKind::Data) | (Known::Failed, _) => {
            Input::Dead
        }
        (Known::Skipped, _) => Input::Passed,
        (Known::Value(..), _) => Input::Live,
    }
}

/// What the node reads: nothing when a race decides what it could read.
fn sum_of(piece: &Piece, known: &[Known], around: i64) -> i64 {
    if piece.join != Join::All {
        return 0;
    }
    let reads =
        piece.needs.iter().filter(|e| matches!(e.kind, EdgeKind::Data | EdgeKind::Optional));
    around
        + reads
            .map(|edge| match (&known[edge.from], edge.kind) {
                // `has(…)` says no to what is there and nothing.
                (Known::Value(Value::Null, ..), EdgeKind::Optional) => 0,
                (Known::Value(_, counts, _), _) => *counts,
                _ => 0,
            })
            .sum::<i64>()
}

fn way(cases: usize, otherwise: bool, sum: i64) -> Option<usize> {
    let way = usize::try_from(sum % WAYS).expect("sums are not negative");
    if way < cases { Some(way) } else { otherwise.then_some(cases) }
}

fn value_of(known: Known) -> Value {
    match known {
        Known::Value(value, ..) => value,
        _ => Value::Null,
    }
}

/// Replaces each collected error by `"error"`: which of two failures was first is the order's business.
pub(super) fn blur(value: &Value) -> Value {
    match value {
        Value::Map(fields) if fields.len() == 1 && fields.contains_key("error") => "error".into(),
        Value::Map(fields) => Value::record(fields.iter().map(|(k, v)| (k.clone(), blur(v)))),
        Value::List(items) => Value::list(items.iter().map(blur)),
        other => other.clone(),
    }
}
