//! What a flow means, said a second time: recursive, in the order of the graph, without time.
//!
//! Where something fails, the order of completion decides how far the rest came. The reference tells
//! what can be at most (`fates`) and, outside of failed scopes, what must be (`sure`).

use std::collections::{BTreeMap, BTreeSet};

use super::sketch::{NO_CASE, Piece, Script, Sketch, WAYS, What, name};
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
    /// The flow's output when it succeeds, with collected errors [blurred](blur).
    pub(super) output: Value,
}

/// What a reader knows of a node.
#[derive(Clone)]
enum Known {
    /// Its value, the number it counts as, and its case.
    Value(Value, i64, Option<usize>),
    Skipped,
    /// It failed, or waits for one that did.
    Never,
}

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
    let teller = Teller { code: sketch.code, lost };
    let (mut told, known) = teller.scope(&sketch.nodes, "", "", Around::default());
    let values = known.into_iter().enumerate().map(|(n, known)| (name("", n), value_of(known)));
    told.output = Value::record(values);
    told
}

struct Teller<'s> {
    code: ErrorCode,
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
            let mut now = readiness(nodes, piece, &known);
            if let Readiness::Runs = now {
                let sum = sum_of(piece, &known, around.sum);
                let here = sum + around.item.map_or(0, |(item, index)| item + i64::from(index));
                let around = Around { sum, ..around };
                let result = match &piece.what {
                    What::Leaf(script) => self.leaf(script, &address, here, around.index),
                    What::Switch { cases, otherwise, by, bodies } => {
                        let way = way(*cases, *otherwise, here + by);
                        self.switch(way, bodies, &id, &address, around, &mut told)
                    }
                    What::Map { .. } => self.map(piece, &id, &address, around, &mut told),
                };
                now = result.map_or(Readiness::Fails, Readiness::Ends);
            }
            let fate = match &now {
                Readiness::Ends(_) => Some(Fate::Succeeded),
                Readiness::Fails => Some(Fate::Failed),
                Readiness::Skipped => Some(Fate::Skipped),
                Readiness::Never | Readiness::Runs => None,
            };
            if matches!((&now, &piece.what), (Readiness::Fails, What::Leaf(_))) {
                told.failures.insert(address.clone());
            }
            told.sure.insert(address.clone());
            told.fates.extend(fate.map(|fate| (address, fate)));
            known.push(match now {
                Readiness::Ends(known) => known,
                Readiness::Skipped => Known::Skipped,
                _ => Known::Never,
            });
        }
        if !told.failures.is_empty() {
            told.sure.clear();
        }
        (told, known)
    }

    fn leaf(&self, script: &Script, address: &str, here: i64, index: Option<u32>) -> Option<Known> {
        let tries = if self.code == ErrorCode::Transient { script.tries } else { 1 };
        let fails = script.fails_at(tries, index) || self.lost.contains(address);
        (!fails).then(|| Known::Value((1 + here).into(), 1 + here, None))
    }

    fn map(
        &self,
        piece: &Piece,
        id: &str,
        address: &str,
        around: Around,
        told: &mut Told,
    ) -> Option<Known> {
        let What::Map { items, mode, body, .. } = &piece.what else { unreachable!("a map") };
        let mut results = Vec::new();
        let mut whole = true;
        let mut sure = BTreeSet::new();
        for (index, &item) in items.iter().enumerate() {
            let index = u32::try_from(index).expect("a short list");
            let path = format!("{address}[{index}].");
            let around = Around { item: Some((item, index)), index: Some(index), ..around };
            let (inner, known) = self.scope(body, id, &path, around);
            told.fates.extend(inner.fates);
            sure.extend(inner.sure);
            match (inner.failures.is_empty(), mode) {
                (true, _) => results.push(Value::list(known.into_iter().map(value_of))),
                (false, OnItemError::Collect) => results.push("error".into()),
                (false, OnItemError::Skip) => {}
                (false, OnItemError::Fail) => {
                    told.failures.extend(inner.failures);
                    whole = false;
                }
            }
        }
        told.sure.extend(sure);
        let count = i64::try_from(results.len()).expect("a short list");
        whole.then(|| Known::Value(Value::list(results), count, None))
    }
}

impl Teller<'_> {
    fn switch(
        &self,
        taken: Option<usize>,
        bodies: &[Vec<Piece>],
        id: &str,
        address: &str,
        around: Around,
        told: &mut Told,
    ) -> Option<Known> {
        let case = taken.map(|case| u32::try_from(case).expect("few cases"));
        if bodies.iter().all(Vec::is_empty) {
            let value = Value::record([("case", case.map_or(Value::Null, Value::from))]);
            return Some(Known::Value(value, case.map_or(NO_CASE, i64::from), taken));
        }
        let body = taken.and_then(|case| bodies.get(case)).filter(|body| !body.is_empty());
        let (Some(body), Some(case)) = (body, case) else {
            return Some(Known::Value(Value::Null, NO_CASE, taken));
        };
        let path = format!("{address}[{case}].");
        let (inner, known) = self.scope(body, id, &path, Around { index: Some(case), ..around });
        told.fates.extend(inner.fates);
        told.sure.extend(inner.sure);
        let whole = inner.failures.is_empty();
        told.failures.extend(inner.failures);
        let count = i64::try_from(known.len()).expect("a short list");
        let value = Value::list(known.into_iter().map(value_of));
        whole.then_some(Known::Value(value, count, taken))
    }
}

enum Readiness {
    Runs,
    Ends(Known),
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

fn readiness(nodes: &[Piece], piece: &Piece, known: &[Known]) -> Readiness {
    let inputs: Vec<Input> =
        piece.needs.iter().map(|e| input(piece, e.from, e.kind, known)).collect();
    let has = |what| inputs.contains(&what);
    debug_assert!(known.len() < nodes.len(), "a node needs earlier ones");
    match piece.join {
        _ if inputs.is_empty() => Readiness::Runs,
        Join::All if has(Input::Dead) => Readiness::Skipped,
        Join::Any if has(Input::Live) => Readiness::Runs,
        _ if has(Input::Never) => Readiness::Never,
        Join::All => Readiness::Runs,
        Join::Any => Readiness::Skipped,
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
        (_, EdgeKind::Case { .. }) | (Known::Skipped, EdgeKind::Data) => Input::Dead,
        (Known::Skipped, _) => Input::Passed,
        (Known::Value(..), _) => Input::Live,
    }
}

/// What the node reads: nothing when a race decides what it could read.
fn sum_of(piece: &Piece, known: &[Known], around: i64) -> i64 {
    if piece.join == Join::Any {
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
