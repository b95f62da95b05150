//! The algebra of stored runs, on random flows in random orders: folding, walking, cutting and comparing agree.

use std::collections::BTreeSet;

use indexmap::IndexMap;
use proptest::collection::vec;
use proptest::prelude::*;

use super::proofs::{config, config_at_each};
use super::reference::tell;
use super::sketch::{Piece, Sketch, What, hurried, sketches};
use super::world::World;
use crate::address::Address;
use crate::event::{Event, Outcome, Record};
use crate::graph::Join;
use crate::history::{
    Change, Cut, CutError, Kept, Misfit, NodeState, Status, Walk, compare, cut, fit, refold,
};
use crate::run::state::{At, Phase};
use crate::value::Value;

fn orders() -> impl Strategy<Value = Vec<u16>> {
    vec(any::<u16>(), 0..80)
}

fn id() -> crate::RunId {
    "r1".parse().unwrap()
}

fn records(journal: &[Event]) -> Vec<Record> {
    let records = journal.iter().cloned().enumerate();
    records.map(|(seq, event)| Record { seq: seq as u64, at: 0, event }).collect()
}

fn walked(sketch: &Sketch, journal: &[Event]) -> Walk {
    let mut walk = Walk::new(sketch.graph(), &id());
    for event in journal {
        walk.step(event).expect("a stored event fits");
    }
    walk
}

/// Cuts a journal at one of the addresses that it came to.
fn cut_at(sketch: &Sketch, journal: &[Event], which: u16) -> (Address, Result<Kept, CutError>) {
    let walk = walked(sketch, journal);
    let reached = walk.nodes().iter().filter(|(_, state)| state.status != Status::Waiting);
    let reached: Vec<_> = reached.map(|(address, _)| address).collect();
    let at = reached[usize::from(which) % reached.len()].clone();
    (at.clone(), cut_of(sketch, journal, &at))
}

fn cut_of(sketch: &Sketch, journal: &[Event], at: &Address) -> Result<Kept, CutError> {
    let (graph, id, set) = (&sketch.graph(), &id(), &IndexMap::new());
    let at = std::slice::from_ref(at);
    // A node of which only a part happens anew is asked for again as one that does, with the same input.
    let (inside, none) = (at, &[]);
    let part = Cut {
        from: graph,
        to: graph,
        old: id,
        new: id,
        journal,
        at: none,
        inside,
        set,
        input: None,
        parent: None,
    };
    let (part, whole) = (cut(&part), cut(&Cut { at, inside: none, ..part }));
    assert_eq!(part.map(|kept| kept.events), whole.clone().map(|kept| kept.events));
    whole
}

/// Whether the order in which nodes answer changes nothing.
fn is_orderly(pieces: &[Piece]) -> bool {
    pieces.iter().all(|piece| {
        let inside: Vec<&Vec<Piece>> = match &piece.what {
            What::Leaf(script) => return script.fails == 0 && piece.join == Join::All,
            // Who hears an event first keeps it from others.
            What::Race(_) | What::Wait(_) => return false,
            What::Switch { bodies, .. } => bodies.iter().collect(),
            What::Map { body, .. } | What::Loop { body, .. } => vec![body],
            What::Parallel { branches, .. } => branches.iter().collect(),
            What::Try { body, catch, finally } => {
                let catch = catch.iter().map(|(_, body)| body);
                std::iter::once(body).chain(catch).chain(finally).collect()
            }
        };
        piece.join == Join::All && inside.into_iter().all(|pieces| is_orderly(pieces))
    })
}

/// The state that a walk tells, of each node as the machine has it.
fn agrees_with_the_machine(walk: &Walk) {
    let run = walk.run();
    for (frame, here) in run.frames.iter().enumerate() {
        for (node, state) in here.nodes.iter().enumerate() {
            let address = run.address(At { frame, node });
            let wanted = match state.phase {
                Phase::Waiting => Status::Waiting,
                Phase::Performing | Phase::Inside => Status::Running,
                Phase::Pausing => Status::Pausing,
                Phase::Resting => Status::Resting,
                Phase::Succeeded => Status::Succeeded,
                Phase::Failed => Status::Failed,
                Phase::Cancelled => Status::Cancelled,
                Phase::Skipped => Status::Skipped,
            };
            let told = walk.nodes().get(&address);
            let status = told.map_or(Status::Waiting, |told| told.status);
            assert_eq!(status, wanted, "{address}");
            if let Some(value) = told.and_then(|told| told.value.as_ref())
                && !here.done
            {
                assert_eq!(*value, state.value, "{address}");
            }
        }
    }
}

proptest! {
    #![proptest_config(config(300))]

    #[test]
    fn walking_forward_and_back_is_folding(sketch in hurried(), order in orders(), crash in any::<u16>()) {
        let journal = World::start(&sketch).finish(&order).journal;
        let stored = 1 + usize::from(crash) % (journal.len() - 1);
        let journal = World::resume(&sketch, &journal[..stored]).finish(&order).journal;
        let mut walk = Walk::new(sketch.graph(), &id());
        let mut states: Vec<IndexMap<Address, NodeState>> = vec![IndexMap::new()];
        let mut changes: Vec<Vec<Change>> = Vec::new();
        for event in &journal {
            changes.push(walk.step(event).unwrap().changes);
            agrees_with_the_machine(&walk);
            states.push(walk.nodes().clone());
        }
        let folded = walked(&sketch, &journal[..stored]);
        prop_assert_eq!(&states[stored], folded.nodes());
        // Back to the beginning, by what each step says was there before.
        let mut now = states[journal.len()].clone();
        for (changed, before) in changes.iter().zip(&states).rev() {
            for change in changed.iter().rev() {
                prop_assert_eq!(&now[&change.address], &change.after);
                match &change.before {
                    Some(state) => drop(now.insert(change.address.clone(), state.clone())),
                    None => drop(now.shift_remove(&change.address)),
                }
            }
            prop_assert_eq!(&now, before);
        }
    }

    #[test]
    fn folding_again_gives_the_same_and_finds_what_was_changed(
        sketch in prop_oneof![hurried(), sketches()], order in orders(),
    ) {
        let (graph, id) = (sketch.graph(), id());
        let journal = World::start(&sketch).finish(&order).journal;
        let once = refold(&graph, &id, &records(&journal)).unwrap();
        let again = refold(&graph, &id, &records(&journal)).unwrap();
        prop_assert_eq!((&once.digest, once.records), (&again.digest, journal.len() as u64));
        let answers = |event: &&Event| {
            matches!(event, Event::AttemptSucceeded { .. } | Event::AttemptFailed { .. })
        };
        prop_assert_eq!(once.attempts.len(), journal.iter().filter(answers).count());
        for recorded in &once.attempts {
            prop_assert!(recorded.run == id && !recorded.set);
        }
        let mut other = journal.clone();
        let last = other.len() - 1;
        if let Event::RunFinished { outcome: Outcome::Succeeded { output } } = &mut other[last] {
            *output = Value::record([("changed", output.clone())]);
            let found = refold(&graph, &id, &records(&other));
            assert!(matches!(found, Err(Misfit::Outcome { seq, .. }) if seq == last as u64));
        }
        // An answer that is missing is found, where each of them matters.
        let answer = journal.iter().position(|event| matches!(event, Event::AttemptSucceeded { .. }));
        if let (Some(at), true) = (answer, is_orderly(&sketch.nodes) && !sketch.deadlines) {
            let other = [&journal[..at], &journal[at + 1..]].concat();
            prop_assert!(refold(&graph, &id, &records(&other)).is_err());
        }
    }
}

proptest! {
    #![proptest_config(config(200))]

    #[test]
    fn a_run_that_was_cut_anywhere_ends_as_the_reference_says(
        sketch in sketches(), order in orders(), after in orders(),
        crash in any::<u16>(), which in any::<u16>(), second in any::<u16>(),
    ) {
        let told = tell(&sketch, &BTreeSet::new());
        let journal = World::start(&sketch).finish(&order).journal;
        let stored = 1 + usize::from(crash) % (journal.len() - 1);
        let journal = World::resume(&sketch, &journal[..stored]).finish(&after).journal;
        let (at, kept) = cut_at(&sketch, &journal, which);
        let kept = match kept {
            Ok(kept) => kept,
            // Something that does not depend on the place fails the run on its own, or nothing is performed there.
            Err(CutError::NothingLeft(_)) => return Ok(()),
            Err(other) => panic!("{at}: {other}"),
        };
        assert!(matches!(kept.events.last(), Some(Event::Forked { .. })));
        let world = World::resume(&sketch, &kept.events).finish(&after);
        world.agrees(&told);
        // A fork of a fork.
        let (at, kept) = cut_at(&sketch, &world.journal, second);
        match kept {
            Ok(kept) => World::resume(&sketch, &kept.events).finish(&order).agrees(&told),
            Err(CutError::NothingLeft(_)) => {}
            Err(other) => panic!("{at}: {other}"),
        }
    }

    #[test]
    fn a_fork_that_is_answered_as_before_is_the_run(
        sketch in sketches(), order in orders(), which in any::<u16>(),
    ) {
        let journal = World::start(&sketch).finish(&order).journal;
        let whole = walked(&sketch, &journal);
        prop_assert!(compare((&whole, &journal), (&whole, &journal)).is_same());
        if !is_orderly(&sketch.nodes) {
            return Ok(());
        }
        let (at, kept) = cut_at(&sketch, &journal, which);
        let kept = match kept {
            Ok(kept) => kept.events,
            // Nothing is performed there.
            Err(CutError::NothingLeft(Outcome::Succeeded { .. })) => return Ok(()),
            Err(other) => panic!("{at}: {other}"),
        };
        let mut fork = walked(&sketch, &kept);
        // What was not kept is asked for again, in the order that it had.
        let mut left: Vec<&Event> = kept.iter().collect();
        for event in &journal {
            match left.iter().position(|kept| *kept == event) {
                Some(kept) => drop(left.remove(kept)),
                None => {
                    let again = fork.step(event);
                    again.unwrap_or_else(|error| panic!("{at}: {event:?}: {error}"));
                }
            }
        }
        assert!(matches!(left[..], [Event::Forked { .. }]), "{left:?}");
        let compared = compare((&whole, &journal), (&fork, &kept));
        prop_assert!(compared.is_same(), "{:?}", compared.nodes);
    }
}

proptest! {
    #![proptest_config(config_at_each(200))]

    #[test]
    fn a_run_fits_its_own_version_wherever_it_is(sketch in hurried(), order in orders()) {
        let mut journal = World::start(&sketch).finish(&order).journal;
        if let Event::RunStarted { input, .. } = &mut journal[0] {
            *input = Value::empty();
        }
        let graph = sketch.graph();
        for stored in 1..journal.len() {
            prop_assert_eq!(fit(&id(), &graph, &sketch.graph(), &journal[..stored]), []);
        }
    }
}
