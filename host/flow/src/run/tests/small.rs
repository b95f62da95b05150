//! Every graph of up to four nodes with at most one switch: joins and skips, without exception.
//!
//! Random graphs find what is likely; a join that waits for ever is found by having tried them all. What
//! leaves do is left out: each succeeds. Two orders are tried, first and last come first served.

use std::collections::BTreeSet;
use std::panic::catch_unwind;

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
        let told = tell(&sketch, &BTreeSet::new());
        let graph = sketch.graph();
        for last in [false, true] {
            let done = catch_unwind(|| {
                let mut world = World::start_of(&sketch, &graph);
                while world.finish.is_none() {
                    let newest = world.outstanding().saturating_sub(1);
                    world.step(if last { newest as u16 } else { 0 });
                }
                world.agrees(&told);
            });
            assert!(done.is_ok(), "last come first served: {last}; in{sketch:?}");
        }
    }
    2 * ways.len()
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
