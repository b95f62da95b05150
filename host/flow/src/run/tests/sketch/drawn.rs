//! Sketches by chance: every block, nested as deep as a person can still read.

use proptest::collection::vec;
use proptest::prelude::*;

use super::{Catches, Finder, Piece, Script, Sketch, WAYS, Waiting, Waits, What};
use crate::error::ErrorCode;
use crate::graph::{Edge, EdgeKind, Join, OnItemError};
use crate::signature::Effect as Class;

/// Flows of at most 6 nodes, with maps of at most 4 items and cases with bodies that nest once.
pub(in super::super) fn sketches() -> impl Strategy<Value = Sketch> {
    let code = prop_oneof![4 => Just(ErrorCode::Transient), 1 => Just(ErrorCode::Permanent)];
    (scopes(6, 2, false), code).prop_map(|(nodes, code)| Sketch { nodes, code, deadlines: false })
}

/// The same, in which time may run out.
pub(in super::super) fn hurried() -> impl Strategy<Value = Sketch> {
    sketches().prop_map(|sketch| Sketch { deadlines: true, ..sketch })
}

fn scopes(most: usize, depth: u32, tried: bool) -> BoxedStrategy<Vec<Piece>> {
    // Which earlier node, and which kind of edge from it, both modulo what there is.
    let needs = vec((any::<u8>(), any::<u8>()), 0..=3);
    let join = prop_oneof![
        8 => Just(Join::All),
        3 => Just(Join::Any),
        2 => Just(Join::FirstSuccess),
        1 => Just(Join::NOf(2)),
    ];
    let may = prop::bool::weighted(0.4);
    let finder = prop::option::weighted(0.5, prop_oneof![Just(Finder::Node), Just(Finder::Person)]);
    let piece = (whats(depth, tried), join, needs, may, finder);
    vec(piece, 1..=most)
        .prop_map(move |drawn| {
            let mut pieces: Vec<Piece> = Vec::new();
            for (what, join, ties, undo, verify) in drawn {
                let needs = if pieces.is_empty() { Vec::new() } else { tie(&pieces, &ties) };
                let undo = undo && tried && matches!(what, What::Leaf(_));
                let once = matches!(what, What::Leaf(Script { class: Class::Once, fails: 0, .. }));
                let verify = verify.filter(|_| once);
                pieces.push(Piece { needs, join, what, undo, verify });
            }
            pieces
        })
        .boxed()
}

fn tie(before: &[Piece], ties: &[(u8, u8)]) -> Vec<Edge> {
    let mut needs: Vec<Edge> = Vec::new();
    for (from, kind) in ties {
        let from = usize::from(*from) % before.len();
        let kind = match (&before[from].what, usize::from(*kind)) {
            (What::Switch { cases, otherwise, .. }, k) if k % 8 < 5 => {
                EdgeKind::Case { case: k / 8 % (cases + usize::from(*otherwise)) }
            }
            (_, k) => [EdgeKind::Data, EdgeKind::Optional, EdgeKind::After][k % 3],
        };
        let edge = Edge { from, kind };
        if !needs.contains(&edge) {
            needs.push(edge);
        }
    }
    needs
}

fn whats(depth: u32, tried: bool) -> BoxedStrategy<What> {
    let class = prop_oneof![
        2 => Just(Class::Pure),
        2 => Just(Class::Once),
        1 => Just(Class::Idempotent)
    ];
    let fails = prop_oneof![7 => Just(0), 2 => Just(1), 1 => Just(2)];
    let only = prop::option::of(0_u32..3);
    let leaf = (class, fails, 1_u32..=3, only)
        .prop_map(|(class, fails, tries, only)| What::Leaf(Script { class, fails, tries, only }));
    let what = prop_oneof![
        Just(Waiting::Time),
        Just(Waiting::Event),
        Just(Waiting::Human),
        Just(Waiting::Emit)
    ];
    let wait = (what, prop::bool::weighted(0.8))
        .prop_map(|(what, comes)| What::Wait(Waits { what, comes }));
    let head = (1_usize..=3, any::<bool>(), 0..WAYS, prop::bool::weighted(0.25));
    let plain = head.clone().prop_map(|(cases, otherwise, by, chance)| {
        let bodies = Vec::new();
        What::Switch { cases, otherwise, by, chance, bodies }
    });
    if depth == 0 {
        return prop_oneof![4 => leaf, 2 => wait, 1 => plain].boxed();
    }
    let body = prop_oneof![1 => Just(Vec::new()), 2 => scopes(3, depth - 1, tried)];
    let owning = (head, vec(body, 4)).prop_map(|((cases, otherwise, by, chance), mut bodies)| {
        bodies.truncate(cases + usize::from(otherwise));
        What::Switch { cases, otherwise, by, chance, bodies }
    });
    let mode =
        prop_oneof![Just(OnItemError::Collect), Just(OnItemError::Skip), Just(OnItemError::Fail)];
    let inner = move |most| scopes(most, depth - 1, tried);
    let map = (vec(0_i64..3, 0..=4), 1_u32..=3, mode.clone(), inner(3))
        .prop_map(|(items, concurrency, mode, body)| What::Map { items, concurrency, mode, body });
    let looped = (0_i64..3, 0_i64..5, 1_u32..=3, inner(3))
        .prop_map(|(first, limit, max, body)| What::Loop { first, limit, max, body });
    let parallel =
        (mode, vec(inner(2), 2..=3)).prop_map(|(mode, branches)| What::Parallel { mode, branches });
    let race = vec(inner(2), 2..=3).prop_map(What::Race);
    let catches = prop_oneof![
        2 => Just(Catches::All),
        1 => Just(Catches::Nothing),
        1 => Just(Catches::Rethrows),
    ];
    let catch = prop::option::of((catches, inner(2)));
    let tried = (scopes(3, depth - 1, true), catch, prop::option::of(inner(2)))
        .prop_map(|(body, catch, finally)| What::Try { body, catch, finally });
    prop_oneof![
        8 => leaf, 4 => wait, 2 => plain, 2 => owning, 2 => map, 2 => looped, 2 => parallel, 2 => race, 4 => tried
    ]
    .boxed()
}
