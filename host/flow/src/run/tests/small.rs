//! Every graph of up to six nodes with at most one switch: joins and skips, without exception.
//!
//! Random graphs find what is likely; a join that waits for ever is found by having tried them all. What
//! leaves do is left out: each succeeds. Two orders are tried, first and last come first served.
//!
//! Up to four nodes nothing else is left out. Larger graphs are tried up to renaming, in one piece, and with the switch
//! first: only a switch makes anything skipped, and what comes before it succeeds like what has no needs. Each node
//! needs the case that is taken, the one that is not, or neither. All other needs of one node are of one kind; every
//! mixture of five nodes, and six nodes, are a matter of minutes and left to `make soak`.

use std::collections::BTreeSet;
use std::panic::catch_unwind;

use super::proofs::is_soak;
use super::reference::tell;
use super::sketch::{Piece, SOUND, Sketch, What};
use super::world::World;
use crate::error::ErrorCode;
use crate::graph::{Edge, EdgeKind, Join};

const NODES: usize = 4;

/// Whether and how an earlier node is needed. `After` is to the machine what `Optional` is.
const TIES: [Option<EdgeKind>; 3] = [None, Some(EdgeKind::Data), Some(EdgeKind::Optional)];
/// The same for a switch, which takes its first case or none; to take the second is the mirror image.
const TIES_OF_SWITCH: [Option<EdgeKind>; 5] = [
    None,
    Some(EdgeKind::Data),
    Some(EdgeKind::Optional),
    Some(EdgeKind::Case { case: 0 }),
    Some(EdgeKind::Case { case: 1 }),
];

/// Calls `with` for each way to choose the needs of the nodes from `pieces.len()` on.
fn grow(
    pieces: &mut Vec<Piece>,
    size: usize,
    switch: Option<usize>,
    with: &mut impl FnMut(&[Piece]),
) {
    let at = pieces.len();
    if at == size {
        return with(pieces);
    }
    let ties = |from| if Some(from) == switch { &TIES_OF_SWITCH[..] } else { &TIES[..] };
    let ways: usize = (0..at).map(|from| ties(from).len()).product();
    for mut way in 0..ways {
        let mut needs = Vec::new();
        for from in 0..at {
            let kind = ties(from)[way % ties(from).len()];
            way /= ties(from).len();
            needs.extend(kind.map(|kind| Edge { from, kind }));
        }
        // For one input, the largest graphs leave out `any`: smaller ones have shown what it does there.
        let several = needs.len() > usize::from(size == NODES);
        let two = size < NODES && needs.len() > 1;
        let joins = [Some(Join::All), several.then_some(Join::Any), two.then_some(Join::NOf(2))];
        for join in joins.into_iter().flatten() {
            let what = match switch {
                Some(switch) if switch == at => What::Switch {
                    cases: 0,
                    otherwise: false,
                    by: 0,
                    chance: false,
                    bodies: vec![],
                },
                _ => What::Leaf(SOUND),
            };
            pieces.push(Piece { needs: needs.clone(), join, what, undo: false, verify: None });
            grow(pieces, size, switch, with);
            pieces.pop();
        }
    }
}

/// Runs a graph in two orders for each way of its switch; says how many runs that were.
fn try_all(pieces: &[Piece], switch: Option<usize>) -> usize {
    let (code, deadlines) = (ErrorCode::Transient, false);
    let mut sketch = Sketch { nodes: pieces.to_vec(), code, deadlines };
    let ways: &[bool] = if switch.is_some() { &[true, false] } else { &[false] };
    for &otherwise in ways {
        if let Some(switch) = switch {
            // Its `else` is case 0. Case 1, to which edges lead too, is never taken.
            sketch.nodes[switch].what =
                What::Switch { cases: 0, otherwise, by: 0, chance: false, bodies: vec![] };
        }
        run_in_two_orders(&sketch);
    }
    2 * ways.len()
}

fn run_in_two_orders(sketch: &Sketch) {
    let told = tell(sketch, &BTreeSet::new());
    let graph = sketch.graph();
    for last in [false, true] {
        let done = catch_unwind(|| {
            let mut world = World::start_of(sketch, &graph);
            while world.finish.is_none() {
                let newest = world.outstanding().saturating_sub(1);
                world.step(if last { newest as u16 } else { 0 });
            }
            world.agrees(&told);
        });
        assert!(done.is_ok(), "last come first served: {last}; in{sketch:?}");
    }
}

#[test]
fn no_join_of_up_to_four_nodes_waits_for_what_cannot_come() {
    let mut runs = 0;
    for size in 1..=NODES {
        // A switch at the end leads nowhere: it is a leaf.
        for switch in (0..size - 1).map(Some).chain([None]) {
            grow(&mut Vec::new(), size, switch, &mut |pieces| runs += try_all(pieces, switch));
        }
    }
    assert_eq!(runs, 78_248, "graphs times ways of the switch times orders");
}

/// How each node of a larger graph is tied to each earlier one: nothing, or a kind of tie from 1 on. The first node is the
/// switch, and ties to it are its cases.
type Ties = Vec<Vec<u8>>;

/// Cases of the switch that a node may need, beside none: the one that is taken and the one that is not.
const CASES: u8 = 2;

/// The ways to tie `size` nodes, with so many cases and kinds of other ties: one of each class of graphs that differ in
/// the names of their nodes alone.
fn graphs(size: usize, cases: u8, kinds: u8) -> Vec<Ties> {
    let mut all: Vec<Ties> = vec![vec![vec![]]];
    for at in 1..size {
        let rows: Vec<Vec<u8>> = (0..at).fold(vec![vec![]], |rows, from| {
            let most = if from == 0 { cases } else { kinds };
            let longer = |row: &Vec<u8>| {
                let row = row.clone();
                (0..=most).map(move |tie| [&row[..], &[tie]].concat()).collect::<Vec<_>>()
            };
            rows.iter().flat_map(longer).collect()
        });
        let with = |ties: &Ties| {
            let ties = ties.clone();
            rows.iter()
                .map(move |row| [&ties[..], std::slice::from_ref(row)].concat())
                .collect::<Vec<_>>()
        };
        // What begins a graph that has the least name has the least name too, or it would have a lesser one.
        all = all.iter().flat_map(with).filter(has_least_name).collect();
    }
    all
}

fn in_one_piece(ties: &Ties) -> bool {
    let mut reached = vec![false; ties.len()];
    reached[0] = true;
    for _ in 0..ties.len() {
        for (at, row) in ties.iter().enumerate() {
            for (from, _) in row.iter().enumerate().filter(|(_, tie)| **tie > 0) {
                let either = reached[at] || reached[from];
                (reached[at], reached[from]) = (either, either);
            }
        }
    }
    reached.into_iter().all(|reached| reached)
}

/// Whether no other order of the nodes after the switch, needs first, gives rows that compare less.
fn has_least_name(ties: &Ties) -> bool {
    fn lesser(ties: &Ties, order: &mut Vec<usize>) -> bool {
        let at = order.len();
        if at == ties.len() {
            return false;
        }
        for next in (1..ties.len()).filter(|next| !order.contains(next)).collect::<Vec<_>>() {
            let tie = |from: &usize| ties[next].get(*from).copied().unwrap_or(0);
            // All that it needs has come.
            let needs = ties[next].iter().filter(|tie| **tie > 0).count();
            let row: Vec<u8> = order.iter().map(tie).collect();
            if row.iter().filter(|tie| **tie > 0).count() < needs {
                continue;
            }
            match row.cmp(&ties[at]) {
                std::cmp::Ordering::Less => return true,
                std::cmp::Ordering::Greater => {}
                std::cmp::Ordering::Equal => {
                    order.push(next);
                    let found = lesser(ties, order);
                    order.pop();
                    if found {
                        return true;
                    }
                }
            }
        }
        false
    }
    !lesser(ties, &mut vec![0])
}

/// The ways in which nodes with these ties join: all of them wait for all or for any; with `one_kind`, all for what is
/// needed or for what is there.
fn joined(ties: &Ties, one_kind: bool, with: &mut impl FnMut(&[Piece])) {
    fn next(ties: &Ties, one_kind: bool, pieces: &mut Vec<Piece>, with: &mut impl FnMut(&[Piece])) {
        let Some(row) = ties.get(pieces.len()) else { return with(pieces) };
        let needs = |optional: bool| -> Vec<Edge> {
            let tied = row.iter().enumerate().filter(|(_, tie)| **tie > 0);
            tied.map(|(from, tie)| {
                let kind = match (from, tie) {
                    (0, case) => EdgeKind::Case { case: usize::from(case - 1) },
                    (_, 2) => EdgeKind::Optional,
                    _ if optional => EdgeKind::Optional,
                    _ => EdgeKind::Data,
                };
                Edge { from, kind }
            })
            .collect()
        };
        let inner = row.iter().skip(1).any(|tie| *tie > 0);
        let several = row.iter().filter(|tie| **tie > 0).count() > 1;
        let ways = [
            Some((Join::All, false)),
            several.then_some((Join::Any, false)),
            (one_kind && inner).then_some((Join::All, true)),
        ];
        for (join, optional) in ways.into_iter().flatten() {
            let what = match pieces.is_empty() {
                true => {
                    What::Switch { cases: 0, otherwise: true, by: 0, chance: false, bodies: vec![] }
                }
                false => What::Leaf(SOUND),
            };
            pieces.push(Piece { needs: needs(optional), join, what, undo: false, verify: None });
            next(ties, one_kind, pieces, with);
            pieces.pop();
        }
    }
    next(ties, one_kind, &mut Vec::new(), with);
}

/// Runs the larger graphs on as many threads as there are halves; says how many graphs and runs that were.
fn try_larger(size: usize, kinds: u8) -> (usize, usize) {
    let mut graphs = graphs(size, CASES, kinds);
    graphs.retain(in_one_piece);
    let try_half = |half: usize| {
        let mut runs = 0;
        for ties in graphs.iter().skip(half).step_by(2) {
            joined(ties, kinds == 1, &mut |pieces| {
                let (code, deadlines) = (ErrorCode::Transient, false);
                run_in_two_orders(&Sketch { nodes: pieces.to_vec(), code, deadlines });
                runs += 2;
            });
        }
        runs
    };
    let runs = std::thread::scope(|scope| {
        let other = scope.spawn(|| try_half(1));
        try_half(0) + other.join().expect("each graph runs to its end")
    });
    (graphs.len(), runs)
}

#[test]
fn graphs_are_as_many_as_they_are_known_to_be() {
    // Acyclic graphs of up to five nodes up to renaming, beside a switch to which none is tied.
    let known = [1, 2, 6, 31, 302];
    for (nodes, known) in (1..).zip(known) {
        assert_eq!(graphs(nodes + 1, 0, 1).len(), known);
    }
}

#[test]
fn no_join_of_up_to_six_nodes_waits_for_what_cannot_come() {
    let sizes = [(5, 1, (1_848, 59_494)), (5, 2, (31_669, 347_494)), (6, 1, (60_786, 5_616_764))];
    let tried = if is_soak() { &sizes[..] } else { &sizes[..1] };
    for &(size, kinds, graphs_and_runs) in tried {
        assert_eq!(
            try_larger(size, kinds),
            graphs_and_runs,
            "{size} nodes, {kinds} kinds of needs"
        );
    }
}
